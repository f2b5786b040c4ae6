//! What an agent told beside its beats, in words. Pure.

use crate::core::fact::{Fact, Recognised};
use crate::core::notice::{Extended, Road};

use super::words::span;

/// An agent that found itself to hang.
pub const TRIGGERED: &str = "said itself that it hangs (WATCHDOG=trigger)";

/// A road for beats, as the child knows it.
fn road(road: Road) -> &'static str {
    match road {
        Road::Pipe => "$AGENTWATCH_PIPE",
        Road::NotifySocket => "$NOTIFY_SOCKET",
    }
}

/// A fact about such a thing in a few words; empty for any other.
#[must_use]
pub fn words(fact: &Fact) -> String {
    match fact {
        Fact::Notified { ready, message, .. } => {
            let ready = ready.then_some("ready").into_iter();
            ready.chain(message.as_deref()).collect::<Vec<_>>().join(": ")
        }
        Fact::Extended { what, by_ms, .. } => {
            let what = match what {
                Extended::Start => "start",
                Extended::Stop => "stop",
            };
            format!("{} more to {what}, as it asked", span(*by_ms))
        }
        Fact::SourceOff { source, error } => format!("no {}: {error}", road(*source)),
        Fact::Recognised(Recognised { preset, interval_ms, misses, .. }) => {
            let interval = span(*interval_ms);
            format!(
                "reads its output by preset {preset}; unhealthy after {misses} × {interval} of silence"
            )
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_said_as_it_was_told() {
        let told = |ready, message: Option<&str>| {
            let message = message.map(str::to_owned);
            words(&Fact::Notified { incarnation: 1, ready, first_beat_ms: None, message })
        };
        assert_eq!(told(true, None), "ready");
        assert_eq!(told(true, Some("up")), "ready: up");
        assert_eq!(told(false, Some("loading")), "loading");
        let more = Fact::Extended { incarnation: 1, what: Extended::Stop, by_ms: 60_000 };
        assert_eq!(words(&more), "1m more to stop, as it asked");
        let off = Fact::SourceOff { source: Road::Pipe, error: "no".to_owned() };
        assert_eq!(words(&off), "no $AGENTWATCH_PIPE: no");
    }
}
