//! Lines of journals on their way to stdout: for people, or as they are for programs.

use crate::core::time::Wall;
use crate::sys::clock::Clock;
use crate::sys::tty;
use crate::wire::plain::plain;
use crate::wire::record;
use crate::wire::tone::Tone;
use crate::wire::words::describe;
use crate::wire::{paint, stamp};

use super::Failure;
use super::output::{clip, print_bytes};

/// Text that is collected before it is printed, in bytes: a journal may be larger than our memory.
const CHUNK: usize = 64 * 1024;

/// The widest event name that is aligned.
const EVENT_WIDTH: usize = 18;

/// Writes lines, a good many at a time.
pub struct Printer {
    json: bool,
    colour: bool,
    names: bool,
    /// The widest name so far.
    name_width: usize,
    /// Where a line is cut; none where nobody looks at it on a screen.
    width: Option<usize>,
    clock: Clock,
    /// The local quarter of an hour of the last line, and its offset: most have the same.
    quarter: Option<(i64, i32)>,
    text: Vec<u8>,
}

impl Printer {
    /// A printer of the journal's own lines, or of lines for people; `names` says that they tell whose
    /// they are.
    #[must_use]
    pub fn new(json: bool, colour: bool, names: bool) -> Self {
        let width = tty::width(1);
        let clock = Clock::new();
        Self { json, colour, names, name_width: 0, width, clock, quarter: None, text: Vec::new() }
    }

    /// Takes one line of the journal of `name`.
    ///
    /// # Errors
    /// Those of printing.
    pub fn add(&mut self, name: &str, at: Wall, line: &[u8]) -> Result<(), Failure> {
        if self.json {
            // The line is an object of ours: the name goes in front of its first key.
            let line = line.trim_ascii_start();
            self.text.extend_from_slice(format!("{{\"agent_name\":\"{name}\",").as_bytes());
            self.text.extend_from_slice(line.strip_prefix(b"{").unwrap_or(line));
            self.text.push(b'\n');
        } else {
            let line = self.line(name, at, line);
            self.text.extend_from_slice(line.as_bytes());
        }
        if CHUNK < self.text.len() { self.flush() } else { Ok(()) }
    }

    /// Prints what was collected.
    ///
    /// # Errors
    /// Those of printing.
    pub fn flush(&mut self) -> Result<(), Failure> {
        if self.text.is_empty() {
            return Ok(());
        }
        print_bytes(&std::mem::take(&mut self.text))
    }

    fn line(&mut self, name: &str, at: Wall, line: &[u8]) -> String {
        let at = stamp::local(at, self.offset(at));
        let record = record::read(line);
        let (event, tone, words) = match record {
            Some(record) => match record.fact {
                Some(fact) => {
                    let (tone, words) = describe(&fact);
                    (record.event, tone, words)
                }
                None => (record.event, Tone::Plain, record.line),
            },
            None => (String::new(), Tone::Plain, String::from_utf8_lossy(line).into_owned()),
        };
        // What an agent told may hold anything, and a line is a line.
        let words = plain(words.replace(['\n', '\r'], " ").as_bytes());
        let event = plain(event.as_bytes());
        let event = format!("{event:EVENT_WIDTH$}");
        self.name_width = self.name_width.max(name.chars().count());
        let width = self.name_width;
        let name = if self.names { format!("{name:width$}  ") } else { String::new() };
        let before = at.len() + 2 + name.chars().count() + event.chars().count() + 2;
        let words = match self.width {
            Some(width) => clip(&words, width.saturating_sub(before).max(20)),
            None => words,
        };
        let at = paint::dim(&at, self.colour);
        let event = paint::paint(tone, &event, self.colour);
        format!("{at}  {name}{event}  {words}\n")
    }

    fn offset(&mut self, at: Wall) -> i32 {
        let quarter = at.0.div_euclid(15 * 60 * 1000);
        match self.quarter {
            Some((known, offset)) if known == quarter => offset,
            _ => {
                let offset = self.clock.offset_at(at);
                self.quarter = Some((quarter, offset));
                offset
            }
        }
    }
}
