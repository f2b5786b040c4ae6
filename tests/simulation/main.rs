//! A seeded random simulator around the pure core, in virtual time.
//!
//! Each seed is one world: settings, an agent, and everything that can go wrong, for a week. After
//! every step the invariants of SPEC §2 are checked by their numbers, and at its end the world turns
//! kind and the agent has to become healthy.
//!
//! `AGENTWATCH_SEED=7 cargo test --test simulation -- --nocapture` replays one world;
//! `AGENTWATCH_SIM_YEARS=1000 cargo test --release --test simulation -- --nocapture` runs long.
#![allow(clippy::panic, reason = "a violated rule is a panic with its story")]
#![allow(
    clippy::struct_excessive_bools,
    reason = "what is true of a world at a time is many flags"
)]
#![allow(clippy::print_stdout, reason = "figures for whoever asks for --nocapture")]

mod agent;
mod faults;
mod invariants;
mod rng;
mod shell;
mod world;

use std::time::Duration;

use world::World;

const WEEK: Duration = Duration::from_hours(7 * 24);

/// Agent-weeks that every `cargo test` lives through.
const WEEKS: u64 = 200;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn no_world_breaks_a_rule() {
    let (first, count) = match (number("AGENTWATCH_SEED"), number("AGENTWATCH_SIM_YEARS")) {
        (Some(seed), _) => (seed, 1),
        (None, Some(years)) => (1, years * 52),
        (None, None) => (1, WEEKS),
    };
    let (mut starts, mut escalations, mut recoveries, mut crashes, mut steps) = (0, 0, 0, 0, 0);
    for seed in first..first + count {
        let mut world = World::new(seed);
        world.live(WEEK);
        world.must_become_healthy();
        starts += world.checker.starts;
        escalations += world.checker.escalations;
        recoveries += world.checker.recoveries;
        crashes += world.crashes;
        steps += world.steps;
    }
    println!(
        "{count} agent-weeks: {steps} steps, {starts} starts, {escalations} escalations, \
         {recoveries} recoveries, {crashes} crashes of agentwatch"
    );
    // A quiet simulation proves nothing.
    if count == WEEKS {
        assert!(1_000 < starts && 100 < escalations && 100 < recoveries && 100 < crashes);
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let run = |seed| {
        let mut world = World::new(seed);
        world.live(WEEK / 7);
        (world.steps, world.checker.starts, world.story)
    };
    for seed in 1..=5 {
        assert_eq!(run(seed), run(seed));
    }
}
