//! Signals by number, and what agentwatch does with one that is sent to it.

/// A signal by its number on this machine.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Signal(pub i32);

impl Signal {
    /// The hangup of a terminal.
    pub const HUP: Self = Self(1);
    /// Ctrl-C.
    pub const INT: Self = Self(2);
    /// Ctrl-\.
    pub const QUIT: Self = Self(3);
    /// The signal that cannot be caught.
    pub const KILL: Self = Self(9);
    /// The customary request to end.
    pub const TERM: Self = Self(15);
}

/// What a signal asks for; which of them do is the system's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// To end.
    Stop,
    /// The terminal is gone; without one, to reload.
    Hangup,
    /// To be suspended: Ctrl-Z.
    Suspend,
    /// A background process wants its terminal.
    Background,
    /// To go on.
    Continue,
    /// Something that only the child can know.
    Other,
}
