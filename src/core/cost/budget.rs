//! Budgets: what was spent in this hour and on this day, and when that is too much (SPEC §3).

use super::limits::Limits;
use crate::core::time::Wall;

/// An hour, in milliseconds.
pub const HOUR_MS: i64 = 60 * 60 * 1_000;

/// A warning is given at this share of a budget, in hundredths (SPEC §3).
const WARN_AT: u128 = 80;

/// No local day is longer, in milliseconds: a midnight further ahead was read off a wrong clock.
const LONGEST_DAY: i64 = 26 * HOUR_MS;

/// Billionths in one USD.
const NANO: f64 = 1e9;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Tokens in an hour of the clock.
    TokensPerHour,
    /// Tokens in a local day.
    TokensPerDay,
    /// Billionths of a USD in a local day.
    UsdPerDay,
}

impl Budget {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::TokensPerHour, Self::TokensPerDay, Self::UsdPerDay];
}

/// What was said of a budget in its hour or day.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Nothing.
    #[default]
    Nothing,
    /// Most of it is spent.
    Warned,
    /// More than all of it is spent.
    Exceeded,
}

/// Something to be said of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// Of which.
    pub budget: Budget,
    /// What.
    pub what: Said,
    /// How much was spent, in its unit.
    pub spent: u64,
    /// How much may be, in its unit.
    pub limit: u64,
}

/// A budget and what was spent of it, as it is told.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "budget", rename_all = "snake_case")]
pub enum Spending {
    /// Tokens in an hour of the clock.
    TokensPerHour {
        /// So many were used.
        spent: u64,
        /// So many may be.
        limit: u64,
    },
    /// Tokens in a local day.
    TokensPerDay {
        /// So many were used.
        spent: u64,
        /// So many may be.
        limit: u64,
    },
    /// USD in a local day.
    UsdPerDay {
        /// So many were spent.
        spent_usd: f64,
        /// So many may be.
        limit_usd: f64,
    },
}

impl Spending {
    /// Of which budget.
    #[must_use]
    pub fn budget(&self) -> Budget {
        match self {
            Self::TokensPerHour { .. } => Budget::TokensPerHour,
            Self::TokensPerDay { .. } => Budget::TokensPerDay,
            Self::UsdPerDay { .. } => Budget::UsdPerDay,
        }
    }
}

impl From<News> for Spending {
    fn from(News { budget, spent, limit, .. }: News) -> Self {
        match budget {
            Budget::TokensPerHour => Self::TokensPerHour { spent, limit },
            Budget::TokensPerDay => Self::TokensPerDay { spent, limit },
            Budget::UsdPerDay => Self::UsdPerDay { spent_usd: usd(spent), limit_usd: usd(limit) },
        }
    }
}

/// What was spent in the hour and on the day that run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Spend {
    /// The hour of the clock, since 1970 by UTC.
    hour: i64,
    /// The local midnight that ends the day.
    day_ends: Wall,
    tokens_of_hour: u64,
    tokens_of_day: u64,
    nano_usd_of_day: u64,
    said: [Said; 3],
}

/// An amount in billionths of a USD, rounded to the nearest.
#[must_use]
pub fn nano_usd(usd: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and amounts are checked where they are read"
    )]
    let nano = (usd * NANO).round() as u64;
    nano
}

/// Billionths of a USD as USD.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "nobody spends more than a float holds of billionths"
)]
pub fn usd(nano: u64) -> f64 {
    nano as f64 / NANO
}

impl Spend {
    /// Time goes on: an hour or a day that is over takes its spending with it. `midnight`: the next one.
    pub fn roll(&mut self, now: Wall, midnight: Wall) {
        let hour = now.0.div_euclid(HOUR_MS);
        // A clock that is set back a little must not give the same hour twice.
        if hour != self.hour && hour.saturating_add(1) != self.hour {
            self.hour = hour;
            self.tokens_of_hour = 0;
            self.forget(Budget::TokensPerHour);
        }
        if self.day_ends <= now || now.0.saturating_add(LONGEST_DAY) < self.day_ends.0 {
            self.day_ends = midnight;
            (self.tokens_of_day, self.nano_usd_of_day) = (0, 0);
            self.forget(Budget::TokensPerDay);
            self.forget(Budget::UsdPerDay);
        }
    }

    /// The next midnight after `now` as far as the last one tells, for who has no calendar: wrong by an
    /// hour on a day that turns the clock.
    #[must_use]
    pub fn midnight_after(&self, now: Wall) -> Wall {
        const DAY: i64 = 24 * HOUR_MS;
        let into = now.0.saturating_sub(self.day_ends.0).rem_euclid(DAY);
        Wall(now.0.saturating_add(DAY - into))
    }

    fn forget(&mut self, budget: Budget) {
        if let Some(said) = self.said.get_mut(budget as usize) {
            *said = Said::Nothing;
        }
    }

    /// That was spent now.
    pub fn add(&mut self, tokens: u64, nano_usd: u64) {
        self.tokens_of_hour = self.tokens_of_hour.saturating_add(tokens);
        self.tokens_of_day = self.tokens_of_day.saturating_add(tokens);
        self.nano_usd_of_day = self.nano_usd_of_day.saturating_add(nano_usd);
    }

    /// What was spent of a budget, in its unit.
    #[must_use]
    pub fn of(&self, budget: Budget) -> u64 {
        match budget {
            Budget::TokensPerHour => self.tokens_of_hour,
            Budget::TokensPerDay => self.tokens_of_day,
            Budget::UsdPerDay => self.nano_usd_of_day,
        }
    }

    /// When a budget is fresh again.
    #[must_use]
    pub fn fresh_at(&self, budget: Budget) -> Wall {
        match budget {
            Budget::TokensPerHour => Wall(self.hour.saturating_add(1).saturating_mul(HOUR_MS)),
            Budget::TokensPerDay | Budget::UsdPerDay => self.day_ends,
        }
    }

    /// The next thing to be said, once; `None`: nothing is left to say.
    pub fn news(&mut self, limits: &Limits) -> Option<News> {
        for (budget, at) in Budget::ALL.into_iter().zip(0..) {
            let Some(limit) = limits.of(budget) else { continue };
            let spent = self.of(budget);
            let what = if limit < spent {
                Said::Exceeded
            } else if u128::from(limit) * WARN_AT <= u128::from(spent) * 100 {
                Said::Warned
            } else {
                Said::Nothing
            };
            let said: &mut Said = self.said.get_mut(at)?;
            // A budget that was raised is not exceeded any more.
            let before = std::mem::replace(said, what);
            if before < what {
                return Some(News { budget, what, spent, limit });
            }
        }
        None
    }

    /// What was said of a budget in its hour or day.
    #[must_use]
    pub fn said(&self, budget: Budget) -> Said {
        self.said.get(budget as usize).copied().unwrap_or_default()
    }

    /// That was said in an earlier life, so that so much was spent at least.
    pub fn was_said(&mut self, spent: &Spending, what: Said) {
        if let Some(said) = self.said.get_mut(spent.budget() as usize) {
            *said = (*said).max(what);
        }
        let (so_far, amount) = match spent {
            Spending::TokensPerHour { spent, .. } => (&mut self.tokens_of_hour, *spent),
            Spending::TokensPerDay { spent, .. } => (&mut self.tokens_of_day, *spent),
            Spending::UsdPerDay { spent_usd, .. } => {
                (&mut self.nano_usd_of_day, nano_usd(*spent_usd))
            }
        };
        *so_far = (*so_far).max(amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 490_000 * HOUR_MS;

    fn at(minutes: i64) -> Wall {
        Wall(HOUR + minutes * 60_000)
    }

    fn limits() -> Limits {
        let nano_usd_per_day = Some(2_000_000_000);
        let (tokens_per_hour, tokens_per_day) = (Some(100), Some(1_000));
        Limits { tokens_per_hour, tokens_per_day, nano_usd_per_day, ..Limits::default() }
    }

    /// What is said when so much is spent, at minutes after a full hour whose day ends in three.
    fn said(spend: &mut Spend, minutes: i64, tokens: u64, usd: f64) -> Vec<(Budget, Said)> {
        spend.roll(at(minutes), at(180));
        spend.add(tokens, nano_usd(usd));
        let news = std::iter::from_fn(|| spend.news(&limits()));
        news.map(|news| (news.budget, news.what)).collect()
    }

    #[test]
    fn a_budget_warns_at_four_fifths_and_is_exceeded_beyond_all_of_it_each_once() {
        let mut spend = Spend::default();
        assert_eq!(said(&mut spend, 0, 79, 0.0), []);
        assert_eq!(said(&mut spend, 1, 1, 0.0), [(Budget::TokensPerHour, Said::Warned)]);
        assert_eq!(said(&mut spend, 2, 20, 0.0), [], "all of it is not more than all of it");
        assert_eq!(said(&mut spend, 3, 1, 0.0), [(Budget::TokensPerHour, Said::Exceeded)]);
        assert_eq!(said(&mut spend, 4, 500, 0.0), []);
        assert_eq!(said(&mut spend, 61, 0, 0.0), [], "a fresh hour");
        assert_eq!(spend.of(Budget::TokensPerDay), 601);
        let both =
            [(Budget::TokensPerHour, Said::Exceeded), (Budget::TokensPerDay, Said::Exceeded)];
        assert_eq!(said(&mut spend, 62, 400, 0.0), both);
        assert_eq!(said(&mut spend, 63, 0, 1.6), [(Budget::UsdPerDay, Said::Warned)]);
        assert_eq!(said(&mut spend, 64, 0, 0.5), [(Budget::UsdPerDay, Said::Exceeded)]);
    }

    #[test]
    fn a_budget_is_fresh_at_the_full_hour_and_at_local_midnight() {
        let mut spend = Spend::default();
        said(&mut spend, 59, 150, 3.0);
        assert_eq!(spend.fresh_at(Budget::TokensPerHour), at(60));
        assert_eq!(spend.fresh_at(Budget::UsdPerDay), at(180));
        spend.roll(at(180), at(180 + 24 * 60));
        assert!(Budget::ALL.into_iter().all(|budget| spend.of(budget) == 0));
        assert_eq!(spend.fresh_at(Budget::TokensPerDay), at(180 + 24 * 60));
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_back_and_a_wrong_one_is_forgotten() {
        let mut spend = Spend::default();
        said(&mut spend, 61, 150, 0.0);
        assert_eq!(said(&mut spend, 58, 0, 0.0), []);
        assert_eq!(spend.of(Budget::TokensPerHour), 150);
        spend.roll(at(-60 * 24 * 300), at(-60 * 24 * 300 + 60));
        assert_eq!((spend.of(Budget::TokensPerHour), spend.of(Budget::TokensPerDay)), (0, 0));
    }

    #[test]
    fn a_budget_that_was_raised_can_be_exceeded_again() {
        let mut spend = Spend::default();
        said(&mut spend, 0, 150, 0.0);
        let more = Limits { tokens_per_hour: Some(400), ..limits() };
        assert_eq!(spend.news(&more), None);
        spend.add(300, 0);
        assert_eq!(spend.news(&more).map(|news| news.what), Some(Said::Exceeded));
    }
}
