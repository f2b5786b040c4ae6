//! What the end of a child means: the policy table, announced shutdowns, commands that do not start.

use crate::core::beat::Status;
use crate::core::event::SpawnFailureKind;
use crate::core::fact::Fact;
use crate::core::settings::{Policy, Settings};
use crate::core::supervisor::{Phase, Why};

use super::story::{Story, defaults, min, s};

#[test]
fn the_policy_table_end_to_end() {
    for (policy, beats, code, end) in [
        (Policy::Auto, false, 0, "finished NeverBeat 0"),
        (Policy::Auto, true, 0, "cooldown 300s"),
        (Policy::Auto, false, 1, "cooldown 300s"),
        (Policy::Always, false, 0, "cooldown 300s"),
        (Policy::Always, true, 1, "cooldown 300s"),
        (Policy::OnFailure, true, 0, "finished Success 0"),
        (Policy::OnFailure, false, 2, "cooldown 300s"),
        (Policy::Never, true, 2, "finished NeverRestart 2"),
        (Policy::Never, false, 0, "finished NeverRestart 0"),
    ] {
        let mut story = Story::new(Settings { policy, ..defaults() });
        story.launch();
        if beats {
            story.beat();
        }
        story.take();
        story.exit(code);
        assert_eq!(story.take()[1], end, "{policy:?} beats: {beats} exit {code}");
        assert_eq!(story.exit.is_some(), end.starts_with("finished"));
    }
}

#[test]
fn an_announced_shutdown_that_exits_zero_is_finished() {
    for policy in [Policy::Auto, Policy::Always, Policy::OnFailure] {
        let mut story = Story::healthy(Settings { policy, ..defaults() });
        story.say(Status::ShuttingDown).is(Phase::ShuttingDown).tells(&["ShutdownAnnounced"]);
        assert_eq!(story.why(), Some(Why::ShutdownGrace));
        story.advance(min(4)).tells(&[]).exit(0);
        assert_eq!(story.take()[1], "finished Announced 0");
    }
}

#[test]
fn an_announced_shutdown_that_exits_one_is_a_failure() {
    let mut story = Story::healthy(defaults());
    story.say(Status::ShuttingDown).advance(s(10)).take();
    story.exit(1).tells(&["exited 1 1: failure 1 Exited", "cooldown 290s"]);
}

#[test]
fn an_announced_shutdown_that_overruns_is_killed_and_a_failure() {
    let mut story = Story::healthy(defaults());
    story.say(Status::ShuttingDown).take();
    story.advance(min(4)).say(Status::Ok).say(Status::ShuttingDown).advance(s(59)).tells(&[]);
    story.advance(s(1)).tells(&[
        "stopping 9 ShutdownOverrun",
        "kill",
        "exited 1 137: failure 1 ShutdownOverrun",
        "started 2",
    ]);
}

#[test]
fn an_announced_shutdown_gets_back_what_we_overslept() {
    let mut story = Story::healthy(defaults());
    story.say(Status::ShuttingDown).advance(min(1)).tick().oversleep(min(30));
    story.is(Phase::ShuttingDown).advance(s(239)).is(Phase::ShuttingDown).advance(s(1));
    assert_eq!(story.count(|fact| matches!(fact, Fact::Exited { .. })), 1);
}

#[test]
fn a_stop_of_an_announced_shutdown_is_a_stop() {
    let mut story = Story::healthy(defaults());
    story.say(Status::ShuttingDown).stop(crate::core::signal::Signal::TERM).take();
    story.exit(1).tells(&["exited 1 1: Stopped", "stopped 1", "SupervisorStopped", "exit 1"]);
}

#[test]
fn a_command_that_is_not_there_leaves_at_once_at_the_first_start() {
    for (kind, code) in [(SpawnFailureKind::NotFound, 127), (SpawnFailureKind::NotExecutable, 126)]
    {
        let mut story = Story::new(defaults());
        story.spawn_failures.push_back(kind);
        story.launch();
        assert_eq!(story.exit, Some(code));
        assert!(!story.persisted.cooldown_owed);
        assert_eq!(story.persisted.tree, None);
    }
}

#[test]
fn a_command_that_went_away_later_is_a_failure() {
    let mut story = Story::healthy(defaults());
    story.exit(1).take();
    story.spawn_failures.push_back(SpawnFailureKind::NotFound);
    story.advance(min(5)).is(Phase::Cooldown);
    story.tells(&["SpawnFailed", "exited 2 127: failure 2 NotStarted", "cooldown 300s"]);
    story.advance(min(5)).tells(&["started 3"]);
}

#[test]
fn a_system_that_cannot_start_anything_is_a_failure_even_at_first() {
    let mut story = Story::new(defaults());
    story.spawn_failures.extend([SpawnFailureKind::System; 3]);
    story.launch().is(Phase::Cooldown).advance(min(10));
    assert_eq!(story.exit, Some(69));
    let mut story = Story::new(Settings { policy: Policy::Never, ..defaults() });
    story.spawn_failures.push_back(SpawnFailureKind::System);
    story.launch();
    assert_eq!(story.exit, Some(125));
}

#[test]
fn the_same_last_line_is_noticed() {
    for (second, same) in [("KeyError", true), ("another", false)] {
        let mut story = Story::healthy(Settings { max_failures: 2, ..defaults() });
        let one = crate::core::ending::Ending::Exit { code: 1 };
        story.exited_saying(one, "KeyError").advance(min(5)).exited_saying(one, second);
        let told = story.facts.iter().find_map(|fact| {
            if let Fact::Escalated { same_line, .. } = fact { Some(*same_line) } else { None }
        });
        assert_eq!(told, Some(same));
    }
}

#[test]
fn the_summary_counts_what_this_run_saw() {
    let mut story = Story::healthy(defaults());
    story.beats_for(min(5)).exit(1).beat().beat().stop(crate::core::signal::Signal::INT).exit(0);
    let summary = story.facts.iter().find_map(|fact| {
        if let Fact::Stopped { summary, .. } = fact { Some(*summary) } else { None }
    });
    let summary = summary.expect("no summary");
    assert_eq!((summary.after_ms, summary.failures, summary.recovered), (300_000, 1, true));
    assert_eq!((summary.totals.beats, summary.totals.cycles), (13, 13));
}
