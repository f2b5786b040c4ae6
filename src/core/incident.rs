//! Incidents: one cause of trouble from its opening to its end (SPEC §8). A fold of what is recorded; what
//! people were told of them is held against what is the case, so that a crash between the two is made up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fact::{Fact, Severity};
use super::time::Wall;

mod hearing;
mod telling;
mod trouble;

pub use telling::{Alert, Alerting, Part, Pending, Quiet};
pub use trouble::Trouble;

/// A provider that is away for this long is worth a warning (SPEC §4).
pub const PARKED_LONG: Duration = Duration::from_hours(1);

/// The most facts that an incident keeps: what was seen, what failed, what could not be started, what followed.
const FACTS_MAX: usize = 4;

/// One incident that is open, or over and not told yet.
#[expect(clippy::struct_excessive_bools, reason = "each is about something else")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Of which kind.
    pub trouble: Trouble,
    /// Since when: with the kind, its name.
    pub since: Wall,
    /// How bad it is.
    pub severity: Severity,
    /// How bad people know it to be; `None`: they know nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Severity>,
    /// Letters that were written of it.
    #[serde(default)]
    pub letters: u32,
    /// One that is being written. Another life writes it again.
    #[serde(skip)]
    pub pending: Option<Pending>,
    /// When the last of them was, or is to be delivered.
    #[serde(default)]
    pub told_at: Wall,
    /// A person has seen it.
    #[serde(default)]
    pub acknowledged: bool,
    /// That was told.
    #[serde(default)]
    pub thanked: bool,
    /// Nothing but the worse is told before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed: Option<Wall>,
    /// It stays down until a person resumes it.
    #[serde(default)]
    pub latched: bool,
    /// A person has resumed the agent since.
    #[serde(default)]
    pub resumed: bool,
    /// It came back within the same streak: it is over when that is forgotten, and not before.
    #[serde(default)]
    pub flapping: bool,
    /// Failures in it.
    #[serde(default)]
    pub failures: u32,
    /// When it ends by itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Wall>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Wall>,
    /// It is over because a person stopped the agent.
    #[serde(default)]
    pub stopped: bool,
    /// What is known of it, the latest last.
    #[serde(default)]
    pub facts: Vec<Fact>,
}

/// All incidents of an agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Incidents {
    /// Open ones, and those that are over and not told yet; at most one of a kind that is open.
    pub all: Vec<Incident>,
    /// It has recovered from failures whose streak is not forgotten.
    pub flaps: bool,
    /// When it was healthy last: its last beat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy: Option<Wall>,
    /// The last start was made with state that is valid: of this incarnation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<u32>,
    /// What a child that is silent was seen to do; its end makes an incident of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Fact>,
}

/// No more incidents than this: one open and one just over of each kind.
const INCIDENTS_MAX: usize = 24;

impl Incidents {
    /// The open one of a kind.
    #[must_use]
    pub fn open(&self, trouble: Trouble) -> Option<&Incident> {
        self.all.iter().find(|one| one.trouble == trouble && one.over.is_none())
    }

    fn open_mut(&mut self, trouble: Trouble) -> Option<&mut Incident> {
        self.all.iter_mut().find(|one| one.trouble == trouble && one.over.is_none())
    }

    /// The worst that is open now.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.all.iter().filter(|one| one.over.is_none()).map(|one| one.severity).max()
    }

    /// Opens or worsens.
    fn raise(&mut self, at: Wall, trouble: Trouble, severity: Severity, fact: &Fact) {
        let flapping = trouble == Trouble::Failing && self.flaps;
        if self.open(trouble).is_none() {
            if INCIDENTS_MAX <= self.all.len() {
                self.all.remove(0);
            }
            self.all.push(Incident {
                trouble,
                since: at,
                severity,
                told: None,
                letters: 0,
                pending: None,
                told_at: at,
                acknowledged: false,
                thanked: false,
                snoozed: None,
                latched: false,
                resumed: false,
                flapping,
                failures: 0,
                ends: None,
                over: None,
                stopped: false,
                facts: Vec::new(),
            });
        }
        let Some(one) = self.open_mut(trouble) else { return };
        one.severity = one.severity.max(severity);
        let same = std::mem::discriminant(fact);
        one.facts.retain(|known| std::mem::discriminant(known) != same);
        one.facts.push(brief(fact));
        if FACTS_MAX < one.facts.len() {
            one.facts.remove(0);
        }
    }

    /// It is over. What nobody was told of is forgotten.
    pub fn close(&mut self, at: Wall, trouble: Trouble) {
        if let Some(one) = self.open_mut(trouble) {
            one.over = Some(at);
        }
        self.forget_untold();
    }

    fn forget_untold(&mut self) {
        let knows = |one: &Incident| one.told.is_some() || one.pending.is_some();
        self.all.retain(|one| one.over.is_none() || knows(one));
    }

    /// Nothing is kept down any more.
    pub fn unlatch(&mut self) {
        for one in self.all.iter_mut().filter(|one| one.latched && one.over.is_none()) {
            (one.latched, one.resumed) = (false, true);
        }
    }

    /// What time alone brings about.
    pub fn pass(&mut self, now: Wall) {
        if let Some(one) = self.open_mut(Trouble::Parked)
            && one.severity < Severity::Warning
            && PARKED_LONG <= now.since(one.since)
        {
            one.severity = Severity::Warning;
        }
        if self.open(Trouble::Budget).and_then(|one| one.ends).is_some_and(|ends| ends <= now) {
            self.close(now, Trouble::Budget);
        }
    }

    /// How long from `now` until [`Incidents::pass`] has something to do.
    #[must_use]
    pub fn passes_in(&self, now: Wall) -> Option<Duration> {
        let open = self.all.iter().filter(|one| one.over.is_none());
        let parked = open
            .clone()
            .filter(|one| one.trouble == Trouble::Parked && one.severity < Severity::Warning)
            .map(|one| one.since.plus(PARKED_LONG));
        parked.chain(open.filter_map(|one| one.ends)).min().map(|at| at.since(now))
    }

    /// A person has seen all that is open; how many that is.
    pub fn acknowledge(&mut self) -> u32 {
        let mut count = 0;
        for one in self.all.iter_mut().filter(|one| one.over.is_none() && one.told.is_some()) {
            one.acknowledged = true;
            count += 1;
        }
        count
    }

    /// A person wants to hear nothing of what is open before then; how many that is.
    pub fn snooze(&mut self, until: Wall) -> u32 {
        let mut count = 0;
        for one in self.all.iter_mut().filter(|one| one.over.is_none() && one.told.is_some()) {
            one.snoozed = Some(until);
            count += 1;
        }
        count
    }
}

/// A fact without the lines of output, which are long and are told from elsewhere.
fn brief(fact: &Fact) -> Fact {
    let mut fact = fact.clone();
    if let Fact::Exited { traces, .. } = &mut fact {
        traces.output.clear();
    }
    fact
}

#[cfg(test)]
mod tests;
