//! What a report says of one agent, once its journal is read. Pure.

use crate::core::cost::money::Usd;
use crate::core::fact::Began;
use crate::core::time::Wall;
use crate::wire::words::{count, grouped};

use super::calendar::{Calendar, Offset};
use super::figures::Figures;
use super::findings::findings;
use super::fold::{Fold, Odd};
use super::phrases::{self, between, percent};
use super::timeline::Timeline;
use super::verdict::Read;
use super::{Agent, Budget, Hour, Mark, Need, Past};

/// What is known of an agent besides its journal.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its machine, where its journal does not tell.
    pub host: &'a str,
    /// Whether an agentwatch runs for it now; unknown of a copy from another machine.
    pub supervised: Option<bool>,
    /// What a command for it needs besides its name: ` --state-dir /tmp/x`, or nothing.
    pub options: &'a str,
}

impl Fold<'_> {
    /// All was read. `None` if nothing is known of it in the reported days; else what is to be said, and
    /// whether it waits for a person.
    #[must_use]
    pub fn end(mut self, known: &Known<'_>, offset: Offset<'_>) -> Read {
        self.settle(known);
        let (state, since) = (self.line.state(), self.line.since());
        let told = self.began.as_ref().and_then(|began| began.host.clone());
        let host = told.unwrap_or_else(|| known.host.to_owned());
        let need = self.need(state, since, known, &host);
        let calendar = self.calendar;
        let figures = std::mem::replace(&mut self.figures, Figures::new(calendar)).end();
        let line = std::mem::replace(&mut self.line, Timeline::new(calendar));
        let (spans, gaps, shares) = line.end(self.as_of);
        let series = self.series(&figures.days, &shares, offset);
        let (events, events_more) = self.story.events();
        if spans.is_empty() && events.is_empty() && figures.beats == 0 {
            return None;
        }
        let reported = shares.get(calendar.before()..).unwrap_or_default();
        let up_ms = reported.iter().map(|share| share.up).sum();
        let due_ms = reported.iter().map(|share| share.due).sum();
        let (from, until) = (calendar.from(), calendar.until());
        let history = figures.history(calendar, &shares);
        let budgets = self.began.as_ref().map(|began| budgets(began, &figures.hours, &history));
        let budgets = budgets.unwrap_or_default();
        let memory = self.story.memory.iter().filter(|point| (from..until).contains(&point.at_ms));
        let mut agent = Agent {
            name: known.name.to_owned(),
            host,
            state,
            up_ms,
            due_ms,
            up_share: super::timeline::Share { up: up_ms, due: due_ms }.of(),
            spans,
            gaps,
            starts: self.story.starts,
            restarts: self.story.restarts,
            restarts_asked: self.story.restarts_asked,
            failures: self.story.failures,
            causes: self.story.causes(),
            recovered: self.story.recovered,
            escalated: self.story.escalated,
            cooldowns: self.story.cooldowns,
            beats: figures.beats,
            bad_beats: self.story.bad_beats,
            longest_gap_ms: figures.longest_gap_ms,
            usage: figures.usage,
            usual: figures.usual,
            memory: memory.copied().collect(),
            history,
            incidents: self.story.incidents(),
            alerts_sent: self.story.alerts_sent,
            flags: std::mem::take(&mut self.story.flags),
            alerts_failed: std::mem::take(&mut self.story.alerts_failed),
            hours: figures.hours,
            cycles: figures.cycles,
            events,
            events_more,
            budgets,
            failures_by_hour: by_hour(calendar, &self.story.failed_at, offset),
            notes: notes(self.odd),
            ..Agent::default()
        };
        agent.mark = mark(&agent, need.as_ref(), self.story.worst().map(|one| one.mark));
        agent.headline = headline(&agent, need.as_ref());
        let findings = findings(&agent, &series);
        Some((agent, need, findings))
    }

    /// What follows from there being no more lines.
    fn settle(&mut self, known: &Known<'_>) {
        if let Some(last) = self.last {
            self.hole(last, self.as_of);
            if known.supervised == Some(false) && self.is_live() {
                self.line.turn(last, "unknown", false);
            }
        }
        self.story.end();
        for (from, until) in std::mem::take(&mut self.story.loops) {
            self.figures.flag(from, until);
        }
    }

    /// Whether it waits for a person, at the end of what is known.
    fn need(&self, state: &str, since: i64, known: &Known<'_>, host: &str) -> Option<Need> {
        let Known { name, options, .. } = known;
        let command = |verb: &str| Some(format!("agentwatch {verb} {name}{options}"));
        let ago = |at: i64| format!("{} ago", between(at, self.as_of));
        let halted = self.story.halted.as_ref();
        let worst = self.story.worst().filter(|one| one.mark == Mark::Bad);
        let (words, command) = match state {
            "escalated" if !self.is_asked() => {
                let (at, words) = halted.map_or((since, "gave up"), |(at, words)| (*at, words));
                (format!("{words} ({})", ago(at)), command("resume"))
            }
            "paused" if !self.is_asked() => {
                let words = halted.map_or("", |(_, words)| words.as_str());
                (format!("paused {}: {words}", ago(since)), command("resume"))
            }
            "unhealthy" => (format!("silent since {}", ago(since)), command("restart")),
            "unknown" => {
                let words = "nothing is recorded any more: agentwatch or the machine is gone";
                (format!("{words} (since {})", ago(since)), command("status"))
            }
            _ => {
                let worst = worst?;
                (format!("{} ({})", worst.words, ago(worst.since_ms)), command("status"))
            }
        };
        let (agent, host) = ((*name).to_owned(), host.to_owned());
        Some(Need { agent, host, words, command })
    }
}

/// How much a person is needed.
fn mark(agent: &Agent, need: Option<&Need>, worst: Option<Mark>) -> Mark {
    let failed = agent.failures > 0 || !agent.gaps.is_empty() || !agent.flags.is_empty();
    if need.is_some() {
        Mark::Bad
    } else if failed || !agent.alerts_failed.is_empty() || worst >= Some(Mark::Warning) {
        Mark::Warning
    } else if agent.due_ms == 0 && agent.beats == 0 {
        Mark::Quiet
    } else {
        Mark::Good
    }
}

/// What is to be said first.
fn headline(agent: &Agent, need: Option<&Need>) -> String {
    if let Some(need) = need {
        return need.words.clone();
    }
    let mut parts = Vec::new();
    match agent.up_share {
        None => parts
            .push(if agent.state.is_empty() { "not meant to run" } else { agent.state }.to_owned()),
        Some(10_000) => parts.push("up all the time".to_owned()),
        Some(share) => parts.push(format!("up {}", percent(share))),
    }
    if agent.failures > 0 {
        let failures = count(u64::from(agent.failures), "failure");
        parts.push(format!("{failures} ({})", phrases::causes(&agent.causes)));
    }
    parts.extend(phrases::usage(&agent.usage));
    parts.join(", ")
}

/// Failures of the last two weeks by the hour of the day.
fn by_hour(calendar: &Calendar, failed_at: &[i64], offset: Offset<'_>) -> [u32; 24] {
    const DAYS: usize = 14;
    let first = calendar.bounds(calendar.len().saturating_sub(DAYS)).map_or(0, |(from, _)| from);
    let mut hours = [0_u32; 24];
    for at in failed_at.iter().filter(|at| first <= **at && **at < calendar.until()) {
        let hour = usize::try_from(calendar.minute_of(*at, offset) / 60).unwrap_or(0);
        if let Some(count) = hours.get_mut(hour) {
            *count = count.saturating_add(1);
        }
    }
    hours
}

/// Budgets and what was spent of them: on the last day, or in its fullest hour.
fn budgets(began: &Began, hours: &[Hour], history: &[Past]) -> Vec<Budget> {
    #[expect(clippy::cast_precision_loss, reason = "for telling, never for counting")]
    let tokens = |n: u64| n as f64;
    let day = history.last().map(|past| past.usage).unwrap_or_default();
    let fullest = hours.iter().rev().take(25).map(|hour| hour.usage.tokens).max().unwrap_or(0);
    let mut all = Vec::new();
    let mut add = |budget, spent, limit: Option<f64>| {
        all.extend(limit.map(|limit| Budget { budget, spent, limit }));
    };
    add("tokens_per_hour", tokens(fullest), began.max_tokens_per_hour.map(tokens));
    add("tokens_per_day", tokens(day.tokens), began.max_tokens_per_day.map(tokens));
    add("usd_per_day", day.cost_usd.unwrap_or(0.0), began.max_usd_per_day.map(Usd::to_f64));
    all
}

/// What is odd about a journal, in words.
fn notes(odd: Odd) -> Vec<String> {
    let mut notes = Vec::new();
    let lines = |n: u64| if n == 1 { "1 line".to_owned() } else { format!("{} lines", grouped(n)) };
    if odd.torn > 0 {
        notes.push(format!(
            "{} of its journal could not be read and were left out",
            lines(odd.torn)
        ));
    }
    if odd.unknown > 0 {
        let more = "of its journal tell of events that this version does not know";
        notes.push(format!("{} {more}", lines(odd.unknown)));
    }
    if odd.set_back > 0 {
        let times = count(odd.set_back, "time");
        notes.push(format!(
            "the clock was set back {times} meanwhile: what came then is drawn later"
        ));
    }
    notes
}

/// Of the end of what is known.
#[must_use]
pub fn as_of(calendar: &Calendar, now: Wall) -> Wall {
    // The morning after, it is of use to know how it stands now; of a day long ago, how it stood then.
    const AFTERMATH_MS: i64 = 36 * 3_600_000;
    let until = calendar.until();
    if now.0 <= until.saturating_add(AFTERMATH_MS) { now } else { Wall(until) }
}
