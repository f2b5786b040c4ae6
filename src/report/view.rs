//! The fold of an agent's last records: where they leave it.

use std::collections::{BTreeMap, VecDeque};

use crate::core::fact::{Delivery, Fact, FinishedWhy, Outcome};
use crate::core::notice::Extended;
use crate::core::time::Wall;
use crate::wire::ending;
use crate::wire::record::{self, BeatLine, Head};

/// So many cycles are shown as a row of bars: with its label it fits 80 columns.
const RECENT_MAX: usize = 48;

/// Sinks that are looked at: no agent may have more.
const SINKS_MAX: usize = 32;

/// What the last records tell.
#[derive(Debug, Default)]
pub struct View {
    /// Where it stands; empty if no record tells.
    pub state: &'static str,
    /// Since when; unknown if that began before the first record.
    pub since: Option<Wall>,
    /// The first record that was looked at.
    pub first: Option<Wall>,
    /// The child that runs, as far as its start is among them.
    pub pid: Option<i32>,
    /// The last word about a child was its end.
    pub ended: bool,
    /// When the last child was started.
    pub started: Option<Wall>,
    /// A first beat was demanded of it within this time.
    pub first_beat_ms: Option<u64>,
    /// When it said that it is ready: from then on that counts.
    pub ready: Option<Wall>,
    /// How much more it asked for and got.
    pub extended_ms: u64,
    /// Its last beat and what that said.
    pub last_beat: Option<(Wall, String)>,
    /// The silence that its last beat announced.
    pub expect_next_ms: Option<u64>,
    /// The longest time between two of its beats.
    pub longest_gap_ms: Option<u64>,
    /// The tokens of the last beat that told any.
    pub last_tokens: Option<u64>,
    /// Tokens of the last cycles that told any, the newest last.
    pub recent: VecDeque<u64>,
    /// All tokens.
    pub tokens: u64,
    /// All cycles.
    pub cycles: u64,
    /// When a child ended last, and how, in words.
    pub last_end: Option<(Wall, String)>,
    /// It is finished because it could not be started.
    pub not_started: bool,
    /// When the next start is due.
    pub next_start: Option<Wall>,
    /// Sinks that did not take what was last sent there: since when, and why.
    pub refused: BTreeMap<String, (Wall, String)>,
    /// Nothing came before the first record.
    whole: bool,
}

impl View {
    /// A fold that begins with the first record of all if `whole`.
    #[must_use]
    pub fn new(whole: bool) -> Self {
        Self { whole, ..Self::default() }
    }

    /// Whether it began with the first record of all.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Takes one line of the journal, without its newline, in the order they were written. What is no
    /// record, or one of another version, tells nothing.
    pub fn line(&mut self, line: &[u8]) {
        let Some(head) = record::head(line) else { return };
        // Nearly all lines are beats, and these are read at a fraction of the price.
        if head.event == "beat"
            && let Some((at, beat)) = beat_of(&head, line)
        {
            self.note(at);
            self.beat(at, &beat);
        } else if let Some(record) = record::read(line)
            && let Some(fact) = &record.fact
        {
            self.learn(record.ts, fact);
        }
    }

    fn note(&mut self, at: Wall) {
        self.first.get_or_insert(at);
    }

    fn turn(&mut self, at: Wall, state: &'static str) {
        if self.state != state {
            self.since = (self.whole || !self.state.is_empty()).then_some(at);
            self.state = state;
        }
    }

    /// It beat, and nobody asks what.
    pub(super) fn sign_of_life(&mut self, at: Wall) {
        if matches!(self.state, "" | "starting" | "running" | "late" | "unhealthy") {
            self.turn(at, "healthy");
        }
    }

    fn beat(&mut self, at: Wall, beat: &BeatLine<'_>) {
        self.sign_of_life(at);
        if let Some((before, _)) = &self.last_beat {
            let gap = crate::core::time::millis(at.since(*before));
            self.longest_gap_ms = self.longest_gap_ms.max(Some(gap));
        }
        self.last_beat = Some((at, beat.status.clone().into_owned()));
        self.expect_next_ms = beat.expect_next_ms;
        self.cycles = self.cycles.saturating_add(beat.cycles);
        self.tokens = self.tokens.saturating_add(beat.tokens.unwrap_or(0));
        self.last_tokens = beat.tokens.or(self.last_tokens);
        if let Some(each) = beat.tokens.and_then(|tokens| tokens.checked_div(beat.cycles)) {
            if RECENT_MAX <= self.recent.len() {
                self.recent.pop_front();
            }
            self.recent.push_back(each);
        }
    }

    /// Takes one fact.
    pub fn learn(&mut self, at: Wall, fact: &Fact) {
        self.note(at);
        match fact {
            Fact::Started { pid, first_beat_ms, .. } => self.started(at, *pid, *first_beat_ms),
            Fact::Notified { ready: true, first_beat_ms, .. } => {
                (self.ready, self.extended_ms) = (Some(at), 0);
                self.first_beat_ms = *first_beat_ms;
                if self.state == "starting" && first_beat_ms.is_none() {
                    self.turn(at, "running");
                }
            }
            Fact::Extended { what: Extended::Start, by_ms, .. } => {
                self.extended_ms = self.extended_ms.saturating_add(*by_ms);
            }
            Fact::Beat(beat) => self.beat(at, &BeatLine::from(beat)),
            Fact::Late { .. } => self.turn(at, "late"),
            Fact::Unhealthy { .. } => self.turn(at, "unhealthy"),
            Fact::ShutdownAnnounced { .. } => self.turn(at, "shutting_down"),
            Fact::Stopping { .. } => self.turn(at, "stopping"),
            Fact::Exited { ending: how, ran_ms, outcome, last_line, traces, .. } => {
                let words = ending::exited(*how, *ran_ms, *outcome, last_line.as_deref(), traces);
                self.last_end = Some((at, words));
                (self.pid, self.ended) = (None, true);
                self.turn(at, ended(*outcome));
            }
            Fact::Cooldown { until, .. } => self.waits(at, "cooldown", *until),
            Fact::Parked { until, .. } => self.waits(at, "parked", *until),
            Fact::Waiting { until, .. } => self.waits(at, "waiting", *until),
            Fact::Paused { .. } => self.turn(at, "paused"),
            Fact::Validating { .. } => {
                self.turn(at, "validating");
                self.next_start = None;
            }
            Fact::Continued { .. } => {
                // Whether it beats shows at its next beat; the pause was no silence of its own.
                self.turn(at, "running");
                self.last_beat = self.last_beat.take().map(|(_, status)| (at, status));
            }
            Fact::Escalated { .. } | Fact::Held | Fact::Latched { .. } => {
                self.turn(at, "escalated");
            }
            Fact::Resumed { .. } | Fact::Stopped { .. } => {
                self.turn(at, "stopped");
                self.next_start = None;
            }
            Fact::SpawnFailed { failure, .. } => {
                self.last_end = Some((at, format!("could not be started: {}", failure.error)));
                (self.pid, self.ended) = (None, true);
            }
            Fact::Finished { reason, .. } => {
                self.turn(at, "finished");
                self.not_started = *reason == FinishedWhy::NotStarted;
            }
            Fact::SupervisorStarted { .. } => self.next_start = None,
            Fact::AlertSent(sent) => drop(self.refused.remove(&sent.sink)),
            Fact::AlertFailed(failed) => self.refused(at, failed),
            _ => {}
        }
    }

    /// A child runs: what is about the one before it is over.
    fn started(&mut self, at: Wall, pid: i32, first_beat_ms: Option<u64>) {
        // A new child has a new pulse.
        *self = Self {
            state: self.state,
            since: self.since,
            first: self.first,
            whole: self.whole,
            tokens: self.tokens,
            cycles: self.cycles,
            last_tokens: self.last_tokens,
            recent: std::mem::take(&mut self.recent),
            last_end: self.last_end.take(),
            refused: std::mem::take(&mut self.refused),
            pid: Some(pid),
            started: Some(at),
            first_beat_ms,
            ..Self::default()
        };
        self.turn(at, if first_beat_ms.is_some() { "starting" } else { "running" });
        self.since = Some(at);
    }

    /// A letter was given up at a sink.
    fn refused(&mut self, at: Wall, failed: &Delivery) {
        let error = failed.error.clone().unwrap_or_default();
        let known = self.refused.get_mut(&failed.sink);
        if let Some((_, words)) = known {
            *words = error;
        } else if self.refused.len() < SINKS_MAX {
            self.refused.insert(failed.sink.clone(), (at, error));
        }
    }

    fn waits(&mut self, at: Wall, state: &'static str, until: Wall) {
        self.turn(at, state);
        self.next_start = Some(until);
    }
}

fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Failure { .. } | Outcome::NoFault | Outcome::Signalled => "failed",
        Outcome::Stopped => "stopped",
        // Until the next word, which comes at once.
        Outcome::Restarting | Outcome::Completed { .. } | Outcome::Parked => "stopping",
        Outcome::Finished | Outcome::Passed => "finished",
    }
}

fn beat_of<'a>(head: &Head<'_>, line: &'a [u8]) -> Option<(Wall, BeatLine<'a>)> {
    Some((head.at()?, record::beat(line)?))
}
