//! What an agent may use: the settings of `cost` and `loop`, as the core wants them. Pure.

use super::super::error::ConfigError;
use super::super::value::Value;
use super::Chosen;
use crate::core::cost::limits::{Action, Limits};
use crate::core::cost::runaway::{Kind, Rule};

/// The words for what follows.
const ACTIONS: [(&str, Action); 5] = [
    ("alert", Action::Alert),
    ("restart", Action::Restart),
    ("stop", Action::Stop),
    ("park", Action::Park),
    ("pause", Action::Pause),
];

impl Chosen {
    pub(super) fn limits(&self) -> Result<Limits, ConfigError> {
        let cycles =
            |key| self.count(key).map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let rule = Rule {
            kind: self.pick("cost.rule", &[("record", Kind::Record), ("mean", Kind::Mean)])?,
            factor: self.decimal("cost.loop_factor")?,
            window: cycles("cost.window")?,
            warmup: cycles("cost.warmup")?,
            floor: self.decimal("cost.floor")?,
        };
        Ok(Limits {
            rule,
            on_loop: self.pick("cost.on_loop", &ACTIONS)?,
            cache_reads: self.switch("cost.count_cache_reads")?,
            tokens_per_hour: self.maybe("cost.max_tokens_per_hour", Self::decimal)?,
            tokens_per_day: self.maybe("cost.max_tokens_per_day", Self::decimal)?,
            nano_usd_per_day: self.maybe("cost.max_usd_per_day", Self::decimal)?,
            on_exceeded: self.pick("cost.on_exceeded", &ACTIONS)?,
            tool_calls_per_minute: self.maybe("loop.max_tool_calls_per_minute", Self::decimal)?,
            same_message: self.maybe("loop.max_same_message", Self::decimal)?,
            retries: self.maybe("loop.max_retries", Self::decimal)?,
        })
    }

    fn decimal(&self, key: &'static str) -> Result<u64, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Decimal(number)) => Ok(*number),
            _ => Err(ConfigError::Bug { key }),
        }
    }
}
