//! Cumulative counts by key: of a process, which begins at 0 with each, and of a thread of conversation,
//! which outlives processes. What a beat has used is the difference.

use serde::{Deserialize, Serialize};

use super::beat::{Beat, clip};
use super::time::Wall;

/// How many counters are remembered: more conversations than an agent goes on with at a time.
pub const KNOWN_MAX: usize = 16;

/// The longest key that is kept, in bytes: twice an identifier of 128 bits.
pub const KEY_MAX: usize = 128;

/// How long a thread may be older than the process that began it: clocks are read and cut at different
/// moments.
const SLACK_MS: i64 = 1_000;

/// What a count is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// A process: it begins at 0 with each.
    #[default]
    Process,
    /// A thread of conversation, which the next process may go on with.
    Thread,
}

/// What a counter shows. What it does not show is unknown, not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Tokens, where it shows no parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Fresh input tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Input tokens read from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read_tokens: Option<u64>,
    /// Input tokens written to a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// What all of it cost, in USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

impl Reading {
    fn numbers(&self) -> [Option<u64>; 5] {
        [
            self.tokens,
            self.input_tokens,
            self.output_tokens,
            self.cache_write_tokens,
            self.cache_read_tokens,
        ]
    }

    /// What counts as tokens of it; a total and its parts are never added together.
    fn counted(&self) -> Option<u64> {
        let parts = [self.input_tokens, self.output_tokens, self.cache_write_tokens];
        let parts = parts
            .iter()
            .flatten()
            .fold(None, |sum: Option<u64>, part| Some(sum.unwrap_or(0).saturating_add(*part)));
        self.tokens.or(parts)
    }

    fn is_empty(&self) -> bool {
        self.cost_usd.is_none() && self.numbers().iter().all(Option::is_none)
    }

    /// Whether it shows less of anything than it did.
    fn is_behind(&self, before: &Self) -> bool {
        let numbers = self.numbers().into_iter().zip(before.numbers());
        let fewer =
            numbers.into_iter().any(|(now, before)| now.zip(before).is_some_and(|(a, b)| a < b));
        // A sum of floats may end in another last digit.
        let cheaper = self.cost_usd.zip(before.cost_usd).is_some_and(|(a, b)| a < b * (1.0 - 1e-9));
        fewer || cheaper
    }

    /// What was added since `before`.
    fn since(&self, before: &Self) -> Self {
        let grown = |now: Option<u64>, before: Option<u64>| {
            now.map(|now| now.saturating_sub(before.unwrap_or(0)))
        };
        Self {
            tokens: grown(self.tokens, before.tokens),
            input_tokens: grown(self.input_tokens, before.input_tokens),
            output_tokens: grown(self.output_tokens, before.output_tokens),
            cache_read_tokens: grown(self.cache_read_tokens, before.cache_read_tokens),
            cache_write_tokens: grown(self.cache_write_tokens, before.cache_write_tokens),
            cost_usd: self.cost_usd.map(|now| (now - before.cost_usd.unwrap_or(0.0)).max(0.0)),
        }
    }

    /// What it shows now, and of the rest what it showed last.
    fn or(&self, before: &Self) -> Self {
        Self {
            tokens: self.tokens.or(before.tokens),
            input_tokens: self.input_tokens.or(before.input_tokens),
            output_tokens: self.output_tokens.or(before.output_tokens),
            cache_read_tokens: self.cache_read_tokens.or(before.cache_read_tokens),
            cache_write_tokens: self.cache_write_tokens.or(before.cache_write_tokens),
            cost_usd: self.cost_usd.or(before.cost_usd),
        }
    }
}

/// A cumulative count as a beat tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cumulative {
    /// What it is of.
    pub of: Scope,
    /// Which process or thread, as the agent names it; at most [`KEY_MAX`] bytes.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub key: Box<str>,
    /// When a thread began, in milliseconds since 1970, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born_ms: Option<i64>,
    /// Tokens that this cycle has used at least: a counter that has not grown by so many was started anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u64>,
    /// What it shows; nothing yet where a thread has just begun.
    #[serde(flatten)]
    pub reading: Reading,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    of: Scope,
    key: Box<str>,
    incarnation: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    born_ms: Option<i64>,
    #[serde(flatten)]
    reading: Reading,
}

/// The counters of an agent as they were last seen, the one seen last at the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    known: Vec<Known>,
    /// Of threads that began until then some are forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgotten_ms: Option<i64>,
}

// Costs are checked where they are read: none is NaN.
impl Eq for Counters {}

impl Counters {
    /// Whether none was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Puts what was added since the last time in the place of the cumulative count of `beat`, which was
    /// heard from `incarnation`, started then.
    pub fn settle(&mut self, incarnation: u32, started: Wall, beat: &mut Beat) {
        let Some(shown) = beat.cumulative.take() else { return };
        if let Some(used) = self.read(incarnation, started, &shown) {
            beat.tokens_used = used.tokens.or(beat.tokens_used);
            beat.input_tokens = used.input_tokens.or(beat.input_tokens);
            beat.output_tokens = used.output_tokens.or(beat.output_tokens);
            beat.cache_read_tokens = used.cache_read_tokens.or(beat.cache_read_tokens);
            beat.cache_write_tokens = used.cache_write_tokens.or(beat.cache_write_tokens);
            beat.cost_usd = used.cost_usd.or(beat.cost_usd);
        }
        beat.cumulative = Some(shown);
    }

    /// Takes what a counter shows; gives what was added to it, or `None` if that cannot be known.
    pub fn read(&mut self, incarnation: u32, started: Wall, shown: &Cumulative) -> Option<Reading> {
        let key = clip(&shown.key, KEY_MAX);
        let at = self.known.iter().position(|known| known.of == shown.of && *known.key == *key);
        let before = at.map(|at| self.known.remove(at));
        let base = match (&before, shown.of) {
            (Some(known), Scope::Process) if known.incarnation != incarnation => {
                Some(Reading::default())
            }
            (Some(known), _) => Some(base(&known.reading, shown)),
            // It began with its process, and we have seen that from its start on.
            (None, Scope::Process) => Some(Reading::default()),
            (None, Scope::Thread) => self.is_new(shown, started).then(Reading::default),
        };
        // Of a thread that goes on from before nothing is known until it shows something.
        if base.is_none() && shown.reading.is_empty() {
            return None;
        }
        let reading = shown.reading.or(&base.unwrap_or_default());
        let born_ms = shown.born_ms.or(before.and_then(|known| known.born_ms));
        self.keep(Known { of: shown.of, key: key.into(), incarnation, born_ms, reading });
        base.map(|base| shown.reading.since(&base)).filter(|used| !used.is_empty())
    }

    /// Whether a thread that nobody has seen before began in the process that tells of it. Else it goes on
    /// with what an earlier one has used, and that is no cycle of today.
    fn is_new(&self, shown: &Cumulative, started: Wall) -> bool {
        shown.born_ms.is_some_and(|born| {
            started.0.saturating_sub(SLACK_MS) <= born
                && self.forgotten_ms.is_none_or(|forgotten| forgotten < born)
        })
    }

    fn keep(&mut self, known: Known) {
        if KNOWN_MAX <= self.known.len() {
            let oldest = self.known.remove(0);
            self.forgotten_ms = self.forgotten_ms.max(oldest.born_ms);
        }
        self.known.push(known);
    }
}

/// What a counter that showed `before` began with: that, or 0 if it was started anew since.
fn base(before: &Reading, shown: &Cumulative) -> Reading {
    let grown = shown.reading.since(before).counted();
    let too_little = grown.zip(shown.least).is_some_and(|(grown, least)| grown < least);
    if shown.reading.is_behind(before) || too_little { Reading::default() } else { *before }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Wall = Wall(1_795_390_000_000);

    fn shown(of: Scope, key: &str, input: u64, output: u64) -> Cumulative {
        let reading = Reading {
            input_tokens: Some(input),
            output_tokens: Some(output),
            ..Reading::default()
        };
        Cumulative { of, key: key.into(), reading, ..Cumulative::default() }
    }

    fn thread(key: &str, born: i64, total: u64) -> Cumulative {
        Cumulative { born_ms: Some(START.0 + born), ..shown(Scope::Thread, key, total, 0) }
    }

    fn used(counters: &mut Counters, incarnation: u32, shown: &Cumulative) -> Option<u64> {
        counters.read(incarnation, START, shown).and_then(|used| used.counted())
    }

    #[test]
    fn a_counter_of_a_process_begins_at_zero_with_each() {
        let mut counters = Counters::default();
        for (incarnation, input, output, tokens) in
            [(1, 1000, 50, 1050), (1, 2000, 100, 1050), (1, 3000, 150, 1050), (2, 3500, 150, 3650)]
        {
            let shown = shown(Scope::Process, "s", input, output);
            assert_eq!(used(&mut counters, incarnation, &shown), Some(tokens));
        }
    }

    #[test]
    fn a_new_process_in_the_same_incarnation_is_told_by_what_it_used_at_least() {
        let mut counters = Counters::default();
        let turn = |total, least| Cumulative {
            least: Some(least),
            ..shown(Scope::Process, "s", total, 0)
        };
        for (total, least, tokens) in [
            (1050, 1050, 1050),
            (1050, 1050, 1050),
            (3150, 3150, 3150),
            (5000, 1050, 1850),
            (900, 900, 900),
        ] {
            assert_eq!(used(&mut counters, 1, &turn(total, least)), Some(tokens), "{total}");
        }
        // The cost alone may tell it, too.
        let cost = |cost| Cumulative {
            reading: Reading { cost_usd: Some(cost), ..Reading::default() },
            ..Cumulative::default()
        };
        let mut costs = |usd| counters.read(1, START, &cost(usd)).and_then(|used| used.cost_usd);
        assert_eq!(costs(0.5), Some(0.5));
        assert_eq!(costs(0.75), Some(0.25));
        assert_eq!(costs(0.25), Some(0.25));
    }

    #[test]
    fn a_thread_goes_on_across_processes_and_what_it_used_before_us_is_no_cycle() {
        let mut counters = Counters::default();
        assert_eq!(used(&mut counters, 1, &thread("new", 400, 3150)), Some(3150));
        assert_eq!(used(&mut counters, 2, &thread("new", 400, 4200)), Some(1050));
        assert_eq!(used(&mut counters, 2, &thread("old", -90_000, 4_000_000)), None);
        assert_eq!(used(&mut counters, 3, &thread("old", -90_000, 4_001_050)), Some(1050));
        let ageless = shown(Scope::Thread, "?", 500, 0);
        assert_eq!(
            (used(&mut counters, 3, &ageless), used(&mut counters, 3, &ageless)),
            (None, Some(0))
        );
    }

    #[test]
    fn a_thread_that_was_seen_to_begin_is_counted_from_there_in_a_later_life() {
        let mut counters = Counters::default();
        let begun = Cumulative { reading: Reading::default(), ..thread("t", 0, 0) };
        assert_eq!(used(&mut counters, 1, &begun), None);
        let text = serde_json::to_string(&counters).unwrap();
        let mut counters: Counters = serde_json::from_str(&text).unwrap();
        let later = Wall(START.0 + 3_600_000);
        assert_eq!(counters.read(2, later, &thread("t", 0, 700)).unwrap().counted(), Some(700));
    }

    #[test]
    fn memory_is_bounded_and_who_is_forgotten_is_not_new() {
        let mut counters = Counters::default();
        for number in 0..100 {
            let key = format!("{number}{}", "x".repeat(1000));
            assert_eq!(used(&mut counters, 1, &thread(&key, number, 5)), Some(5));
            assert!(counters.known.len() <= KNOWN_MAX);
            assert!(counters.known.iter().all(|known| known.key.len() <= KEY_MAX));
        }
        assert_eq!(used(&mut counters, 1, &thread("0", 0, 9)), None);
        assert_eq!(used(&mut counters, 1, &thread("100", 100, 9)), Some(9));
    }

    #[test]
    fn what_is_put_in_place_of_a_count_is_what_the_cycle_used() {
        let mut counters = Counters::default();
        let mut beat = Beat::default();
        for (total, input, output) in [(1000, 1000, 50), (1000, 0, 0), (3000, 2000, 100)] {
            beat = Beat::default();
            beat.cumulative = Some(Box::new(shown(Scope::Process, "", total, total / 20)));
            counters.settle(1, START, &mut beat);
            assert_eq!((beat.input_tokens, beat.output_tokens), (Some(input), Some(output)));
        }
        assert_eq!(beat.tokens_used, None, "what its parts count for is not decided here");
        assert!(beat.cumulative.is_some(), "for the journal");
    }
}
