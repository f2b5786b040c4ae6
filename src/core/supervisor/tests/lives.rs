//! Across several lives of agentwatch: cooldown, clocks, the latch, the failures of a day.

use std::time::Duration;

use crate::core::event::{By, Event};
use crate::core::fact::Fact;
use crate::core::incident::Alerting;
use crate::core::settings::{OnEscalate, OnMissed, Policy, Settings};
use crate::core::supervisor::Phase;
use crate::core::time::{Boot, LocalDay, Up};

use super::story::{DAY, Story, Strays, defaults, min, s};

fn cooling() -> Story {
    let mut story = Story::healthy(defaults());
    story.exit(1).is(Phase::Cooldown);
    story
}

#[test]
fn the_cooldown_goes_on_in_the_next_life() {
    let mut story = cooling();
    story.pass(min(2)).relaunch(None, false).tells(&["cooldown 180s"]);
    story.advance(s(179)).tells(&[]).advance(s(1)).tells(&["started 2"]);
}

#[test]
fn a_cooldown_that_passed_between_two_lives_is_over() {
    cooling().pass(min(6)).relaunch(None, false).tells(&["started 2"]);
}

#[test]
fn a_clock_set_back_waits_the_whole_cooldown_and_not_more() {
    let mut story = cooling();
    story.now.wall.0 -= 86_400_000;
    story.relaunch(None, false).tells(&["cooldown 300s"]);
}

#[test]
fn a_clock_set_forward_waits_no_more() {
    let mut story = cooling();
    story.now.wall.0 += 86_400_000;
    story.relaunch(None, false).tells(&["started 2"]);
}

#[test]
fn the_cooldown_survives_a_reboot() {
    let mut story = cooling();
    story.pass(min(1));
    (story.now.up, story.now.boot) = (Up(s(3)), Boot(s(3)));
    story.relaunch(None, true).tells(&["cooldown 240s"]);
    story.advance(min(4)).tells(&["started 2"]);
}

#[test]
fn three_lost_ends_latch() {
    let mut story = Story::healthy(defaults());
    for _ in 0..2 {
        story.relaunch(None, false).advance(min(5));
    }
    story.relaunch(None, false);
    story.tells(&[
        "exited 3 137: failure 3 Lost",
        "escalated Streak 3",
        "SupervisorStopped",
        "exit 69",
    ]);
}

#[test]
fn a_plain_wrapper_neither_counts_nor_waits_for_what_was_lost() {
    let mut story = Story::healthy(Settings { policy: Policy::Never, ..defaults() });
    story.relaunch(None, false).tells(&["exited 1 137: Passed", "started 2"]);
}

#[test]
fn strays_of_the_last_life_are_ended_before_the_next_start() {
    let mut story = Story::healthy(defaults());
    story.strays = Strays::NeedKill;
    story.pass(min(10)).relaunch(None, false).is(Phase::Failed);
    story.tells(&["exited 1 137: failure 1 Lost"]);
    story.advance(s(5)).tells(&["kill", "Strays", "started 2"]);
}

#[test]
fn a_lost_end_is_recorded_once_even_if_its_tree_outlives_two_lives() {
    let mut story = Story::healthy(defaults());
    story.strays = Strays::Stuck;
    story.relaunch(None, false).advance(s(1)).relaunch(None, false).advance(s(1));
    assert_eq!(story.count(|fact| matches!(fact, Fact::Exited { .. })), 1);
    assert_eq!(story.sut.memory().streak.failures, 1);
}

fn latched(on_escalate: OnEscalate) -> Story {
    let mut story = Story::healthy(Settings { max_failures: 1, on_escalate, ..defaults() });
    story.exit(1);
    assert!(story.persisted.latch.is_some());
    story
}

#[test]
fn a_latched_agent_refuses_to_start_and_opens_nothing_new() {
    let mut story = latched(OnEscalate::Exit);
    story.pass(min(600)).relaunch(None, false);
    story.tells(&["Latched", "SupervisorStopped", "exit 69"]);
    assert_eq!(story.count(|fact| matches!(fact, Fact::Escalated { .. })), 1);
}

#[test]
fn a_latched_agent_holds_where_it_should() {
    let mut story = latched(OnEscalate::Hold);
    story.relaunch(None, false).is(Phase::Escalated).tells(&["Latched"]);
    story.resume().tells(&["Resumed", "started 2"]);
}

#[test]
fn resume_on_the_command_line_lifts_latch_streak_and_cooldown() {
    let mut story = latched(OnEscalate::Exit);
    story.relaunch(Some(By::Flag), false).tells(&["Resumed", "started 2"]);
    assert_eq!((story.persisted.latch.is_none(), story.persisted.streak.failures), (true, 0));
}

#[test]
fn resume_where_nothing_is_owed_says_nothing() {
    let mut story = Story::new(defaults());
    story.relaunch(Some(By::Flag), false).tells(&["started 1"]);
}

#[test]
fn more_than_ten_failures_a_day_escalate() {
    let mut story = Story::healthy(defaults());
    for n in 1..=10 {
        story.beats_for(min(11)).exit(1);
        assert_eq!(story.phase(), Phase::Starting, "failure {n}");
    }
    story.beats_for(min(11)).take();
    story.exit(1);
    assert_eq!(story.take()[1], "escalated Day 11");
}

#[test]
fn midnight_starts_a_new_count() {
    let mut story = Story::healthy(defaults());
    for _ in 0..10 {
        story.beats_for(min(11)).exit(1);
    }
    story.now.day = LocalDay(story.now.day.0 + 1);
    story.beats_for(min(11)).exit(1).is(Phase::Starting);
    assert_eq!(story.persisted.failures_of_day, 1);
}

#[test]
fn trouble_of_the_last_life_is_recovered_in_the_next() {
    let mut story = cooling();
    story.pass(min(10)).relaunch(None, false).take();
    story.advance(s(5)).beat().tells(&["recovered after 605s"]);
}

#[test]
fn incarnations_never_go_back() {
    let mut story = cooling();
    story.pass(DAY).relaunch(None, false).exit(0);
    story.pass(Duration::ZERO).relaunch(None, false);
    assert_eq!((story.alive(), story.persisted.incarnation), (Some(3), 3));
}

#[test]
fn an_alert_alone_is_no_debt_for_the_next_life() {
    let mut story = Story::healthy(Settings { on_missed: OnMissed::Alert, ..defaults() });
    story.advance(min(5)).exit(1);
    assert_eq!(story.sut.memory().streak.failures, 1);
}

fn with_a_sink() -> Settings {
    let alerting = Alerting { sinks: true, ..Alerting::default() };
    Settings { max_failures: 1, alerting, ..defaults() }
}

#[test]
fn whoever_gives_up_tries_again_to_tell_it_while_there_is_time() {
    let mut story = Story::healthy(with_a_sink());
    story.step(Event::Delivered { next: None }).exit(1).tick();
    story.step(Event::Delivered { next: Some(s(5)) }).is(Phase::Leaving);
    story.take();
    story.advance(s(6)).tells(&["deliver"]);
    story.step(Event::Delivered { next: Some(s(60)) }).tells(&["SupervisorStopped", "exit 69"]);
    // The life that follows does it, although it starts nothing.
    story.relaunch(None, false).is(Phase::Leaving).tick();
    story.tells(&["Latched", "deliver"]).is(Phase::Leaving);
    story.step(Event::Delivered { next: None }).tells(&["SupervisorStopped", "exit 69"]);
}
