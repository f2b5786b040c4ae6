//! What a cycle usually takes: the rolling mean of the last cycles that were no runaways (SPEC §3).

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The longest run of cycles that is judged against the mean before it.
pub const RUN_MAX: usize = 6;

/// The time over which fast cycles are added up, in milliseconds. Over a whole minute the ordinary jitter
/// of a cycle a minute doubles it.
pub const HALF_MINUTE_MS: u64 = 30_000;

/// The most cycles that a baseline may hold, whatever is configured: 64 KiB.
pub const WINDOW_MAX: usize = 8 * 1_024;

/// A cycle as it is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Cycle {
    tokens: u32,
    gap: u16,
}

impl Cycle {
    /// One of so many tokens that ended so many milliseconds after the one before it, if that is known.
    ///
    /// More than half a minute is as good as half a minute, and so neither a pause nor a night of suspend
    /// can make fast cycles look rare; four billion tokens are as good as more.
    #[must_use]
    pub fn new(tokens: u64, gap_ms: Option<u64>) -> Self {
        let gap = gap_ms.map_or(0, |ms| ms.clamp(1, HALF_MINUTE_MS));
        Self { tokens: capped(tokens), gap: u16::try_from(gap).unwrap_or(u16::MAX) }
    }

    /// Its tokens.
    #[must_use]
    pub fn tokens(self) -> u64 {
        self.tokens.into()
    }

    /// Milliseconds since the cycle before, half a minute at most; 0 where that is not known.
    #[must_use]
    pub fn gap_ms(self) -> u64 {
        self.gap.into()
    }
}

impl From<(u64, u64)> for Cycle {
    fn from((tokens, gap): (u64, u64)) -> Self {
        Self::new(tokens, (gap != 0).then_some(gap))
    }
}

impl From<Cycle> for (u64, u64) {
    fn from(cycle: Cycle) -> Self {
        (cycle.tokens(), cycle.gap_ms())
    }
}

/// Tokens as they are remembered: four billion at most, which no cycle has ever used.
#[must_use]
pub fn capped(tokens: u64) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

/// The last normal cycles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Baseline {
    /// The newest last.
    cycles: VecDeque<Cycle>,
}

/// The mean of some cycles, exact: a sum over a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mean {
    /// Their tokens.
    tokens: u64,
    /// How many there are; never 0.
    count: u64,
    /// The milliseconds between them.
    ms: u64,
    /// Between how many of them.
    gaps: u64,
    /// So many cycles of it are meant…
    per: u64,
    /// …by so many.
    of: u64,
}

impl Mean {
    /// Whether `value` is above `hundredths` hundredths of it.
    #[must_use]
    pub fn is_below(&self, value: u64, hundredths: u64) -> bool {
        let (tokens, count) = self.exact();
        tokens * u128::from(hundredths) < u128::from(value) * 100 * count
    }

    /// It, rounded to the nearest.
    #[must_use]
    pub fn rounded(&self) -> u64 {
        let (tokens, count) = self.exact();
        u64::try_from((tokens + count / 2) / count).unwrap_or(u64::MAX)
    }

    /// It in hundredths of another.
    #[must_use]
    pub fn hundredths_of(&self, other: &Self) -> u64 {
        let ((tokens, count), (below, other)) = (self.exact(), other.exact());
        u64::try_from(tokens * other * 100 / (below * count).max(1)).unwrap_or(u64::MAX)
    }

    /// The same for half a minute: as many cycles as usually end in it, one at least.
    #[must_use]
    pub fn of_half_minute(&self) -> Self {
        let ms = self.ms.max(1);
        Self { per: (HALF_MINUTE_MS * self.gaps).max(ms), of: ms, ..*self }
    }

    fn exact(&self) -> (u128, u128) {
        let by = |n: u64, times: u64| u128::from(n) * u128::from(times);
        (by(self.tokens, self.per), by(self.count, self.of))
    }
}

impl Baseline {
    /// A normal cycle.
    pub fn learn(&mut self, cycle: Cycle, window: usize) {
        self.cycles.push_back(cycle);
        while window.min(WINDOW_MAX) + RUN_MAX - 1 < self.cycles.len() {
            self.cycles.pop_front();
        }
    }

    /// The mean of the last `window` of them but for the newest `run`; `None` below `warmup`.
    #[must_use]
    pub fn mean(&self, run: usize, window: usize, warmup: usize) -> Option<Mean> {
        let before = self.cycles.len().checked_sub(run)?;
        if before < warmup.max(1) {
            return None;
        }
        let mut mean = Mean { tokens: 0, count: 0, ms: 0, gaps: 0, per: 1, of: 1 };
        for cycle in self.cycles.iter().take(before).rev().take(window.max(1)) {
            mean.tokens += u64::from(cycle.tokens);
            mean.count += 1;
            mean.ms += u64::from(cycle.gap);
            mean.gaps += u64::from(cycle.gap != 0);
        }
        Some(mean)
    }

    /// Nothing counts but these.
    pub fn replace(&mut self, cycles: impl Iterator<Item = Cycle>) {
        self.cycles = cycles.collect();
    }

    /// At most so many of the newest are kept.
    pub fn shorten(&mut self, most: usize) {
        let surplus = self.cycles.len().saturating_sub(most);
        self.cycles.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cycles: &[(u64, u64)]) -> Baseline {
        let mut baseline = Baseline::default();
        for cycle in cycles {
            baseline.learn(Cycle::from(*cycle), 50);
        }
        baseline
    }

    #[test]
    fn the_newest_run_is_left_out_of_the_mean() {
        let baseline = of(&[(10, 1), (20, 1), (600, 1)]);
        assert_eq!(baseline.mean(0, 50, 3).unwrap().rounded(), 210);
        assert_eq!(baseline.mean(1, 50, 2).unwrap().rounded(), 15);
        assert_eq!(baseline.mean(1, 50, 3), None, "fewer than the warm-up");
        assert_eq!(baseline.mean(0, 1, 1).unwrap().rounded(), 600);
        assert_eq!(baseline.mean(4, 50, 1), None);
    }

    #[test]
    fn a_pause_does_not_make_fast_cycles_look_rare() {
        let mut cycles = vec![(100, 2_000); 49];
        cycles.push((100, 8 * 3_600_000));
        let half_minute = of(&cycles).mean(0, 50, 5).unwrap().of_half_minute().rounded();
        assert!((1_100..=1_500).contains(&half_minute), "{half_minute}");
        let slow = of(&[(100, 60_000); 5]).mean(0, 50, 5).unwrap();
        assert_eq!(slow.of_half_minute().rounded(), 100, "one cycle at least");
        let unknown = of(&[(100, 0); 5]).mean(0, 50, 5).unwrap();
        assert_eq!(unknown.of_half_minute().rounded(), 100, "nothing is known of its pace");
    }

    #[test]
    fn it_remembers_no_more_than_it_needs() {
        let mut baseline = Baseline::default();
        (0..500).for_each(|n| baseline.learn(Cycle::new(n, None), 50));
        assert_eq!(baseline.cycles.len(), 55);
        (0..20_000).for_each(|n| baseline.learn(Cycle::new(n, None), usize::MAX / 2));
        assert_eq!(baseline.cycles.len(), WINDOW_MAX + RUN_MAX - 1);
    }
}
