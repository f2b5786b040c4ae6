//! When a cycle uses far more than usual: the mission's rule, and on top of it that it also beats what this
//! agent has done in the last thirty days.
//!
//! The figures behind every number here are in `docs/cost.md`; `benches/detection.rs` measures them.

mod saved;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::baseline::{Baseline, Cycle, HALF_MINUTE_MS, RUN_MAX, capped};
use super::record::{LEVELS, Levels, Record, raise};
use crate::core::time::Wall;

/// For each stretch: how many cycles, and at which share of the factor in percent. The second half is about
/// what half a minute took.
const KINDS: [(Stretch, usize, u64); LEVELS] = [
    (Stretch::One, 1, 100),
    (Stretch::Two, 2, 50),
    (Stretch::Six, RUN_MAX, 40),
    (Stretch::HalfMinute, 1, 100),
    (Stretch::HalfMinute, 2, 50),
    (Stretch::HalfMinute, RUN_MAX, 40),
];

/// After so many normal cycles an incident is over (SPEC §3).
const NORMAL: u32 = 2;

/// An incident of so few cycles is a spike.
const SPIKE_MAX: u32 = 4;

/// After so many flagged cycles in a row that are alike, that is the new normal; so many are kept for it.
const SETTLED: usize = 50;

/// Which rule is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Above the factor, and above the agent's own record.
    Record,
    /// Above the factor alone.
    Mean,
}

/// What a runaway is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Which rule.
    pub kind: Kind,
    /// So many hundredths of the baseline are too much.
    pub factor: u64,
    /// Cycles in the baseline; at least 1.
    pub window: usize,
    /// Cycles that must be known before anything is judged.
    pub warmup: usize,
    /// Fewer tokens than this are never too much.
    pub floor: u64,
}

impl Default for Rule {
    /// SPEC §2's numbers.
    fn default() -> Self {
        Self { kind: Kind::Record, factor: 1_000, window: 50, warmup: 5, floor: 1_000 }
    }
}

/// What was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stretch {
    /// One cycle.
    One,
    /// The smaller of two in a row.
    Two,
    /// The smallest of six in a row.
    Six,
    /// All of half a minute.
    HalfMinute,
}

/// Why a cycle is a runaway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was compared.
    pub stretch: Stretch,
    /// Its tokens.
    pub tokens: u64,
    /// What is usual for it.
    pub usual: u64,
    /// The most of the last thirty days, if it was asked for: the rule is [`Kind::Record`].
    pub record: Option<u64>,
}

impl Finding {
    /// Its tokens in hundredths of what is usual.
    #[must_use]
    pub fn times(&self) -> u64 {
        hundredths(self.tokens, self.usual)
    }

    /// Its tokens in hundredths of the record.
    #[must_use]
    pub fn times_record(&self) -> Option<u64> {
        self.record.map(|record| hundredths(self.tokens, record))
    }
}

/// What became of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It began with this cycle.
    Opened,
    /// It was over two cycles ago, or a human has said that it is none.
    Closed {
        /// Flagged cycles.
        cycles: u32,
        /// Their tokens.
        tokens: u64,
    },
    /// It is what the agent does now; nobody has said that this is well.
    Settled {
        /// Flagged cycles.
        cycles: u32,
        /// The new level, in hundredths of the old one.
        times: u64,
    },
}

/// What a cycle is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why it is a runaway, where that was found just now: once a cycle.
    pub finding: Option<Finding>,
    /// What it changes.
    pub change: Option<Change>,
}

/// A runaway that is not over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Incident {
    cycles: u32,
    tokens: u64,
    /// Normal cycles since the last flagged one.
    normal: u32,
    /// Flagged cycles in a row up to now.
    row: u32,
    /// The most of each stretch.
    peak: Levels,
    /// Somebody stopped the agent, so it will not be over by itself.
    interrupted: bool,
}

/// The tokens of the last half minute, by the second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct HalfMinute {
    /// The newest last.
    seconds: VecDeque<(u64, u32)>,
}

impl HalfMinute {
    fn add(&mut self, at_ms: u64, tokens: u64) -> u32 {
        let (second, tokens) = (at_ms / 1_000, capped(tokens));
        match self.seconds.back_mut() {
            Some((last, sum)) if *last == second => *sum = sum.saturating_add(tokens),
            Some(_) | None => self.seconds.push_back((second, tokens)),
        }
        let first = second.saturating_sub(HALF_MINUTE_MS / 1_000 - 1);
        self.seconds.retain(|(at, _)| first <= *at && *at <= second);
        self.seconds.iter().fold(0, |sum: u32, (_, tokens)| sum.saturating_add(*tokens))
    }
}

/// A cycle and what was found of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Judged {
    tokens: u64,
    /// The most that half a minute took while it ran.
    half_minute: u32,
    flagged: bool,
}

/// What is known of an agent's use of tokens. Its memory is bounded: 4 KiB with the usual window; a cycle
/// takes a time that is, too. What it serializes to is at most 6 KiB of JSON, and what cannot be read is
/// as if nothing were known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "saved::Read", into = "saved::Saved")]
pub struct Runaways {
    baseline: Baseline,
    record: Record,
    half_minute: HalfMinute,
    /// The last cycles before the running one; the newest last.
    last: VecDeque<Judged>,
    running: Judged,
    /// When the last cycle ended.
    at_ms: Option<u64>,
    /// The last cycles, flagged or not: what a human accepts.
    recent: VecDeque<Cycle>,
    incident: Option<Incident>,
}

impl Runaways {
    /// Judges the cycle that ended now: `at_ms` on a clock that never goes back, `now` by the calendar, with
    /// `tokens` on top of those that [`Self::used`] has told of it.
    pub fn cycle(&mut self, rule: &Rule, at_ms: u64, now: Wall, tokens: u64) -> Verdict {
        let gap = self.at_ms.and_then(|before| at_ms.checked_sub(before));
        self.at_ms = Some(at_ms);
        let (levels, mut verdict) = self.judge(rule, at_ms, now, tokens);
        let ended = std::mem::take(&mut self.running);
        let cycle = Cycle::new(ended.tokens, gap);
        push(&mut self.last, ended, RUN_MAX - 1);
        push(&mut self.recent, cycle, SETTLED);
        if ended.flagged {
            verdict.change = self.settle(rule, now).or(verdict.change);
        } else {
            self.baseline.learn(cycle, rule.window);
            self.record.learn(now, &levels);
            verdict.change = self.normal(now);
        }
        verdict
    }

    /// Tokens that were used inside a cycle which goes on: it is judged as soon as it has used too much.
    pub fn used(&mut self, rule: &Rule, at_ms: u64, now: Wall, tokens: u64) -> Verdict {
        self.judge(rule, at_ms, now, tokens).1
    }

    /// The beat that comes now has waited for us, maybe with others: when its cycle ended nobody knows, so
    /// it says nothing about what half a minute takes.
    pub fn delayed(&mut self) {
        self.half_minute = HalfMinute::default();
        self.at_ms = None;
    }

    /// A cycle ended that is neither judged nor learnt: the agent has announced its end.
    pub fn quiet(&mut self, at_ms: u64) {
        self.running = Judged::default();
        self.at_ms = Some(at_ms);
    }

    /// The agent was stopped, restarted or paused: its running cycle is void, the time until the next one
    /// is no cycle's length, and a runaway was not over by itself.
    pub fn interrupted(&mut self) {
        self.running = Judged::default();
        self.at_ms = None;
        self.half_minute = HalfMinute::default();
        if let Some(incident) = &mut self.incident {
            incident.interrupted = true;
        }
    }

    /// A runaway that was acted upon is over with its process; nothing of it is learnt.
    pub fn abandon(&mut self) {
        self.incident = None;
    }

    /// A human lets the agent go on after a runaway: what it did is no news from now on.
    pub fn forgive(&mut self, now: Wall) {
        let Some(Incident { mut peak, .. }) = self.incident.take() else { return };
        // Long enough for runs and full half minutes of it, too: or it would be news again at once.
        let cycles = self
            .baseline
            .mean(0, SETTLED, 1)
            .map_or(1, |mean| mean.of_half_minute().rounded() / mean.rounded().max(1));
        let [cycle, _, _, half_minute, ..] = peak;
        let half_minute = capped(u64::from(cycle).saturating_mul(cycles)).max(half_minute);
        for (level, (stretch, ..)) in peak.iter_mut().zip(KINDS) {
            *level = if stretch == Stretch::HalfMinute { half_minute } else { cycle };
        }
        self.record.accept(now, &peak);
    }

    /// Another program than before: what is usual is learnt anew. What it once used still is no news.
    pub fn restart_warmup(&mut self) {
        self.baseline = Baseline::default();
        (self.last, self.recent) = (VecDeque::new(), VecDeque::new());
        self.incident = None;
    }

    /// A human says that what the agent does now is normal: its last fifty cycles, flagged or not, are the
    /// baseline and the record, and an incident is closed.
    pub fn rebaseline(&mut self, now: Wall) -> Option<Change> {
        self.adopt(now);
        let Incident { cycles, tokens, .. } = self.incident.take()?;
        Some(Change::Closed { cycles, tokens })
    }

    /// Whether a runaway is not over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.incident.is_some()
    }

    /// What a cycle usually takes, once that is known.
    #[must_use]
    pub fn usual(&self, rule: &Rule) -> Option<u64> {
        self.baseline.mean(0, rule.window, rule.warmup).map(|mean| mean.rounded())
    }

    fn judge(&mut self, rule: &Rule, at_ms: u64, now: Wall, tokens: u64) -> (Levels, Verdict) {
        self.record.tick(now);
        let half_minute = self.half_minute.add(at_ms, tokens);
        self.running.tokens = self.running.tokens.saturating_add(tokens);
        self.running.half_minute = self.running.half_minute.max(half_minute);
        let levels = self.levels();
        let again = self.running.flagged;
        let finding = if again { None } else { self.find(rule, &levels) };
        self.running.flagged |= finding.is_some();
        let mut change = None;
        if self.running.flagged {
            change = self.incident.is_none().then_some(Change::Opened);
            let total = self.running.tokens;
            let incident = self.incident.get_or_insert_default();
            incident.cycles = incident.cycles.saturating_add(u32::from(!again));
            let more = if again { tokens } else { total };
            incident.tokens = incident.tokens.saturating_add(more);
            incident.normal = 0;
            raise(&mut incident.peak, &levels);
        }
        (levels, Verdict { finding, change })
    }

    /// What each kind of stretch that ends now amounts to; 0 where there is none.
    fn levels(&self) -> Levels {
        let least = |cycles: usize, of: fn(&Judged) -> u32| {
            let before = self.last.iter().rev().take(cycles - 1).map(of);
            let is_long = cycles - 1 <= self.last.len();
            if is_long { before.fold(of(&self.running), u32::min) } else { 0 }
        };
        let own = |one: &Judged| capped(one.tokens);
        let half = |one: &Judged| one.half_minute;
        let mut levels = Levels::default();
        for (level, (stretch, cycles, _)) in levels.iter_mut().zip(KINDS) {
            *level = least(cycles, if stretch == Stretch::HalfMinute { half } else { own });
        }
        levels
    }

    fn find(&self, rule: &Rule, levels: &Levels) -> Option<Finding> {
        let known = if rule.kind == Kind::Record { self.record.levels() } else { None };
        let mut values = levels.iter().map(|level| u64::from(*level)).enumerate().zip(KINDS);
        values.find_map(|((at, value), (stretch, cycles, share))| {
            let record = known.and_then(|levels| levels.get(at).copied()).map(u64::from);
            // Where there is no record the plain rule holds, and it knows no runs. What takes longest to find
            // out is asked last.
            let may_be = record.map_or(cycles == 1, |record| Record::may_be_news(value, record));
            if value <= rule.floor || !may_be {
                return None;
            }
            let run = self.run_in_baseline(cycles - 1);
            let mean = self.baseline.mean(run, rule.window, rule.warmup)?;
            let mean = match stretch {
                Stretch::HalfMinute => mean.of_half_minute(),
                Stretch::One | Stretch::Two | Stretch::Six => mean,
            };
            if !mean.is_below(value, rule.factor.saturating_mul(share) / 100) {
                return None;
            }
            let is_news = record.is_none_or(|record| self.record.news(at, record) < value);
            is_news.then_some(Finding { stretch, tokens: value, usual: mean.rounded(), record })
        })
    }

    /// How many of the `cycles` before the running one are in the baseline: a run is judged by what was
    /// before it.
    fn run_in_baseline(&self, cycles: usize) -> usize {
        self.last.iter().rev().take(cycles).filter(|one| !one.flagged).count()
    }

    /// A flagged cycle has ended: after enough that are alike they are the new normal.
    fn settle(&mut self, rule: &Rule, now: Wall) -> Option<Change> {
        let incident = self.incident.as_mut()?;
        incident.row = incident.row.saturating_add(1);
        let is_long = SETTLED <= usize::try_from(incident.row).unwrap_or(usize::MAX);
        if !is_long || !is_even(&self.recent) {
            return None;
        }
        let Incident { cycles, .. } = self.incident.take()?;
        let before = self.baseline.mean(0, rule.window, 1)?;
        self.adopt(now);
        let after = self.baseline.mean(0, rule.window, 1)?;
        Some(Change::Settled { cycles, times: after.hundredths_of(&before) })
    }

    /// The last cycles become baseline and record.
    fn adopt(&mut self, now: Wall) {
        self.baseline.replace(self.recent.iter().copied());
        self.last.iter_mut().for_each(|one| one.flagged = false);
        let mut known = Self::default();
        let (mut at_ms, mut most) = (HALF_MINUTE_MS, Levels::default());
        for cycle in &self.recent {
            at_ms += if cycle.gap_ms() == 0 { HALF_MINUTE_MS } else { cycle.gap_ms() };
            let half_minute = known.half_minute.add(at_ms, cycle.tokens());
            known.running = Judged { tokens: cycle.tokens(), half_minute, flagged: false };
            raise(&mut most, &known.levels());
            push(&mut known.last, known.running, RUN_MAX - 1);
        }
        self.record.replace(now, &most);
    }

    fn normal(&mut self, now: Wall) -> Option<Change> {
        let incident = self.incident.as_mut()?;
        incident.normal = incident.normal.saturating_add(1);
        incident.row = 0;
        if incident.normal < NORMAL {
            return None;
        }
        let Incident { cycles, tokens, peak, interrupted, .. } = self.incident.take()?;
        if !interrupted {
            self.record.happened(now, &peak, cycles <= SPIKE_MAX);
        }
        Some(Change::Closed { cycles, tokens })
    }
}

fn push<T>(queue: &mut VecDeque<T>, one: T, most: usize) {
    queue.push_back(one);
    let surplus = queue.len().saturating_sub(most);
    queue.drain(..surplus);
}

/// A value in hundredths of another, which counts as 1 at least.
fn hundredths(value: u64, of: u64) -> u64 {
    u64::try_from(u128::from(value) * 100 / u128::from(of.max(1))).unwrap_or(u64::MAX)
}

/// Whether cycles are alike: nine in ten of them within a factor of ten.
fn is_even(row: &VecDeque<Cycle>) -> bool {
    let mut sorted: Vec<u64> = row.iter().map(|cycle| cycle.tokens()).collect();
    sorted.sort_unstable();
    let at = |percent: usize| sorted.get(sorted.len() * percent / 100).copied().unwrap_or(0);
    at(90) < at(10).saturating_mul(10)
}

#[cfg(test)]
mod tests;
