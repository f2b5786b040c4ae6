//! The exact journal line of every fact, against `tests/golden/journal.jsonl`.
//!
//! The journal is read by other versions and by `jq`, so a changed line is a decision and not an
//! accident. After such a decision: `AGENTWATCH_BLESS=1 cargo test --lib golden`.

mod alerts;
mod beats;

use super::*;
use crate::core::cost::money::Usd;
use crate::core::cost::price::{Cost, CostFrom};
use crate::core::cost::sign::SignKind;
use crate::core::ending::Spent;
use crate::core::event::{SpawnFailureKind, SpawnStage};
use crate::core::evidence::Evidence;
use crate::core::notice::{Extended, Road};
use crate::core::oom::{OomKill, Scope};
use crate::core::usage::Totals;
use beats::{beats, recognised};

mod costs;
mod custody;

const GOLDEN: &str = include_str!("../../../tests/golden/journal.jsonl");

/// The list and the match in one: a new variant does not compile until it is named here, and then
/// fails until it has a golden line.
macro_rules! variants {
    ($($variant:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($variant)),*];

        fn name(fact: &Fact) -> &'static str {
            match fact { $(Fact::$variant { .. } => stringify!($variant)),* }
        }
    };
}

variants!(
    SupervisorStarted,
    SupervisorStopped,
    Started,
    SpawnFailed,
    Beat,
    BadBeat,
    Notified,
    Extended,
    SourceOff,
    Recognised,
    Unwatched,
    Late,
    Unhealthy,
    Stalled,
    Progressing,
    Evidence,
    Memory,
    OutputBlocked,
    OutputUnblocked,
    Exited,
    SignalPassed,
    Strays,
    TreeStuck,
    Cooldown,
    Parked,
    Waiting,
    Idle,
    RestartAsked,
    Held,
    Paused,
    Continued,
    Released,
    ShutdownAnnounced,
    Stopping,
    Stopped,
    Finished,
    Escalated,
    Latched,
    Resumed,
    Recovered,
    StreakForgotten,
    StoreFailed,
    StoreWorks,
    StateRebuilt,
    Bug,
    LoopSuspected,
    LoopCleared,
    LoopSettled,
    BudgetWarning,
    BudgetExceeded,
    Rebaselined,
    Validating,
    Validated,
    StateInvalid,
    StateRepaired,
    StateRestored,
    RestoreFailed,
    StatePassedOver,
    StateQuarantined,
    SnapshotTaken,
    SnapshotFailed,
    SnapshotWorks,
    IncidentOpened,
    IncidentWorsened,
    IncidentClosed,
    Acknowledged,
    Snoozed,
    AlertSent,
    AlertFailed,
    ReportSent,
    ReportFailed,
);

fn with_traces(fact: Fact) -> Fact {
    let Fact::Exited { incarnation, ending, ran_ms, outcome, last_line, .. } = fact else {
        return fact;
    };
    let output = vec!["Traceback".to_owned(), "KeyError".to_owned()];
    let spent = Some(Spent { cpu_ms: 1200, peak_rss_kib: 65_536 });
    let (scope, limit_bytes) = (Scope::Cgroup, Some(512 << 20));
    let victim = Some((4712, "python3".to_owned()));
    let oom = Some(OomKill { scope, count: 1, limit_bytes, victim });
    let traces = Traces { output, spent, oom };
    Fact::Exited { incarnation, ending, ran_ms, outcome, rule: None, last_line, traces }
}

fn by_rule(fact: Fact) -> Fact {
    let Fact::Exited { incarnation, ending, ran_ms, outcome, last_line, traces, .. } = fact else {
        return fact;
    };
    Fact::Exited { incarnation, ending, ran_ms, outcome, rule: Some(2), last_line, traces }
}

fn exited(ending: Ending, ran_ms: Option<u64>, outcome: Outcome, last_line: Option<&str>) -> Fact {
    Fact::Exited {
        incarnation: 3,
        ending,
        ran_ms,
        outcome,
        rule: None,
        last_line: last_line.map(str::to_owned),
        traces: Traces::default(),
    }
}

fn failure(cause: Cause) -> Outcome {
    Outcome::Failure { cause, streak: 2, max: 3 }
}

fn exits() -> Vec<Fact> {
    let killed = Ending::Signal { signal: Signal::KILL, core: false };
    let dumped = Ending::Signal { signal: Signal(11), core: true };
    let code = |code| Ending::Exit { code };
    vec![
        exited(code(1), Some(200), failure(Cause::Exited), Some("KeyError: 'KEY' \u{1f525}")),
        exited(dumped, Some(7), failure(Cause::Exited), None),
        exited(killed, Some(150_000), failure(Cause::Silent { silent_ms: 120_000 }), None),
        exited(code(0), Some(120_000), failure(Cause::NoFirstBeat { silent_ms: 120_000 }), None),
        exited(code(0), Some(9), failure(Cause::Stalled { for_ms: 600_000 }), None),
        exited(code(0), Some(9), failure(Cause::Loop { sign: SignKind::Tokens }), None),
        exited(code(0), Some(9), failure(Cause::Budget { budget: Budget::UsdPerDay }), None),
        exited(killed, Some(9), failure(Cause::ShutdownOverrun { grace_ms: 300_000 }), None),
        exited(killed, Some(9), failure(Cause::Triggered), None),
        exited(killed, Some(9), failure(Cause::MaxRun { max_ms: 3_600_000 }), None),
        exited(code(127), Some(0), failure(Cause::NotStarted), None),
        exited(Ending::Unknown, None, failure(Cause::Lost), None),
        exited(Ending::Unknown, None, Outcome::NoFault, None),
        exited(killed, Some(9), Outcome::Signalled, None),
        with_traces(exited(code(1), Some(9), failure(Cause::Exited), None)),
        exited(code(0), Some(1), Outcome::Finished, Some("done")),
        exited(
            Ending::Signal { signal: Signal::TERM, core: false },
            Some(1),
            Outcome::Stopped,
            None,
        ),
        exited(code(42), Some(1), Outcome::Passed, None),
        exited(code(0), Some(1), Outcome::Restarting, None),
        exited(code(0), Some(9_000), Outcome::Completed { idle: false }, None),
        exited(code(0), Some(40), Outcome::Completed { idle: true }, None),
        by_rule(exited(code(75), Some(40), Outcome::Parked, None)),
    ]
}

fn stops() -> Vec<Fact> {
    let totals = Totals {
        beats: 12,
        cycles: 11,
        tokens: 14_530,
        told: 0,
        cost: Some(Usd::from_f64(4.1)),
        cost_unknown: 3,
    };
    let summary = Summary { after_ms: 92_000, totals, failures: 1, recovered: true };
    let stopping = |why, signal| Fact::Stopping { incarnation: 2, why, signal };
    let finished = |reason, code| Fact::Finished { reason, code, summary };
    vec![
        stopping(StopWhy::Requested { by: StopBy::Signal(Signal::TERM) }, Signal(10)),
        stopping(StopWhy::Requested { by: StopBy::STOP }, Signal::TERM),
        stopping(StopWhy::Restart, Signal::TERM),
        stopping(StopWhy::MaxRun, Signal::TERM),
        stopping(StopWhy::Unhealthy, Signal::TERM),
        stopping(StopWhy::Stalled, Signal::TERM),
        stopping(StopWhy::Loop, Signal::TERM),
        stopping(StopWhy::Budget, Signal::TERM),
        stopping(StopWhy::ShutdownOverrun, Signal::KILL),
        stopping(StopWhy::StopTimeout, Signal::KILL),
        stopping(StopWhy::Impatience, Signal::KILL),
        Fact::Stopped { by: StopBy::Signal(Signal::INT), code: 130, summary },
        Fact::Stopped { by: StopBy::STAY, code: 69, summary },
        finished(FinishedWhy::Announced, 0),
        finished(FinishedWhy::NeverBeat, 0),
        finished(FinishedWhy::Success, 0),
        finished(FinishedWhy::Rule, 4),
        finished(FinishedWhy::NeverRestart, 3),
        finished(FinishedWhy::NotStarted, 127),
    ]
}

fn starts() -> Vec<Fact> {
    let failed = |kind, stage| {
        let failure = SpawnFailure { kind, stage, error: "agent: not found".to_owned() };
        Fact::SpawnFailed { incarnation: 1, failure }
    };
    vec![
        Fact::SupervisorStarted(Began {
            version: "0.1.0".to_owned(),
            pid: 4711,
            command: vec!["python".to_owned(), "agent.py".to_owned()],
            directory: "/srv/agent".to_owned(),
            interval_ms: 60_000,
            misses: 2,
            ..Began::default()
        }),
        Fact::SupervisorStarted(Began {
            version: "0.1.0".to_owned(),
            pid: 4711,
            command: vec!["python".to_owned(), "agent.py".to_owned()],
            directory: "/srv/agent".to_owned(),
            interval_ms: 60_000,
            misses: 2,
            host: Some("vps2".to_owned()),
            release: Some("9f3c".to_owned()),
            max_tokens_per_hour: Some(100_000),
            max_tokens_per_day: Some(1_000_000),
            max_usd_per_day: Some(Usd::from_f64(20.5)),
        }),
        Fact::SupervisorStopped { code: 69 },
        Fact::Started { incarnation: 1, pid: 4712, first_beat_ms: None },
        Fact::Started { incarnation: 2, pid: 4713, first_beat_ms: Some(120_000) },
        failed(SpawnFailureKind::NotFound, SpawnStage::Exec),
        failed(SpawnFailureKind::NotExecutable, SpawnStage::Exec),
        failed(SpawnFailureKind::System, SpawnStage::Stdin),
        failed(SpawnFailureKind::System, SpawnStage::Fork),
        failed(SpawnFailureKind::System, SpawnStage::Chdir),
    ]
}

fn evidence(used: Option<(u64, u64)>) -> Fact {
    Fact::Evidence(EvidenceFact {
        incarnation: 1,
        evidence: Evidence {
            pid: 4712,
            name: "python3".to_owned(),
            state: 'S',
            wchan: Some("sk_wait_data".to_owned()),
            cpu_ms: 1200,
            rss_kib: 65_536,
            processes: 2,
            tcp: vec!["10.0.0.7:443".to_owned()],
            tcp_count: 1,
            pressure: None,
        },
        cpu_used_ms: used.map(|(used, _)| used),
        cpu_over_ms: used.map(|(_, over)| over),
    })
}

fn unhealthy(action: OnMissed, triggered: bool) -> Fact {
    Fact::Unhealthy { incarnation: 1, silent_ms: 120_000, action, triggered }
}

/// What is told beside beats, and by what roads.
fn notices() -> Vec<Fact> {
    let word = |ready, first_beat_ms, text: Option<&str>| {
        let message = text.map(str::to_owned);
        Fact::Notified { incarnation: 1, ready, first_beat_ms, message }
    };
    let extended = |what| Fact::Extended { incarnation: 1, what, by_ms: 30_000 };
    let error = "/run/agentwatch: belongs to user 1001".to_owned();
    vec![
        word(true, Some(120_000), Some("listening")),
        word(true, None, None),
        word(false, None, Some("loading models")),
        extended(Extended::Start),
        extended(Extended::Stop),
        Fact::SourceOff { source: Road::Pipe, error: error.clone() },
        Fact::SourceOff { source: Road::NotifySocket, error },
    ]
}

fn stalled(action: OnMissed) -> Fact {
    Fact::Stalled { incarnation: 1, cycle: 7, for_ms: 600_000, beats: 12, action }
}

fn health() -> Vec<Fact> {
    let reason = "tokens_used is negative".to_owned();
    vec![
        Fact::BadBeat { incarnation: 1, reason: reason.clone(), suppressed: 0 },
        Fact::BadBeat { incarnation: 1, reason, suppressed: 7 },
        recognised(),
        Fact::Unwatched { incarnation: 1, silent_ms: 120_000 },
        Fact::Late { incarnation: 1, silent_ms: 60_000 },
        unhealthy(OnMissed::Restart, false),
        unhealthy(OnMissed::Alert, false),
        unhealthy(OnMissed::Restart, true),
        stalled(OnMissed::Restart),
        stalled(OnMissed::Alert),
        Fact::Progressing { incarnation: 1, cycle: 8, for_ms: 700_000 },
        evidence(None),
        evidence(Some((0, 60_000))),
        Fact::Memory(MemoryFact {
            incarnation: 1,
            age_ms: 3_600_400,
            rss_kib: 65_536,
            processes: 2,
        }),
        Fact::OutputBlocked { blocked_ms: 600_000 },
        Fact::OutputUnblocked { blocked_ms: 700_000 },
        Fact::ShutdownAnnounced { incarnation: 1, grace_ms: 300_000 },
        Fact::Recovered { incarnation: 2, after_ms: 11_000, alive_only: false },
        Fact::Recovered { incarnation: 2, after_ms: 600_000, alive_only: true },
        Fact::StreakForgotten { failures: 2 },
    ]
}

fn rest() -> Vec<Fact> {
    let names = vec!["node".to_owned(), "sh".to_owned()];
    let since = Wall(1_790_000_000_000);
    let escalated = |reason, failures, same_line| Fact::Escalated {
        reason,
        failures,
        within_ms: (reason == Excess::Streak).then_some(600_000),
        same_line,
    };
    let error = "journal/2026-11-22.jsonl: no space left on device".to_owned();
    vec![
        Fact::SignalPassed { incarnation: 1, signal: Signal(10) },
        Fact::Strays(Strays { incarnation: 1, count: 2, names: names.clone() }),
        Fact::TreeStuck { incarnation: 1, names },
        Fact::Cooldown { wait_ms: 300_000, until: Wall(1_790_000_300_000) },
        escalated(Excess::Streak, 3, true),
        escalated(Excess::Day, 11, false),
        escalated(Excess::Rule, 1, false),
        escalated(Excess::Loop, 1, false),
        escalated(Excess::Budget, 1, false),
        Fact::Latched { since, failures: 3, why: LatchWhy::Failures },
        Fact::Latched { since, failures: 0, why: LatchWhy::Stay },
        Fact::Latched { since, failures: 1, why: LatchWhy::Loop },
        Fact::Latched { since, failures: 1, why: LatchWhy::Budget },
        Fact::Resumed { by: By::Flag },
        Fact::Resumed { by: By::Command },
        Fact::Resumed { by: By::Answer },
        Fact::StoreFailed { what: Kept::Journal, error: error.clone() },
        Fact::StoreFailed { what: Kept::Log, error: error.clone() },
        Fact::StoreFailed { what: Kept::State, error },
        Fact::StoreWorks { what: Kept::State },
        Fact::StateRebuilt(Rebuilt {
            error: "torn".to_owned(),
            kept_as: "state.json.1".to_owned(),
        }),
        Fact::Bug { what: "spawned without a start".to_owned() },
    ]
}

fn waits() -> Vec<Fact> {
    let until = Wall(1_790_000_300_000);
    vec![
        Fact::Parked { wait_ms: 300_000, until, asked: true, budget: None },
        Fact::Parked { wait_ms: 300_000, until, asked: false, budget: Some(Budget::TokensPerHour) },
        Fact::Waiting { wait_ms: 300_000, until },
        Fact::Idle { runs: 3 },
        Fact::RestartAsked { at_beat: false },
        Fact::Held,
        Fact::Paused { incarnation: 4 },
        Fact::Continued { incarnation: 4, paused_ms: 60_000 },
        Fact::Released(Released { release: "v2".to_owned(), before: Some("v1".to_owned()) }),
        Fact::Released(Released { release: "v1".to_owned(), before: None }),
    ]
}

fn samples() -> Vec<Fact> {
    [
        starts(),
        beats(),
        notices(),
        health(),
        exits(),
        stops(),
        rest(),
        waits(),
        costs::costs(),
        custody::custody(),
        alerts::alerts(),
    ]
    .concat()
}

#[test]
fn every_fact_has_its_golden_line() {
    let lines: Vec<_> = samples().iter().map(|fact| serde_json::to_string(fact).unwrap()).collect();
    if std::env::var_os("AGENTWATCH_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/journal.jsonl");
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
        return;
    }
    let golden: Vec<_> = GOLDEN.lines().collect();
    for (line, golden) in lines.iter().zip(&golden) {
        assert_eq!(line, golden);
    }
    assert_eq!(lines.len(), golden.len());
}

#[test]
fn every_golden_line_is_read_back_as_it_was() {
    let read: Vec<Fact> = GOLDEN.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read, samples());
}

#[test]
fn no_fact_is_without_a_golden_line() {
    let samples = samples();
    let missing: Vec<_> =
        NAMES.iter().filter(|wanted| !samples.iter().any(|fact| name(fact) == **wanted)).collect();
    assert!(missing.is_empty(), "no golden line for {missing:?}");
}

#[test]
fn fields_that_a_newer_version_adds_are_read_over() {
    let line = r#"{"ts":"2026-11-22T08:00:00.123Z","seq":7,"event":"late","incarnation":1,"silent_ms":2,"new":[]}"#;
    let fact: Fact = serde_json::from_str(line).unwrap();
    assert_eq!(fact, Fact::Late { incarnation: 1, silent_ms: 2 });
}
