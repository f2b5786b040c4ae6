//! Small spaces, all of them: every sequence of so many acts, in worlds without chance.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use agentwatch::core::beat::Status;
use agentwatch::core::command::Command;
use agentwatch::core::event::SpawnFailureKind;
use agentwatch::core::settings::{OnEscalate, OnMissed, Policy, Settings};
use agentwatch::core::signal::Signal;

use crate::act::{Act, Plan};
use crate::agent::Kind;
use crate::run::{Story, caught};
use crate::settings::plain;
use crate::world::World;

/// How long the sequences are: more in a release build, which is twenty times as fast.
const DEPTH: u32 = if cfg!(debug_assertions) { 3 } else { 4 };

/// Everything that can happen to an agent at a moment.
fn acts() -> Vec<Act> {
    let order = Act::Order;
    vec![
        Act::Wait,
        Act::Beat(Status::Ok),
        Act::Beat(Status::ShuttingDown),
        Act::Exit { code: 0, leaves: None },
        Act::Exit { code: 1, leaves: None },
        Act::Exit { code: 1, leaves: Some(true) },
        Act::SpawnFails(SpawnFailureKind::NotFound),
        Act::Signal { signal: Signal::TERM, reached: false },
        Act::Signal { signal: Signal::INT, reached: true },
        order(Command::Pause),
        order(Command::RESUME),
        order(Command::Restart { at_beat: false }),
        order(Command::Restart { at_beat: true }),
        order(Command::Stop { now: false, stay: true }),
        order(Command::Stop { now: true, stay: false }),
        Act::Kill { after: 0 },
        Act::Kill { after: 2 },
        Act::Kill { after: 4 },
        Act::Disk { state: false, journal: true },
        Act::Disk { state: true, journal: true },
        Act::Freeze { time: Duration::from_secs(700), both: false },
        Act::Block(Duration::from_secs(700)),
    ]
}

/// Settings that lead different ways.
fn variants() -> Vec<Settings> {
    let base = Settings { max_failures: 2, ..plain() };
    vec![
        base.clone(),
        Settings { on_escalate: OnEscalate::Exit, policy: Policy::Always, ..base.clone() },
        Settings { repeat: Some(Duration::from_mins(1)), ..base.clone() },
        Settings { on_missed: OnMissed::Alert, max_failures: 1, ..base.clone() },
        Settings { policy: Policy::Never, ..base },
    ]
}

struct Search {
    acts: Vec<Act>,
    path: Rc<RefCell<Vec<Act>>>,
    ends: u64,
}

impl Search {
    fn go(&mut self, world: &World, depth: u32) {
        for at in 0..self.acts.len() {
            let act = self.acts[at].clone();
            self.path.borrow_mut().push(act.clone());
            let mut world = world.clone();
            happen(&mut world, act);
            if depth > 1 {
                self.go(&world, depth - 1);
            } else {
                self.ends += 1;
            }
            self.path.borrow_mut().pop();
        }
    }
}

fn happen(world: &mut World, act: Act) {
    world.tell(|_| format!("act: {act:?}"));
    world.apply(act);
    world.turn();
    world.turn();
}

fn world(settings: &Settings, story: Option<Story>) -> World {
    let mut world = World::new(1, settings.clone(), Kind::Puppet, Plan::none(), story);
    world.turn();
    world
}

#[test]
fn no_short_sequence_breaks_a_rule() {
    let depth = std::env::var("AGENTWATCH_SIM_DEPTH").ok().and_then(|text| text.parse().ok());
    let depth = depth.unwrap_or(DEPTH);
    let mut ends = 0;
    for settings in variants() {
        let path = Rc::new(RefCell::new(Vec::new()));
        let mut search = Search { acts: acts(), path: Rc::clone(&path), ends: 0 };
        let result = caught(|| search.go(&world(&settings, None), depth));
        ends += search.ends;
        let Err(broken) = result else { continue };
        let story = Story::default();
        let path = path.borrow().clone();
        let _ = caught(|| {
            let mut world = world(&settings, Some(Rc::clone(&story)));
            for act in path {
                happen(&mut world, act);
            }
        });
        let story = story.borrow().join("\n");
        panic!("rule {} is broken: {}\n\n{story}", broken.rule, broken.what);
    }
    println!("{ends} sequences of {depth}");
}
