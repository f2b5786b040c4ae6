//! Failures with and without a time of the day.

use super::super::clash::clash;
use super::rng::Rng;
use super::{Tally, agents, measure};

/// How an agent fails by itself.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Even,
    /// From nine to five only.
    Office,
    /// More by day than by night.
    Daily,
    /// Nights in which it crashes every few minutes for hours.
    Bursts,
    /// In the first minutes of an hour, as what it talks to does.
    Hourly,
}

/// The failures of one day.
fn fail(rng: &mut Rng, kind: Kind, a_day: f64, day: i32, into: &mut Vec<(i32, u32)>) {
    // A Poisson number, by steps of its exponential gaps.
    let mut left = a_day + rng.unit().ln();
    while left > 0.0 {
        let even = rng.below(1_440) as u32;
        match kind {
            Kind::Even => into.push((day, even)),
            Kind::Office => into.push((day, 540 + even / 3)),
            Kind::Daily => {
                let high = 1.0 + (std::f64::consts::TAU * f64::from(even) / 1_440.0).sin();
                if 2.0 * rng.unit() < high {
                    into.push((day, even));
                } else {
                    continue;
                }
            }
            Kind::Bursts => {
                let (length, gap) = (3 + rng.below(30) as u32, 5 + rng.below(40) as u32);
                let minutes = (0..length).map(|n| even + n * gap);
                into.extend(minutes.map(|at| (day + (at / 1_440) as i32, at % 1_440)));
            }
            Kind::Hourly => into.push((day, even / 60 * 60 + rng.below(3) as u32)),
        }
        left += rng.unit().ln();
    }
}

const SPAN: i32 = 14;

/// A report every morning for a month, each over two weeks.
fn month(rng: &mut Rng, tally: &mut Tally, kind: Kind, a_day: f64) {
    let mut all = Vec::new();
    (0..30 + SPAN).for_each(|day| fail(rng, kind, a_day, day, &mut all));
    for today in SPAN..SPAN + 30 {
        let inside = |day: i32| (today - SPAN..today).contains(&day);
        let near: Vec<(i32, u32)> = all.iter().filter(|(day, _)| inside(*day)).copied().collect();
        tally.add(clash(&near, 14).is_some());
    }
}

#[test]
fn measured_clash() {
    println!("\n| clash: false alarms in agent-days | | |\n| --- | --- | --- |");
    for kind in [Kind::Even, Kind::Office, Kind::Daily, Kind::Bursts, Kind::Hourly] {
        for a_day in [0.3, 1.0, 4.0] {
            let what = format!("{kind:?}, {a_day} a day");
            let tally = measure(&what, agents(), |rng, tally| month(rng, tally, kind, a_day));
            assert!(tally.is_at_most(1_000.0), "{what}: {tally:?}");
        }
    }
    println!("\n| clash: seen in the report of day | | |\n| --- | --- | --- |");
    for (chance, spread) in [(1.0, 3), (1.0, 10), (1.0, 30), (0.5, 3), (0.5, 10)] {
        for days in [4, 5, 7, 10, 14] {
            let what = format!("{days}; {chance} a night, within {spread} min");
            let tally = measure(&what, 4 * agents(), |rng, tally| {
                let mut all = Vec::new();
                for day in 0..days {
                    fail(rng, Kind::Even, 0.3, day, &mut all);
                    if rng.unit() <= chance {
                        all.push((day, 180 + rng.below(spread) as u32));
                    }
                }
                tally.add(clash(&all, days.unsigned_abs()).is_some());
            });
            if chance > 0.9 && spread < 30 && days > 6 {
                assert!(80.0 < tally.percent(), "{what}: {tally:?}");
            }
        }
    }
}
