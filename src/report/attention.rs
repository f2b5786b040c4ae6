//! Whom an agent needs: who looks at many sees those first that need a human. Pure.

use crate::core::fact::Severity;
use crate::core::incident::Incident;
use crate::core::memory::{Latch, LatchWhy, Memory};
use crate::core::time::{Wall, millis};
use crate::wire::incidents::severity;
use crate::wire::stamp;
use crate::wire::words::{count, span};

use super::status::Status;

/// Whom an agent needs, the most urgent first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A human: it does not go on by itself, or something critical is open that nobody has acknowledged.
    Human,
    /// Nobody yet: something is wrong that may heal, or that somebody has seen.
    Trouble,
    /// Nobody: it does what it should.
    #[default]
    Fine,
    /// Nobody: it is down, or going down, because that was asked or it has finished.
    Down,
}

impl Need {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Human, Self::Trouble, Self::Fine, Self::Down];

    /// So many agents of that need, in words: `2 need you`.
    #[must_use]
    pub fn words(self, agents: usize) -> String {
        match self {
            Self::Human if agents == 1 => "1 needs you".to_owned(),
            Self::Human => format!("{agents} need you"),
            Self::Trouble => format!("{agents} in trouble"),
            Self::Fine => format!("{agents} fine"),
            Self::Down => format!("{agents} down"),
        }
    }
}

/// Whom the agent needs. `memory` is what its state says, if that can be read.
#[must_use]
pub fn need(status: &Status, memory: Option<&Memory>) -> Need {
    let latch = memory.and_then(|memory| memory.latch.as_ref());
    let kept_down = latch.is_some_and(|latch| latch.why == LatchWhy::Stay);
    let unseen = |one: &Incident| !one.acknowledged && one.severity == Severity::Critical;
    let by_state = match status.state {
        // Who was told to stay down needs nobody.
        "escalated" if kept_down => Need::Down,
        "escalated" | "unknown" => Need::Human,
        _ if status.not_started => Need::Trouble,
        "unhealthy" | "failed" | "cooldown" | "parked" | "paused" => Need::Trouble,
        // One missed beat is not yet the end of anybody's patience, and rows that jump are no help.
        "healthy" | "running" | "late" | "waiting" | "starting" | "validating" => Need::Fine,
        _ => Need::Down,
    };
    let by_incident = open(memory).map(|one| match one {
        one if unseen(one) => Need::Human,
        one if Severity::Warning <= one.severity => Need::Trouble,
        _ => Need::Fine,
    });
    let loops = status.spend.as_ref().is_some_and(|spend| spend.loop_since.is_some());
    let others = [loops, status.error.is_some()].into_iter().filter(|is| *is);
    let found = by_incident.chain(others.map(|_| Need::Trouble)).min();
    // Of one that is down for good what was open is for the records.
    match found {
        Some(found) if by_state != Need::Down => found.min(by_state),
        _ => by_state,
    }
}

fn open(memory: Option<&Memory>) -> impl Iterator<Item = &Incident> {
    memory.into_iter().flat_map(|memory| &memory.incidents.all).filter(|one| one.over.is_none())
}

/// What a person should know of it in a few words; none where all is well.
#[must_use]
pub fn note(status: &Status, memory: Option<&Memory>, now: Wall) -> Option<String> {
    let latch = memory.and_then(|memory| memory.latch.as_ref());
    if let Some(ms) = status.next_start_ms {
        return Some(format!("next start in {}", span(ms)));
    }
    let words = match status.state {
        "escalated" => latch.map_or_else(|| "given up".to_owned(), latched),
        "unknown" if status.supervised => "its state cannot be read".to_owned(),
        "unknown" => "its agentwatch is gone".to_owned(),
        "finished" if status.not_started => "could not be started".to_owned(),
        "paused" => "until it is resumed".to_owned(),
        _ => {
            let loops = status.spend.as_ref().and_then(|spend| spend.loop_since.as_deref());
            let since = loops.and_then(stamp::parse_utc).map(|at| span(millis(now.since(at))));
            let worst = open(memory).filter(|one| Severity::Warning <= one.severity);
            let worst = worst.max_by_key(|one| one.severity);
            match (since, worst) {
                (Some(since), _) => format!("a loop? for {since}"),
                (None, Some(one)) if one.acknowledged => format!("{}, seen", one.trouble.word()),
                (None, Some(one)) => one.trouble.word().to_owned(),
                (None, None) => return status.error.as_ref().map(|_| "cannot be read".to_owned()),
            }
        }
    };
    Some(words)
}

fn latched(latch: &Latch) -> String {
    match latch.why {
        LatchWhy::Failures => count(u64::from(latch.failures), "failure"),
        LatchWhy::Rule => "a rule gave it up".to_owned(),
        LatchWhy::Stay => "told to stay down".to_owned(),
        LatchWhy::Paused => "was paused".to_owned(),
        LatchWhy::Loop => "a loop".to_owned(),
        LatchWhy::Budget => "budget spent".to_owned(),
        LatchWhy::State => "its state is broken".to_owned(),
    }
}

/// What is open of an agent, a line each, the worst first: `failing since 2026-11-22 09:00:11, critical; not acknowledged`.
/// Times are `offset_s` seconds east of UTC.
#[must_use]
pub fn incidents(memory: Option<&Memory>, offset_s: i32) -> Vec<String> {
    // Of what is only to know nobody was told, so nobody can have seen it.
    let mut all: Vec<&Incident> =
        open(memory).filter(|one| Severity::Warning <= one.severity).collect();
    all.sort_by_key(|one| (std::cmp::Reverse(one.severity), one.since));
    let line = |one: &&Incident| {
        let seen = if one.acknowledged { "acknowledged" } else { "not acknowledged" };
        let since = stamp::local(one.since, offset_s);
        format!("{} since {since}, {}; {seen}", one.trouble.word(), severity(one.severity))
    };
    all.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::{BeatFact, Fact};
    use crate::core::incident::Trouble;
    use crate::report::spend::Spend;

    fn status(state: &'static str) -> Status {
        Status { state, ..Status::default() }
    }

    fn memory(why: LatchWhy) -> Memory {
        let latch = Some(Latch { since: Wall(0), failures: 3, why });
        Memory { latch, ..Memory::default() }
    }

    #[test]
    fn who_does_not_go_on_by_itself_needs_a_human() {
        for (state, want) in [
            ("escalated", Need::Human),
            ("unknown", Need::Human),
            ("cooldown", Need::Trouble),
            ("paused", Need::Trouble),
            ("late", Need::Fine),
            ("healthy", Need::Fine),
            ("stopped", Need::Down),
            ("finished", Need::Down),
        ] {
            assert_eq!(need(&status(state), None), want, "{state}");
        }
        let kept = memory(LatchWhy::Stay);
        assert_eq!(need(&status("escalated"), Some(&kept)), Need::Down);
        let failed = memory(LatchWhy::Failures);
        assert_eq!(need(&status("escalated"), Some(&failed)), Need::Human);
        let words = note(&status("escalated"), Some(&failed), Wall(0));
        assert_eq!(words.as_deref(), Some("3 failures"));
    }

    #[test]
    fn what_is_open_needs_a_human_until_one_has_seen_it() {
        let mut memory = Memory::default();
        let stuck = Fact::TreeStuck { incarnation: 1, names: Vec::new() };
        memory.incidents.hear(Wall(0), &stuck);
        assert_eq!(need(&status("failed"), Some(&memory)), Need::Human);
        let lines = incidents(Some(&memory), 3600);
        let want = "stuck since 1970-01-01 01:00:00, critical; not acknowledged";
        assert_eq!(lines, [want]);
        memory.incidents.all[0].told = Some(Severity::Critical);
        memory.incidents.acknowledge();
        assert_eq!(need(&status("failed"), Some(&memory)), Need::Trouble);
        assert_eq!(
            note(&status("healthy"), Some(&memory), Wall(0)).as_deref(),
            Some("stuck, seen")
        );
        assert_eq!(need(&status("stopped"), Some(&memory)), Need::Down);
        memory.incidents.close(Wall(1), Trouble::Stuck);
        memory.incidents.hear(Wall(2), &Fact::Beat(BeatFact::default()));
        assert_eq!(need(&status("healthy"), Some(&memory)), Need::Fine);
        assert_eq!(note(&status("healthy"), Some(&memory), Wall(0)), None);
    }

    #[test]
    fn a_suspected_loop_and_an_unreadable_file_are_trouble() {
        let since = Some(stamp::utc(Wall(0)));
        let spend = Some(Spend { loop_since: since, ..Spend::default() });
        let looping = Status { spend, ..status("healthy") };
        assert_eq!(need(&looping, None), Need::Trouble);
        assert_eq!(note(&looping, None, Wall(90_000)).as_deref(), Some("a loop? for 1m30s"));
        let unread = Status { error: Some("lock: denied".into()), ..status("healthy") };
        assert_eq!(need(&unread, None), Need::Trouble);
        let waits = Status { next_start_ms: Some(4_000), ..status("cooldown") };
        assert_eq!(note(&waits, None, Wall(0)).as_deref(), Some("next start in 4s"));
    }
}
