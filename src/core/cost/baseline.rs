//! What a cycle usually takes: the rolling mean of the last cycles that were no runaways (SPEC §3).

use std::collections::VecDeque;

/// The longest run of cycles that is judged against the mean before it.
pub const RUN_MAX: usize = 6;

/// The last normal cycles, and how far apart they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Tokens, and milliseconds since the cycle before; the newest last.
    cycles: VecDeque<(u64, u64)>,
}

/// The mean of some cycles, exact: a sum over a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mean {
    /// Of their tokens.
    pub tokens: u128,
    /// Of the milliseconds between them.
    pub ms: u128,
    /// How many there are; never 0.
    pub count: u128,
}

impl Mean {
    /// Whether `value` is above `hundredths` hundredths of it, over `times` cycles of it.
    #[must_use]
    pub fn is_below(&self, value: u64, hundredths: u64) -> bool {
        self.tokens * u128::from(hundredths) < u128::from(value) * 100 * self.count
    }

    /// The mean, rounded to the nearest.
    #[must_use]
    pub fn rounded(&self) -> u64 {
        u64::try_from((self.tokens + self.count / 2) / self.count).unwrap_or(u64::MAX)
    }

    /// The same for so many milliseconds: as many cycles as usually end in them, one at least.
    #[must_use]
    pub fn over(&self, ms: u64) -> Self {
        let cycles = (u128::from(ms) * self.count).max(self.ms.max(1));
        Self { tokens: self.tokens * cycles, ms: self.ms, count: self.count * self.ms.max(1) }
    }
}

impl Baseline {
    /// A normal cycle of `tokens` that ended `ms` after the one before it.
    pub fn learn(&mut self, tokens: u64, ms: u64, window: usize) {
        self.cycles.push_back((tokens, ms));
        while window + RUN_MAX - 1 < self.cycles.len() {
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
        let (mut tokens, mut ms, mut count) = (0, 0, 0);
        for (one, gap) in self.cycles.iter().take(before).rev().take(window) {
            tokens += u128::from(*one);
            ms += u128::from(*gap);
            count += 1;
        }
        Some(Mean { tokens, ms, count })
    }

    /// Nothing counts but these.
    pub fn replace(&mut self, cycles: impl Iterator<Item = (u64, u64)>) {
        self.cycles = cycles.collect();
    }
}
