//! `[[restart.rule]]`: which ends are no crash, or a worse one; read from a file. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::document::Document;
use super::error::{ConfigError, Origin};
use super::keys::Kind;
use super::value::{self, Fault, Value};
use super::{signal, suggest};
use crate::core::rule::{PARK_DEFAULT, Pattern, RULES_MAX, Rule, RuleAction};
use crate::wire::duration;

/// Where the rules stand in a file.
pub const PATH: &str = "restart.rule";

/// What may stand in a rule.
pub const FIELDS: [&str; 6] = ["exit", "signal", "output", "status", "action", "after"];

const ACTIONS: &[&str] = &["restart", "park", "escalate", "finish"];

/// The longest that an agent is parked by a rule: as long as any other wait.
const AFTER: Kind = Kind::Duration { min: Duration::ZERO, max: Duration::from_hours(30 * 24) };

/// A rule as a file gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenRule {
    /// Without its signals, whose numbers are the machine's.
    rule: Rule,
    signals: Vec<(signal::Written, String)>,
    /// File and line.
    pub origin: Origin,
}

impl WrittenRule {
    /// The rule on this machine; `bsd` says that its signals have BSD's numbers.
    #[must_use]
    pub fn here(&self, bsd: bool) -> Rule {
        let signals = self.signals.iter().map(|(signal, _)| signal.here(bsd)).collect();
        Rule { signals, ..self.rule.clone() }
    }

    /// The rule in one line, as `check` shows it: `exit 75 78, output "quota", park 10m`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, words: Vec<String>| {
            if !words.is_empty() {
                // Writing to a String cannot fail.
                let _ = write!(text, "{name} {}, ", words.join(" "));
            }
        };
        let rule = &self.rule;
        add("exit", rule.exits.iter().map(u8::to_string).collect());
        add("signal", self.signals.iter().map(|(_, name)| name.clone()).collect());
        add("output", rule.output.iter().map(|output| format!("{:?}", output.as_str())).collect());
        add("status", rule.statuses.clone());
        text + &match rule.action {
            RuleAction::Restart => "restart".to_owned(),
            RuleAction::Park { after } => format!("park {}", duration::exact(after)),
            RuleAction::Escalate => "escalate".to_owned(),
            RuleAction::Finish => "finish".to_owned(),
        }
    }
}

/// Reads the rules of one file, in their order.
///
/// # Errors
/// The first thing that is no field, no value of its field, or makes no sense beside the others.
pub(super) fn parse(
    document: &Document<'_>,
    rules: &DeArray<'_>,
) -> Result<Vec<WrittenRule>, ConfigError> {
    let mut read = Vec::new();
    for rule in rules {
        let origin = document.at(rule.span().start);
        let DeValue::Table(fields) = rule.get_ref() else { return Err(not_a_list(origin)) };
        if RULES_MAX <= read.len() {
            return Err(too_many(origin));
        }
        read.push(one(document, origin, fields)?);
    }
    Ok(read)
}

/// The words for a rule that stands there as something else.
pub(super) fn not_a_list(origin: Origin) -> ConfigError {
    let words =
        "is a list of tables; write [[restart.rule]] and under it exit = 75 and action = \"park\"";
    ConfigError::Rule { origin, words: words.to_owned() }
}

/// The words for a rule that is one too many.
pub(super) fn too_many(origin: Origin) -> ConfigError {
    let words =
        format!("number {} is one too many; put several exits or words into one", RULES_MAX + 1);
    ConfigError::Rule { origin, words }
}

fn one(
    document: &Document<'_>,
    origin: Origin,
    fields: &DeTable<'_>,
) -> Result<WrittenRule, ConfigError> {
    let mut rule = Rule {
        exits: Vec::new(),
        signals: Vec::new(),
        output: None,
        statuses: Vec::new(),
        action: RuleAction::Restart,
    };
    let (mut signals, mut action, mut after) = (Vec::new(), None, None);
    // The parser sorts by name; people fix a file from the top.
    let mut items: Vec<_> = fields.iter().collect();
    items.sort_by_key(|(name, _)| name.span().start);
    for (name, written) in items {
        let field = Field { document, name, written };
        match name.get_ref().as_ref() {
            "exit" => rule.exits = field.each("restart.rule.exit", exit)?,
            "signal" => signals = field.each("restart.rule.signal", deadly)?,
            "status" => rule.statuses = field.each("restart.rule.status", status)?,
            "output" => rule.output = Some(field.read("restart.rule.output", pattern)?),
            "action" => action = Some(field.read("restart.rule.action", word)?),
            "after" => after = Some((field.read("restart.rule.after", span)?, field.origin())),
            other => {
                let meant = suggest::nearest(other, FIELDS).map(|near| format!("{PATH}.{near}"));
                let (origin, name) = (field.origin(), format!("{PATH}.{other}"));
                return Err(ConfigError::Unknown { origin, what: "key", name, meant });
            }
        }
    }
    let fail = |origin, words: &str| Err(ConfigError::Rule { origin, words: words.to_owned() });
    rule.action = match (action, after) {
        (None, _) => {
            let words =
                "has no action; write action = \"restart\", \"park\", \"escalate\" or \"finish\"";
            return fail(origin, words);
        }
        (Some("park"), after) => {
            RuleAction::Park { after: after.map_or(PARK_DEFAULT, |(after, _)| after) }
        }
        (Some(_), Some((_, origin))) => {
            return fail(origin, "has after, which only action = \"park\" waits for; take it away");
        }
        (Some("escalate"), None) => RuleAction::Escalate,
        (Some("finish"), None) => RuleAction::Finish,
        (Some(_), None) => RuleAction::Restart,
    };
    let conditions =
        [rule.exits.len(), signals.len(), rule.statuses.len(), usize::from(rule.output.is_some())];
    if conditions.iter().all(|count| *count == 0) {
        let words =
            "has no condition and would match every end; write exit, signal, output or status";
        return fail(origin, words);
    }
    Ok(WrittenRule { rule, signals, origin })
}

struct Field<'a> {
    document: &'a Document<'a>,
    name: &'a Spanned<DeString<'a>>,
    written: &'a Spanned<DeValue<'a>>,
}

impl Field<'_> {
    fn origin(&self) -> Origin {
        self.document.at(self.name.span().start)
    }

    fn read<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Fault>,
    ) -> Result<T, ConfigError> {
        self.one(key, self.written, read)
    }

    /// One value, or a list of them.
    fn each<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, ConfigError> {
        let DeValue::Array(values) = self.written.get_ref() else {
            return Ok(vec![self.read(key, read)?]);
        };
        if values.is_empty() {
            let empty =
                |_: &DeValue<'_>| Err(Fault::Empty { wanted: "at least one, or take it away" });
            return self.read(key, empty);
        }
        values.iter().map(|value| self.one(key, value, &read)).collect()
    }

    fn one<T>(
        &self,
        key: &'static str,
        value: &Spanned<DeValue<'_>>,
        read: impl Fn(&DeValue<'_>) -> Result<T, Fault>,
    ) -> Result<T, ConfigError> {
        read(value.get_ref()).map_err(|fault| {
            let origin = self.document.at(value.span().start);
            let written = self.document.written(value.span());
            ConfigError::Value { origin, key, written, fault }
        })
    }
}

fn exit(written: &DeValue<'_>) -> Result<u8, Fault> {
    const MAX: u32 = u8::MAX as u32;
    match written {
        DeValue::Integer(number) => {
            let code = value::count(number.as_str(), number.radix(), 0, MAX)?;
            Ok(u8::try_from(code).unwrap_or(u8::MAX))
        }
        other => wrong(other, "an exit code such as 75, or a list of them"),
    }
}

fn deadly(written: &DeValue<'_>) -> Result<(signal::Written, String), Fault> {
    let text = match written {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        other => return wrong(other, "a signal such as \"KILL\", or a list of them"),
    };
    signal::deadly(&text).ok_or(Fault::NotDeadly)
}

fn status(written: &DeValue<'_>) -> Result<String, Fault> {
    const WANTED: &str = "a status word such as \"rate_limited\", or a list of them";
    match written {
        DeValue::String(text) if text.trim().is_empty() => Err(Fault::Empty { wanted: WANTED }),
        DeValue::String(text) => Ok(text.to_string()),
        other => wrong(other, WANTED),
    }
}

fn pattern(written: &DeValue<'_>) -> Result<Pattern, Fault> {
    const WANTED: &str = "a regular expression in quotes";
    match written {
        // It would be found in every line, which nobody means.
        DeValue::String(text) if text.is_empty() => Err(Fault::Empty { wanted: WANTED }),
        DeValue::String(text) => Pattern::new(text).map_err(Fault::NotARegex),
        other => wrong(other, WANTED),
    }
}

fn word(written: &DeValue<'_>) -> Result<&'static str, Fault> {
    match value::from_toml(Kind::Choice(ACTIONS), written)?.value {
        Value::Word(word) => Ok(word),
        _ => wrong(written, "text in quotes"),
    }
}

fn span(written: &DeValue<'_>) -> Result<Duration, Fault> {
    match value::from_toml(AFTER, written)?.value {
        Value::Duration(after) => Ok(after),
        _ => wrong(written, "a duration in quotes, such as \"10m\""),
    }
}

fn wrong<T>(written: &DeValue<'_>, wanted: &'static str) -> Result<T, Fault> {
    Err(Fault::WrongType { found: value::found(written), wanted })
}

#[cfg(test)]
mod tests;
