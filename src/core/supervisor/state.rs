//! The states of an agent, each with what only it needs: no pulse outlives its child, the latch has no
//! timer.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::beat::{Status, Turn};
use crate::core::cost::budget::Budget;
use crate::core::cost::limits::Action;
use crate::core::cost::sign::SignKind;
use crate::core::cost::signs::Signs;
use crate::core::fact::{FinishedWhy, StopBy};
use crate::core::memory::DelayWhy;
use crate::core::progress::Progress;
use crate::core::pulse::Pulse;
use crate::core::sweep::Sweep;
use crate::core::time::{Boot, Now, Up};

use super::alerting::Leaving;
use super::validating::Validating;

/// A child, from the decision to start it to its end.
#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) incarnation: u32,
    pub(super) started: Now,
    /// False between the decision and the word that it runs.
    pub(super) spawned: bool,
    pub(super) pulse: Pulse,
    pub(super) progress: Progress,
    /// A first beat is demanded within this time.
    pub(super) first_limit: Option<Duration>,
    /// Unbroken health since then.
    pub(super) healthy_since: Option<Up>,
    /// The last beat; where progress is asked for, the last that told some.
    pub(super) last_beat: Option<Up>,
    /// When its output counted as a beat last.
    pub(super) output_at: Option<Up>,
    /// When it announced its shutdown.
    pub(super) announced: Option<Up>,
    /// When it was looked at in its silence, and the CPU time of its tree then.
    pub(super) looked: Option<(Up, u64)>,
    /// When its memory was looked at last, and how long it is left alone after that.
    pub(super) measured: Option<(Up, Duration)>,
    /// The signals that were passed on to it, one bit each.
    pub(super) passed: u64,
    /// The word of its last beat.
    pub(super) status: Option<Status>,
    /// Its output is read by a preset.
    pub(super) read: bool,
    /// Where it stands in its work, as that preset knows.
    pub(super) turn: Option<Turn>,
    /// Its last beat said that another start makes no sense before then.
    pub(super) retry_at: Option<Boot>,
    /// A human wants it started anew at its next beat.
    pub(super) restart_at_beat: bool,
    /// A run may not last longer.
    pub(super) run_until: Option<Up>,
    /// What its last beats hint at.
    pub(super) signs: Signs,
}

impl Child {
    /// For how long its health is proven: up to the last beat, for silence proves nothing. Where no
    /// beat is expected, alive is healthy.
    pub(super) fn healthy_for(&self, now: Up) -> Duration {
        let until = match (self.last_beat, self.first_limit) {
            (Some(beat), _) => Some(beat),
            (None, None) => Some(now),
            (None, Some(_)) => None,
        };
        until.zip(self.healthy_since).map_or(Duration::ZERO, |(until, since)| until.since(since))
    }

    /// Time in which we could not hear it is no proof of its health.
    pub(super) fn unproven(&mut self, gap: Duration) {
        self.healthy_since = self.healthy_since.map(|since| since.plus(gap));
        self.last_beat = self.last_beat.map(|beat| beat.plus(gap));
    }
}

/// Why a child is being stopped, and what follows its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopCause {
    /// Nothing but the request.
    Requested,
    /// It was silent for this long.
    Silent(Duration),
    /// Its beats came, but its cycle had stood still for this long.
    Stalled(Duration),
    /// It sent no first beat for this long.
    NoFirstBeat(Duration),
    /// Its announced shutdown overran.
    ShutdownOverrun,
    /// It ran for longer than this.
    MaxRun(Duration),
    /// A human wants it started anew.
    Restart,
    /// It said itself that it hangs.
    Triggered,
    /// It looks like a loop.
    Loop {
        /// What does.
        sign: SignKind,
        /// What follows.
        action: Action,
    },
    /// A budget is exceeded.
    Budget {
        /// Which.
        budget: Budget,
        /// What follows.
        action: Action,
    },
}

/// A child that got a stop signal.
#[derive(Clone, Debug)]
pub(super) struct Stopping {
    pub(super) child: Child,
    pub(super) cause: StopCause,
    /// Somebody asked for it, then.
    pub(super) requested: Option<(Up, StopBy)>,
    /// A human wants the next start at once.
    pub(super) hurry: bool,
    pub(super) kill_at: Up,
    /// The child may put that off until then at most.
    pub(super) kill_by: Up,
    /// When KILL was sent first.
    pub(super) killed: Option<Up>,
    /// That it survives KILL has been recorded.
    pub(super) told_stuck: bool,
    /// The next time KILL is repeated: a fork may have escaped the first one.
    pub(super) again_at: Up,
}

/// What follows once the tree of an ended child is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Start again.
    Restart {
        /// The earliest moment.
        from: Boot,
        /// What that is for.
        wait: Wait,
    },
    /// Call a human.
    Escalate,
    /// Leave: it was asked for.
    Stopped {
        /// Who.
        by: StopBy,
        /// The exit code.
        code: u8,
    },
    /// Leave: the agent is done.
    Finished {
        /// Why that is no failure.
        reason: FinishedWhy,
        /// The exit code.
        code: u8,
    },
}

impl Next {
    /// A start at once.
    pub(super) const AT_ONCE: Self =
        Self::Restart { from: Boot(Duration::ZERO), wait: Wait::Cooldown };
}

/// What a start waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The least time between two starts.
    Cooldown,
    /// Nothing has failed.
    Delay(DelayWhy),
}

/// A child that is stopped where it is, with all its processes.
#[derive(Clone, Debug)]
pub(super) struct Paused {
    pub(super) child: Child,
    pub(super) since: Up,
    /// The next look for processes that escaped.
    pub(super) look_at: Option<Up>,
    /// Looks in a row that found none.
    pub(super) quiet: u32,
    /// Looks so far.
    pub(super) looks: u32,
}

/// A child that ended, its tree not yet known to be gone.
#[derive(Clone, Debug)]
pub(super) struct Sweeping {
    pub(super) incarnation: u32,
    pub(super) sweep: Sweep,
    pub(super) next: Next,
    /// Somebody asked to stop, then.
    pub(super) requested: Option<Up>,
    /// What was found of it, by process.
    pub(super) found: BTreeMap<i32, String>,
    /// That it survives KILL has been recorded.
    pub(super) told_stuck: bool,
}

/// A state holds what only it needs: no pulse outlives its child, the latch has no timer.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Not launched yet.
    New,
    /// A child runs: starting, running, healthy, late, or unhealthy and left alone.
    Live(Child),
    /// A child is being ended.
    Stopping(Stopping),
    /// The rest of a tree is being ended.
    Sweeping(Sweeping),
    /// The child and all its processes are stopped where they are.
    Paused(Paused),
    /// A start waits for the word that the state is valid.
    Validating(Validating),
    /// Waiting for the next start.
    Down {
        /// Until then.
        until: Boot,
        /// What for.
        wait: Wait,
    },
    /// Latched and holding: only a human leaves it.
    Escalated,
    /// Leaving, once people know why.
    Leaving(Leaving),
    /// Left.
    Done,
}

impl State {
    /// The child that is there, whatever is being done to it.
    pub(super) fn child(&self) -> Option<&Child> {
        match self {
            Self::Live(child) => Some(child),
            Self::Stopping(stopping) => Some(&stopping.child),
            Self::Paused(paused) => Some(&paused.child),
            Self::New
            | Self::Sweeping(_)
            | Self::Validating(_)
            | Self::Down { .. }
            | Self::Escalated
            | Self::Leaving(_)
            | Self::Done => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn child_mut(&mut self) -> Option<&mut Child> {
        match self {
            Self::Live(child) => Some(child),
            Self::Stopping(stopping) => Some(&mut stopping.child),
            Self::Paused(paused) => Some(&mut paused.child),
            Self::New
            | Self::Sweeping(_)
            | Self::Validating(_)
            | Self::Down { .. }
            | Self::Escalated
            | Self::Leaving(_)
            | Self::Done => None,
        }
    }
}

/// Where an agent stands, for people (SPEC §2's diagram).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Before the launch.
    New,
    /// Its first beat is awaited.
    Starting,
    /// Alive; no beat is expected.
    Running,
    /// Its beats come.
    Healthy,
    /// One interval silent.
    Late,
    /// All intervals silent.
    Unhealthy,
    /// Shutting down as announced.
    ShuttingDown,
    /// Being stopped.
    Stopping,
    /// Ended; the rest of its tree is being ended.
    Failed,
    /// Stopped where it is, until resumed.
    Paused,
    /// Its state is being validated before a start.
    Validating,
    /// Waiting for its next start.
    Cooldown,
    /// Waiting without a failure: a quota, a provider that is away.
    Parked,
    /// Waiting for its next run.
    Waiting,
    /// Latched.
    Escalated,
    /// Leaving, once people know why.
    Leaving,
    /// Left.
    Done,
}
