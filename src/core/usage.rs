//! Tokens: what a beat adds to the running cycle, and what a cycle cost.

use super::beat::Beat;
use super::cost::money::Usd;
use super::cost::price::Cost;

/// The last cumulative count of an agent, whichever incarnation told it: a counter may outlive its
/// process, and what it showed before is not used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter(pub Option<u64>);

impl Counter {
    /// The tokens that this beat adds, or `None` if it says nothing about tokens.
    ///
    /// The agent's own count comes first, then the difference of its cumulative count, then the parts:
    /// a total and its parts are never added together (SPEC §3). Input that was read from a cache counts
    /// only if `cache_reads` says so, and only where the parts are told.
    pub fn tokens(&mut self, beat: &Beat, cache_reads: bool) -> Option<u64> {
        let grown = beat.tokens_total.and_then(|total| match self.0.replace(total) {
            // A counter that went back was started anew: what it shows was used since.
            Some(last) => Some(total.checked_sub(last).unwrap_or(total)),
            // A counter that nobody has seen before may have counted for months: it is where counting
            // begins, unless its agent has only just begun, too.
            None => beat.cycle.is_some_and(|cycle| cycle <= 1).then_some(total),
        });
        let parts = || {
            let read = beat.cache_read_tokens.filter(|_| cache_reads);
            let parts = [beat.input_tokens, beat.output_tokens, beat.cache_write_tokens, read];
            parts
                .iter()
                .flatten()
                .fold(None, |sum: Option<u64>, part| Some(sum.unwrap_or(0).saturating_add(*part)))
        };
        beat.tokens_used.or(grown).or_else(parts)
    }
}

/// Tokens a cycle, rounded to the nearest; `None` where no cycle has ended.
#[must_use]
pub fn per_cycle(tokens: u64, cycles: u64) -> Option<u64> {
    tokens.saturating_add(cycles / 2).checked_div(cycles)
}

/// What was counted over some time: an incarnation, or the whole of a `run`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    /// Beats heard.
    pub beats: u64,
    /// Cycles ended: every beat but `busy` ones ends one.
    pub cycles: u64,
    /// Tokens used.
    pub tokens: u64,
    /// Beats that told tokens.
    #[serde(skip)]
    pub told: u64,
    /// What they cost, as far as that is known; none where nothing is.
    #[serde(default, rename = "cost_usd", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Usd>,
    /// Beats that told tokens of which the cost is unknown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cost_unknown: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Totals {
    /// Adds one beat.
    pub fn add(&mut self, beat: &Beat, tokens: Option<u64>, cost: Option<Cost>) {
        let unknown = cost.is_none() && tokens.is_some_and(|tokens| tokens > 0);
        self.cost_unknown = self.cost_unknown.saturating_add(u64::from(unknown));
        if let Some(cost) = cost {
            self.cost = Some(self.cost.unwrap_or_default().plus(cost.usd));
        }
        self.beats = self.beats.saturating_add(1);
        self.tokens = self.tokens.saturating_add(tokens.unwrap_or(0));
        self.told = self.told.saturating_add(u64::from(tokens.is_some()));
        self.cycles = self.cycles.saturating_add(u64::from(beat.ends_cycle()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::beat::Status;
    use crate::core::cost::price::CostFrom;

    fn beat() -> Beat {
        Beat::default()
    }

    #[test]
    fn the_agents_own_count_comes_before_the_difference_and_the_parts() {
        let mut counter = Counter::default();
        let all = Beat {
            tokens_used: Some(7),
            tokens_total: Some(100),
            input_tokens: Some(50),
            output_tokens: Some(50),
            ..beat()
        };
        assert_eq!(counter.tokens(&all, false), Some(7));
        assert_eq!(counter.tokens(&Beat { tokens_total: Some(130), ..beat() }, false), Some(30));
        let parts = Beat {
            input_tokens: Some(5),
            output_tokens: Some(2),
            cache_write_tokens: Some(1),
            cache_read_tokens: Some(900),
            ..beat()
        };
        assert_eq!(counter.tokens(&parts, false), Some(8));
        assert_eq!(counter.tokens(&parts, true), Some(908));
        assert_eq!(counter.tokens(&beat(), false), None);
    }

    fn total(total: u64) -> Beat {
        Beat { tokens_total: Some(total), ..beat() }
    }

    #[test]
    fn a_cumulative_count_that_went_back_was_started_anew() {
        let mut counter = Counter(Some(400));
        assert_eq!(counter.tokens(&total(500), false), Some(100));
        assert_eq!(counter.tokens(&total(500), false), Some(0));
        assert_eq!(counter.tokens(&total(40), false), Some(40));
        assert_eq!(counter.tokens(&total(100), false), Some(60));
        assert_eq!(counter.tokens(&total(0), false), Some(0));
        assert_eq!(counter.tokens(&beat(), false), None);
        assert_eq!(counter.tokens(&total(7), false), Some(7), "a beat without it changes nothing");
    }

    #[test]
    fn an_unknown_counter_is_a_base_unless_its_agent_has_just_begun() {
        let mut counter = Counter::default();
        assert_eq!(counter.tokens(&total(5_000_000), false), None);
        assert_eq!(counter.tokens(&total(5_000_900), false), Some(900));
        for (cycle, tokens) in [(0, Some(900)), (1, Some(900)), (2, None)] {
            let first = Beat { cycle: Some(cycle), ..total(900) };
            assert_eq!(Counter::default().tokens(&first, false), tokens, "cycle {cycle}");
        }
        // What the beat says of its own cycle is known whatever the counter shows.
        let parts = Beat { input_tokens: Some(5), output_tokens: Some(2), ..total(5_000_000) };
        assert_eq!(Counter::default().tokens(&parts, false), Some(7));
    }

    #[test]
    fn tokens_a_cycle_are_rounded_to_the_nearest() {
        assert_eq!(per_cycle(14_530, 12), Some(1_211));
        assert_eq!(per_cycle(5, 0), None);
    }

    #[test]
    fn busy_adds_tokens_and_ends_no_cycle() {
        let mut totals = Totals::default();
        totals.add(&Beat { status: Status::Busy, ..beat() }, Some(5), None);
        totals.add(&beat(), Some(6), None);
        assert_eq!((totals.beats, totals.cycles, totals.tokens), (2, 1, 11));
    }

    #[test]
    fn a_sum_of_money_never_hides_what_is_unknown() {
        let mut totals = Totals::default();
        totals.add(&beat(), Some(5), None);
        totals.add(&beat(), None, None);
        totals.add(&beat(), Some(0), None);
        assert_eq!((totals.cost, totals.cost_unknown), (None, 1));
        for usd in [0.1, 0.2] {
            let cost = Cost { usd: Usd::from_f64(usd), from: CostFrom::Agent };
            totals.add(&beat(), Some(7), Some(cost));
        }
        assert_eq!((totals.cost, totals.cost_unknown), (Some(Usd::from_f64(0.3)), 1));
    }
}
