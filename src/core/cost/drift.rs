//! Slow drift of tokens a cycle: a trend over days that no single cycle shows; the method is in
//! [`crate::core::trend`].

use crate::core::trend::{Rule, Trend, trend};

/// Days that are looked at: more would take a squared time, and who changed three months ago is not drifting.
pub const DAYS_MAX: usize = 90;

/// What is asked of a person's own choice of days, once.
const RULE: Rule = Rule {
    // Fewer days than a week tell of no trend: the test has nothing to hold on to.
    days_min: 7,
    days_max: DAYS_MAX,
    // The square of 2.576: a trend that comes by chance once in a hundred agents (two-sided 1 %).
    chance: 6_636,
    worth: 20,
    alike_max: 0,
    weekly_from: usize::MAX,
};

/// A trend of tokens a cycle.
pub type Drift = Trend;

/// The trend of what a cycle took on each day, as number of the day and the day's median, in order; `None`
/// where there is nothing to say.
#[must_use]
pub fn drift(days: &[(i32, u64)]) -> Option<Drift> {
    trend(days, &RULE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days of a level in tokens, with a noise of so many percent that comes from nowhere in particular.
    fn series(count: i32, noise: u64, level: impl Fn(u64) -> u64) -> Vec<(i32, u64)> {
        let mut seed = 88_172_645_463_325_252_u64;
        let mut shaken = |tokens: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            tokens * (100 - noise + seed % (2 * noise + 1)) / 100
        };
        (0..count).map(|day| (20_000 + day, shaken(level(u64::try_from(day).unwrap())))).collect()
    }

    #[test]
    fn a_level_that_creeps_up_is_seen_with_its_slope() {
        let drift = drift(&series(14, 5, |day| 1_210 + 40 * day)).unwrap();
        assert_eq!(drift.days, 14);
        assert!((1_100..1_320).contains(&drift.from), "{drift:?}");
        assert!((1_600..1_850).contains(&drift.to), "{drift:?}");
        assert!((250..420).contains(&drift.basis_points_per_day), "{drift:?}");
    }

    #[test]
    fn a_falling_level_falls() {
        let drift = drift(&series(20, 3, |day| 5_000 - 150 * day)).unwrap();
        assert!(drift.basis_points_per_day < 0 && drift.to < drift.from, "{drift:?}");
    }

    #[test]
    fn where_there_is_no_trend_nothing_is_said() {
        for noise in [0, 2, 10, 30] {
            assert_eq!(drift(&series(30, noise, |_| 1_210)), None, "{noise} %");
        }
        assert_eq!(drift(&series(6, 0, |day| 1_000 * (day + 1))), None, "six days are too few");
        assert_eq!(drift(&[]), None);
        assert_eq!(
            drift(&series(60, 1, |day| 10_000 + 5 * day)),
            None,
            "three percent are no news"
        );
    }

    #[test]
    fn a_week_has_a_weekend_and_that_is_no_drift() {
        for begins in 0..7 {
            for days in [14, 17, 28] {
                let week = |day: u64| if (day + begins) % 7 < 5 { 4_000 } else { 400 };
                assert_eq!(drift(&series(days, 10, week)), None, "{days} days from {begins}");
            }
        }
    }

    #[test]
    fn one_wild_day_changes_little() {
        let mut days = series(14, 5, |day| 1_000 + 50 * day);
        let calm = drift(&days).unwrap();
        days[6].1 = 900_000;
        let wild = drift(&days).unwrap();
        assert!(calm.to.abs_diff(wild.to) < 150, "{calm:?} {wild:?}");
        let mut flat = series(14, 5, |_| 1_000);
        flat[3].1 = 900_000;
        assert_eq!(drift(&flat), None);
    }

    #[test]
    fn no_number_overflows() {
        let days: Vec<(i32, u64)> =
            (0..200).zip(1_u64..).map(|(day, n)| (i32::MIN + day * 9, n << 42)).collect();
        assert!(drift(&days).is_some());
        assert_eq!(drift(&[(0, 0); 30]), None);
    }
}
