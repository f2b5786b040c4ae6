//! What of a flood of beats goes into the journal: every token, but not every line.

use std::time::Duration;

use super::effect::Effect;
use super::fact::{BeatFact, Fact};
use super::time::Up;

/// Lines of beats that the journal takes in a [`WINDOW`]; what comes faster is added up (SPEC §3 asks
/// for 10 a second).
const LINES_MAX: u32 = 10;

/// The window of that limit.
const WINDOW: Duration = Duration::from_secs(1);

/// The least time between two records of mere output: `status` shows the last one.
const DULL_EVERY: Duration = Duration::from_secs(10);

/// The least time between two records of bad beats.
const BAD_EVERY: Duration = Duration::from_secs(10);

/// Decides line by line what is recorded at once and what is added up.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    window: Option<Up>,
    lines: u32,
    merged: Option<BeatFact>,
    /// Beats that nobody misses for a while, added up since the first of them.
    dull: Option<(Up, BeatFact)>,
    /// When the last of those was recorded.
    dull_at: Option<Up>,
    word_at: Option<Up>,
    bad_at: Option<Up>,
    /// The last bad beat that was not recorded, and how many there were before it.
    bad_owed: Option<(u32, String, u64)>,
}

impl Recording {
    /// Takes a beat; what is to be recorded now comes out, oldest first.
    pub fn beat(&mut self, now: Up, fact: BeatFact, out: &mut Vec<Effect>) {
        let new = self.window.is_none_or(|start| WINDOW <= now.since(start));
        if new {
            out.extend(self.flush().map(Effect::Record));
            self.window = Some(now);
            self.lines = 0;
        }
        if self.lines < LINES_MAX {
            self.lines += 1;
            out.push(Effect::Record(Fact::Beat(fact)));
            return;
        }
        self.merged = Some(match self.merged.take() {
            None => fact,
            Some(sum) => merge(&sum, fact),
        });
    }

    /// Takes a beat that says no more than that somebody lives; what is to be recorded now comes out.
    pub fn dull(&mut self, now: Up, fact: BeatFact, out: &mut Vec<Effect>) {
        let sum = match self.dull.take() {
            Some((since, sum)) => Some((since, merge(&sum, fact))),
            None if self.dull_at.is_some_and(|at| now.since(at) < DULL_EVERY) => Some((now, fact)),
            None => {
                self.dull_at = Some(now);
                out.push(Effect::Record(Fact::Beat(fact)));
                return;
            }
        };
        self.dull = sum;
        out.extend(self.due(now).map(Effect::Record));
    }

    /// Whether a word of the agent about itself is to be recorded, or there was one a moment ago.
    pub fn word(&mut self, now: Up) -> bool {
        let due = self.word_at.is_none_or(|at| WINDOW <= now.since(at));
        if due {
            self.word_at = Some(now);
        }
        due
    }

    /// What was added up so far, if anything.
    pub fn flush(&mut self) -> Option<Fact> {
        let sum = match (self.dull.take(), self.merged.take()) {
            (Some((_, dull)), Some(merged)) => Some(merge(&dull, merged)),
            (dull, merged) => merged.or(dull.map(|(_, dull)| dull)),
        };
        sum.map(Fact::Beat)
    }

    /// The last bad beat that was kept back, for the end of its incarnation.
    pub fn flush_bad(&mut self) -> Option<Fact> {
        let (incarnation, reason, suppressed) = self.bad_owed.take()?;
        Some(Fact::BadBeat { incarnation, reason, suppressed })
    }

    /// What was added up, once its window is over.
    pub fn due(&mut self, now: Up) -> Option<Fact> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.dull_at = self.dull.as_ref().map(|_| now).or(self.dull_at);
        self.flush()
    }

    /// When something that was added up is to be recorded.
    #[must_use]
    pub fn deadline(&self) -> Option<Up> {
        let merged = self.merged.as_ref().and(self.window).map(|start| start.plus(WINDOW));
        let dull = self.dull.as_ref().map(|(since, _)| since.plus(DULL_EVERY));
        merged.into_iter().chain(dull).min()
    }

    /// Takes a bad beat; gives its record unless there was one a moment ago.
    pub fn bad(&mut self, now: Up, incarnation: u32, reason: String) -> Option<Fact> {
        if self.bad_at.is_some_and(|at| now.since(at) < BAD_EVERY) {
            let before = self.bad_owed.take().map_or(0, |(_, _, before)| before.saturating_add(1));
            self.bad_owed = Some((incarnation, reason, before));
            return None;
        }
        self.bad_at = Some(now);
        let suppressed = self.bad_owed.take().map_or(0, |(_, _, before)| before.saturating_add(1));
        Some(Fact::BadBeat { incarnation, reason, suppressed })
    }
}

/// The newer beat with the tokens and counts of both: exact to one.
fn merge(sum: &BeatFact, mut new: BeatFact) -> BeatFact {
    let add = |a: Option<u64>, b: Option<u64>| match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
    };
    new.cost_with(sum);
    BeatFact {
        tokens: add(sum.tokens, new.tokens),
        beats: sum.beats.saturating_add(new.beats),
        cycles: sum.cycles.saturating_add(new.cycles),
        first_after_ms: sum.first_after_ms.or(new.first_after_ms),
        input_tokens: add(sum.input_tokens, new.input_tokens),
        output_tokens: add(sum.output_tokens, new.output_tokens),
        cache_read_tokens: add(sum.cache_read_tokens, new.cache_read_tokens),
        cache_write_tokens: add(sum.cache_write_tokens, new.cache_write_tokens),
        cache_write_1h_tokens: add(sum.cache_write_1h_tokens, new.cache_write_1h_tokens),
        tool_calls: add(sum.tool_calls, new.tool_calls),
        // A later line may be silent on it, and the next life counts on from it.
        tokens_total: new.tokens_total.or(sum.tokens_total),
        counter: new.counter.clone().or(sum.counter.clone()),
        ..new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_beats_keeps_every_token_in_few_lines() {
        let mut recording = Recording::default();
        let (mut lines, mut tokens, mut beats, mut out) = (0, 0, 0, Vec::new());
        let mut count = |effect: Effect| {
            if let Effect::Record(Fact::Beat(beat)) = effect {
                lines += 1;
                tokens += beat.tokens.unwrap_or(0);
                beats += beat.beats;
            }
        };
        for n in 0..100_000_u64 {
            let now = Up(Duration::from_micros(n * 100));
            let fact = BeatFact { tokens: Some(n), beats: 1, cycles: 1, ..BeatFact::default() };
            recording.beat(now, fact, &mut out);
            out.drain(..).for_each(&mut count);
        }
        recording.flush().map(Effect::Record).into_iter().for_each(&mut count);
        assert_eq!((tokens, beats), ((0..100_000).sum(), 100_000));
        assert!(lines <= 11 * 10, "{lines} lines in ten seconds");
    }

    #[test]
    fn bad_beats_are_counted_and_rarely_recorded() {
        let mut recording = Recording::default();
        let at = |s| Up(Duration::from_secs(s));
        assert!(recording.bad(at(0), 1, "x".into()).is_some());
        assert!(recording.bad(at(1), 1, "x".into()).is_none());
        assert!(recording.bad(at(2), 1, "x".into()).is_none());
        let Some(Fact::BadBeat { suppressed, .. }) = recording.bad(at(10), 1, "x".into()) else {
            panic!("not recorded");
        };
        assert_eq!(suppressed, 2);
        assert!(recording.bad(at(11), 1, "x".into()).is_none());
        assert!(recording.bad(at(12), 1, "last".into()).is_none());
        let last = Fact::BadBeat { incarnation: 1, reason: "last".into(), suppressed: 1 };
        assert_eq!(recording.flush_bad(), Some(last), "none is lost at the end");
        assert_eq!(recording.flush_bad(), None);
    }
}
