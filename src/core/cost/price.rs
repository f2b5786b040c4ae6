//! What a model costs, and so what a beat cost that does not say it (SPEC §3). Integers alone, exact.

use super::money::Usd;
use crate::core::beat::Beat;

/// Prices of a token, in 1e-12 USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Of fresh input.
    pub input: u64,
    /// Of output, reasoning included.
    pub output: u64,
    /// Of input that was read from a cache. None: as fresh input.
    pub cache_read: Option<u64>,
    /// Of input that was written to a cache, for five minutes where there is a choice. None: as fresh input.
    pub cache_write: Option<u64>,
    /// Of input that was written to a cache for an hour. None: as for five minutes.
    pub cache_write_1h: Option<u64>,
}

/// Prices of a call with a long input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// They hold for a call whose input, cached or not, has more tokens than this.
    pub above: u64,
    /// The prices, of all tokens of such a call.
    pub rates: Rates,
}

/// What a model costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// Of a call with a short input.
    pub base: Rates,
    /// Of calls with a longer one, the shortest first.
    pub tiers: Vec<Tier>,
    /// The most input that one call can have, in tokens: more is the sum of several calls.
    pub context: Option<u64>,
}

/// What was used of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Fresh input tokens.
    pub input: Option<u64>,
    /// Output tokens, reasoning included.
    pub output: Option<u64>,
    /// Input tokens read from a cache.
    pub cache_read: u64,
    /// Input tokens written to a cache.
    pub cache_write: u64,
    /// Of these, tokens written for an hour.
    pub cache_write_1h: u64,
    /// All tokens, where nobody told the parts.
    pub total: Option<u64>,
}

/// Who says what something cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostFrom {
    /// The agent.
    Agent,
    /// A table of prices.
    Price,
    /// Of several beats, some so, some so.
    Both,
}

/// What something cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// How much.
    pub usd: Usd,
    /// Who says so.
    pub from: CostFrom,
}

impl Rates {
    fn read(&self) -> u64 {
        self.cache_read.unwrap_or(self.input)
    }

    fn write(&self) -> u64 {
        self.cache_write.unwrap_or(self.input)
    }

    fn write_1h(&self) -> u64 {
        self.cache_write_1h.unwrap_or(self.write())
    }

    /// These, with what they do not say taken from `base`.
    #[must_use]
    pub fn or(self, base: &Self) -> Self {
        Self {
            cache_read: self.cache_read.or(base.cache_read),
            cache_write: self.cache_write.or(base.cache_write),
            cache_write_1h: self.cache_write_1h.or(base.cache_write_1h),
            ..self
        }
    }

    fn at(self, percent: u64) -> Self {
        let at = |rate: u64| rate.saturating_mul(percent).saturating_add(50) / 100;
        Self {
            input: at(self.input),
            output: at(self.output),
            cache_read: self.cache_read.map(at),
            cache_write: self.cache_write.map(at),
            cache_write_1h: self.cache_write_1h.map(at),
        }
    }
}

impl Price {
    /// What `usage` cost; `None` where that cannot be known.
    ///
    /// Input and output must both be told: who tells one of them alone has used the other, too. Of a total
    /// without parts the cost is known only where input and output cost the same.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Usd> {
        let (input, output) = match (usage.input, usage.output, usage.total) {
            (Some(input), Some(output), _) => (input, output),
            (None, None, Some(total)) if usage.cache_read == 0 && usage.cache_write == 0 => {
                return self.cost_of(total);
            }
            _ => return None,
        };
        let prompt = input.saturating_add(usage.cache_read).saturating_add(usage.cache_write);
        let rates = self.rates(prompt);
        let hour = usage.cache_write_1h.min(usage.cache_write);
        let parts = [
            (input, rates.input),
            (output, rates.output),
            (usage.cache_read, rates.read()),
            (usage.cache_write - hour, rates.write()),
            (hour, rates.write_1h()),
        ];
        // Each is below 2^128, and so is their sum for any counts that a beat may tell; beyond, it saturates.
        let sum = parts.iter().fold(Usd::ZERO, |sum, (tokens, rate)| {
            sum.plus(Usd::from_pico(u128::from(*tokens) * u128::from(*rate)))
        });
        Some(sum)
    }

    /// What so many tokens cost of which nobody knows whether they were read or written.
    fn cost_of(&self, total: u64) -> Option<Usd> {
        let flat = self.base.input == self.base.output;
        let short = self.tiers.first().is_none_or(|tier| total <= tier.above);
        (flat && short).then(|| Usd::from_pico(u128::from(total) * u128::from(self.base.input)))
    }

    /// Those of a call with so much input; more than fits into one is the sum of several, each of them short
    /// as far as anybody knows.
    fn rates(&self, prompt: u64) -> &Rates {
        if self.context.is_some_and(|most| most < prompt) {
            return &self.base;
        }
        let tier = self.tiers.iter().rev().find(|tier| tier.above < prompt);
        tier.map_or(&self.base, |tier| &tier.rates)
    }

    /// All prices at so many hundredths.
    #[must_use]
    pub fn at(mut self, percent: u64) -> Self {
        self.base = self.base.at(percent);
        for tier in &mut self.tiers {
            tier.rates = tier.rates.at(percent);
        }
        self
    }
}

/// What a beat cost of which so many tokens were counted: what it says itself, else by the price of its model.
#[must_use]
pub fn of(beat: &Beat, tokens: Option<u64>) -> Option<Cost> {
    if let Some(usd) = beat.cost_usd {
        return Some(Cost { usd: Usd::from_f64(usd), from: CostFrom::Agent });
    }
    let usage = Usage {
        input: beat.input_tokens,
        output: beat.output_tokens,
        cache_read: beat.cache_read_tokens.unwrap_or(0),
        cache_write: beat.cache_write_tokens.unwrap_or(0),
        cache_write_1h: beat.cache_write_1h_tokens.unwrap_or(0),
        total: tokens,
    };
    let usd = beat.price.as_ref()?.cost(&usage)?;
    Some(Cost { usd, from: CostFrom::Price })
}

#[cfg(test)]
mod tests;
