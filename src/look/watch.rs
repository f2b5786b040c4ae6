//! One agent, watched: its files are asked whether they have changed, and only what is new is read.

use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::core::cost::ledger::Ledger;
use crate::core::memory::Memory;
use crate::core::time::{LocalDay, Now, Wall};
use crate::report::happened::Happened;
use crate::report::spend;
use crate::report::status::{Known, Status, Supervised, status};
use crate::report::view::View;
use crate::store::outbox::Outbox;
use crate::store::paths::Paths;
use crate::store::{memory, read};
use crate::sys::lock::{self, Probe};
use crate::wire::record::{self, Record};
use crate::wire::stamp;
use crate::wire::state::Identity;
use crate::wire::words;

use super::Agent;

/// How much of a journal's end is read where all agents are shown, in bytes: two hundred of them must be
/// there before anybody notices, and fifty lines tell what there is to tell.
pub const GLANCE: u64 = 8 * 1024;

/// The same where an agent was named, for the longest gap of some hours.
pub const LOOK: u64 = 1024 * 1024;

/// The same where a glance told nothing of the state.
pub const DEEPER: u64 = 256 * 1024;

/// Events of an agent that are kept: more than fit on any screen.
const EVENTS_MAX: usize = 200;

/// Day files of which it is asked whether they grow: today's, yesterday's, and two of a clock elsewhere.
const FILES: usize = 4;

/// Looks after which the day files are listed in any case: the folder's time stamp may be too coarse.
const LOOKS: u32 = 10;

/// Who was not looked at for this long, in ms, is read anew: what is new may be more than its end.
const STALE_MS: i64 = 60_000;

/// What tells whether a file is what it was: its place, its length, its last change.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

fn stamp(path: &Path) -> Stamp {
    let found = fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
}

/// An agent that is looked at.
#[derive(Debug)]
pub struct Watch {
    agent: Agent,
    paths: Paths,
    supervised: Supervised,
    lock_error: Option<String>,
    state: Option<(Identity, Memory)>,
    state_stamp: Option<Stamp>,
    state_error: Option<String>,
    journal: Journal,
    /// What it uses, with what was recorded since the state was written, up to this number.
    ledger: Option<(Ledger, u64)>,
}

/// The end of a journal, as it goes on.
#[derive(Debug)]
struct Journal {
    dir: PathBuf,
    listed: Option<Stamp>,
    looks: u32,
    files: Vec<(PathBuf, Stamp)>,
    /// How much of its end was read.
    bytes: u64,
    /// When it was last looked at.
    looked: Wall,
    view: View,
    /// The number of the last record that is in the view.
    seq: u64,
    events: VecDeque<Happened>,
    newest: Option<LocalDay>,
    error: Option<String>,
}

impl Watch {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(agent: Agent) -> Self {
        let paths = agent.paths();
        let dir = paths.journal();
        Self {
            agent,
            paths,
            supervised: Supervised::ByNobody,
            lock_error: None,
            state: None,
            state_stamp: None,
            state_error: None,
            journal: Journal::new(dir),
            ledger: None,
        }
    }

    /// Whom it watches.
    #[must_use]
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Reads what has changed; of a journal that was not read before its last `bytes`. What cannot be read
    /// is said by [`Self::status`].
    pub fn refresh(&mut self, bytes: u64, now: &Now) {
        (self.supervised, self.lock_error) = match lock::probe(&self.paths.lock()) {
            Ok(Probe::HeldBy(pid)) => (Supervised::By(pid), None),
            Ok(Probe::Free | Probe::Missing) => (Supervised::ByNobody, None),
            Err(error) => {
                let words = format!("{}: {error}", self.paths.lock().display());
                (Supervised::ByNobody, Some(words))
            }
        };
        let stamp = stamp(&self.paths.state());
        if self.state_stamp != Some(stamp) {
            self.state_stamp = Some(stamp);
            (self.state, self.state_error) = match memory::look(&self.paths) {
                Ok(state) => (state, None),
                Err(error) => (None, Some(format!("{}: {error}", self.paths.state().display()))),
            };
            if self.ledger.take().is_some() {
                self.reckon();
            }
        }
        let ledger = &mut self.ledger;
        self.journal.refresh(bytes, now, &mut |record| {
            if let (Some((ledger, known)), Some(fact)) = (ledger.as_mut(), &record.fact)
                && *known < record.seq
            {
                ledger.relearn(record.ts, fact);
                *known = record.seq;
            }
        });
    }

    /// Reads more of the end of its journal, if that is not whole and was not done.
    pub fn deepen(&mut self, bytes: u64, now: &Now) {
        if self.journal.bytes < bytes {
            self.journal.read_anew(bytes, now);
        }
    }

    /// Works out what it uses, from its state and what was recorded since; later it keeps count. Of a heavy
    /// agent that may be an hour of records.
    pub fn reckon(&mut self) {
        let Some((identity, memory)) = &self.state else { return };
        let mut ledger = memory.ledger.clone();
        let mut known = identity.journal_seq;
        if let Ok(news) = read::since(&self.journal.dir, known) {
            for record in &news.records {
                if let Some(fact) = &record.fact {
                    ledger.relearn(record.ts, fact);
                }
                known = known.max(record.seq);
            }
        }
        self.ledger = Some((ledger, known));
    }

    /// Whether [`Self::reckon`] has worked.
    #[must_use]
    pub fn is_reckoned(&self) -> bool {
        self.ledger.is_some() || self.state.is_none()
    }

    /// What it uses, if that was [worked out](Self::reckon).
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref().map(|(ledger, _)| ledger)
    }

    /// What its last life left, if it can be read.
    #[must_use]
    pub fn memory(&self) -> Option<&Memory> {
        self.state.as_ref().map(|(_, memory)| memory)
    }

    /// What happened, but for its beats, the newest last.
    #[must_use]
    pub fn events(&self) -> &VecDeque<Happened> {
        &self.journal.events
    }

    /// Tokens of its last cycles, the newest last.
    #[must_use]
    pub fn recent_tokens(&self) -> Vec<u64> {
        self.journal.view.recent.iter().copied().collect()
    }

    /// Where it stands at `now`. `options` is what a command for it needs besides its name.
    #[must_use]
    pub fn status(&self, options: &str, now: &Now) -> Status {
        let known = Known {
            name: &self.agent.name,
            state: self.state.as_ref().map(|(identity, memory)| (identity, memory)),
            supervised: self.supervised,
            options,
        };
        let journal = &self.journal;
        let mut status = status(&known, &journal.view, now.wall);
        status.spend = self.ledger().map(|ledger| spend::spend(ledger, now.wall));
        status.state_dir = self.agent.state_dir.display().to_string();
        let errors = [&self.lock_error, &self.state_error, &journal.error];
        let errors: Vec<&str> = errors.into_iter().filter_map(Option::as_deref).collect();
        status.error = (!errors.is_empty()).then(|| errors.join("; "));
        status.notes.extend(undelivered(&self.agent));
        let refused = journal.view.refused.iter().map(|(sink, (at, error))| {
            let (name, since) = (&self.agent.name, stamp::utc(*at));
            format!("{name}: no alert arrives at {sink} since {since}: {error}")
        });
        status.notes.extend(refused);
        let ahead = journal.newest.filter(|day| day.is_ahead_of(now.day));
        status.notes.extend(ahead.map(|day| words::journal_ahead(&self.agent.name, day)));
        status
    }
}

/// The letters that wait, and why, in words.
fn undelivered(agent: &Agent) -> Option<String> {
    let waiting = Outbox::new(agent.paths().dir()).waiting()?;
    let letters = words::count(u64::try_from(waiting.letters).unwrap_or(0), "letter");
    let verb = if waiting.letters == 1 { "waits" } else { "wait" };
    let why: Vec<String> =
        waiting.failing.iter().map(|(sink, error)| format!("{sink}: {error}")).collect();
    let why = if why.is_empty() { String::new() } else { format!(": {}", why.join("; ")) };
    Some(format!("{}: {letters} {verb} to be delivered{why}", agent.name))
}

impl Journal {
    fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            listed: None,
            looks: 0,
            files: Vec::new(),
            bytes: 0,
            looked: Wall(0),
            view: View::default(),
            seq: 0,
            events: VecDeque::new(),
            newest: None,
            error: None,
        }
    }

    fn refresh(&mut self, bytes: u64, now: &Now, on: &mut dyn FnMut(&Record)) {
        // Asked before it is read: what is written meanwhile is seen as a change the next time.
        let changed = self.has_changed();
        let stale = (now.wall.0 - self.looked.0).abs() > STALE_MS;
        self.looked = now.wall;
        if self.bytes == 0 || (changed && stale) {
            self.read_anew(self.bytes.max(bytes), now);
        } else if changed {
            self.go_on(now, on);
        }
    }

    /// Whether anything was written, by what the system says of the files.
    fn has_changed(&mut self) -> bool {
        let folder = stamp(&self.dir);
        let mut changed = false;
        self.looks += 1;
        if self.listed != Some(folder) || LOOKS <= self.looks {
            self.listed = Some(folder);
            self.looks = 0;
            let days = read::days(&self.dir).unwrap_or_default();
            let newest = days.into_iter().rev().take(FILES).map(|(_, path)| path);
            let known = std::mem::take(&mut self.files);
            let before = |path: &PathBuf| known.iter().find(|(other, _)| other == path);
            self.files = newest
                .map(|path| {
                    let stamp = before(&path).and_then(|(_, stamp)| *stamp);
                    (path, stamp)
                })
                .collect();
            // That another one is the newest is news, also if what was there is gone.
            let newest = |files: &[(PathBuf, Stamp)]| files.first().map(|(path, _)| path.clone());
            changed = newest(&known) != newest(&self.files);
        }
        for (path, known) in &mut self.files {
            let stamp = stamp(path);
            changed |= *known != stamp;
            *known = stamp;
        }
        changed
    }

    fn read_anew(&mut self, bytes: u64, now: &Now) {
        self.looked = now.wall;
        self.fold(bytes, now.day);
        let (told, whole) = (!self.view.state.is_empty(), self.view.is_whole());
        if !told && !whole && bytes < DEEPER {
            self.fold(DEEPER, now.day);
        }
    }

    fn fold(&mut self, bytes: u64, today: LocalDay) {
        let end = read::end(&self.dir, bytes, today);
        self.bytes = bytes;
        (self.newest, self.error) = (end.newest, end.error);
        (self.view, self.seq) = (View::new(end.whole), 0);
        self.events.clear();
        for line in end.parts.iter().flat_map(|part| part.split_inclusive(|byte| *byte == b'\n')) {
            // The head of a line that is being written is there before the rest.
            if line.last() != Some(&b'\n') && !record::is_whole(line) {
                continue;
            }
            let line = line.trim_ascii_end();
            self.view.line(line);
            let Some(head) = record::head(line) else { continue };
            self.seq = self.seq.max(head.seq);
            if head.event != "beat"
                && let Some(record) = record::read(line)
            {
                self.happened(&record);
            }
        }
    }

    /// Takes what was written since; a journal that was made anew is read as one.
    fn go_on(&mut self, now: &Now, on: &mut dyn FnMut(&Record)) {
        let news = match read::since(&self.dir, self.seq) {
            Ok(news) if self.seq <= news.seq => news,
            Ok(_) | Err(_) => return self.read_anew(self.bytes, now),
        };
        (self.newest, self.seq) = (news.newest, news.seq);
        for record in &news.records {
            on(record);
            if let Some(fact) = &record.fact {
                self.view.learn(record.ts, fact);
            }
            self.happened(record);
        }
    }

    fn happened(&mut self, record: &Record) {
        let Some(happened) = Happened::of(record) else { return };
        if EVENTS_MAX <= self.events.len() {
            self.events.pop_front();
        }
        self.events.push_back(happened);
    }
}

#[cfg(test)]
mod tests;
