//! What people are told of incidents: each letter once, reminders seldom, and little at night. Pure.

use std::time::Duration;

use super::{Incident, Incidents, Trouble};
use crate::core::fact::{Fact, Severity};
use crate::core::time::{Now, Wall};

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
        let (from, to) = (now.today.at(self.from), now.today.at(self.to));
        if self.from <= self.to {
            return (from <= now.wall && now.wall < to).then_some(to);
        }
        if from <= now.wall {
            return Some(now.tomorrow.at(self.to));
        }
        (now.wall < to).then_some(to)
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

/// A letter that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Where in its incident it stands.
    pub part: Part,
    /// How bad it says that it is.
    pub severity: Severity,
    /// Not to be delivered before.
    pub not_before: Option<Wall>,
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
    /// What is to be told now, with `reminders` those too: letters to be written, each with the moment before
    /// which it is not to be delivered. Of a failure it is told when it is `settled` what follows it. Where
    /// there is no sink it is told with that.
    pub fn tell(
        &mut self,
        now: &Now,
        how: &Alerting,
        reminders: bool,
        settled: bool,
    ) -> Vec<(Part, Incident, Option<Wall>)> {
        let mut letters = Vec::new();
        for one in &mut self.all {
            let Some(part) = one.part(now.wall, how) else { continue };
            let not_before = one.quiet_until(now, how);
            // At night nobody is reminded of what is told in the morning.
            let idle = part == Part::Reminder && (!reminders || not_before.is_some());
            if one.pending.is_some() || idle || one.is_early(settled) {
                continue;
            }
            let severity = one.severity;
            one.pending = Some(Pending { part, severity, not_before });
            let letter = Incident { letters: one.letters.saturating_add(1), ..one.clone() };
            letters.push((part, letter, not_before));
        }
        if !how.sinks {
            for (_, incident, _) in &letters {
                self.posted(now.wall, incident.trouble, incident.since);
            }
        }
        letters
    }

    /// A letter is written: from now on that is told. What is over and told is forgotten with it.
    pub fn posted(&mut self, now: Wall, trouble: Trouble, since: Wall) {
        let is = |one: &&mut Incident| one.trouble == trouble && one.since == since;
        let Some(one) = self.all.iter_mut().filter(is).find(|one| one.pending.is_some()) else {
            return;
        };
        let Some(Pending { part, severity, not_before }) = one.pending.take() else { return };
        one.letters = one.letters.saturating_add(1);
        // Nobody is reminded of what nobody has read yet.
        (one.told, one.told_at) = (Some(severity), not_before.unwrap_or(now).max(now));
        one.thanked |= part == Part::Acknowledged;
        if part == Part::Reminder {
            one.snoozed = None;
        }
        if part == Part::Closed {
            let gone = |one: &Incident| one.trouble == trouble && one.since == since;
            self.all.retain(|one| !(gone(one) && one.over.is_some()));
        }
    }

    /// How long from `now` until there is something to tell although nothing happens; `settled` as for
    /// [`Self::tell`], for what waits for that waits for no time.
    #[must_use]
    pub fn tells_in(&self, now: &Now, how: &Alerting, settled: bool) -> Option<Duration> {
        let told =
            |one: &&Incident| one.told.is_some() && one.pending.is_none() && !one.is_early(settled);
        let open = self.all.iter().filter(|one| one.over.is_none()).filter(told);
        let at = |one: &Incident| {
            let at = one.reminded_at(how)?;
            Some(one.quiet_until(now, how).map_or(at, |quiet| at.max(quiet)))
        };
        open.filter_map(at).min().map(|at| at.since(now.wall))
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

    /// Of a failure it is told when what follows it is settled, unless that is all there is to tell.
    fn is_early(&self, settled: bool) -> bool {
        let failing = self.trouble == Trouble::Failing;
        !settled && failing && !self.latched && self.over.is_none()
    }

    /// What is not critical is not told before then.
    fn quiet_until(&self, now: &Now, how: &Alerting) -> Option<Wall> {
        let quiet = how.quiet.filter(|_| self.severity < Severity::Critical)?;
        quiet.ends(now)
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
