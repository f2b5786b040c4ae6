//! Tables of prices: agentwatch's own TOML, or `LiteLLM`'s JSON as it is → the price of one model. Pure.
//!
//! A table is read through for the one model that is wanted, and nothing of it is kept: it may hold
//! thousands, and an agent asks one or two.

mod json;
mod table;

use std::fmt;

use crate::core::cost::model::{Candidate, candidates};
use crate::core::cost::price::{Price, Rates, Tier};

/// The longest table that is read, in bytes: `LiteLLM`'s has 3 MiB.
pub const LENGTH_MAX: usize = 16 << 20;

/// The longest one in TOML, of which a tree is built while it is read, in bytes: ours has 20 KiB.
const TOML_MAX: usize = 1 << 20;

/// The most steps that the price of a model may have: the most known is four.
const TIERS_MAX: usize = 8;

/// The most that a token may cost, in USD. The dearest model known is just below it, and the cheapest million of
/// tokens above it: more was meant for a million.
const TOKEN_MAX: f64 = 0.01;

/// The least that a million tokens may cost, in USD, unless they are free: what is less was meant for a token.
const MILLION_MIN: f64 = 0.001;

/// The table that comes with agentwatch.
const BUILT_IN: &str = include_str!("../../config/prices.toml");

/// What is wrong with a table, with the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Counted from 1; none if it is about the whole.
    pub line: Option<usize>,
    /// What is wrong.
    pub words: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// What is looked for in a table, and what was found.
#[derive(Debug, Default)]
struct Search {
    /// Where a price may stand, the best name first. None: every entry is looked at.
    wanted: Option<Vec<Candidate>>,
    /// The best that was found, by its place among those.
    best: Option<(usize, Price)>,
    /// Entries with a price that were looked at.
    priced: usize,
}

impl Search {
    /// Whether an entry has to be read: the place of its name, or 0 where all are.
    fn place(&self, name: &str) -> Option<usize> {
        match &self.wanted {
            None => Some(0),
            Some(wanted) => {
                let place = wanted.iter().position(|one| one.name == name)?;
                self.best.as_ref().is_none_or(|(best, _)| place <= *best).then_some(place)
            }
        }
    }

    fn found(&mut self, place: usize, price: Option<Price>) {
        self.priced += usize::from(price.is_some());
        if let Some((wanted, price)) = self.wanted.as_ref().zip(price) {
            let percent = wanted.get(place).map_or(100, |one| one.percent);
            self.best = Some((place, price.at(percent)));
        }
    }
}

/// What a table says of a model, part by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parts {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    cache_write_1h: Option<u64>,
}

impl Parts {
    fn rates(&self, base: &Self) -> Option<Rates> {
        Some(Rates {
            input: self.input.or(base.input)?,
            output: self.output.or(base.output)?,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            cache_write_1h: self.cache_write_1h,
        })
    }
}

#[derive(Clone, Debug, Default)]
struct Draft {
    base: Parts,
    tiers: Vec<(u64, Parts)>,
    context: Option<u64>,
}

impl Draft {
    /// The parts of calls with more input than `above`; none beyond [`TIERS_MAX`].
    fn tier(&mut self, above: u64) -> Option<&mut Parts> {
        let known = self.tiers.iter().position(|(known, _)| *known == above);
        if known.is_none() && self.tiers.len() < TIERS_MAX {
            self.tiers.push((above, Parts::default()));
        }
        let at = known.unwrap_or(self.tiers.len() - 1);
        self.tiers.get_mut(at).filter(|(known, _)| *known == above).map(|(_, parts)| parts)
    }

    /// None without a price of input and one of output.
    fn price(mut self) -> Option<Price> {
        self.tiers.sort_by_key(|(above, _)| *above);
        let base = self.base.rates(&self.base)?;
        let tiers = self.tiers.iter().filter_map(|(above, parts)| {
            let rates = parts.rates(&self.base)?.or(&base);
            Some(Tier { above: *above, rates })
        });
        Some(Price { tiers: tiers.collect(), base, context: self.context })
    }
}

/// So many USD a token in units of 1e-12 USD.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be small")]
fn pico(usd: f64) -> u64 {
    (usd * 1e12).round() as u64
}

fn search(text: &str, search: &mut Search) -> Result<(), Wrong> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        return json::read(text, search);
    }
    if TOML_MAX < text.len() {
        let words = format!("longer than {} KiB; this is no table of prices", TOML_MAX / 1_024);
        return Err(Wrong { line: None, words });
    }
    table::read(text, search)
}

/// What `model` costs by a table: by its exact name, or by that without known decorations.
///
/// # Errors
/// The table is torn, or the price of this model is none.
pub fn look_up(text: &str, model: &str) -> Result<Option<Price>, Wrong> {
    let mut seek = Search { wanted: Some(candidates(model)), ..Search::default() };
    search(text, &mut seek)?;
    Ok(seek.best.map(|(_, price)| price))
}

/// What `model` costs by the table that comes with agentwatch.
#[must_use]
pub fn built_in(model: &str) -> Option<Price> {
    look_up(BUILT_IN, model).ok().flatten()
}

/// Looks whether all of a table makes sense; gives the number of models that have a price there.
///
/// # Errors
/// The first thing that does not, or that there is no price at all.
pub fn check(text: &str) -> Result<usize, Wrong> {
    let mut all = Search::default();
    search(text, &mut all)?;
    if all.priced == 0 {
        let words = "no price in it; write \"my-model\" = { input = 3, output = 15 }, in USD per \
                     million tokens, or name LiteLLM's model_prices_and_context_window.json";
        return Err(Wrong { line: None, words: words.to_owned() });
    }
    Ok(all.priced)
}

#[cfg(test)]
mod tests;
