//! A seeded random simulator around the pure core, in virtual time.
//!
//! Each seed is one world: settings, an agent, and everything that can go wrong, for a week. After
//! every step the invariants of SPEC §2 are checked by their numbers, and at its end the world turns
//! kind and the agent has to become healthy. A world that breaks a rule is shrunk and told as a story.
//!
//! `AGENTWATCH_SIM_YEARS=1000 cargo test --release --test simulation no_world -- --nocapture` runs long;
//! `AGENTWATCH_SEED=7 cargo test --test simulation no_world -- --nocapture` tells one world.
#![allow(clippy::panic, reason = "a violated rule is a panic with its story")]
#![allow(
    clippy::struct_excessive_bools,
    reason = "what is true of a world at a time is many flags"
)]
#![allow(clippy::disallowed_methods, reason = "its speed is told by a real clock")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks for --nocapture")]

mod act;
mod agent;
mod books;
mod costs;
mod custody;
mod diagram;
mod disk;
mod enumerate;
mod happen;
mod invariants;
mod looks;
mod post;
mod reporter;
mod rng;
mod run;
mod settings;
mod shell;
mod world;

use std::rc::Rc;
use std::time::Instant;

use diagram::Diagram;
use run::{Case, Story};

/// Agent-weeks that every `cargo test` lives through.
const WEEKS: u64 = 400;

/// Agent-weeks in which the rarest way between two states is taken.
const MANY_WEEKS: u64 = 500 * 52;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn number(name: &str) -> Option<u64> {
    let text = variable(name)?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}: {text:?} is no number")))
}

/// What the environment asks to be told.
fn asked_for() -> Option<Case> {
    let numbers = |text: String| text.split(',').filter_map(|word| word.parse().ok()).collect();
    let words = |text: String| text.split(',').map(str::to_owned).collect();
    Some(Case {
        seed: number("AGENTWATCH_SEED")?,
        only: variable("AGENTWATCH_ACTS").map(numbers).map(Rc::new),
        plain: variable("AGENTWATCH_PLAIN").map(words).unwrap_or_default(),
    })
}

#[test]
fn no_world_breaks_a_rule() {
    if let Some(case) = asked_for() {
        let story = Story::default();
        let result = case.live(Some(Rc::clone(&story)));
        println!("{}", story.borrow().join("\n"));
        if let Err(broken) = result {
            panic!("rule {} is broken: {}", broken.rule, broken.what);
        }
        return;
    }
    let count = number("AGENTWATCH_SIM_YEARS").map_or(WEEKS, |years| years * 52);
    let first = number("AGENTWATCH_SIM_FROM").unwrap_or(1);
    let begin = Instant::now();
    let (mut starts, mut escalations, mut recoveries, mut crashes, mut steps) = (0, 0, 0, 0, 0);
    let mut diagram = Diagram::default();
    for seed in first..first + count {
        match Case::of(seed).live(None) {
            Ok(world) => {
                starts += world.checker.starts;
                escalations += world.checker.escalations;
                recoveries += world.checker.recoveries;
                crashes += world.crashes;
                steps += world.steps;
                diagram.add(&world.diagram);
            }
            Err(broken) => panic!("{}", Case::of(seed).shrunk(&broken).report(&broken)),
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let years_a_minute = count as f64 / 52.0 / seconds * 60.0;
    let (times, rarest) = diagram.rarest();
    println!(
        "{count} agent-weeks: {steps} steps, {starts} starts, {escalations} escalations, \
         {recoveries} recoveries, {crashes} crashes of agentwatch; {years_a_minute:.0} agent-years \
         a minute; the rarest way, {rarest}, was taken {times} times"
    );
    // A quiet simulation proves nothing.
    if count >= WEEKS {
        assert!(1_000 < starts && 100 < escalations && 100 < recoveries && 100 < crashes);
    }
    diagram::assert_complete(&diagram, count >= MANY_WEEKS);
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let run = |seed| {
        let story = Story::default();
        let world = Case::of(seed).live(Some(Rc::clone(&story))).unwrap();
        let story = story.borrow().clone();
        (world.steps, story)
    };
    for seed in 1..=3 {
        assert_eq!(run(seed), run(seed));
    }
}
