//! When a cycle uses far more than usual: the mission's rule, and rule Q on top of it, which asks that it
//! also beats what this agent has done in the last thirty days.
//!
//! The figures behind every number here are in `docs/cost.md`; `benches/detection.rs` measures them.

use std::collections::VecDeque;

use super::baseline::{Baseline, Mean, RUN_MAX};
use super::record::{Levels, Record};
use crate::core::time::Wall;

/// An hour in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// The kinds of stretch that are judged: one cycle, two in a row, six in a row, half a minute.
pub const STRETCHES: usize = 4;

/// The time over which fast cycles are added up. Over a whole minute ordinary jitter doubles it.
pub const HALF_MINUTE_MS: u64 = 30_000;

/// For each stretch: how many cycles, at which share of the factor in percent, and how many times the
/// record in hundredths.
const KINDS: [(Stretch, usize, u64, u64); STRETCHES] = [
    (Stretch::One, 1, 100, 300),
    (Stretch::Two, 2, 50, 300),
    (Stretch::Six, RUN_MAX, 40, 200),
    (Stretch::HalfMinute, 1, 100, 300),
];

/// After so many normal cycles an incident is over (SPEC §3).
const NORMAL: u32 = 2;

/// An incident of so few cycles that was over by itself is something the agent does now and then.
const SPIKE_MAX: u32 = 4;

/// After so many flagged cycles in a row that are alike, that is the new normal.
const SETTLED: usize = 50;

/// Which rule is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Above the factor, and above the agent's own record.
    Record,
    /// Above the factor alone.
    Mean,
}

/// What a runaway is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
    /// The most of the last thirty days, if there is a record.
    pub record: Option<u64>,
}

/// What became of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It began with this cycle.
    Opened,
    /// It was over two cycles ago, after so many.
    Closed {
        /// Flagged cycles.
        cycles: u32,
        /// Their tokens.
        tokens: u64,
    },
    /// It is what the agent does now.
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
    /// Why it is a runaway, if it is one.
    pub finding: Option<Finding>,
    /// What it changes.
    pub change: Option<Change>,
}

/// A runaway that is not over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Incident {
    cycles: u32,
    tokens: u64,
    /// Normal cycles since the last flagged one.
    normal: u32,
    /// The most of each stretch.
    peak: Levels,
    /// The last flagged cycles in a row, with the time between them.
    row: VecDeque<(u64, u64)>,
}

/// The tokens of the last half minute, by the second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct HalfMinute {
    /// The newest last.
    seconds: VecDeque<(u64, u64)>,
}

impl HalfMinute {
    fn add(&mut self, at_ms: u64, tokens: u64) -> u64 {
        let second = at_ms / 1_000;
        match self.seconds.back_mut() {
            Some((last, sum)) if *last == second => *sum = sum.saturating_add(tokens),
            Some(_) | None => self.seconds.push_back((second, tokens)),
        }
        let first = second.saturating_sub(HALF_MINUTE_MS / 1_000 - 1);
        self.seconds.retain(|(at, _)| first <= *at && *at <= second);
        self.seconds.iter().fold(0, |sum, (_, tokens)| sum.saturating_add(*tokens))
    }
}

/// What is known of an agent's use of tokens. Its memory is bounded; a cycle takes a time that is, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runaways {
    baseline: Baseline,
    record: Record,
    half_minute: HalfMinute,
    /// The last cycles, and whether they were flagged; the newest last.
    last: VecDeque<(u64, bool)>,
    /// When the last of them ended.
    at_ms: Option<u64>,
    incident: Option<Incident>,
}

impl Runaways {
    /// Judges a cycle of `tokens` that ended now: `at_ms` on a clock that never jumps, `now` by the calendar.
    pub fn cycle(&mut self, rule: &Rule, at_ms: u64, now: Wall, tokens: u64) -> Verdict {
        let gap = self.at_ms.map_or(0, |before| at_ms.saturating_sub(before));
        self.at_ms = Some(at_ms);
        self.record.tick(now);
        let levels = self.levels(at_ms, tokens);
        let finding = self.find(rule, &levels);
        if let Some((_, flagged)) = self.last.back_mut() {
            *flagged = finding.is_some();
        }
        let change = match finding {
            Some(_) => self.flagged(rule, now, tokens, gap, &levels),
            None => {
                self.baseline.learn(tokens, gap, rule.window);
                self.record.learn(now, &levels);
                self.normal(now)
            }
        };
        Verdict { finding, change }
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

    /// What each kind of stretch that ends now amounts to; 0 where there is none.
    fn levels(&mut self, at_ms: u64, tokens: u64) -> Levels {
        self.last.push_back((tokens, false));
        if RUN_MAX < self.last.len() {
            self.last.pop_front();
        }
        let least = |n: usize| {
            let run = self.last.iter().rev().take(n).map(|(tokens, _)| *tokens);
            if self.last.len() < n { 0 } else { run.min().unwrap_or(0) }
        };
        [tokens, least(2), least(RUN_MAX), self.half_minute.add(at_ms, tokens)]
    }

    fn find(&self, rule: &Rule, levels: &Levels) -> Option<Finding> {
        let record = self.record.levels().filter(|_| rule.kind == Kind::Record);
        for (at, (stretch, cycles, share, times)) in KINDS.into_iter().enumerate() {
            let value = *levels.get(at)?;
            let run = self.run_in_baseline(cycles - 1);
            let Some(mean) = self.baseline.mean(run, rule.window, rule.warmup) else { continue };
            let mean = match stretch {
                Stretch::HalfMinute => mean.over(HALF_MINUTE_MS),
                Stretch::One | Stretch::Two | Stretch::Six => mean,
            };
            // Where there is no record the plain rule holds, and it knows no runs.
            let plain = matches!(stretch, Stretch::One | Stretch::HalfMinute);
            let known = record.map(|levels| levels[at]);
            let is_news = match known {
                Some(known) => is_above(value, known, times),
                None => plain,
            };
            if rule.floor < value && is_news && mean.is_below(value, rule.factor * share / 100) {
                return Some(Finding {
                    stretch,
                    tokens: value,
                    usual: mean.rounded(),
                    record: known,
                });
            }
        }
        None
    }

    /// How many of the `cycles` before this one are in the baseline: a run is judged by what was before it.
    fn run_in_baseline(&self, cycles: usize) -> usize {
        self.last.iter().rev().skip(1).take(cycles).filter(|(_, flagged)| !flagged).count()
    }

    fn flagged(
        &mut self,
        rule: &Rule,
        now: Wall,
        tokens: u64,
        gap: u64,
        levels: &Levels,
    ) -> Option<Change> {
        let opened = self.incident.is_none().then_some(Change::Opened);
        let incident = self.incident.get_or_insert_default();
        incident.cycles = incident.cycles.saturating_add(1);
        incident.tokens = incident.tokens.saturating_add(tokens);
        incident.normal = 0;
        for (peak, level) in incident.peak.iter_mut().zip(levels) {
            *peak = (*peak).max(*level);
        }
        incident.row.push_back((tokens, gap));
        if SETTLED < incident.row.len() {
            incident.row.pop_front();
        }
        if incident.row.len() < SETTLED || !is_even(&incident.row) {
            return opened;
        }
        let (cycles, peak) = (incident.cycles, incident.peak);
        let row = std::mem::take(&mut incident.row);
        let before = self.baseline.mean(0, rule.window, 1)?;
        self.incident = None;
        self.baseline.replace(row.into_iter());
        self.record.replace(now, &peak);
        let after = self.baseline.mean(0, rule.window, 1)?;
        Some(Change::Settled { cycles, times: hundredths(after, before) })
    }

    fn normal(&mut self, now: Wall) -> Option<Change> {
        let incident = self.incident.as_mut()?;
        incident.normal += 1;
        incident.row.clear();
        if incident.normal < NORMAL {
            return None;
        }
        let Incident { cycles, tokens, peak, .. } = self.incident.take()?;
        if cycles <= SPIKE_MAX {
            self.record.accept(now, &peak);
        }
        Some(Change::Closed { cycles, tokens })
    }
}

/// Whether a value is above so many hundredths of another.
fn is_above(value: u64, of: u64, hundredths: u64) -> bool {
    u128::from(of) * u128::from(hundredths) < u128::from(value) * 100
}

/// One mean in hundredths of another.
fn hundredths(of: Mean, to: Mean) -> u64 {
    let below = (to.tokens * of.count).max(1);
    u64::try_from(of.tokens * to.count * 100 / below).unwrap_or(u64::MAX)
}

/// Whether cycles are alike: nine in ten of them within a factor of ten.
fn is_even(row: &VecDeque<(u64, u64)>) -> bool {
    let mut sorted: Vec<u64> = row.iter().map(|(tokens, _)| *tokens).collect();
    sorted.sort_unstable();
    let at = |percent: usize| sorted.get(sorted.len() * percent / 100).copied().unwrap_or(0);
    at(90) < at(10).saturating_mul(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An agent with a cycle a minute.
    #[derive(Default)]
    struct Agent {
        known: Runaways,
        rule: Rule,
        ms: u64,
    }

    impl Agent {
        fn used(count: u64, tokens: u64) -> Self {
            let mut agent = Self::default();
            for _ in 0..count {
                assert_eq!(agent.cycle(tokens), Verdict::default());
            }
            agent
        }

        fn after(&mut self, ms: u64, tokens: u64) -> Verdict {
            self.ms += ms;
            let now = Wall(1_790_000_000_000 + i64::try_from(self.ms).unwrap());
            self.known.cycle(&self.rule, self.ms, now, tokens)
        }

        fn cycle(&mut self, tokens: u64) -> Verdict {
            self.after(60_000, tokens)
        }

        fn is_flagged(&mut self, tokens: u64) -> bool {
            self.cycle(tokens).finding.is_some()
        }
    }

    #[test]
    fn ten_times_the_mean_is_a_runaway_after_the_warm_up_and_above_the_floor() {
        let mut agent = Agent::used(4, 1_000);
        assert!(!agent.is_flagged(1_000), "the fifth ends the warm-up");
        assert!(!agent.is_flagged(10_000), "ten times is not above ten times");
        let mut agent = Agent::used(5, 1_000);
        let finding = agent.cycle(10_001).finding.unwrap();
        let want =
            Finding { stretch: Stretch::One, tokens: 10_001, usual: 1_000, record: Some(1_000) };
        assert_eq!(finding, want);
        assert!(!Agent::used(50, 10).is_flagged(1_000), "below the floor nothing is");
        assert!(Agent::used(50, 10).is_flagged(1_001));
    }

    #[test]
    fn a_runaway_never_makes_itself_normal_while_it_grows() {
        let mut agent = Agent::used(50, 1_000);
        let mut tokens = 20_000;
        for _ in 0..200 {
            tokens += tokens / 10;
            assert!(agent.is_flagged(tokens.min(1 << 60)));
        }
        assert_eq!(agent.known.usual(&agent.rule), Some(1_000));
    }

    #[test]
    fn an_incident_ends_with_the_second_normal_cycle() {
        let mut agent = Agent::used(50, 1_000);
        assert_eq!(agent.cycle(50_000).change, Some(Change::Opened));
        assert_eq!(agent.cycle(60_000).change, None);
        assert_eq!(agent.cycle(1_000).change, None);
        assert!(agent.known.is_open());
        let closed = Change::Closed { cycles: 2, tokens: 110_000 };
        assert_eq!(agent.cycle(1_000).change, Some(closed));
        assert!(!agent.known.is_open());
    }

    #[test]
    fn what_it_has_done_before_is_no_news() {
        let mut agent = Agent::used(50, 1_000);
        assert!(agent.is_flagged(40_000));
        agent.cycle(1_000);
        agent.cycle(1_000);
        assert!(!agent.is_flagged(40_000), "a spike that was over by itself is in the record");
        assert!(agent.is_flagged(120_001), "three times the record is news again");
        let mut agent =
            Agent { rule: Rule { kind: Kind::Mean, ..Rule::default() }, ..Agent::used(50, 1_000) };
        for _ in 0..3 {
            assert!(agent.is_flagged(40_000), "the plain rule has no record");
            agent.cycle(1_000);
            agent.cycle(1_000);
        }
    }

    #[test]
    fn two_in_a_row_and_six_in_a_row_count_at_a_lower_factor() {
        let mut agent = Agent::used(60, 1_000);
        assert!(!agent.is_flagged(6_000));
        let finding = agent.cycle(7_000).finding.unwrap();
        assert_eq!((finding.stretch, finding.tokens, finding.usual), (Stretch::Two, 6_000, 1_000));
        let mut agent = Agent::used(60, 1_000);
        let flags: Vec<bool> = (0..6).map(|_| agent.is_flagged(4_500)).collect();
        assert_eq!(flags, [false, false, false, false, false, true]);
    }

    #[test]
    fn cycles_that_come_sixty_times_as_fast_are_a_runaway_though_each_is_normal() {
        let mut agent = Agent::used(60, 1_000);
        let seconds = (1..).find(|_| agent.after(1_000, 1_000).finding.is_some()).unwrap();
        assert!(seconds <= 10, "{seconds}");
        let mut agent = Agent::used(60, 1_000);
        for _ in 0..200 {
            assert!(
                agent.after(20_000, 1_000).finding.is_none(),
                "three times as fast is a busy day"
            );
        }
    }

    #[test]
    fn fifty_even_cycles_at_a_new_level_are_the_new_normal() {
        let mut agent = Agent::used(60, 1_000);
        let changes: Vec<Change> = (0..50).filter_map(|_| agent.cycle(30_000).change).collect();
        let settled = Change::Settled { cycles: 50, times: 3_000 };
        assert_eq!(changes, [Change::Opened, settled]);
        assert!(!agent.is_flagged(30_000));
        assert!(agent.is_flagged(400_000));
    }

    #[test]
    fn no_number_overflows_and_memory_stays_bounded() {
        let mut agent = Agent::default();
        for n in 0..20_000_u64 {
            agent.after(n % 7, if n % 3 == 0 { u64::MAX } else { n });
        }
        assert!(agent.known.last.len() <= RUN_MAX);
        assert!(agent.known.half_minute.seconds.len() <= 31);
        let weight = format!("{:?}", agent.known).len();
        assert!(weight < 16 * 1024, "{weight}");
    }
}
