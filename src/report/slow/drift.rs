//! Tokens a cycle that drift over days, as a report says it every morning.
//!
//! The method is that of `backtest` ([`crate::core::trend`], Theil–Sen and Mann–Kendall), asked more strictly: a report
//! asks again every day, and days that are like the day before must not pass for a trend.

use serde::Serialize;

use crate::core::trend::{Rule, Trend, trend};
use crate::wire::words::{count, grouped};

/// What a trend must be to be said every morning.
pub(super) const RULE: Rule = Rule {
    // Nine days in a row that rise are the fewest that can pass.
    days_min: 9,
    // Four whole weeks.
    days_max: 28,
    // The square of 3.5; why is in `docs/report-methods.md`.
    chance: 12_250,
    worth: 20,
    alike_max: 6,
    weekly_from: 21,
};

/// Tokens a cycle that drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// From the first day to the last, both included.
    pub days: u64,
    /// Tokens a cycle on the first day, on the line of the trend.
    pub from_tokens: u64,
    /// And on the last.
    pub to_tokens: u64,
    /// What a day adds, in hundredths of a percent of the first day; negative where it falls.
    pub basis_points_per_day: i64,
}

/// The trend of what a cycle took on each day: number of the day and the day's median, in order, without
/// days of which nothing is known.
#[must_use]
pub fn drift(days: &[(i32, u64)]) -> Option<Drift> {
    let Trend { days, from, to, basis_points_per_day } = trend(days, &RULE)?;
    Some(Drift { days, from_tokens: from, to_tokens: to, basis_points_per_day })
}

/// `+3.1 % a day`.
pub(super) fn a_day(basis_points: i64) -> String {
    let sign = if basis_points < 0 { '-' } else { '+' };
    let tenths = basis_points.unsigned_abs().saturating_add(5) / 10;
    format!("{sign}{}.{} % a day", tenths / 10, tenths % 10)
}

impl Drift {
    /// `A cycle takes ever more tokens: 1,210 became 1,830 over 14 days (+3.9 % a day).`
    #[must_use]
    pub fn words(&self) -> String {
        format!(
            "A cycle takes ever {} tokens: {} became {} over {} ({}).",
            if self.basis_points_per_day < 0 { "fewer" } else { "more" },
            grouped(self.from_tokens),
            grouped(self.to_tokens),
            count(self.days, "day"),
            a_day(self.basis_points_per_day),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_is_said_in_a_sentence() {
        let days: Vec<(i32, u64)> = (0..14).zip((1_210..).step_by(48)).collect();
        assert_eq!(
            drift(&days).unwrap().words(),
            "A cycle takes ever more tokens: 1,210 became 1,834 over 14 days (+4.0 % a day)."
        );
        let days: Vec<(i32, u64)> = (0..14).zip((0..14).map(|day| 5_000 - 150 * day)).collect();
        let words = drift(&days).unwrap().words();
        assert_eq!(
            words,
            "A cycle takes ever fewer tokens: 5,000 became 3,050 over 14 days (-3.0 % a day)."
        );
    }

    #[test]
    fn a_week_with_its_weekend_is_no_drift() {
        for begins in 0..7 {
            let week = |day: i32| if (day + begins) % 7 < 5 { 4_000 } else { 400 };
            for length in 8..28 {
                let days: Vec<(i32, u64)> = (0..length).map(|day| (day, week(day))).collect();
                assert_eq!(drift(&days), None, "{length} days from {begins}");
            }
        }
    }

    #[test]
    fn days_that_are_missing_are_no_days() {
        let days: Vec<(i32, u64)> =
            (0..28).zip((1_000..).step_by(50)).filter(|(day, _)| day % 3 != 1).collect();
        let found = drift(&days).unwrap();
        assert_eq!((found.days, found.from_tokens, found.to_tokens), (28, 1_000, 2_350));
    }
}
