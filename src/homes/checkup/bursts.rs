//! Beats that come in bursts: what a buffered stdout looks like in the journal. A fold of records, pure.

use crate::core::fact::Fact;
use crate::core::time::Wall;

/// A silence as a buffer that fills makes it, in milliseconds.
const SILENCE: i64 = 20_000;

/// What comes within this time came at once: beats are added up for a second before they are written.
const AT_ONCE: i64 = 2_000;

/// So many cycles that end at once ended before: the least that buffers hold of lines of 256 bytes.
const MANY: u64 = 15;

/// A silence that begins so soon after a burst and fails the agent is the next buffer that fills.
const HANGS_WITHIN: i64 = 60 * 60_000;

/// What was seen of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bursts {
    /// How many there were.
    pub count: u32,
    /// Cycles of the largest.
    pub most: u64,
    /// The silence before that, in milliseconds.
    pub silence_ms: u64,
    /// How often the silence after one was taken for a hang.
    pub hung: u32,
    /// The last beat or start.
    pub(super) last: Option<Wall>,
    /// When what comes now began, its cycles, the silence before it.
    pub(super) now: Option<(Wall, u64, i64)>,
}

impl Bursts {
    /// Takes in the next record.
    pub fn add(&mut self, at: Wall, fact: &Fact) {
        match fact {
            // Another life of agentwatch may have another environment.
            Fact::SupervisorStarted(_) => *self = Self::default(),
            Fact::Started { .. } => {
                self.last = Some(at);
                self.now = None;
            }
            Fact::Beat(beat) => self.beat(at, beat.cycles),
            Fact::Unhealthy { .. } => {
                let burst = self.now.filter(|(since, cycles, _)| {
                    MANY <= *cycles && at.0.saturating_sub(since.0) < HANGS_WITHIN
                });
                self.hung = self.hung.saturating_add(u32::from(burst.is_some()));
            }
            _ => {}
        }
    }

    fn beat(&mut self, at: Wall, cycles: u64) {
        let silence = self.last.map_or(0, |last| at.0.saturating_sub(last.0));
        self.last = Some(at);
        let (since, before, silence) = match self.now {
            Some((since, before, waited)) if at.0.saturating_sub(since.0) <= AT_ONCE => {
                (since, before, waited)
            }
            _ if SILENCE <= silence => (at, 0, silence),
            _ => {
                self.now = None;
                return;
            }
        };
        let all = before.saturating_add(cycles);
        self.now = Some((since, all, silence));
        if all < MANY {
            return;
        }
        self.count = self.count.saturating_add(u32::from(before < MANY));
        if self.most < all {
            self.most = all;
            self.silence_ms = u64::try_from(silence).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::BeatFact;

    /// Beats: seconds, cycles.
    fn seen(beats: &[(i64, u64)]) -> Bursts {
        let mut bursts = Bursts::default();
        bursts.add(Wall(0), &Fact::Started { incarnation: 1, pid: 1, first_beat_ms: None });
        for (second, cycles) in beats {
            let beat = BeatFact { beats: *cycles, cycles: *cycles, ..BeatFact::default() };
            bursts.add(Wall(second * 1000), &Fact::Beat(beat));
        }
        bursts
    }

    #[test]
    fn a_buffer_that_fills_is_told_from_an_agent_that_is_slow_or_fast() {
        let all = seen(&[(150, 1), (150, 1), (151, 155), (310, 157)]);
        assert_eq!((all.count, all.most, all.silence_ms), (2, 157, 150_000));
        // One a minute, hundreds a second all the time, and a cycle that took long among short ones.
        let slow: Vec<(i64, u64)> = (1..50).map(|n| (n * 90, 1)).collect();
        assert_eq!(seen(&slow).count, 0);
        let fast: Vec<(i64, u64)> = (1..200).map(|n| (n, 300)).collect();
        assert_eq!(seen(&fast).count, 0);
        let long: Vec<(i64, u64)> = (0..30).map(|n| (120 + n, 1)).collect();
        assert_eq!(seen(&long).count, 0);
        // As it was seen of a Python that prints 80 bytes twice a second.
        assert_eq!(seen(&[(49, 1), (49, 97)]).count, 1);
        // A batch that is worked off now and then.
        assert_eq!(seen(&[(60, 5), (120, 5), (180, 14)]).count, 0);
        // What is busy within a cycle ends none.
        assert_eq!(seen(&[(150, 0), (151, 0)]).count, 0);
    }
}
