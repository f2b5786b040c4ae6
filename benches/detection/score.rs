//! Lives agents under a rule in virtual time, lets runaways begin in copies of them, and counts.

use agentwatch::core::time::Wall;

use crate::rng::Rng;
use crate::rules::Judge;
use crate::series::{Agent, Kind};

const HOUR_MS: u64 = 3_600_000;
pub const DAY_MS: u64 = 24 * HOUR_MS;

/// 2026-11-23, a Monday.
const MONDAY: i64 = 20_780 * 86_400_000;

/// Cycles within which a runaway should be seen.
const CYCLES: u32 = 30;

/// Seconds within which cycles a second apart should be.
const SECONDS: u32 = 180;

/// The first day, days 2 to 31, and all after them, when the record is full.
pub const PHASES: [(u64, u64, &str); 3] =
    [(0, 1, "day 1"), (1, 31, "days 2-31"), (31, u64::MAX, "full record")];

/// How large a runaway is in medians; 0 is cycles as usual, sixty times as fast.
pub const SIZES: [(u32, &str); 5] =
    [(3, "x3"), (10, "x10"), (50, "x50"), (200, "x200"), (0, "rate")];

/// What is asked of a bench.
#[derive(Clone, Copy)]
pub struct Plan {
    pub agents: u64,
    pub days: u64,
    pub seed: u64,
    pub scale: f64,
}

/// Runaways of one size in one phase.
#[derive(Clone, Default)]
pub struct Caught {
    pub of: u32,
    /// The cycle, or the second, of each that was seen.
    pub at: Vec<u32>,
    /// Tokens until then, in median cycles; of those not seen all.
    pub burnt: f64,
}

impl Caught {
    fn add(&mut self, at: Option<u32>, burnt: f64) {
        self.of += 1;
        self.at.extend(at);
        self.burnt += burnt;
    }

    /// The share that was seen by a cycle, in percent.
    pub fn by(&self, cycle: u32) -> f64 {
        let seen = self.at.iter().filter(|at| **at <= cycle).count();
        100.0 * seen as f64 / f64::from(self.of.max(1))
    }

    /// Of those that were seen.
    pub fn median(&self) -> Option<u32> {
        let mut at = self.at.clone();
        at.sort_unstable();
        at.get(at.len() / 2).copied()
    }
}

/// What a rule did, by phase.
#[derive(Clone, Default)]
pub struct Score {
    pub alarms: [u32; 3],
    pub cycles: [u64; 3],
    pub open: [u64; 3],
    pub days: [f64; 3],
    pub caught: [[Caught; 5]; 3],
}

pub fn wall(at_ms: u64) -> Wall {
    Wall(MONDAY + i64::try_from(at_ms).unwrap_or(i64::MAX))
}

/// Lets a runaway begin.
pub fn run_away<J: Judge>(judge: &J, agent: &Agent, at_ms: u64, size: u32) -> (Option<u32>, f64) {
    let (mut judge, mut agent, mut at_ms) = (judge.clone(), agent.clone(), at_ms);
    let median = agent.median(at_ms).max(1.0);
    // Nobody would be told of what begins while a false alarm stands.
    let is_masked = judge.is_open();
    let mut burnt = 0.0;
    let is_rate = size == 0;
    for n in 1..=if is_rate { SECONDS } else { CYCLES } {
        let gap = agent.gap();
        at_ms += if is_rate { gap.min(120_000) / 60 } else { gap };
        let tokens = if is_rate {
            agent.tokens(at_ms)
        } else {
            (median * f64::from(size) * agent.rng.lognormal(0.2)) as u64
        };
        burnt += tokens as f64 / median;
        if judge.is_flagged(at_ms, wall(at_ms), tokens) && !is_masked {
            return (Some(n), burnt);
        }
    }
    (None, burnt)
}

/// When runaways begin in the life of an agent: two on its first day, then six a phase.
fn beginnings(rng: &mut Rng, days: u64) -> Vec<u64> {
    let mut at = Vec::new();
    for (from, to, count) in [(0, 1, 2), (1, 31, 6), (31, days, 6)] {
        let (from, to) = (from * DAY_MS + 2 * HOUR_MS, to.min(days) * DAY_MS);
        at.extend((0..count).filter(|_| from < to).map(|_| from + rng.below(to - from)));
    }
    at.sort_unstable();
    at
}

/// All agents of a kind under a rule.
pub fn score<J: Judge>(plan: &Plan, kind: Kind, new: impl Fn() -> J) -> Score {
    let mut score = Score::default();
    for n in 0..plan.agents {
        let mut agent = Agent::new(kind, plan.seed, n, plan.scale);
        let mut judge = new();
        let begins = agent.begins;
        let mut pending = beginnings(&mut Rng::of(plan.seed, "beginnings", n), plan.days);
        let mut at_ms = begins;
        loop {
            at_ms += agent.gap();
            let age = at_ms - begins;
            if plan.days * DAY_MS <= age {
                break;
            }
            let phase = PHASES.iter().position(|(_, to, _)| age / DAY_MS < *to).unwrap_or(2);
            let tokens = agent.tokens(at_ms);
            let was_open = judge.is_open();
            judge.is_flagged(at_ms, wall(at_ms), tokens);
            score.alarms[phase] += u32::from(!was_open && judge.is_open());
            score.cycles[phase] += 1;
            score.open[phase] += u64::from(judge.is_open());
            if pending.first().is_some_and(|begin| *begin <= age) && agent.counts(at_ms) {
                pending.remove(0);
                for (at, (size, _)) in SIZES.into_iter().enumerate() {
                    let (seen, burnt) = run_away(&judge, &agent, at_ms, size);
                    score.caught[phase][at].add(seen, burnt);
                }
            }
        }
        for (days, (from, to, _)) in score.days.iter_mut().zip(PHASES) {
            *days += (to.min(plan.days).saturating_sub(from)) as f64;
        }
    }
    score
}
