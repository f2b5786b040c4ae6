//! The outboxes of a state directory: letters read, what was tried kept, receipts left.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::outbox::{Outbox, tried_beside};
use crate::store::secrets::{look_up, proof};
use crate::sys::file;
use crate::wire::letter::{LETTER_MAX, Letter, Receipt, Route, Tried, Way};
use crate::wire::plain::brief;
use crate::wire::sink::{Sink, resolve, told_apart};

use super::plan::{self, GIVE_UP, Road, Waiting};

/// Letters that are looked at in one pass; the rest has its turn after them.
const LETTERS_MAX: usize = 10_000;

/// The longest of the other files, in bytes.
const FILE_MAX: usize = 1 << 20;

/// A sink that may be used.
#[derive(Clone, Debug)]
pub struct Place {
    /// The proof of its resolved URL.
    pub proof: String,
    /// Itself.
    pub sink: Sink,
    /// What it is called: nothing that is secret, and another name than those of its like.
    pub name: String,
    /// A file of certificates to trust beside the common ones.
    pub ca_file: Option<PathBuf>,
}

/// All that waits.
#[derive(Debug, Default)]
pub struct Queue {
    /// The outboxes.
    pub outboxes: Vec<Outbox>,
    /// The letters, those of an outbox in their order.
    pub letters: Vec<Waiting>,
    /// Where each lies.
    pub paths: Vec<PathBuf>,
    /// The ways that may be used.
    pub roads: Vec<Road>,
    /// The sinks of those.
    pub places: Vec<Place>,
    /// Ways of the agent that was asked for which cannot be used, and why.
    pub blocked: Vec<(usize, Way, String)>,
    /// Outboxes whose ways nobody can read now.
    unknown: Vec<usize>,
    /// The place of each letter in the list.
    at: HashMap<OsString, usize>,
}

impl Queue {
    /// Reads all outboxes of a state directory. `agent`: whose environment this is.
    ///
    /// # Errors
    /// The state directory cannot be read.
    pub fn read(state_dir: &Path, agent: Option<&str>) -> io::Result<Self> {
        Self::read_beside(state_dir, agent, HashMap::new())
    }

    /// Takes in what has come since; true if that is anything. What was tried is as this process knows it:
    /// nobody else writes that while it has the lock.
    ///
    /// # Errors
    /// As [`Queue::read`].
    pub fn refresh(&mut self, state_dir: &Path, agent: Option<&str>) -> io::Result<bool> {
        if !self.has_news(state_dir)? {
            return Ok(false);
        }
        let paths = std::mem::take(&mut self.paths);
        let paths = paths.into_iter().map(PathBuf::into_os_string);
        let known = paths.zip(std::mem::take(&mut self.letters)).collect();
        let before = std::mem::take(&mut self.at);
        *self = Self::read_beside(state_dir, agent, known)?;
        // What is no letter and cannot be put aside is no news.
        Ok(self.paths.iter().any(|path| !before.contains_key(path.as_os_str())))
    }

    /// Whether a letter lies there that is not known here.
    ///
    /// # Errors
    /// As [`Queue::read`].
    pub fn has_news(&self, state_dir: &Path) -> io::Result<bool> {
        let mut left = LETTERS_MAX;
        for (outbox, _) in outboxes(state_dir)? {
            let mut names = outbox.letters();
            names.truncate(left);
            let is_new = |name: &String| {
                let path = outbox.dir().join(name).into_os_string();
                !self.at.contains_key(&path)
            };
            if names.iter().any(is_new) {
                return Ok(true);
            }
            left = left.saturating_sub(names.len());
        }
        Ok(false)
    }

    fn read_beside(
        state_dir: &Path,
        agent: Option<&str>,
        mut known: HashMap<OsString, Waiting>,
    ) -> io::Result<Self> {
        let mut queue = Self::default();
        for (outbox, name) in outboxes(state_dir)? {
            queue.read_outbox(outbox, agent.is_some_and(|agent| name == agent), &mut known);
        }
        queue.at = queue.paths.iter().map(|path| path.clone().into_os_string()).zip(0..).collect();
        Ok(queue)
    }

    fn read_outbox(&mut self, outbox: Outbox, own: bool, known: &mut HashMap<OsString, Waiting>) {
        let at = self.outboxes.len();
        let names = outbox.letters();
        if names.is_empty() {
            return;
        }
        for name in names {
            if LETTERS_MAX <= self.letters.len() {
                break;
            }
            let path = outbox.dir().join(name);
            if let Some(waiting) = known.remove(path.as_os_str()) {
                self.letters.push(Waiting { outbox: at, ..waiting });
                self.paths.push(path);
                continue;
            }
            match letter(&path) {
                Ok(letter) => {
                    let tried = tried(&path);
                    self.letters.push(Waiting { outbox: at, letter, tried });
                    self.paths.push(path);
                }
                Err(error) => set_aside(outbox.dir(), &path, &error),
            }
        }
        let route = file::read(&outbox.route(), FILE_MAX)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Route>(&bytes).ok());
        // It may be about to be written: the letter comes first.
        let route = route.unwrap_or_else(|| {
            self.unknown.push(at);
            Route::default()
        });
        let found: Vec<_> = route.ways.into_iter().map(|way| (found(&way), way)).collect();
        let names = told_apart(found.iter().map(|(sink, _)| sink.as_ref().ok()));
        for ((sink, way), name) in found.into_iter().zip(names) {
            self.road(at, way, sink, (name, route.ca_file.as_deref(), own));
        }
        self.outboxes.push(outbox);
    }

    /// Where a letter is in the list, if it is.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<usize> {
        self.at.get(path.as_os_str()).copied()
    }

    /// Whether nothing is left to be done about a letter: all who want it have it, or nobody does.
    #[must_use]
    pub fn is_done(&self, at: usize, now: i64) -> bool {
        self.letters.get(at).is_some_and(|waiting| {
            let old = waiting.letter.at.saturating_add(GIVE_UP) <= now;
            plan::is_done(waiting, &self.roads) && (old || !self.unknown.contains(&waiting.outbox))
        })
    }

    fn road(
        &mut self,
        outbox: usize,
        way: Way,
        sink: Result<Sink, String>,
        (name, ca_file, own): (String, Option<&str>, bool),
    ) {
        match sink {
            Ok(sink) => {
                let chat = sink.is_chat();
                if self.places.iter().all(|place| place.proof != way.proof) {
                    let ca_file = ca_file.map(PathBuf::from);
                    self.places.push(Place { proof: way.proof.clone(), sink, name, ca_file });
                }
                self.roads.push(Road { outbox, way, chat });
            }
            // Whoever has its environment will do it.
            Err(_) if !own => {
                let waiting = Road { outbox, way, chat: false };
                self.roads.push(waiting);
            }
            Err(words) => {
                self.blocked.push((outbox, way.clone(), words));
                self.roads.push(Road { outbox, way, chat: false });
            }
        }
    }

    /// The sink with this proof, if this process may use it.
    #[must_use]
    pub fn place(&self, proof: &str) -> Option<&Place> {
        self.places.iter().find(|place| place.proof == proof)
    }

    /// Keeps what was tried of a letter.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep(&self, at: usize) -> io::Result<()> {
        let (Some(path), Some(waiting)) = (self.paths.get(at), self.letters.get(at)) else {
            return Ok(());
        };
        let bytes = serde_json::to_vec(&waiting.tried).map_err(io::Error::other)?;
        file::replace(&tried_beside(path), &bytes, true)
    }

    /// Leaves a receipt for whoever writes the journal of that agent.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn receipt(&self, at: usize, receipt: &Receipt) -> io::Result<()> {
        let Some(outbox) = self.letters.get(at).and_then(|one| self.outboxes.get(one.outbox))
        else {
            return Ok(());
        };
        outbox.add_receipt(receipt)
    }

    /// Nothing is left to be done about a letter.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove(&mut self, at: usize) -> io::Result<()> {
        let Some(path) = self.paths.get(at) else { return Ok(()) };
        // One that lies there again is another one.
        if !self.at.contains_key(path.as_os_str()) {
            return Ok(());
        }
        let gone = |removed: io::Result<()>| match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        gone(fs::remove_file(path))?;
        let tried = tried_beside(path);
        self.at.remove(path.as_os_str());
        gone(fs::remove_file(tried))
    }
}

/// A way may be used by whoever resolves it to the same URL as its own supervisor.
fn found(way: &Way) -> Result<Sink, String> {
    let url = resolve(&way.url, look_up)?;
    if proof(&url) != way.proof {
        return Err("its secret is another one than when agentwatch was started".to_owned());
    }
    Sink::parse(&url)
}

/// The outboxes of a state directory, each with the name of its agent, in order.
fn outboxes(state_dir: &Path) -> io::Result<Vec<(Outbox, OsString)>> {
    let mut names: Vec<_> =
        fs::read_dir(state_dir)?.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
    names.sort();
    let all = names.into_iter().map(|name| (Outbox::new(&state_dir.join(&name)), name));
    Ok(all.collect())
}

fn letter(path: &Path) -> Result<Letter, String> {
    let bytes = file::read(path, LETTER_MAX).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| brief(&error))
}

/// What is unreadable of that is nothing: the letter is sent once more, with the same key.
fn tried(path: &Path) -> Tried {
    let bytes = file::read(&tried_beside(path), FILE_MAX).ok();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// What is no letter is put where nobody looks for one, with the reason beside it.
fn set_aside(dir: &Path, path: &Path, error: &str) {
    let aside = dir.join("unreadable");
    let Some(name) = path.file_name() else { return };
    if file::private_dir(&aside).is_ok() && fs::rename(path, aside.join(name)).is_ok() {
        let _ = fs::write(aside.join(name).with_extension("why"), format!("{error}\n"));
    }
}
