//! Signals that somebody sends: passed on, a stop, a suspension, and what follows a death by one.

use crate::core::ending::Ending;
use crate::core::fact::Fact;
use crate::core::settings::{Policy, Settings};
use crate::core::signal::{Request, Signal};
use crate::core::supervisor::Phase;

use super::story::{Story, defaults, min, s};

const USR1: Signal = Signal(10);
const CONT: Signal = Signal(18);
const TSTP: Signal = Signal(20);
const TTIN: Signal = Signal(21);

fn wrapper() -> Story {
    let mut story = Story::new(Settings { policy: Policy::Never, ..defaults() });
    story.launch().take();
    story
}

#[test]
fn what_only_the_child_can_know_is_passed_on_and_recorded_once() {
    let mut story = Story::healthy(defaults());
    story.signal(USR1, Request::Other, false).tells(&["SignalPassed", "pass 10 Child"]);
    story.signal(USR1, Request::Other, false).tells(&["pass 10 Child"]);
    // A terminal has sent it to both.
    story.signal(Signal(28), Request::Other, true).tells(&["SignalPassed"]);
    story.is(Phase::Healthy);
}

#[test]
fn who_dies_of_a_signal_that_was_passed_on_has_not_failed() {
    let mut story = Story::healthy(defaults());
    story.advance(s(30)).signal(USR1, Request::Other, false).take();
    story.exited(Ending::Signal { signal: USR1, core: false });
    story.tells(&["exited 1 138: Signalled", "cooldown 270s"]);
    assert_eq!(story.persisted.streak.failures, 0);
    assert!(story.persisted.cooldown_owed, "not even a crash of ours makes a loop of them fast");
    story.advance(min(5)).is(Phase::Starting);
    story.beat().is(Phase::Healthy);
    assert_eq!(story.count(|fact| matches!(fact, Fact::Recovered { .. })), 1);
    // The next one was sent nothing: the same end is its own.
    story.exited(Ending::Signal { signal: USR1, core: false });
    assert_eq!(story.persisted.streak.failures, 1);
}

#[test]
fn a_hangup_stops_only_where_there_is_a_terminal_to_lose() {
    let mut story = Story::healthy(defaults());
    story.stop(Signal::HUP).is(Phase::Stopping);

    let mut story = Story::new(defaults());
    story.launch_without_terminal().beat().take();
    story.stop(Signal::HUP).is(Phase::Healthy).tells(&["SignalPassed", "pass 1 Child"]);
}

#[test]
fn what_a_terminal_sent_to_both_is_not_sent_again() {
    let mut story = Story::healthy(defaults());
    story.signal(Signal::INT, Request::Stop, true).is(Phase::Stopping);
    story.tells(&["stopping 2 Requested", "only CONT"]);
}

#[test]
fn to_a_plain_wrapper_a_terminals_ctrl_c_is_the_childs_affair() {
    let mut story = wrapper();
    story.signal(Signal::INT, Request::Stop, true).advance(min(1)).tells(&[]).is(Phase::Running);
    story.exit(3);
    assert_eq!(story.exit, Some(3));
    // From a process it is a stop.
    let mut story = wrapper();
    story.signal(Signal::INT, Request::Stop, false).is(Phase::Stopping);
}

#[test]
fn ctrl_z_suspends_both_and_so_does_the_wish_for_a_terminal() {
    let mut story = Story::healthy(defaults());
    story.signal(TSTP, Request::Suspend, true).tells(&["SignalPassed", "suspend false"]);
    story.signal(TTIN, Request::Background, true).tells(&["suspend false"]);
    // From somebody else it is for the child; a wrapper goes along.
    story.signal(TSTP, Request::Suspend, false).tells(&["pass 20 Group"]);
    story.signal(TTIN, Request::Background, false).tells(&[]);
    let mut story = wrapper();
    for (signal, request) in [(TSTP, Request::Suspend), (TTIN, Request::Background)] {
        story.signal(signal, request, false);
        let told = story.take();
        let wanted = [format!("pass {} Group", signal.0), "suspend true".to_owned()];
        assert!(told.ends_with(&wanted), "{told:?}");
    }
}

#[test]
fn a_stop_that_ends_before_the_promised_wake_is_excused_too() {
    let mut story = Story::healthy(defaults());
    story.advance(s(50));
    // Nobody can say for how long of the time since we last looked: all of it is given back.
    story.pass(s(9)).signal(CONT, Request::Continue, false).take();
    story.advance(s(59)).is(Phase::Healthy).advance(s(1)).is(Phase::Late);
}

#[test]
fn nobody_is_there_to_be_sent_anything() {
    let mut story = Story::healthy(defaults());
    story.exit(1).is(Phase::Cooldown).take();
    for request in [Request::Other, Request::Continue, Request::Background] {
        story.signal(USR1, request, false).tells(&[]).is(Phase::Cooldown);
    }
}
