//! A trend over days that no single day shows, and whether it is more than chance.
//!
//! The slope is that of Theil and Sen, the median of the slopes between all pairs of points (P. K. Sen, Estimates
//! of the regression coefficient based on Kendall's tau, 1968), so a wild day or two do not matter; whether it is
//! more than chance is asked of the Mann–Kendall test with its correction for ties (H. B. Mann, Nonparametric
//! tests against trend, 1945; M. G. Kendall, Rank correlation methods, 1975). Several series are asked as one by
//! the sum of their scores, and so are the days of a week, each with its like alone (R. M. Hirsch, J. R. Slack and
//! R. A. Smith, Techniques of trend analysis for monthly water quality data, 1982).
//! Where a day is like the one before it, fewer days are known than there are: the variance of the score grows by
//! (1 + r) / (1 − r) of the autocorrelation r of what the slope leaves over (S. Yue and C. Wang, The Mann-Kendall
//! test modified by effective sample size, 2004), which short series understate (N. P. A. van Giersbergen, On the
//! effect of deterministic terms on the bias in stable AR models, 2005). All in whole numbers.

/// When, in the caller's unit of time, and how much.
pub type Point = (i64, u64);

/// A slope and a level are counted in so many parts of the unit of the values.
pub const PARTS: i64 = 1_000;

/// When a trend is worth a word.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Fewer days tell of no trend.
    pub days_min: usize,
    /// Of more days only the newest are looked at: more would take a squared time.
    pub days_max: usize,
    /// The square of the quantile of the normal distribution that the test must pass, in thousandths.
    pub chance: i128,
    /// A change of less than this, in hundredths of where it began, is not worth a word.
    pub worth: u64,
    /// How much autocorrelation is allowed for at most, in tenths below 10: a bend in a smooth line looks like
    /// it, too. 0: none.
    pub alike_max: i128,
    /// With so many days each is also compared with the same days of other weeks alone, so that a week
    /// with its weekend hides nothing.
    pub weekly_from: usize,
}

/// A trend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Trend {
    /// From the first day to the last, both included.
    pub days: u64,
    /// The value on the first day, on the line of the trend.
    pub from: u64,
    /// And on the last.
    pub to: u64,
    /// What a day adds, in hundredths of a percent of the first day; negative where it falls.
    pub basis_points_per_day: i64,
}

/// The trend of a number for each day, in order of the days; `None` where there is nothing to say.
#[must_use]
pub fn trend(days: &[(i32, u64)], rule: &Rule) -> Option<Trend> {
    let newest = days.get(days.len().saturating_sub(rule.days_max)..)?;
    let points: Vec<Point> = newest.iter().map(|(day, value)| (i64::from(*day), *value)).collect();
    let (first, last) = (points.first()?.0, points.last()?.0);
    if points.len() < rule.days_min {
        return None;
    }
    let slope = day_by_day(&points, rule).or_else(|| week_by_week(&points, rule))?;
    let from = level(&points, slope)?.max(PARTS);
    let to = from.saturating_add(slope.saturating_mul(last - first)).max(0);
    let change = u128::from(from.abs_diff(to)) * 100;
    if change < u128::from(rule.worth) * u128::from(from.unsigned_abs()) {
        return None;
    }
    Some(Trend {
        days: (last - first).unsigned_abs() + 1,
        from: whole(from),
        to: whole(to),
        basis_points_per_day: slope.saturating_mul(10_000) / from,
    })
}

/// The slope, if every day compared with every other one says that it is more than chance.
fn day_by_day(points: &[Point], rule: &Rule) -> Option<i64> {
    let slope = slope(points)?;
    let mut test = Kendall::default();
    test.add(points, slope);
    (!test.is_chance(rule.chance, rule.alike_max)).then_some(slope)
}

/// The same, of every day compared with the same days of other weeks.
fn week_by_week(points: &[Point], rule: &Rule) -> Option<i64> {
    if points.len() < rule.weekly_from {
        return None;
    }
    let of_week = |(at, _): &Point| at.rem_euclid(7);
    let alike = |day: i64| points.iter().filter(move |point| of_week(point) == day);
    let weekdays: Vec<Vec<Point>> = (0..7).map(|day| alike(day).copied().collect()).collect();
    let slope = median(weekdays.iter().flat_map(|days| slopes(days)).collect())?;
    let mut test = Kendall::default();
    let mut rest = Vec::new();
    for days in &weekdays {
        test.count(days);
        // Each with a slope of its own: a busy day grows by more than a quiet one.
        let left = self::slope(days).and_then(|own| left_over(days, own)).unwrap_or_default();
        let usual = median(left.clone()).unwrap_or(0);
        let left = left.into_iter().map(|left| left.saturating_sub(usual));
        rest.extend(days.iter().map(|(at, _)| *at).zip(left));
    }
    rest.sort_unstable();
    test.neighbours(&rest.into_iter().map(|(_, left)| left).collect::<Vec<i64>>());
    (!test.is_chance(rule.chance, rule.alike_max)).then_some(slope)
}

/// Parts as the nearest whole unit; 0 if there are fewer than none.
#[must_use]
pub fn whole(parts: i64) -> u64 {
    u64::try_from(parts.saturating_add(PARTS / 2) / PARTS).unwrap_or(0)
}

/// The median of the slopes between all pairs of points, in parts for one unit of time; `None` if no two are
/// of different times.
#[must_use]
pub fn slope(points: &[Point]) -> Option<i64> {
    median(slopes(points))
}

fn slopes(points: &[Point]) -> Vec<i64> {
    pairs(points)
        .filter(|((before, _), (after, _))| before < after)
        .map(|((before, low), (after, high))| {
            (signed(high) - signed(low)).saturating_mul(PARTS) / after.saturating_sub(before)
        })
        .collect()
}

/// Where the line of that slope is at the time of the first point, in parts.
#[must_use]
pub fn level(points: &[Point], slope: i64) -> Option<i64> {
    median(left_over(points, slope)?)
}

/// The points without their slope, in parts.
fn left_over(points: &[Point], slope: i64) -> Option<Vec<i64>> {
    let first = points.first()?.0;
    let level = |(at, value): &Point| {
        signed(*value)
            .saturating_mul(PARTS)
            .saturating_sub(slope.saturating_mul(at.saturating_sub(first)))
    };
    Some(points.iter().map(level).collect())
}

fn signed(value: u64) -> i64 {
    // Far above what is ever counted, and far from where a slope would overflow.
    i64::try_from(value.min(1 << 50)).unwrap_or(i64::MAX)
}

fn pairs(points: &[Point]) -> impl Iterator<Item = (Point, Point)> + '_ {
    let later = |at: usize| points.iter().skip(at + 1).copied();
    points
        .iter()
        .enumerate()
        .flat_map(move |(at, point)| later(at).map(move |other| (*point, other)))
}

/// The middle one, of two the higher.
#[must_use]
pub fn median(mut all: Vec<i64>) -> Option<i64> {
    let at = all.len() / 2;
    (at < all.len()).then(|| *all.select_nth_unstable(at).1)
}

fn size(n: usize) -> i128 {
    i128::try_from(n).unwrap_or(0)
}

/// Mann and Kendall's test over one series or several.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kendall {
    /// Pairs that rise less pairs that fall.
    score: i128,
    /// Eighteen times the variance of that by chance.
    variance: i128,
    points: i128,
    series: i128,
    /// The sum of the products of the ranks of neighbours, as they are without the slope…
    products: i128,
    /// …and of the squares of the ranks.
    squares: i128,
}

impl Kendall {
    /// Takes a series in order of time, and the slope that it has.
    pub fn add(&mut self, points: &[Point], slope: i64) {
        self.count(points);
        self.neighbours(&left_over(points, slope).unwrap_or_default());
    }

    /// The score of a series, and how far chance takes it.
    fn count(&mut self, points: &[Point]) {
        let sign = |((_, before), (_, after)): (Point, Point)| match before.cmp(&after) {
            std::cmp::Ordering::Less => 1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => -1,
        };
        self.score += i128::from(pairs(points).map(sign).sum::<i64>());
        let part = |n: i128| n * (n - 1) * (2 * n + 5);
        let mut sorted: Vec<u64> = points.iter().map(|(_, value)| *value).collect();
        sorted.sort_unstable();
        let ties: i128 = sorted.chunk_by(|a, b| a == b).map(|alike| part(size(alike.len()))).sum();
        self.variance += part(size(sorted.len())) - ties;
    }

    /// How alike neighbours are in what the slope leaves over.
    fn neighbours(&mut self, rest: &[i64]) {
        self.points += size(rest.len());
        self.series += 1;
        let ranks = ranks(rest);
        self.products += ranks.iter().zip(ranks.iter().skip(1)).map(|(a, b)| a * b).sum::<i128>();
        self.squares += ranks.iter().map(|a| a * a).sum::<i128>();
    }

    /// Whether it rises more than it falls.
    #[must_use]
    pub fn rises(&self) -> bool {
        self.score > 0
    }

    /// Whether later points are higher (or lower) than earlier ones no more than chance makes them: below a
    /// quantile of the normal distribution, given by its square in thousandths. `alike_max`: see [`Rule`].
    #[must_use]
    pub fn is_chance(&self, chance: i128, alike_max: i128) -> bool {
        // One off for continuity.
        let above = (self.score.abs() - 1).max(0);
        let (times, of) = self.inflation(alike_max);
        above * above * 18 * 1_000 * of <= chance * self.variance * times
    }

    /// By how much the variance grows because neighbours are alike, as a fraction.
    fn inflation(&self, alike_max: i128) -> (i128, i128) {
        // With the bias of n points and a fitted line: r = (n·r' + 2) / (n − 4).
        let top = self.points * self.products + 2 * self.series * self.squares;
        let bottom = (self.points - 4 * self.series) * self.squares;
        let (top, bottom) = match (self.squares, bottom) {
            // All are on the line: there is nothing that could be alike.
            (0, _) => (0, 1),
            (_, ..=0) => (alike_max, 10),
            _ if alike_max * bottom < 10 * top => (alike_max, 10),
            _ => (top.max(0), bottom),
        };
        (bottom + top, bottom - top)
    }
}

/// Twice the rank of each, from the middle; who is alike shares.
fn ranks(values: &[i64]) -> Vec<i128> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = |value: &i64| {
        let below = sorted.partition_point(|other| other < value);
        let upto = sorted.partition_point(|other| other <= value);
        size(below) + size(upto) - size(sorted.len())
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the tests for trends of tokens do not look.
    const RULE: Rule =
        Rule { days_min: 7, days_max: 90, chance: 9_000, worth: 20, alike_max: 6, weekly_from: 21 };

    #[test]
    fn days_that_are_like_the_day_before_are_fewer_days() {
        // Two slow waves that end high.
        let wave = [10, 9, 7, 5, 4, 4, 5, 7, 9, 11, 12, 13, 13, 12, 12, 13, 14, 15, 15, 14, 13];
        let days: Vec<(i32, u64)> = (0..).zip(wave.map(|n| 1_000 + 100 * n)).collect();
        assert!(trend(&days, &Rule { alike_max: 0, ..RULE }).is_some());
        assert_eq!(trend(&days, &RULE), None);
    }

    #[test]
    fn what_is_alike_counts_less() {
        let of = |points: i128, products: i128| {
            Kendall { points, series: 1, products, squares: 100, ..Kendall::default() }.inflation(6)
        };
        // r' = 0.2 of 28 points is r = (28 · 0.2 + 2) / 24.
        assert_eq!(of(28, 20), (3_160, 1_640));
        assert_eq!(
            of(28, -60),
            (2_400, 2_400),
            "neighbours that are unlike make no day count more"
        );
        assert_eq!(
            (of(28, 90), of(4, 0)),
            ((16, 4), (16, 4)),
            "no more than 0.6, also of few points"
        );
    }

    #[test]
    fn a_trend_with_weekends_is_seen_in_the_third_week() {
        let level = |day: u64| (1_000 + 40 * day) * if day % 7 < 5 { 3 } else { 1 };
        let days: Vec<(i32, u64)> = (0..28).zip((0..28).map(level)).collect();
        let found = trend(&days, &RULE).unwrap();
        assert!((250..450).contains(&found.basis_points_per_day), "{found:?}");
        assert!(trend(&days[..21], &RULE).is_some());
        assert_eq!(trend(&days[..20], &RULE), None);
        assert_eq!(trend(&days, &Rule { weekly_from: 29, ..RULE }), None);
    }

    #[test]
    fn a_line_without_noise_is_a_trend_in_either_way() {
        let line: Vec<(i32, u64)> = (0..10).zip((1_000..).step_by(50)).collect();
        let found = trend(&line, &RULE).unwrap();
        assert_eq!((found.from, found.to, found.basis_points_per_day), (1_000, 1_450, 500));
        assert_eq!(trend(&line[..7], &Rule { days_min: 8, ..RULE }), None);
    }

    #[test]
    fn several_series_are_asked_as_one() {
        let mut test = Kendall::default();
        for begins in [500, 90, 4_000] {
            let life: Vec<Point> = (0..6).zip(begins..).collect();
            test.add(&life, slope(&life).unwrap());
        }
        assert!(test.rises());
        assert!(!test.is_chance(9_550, 6), "{test:?}");
        let mut one = Kendall::default();
        one.add(&(0..6).zip(500..).collect::<Vec<Point>>(), 1_000);
        assert!(one.is_chance(9_550, 6), "{one:?}");
    }

    #[test]
    fn times_that_are_alike_have_no_slope_and_nothing_overflows() {
        assert_eq!(slope(&[(5, 1), (5, 9)]), None);
        assert_eq!(slope(&[]), None);
        let far = [(i64::MIN, u64::MAX), (i64::MAX, 0), (i64::MAX, u64::MAX)];
        let slope = slope(&far).unwrap();
        let mut test = Kendall::default();
        test.add(&far, slope);
        assert!(test.is_chance(9_550, 6) && level(&far, slope).is_some());
    }

    #[test]
    fn the_rank_of_who_is_alike_is_shared() {
        assert_eq!(ranks(&[7, 7, 9, 1]), [0, 0, 3, -3]);
    }
}
