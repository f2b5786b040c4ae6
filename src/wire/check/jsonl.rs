//! One JSON value a line. A last line that is torn is told apart from one in the middle: cut off, it costs
//! nothing but itself.

use super::json::Json;
use super::{Verdict, Wrong};
use crate::core::validation::FaultKind;

/// The check of one file.
#[derive(Debug, Default)]
pub(super) struct Jsonl {
    json: Json,
    /// Where the next byte stands.
    at: u64,
    /// Where the line begins that is read.
    line_at: u64,
    /// Lines that have ended.
    lines: u64,
    /// One of them held a value.
    has_value: bool,
    /// A line with a line end behind it is wrong.
    wrong: Option<Wrong>,
}

impl Jsonl {
    pub(super) fn is_settled(&self) -> bool {
        self.wrong.is_some()
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while self.wrong.is_none() && !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let (line, behind) = rest.split_at(end.unwrap_or(rest.len()));
            if !self.json.is_settled() {
                self.json.feed(line);
            }
            self.at += line.len() as u64;
            rest = behind.get(1..).unwrap_or_default();
            if end.is_some() {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        self.lines += 1;
        let is_blank = self.json.is_blank();
        let wrong = if is_blank { None } else { self.json.end() };
        self.has_value |= !is_blank && wrong.is_none();
        self.wrong = wrong.map(|Wrong { offset, words, .. }| {
            let words = format!("line {}: {words}", self.lines);
            Wrong { fault: FaultKind::Corrupt, offset, words }
        });
        self.at += 1;
        self.line_at = self.at;
        self.json.restart(self.at);
    }

    pub(super) fn end(self) -> Verdict {
        if self.wrong.is_some() {
            return Verdict { wrong: self.wrong, cut_at: None };
        }
        if self.json.is_blank() {
            return Verdict::default();
        }
        // Whatever is wrong with the last line: its end was not written.
        let Some(Wrong { fault, offset, words }) = self.json.end() else {
            return Verdict::default();
        };
        if !self.has_value && fault == FaultKind::Corrupt {
            // Nothing says that this is JSONL at all, and the cut would leave nothing of it.
            let words = format!("line {}: {words}", self.lines + 1);
            return Verdict { wrong: Some(Wrong { fault, offset, words }), cut_at: None };
        }
        let words = format!("line {}, the last one: {words}", self.lines + 1);
        let (fault, offset) = (FaultKind::TornEnd, self.line_at);
        Verdict { wrong: Some(Wrong { fault, offset, words }), cut_at: Some(self.line_at) }
    }
}
