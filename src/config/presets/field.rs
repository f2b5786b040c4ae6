//! One field of a table of a preset: reads it, or says what is wrong with it. Pure.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::super::document::Document;
use super::super::error::ConfigError;
use super::super::keys::Kind;
use super::super::suggest;
use super::super::value::{self, Fault, Value};
use super::Conditions;
use crate::wire::preset::path::Plan;
use crate::wire::preset::{Expect, JsonPlan};

/// The most lines, conditions or figures of a preset.
const ROWS_MAX: usize = 100;

/// One field of a table of a preset.
pub(super) struct Field<'a, 'd> {
    pub(super) document: &'a Document<'d>,
    pub(super) name: &'a Spanned<DeString<'a>>,
    pub(super) written: &'a Spanned<DeValue<'a>>,
}

impl<'a> Field<'a, '_> {
    pub(super) fn wrong(
        &self,
        key: &'static str,
        at: &Spanned<DeValue<'_>>,
        fault: Fault,
    ) -> ConfigError {
        let origin = self.document.at(at.span().start);
        ConfigError::Value { origin, key, written: self.document.written(at.span()), fault }
    }

    pub(super) fn wants(
        &self,
        key: &'static str,
        at: &Spanned<DeValue<'_>>,
        wanted: &'static str,
    ) -> ConfigError {
        self.wrong(key, at, Fault::WrongType { found: value::found(at.get_ref()), wanted })
    }

    pub(super) fn text(&self, key: &'static str) -> Result<&'a str, ConfigError> {
        match self.written.get_ref() {
            DeValue::String(text) if !text.is_empty() => Ok(text),
            DeValue::String(_) => {
                Err(self.wrong(key, self.written, Fault::Empty { wanted: "text in quotes" }))
            }
            _ => Err(self.wants(key, self.written, "text in quotes")),
        }
    }

    pub(super) fn bool(&self, key: &'static str) -> Result<bool, ConfigError> {
        match self.written.get_ref() {
            DeValue::Boolean(on) => Ok(*on),
            _ => Err(self.wants(key, self.written, "true or false without quotes")),
        }
    }

    pub(super) fn word(
        &self,
        key: &'static str,
        words: &'static [&'static str],
    ) -> Result<&'static str, ConfigError> {
        match value::from_toml(Kind::Choice(words), self.written.get_ref()) {
            Ok(value::Read { value: Value::Word(word), .. }) => Ok(word),
            Ok(_) => Err(self.wants(key, self.written, "text in quotes")),
            Err(fault) => Err(self.wrong(key, self.written, fault)),
        }
    }

    /// One text, or a list of them.
    pub(super) fn texts(
        &self,
        key: &'static str,
    ) -> Result<Vec<(&'a str, &'a Spanned<DeValue<'a>>)>, ConfigError> {
        const WANTED: &str = "text in quotes, or a list of such";
        let values = match self.written.get_ref() {
            DeValue::Array(values) if !values.is_empty() && values.len() <= ROWS_MAX => {
                values.iter().collect()
            }
            DeValue::Array(_) => {
                return Err(self.wrong(key, self.written, Fault::Empty { wanted: WANTED }));
            }
            _ => vec![self.written],
        };
        let each = values.into_iter().map(|value| match value.get_ref() {
            DeValue::String(text) if !text.is_empty() => Ok((text.as_ref(), value)),
            _ => Err(self.wants(key, value, WANTED)),
        });
        each.collect()
    }

    pub(super) fn tables(&self, key: &'static str) -> Result<Vec<&'a DeTable<'a>>, ConfigError> {
        const WANTED: &str = "a list of tables";
        let DeValue::Array(values) = self.written.get_ref() else {
            return Err(self.wants(key, self.written, WANTED));
        };
        if ROWS_MAX < values.len() {
            return Err(self.wrong(
                key,
                self.written,
                Fault::Wrong(format!("has more than {ROWS_MAX} rows")),
            ));
        }
        let each = values.iter().map(|value| match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.wants(key, value, WANTED)),
        });
        each.collect()
    }

    /// Slots for paths.
    pub(super) fn paths(
        &self,
        key: &'static str,
        json: &mut JsonPlan,
    ) -> Result<Vec<(usize, Box<str>)>, ConfigError> {
        self.slots(key, |path| json.plan.add(path))
    }

    pub(super) fn slots(
        &self,
        key: &'static str,
        mut slot: impl FnMut(&str) -> Result<usize, String>,
    ) -> Result<Vec<(usize, Box<str>)>, ConfigError> {
        let each = self.texts(key)?.into_iter().map(|(path, at)| {
            let slot = slot(path).map_err(|words| self.wrong(key, at, Fault::Wrong(words)))?;
            Ok((slot, path.into()))
        });
        each.collect()
    }

    /// Conditions: `{ type = "result", is_error = true }`.
    pub(super) fn conditions(
        &self,
        key: &'static str,
        table: &DeTable<'_>,
    ) -> Result<Conditions, ConfigError> {
        const WANTED: &str = "text, a number, true or false, or a list of them";
        let mut conditions = Conditions::new();
        for (path, written) in table {
            let check = |path: &str| Plan::default().add(path).map(drop);
            check(path.get_ref()).map_err(|words| self.wrong(key, written, Fault::Wrong(words)))?;
            let values = match written.get_ref() {
                DeValue::Array(values) if !values.is_empty() => values.iter().collect(),
                _ => vec![written],
            };
            let each = values.into_iter().map(|value| match value.get_ref() {
                DeValue::String(text) if text == "*" => Ok(Expect::Present),
                DeValue::String(text) => Ok(Expect::Text(text.as_ref().into())),
                DeValue::Boolean(on) => Ok(Expect::Bool(*on)),
                DeValue::Integer(number) => number
                    .as_str()
                    .parse()
                    .map(Expect::Whole)
                    .map_err(|_| self.wants(key, value, "a whole number from 0 up")),
                _ => Err(self.wants(key, value, WANTED)),
            });
            conditions.push((path.get_ref().to_string(), each.collect::<Result<_, _>>()?));
        }
        if conditions.is_empty() {
            return Err(self.wrong(
                key,
                self.written,
                Fault::Empty { wanted: "at least one condition" },
            ));
        }
        Ok(conditions)
    }
}

/// Walks the fields of a table from the top.
pub(super) fn each<'a, 'd>(
    document: &'a Document<'d>,
    fields: &'a DeTable<'a>,
    path: &str,
    known: &[&'static str],
    mut take: impl FnMut(&'static str, &Field<'a, 'd>) -> Result<(), ConfigError>,
) -> Result<(), ConfigError> {
    // The parser sorts by name; people fix a file from the top.
    let mut items: Vec<_> = fields.iter().collect();
    items.sort_by_key(|(name, _)| name.span().start);
    for (name, written) in items {
        let Some(field) = known.iter().find(|known| **known == name.get_ref().as_ref()) else {
            let near = suggest::nearest(name.get_ref(), known.iter().copied());
            let meant = near.map(|near| format!("{path}.{near}"));
            let origin = document.at(name.span().start);
            let name = format!("{path}.{}", name.get_ref());
            return Err(ConfigError::Unknown { origin, what: "key", name, meant });
        };
        take(field, &Field { document, name, written })?;
    }
    Ok(())
}
