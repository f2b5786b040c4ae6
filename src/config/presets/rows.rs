//! What stands under a preset: kinds of lines, places of figures, and how text is read. Pure.

use regex_lite::RegexBuilder;
use toml::de::DeTable;

use super::super::document::Document;
use super::super::error::ConfigError;
use super::super::value::Fault;
use super::field::{Field, each};
use super::when;
use crate::core::beat::Status;
use crate::core::counters::Scope;
use crate::core::rule::PATTERN_MAX;
use crate::wire::preset::figures::{Cached, Sum, UsagePlan};
use crate::wire::preset::text::TextPlan;
use crate::wire::preset::{Case, Is, JsonPlan};

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

pub(super) fn usage(
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
                    Sum(field.slots("preset.usage.cost", |path| json.plan.add_amount(path))?);
            }
            "least" => plan.least = Sum(field.paths("preset.usage.least", json)?),
            "cached" => plan.cached = cached(field, "preset.usage.cached")?,
            "cumulative" => {
                let word = field.word("preset.usage.cumulative", &["process", "thread"])?;
                plan.cumulative =
                    Some(if word == "thread" { Scope::Thread } else { Scope::Process });
            }
            "cumulative_cost" => {
                plan.cumulative_cost = field.bool("preset.usage.cumulative_cost")?;
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

pub(super) fn case(
    document: &Document<'_>,
    of: &Field<'_, '_>,
    fields: &DeTable<'_>,
    json: &mut JsonPlan,
) -> Result<Case, ConfigError> {
    let (mut conditions, mut is, mut status) = (None, None, None);
    let (mut tool_call, mut counts) = (false, false);
    each(document, fields, "preset.line", &LINE, |name, field| {
        match name {
            "when" => {
                let wanted = "a table such as { type = \"result\" }";
                let wrong = || field.wants("preset.line.when", field.written, wanted);
                let table = field.written.get_ref().as_table().ok_or_else(wrong)?;
                conditions = Some(field.conditions("preset.line.when", table)?);
            }
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
        return fail("has a line without when or without is; write both");
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

pub(super) fn text_plan(
    document: &Document<'_>,
    fields: &DeTable<'_>,
) -> Result<TextPlan, ConfigError> {
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
                let words =
                    "is no regular expression that will do; write one with (?<input>[0-9]+)";
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
