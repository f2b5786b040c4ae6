//! What an agent uses against what is usual for it and against its budgets, for people and for programs.

use serde::Serialize;

use crate::core::cost::budget::{Budget, usd};
use crate::core::cost::ledger::Ledger;
use crate::core::time::Wall;
use crate::wire::costs;
use crate::wire::stamp;
use crate::wire::words::grouped;

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

impl Spend {
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
}
