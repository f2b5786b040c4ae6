//! What a logger wraps around a beat: the marks of a log record, and loguru's `record` object.

use super::fields::{Extra, Fields, Value};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Keys that only loggers write: where one stands, time and message are the logger's and mark no beat.
pub(super) fn is_level(key: &str) -> bool {
    matches!(
        key,
        "level"
            | "levelname"
            | "log.level"
            | "severity"
            | "lvl"
            | "@level"
            | "level_name"
            | "loglevel"
    )
}

/// Whether a key is a logger's own and no field of a beat.
pub(super) fn is_logged(key: &str) -> bool {
    matches!(key, "msg" | "event") || is_level(key)
}

/// loguru's `record`: what the caller bound is in `extra`, what he said in `message`.
#[derive(Default)]
pub(super) struct Record<'a> {
    pub(super) has_level: bool,
    pub(super) message: Value<'a>,
    pub(super) extra: Extra<'a>,
}

/// An object read by `visit`; anything else in its place is as good as nothing.
struct ObjectOr<V, T>(V, PhantomData<T>);

impl<'de, V: Visitor<'de, Value = T>, T: Default> Visitor<'de> for ObjectOr<V, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        self.0.visit_map(object)
    }
}

/// Reads an object by `visitor`, and anything else as nothing.
pub(super) fn object_or_nothing<'de, D, V, T>(deserializer: D, visitor: V) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    V: Visitor<'de, Value = T>,
    T: Default,
{
    deserializer.deserialize_any(ObjectOr(visitor, PhantomData))
}

impl<'de> Deserialize<'de> for Record<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object_or_nothing(deserializer, RecordVisitor)
    }
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Record<'de>, A::Error> {
        let mut record = Record::default();
        while let Some(key) = object.next_key::<Name>()? {
            match key {
                Name::Message => record.message = object.next_value()?,
                Name::Extra => record.extra = object.next_value()?,
                Name::Level | Name::Other => {
                    record.has_level |= key == Name::Level;
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(record)
    }
}

/// A key of loguru's record, without keeping it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Message,
    Extra,
    Level,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Name, E> {
        Ok(match key {
            "message" => Name::Message,
            "extra" => Name::Extra,
            "level" => Name::Level,
            _ => Name::Other,
        })
    }
}

impl<'a> Record<'a> {
    /// The fields that the caller bound, as if they stood in a flat record.
    pub(super) fn bound(&self) -> Option<&Fields<'a>> {
        self.has_level.then_some(&*self.extra.0)
    }
}
