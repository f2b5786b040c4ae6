//! What a line tells of tokens and cost, whatever the shape: a total and its parts are never added together,
//! and cached tokens count once or not at all.

use crate::core::beat::{Beat, TOKENS_MAX};
use crate::core::counters::{Cumulative, Reading, Scope};

use super::path::Slot;
use crate::wire::beat::fields::Value;
use crate::wire::beat::{COST_MAX, Reason};

/// A figure: the sum of what is at these places, each by its name for people.
#[derive(Clone, Debug, Default)]
pub struct Sum(pub Vec<(Slot, Box<str>)>);

impl Sum {
    fn is_there(&self, got: &[Value<'_>]) -> bool {
        self.0.iter().any(|(slot, _)| got.get(*slot).is_some_and(Value::is_set))
    }

    fn tokens(&self, got: &[Value<'_>]) -> Result<Option<u64>, Reason> {
        let mut sum = None;
        for (slot, name) in &self.0 {
            let part = got.get(*slot).map_or(Ok(None), |value| value.whole(name, TOKENS_MAX))?;
            if let Some(part) = part {
                sum = Some(part.saturating_add(sum.unwrap_or(0)).min(TOKENS_MAX));
            }
        }
        Ok(sum)
    }

    fn usd(&self, got: &[Value<'_>]) -> Result<Option<f64>, Reason> {
        let mut sum = None;
        for (slot, name) in &self.0 {
            let value = got.get(*slot);
            let part =
                value.map_or(Ok(None), |value| value.amount(name, COST_MAX, "a number of USD"))?;
            sum = part.map(|part| part + sum.unwrap_or(0.0)).or(sum);
        }
        Ok(sum)
    }
}

/// Figures as they stand somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Input tokens.
    pub input: Option<u64>,
    /// Output tokens.
    pub output: Option<u64>,
    /// Input tokens read from a cache.
    pub cache_read: Option<u64>,
    /// Input tokens written to a cache.
    pub cache_write: Option<u64>,
    /// All tokens, cached ones among them.
    pub total: Option<u64>,
    /// What the input holds of them.
    pub cached: Cached,
}

/// Where cached tokens are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cached {
    /// Beside the input, as Anthropic counts.
    #[default]
    Beside,
    /// Within the input, as `OpenAI` and Google count.
    Within,
}

impl Figures {
    /// The same with an input that is fresh: neither read from a cache nor written to one. What a total
    /// holds besides its input is output, whatever it is called (thinking, mostly). No parts are made up
    /// where there is a total alone: that stays, less what was read from a cache.
    #[must_use]
    pub fn settled(self) -> Reading {
        let cached = self.cache_read.unwrap_or(0).saturating_add(self.cache_write.unwrap_or(0));
        let fresh = |input: u64| match self.cached {
            Cached::Within => input.saturating_sub(cached),
            Cached::Beside => input,
        };
        let rest = self.total.zip(self.input).map(|(total, input)| {
            let beside = if self.cached == Cached::Beside { cached } else { 0 };
            total.saturating_sub(input).saturating_sub(beside)
        });
        let parts = self.input.is_some() || self.output.is_some();
        Reading {
            tokens: self
                .total
                .filter(|_| !parts)
                .map(|total| total.saturating_sub(self.cache_read.unwrap_or(0))),
            input_tokens: self.input.map(fresh),
            output_tokens: self.output.max(rest),
            cache_read_tokens: self.cache_read,
            cache_write_tokens: self.cache_write,
            cost_usd: None,
        }
    }
}

/// Where the figures of a preset are.
#[derive(Clone, Debug, Default)]
pub struct UsagePlan {
    /// Input tokens.
    pub input: Sum,
    /// Output tokens, reasoning included.
    pub output: Sum,
    /// Tokens read from a cache.
    pub cache_read: Sum,
    /// Tokens written to a cache.
    pub cache_write: Sum,
    /// A total; what it has besides the input counts as output.
    pub total: Sum,
    /// Cost in USD.
    pub cost: Sum,
    /// Where cached tokens are.
    pub cached: Cached,
    /// The figures add up, over that.
    pub cumulative: Option<Scope>,
    /// The cost alone does.
    pub cumulative_cost: bool,
    /// Which one of these a line is about; where it tells none, its figures stand for themselves.
    pub key: Option<Slot>,
    /// What this cycle used at least.
    pub least: Sum,
}

impl UsagePlan {
    /// Whether a line has such figures.
    pub(super) fn is_there(&self, got: &[Value<'_>]) -> bool {
        [&self.input, &self.output, &self.total].into_iter().any(|sum| sum.is_there(got))
    }

    /// Puts the figures of a line into its beat.
    ///
    /// # Errors
    /// A figure that is no number of tokens or USD; then none counts.
    pub(super) fn put(
        &self,
        got: &[Value<'_>],
        key: Option<&str>,
        beat: &mut Beat,
    ) -> Result<(), Reason> {
        let figures = Figures {
            input: self.input.tokens(got)?,
            output: self.output.tokens(got)?,
            cache_read: self.cache_read.tokens(got)?,
            cache_write: self.cache_write.tokens(got)?,
            total: self.total.tokens(got)?,
            cached: self.cached,
        };
        let mut reading = figures.settled();
        reading.cost_usd = self.cost.usd(got)?;
        let least = self.least.tokens(got)?;
        let key = if self.key.is_some() { key } else { Some("") };
        let counted = |of, key: &str, reading| {
            let born_ms = born_ms(key).filter(|_| of == Scope::Thread);
            Box::new(Cumulative { of, key: key.into(), born_ms, least, reading })
        };
        if let (Some(of), Some(key)) = (self.cumulative, key) {
            beat.cumulative = Some(counted(of, key, reading));
            return Ok(());
        }
        if let (true, Some(key), Some(_)) = (self.cumulative_cost, key, reading.cost_usd) {
            let cost_usd = reading.cost_usd.take();
            beat.cumulative =
                Some(counted(Scope::Process, key, Reading { cost_usd, ..Reading::default() }));
        }
        beat.tokens_used = reading.tokens;
        beat.input_tokens = reading.input_tokens;
        beat.output_tokens = reading.output_tokens;
        beat.cache_read_tokens = reading.cache_read_tokens;
        beat.cache_write_tokens = reading.cache_write_tokens;
        // Tokens for nothing are those of a model whose price nobody told the agent.
        beat.cost_usd = reading.cost_usd.filter(|cost| 0.0 < *cost);
        Ok(())
    }
}

/// The counter of a thread that begins.
pub(super) fn begun(key: &str) -> Option<Box<Cumulative>> {
    let born_ms = Some(born_ms(key)?);
    let (of, reading) = (Scope::Thread, Reading::default());
    Some(Box::new(Cumulative { of, key: key.into(), born_ms, least: None, reading }))
}

/// When a UUID of version 7 was made, in milliseconds since 1970.
fn born_ms(uuid: &str) -> Option<i64> {
    let bytes = uuid.as_bytes();
    let is_v7 = bytes.len() == 36 && bytes.get(8) == Some(&b'-') && bytes.get(14) == Some(&b'7');
    let hex = is_v7.then(|| Some([uuid.get(..8)?, uuid.get(9..13)?].concat())).flatten()?;
    i64::from_str_radix(&hex, 16).ok().filter(|ms| 0 <= *ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(cached: Cached, all: [u64; 5]) -> Figures {
        let [input, output, read, write, total] = all.map(|n| (n < 999_999).then_some(n));
        Figures { input, output, cache_read: read, cache_write: write, total, cached }
    }

    #[test]
    fn every_shape_counts_input_and_output_without_what_was_read_from_a_cache() {
        const NONE: u64 = 999_999;
        for (cached, all, counted, [input, output]) in [
            (Cached::Beside, [1000, 50, 400, 20, NONE], None, [1000, 50]),
            (Cached::Within, [1000, 50, 400, 20, 1050], None, [580, 50]),
            (Cached::Within, [1000, 50, 400, NONE, NONE], None, [600, 50]),
            // What was thought is in the total alone.
            (Cached::Within, [1000, 50, 400, NONE, 1250], None, [600, 250]),
            (Cached::Beside, [600, 50, 400, 0, 1050], None, [600, 50]),
            (Cached::Within, [NONE, NONE, 400, NONE, 1050], Some(650), [NONE, NONE]),
            // More cached than there was is somebody's mistake, and not a huge number.
            (Cached::Within, [10, 5, 400, NONE, NONE], None, [0, 5]),
        ] {
            let reading = figures(cached, all).settled();
            assert_eq!(reading.tokens, counted, "{all:?}");
            let known = |number: u64| (number != NONE).then_some(number);
            assert_eq!(
                (reading.input_tokens, reading.output_tokens),
                (known(input), known(output))
            );
        }
    }

    #[test]
    fn a_uuid_of_version_7_tells_when_it_was_made() {
        assert_eq!(born_ms("01a205ab-2059-7d61-b1e5-654c85cb38bb"), Some(0x01a2_05ab_2059));
        for other in ["", "ab877e0a-3dff-479c-80b0-6e2b5b611fac", "01a205ab-2059-7d61", "é"] {
            assert_eq!(born_ms(other), None, "{other}");
        }
        assert_eq!(born_ms("zza205ab-2059-7d61-b1e5-654c85cb38bb"), None);
    }
}
