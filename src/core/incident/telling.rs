//! What people are told of incidents: each letter once, reminders seldom, and little at night. Pure.

use std::time::Duration;

use super::{Incident, Incidents};
use crate::core::fact::{Fact, Severity};
use crate::core::time::{Now, Wall};

/// Minutes of a day.
const DAY_MINUTES: u64 = 24 * 60;

/// A stretch of each local day in which only what is critical is delivered; it may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// Begins then: minutes since midnight.
    pub from: u16,
    /// Ends then: minutes since midnight.
    pub to: u16,
}

impl Quiet {
    /// When it ends, if it is now.
    #[must_use]
    pub fn ends(self, now: &Now) -> Option<Wall> {
        let minute = |at: u16| Duration::from_secs(u64::from(at) * 60);
        let left = now.midnight.since(now.wall);
        let whole = Duration::from_secs(DAY_MINUTES * 60);
        // On the days of 23 and 25 hours this is an hour off until midnight, and right from then on.
        let at = whole.saturating_sub(left);
        let (from, to) = (minute(self.from), minute(self.to));
        if from <= to {
            return (from <= at && at < to).then(|| now.wall.plus(to.saturating_sub(at)));
        }
        if from <= at {
            return Some(now.midnight.plus(to));
        }
        (at < to).then(|| now.wall.plus(to.saturating_sub(at)))
    }
}

/// How people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alerting {
    /// There is a sink at all.
    pub sinks: bool,
    /// The least that any sink takes.
    pub least: Severity,
    /// An incident that is open and that nobody has acknowledged is told again this often.
    pub remind: Duration,
    /// When only what is critical is told.
    pub quiet: Option<Quiet>,
    /// Before we leave because a human is needed, delivery may take this long.
    pub exit_wait: Duration,
    /// There is a URL to be pinged while no human is needed.
    pub ping: bool,
}

impl Default for Alerting {
    fn default() -> Self {
        Self {
            sinks: false,
            least: Severity::Warning,
            remind: Duration::from_hours(4),
            quiet: None,
            exit_wait: Duration::from_secs(15),
            ping: false,
        }
    }
}

/// Where in its incident a letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It begins.
    Opened,
    /// It is worse than was told.
    Worse,
    /// It is still open.
    Reminder,
    /// A person has seen it.
    Acknowledged,
    /// It is over.
    Closed,
}

/// One letter to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The incident as it is now, this letter counted.
    pub incident: Incident,
    /// Where in it this letter stands.
    pub part: Part,
    /// Not to be delivered before.
    pub not_before: Option<Wall>,
    /// The last lines that the agent printed before it failed.
    pub output: Vec<String>,
    /// When the next start is due, if one is.
    pub next_start: Option<Wall>,
}

impl Incidents {
    /// What is to be told now. What is over and told is forgotten with it.
    pub fn tell(&mut self, now: &Now, how: &Alerting) -> Vec<(Part, Incident, Option<Wall>)> {
        let mut letters = Vec::new();
        for one in &mut self.all {
            let Some(part) = one.part(now.wall, how) else { continue };
            one.letters = one.letters.saturating_add(1);
            (one.told, one.told_at) = (Some(one.severity), now.wall);
            one.thanked |= part == Part::Acknowledged;
            if part == Part::Reminder {
                one.snoozed = None;
            }
            let quiet = how.quiet.filter(|_| one.severity < Severity::Critical);
            letters.push((part, one.clone(), quiet.and_then(|quiet| quiet.ends(now))));
        }
        self.all.retain(|one| one.over.is_none());
        letters
    }

    /// How long from `now` until there is something to tell although nothing happens.
    #[must_use]
    pub fn tells_in(&self, now: Wall, how: &Alerting) -> Option<Duration> {
        let open = self.all.iter().filter(|one| one.over.is_none() && one.told.is_some());
        open.filter_map(|one| one.reminded_at(how)).min().map(|at| at.since(now))
    }
}

impl Incident {
    fn part(&self, now: Wall, how: &Alerting) -> Option<Part> {
        let Some(told) = self.told else {
            return (self.over.is_none() && how.least <= self.severity).then_some(Part::Opened);
        };
        if self.over.is_some() {
            return Some(Part::Closed);
        }
        if told < self.severity {
            return Some(Part::Worse);
        }
        if self.acknowledged && !self.thanked {
            return Some(Part::Acknowledged);
        }
        self.reminded_at(how).is_some_and(|at| at <= now).then_some(Part::Reminder)
    }

    /// When it is told again.
    fn reminded_at(&self, how: &Alerting) -> Option<Wall> {
        // Without a sink nobody is there to be reminded.
        if self.acknowledged || !how.sinks {
            return None;
        }
        Some(self.snoozed.unwrap_or_else(|| self.told_at.plus(how.remind)))
    }

    /// How long it lasted, or lasts.
    #[must_use]
    pub fn lasted(&self, now: Wall) -> Duration {
        self.over.unwrap_or(now).since(self.since)
    }

    /// A fact of a kind among those that are kept.
    pub fn fact(&self, is: impl Fn(&Fact) -> bool) -> Option<&Fact> {
        self.facts.iter().rev().find(|fact| is(fact))
    }
}
