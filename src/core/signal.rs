//! Signals by number; their names and which of them exist are the system's affair.

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
