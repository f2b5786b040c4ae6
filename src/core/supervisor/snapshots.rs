//! When the state files are copied: while the agent is healthy, at a beat, and not too often (SPEC §5).

use std::mem;
use std::time::Duration;

use crate::core::beat::{Beat, Status};
use crate::core::effect::Effect;
use crate::core::fact::Fact;
use crate::core::time::Up;
use crate::core::validation::{Done, NOTHING_THERE, Task, Validation};

use super::{State, Supervisor};

/// Beats may ask for snapshots this often at most: one that asks at every turn of a quick loop would keep
/// the disk busy with nothing else.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(10);

/// After one that could not be taken the next is tried sooner than usual, by this factor: most often the
/// agent was writing just then.
const SOONER: u32 = 10;

/// Snapshots of the state files.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots {
    /// The errand that takes one now, and until when it may.
    running: Option<(u32, Up)>,
    /// When one was begun last.
    begun: Option<Up>,
    /// A beat asked for one that could not be begun then.
    wanted: bool,
    /// Why the last one could not be taken, if it could not.
    trouble: Option<String>,
    /// There was nothing to be copied yet.
    nothing_yet: bool,
    /// The number of the last errand of any kind.
    last_number: u32,
}

impl Snapshots {
    /// In an earlier life none could be taken.
    pub(super) fn were_in_trouble(&mut self) {
        self.trouble = Some("could not be taken before".to_owned());
    }
}

impl Supervisor {
    /// A number that no errand had.
    pub(super) fn next_errand(&mut self) -> u32 {
        let snapshots = &mut self.snapshots;
        snapshots.last_number = snapshots.last_number.wrapping_add(1);
        snapshots.last_number
    }

    /// A beat came: begins a snapshot if one is due.
    pub(super) fn consider_snapshot(&mut self, beat: &Beat, out: &mut Vec<Effect>) {
        let Some(validation) = self.settings.validation.filter(|how| how.files) else { return };
        let State::Live(child) = &self.state else { return };
        // Who is not well may be writing what should not be kept.
        if child.announced.is_some() || beat.status == Status::Error {
            return;
        }
        let incarnation = child.incarnation;
        self.snapshots.wanted |= beat.checkpoint;
        if self.snapshots.running.is_some() || !self.is_due(validation) {
            return;
        }
        let number = self.next_errand();
        let until = self.now.up.plus(validation.errand_timeout);
        self.snapshots.running = Some((number, until));
        self.snapshots.begun = Some(self.now.up);
        self.snapshots.wanted = false;
        out.push(Effect::Errand { number, task: Task::Snapshot { incarnation } });
    }

    fn is_due(&self, how: Validation) -> bool {
        let now = self.now;
        let since_begun = self.snapshots.begun.map(|begun| now.up.since(begun));
        if self.snapshots.wanted {
            return since_begun.is_none_or(|since| CHECKPOINT_EVERY <= since);
        }
        let soon = self.snapshots.trouble.is_some() || self.snapshots.nothing_yet;
        let every = if soon { how.snapshot_every / SOONER } else { how.snapshot_every };
        if let Some(since) = since_begun {
            return every <= since;
        }
        // The first in this life: the life before may have taken one just now. By a clock that was set
        // back the last one lies ahead, and says nothing.
        self.memory.custody.snapshot_ms.is_none_or(|last| {
            let since = now.wall.0.saturating_sub(last);
            u64::try_from(since).map_or(true, |since| every <= Duration::from_millis(since))
        })
    }

    /// True if that was the errand of a snapshot.
    pub(super) fn snapshot_done(
        &mut self,
        number: u32,
        done: &Done,
        out: &mut Vec<Effect>,
    ) -> bool {
        if self.snapshots.running.is_none_or(|(own, _)| own != number) {
            return false;
        }
        self.snapshots.running = None;
        // An agent that begins from nothing writes its first file some time after its first beat. If there
        // is still none at the next try, a path may be wrong.
        let yet = *done == Done::NothingThere && self.memory.custody.snapshot_ms.is_none();
        if yet && !mem::replace(&mut self.snapshots.nothing_yet, true) {
            return true;
        }
        let trouble = match done {
            Done::Taken(taken) => {
                self.memory.custody.snapshot_ms = Some(self.now.wall.0);
                self.snapshots.nothing_yet = false;
                self.persist(out);
                if !taken.unchanged {
                    out.push(Effect::Record(Fact::SnapshotTaken(taken.clone())));
                }
                None
            }
            Done::NotValid(checked) => Some(match checked.faults.first() {
                Some(fault) => format!("{}: {}", fault.path, fault.words),
                None => "the state is not valid".to_owned(),
            }),
            Done::NothingThere => Some(NOTHING_THERE.to_owned()),
            Done::Failed { error } => Some(error.clone()),
            Done::Checked(_)
            | Done::Restored(_)
            | Done::NoSet { .. }
            | Done::Quarantined { .. }
            | Done::PutBack => Some("answered something else than was asked".to_owned()),
        };
        self.snapshot_trouble(trouble, out);
        true
    }

    /// Says once that none can be taken, and once that they can again: the place may differ each time.
    fn snapshot_trouble(&mut self, trouble: Option<String>, out: &mut Vec<Effect>) {
        match (&self.snapshots.trouble, &trouble) {
            (None, Some(reason)) => {
                let reason = reason.clone();
                out.push(Effect::Record(Fact::SnapshotFailed { reason }));
            }
            (Some(_), None) => {
                out.push(Effect::Record(Fact::SnapshotWorks));
            }
            (None, None) | (Some(_), Some(_)) => {}
        }
        self.snapshots.trouble = trouble;
    }

    /// When a snapshot has taken too long.
    pub(super) fn snapshot_deadline(&self) -> Option<Up> {
        self.snapshots.running.map(|(_, until)| until)
    }

    /// Gives up a snapshot that takes too long.
    pub(super) fn tick_snapshot(&mut self, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let Some((number, began)) = self
            .snapshots
            .running
            .filter(|(_, until)| *until <= now)
            .map(|(number, _)| (number, self.snapshots.begun.unwrap_or(now)))
        else {
            return;
        };
        self.snapshots.running = None;
        out.push(Effect::DropErrand { number });
        let trouble = format!("not done after {}s", now.since(began).as_secs());
        self.snapshot_trouble(Some(trouble), out);
    }

    /// What is being copied now is about to be checked, and maybe replaced.
    pub(super) fn drop_snapshot(&mut self, out: &mut Vec<Effect>) {
        if let Some((number, _)) = self.snapshots.running.take() {
            out.push(Effect::DropErrand { number });
        }
    }
}
