//! Facts in words: one line each, for `events` and for the lines of `run`.

use std::fmt::Write as _;

use crate::core::event::{By, Kept};
use crate::core::fact::{
    BeatFact, Began, EvidenceFact, Fact, FinishedWhy, Rebuilt, Released, StopBy, StopCommand,
    StopWhy, Strays, Summary,
};
use crate::core::settings::OnMissed;
use crate::core::signal::Signal;
use crate::core::time::LocalDay;
use crate::core::usage::per_cycle;

use super::tone::{Tone, tone};
use super::{costs, custody, down, incidents, notices};

/// A span of time for people: `0.4s`, `11s`, `1m32s`, `2h5m`, `3d4h`.
#[must_use]
pub fn span(ms: u64) -> String {
    let (s, tenths) = (ms / 1000, ms / 100 % 10);
    let pair = |big: u64, big_unit: char, small: u64, small_unit: char| {
        if small == 0 {
            format!("{big}{big_unit}")
        } else {
            format!("{big}{big_unit}{small}{small_unit}")
        }
    };
    match s {
        0..10 if tenths > 0 => format!("{s}.{tenths}s"),
        0 if ms > 0 => format!("{ms}ms"),
        0..60 => format!("{s}s"),
        60..3_600 => pair(s / 60, 'm', s % 60, 's'),
        3_600..86_400 => pair(s / 3_600, 'h', s / 60 % 60, 'm'),
        _ => pair(s / 86_400, 'd', s / 3_600 % 24, 'h'),
    }
}

/// A number for people: `14,530`.
#[must_use]
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number in at most five columns, where there is little room: `950`, `1.2k`, `14k`, `3.5M`.
#[must_use]
pub fn short(n: u64) -> String {
    let units = [(1_000_000_000_000, 'T'), (1_000_000_000, 'G'), (1_000_000, 'M'), (1_000, 'k')];
    // What would be rounded up to a thousand of one unit is one of the next.
    let unit = units.into_iter().find(|(unit, _)| unit - unit / 2_000 <= n);
    let Some((unit, letter)) = unit else { return n.to_string() };
    let tenths = (u128::from(n) * 10 + u128::from(unit) / 2) / u128::from(unit);
    if tenths < 100 {
        format!("{}.{}{letter}", tenths / 10, tenths % 10)
    } else {
        let whole = (u128::from(n) + u128::from(unit) / 2) / u128::from(unit);
        format!("{whole}{letter}")
    }
}

/// `1 failure`, `2 failures`.
#[must_use]
pub fn count(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(n))
}

/// A signal by its name, where its number is the same on every system; else by number.
#[must_use]
pub fn signal(signal: Signal) -> String {
    let name = match signal.0 {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

/// What an unhealthy child was doing.
#[must_use]
pub fn evidence(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Evidence(EvidenceFact { evidence, cpu_used_ms, cpu_over_ms, .. }) => {
            let used = cpu_used_ms.zip(*cpu_over_ms);
            let earlier = used.map(|(used, over)| (evidence.cpu_ms.saturating_sub(used), over));
            Some(evidence.words(earlier))
        }
        _ => None,
    }
}

/// What a `run` looked back on: beats, tokens, failures.
#[must_use]
pub fn summary(summary: &Summary) -> String {
    let totals = summary.totals;
    let mut text = String::new();
    if totals.beats > 0 {
        let _ = write!(text, "; {}", count(totals.beats, "beat"));
    }
    if totals.tokens > 0 {
        let _ = write!(text, ", {} tokens", grouped(totals.tokens));
        if let Some(mean) = per_cycle(totals.tokens, totals.cycles) {
            let _ = write!(text, " ({} a cycle)", grouped(mean));
        }
    }
    if let Some(cost) = totals.cost {
        let _ = write!(text, ", {cost}{}", costs::unpriced(totals.cost_unknown));
    }
    if summary.failures > 0 {
        let mark = if text.is_empty() { ';' } else { ',' };
        let state = if summary.recovered { "recovered" } else { "not recovered" };
        let _ = write!(text, "{mark} {}, {state}", count(u64::from(summary.failures), "failure"));
    }
    text
}

/// A beat in a few words.
fn beat(fact: &BeatFact) -> String {
    let mut text = fact.status.clone().into_owned();
    if fact.beats > 1 {
        let _ = write!(text, " ×{}", grouped(fact.beats));
    }
    if let Some(tokens) = fact.tokens {
        let _ = write!(text, ", {} tokens", grouped(tokens));
        if let Some(usual) = fact.usual.filter(|_| fact.cycles == 1) {
            let _ = write!(text, " (usual {})", grouped(usual));
        }
    }
    if let Some(cost) = fact.cost_usd {
        let _ = write!(text, ", {}{}", costs::usd(cost), costs::unpriced(fact.cost_unknown));
    }
    if let Some(cycle) = fact.cycle {
        let _ = write!(text, ", cycle {cycle}");
    }
    if let Some(next) = fact.expect_next_ms {
        let _ = write!(text, ", next within {}", span(next));
    }
    if let Some(first) = fact.first_after_ms {
        let _ = write!(text, " (first, after {})", span(first));
    }
    if let Some(message) = &fact.message {
        let _ = write!(text, ": {message}");
    }
    text
}

/// Why agentwatch stops a child.
fn stop_why(why: StopWhy) -> String {
    match why {
        StopWhy::Requested { by } => format!("asked by {}", stopper(by)),
        StopWhy::Restart => "agentwatch restart".to_owned(),
        StopWhy::Unhealthy => "unhealthy".to_owned(),
        StopWhy::Stalled => "no progress".to_owned(),
        StopWhy::Loop => "it looked like a loop".to_owned(),
        StopWhy::Budget => "its budget is exceeded".to_owned(),
        StopWhy::MaxRun => "it has run for as long as a run may".to_owned(),
        StopWhy::ShutdownOverrun => "its announced shutdown took too long".to_owned(),
        StopWhy::StopTimeout => "it did not stop in time".to_owned(),
        StopWhy::Impatience => "asked a second time".to_owned(),
    }
}

/// Who asked to stop.
#[must_use]
pub fn stopper(by: StopBy) -> String {
    match by {
        StopBy::Signal(number) => signal(number),
        StopBy::Command(StopCommand::Stop) => "agentwatch stop".to_owned(),
        StopBy::Command(StopCommand::Stay) => "agentwatch stop --stay".to_owned(),
    }
}

/// What could not be written, by its name.
#[must_use]
pub fn kept(what: Kept) -> &'static str {
    match what {
        Kept::State => "state.json",
        Kept::Journal => "the journal",
        Kept::Log => "the log",
        Kept::Outbox => "letters to be delivered",
    }
}

/// Why an end is no failure.
#[must_use]
pub fn finished(reason: FinishedWhy) -> &'static str {
    match reason {
        FinishedWhy::Announced => "as announced",
        FinishedWhy::NeverBeat => "it never beat, so exit 0 is its end",
        FinishedWhy::Success => "exit 0",
        FinishedWhy::Rule => "as a restart rule says",
        FinishedWhy::NeverRestart => "no restart wanted",
        FinishedWhy::NotStarted => "nothing was started",
    }
}

/// One fact in one line, for a list of events.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table: one arm a fact, no steps")]
pub fn describe(fact: &Fact) -> (Tone, String) {
    let tone = tone(fact);
    let text = match fact {
        Fact::SupervisorStarted(Began { version, pid, command, .. }) => {
            format!("agentwatch {version}, pid {pid}: {}", command.join(" "))
        }
        Fact::SupervisorStopped { code } => format!("agentwatch left with code {code}"),
        Fact::Started { incarnation, pid, .. } => format!("incarnation {incarnation}, pid {pid}"),
        Fact::SpawnFailed { failure, .. } => failure.error.clone(),
        Fact::Beat(fact) => beat(fact),
        Fact::BadBeat { reason, suppressed, .. } if *suppressed > 0 => {
            format!("{reason} (and {suppressed} more before)")
        }
        Fact::BadBeat { reason, .. } => reason.clone(),
        Fact::Notified { .. }
        | Fact::Extended { .. }
        | Fact::SourceOff { .. }
        | Fact::Recognised { .. } => notices::words(fact),
        Fact::Unwatched { silent_ms, .. } => {
            format!("no beat in {}, so a hang would go unseen", span(*silent_ms))
        }
        Fact::Late { silent_ms, .. } => format!("silent for {}", span(*silent_ms)),
        Fact::Unhealthy { triggered: true, action, .. } => match action {
            OnMissed::Restart => format!("{}; stopping it", notices::TRIGGERED),
            OnMissed::Alert => format!("{}; left alone", notices::TRIGGERED),
        },
        Fact::Unhealthy { silent_ms, action, .. } => match action {
            OnMissed::Restart => format!("silent for {}; stopping it", span(*silent_ms)),
            OnMissed::Alert => format!("silent for {}; left alone", span(*silent_ms)),
        },
        Fact::Stalled { .. } => stalled(fact),
        Fact::LoopSuspected { .. }
        | Fact::LoopCleared { .. }
        | Fact::LoopSettled { .. }
        | Fact::BudgetWarning { .. }
        | Fact::BudgetExceeded { .. }
        | Fact::Rebaselined { .. } => costs::words(fact),
        Fact::Progressing { cycle, for_ms, .. } => {
            format!("progress again: cycle {cycle}, after standing still for {}", span(*for_ms))
        }
        Fact::OutputBlocked { blocked_ms } => {
            format!("our stdout has been blocked for {}; beats go unheard", span(*blocked_ms))
        }
        Fact::OutputUnblocked { blocked_ms } => {
            format!("our stdout flows again after {}", span(*blocked_ms))
        }
        Fact::Evidence { .. } => evidence(fact).unwrap_or_default(),
        Fact::Memory(memory) => super::evidence::memory(memory),
        Fact::Exited { ending, ran_ms, outcome, rule, last_line, traces, .. } => {
            let text =
                super::ending::exited(*ending, *ran_ms, *outcome, last_line.as_deref(), traces);
            match rule {
                Some(rule) => format!("{text} (restart rule {rule})"),
                None => text,
            }
        }
        Fact::SignalPassed { signal: passed, .. } => format!("{} was passed on", signal(*passed)),
        Fact::Strays(Strays { count: n, names, .. }) => {
            format!("ended {}: {}", count(u64::from(*n), "stray"), names.join(", "))
        }
        Fact::TreeStuck { names, .. } => {
            format!("survives SIGKILL, so nothing is started: {}", names.join(", "))
        }
        Fact::Cooldown { wait_ms, .. } => format!("next start in {}", span(*wait_ms)),
        Fact::Parked { wait_ms, asked: true, .. } => {
            format!("next start in {}, as it asked; no failure", span(*wait_ms))
        }
        Fact::Parked { wait_ms, budget: Some(budget), .. } => {
            format!("next start in {}, when {} are fresh", span(*wait_ms), costs::budget(*budget))
        }
        Fact::Parked { wait_ms, .. } => format!("next start in {}; no failure", span(*wait_ms)),
        Fact::Waiting { wait_ms, .. } => format!("next run in {}", span(*wait_ms)),
        Fact::Idle { runs } => format!(
            "{runs} runs in a row ended at once, without a beat and without a word: is it working?"
        ),
        Fact::RestartAsked { at_beat: true } => "by a person, at its next beat".to_owned(),
        Fact::RestartAsked { at_beat: false } => "by a person".to_owned(),
        Fact::Held => "by a person; stays down until resumed".to_owned(),
        Fact::Paused { .. } => "all its processes are stopped where they are".to_owned(),
        Fact::Continued { paused_ms, .. } => format!("goes on after {}", span(*paused_ms)),
        Fact::Released(Released { release, before: Some(before) }) => {
            format!("{release}, before: {before}")
        }
        Fact::Released(Released { release, before: None }) => release.clone(),
        Fact::ShutdownAnnounced { grace_ms, .. } => {
            format!("it shuts down and has {} for it", span(*grace_ms))
        }
        Fact::Stopping { why, signal: number, .. } => {
            format!("{} sent: {}", signal(*number), stop_why(*why))
        }
        Fact::Stopped { by, summary: back, .. } => {
            format!("by {} after {}{}", stopper(*by), span(back.after_ms), summary(back))
        }
        Fact::Finished { reason, summary: back, .. } => {
            format!("{} after {}{}", finished(*reason), span(back.after_ms), summary(back))
        }
        Fact::Escalated { .. } => down::escalated(fact),
        Fact::Latched { failures, why, .. } => {
            format!("still down: {}", down::latched(*why, *failures))
        }
        Fact::Resumed { by } => match by {
            By::Flag => "by --resume".to_owned(),
            By::Command => "by agentwatch resume".to_owned(),
            By::Answer => "by a person at the terminal".to_owned(),
        },
        Fact::Recovered { after_ms, alive_only: false, .. } => {
            format!("beats are back after {}", span(*after_ms))
        }
        Fact::Recovered { after_ms, alive_only: true, .. } => {
            format!("alive for long enough, {} after the trouble", span(*after_ms))
        }
        Fact::StreakForgotten { failures } => {
            format!("healthy for long enough; {} forgotten", count(u64::from(*failures), "failure"))
        }
        Fact::StoreFailed { what, error } => format!("cannot write {}: {error}", kept(*what)),
        Fact::StoreWorks { what } => format!("{} can be written again", kept(*what)),
        Fact::StateRebuilt(Rebuilt { error, kept_as }) => {
            format!("state.json was unreadable ({error}); rebuilt, the old one is {kept_as}")
        }
        Fact::Validating { .. }
        | Fact::Validated(_)
        | Fact::StateInvalid(_)
        | Fact::StateRepaired(_)
        | Fact::StateRestored(_)
        | Fact::RestoreFailed(_)
        | Fact::StatePassedOver(_)
        | Fact::StateQuarantined(_)
        | Fact::SnapshotTaken(_)
        | Fact::SnapshotFailed { .. }
        | Fact::SnapshotWorks => custody::words(fact),
        Fact::IncidentOpened(_)
        | Fact::IncidentWorsened(_)
        | Fact::IncidentClosed(_)
        | Fact::Acknowledged(_)
        | Fact::Snoozed(_)
        | Fact::AlertSent(_)
        | Fact::AlertFailed(_)
        | Fact::ReportSent(_)
        | Fact::ReportFailed(_) => incidents::words(fact),
        Fact::Bug { what } => format!("this should not happen: {what}"),
    };
    (tone, text)
}

/// `12 beats in 10m, but cycle 7 stands still; left alone`.
fn stalled(fact: &Fact) -> String {
    let Fact::Stalled { cycle, for_ms, beats, action, .. } = fact else { return String::new() };
    let follows = match action {
        OnMissed::Restart => "stopping it",
        OnMissed::Alert => "left alone",
    };
    let beats = count(*beats, "beat");
    format!("{beats} in {}, but cycle {cycle} stands still; {follows}", span(*for_ms))
}

/// That the newest file of a journal is of a day that is yet to come.
#[must_use]
pub fn journal_ahead(name: &str, day: LocalDay) -> String {
    format!(
        "{name}: journal/{day}.jsonl is dated in the future, and the next run goes on in it; if the clock \
         is right now, rename it to today's date while {name} is down"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short_and_say_enough() {
        for (ms, text) in [
            (0, "0s"),
            (40, "40ms"),
            (240, "0.2s"),
            (1_000, "1s"),
            (9_900, "9.9s"),
            (11_400, "11s"),
            (92_000, "1m32s"),
            (300_000, "5m"),
            (7_500_000, "2h5m"),
            (273_600_000, "3d4h"),
        ] {
            assert_eq!(span(ms), text);
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(14_530), "14,530");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn short_numbers_have_at_most_five_columns() {
        for (n, want) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1.0k"),
            (1_249, "1.2k"),
            (9_949, "9.9k"),
            (9_951, "10k"),
            (999_499, "999k"),
            (999_500, "1.0M"),
            (3_500_000, "3.5M"),
            (u64::MAX, "18446744T"),
        ] {
            assert_eq!(short(n), want, "{n}");
        }
    }
}
