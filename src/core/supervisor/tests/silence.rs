//! Beats and their absence: late, unhealthy, the start grace, the notice, recovery.

use crate::core::beat::{Beat, Status};
use crate::core::event::Event;
use crate::core::fact::Fact;
use crate::core::memory::Memory;
use crate::core::settings::{OnMissed, Settings};
use crate::core::supervisor::{Phase, Why};

use super::story::{Story, defaults, min, s};
use super::telling::seen;

#[test]
fn late_then_unhealthy_then_stopped_killed_and_started_again() {
    let mut story = Story::healthy(defaults());
    story.advance(s(59)).is(Phase::Healthy).advance(s(1)).is(Phase::Late).advance(s(59));
    story.is(Phase::Late).advance(s(1)).is(Phase::Stopping);
    story.tells(&[
        "late 60s",
        "unhealthy 120s",
        "seen: 0ms CPU in 60s",
        "stopping 15 Unhealthy",
        "signal 15 Group",
    ]);
    story.advance(s(30)).tells(&[
        "stopping 9 StopTimeout",
        "kill",
        "exited 1 137: failure 1 Silent",
        "cooldown 150s",
    ]);
    story.advance(s(150)).is(Phase::Starting).tells(&["started 2"]);
    story.advance(s(7)).beat().is(Phase::Healthy).tells(&["recovered after 307s"]);
}

#[test]
fn a_late_agent_that_beats_is_healthy_again_without_a_word() {
    let mut story = Story::healthy(defaults());
    story.advance(s(119)).is(Phase::Late).take();
    story.beat().is(Phase::Healthy).tells(&[]).advance(s(59)).is(Phase::Healthy);
}

#[test]
fn with_one_miss_allowed_late_is_unhealthy() {
    let mut story = Story::healthy(Settings { misses: 1, ..defaults() });
    story.advance(s(60)).is(Phase::Stopping);
    assert_eq!(story.take()[0], "unhealthy 60s");
}

#[test]
fn on_missed_alert_says_so_once_and_leaves_it_alone() {
    let mut story = Story::healthy(Settings { on_missed: OnMissed::Alert, ..defaults() });
    story.advance(min(600)).is(Phase::Unhealthy);
    story.tells(&["late 60s", "unhealthy 120s", "seen: 0ms CPU in 60s"]);
    assert_eq!(story.why(), None, "nothing to wake for");
    story.beat().is(Phase::Healthy).tells(&["recovered after 36000s"]);
    assert_eq!(story.sut.memory().streak.failures, 0, "no failure: it was not ended");
    story.burns_ms = 59_000;
    story.advance(min(2)).tells(&["late 60s", "unhealthy 120s", "seen: 59000ms CPU in 60s"]);
}

#[test]
fn a_child_is_looked_at_before_it_is_touched() {
    let mut story = Story::healthy(Settings { misses: 1, ..defaults() });
    story.advance(s(60));
    story.tells(&["unhealthy 60s", "seen", "stopping 15 Unhealthy", "signal 15 Group"]);
    // A look that comes too late, or of an earlier incarnation, says nothing.
    story.exit(1).tells(&["exited 1 1: failure 1 Silent", "cooldown 240s"]);
    story.effects.clear();
    let evidence = Box::new(seen(1));
    story.step(Event::Examined { incarnation: 1, evidence });
    assert!(story.effects.is_empty(), "{:?}", story.effects);
}

#[test]
fn expect_next_allows_one_longer_wait() {
    let mut story = Story::healthy(defaults());
    let expecting = |time| Beat { expect_next: Some(time), ..Beat::default() };
    story.beat_with(expecting(min(20))).advance(s(1_199)).is(Phase::Healthy);
    story.advance(s(1)).is(Phase::Late).advance(s(60)).is(Phase::Stopping);

    let mut story = Story::healthy(defaults());
    story.beat_with(expecting(min(20))).advance(min(1)).beat().advance(s(60)).is(Phase::Late);

    let mut story = Story::healthy(defaults());
    story.beat_with(expecting(s(5))).advance(s(59)).is(Phase::Healthy);

    let mut story = Story::healthy(defaults());
    story.beat_with(expecting(min(6_000))).advance(min(60)).is(Phase::Late);
}

#[test]
fn busy_is_a_sign_of_life_that_ends_no_cycle() {
    let mut story = Story::healthy(defaults());
    story.advance(s(50)).say(Status::Busy).advance(s(59)).is(Phase::Healthy);
    let Some(Fact::Beat(last)) = story.facts.last() else { panic!("no beat") };
    assert_eq!((last.status.as_ref(), last.cycles), ("busy", 0));
}

#[test]
fn an_unset_start_grace_holds_nobody_to_a_first_beat_but_says_so_once() {
    let mut story = Story::new(defaults());
    story.launch().is(Phase::Running).advance(s(119)).tells(&["started 1"]);
    assert_eq!(story.why(), Some(Why::Notice));
    story.advance(s(1)).tells(&["Unwatched"]).advance(min(600)).is(Phase::Running).tells(&[]);
    story.exit(1).advance(min(600));
    assert_eq!(story.count(|fact| matches!(fact, Fact::Unwatched { .. })), 1, "once a run");
}

#[test]
fn no_notice_where_no_beats_are_listened_for() {
    let mut story = Story::new(Settings { beats: false, start_grace: Some(s(5)), ..defaults() });
    story.launch().advance(min(600)).is(Phase::Running).tells(&["started 1"]);
}

#[test]
fn a_set_start_grace_is_held_to() {
    let mut story = Story::new(Settings { start_grace: Some(s(45)), ..defaults() });
    story.launch().is(Phase::Starting).advance(s(44)).is(Phase::Starting).take();
    story.advance(s(1)).is(Phase::Stopping);
    assert_eq!(story.take()[0], "unhealthy 45s");
    story.exit(0).tells(&["exited 1 0: failure 1 NoFirstBeat", "cooldown 255s"]);
}

#[test]
fn a_learned_start_grace_is_the_largest_of_three() {
    for (interval, slowest, grace) in
        [(s(10), s(1), min(2)), (min(5), s(1), min(10)), (s(60), min(2), min(6))]
    {
        let memory = Memory { slowest_first_beat: Some(slowest), ..Memory::default() };
        let mut story = Story::with(Settings { interval, ..defaults() }, memory);
        story.launch().is(Phase::Starting).advance(grace.saturating_sub(s(1))).is(Phase::Starting);
        story.advance(s(1)).is(Phase::Stopping);
    }
}

#[test]
fn the_slowest_first_beat_is_remembered() {
    let mut story = Story::new(defaults());
    story.launch().advance(s(90)).beat();
    assert_eq!(story.persisted.slowest_first_beat, Some(s(90)));
    story.exit(1).advance(min(5)).beat();
    assert_eq!(story.persisted.slowest_first_beat, Some(s(90)), "a faster one changes nothing");
}

#[test]
fn recovered_only_when_beats_resume() {
    let mut story = Story::healthy(defaults());
    story.exit(1).advance(min(5)).tells(&[
        "exited 1 1: failure 1 Exited",
        "cooldown 300s",
        "started 2",
    ]);
    story.advance(s(3)).tells(&[]).beat().tells(&["recovered after 303s"]).beat().tells(&[]);
    assert_eq!(story.persisted.trouble_since, None);
}

#[test]
fn one_recovery_for_several_failures() {
    let mut story = Story::healthy(defaults());
    story.exit(1).advance(min(5)).exit(1).advance(min(5)).take();
    story.beat().tells(&["recovered after 600s"]);
}

#[test]
fn who_never_beats_has_recovered_after_reset_after_of_being_alive() {
    let mut story = Story::new(defaults());
    story.launch().advance(min(5)).exit(1).take();
    story.advance(s(599)).tells(&[]);
    story.advance(s(1)).tells(&["forgotten 1", "recovered after 600s alive"]);
}

#[test]
fn the_first_beat_of_a_flood_is_told_with_its_time() {
    let mut story = Story::new(defaults());
    story.launch();
    story.advance(s(30)).beat();
    let first = story.facts.iter().find_map(|fact| {
        let Fact::Beat(beat) = fact else { return None };
        beat.first_after_ms
    });
    assert_eq!(first, Some(30_000));
}
