//! Presets: how the output of agents that know nothing of agentwatch is read. Rows of data
//! (`config/presets.toml`) and one pure reader for all of them.

pub mod figures;
pub mod path;
pub mod reader;
#[cfg(test)]
mod tests;
pub mod text;

use std::time::Duration;

use crate::core::beat::{Beat, Status, Turn};
use crate::core::counters::Scope;
use crate::core::rule::Rule;

use super::beat::fields::Value;
use super::beat::{MESSAGE_MAX, NAME_MAX, Reason};
use figures::UsagePlan;
use path::{Plan, Slot};
use text::TextPlan;

/// One agent's row.
#[derive(Clone, Debug)]
pub struct Preset {
    /// What it is called by: `claude`.
    pub name: String,
    /// The interval that fits an agent that is silent while it thinks.
    pub interval: Option<Duration>,
    /// It does one task and exits, so it must not wait on an open stdin.
    pub one_shot: bool,
    /// What certain of its ends mean.
    pub rules: Vec<Rule>,
    /// How its lines are read.
    pub lines: Lines,
}

/// How the lines of a preset are read.
#[derive(Clone, Debug)]
pub enum Lines {
    /// JSON objects.
    Json(JsonPlan),
    /// Text.
    Text(TextPlan),
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything but null.
    Present,
    /// That text; a `*` in it stands for any.
    Text(Box<str>),
    /// That.
    Bool(bool),
    /// That number.
    Whole(u64),
}

impl Expect {
    fn fits(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Present, value) => value.is_set(),
            (Self::Text(wanted), Value::Text(text)) => is_like(wanted, text),
            (Self::Bool(wanted), Value::Bool(is)) => wanted == is,
            (Self::Whole(wanted), Value::Whole(is)) => wanted == is,
            _ => false,
        }
    }
}

/// Whether a text is like a pattern in which `*` stands for any text. Linear but for the number of stars.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        let Some(at) = text.find(part) else { return false };
        text = text.get(at + part.len()..).unwrap_or_default();
    }
    text.ends_with(last)
}

/// Conditions on a line, all of which must hold; of each, one of several values will do.
#[derive(Clone, Debug, Default)]
pub struct When(pub Vec<(Slot, Vec<Expect>)>);

impl When {
    /// Whether a line is such a one.
    #[must_use]
    fn fits(&self, got: &[Value<'_>]) -> bool {
        self.0.iter().all(|(slot, expected)| {
            got.get(*slot).is_some_and(|value| expected.iter().any(|one| one.fits(value)))
        })
    }
}

/// What a line is for its agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// A turn begins.
    Begin,
    /// A cycle ends.
    End,
    /// Something happened inside a cycle.
    Within,
}

/// One kind of line.
#[derive(Clone, Debug)]
pub struct Case {
    /// Which lines.
    pub when: When,
    /// What it is.
    pub is: Is,
    /// What it says of its agent.
    pub status: Status,
    /// It tells of a tool call.
    pub tool_call: bool,
    /// Its figures count.
    pub counts: bool,
}

/// A preset of JSON lines.
#[derive(Clone, Debug, Default)]
pub struct JsonPlan {
    /// All of its paths.
    pub plan: Plan,
    /// Its lines have a text here, and whatever is known of that text, they show that it lives. Without it,
    /// only lines that a case knows are its own.
    pub typed: Option<Slot>,
    /// Kinds of lines; the first that fits decides.
    pub cases: Vec<Case>,
    /// Where its figures are; the first that has any decides.
    pub usage: Vec<UsagePlan>,
    /// Where it tells its model, and which key its counters have.
    pub model: Vec<Slot>,
    /// Where an error or a warning tells what is wrong.
    pub message: Vec<Slot>,
}

/// What a line turned out to be.
#[derive(Debug, PartialEq)]
pub enum Told {
    /// Nothing of this agent.
    Nothing,
    /// A sign of life.
    Alive,
    /// A beat, and what is wrong with its figures.
    Beat(Box<Beat>, Option<Reason>),
}

/// What is remembered of earlier lines of a stream, because later ones leave it out.
#[derive(Clone, Debug, Default)]
pub struct Context {
    key: Option<Box<str>>,
    model: Option<Box<str>>,
}

impl JsonPlan {
    /// Reads a line as this agent's. Of a line that is JSON, but torn, `Nothing`.
    #[must_use]
    pub fn read(&self, line: &str, context: &mut Context) -> Told {
        let Some(got) = self.plan.follow(line) else { return Told::Nothing };
        self.judge(&got, context)
    }

    fn judge(&self, got: &[Value<'_>], context: &mut Context) -> Told {
        let own = self.typed.is_none_or(|slot| got.get(slot).is_some_and(Value::is_text));
        if !own {
            return Told::Nothing;
        }
        let text = |slots: &[Slot], max| {
            slots.iter().find_map(|slot| got.get(*slot)?.text(max).filter(|text| !text.is_empty()))
        };
        if self.typed.is_some()
            && let Some(model) = text(&self.model, NAME_MAX)
        {
            context.model = Some(model);
        }
        let mut keys = self.usage.iter().filter_map(|usage| usage.key);
        let key = keys.find_map(|slot| got.get(slot)?.text(NAME_MAX));
        // Where lines are of one stream, a later one may leave out what an earlier one told.
        if key.is_some() || self.typed.is_none() {
            context.key = key;
        }
        let Some(case) = self.cases.iter().find(|case| case.when.fits(got)) else {
            return if self.typed.is_some() { Told::Alive } else { Told::Nothing };
        };
        let well = matches!(case.status, Status::Ok | Status::Idle);
        let mut beat = Beat {
            status: case.status.clone(),
            turn: match case.is {
                Is::Begin => Some(Turn::Begins),
                Is::End => Some(Turn::Ends { well }),
                Is::Within => None,
            },
            within: case.is != Is::End,
            tool_calls: case.tool_call.then_some(1),
            ..Beat::default()
        };
        if case.is == Is::End || case.counts {
            beat.model = text(&self.model, NAME_MAX).or_else(|| context.model.clone());
        }
        if !well && case.status != Status::Busy {
            beat.message = text(&self.message, MESSAGE_MAX);
        }
        let mut bad = None;
        if case.counts {
            let usage = self.usage.iter().find(|usage| usage.is_there(got));
            if let Err(reason) =
                usage.map_or(Ok(()), |usage| usage.put(got, context.key.as_deref(), &mut beat))
            {
                bad = Some(reason);
            }
        } else if case.is == Is::Begin {
            // A thread that is seen to begin is counted from there on.
            let threads = self.usage.iter().find(|usage| usage.cumulative == Some(Scope::Thread));
            beat.cumulative = threads.and_then(|_| figures::begun(context.key.as_deref()?));
        }
        Told::Beat(Box::new(beat), bad)
    }
}
