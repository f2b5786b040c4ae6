//! Beats without progress, and cumulative counts over the lives of an agent.

use crate::core::beat::{Beat, Status};
use crate::core::fact::Fact;
use crate::core::settings::{OnMissed, Settings};
use crate::core::supervisor::{Phase, Why};
use crate::core::time::When;

use super::story::{Story, defaults, min, s};

fn settings(on_stalled: OnMissed) -> Settings {
    Settings { interval: min(2), progress_within: Some(min(10)), on_stalled, ..defaults() }
}

fn cycle(story: &mut Story, cycle: u64) {
    story.beat_with(Beat { cycle: Some(cycle), ..Beat::default() });
}

/// An agent that says cycle 7 once a minute, for so many minutes.
fn standing(settings: Settings, minutes: u64) -> Story {
    let mut story = Story::new(settings);
    story.launch();
    cycle(&mut story, 7);
    for _ in 0..minutes {
        story.advance(s(59));
        cycle(&mut story, 7);
        story.advance(s(1));
    }
    story.take();
    story
}

#[test]
fn a_stall_is_said_once_on_time_and_again_when_it_ends() {
    let mut story = standing(settings(OnMissed::Alert), 9);
    story.advance(s(59)).tells(&[]);
    cycle(&mut story, 7);
    story.is(Phase::Healthy).tells(&[]);
    assert_eq!(story.why(), Some(Why::Stalled));
    story.advance(s(1)).is(Phase::Healthy).tells(&["stalled at 7 for 600s, 10 beats", "seen"]);
    cycle(&mut story, 7);
    story.advance(s(30)).tells(&[]);
    cycle(&mut story, 8);
    story.tells(&["progressing to 8 after 630s"]);
    assert_eq!(story.sut.memory().streak.failures, 0);
}

#[test]
fn on_stalled_restart_is_a_failure_as_silence_is() {
    let mut story = standing(settings(OnMissed::Restart), 9);
    story.advance(s(59));
    cycle(&mut story, 7);
    story.advance(s(1)).is(Phase::Stopping).tells(&[
        "stalled at 7 for 600s, 10 beats",
        "seen",
        "stopping 15 Stalled",
        "signal 15 Group",
    ]);
    // It had run for longer than the cooldown.
    story.exit(0).tells(&["exited 1 0: failure 1 Stalled", "started 2"]);
    cycle(&mut story, 7);
    story.is(Phase::Healthy);
    assert_eq!(story.why(), Some(Why::Late), "what the old one told says nothing of the new one");
}

#[test]
fn three_stalls_give_up_however_long_each_of_them_beat() {
    let restart = Settings { progress_within: Some(min(30)), ..settings(OnMissed::Restart) };
    let mut story = standing(restart, 29);
    for life in 1..=3 {
        assert_eq!(story.sut.memory().streak.failures, life - 1, "beats alone are no health");
        story.advance(s(59));
        cycle(&mut story, 7);
        story.advance(s(1)).is(Phase::Stopping);
        story.exit(0);
        if life < 3 {
            cycle(&mut story, 7);
            for _ in 0..29 {
                story.advance(s(59));
                cycle(&mut story, 7);
                story.advance(s(1));
            }
        }
    }
    story.is(Phase::Done);
    assert_eq!(story.count(|fact| matches!(fact, Fact::Escalated { .. })), 1);
}

#[test]
fn silence_is_judged_as_silence() {
    let mut story = Story::new(Settings { misses: 30, ..settings(OnMissed::Restart) });
    story.launch();
    cycle(&mut story, 7);
    story.advance(s(10));
    cycle(&mut story, 7);
    story.take();
    story.advance(min(20)).is(Phase::Late).tells(&["late 120s"]);
    cycle(&mut story, 7);
    story.is(Phase::Stopping);
    assert!(story.take()[0].starts_with("stalled at 7"));
}

#[test]
fn a_blocked_stdout_a_suspend_and_an_announced_shutdown_excuse_it() {
    let mut story = standing(settings(OnMissed::Restart), 9);
    story.drained = false;
    story.tick().advance(min(60));
    story.drained = true;
    story.tick().is(Phase::Healthy);
    story.suspend(min(600)).is(Phase::Healthy).take();
    story.oversleep(min(5));
    story.is(Phase::Healthy);
    assert_eq!(story.count(|fact| matches!(fact, Fact::Stalled { .. })), 0);
    cycle(&mut story, 7);
    story.say(Status::ShuttingDown).advance(min(4)).is(Phase::ShuttingDown);
    assert_eq!(story.count(|fact| matches!(fact, Fact::Stalled { .. })), 0);
}

#[test]
fn the_deadline_of_a_stall_is_its_moment() {
    let mut story = standing(settings(OnMissed::Alert), 9);
    story.advance(s(59));
    cycle(&mut story, 7);
    let Some((When::Up(at), Why::Stalled)) = story.sut.deadline() else { panic!("no deadline") };
    assert_eq!(at.since(story.now.up), s(1));
}

#[test]
fn a_cumulative_count_goes_on_over_incarnations_and_lives() {
    let mut story = Story::new(defaults());
    let total = |total| Beat { tokens_total: Some(total), ..Beat::default() };
    let last = |story: &Story| {
        let told = |fact: &Fact| if let Fact::Beat(beat) = fact { Some(beat.tokens) } else { None };
        story.facts.iter().rev().find_map(told)
    };
    story.launch().beat_with(total(5_000_000));
    assert_eq!(last(&story), Some(None), "nobody saw what that was used for");
    story.beat_with(total(5_000_900));
    assert_eq!(last(&story), Some(Some(900)));
    story.exit(1).advance(min(5));
    story.beat_with(total(5_001_000));
    assert_eq!(last(&story), Some(Some(100)), "the counter outlived its process");
    story.exit(1).advance(min(5));
    story.beat_with(total(40));
    assert_eq!(last(&story), Some(Some(40)), "a new counter");
    story.relaunch(None, false).advance(min(5));
    assert_eq!(story.persisted.tokens.0, Some(40));
}
