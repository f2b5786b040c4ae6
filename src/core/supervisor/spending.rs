//! What a child uses: runaways, other signs of a loop, budgets, and what follows from them.

use crate::core::beat::Beat;
use crate::core::cost::budget::{Budget, HOUR_MS, Said};
use crate::core::cost::ledger::LoopChange;
use crate::core::cost::limits::Action;
use crate::core::cost::price::Cost;
use crate::core::cost::sign::{Cleared, LoopOver, Sign, SignKind};
use crate::core::cost::signs::SignChange;
use crate::core::effect::Effect;
use crate::core::fact::Fact;
use crate::core::time::{Boot, Up, millis};

use super::{Child, State, StopCause, Supervisor};
use std::time::Duration;

impl Supervisor {
    /// Takes what a beat tells of tokens, cost and trouble. True: the child is being ended or is halted
    /// because of it.
    pub(super) fn account(
        &mut self,
        beat: &Beat,
        tokens: Option<u64>,
        cost: Option<Cost>,
        out: &mut Vec<Effect>,
    ) -> bool {
        let now = self.now;
        let usd = cost.map(|cost| cost.usd.to_f64());
        let State::Live(child) = &mut self.state else {
            self.memory.ledger.spent(&now, tokens, usd);
            return false;
        };
        let limits = self.settings.limits;
        let announced = child.announced.is_some();
        // Beats that waited for our stdout, or for us, come together: that is our haste, not the agent's.
        let delayed = self.blocked.is_some() || self.late_at == Some(now.up);
        if delayed {
            self.memory.ledger.delayed();
        }
        let incarnation = child.incarnation;
        let mut told = Vec::new();
        if !announced {
            child.signs.beat(&limits, now.up, delayed, beat, |change| told.push(change));
        }
        let ends_cycle = beat.ends_cycle();
        let change = self.memory.ledger.beat(&now, tokens, usd, ends_cycle);
        let before = out.len();
        let mut remedy = None;
        if let Some(change) = change {
            remedy = self.loop_change(incarnation, change, out);
        }
        for change in told {
            remedy = match change {
                SignChange::Seen(sign) => remedy.or(self.suspect(incarnation, sign, out)),
                SignChange::Over { sign, since } => {
                    self.clear(sign, since, Cleared::Normal, out);
                    remedy
                }
            };
        }
        // Whoever says goodbye is not held up for what that costs (SPEC §3).
        if !announced {
            remedy = remedy.or(self.budgets(out));
        }
        // What a crash would lose is in the journal; that nobody has to read much of it again.
        let hour = now.wall.0.div_euclid(HOUR_MS);
        let is_new = tokens.is_some() && self.saved_hour != hour;
        if is_new || before < out.len() {
            self.saved_hour = hour;
            self.persist(out);
        }
        match remedy {
            Some((Action::Pause, _)) => self.pause(out),
            Some((_, cause)) => {
                self.trouble(Duration::ZERO);
                self.begin_stop(cause, None, out);
            }
            None => {}
        }
        remedy.is_some()
    }

    /// Records what has become of a runaway; gives what is to be done about it.
    fn loop_change(
        &mut self,
        incarnation: u32,
        change: LoopChange,
        out: &mut Vec<Effect>,
    ) -> Option<(Action, StopCause)> {
        match change {
            LoopChange::Opened(sign) => return self.suspect(incarnation, sign, out),
            LoopChange::Closed { cycles, tokens, for_ms } => {
                out.extend(self.recording.flush().map(Effect::Record));
                let (sign, why) = (SignKind::Tokens, Cleared::Normal);
                let fact = Fact::LoopCleared(LoopOver { sign, for_ms, cycles, tokens, why });
                out.push(Effect::Record(fact));
            }
            LoopChange::Settled { cycles, times } => {
                out.extend(self.recording.flush().map(Effect::Record));
                out.push(Effect::Record(Fact::LoopSettled { cycles, times }));
            }
        }
        None
    }

    fn suspect(
        &mut self,
        incarnation: u32,
        sign: Sign,
        out: &mut Vec<Effect>,
    ) -> Option<(Action, StopCause)> {
        let action = self.settings.limits.on_loop;
        let cause = StopCause::Loop { sign: sign.kind(), action };
        out.extend(self.recording.flush().map(Effect::Record));
        out.push(Effect::Record(Fact::LoopSuspected { incarnation, sign, action }));
        (action != Action::Alert).then_some((action, cause))
    }

    fn clear(&mut self, sign: SignKind, since: Up, why: Cleared, out: &mut Vec<Effect>) {
        out.extend(self.recording.flush().map(Effect::Record));
        let for_ms = millis(self.now.up.since(since));
        let fact = Fact::LoopCleared(LoopOver { sign, for_ms, cycles: 0, tokens: 0, why });
        out.push(Effect::Record(fact));
    }

    /// Says what is to be said of the budgets; gives what is to be done about them.
    fn budgets(&mut self, out: &mut Vec<Effect>) -> Option<(Action, StopCause)> {
        let limits = self.settings.limits;
        let mut remedy = None;
        while let Some(news) = self.memory.ledger.spend_mut().news(&limits) {
            let fresh = self.memory.ledger.spend().fresh_at(news.budget);
            let (spent, action) = (news.into(), limits.on_exceeded);
            out.extend(self.recording.flush().map(Effect::Record));
            out.push(Effect::Record(match news.what {
                Said::Exceeded => Fact::BudgetExceeded { spent, action, fresh },
                Said::Warned | Said::Nothing => Fact::BudgetWarning { spent, fresh },
            }));
            if news.what == Said::Exceeded && action != Action::Alert {
                let cause = StopCause::Budget { budget: news.budget, action };
                remedy = remedy.or(Some((action, cause)));
            }
        }
        remedy
    }

    /// When all budgets that are exceeded are fresh.
    pub(super) fn budgets_fresh(&self) -> Boot {
        let spend = self.memory.ledger.spend();
        let exceeded =
            Budget::ALL.into_iter().filter(|budget| spend.said(*budget) == Said::Exceeded);
        let fresh = exceeded.map(|budget| spend.fresh_at(budget)).max().unwrap_or_default();
        self.now.boot.plus(fresh.since(self.now.wall))
    }

    /// A process is gone, or goes on after a pause: what its last beats hinted at is over.
    pub(super) fn drop_suspicions(&mut self, child: &mut Child, out: &mut Vec<Effect>) {
        for (sign, since) in child.signs.close() {
            self.clear(sign, since, Cleared::Ended, out);
        }
        if self.memory.ledger.begun() {
            let since = child.announced.unwrap_or(self.now.up);
            self.clear(SignKind::Shutdown, since, Cleared::Ended, out);
        }
    }

    /// What was acted upon is over with the process that did it; what was only told of the next one may go
    /// on with.
    pub(super) fn restarted(&mut self, out: &mut Vec<Effect>) {
        if self.settings.limits.on_loop != Action::Alert {
            let lasted = self.memory.ledger.drop_suspicion(self.now.wall);
            Self::ended(lasted, Cleared::Ended, out);
        }
    }

    /// A human lets the agent go on, knowing what was suspected.
    pub(super) fn allowed(&mut self, out: &mut Vec<Effect>) {
        let lasted = self.memory.ledger.forgive(self.now.wall);
        Self::ended(lasted, Cleared::Allowed, out);
    }

    fn ended(lasted: Option<u64>, why: Cleared, out: &mut Vec<Effect>) {
        let sign = SignKind::Tokens;
        let cleared =
            |for_ms| Fact::LoopCleared(LoopOver { sign, for_ms, cycles: 0, tokens: 0, why });
        out.extend(lasted.map(cleared).map(Effect::Record));
    }

    /// A human says that what it uses now is what is usual.
    pub(super) fn rebaseline(&mut self, out: &mut Vec<Effect>) -> Option<u64> {
        let open = self.memory.ledger.rebaseline(self.now.wall);
        let usual = self.memory.ledger.usual();
        out.extend(self.recording.flush().map(Effect::Record));
        Self::ended(open, Cleared::Rebaselined, out);
        out.push(Effect::Record(Fact::Rebaselined { usual }));
        self.persist(out);
        usual
    }
}
