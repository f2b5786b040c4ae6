//! A number for each day: tokens and times of a cycle with and without a trend, costs with and without a wild day.

use super::super::drift::drift;
use super::super::slower::slower;
use super::super::unusual::{Day, Measure, unusual};
use super::rng::Rng;
use super::{Tally, agents, measure};

/// How days vary around 1.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Log-normal.
    Even(f64),
    /// So many times as much on five days of seven.
    Week(f64, f64),
    /// Like the day before by so much.
    Alike(f64, f64),
    /// One day in twenty takes twenty times as much.
    Wild(f64),
    /// Three days in ten are not known.
    Gaps(f64),
    /// Of a few values only.
    Ties(f64),
    /// Log-Laplace: tails that are heavier.
    Heavy(f64),
    /// Pieces of work of one size, by Poisson.
    Pieces(f64),
    /// The sum of a hundred cycles of Pareto's law, 1.5.
    Pareto,
    /// Two percent more every day.
    Growing(f64),
}

fn series(rng: &mut Rng, kind: Kind, days: i32, growth: f64) -> Vec<(i32, u64)> {
    let (begins, mut state) = (rng.below(7) as i32, rng.normal());
    let mut all = Vec::new();
    for day in 0..days {
        let factor = match kind {
            Kind::Even(sigma) => rng.lognormal(sigma),
            Kind::Week(sigma, times) => {
                rng.lognormal(sigma) * if (day + begins) % 7 < 5 { times } else { 1.0 }
            }
            Kind::Alike(sigma, by) => {
                state = by * state + (1.0 - by * by).sqrt() * rng.normal();
                (sigma * state).exp()
            }
            Kind::Wild(sigma) => rng.lognormal(sigma) * if rng.unit() < 0.05 { 20.0 } else { 1.0 },
            Kind::Gaps(sigma) => {
                if rng.unit() < 0.3 {
                    continue;
                }
                rng.lognormal(sigma)
            }
            Kind::Ties(sigma) => (rng.lognormal(sigma) * 3.0).round() / 3.0,
            Kind::Heavy(scale) => {
                let tail = -rng.unit().ln() * scale;
                if rng.unit() < 0.5 { tail.exp() } else { (-tail).exp() }
            }
            Kind::Pieces(mean) => {
                let (mut pieces, mut left) = (0.0, mean + rng.unit().ln());
                while left > 0.0 {
                    pieces += 1.0;
                    left += rng.unit().ln();
                }
                pieces
            }
            Kind::Pareto => (0..100).map(|_| rng.pareto(1.5)).sum::<f64>() / 100.0,
            Kind::Growing(sigma) => rng.lognormal(sigma) * 1.02_f64.powi(day),
        };
        all.push((day, (factor * (1.0 + growth * f64::from(day)) * 10_000.0) as u64));
    }
    all
}

const TRENDS: [Kind; 11] = [
    Kind::Even(0.05),
    Kind::Even(0.1),
    Kind::Even(0.3),
    Kind::Even(0.6),
    Kind::Week(0.1, 10.0),
    Kind::Week(0.3, 2.0),
    Kind::Wild(0.1),
    Kind::Gaps(0.3),
    Kind::Ties(0.2),
    Kind::Alike(0.3, 0.3),
    Kind::Alike(0.3, 0.5),
];

#[test]
fn measured_trends() {
    println!("\n| drift: false alarms in agent-months | | |\n| --- | --- | --- |");
    for kind in TRENDS {
        let what = format!("{kind:?}");
        let mut slow = Tally::default();
        let tally = measure(&what, agents(), |rng, tally| {
            let all = series(rng, kind, 58, 0.0);
            let mut found = (false, false);
            for today in 28..58 {
                let near = |day: i32| (today - 28..today).contains(&day);
                let days: Vec<(i32, u64)> =
                    all.iter().filter(|(day, _)| near(*day)).copied().collect();
                found.0 |= drift(&days).is_some();
                found.1 |= slower(&days, None).is_some();
            }
            tally.add(found.0);
            slow.add(found.1);
        });
        assert!(slow.found <= tally.found);
        let is_alike = matches!(kind, Kind::Alike(..));
        assert!(tally.is_at_most(if is_alike { 10.0 } else { 100.0 }), "{what}: {tally:?}");
    }
    println!("\n| drift: seen after | | |\n| --- | --- | --- |");
    for kind in [
        Kind::Even(0.05),
        Kind::Even(0.1),
        Kind::Even(0.3),
        Kind::Week(0.1, 3.0),
        Kind::Alike(0.1, 0.5),
    ] {
        for (growth, days) in
            [(2, 14), (5, 14), (10, 14), (2, 21), (5, 21), (1, 28), (2, 28), (3, 28)]
        {
            let what = format!("{days} days of {growth} %, {kind:?}");
            let tally = measure(&what, 4 * agents(), |rng, tally| {
                let all = series(rng, kind, days, f64::from(growth) / 100.0);
                tally.add(drift(&all).is_some());
            });
            if matches!(kind, Kind::Even(..0.2)) && growth > 1 && days > 21 {
                assert!(60.0 < tally.percent(), "{what}: {tally:?}");
            }
        }
    }
}

const COSTS: [Kind; 12] = [
    Kind::Even(0.1),
    Kind::Even(0.3),
    Kind::Even(0.6),
    Kind::Even(1.0),
    Kind::Week(0.2, 10.0),
    Kind::Week(0.2, 0.1),
    Kind::Alike(0.5, 0.7),
    Kind::Heavy(0.3),
    Kind::Heavy(0.7),
    Kind::Pieces(3.0),
    Kind::Growing(0.2),
    Kind::Pareto,
];

#[test]
fn measured_unusual() {
    println!("\n| unusual: false alarms in agent-days | | |\n| --- | --- | --- |");
    for kind in COSTS {
        let what = format!("{kind:?}");
        let tally = measure(&what, agents(), |rng, tally| {
            let all = series(rng, kind, 37, 0.0);
            let days: Vec<Day> = all.iter().map(|(day, cost)| (*day, Some(*cost))).collect();
            for (at, today) in days.iter().enumerate().skip(7) {
                tally.add(unusual(Measure::Tokens, *today, &days[..at]).is_some());
            }
        });
        // Who has tails as heavy as these is unusual now and then.
        let heavy = matches!(kind, Kind::Heavy(_) | Kind::Pieces(_) | Kind::Pareto);
        assert!(tally.is_at_most(if heavy { 100.0 } else { 1_000.0 }), "{what}: {tally:?}");
    }
    println!("\n| unusual: a day seen that took | | |\n| --- | --- | --- |");
    for kind in [Kind::Even(0.1), Kind::Even(0.3), Kind::Even(0.6), Kind::Week(0.2, 10.0)] {
        for known in [7, 14, 28] {
            for (times, name) in [
                (2.0, "×2"),
                (3.0, "×3"),
                (5.0, "×5"),
                (10.0, "×10"),
                (0.1, "a tenth"),
                (0.0, "nothing"),
            ] {
                let what = format!("{name}, {known} days known, {kind:?}");
                let tally = measure(&what, 2 * agents(), |rng, tally| {
                    let all = series(rng, kind, known + 1, 0.0);
                    let mut days: Vec<Day> =
                        all.iter().map(|(day, cost)| (*day, Some(*cost))).collect();
                    let (day, cost) = days.pop().unwrap();
                    let cost = cost.map(|cost| (cost as f64 * times) as u64);
                    tally.add(unusual(Measure::Tokens, (day, cost), &days).is_some());
                });
                if matches!(kind, Kind::Even(..0.5)) && times > 9.0 && known > 14 {
                    assert!(85.0 < tally.percent(), "{what}: {tally:?}");
                }
            }
        }
    }
}
