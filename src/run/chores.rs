//! What can wait for a quiet moment: writing down what changed, the control socket, the watch for kills
//! for want of memory. A child that is done at once never waits for any of it.

use std::time::Duration;

use crate::core::effect::Effect;
use crate::core::event::{Event, Kept};
use crate::core::fact::Fact;
use crate::store::journal::Journal;
use crate::store::memory;
use crate::sys::lock::{Lock, LockError};
use crate::sys::oom::OomWatch;
use crate::sys::{file, host};

use super::Shell;

/// What is still to be done.
#[expect(clippy::struct_excessive_bools, reason = "each is about something else")]
#[derive(Debug, Default)]
pub struct Chores {
    /// Something was recorded that is not in the journal yet.
    unwritten: bool,
    /// Among it is more than the word that agentwatch began.
    weighty: bool,
    /// The memory has changed; `true`: it is to be written down to the platter.
    unsaved: Option<bool>,
    /// The socket and the watch are there.
    settled: bool,
    /// There was something more urgent the last time.
    put_off: bool,
}

impl Shell {
    /// Does what waits, if nothing is more urgent, or was put off for it once already.
    pub(super) fn do_chores(&mut self, quiet: bool) {
        if !quiet && !std::mem::replace(&mut self.chores.put_off, true) {
            return;
        }
        self.chores.put_off = false;
        self.keep_home();
        self.write_journal();
        self.post_letters();
        self.save();
        if !std::mem::replace(&mut self.chores.settled, true) {
            self.open_control();
            self.clear_roads();
            self.oom = Some(OomWatch::begin());
            host::give_back_code();
        }
    }

    /// How long nothing else must happen before chores are done: a child that is done within a moment is
    /// spared all of them, at the price of one wake-up in the life of every agentwatch.
    pub(super) fn patience(&self) -> Duration {
        /// Longer than the shortest commands take, shorter than anybody notices.
        const FIRST: Duration = Duration::from_millis(2);
        if self.chores.settled { Duration::ZERO } else { FIRST }
    }

    /// Whether anything waits.
    pub(super) fn has_chores(&self) -> bool {
        self.chores.unwritten || self.chores.unsaved.is_some() || !self.chores.settled
    }

    /// The memory has changed. Written once for all that changes in a row; what is recorded meanwhile the
    /// next life learns from the journal.
    pub(super) fn is_unsaved(&mut self, sync: bool) {
        self.chores.unsaved = Some(sync || self.chores.unsaved == Some(true));
    }

    /// Keeps a fact for the journal.
    pub(super) fn note(&mut self, fact: &Fact) {
        let Some(journal) = &mut self.journal else { return };
        match journal.note(&self.now, fact) {
            Ok(()) => {
                self.chores.unwritten = true;
                self.chores.weighty |= !matches!(fact, Fact::SupervisorStarted { .. });
            }
            Err(error) => self.step(Event::StoreFailed { what: Kept::Journal, error }),
        }
    }

    /// What must be on disk before a child is started: that it is (SPEC rule 2), and how the one before
    /// it ended (rule 4).
    pub(super) fn before_start(&mut self) {
        self.keep_home();
        if self.chores.weighty {
            self.write_journal();
        }
        self.save();
    }

    /// What must be on disk before agentwatch is stopped.
    pub(super) fn before_suspending(&mut self) {
        self.write_journal();
        self.save();
    }

    /// What must be on disk before agentwatch leaves; nothing is done after that.
    pub(super) fn before_leaving(&mut self) {
        self.write_journal();
        self.save();
        // That this was not possible is all that can still follow, and is said.
        for effect in std::mem::take(&mut self.effects) {
            if let Effect::Record(fact) = effect {
                self.record(&fact);
            }
        }
        self.write_journal();
    }

    /// Goes back to where the agent's folder should be, if somebody has removed it or moved it away: with a
    /// lock and a journal that nobody finds there, another agentwatch would start a second child.
    fn keep_home(&mut self) {
        // Nobody is that quick, and every launch would pay for the question.
        if !self.chores.settled {
            return;
        }
        let path = self.paths.lock();
        if self.plan.lock.as_ref().map_or(true, |lock| lock.is_at(&path)) {
            return;
        }
        if let Some(journal) = &mut self.journal {
            journal.close();
        }
        self.is_unsaved(self.supervisor.memory().is_grave());
        // Where this fails, writing there will, too, and is told.
        let _ = file::private_dir(self.paths.dir());
        match Lock::retake(&path) {
            Ok(lock) => self.plan.lock = Ok(lock),
            Err(error @ LockError::Held { .. }) => {
                // From now on that one writes here.
                let error = format!("{}: {error}", path.display());
                self.plan.lock = Err(error.clone());
                self.journal = None;
                self.step(Event::StoreFailed { what: Kept::State, error });
            }
            Err(LockError::Io(_)) => {}
        }
    }

    /// Writes what was recorded.
    fn write_journal(&mut self) {
        if !std::mem::take(&mut self.chores.unwritten) {
            return;
        }
        self.chores.weighty = false;
        let what = Kept::Journal;
        match self.journal.as_mut().map(|journal| journal.flush(&self.now)) {
            None => {}
            Some(Ok(())) => self.step(Event::StoreWorks { what }),
            Some(Err(error)) => {
                // Tried again whenever agentwatch is awake, as below.
                (self.chores.unwritten, self.chores.weighty) = (true, true);
                self.step(Event::StoreFailed { what, error });
            }
        }
    }

    /// Writes the memory, if it has changed.
    fn save(&mut self) {
        let Some(sync) = self.chores.unsaved.take() else { return };
        // Without the lock another agentwatch may be the one who writes here.
        if self.plan.lock.is_err() {
            return;
        }
        let what = Kept::State;
        self.identity.journal_seq = self.journal.as_ref().map_or(0, Journal::seq);
        match memory::save(&self.paths, &self.identity, self.supervisor.memory(), sync) {
            Ok(()) => self.step(Event::StoreWorks { what }),
            Err(error) => {
                // Tried again whenever agentwatch is awake: the next change may be months away.
                self.chores.unsaved = Some(sync);
                self.step(Event::StoreFailed { what, error });
            }
        }
    }
}
