//! What a human tells a running agentwatch, and what it answers.

use std::time::Duration;

/// A command (SPEC §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Lift the latch, end a pause, or start a parked or cooling agent now.
    Resume {
        /// And take what it uses now for what is usual.
        rebaseline: bool,
    },
    /// End the child and start it anew, without a strike and without a cooldown.
    Restart {
        /// Not before its next beat that ends a cycle.
        at_beat: bool,
    },
    /// End the child, and agentwatch with it.
    Stop {
        /// By KILL at once.
        now: bool,
        /// And stay down until resumed.
        stay: bool,
    },
    /// Stop all processes of the agent where they are.
    Pause,
    /// A person has seen what is open.
    Ack,
    /// A person wants to hear nothing of what is open for a while.
    Snooze {
        /// For how long.
        time: Duration,
    },
}

impl Command {
    /// Resume, and nothing else.
    pub const RESUME: Self = Self::Resume { rebaseline: false };
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A start follows at once; whether it succeeded the shell knows.
    Started,
    /// A start follows when the old processes are gone.
    StartsAfterTree,
    /// The child is being ended, a start follows.
    Restarting {
        /// KILL follows after this time.
        kill_after: Duration,
    },
    /// It is started anew at its next beat.
    RestartsAtBeat,
    /// It goes on after a pause.
    Continued {
        /// How long that was.
        paused: Duration,
    },
    /// There was nothing to lift, and what it uses now is what is usual.
    Rebaselined {
        /// Tokens of a cycle, if that is known.
        usual: Option<u64>,
    },
    /// The child is being ended.
    Stopping {
        /// KILL follows after this time.
        kill_after: Duration,
        /// What follows its end.
        after: After,
    },
    /// It is being killed.
    Killing {
        /// What follows its end.
        after: After,
    },
    /// There was no child.
    NothingRan {
        /// What follows.
        after: After,
    },
    /// All its processes are stopped where they are.
    Paused,
    /// Nobody is reminded of what is open.
    Acknowledged {
        /// How many incidents.
        incidents: u32,
    },
    /// Nobody is told of what is open for a while.
    Snoozed {
        /// How many incidents.
        incidents: u32,
        /// For how long.
        time: Duration,
    },
    /// Nothing was done, and nothing had to be.
    Needless(Needless),
    /// Nothing was done.
    Refused(Refusal),
}

/// What follows a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// agentwatch leaves.
    Leave,
    /// agentwatch leaves, and starts nothing for this agent until it is resumed.
    LeaveLatched,
    /// agentwatch stays, and starts nothing until the agent is resumed.
    Hold,
}

/// Why nothing had to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needless {
    /// Neither latched, paused, parked nor cooling down.
    NothingToResume,
    /// It is paused already.
    IsPaused,
    /// It is being stopped already.
    IsStopping,
    /// Its state is being validated; the start follows.
    IsValidating,
    /// Nothing is open that anybody was told of.
    NothingOpen,
}

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Only `resume` lifts a latch.
    Latched,
    /// It is being stopped.
    Stopping,
    /// It is shutting down as it announced.
    ShuttingDown,
    /// It has not beaten, so there is no beat to wait for.
    NeverBeat,
    /// It is paused, so no beat will come.
    IsPaused,
    /// `--restart never`: a plain wrapper starts nothing twice.
    PlainWrapper,
    /// There is no child.
    NoChild,
}

impl Reply {
    /// Whether what was asked for is done, or on its way.
    #[must_use]
    pub fn is_ok(self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}
