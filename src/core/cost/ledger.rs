//! What an agent has used: its usual and its runaway cycles, and what it spent. Survives agentwatch.

use super::budget::{Said, Spend, Spending, nano_usd};
use super::limits::Limits;
use super::runaway::{Change, Runaways, Verdict};
use super::sign::{Cleared, LoopOver, Sign, SignKind};
use crate::core::fact::Fact;
use crate::core::time::{Now, Wall, millis};

/// An announced shutdown may use as much as so many cycles that are just not runaways: writing a summary
/// of everything is a long cycle, and a loop that calls itself a shutdown is not over then.
const FAREWELL_CYCLES: u128 = 10;

/// A line of the journal that stands for more cycles is replayed as so many: the window of the baseline
/// is full then.
const REPLAYED_MAX: u64 = 50;

/// What a beat changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoopChange {
    /// A runaway began.
    Opened(Sign),
    /// It is over.
    Closed {
        /// Cycles of it.
        cycles: u32,
        /// Their tokens.
        tokens: u64,
        /// How long it lasted, in milliseconds.
        for_ms: u64,
    },
    /// It is what the agent does now; no human has said so.
    Settled {
        /// Cycles of it.
        cycles: u32,
        /// The new level, in hundredths of the old one.
        times: u64,
    },
}

/// Tokens of an announced shutdown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Farewell {
    tokens: u64,
    flagged: bool,
}

/// What an agent has used. Its memory is bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// What was last in force: what is replayed is judged by it, and who looks is shown it.
    limits: Limits,
    runaways: Runaways,
    spend: Spend,
    /// Since when a runaway is suspected.
    since: Option<Wall>,
    /// The cycle that runs has told tokens.
    #[serde(skip)]
    told: bool,
    #[serde(skip)]
    farewell: Option<Farewell>,
}

impl Ledger {
    /// What is in force.
    pub fn limit(&mut self, limits: &Limits) {
        self.limits = *limits;
    }

    /// What was last in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A beat told of so many tokens, or of none, and of their cost.
    pub fn beat(
        &mut self,
        now: &Now,
        tokens: Option<u64>,
        usd: Option<f64>,
        ends_cycle: bool,
    ) -> Option<LoopChange> {
        self.spent(now, tokens, usd);
        self.used(millis(now.up.0), now.wall, tokens, ends_cycle)
    }

    /// The beat that comes now has waited for us.
    pub fn delayed(&mut self) {
        self.runaways.delayed();
    }

    /// That was spent, by somebody who is not judged for it any more.
    pub fn spent(&mut self, now: &Now, tokens: Option<u64>, usd: Option<f64>) {
        self.spend.roll(now.wall, now.midnight());
        self.spend.add(tokens.unwrap_or(0), usd.map_or(0, nano_usd));
    }

    fn used(
        &mut self,
        at_ms: u64,
        wall: Wall,
        tokens: Option<u64>,
        ends_cycle: bool,
    ) -> Option<LoopChange> {
        if self.farewell.is_some() {
            self.runaways.quiet(at_ms);
            return self.farewell(tokens?);
        }
        if tokens.is_none() && !self.told {
            return None;
        }
        self.told = !ends_cycle;
        let tokens = tokens.unwrap_or(0);
        let verdict = if ends_cycle {
            self.runaways.cycle(&self.limits.rule, at_ms, wall, tokens)
        } else {
            self.runaways.used(&self.limits.rule, at_ms, wall, tokens)
        };
        self.change(verdict, wall)
    }

    fn change(&mut self, verdict: Verdict, wall: Wall) -> Option<LoopChange> {
        match verdict.change? {
            Change::Opened => {
                self.since = Some(wall);
                let finding = verdict.finding?;
                Some(LoopChange::Opened(Sign::Tokens {
                    stretch: finding.stretch,
                    tokens: finding.tokens,
                    usual: finding.usual,
                    record: finding.record,
                }))
            }
            Change::Closed { cycles, tokens } => {
                let for_ms = self.lasted(wall);
                Some(LoopChange::Closed { cycles, tokens, for_ms })
            }
            Change::Settled { cycles, times } => {
                self.since = None;
                Some(LoopChange::Settled { cycles, times })
            }
        }
    }

    /// How long a suspicion lasted that ends now, in milliseconds.
    fn lasted(&mut self, wall: Wall) -> u64 {
        self.since.take().map_or(0, |since| millis(wall.since(since)))
    }

    /// What an announced shutdown uses is neither judged nor learnt, but it is bounded.
    fn farewell(&mut self, tokens: u64) -> Option<LoopChange> {
        let usual = self.usual()?;
        let most = u128::from(usual) * u128::from(self.limits.rule.factor) / 100;
        let most = most.max(u128::from(self.limits.rule.floor)) * FAREWELL_CYCLES;
        let farewell = self.farewell.as_mut()?;
        farewell.tokens = farewell.tokens.saturating_add(tokens);
        if farewell.flagged || u128::from(farewell.tokens) <= most {
            return None;
        }
        farewell.flagged = true;
        Some(LoopChange::Opened(Sign::Shutdown { tokens: farewell.tokens, usual }))
    }

    /// It announced its shutdown.
    pub fn announced(&mut self) {
        self.told = false;
        self.farewell = Some(Farewell::default());
    }

    /// A child ended, begins, or goes on after a pause: what was in the middle of a cycle, or of a shutdown,
    /// is over. True if that shutdown had used far too much.
    pub fn begun(&mut self) -> bool {
        self.told = false;
        self.runaways.interrupted();
        self.farewell.take().is_some_and(|farewell| farewell.flagged)
    }

    /// A suspicion ends without a word of the agent: it was acted upon. Its tokens are no part of what
    /// is usual.
    pub fn drop_suspicion(&mut self, wall: Wall) -> Option<u64> {
        let open = self.runaways.is_open();
        self.runaways.abandon();
        let lasted = self.lasted(wall);
        open.then_some(lasted)
    }

    /// A human lets it go on: gives how long a runaway was suspected, if one was.
    pub fn forgive(&mut self, wall: Wall) -> Option<u64> {
        let open = self.runaways.is_open();
        self.runaways.forgive(wall);
        let lasted = self.lasted(wall);
        open.then_some(lasted)
    }

    /// Another release is run: its usual is another one.
    pub fn released(&mut self) {
        self.since = None;
        self.runaways.restart_warmup();
    }

    /// A human says that what it uses now is right: gives how long the suspicion lasted, if there was one.
    pub fn rebaseline(&mut self, wall: Wall) -> Option<u64> {
        let open = self.runaways.is_open();
        self.runaways.rebaseline(wall);
        let lasted = self.lasted(wall);
        open.then_some(lasted)
    }

    /// What was spent in the hour and on the day that run.
    #[must_use]
    pub fn spend(&self) -> &Spend {
        &self.spend
    }

    /// The same, to be asked what is to be said.
    pub fn spend_mut(&mut self) -> &mut Spend {
        &mut self.spend
    }

    /// What a cycle usually takes, once that is known.
    #[must_use]
    pub fn usual(&self) -> Option<u64> {
        self.runaways.usual(&self.limits.rule)
    }

    /// Since when a runaway is suspected.
    #[must_use]
    pub fn suspected_since(&self) -> Option<Wall> {
        self.since
    }

    /// Learns what was recorded after the state was written, in order. Records know no clock but the
    /// calendar's.
    pub fn relearn(&mut self, ts: Wall, fact: &Fact) {
        self.replay(ts, fact, |_| {});
    }

    /// The same, and `tell`s what each cycle changes: how the record looks to these limits.
    pub fn replay(&mut self, ts: Wall, fact: &Fact, mut tell: impl FnMut(LoopChange)) {
        if let Fact::Beat(beat) = fact {
            let midnight = self.spend.midnight_after(ts);
            self.spend.roll(ts, midnight);
            self.spend.add(beat.tokens.unwrap_or(0), beat.cost_usd.map_or(0, nano_usd));
            let at_ms = u64::try_from(ts.0).unwrap_or(0);
            let cycles = beat.cycles.max(1);
            let each = beat.tokens.map(|tokens| tokens / cycles);
            for _ in 0..cycles.min(REPLAYED_MAX) {
                self.used(at_ms, ts, each, beat.cycles > 0).into_iter().for_each(&mut tell);
            }
        } else if let Fact::BudgetWarning { spent, .. } = fact {
            self.relearn_spending(ts, spent, Said::Warned);
        } else if let Fact::BudgetExceeded { spent, .. } = fact {
            self.relearn_spending(ts, spent, Said::Exceeded);
        } else if let Fact::LoopCleared(LoopOver { sign: SignKind::Tokens, why, .. }) = fact {
            match why {
                Cleared::Ended => _ = self.drop_suspicion(ts),
                Cleared::Allowed => _ = self.forgive(ts),
                Cleared::Normal | Cleared::Rebaselined => {}
            }
        } else if matches!(fact, Fact::Started { .. }) {
            self.begun();
        } else if matches!(fact, Fact::ShutdownAnnounced { .. }) {
            self.announced();
        } else if matches!(fact, Fact::Resumed { .. } | Fact::Continued { .. }) {
            self.forgive(ts);
        } else if matches!(fact, Fact::Rebaselined { .. }) {
            self.rebaseline(ts);
        } else if matches!(fact, Fact::Released { .. }) {
            self.released();
        }
    }

    /// The beats that led to it may have been lost with a full disk.
    fn relearn_spending(&mut self, ts: Wall, spent: &Spending, what: Said) {
        let midnight = self.spend.midnight_after(ts);
        self.spend.roll(ts, midnight);
        self.spend.was_said(spent, what);
    }
}
