//! A heartbeat as the journal has it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::core::beat::{Beat, clip};
use crate::core::cost::money::Usd;
use crate::core::cost::price::{Cost, CostFrom};
use crate::core::counters::Cumulative;
use crate::core::evidence::Evidence;
use crate::core::time::millis;

use super::TEXT_MAX;

/// A heartbeat as recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BeatFact {
    /// From which incarnation.
    pub incarnation: u32,
    /// Its status word.
    pub status: Cow<'static, str>,
    /// The tokens counted for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Tokens that a cycle usually takes, where this one ends and that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<u64>,
    /// How many beats this line stands for, if they came faster than the journal takes them.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub beats: u64,
    /// Of these, how many ended a cycle.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub cycles: u64,
    /// For the first beat of an incarnation: how long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_after_ms: Option<u64>,
    /// The name it gave itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Its own progress counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<u64>,
    /// Its cumulative count of tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_total: Option<u64>,
    /// Fresh input tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Tokens read from a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read_tokens: Option<u64>,
    /// Tokens written to a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_tokens: Option<u64>,
    /// Of these, tokens that stay there for an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h_tokens: Option<u64>,
    /// What it cost, in USD, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_from: Option<CostFrom>,
    /// Of several beats with a cost: how many told tokens of which the cost is unknown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cost_unknown: u64,
    /// The model it named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its tool calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<u64>,
    /// What it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it said to expect the next beat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect_next_ms: Option<u64>,
    /// How long it was told to leave its provider alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The cumulative count that its usage is the difference of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<Box<Cumulative>>,
    /// Its own clock, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_ts: Option<f64>,
}

fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_one(n: &u64) -> bool {
    *n == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl BeatFact {
    /// The record of `beat`, of which `tokens` were counted.
    #[must_use]
    pub fn new(incarnation: u32, beat: &Beat, tokens: Option<u64>, ends_cycle: bool) -> Self {
        let text = |text: &Option<Box<str>>| text.as_deref().map(|t| clip(t, TEXT_MAX).to_owned());
        Self {
            incarnation,
            status: beat.status.name(),
            tokens,
            usual: None,
            beats: 1,
            cycles: u64::from(ends_cycle),
            first_after_ms: None,
            agent: text(&beat.agent),
            cycle: beat.cycle,
            tokens_total: beat.tokens_total,
            input_tokens: beat.input_tokens,
            output_tokens: beat.output_tokens,
            cache_read_tokens: beat.cache_read_tokens,
            cache_write_tokens: beat.cache_write_tokens,
            cache_write_1h_tokens: beat.cache_write_1h_tokens,
            cost_usd: beat.cost_usd,
            cost_from: beat.cost_usd.map(|_| CostFrom::Agent),
            cost_unknown: 0,
            model: text(&beat.model),
            tool_calls: beat.tool_calls,
            message: text(&beat.message),
            expect_next_ms: beat.expect_next.map(millis),
            retry_after_ms: beat.retry_after.map(millis),
            counter: beat.cumulative.clone(),
            agent_ts: beat.ts,
        }
    }

    /// The same, with what it cost.
    #[must_use]
    pub fn costing(mut self, cost: Option<Cost>) -> Self {
        self.cost_usd = cost.map(|cost| cost.usd.to_f64());
        self.cost_from = cost.map(|cost| cost.from);
        self
    }

    /// How many of these beats told tokens of which the cost is unknown, as far as that was counted.
    #[must_use]
    pub fn unpriced(&self) -> u64 {
        match (self.cost_usd, self.tokens) {
            (Some(_), _) => self.cost_unknown,
            (None, None | Some(0)) => 0,
            (None, Some(_)) => self.beats,
        }
    }

    /// What this and another one cost together.
    pub(in crate::core) fn cost_with(&mut self, other: &Self) {
        let unknown = self.unpriced().saturating_add(other.unpriced());
        let usd = |fact: &Self| fact.cost_usd.map(Usd::from_f64);
        let sum = match (usd(self), usd(other)) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or_default().plus(b.unwrap_or_default())),
        };
        self.cost_usd = sum.map(Usd::to_f64);
        self.cost_unknown = if sum.is_some() { unknown } else { 0 };
        self.cost_from = match (self.cost_from, other.cost_from) {
            (Some(a), Some(b)) if a != b => Some(CostFrom::Both),
            (a, b) => a.or(b),
        };
    }
}

/// What an unhealthy child was doing, before it was touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceFact {
    /// Which incarnation.
    pub incarnation: u32,
    /// What was seen.
    #[serde(flatten)]
    pub evidence: Evidence,
    /// What its tree had used of a CPU since it became late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_used_ms: Option<u64>,
    /// How long that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_over_ms: Option<u64>,
}
