//! The state files of the simulated agent: torn when it dies, copied, put back, and asked about by a hook.

use std::collections::BTreeMap;
use std::time::Duration;

use agentwatch::core::ending::Ending;
use agentwatch::core::event::Event;
use agentwatch::core::signal::Signal;
use agentwatch::core::time::Up;
use agentwatch::core::validation::{
    Checked, Cut, Done, Fault, FaultKind, HookEnd, Restored, Taken, Task, Validation,
};

use crate::agent::Strays;
use crate::rng::Rng;
use crate::run::fail;
use crate::world::World;

/// More snapshots than this are not kept.
const KEEP: usize = 3;

/// What a crash leaves.
const BREAKS: [Option<FaultKind>; 6] = [
    None,
    Some(FaultKind::TornEnd),
    Some(FaultKind::TornEnd),
    Some(FaultKind::Corrupt),
    Some(FaultKind::Empty),
    Some(FaultKind::Missing),
];

/// What the files hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Content {
    /// What is wrong with them.
    fault: Option<FaultKind>,
    /// The hook does not like them.
    disliked: bool,
}

/// The files, the snapshots, and who is at work on them.
#[derive(Clone, Debug, Default)]
pub struct Files {
    now: Content,
    sets: Vec<(String, Content)>,
    made: u32,
    quarantine: BTreeMap<String, Content>,
    /// A set that is half put in place.
    pending: Option<String>,
    /// The errand that is out; it answers then, if ever.
    errand: Option<(u32, Task, Option<Up>)>,
    /// The hook that runs; it ends then, if ever.
    hook: Option<(u32, Option<Up>, i32)>,
    /// The hook has said yes since the last start, or all it could dislike was moved away.
    approved: bool,
    /// Starts in this life of agentwatch.
    pub starts: u32,
    /// From now on nothing breaks any more.
    pub kind: bool,
    pub restores: u64,
    pub snapshots: u64,
    pub hooks: u64,
}

impl Files {
    /// When something happens to them by itself.
    pub fn next(&self) -> Option<Up> {
        let errand = self.errand.as_ref().and_then(|(_, _, due)| *due);
        let hook = self.hook.as_ref().and_then(|(_, due, _)| *due);
        errand.into_iter().chain(hook).min()
    }

    /// The agent died, maybe in the middle of a write.
    pub fn tear(&mut self, rng: &mut Rng) {
        if self.kind || !rng.one_in(3) {
            return;
        }
        self.now.fault = rng.pick(&BREAKS);
        if rng.one_in(20) {
            self.now.fault = Some(FaultKind::Unreadable);
        }
        self.now.disliked |= rng.one_in(3);
    }

    /// A human has looked after them.
    pub fn mend(&mut self) {
        if self.errand.is_none() && self.hook.is_none() {
            self.now = Content::default();
        }
    }

    /// The process that is out dies.
    pub fn drop_errand(&mut self, rng: &mut Rng) {
        let Some((_, task, _)) = self.errand.take() else { return };
        if let Task::Restore { before, not, .. } = task
            && rng.one_in(2)
            && let Some((set, _)) = self.choose(before.as_deref(), &not)
        {
            self.pending = Some(set);
            self.now.fault = Some(FaultKind::Corrupt);
        }
    }

    /// agentwatch died, and all that it had sent with it.
    pub fn crash(&mut self, rng: &mut Rng) -> Option<Strays> {
        self.drop_errand(rng);
        self.starts = 0;
        let (incarnation, _, _) = self.hook.take()?;
        rng.one_in(3).then(|| Strays::new(rng, incarnation))
    }

    fn choose(&self, before: Option<&str>, not: &[String]) -> Option<(String, Content)> {
        let fits = |(set, content): &&(String, Content)| {
            before.is_none_or(|before| set.as_str() < before)
                && !not.contains(set)
                && content.fault.is_none()
        };
        self.sets.iter().rev().find(fits).cloned()
    }

    fn put(&mut self, (set, content): (String, Content)) -> Restored {
        self.made += 1;
        let quarantine = format!("q{:08}", self.made);
        self.quarantine.insert(quarantine.clone(), std::mem::replace(&mut self.now, content));
        self.restores += 1;
        let quarantine = Some(quarantine);
        Restored { set, age_ms: 1, files: 1, quarantine, unfit: Vec::new() }
    }

    fn check(&mut self, repair: bool) -> Checked {
        let mut checked = Checked { valid: 1, bytes: 10, ..Checked::default() };
        if let Some(set) = self.pending.take() {
            let content = self.sets.iter().find(|(name, _)| *name == set).map(|(_, one)| *one);
            checked.finished = Some(self.put((set, content.unwrap_or_default())));
        }
        let path = || "/m".to_owned();
        if repair && self.now.fault == Some(FaultKind::TornEnd) && self.made.is_multiple_of(2) {
            self.now.fault = None;
            checked.cut.push(Cut { path: path(), offset: 5, bytes: 2 });
        }
        if let Some(fault) = self.now.fault {
            let words = "wrong".to_owned();
            checked.faults.push(Fault { path: path(), fault, offset: None, words });
        }
        checked
    }

    fn perform(&mut self, task: Task) -> Done {
        match task {
            Task::Check { repair } => Done::Checked(self.check(repair)),
            Task::Snapshot { .. } => {
                let checked = self.check(false);
                if !checked.faults.is_empty() {
                    return Done::NotValid(checked);
                }
                self.made += 1;
                self.snapshots += 1;
                let set = format!("s{:08}", self.made);
                self.sets.push((set.clone(), self.now));
                let surplus = self.sets.len().saturating_sub(KEEP);
                self.sets.drain(..surplus);
                Done::Taken(Taken { set, files: 1, bytes: 1, unchanged: false, apart: false })
            }
            Task::Restore { before, not, .. } => match self.choose(before.as_deref(), &not) {
                Some(set) => Done::Restored(self.put(set)),
                None => Done::NoSet { sets: 0, unfit: Vec::new() },
            },
            Task::Quarantine { paths, .. } => {
                self.made += 1;
                let quarantine = format!("q{:08}", self.made);
                self.quarantine.insert(quarantine.clone(), std::mem::take(&mut self.now));
                self.approved = true;
                Done::Quarantined { quarantine: Some(quarantine), paths }
            }
            Task::PutBack { quarantine } => {
                self.now = self.quarantine.get(&quarantine).copied().unwrap_or_default();
                Done::PutBack
            }
        }
    }

    /// What is wrong with a start now, if anything.
    pub fn forbids(&mut self, how: Option<&Validation>, again: bool) -> Option<String> {
        let again = again || 0 < self.starts;
        self.starts += 1;
        let approved = std::mem::take(&mut self.approved);
        let how = how.filter(|how| how.on_start || again)?;
        if let Some((_, task, _)) = &self.errand {
            return Some(format!("started during {task:?}"));
        }
        if self.hook.is_some() {
            return Some("started while the hook ran".to_owned());
        }
        if how.files && (self.now.fault.is_some() || self.pending.is_some()) {
            return Some(format!("started on {:?}, half restored: {:?}", self.now, self.pending));
        }
        (how.hook && !approved).then(|| "started without the word of the hook".to_owned())
    }
}

impl World {
    /// Sends a process on an errand.
    pub fn errand(&mut self, number: u32, task: Task) {
        if self.files.errand.is_some() {
            fail(0, "two errands at once");
        }
        let now = self.now.up;
        let hangs = !self.files.kind && self.rng.one_in(40);
        // What may be interrupted takes long enough that it is.
        let most = if matches!(task, Task::Restore { .. }) { 400 } else { 5 };
        let due = (!hangs).then(|| now.plus(self.rng.secs(0, most)));
        self.files.errand = Some((number, task, due));
    }

    /// Starts the hook.
    pub fn hook(&mut self, incarnation: u32) {
        let now = self.now.up;
        self.files.hooks += 1;
        if !self.files.kind && self.rng.one_in(40) {
            let end = HookEnd { ending: Err("no".to_owned()), output: Vec::new() };
            self.step(Event::HookEnded { incarnation, end: Box::new(end) });
            return;
        }
        let hangs = !self.files.kind && self.rng.one_in(20);
        let due = (!hangs).then(|| now.plus(self.rng.secs(0, 30)));
        let code = i32::from(self.files.now.disliked);
        self.files.hook = Some((incarnation, due, code));
        self.step(Event::HookStarted { incarnation, pid: 3, start_time: None });
    }

    /// The hook gets a KILL; true if it is there.
    pub fn kill_hook(&mut self, incarnation: u32) -> bool {
        let now = self.now.up;
        let slow = self.rng.one_in(100);
        match &mut self.files.hook {
            Some((of, due, code)) if *of == incarnation => {
                // Stuck in the kernel for a while.
                let dies = if slow { now.plus(Duration::from_secs(25)) } else { now };
                *due = Some(due.map_or(dies, |due| due.min(dies)));
                *code = -1;
                true
            }
            _ => false,
        }
    }

    /// What is done by now is told.
    pub fn tell_files(&mut self) {
        let now = self.now.up;
        if let Some((_, _, Some(due))) = &self.files.errand
            && *due <= now
            && let Some((number, task, _)) = self.files.errand.take()
        {
            let fails = !self.files.kind && self.rng.one_in(50);
            let done = if fails {
                Done::Failed { error: "no".to_owned() }
            } else {
                self.files.perform(task)
            };
            self.step(Event::ErrandDone { number, done: Box::new(done) });
        }
        if let Some((_, Some(due), _)) = &self.files.hook
            && *due <= now
            && let Some((incarnation, _, code)) = self.files.hook.take()
        {
            if self.strays.is_none() && self.rng.one_in(4) {
                self.strays = Some(Strays::new(&mut self.rng, incarnation));
            }
            self.files.approved = code == 0;
            let ending = match code {
                -1 => Ending::Signal { signal: Signal::KILL, core: false },
                code => Ending::Exit { code },
            };
            let end = HookEnd { ending: Ok(ending), output: Vec::new() };
            self.step(Event::HookEnded { incarnation, end: Box::new(end) });
        }
    }
}
