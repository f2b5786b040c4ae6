//! Beats that come ever slower, before anybody calls them late.
//!
//! The method is that of drift ([`crate::core::trend`], Theil–Sen and Mann–Kendall), over each day's median of the time
//! between the ends of two cycles. Who gets faster has no problem.

use serde::Serialize;

use crate::core::trend::{Trend, trend};
use crate::wire::words::{count, span};

use super::drift::{RULE, a_day};

/// Beats that get slower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Slower {
    /// From the first day to the last, both included.
    pub days: u64,
    /// The time between two cycles on the first day, on the line of the trend.
    pub from_ms: u64,
    /// And on the last.
    pub to_ms: u64,
    /// What a day adds, in hundredths of a percent of the first day.
    pub basis_points_per_day: i64,
    /// In so many days the time between two cycles is what is called late; 0: it is already. None if nobody said
    /// what is late, or if it takes more than a year.
    pub days_to_late: Option<u64>,
}

/// The trend of the time between two cycles: number of the day and the day's median in milliseconds, in order, without
/// days of which nothing is known. `late_ms`: silence of that length is called late.
#[must_use]
pub fn slower(days: &[(i32, u64)], late_ms: Option<u64>) -> Option<Slower> {
    let Trend { days, from, to, basis_points_per_day } = trend(days, &RULE)?;
    if to <= from {
        return None;
    }
    let days_to_late = late_ms.and_then(|late| {
        let left = u128::from(late.saturating_sub(to));
        let took = u128::from(days.saturating_sub(1).max(1));
        u64::try_from((left * took).div_ceil(u128::from(to - from)))
            .ok()
            .filter(|days| *days <= 365)
    });
    Some(Slower { days, from_ms: from, to_ms: to, basis_points_per_day, days_to_late })
}

impl Slower {
    /// `Cycles get slower: one every 1m2s became one every 1m31s over 14 days (+3.6 % a day); late in 12 days.`
    #[must_use]
    pub fn words(&self) -> String {
        let late = match self.days_to_late {
            None => String::new(),
            Some(0) => "; that is late already".to_owned(),
            Some(days) => format!("; late in {}", count(days, "day")),
        };
        format!(
            "Cycles get slower: one every {} became one every {} over {} ({}){late}.",
            span(self.from_ms),
            span(self.to_ms),
            count(self.days, "day"),
            a_day(self.basis_points_per_day),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rising(by: i64) -> Vec<(i32, u64)> {
        (0..14).map(|day| (day, 62_000_u64.saturating_add_signed(by * i64::from(day)))).collect()
    }

    #[test]
    fn beats_that_get_slower_are_said_with_what_follows() {
        let found = slower(&rising(2_200), Some(120_000)).unwrap();
        assert_eq!((found.from_ms, found.to_ms, found.days_to_late), (62_000, 90_600, Some(14)));
        assert_eq!(
            found.words(),
            "Cycles get slower: one every 1m2s became one every 1m30s over 14 days (+3.5 % a day); \
             late in 14 days."
        );
        assert_eq!(slower(&rising(2_200), None).unwrap().days_to_late, None);
        assert_eq!(slower(&rising(2_200), Some(60_000)).unwrap().days_to_late, Some(0));
        assert_eq!(slower(&rising(2_200), Some(u64::MAX)).unwrap().days_to_late, None);
    }

    #[test]
    fn who_gets_faster_or_stays_is_left_in_peace() {
        assert_eq!(slower(&rising(-2_200), Some(120_000)), None);
        assert_eq!(slower(&rising(0), None), None);
        assert_eq!(slower(&rising(2_200)[..7], None), None, "a week is too short");
        assert_eq!(slower(&[], None), None);
    }
}
