//! `[[restart.rule]]`: what a file says of certain ends. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin};
use super::keys::Kind;
use super::suggest;
use super::value::{self, StopSignal, Value};
use crate::core::rule::{PARK_DEFAULT, Pattern, RULES_MAX, Rule, RuleAction};
use crate::wire::duration;

/// What a rule may say.
const KEYS: [&str; 6] = ["exit", "signal", "output", "status", "action", "after"];

/// What may follow.
const ACTIONS: &[&str] = &["restart", "park", "escalate", "finish"];

/// The longest that an agent is parked by a rule: as long as any other wait.
const AFTER: Kind = Kind::Duration { min: Duration::ZERO, max: Duration::from_hours(30 * 24) };

/// An exit code, as the system knows them.
const EXIT: Kind = Kind::Count { min: 0, max: 255 };

/// A rule as a file gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenRule {
    /// File and line.
    pub origin: Origin,
    exits: Vec<u8>,
    signals: Vec<(StopSignal, String)>,
    output: Option<Pattern>,
    statuses: Vec<String>,
    action: RuleAction,
}

impl WrittenRule {
    /// The rule with the signal numbers of this machine; `bsd` says that they are BSD's.
    #[must_use]
    pub fn here(&self, bsd: bool) -> Rule {
        Rule {
            exits: self.exits.clone(),
            signals: self.signals.iter().map(|(signal, _)| signal.here(bsd)).collect(),
            output: self.output.clone(),
            statuses: self.statuses.clone(),
            action: self.action,
        }
    }

    /// The rule in one line, as `check` shows it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let list = |words: Vec<String>| words.join(" ");
        if !self.exits.is_empty() {
            let _ = write!(text, "exit {}, ", list(self.exits.iter().map(u8::to_string).collect()));
        }
        if !self.signals.is_empty() {
            let names = self.signals.iter().map(|(_, name)| name.clone()).collect();
            let _ = write!(text, "signal {}, ", list(names));
        }
        if let Some(pattern) = &self.output {
            let _ = write!(text, "output {:?}, ", pattern.as_str());
        }
        if !self.statuses.is_empty() {
            let _ = write!(text, "status {}, ", list(self.statuses.clone()));
        }
        let action = match self.action {
            RuleAction::Restart => "restart".to_owned(),
            RuleAction::Park { after } => format!("park {}", duration::exact(after)),
            RuleAction::Escalate => "escalate".to_owned(),
            RuleAction::Finish => "finish".to_owned(),
        };
        text + &action
    }
}

/// Reads the rules of one file; `at` says where an offset of its text stands.
///
/// # Errors
/// The first rule that says nothing, or something that no rule can.
pub fn read(
    written: &Spanned<DeValue<'_>>,
    at: &dyn Fn(usize) -> Origin,
) -> Result<Vec<WrittenRule>, ConfigError> {
    let wrong = |origin, words: &str| ConfigError::Rule { origin, words: words.to_owned() };
    let DeValue::Array(list) = written.get_ref() else {
        let words = "is a list of tables; write [[restart.rule]] and under it exit = 75";
        return Err(wrong(at(written.span().start), words));
    };
    if RULES_MAX < list.len() {
        let words = format!("{} rules; write at most {RULES_MAX}", list.len());
        return Err(wrong(at(written.span().start), &words));
    }
    list.iter()
        .map(|one| match one.get_ref() {
            DeValue::Table(table) => rule(table, &at(one.span().start), at),
            _ => Err(wrong(at(one.span().start), "is a table; write [[restart.rule]]")),
        })
        .collect()
}

fn rule(
    table: &DeTable<'_>,
    origin: &Origin,
    at: &dyn Fn(usize) -> Origin,
) -> Result<WrittenRule, ConfigError> {
    let fail = |origin: &Origin, words: String| ConfigError::Rule { origin: origin.clone(), words };
    let mut rule = WrittenRule {
        origin: origin.clone(),
        exits: Vec::new(),
        signals: Vec::new(),
        output: None,
        statuses: Vec::new(),
        action: RuleAction::Restart,
    };
    let (mut action, mut after) = (None, None);
    for (name, written) in table {
        let here = at(name.span().start);
        let name = name.get_ref().as_ref();
        let told = |words: String| fail(&here, format!("{name} {words}"));
        match name {
            "exit" => rule.exits = each(written, exit).map_err(told)?,
            "signal" => rule.signals = each(written, signal).map_err(told)?,
            "status" => rule.statuses = each(written, text).map_err(told)?,
            "output" => {
                let pattern = text(written.get_ref()).map_err(told)?;
                let read = Pattern::new(&pattern);
                let bad = |error| told(format!("= {pattern:?} is no regular expression: {error}"));
                rule.output = Some(read.map_err(bad)?);
            }
            "action" => action = Some(word(written.get_ref()).map_err(told)?),
            "after" => after = Some(time(written.get_ref()).map_err(told)?),
            other => {
                let meant = suggest::nearest(other, KEYS);
                let meant = meant.map(|meant| format!("; did you mean {meant}?"));
                let known = format!("; a rule knows {}", KEYS.join(", "));
                let words = format!("unknown key {other}{}", meant.unwrap_or(known));
                return Err(fail(&here, words));
            }
        }
    }
    let asks = !rule.exits.is_empty()
        || !rule.signals.is_empty()
        || !rule.statuses.is_empty()
        || rule.output.is_some();
    if !asks {
        let words = "asks for nothing; write exit, signal, output or status, such as exit = 75";
        return Err(fail(origin, words.to_owned()));
    }
    rule.action = match (action, after) {
        (None, _) => {
            let words = format!("has no action; write action = one of {}", ACTIONS.join(", "));
            return Err(fail(origin, words));
        }
        (Some("park"), after) => RuleAction::Park { after: after.unwrap_or(PARK_DEFAULT) },
        (Some(other), Some(_)) => {
            let words =
                format!("has after, but action = \"{other}\" does not wait; only park does");
            return Err(fail(origin, words));
        }
        (Some("escalate"), None) => RuleAction::Escalate,
        (Some("finish"), None) => RuleAction::Finish,
        (Some(_), None) => RuleAction::Restart,
    };
    Ok(rule)
}

/// One value, or a list of them.
fn each<T>(
    written: &Spanned<DeValue<'_>>,
    read: impl Fn(&DeValue<'_>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    match written.get_ref() {
        DeValue::Array(list) if list.is_empty() => {
            Err("is an empty list; leave it away".to_owned())
        }
        DeValue::Array(list) => list.iter().map(|one| read(one.get_ref())).collect(),
        one => Ok(vec![read(one)?]),
    }
}

fn exit(written: &DeValue<'_>) -> Result<u8, String> {
    match value::from_toml(EXIT, written).map_err(|fault| fault.to_string())?.value {
        Value::Count(code) => u8::try_from(code).map_err(|error| error.to_string()),
        _ => Err("is no exit code; write 0 to 255".to_owned()),
    }
}

fn signal(written: &DeValue<'_>) -> Result<(StopSignal, String), String> {
    let read = value::from_toml(Kind::Signal, written).map_err(|fault| fault.to_string())?;
    match read.value {
        Value::Signal(signal) => Ok((signal, read.text)),
        _ => Err("is no signal; write KILL, or a number".to_owned()),
    }
}

fn text(written: &DeValue<'_>) -> Result<String, String> {
    match written {
        DeValue::String(text) if !text.is_empty() => Ok(text.clone().into_owned()),
        _ => Err("is no text; write it in quotes".to_owned()),
    }
}

fn word(written: &DeValue<'_>) -> Result<&'static str, String> {
    let read =
        value::from_toml(Kind::Choice(ACTIONS), written).map_err(|fault| fault.to_string())?;
    match read.value {
        Value::Word(word) => Ok(word),
        _ => Err(format!("is none of {}", ACTIONS.join(", "))),
    }
}

fn time(written: &DeValue<'_>) -> Result<Duration, String> {
    match value::from_toml(AFTER, written).map_err(|fault| fault.to_string())?.value {
        Value::Duration(time) => Ok(time),
        _ => Err("is no duration; write \"10m\"".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::document;

    fn rules(text: &str) -> Result<Vec<String>, String> {
        document::parse(text, "f")
            .map(|read| read.rules.iter().map(super::WrittenRule::text).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn rules_are_read_in_their_order() {
        let text = "[restart]\ncooldown = '1m'\n\n[[restart.rule]]\nexit = [75, 78]\naction = 'park'\n\
            after = '90s'\n\n[[restart.rule]]\noutput = '(?i)invalid api key'\nstatus = ['revoked']\n\
            action = 'escalate'\n[[restart.rule]]\nsignal = ['SIGKILL', 10]\naction = 'restart'\n\
            [[restart.rule]]\nexit = 0\naction = 'park'\n";
        assert_eq!(
            rules(text).unwrap(),
            [
                "exit 75 78, park 1m30s",
                "output \"(?i)invalid api key\", status revoked, escalate",
                "signal KILL 10, restart",
                "exit 0, park 10m",
            ]
        );
        assert_eq!(rules("[restart]\nrule = []").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_no_rule_can_say_is_refused_with_line_and_way_out() {
        let rule = |body: &str| rules(&format!("[[restart.rule]]\n{body}")).unwrap_err();
        for (body, words) in [
            (
                "exit = 300\naction = 'park'",
                "f:2: restart.rule: exit is out of range; write 0 to 255",
            ),
            (
                "exit = []\naction = 'park'",
                "f:2: restart.rule: exit is an empty list; leave it away",
            ),
            (
                "signal = 'KILLL'\naction = 'park'",
                "f:2: restart.rule: signal is no stop signal; write one of",
            ),
            ("action = 'park'", "f:1: restart.rule: asks for nothing; write exit"),
            ("exit = 1", "f:1: restart.rule: has no action; write action = one of restart, park"),
            (
                "exit = 1\naction = 'parkk'",
                "f:3: restart.rule: action is none of restart, park, escalate, finish; did you mean park?",
            ),
            (
                "exit = 1\naction = 'finish'\nafter = '5m'",
                "f:1: restart.rule: has after, but action = \"finish\" does not wait",
            ),
            ("exit = 1\naction = 'park'\nafter = '5'", "f:4: restart.rule: after has no unit"),
            (
                "exits = 1\naction = 'park'",
                "f:2: restart.rule: unknown key exits; did you mean exit?",
            ),
            (
                "output = '(x'\naction = 'park'",
                "f:2: restart.rule: output = \"(x\" is no regular expression: ",
            ),
        ] {
            let said = rule(body);
            assert!(said.starts_with(words), "{said}");
        }
        assert!(rules("restart.rule = 5").unwrap_err().contains("is a list of tables"));
        assert!(rules("restart.rule = [5]").unwrap_err().contains("is a table"));
        let many = "[[restart.rule]]\nexit = 1\naction = 'park'\n".repeat(101);
        assert!(rules(&many).unwrap_err().contains("101 rules; write at most 100"));
    }
}
