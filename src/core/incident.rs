//! Incidents: one cause of trouble from its opening to its end (SPEC §8). A fold of what is recorded; what
//! people were told of them is held against what is the case, so that a crash between the two is made up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cost::limits::Action;
use super::fact::{Excess, Fact, Outcome, Severity};
use super::settings::OnMissed;
use super::time::{Wall, millis};

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

    /// Whether something may be waiting for a sign of life.
    fn awaits_life(&self) -> bool {
        self.all.iter().any(|one| one.over.is_none())
    }

    /// Takes in what was recorded; the same thing twice is two things.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most facts are about no trouble")]
    pub fn hear(&mut self, at: Wall, fact: &Fact) {
        match fact {
            Fact::Beat(_) => {
                (self.healthy, self.seen) = (Some(at), None);
                if self.awaits_life() {
                    self.alive(at);
                }
            }
            Fact::Exited { outcome, .. } => self.ended(at, *outcome, fact),
            Fact::SpawnFailed { .. } => self.failed(at, 0, fact),
            Fact::Escalated { reason, .. } => self.given_up(at, *reason, fact),
            Fact::Recovered { .. } => self.recovered(at),
            Fact::StreakForgotten { .. } => {
                self.flaps = false;
                if self.open(Trouble::Failing).is_some_and(|one| !one.latched) {
                    self.close(at, Trouble::Failing);
                }
            }
            Fact::Resumed { .. } | Fact::Released(_) => {
                self.flaps = false;
                // Of what nobody was told before nobody needs to hear now.
                self.all.retain(|one| {
                    let knows = one.told.is_some() || one.pending.is_some();
                    knows || !(one.latched || one.trouble == Trouble::Failing)
                });
                for one in self.all.iter_mut().filter(|one| one.over.is_none()) {
                    (one.latched, one.flapping, one.acknowledged) = (false, false, true);
                    // That it was resumed needs no letter: that it runs again does.
                    (one.thanked, one.resumed) = (true, true);
                }
            }
            Fact::Stopped { .. } | Fact::Finished { .. } | Fact::Held => self.asked_down(at),
            Fact::Started { .. } => {
                self.seen = None;
                self.close(at, Trouble::Stuck);
            }
            Fact::TreeStuck { .. } => self.raise(at, Trouble::Stuck, Severity::Critical, fact),
            Fact::Evidence(_) => {
                self.seen = Some(fact.clone());
                if let Some(severity) = self.open(Trouble::Silent).map(|one| one.severity) {
                    self.raise(at, Trouble::Silent, severity, fact);
                }
            }
            Fact::Unhealthy { action: OnMissed::Alert, .. }
            | Fact::Stalled { action: OnMissed::Alert, .. } => {
                self.raise(at, Trouble::Silent, Severity::Warning, fact);
            }
            Fact::Progressing { .. } => self.close(at, Trouble::Silent),
            Fact::Parked { wait_ms, budget: None, .. } => {
                let long = millis(PARKED_LONG) <= *wait_ms;
                let severity = if long { Severity::Warning } else { Severity::Info };
                self.raise(at, Trouble::Parked, severity, fact);
            }
            Fact::OutputBlocked { .. } => self.raise(at, Trouble::Deaf, Severity::Warning, fact),
            Fact::OutputUnblocked { .. } => self.close(at, Trouble::Deaf),
            Fact::Idle { .. } => self.raise(at, Trouble::Idle, Severity::Warning, fact),
            Fact::StoreFailed { .. } => self.raise(at, Trouble::Store, Severity::Warning, fact),
            Fact::StoreWorks { .. } => self.close(at, Trouble::Store),
            Fact::SnapshotFailed { .. } => {
                self.raise(at, Trouble::Snapshots, Severity::Warning, fact);
            }
            Fact::SnapshotWorks => self.close(at, Trouble::Snapshots),
            _ => self.hear_of_money_and_state(at, fact),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "most facts are about no trouble")]
    fn hear_of_money_and_state(&mut self, at: Wall, fact: &Fact) {
        match fact {
            Fact::LoopSuspected { action, .. } => {
                let halts = *action == Action::Pause;
                let severity = if halts { Severity::Critical } else { Severity::Warning };
                self.raise(at, Trouble::Loop, severity, fact);
            }
            Fact::LoopSettled { .. } => {
                if let Some(severity) = self.open(Trouble::Loop).map(|one| one.severity) {
                    self.raise(at, Trouble::Loop, severity, fact);
                }
            }
            Fact::LoopCleared(_) | Fact::Rebaselined { .. }
                if self.open(Trouble::Loop).is_some_and(|one| !one.latched) =>
            {
                self.close(at, Trouble::Loop);
            }
            Fact::BudgetWarning { fresh, .. } => {
                self.raise(at, Trouble::Budget, Severity::Warning, fact);
                self.ends(*fresh);
            }
            Fact::BudgetExceeded { fresh, .. } => {
                self.raise(at, Trouble::Budget, Severity::Critical, fact);
                self.ends(*fresh);
            }
            Fact::Validated(validated) => self.valid = Some(validated.incarnation),
            // What follows decides how bad it is; the fact is kept for the words.
            Fact::StateInvalid(_) => {
                self.valid = None;
                self.raise(at, Trouble::State, Severity::Info, fact);
            }
            Fact::StateRestored(_) | Fact::StateQuarantined(_) | Fact::StatePassedOver(_) => {
                self.raise(at, Trouble::State, Severity::Warning, fact);
            }
            _ => {}
        }
    }

    /// Nothing is kept down any more.
    pub fn unlatch(&mut self) {
        for one in self.all.iter_mut().filter(|one| one.latched && one.over.is_none()) {
            (one.latched, one.resumed) = (false, true);
        }
    }

    /// A budget is fresh then; of two the later counts.
    fn ends(&mut self, at: Wall) {
        if let Some(one) = self.open_mut(Trouble::Budget) {
            one.ends = one.ends.max(Some(at));
        }
    }

    fn ended(&mut self, at: Wall, outcome: Outcome, fact: &Fact) {
        match outcome {
            Outcome::Failure { streak, .. } => self.failed(at, streak, fact),
            Outcome::Completed { idle } => {
                self.seen = None;
                if !idle {
                    self.close(at, Trouble::Idle);
                }
                self.alive(at);
            }
            Outcome::Finished
            | Outcome::Stopped
            | Outcome::Restarting
            | Outcome::Parked
            | Outcome::NoFault
            | Outcome::Signalled
            | Outcome::Passed => {}
        }
        self.close(at, Trouble::Silent);
    }

    fn failed(&mut self, at: Wall, streak: u32, fact: &Fact) {
        let before = self.open(Trouble::Failing).map_or(0, |one| one.failures);
        let failures = before.saturating_add(1);
        let again = 2 <= streak.max(failures);
        let severity = if again { Severity::Warning } else { Severity::Info };
        self.raise(at, Trouble::Failing, severity, fact);
        let seen = self.seen.take();
        if let Some(one) = self.open_mut(Trouble::Failing) {
            one.failures = failures;
            // What was seen of an earlier one tells nothing of this one.
            one.facts.retain(|known| !matches!(known, Fact::Evidence(_)));
            one.facts.splice(..0, seen);
        }
    }

    fn given_up(&mut self, at: Wall, reason: Excess, fact: &Fact) {
        let trouble = match reason {
            Excess::Streak | Excess::Day | Excess::Rule => Trouble::Failing,
            Excess::Loop => Trouble::Loop,
            Excess::Budget => Trouble::Budget,
            Excess::State => Trouble::State,
        };
        self.raise(at, trouble, Severity::Critical, fact);
        if let Some(one) = self.open_mut(trouble) {
            if std::mem::take(&mut one.resumed) {
                // Who resumed it believes that it runs.
                one.told = one.told.map(|told| told.min(Severity::Warning));
                (one.acknowledged, one.thanked, one.snoozed) = (false, false, None);
            }
            (one.latched, one.ends) = (true, None);
        }
    }

    /// A beat, or a run that did its work: what was only about silence and waiting is over.
    fn alive(&mut self, at: Wall) {
        let over: Vec<Trouble> = self
            .all
            .iter()
            .filter(|one| one.over.is_none() && !one.latched)
            .filter(|one| match one.trouble {
                Trouble::Silent | Trouble::Parked | Trouble::State => true,
                Trouble::Failing => one.resumed,
                // Of a loop or a budget only what had it given up is over.
                Trouble::Budget | Trouble::Loop => {
                    one.resumed && one.facts.iter().any(is_escalation)
                }
                Trouble::Stuck
                | Trouble::Deaf
                | Trouble::Idle
                | Trouble::Store
                | Trouble::Snapshots => false,
            })
            .map(|one| one.trouble)
            .collect();
        for trouble in over {
            self.close(at, trouble);
        }
    }

    fn recovered(&mut self, at: Wall) {
        self.alive(at);
        if let Some(one) = self.open(Trouble::Failing)
            && !one.latched
            && !one.flapping
        {
            self.close(at, Trouble::Failing);
        }
        // Until the streak is forgotten one more failure is more of the same.
        self.flaps = true;
    }

    /// A person has it down, or it is done: nothing is left to worry about.
    fn asked_down(&mut self, at: Wall) {
        for one in self.all.iter_mut().filter(|one| one.over.is_none()) {
            (one.over, one.stopped) = (Some(at), true);
        }
        self.forget_untold();
        self.flaps = false;
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

fn is_escalation(fact: &Fact) -> bool {
    matches!(fact, Fact::Escalated { .. })
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
