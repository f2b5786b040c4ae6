//! The usage of a cycle as the libraries of model providers name it, beside a beat's own fields or in an
//! object of theirs (`usage`). Cached tokens are told from fresh ones by the shape.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor,
};

use crate::core::beat::TOKENS_MAX;
use crate::core::counters::Reading;
use crate::wire::preset::figures::{Cached, Figures};

use super::Reason;
use super::fields::Value;
use super::record::object_or_nothing;

/// Figures under other names than a beat's own.
#[derive(Default)]
pub(in crate::wire) struct Usage<'a> {
    input: Value<'a>,
    output: Value<'a>,
    /// Output that is counted beside the output.
    thoughts: Value<'a>,
    total: Value<'a>,
    /// Read from a cache, within the input.
    within: Value<'a>,
    written_within: Value<'a>,
    /// Read from a cache, beside the input.
    beside: Value<'a>,
    written_beside: Value<'a>,
    /// A name that was used, for who is told that its value is wrong.
    any: bool,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Among a beat's own fields.
    Top,
    /// In an object for usage.
    Inside,
    /// In an object for the details of the input.
    Details,
}

/// Whether a key leads to an object for usage.
pub(super) fn is_object(key: &str) -> bool {
    matches!(key, "usage" | "usage_metadata" | "usageMetadata" | "token_usage" | "tokenUsage")
}

/// Whether a key leads to the details of an input.
pub(super) fn is_details(key: &str) -> bool {
    matches!(key, "prompt_tokens_details" | "input_tokens_details" | "input_token_details")
}

/// Whether a key among a beat's own fields is a figure by another name.
pub(super) fn is_alias(key: &str) -> bool {
    // Those of a beat's own end so, too.
    (key.contains("oken") || key.ends_with("eval_count"))
        && !key.starts_with("tokens_used")
        && Usage::default().slot(key, Place::Top).is_some()
}

impl<'a> Usage<'a> {
    /// Where the value of a key goes.
    pub(super) fn slot(&mut self, key: &str, place: Place) -> Option<&mut Value<'a>> {
        let inside = place == Place::Inside;
        let slot = match key {
            "cached_tokens" | "cache_read" if place == Place::Details => &mut self.within,
            "cache_write_tokens" | "cache_creation" if place == Place::Details => {
                &mut self.written_within
            }
            _ if place == Place::Details => return None,
            "input_tokens" | "input" if inside => &mut self.input,
            "prompt_tokens" | "promptTokenCount" | "prompt_token_count" | "inputTokens"
            | "promptTokens" | "tokens_in" | "tokens_input" | "prompt_eval_count" => {
                &mut self.input
            }
            "output_tokens" | "output" if inside => &mut self.output,
            "completion_tokens"
            | "candidatesTokenCount"
            | "candidates_token_count"
            | "outputTokens"
            | "completionTokens"
            | "tokens_out"
            | "tokens_output"
            | "eval_count" => &mut self.output,
            "thoughtsTokenCount" | "thoughts_token_count" => &mut self.thoughts,
            "total" if inside => &mut self.total,
            "total_tokens" | "totalTokenCount" | "total_token_count" | "totalTokens" => {
                &mut self.total
            }
            "cached_tokens"
            | "cachedContentTokenCount"
            | "cached_content_token_count"
            | "cachedInputTokens"
            | "cached_input_tokens" => &mut self.within,
            "cache_write_input_tokens" => &mut self.written_within,
            "cache_read_tokens" if inside => &mut self.beside,
            "cache_write_tokens" if inside => &mut self.written_beside,
            "cache_read_input_tokens" | "cacheReadInputTokens" | "cacheReadTokens" => {
                &mut self.beside
            }
            "cache_creation_input_tokens" | "cacheCreationInputTokens" | "cacheWriteTokens" => {
                &mut self.written_beside
            }
            _ => return None,
        };
        self.any = true;
        Some(slot)
    }

    /// Whether it tells what was used, and not only what was cached of it.
    pub(super) fn tells(&self) -> bool {
        let figure = |value: &Value<'_>| value.number().is_some();
        self.any && [&self.input, &self.output, &self.total].into_iter().any(figure)
    }

    /// What was used. `own` are the input and the output that the beat gives under its own names, which
    /// count before these.
    ///
    /// # Errors
    /// A number that is none of tokens. What is no number at all is somebody else's word.
    pub(super) fn reading(&self, own: [Option<u64>; 2]) -> Result<Reading, Reason> {
        let whole = |value: &Value<'_>, name: &str| match value.number() {
            Some(_) => value.whole(name, TOKENS_MAX),
            None => Ok(None),
        };
        let (within, beside) =
            (whole(&self.within, "cached tokens")?, whole(&self.beside, "cached tokens")?);
        let written = whole(&self.written_within, "tokens written to a cache")?;
        let cached = if within.or(written).is_some() { Cached::Within } else { Cached::Beside };
        let output = whole(&self.output, "output tokens")?;
        let thoughts = whole(&self.thoughts, "thinking tokens")?;
        let sum = output.map(|output| output.saturating_add(thoughts.unwrap_or(0)).min(TOKENS_MAX));
        let figures = Figures {
            input: own[0].or(whole(&self.input, "input tokens")?),
            output: own[1].or(sum),
            cache_read: within.or(beside),
            cache_write: written.or(whole(&self.written_beside, "tokens written to a cache")?),
            total: whole(&self.total, "total tokens")?,
            cached,
        };
        Ok(figures.settled())
    }
}

impl<'de> Deserialize<'de> for Usage<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut usage = Usage::default();
        Inside { usage: &mut usage, place: Place::Inside }.deserialize(deserializer)?;
        Ok(usage)
    }
}

/// Reads an object for usage, or one for the details of an input; anything else in its place is nothing.
pub(super) struct Inside<'u, 'a> {
    pub(super) usage: &'u mut Usage<'a>,
    pub(super) place: Place,
}

impl<'de> DeserializeSeed<'de> for Inside<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        object_or_nothing(deserializer, self)
    }
}

impl<'de> Visitor<'de> for Inside<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { usage, place } = self;
        while let Some(found) = object.next_key_seed(Key { usage: &mut *usage, place })? {
            match found {
                Found::Slot(slot) => *slot = object.next_value()?,
                Found::Details => {
                    object.next_value_seed(Inside { usage: &mut *usage, place: Place::Details })?;
                }
                Found::Other => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

enum Found<'f, 'a> {
    Slot(&'f mut Value<'a>),
    Details,
    Other,
}

struct Key<'f, 'a> {
    usage: &'f mut Usage<'a>,
    place: Place,
}

impl<'de, 'f, 'a> DeserializeSeed<'de> for Key<'f, 'a> {
    type Value = Found<'f, 'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'f, 'a> Visitor<'_> for Key<'f, 'a> {
    type Value = Found<'f, 'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        if self.place == Place::Inside && is_details(key) {
            return Ok(Found::Details);
        }
        Ok(self.usage.slot(key, self.place).map_or(Found::Other, Found::Slot))
    }
}
