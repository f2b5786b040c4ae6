//! Memory that grows from the start to the end of incarnations.
//!
//! Of each incarnation the slope is that of Theil and Sen over its samples after an hour and a half. A warm-up, a cache
//! that fills and a load that comes and goes are no leak, so it must go on: in the second half, from the first samples
//! to the last, in the incarnations that lived longest, and in every quarter. Whether it is more than chance is asked in
//! two ways, either of which will do:
//!
//! - over incarnations, whether more grow and by more than shrink: the signed-rank test of Wilcoxon (Individual
//!   comparisons by ranking methods, 1945), exact. It asks nothing of the samples within one, which are ever alike;
//! - within long ones, whether later is higher: the Mann–Kendall test with its variance for what is alike
//!   ([`crate::core::trend`]), over medians of hours that lie together, several incarnations as one.

use serde::Serialize;

use crate::core::trend::{Kendall, Point, level, median, slope, whole};
use crate::wire::words::{count, grouped};

use super::chance::signed_rank;

const MINUTE_MS: u64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;

/// What is seen in the first hour and a half is the start of a process, not its life: what fills in an hour is then
/// nearly full.
const WARM_MS: u64 = 90 * MINUTE_MS;

/// Fewer samples after that tell nothing…
const SAMPLES_MIN: usize = 3;

/// …and fewer of them have no second half.
const HALVES_MIN: usize = 6;

/// Samples that lie together become one, of so many at most: what is alike within an hour or a day says nothing
/// twice, and a long life costs no squared time.
const BLOCKS_MAX: usize = 24;

/// An incarnation of so many blocks may speak for itself.
const LONG: usize = 12;

/// Of more incarnations only the newest count.
const LIVES_MAX: usize = 64;

/// Over incarnations: what chance makes less than once in a thousand reports. Ten of ten that grow are such.
const CHANCE: f64 = 0.001;

/// Within incarnations: the square of 3.5 in thousandths.
const CHANCE_WITHIN: i128 = 12_250;

/// Blocks are alike by so many tenths at most; a leak is a smooth line, whose bends look like it.
const ALIKE_MAX: i128 = 3;

/// Growth of less than this is not worth a word: hundredths of where it began, in a life or, if that is shorter, a day…
const WORTH: i64 = 20;

/// …and KiB in that time.
const WORTH_KIB: i64 = 10 * 1_024;

/// An hour that lies further ahead is not told: nobody keeps a process for so long.
const FORECAST_HOURS_MAX: u64 = 90 * 24;

/// An incarnation.
#[derive(Clone, Copy, Debug)]
pub struct Life<'a> {
    /// Milliseconds since its start and the memory of its tree in KiB, in order.
    pub samples: &'a [(u64, u64)],
    /// The most that it ever had, if its end has told.
    pub peak_kib: Option<u64>,
}

/// Memory that grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Growth {
    /// Incarnations that lived long enough to tell.
    pub incarnations: u64,
    /// How many of them grew.
    pub grew: u64,
    /// The median of what a day adds.
    pub kib_per_day: u64,
    /// The median of what they had an hour and a half after their start, on the line of the trend…
    pub from_kib: u64,
    /// …and at their end, or when last seen.
    pub to_kib: u64,
    /// The median of the time between these two.
    pub over_ms: u64,
    /// The most that any of them had.
    pub peak_kib: Option<u64>,
    /// What was said that it may have.
    pub limit_kib: Option<u64>,
    /// The newest incarnation reaches the limit in so many hours if it goes on like this; 0: it is there.
    pub hours_to_limit: Option<u64>,
}

/// What one incarnation tells.
struct Told {
    points: Vec<Point>,
    /// In parts of a KiB a minute.
    slope: i64,
    /// The same of its second half…
    later: i64,
    /// …and from its first samples to its last.
    end_to_end: i64,
    from: i64,
    to: i64,
    minutes: i64,
    /// From quarter to quarter, if it is long enough for that; in KiB.
    steps: Option<[i64; 3]>,
}

/// What memory does over incarnations, oldest first; None if it does not grow.
#[must_use]
pub fn growth(lives: &[Life<'_>], limit_kib: Option<u64>) -> Option<Growth> {
    let newest = lives.get(lives.len().saturating_sub(LIVES_MAX)..)?;
    let told: Vec<Told> = newest.iter().filter_map(|life| tell(life.samples)).collect();
    let middle = |of: fn(&Told) -> i64| median(told.iter().map(of).collect());
    let (rate, from) = (middle(|one| one.slope)?, middle(|one| one.from)?);
    let (to, minutes) = (middle(|one| one.to)?, middle(|one| one.minutes)?);
    let added = lasting(&told)?.saturating_mul(minutes.max(DAY_MINUTES));
    let least = (from.max(0) / 100).saturating_mul(WORTH).max(WORTH_KIB * 1_000);
    if added < least || pauses(&told) || (is_chance_over(&told) && is_chance_within(&told)) {
        return None;
    }
    let now = lives.iter().rev().find_map(|life| life.samples.last())?.1;
    let hours = limit_kib.map(|limit| {
        let left = u128::from(limit.saturating_sub(now)) * 1_000;
        left.div_ceil(u128::from(rate.unsigned_abs()) * 60)
    });
    let seen = newest.iter().flat_map(|life| life.samples.iter().map(|(_, kib)| *kib));
    Some(Growth {
        incarnations: number(told.len()),
        grew: number(told.iter().filter(|one| one.slope > 0).count()),
        kib_per_day: whole(rate.saturating_mul(DAY_MINUTES)),
        from_kib: whole(from),
        to_kib: whole(to),
        over_ms: minutes.unsigned_abs().saturating_mul(MINUTE_MS),
        peak_kib: newest.iter().filter_map(|life| life.peak_kib).chain(seen).max(),
        limit_kib,
        hours_to_limit: hours
            .and_then(|hours| u64::try_from(hours).ok())
            .filter(|hours| *hours <= FORECAST_HOURS_MAX),
    })
}

/// The growth that goes on, in parts of a KiB a minute: by the least of all measures, over all incarnations and over
/// those that lived longest. A leak leaks for ever; a cache that fills does so in its first hours.
fn lasting(told: &[Told]) -> Option<i64> {
    let mut by_age: Vec<&Told> = told.iter().collect();
    by_age.sort_by_key(|one| one.minutes);
    let old = by_age.get(by_age.len() * 2 / 3..)?;
    let least = |some: &[&Told]| {
        let middle = |of: fn(&Told) -> i64| median(some.iter().map(|one| of(one)).collect());
        let parts =
            [middle(|one| one.slope)?, middle(|one| one.later)?, middle(|one| one.end_to_end)?];
        parts.into_iter().min()
    };
    Some(least(&by_age)?.min(least(old)?))
}

fn number(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

fn tell(samples: &[(u64, u64)]) -> Option<Told> {
    let warm: Vec<Point> = samples
        .iter()
        .filter(|(after, _)| WARM_MS <= *after)
        .map(|(after, kib)| (i64::try_from(after / MINUTE_MS).unwrap_or(i64::MAX), *kib))
        .collect();
    if warm.len() < SAMPLES_MIN {
        return None;
    }
    let points = blocks(&warm);
    let (first, last) = (warm.first()?.0, warm.last()?.0);
    let slope_of = slope(&points)?;
    let half = points.get(points.len() / 2..).filter(|_| HALVES_MIN <= points.len());
    let later = half.and_then(slope).unwrap_or(slope_of);
    let from = level(&points, slope_of)?;
    let minutes = last.saturating_sub(first);
    Some(Told {
        slope: slope_of,
        later,
        end_to_end: end_to_end(&points)?,
        from,
        to: from.saturating_add(slope_of.saturating_mul(minutes)),
        minutes,
        steps: steps(&points),
        points,
    })
}

/// Medians of what lies together, at the middle of their times.
fn blocks(points: &[Point]) -> Vec<Point> {
    let size = points.len().div_ceil(BLOCKS_MAX).max(1);
    let middle = |block: &[Point]| {
        let (mut kib, at) = (block.to_vec(), block.get(block.len() / 2)?.0);
        kib.sort_unstable_by_key(|(_, kib)| *kib);
        Some((at, kib.get(kib.len() / 2)?.1))
    };
    // A rest that is no whole block would be as loud as one.
    if size == 1 { points.to_vec() } else { points.chunks_exact(size).filter_map(middle).collect() }
}

/// From the first points to the last, in parts of a KiB a minute: who rises and falls by day and night may have
/// a slope, and comes back to where it was.
fn end_to_end(points: &[Point]) -> Option<i64> {
    let few = if HALVES_MIN <= points.len() { 3 } else { 1 };
    let middle = |some: &[Point]| {
        let mut kib: Vec<u64> = some.iter().map(|(_, kib)| *kib).collect();
        kib.sort_unstable();
        Some((some.get(some.len() / 2)?.0, kib.get(kib.len() / 2).copied()?))
    };
    let (first, last) = (points.get(..few)?, points.get(points.len().checked_sub(few)?..)?);
    slope(&[middle(first)?, middle(last)?])
}

/// What each quarter has more than the one before it.
fn steps(points: &[Point]) -> Option<[i64; 3]> {
    if points.len() < LONG {
        return None;
    }
    let kib = |(_, kib): &Point| i64::try_from(*kib).unwrap_or(i64::MAX);
    let quarters = points.rchunks_exact(points.len() / 4).take(4);
    let middles: Vec<i64> =
        quarters.filter_map(|quarter| median(quarter.iter().map(kib).collect())).collect();
    let &[fourth, third, second, first] = middles.as_slice() else { return None };
    let step = |from: i64, to: i64| to.saturating_sub(from);
    Some([step(first, second), step(second, third), step(third, fourth)])
}

/// Whether memory stands still or falls in some quarter of a life: rises by less than a sixth of the whole way, of
/// which each quarter of a straight line takes a third. By medians over all lives that are long enough.
fn pauses(told: &[Told]) -> bool {
    let middle =
        |at: usize| median(told.iter().filter_map(|one| one.steps?.get(at).copied()).collect());
    let (Some(first), Some(second), Some(third)) = (middle(0), middle(1), middle(2)) else {
        return false;
    };
    let way = first.saturating_add(second).saturating_add(third);
    first.min(second).min(third) < (way / 6).max(1)
}

fn is_chance_over(told: &[Told]) -> bool {
    let slopes: Vec<i64> = told.iter().map(|one| one.slope).collect();
    CHANCE < signed_rank(&slopes)
}

fn is_chance_within(told: &[Told]) -> bool {
    let mut test = Kendall::default();
    for one in told.iter().filter(|one| LONG <= one.points.len()) {
        test.add(&one.points, one.slope);
    }
    !test.rises() || test.is_chance(CHANCE_WITHIN, ALIKE_MAX)
}

/// Memory for people: `410 MiB`, `2.1 GiB`.
fn memory(kib: u64) -> String {
    const MIB: u64 = 1_024;
    const GIB: u64 = 1_024 * MIB;
    match kib {
        0..MIB => format!("{kib} KiB"),
        MIB..GIB => format!("{} MiB", kib.saturating_add(MIB / 2) / MIB),
        _ => {
            let tenths = u128::from(kib) * 10 / u128::from(GIB);
            let whole = u64::try_from(tenths / 10).unwrap_or(u64::MAX);
            format!("{}.{} GiB", grouped(whole), tenths % 10)
        }
    }
}

impl Growth {
    /// `Memory grew in 10 of 10 incarnations, by 410 MiB a day: from 512 MiB to 870 MiB; at this rate the 2.0 GiB that
    /// it may have are reached in 3 days.`
    #[must_use]
    pub fn words(&self) -> String {
        let who = match self.incarnations {
            1 => "Memory grows".to_owned(),
            all => format!("Memory grew in {} of {} incarnations,", self.grew, grouped(all)),
        };
        let limit = match self.limit_kib.zip(self.hours_to_limit) {
            None => String::new(),
            Some((limit, 0)) => format!("; that is all of the {} it may have", memory(limit)),
            Some((limit, hours)) => {
                let when = match hours {
                    ..48 => count(hours, "hour"),
                    _ => count(hours / 24, "day"),
                };
                format!("; at this rate the {} it may have are reached in {when}", memory(limit))
            }
        };
        let (by, from, to) = (memory(self.kib_per_day), memory(self.from_kib), memory(self.to_kib));
        format!("{who} by {by} a day: from {from} to {to}{limit}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1_024;
    const HOUR_MS: u64 = 60 * MINUTE_MS;

    /// A sample every hour, the first at once, of so many MiB by the hour.
    fn life(hours: u64, mib: impl Fn(u64) -> u64) -> Vec<(u64, u64)> {
        (0..=hours).map(|hour| (hour * HOUR_MS, mib(hour) * MIB)).collect()
    }

    fn of(lives: &[Vec<(u64, u64)>], limit_mib: Option<u64>) -> Option<Growth> {
        let lives: Vec<Life<'_>> =
            lives.iter().map(|samples| Life { samples, peak_kib: None }).collect();
        growth(&lives, limit_mib.map(|mib| mib * MIB))
    }

    /// Something between 0 and `most`, that is the same every time.
    fn shaken(hour: u64, most: u64) -> u64 {
        ((hour + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % (most + 1)
    }

    #[test]
    fn a_leak_within_one_long_life_is_found_and_the_limit_foretold() {
        let found = of(&[life(72, |hour| 500 + 4 * hour + shaken(hour, 7))], Some(1_024)).unwrap();
        assert_eq!((found.incarnations, found.grew), (1, 1));
        assert!((85 * MIB..107 * MIB).contains(&found.kib_per_day), "{found:?}");
        assert!((45..65).contains(&found.hours_to_limit.unwrap()), "{found:?}");
        let words = found.words();
        assert!(words.starts_with("Memory grows by 9"), "{words}");
        assert!(words.contains("at this rate the 1.0 GiB it may have are reached in"), "{words}");
    }

    #[test]
    fn a_leak_over_many_short_lives_is_found() {
        let leak = |n: u64| life(5 + n % 3, move |hour| 300 + 25 * hour + shaken(hour + n, 15));
        let lives: Vec<_> = (0..10).map(leak).collect();
        let found = of(&lives, None).unwrap();
        assert_eq!((found.incarnations, found.grew, found.hours_to_limit), (10, 10, None));
        assert!(
            found.words().starts_with("Memory grew in 10 of 10 incarnations, by "),
            "{found:?}"
        );
        assert_eq!(of(&lives[..9], None), None, "nine of nine come by chance once in 512");
    }

    #[test]
    fn a_warm_up_is_no_leak_and_a_cache_that_fills_is_none() {
        let warm = |hour: u64| if hour == 0 { 80 } else { 600 + shaken(hour, 15) };
        assert_eq!(of(&[life(72, warm)], None), None);
        assert_eq!(of(&(0..20).map(|_| life(9, warm)).collect::<Vec<_>>(), None), None);
        let cache = |hour: u64| 300 + 40 * hour.min(20) + shaken(hour, 7);
        assert_eq!(of(&[life(72, cache)], None), None);
    }

    #[test]
    fn what_is_flat_falls_or_is_small_is_not_told() {
        assert_eq!(of(&[life(200, |_| 512)], None), None);
        assert_eq!(of(&[life(200, |hour| 900 - 2 * hour)], None), None);
        assert_eq!(of(&[life(200, |hour| 5 + hour / 30)], None), None, "six MiB");
        assert_eq!(of(&[life(100, |hour| 4_000 + hour)], None), None, "two and a half percent");
        assert_eq!(
            of(&[life(200, |hour| 500 + 100 * (hour % 5))], None),
            None,
            "a garbage collector"
        );
    }

    #[test]
    fn what_does_not_go_on_is_no_leak() {
        let leak = |hour: u64| 500 + 3 * hour + shaken(hour, 7);
        assert!(of(&[life(96, leak)], None).is_some());
        // Stands still in the third quarter.
        let pausing = |hour: u64| leak(hour.min(40) + hour.max(78) - 78);
        assert_eq!(of(&[life(96, pausing)], None), None);
        // Gives it back at the end of each day.
        let day = |hour: u64| if hour < 22 { 500 + 10 * hour } else { 500 };
        assert_eq!(of(&vec![life(23, day); 12], None), None);
        assert!(of(&vec![life(21, day); 12], None).is_some());
        // Those that live longer are full.
        let filling = |hour: u64| 300 + 20 * hour.min(6);
        let mut lives = vec![life(6, filling); 10];
        assert!(of(&lives, None).is_some());
        lives.extend(vec![life(10, filling); 5]);
        assert_eq!(of(&lives, None), None);
    }

    #[test]
    fn one_wild_sample_changes_nothing() {
        let mut lives = [life(60, |hour| 500 + shaken(hour, 15))];
        lives[0][58].1 = 60_000 * MIB;
        assert_eq!(of(&lives, None), None);
        let mut lives = [life(60, |hour| 500 + 5 * hour)];
        lives[0][3].1 = 60_000 * MIB;
        assert!((119 * MIB..=121 * MIB).contains(&of(&lives, None).unwrap().kib_per_day));
    }

    #[test]
    fn odd_input_is_taken() {
        assert_eq!(growth(&[], None), None);
        assert_eq!(of(&[vec![], life(1, |_| 5)], Some(0)), None);
        let huge: Vec<(u64, u64)> =
            (1..=30).map(|n| (n * (u64::MAX / 31), n * (u64::MAX / 31))).collect();
        let _ = of(&[huge.clone(), huge], Some(1));
        let fast: Vec<(u64, u64)> = (0..40).map(|n| (n * HOUR_MS, n << 45)).collect();
        assert_eq!(of(&[fast], Some(1)).unwrap().hours_to_limit, Some(0));
        // Thousands of samples, thousands of lives.
        let lives = vec![life(300, |hour| 500 + hour); 3_000];
        assert_eq!(of(&lives, None).unwrap().incarnations, 64);
    }

    #[test]
    fn memory_reads_as_people_say_it() {
        for (kib, text) in [(0, "0 KiB"), (1_024, "1 MiB"), (2_202_010, "2.1 GiB")] {
            assert_eq!(memory(kib), text);
        }
        assert_eq!(memory(u64::MAX), "17,592,186,044,415.9 GiB");
    }
}
