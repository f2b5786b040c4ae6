//! What a supervisor above us (systemd) is told of us, and when: ready, alive, leaving, how the agent stands.

use std::time::Duration;

use super::supervisor::{Phase, Supervisor};
use super::time::Up;

/// A change of state is told at once, but no more often than this: an agent that flaps is no reason to keep
/// the supervisor of a whole machine busy.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Figures alone are told this often at most, and only when we are awake anyway.
const FIGURES_EVERY: Duration = Duration::from_secs(10);

/// More time to leave is asked for only where it is this much more than was promised.
const SLACK: Duration = Duration::from_secs(30);

/// When a supervisor above us is told that we are ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyAt {
    /// At once: whoever waits for us is not to wait for a cooldown.
    Start,
    /// With the first beat, or as soon as none can be awaited.
    Beat,
}

/// How the agent stands, in figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its state.
    pub phase: Phase,
    /// What a cycle usually takes, or took on average in this run.
    pub tokens: Option<u64>,
    /// Failures in a row.
    pub streak: u32,
    /// The failure that escalates.
    pub max_failures: u32,
}

/// One thing to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// We have started.
    Ready,
    /// We are about to leave.
    Stopping,
    /// That may take this long from now.
    Extend(Duration),
    /// How the agent stands.
    Status(Standing),
    /// Our loop turns.
    Alive,
}

/// What was told so far, and what is due.
#[derive(Clone, Debug)]
pub struct Outer {
    ready_at: ReadyAt,
    ready: bool,
    stopping: bool,
    /// A sign of life is given this often.
    alive_every: Option<Duration>,
    /// The next one.
    alive_at: Option<Up>,
    /// What was told of the agent last, and when.
    told: Option<(Standing, Up)>,
    /// The state has changed since then.
    changed: bool,
    /// We will have left by then, as was told.
    promised: Option<Up>,
}

impl Outer {
    /// Nothing has been told yet. A `watchdog` above us wants a sign of life within that time, and gets two.
    #[must_use]
    pub fn new(ready_at: ReadyAt, watchdog: Option<Duration>) -> Self {
        Self {
            ready_at,
            ready: false,
            stopping: false,
            alive_every: watchdog.map(|time| time / 2),
            alive_at: None,
            told: None,
            changed: false,
            promised: None,
        }
    }

    /// Looks at the agent at the end of a turn: what is to be told now.
    #[must_use]
    pub fn look(&mut self, now: Up, supervisor: &Supervisor) -> Vec<Word> {
        let mut words = Vec::new();
        let standing = supervisor.standing();
        let leaves = supervisor.leaves_by();
        if !self.ready && leaves.is_none() && self.is_ready(standing.phase, supervisor) {
            self.ready = true;
            words.push(Word::Ready);
        }
        if let Some(by) = leaves {
            if !std::mem::replace(&mut self.stopping, true) {
                words.push(Word::Stopping);
            }
            if self.promised.is_none_or(|promised| promised.plus(SLACK) <= by) {
                self.promised = Some(by);
                words.push(Word::Extend(by.since(now)));
            }
        }
        if self.wants_status(now, standing) {
            (self.told, self.changed) = (Some((standing, now)), false);
            words.push(Word::Status(standing));
        }
        if let Some(every) = self.alive_every
            && self.alive_at.is_none_or(|at| at <= now)
        {
            self.alive_at = Some(now.plus(every));
            words.push(Word::Alive);
        }
        words
    }

    /// When to look again although nothing happens.
    #[must_use]
    pub fn deadline(&self) -> Option<Up> {
        let status = self.told.filter(|_| self.changed).map(|(_, at)| at.plus(STATUS_EVERY));
        [self.alive_at, status].into_iter().flatten().min()
    }

    fn is_ready(&self, phase: Phase, supervisor: &Supervisor) -> bool {
        if self.ready_at == ReadyAt::Start || !supervisor.settings().beats {
            return true;
        }
        match phase {
            Phase::New
            | Phase::Starting
            | Phase::Running
            | Phase::Validating
            | Phase::Stopping
            | Phase::Failed
            | Phase::Leaving
            | Phase::Done => false,
            // From the pause on no beat can come for long: whoever gave up on the start would end us, and
            // with us the memory of what we wait for.
            Phase::Healthy
            | Phase::Late
            | Phase::Unhealthy
            | Phase::ShuttingDown
            | Phase::Paused
            | Phase::Cooldown
            | Phase::Parked
            | Phase::Waiting
            | Phase::Escalated => true,
        }
    }

    fn wants_status(&mut self, now: Up, standing: Standing) -> bool {
        let Some((told, at)) = self.told else { return true };
        let state = |of: Standing| (of.phase, of.streak, of.max_failures);
        self.changed = state(told) != state(standing);
        let every = if self.changed { STATUS_EVERY } else { FIGURES_EVERY };
        told != standing && every <= now.since(at)
    }
}
