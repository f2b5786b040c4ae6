//! How a child ended and why that is a failure, in words. Pure.

use std::fmt::Write as _;

use crate::core::ending::Ending;
use crate::core::event::Traces;
use crate::core::fact::{Cause, Outcome};
use crate::core::oom::{OomKill, Scope};
use crate::core::signal::Signal;

use super::costs;
use super::words::{signal, span};

/// How a child ended.
#[must_use]
pub fn ending(ending: Ending) -> String {
    match ending {
        Ending::Exit { code } => format!("exit {code}"),
        Ending::Signal { signal: number, core: false } => format!("killed by {}", signal(number)),
        Ending::Signal { signal: number, core: true } => {
            format!("killed by {}, core dumped", signal(number))
        }
        Ending::Unknown => "end unknown".to_owned(),
    }
}

/// Why an incarnation failed, as far as its ending does not say it. `seen` is what it was doing.
#[must_use]
pub fn failure(
    cause: Cause,
    how: Ending,
    ran_ms: Option<u64>,
    oom: Option<&OomKill>,
    seen: Option<&str>,
) -> String {
    let after = ran_ms.map(|ms| format!(" after {}", span(ms))).unwrap_or_default();
    let seen = seen.map(|seen| format!("; {seen}")).unwrap_or_default();
    match cause {
        Cause::Exited => with_oom(how, &after, oom),
        Cause::Silent { silent_ms } => format!("silent for {}{seen}; ended", span(silent_ms)),
        Cause::Stalled { for_ms } => {
            format!("beats came, but its cycle stood still for {}{seen}; ended", span(for_ms))
        }
        Cause::NoFirstBeat { silent_ms } => {
            format!("no first beat in {}{seen}; ended", span(silent_ms))
        }
        Cause::ShutdownOverrun { grace_ms } => {
            format!("announced shutdown took more than {}; killed", span(grace_ms))
        }
        Cause::Triggered => format!("said itself that it hangs (WATCHDOG=trigger){seen}; ended"),
        Cause::MaxRun { max_ms } => format!("ran for more than {}; ended", span(max_ms)),
        Cause::Loop { sign } => format!("looked like a loop ({}); ended", costs::sign_kind(sign)),
        Cause::Budget { budget } => format!("{} exceeded; ended", costs::budget(budget)),
        Cause::NotStarted => "could not be started".to_owned(),
        Cause::Lost => "agentwatch was killed, and it with it".to_owned(),
    }
}

/// Why an incarnation failed, in a word for programs: the one of the journal.
#[must_use]
pub fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::Exited => "exited",
        Cause::Silent { .. } => "silent",
        Cause::NoFirstBeat { .. } => "no_first_beat",
        Cause::Stalled { .. } => "stalled",
        Cause::ShutdownOverrun { .. } => "shutdown_overrun",
        Cause::MaxRun { .. } => "max_run",
        Cause::Triggered => "triggered",
        Cause::Loop { .. } => "loop",
        Cause::Budget { .. } => "budget",
        Cause::NotStarted => "not_started",
        Cause::Lost => "lost",
    }
}

/// How a child ended, if the kernel killed something for want of memory meanwhile: it itself, one of its
/// own, or, as far as can be told, perhaps a stranger.
fn with_oom(how: Ending, after: &str, oom: Option<&OomKill>) -> String {
    let plain = format!("{}{after}", ending(how));
    let Some(oom) = oom else { return plain };
    let killed = matches!(how, Ending::Signal { signal: Signal::KILL, .. });
    let limit = oom.limit_bytes.map(|bytes| format!(", limit {}", bytes_of(bytes)));
    let limit = limit.unwrap_or_default();
    let victim = oom.victim.as_ref().map(|(_, name)| format!(" ({name})")).unwrap_or_default();
    match (oom.scope, killed) {
        (Scope::Cgroup, true) => format!("killed for memory (OOM{limit}){after}"),
        (Scope::Cgroup, false) => {
            let processes = if oom.count == 1 { "process" } else { "processes" };
            format!(
                "{plain}; the kernel killed {} {processes} in its cgroup{victim} for memory (OOM{limit})",
                oom.count
            )
        }
        (Scope::Machine, true) => {
            format!("{plain}, perhaps for memory: the machine ran out of it{victim}")
        }
        (Scope::Machine, false) => plain,
    }
}

/// A size in the largest unit that leaves no more than three digits before the point.
#[must_use]
pub fn bytes_of(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(size, _)| *size <= bytes) {
        Some((size, unit)) if bytes.is_multiple_of(size) => format!("{} {unit}", bytes / size),
        Some((size, unit)) => {
            // Tenths are enough for people.
            let tenths = bytes.saturating_mul(10) / size;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} bytes"),
    }
}

/// An end in one line, for a list of events.
#[must_use]
pub fn exited(
    ending_: Ending,
    ran_ms: Option<u64>,
    outcome: Outcome,
    last: Option<&str>,
    traces: &Traces,
) -> String {
    let mut text = match outcome {
        Outcome::Failure { cause, streak, max } => {
            let why = failure(cause, ending_, ran_ms, traces.oom.as_ref(), None);
            format!("failure {streak} of {max}: {why}")
        }
        Outcome::Finished
        | Outcome::Passed
        | Outcome::Signalled
        | Outcome::Stopped
        | Outcome::Restarting
        | Outcome::Completed { .. }
        | Outcome::Parked
        | Outcome::NoFault => {
            let after = ran_ms.map(|ms| format!(" after {}", span(ms))).unwrap_or_default();
            format!("{}{after}", ending(ending_))
        }
    };
    match outcome {
        Outcome::Stopped => text.push_str(", as asked"),
        Outcome::Restarting => text.push_str(", to be started anew"),
        Outcome::Completed { idle: false } => text.push_str(", a complete run"),
        Outcome::Completed { idle: true } => text.push_str(", a run that did nothing"),
        Outcome::Parked => text.push_str(", no failure"),
        Outcome::NoFault => text.push_str(", the machine went down with it"),
        Outcome::Signalled => text.push_str(", which was passed on for somebody"),
        Outcome::Failure { .. } | Outcome::Finished | Outcome::Passed => {}
    }
    if let Some(last) = last {
        let _ = write!(text, "; last line: {last}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_for_want_of_memory_is_told_from_any_other() {
        let killed = Ending::Signal { signal: Signal::KILL, core: false };
        let oom = |scope, limit_bytes, victim: Option<&str>| OomKill {
            scope,
            count: 1,
            limit_bytes,
            victim: victim.map(|name| (42, name.to_owned())),
        };
        let here = oom(Scope::Cgroup, Some(512 << 20), Some("node"));
        let machine = oom(Scope::Machine, None, Some("python3"));
        let ran = Some(9_000);
        for (how, oom, wanted) in [
            (killed, None, "killed by SIGKILL after 9s"),
            (killed, Some(&here), "killed for memory (OOM, limit 512 MiB) after 9s"),
            (
                Ending::Exit { code: 1 },
                Some(&here),
                "exit 1 after 9s; the kernel killed 1 process in its cgroup (node) for memory (OOM, limit 512 MiB)",
            ),
            (
                killed,
                Some(&machine),
                "killed by SIGKILL after 9s, perhaps for memory: the machine ran out of it (python3)",
            ),
            (Ending::Exit { code: 1 }, Some(&machine), "exit 1 after 9s"),
        ] {
            assert_eq!(failure(Cause::Exited, how, ran, oom, None), wanted);
        }
        let silent = Cause::Silent { silent_ms: 10_000 };
        let seen = Some("process stopped (state T), no CPU used");
        assert_eq!(
            failure(silent, killed, ran, None, seen),
            "silent for 10s; process stopped (state T), no CPU used; ended"
        );
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, wanted) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1 << 20, "1 MiB"),
            (1_600_000, "1.5 MiB"),
            (3 << 30, "3 GiB"),
            (u64::MAX, "1717986918.3 GiB"),
        ] {
            assert_eq!(bytes_of(bytes), wanted);
        }
    }
}
