//! SPEC §2, "Rules that must never break": at least one story each.

use crate::core::beat::{Beat, Status};
use crate::core::ending::Ending;
use crate::core::event::{Event, Kept};
use crate::core::fact::Fact;
use crate::core::settings::{OnEscalate, Settings};
use crate::core::signal::Signal;
use crate::core::supervisor::{Phase, Why};

use super::story::{Story, Strays, defaults, min, s};

fn spawns(story: &Story) -> usize {
    story.effects.iter().filter(|effect| effect.starts_with("spawn")).count()
}

#[test]
fn rule_01_at_most_one_child_is_alive() {
    let hold = Settings { on_escalate: OnEscalate::Hold, ..defaults() };
    let mut story = Story::new(hold);
    // The story's shell panics at a spawn while a child is alive; every road to a start is walked.
    story.launch().exit(1).advance(min(5)).resume().exit(1).resume();
    assert_eq!((spawns(&story), story.alive()), (3, Some(3)));
    story.resume().tick().beat().resume();
    assert_eq!(spawns(&story), 3, "a resume beside a running child starts nothing");
}

#[test]
fn rule_02_no_start_sooner_than_cooldown_after_the_previous_start() {
    let mut story = Story::new(defaults());
    story.launch().advance(s(20)).exit(1);
    story.is(Phase::Cooldown).tells(&[
        "started 1",
        "exited 1 1: failure 1 Exited",
        "cooldown 280s",
    ]);
    assert_eq!(story.why(), Some(Why::Start));
    story.advance(s(279)).tells(&[]).advance(s(1)).tells(&["started 2"]);
}

#[test]
fn rule_02_who_ran_for_longer_than_the_cooldown_is_back_at_once() {
    let mut story = Story::new(defaults());
    story.launch().advance(min(5)).exit(1).is(Phase::Running);
    assert_eq!(story.alive(), Some(2));
}

#[test]
fn rule_02_a_suspended_machine_cools_down() {
    let mut story = Story::new(defaults());
    story.launch().exit(1);
    story.suspend(min(4)).tick().is(Phase::Cooldown).suspend(min(1)).tick();
    assert_eq!(story.alive(), Some(2));
}

#[test]
fn rule_02_the_start_is_on_disk_before_the_spawn() {
    let mut story = Story::new(defaults());
    story.launch().exit(1).advance(min(5));
    for (n, effect) in story.effects.iter().enumerate() {
        if effect.starts_with("spawn") {
            assert_eq!(story.effects[n - 1], "persist");
        }
    }
    assert_eq!(spawns(&story), 2);
    assert_eq!(story.persisted.tree.as_ref().map(|tree| tree.incarnation), Some(2));
}

#[test]
fn rule_02_resume_lifts_the_cooldown() {
    let mut story = Story::new(defaults());
    story.launch().exit(1).resume();
    assert_eq!(story.alive(), Some(2));
    assert_eq!(story.sut.memory().streak.failures, 0);
}

#[test]
fn rule_03_the_third_failure_starts_nothing_more() {
    let mut story = Story::new(defaults());
    story.launch().exit(1).advance(min(5)).exit(1).advance(min(5)).take();
    story.exit(1).tells(&[
        "exited 3 1: failure 3 Exited",
        "escalated Streak 3",
        "SupervisorStopped",
        "exit 69",
    ]);
    story.is(Phase::Done);
}

#[test]
fn rule_03_holding_it_waits_for_a_human() {
    let mut story = Story::new(Settings { on_escalate: OnEscalate::Hold, ..defaults() });
    story.launch().exit(1).advance(min(5)).exit(1).advance(min(5)).exit(1).is(Phase::Escalated);
    assert_eq!(story.why(), None);
    story.advance(min(600)).is(Phase::Escalated).resume().is(Phase::Running);
    assert_eq!(story.persisted.latch, None);
    story.exit(1).is(Phase::Cooldown);
    assert_eq!(story.sut.memory().streak.failures, 1);
}

#[test]
fn rule_03_neither_a_spawn_nor_one_beat_forgets_the_streak() {
    let mut story = Story::new(defaults());
    story.launch().beat().exit(1).advance(min(5)).beat();
    assert_eq!(story.sut.memory().streak.failures, 1);
    story.beats_for(min(9));
    assert_eq!(story.sut.memory().streak.failures, 1);
    story.take();
    story.beats_for(min(1)).tells(&["forgotten 1"]);
    assert_eq!(story.persisted.streak.failures, 0);
}

#[test]
fn rule_03_one_beat_and_a_long_expected_silence_are_no_health() {
    let mut story = Story::healthy(defaults());
    story.exit(1).advance(min(5));
    story.beat_with(Beat { expect_next: Some(min(60)), ..Beat::default() }).advance(min(59));
    assert_eq!(story.sut.memory().streak.failures, 1);
}

#[test]
fn rule_03_time_in_which_we_were_stopped_or_deaf_is_no_health() {
    let mut story = Story::healthy(defaults());
    story.exit(1).advance(min(5)).beat().oversleep(min(60)).beat();
    assert_eq!(story.sut.memory().streak.failures, 1, "stopped");
    story.drained = false;
    story.tick().advance(min(60));
    story.drained = true;
    story.tick().beat();
    assert_eq!(story.sut.memory().streak.failures, 1, "deaf");
}

#[test]
fn rule_03_an_unhealthy_spell_breaks_the_health() {
    let alert = crate::core::settings::OnMissed::Alert;
    let mut story = Story::healthy(Settings { on_missed: alert, ..defaults() });
    story.exit(1).advance(min(5)).beat().beats_for(min(9)).advance(min(2));
    story.is(Phase::Unhealthy).beat().beats_for(min(9));
    assert_eq!(story.sut.memory().streak.failures, 1);
    story.beats_for(min(1));
    assert_eq!(story.sut.memory().streak.failures, 0);
}

#[test]
fn rule_04_a_lost_end_is_recorded_as_unknown_and_counts() {
    let mut story = Story::healthy(defaults());
    story.advance(s(30)).relaunch(None, false);
    story.tells(&["exited 1 137: failure 1 Lost", "cooldown 270s"]);
    assert_eq!(story.sut.last_ending(), Some(Ending::Unknown));
    story.relaunch(None, false).tells(&["cooldown 270s"]);
}

#[test]
fn rule_04_after_a_reboot_nobody_is_blamed_but_the_cooldown_stays() {
    let mut story = Story::healthy(defaults());
    story.advance(s(30)).relaunch(None, true);
    story.tells(&["exited 1 137: NoFault", "cooldown 270s"]);
    assert_eq!(story.sut.memory().streak.failures, 0);
    assert!(
        !story.effects.iter().any(|effect| effect.starts_with("end tree")),
        "pids are strangers"
    );
}

#[test]
fn rule_05_nothing_starts_before_the_old_tree_is_gone() {
    let mut story = Story::healthy(defaults());
    story.strays = Strays::NeedKill;
    story.beats_for(min(6)).take();
    story.advance(min(1)).exit(1).is(Phase::Failed);
    story.tells(&["late 60s", "exited 1 1: failure 1 Exited"]);
    story.advance(s(4)).tells(&[]).advance(s(1)).tells(&["kill", "Strays", "started 2"]);
}

#[test]
fn rule_05_strays_of_a_clean_exit_are_ended_too() {
    let mut story = Story::new(defaults());
    story.strays = Strays::NeedTerm;
    story.launch().exit(0).is(Phase::Failed).advance(s(1));
    story.tells(&[
        "started 1",
        "exited 1 0: Finished",
        "Strays",
        "finished NeverBeat 0",
        "SupervisorStopped",
        "exit 0",
    ]);
}

#[test]
fn rule_05_what_survives_kill_for_ten_seconds_is_stuck_and_nothing_starts() {
    let mut story = Story::healthy(defaults());
    story.strays = Strays::Stuck;
    story.advance(min(1)).exit(1).advance(s(14));
    assert_eq!(story.count(|fact| matches!(fact, Fact::TreeStuck { .. })), 0);
    story.advance(s(1));
    assert_eq!(story.count(|fact| matches!(fact, Fact::TreeStuck { .. })), 1);
    story.advance(min(60)).is(Phase::Failed);
    assert_eq!(story.count(|fact| matches!(fact, Fact::TreeStuck { .. })), 1);
    story.strays = Strays::None;
    story.advance(s(30));
    assert_eq!(story.alive(), Some(2), "and goes on once it is gone");
}

#[test]
fn rule_05_ten_seconds_count_from_the_kill_as_sent() {
    let mut story = Story::healthy(defaults());
    story.strays = Strays::Stuck;
    story.exit(1).pass(min(3)).tick().take();
    story.advance(s(9));
    assert!(!story.take().contains(&"TreeStuck".to_owned()));
}

#[test]
fn rule_05_an_escalated_agent_with_a_stuck_tree_starts_only_when_that_is_gone() {
    let one = Settings { max_failures: 1, on_escalate: OnEscalate::Hold, ..defaults() };
    let mut story = Story::healthy(one);
    story.strays = Strays::Stuck;
    story.exit(1).advance(s(20)).is(Phase::Escalated).resume().is(Phase::Failed).advance(min(10));
    assert_eq!(story.alive(), None);
    story.strays = Strays::None;
    story.advance(s(30)).is(Phase::Starting);
}

#[test]
fn rule_06_a_stopped_agentwatch_never_judges_the_silence_it_slept_through() {
    let mut story = Story::healthy(defaults());
    story.advance(s(61)).is(Phase::Late).take();
    story.oversleep(min(60)).is(Phase::Late).tells(&[]);
    // Since it last looked the agent had been silent for 60 s of its 120: the rest is still its own.
    story.advance(s(58)).is(Phase::Late).advance(s(2)).is(Phase::Stopping);
}

#[test]
fn rule_06_a_suspended_machine_blames_nobody() {
    let mut story = Story::healthy(defaults());
    story.suspend(min(600)).tick().is(Phase::Healthy).advance(s(59)).is(Phase::Healthy);
}

#[test]
fn rule_06_a_wake_a_little_late_excuses_nothing() {
    let mut story = Story::healthy(defaults());
    story.oversleep(s(60)).is(Phase::Late).pass(s(60) + s(1) / 2).tick().is(Phase::Stopping);
}

#[test]
fn rule_06_a_blocked_stdout_is_our_silence_and_said_after_ten_minutes() {
    let mut story = Story::healthy(defaults());
    story.drained = false;
    story.advance(s(30)).tick().advance(min(10)).tells(&["OutputBlocked"]);
    story.advance(min(60)).is(Phase::Healthy);
    story.drained = true;
    story.tick().tells(&["OutputUnblocked"]).advance(s(29)).is(Phase::Healthy);
    story.advance(s(1)).is(Phase::Late);
}

#[test]
fn rule_06_a_child_started_while_stdout_is_blocked_is_excused_from_the_start() {
    let mut story = Story::healthy(Settings { start_grace: Some(s(30)), ..defaults() });
    story.drained = false;
    story.advance(min(1)).tick().exit(1);
    story.advance(min(30));
    assert_eq!(story.alive(), Some(2));
    story.drained = true;
    story.tick().is(Phase::Starting).advance(s(29)).is(Phase::Starting);
}

#[test]
fn rule_07_a_beat_of_an_old_incarnation_keeps_nobody_alive() {
    let mut story = Story::healthy(defaults());
    story.exit(1).advance(min(5)).take();
    story.advance(s(119)).beat_of(1, Beat::default()).advance(s(1));
    story.is(Phase::Stopping);
    assert_eq!(story.take()[..1], ["unhealthy 120s"]);
    assert_eq!(story.count(|fact| matches!(fact, Fact::Beat(_))), 1);
}

#[test]
fn rule_07_silence_before_a_start_never_counts_against_it() {
    let mut story = Story::healthy(defaults());
    story.advance(s(59)).exit(1).advance(s(241)).is(Phase::Starting);
    story.advance(s(119)).is(Phase::Starting).advance(s(1)).is(Phase::Stopping);
}

#[test]
fn rule_07_a_beat_while_being_ended_saves_nobody() {
    let mut story = Story::healthy(defaults());
    story.advance(min(2)).is(Phase::Stopping).beat().is(Phase::Stopping).take();
    story.exit(0).tells(&["exited 1 0: failure 1 Silent", "cooldown 180s"]);
}

#[test]
fn rule_08_a_stop_always_ends() {
    let mut story = Story::healthy(defaults());
    story.stop(Signal::TERM).tells(&["stopping 15 Requested", "signal 15 Group"]);
    story.advance(s(29)).tells(&[]).advance(s(1)).tells(&[
        "stopping 9 StopTimeout",
        "kill",
        "exited 1 137: Stopped",
        "stopped 137",
        "SupervisorStopped",
        "exit 137",
    ]);
}

#[test]
fn rule_08_a_stop_ends_even_if_the_child_survives_kill() {
    let mut story = Story::healthy(defaults());
    story.killable = false;
    story.stop(Signal::TERM).advance(s(39));
    assert_eq!(story.exit, None);
    story.advance(s(1));
    assert_eq!(story.exit, Some(137));
    assert_eq!(story.count(|fact| matches!(fact, Fact::TreeStuck { .. })), 1);
    assert_eq!(story.count(|fact| matches!(fact, Fact::Exited { .. })), 1);
    assert!(story.persisted.tree.is_some(), "the next life has to end it first");
}

#[test]
fn rule_08_an_unhealthy_child_that_survives_kill_is_said_once_and_left_at_a_stop() {
    let mut story = Story::healthy(defaults());
    story.killable = false;
    story.advance(min(60)).is(Phase::Stopping);
    assert_eq!(story.count(|fact| matches!(fact, Fact::TreeStuck { .. })), 1);
    story.stop(Signal::TERM);
    assert_eq!(story.exit, Some(137));
}

#[test]
fn rule_09_a_failing_store_is_said_once_and_stops_nothing() {
    let mut story = Story::healthy(defaults());
    let fails = || Event::StoreFailed { what: Kept::Journal, error: "disk full".to_owned() };
    story.step(fails()).step(fails()).tells(&["StoreFailed"]);
    let other = Event::StoreFailed { what: Kept::State, error: "disk full".to_owned() };
    story.step(other).tells(&["StoreFailed"]);
    story.exit(1).advance(min(5));
    assert_eq!(story.alive(), Some(2));
    story.take();
    let works = || Event::StoreWorks { what: Kept::Journal };
    story.step(works()).step(works()).tells(&["StoreWorks"]).step(fails()).tells(&["StoreFailed"]);
}

#[test]
fn rule_10_a_flood_of_beats_and_bad_beats_is_few_records() {
    let mut story = Story::healthy(defaults());
    for _ in 0..20_000 {
        let beat = Beat { tokens_used: Some(3), ..Beat::default() };
        story.pass(s(1) / 1000).beat_with(beat);
        story.step(Event::BadBeat { incarnation: 1, reason: "no".to_owned() });
    }
    // Ten lines and a sum a second, and a bad one every ten.
    assert!(story.count(|_| true) < 11 * 21 + 5, "{} records", story.count(|_| true));
    story.stop(Signal::TERM).exit(0);
    let tokens: u64 = story
        .facts
        .iter()
        .filter_map(|fact| if let Fact::Beat(beat) = fact { beat.tokens } else { None })
        .sum();
    assert_eq!(tokens, 60_000, "and no token is lost");
}

#[test]
fn rule_10_long_words_are_clipped() {
    let mut story = Story::healthy(defaults());
    story.say(Status::from_word(&"x".repeat(100_000)));
    let long = "ü".repeat(100_000);
    story.beat_with(Beat { message: Some(long.as_str().into()), ..Beat::default() });
    story.exited_saying(Ending::Exit { code: 1 }, &long);
    let largest = story.facts.iter().map(|fact| format!("{fact:?}").len()).max();
    assert!(largest < Some(3_000), "{largest:?}");
}
