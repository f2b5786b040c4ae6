//! `LiteLLM`'s `model_prices_and_context_window.json`: entry by entry, USD for a single token.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::{Draft, Parts, Search, TOKEN_MAX, Wrong, pico};
use crate::core::beat::clip;
use crate::core::cost::price::Price;

/// How much of a wrong name or value is repeated, in bytes.
const SHOWN_MAX: usize = 80;

/// Reads a whole file. Only entries that are wanted are looked into.
pub(super) fn read(text: &str, search: &mut Search) -> Result<(), Wrong> {
    let mut from = serde_json::Deserializer::from_str(text);
    Models(search).deserialize(&mut from).and_then(|()| from.end()).map_err(|error| {
        let (line, words) = (error.line(), error.to_string());
        let words = words.rsplit_once(" at line ").map_or(&*words, |(words, _)| words);
        let torn = error.is_syntax() || error.is_eof();
        let words = if torn { format!("not JSON: {words}") } else { words.to_owned() };
        Wrong { line: (line > 0).then_some(line), words }
    })
}

struct Models<'s>(&'s mut Search);

impl<'de> DeserializeSeed<'de> for Models<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Models<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of models")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match self.0.place(&name) {
                Some(place) => {
                    let price = map.next_value_seed(Entry { name: &name })?;
                    self.0.found(place, price);
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

struct Entry<'n> {
    name: &'n str,
}

impl<'de> DeserializeSeed<'de> for Entry<'_> {
    type Value = Option<Price>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<Price>, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entry<'_> {
    type Value = Option<Price>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of prices for {}", shown(self.name))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Price>, A::Error> {
        let (mut draft, mut reasoning, mut is_known) = (Draft::default(), None, true);
        while let Some(key) = map.next_key::<String>()? {
            if key == "tiered_pricing" {
                // Steps of another kind, by ranges: a handful of models, and never those of before.
                is_known = false;
            }
            let Some(place) = place(&key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value::<Value>()?;
            match place {
                Place::Context => draft.context = value.as_u64(),
                Place::Reasoning => reasoning = rate(self.name, &key, &value)?,
                Place::Rate(part, above) => {
                    let rate = rate(self.name, &key, &value)?;
                    let parts = match above {
                        0 => Some(&mut draft.base),
                        above => draft.tier(above),
                    };
                    match parts {
                        Some(parts) => *part(parts) = rate,
                        None => is_known = false,
                    }
                }
            }
        }
        // Reasoning is part of the output here: at two prices nobody knows what it cost.
        is_known &= reasoning.is_none() || reasoning == draft.base.output;
        Ok(draft.price().filter(|_| is_known))
    }
}

/// One part of a price.
type Part = fn(&mut Parts) -> &mut Option<u64>;

enum Place {
    Context,
    Reasoning,
    /// Which part, and for calls with more input than this.
    Rate(Part, u64),
}

/// What a key is about, if it matters here: prices of batches, of priority and the like do not.
fn place(key: &str) -> Option<Place> {
    match key {
        "max_input_tokens" => return Some(Place::Context),
        "output_cost_per_reasoning_token" => return Some(Place::Reasoning),
        _ => {}
    }
    // The longer name first: the other one begins like it.
    let parts: [(&str, Part); 5] = [
        ("input_cost_per_token", |parts| &mut parts.input),
        ("output_cost_per_token", |parts| &mut parts.output),
        ("cache_read_input_token_cost", |parts| &mut parts.cache_read),
        ("cache_creation_input_token_cost_above_1hr", |parts| &mut parts.cache_write_1h),
        ("cache_creation_input_token_cost", |parts| &mut parts.cache_write),
    ];
    let (rest, part) =
        parts.into_iter().find_map(|(name, part)| Some((key.strip_prefix(name)?, part)))?;
    if rest.is_empty() {
        return Some(Place::Rate(part, 0));
    }
    let thousands = rest.strip_prefix("_above_")?.strip_suffix("k_tokens")?;
    let above = thousands.parse::<u32>().ok().filter(|above| *above > 0)?;
    Some(Place::Rate(part, u64::from(above) * 1_000))
}

/// A price of a token; null is as good as absent.
fn rate<E: Error>(name: &str, key: &str, value: &Value) -> Result<Option<u64>, E> {
    let wrong = |words: &str| {
        let value = value.to_string();
        Err(E::custom(format_args!("{}: {key} is {}; {words}", shown(name), shown(&value))))
    };
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => match number.as_f64() {
            Some(usd) if usd < 0.0 => wrong("a price is a number of USD from 0 up"),
            Some(usd) if usd > TOKEN_MAX => {
                wrong(&format!("that is a price for a million tokens; for one write {}", usd / 1e6))
            }
            Some(usd) if usd.is_finite() => Ok(Some(pico(usd))),
            Some(_) | None => wrong("a price is a number of USD from 0 up"),
        },
        Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            wrong("a price is a number of USD from 0 up")
        }
    }
}

/// A text of somebody's as an error may repeat it.
fn shown(text: &str) -> String {
    let short = clip(text, SHOWN_MAX);
    let mark = if short.len() < text.len() { "…" } else { "" };
    let plain: String = short
        .chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let kept = escaped.is_none().then_some(c);
            escaped.into_iter().flatten().chain(kept)
        })
        .collect();
    format!("{plain}{mark}")
}
