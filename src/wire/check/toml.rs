//! TOML, by its library: it reads a whole text, so this is the one kind that is held in memory.

use toml::de::DeTable;

use super::Wrong;
use crate::core::validation::FaultKind;
use crate::wire::plain::brief;

/// Longer than any TOML that anybody writes, in bytes, and short enough to be read: the library takes up to
/// eighty times as much memory (`[0,0,…`).
const LENGTH_MAX: usize = 8 << 20;

/// The check of one file.
#[derive(Debug, Default)]
pub(super) struct Toml {
    text: Vec<u8>,
    too_long: bool,
}

impl Toml {
    pub(super) fn is_settled(&self) -> bool {
        self.too_long
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if LENGTH_MAX.saturating_sub(self.text.len()) < bytes.len() {
            (self.too_long, self.text) = (true, Vec::new());
        } else if !self.too_long {
            self.text.extend_from_slice(bytes);
        }
    }

    pub(super) fn end(self) -> Option<Wrong> {
        let wrong =
            |fault, offset: usize, words| Some(Wrong { fault, offset: offset as u64, words });
        if self.too_long {
            let words = "longer than 8 MiB, which no TOML is; give it another kind".to_owned();
            return wrong(FaultKind::Unreadable, LENGTH_MAX, words);
        }
        let written = self.text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if written < self.text.len() {
            return wrong(FaultKind::TornEnd, written, "ends in NUL bytes".to_owned());
        }
        let text = match std::str::from_utf8(&self.text) {
            Ok(text) => text,
            Err(error) => {
                let torn = error.error_len().is_none();
                let fault = if torn { FaultKind::TornEnd } else { FaultKind::Corrupt };
                return wrong(fault, error.valid_up_to(), "not UTF-8".to_owned());
            }
        };
        let error = DeTable::parse(text).err()?;
        let offset = error.span().map_or(0, |span| span.start);
        let fault = if is_torn(text.get(offset..).unwrap_or_default()) {
            FaultKind::TornEnd
        } else {
            FaultKind::Corrupt
        };
        wrong(fault, offset, brief(&error.message()))
    }
}

/// Whether nothing more was written, going by what stands from the error on: a last line without its end, of
/// which a date or a word may have come in part, or nothing but comments.
fn is_torn(rest: &str) -> bool {
    let is_bare = |line: &str| line.trim_start().is_empty() || line.trim_start().starts_with('#');
    !rest.contains('\n') || rest.lines().all(is_bare)
}
