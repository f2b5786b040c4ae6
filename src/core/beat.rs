//! A heartbeat as the core sees it, whatever road it came by.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::cost::price::Price;
use super::counters::Cumulative;

/// The most tokens that one beat may claim; more is a bad beat (a year of the fastest model is less).
pub const TOKENS_MAX: u64 = 1_000_000_000_000;

/// What an agent says of itself. Unknown words are kept and count as `ok` (SPEC §3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// A cycle ended well.
    #[default]
    Ok,
    /// A sign of life inside a cycle; its tokens are added to the running cycle.
    Busy,
    /// A cycle ended, there was nothing to do.
    Idle,
    /// A cycle ended, with something to look at.
    Warning,
    /// A cycle ended in an error that the agent itself handles.
    Error,
    /// The announced shutdown begins.
    ShuttingDown,
    /// Any other word, as sent, at most [`Status::WORD_MAX`] bytes.
    Other(Box<str>),
}

impl Status {
    /// The longest status word that is kept, in bytes; the rest is cut.
    pub const WORD_MAX: usize = 64;

    /// The status for a word as an agent writes it.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "ok" => Self::Ok,
            "busy" => Self::Busy,
            "idle" => Self::Idle,
            "warning" => Self::Warning,
            "error" => Self::Error,
            "shutting_down" => Self::ShuttingDown,
            other => Self::Other(clip(other, Self::WORD_MAX).into()),
        }
    }

    /// Whether a beat with it ends a cycle: an announced shutdown is a word, not work done.
    #[must_use]
    pub fn ends_cycle(&self) -> bool {
        !matches!(self, Self::Busy | Self::ShuttingDown)
    }

    /// The word, to be kept.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Ok => "ok".into(),
            Self::Busy => "busy".into(),
            Self::Idle => "idle".into(),
            Self::Warning => "warning".into(),
            Self::Error => "error".into(),
            Self::ShuttingDown => "shutting_down".into(),
            Self::Other(word) => String::from(word.clone()).into(),
        }
    }

    /// The word, as it stands in the journal.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Ok => "ok",
            Self::Busy => "busy",
            Self::Idle => "idle",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::ShuttingDown => "shutting_down",
            Self::Other(word) => word,
        }
    }
}

/// The longest prefix of `text` of at most `max` bytes that ends between two characters.
#[must_use]
pub fn clip(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// Where in its work the line of an agent that prints a stream of its own stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A turn begins.
    Begins,
    /// A turn has ended.
    Ends {
        /// As it should.
        well: bool,
    },
}

/// One heartbeat. Numbers are checked by the road that read it: none is negative or absurd.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beat {
    /// Which agent the line names; kept as data, never compared with the supervised name.
    pub agent: Option<Box<str>>,
    /// What the agent says of itself; `ok` when the beat does not say.
    pub status: Status,
    /// Tokens of this cycle, as the agent counts them.
    pub tokens_used: Option<u64>,
    /// Tokens since the agent started, of which the difference is taken.
    pub tokens_total: Option<u64>,
    /// Fresh input tokens.
    pub input_tokens: Option<u64>,
    /// Output tokens, reasoning included.
    pub output_tokens: Option<u64>,
    /// Input tokens read from a cache; not counted as tokens of the cycle.
    pub cache_read_tokens: Option<u64>,
    /// Input tokens written to a cache; part of the input.
    pub cache_write_tokens: Option<u64>,
    /// Of these, tokens that stay there for an hour, which costs more.
    pub cache_write_1h_tokens: Option<u64>,
    /// What the agent says the cycle cost, in USD; finite and not negative.
    pub cost_usd: Option<f64>,
    /// The model that was asked.
    pub model: Option<Box<str>>,
    /// What that model costs, if whoever read the beat has looked it up.
    pub price: Option<Arc<Price>>,
    /// A number that grows with progress.
    pub cycle: Option<u64>,
    /// Tool calls of this cycle.
    pub tool_calls: Option<u64>,
    /// What the agent has to say, clipped.
    pub message: Option<Box<str>>,
    /// The next beat comes within this time at most.
    pub expect_next: Option<Duration>,
    /// Another start makes no sense sooner: what a provider said of its quota.
    pub retry_after: Option<Duration>,
    /// The agent's own clock, in seconds; data, never trusted for timing.
    pub ts: Option<f64>,
    /// A cumulative count, of which the difference is what was used.
    pub cumulative: Option<Box<Cumulative>>,
    /// Where its agent stands, if a preset knows.
    pub turn: Option<Turn>,
    /// Its state files are whole now: a snapshot should be taken.
    pub checkpoint: bool,
    /// It tells of something inside a cycle and ends none, whatever its status.
    pub within: bool,
}

impl Beat {
    /// Whether it ends a cycle.
    #[must_use]
    pub fn ends_cycle(&self) -> bool {
        !self.within && self.status.ends_cycle()
    }
}
