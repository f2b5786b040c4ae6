//! What a supervisor above us is told, and when.

use std::time::Duration;

use super::story::{Story, defaults, min, s};
use crate::core::beat::{Beat, Status};
use crate::core::command::Command;
use crate::core::outer::{Outer, ReadyAt, Word};
use crate::core::settings::{OnEscalate, Settings};
use crate::core::signal::Signal;
use crate::core::supervisor::Phase;

/// What is told now, the figures of the agent left out.
fn told(outer: &mut Outer, story: &Story) -> Vec<&'static str> {
    let words = outer.look(story.now.up, &story.sut);
    words
        .into_iter()
        .map(|word| match word {
            Word::Ready => "ready",
            Word::Stopping => "stopping",
            Word::Extend(_) => "extend",
            Word::Status(_) => "status",
            Word::Alive => "alive",
        })
        .collect()
}

fn beat_ready() -> Outer {
    Outer::new(ReadyAt::Beat, None)
}

#[test]
fn ready_is_said_at_once_and_once_also_in_a_cooldown() {
    let mut story = Story::new(defaults());
    let mut outer = Outer::new(ReadyAt::Start, None);
    story.launch();
    assert_eq!(told(&mut outer, &story), ["ready", "status"]);
    story.exit(1);
    let mut next = Outer::new(ReadyAt::Start, None);
    story.relaunch(None, false).is(Phase::Cooldown);
    assert_eq!(told(&mut next, &story), ["ready", "status"]);
    assert_eq!(told(&mut next, &story), [] as [&str; 0]);
}

#[test]
fn ready_by_beat_waits_for_one_but_for_no_cooldown() {
    let mut story = Story::new(defaults());
    let mut outer = beat_ready();
    story.launch();
    assert_eq!(told(&mut outer, &story), ["status"]);
    story.pass(s(1)).beat();
    assert_eq!(told(&mut outer, &story), ["ready", "status"]);

    let mut story = Story::new(defaults());
    let mut outer = beat_ready();
    story.launch().exit(1).is(Phase::Cooldown);
    assert_eq!(told(&mut outer, &story), ["ready", "status"]);

    // Nobody waits for what cannot come.
    let mut story = Story::new(Settings { beats: false, ..defaults() });
    story.launch();
    assert_eq!(told(&mut beat_ready(), &story), ["ready", "status"]);
}

#[test]
fn who_leaves_at_once_was_never_ready() {
    let mut story = Story::healthy(defaults());
    for _ in 0..3 {
        story.exit(1).advance(min(6));
    }
    story.relaunch(None, false);
    assert_eq!(story.exit, Some(69));
    let mut outer = Outer::new(ReadyAt::Start, None);
    assert_eq!(told(&mut outer, &story), ["stopping", "extend", "status"]);
}

#[test]
fn the_status_changes_with_the_state_and_its_figures_change_rarely() {
    let mut story = Story::healthy(defaults());
    let mut outer = Outer::new(ReadyAt::Start, None);
    story.beat_with(Beat { tokens_used: Some(100), ..Beat::default() });
    let _ = outer.look(story.now.up, &story.sut);
    assert_eq!(outer.deadline(), None, "nothing to wake for");
    // Figures alone: not before ten seconds, and nobody is woken for them.
    story.pass(s(5)).beat_with(Beat { tokens_used: Some(300), ..Beat::default() });
    assert_eq!((told(&mut outer, &story), outer.deadline()), (vec![], None));
    story.pass(s(5)).tick();
    let words = outer.look(story.now.up, &story.sut);
    let [Word::Status(standing)] = words[..] else { panic!("{words:?}") };
    assert_eq!((standing.phase, standing.tokens, standing.streak), (Phase::Healthy, Some(133), 0));
    // A state at once, another one a second later.
    story.pass(s(2)).exit(1).tick();
    assert_eq!(told(&mut outer, &story), ["status"]);
    let before = story.now.up;
    story.pass(Duration::from_millis(200)).resume();
    assert_eq!((told(&mut outer, &story), outer.deadline()), (vec![], Some(before.plus(s(1)))));
    story.pass(Duration::from_millis(800)).tick();
    assert_eq!((told(&mut outer, &story), outer.deadline()), (vec!["status"], None));
}

#[test]
fn a_sign_of_life_is_due_at_half_of_what_is_asked() {
    let mut story = Story::healthy(defaults());
    let mut outer = Outer::new(ReadyAt::Start, Some(s(10)));
    assert_eq!(told(&mut outer, &story), ["ready", "status", "alive"]);
    assert_eq!(outer.deadline(), Some(story.now.up.plus(s(5))));
    story.pass(s(4)).tick();
    assert_eq!(told(&mut outer, &story), [] as [&str; 0], "not at every turn");
    story.pass(s(1)).tick();
    assert_eq!(told(&mut outer, &story), ["alive"]);
}

#[test]
fn a_stop_is_announced_with_the_time_it_may_take() {
    let mut story = Story::healthy(Settings { stop_timeout: min(3), ..defaults() });
    let mut outer = Outer::new(ReadyAt::Start, None);
    let _ = outer.look(story.now.up, &story.sut);
    // Its own announcement is no word to leave: it may fail yet, and be started again.
    story.say(Status::ShuttingDown).pass(s(2));
    assert_eq!(told(&mut outer, &story), ["status"]);
    story.pass(s(2)).stop(Signal::TERM).is(Phase::Stopping);
    let words = outer.look(story.now.up, &story.sut);
    let [Word::Stopping, Word::Extend(time), Word::Status(_)] = words[..] else {
        panic!("{words:?}")
    };
    assert!(min(3) < time && time < min(5), "{time:?}");
    story.pass(min(1)).tick();
    assert_eq!(told(&mut outer, &story), [] as [&str; 0], "all of it was asked for");
}

#[test]
fn more_time_that_the_agent_gets_is_passed_on() {
    let mut story = Story::healthy(defaults());
    let mut outer = Outer::new(ReadyAt::Start, None);
    story.stop(Signal::TERM);
    let _ = outer.look(story.now.up, &story.sut);
    let notice = crate::core::notice::Notice::Extend { by: min(4) };
    let incarnation = story.alive().unwrap();
    story.step(crate::core::event::Event::Notice { incarnation, notice }).tick();
    assert_eq!(told(&mut outer, &story), ["extend"]);
}

#[test]
fn what_is_no_leaving_is_not_called_so() {
    let mut outer = Outer::new(ReadyAt::Start, None);
    let mut story = Story::healthy(Settings { on_escalate: OnEscalate::Hold, ..defaults() });
    let mut none = |story: &Story, why: &str| {
        assert!(!told(&mut outer, story).contains(&"stopping"), "{why}");
    };
    story.command(Command::Restart { at_beat: false });
    none(&story, "a restart");
    story.exit(0);
    none(&story, "a start");
    story.beat();
    story.command(Command::Stop { now: false, stay: true });
    none(&story, "a stop that stays");
    story.exit(0).is(Phase::Escalated);
    none(&story, "a hold");
}
