//! Slow drift of tokens a cycle: a trend over days that no single cycle shows.
//!
//! The slope is that of Theil and Sen, the median of the slopes between all pairs of days (P. K. Sen, Estimates
//! of the regression coefficient based on Kendall's tau, 1968), so a wild day or two do not matter; whether it is
//! more than chance is asked of the Mann–Kendall test with its correction for ties (H. B. Mann, Nonparametric
//! tests against trend, 1945; M. G. Kendall, Rank correlation methods, 1975). All in whole numbers.

/// Days that are looked at: more would take a squared time, and who changed three months ago is not drifting.
pub const DAYS_MAX: usize = 90;

/// Fewer days than a week tell of no trend: the test has nothing to hold on to.
const DAYS_MIN: usize = 7;

/// The square of 2.576 in thousandths: a trend that comes by chance once in a hundred agents (two-sided 1 %).
const CHANCE: i128 = 6_636;

/// A change of less than this, in hundredths of where it began, is not worth a word.
const WORTH: u64 = 20;

/// The slope is counted in so many parts of a token.
const PARTS: i64 = 1_000;

/// A trend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Drift {
    /// From the first day to the last, both included.
    pub days: u64,
    /// Tokens a cycle on the first day, on the line of the trend.
    pub from: u64,
    /// And on the last.
    pub to: u64,
    /// What a day adds, in hundredths of a percent of the first day; negative where it falls.
    pub basis_points_per_day: i64,
}

/// The trend of what a cycle took on each day, as number of the day and the day's median, in order; `None`
/// where there is nothing to say.
#[must_use]
pub fn drift(days: &[(i32, u64)]) -> Option<Drift> {
    let days = days.get(days.len().saturating_sub(DAYS_MAX)..)?;
    let (first, last) = (days.first()?.0, days.last()?.0);
    if days.len() < DAYS_MIN || !is_trend(days) {
        return None;
    }
    let slope = median(slopes(days))?;
    let level = |(day, tokens): &(i32, u64)| {
        signed(*tokens)
            .saturating_mul(PARTS)
            .saturating_sub(slope.saturating_mul(since(first, *day)))
    };
    let from = median(days.iter().map(level).collect())?.max(PARTS);
    let to = from.saturating_add(slope.saturating_mul(since(first, last))).max(0);
    let change = u128::from(from.abs_diff(to)) * 100;
    if change < u128::from(WORTH) * u128::from(from.unsigned_abs()) {
        return None;
    }
    let whole = |parts: i64| u64::try_from((parts + PARTS / 2) / PARTS).unwrap_or(0);
    Some(Drift {
        days: since(first, last).unsigned_abs() + 1,
        from: whole(from),
        to: whole(to),
        basis_points_per_day: slope.saturating_mul(10_000) / from,
    })
}

fn signed(tokens: u64) -> i64 {
    // Far above what a beat may tell, and far from where a slope would overflow.
    i64::try_from(tokens.min(1 << 50)).unwrap_or(i64::MAX)
}

fn since(first: i32, day: i32) -> i64 {
    i64::from(day) - i64::from(first)
}

fn pairs(days: &[(i32, u64)]) -> impl Iterator<Item = ((i32, u64), (i32, u64))> + '_ {
    let later = |at: usize| days.iter().skip(at + 1).copied();
    days.iter().enumerate().flat_map(move |(at, day)| later(at).map(move |other| (*day, other)))
}

/// In parts of a token a day.
fn slopes(days: &[(i32, u64)]) -> Vec<i64> {
    pairs(days)
        .filter(|((before, _), (after, _))| before < after)
        .map(|((before, low), (after, high))| {
            (signed(high) - signed(low)).saturating_mul(PARTS) / since(before, after)
        })
        .collect()
}

fn median(mut all: Vec<i64>) -> Option<i64> {
    let at = all.len() / 2;
    all.sort_unstable();
    all.get(at).copied()
}

/// Mann and Kendall's test: whether later days are higher (or lower) than earlier ones too often for chance.
fn is_trend(days: &[(i32, u64)]) -> bool {
    let sign = |((_, before), (_, after)): ((i32, u64), (i32, u64))| match before.cmp(&after) {
        std::cmp::Ordering::Less => 1,
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => -1,
    };
    let score: i128 = pairs(days).map(sign).sum();
    let part = |n: i128| n * (n - 1) * (2 * n + 5);
    let mut sorted: Vec<u64> = days.iter().map(|(_, tokens)| *tokens).collect();
    sorted.sort_unstable();
    let count = |n: usize| i128::try_from(n).unwrap_or(0);
    let ties: i128 = sorted.chunk_by(|a, b| a == b).map(|alike| part(count(alike.len()))).sum();
    // Eighteen times the variance.
    let variance = part(count(sorted.len())) - ties;
    // One off for continuity.
    let above = (score.abs() - 1).max(0);
    CHANCE * variance < above * above * 18 * 1_000
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
