//! Failures that recur at one time of the day: a clash with something that runs then.
//!
//! The scan statistic of a circle with fixed windows (J. I. Naus, The distribution of the size of the maximum cluster
//! of points on a line, 1965; J. Glaz, J. Naus and S. Wallenstein, Scan Statistics, 2001): the most failures in
//! any window of a width. A window with k of n holds one that is its first, and k − 1 of the others within the width
//! after it; so the chance of any such window is at most n times the binomial tail of k − 1 in n − 1, and times
//! the widths that are tried. Three things make that a bound for agents as they are:
//!
//! - Days are counted, not failures, so one night of crashes is one hit however long it lasts. If days are independent
//!   and a day of m failures hits with a chance of at most m·p, the tail over days is at most the binomial one over
//!   failures (W. Hoeffding, On the distribution of the number of successes in independent trials, 1956).
//! - Failures need not be spread evenly: whoever works eight hours a day fails in eight hours a day. The bound holds
//!   for every density of at most `CROWDED` times the even one.
//! - What fails at one minute of every hour does not fail at a time of the day: the failures at the window's minutes
//!   of any hour must prefer this hour, by the same bound.

use serde::Serialize;

use crate::wire::words::grouped;

use super::chance::{about, at_least, one_in};

/// Minutes of a day, and the hour.
const DAY: u32 = 1_440;
const HOUR: u32 = 60;

/// Windows that are tried, in minutes: each three times the one before, so no cluster is much narrower than the
/// window that sees it. A wider one would find office hours.
const WIDTHS: [u32; 3] = [5, 15, 45];

/// Failures are at most so many times as dense at any time as they would be if spread evenly.
const CROWDED: f64 = 3.0;

/// Fewer days are a coincidence, whatever their odds are.
const DAYS_MIN: u32 = 4;

/// A window that chance makes more often than this is no news: once in a thousand reports.
const CHANCE: f64 = 0.001;

/// Failures with less than this between them, in minutes, are one.
const BURST: i64 = 30;

/// Of more than this nothing is said: whoever fails all day has no time of the day.
const FAILURES_MAX: usize = 2_000;

/// Failures that recur at one time of the day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Clash {
    /// The middle of the window in local time: `03:05`.
    pub at: String,
    /// Its first minute, since midnight.
    pub from_minute: u32,
    /// Its last minute, since midnight; before the first one if midnight lies between.
    pub to_minute: u32,
    /// From the first to the last, both included.
    pub width_minutes: u32,
    /// Failures in it; those less than half an hour apart are one.
    pub failures_in_window: u32,
    /// Failures at all, counted in the same way.
    pub failures: u32,
    /// Different days on which one was in the window.
    pub days_in_window: u32,
    /// Days that were looked at.
    pub days: u32,
    /// The last of the days in the window, as days since 1970.
    pub last_day: i32,
    /// Days that were expected in a window of that width, at most.
    pub expected: f64,
    /// Chance makes such a window at any time of the day less than once in so many times.
    pub one_in: u64,
}

/// A window that was looked at: where it begins, and what is in it.
struct Window {
    start: u32,
    width: u32,
    chance: f64,
    hits: Vec<i64>,
}

/// The time of the day at which failures recur, if there is one. `failures`: local day and local minute of the day of
/// each, in any order; `days`: how many days were looked at.
#[must_use]
pub fn clash(failures: &[(i32, u32)], days: u32) -> Option<Clash> {
    let all = apart(failures);
    if all.len() < usize::try_from(DAYS_MIN).ok()? || FAILURES_MAX < all.len() {
        return None;
    }
    let mut starts: Vec<u32> = all.iter().map(|at| minute_of(*at)).collect();
    starts.sort_unstable();
    let mut windows = Vec::new();
    for width in WIDTHS {
        let mut distinct = starts.clone();
        distinct.dedup();
        windows.extend(distinct.iter().filter_map(|start| window(&all, &starts, *start, width)));
    }
    // The first of those that are alike: the narrowest, and of the day's the earliest.
    let best = windows.into_iter().min_by(|a, b| a.chance.total_cmp(&b.chance))?;
    (best.chance <= CHANCE).then(|| tell(&best, &all, days))
}

/// One failure a burst, the first of it, in minutes since 1970 by the local clock.
fn apart(failures: &[(i32, u32)]) -> Vec<i64> {
    let minute = |(day, minute): &(i32, u32)| i64::from(*day) * i64::from(DAY) + i64::from(*minute);
    let mut all: Vec<i64> = failures.iter().filter(|(_, at)| *at < DAY).map(minute).collect();
    all.sort_unstable();
    let mut last = i64::MIN;
    all.retain(|at| {
        let is_first = last.saturating_add(BURST) <= *at;
        last = *at;
        is_first
    });
    all
}

fn minute_of(at: i64) -> u32 {
    u32::try_from(at.rem_euclid(i64::from(DAY))).unwrap_or(0)
}

/// The day that begins at that minute, so that no night is cut by midnight.
fn day_from(start: u32, at: i64) -> i64 {
    (at - i64::from(start)).div_euclid(i64::from(DAY))
}

/// How long after `start` it is, around the clock.
fn after(start: u32, minute: u32, around: u32) -> u32 {
    (minute % around + around - start % around) % around
}

/// What begins at that minute, if enough days are in it. `sorted` are the minutes of `all`.
fn window(all: &[i64], sorted: &[u32], start: u32, width: u32) -> Option<Window> {
    let from = sorted.partition_point(|minute| *minute < start);
    let around = sorted.iter().skip(from).chain(sorted.iter().take(from));
    let count = around.take_while(|minute| after(start, **minute, DAY) < width).count();
    if count < usize::try_from(DAYS_MIN).ok()? {
        return None;
    }
    let inside = |at: &&i64| after(start, minute_of(**at), DAY) < width;
    let hits: Vec<i64> = all.iter().filter(inside).copied().collect();
    let days = distinct_days(&hits, start);
    let tries = u32::try_from(all.len()).ok()?;
    if days < DAYS_MIN {
        return None;
    }
    let widths = f64::from(u32::try_from(WIDTHS.len()).ok()?);
    let of_day = widths * scan(days, tries, density(width));
    let alike = sorted.iter().filter(|minute| after(start, **minute, HOUR) < width).count();
    let of_hour = scan(days, u32::try_from(alike).ok()?, f64::from(HOUR) / f64::from(DAY));
    Some(Window { start, width, chance: of_day.max(of_hour), hits })
}

/// A failure is in a window of that width with at most this chance.
fn density(width: u32) -> f64 {
    CROWDED * f64::from(width) / f64::from(DAY)
}

/// Days are in order, as the moments are.
fn distinct_days(hits: &[i64], start: u32) -> u32 {
    let mut days: Vec<i64> = hits.iter().map(|at| day_from(start, *at)).collect();
    days.dedup();
    u32::try_from(days.len()).unwrap_or(u32::MAX)
}

/// The chance that any window holds `hits` of `tries`, at most.
fn scan(hits: u32, tries: u32, one: f64) -> f64 {
    let others = tries.saturating_sub(1);
    // Below the mean Hoeffding's bound does not hold, and nothing is unusual.
    if f64::from(hits) - 1.0 < f64::from(others) * one + 1.0 {
        return 1.0;
    }
    (f64::from(tries) * at_least(hits - 1, others, one)).min(1.0)
}

fn tell(window: &Window, all: &[i64], days: u32) -> Clash {
    let offsets = window.hits.iter().map(|at| after(window.start, minute_of(*at), DAY));
    let width = offsets.max().unwrap_or(0) + 1;
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let failures = number(all.len());
    let last = window.hits.last().map_or(0, |at| at.div_euclid(i64::from(DAY)));
    let expected = f64::from(failures) * density(window.width);
    Clash {
        at: clock((window.start + width / 2) % DAY),
        from_minute: window.start,
        to_minute: (window.start + width - 1) % DAY,
        width_minutes: width,
        failures_in_window: number(window.hits.len()),
        failures,
        days_in_window: distinct_days(&window.hits, window.start),
        days,
        last_day: i32::try_from(last).unwrap_or(i32::MAX),
        expected: (expected * 100.0).round() / 100.0,
        one_in: one_in(window.chance),
    }
}

fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / HOUR, minute % HOUR)
}

impl Clash {
    /// `5 of 7 failures of the last 14 days fell between 03:02 and 03:09, on 5 different days (by chance less than
    /// once in 3,500): what runs at 03:00?`
    #[must_use]
    pub fn words(&self) -> String {
        let (from, to) = (clock(self.from_minute), clock(self.to_minute));
        let when =
            if from == to { format!("at {from}") } else { format!("between {from} and {to}") };
        format!(
            "{} of {} failures of the last {} days fell {when}, on {} different days \
             (by chance less than once in {}): what runs at {}?",
            self.failures_in_window,
            self.failures,
            self.days,
            self.days_in_window,
            grouped(about(self.one_in)),
            clock(self.suspect()),
        )
    }

    /// The roundest minute of the ten before the first failure, that one included: what people write into a crontab.
    fn suspect(&self) -> u32 {
        let before = |back: u32| (self.from_minute + DAY - back) % DAY;
        let round = |unit: u32| (0..=10).map(before).find(|minute| minute.is_multiple_of(unit));
        [HOUR, 30, 15, 5].into_iter().find_map(round).unwrap_or(self.from_minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many days in a row at these minutes, from day 20,000 on.
    fn nights(minutes: &[u32]) -> Vec<(i32, u32)> {
        (20_000..).zip(minutes.iter().copied()).collect()
    }

    #[test]
    fn a_cron_job_is_found_with_its_time() {
        let mut failures = nights(&[182, 184, 189, 183, 182]);
        failures.extend([(20_009, 700), (20_011, 1_300)]);
        let found = clash(&failures, 14).unwrap();
        assert_eq!((found.from_minute, found.to_minute, found.at.as_str()), (182, 189, "03:06"));
        assert_eq!((found.failures_in_window, found.failures, found.days_in_window), (5, 7, 5));
        assert!((1_000..10_000).contains(&found.one_in) && found.expected < 0.3, "{found:?}");
        assert_eq!(
            found.words(),
            "5 of 7 failures of the last 14 days fell between 03:02 and 03:09, on 5 different days \
             (by chance less than once in 3,500): what runs at 03:00?"
        );
    }

    #[test]
    fn midnight_is_a_time_like_any_other() {
        let failures = [(1, 1_438), (3, 1), (3, 1_439), (5, 0), (5, 1_437), (7, 2)];
        let found = clash(&failures, 10).unwrap();
        // The two of day 3 are of different nights, and so are those of day 5.
        assert_eq!((found.from_minute, found.to_minute, found.days_in_window), (1_437, 2, 6));
        assert_eq!((found.at.as_str(), found.width_minutes), ("00:00", 6));
        assert!(
            found.words().ends_with("what runs at 23:55?") || found.words().ends_with("23:30?")
        );
        let moved: Vec<(i32, u32)> = failures
            .iter()
            .map(|(day, at)| (day + i32::from(*at < 720), (at + 720) % 1_440))
            .collect();
        assert_eq!(clash(&moved, 10).unwrap().one_in, found.one_in);
    }

    #[test]
    fn one_night_of_crashes_is_no_pattern() {
        let night: Vec<(i32, u32)> = (0..12).map(|n| (20_000, 180 + 3 * n)).collect();
        assert_eq!(clash(&night, 14), None);
        // Nor are many failures of one night that are further apart.
        let night: Vec<(i32, u32)> = (0..24).map(|n| (20_000, 31 * n)).collect();
        assert_eq!(clash(&night, 14), None);
        // And who fails all day long has no time.
        let always: Vec<(i32, u32)> =
            (0..28).flat_map(|day| (0..40).map(move |n| (day, 36 * n + 1))).collect();
        assert_eq!(clash(&always, 28), None);
    }

    #[test]
    fn a_burst_at_the_same_time_every_night_counts_once_a_night() {
        let bursts: Vec<(i32, u32)> =
            (0..6).flat_map(|night| (0..3).map(move |n| (night * 2, 181 + 6 * n))).collect();
        let found = clash(&bursts, 14).unwrap();
        assert_eq!((found.failures, found.days_in_window, found.width_minutes), (6, 6, 1));
        assert!(found.words().contains("fell at 03:01, on 6 different days"), "{}", found.words());
    }

    #[test]
    fn a_clock_put_back_gives_no_second_night() {
        // 02:30 twice on the night of 25 hours, and not at all on the one of 23.
        let failures = [(1, 150), (1, 150), (2, 150), (3, 150)];
        assert_eq!(clash(&failures, 14), None, "three nights");
        assert!(clash(&[(1, 150), (1, 151), (2, 150), (4, 150), (5, 150)], 14).is_some());
    }

    #[test]
    fn what_happens_every_hour_has_no_time_of_the_day() {
        let hours = [3, 9, 14, 22, 3, 7, 19, 3, 11, 16, 3, 1];
        let failures: Vec<(i32, u32)> = (0..).zip(hours.map(|hour| hour * 60 + 2)).collect();
        assert_eq!(clash(&failures, 14), None);
    }

    #[test]
    fn the_roundest_minute_before_is_suspected() {
        for (first, suspect) in [(182, 180), (386, 385), (1_021, 1_020), (17, 15), (5, 0), (33, 30)]
        {
            let failures: Vec<(i32, u32)> = (0..6).map(|night| (night, first)).collect();
            assert_eq!(clash(&failures, 14).unwrap().suspect(), suspect, "{first}");
        }
    }

    #[test]
    fn odd_input_is_taken() {
        assert_eq!(clash(&[], 0), None);
        assert_eq!(clash(&[(i32::MIN, 5), (i32::MAX, 5), (0, u32::MAX)], 14), None);
        assert!(clash(&[(i32::MIN, 5), (i32::MAX, 5), (0, 5), (9, 5)], 0).is_some());
        let endless: Vec<(i32, u32)> = (0..5_000).map(|day| (day, 5)).collect();
        assert_eq!(clash(&endless, 5_000), None);
    }
}
