//! Where an agent stands, as its files tell: a fold of the last records over `state.json`.

use serde::Serialize;

use crate::core::memory::Memory;
use crate::core::time::{Wall, millis};
use crate::core::usage::per_cycle;
use crate::wire::state::Identity;
use crate::wire::tone::Tone;
use crate::wire::{ending, stamp};

use super::deadline::{self, Deadline};
use super::spend::Spend;
use super::view::View;

/// What is said of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// How much it matters.
    pub tone: Tone,
    /// Whether a probe should call it healthy: nothing is wrong, or nothing is known to be.
    pub healthy: bool,
    /// What a human can type to get it going at once: `resume`, `restart`.
    pub verb: Option<&'static str>,
}

/// What a state means, for people and probes; one line for each.
#[must_use]
pub fn meaning(state: &str) -> Meaning {
    let (tone, healthy, verb) = match state {
        // Between two runs of a one-shot agent all is well (SPEC §2); late is not yet unhealthy.
        "healthy" | "running" => (Tone::Good, true, None),
        "waiting" => (Tone::Good, true, Some("restart")),
        "late" => (Tone::Warning, true, None),
        "starting" | "validating" => (Tone::Warning, false, None),
        "cooldown" | "parked" => (Tone::Warning, false, Some("restart")),
        "paused" => (Tone::Warning, false, Some("resume")),
        "escalated" => (Tone::Bad, false, Some("resume")),
        "unhealthy" | "failed" | "unknown" => (Tone::Bad, false, None),
        // Asked for, or on the way there: shutting_down, stopping, stopped, finished.
        _ => (Tone::Plain, false, None),
    };
    Meaning { tone, healthy, verb }
}

/// Whether an agentwatch runs for the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervised {
    /// One holds the lock; its process, if it is told.
    By(Option<i32>),
    /// None does.
    ByNobody,
}

/// One agent, for a table or as JSON. Times are UTC as in the journal; what is not known is `null`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the JSON")]
pub struct Status {
    /// Its name.
    pub agent: String,
    /// Where it stands: `starting running healthy late unhealthy shutting_down stopping failed cooldown
    /// parked waiting paused escalated stopped finished`, or `unknown` if agentwatch was killed.
    pub state: &'static str,
    /// How long it has stood there.
    pub state_ms: Option<u64>,
    /// It has stood there longer: that began before the records that were looked at.
    pub state_longer: bool,
    /// Whether a probe should call that healthy.
    pub healthy: bool,
    /// Whether an agentwatch runs for it.
    pub supervised: bool,
    /// That agentwatch.
    pub supervisor_pid: Option<i32>,
    /// Of which version that is, if it said so.
    pub supervisor_version: Option<String>,
    /// The child that runs.
    pub pid: Option<i32>,
    /// The last one that was started.
    pub incarnation: u32,
    /// When that was.
    pub started: Option<String>,
    /// For how long it has been running.
    pub up_ms: Option<u64>,
    /// When it last beat.
    pub last_beat: Option<String>,
    /// How long ago that was.
    pub last_beat_ms: Option<u64>,
    /// The longest time between two beats of this incarnation, the silence that runs now included.
    pub longest_gap_ms: Option<u64>,
    /// Since when that was looked at: its start, or as far back as the journal was read.
    pub longest_gap_since: Option<String>,
    /// What follows when it stays silent.
    pub deadline: Option<Deadline>,
    /// What the last beat said of itself.
    pub status: Option<String>,
    /// Tokens of the last cycle.
    pub last_tokens: Option<u64>,
    /// Tokens of the last cycles, the newest last; only of an agent that was named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recent_tokens: Vec<u64>,
    /// The mean of the cycles that are at hand.
    pub tokens_per_cycle: Option<u64>,
    /// What it uses against what is usual for it and against its budgets; only of an agent that was named.
    pub spend: Option<Spend>,
    /// How the last child that ended did so, in words.
    pub last_end: Option<String>,
    /// How long ago that was, if it is among the records that were looked at.
    pub last_end_ms: Option<u64>,
    /// Consecutive failures.
    pub streak: u32,
    /// The failure that escalates.
    pub max_failures: u32,
    /// It is finished because it could not be started.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub not_started: bool,
    /// When the next start is due.
    pub next_start: Option<String>,
    /// How long that is from now.
    pub next_start_ms: Option<u64>,
    /// Since when it has been latched.
    pub latched_since: Option<String>,
    /// What a human can type to change that.
    pub command_to_type: Option<String>,
    /// The beat interval in force.
    pub interval_ms: u64,
    /// Where it was started.
    pub directory: String,
    /// What was started.
    pub command: Vec<String>,
    /// Where a copy of its output is kept.
    pub log: Option<String>,
    /// The state directory.
    pub state_dir: String,
    /// What is odd about its files, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Why a file of it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Status {
    /// The version of the agentwatch that runs it, if that is not this one: it stays what it was until it is
    /// stopped and started again.
    #[must_use]
    pub fn other_version(&self) -> Option<&str> {
        self.supervisor_version.as_deref().filter(|version| *version != env!("CARGO_PKG_VERSION"))
    }
}

/// What is known of an agent besides its records.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its `state.json`, if there is one and it can be read.
    pub state: Option<(&'a Identity, &'a Memory)>,
    /// Whether an agentwatch runs for it.
    pub supervised: Supervised,
    /// What a command for it needs besides its name: ` --state-dir /tmp/x`, or nothing.
    pub options: &'a str,
}

/// Where an agent stands at `now`.
#[must_use]
pub fn status(known: &Known<'_>, view: &View, now: Wall) -> Status {
    let (alive, supervisor_pid) = match known.supervised {
        Supervised::By(pid) => (true, pid),
        Supervised::ByNobody => (false, None),
    };
    let latch = known.state.and_then(|(_, memory)| memory.latch.as_ref());
    let tree = known.state.and_then(|(_, memory)| memory.tree.as_ref());
    // The start may lie before the records that were looked at.
    let kept = tree.filter(|tree| !tree.ended && !view.ended && view.started.is_none());
    let pid = view.pid.or(kept.and_then(|tree| tree.pid)).filter(|_| alive);
    let started = view.started.or(known.state.and_then(|(_, memory)| memory.last_start));
    let state = state(view, alive, latch.is_some() && pid.is_none(), pid.is_some());
    let meaning = meaning(state);
    let since = view.since.or(view.first).filter(|_| state == view.state);
    let last_beat = view.last_beat.as_ref();
    let waits = alive && matches!(state, "cooldown" | "parked" | "waiting");
    let next_start = view.next_start.filter(|_| waits);
    let judged = matches!(state, "starting" | "running" | "healthy" | "late" | "unhealthy");
    let running = pid.is_some() && judged;
    let silent = last_beat.map(|(at, _)| millis(now.since(*at)));
    let mut status = Status {
        agent: known.name.to_owned(),
        state,
        state_ms: since.map(|at| millis(now.since(at))),
        state_longer: since.is_some() && view.since.is_none(),
        healthy: meaning.healthy && alive,
        supervised: alive,
        supervisor_pid,
        pid,
        started: started.map(stamp::utc),
        up_ms: started.filter(|_| pid.is_some()).map(|at| millis(now.since(at))),
        last_beat: last_beat.map(|(at, _)| stamp::utc(*at)),
        last_beat_ms: silent,
        longest_gap_ms: silent.filter(|_| running).max(view.longest_gap_ms),
        status: last_beat.map(|(_, status)| status.clone()),
        last_tokens: view.last_tokens,
        tokens_per_cycle: per_cycle(view.tokens, view.cycles).filter(|mean| *mean > 0),
        last_end: view.last_end.as_ref().map(|(_, words)| words.clone()),
        last_end_ms: view.last_end.as_ref().map(|(at, _)| millis(now.since(*at))),
        not_started: view.not_started && state == "finished",
        next_start: next_start.map(stamp::utc),
        next_start_ms: next_start.map(|at| millis(at.since(now))),
        latched_since: latch.map(|latch| stamp::utc(latch.since)),
        // Without an agentwatch only what keeps it down can be lifted.
        command_to_type: meaning
            .verb
            .filter(|verb| alive || *verb == "resume")
            .map(|verb| format!("agentwatch {verb} {}{}", known.name, known.options)),
        ..Status::default()
    };
    if status.longest_gap_ms.is_some() {
        status.longest_gap_since = view.started.or(view.first).map(stamp::utc);
    }
    if let Some((identity, memory)) = known.state {
        status.incarnation = memory.incarnation;
        status.streak = memory.streak.failures;
        // Before the records that were looked at: what it was is remembered, and no more.
        status.last_end = status.last_end.or_else(|| memory.last_ending.map(ending::ending));
        status.max_failures = identity.max_failures;
        status.interval_ms = identity.interval_ms;
        status.directory.clone_from(&identity.directory);
        status.command.clone_from(&identity.command);
        let version = Some(&identity.agentwatch).filter(|version| alive && !version.is_empty());
        status.supervisor_version = version.cloned();
        status.log.clone_from(&identity.log);
        if running {
            status.deadline = deadline::deadline(identity, memory, view, now);
        }
    }
    status
}

/// Without a supervisor nothing runs and nothing is due, whatever the last record says.
fn state(view: &View, alive: bool, latched: bool, runs: bool) -> &'static str {
    match view.state {
        _ if latched => "escalated",
        "stopped" | "finished" | "escalated" => view.state,
        state if alive && !state.is_empty() => state,
        _ if alive && runs => "running",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::{BeatFact, Fact};
    use crate::core::memory::{Latch, LatchWhy};

    fn view(facts: &[Fact]) -> View {
        let mut view = View::new(true);
        for (at, fact) in (0..).zip(facts) {
            view.learn(Wall(at * 1000), fact);
        }
        view
    }

    fn stands(facts: &[Fact], state: Option<(&Identity, &Memory)>, by: Supervised) -> Status {
        let known = Known { name: "a", state, supervised: by, options: "" };
        status(&known, &view(facts), Wall(5000))
    }

    fn started() -> Fact {
        Fact::Started { incarnation: 1, pid: 42, first_beat_ms: None }
    }

    fn beat(tokens: u64) -> Fact {
        Fact::Beat(BeatFact {
            incarnation: 1,
            status: "ok".into(),
            tokens: Some(tokens),
            beats: 1,
            cycles: 1,
            ..BeatFact::default()
        })
    }

    #[test]
    fn a_beating_agent_is_healthy_and_its_tokens_are_averaged() {
        let facts = [started(), beat(100), beat(300)];
        let status = stands(&facts, None, Supervised::By(Some(7)));
        assert_eq!((status.state, status.pid, status.up_ms), ("healthy", Some(42), Some(5000)));
        assert_eq!((status.last_beat_ms, status.tokens_per_cycle), (Some(3000), Some(200)));
    }

    #[test]
    fn without_a_supervisor_nothing_is_healthy() {
        let status = stands(&[started(), beat(100)], None, Supervised::ByNobody);
        assert_eq!((status.state, status.pid, status.up_ms), ("unknown", None, None));
    }

    #[test]
    fn what_could_not_be_started_is_no_happy_end() {
        use crate::core::fact::{FinishedWhy, Summary};
        let finished = |reason| Fact::Finished { reason, code: 127, summary: Summary::default() };
        let status = stands(&[finished(FinishedWhy::NotStarted)], None, Supervised::ByNobody);
        assert_eq!((status.state, status.not_started), ("finished", true));
        let note = crate::report::attention::note(&status, None, Wall(5000));
        assert_eq!(note.as_deref(), Some("could not be started"));
        let status = stands(&[finished(FinishedWhy::Success)], None, Supervised::ByNobody);
        assert_eq!((status.state, status.not_started), ("finished", false));
    }

    #[test]
    fn the_latch_shows_whatever_the_journal_says() {
        let memory = Memory {
            latch: Some(Latch { since: Wall(0), failures: 3, why: LatchWhy::Failures }),
            ..Memory::default()
        };
        let identity = Identity::default();
        let known = Some((&identity, &memory));
        let status = stands(&[], known, Supervised::ByNobody);
        assert_eq!(status.state, "escalated");
        assert_eq!(status.command_to_type.as_deref(), Some("agentwatch resume a"));
    }
}
