//! Events of agents in words, one line each, for who looks at them on a screen. Pure.

use crate::core::fact::Fact;
use crate::core::time::Wall;
use crate::wire::plain::plain;
use crate::wire::record::Record;
use crate::wire::tone::Tone;
use crate::wire::words::describe;

/// An event of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: Wall,
    /// Its name in the journal.
    pub event: String,
    /// How much it matters.
    pub tone: Tone,
    /// What happened.
    pub words: String,
}

impl Happened {
    /// What a record tells; nothing of a beat, of which there are too many to be read.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let (tone, words) = match &record.fact {
            Some(Fact::Beat(_)) => return None,
            Some(fact) => describe(fact),
            None => (Tone::Plain, record.line.clone()),
        };
        // What an agent told may hold anything, and a line is a line.
        let words = plain(words.replace(['\n', '\r', '\t'], " ").as_bytes());
        Some(Self { at: record.ts, event: plain(record.event.as_bytes()), tone, words })
    }
}
