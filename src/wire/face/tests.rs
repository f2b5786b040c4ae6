//! The lines of the contract (SPEC §11), word for word.

use std::time::Duration;

use super::*;
use crate::core::event::Traces;
use crate::core::fact::{BeatFact, Cause, Excess, StopWhy, Summary};
use crate::core::memory::LatchWhy;
use crate::core::settings::{OnEscalate, StopScope};
use crate::core::time::Wall;
use crate::core::usage::Totals;

fn settings() -> Settings {
    Settings {
        beats: true,
        interval: Duration::from_secs(5),
        misses: 2,
        start_grace: None,
        on_missed: OnMissed::Restart,
        max_expect: Duration::from_hours(1),
        progress_within: None,
        on_stalled: OnMissed::Alert,
        policy: Policy::Auto,
        cooldown: Duration::from_mins(5),
        max_failures: 3,
        max_failures_per_day: 10,
        reset_after: Duration::from_mins(10),
        on_escalate: OnEscalate::Exit,
        stop_signal: Signal::TERM,
        stop_scope: StopScope::Group,
        stop_timeout: Duration::from_secs(30),
        shutdown_grace: Duration::from_mins(5),
        rules: Vec::new(),
        repeat: None,
        max_run: None,
        release: None,
        preset: None,
        limits: crate::core::cost::limits::Limits::default(),
        validation: None,
        alerting: crate::core::incident::Alerting::default(),
        morning: None,
    }
}

fn voice(settings: Settings) -> Voice {
    Voice::new("agent".into(), String::new(), true, settings)
}

fn lines(voice: &mut Voice, fact: &Fact) -> Vec<String> {
    voice.say(fact).into_iter().map(|said| said.text).collect()
}

fn started(pid: i32) -> Fact {
    Fact::Started { incarnation: 1, pid, first_beat_ms: None }
}

fn first_beat(after_ms: u64) -> Fact {
    Fact::Beat(BeatFact { first_after_ms: Some(after_ms), ..BeatFact::default() })
}

fn exited(cause: Cause, streak: u32) -> Fact {
    Fact::Exited {
        incarnation: 1,
        ending: Ending::Exit { code: 1 },
        ran_ms: Some(240),
        outcome: Outcome::Failure { cause, streak, max: 3 },
        rule: None,
        last_line: None,
        traces: Traces::default(),
    }
}

#[test]
fn a_good_day_and_a_hang() {
    let totals = Totals { beats: 12, cycles: 12, tokens: 14_530, told: 12, ..Totals::default() };
    let summary = Summary { after_ms: 92_000, totals, failures: 1, recovered: true };
    let story = [
        (
            started(4711),
            "agent: started, pid 4711; exits are watched, hangs from the first beat on",
        ),
        (
            first_beat(400),
            "agent: healthy, first beat after 0.4s; 10s of silence (2 × 5s) now means restart",
        ),
        (
            exited(Cause::Silent { silent_ms: 10_000 }, 1),
            "agent: failure 1 of 3: silent for 10s; ended",
        ),
        (started(4790), "agent: started again, pid 4790"),
        (
            Fact::Recovered { incarnation: 2, after_ms: 11_200, alive_only: false },
            "agent: recovered, beats are back after 11s",
        ),
        (
            Fact::Stopped { by: StopBy::Signal(Signal::INT), code: 0, summary },
            "agent: stopped by Ctrl-C after 1m32s; 12 beats, 14,530 tokens (1,211 a cycle), 1 failure, recovered",
        ),
    ];
    let mut voice = voice(settings());
    for (fact, line) in story {
        assert_eq!(lines(&mut voice, &fact), [line]);
    }
    assert!(lines(&mut voice, &first_beat(400)).is_empty(), "health is announced once");
}

#[test]
fn a_crash_loop() {
    let mut voice = voice(settings());
    lines(&mut voice, &started(4720));
    assert_eq!(
        lines(&mut voice, &exited(Cause::Exited, 1)),
        ["agent: failure 1 of 3: exit 1 after 0.2s"]
    );
    let cooldown = Fact::Cooldown { wait_ms: 299_000, until: Wall(9 * 3_600_000 + 300_000) };
    assert_eq!(
        lines(&mut voice, &cooldown),
        [
            "agent: next start 09:05:00, in 4m59s (cooldown 5m); now: agentwatch restart agent · stop: Ctrl-C"
        ]
    );
    let escalated = Fact::Escalated {
        reason: Excess::Streak,
        failures: 3,
        within_ms: Some(600_000),
        same_line: true,
    };
    assert_eq!(
        lines(&mut voice, &escalated),
        [
            "agent: GAVE UP after 3 failures in 10m, same last line; stays down until: agentwatch resume agent",
            "agent: nobody was told, no alert sink; try: --alert ntfy:YOUR-TOPIC",
        ]
    );
    let mut with_sink = settings();
    with_sink.alerting.sinks = true;
    let told = self::voice(with_sink).say(&escalated);
    assert_eq!(told.len(), 1, "with a sink somebody is told");
}

#[test]
fn a_command_to_type_works_in_another_shell() {
    let options = " --state-dir /tmp/x".to_owned();
    let mut voice = Voice::new("agent".into(), options, false, settings());
    let latched = Fact::Latched { since: Wall(0), failures: 3, why: LatchWhy::Failures };
    let said = lines(&mut voice, &latched);
    assert!(said[0].ends_with("agentwatch resume agent --state-dir /tmp/x"), "{said:?}");
}

#[test]
fn a_plain_wrapper_has_little_to_say() {
    let mut voice = voice(Settings { policy: Policy::Never, ..settings() });
    let passed = |code| Fact::Exited {
        incarnation: 1,
        ending: Ending::Exit { code },
        ran_ms: Some(1),
        outcome: Outcome::Passed,
        rule: None,
        last_line: None,
        traces: Traces::default(),
    };
    for fact in [started(1), first_beat(1), passed(0), passed(3)] {
        assert!(lines(&mut voice, &fact).is_empty(), "{fact:?}");
    }
    assert_eq!(lines(&mut voice, &passed(78)), ["agent: exit 78 is the command's own"]);
}

#[test]
fn what_is_said_once_is_said_once() {
    let mut voice = voice(settings());
    let bad = Fact::BadBeat { incarnation: 1, reason: "tokens_used is -5".into(), suppressed: 0 };
    assert_eq!(lines(&mut voice, &bad).len(), 1);
    assert!(lines(&mut voice, &bad).is_empty());
    let stopping = Fact::Stopping { incarnation: 1, why: StopWhy::Unhealthy, signal: Signal::TERM };
    assert!(lines(&mut voice, &stopping).is_empty(), "its end will say why");
}
