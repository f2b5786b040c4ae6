//! What a recorded fact does to incidents: it opens one, worsens it, or ends it.

use super::{Incidents, PARKED_LONG, Trouble};
use crate::core::cost::limits::Action;
use crate::core::fact::{Excess, Fact, Outcome, Severity};
use crate::core::settings::OnMissed;
use crate::core::time::{Wall, millis};

impl Incidents {
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

    /// Whether something may be waiting for a sign of life.
    fn awaits_life(&self) -> bool {
        self.all.iter().any(|one| one.over.is_none())
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
}

fn is_escalation(fact: &Fact) -> bool {
    matches!(fact, Fact::Escalated { .. })
}
