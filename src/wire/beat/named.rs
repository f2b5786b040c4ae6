//! A beat from names and texts, where no JSON says what is a number.

use super::fields::{Fields, Value};
use super::{Beat, Reason};

/// Fields of a beat that were given by name.
#[derive(Default)]
pub struct Named<'a> {
    fields: Fields<'a>,
    any: bool,
}

impl<'a> Named<'a> {
    /// Sets a field; one of another name says nothing. `tokens` is short for `tokens_used`.
    pub fn set(&mut self, name: &str, value: &'a str) {
        let name = if name == "tokens" { "tokens_used" } else { name };
        let is_text = matches!(name, "agent" | "status" | "model" | "message");
        let Some(slot) = self.fields.slot(name) else { return };
        self.any = true;
        *slot = if is_text { Value::Text(value.into()) } else { number(value) };
    }

    /// Whether there is a field at all.
    #[must_use]
    pub fn any(&self) -> bool {
        self.any
    }

    /// The beat that they are.
    ///
    /// # Errors
    /// A field with a value that it cannot have.
    pub fn beat(&self) -> Result<Beat, Reason> {
        self.fields.beat()
    }
}

/// A number as JSON has it, or the text that is none: `inf` and `0x7` are nothing that JSON knows.
fn number(text: &str) -> Value<'_> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let float = || text.parse().ok().filter(|_| plain).map(Value::Float);
    let negative = || text.parse().ok().map(Value::Negative);
    text.parse()
        .ok()
        .map(Value::Whole)
        .or_else(negative)
        .or_else(float)
        .unwrap_or(Value::Text(text.into()))
}
