//! Silence between two beats, as other settings would have judged it. A pure fold.

use serde::Serialize;

use crate::core::fact::Fact;
use crate::core::time::{Wall, millis};

/// What silence there was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Silence {
    /// The interval that was asked for.
    pub interval_ms: u64,
    /// The misses that were asked for.
    pub misses: u32,
    /// The longest time between two beats of one incarnation.
    pub longest_ms: Option<u64>,
    /// When it ended, in milliseconds since 1970.
    pub longest_at_ms: Option<i64>,
    /// How often these settings would have called a silence unhealthy after which a beat came all the same.
    pub would_have_ended: u64,
    /// How often that was called unhealthy then.
    pub was_ended: u64,
}

/// The fold.
#[derive(Clone, Debug, Default)]
pub struct Gaps {
    silence: Silence,
    last: Option<(Wall, u64)>,
}

impl Gaps {
    /// For an interval and misses; at least one of each.
    #[must_use]
    pub fn new(interval_ms: u64, misses: u32) -> Self {
        let silence = Silence { interval_ms, misses: misses.max(1), ..Silence::default() };
        Self { silence, last: None }
    }

    /// Takes the next fact, oldest first.
    pub fn learn(&mut self, at: Wall, fact: &Fact) {
        match fact {
            Fact::Beat(beat) => {
                if let Some((last, expected)) = self.last {
                    self.gap(at, millis(at.since(last)), expected);
                }
                self.last = Some((at, beat.expect_next_ms.unwrap_or(0)));
            }
            Fact::Unhealthy { .. } => self.silence.was_ended += 1,
            // What follows is not the agent's silence.
            Fact::Started { .. }
            | Fact::Exited { .. }
            | Fact::Paused { .. }
            | Fact::Continued { .. }
            | Fact::ShutdownAnnounced { .. }
            | Fact::OutputBlocked { .. }
            | Fact::OutputUnblocked { .. }
            | Fact::SupervisorStarted { .. } => self.last = None,
            _ => {}
        }
    }

    fn gap(&mut self, at: Wall, gap: u64, expected: u64) {
        if self.silence.longest_ms.is_none_or(|longest| longest < gap) {
            (self.silence.longest_ms, self.silence.longest_at_ms) = (Some(gap), Some(at.0));
        }
        let Silence { interval_ms, misses, .. } = self.silence;
        let more = interval_ms.saturating_mul(u64::from(misses - 1));
        if interval_ms.max(expected).saturating_add(more) <= gap {
            self.silence.would_have_ended += 1;
        }
    }

    /// What it comes to.
    #[must_use]
    pub fn end(self) -> Silence {
        self.silence
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::BeatFact;

    #[test]
    fn a_gap_is_counted_if_a_beat_came_after_it_and_nobody_had_excused_it() {
        let mut gaps = Gaps::new(60_000, 2);
        let beat = |expect_next_ms| Fact::Beat(BeatFact { expect_next_ms, ..BeatFact::default() });
        let mut at = |seconds: i64, fact: Fact| gaps.learn(Wall(seconds * 1_000), &fact);
        at(0, beat(None));
        at(119, beat(None));
        at(239, beat(Some(600_000)));
        at(800, beat(None));
        at(900, Fact::Paused { incarnation: 1 });
        at(9_000, Fact::Continued { incarnation: 1, paused_ms: 1 });
        at(9_001, beat(None));
        let silence = gaps.end();
        assert_eq!((silence.would_have_ended, silence.longest_ms), (1, Some(561_000)));
    }
}
