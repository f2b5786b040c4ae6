//! A day that costs far more, or far less, than the days before it.
//!
//! Three things are asked of a day, all of them of the same agent's last four weeks:
//!
//! - its rank: more than every known day, but one wild one (a value of the same law comes out on top of n others once in
//!   n + 1: V. Vovk, A. Gammerman and G. Shafer, Algorithmic Learning in a Random World, 2005). A day of the same weekday
//!   is never the wild one: a job of every Monday is usual the second time;
//! - its distance: more than chance makes once in 20,000 days, by the law of Student for a spread that few days tell
//!   (The probable error of a mean, 1908), with the median for the mean, and the days on its side of it for the spread:
//!   a weekend below says nothing of how far above it goes. Few days that are alike by chance are no law, so the
//!   spread begins as that of most agents (G. K. Smyth, Linear models and empirical Bayes methods, 2004, its moderated t).
//!   Upwards of the logarithm, as costs vary by factors; downwards of the root, which evens out counts (M. S.
//!   Bartlett, The square root transformation in analysis of variance, 1936) and knows that nothing is not
//!   infinitely little;
//! - its worth: half as much again as those days, or half of them.

use serde::Serialize;

use crate::core::cost::budget::usd;
use crate::wire::costs;
use crate::wire::words::grouped;

/// Days back that are usual: four weeks.
const BACK: i32 = 28;

/// Fewer known days tell of no usual: a week, and so each of its days.
const KNOWN_MIN: usize = 7;

/// Before anything is known days vary by a third, as if so many had said so…
const PRIOR_DAYS: u32 = 4;
const PRIOR_VARIANCE: f64 = 0.1;

/// Student's quantiles of 1 − 1/20,000 for 7, 8, … 18 degrees of freedom: one for each day on the side and of the prior.
const STUDENT: [f64; 12] = [7.88, 7.12, 6.59, 6.21, 5.92, 5.69, 5.51, 5.36, 5.24, 5.13, 5.04, 4.97];

/// A day counts from so many times the most of the usual ones…
const ABOVE: f64 = 1.5;

/// …or from so much of the least.
const BELOW: f64 = 0.5;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Tokens.
    Tokens,
    /// Billionths of a USD on the way in, USD on the way out.
    Usd,
}

/// A day and what it took, in the unit of the measure; None if that is not known, or not all of it.
pub type Day = (i32, Option<u64>);

/// A day out of the usual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Unusual {
    /// The unit of all amounts here.
    pub measure: Measure,
    /// What the day took.
    pub amount: f64,
    /// The median of the days before.
    pub usual: f64,
    /// The least of them…
    pub usual_min: f64,
    /// …and the most, without one wild day.
    pub usual_max: f64,
    /// The day in hundredths of the median.
    pub percent_of_usual: u64,
    /// How many days before it are known.
    pub days: u64,
    /// One of them had even more.
    pub second: bool,
}

/// Whether a whole day is out of the usual; `before` are days before it, in any order.
#[must_use]
pub fn unusual(measure: Measure, day: Day, before: &[Day]) -> Option<Unusual> {
    let (today, amount) = (day.0, day.1?);
    let is_near = |other: i32| other < today && today.saturating_sub(BACK) <= other;
    let mut known: Vec<(u64, i32)> = before
        .iter()
        .filter(|(other, _)| is_near(*other))
        .filter_map(|(other, amount)| Some(((*amount)?, *other)))
        .collect();
    if known.len() < KNOWN_MIN {
        return None;
    }
    known.sort_unstable();
    let (most, wild_day) = *known.last()?;
    let usual = known.get(known.len() / 2)?.0;
    let is_wild = (today - wild_day) % 7 != 0;
    let tame = known.get(..known.len() - usize::from(is_wild))?;
    let (min, max) = (tame.first()?.0, tame.last()?.0);
    // The wild day counts as the most of the others: one day less would be one less that is far.
    let amounts: Vec<f64> = known.iter().map(|(amount, _)| float((*amount).min(max))).collect();
    let (amount_of, usual_of) = (float(amount), float(usual));
    if !is_above(amount_of, usual_of, &amounts) && !is_below(amount_of, usual_of, &amounts) {
        return None;
    }
    let unit = |amount: u64| match measure {
        Measure::Tokens => float(amount),
        Measure::Usd => usd(amount),
    };
    let percent = u128::from(amount) * 100 / u128::from(usual.max(1));
    Some(Unusual {
        measure,
        amount: unit(amount),
        usual: unit(usual),
        usual_min: unit(min),
        usual_max: unit(max),
        percent_of_usual: u64::try_from(percent).unwrap_or(u64::MAX),
        days: u64::try_from(known.len()).unwrap_or(u64::MAX),
        second: max < amount && amount <= most,
    })
}

#[expect(clippy::cast_precision_loss, reason = "for comparing with a margin, and for telling")]
fn float(amount: u64) -> f64 {
    amount as f64
}

/// `known` in order, as all of these.
fn is_above(amount: f64, usual: f64, known: &[f64]) -> bool {
    let most = known.last().copied().unwrap_or(f64::MAX);
    // Of who usually takes nothing no multiple is known.
    if usual <= 0.0 || amount < most * ABOVE {
        return false;
    }
    let side = known.get(known.len() / 2 + 1..).unwrap_or_default();
    is_far((amount / usual).ln(), side.iter().map(|other| (other / usual).ln()), PRIOR_VARIANCE)
}

fn is_below(amount: f64, usual: f64, known: &[f64]) -> bool {
    let least = known.first().copied().unwrap_or(0.0);
    if least * BELOW < amount || least <= 0.0 {
        return false;
    }
    let side = known.get(..known.len() / 2).unwrap_or_default();
    let root = |amount: f64| usual.sqrt() - amount.sqrt();
    // A root varies by half as much.
    is_far(root(amount), side.iter().map(|other| root(*other)), PRIOR_VARIANCE / 4.0 * usual)
}

/// Whether a distance from the median is more than chance, by those of the days on the same side of it.
fn is_far(distance: f64, side: impl ExactSizeIterator<Item = f64>, prior: f64) -> bool {
    let days = u32::try_from(side.len()).unwrap_or(u32::MAX).saturating_add(PRIOR_DAYS);
    let at = usize::try_from(days.saturating_sub(7)).unwrap_or(usize::MAX);
    let quantile = STUDENT.get(at.min(STUDENT.len() - 1)).copied().unwrap_or(f64::MAX);
    let squares = side.map(|other| other * other).sum::<f64>() + prior * f64::from(PRIOR_DAYS);
    let freedom = f64::from(days);
    quantile * quantile * squares < distance * distance * freedom
}

impl Unusual {
    /// `$41.20 on that day, 6.8 × the usual $6.10; the 27 days before took $4.10 to $9.80.`
    #[must_use]
    pub fn words(&self) -> String {
        let amount = |amount: f64| match self.measure {
            Measure::Usd => costs::usd(amount),
            Measure::Tokens => grouped(whole(amount)),
        };
        let unit = match self.measure {
            Measure::Usd => "",
            Measure::Tokens => " tokens",
        };
        let factor = match self.percent_of_usual {
            0 if self.amount <= 0.0 => "none of".to_owned(),
            0 => "less than 1 % of".to_owned(),
            percent @ 1..100 => format!("{percent} % of"),
            percent => costs::times(percent, 100),
        };
        let second = if self.second { ", but for one with more" } else { "" };
        format!(
            "{}{unit} on that day, {factor} the usual {}; the {} days before took {} to {}{second}.",
            amount(self.amount),
            amount(self.usual),
            self.days,
            amount(self.usual_min),
            amount(self.usual_max),
        )
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn whole(amount: f64) -> u64 {
    amount.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cent in billionths of a USD.
    const CENT: u64 = 10_000_000;

    /// Days that end the day before day 100.
    fn days(amounts: &[u64]) -> Vec<Day> {
        let first = 100 - i32::try_from(amounts.len()).unwrap();
        (first..).zip(amounts.iter().map(|amount| Some(*amount))).collect()
    }

    fn tokens(amount: u64, before: &[Day]) -> Option<Unusual> {
        unusual(Measure::Tokens, (100, Some(amount)), before)
    }

    const EVEN: [u64; 14] = [610, 590, 640, 700, 520, 600, 580, 660, 630, 570, 615, 540, 605, 650];

    #[test]
    fn a_day_far_above_or_below_is_said() {
        let cents = EVEN.map(|cents| cents * CENT);
        let found = unusual(Measure::Usd, (100, Some(4_120 * CENT)), &days(&cents)).unwrap();
        assert_eq!((found.percent_of_usual, found.days, found.second), (675, 14, false));
        assert_eq!(
            found.words(),
            "$41.20 on that day, 6.7 × the usual $6.10; the 14 days before took $5.20 to $6.60."
        );
        let few = tokens(60, &days(&EVEN)).unwrap();
        let words =
            "60 tokens on that day, 9 % of the usual 610; the 14 days before took 520 to 660.";
        assert_eq!(few.words(), words);
        assert!(tokens(0, &days(&EVEN)).unwrap().words().contains("none of the usual"));
        for usual in [400, 610, 800, 900] {
            assert_eq!(tokens(usual, &days(&EVEN)), None, "{usual}");
        }
    }

    #[test]
    fn an_unknown_day_is_not_a_day_of_nothing() {
        assert_eq!(unusual(Measure::Usd, (100, None), &days(&EVEN)), None);
        let mut before = days(&EVEN);
        before[..7].iter_mut().for_each(|day| day.1 = None);
        assert_eq!(tokens(6_000, &before).unwrap().days, 7);
        before[9].1 = None;
        assert_eq!(tokens(6_000, &before), None, "six days are too few");
    }

    #[test]
    fn only_the_four_weeks_before_count() {
        let mut before = days(&EVEN);
        before.extend([(100, Some(1)), (101, Some(9_999)), (71, Some(9_999)), (70, Some(9_999))]);
        assert_eq!(tokens(4_120, &before).unwrap().days, 14);
    }

    #[test]
    fn weekends_are_usual() {
        for begins in 0..7 {
            for (busy, idle) in [(4_000, 400), (400, 4_000)] {
                let amount = |day: i32| {
                    let level = if (day + begins) % 7 < 5 { busy } else { idle };
                    level + u64::from(day.unsigned_abs()) * 37 % 29
                };
                for length in 7..=28 {
                    let before: Vec<Day> =
                        (100 - length..100).map(|day| (day, Some(amount(day)))).collect();
                    assert_eq!(tokens(amount(100), &before), None, "{length} from {begins}");
                }
            }
        }
        // And a day above them is seen.
        let level = |day: i32| if day % 7 < 5 { 4_000 } else { 400 };
        let week: Vec<Day> =
            (72..100).map(|day| (day, Some(level(day) + u64::from(day % 5 == 0)))).collect();
        assert!(tokens(12_000, &week).is_some());
    }

    #[test]
    fn one_wild_day_hides_nothing_but_a_weekly_job_is_usual_the_second_time() {
        let mut wild = EVEN;
        wild[4] = 90_000;
        let found = tokens(5_000, &days(&wild)).unwrap();
        assert!(found.second, "{found:?}");
        assert!(
            found.words().ends_with("took 540 to 700, but for one with more."),
            "{}",
            found.words()
        );
        let mut weekly = EVEN;
        weekly[7] = 90_000;
        assert_eq!(tokens(88_000, &days(&weekly)), None);
    }

    #[test]
    fn days_that_are_all_alike_are_not_taken_for_a_law() {
        let (week, month) = (days(&[5_000; 7]), days(&[5_000; 28]));
        assert!(tokens(26_000, &week).is_none() && tokens(36_000, &week).is_some());
        assert!(tokens(9_000, &month).is_none() && tokens(12_000, &month).is_some());
        assert!(tokens(2_600, &month).is_none() && tokens(900, &month).is_some());
        // Who usually does nothing is not told of: a multiple of nothing is no number.
        assert_eq!(tokens(750, &days(&[0; 10])), None);
    }

    #[test]
    fn no_number_overflows() {
        let huge = days(&[u64::MAX - 5; 10]);
        assert_eq!(tokens(u64::MAX, &huge), None);
        assert_eq!(tokens(u64::MAX, &days(&[1; 10])).unwrap().percent_of_usual, u64::MAX);
        assert_eq!(unusual(Measure::Usd, (i32::MIN, Some(5)), &huge), None);
        assert_eq!(unusual(Measure::Usd, (i32::MAX, Some(5)), &[(i32::MIN, Some(5)); 9]), None);
    }
}
