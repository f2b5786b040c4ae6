//! The books: every beat that was heard is recorded, no more and no less, to the token.

use std::time::Duration;

use agentwatch::core::beat::Beat;
use agentwatch::core::event::Event;
use agentwatch::core::fact::Fact;
use agentwatch::core::supervisor::{Phase, Supervisor};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    beats: u64,
    tokens: u64,
    bad: u64,
}

/// What the core was told, and what it recorded.
#[derive(Clone, Debug, Default)]
pub struct Books {
    heard: Sum,
    recorded: Sum,
    /// Lines of beats in this second of the clock.
    second: u64,
    lines: u32,
}

impl Books {
    /// A new life of agentwatch: what the last one had not yet recorded is gone with it.
    pub fn anew(&mut self) {
        (self.heard, self.recorded) = (Sum::default(), Sum::default());
    }

    /// Before a step.
    pub fn hear(&mut self, sut: &Supervisor, event: &Event) {
        match event {
            Event::Beat { incarnation, beat } if listens(sut, *incarnation) => {
                self.heard.beats += 1;
                self.heard.tokens += tokens(beat);
            }
            Event::BadBeat { .. } => self.heard.bad += 1,
            _ => {}
        }
    }

    pub fn record(&mut self, fact: &Fact, now: Duration) {
        match fact {
            Fact::Beat(beat) => {
                if self.second != now.as_secs() {
                    (self.second, self.lines) = (now.as_secs(), 0);
                }
                self.lines += 1;
                self.recorded.beats += beat.beats;
                self.recorded.tokens += beat.tokens.unwrap_or(0);
            }
            Fact::BadBeat { suppressed, .. } => self.recorded.bad += 1 + suppressed,
            _ => {}
        }
    }

    /// A flood is a flood of beats and not of lines: two windows of ten meet in a second, and what was
    /// added up in each.
    pub fn is_calm(&self) -> Result<(), (u8, String)> {
        if self.lines <= 22 {
            return Ok(());
        }
        Err((10, format!("{} lines of beats in a second", self.lines)))
    }

    /// At the end of a child, and of agentwatch: nothing is owed.
    pub fn close(&self) -> Result<(), (u8, String)> {
        let (heard, recorded) = (self.heard, self.recorded);
        if heard == recorded {
            return Ok(());
        }
        Err((4, format!("{heard:?} was heard, {recorded:?} is recorded")))
    }

    /// Long after the last beat nothing is owed but bad beats, which wait for more of them.
    pub fn match_up(&self, sut: Option<&Supervisor>) -> Result<(), (u8, String)> {
        if sut.is_none() {
            return Ok(());
        }
        let bad = self.recorded.bad;
        Self { heard: Sum { bad, ..self.heard }, ..*self }.close()
    }
}

/// Whether a beat of that incarnation counts: its child is there, whatever is being done to it.
fn listens(sut: &Supervisor, incarnation: u32) -> bool {
    let current =
        sut.memory().tree.as_ref().is_some_and(|t| t.incarnation == incarnation && !t.ended);
    current && !matches!(sut.phase(), Phase::Done)
}

fn tokens(beat: &Beat) -> u64 {
    beat.tokens_used.unwrap_or(0)
}
