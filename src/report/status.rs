//! Where an agent stands, as its files tell: a fold of the last records over `state.json`.

use serde::Serialize;

use crate::core::fact::{Fact, Outcome};
use crate::core::memory::Memory;
use crate::core::time::{Wall, millis};
use crate::core::usage::per_cycle;
use crate::wire::record::Record;
use crate::wire::stamp;
use crate::wire::state::Identity;

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
pub struct Status {
    /// Its name.
    pub agent: String,
    /// Where it stands: `starting running healthy late unhealthy shutting_down stopping failed cooldown
    /// parked waiting paused escalated stopped finished`, or `unknown` if agentwatch was killed.
    pub state: &'static str,
    /// Whether an agentwatch runs for it.
    pub supervised: bool,
    /// That agentwatch.
    pub supervisor_pid: Option<i32>,
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
    /// What the last beat said of itself.
    pub status: Option<String>,
    /// Tokens of the last cycle.
    pub last_tokens: Option<u64>,
    /// The mean of the cycles that are at hand.
    pub tokens_per_cycle: Option<u64>,
    /// Consecutive failures.
    pub streak: u32,
    /// The failure that escalates.
    pub max_failures: u32,
    /// When the next start is due.
    pub next_start: Option<String>,
    /// How long that is from now.
    pub next_start_ms: Option<u64>,
    /// Since when it has been latched.
    pub latched_since: Option<String>,
    /// The beat interval in force.
    pub interval_ms: u64,
    /// Where it was started.
    pub directory: String,
    /// What was started.
    pub command: Vec<String>,
    /// Why its `state.json` could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The fold itself.
#[derive(Debug, Default)]
struct View {
    state: &'static str,
    pid: Option<i32>,
    started: Option<Wall>,
    last_beat: Option<(Wall, String)>,
    last_tokens: Option<u64>,
    tokens: u64,
    cycles: u64,
    next_start: Option<Wall>,
}

impl View {
    fn learn(&mut self, record: &Record) {
        let Some(fact) = &record.fact else { return };
        match fact {
            Fact::Started { pid, first_beat_ms, .. } => {
                self.state = if first_beat_ms.is_some() { "starting" } else { "running" };
                self.pid = Some(*pid);
                self.started = Some(record.ts);
                self.next_start = None;
                self.last_beat = None;
            }
            Fact::Beat(beat) => {
                if matches!(self.state, "" | "starting" | "running" | "late" | "unhealthy") {
                    self.state = "healthy";
                }
                self.last_beat = Some((record.ts, beat.status.clone()));
                self.cycles = self.cycles.saturating_add(beat.cycles);
                self.tokens = self.tokens.saturating_add(beat.tokens.unwrap_or(0));
                self.last_tokens = beat.tokens.or(self.last_tokens);
            }
            Fact::Late { .. } => self.state = "late",
            Fact::Unhealthy { .. } => self.state = "unhealthy",
            Fact::ShutdownAnnounced { .. } => self.state = "shutting_down",
            Fact::Stopping { .. } => self.state = "stopping",
            Fact::Exited { outcome, .. } => {
                self.pid = None;
                self.state = match outcome {
                    Outcome::Failure { .. } | Outcome::NoFault | Outcome::Signalled => "failed",
                    Outcome::Stopped => "stopped",
                    // Until the next word, which comes at once.
                    Outcome::Restarting | Outcome::Completed { .. } | Outcome::Parked => "stopping",
                    Outcome::Finished | Outcome::Passed => "finished",
                };
            }
            Fact::Cooldown { until, .. } => {
                self.state = "cooldown";
                self.next_start = Some(*until);
            }
            Fact::Parked { until, .. } => {
                self.state = "parked";
                self.next_start = Some(*until);
            }
            Fact::Waiting { until, .. } => {
                self.state = "waiting";
                self.next_start = Some(*until);
            }
            Fact::Paused { .. } => self.state = "paused",
            // Whether it beats shows at its next beat.
            Fact::Continued { .. } => self.state = "running",
            Fact::Escalated { .. } | Fact::Held | Fact::Latched { .. } => self.state = "escalated",
            Fact::Resumed { .. } | Fact::Stopped { .. } => {
                self.state = "stopped";
                self.next_start = None;
            }
            Fact::Finished { .. } => self.state = "finished",
            Fact::SupervisorStarted { .. } => self.next_start = None,
            _ => {}
        }
    }
}

/// Where an agent stands at `now`.
#[must_use]
pub fn status<'a>(
    name: &str,
    known: Option<(&Identity, &Memory)>,
    records: impl IntoIterator<Item = &'a Record>,
    supervised: Supervised,
    now: Wall,
) -> Status {
    let mut view = View::default();
    for record in records {
        view.learn(record);
    }
    let (alive, supervisor_pid) = match supervised {
        Supervised::By(pid) => (true, pid),
        Supervised::ByNobody => (false, None),
    };
    let latch = known.and_then(|(_, memory)| memory.latch.as_ref());
    // Without a supervisor nothing runs and nothing is due, whatever the last record says.
    let state = match view.state {
        _ if latch.is_some() && view.pid.is_none() => "escalated",
        "stopped" | "finished" | "escalated" => view.state,
        state if alive && !state.is_empty() => state,
        _ if alive => "running",
        _ => "unknown",
    };
    let live = alive && view.pid.is_some();
    let last_beat = view.last_beat.as_ref();
    let next_start =
        view.next_start.filter(|_| alive && matches!(state, "cooldown" | "parked" | "waiting"));
    let mut status = Status {
        agent: name.to_owned(),
        state,
        supervised: alive,
        supervisor_pid,
        pid: view.pid.filter(|_| live),
        started: view.started.map(stamp::utc),
        up_ms: view.started.filter(|_| live).map(|at| millis(now.since(at))),
        last_beat: last_beat.map(|(at, _)| stamp::utc(*at)),
        last_beat_ms: last_beat.map(|(at, _)| millis(now.since(*at))),
        status: last_beat.map(|(_, status)| status.clone()),
        last_tokens: view.last_tokens,
        tokens_per_cycle: per_cycle(view.tokens, view.cycles).filter(|mean| *mean > 0),
        next_start: next_start.map(stamp::utc),
        next_start_ms: next_start.map(|at| millis(at.since(now))),
        latched_since: latch.map(|latch| stamp::utc(latch.since)),
        ..Status::default()
    };
    if let Some((identity, memory)) = known {
        status.incarnation = memory.incarnation;
        status.streak = memory.streak.failures;
        status.max_failures = identity.max_failures;
        status.interval_ms = identity.interval_ms;
        status.directory.clone_from(&identity.directory);
        status.command.clone_from(&identity.command);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::BeatFact;
    use crate::core::memory::{Latch, LatchWhy};

    fn records(facts: Vec<Fact>) -> Vec<Record> {
        let record = |(seq, fact): (u64, Fact)| Record {
            ts: Wall(i64::try_from(seq).unwrap() * 1000),
            seq,
            fact: Some(fact),
            event: String::new(),
            line: String::new(),
        };
        (0..).zip(facts).map(record).collect()
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
        let records = records(vec![started(), beat(100), beat(300)]);
        let status = status("a", None, &records, Supervised::By(Some(7)), Wall(5000));
        assert_eq!((status.state, status.pid, status.up_ms), ("healthy", Some(42), Some(5000)));
        assert_eq!((status.last_beat_ms, status.tokens_per_cycle), (Some(3000), Some(200)));
    }

    #[test]
    fn without_a_supervisor_nothing_is_healthy() {
        let records = records(vec![started(), beat(100)]);
        let status = status("a", None, &records, Supervised::ByNobody, Wall(5000));
        assert_eq!((status.state, status.pid, status.up_ms), ("unknown", None, None));
    }

    #[test]
    fn the_latch_shows_whatever_the_journal_says() {
        let memory = Memory {
            latch: Some(Latch { since: Wall(0), failures: 3, why: LatchWhy::Failures }),
            ..Memory::default()
        };
        let identity = Identity::default();
        let known = Some((&identity, &memory));
        let status = status("a", known, &[], Supervised::ByNobody, Wall(5000));
        assert_eq!(status.state, "escalated");
    }
}
