//! Whether a state file is whole, read piece by piece in constant memory. Pure.
//!
//! Each kind has a machine that takes bytes as they come and says in the end what is wrong, if anything: where,
//! and whether the file merely ends too early (a write that was cut off) or is wrong before its end.

mod json;
mod jsonl;
mod pickle;
mod toml;

use crate::core::validation::{FaultKind, FileKind};

/// What is wrong with what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Torn off, or wrong before its end.
    pub fault: FaultKind,
    /// The byte, counted from 0.
    pub offset: u64,
    /// Why, in one line.
    pub words: String,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What is wrong; none: the file is valid.
    pub wrong: Option<Wrong>,
    /// Where a torn last line begins: cut off there, the file is valid.
    pub cut_at: Option<u64>,
}

/// The check of one file.
#[derive(Debug)]
pub struct Checker(Machine);

#[derive(Debug)]
enum Machine {
    Json(Box<json::Json>),
    Jsonl(Box<jsonl::Jsonl>),
    Toml(toml::Toml),
    Pickle(pickle::Pickle),
    Anything,
}

impl Checker {
    /// A check that begins; none for what cannot be checked by reading it from the beginning to the end.
    #[must_use]
    pub fn new(kind: FileKind) -> Option<Self> {
        Some(Self(match kind {
            FileKind::Json => Machine::Json(Box::default()),
            FileKind::Jsonl => Machine::Jsonl(Box::default()),
            FileKind::Toml => Machine::Toml(toml::Toml::default()),
            FileKind::Pickle => Machine::Pickle(pickle::Pickle::default()),
            FileKind::Exists | FileKind::Opaque => Machine::Anything,
            FileKind::Sqlite => return None,
        }))
    }

    /// Takes what comes next; how it is cut makes no difference.
    pub fn feed(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Machine::Json(json) => json.feed(bytes),
            Machine::Jsonl(jsonl) => jsonl.feed(bytes),
            Machine::Toml(toml) => toml.feed(bytes),
            Machine::Pickle(pickle) => pickle.feed(bytes),
            Machine::Anything => {}
        }
    }

    /// Whether nothing that may come changes the verdict any more.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match &self.0 {
            Machine::Json(json) => json.is_settled(),
            Machine::Jsonl(jsonl) => jsonl.is_settled(),
            Machine::Toml(toml) => toml.is_settled(),
            Machine::Pickle(pickle) => pickle.is_settled(),
            Machine::Anything => true,
        }
    }

    /// The verdict: nothing more comes.
    #[must_use]
    pub fn end(self) -> Verdict {
        let plainly = |wrong| Verdict { wrong, cut_at: None };
        match self.0 {
            Machine::Json(json) => plainly(json.end()),
            Machine::Jsonl(jsonl) => jsonl.end(),
            Machine::Toml(toml) => plainly(toml.end()),
            Machine::Pickle(pickle) => plainly(pickle.end()),
            Machine::Anything => Verdict::default(),
        }
    }
}

/// A byte for people: `'}'`, `a NUL byte`, `byte 0x9d`.
fn shown(byte: u8) -> String {
    match byte {
        0 => "a NUL byte".to_owned(),
        b'!'..=b'~' => format!("'{}'", char::from(byte)),
        b' ' => "a space".to_owned(),
        b'\n' => "a line end".to_owned(),
        other => format!("byte 0x{other:02x}"),
    }
}

#[cfg(test)]
mod tests;
