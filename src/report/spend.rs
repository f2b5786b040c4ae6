//! What an agent uses against what is usual for it and against its budgets, for people and for programs.

use serde::Serialize;

use crate::core::cost::budget::{Budget, nano_usd, usd};
use crate::core::cost::ledger::Ledger;
use crate::core::time::Wall;
use crate::wire::costs;
use crate::wire::stamp;
use crate::wire::words::{grouped, short};

/// What an agent uses; its fields are documented in `docs/json.md`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spend {
    /// Tokens that a cycle usually takes: the mean of the last cycles that were no runaways.
    pub baseline: Option<u64>,
    /// Since when a runaway is suspected.
    pub loop_since: Option<String>,
    /// Tokens in the hour of the clock that runs.
    pub tokens_this_hour: u64,
    /// Tokens on the local day that runs.
    pub tokens_today: u64,
    /// USD on the local day that runs, as far as the cost is known.
    pub usd_today: f64,
    /// The budget of an hour.
    pub max_tokens_per_hour: Option<u64>,
    /// The budget of a day in tokens.
    pub max_tokens_per_day: Option<u64>,
    /// The budget of a day in USD.
    pub max_usd_per_day: Option<f64>,
}

/// What `ledger` says at `now`; an hour or a day that is over says nothing about this one.
#[must_use]
pub fn spend(ledger: &Ledger, now: Wall) -> Spend {
    let mut spend = *ledger.spend();
    let midnight = spend.midnight_after(now);
    spend.roll(now, midnight);
    let limits = ledger.limits();
    Spend {
        baseline: ledger.usual(),
        loop_since: ledger.suspected_since().map(stamp::utc),
        tokens_this_hour: spend.of(Budget::TokensPerHour),
        tokens_today: spend.of(Budget::TokensPerDay),
        usd_today: usd(spend.of(Budget::UsdPerDay)),
        max_tokens_per_hour: limits.tokens_per_hour,
        max_tokens_per_day: limits.tokens_per_day,
        max_usd_per_day: limits.nano_usd_per_day.map(usd),
    }
}

/// What was spent in a few columns, against the budget of which most is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// `$4.10 of $20.00`, `80k of 1.0M`, or without a budget `$4.10`, `80k`.
    pub words: String,
    /// The share of the budget in hundredths, if there is one.
    pub percent: Option<u64>,
}

impl Spend {
    /// What was spent today, or in this hour where a budget of the hour is nearer its end. None if nothing
    /// was and nothing is limited.
    #[must_use]
    pub fn brief(&self) -> Option<Brief> {
        let tokens = |spent: u64, limit: Option<u64>, when: &str| {
            let limit = limit?;
            let percent = u128::from(spent) * 100 / u128::from(limit.max(1));
            let percent = u64::try_from(percent).unwrap_or(u64::MAX);
            Some((percent, format!("{} of {}{when}", short(spent), short(limit))))
        };
        let usd = self.max_usd_per_day.map(|limit| {
            let (spent, limit) = (nano_usd(self.usd_today), nano_usd(limit));
            let percent = u128::from(spent) * 100 / u128::from(limit.max(1));
            let words = format!("{} of {}", costs::usd(usd(spent)), costs::usd(usd(limit)));
            (u64::try_from(percent).unwrap_or(u64::MAX), words)
        });
        let day = tokens(self.tokens_today, self.max_tokens_per_day, "");
        let hour = tokens(self.tokens_this_hour, self.max_tokens_per_hour, "/h");
        // Of two that are spent alike the first: money is what people count in.
        let nearest = [usd, day, hour]
            .into_iter()
            .flatten()
            .reduce(|best, other| if best.0 < other.0 { other } else { best });
        if let Some((percent, words)) = nearest {
            return Some(Brief { words, percent: Some(percent) });
        }
        let words = if self.usd_today > 0.0 {
            costs::usd(self.usd_today)
        } else if self.tokens_today > 0 {
            short(self.tokens_today)
        } else {
            return None;
        };
        Some(Brief { words, percent: None })
    }

    /// What was spent, against the budgets where there are any: `12,400 tokens this hour; $4.10 of $20.00
    /// today`. None if nothing was.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        let of =
            |limit: Option<u64>| limit.map(|n| format!(" of {}", grouped(n))).unwrap_or_default();
        let mut parts = Vec::new();
        if self.max_tokens_per_hour.is_some() {
            let limit = of(self.max_tokens_per_hour);
            parts.push(format!("{}{limit} tokens this hour", grouped(self.tokens_this_hour)));
        }
        if self.tokens_today > 0 || self.max_tokens_per_day.is_some() {
            let limit = of(self.max_tokens_per_day);
            parts.push(format!("{}{limit} tokens today", grouped(self.tokens_today)));
        }
        if self.usd_today > 0.0 || self.max_usd_per_day.is_some() {
            let limit = self.max_usd_per_day.map(|n| format!(" of {}", costs::usd(n)));
            let limit = limit.unwrap_or_default();
            parts.push(format!("{}{limit} today", costs::usd(self.usd_today)));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_spent_stands_against_its_budget() {
        let spend = Spend {
            tokens_this_hour: 12_400,
            tokens_today: 80_000,
            usd_today: 4.1,
            max_tokens_per_hour: Some(100_000),
            max_usd_per_day: Some(20.0),
            ..Spend::default()
        };
        let want = "12,400 of 100,000 tokens this hour; 80,000 tokens today; $4.10 of $20.00 today";
        assert_eq!(spend.words().as_deref(), Some(want));
        assert_eq!(Spend::default().words(), None);
    }

    #[test]
    fn the_budget_that_is_spent_most_is_the_one_to_show() {
        let brief = |spend: &Spend| spend.brief().map(|brief| (brief.words, brief.percent));
        let mut spend = Spend { tokens_today: 80_000, usd_today: 4.1, ..Spend::default() };
        assert_eq!(brief(&spend), Some(("$4.10".into(), None)));
        spend.max_usd_per_day = Some(20.0);
        assert_eq!(brief(&spend), Some(("$4.10 of $20.00".into(), Some(20))));
        spend.max_tokens_per_day = Some(100_000);
        assert_eq!(brief(&spend), Some(("80k of 100k".into(), Some(80))));
        (spend.tokens_this_hour, spend.max_tokens_per_hour) = (9_000, Some(8_000));
        assert_eq!(brief(&spend), Some(("9.0k of 8.0k/h".into(), Some(112))));
        assert_eq!(brief(&Spend::default()), None);
    }
}
