//! What is left of a budget, and whether the present pace keeps to it.
//!
//! The pace is a straight line through nothing at the start and what was spent by now (the rule of three): who works by
//! day only is over it at noon and below it at night, so nothing is said of the first quarter, and a forecast is said
//! as one.

use serde::Serialize;

use crate::core::cost::budget::usd;
use crate::wire::costs;
use crate::wire::words::{grouped, span};

use super::unusual::Measure;

/// So much of a budget is worth a word, in hundredths: the share at which an alert warns as well.
const NEAR: u128 = 80;

/// A pace is known when one part in so many of the time is over.
const PACE_FROM: u64 = 4;

/// A budget of a day, an hour or a month, whose time may still run.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// The unit of `spent` and `limit`: tokens, or billionths of a USD.
    pub measure: Measure,
    /// What was spent, as far as it is known.
    pub spent: u64,
    /// What may be.
    pub limit: u64,
    /// How much of the time is over, in milliseconds.
    pub elapsed_ms: u64,
    /// How long it is; a day has 23 to 25 hours.
    pub length_ms: u64,
}

/// A budget that is nearly spent, spent, or soon will be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Outlook {
    /// The unit of all amounts here.
    pub measure: Measure,
    /// What was spent.
    pub spent: f64,
    /// What may be.
    pub limit: f64,
    /// What is left.
    pub left: f64,
    /// Spent in hundredths of the limit.
    pub percent: u64,
    /// What will be spent at the end if it goes on like this; None if it is too early to tell, or over.
    pub projected: Option<f64>,
    /// The limit is reached in so many milliseconds if it goes on like this; None if it is not before the end.
    pub reached_in_ms: Option<u64>,
}

/// What is to be said of a budget; None if there is nothing.
#[must_use]
pub fn outlook(of: &Spent) -> Option<Outlook> {
    let Spent { measure, spent, limit, elapsed_ms, length_ms } = *of;
    let elapsed = elapsed_ms.min(length_ms);
    let runs = elapsed < length_ms && length_ms / PACE_FROM <= elapsed && elapsed > 0;
    let by = |a: u64, b: u64, c: u64| {
        u64::try_from(u128::from(a) * u128::from(b) / u128::from(c.max(1))).unwrap_or(u64::MAX)
    };
    let projected = runs.then(|| by(spent, length_ms, elapsed));
    let is_near = u128::from(limit) * NEAR <= u128::from(spent) * 100 && spent > 0;
    if !is_near && projected.is_none_or(|projected| projected <= limit) {
        return None;
    }
    let left = limit.saturating_sub(spent);
    let reached = projected.filter(|projected| limit < *projected && spent <= limit);
    let unit = |amount: u64| match measure {
        Measure::Usd => usd(amount),
        // Exact to nine thousand million million, which is far above what anybody uses.
        Measure::Tokens => usd(amount) * 1e9,
    };
    Some(Outlook {
        measure,
        spent: unit(spent),
        limit: unit(limit),
        left: unit(left),
        percent: by(spent, 100, limit),
        projected: projected.map(unit),
        reached_in_ms: reached.map(|_| by(left, elapsed, spent)),
    })
}

impl Outlook {
    /// `$16.40 of $20.00 spent, $3.60 left; at this pace it is spent in 2h10m.`
    #[must_use]
    pub fn words(&self) -> String {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        let amount = |amount: f64| match self.measure {
            Measure::Usd => costs::usd(amount),
            Measure::Tokens => grouped(amount.round() as u64),
        };
        let unit = match self.measure {
            Measure::Usd => "",
            Measure::Tokens => " tokens",
        };
        let (spent, limit) = (amount(self.spent), amount(self.limit));
        if self.limit < self.spent {
            let over = amount(self.spent - self.limit);
            return format!("{spent} of {limit}{unit} spent: {over} too much.");
        }
        let soon =
            self.reached_in_ms.map(|ms| format!("; at this pace it is spent in {}", span(ms)));
        let left = amount(self.left);
        format!("{spent} of {limit}{unit} spent, {left} left{}.", soon.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;
    const CENT: u64 = 10_000_000;

    fn at(hour: u64, spent: u64) -> Option<Outlook> {
        let (elapsed_ms, length_ms) = (hour * HOUR_MS, 24 * HOUR_MS);
        outlook(&Spent {
            measure: Measure::Usd,
            spent: spent * CENT,
            limit: 2_000 * CENT,
            elapsed_ms,
            length_ms,
        })
    }

    #[test]
    fn a_pace_that_is_too_fast_is_said_and_when_it_ends() {
        let found = at(12, 1_200).unwrap();
        assert_eq!((found.percent, found.projected), (60, Some(24.0)));
        assert_eq!(
            found.words(),
            "$12.00 of $20.00 spent, $8.00 left; at this pace it is spent in 8h."
        );
        assert_eq!(at(12, 900), None);
        assert_eq!(at(5, 1_000), None, "too early to tell");
        assert!(at(6, 501).is_some());
    }

    #[test]
    fn what_is_nearly_spent_is_said_at_any_hour() {
        let found = at(24, 1_640).unwrap();
        assert_eq!(found.words(), "$16.40 of $20.00 spent, $3.60 left.");
        assert_eq!((found.projected, at(24, 1_599)), (None, None));
        assert!(at(0, 1_600).is_some());
        assert_eq!(at(9, 2_250).unwrap().words(), "$22.50 of $20.00 spent: $2.50 too much.");
    }

    #[test]
    fn tokens_have_their_unit_and_odd_numbers_are_taken() {
        let of = |spent, limit, elapsed_ms, length_ms| {
            outlook(&Spent { measure: Measure::Tokens, spent, limit, elapsed_ms, length_ms })
        };
        let words = of(90_000, 100_000, 1, 1).unwrap().words();
        assert_eq!(words, "90,000 of 100,000 tokens spent, 10,000 left.");
        assert_eq!(of(0, 0, 0, 0), None);
        assert_eq!(of(0, 0, 5, 9), None);
        assert!(of(1, 0, 0, 0).unwrap().words().ends_with("too much."));
        assert!(of(u64::MAX, u64::MAX, 1, 2).is_some());
        assert!(of(u64::MAX, 1, u64::MAX, u64::MAX).is_some());
    }
}
