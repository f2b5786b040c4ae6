//! What a human types, in every state that it can be typed in.

use std::time::Duration;

use crate::core::beat::Status;
use crate::core::command::{After, Command, Needless, Refusal, Reply};
use crate::core::ending::Ending;
use crate::core::rule::{Rule, RuleAction};
use crate::core::settings::{OnEscalate, Policy, Settings};
use crate::core::signal::Signal;
use crate::core::supervisor::{Phase, Why};

use super::story::{Story, Strays, defaults, min, s};

const RESTART: Command = Command::Restart { at_beat: false };
const AT_BEAT: Command = Command::Restart { at_beat: true };
const STOP: Command = Command::Stop { now: false, stay: false };
const STOP_NOW: Command = Command::Stop { now: true, stay: false };
const STAY: Command = Command::Stop { now: false, stay: true };

fn term() -> Ending {
    Ending::Signal { signal: Signal::TERM, core: false }
}

fn holding() -> Settings {
    Settings { on_escalate: OnEscalate::Hold, ..defaults() }
}

#[test]
fn restart_gives_a_fresh_child_without_strike_and_cooldown() {
    let mut story = Story::healthy(defaults());
    assert_eq!(story.command(RESTART), Reply::Restarting { kill_after: s(30) });
    story.tells(&["RestartAsked", "stopping 15 Restart", "signal 15 Group"]);
    assert_eq!(story.command(RESTART), Reply::Restarting { kill_after: s(30) });
    story.advance(s(2)).exited(term());
    story.tells(&["exited 1 143: Restarting", "started 2"]);
    assert!(story.again);
    assert_eq!(story.sut.memory().streak.failures, 0);
}

#[test]
fn a_restart_that_is_not_obeyed_is_enforced() {
    let mut story = Story::healthy(defaults());
    story.command(RESTART);
    story.advance(s(30)).is(Phase::Starting);
    assert_eq!(story.alive(), Some(2));
}

#[test]
fn restart_at_the_next_beat_waits_for_the_end_of_a_cycle() {
    let mut story = Story::new(defaults());
    story.launch().take();
    assert_eq!(story.command(AT_BEAT), Reply::Refused(Refusal::NeverBeat));
    story.beat().take();
    assert_eq!(story.command(AT_BEAT), Reply::RestartsAtBeat);
    assert_eq!(story.command(AT_BEAT), Reply::RestartsAtBeat);
    story.tells(&["RestartAsked"]);
    story.advance(s(20)).say(Status::Busy).is(Phase::Healthy).tells(&[]);
    story.beat().tells(&["stopping 15 Restart", "signal 15 Group"]);
}

#[test]
fn restart_lifts_a_wait_and_leaves_the_streak_alone() {
    let mut story = Story::new(defaults());
    story.launch().exit(1).take();
    assert_eq!(story.command(RESTART), Reply::Started);
    story.tells(&["RestartAsked", "started 2"]);
    assert_eq!(story.sut.memory().streak.failures, 1);
    // Also while the old tree is still being ended, and while an unhealthy child is.
    story.strays = Strays::NeedTerm;
    story.exit(1).take();
    assert_eq!(story.command(RESTART), Reply::StartsAfterTree);
    story.advance(s(1)).is(Phase::Running);
    let mut story = Story::healthy(defaults());
    story.advance(min(2)).is(Phase::Stopping).take();
    assert_eq!(story.command(RESTART), Reply::Restarting { kill_after: s(30) });
    story.exited(term()).is(Phase::Starting);
}

#[test]
fn restart_is_refused_where_it_makes_no_sense() {
    let mut story = Story::healthy(defaults());
    story.say(Status::ShuttingDown);
    assert_eq!(story.command(RESTART), Reply::Refused(Refusal::ShuttingDown));
    story.stop(Signal::TERM);
    assert_eq!(story.command(RESTART), Reply::Refused(Refusal::Stopping));
    let mut story = Story::healthy(Settings { policy: Policy::Never, ..defaults() });
    assert_eq!(story.command(RESTART), Reply::Refused(Refusal::PlainWrapper));
    let mut story = Story::new(Settings { max_failures: 1, ..holding() });
    story.launch().exit(1).is(Phase::Escalated);
    assert_eq!(story.command(RESTART), Reply::Refused(Refusal::Latched));
}

#[test]
fn stop_by_command_is_a_stop_signal() {
    let mut story = Story::healthy(Settings { stop_signal: Signal(10), ..defaults() });
    let after = After::Leave;
    assert_eq!(story.command(STOP), Reply::Stopping { kill_after: s(30), after });
    story.tells(&["stopping 10 Requested", "signal 10 Group"]);
    // Asking in words once more is no impatience.
    story.advance(s(5));
    assert_eq!(story.command(STOP), Reply::Needless(Needless::IsStopping));
    story.tells(&[]);
    assert_eq!(story.command(STOP_NOW), Reply::Killing { after });
    story.tells(&[
        "stopping 9 Impatience",
        "kill",
        "exited 1 137: Stopped",
        "stopped 137",
        "SupervisorStopped",
        "exit 137",
    ]);
}

#[test]
fn stop_now_kills_at_once() {
    let mut story = Story::healthy(defaults());
    assert_eq!(story.command(STOP_NOW), Reply::Killing { after: After::Leave });
    assert_eq!(story.exit, Some(137));
}

#[test]
fn a_stop_without_a_child_is_answered_before_the_exit() {
    let mut story = Story::new(defaults());
    story.launch().exit(1).take();
    assert_eq!(story.command(STOP), Reply::NothingRan { after: After::Leave });
    assert_eq!(story.exit, Some(0));
}

#[test]
fn who_is_to_stay_down_stays_down_whoever_starts_agentwatch() {
    let mut story = Story::healthy(defaults());
    let after = After::LeaveLatched;
    assert_eq!(story.command(STAY), Reply::Stopping { kill_after: s(30), after });
    story.tells(&["Held", "stopping 15 Requested", "signal 15 Group"]);
    story.exited(term());
    assert_eq!(story.exit, Some(69), "so that an outer supervisor lets it be");
    story.relaunch(None, false).tells(&["Latched", "SupervisorStopped", "exit 69"]);
    story.relaunch(None, true).tells(&["Latched", "SupervisorStopped", "exit 69"]);
    story.relaunch(Some(crate::core::event::By::Flag), false).is(Phase::Starting);
}

#[test]
fn who_is_to_stay_down_and_holds_can_be_resumed() {
    let mut story = Story::healthy(holding());
    let after = After::Hold;
    assert_eq!(story.command(STAY), Reply::Stopping { kill_after: s(30), after });
    story.exited(term()).is(Phase::Escalated);
    assert_eq!(story.command(STAY), Reply::NothingRan { after });
    story.is(Phase::Escalated).resume().is(Phase::Starting);
    // Whoever sends a signal meanwhile wants agentwatch to leave.
    story.command(STAY);
    story.stop(Signal::TERM).exited(term());
    assert_eq!(story.exit, Some(69));
}

#[test]
fn a_pause_halts_everything_until_two_looks_find_nothing_new() {
    let mut story = Story::healthy(defaults());
    story.escaped = 2;
    assert_eq!(story.command(Command::Pause), Reply::Paused);
    story.is(Phase::Paused);
    assert_eq!(story.command(Command::Pause), Reply::Needless(Needless::IsPaused));
    story.advance(s(1)).tells(&["Paused", "freeze", "freeze", "freeze"]);
    assert!(story.sut.deadline().is_none(), "and then nothing is to be done");
}

#[test]
fn time_paused_is_no_silence_and_a_fresh_grace_follows() {
    let mut story = Story::healthy(defaults());
    story.advance(s(100)).take();
    story.command(Command::Pause);
    story.advance(Duration::from_hours(9)).is(Phase::Paused).take();
    let paused = Duration::from_hours(9);
    assert_eq!(story.command(Command::RESUME), Reply::Continued { paused });
    story.tells(&["thaw", "continued after 32400s"]);
    assert!(!story.frozen);
    story.advance(s(59)).tells(&[]);
    story.advance(s(1)).tells(&["late 60s"]);
    story.beat().is(Phase::Healthy);
}

#[test]
fn an_output_that_was_unblocked_in_a_pause_leaves_nobody_deaf_after_it() {
    let mut story = Story::healthy(defaults());
    story.drained = false;
    story.tick().advance(s(10));
    story.command(Command::Pause);
    story.advance(s(10)).drained = true;
    story.tick().advance(s(10));
    story.command(Command::RESUME);
    assert_eq!(story.why(), Some(Why::Late), "a hang right after the pause is noticed");
}

#[test]
fn a_pause_proves_no_health_and_prolongs_a_run() {
    let settings = Settings { max_run: Some(min(30)), ..defaults() };
    let mut story = Story::new(settings);
    story.launch().exit(1).advance(min(5)).beat().take();
    story.command(Command::Pause);
    story.advance(min(25)).command(Command::RESUME);
    story.beats_for(min(9));
    assert_eq!(story.sut.memory().streak.failures, 1, "nine minutes of health, not thirty-four");
    story.beats_for(min(20)).is(Phase::Healthy).beats_for(min(1)).is(Phase::Stopping);
}

#[test]
fn a_stop_of_a_paused_child_lets_it_hear_the_signal() {
    let mut story = Story::healthy(defaults());
    story.command(Command::Pause);
    story.advance(s(1)).take();
    story.stop(Signal::TERM);
    story.tells(&["thaw", "stopping 15 Requested", "signal 15 Group"]);
    story.exited(term());
    assert_eq!(story.exit, Some(143));
    let mut story = Story::healthy(defaults());
    story.command(Command::Pause);
    assert_eq!(story.command(RESTART), Reply::Restarting { kill_after: s(30) });
    story.exited(term()).is(Phase::Starting);
}

#[test]
fn a_paused_child_that_dies_is_a_failure_as_any_other() {
    let mut story = Story::healthy(defaults());
    story.command(Command::Pause);
    story.exited(Ending::Signal { signal: Signal::KILL, core: false }).is(Phase::Cooldown);
    story.advance(min(5)).is(Phase::Starting);
}

#[test]
fn what_a_human_has_halted_does_not_start_behind_a_crash_of_agentwatch() {
    let mut story = Story::healthy(holding());
    story.command(Command::Pause);
    story.relaunch(None, false).is(Phase::Escalated);
    assert_eq!(story.take(), ["exited 1 137: failure 1 Lost", "Latched"]);
    story.resume().is(Phase::Starting);
}

#[test]
fn resume_lifts_parking_and_leaves_alone_who_runs_or_waits_for_its_time() {
    let park = RuleAction::Park { after: min(60) };
    let rule =
        Rule { exits: vec![75], signals: vec![], output: None, statuses: vec![], action: park };
    let repeat = Some(min(60));
    let mut story = Story::new(Settings { rules: vec![rule], repeat, ..defaults() });
    story.launch().exit(75).is(Phase::Parked);
    assert_eq!(story.command(Command::RESUME), Reply::Started);
    assert_eq!(story.command(Command::RESUME), Reply::Needless(Needless::NothingToResume));
    story.exit(0).is(Phase::Waiting);
    assert_eq!(story.command(Command::RESUME), Reply::Needless(Needless::NothingToResume));
    story.is(Phase::Waiting);
    assert_eq!(story.command(RESTART), Reply::Started);
}
