//! Runaways, signs of a loop and budgets: what is said, and what follows.

use super::story::{DAY, Story, defaults, min, s};
use crate::core::beat::{Beat, Status};
use crate::core::command::{Command, Reply};
use crate::core::cost::limits::{Action, Limits};
use crate::core::fact::{Fact, StopWhy};
use crate::core::memory::{LatchWhy, Memory};
use crate::core::settings::{OnEscalate, Settings};
use crate::core::supervisor::Phase;

fn with(limits: Limits) -> Settings {
    Settings { limits, on_escalate: OnEscalate::Hold, ..defaults() }
}

fn on_loop(on_loop: Action) -> Settings {
    with(Limits { on_loop, ..Limits::default() })
}

fn used(tokens: u64) -> Beat {
    Beat { tokens_used: Some(tokens), ..Beat::default() }
}

/// An agent that has used a thousand tokens in each of sixty cycles.
fn steady(settings: Settings) -> Story {
    let mut story = Story::new(settings);
    story.launch();
    cycles(&mut story, 60, 1_000);
    story.take();
    story
}

fn cycles(story: &mut Story, count: u32, tokens: u64) {
    for _ in 0..count {
        story.advance(s(50)).beat_with(used(tokens));
    }
}

#[test]
fn a_runaway_is_one_incident_from_its_first_cycle_to_two_normal_ones() {
    let mut story = steady(on_loop(Action::Alert));
    cycles(&mut story, 5, 40_000);
    story.tells(&["loop? Tokens: Alert"]);
    cycles(&mut story, 1, 1_000);
    story.tells(&[]);
    cycles(&mut story, 1, 1_000);
    story.tells(&["no loop Tokens, 5 cycles: Normal"]).is(Phase::Healthy);
}

#[test]
fn the_tokens_of_a_cycle_that_runs_are_judged_before_its_end() {
    let mut story = steady(on_loop(Action::Alert));
    for _ in 0..5 {
        story.advance(s(10)).beat_with(Beat { status: Status::Busy, ..used(9_000) });
    }
    story.tells(&["loop? Tokens: Alert"]);
}

#[test]
fn a_runaway_is_restarted_and_the_third_in_a_row_calls_a_human() {
    let mut story = steady(on_loop(Action::Restart));
    for failure in 1..=3 {
        story.advance(s(1)).beat_with(used(1_000)).advance(s(30)).beat_with(used(90_000));
        story.is(Phase::Stopping).exit(0);
        let said = story.take();
        assert!(said.contains(&format!("exited {failure} 0: failure {failure} Loop")), "{said:?}");
        while story.phase() == Phase::Cooldown {
            story.advance(s(1));
        }
    }
    story.is(Phase::Escalated);
    let over = |fact: &Fact| matches!(fact, Fact::LoopCleared { .. });
    assert_eq!(story.count(over), 2, "each is over with the next start");
}

#[test]
fn a_human_who_restarts_what_was_paused_is_called_again_if_it_goes_on() {
    let mut story = steady(on_loop(Action::Pause));
    story.advance(s(50)).beat_with(used(90_000)).is(Phase::Paused);
    story.command(Command::Restart { at_beat: false });
    story.exit(0).beat_with(used(90_000)).is(Phase::Paused);
}

#[test]
fn on_loop_stop_stays_down_until_a_human_resumes_it() {
    let mut story = steady(on_loop(Action::Stop));
    story.advance(s(50)).beat_with(used(90_000)).is(Phase::Stopping).exit(0);
    story.advance(DAY).is(Phase::Escalated);
    assert_eq!(story.persisted.latch.as_ref().map(|latch| latch.why), Some(LatchWhy::Loop));
    assert_eq!(story.count(|fact| matches!(fact, Fact::Stopping { why: StopWhy::Loop, .. })), 1);
    assert_eq!(story.command(Command::RESUME), Reply::Started);
}

#[test]
fn on_loop_pause_waits_for_a_human_and_what_a_human_has_let_pass_is_no_news() {
    let mut story = steady(on_loop(Action::Pause));
    story.advance(s(50)).beat_with(used(90_000)).is(Phase::Paused).advance(DAY).is(Phase::Paused);
    story.resume();
    story.is(Phase::Healthy).take();
    story.advance(s(30)).beat_with(used(90_000)).is(Phase::Healthy);
    story.advance(s(30)).beat_with(used(9_000_000)).is(Phase::Paused);
    let reply = story.command(Command::Resume { rebaseline: true });
    assert!(matches!(reply, Reply::Continued { .. }), "{reply:?}");
}

#[test]
fn a_human_can_say_that_a_new_level_is_right() {
    let mut story = steady(on_loop(Action::Alert));
    cycles(&mut story, 49, 40_000);
    assert_eq!(story.take(), ["loop? Tokens: Alert"]);
    let reply = story.command(Command::Resume { rebaseline: true });
    let Reply::Rebaselined { usual: Some(usual) } = reply else { panic!("{reply:?}") };
    assert!(39_000 < usual, "{usual}");
    story.take();
    cycles(&mut story, 50, 40_000);
    story.tells(&[]);
}

#[test]
fn what_is_usual_survives_agentwatch_and_what_was_said_is_not_said_again() {
    let limits = Limits { tokens_per_day: Some(61_500), ..Limits::default() };
    let mut story = steady(with(limits));
    story.advance(s(50)).beat_with(used(50_000));
    story.tells(&["loop? Tokens: Alert", "too much of TokensPerDay: Alert"]);
    story.relaunch(None, false).advance(min(5)).is(Phase::Starting).take();
    story.beat_with(used(1_000)).take();
    story.advance(s(50)).beat_with(used(50_000)).tells(&[]);
    story.advance(s(50)).beat_with(used(1_000)).advance(s(50)).beat_with(used(1_000));
    story.tells(&["no loop Tokens, 2 cycles: Normal"]);
}

#[test]
fn an_announced_shutdown_flags_nothing_within_reason() {
    let mut story = steady(on_loop(Action::Stop));
    story.say(Status::ShuttingDown).take();
    story.advance(s(20)).beat_with(used(90_000)).is(Phase::ShuttingDown);
    story.tells(&[]);
    story.advance(s(20)).beat_with(used(20_000)).is(Phase::Stopping);
    let said = story.take();
    assert!(said.contains(&"loop? Shutdown: Stop".to_owned()), "{said:?}");
}

#[test]
fn a_budget_warns_and_then_parks_until_it_is_fresh() {
    let limits =
        Limits { tokens_per_day: Some(70_000), on_exceeded: Action::Park, ..Limits::default() };
    let mut story = steady(with(limits));
    cycles(&mut story, 11, 1_000);
    story
        .tells(&["too much of TokensPerDay: Park", "stopping 15 Budget", "signal 15 Group"])
        .is(Phase::Stopping);
    story.exit(0);
    let left = story.now.midnight().since(story.now.wall);
    let said = story.take();
    assert!(said.contains(&format!("parked {}s", left.as_secs())), "{said:?}");
    story.advance(left.saturating_sub(s(1))).is(Phase::Parked);
    story.advance(s(2)).is(Phase::Starting);
    assert_eq!(story.persisted.streak.failures, 0, "a budget is no failure");
}

#[test]
fn a_human_may_go_on_beyond_a_budget() {
    let limits =
        Limits { tokens_per_hour: Some(70_000), on_exceeded: Action::Park, ..Limits::default() };
    let mut story = Story::new(with(limits));
    story.launch().beat_with(used(70_001)).is(Phase::Stopping).exit(0);
    story.is(Phase::Parked);
    assert_eq!(story.command(Command::RESUME), Reply::Started);
    story.beat_with(used(70_000)).is(Phase::Healthy);
}

#[test]
fn money_is_counted_as_it_is_told() {
    let nano_usd_per_day = Some(1_000_000_000);
    let limits = Limits { nano_usd_per_day, on_exceeded: Action::Stop, ..Limits::default() };
    let mut story = Story::new(with(limits));
    story.launch();
    let cents = |usd| Beat { cost_usd: Some(usd), ..Beat::default() };
    story.beat_with(cents(0.7)).take();
    story.advance(s(30)).beat_with(cents(0.3)).tells(&["most of UsdPerDay"]);
    story.advance(s(30)).beat_with(cents(0.01));
    story.tells(&["too much of UsdPerDay: Stop", "stopping 15 Budget", "signal 15 Group"]).exit(0);
    story.advance(min(1)).is(Phase::Escalated);
}

#[test]
fn other_signs_of_a_loop_lead_to_the_same() {
    let limits = Limits { same_message: Some(3), on_loop: Action::Restart, ..Limits::default() };
    let mut story = Story::new(with(limits));
    story.launch().beat().take();
    let stuck = || Beat { message: Some("trying again".into()), ..Beat::default() };
    story.advance(s(30)).beat_with(stuck()).advance(s(30)).beat_with(stuck()).tells(&[]);
    story.advance(s(30)).beat_with(stuck());
    story.tells(&["loop? SameMessage: Restart", "stopping 15 Loop", "signal 15 Group"]).exit(0);
    let said = story.take();
    assert_eq!(said[0], "no loop SameMessage, 0 cycles: Ended");
}

#[test]
fn what_is_known_is_saved_once_an_hour() {
    let mut story = steady(on_loop(Action::Alert));
    let saved = story.persisted.ledger.usual();
    assert_eq!(saved, Some(1_000));
    let before: Memory = story.persisted.clone();
    story.advance(s(50)).beat_with(used(1_000));
    assert!(story.persisted.ledger == before.ledger, "a beat is no reason to write");
    cycles(&mut story, 80, 1_000);
    assert!(story.persisted.ledger != before.ledger);
}

#[test]
fn another_release_learns_anew_what_is_usual() {
    let release = Some("v1".to_owned());
    let story = steady(Settings { release, ..on_loop(Action::Alert) });
    let release = Some("v2".to_owned());
    let memory = story.persisted.clone();
    let mut next = Story::with(Settings { release, ..on_loop(Action::Alert) }, memory);
    next.launch().advance(min(6));
    cycles(&mut next, 5, 20_000);
    let loops = |fact: &Fact| matches!(fact, Fact::LoopSuspected { .. });
    assert_eq!((next.count(loops), next.persisted.ledger.usual()), (0, None));
}

#[test]
fn beats_that_waited_for_us_are_no_haste_of_the_agent() {
    let mut story = steady(on_loop(Action::Restart));
    story.drained = false;
    story.tick().advance(min(60)).tick();
    for _ in 0..60 {
        story.beat_with(used(1_000));
    }
    story.drained = true;
    story.tick();
    cycles(&mut story, 50, 1_000);
    let loops = |fact: &Fact| matches!(fact, Fact::LoopSuspected { .. });
    assert_eq!(story.count(loops), 0);
    for _ in 0..600 {
        story.advance(std::time::Duration::from_millis(50)).beat_with(used(1_000));
    }
    assert_eq!(story.count(loops), 1, "haste of its own still is");
}
