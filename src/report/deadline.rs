//! The silence that an agent has left, and where that number comes from.

use serde::Serialize;

use crate::core::memory::Memory;
use crate::core::time::{Wall, millis};
use crate::wire::state::Identity;
use crate::wire::words::span;

use super::view::View;

/// The least time for a first beat of an agent that is known to beat (SPEC §2), in milliseconds.
const FIRST_BEAT_MIN_MS: u64 = 120_000;

/// What follows when an agent stays silent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Deadline {
    /// What follows: `restart` or `alert`; `null` if silence is not judged.
    pub action: Option<&'static str>,
    /// The silence that leads to it.
    pub after_ms: Option<u64>,
    /// How much of it is left.
    pub left_ms: Option<u64>,
    /// All of that for a person, with where the number comes from.
    pub words: String,
}

/// The deadline in force of an agent whose child runs; `None` if an older agentwatch started it, which
/// did not write down what it judges by.
#[must_use]
pub fn deadline(identity: &Identity, memory: &Memory, view: &View, now: Wall) -> Option<Deadline> {
    let watch = &identity.watch;
    if watch.interval_from.is_empty() {
        return None;
    }
    if !watch.beats {
        return Some(unjudged("none: only exits are watched (--beats none)"));
    }
    let action = if watch.alert_only { "alert" } else { "restart" };
    let after = |after_ms: u64, since: Option<Wall>, words: String| Deadline {
        action: Some(action),
        after_ms: Some(after_ms),
        left_ms: since.map(|since| after_ms.saturating_sub(millis(now.since(since)))),
        words,
    };
    let interval = span(identity.interval_ms);
    let misses = u64::from(identity.misses);
    let Some((last, _)) = &view.last_beat else {
        let Some(limit) = view.first_beat_ms else {
            return Some(unjudged("none before its first beat: it has never beaten"));
        };
        let slowest = memory.slowest_first_beat.map(millis);
        let why = if watch.start_grace_ms == Some(limit) {
            "start_grace".to_owned()
        } else if limit == identity.interval_ms.saturating_mul(misses) {
            format!("{misses} × {interval}, {}", from(identity))
        } else if limit == FIRST_BEAT_MIN_MS {
            "the least for an agent that is known to beat".to_owned()
        } else {
            match slowest {
                Some(slowest) if slowest.saturating_mul(3) == limit => {
                    format!("3 × its slowest first beat ({})", span(slowest))
                }
                _ => "3 × its slowest first beat".to_owned(),
            }
        };
        let why = match view.extended_ms {
            0 => why,
            more => format!("{why} + {} it asked for", span(more)),
        };
        let limit = limit.saturating_add(view.extended_ms);
        let words = format!("first beat within {}, else {action}: {why}", span(limit));
        return Some(after(limit, view.ready.or(view.started), words));
    };
    let rest = identity.interval_ms.saturating_mul(misses.saturating_sub(1));
    let announced = view.expect_next_ms.map(|ms| ms.min(watch.max_expect_ms));
    let announced = announced.filter(|ms| identity.interval_ms < *ms);
    let limit = announced.unwrap_or(identity.interval_ms).saturating_add(rest);
    let why = match announced {
        Some(ms) if rest > 0 => {
            format!("{} announced by expect_next + {} × {interval}", span(ms), misses - 1)
        }
        Some(_) => "announced by expect_next".to_owned(),
        None => format!("{misses} × {interval}, {}", from(identity)),
    };
    Some(after(limit, Some(*last), format!("{action} after {} of silence: {why}", span(limit))))
}

fn unjudged(words: &str) -> Deadline {
    Deadline { words: words.to_owned(), ..Deadline::default() }
}

/// Who set interval and misses.
fn from(identity: &Identity) -> String {
    let watch = &identity.watch;
    let mut from = vec![watch.interval_from.as_str()];
    if watch.misses_from != watch.interval_from {
        from.push(&watch.misses_from);
    }
    let set: Vec<&str> = from.iter().copied().filter(|from| *from != "default").collect();
    if set.is_empty() { "default".to_owned() } else { set.join(" and ") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::fact::{BeatFact, Fact};
    use crate::core::notice::Extended;
    use crate::wire::state::Watch;

    fn identity() -> Identity {
        let watch = Watch {
            beats: true,
            interval_from: "--interval".into(),
            misses_from: "default".into(),
            max_expect_ms: 3_600_000,
            ..Watch::default()
        };
        Identity { interval_ms: 60_000, misses: 2, watch, ..Identity::default() }
    }

    fn words(identity: &Identity, memory: &Memory, facts: &[Fact]) -> (Option<u64>, String) {
        let mut view = View::new(true);
        for (at, fact) in (0..).zip(facts) {
            view.learn(Wall(at * 1000), fact);
        }
        let found = deadline(identity, memory, &view, Wall(11_000)).unwrap();
        (found.left_ms, found.words)
    }

    fn started(first_beat_ms: Option<u64>) -> Fact {
        Fact::Started { incarnation: 1, pid: 42, first_beat_ms }
    }

    fn beat(expect_next_ms: Option<u64>) -> Fact {
        Fact::Beat(BeatFact { status: "ok".into(), expect_next_ms, ..BeatFact::default() })
    }

    #[test]
    fn each_deadline_says_where_it_comes_from() {
        let memory =
            Memory { slowest_first_beat: Some(Duration::from_secs(90)), ..Memory::default() };
        let said = |facts: &[Fact]| words(&identity(), &memory, facts);
        let restart = "restart after 2m of silence: 2 × 1m, --interval";
        assert_eq!(said(&[started(None), beat(None)]), (Some(110_000), restart.into()));
        // Less than the interval changes nothing.
        assert_eq!(said(&[started(None), beat(Some(5_000))]).1, restart);
        assert_eq!(
            said(&[started(None), beat(Some(600_000))]).1,
            "restart after 11m of silence: 10m announced by expect_next + 1 × 1m"
        );
        assert_eq!(
            said(&[started(Some(270_000))]),
            (
                Some(259_000),
                "first beat within 4m30s, else restart: 3 × its slowest first beat (1m30s)".into()
            )
        );
        let ready = |first_beat_ms| Fact::Notified {
            incarnation: 1,
            ready: true,
            first_beat_ms,
            message: None,
        };
        let more = Fact::Extended { incarnation: 1, what: Extended::Start, by_ms: 30_000 };
        let asked = "first beat within 5m, else restart: 3 × its slowest first beat (1m30s) \
                     + 30s it asked for";
        let told = said(&[started(Some(270_000)), more, started(Some(9)), ready(None)]);
        assert_eq!(told.1, "none before its first beat: it has never beaten");
        let more = Fact::Extended { incarnation: 1, what: Extended::Start, by_ms: 30_000 };
        let told = said(&[started(Some(270_000)), ready(Some(270_000)), more]);
        assert_eq!(told, (Some(290_000), asked.into()), "counted from the word that it is ready");
        assert_eq!(said(&[started(None)]).1, "none before its first beat: it has never beaten");
        let mut grace = identity();
        grace.watch.start_grace_ms = Some(300_000);
        grace.watch.alert_only = true;
        assert_eq!(
            words(&grace, &memory, &[started(Some(300_000))]).1,
            "first beat within 5m, else alert: start_grace"
        );
        let mut none = identity();
        none.watch.beats = false;
        assert!(words(&none, &memory, &[started(None)]).1.contains("--beats none"));
    }

    #[test]
    fn what_an_older_agentwatch_did_not_write_down_is_not_made_up() {
        let view = View::new(true);
        assert_eq!(deadline(&Identity::default(), &Memory::default(), &view, Wall(0)), None);
    }
}
