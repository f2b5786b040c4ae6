//! `[[preset]]`: how the output of agents is read that know nothing of agentwatch. The rows that come with
//! it and those of a file have the same form. Pure.

mod field;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use toml::de::{DeArray, DeTable, DeValue};

use super::document::Document;
use super::error::{ConfigError, Origin};
use super::keys::Kind;
use super::name;
use super::rules::{self, WrittenRule};
use super::value::{self, Fault, Value};
use crate::wire::preset::reader::{Catalog, Recognition};
use crate::wire::preset::{Expect, Is, JsonPlan, Lines, Preset, When};
use field::{Field, each};
use rows::{case, text_plan, usage};

/// Where presets stand in a file.
pub const PATH: &str = "preset";

/// The rows that come with agentwatch.
pub const TEXT: &str = include_str!("../../config/presets.toml");

/// The most presets of a user's own: each is asked of every first line.
pub const PRESETS_MAX: usize = 50;

/// Tens of milliseconds to a month, as for any interval.
const INTERVAL: Kind =
    Kind::Duration { min: Duration::from_millis(10), max: Duration::from_hours(30 * 24) };

/// Conditions on a line by their paths.
type Conditions = Vec<(String, Vec<Expect>)>;

/// A preset as a file gives it.
#[derive(Clone, Debug)]
pub struct Written {
    preset: Preset,
    detect: Vec<Conditions>,
    rules: Vec<WrittenRule>,
}

impl PartialEq for Written {
    fn eq(&self, other: &Self) -> bool {
        self.preset == other.preset && self.detect == other.detect
    }
}

impl Written {
    /// What it is called by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.preset.name
    }

    /// The interval that fits it.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.preset.interval
    }

    /// Whether it does one task and exits.
    #[must_use]
    pub fn is_one_shot(&self) -> bool {
        self.preset.one_shot
    }

    /// Its restart rules.
    #[must_use]
    pub fn rules(&self) -> &[WrittenRule] {
        &self.rules
    }
}

/// The presets that come with agentwatch. Read at the first call.
#[must_use]
pub fn builtin() -> Arc<Catalog> {
    static BUILTIN: OnceLock<Arc<Catalog>> = OnceLock::new();
    Arc::clone(BUILTIN.get_or_init(|| Arc::new(catalog(&written(), false, false))))
}

/// The same with a user's own, which are asked first; `bsd` says that signals have BSD's numbers.
#[must_use]
pub fn with(own: &[Written], bsd: bool) -> Arc<Catalog> {
    Arc::new(catalog(&[own, &written()].concat(), bsd, !own.is_empty()))
}

/// The rows that come with agentwatch, as they are written. That they can be read is held by a test.
#[must_use]
pub fn written() -> Vec<Written> {
    super::document::parse(TEXT, "agentwatch's presets.toml")
        .map(|read| read.presets)
        .unwrap_or_default()
}

fn catalog(written: &[Written], bsd: bool, any_line: bool) -> Catalog {
    let mut recognition = Recognition::default();
    for (at, one) in written.iter().enumerate() {
        for conditions in &one.detect {
            let when = when(conditions, |path| recognition.slot(path));
            // Its paths were read before.
            recognition.rows.extend(when.ok().map(|when| (at, when)));
        }
    }
    let presets = written.iter().map(|one| {
        let rules = one.rules.iter().map(|rule| rule.here(bsd)).collect();
        Arc::new(Preset { rules, ..one.preset.clone() })
    });
    Catalog::new(presets.collect(), recognition.plan, recognition.rows, any_line)
}

fn when(
    conditions: &[(String, Vec<Expect>)],
    mut slot: impl FnMut(&str) -> Result<usize, String>,
) -> Result<When, String> {
    let each = conditions.iter().map(|(path, expected)| Ok((slot(path)?, expected.clone())));
    each.collect::<Result<_, String>>().map(When)
}

/// Reads the presets of one file, in their order.
///
/// # Errors
/// The first thing that is no field, no value of its field, or makes no sense beside the others.
pub(super) fn parse(
    document: &Document<'_>,
    list: &DeArray<'_>,
) -> Result<Vec<Written>, ConfigError> {
    let mut read: Vec<Written> = Vec::new();
    for preset in list {
        let origin = document.at(preset.span().start);
        let DeValue::Table(fields) = preset.get_ref() else { return Err(not_a_list(origin)) };
        if PRESETS_MAX <= read.len() {
            let words = format!(
                "number {} is one too many; take those away that are not used",
                PRESETS_MAX + 1
            );
            return Err(ConfigError::Preset { origin, words });
        }
        let one = one(document, &origin, fields)?;
        if read.iter().any(|known| known.name() == one.name()) {
            let words = format!("name = \"{}\" is given twice; give each its own", one.name());
            return Err(ConfigError::Preset { origin, words });
        }
        read.push(one);
    }
    Ok(read)
}

/// The words for presets that stand there as something else.
pub(super) fn not_a_list(origin: Origin) -> ConfigError {
    let words = "is a list of tables; write [[preset]] and under it name = \"my-cli\"".to_owned();
    ConfigError::Preset { origin, words }
}

/// What may stand in a preset.
const FIELDS: [&str; 11] = [
    "name", "interval", "one_shot", "typed", "detect", "model", "message", "usage", "line", "rule",
    "text",
];

fn one(
    document: &Document<'_>,
    origin: &Origin,
    fields: &DeTable<'_>,
) -> Result<Written, ConfigError> {
    let mut json = JsonPlan::default();
    let (mut called, mut interval, mut one_shot, mut text) = (None, None, false, None);
    let (mut detect, mut rules) = (Vec::new(), Vec::new());
    each(document, fields, PATH, &FIELDS, |name, field| {
        match name {
            "name" => called = Some(called_by(field)?),
            "interval" => {
                let read = value::from_toml(INTERVAL, field.written.get_ref());
                match read
                    .map_err(|fault| field.wrong("preset.interval", field.written, fault))?
                    .value
                {
                    Value::Duration(read) => interval = Some(read),
                    _ => {
                        return Err(field.wants(
                            "preset.interval",
                            field.written,
                            "a duration in quotes",
                        ));
                    }
                }
            }
            "one_shot" => one_shot = field.bool("preset.one_shot")?,
            "typed" => {
                let paths = field.paths("preset.typed", &mut json)?;
                json.typed = paths.first().map(|(slot, _)| *slot);
            }
            "detect" => {
                for table in field.tables("preset.detect")? {
                    detect.push(field.conditions("preset.detect", table)?);
                }
            }
            "model" => json.model = slots(field.paths("preset.model", &mut json)?),
            "message" => json.message = slots(field.paths("preset.message", &mut json)?),
            "usage" => {
                for table in field.tables("preset.usage")? {
                    let usage = usage(document, table, &mut json)?;
                    json.usage.push(usage);
                }
            }
            "line" => {
                for table in field.tables("preset.line")? {
                    let case = case(document, field, table, &mut json)?;
                    json.cases.push(case);
                }
            }
            "rule" => match field.written.get_ref() {
                DeValue::Array(list) => rules = rules::parse(document, list)?,
                _ => return Err(field.wants("preset.rule", field.written, "a list of tables")),
            },
            _ => match field.written.get_ref() {
                DeValue::Table(table) => text = Some(text_plan(document, table)?),
                _ => return Err(field.wants("preset.text", field.written, "a table")),
            },
        }
        Ok(())
    })?;
    let fail =
        |words: &str| Err(ConfigError::Preset { origin: origin.clone(), words: words.to_owned() });
    let Some(name) = called else { return fail("has no name; write name = \"my-cli\"") };
    let lines = match text {
        Some(text) => Lines::Text(text),
        None if !json.cases.iter().any(|case| case.is == Is::End) => {
            return fail("has no end of a cycle; write [[preset.line]] with when and is = \"end\"");
        }
        None => Lines::Json(json),
    };
    let preset = Preset { name, interval, one_shot, rules: Vec::new(), lines };
    Ok(Written { preset, detect, rules })
}

fn slots(paths: Vec<(usize, Box<str>)>) -> Vec<usize> {
    paths.into_iter().map(|(slot, _)| slot).collect()
}

fn called_by(field: &Field<'_, '_>) -> Result<String, ConfigError> {
    let text = field.text("preset.name")?;
    if !name::is_valid(text) {
        return Err(field.wrong("preset.name", field.written, Fault::NotAName));
    }
    if matches!(text, "auto" | "none") {
        let words = "is a word of --preset itself; choose another".to_owned();
        return Err(field.wrong("preset.name", field.written, Fault::Wrong(words)));
    }
    Ok(text.to_owned())
}
