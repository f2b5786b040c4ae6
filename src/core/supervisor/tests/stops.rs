//! Stopping in every state, and the exit code of each.

use crate::core::ending::Ending;
use crate::core::event::{Event, Launch, SpawnFailure, SpawnFailureKind, SpawnStage};
use crate::core::fact::Fact;
use crate::core::settings::{OnEscalate, Policy, Settings, StopScope};
use crate::core::signal::{Request, Signal};
use crate::core::supervisor::{Phase, Supervisor};

use super::story::{Story, Strays, defaults, min, s};

#[test]
fn stop_before_the_launch() {
    let mut story = Story::new(defaults());
    story.stop(Signal::TERM).tells(&["stopped 0", "SupervisorStopped", "exit 0"]);
}

#[test]
fn stop_before_the_launch_of_a_latched_agent() {
    let mut story = Story::healthy(Settings { max_failures: 1, ..defaults() });
    story.exit(1);
    let mut next = Story::with(defaults(), story.persisted.clone());
    next.stop(Signal::TERM);
    assert_eq!(next.exit, Some(69));
    assert!(next.persisted.latch.is_some(), "the latch stays");
}

#[test]
fn stop_of_a_running_child_gives_the_childs_code() {
    for (ending, code) in [
        (Ending::Exit { code: 0 }, 0),
        (Ending::Exit { code: 7 }, 7),
        (Ending::Signal { signal: Signal::TERM, core: false }, 143),
    ] {
        let mut story = Story::healthy(defaults());
        story.stop(Signal::TERM).is(Phase::Stopping).exited(ending);
        assert_eq!(story.exit, Some(code));
        assert_eq!(story.sut.memory().streak.failures, 0, "asked for: no failure");
        assert!(!story.persisted.cooldown_owed);
    }
}

#[test]
fn stop_signals_are_sent_as_configured_or_as_typed() {
    let usr1 = Settings { stop_signal: Signal(10), stop_scope: StopScope::Child, ..defaults() };
    for (by, sent) in [(Signal::TERM, 10), (Signal::INT, 2), (Signal::QUIT, 3), (Signal::HUP, 1)] {
        let mut story = Story::healthy(usr1.clone());
        story.stop(by);
        assert_eq!(story.take()[1], format!("signal {sent} Child"));
    }
}

#[test]
fn a_second_signal_within_a_second_is_the_same_request() {
    let mut story = Story::healthy(defaults());
    story.stop(Signal::TERM).take();
    story
        .stop(Signal::HUP)
        .advance(std::time::Duration::from_millis(999))
        .stop(Signal::TERM)
        .tells(&[]);
    story.is(Phase::Stopping);
}

#[test]
fn a_later_second_signal_kills_at_once() {
    for by in [Signal::INT, Signal::TERM, Signal::QUIT] {
        let mut story = Story::healthy(defaults());
        story.stop(Signal::TERM).take();
        story.advance(s(1)).stop(by);
        assert_eq!(story.take()[..2], ["stopping 9 Impatience", "kill"]);
        assert_eq!(story.exit, Some(137));
    }
}

#[test]
fn a_later_hup_kills_nobody() {
    let mut story = Story::healthy(defaults());
    story.stop(Signal::TERM).advance(s(5)).take();
    story.stop(Signal::HUP).tells(&[]).is(Phase::Stopping);
}

#[test]
fn stop_while_an_unhealthy_child_is_being_ended() {
    let mut story = Story::healthy(defaults());
    story.advance(min(2)).is(Phase::Stopping).take();
    story.stop(Signal::TERM).tells(&[]).exit(3).tells(&[
        "exited 1 3: failure 1 Silent",
        "stopped 3",
        "SupervisorStopped",
        "exit 3",
    ]);
    story.relaunch(None, false).tells(&["started 2"]);
}

#[test]
fn stop_while_the_escalating_child_is_being_ended() {
    let mut story = Story::healthy(Settings { max_failures: 1, ..defaults() });
    story.advance(min(2)).stop(Signal::TERM).exit(3);
    assert_eq!(story.exit, Some(69));
    assert!(story.persisted.latch.is_some());
}

#[test]
fn stop_while_strays_are_being_ended_waits_for_them() {
    let mut story = Story::healthy(defaults());
    story.strays = Strays::NeedKill;
    story.exit(1).is(Phase::Failed).stop(Signal::TERM).is(Phase::Failed);
    story.advance(s(5));
    assert_eq!(story.exit, Some(0), "no child was up");
    assert!(!story.persisted.cooldown_owed, "a requested stop lifts the cooldown");
}

#[test]
fn a_second_stop_has_no_patience_with_strays() {
    let mut story = Story::healthy(defaults());
    story.strays = Strays::NeedKill;
    story.exit(1).stop(Signal::TERM).advance(s(2)).take();
    story.stop(Signal::INT);
    assert_eq!(story.take()[0], "kill");
    assert_eq!(story.exit, Some(0));
}

#[test]
fn stop_with_a_stuck_tree_leaves_it_behind() {
    let mut story = Story::healthy(defaults());
    story.strays = Strays::Stuck;
    story.exit(1).advance(min(1)).stop(Signal::TERM);
    assert_eq!(story.exit, Some(0));
    assert!(story.persisted.tree.is_some());
    story.strays = Strays::None;
    story.relaunch(None, false);
    assert_eq!(story.alive(), Some(2));
    assert_eq!(story.count(|fact| matches!(fact, Fact::Exited { .. })), 1, "not recorded again");
}

#[test]
fn stop_during_the_cooldown() {
    let mut story = Story::healthy(defaults());
    story.exit(1).is(Phase::Cooldown).take();
    story.stop(Signal::INT).tells(&["stopped 0", "SupervisorStopped", "exit 0"]);
    story.relaunch(None, false).tells(&["started 2"]);
}

#[test]
fn stop_while_latched_keeps_the_latch() {
    let mut story =
        Story::healthy(Settings { max_failures: 1, on_escalate: OnEscalate::Hold, ..defaults() });
    story.exit(1).is(Phase::Escalated).stop(Signal::TERM);
    assert_eq!(story.exit, Some(69));
    assert!(story.persisted.latch.is_some());
}

fn term() -> Event {
    Event::Signal { signal: Signal::TERM, request: Request::Stop, reached_child: false }
}

#[test]
fn nothing_follows_the_exit_but_what_could_not_be_written() {
    let mut story = Story::healthy(defaults());
    story.stop(Signal::TERM).exit(0).is(Phase::Done);
    let mut out = Vec::new();
    for event in [
        term(),
        Event::Tick { drained: false },
        Event::BadBeat { incarnation: 1, reason: String::new() },
        Event::TreeGone { incarnation: 1 },
    ] {
        story.sut.step(story.now, event, &mut out);
    }
    assert_eq!((out, story.why()), (Vec::new(), None));
}

#[test]
fn a_stop_that_was_stopped_with_us_gets_its_time_back() {
    let mut story = Story::healthy(defaults());
    story.stop(Signal::TERM).advance(s(1)).oversleep(min(9)).is(Phase::Stopping);
    story.advance(s(30));
    assert_eq!(story.exit, Some(137));
}

#[test]
fn a_stop_in_the_same_turn_as_the_start() {
    let (settings, now) = (defaults(), Story::new(defaults()).now);
    let mut out = Vec::new();
    let mut sut = Supervisor::new(settings, crate::core::memory::Memory::default());
    sut.step(now, Event::Launch(Launch::default()), &mut out);
    sut.step(now, term(), &mut out);
    let mut failed = sut.clone();

    sut.step(now, Event::Spawned { incarnation: 1, pid: 9, start_time: None }, &mut out);
    assert_eq!(sut.phase(), Phase::Stopping);
    assert_eq!(sut.memory().tree.as_ref().and_then(|tree| tree.pid), Some(9));

    out.clear();
    let (kind, stage) = (SpawnFailureKind::System, SpawnStage::Fork);
    let failure = SpawnFailure { kind, stage, error: "no memory".to_owned() };
    failed.step(now, Event::SpawnFailed { incarnation: 1, failure }, &mut out);
    assert!(out.contains(&crate::core::effect::Effect::Exit { code: 0 }), "{out:?}");
}

#[test]
fn a_plain_wrapper_passes_every_end_on() {
    for (ending, code) in [
        (Ending::Exit { code: 0 }, 0),
        (Ending::Exit { code: 69 }, 69),
        (Ending::Signal { signal: Signal::KILL, core: true }, 137),
    ] {
        let mut story = Story::new(Settings { policy: Policy::Never, ..defaults() });
        story.launch().exited(ending);
        assert_eq!(story.exit, Some(code));
        assert_eq!(story.persisted.streak.failures, 0);
    }
}
