//! What a supervisor above us is told and tells, as text: `sd_notify` datagrams, `$WATCHDOG_USEC`.

use std::fmt::Write as _;
use std::time::Duration;

use crate::core::outer::{Standing, Word};
use crate::core::supervisor::Phase;

use super::words::grouped;

/// All `words` in one datagram; empty for none.
#[must_use]
pub fn datagram(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        let _ = match word {
            Word::Ready => writeln!(text, "READY=1"),
            Word::Stopping => writeln!(text, "STOPPING=1"),
            Word::Extend(time) => writeln!(text, "EXTEND_TIMEOUT_USEC={}", time.as_micros()),
            Word::Status(standing) => writeln!(text, "STATUS={}", status(*standing)),
            Word::Alive => writeln!(text, "WATCHDOG=1"),
        };
    }
    text
}

/// How an agent stands: `healthy, 1,211 tokens a cycle, 0/3 failures`.
#[must_use]
pub fn status(standing: Standing) -> String {
    let tokens = standing.tokens.map(|n| format!("{} tokens a cycle, ", grouped(n)));
    let (streak, max) = (standing.streak, standing.max_failures);
    format!("{}, {}{streak}/{max} failures", phase(standing.phase), tokens.unwrap_or_default())
}

/// How often a supervisor above wants a sign of life of `own`, our process; `None` if it wants none: the
/// variables are about another process, or not there.
#[must_use]
pub fn watchdog(usec: Option<&str>, pid: Option<&str>, own: i32) -> Option<Duration> {
    if pid.is_some_and(|pid| pid.parse() != Ok(own)) {
        return None;
    }
    let usec = usec?.parse().ok()?;
    Some(Duration::from_micros(usec)).filter(|time| !time.is_zero())
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::New => "new",
        Phase::Starting => "starting",
        Phase::Running => "running",
        Phase::Healthy => "healthy",
        Phase::Late => "late",
        Phase::Unhealthy => "unhealthy",
        Phase::ShuttingDown => "shutting down",
        Phase::Stopping => "stopping",
        Phase::Failed => "failed",
        Phase::Paused => "paused",
        Phase::Validating => "validating",
        Phase::Cooldown => "cooldown",
        Phase::Parked => "parked",
        Phase::Waiting => "waiting",
        Phase::Escalated => "given up, waits for a human",
        Phase::Leaving | Phase::Done => "leaving",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lines_of_one_datagram() {
        let standing =
            Standing { phase: Phase::Healthy, tokens: Some(1211), streak: 0, max_failures: 3 };
        let words = [Word::Ready, Word::Status(standing), Word::Alive];
        let told = "READY=1\nSTATUS=healthy, 1,211 tokens a cycle, 0/3 failures\nWATCHDOG=1\n";
        assert_eq!(datagram(&words), told);
        let words = [Word::Stopping, Word::Extend(Duration::from_millis(1500))];
        assert_eq!(datagram(&words), "STOPPING=1\nEXTEND_TIMEOUT_USEC=1500000\n");
        let quiet = Standing { phase: Phase::Cooldown, tokens: None, streak: 1, max_failures: 3 };
        assert_eq!(status(quiet), "cooldown, 1/3 failures");
    }

    #[test]
    fn a_watchdog_is_for_the_process_it_names() {
        let second = Some(Duration::from_secs(1));
        let cases = [
            (Some("1000000"), None, second),
            (Some("1000000"), Some("7"), second),
            (Some("1000000"), Some("8"), None),
            (Some("1000000"), Some("x"), None),
            (Some("0"), None, None),
            (Some("-1"), None, None),
            (Some("soon"), None, None),
            (None, Some("7"), None),
        ];
        for (usec, pid, expected) in cases {
            assert_eq!(watchdog(usec, pid, 7), expected, "{usec:?} {pid:?}");
        }
    }
}
