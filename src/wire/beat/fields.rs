//! The top level of a JSON object as the known fields' values; everything else is skipped unread.

use super::record::{self, Record};
use super::usage::{self, Inside, Place, Usage};
use super::{NESTED_MAX, Reason};
use crate::core::beat::clip;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::borrow::Cow;
use std::fmt;

/// How much of a wrong value a [`Reason`] repeats, in bytes.
const VALUE_MAX: usize = 40;

/// The fields that a line may have, as they stand in it.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) agent: Value<'a>,
    pub(super) status: Value<'a>,
    pub(super) tokens_used: Value<'a>,
    pub(super) tokens_total: Value<'a>,
    pub(super) input_tokens: Value<'a>,
    pub(super) output_tokens: Value<'a>,
    pub(super) cache_read_tokens: Value<'a>,
    pub(super) cache_write_tokens: Value<'a>,
    pub(super) cache_write_1h_tokens: Value<'a>,
    pub(super) cost_usd: Value<'a>,
    pub(super) model: Value<'a>,
    pub(super) cycle: Value<'a>,
    pub(super) tool_calls: Value<'a>,
    pub(super) checkpoint: Value<'a>,
    pub(super) message: Value<'a>,
    pub(super) expect_next: Value<'a>,
    pub(super) retry_after: Value<'a>,
    pub(super) retry_after_ms: Value<'a>,
    pub(super) ts: Value<'a>,
    /// What loggers add to a line: the level, under whatever name, and the message as pino, slog, zap
    /// and structlog name it.
    pub(super) level: Value<'a>,
    pub(super) msg: Value<'a>,
    pub(super) event: Value<'a>,
    pub(super) record: Option<Box<Record<'a>>>,
    /// What libraries of providers call their figures, beside these or in an object of their own.
    pub(super) usage: Option<Box<Usage<'a>>>,
}

impl<'a> Fields<'a> {
    pub(super) fn slot(&mut self, key: &str) -> Option<&mut Value<'a>> {
        Some(match key {
            "agent" => &mut self.agent,
            "status" => &mut self.status,
            "tokens_used" => &mut self.tokens_used,
            "tokens_total" => &mut self.tokens_total,
            "input_tokens" => &mut self.input_tokens,
            "output_tokens" => &mut self.output_tokens,
            "cache_read_tokens" => &mut self.cache_read_tokens,
            "cache_write_tokens" => &mut self.cache_write_tokens,
            "cache_write_1h_tokens" => &mut self.cache_write_1h_tokens,
            "cost_usd" => &mut self.cost_usd,
            "model" => &mut self.model,
            "cycle" => &mut self.cycle,
            "tool_calls" => &mut self.tool_calls,
            "checkpoint" => &mut self.checkpoint,
            "message" => &mut self.message,
            "expect_next" => &mut self.expect_next,
            "retry_after"
            | "retry_after_s"
            | "retry_after_seconds"
            | "retryAfter"
            | "retry-after" => &mut self.retry_after,
            "retry_after_ms" | "retryAfterMs" | "retry-after-ms" => &mut self.retry_after_ms,
            "ts" => &mut self.ts,
            "msg" => &mut self.msg,
            "event" => &mut self.event,
            key if record::is_level(key) => &mut self.level,
            _ => return None,
        })
    }
}

/// One value, as far as anybody here cares. Texts are clipped when they have to be owned.
#[derive(Default)]
pub(in crate::wire) enum Value<'a> {
    /// Not there, or null.
    #[default]
    Absent,
    Bool(bool),
    Whole(u64),
    Negative(i64),
    Float(f64),
    Text(Cow<'a, str>),
    List,
    Object,
}

impl Value<'_> {
    /// A text that has to be copied: no field keeps more, and one with escapes must not be copied whole for
    /// nothing.
    pub(in crate::wire) fn clipped(text: &str) -> Self {
        Value::Text(Cow::Owned(clip(text, NESTED_MAX).to_owned()))
    }

    pub(in crate::wire) fn is_set(&self) -> bool {
        !matches!(self, Value::Absent)
    }

    pub(in crate::wire) fn is_text(&self) -> bool {
        matches!(self, Value::Text(_))
    }

    pub(in crate::wire) fn text(&self, max: usize) -> Option<Box<str>> {
        match self {
            Value::Text(text) => Some(clip(text, max).into()),
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a clock or an amount; 53 bits do")]
    pub(in crate::wire) fn number(&self) -> Option<f64> {
        match *self {
            Value::Whole(number) => Some(number as f64),
            Value::Negative(number) => Some(number as f64),
            Value::Float(number) if number.is_finite() => Some(number),
            _ => None,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a whole number in range; 2^64 itself saturates"
    )]
    pub(in crate::wire) fn whole(&self, field: &str, max: u64) -> Result<Option<u64>, Reason> {
        match *self {
            Value::Absent => Ok(None),
            Value::Whole(number) if number <= max => Ok(Some(number)),
            // JavaScript and Lua have no whole numbers, only floats that are whole.
            Value::Float(number)
                if number.fract() == 0.0 && (0.0..=max as f64).contains(&number) =>
            {
                Ok(Some(number as u64))
            }
            Value::Float(number) if number.fract() == 0.0 && 0.0 < number => {
                Err(self.wrong(field, &format!("at most {max}")))
            }
            Value::Whole(_) => Err(self.wrong(field, &format!("at most {max}"))),
            _ => Err(self.wrong(field, "a whole number from 0 up")),
        }
    }

    pub(in crate::wire) fn amount(
        &self,
        field: &str,
        max: f64,
        what: &str,
    ) -> Result<Option<f64>, Reason> {
        match self.number() {
            None if !self.is_set() => Ok(None),
            Some(number) if (0.0..=max).contains(&number) => Ok(Some(number)),
            Some(number) if max < number => Err(self.wrong(field, &format!("at most {max:?}"))),
            _ => Err(self.wrong(field, &format!("{what} from 0 up"))),
        }
    }

    pub(in crate::wire) fn wrong(&self, field: &str, right: &str) -> Reason {
        let value = match self {
            Value::Absent => "absent".into(),
            Value::Bool(value) => value.to_string(),
            Value::Whole(value) => value.to_string(),
            Value::Negative(value) => value.to_string(),
            Value::Float(value) => format!("{value:?}"),
            Value::Text(text) => {
                // Debug escapes what a terminal would obey.
                let quoted = format!("{:?}", clip(text, VALUE_MAX));
                let cut = text.len() > VALUE_MAX || quoted.len() > 2 * VALUE_MAX;
                format!("{}{}", clip(&quoted, 2 * VALUE_MAX), if cut { "…" } else { "" })
            }
            Value::List => "a list".into(),
            Value::Object => "an object".into(),
        };
        Reason::new(&format!("{field} is {value}; it must be {right}"))
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Absent)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(Value::Whole(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(u64::try_from(value).map_or(Value::Negative(value), Value::Whole))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Float(value))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::clipped(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value<'de>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor { top: true })
    }
}

/// The fields of an object inside another, where it may be anything else, too.
#[derive(Default)]
pub(super) struct Extra<'a>(pub(super) Box<Fields<'a>>);

impl<'de> Deserialize<'de> for Extra<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = record::object_or_nothing(deserializer, FieldsVisitor { top: false })?;
        Ok(Self(Box::new(fields)))
    }
}

struct FieldsVisitor {
    /// Only there a `record` is one, so that records do not nest.
    top: bool,
}

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        while let Some(found) = object.next_key_seed(Key { fields: &mut fields, top: self.top })? {
            match found {
                Found::Slot(slot) => *slot = object.next_value()?,
                Found::Record => fields.record = Some(Box::new(object.next_value()?)),
                Found::Usage(place) => {
                    let usage = &mut **fields.usage.get_or_insert_default();
                    object.next_value_seed(Inside { usage, place })?;
                }
                // Skipped without recursion, so that no nesting reaches the stack.
                Found::Other => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}

/// What a key is for.
enum Found<'f, 'a> {
    Slot(&'f mut Value<'a>),
    Record,
    /// An object for usage, or for the details of an input.
    Usage(Place),
    Other,
}

/// Finds the slot for a key without keeping the key.
struct Key<'f, 'a> {
    fields: &'f mut Fields<'a>,
    top: bool,
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
        if self.top && key == "record" {
            return Ok(Found::Record);
        }
        if usage::is_object(key) {
            return Ok(Found::Usage(Place::Inside));
        }
        if usage::is_details(key) {
            return Ok(Found::Usage(Place::Details));
        }
        if usage::is_alias(key) {
            let usage = &mut **self.fields.usage.get_or_insert_default();
            return Ok(usage.slot(key, Place::Top).map_or(Found::Other, Found::Slot));
        }
        Ok(self.fields.slot(key).map_or(Found::Other, Found::Slot))
    }
}
