//! One TOML text → the settings in it, each with its line; anything unknown is an error. Pure.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::error::{ConfigError, Origin};
use super::keys::{self, KEYS, Key};
use super::{presets, rules, suggest, value};

/// The table of alerts, which may be a list of sinks instead.
const ALERT: &str = "alert";

/// Those sinks.
const SINKS: &str = "alert.sinks";

/// A setting as a file gives it.
#[derive(Debug)]
pub struct Entry {
    /// Its key.
    pub key: &'static Key,
    /// Its value and text.
    pub read: value::Read,
    /// File and line.
    pub origin: Origin,
}

/// What one file sets.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Its settings, in the order they stand there.
    pub entries: Vec<Entry>,
    /// Its restart rules, in the order they stand there.
    pub rules: Vec<rules::WrittenRule>,
    /// Its presets, in the order they stand there.
    pub presets: Vec<presets::Written>,
}

/// Reads all settings of `text`, a file that people know as `shown`.
///
/// # Errors
/// The first thing from the top that is no TOML, no key, or no value of its key.
pub fn parse(text: &str, shown: &str) -> Result<Parsed, ConfigError> {
    let document = Document { text, shown };
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        // An error without a place is about the end of the text.
        origin: document.at(error.span().map_or(text.len(), |span| span.start)),
        words: error.message().to_owned(),
    })?;
    let mut parsed = Parsed::default();
    document.table("", table.get_ref(), &mut parsed)?;
    Ok(parsed)
}

/// A text that is being read.
pub(super) struct Document<'a> {
    text: &'a str,
    shown: &'a str,
}

impl Document<'_> {
    /// The line of a byte.
    pub(super) fn at(&self, offset: usize) -> Origin {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        let breaks = memchr::memchr_iter(b'\n', before).count();
        Origin::File { path: self.shown.to_owned(), line: breaks + 1 }
    }

    /// A value as it is written.
    pub(super) fn written(&self, span: std::ops::Range<usize>) -> String {
        self.text.get(span).unwrap_or_default().to_owned()
    }

    /// Walks a table; `prefix` is its path with a dot behind it, or empty at the top.
    ///
    /// Tables hold keys and no tables but at the top, so this goes one level down and no further.
    fn table(
        &self,
        prefix: &str,
        table: &DeTable<'_>,
        parsed: &mut Parsed,
    ) -> Result<(), ConfigError> {
        // The parser sorts by name; people fix a file from the top.
        let mut items: Vec<_> = table.iter().collect();
        items.sort_by_key(|(name, _)| name.span().start);
        for (name, written) in items {
            let path = format!("{prefix}{}", name.get_ref());
            match (find(&path), written.get_ref()) {
                (Some(Place::Key(key)), _) => parsed.entries.push(self.entry(key, name, written)?),
                (Some(Place::Rules), DeValue::Array(list)) => {
                    parsed.rules.extend(rules::parse(self, list)?);
                }
                (Some(Place::Rules), _) => {
                    return Err(rules::not_a_list(self.at(name.span().start)));
                }
                (Some(Place::Presets), DeValue::Array(list)) => {
                    parsed.presets.extend(presets::parse(self, list)?);
                }
                (Some(Place::Presets), _) => {
                    return Err(presets::not_a_list(self.at(name.span().start)));
                }
                // `[[alert]]`, where nothing else is to be said of alerts.
                (Some(Place::Table), DeValue::Array(_)) if path == ALERT => {
                    let key = keys::find(SINKS).ok_or(ConfigError::Bug { key: SINKS })?;
                    parsed.entries.push(self.entry(key, name, written)?);
                }
                (Some(Place::Table), DeValue::Table(inner)) => {
                    self.table(&format!("{path}."), inner, parsed)?;
                }
                (Some(Place::Table), _) => {
                    return Err(ConfigError::NotATable {
                        origin: self.at(name.span().start),
                        example: example(&path),
                        table: path,
                    });
                }
                (None, written) => {
                    let what = if matches!(written, DeValue::Table(_)) { "table" } else { "key" };
                    let origin = self.at(name.span().start);
                    let meant = meant(&path, what);
                    return Err(ConfigError::Unknown { origin, what, name: path, meant });
                }
            }
        }
        Ok(())
    }

    fn entry(
        &self,
        key: &'static Key,
        name: &Spanned<DeString<'_>>,
        written: &Spanned<DeValue<'_>>,
    ) -> Result<Entry, ConfigError> {
        let origin = self.at(name.span().start);
        match value::from_toml(key.kind, written.get_ref()) {
            Ok(read) => Ok(Entry { key, read, origin }),
            Err(fault) => {
                let written = if key.kind.is_secret() {
                    "…".to_owned()
                } else {
                    self.written(written.span())
                };
                Err(ConfigError::Value { origin, key: key.path, written, fault })
            }
        }
    }
}

enum Place {
    Key(&'static Key),
    Table,
    Rules,
    Presets,
}

fn find(path: &str) -> Option<Place> {
    if path == rules::PATH {
        return Some(Place::Rules);
    }
    if path == presets::PATH {
        return Some(Place::Presets);
    }
    let key = KEYS.iter().find(|key| key.path == path).map(Place::Key);
    key.or_else(|| tables().any(|table| table == path).then_some(Place::Table))
}

fn tables() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(|key| key.path.split_once('.').map(|(table, _)| table))
}

fn example(table: &str) -> String {
    let key = KEYS.iter().find(|key| key.path.split_once('.').is_some_and(|(of, _)| of == table));
    key.map_or_else(String::new, super::template::line)
}

/// The path that an unknown one was meant to be: a slip of the finger, the name of a flag, or a
/// key under the wrong table.
fn meant(path: &str, what: &str) -> Option<String> {
    if what == "table" {
        return suggest::nearest(path, tables()).map(str::to_owned);
    }
    let last = |path: &'static str| path.rsplit('.').next().unwrap_or(path);
    let written = path.rsplit('.').next().unwrap_or(path);
    let flag = written.replace('_', "-");
    let exact = KEYS.iter().find(|key| key.flag == Some(&flag) || last(key.path) == written);
    if let Some(key) = exact {
        return Some(key.path.to_owned());
    }
    if let Some(near) = suggest::nearest(path, KEYS.iter().map(|key| key.path)) {
        return Some(near.to_owned());
    }
    let near = suggest::nearest(written, KEYS.iter().map(|key| last(key.path)))?;
    KEYS.iter().find(|key| last(key.path) == near).map(|key| key.path.to_owned())
}

#[cfg(test)]
mod tests;
