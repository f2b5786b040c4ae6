//! What happened to an agent, but for its beats: failures, flags, incidents, letters. A fold of facts. Pure.

use std::collections::{BTreeMap, VecDeque};

use crate::core::cost::limits::Action;
use crate::core::cost::sign::SignKind;
use crate::core::fact::{Delivery, Fact, IncidentFact, MemoryFact, Outcome, Severity};
use crate::core::time::Wall;
use crate::wire::tone::{Tone, tone};
use crate::wire::words::describe;
use crate::wire::{costs, down};

use super::calendar::Calendar;
use super::causes;
use super::{Cause, Event, Failed, Flag, Incident, Mark, Memory};

/// Events of a report that are listed one by one: the first of them, and the last.
const FIRST: usize = 20;
const LAST: usize = 40;

/// Flags, incidents and letters that are listed.
const LISTED_MAX: usize = 200;

/// Points of memory that are kept: hours of a month of days, and the ends.
const MEMORY_MAX: usize = 4_000;

/// Failures that are kept: ten a day escalate, so this is far more than a month of them.
const FAILURES_MAX: usize = 10_000;

impl From<Severity> for Mark {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Good,
            Severity::Warning => Self::Warning,
            Severity::Critical => Self::Bad,
        }
    }
}

impl From<Tone> for Mark {
    fn from(tone: Tone) -> Self {
        match tone {
            Tone::Plain => Self::Quiet,
            Tone::Good => Self::Good,
            Tone::Warning => Self::Warning,
            Tone::Bad => Self::Bad,
        }
    }
}

/// Milliseconds since its start and KiB, and the most it ever had, if its end has told.
pub(super) type Life = (Vec<(u64, u64)>, Option<u64>);

/// What happened.
#[derive(Debug)]
pub(super) struct Story<'a> {
    calendar: &'a Calendar,
    pub(super) starts: u32,
    pub(super) restarts: u32,
    /// Of these, what a person asked for.
    pub(super) restarts_asked: u32,
    pub(super) failures: u32,
    pub(super) recovered: u32,
    pub(super) escalated: u32,
    pub(super) cooldowns: u32,
    pub(super) bad_beats: u64,
    causes: BTreeMap<String, u32>,
    /// Of all days of the calendar.
    pub(super) failed_at: Vec<i64>,
    pub(super) flags: Vec<Flag>,
    /// Loops from their begin to their end, for the plot.
    pub(super) loops: Vec<(i64, i64)>,
    /// The flag of a loop that is suspected.
    open_loop: Option<(i64, Option<usize>)>,
    /// Of all days of the calendar.
    pub(super) memory: Vec<Memory>,
    /// By incarnation: how old it was and its memory in KiB then, and the most it ever had.
    pub(super) lives: BTreeMap<u32, Life>,
    /// What the kernel let it have when it killed for want of memory.
    pub(super) limit_kib: Option<u64>,
    /// By the kind of trouble.
    open: BTreeMap<&'static str, Incident>,
    incidents: Vec<Incident>,
    pub(super) alerts_sent: u32,
    pub(super) alerts_failed: Vec<Failed>,
    first: Vec<Event>,
    last: VecDeque<Event>,
    more: u64,
    /// A child was started, and its agentwatch has not left since.
    had_child: bool,
    /// A person wants the next start.
    asked: bool,
    /// A cooldown began, and nothing has cut it short.
    cools: bool,
    /// Why it stays down, or was halted: when, and in words.
    pub(super) halted: Option<(i64, String)>,
}

impl<'a> Story<'a> {
    /// Nothing has happened.
    pub(super) fn new(calendar: &'a Calendar) -> Self {
        Self {
            calendar,
            starts: 0,
            restarts: 0,
            restarts_asked: 0,
            failures: 0,
            recovered: 0,
            escalated: 0,
            cooldowns: 0,
            bad_beats: 0,
            causes: BTreeMap::new(),
            failed_at: Vec::new(),
            flags: Vec::new(),
            loops: Vec::new(),
            open_loop: None,
            memory: Vec::new(),
            lives: BTreeMap::new(),
            limit_kib: None,
            open: BTreeMap::new(),
            incidents: Vec::new(),
            alerts_sent: 0,
            alerts_failed: Vec::new(),
            first: Vec::new(),
            last: VecDeque::new(),
            more: 0,
            had_child: false,
            asked: false,
            cools: false,
            halted: None,
        }
    }

    fn is_reported(&self, at: i64) -> bool {
        (self.calendar.from()..self.calendar.until()).contains(&at)
    }

    /// Takes one fact.
    pub(super) fn learn(&mut self, at: Wall, fact: &Fact) {
        let reported = self.is_reported(at.0);
        let one = u32::from(reported);
        match fact {
            Fact::SupervisorStopped { .. } => {
                (self.had_child, self.asked, self.cools) = (false, false, false);
            }
            Fact::RestartAsked { .. } => (self.asked, self.cools) = (true, false),
            Fact::Started { .. } => {
                self.starts += one;
                if self.had_child {
                    self.restarts += one;
                    self.restarts_asked += if self.asked { one } else { 0 };
                }
                self.cooldowns += if self.cools { one } else { 0 };
                (self.had_child, self.asked, self.cools) = (true, false, false);
            }
            Fact::Exited { incarnation, ending, outcome, traces, .. } => {
                if let Outcome::Failure { cause, .. } = outcome {
                    self.fail(at.0, causes::short(*cause, *ending, traces.oom.as_ref()));
                }
                let limit = traces.oom.as_ref().and_then(|oom| oom.limit_bytes);
                self.limit_kib = limit.map(|bytes| bytes / 1024).or(self.limit_kib);
                if let Some(spent) = traces.spent {
                    let (incarnation, kib) = (*incarnation, spent.peak_rss_kib);
                    self.lives.entry(incarnation).or_default().1 = Some(kib);
                    self.remember(Memory { at_ms: at.0, incarnation, kib, peak: true });
                }
            }
            Fact::Memory(MemoryFact { incarnation, rss_kib, age_ms, .. }) => {
                let (incarnation, kib) = (*incarnation, *rss_kib);
                self.remember(Memory { at_ms: at.0, incarnation, kib, peak: false });
                self.lives.entry(incarnation).or_default().0.push((*age_ms, kib));
            }
            Fact::Recovered { .. } => self.recovered += one,
            Fact::Cooldown { .. } => self.cools = true,
            Fact::BadBeat { suppressed, .. } if reported => {
                self.bad_beats = self.bad_beats.saturating_add(1 + suppressed);
            }
            Fact::Escalated { .. } => {
                self.escalated += one;
                self.halted = Some((at.0, format!("gave up: {}", down::escalated(fact))));
            }
            Fact::Latched { since, failures, why } => {
                let words = format!("stays down: {}", down::latched(*why, *failures));
                self.halted.get_or_insert((since.0, words));
            }
            Fact::Resumed { .. } => (self.halted, self.asked, self.cools) = (None, true, false),
            Fact::Continued { .. } => self.halted = None,
            _ => self.learn_more(at, fact, reported),
        }
        if reported && is_told(fact) {
            self.tell(at, fact);
        }
    }

    fn learn_more(&mut self, at: Wall, fact: &Fact, reported: bool) {
        match fact {
            Fact::LoopSuspected { sign, action, .. } => {
                self.end_loop(at.0);
                let tokens = matches!(sign.kind(), SignKind::Tokens | SignKind::Shutdown);
                let kind = if tokens { "tokens" } else { "loop" };
                let flag = self.flag(at.0, kind, fact, reported);
                self.open_loop = Some((at.0, flag));
                self.halt(at.0, *action, fact);
            }
            Fact::LoopCleared(_) => self.end_loop(at.0),
            Fact::BudgetExceeded { action, .. } => {
                self.flag(at.0, "budget", fact, reported);
                self.halt(at.0, *action, fact);
            }
            Fact::BudgetWarning { .. } => {
                self.flag(at.0, "budget", fact, reported);
            }
            Fact::IncidentOpened(one) | Fact::IncidentWorsened(one) => self.open(one),
            Fact::IncidentClosed(one) => self.close(at.0, one),
            Fact::AlertSent(_) => self.alerts_sent += u32::from(reported),
            Fact::AlertFailed(Delivery { sink, error, .. })
                if reported && self.alerts_failed.len() < LISTED_MAX =>
            {
                let error = error.clone().unwrap_or_else(|| "unknown".to_owned());
                self.alerts_failed.push(Failed { at_ms: at.0, sink: sink.clone(), error });
            }
            _ => {}
        }
    }

    /// A point of memory, if there is room.
    pub(super) fn remember(&mut self, memory: Memory) {
        if self.memory.len() < MEMORY_MAX {
            self.memory.push(memory);
        }
    }

    fn fail(&mut self, at: i64, words: String) {
        if self.failed_at.len() < FAILURES_MAX {
            self.failed_at.push(at);
        }
        if self.is_reported(at) {
            self.failures = self.failures.saturating_add(1);
            *self.causes.entry(words).or_default() += 1;
        }
    }

    fn flag(
        &mut self,
        at_ms: i64,
        kind: &'static str,
        fact: &Fact,
        reported: bool,
    ) -> Option<usize> {
        (reported && self.flags.len() < LISTED_MAX).then(|| {
            self.flags.push(Flag { kind, at_ms, for_ms: Some(0), words: costs::words(fact) });
            self.flags.len() - 1
        })
    }

    /// Who is paused stays so until a person comes; what else is done has a word of its own.
    fn halt(&mut self, at: i64, action: Action, fact: &Fact) {
        if action == Action::Pause {
            self.halted = Some((at, costs::words(fact)));
        }
    }

    fn end_loop(&mut self, at: i64) {
        let Some((since, flag)) = self.open_loop.take() else { return };
        self.loops.push((since, at));
        if let Some(flag) = flag.and_then(|flag| self.flags.get_mut(flag)) {
            flag.for_ms = Some(u64::try_from(at - since).unwrap_or(0));
        }
    }

    fn open(&mut self, fact: &IncidentFact) {
        let since_ms = fact.since.0;
        let kind = fact.trouble.word();
        let mark = Mark::from(fact.severity);
        self.open.entry(kind).and_modify(|known| known.mark = known.mark.max(mark)).or_insert_with(
            || Incident {
                words: causes::trouble(fact.trouble).to_owned(),
                mark,
                since_ms,
                lasted_ms: None,
            },
        );
    }

    fn close(&mut self, at: i64, fact: &IncidentFact) {
        self.open(fact);
        let Some(mut one) = self.open.remove(fact.trouble.word()) else { return };
        one.lasted_ms = fact.lasted_ms.or(u64::try_from(at - one.since_ms).ok());
        let overlaps = one.since_ms < self.calendar.until() && self.calendar.from() <= at;
        if overlaps && self.incidents.len() < LISTED_MAX {
            self.incidents.push(one);
        }
    }

    fn tell(&mut self, at: Wall, fact: &Fact) {
        let (_, words) = describe(fact);
        let mark = Mark::from(tone(fact));
        let event = Event { at_ms: at.0, event: causes::event(fact), mark, words };
        if self.first.len() < FIRST {
            self.first.push(event);
            return;
        }
        self.last.push_back(event);
        if LAST < self.last.len() {
            self.last.pop_front();
            self.more += 1;
        }
    }

    /// The worst that is open.
    pub(super) fn worst(&self) -> Option<&Incident> {
        self.open.values().max_by_key(|one| one.mark)
    }

    /// Failures by kind, most frequent first.
    pub(super) fn causes(&self) -> Vec<Cause> {
        let mut all: Vec<Cause> = self
            .causes
            .iter()
            .map(|(words, count)| Cause { words: words.clone(), count: *count })
            .collect();
        all.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        all
    }

    /// All is known that will be: what is open stays open.
    pub(super) fn end(&mut self) {
        if let Some((since, flag)) = self.open_loop.take() {
            self.loops.push((since, i64::MAX));
            if let Some(flag) = flag.and_then(|flag| self.flags.get_mut(flag)) {
                flag.for_ms = None;
            }
        }
    }

    /// Incidents that were open in the reported days, oldest first.
    pub(super) fn incidents(&self) -> Vec<Incident> {
        let open = self.open.values().filter(|one| one.since_ms < self.calendar.until());
        let mut all: Vec<Incident> = self.incidents.iter().chain(open).cloned().collect();
        all.sort_by_key(|one| one.since_ms);
        all
    }

    /// What happened, and how much more of it there is than is listed; sorted by their time.
    pub(super) fn events(&mut self) -> (Vec<Event>, u64) {
        let mut all = std::mem::take(&mut self.first);
        all.extend(std::mem::take(&mut self.last));
        all.sort_by_key(|event| event.at_ms);
        (all, self.more)
    }
}

/// Whether a fact is one of those that tell the story of a day; routine, and what has a place of its own, is
/// not.
fn is_told(fact: &Fact) -> bool {
    !matches!(
        fact,
        Fact::Beat(_)
            | Fact::Late { .. }
            | Fact::Memory(_)
            | Fact::Notified { .. }
            | Fact::Recognised { .. }
            | Fact::SignalPassed { .. }
            | Fact::Stopping { .. }
            | Fact::Cooldown { .. }
            | Fact::Waiting { .. }
            | Fact::Validating { .. }
            | Fact::Validated(_)
            | Fact::SnapshotTaken(_)
            | Fact::IncidentOpened(_)
            | Fact::IncidentWorsened(_)
            | Fact::IncidentClosed(_)
            | Fact::AlertSent(_)
            | Fact::Exited { outcome: Outcome::Completed { .. }, .. }
    )
}
