//! How often each method speaks of nothing, and how soon of something: thousands of made-up agents of which it is
//! known whether there is an effect. The tables of `docs/report-methods.md` are what this prints:
//!
//! `AGENTWATCH_SERIES=4000 cargo test --release --lib measured -- --nocapture --test-threads 1`

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "made-up numbers"
)]

mod clashes;
mod days;
mod lives;
#[path = "../../../benches/detection/rng.rs"]
mod rng;

use super::clash::clash;
use super::drift::drift;
use super::growth::{Life, growth};
use super::slower::slower;
use super::unusual::{Day, Measure, unusual};
use rng::Rng;

/// Agents of each kind: few, for everyday; as many as are asked for by hand.
fn agents() -> u64 {
    let asked = std::env::var("AGENTWATCH_SERIES").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(12)
}

/// How many of some looks found something, over all agents.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    found: u64,
    looks: u64,
}

impl Tally {
    fn add(&mut self, found: bool) {
        self.found += u64::from(found);
        self.looks += 1;
    }

    fn percent(self) -> f64 {
        self.found as f64 * 100.0 / self.looks.max(1) as f64
    }

    /// Whether it is at most one in so many, or no more than three standard deviations (and one) above.
    fn is_at_most(self, one_in: f64) -> bool {
        let expected = self.looks as f64 / one_in;
        self.found as f64 <= expected + 3.0 * expected.sqrt() + 1.0
    }
}

/// Runs `look` for every agent of a kind, and prints what came of it.
fn measure(what: &str, agents: u64, mut look: impl FnMut(&mut Rng, &mut Tally)) -> Tally {
    let mut tally = Tally::default();
    for agent in 0..agents {
        look(&mut Rng::of(1, what, agent), &mut tally);
    }
    println!("| {what} | {:.2} % | {} of {} |", tally.percent(), tally.found, tally.looks);
    tally
}

/// What a report of a hundred agents over four weeks takes of all this.
#[test]
#[expect(clippy::disallowed_methods, reason = "a measurement, printed and not judged")]
fn measured_time() {
    let mut rng = Rng::of(1, "time", 0);
    let days: Vec<(i32, u64)> = (0..28).map(|day| (day, 1_000 + rng.below(400))).collect();
    let costs: Vec<Day> = days.iter().map(|(day, cost)| (*day, Some(*cost))).collect();
    let failures: Vec<(i32, u32)> =
        (0..28).flat_map(|day| [(day, rng.below(1_440) as u32), (day, 182)]).collect();
    let life: Vec<(u64, u64)> =
        (0..24).map(|hour| (hour * 3_600_000, 500_000 + 900 * hour + rng.below(99))).collect();
    let lives = vec![Life { samples: &life, peak_kib: None }; 28];
    let time = |what: &str, method: &dyn Fn() -> bool| {
        let began = std::time::Instant::now();
        let found = (0..100).filter(|_| method()).count();
        println!("{what}: {:.2?} for a hundred agents", began.elapsed());
        assert!(found == 0 || found == 100);
    };
    time("clash", &|| clash(&failures, 28).is_some());
    time("drift", &|| drift(&days).is_some());
    time("slower", &|| slower(&days, None).is_some());
    time("growth", &|| growth(&lives, None).is_some());
    time("unusual", &|| unusual(Measure::Tokens, (28, Some(5_000)), &costs).is_some());
}
