//! Presets of agents that print text: recognised by how a line begins, figures by a regular expression.

use std::sync::Arc;

use memchr::{memchr, memmem};
use regex_lite::Regex;

use crate::core::beat::{Beat, TOKENS_MAX, Turn};
use crate::wire::ansi;
use crate::wire::beat::COST_MAX;

use super::figures::{Cached, Figures};
use super::reader::Catalog;
use super::{Lines, Preset, Told};

/// Where a text agent says who it is: in its first lines.
const LOOKED_MAX: usize = 8 * 1024;

/// The longest line that is read, in bytes: a screen's width, several times.
const LINE_MAX: usize = 1024;

/// How an agent that prints text is read.
#[derive(Clone, Debug)]
pub struct TextPlan {
    /// How the line begins that it is recognised by.
    pub detect: Vec<Box<str>>,
    /// What stands in every line that ends a cycle; looked for before the expression is.
    pub contains: Box<str>,
    /// A line that ends a cycle, with groups `input`, `output`, `cache_read`, `cache_write`, `total`, `cost`.
    pub end: Regex,
    /// Where cached tokens are.
    pub cached: Cached,
}

impl TextPlan {
    /// Reads a line as the end of a cycle.
    #[must_use]
    pub fn read(&self, line: &[u8]) -> Told {
        if memmem::find(line, self.contains.as_bytes()).is_none() {
            return Told::Nothing;
        }
        let line = ansi::strip(line);
        let Some(found) = std::str::from_utf8(&line).ok().and_then(|line| self.end.captures(line))
        else {
            return Told::Nothing;
        };
        let of = |name| found.name(name).and_then(|found| number(found.as_str()));
        let tokens = |name| of(name).and_then(whole);
        let reading = Figures {
            input: tokens("input"),
            output: tokens("output"),
            cache_read: tokens("cache_read"),
            cache_write: tokens("cache_write"),
            total: tokens("total"),
            cached: self.cached,
        };
        let reading = reading.settled();
        let beat = Beat {
            tokens_used: reading.tokens,
            input_tokens: reading.input_tokens,
            output_tokens: reading.output_tokens,
            cache_read_tokens: reading.cache_read_tokens,
            cache_write_tokens: reading.cache_write_tokens,
            cost_usd: of("cost").filter(|cost| (0.0..=COST_MAX).contains(cost)),
            turn: Some(Turn::Ends { well: true }),
            ..Beat::default()
        };
        Told::Beat(Box::new(beat), None)
    }
}

/// A number for people: `1,050`, `1.2k`, `3M`.
fn number(text: &str) -> Option<f64> {
    let text = text.replace(',', "");
    let (digits, times) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1e3),
        b'm' | b'M' => (&text[..text.len() - 1], 1e6),
        _ => (text.as_str(), 1.0),
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    digits.parse::<f64>().ok().filter(|_| plain).map(|number| number * times)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "in range, and rounded by its agent already"
)]
fn whole(number: f64) -> Option<u64> {
    (0.0..=TOKENS_MAX as f64).contains(&number).then(|| number.round() as u64)
}

/// Looks through output for the lines of an agent that prints text.
#[derive(Debug)]
pub enum TextScan {
    /// Not at all.
    Off,
    /// For one that is recognised, in the first bytes.
    Looking {
        /// So many bytes were looked at.
        seen: usize,
        /// The line that runs.
        line: Vec<u8>,
    },
    /// For the lines of one that is known.
    On {
        /// Whose.
        preset: Arc<Preset>,
        /// The line that runs; longer ones are cut.
        line: Vec<u8>,
    },
}

impl TextScan {
    /// From the start of a stream.
    #[must_use]
    pub fn looking() -> Self {
        Self::Looking { seen: 0, line: Vec::new() }
    }

    /// For an agent that is known.
    #[must_use]
    pub fn on(preset: Arc<Preset>) -> Self {
        Self::On { preset, line: Vec::new() }
    }

    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_off(&self) -> bool {
        matches!(self, Self::Off)
    }

    /// Takes the next bytes; `load` gives the presets when a line may be worth it.
    pub fn feed(
        &mut self,
        bytes: &[u8],
        load: impl Fn() -> Arc<Catalog>,
        on: &mut impl FnMut((Arc<Preset>, Told)),
    ) {
        let mut rest = bytes;
        // Ends: each round takes a line or what is left.
        while !rest.is_empty() {
            let end = memchr(b'\n', rest);
            let (part, behind) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            rest = behind;
            let line = match self {
                Self::Off => return,
                Self::Looking { seen, line } => {
                    *seen += part.len();
                    line
                }
                Self::On { line, .. } => line,
            };
            let room = LINE_MAX.saturating_sub(line.len()).min(part.len());
            line.extend_from_slice(&part[..room]);
            if end.is_some() {
                let whole = std::mem::take(line);
                self.line(whole.trim_ascii_end(), &load, on);
            }
            if matches!(self, Self::Looking { seen, .. } if LOOKED_MAX < *seen) {
                *self = Self::Off;
            }
        }
        if let Self::On { preset, .. } = self {
            on((Arc::clone(preset), Told::Alive));
        }
    }

    fn line(
        &mut self,
        line: &[u8],
        load: &impl Fn() -> Arc<Catalog>,
        on: &mut impl FnMut((Arc<Preset>, Told)),
    ) {
        match self {
            Self::Off => {}
            Self::On { preset, .. } => {
                if let Lines::Text(plan) = &preset.lines
                    && let told @ Told::Beat(..) = plan.read(line)
                {
                    on((Arc::clone(preset), told));
                }
            }
            Self::Looking { .. } => {
                // A capital letter and a version, as programs introduce themselves.
                let line = ansi::strip(line);
                let begins = line.first().is_some_and(u8::is_ascii_alphabetic);
                if !begins || !line.iter().any(u8::is_ascii_digit) {
                    return;
                }
                let catalog = load();
                let found = catalog.presets().iter().find(|preset| match &preset.lines {
                    Lines::Text(plan) => {
                        plan.detect.iter().any(|one| line.starts_with(one.as_bytes()))
                    }
                    Lines::Json(_) => false,
                });
                if let Some(preset) = found {
                    on((Arc::clone(preset), Told::Alive));
                    *self = Self::on(Arc::clone(preset));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, want) in [
            ("50", Some(50.0)),
            ("1,050", Some(1050.0)),
            ("1.0k", Some(1000.0)),
            ("2.5M", Some(2_500_000.0)),
            ("k", None),
            ("", None),
            ("-5", None),
            ("1e9", None),
            ("1.2.3", None),
            ("inf", None),
        ] {
            assert_eq!(number(text), want, "{text}");
        }
        assert_eq!((whole(1e300), whole(12.4)), (None, Some(12)));
    }
}
