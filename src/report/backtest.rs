//! What other settings would have said of the cycles that a journal holds. A pure fold: the judgement is the
//! core's own.

use serde::Serialize;

use crate::core::cost::drift::{DAYS_MAX, Drift, drift};
use crate::core::cost::ledger::{Ledger, LoopChange};
use crate::core::cost::limits::Limits;
use crate::core::cost::runaway::{Kind, Rule};
use crate::core::cost::sign::{Sign, SignKind};
use crate::core::fact::{BeatFact, Fact};
use crate::core::time::{Wall, millis};

use super::gaps::{Gaps, Silence};
use super::plot::Column;

/// Suspicions that are listed one by one; more of them are counted.
const LISTED_MAX: usize = 50;

/// Factors that are tried beside the one that was asked for, in hundredths.
const FACTORS: [u64; 4] = [300, 500, 1_000, 2_000];

/// A suspicion that was over by itself after so few cycles was a false alarm, or a harmless spike.
const SHORT: u32 = 4;

/// Cycles that are kept for the median and the like; of more of them, every n-th.
const SAMPLES_MAX: usize = 4_096;

const DAY_MS: i64 = 86_400_000;

/// One suspicion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suspicion {
    /// When it was first suspected, in milliseconds since 1970.
    pub at_ms: i64,
    /// What looked like a loop.
    #[serde(flatten)]
    pub sign: Sign,
    /// Cycles of it.
    pub cycles: u32,
    /// Their tokens.
    pub tokens: u64,
    /// How long it lasted; `None`: it was not over at the end.
    pub for_ms: Option<u64>,
    /// It was over by itself after four cycles at most.
    pub short: bool,
    /// The journal tells of a suspicion at that time: by so many milliseconds this one is earlier.
    pub earlier_ms: Option<i64>,
}

/// What one rule made of the cycles.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    /// Which rule.
    #[serde(flatten)]
    pub rule: Rule,
    /// How often a loop was suspected.
    pub suspicions: u64,
    /// How often that was over by itself after four cycles at most.
    pub short: u64,
    /// Tokens in all of them.
    pub tokens: u64,
}

/// All that is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Backtest {
    /// The agent.
    pub agent: String,
    /// The first cycle that counts, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// The last.
    pub until_ms: Option<i64>,
    /// Cycles that told tokens.
    pub cycles: u64,
    /// Of these, how many came so fast that the journal has only their sums.
    pub added_up: u64,
    /// Their tokens.
    pub tokens: u64,
    /// Half of the cycles took no more.
    pub median: Option<u64>,
    /// Ninety-nine of a hundred took no more.
    pub p99: Option<u64>,
    /// The most that one took.
    pub most: Option<u64>,
    /// What is usual at the end.
    pub usual: Option<u64>,
    /// What the rule that was asked for would have said.
    pub found: Vec<Suspicion>,
    /// That rule first, then others.
    pub tried: Vec<Tried>,
    /// The trend over days.
    pub drift: Option<Drift>,
    /// Silence between two beats.
    pub silence: Silence,
    /// For the plot.
    #[serde(skip)]
    pub columns: Vec<Column>,
}

/// A rule at work.
#[derive(Debug)]
struct Trial {
    rule: Rule,
    ledger: Ledger,
    open: Option<Suspicion>,
    tried: Tried,
    found: Vec<Suspicion>,
}

impl Trial {
    fn new(rule: Rule) -> Self {
        let mut ledger = Ledger::default();
        ledger.limit(&Limits { rule, ..Limits::default() });
        let tried = Tried { rule, suspicions: 0, short: 0, tokens: 0 };
        Self { rule, ledger, open: None, tried, found: Vec::new() }
    }

    fn learn(&mut self, at: Wall, fact: &Fact, counts: bool) {
        let mut changes = Vec::new();
        self.ledger.replay(at, fact, |change| changes.push(change));
        for change in changes {
            self.change(at, change, counts);
        }
    }

    fn change(&mut self, at: Wall, change: LoopChange, counts: bool) {
        match change {
            LoopChange::Opened(sign) if counts => {
                self.tried.suspicions += 1;
                let (at_ms, cycles, tokens) = (at.0, 0, 0);
                let (for_ms, short, earlier_ms) = (None, false, None);
                self.open =
                    Some(Suspicion { at_ms, sign, cycles, tokens, for_ms, short, earlier_ms });
            }
            LoopChange::Opened(_) => {}
            LoopChange::Closed { cycles, tokens, for_ms } => {
                self.close(cycles, tokens, Some(for_ms), cycles <= SHORT);
            }
            LoopChange::Settled { cycles, .. } => {
                let since = self.open.as_ref().map_or(at.0, |open| open.at_ms);
                self.close(cycles, 0, Some(millis(at.since(Wall(since)))), false);
            }
        }
    }

    fn close(&mut self, cycles: u32, tokens: u64, for_ms: Option<u64>, short: bool) {
        let Some(open) = self.open.take() else { return };
        self.tried.short += u64::from(short);
        self.tried.tokens = self.tried.tokens.saturating_add(tokens);
        if self.found.len() < LISTED_MAX {
            self.found.push(Suspicion { cycles, tokens, for_ms, short, ..open });
        }
    }
}

/// The fold. Its memory is bounded.
#[derive(Debug)]
pub struct Replay {
    agent: String,
    since: Wall,
    until: Wall,
    trials: Vec<Trial>,
    gaps: Gaps,
    first: Option<Wall>,
    last: Option<Wall>,
    cycles: u64,
    added_up: u64,
    tokens: u64,
    most: Option<u64>,
    samples: Vec<u64>,
    /// Every so many cycles one is kept.
    every: u64,
    days: Vec<(i32, Vec<u64>)>,
    medians: Vec<(i32, u64)>,
    columns: Vec<(u64, u64, u64, bool)>,
    /// Suspicions that the journal tells of.
    told: Vec<Wall>,
}

impl Replay {
    /// Replays for `rule`, and silence for `gaps`; what was before `since` is learnt from and not counted.
    #[must_use]
    pub fn new(
        agent: &str,
        rule: Rule,
        gaps: Gaps,
        since: Wall,
        until: Wall,
        width: usize,
    ) -> Self {
        let others = FACTORS.into_iter().filter(|factor| *factor != rule.factor);
        let rules = std::iter::once(rule).chain(others.map(|factor| Rule { factor, ..rule }));
        let mean = Rule { kind: Kind::Mean, ..rule };
        let plain = (rule.kind == Kind::Record).then_some(mean);
        Self {
            agent: agent.to_owned(),
            since,
            until,
            trials: rules.chain(plain).map(Trial::new).collect(),
            gaps,
            first: None,
            last: None,
            cycles: 0,
            added_up: 0,
            tokens: 0,
            most: None,
            samples: Vec::new(),
            every: 1,
            days: Vec::new(),
            medians: Vec::new(),
            columns: vec![(0, 0, 0, false); width.max(1)],
            told: Vec::new(),
        }
    }

    /// Takes the next fact, oldest first.
    pub fn learn(&mut self, at: Wall, fact: &Fact) {
        let counts = self.since <= at;
        // What was done about a loop then says nothing about these rules.
        if !matches!(fact, Fact::LoopCleared { .. }) {
            for trial in &mut self.trials {
                trial.learn(at, fact, counts);
            }
        }
        if counts {
            self.gaps.learn(at, fact);
        }
        match fact {
            Fact::Beat(beat) if counts => self.beat(at, beat),
            Fact::LoopSuspected { sign, .. } if sign.kind() == SignKind::Tokens => {
                self.told.push(at);
            }
            _ => {}
        }
    }

    fn beat(&mut self, at: Wall, beat: &BeatFact) {
        let (Some(tokens), 1..) = (beat.tokens, beat.cycles) else { return };
        let each = tokens / beat.cycles;
        self.first.get_or_insert(at);
        self.last = Some(at);
        self.cycles = self.cycles.saturating_add(beat.cycles);
        self.added_up += if beat.cycles > 1 { beat.cycles } else { 0 };
        self.tokens = self.tokens.saturating_add(tokens);
        self.most = self.most.max(Some(each));
        if self.cycles.is_multiple_of(self.every) {
            self.samples.push(each);
        }
        if SAMPLES_MAX < self.samples.len() {
            self.every *= 2;
            let mut keep = false;
            self.samples.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.day(at, each);
        let flagged = self.trials.first().is_some_and(|trial| trial.open.is_some());
        let at = usize::try_from(self.column(at)).unwrap_or(0);
        if let Some((sum, count, most, mark)) = self.columns.get_mut(at) {
            *sum = sum.saturating_add(each);
            *count += 1;
            *most = (*most).max(each);
            *mark |= flagged;
        }
    }

    fn column(&self, at: Wall) -> u64 {
        let width = u64::try_from(self.columns.len()).unwrap_or(1);
        let span = millis(self.until.since(self.since)).max(1);
        (millis(at.since(self.since)).saturating_mul(width) / span).min(width - 1)
    }

    /// Days of UTC: a trend does not ask when they begin.
    fn day(&mut self, at: Wall, tokens: u64) {
        let day = i32::try_from(at.0.div_euclid(DAY_MS)).unwrap_or(0);
        if self.days.last().is_none_or(|(last, _)| *last != day) {
            self.settle_day();
            self.days.push((day, Vec::new()));
        }
        if let Some((_, all)) = self.days.last_mut().filter(|(_, all)| all.len() < SAMPLES_MAX) {
            all.push(tokens);
        }
    }

    fn settle_day(&mut self) {
        for (day, mut all) in self.days.drain(..) {
            all.sort_unstable();
            self.medians.extend(all.get(all.len() / 2).map(|median| (day, *median)));
        }
        let surplus = self.medians.len().saturating_sub(DAYS_MAX);
        self.medians.drain(..surplus);
    }

    /// What it comes to.
    #[must_use]
    pub fn end(mut self) -> Backtest {
        self.settle_day();
        self.samples.sort_unstable();
        let at = |percent: usize| self.samples.get(self.samples.len() * percent / 100).copied();
        let (median, p99) = (at(50), at(99).or(self.most));
        for trial in &mut self.trials {
            trial.close(0, 0, None, false);
        }
        let mut found = self.trials.first_mut().map(|trial| std::mem::take(&mut trial.found));
        for one in found.iter_mut().flatten() {
            // Of the same loop nobody tells an hour apart.
            let near = |told: &&Wall| (told.0 - one.at_ms).abs() < 3_600_000;
            one.earlier_ms = self.told.iter().find(near).map(|told| told.0 - one.at_ms);
        }
        let column = |&(sum, count, most, is_flagged): &(u64, u64, u64, bool)| Column {
            mean: sum.checked_div(count).unwrap_or(0),
            most,
            is_flagged,
        };
        Backtest {
            agent: self.agent,
            since_ms: self.first.map(|at| at.0),
            until_ms: self.last.map(|at| at.0),
            cycles: self.cycles,
            added_up: self.added_up,
            tokens: self.tokens,
            median,
            p99,
            most: self.most,
            usual: self.trials.first().and_then(|trial| trial.ledger.usual()),
            found: found.unwrap_or_default(),
            tried: self
                .trials
                .iter()
                .map(|trial| Tried { rule: trial.rule, ..trial.tried.clone() })
                .collect(),
            drift: drift(&self.medians),
            silence: self.gaps.end(),
            columns: self.columns.iter().map(column).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
