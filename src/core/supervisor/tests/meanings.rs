//! Ends that are no crash, or a worse one: restart rules, runs that repeat, runs that last too long,
//! another release.

use std::time::Duration;

use crate::core::beat::{Beat, Status};
use crate::core::ending::Ending;
use crate::core::event::By;
use crate::core::fact::Fact;
use crate::core::rule::{Pattern, Rule, RuleAction};
use crate::core::settings::{OnEscalate, Policy, Settings};
use crate::core::supervisor::{Phase, Why};

use super::story::{Story, defaults, min, s};

fn rule(action: RuleAction) -> Rule {
    Rule { exits: vec![75], signals: vec![], output: None, statuses: vec![], action }
}

fn ruled(action: RuleAction) -> Settings {
    Settings { rules: vec![rule(action)], ..defaults() }
}

fn hours(n: u64) -> Duration {
    Duration::from_hours(n)
}

#[test]
fn a_quota_is_no_crash_it_parks_without_a_strike() {
    let mut story = Story::healthy(ruled(RuleAction::Park { after: min(40) }));
    for _ in 0..5 {
        story.beats_for(min(10)).take();
        story.exit(75);
        assert_eq!(story.take()[1], "parked 2400s");
        story.is(Phase::Parked);
        assert_eq!(story.why(), Some(Why::Start));
        story.advance(min(40)).beat().is(Phase::Healthy);
        assert!(story.again, "it goes on with what it had begun");
    }
    assert_eq!(story.sut.memory().streak.failures, 0);
}

#[test]
fn what_the_agent_itself_asked_for_goes_before_the_rule() {
    let mut story = Story::healthy(ruled(RuleAction::Park { after: min(10) }));
    story.beats_for(min(10)).take();
    let limited = Status::from_word("rate_limited");
    let beat = Beat { status: limited, retry_after: Some(hours(3)), ..Beat::default() };
    story.beat_with(beat).advance(s(30)).take();
    story.exit(75);
    assert_eq!(story.take()[1], format!("parked {}s asked", 3 * 3600 - 30));
    // A beat that does not ask for it any more takes it back.
    story.advance(hours(3)).beat_with(Beat { retry_after: Some(hours(3)), ..Beat::default() });
    story.beats_for(min(10)).take();
    story.exit(75);
    assert_eq!(story.take()[1], "parked 600s");
}

#[test]
fn who_asks_for_no_time_at_all_waits_for_the_cooldown() {
    let mut story = Story::new(ruled(RuleAction::Park { after: s(0) }));
    story.launch().take();
    story.exit(75).tells(&["exited 1 75: Parked", "parked 300s"]);
}

#[test]
fn parking_survives_agentwatch_and_a_stop_ends_it() {
    let mut story = Story::new(ruled(RuleAction::Park { after: hours(2) }));
    story.launch().exit(75).advance(hours(1));
    story.relaunch(None, false).tells(&["parked 3600s"]).is(Phase::Parked);
    story.relaunch(None, true).tells(&["parked 3600s"]);
    story.advance(hours(1)).is(Phase::Running);
    assert_eq!(story.persisted.delay, None, "what is over is not waited for again");
    assert!(story.again);
    story.exit(75).advance(s(1)).stop(crate::core::signal::Signal::TERM).take();
    story.relaunch(None, false).tells(&["started 3"]);
    assert!(!story.again, "after a stop everything begins afresh");
}

#[test]
fn a_clock_set_back_does_not_park_for_longer_than_asked() {
    let mut story = Story::new(ruled(RuleAction::Park { after: hours(2) }));
    story.launch().exit(75);
    story.now.wall.0 -= 1_000_000_000;
    story.relaunch(None, false).tells(&["parked 7200s"]);
}

#[test]
fn a_revoked_key_does_not_heal() {
    let revoked = Rule {
        exits: vec![],
        output: Some(Pattern::new("(?i)invalid.api.key").unwrap()),
        ..rule(RuleAction::Escalate)
    };
    let settings = Settings { rules: vec![revoked], on_escalate: OnEscalate::Hold, ..defaults() };
    let mut story = Story::new(settings);
    story.launch().take();
    story.exited_saying(Ending::Exit { code: 1 }, "error: Invalid API key");
    story.tells(&["exited 1 1: failure 1 Exited", "escalated Rule 1"]).is(Phase::Escalated);
    assert!(matches!(
        story.facts.iter().find(|fact| matches!(fact, Fact::Exited { .. })),
        Some(Fact::Exited { rule: Some(1), .. })
    ));
    story.resume().is(Phase::Running);
    // Another end is an ordinary failure.
    story.exited_saying(Ending::Exit { code: 1 }, "KeyError").is(Phase::Cooldown);
}

#[test]
fn a_rule_may_finish_or_count_what_would_not() {
    let mut story = Story::healthy(ruled(RuleAction::Finish));
    story.exit(75).tells(&[
        "exited 1 75: Finished",
        "finished Rule 75",
        "SupervisorStopped",
        "exit 75",
    ]);
    let mut settings = ruled(RuleAction::Restart);
    settings.rules[0].exits = vec![0];
    let mut story = Story::new(settings);
    story.launch().take();
    story.exit(0).tells(&["exited 1 0: failure 1 Exited", "cooldown 300s"]);
}

#[test]
fn rules_judge_only_what_a_child_does_by_itself() {
    let mut settings = ruled(RuleAction::Finish);
    settings.rules[0] = Rule {
        exits: vec![],
        signals: vec![crate::core::signal::Signal::TERM],
        ..rule(RuleAction::Finish)
    };
    let term = Ending::Signal { signal: crate::core::signal::Signal::TERM, core: false };
    let mut story = Story::healthy(settings.clone());
    story.advance(min(2)).take();
    story.exited(term);
    assert_eq!(story.take()[0], "exited 1 143: failure 1 Silent");
    // Announced, then exit 0, is finished as announced.
    settings.rules[0] = Rule { exits: vec![0], ..rule(RuleAction::Escalate) };
    let mut story = Story::healthy(settings.clone());
    story.say(Status::ShuttingDown).take();
    story.exit(0);
    assert_eq!(story.take()[1], "finished Announced 0");
    // A plain wrapper has no rules.
    settings.policy = Policy::Never;
    let mut story = Story::healthy(settings);
    story.exit(0);
    assert_eq!(story.take()[1], "finished NeverRestart 0");
}

fn repeated(every: Duration) -> Settings {
    Settings { repeat: Some(every), ..defaults() }
}

#[test]
fn a_completed_run_waits_for_the_next_one() {
    let mut story = Story::new(repeated(min(15)));
    story.launch().advance(s(50)).take();
    story.exit(0).tells(&["exited 1 0: Completed", "waiting 900s"]).is(Phase::Waiting);
    story.advance(min(15)).tells(&["started 2"]);
    assert!(!story.again, "every run begins afresh");
    // Who beats and says that it is done is no other.
    story.beat().say(Status::ShuttingDown).take();
    story.exit(0).tells(&["exited 2 0: Completed", "waiting 900s"]);
}

#[test]
fn the_wait_for_the_next_run_survives_agentwatch() {
    let mut story = Story::new(repeated(min(15)));
    story.launch().advance(s(50)).exit(0).advance(min(5));
    story.relaunch(None, false).tells(&["waiting 600s"]).is(Phase::Waiting);
    assert_eq!(story.sut.memory().streak.failures, 0);
}

#[test]
fn a_run_that_did_something_resets_the_streak() {
    let mut story = Story::new(repeated(min(15)));
    story.launch().exit(1).advance(min(5)).advance(s(20)).take();
    story.exit(0).tells(&[
        "exited 2 0: Completed",
        "forgotten 1",
        "recovered after 320s alive",
        "waiting 900s",
    ]);
}

#[test]
fn runs_that_do_nothing_are_no_progress() {
    let mut story = Story::new(repeated(s(0)));
    story.launch().exit(1).advance(min(5)).take();
    for run in 2..=5 {
        story.exited_without_a_word(Ending::Exit { code: 0 });
        let told = story.take();
        assert_eq!(told[0], format!("exited {run} 0: Completed"));
        assert_eq!(told.contains(&"Idle".to_owned()), run == 4, "{told:?}");
        assert!(told.contains(&"waiting 300s".to_owned()), "no hot loop: {told:?}");
        assert_eq!(story.sut.memory().streak.failures, 1, "neither forgotten nor counted");
        story.advance(min(5)).take();
    }
}

#[test]
fn a_run_that_lasts_too_long_is_a_failure() {
    let mut story = Story::healthy(Settings { max_run: Some(hours(6)), ..defaults() });
    story.beats_for(hours(6)).take();
    story.is(Phase::Stopping);
    let term = Ending::Signal { signal: crate::core::signal::Signal::TERM, core: false };
    story.exited(term);
    assert_eq!(story.take()[0], "exited 1 143: failure 1 MaxRun");
}

#[test]
fn another_release_starts_without_the_old_failures_but_not_before_the_cooldown() {
    let v = |release: &str| Settings { release: Some(release.to_owned()), ..defaults() };
    let mut story = Story::new(v("v1"));
    story.launch().exit(1).advance(min(5)).exit(1).advance(min(5)).exit(1);
    assert!(story.exit.is_some(), "it was given up");
    let memory = story.persisted.clone();
    let mut same = Story::with(v("v1"), memory.clone());
    same.launch().tells(&["Latched", "SupervisorStopped", "exit 69"]);
    let mut next = Story::with(v("v2"), memory);
    next.now = story.now;
    next.advance(s(10)).launch().tells(&["Released", "cooldown 290s"]);
    assert_eq!(next.sut.memory().streak.failures, 0);
    next.advance(min(5)).beat().relaunch(Some(By::Flag), false);
}
