//! The rules: ours by the core's own code, and what others do.

use std::collections::VecDeque;

use agentwatch::core::cost::runaway::{Kind, Rule, Runaways};
use agentwatch::core::time::Wall;

/// A rule and what it remembers of an agent.
pub trait Judge: Clone {
    /// Whether the cycle that ended now is flagged.
    fn is_flagged(&mut self, at_ms: u64, wall: Wall, tokens: u64) -> bool;

    /// Whether an incident is open.
    fn is_open(&self) -> bool;
}

/// The rule of the core.
#[derive(Clone)]
pub struct Core {
    known: Runaways,
    rule: Rule,
}

impl Core {
    pub fn new(kind: Kind) -> Self {
        Self { known: Runaways::default(), rule: Rule { kind, ..Rule::default() } }
    }
}

impl Judge for Core {
    fn is_flagged(&mut self, at_ms: u64, wall: Wall, tokens: u64) -> bool {
        self.known.cycle(&self.rule, at_ms, wall, tokens).finding.is_some()
    }

    fn is_open(&self) -> bool {
        self.known.is_open()
    }
}

/// What others compare a cycle with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Ten times the mean, and nothing else: the mission's rule to the letter.
    Mean10,
    /// Three times the mean (`ClevAgent`).
    Mean3,
    /// Three times the median.
    Median3,
    /// A cumulated sum of logarithms: slack half a deviation, limit ten.
    Cusum,
}

/// A rule of a peer: over the last fifty normal cycles, from the fifth on, above 1,000 tokens.
#[derive(Clone)]
pub struct Simple {
    peer: Peer,
    normal: VecDeque<u64>,
    sum: f64,
    /// Normal cycles since the last flagged one, while an incident is open.
    open: Option<u32>,
}

impl Simple {
    pub fn new(peer: Peer) -> Self {
        Self { peer, normal: VecDeque::new(), sum: 0.0, open: None }
    }

    fn mean(&self) -> f64 {
        self.normal.iter().sum::<u64>() as f64 / self.normal.len() as f64
    }

    fn is_much(&mut self, tokens: u64) -> bool {
        if self.normal.len() < 5 {
            return false;
        }
        let value = tokens as f64;
        match self.peer {
            Peer::Mean10 => 1_000 < tokens && 10.0 * self.mean() < value,
            Peer::Mean3 => 1_000 < tokens && 3.0 * self.mean() < value,
            Peer::Median3 => {
                let mut sorted: Vec<u64> = self.normal.iter().copied().collect();
                sorted.sort_unstable();
                1_000 < tokens && 3 * sorted[sorted.len() / 2] < tokens
            }
            Peer::Cusum => {
                let logs: Vec<f64> = self.normal.iter().map(|n| (*n as f64 + 1.0).ln()).collect();
                let count = logs.len() as f64;
                let mean = logs.iter().sum::<f64>() / count;
                let spread = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / count;
                let z = ((value + 1.0).ln() - mean) / spread.sqrt().max(0.1);
                self.sum = (self.sum + z - 0.5).clamp(0.0, 12.0);
                1_000 < tokens && 10.0 < self.sum
            }
        }
    }
}

impl Judge for Simple {
    fn is_flagged(&mut self, _: u64, _: Wall, tokens: u64) -> bool {
        let flagged = self.is_much(tokens);
        if flagged {
            self.open = Some(0);
            return true;
        }
        self.open = self.open.map(|normal| normal + 1).filter(|normal| *normal < 2);
        self.normal.push_back(tokens);
        if 50 < self.normal.len() {
            self.normal.pop_front();
        }
        false
    }

    fn is_open(&self) -> bool {
        self.open.is_some()
    }
}
