//! `[[preset]]`: how the output of agents is read that know nothing of agentwatch. The rows that come with
//! it and those of a file have the same form. Pure.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use regex_lite::RegexBuilder;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::document::Document;
use super::error::{ConfigError, Origin};
use super::keys::Kind;
use super::rules::{self, WrittenRule};
use super::value::{self, Fault, Value};
use super::{name, suggest};
use crate::core::beat::Status;
use crate::core::counters::Scope;
use crate::core::rule::PATTERN_MAX;
use crate::wire::preset::figures::{Cached, Sum, UsagePlan};
use crate::wire::preset::reader::{Catalog, Recognition};
use crate::wire::preset::text::TextPlan;
use crate::wire::preset::{Case, Expect, Is, JsonPlan, Lines, Preset, When};

/// Where presets stand in a file.
pub const PATH: &str = "preset";

/// The rows that come with agentwatch.
pub const TEXT: &str = include_str!("../../config/presets.toml");

/// The most presets of a user's own: each is asked of every first line.
pub const PRESETS_MAX: usize = 50;

/// The most lines, conditions or figures of a preset.
const ROWS_MAX: usize = 100;

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
    super::document::parse(TEXT, "config/presets.toml").map(|read| read.presets).unwrap_or_default()
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

/// One field of a table of a preset.
struct Field<'a, 'd> {
    document: &'a Document<'d>,
    name: &'a Spanned<DeString<'a>>,
    written: &'a Spanned<DeValue<'a>>,
}

impl<'a> Field<'a, '_> {
    fn wrong(&self, key: &'static str, at: &Spanned<DeValue<'_>>, fault: Fault) -> ConfigError {
        let origin = self.document.at(at.span().start);
        ConfigError::Value { origin, key, written: self.document.written(at.span()), fault }
    }

    fn wants(
        &self,
        key: &'static str,
        at: &Spanned<DeValue<'_>>,
        wanted: &'static str,
    ) -> ConfigError {
        self.wrong(key, at, Fault::WrongType { found: value::found(at.get_ref()), wanted })
    }

    fn text(&self, key: &'static str) -> Result<&'a str, ConfigError> {
        match self.written.get_ref() {
            DeValue::String(text) if !text.is_empty() => Ok(text),
            DeValue::String(_) => {
                Err(self.wrong(key, self.written, Fault::Empty { wanted: "text in quotes" }))
            }
            _ => Err(self.wants(key, self.written, "text in quotes")),
        }
    }

    fn bool(&self, key: &'static str) -> Result<bool, ConfigError> {
        match self.written.get_ref() {
            DeValue::Boolean(on) => Ok(*on),
            _ => Err(self.wants(key, self.written, "true or false without quotes")),
        }
    }

    fn word(
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
    fn texts(
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

    fn tables(&self, key: &'static str) -> Result<Vec<&'a DeTable<'a>>, ConfigError> {
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
    fn paths(
        &self,
        key: &'static str,
        json: &mut JsonPlan,
    ) -> Result<Vec<(usize, Box<str>)>, ConfigError> {
        self.slots(key, |path| json.plan.add(path))
    }

    fn slots(
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
    fn conditions(
        &self,
        key: &'static str,
        table: &DeTable<'_>,
    ) -> Result<Conditions, ConfigError> {
        const WANTED: &str = "text, a number, true or false, or a list of them";
        let mut conditions = Conditions::new();
        for (path, written) in table {
            let check = |path: &str| crate::wire::preset::path::Plan::default().add(path).map(drop);
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
fn each<'a, 'd>(
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

/// What may stand under `[[preset.usage]]`.
const USAGE: [&str; 11] = [
    "input",
    "output",
    "cache_read",
    "cache_write",
    "total",
    "cost",
    "cached",
    "cumulative",
    "cumulative_cost",
    "key",
    "least",
];

fn usage(
    document: &Document<'_>,
    fields: &DeTable<'_>,
    json: &mut JsonPlan,
) -> Result<UsagePlan, ConfigError> {
    let mut plan = UsagePlan::default();
    each(document, fields, "preset.usage", &USAGE, |name, field| {
        match name {
            "input" => plan.input = Sum(field.paths("preset.usage.input", json)?),
            "output" => plan.output = Sum(field.paths("preset.usage.output", json)?),
            "cache_read" => plan.cache_read = Sum(field.paths("preset.usage.cache_read", json)?),
            "cache_write" => plan.cache_write = Sum(field.paths("preset.usage.cache_write", json)?),
            "total" => plan.total = Sum(field.paths("preset.usage.total", json)?),
            "cost" => {
                plan.cost =
                    Sum(field.slots("preset.usage.cost", |path| json.plan.add_amount(path))?)
            }
            "least" => plan.least = Sum(field.paths("preset.usage.least", json)?),
            "cached" => plan.cached = cached(field, "preset.usage.cached")?,
            "cumulative" => {
                let word = field.word("preset.usage.cumulative", &["process", "thread"])?;
                plan.cumulative =
                    Some(if word == "thread" { Scope::Thread } else { Scope::Process });
            }
            "cumulative_cost" => {
                plan.cumulative_cost = field.bool("preset.usage.cumulative_cost")?
            }
            _ => {
                let paths = field.paths("preset.usage.key", json)?;
                plan.key = paths.first().map(|(slot, _)| *slot);
            }
        }
        Ok(())
    })?;
    Ok(plan)
}

fn cached(field: &Field<'_, '_>, key: &'static str) -> Result<Cached, ConfigError> {
    let word = field.word(key, &["within", "beside"])?;
    Ok(if word == "within" { Cached::Within } else { Cached::Beside })
}

/// What may stand under `[[preset.line]]`.
const LINE: [&str; 5] = ["when", "is", "status", "tool_call", "counts"];

fn case(
    document: &Document<'_>,
    of: &Field<'_, '_>,
    fields: &DeTable<'_>,
    json: &mut JsonPlan,
) -> Result<Case, ConfigError> {
    let (mut conditions, mut is, mut status) = (None, None, None);
    let (mut tool_call, mut counts) = (false, false);
    each(document, fields, "preset.line", &LINE, |name, field| {
        match name {
            "when" => match field.written.get_ref() {
                DeValue::Table(table) => {
                    conditions = Some(field.conditions("preset.line.when", table)?);
                }
                _ => {
                    let wanted = "a table such as { type = \"result\" }";
                    return Err(field.wants("preset.line.when", field.written, wanted));
                }
            },
            "is" => is = Some(field.word("preset.line.is", &["begin", "end", "within"])?),
            "status" => status = Some(Status::from_word(field.text("preset.line.status")?)),
            "tool_call" => tool_call = field.bool("preset.line.tool_call")?,
            _ => counts = field.bool("preset.line.counts")?,
        }
        Ok(())
    })?;
    let origin = of.document.at(of.name.span().start);
    let fail = |words: &str| Err(ConfigError::Preset { origin, words: words.to_owned() });
    let (Some(conditions), Some(is)) = (conditions, is) else {
        return fail(
            "has a line without when or without is; write when = { type = \"result\" } and is = \"end\"",
        );
    };
    let when = match when(&conditions, |path| json.plan.add(path)) {
        Ok(when) => when,
        Err(words) => return fail(&format!("has a path that {words}")),
    };
    let is = match is {
        "begin" => Is::Begin,
        "end" => Is::End,
        _ => Is::Within,
    };
    let usual = if is == Is::End { Status::Ok } else { Status::Busy };
    let counts = counts || is == Is::End;
    Ok(Case { when, is, status: status.unwrap_or(usual), tool_call, counts })
}

/// What may stand under `[preset.text]`.
const TEXT_FIELDS: [&str; 4] = ["detect", "contains", "end", "cached"];

/// The most memory that an expression takes, in bytes, as in a restart rule.
const PROGRAM_MAX: usize = 128 * 1024;

fn text_plan(document: &Document<'_>, fields: &DeTable<'_>) -> Result<TextPlan, ConfigError> {
    let (mut detect, mut contains, mut end) = (Vec::new(), "", None);
    let mut within = Cached::default();
    let mut at = 0;
    each(document, fields, "preset.text", &TEXT_FIELDS, |name, field| {
        at = field.name.span().start;
        match name {
            "detect" => {
                let texts = field.texts("preset.text.detect")?;
                detect = texts.into_iter().map(|(text, _)| text.into()).collect();
            }
            "contains" => contains = field.text("preset.text.contains")?,
            "cached" => within = cached(field, "preset.text.cached")?,
            _ => {
                let text = field.text("preset.text.end")?;
                let regex = (text.len() <= PATTERN_MAX)
                    .then(|| RegexBuilder::new(text).size_limit(PROGRAM_MAX).build().ok())
                    .flatten();
                let words = "is no regular expression, or too large a one; write groups such as (?<input>[0-9]+)";
                let wrong = || {
                    field.wrong("preset.text.end", field.written, Fault::Wrong(words.to_owned()))
                };
                end = Some(regex.ok_or_else(wrong)?);
            }
        }
        Ok(())
    })?;
    let (Some(end), false) = (end, contains.is_empty()) else {
        let words = "has a text without end or without contains; write both".to_owned();
        return Err(ConfigError::Preset { origin: document.at(at), words });
    };
    Ok(TextPlan { detect, contains: contains.into(), end, cached: within })
}

#[cfg(test)]
mod tests;
