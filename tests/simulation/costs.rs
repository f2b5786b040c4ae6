//! What must hold of loops and budgets: said once, ended for a reason, acted upon as configured.

use std::collections::BTreeSet;

use agentwatch::core::cost::limits::Action;
use agentwatch::core::cost::sign::{LoopOver, SignKind};
use agentwatch::core::fact::{Fact, StopWhy};
use agentwatch::core::settings::Settings;
use agentwatch::core::supervisor::{Phase, Supervisor};

/// What was told of loops and budgets.
#[derive(Clone, Debug, Default)]
pub struct Costs {
    open: BTreeSet<SignKind>,
    /// A new life may know of a runaway that was not told to it.
    unsure: bool,
    /// Budgets that were said to be exceeded, with the end of their hour or day.
    exceeded: BTreeSet<String>,
    /// Something was to be done, and the next facts must tell of it.
    owed: Option<Action>,
    pub loops: u64,
    pub budgets: u64,
}

impl Costs {
    /// agentwatch begins anew; `lost`: without all that it knew.
    pub fn anew(&mut self, lost: bool) {
        self.open.clear();
        (self.unsure, self.owed) = (true, None);
        if lost {
            self.exceeded.clear();
        }
    }

    /// The clock was set: an hour may come twice.
    pub fn clock_stepped(&mut self) {
        self.exceeded.clear();
    }

    fn over(&mut self, sign: SignKind) -> Result<(), String> {
        if self.open.remove(&sign) || self.unsure {
            return Ok(());
        }
        Err(format!("{sign:?} is over and was never suspected"))
    }

    pub fn fact(&mut self, fact: &Fact, settings: &Settings) -> Result<(), String> {
        match fact {
            Fact::LoopSuspected { sign, action, .. } => {
                self.loops += 1;
                let kind = sign.kind();
                let known = self.unsure && kind == SignKind::Tokens;
                if !self.open.insert(kind) && !known {
                    return Err(format!("{kind:?} is suspected twice"));
                }
                self.owed = self.owed.or(Some(*action).filter(|action| *action != Action::Alert));
            }
            Fact::LoopCleared(LoopOver { sign, .. }) => self.over(*sign)?,
            Fact::LoopSettled { .. } => self.over(SignKind::Tokens)?,
            Fact::BudgetExceeded { spent, action, fresh } => {
                self.budgets += 1;
                let which = format!("{:?} until {}", spent.budget(), fresh.0);
                if settings.limits.of(spent.budget()).is_none() {
                    return Err(format!("{which} is exceeded, and there is no such budget"));
                }
                if !self.exceeded.insert(which.clone()) {
                    return Err(format!("{which} is exceeded twice"));
                }
                self.owed = self.owed.or(Some(*action).filter(|action| *action != Action::Alert));
            }
            Fact::Stopping { why, .. } => {
                let for_cost = matches!(why, StopWhy::Loop | StopWhy::Budget);
                if for_cost && self.owed.is_none_or(|owed| owed == Action::Pause) {
                    return Err(format!("{why:?} stops it, and nothing asked for that"));
                }
                self.owed = None;
            }
            Fact::Paused { .. } if self.owed == Some(Action::Pause) => self.owed = None,
            _ => {}
        }
        Ok(())
    }

    /// After all that was to be done was done.
    pub fn after(&self, sut: &Supervisor) -> Result<(), String> {
        match self.owed {
            Some(owed) if sut.phase() != Phase::Done => Err(format!("{owed:?} was not done")),
            Some(_) | None => Ok(()),
        }
    }
}
