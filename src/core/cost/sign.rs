//! The signs of a loop, as they are told.

use serde::{Deserialize, Serialize};

use super::runaway::Stretch;

/// What looks like a loop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "sign", rename_all = "snake_case")]
pub enum Sign {
    /// Far more tokens than usual.
    Tokens {
        /// Over which stretch.
        stretch: Stretch,
        /// So many; of two or six cycles in a row the smallest.
        tokens: u64,
        /// What is usual for it.
        usual: u64,
        /// The most of the last thirty days, if there is a record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record: Option<u64>,
    },
    /// Far more tokens during an announced shutdown than any shutdown needs.
    Shutdown {
        /// So many.
        tokens: u64,
        /// What a cycle usually takes.
        usual: u64,
    },
    /// Too many tool calls in a minute.
    ToolCalls {
        /// So many.
        calls: u64,
        /// So many are allowed.
        max: u64,
    },
    /// The same message again and again.
    SameMessage {
        /// In so many beats running.
        beats: u64,
        /// What it says.
        message: String,
    },
    /// Trouble again and again, and nothing done.
    Retries {
        /// In so many beats running.
        beats: u64,
    },
}

/// Which sign it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignKind {
    /// [`Sign::Tokens`].
    Tokens,
    /// [`Sign::Shutdown`].
    Shutdown,
    /// [`Sign::ToolCalls`].
    ToolCalls,
    /// [`Sign::SameMessage`].
    SameMessage,
    /// [`Sign::Retries`].
    Retries,
}

impl Sign {
    /// Which it is.
    #[must_use]
    pub fn kind(&self) -> SignKind {
        match self {
            Self::Tokens { .. } => SignKind::Tokens,
            Self::Shutdown { .. } => SignKind::Shutdown,
            Self::ToolCalls { .. } => SignKind::ToolCalls,
            Self::SameMessage { .. } => SignKind::SameMessage,
            Self::Retries { .. } => SignKind::Retries,
        }
    }
}

/// Why a loop is no longer suspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleared {
    /// It does what it usually does.
    Normal,
    /// Its process is gone: it was acted upon.
    Ended,
    /// A human let it go on.
    Allowed,
    /// It is what the agent does now; a human said so.
    Rebaselined,
}

/// A loop that is no longer suspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopOver {
    /// What had looked like one.
    pub sign: SignKind,
    /// For how long, in milliseconds.
    pub for_ms: u64,
    /// Cycles that used far more than usual; 0 of other signs.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cycles: u32,
    /// Their tokens.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tokens: u64,
    /// Why.
    pub why: Cleared,
}

/// Whether a count is what one takes it for where it is missing.
fn is_zero(n: &(impl Copy + Into<u64>)) -> bool {
    (*n).into() == 0
}
