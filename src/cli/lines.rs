//! Lines of journals on their way to stdout: for people, or as they are for programs.

use crate::core::time::Wall;
use crate::sys::clock::Clock;
use crate::sys::tty;
use crate::wire::paint;
use crate::wire::plain::plain;
use crate::wire::record;
use crate::wire::timeline::{Mark, Timeline, Times};
use crate::wire::tone::Tone;
use crate::wire::words::describe;

use super::Failure;
use super::output::{clip, columns, pad, print_bytes};

/// Text that is collected before it is printed, in bytes: a journal may be larger than our memory.
const CHUNK: usize = 64 * 1024;

/// The widest event name that is aligned.
const EVENT_WIDTH: usize = 18;

/// The columns that a screen needs for names of events in a column of their own.
const ROOMY: usize = 72;

/// The share of a screen's columns that the name of an agent may take.
const NAME_SHARE: usize = 4;

/// How lines are shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// As they are, for programs.
    pub json: bool,
    /// In colour.
    pub colour: bool,
    /// Where a line is cut; none where nobody looks at it on a screen.
    pub width: Option<usize>,
    /// How their times are told.
    pub times: Times,
    /// The columns of the widest name, where they tell whose they are.
    pub names: Option<usize>,
}

/// Writes lines, a good many at a time.
pub struct Printer {
    style: Style,
    timeline: Timeline,
    clock: Clock,
    /// The local quarter of an hour of the last line, and its offset: most have the same.
    quarter: Option<(i64, i32)>,
    text: Vec<u8>,
}

impl Printer {
    /// A printer that begins now.
    #[must_use]
    pub fn new(style: Style) -> Self {
        let mut clock = Clock::new();
        // Elsewhere a line may be taken out of the others (grep), and must tell its date itself.
        let by_day = style.width.is_some();
        let timeline = Timeline::new(style.times, by_day, clock.now().wall);
        Self { style, timeline, clock, quarter: None, text: Vec::new() }
    }

    /// Takes one line of the journal of `name`.
    ///
    /// # Errors
    /// Those of printing.
    pub fn add(&mut self, name: &str, at: Wall, line: &[u8]) -> Result<(), Failure> {
        if self.style.json {
            // The line is an object of ours: the name goes in front of its first key.
            let line = line.trim_ascii_start();
            self.text.extend_from_slice(format!("{{\"agent_name\":\"{name}\",").as_bytes());
            self.text.extend_from_slice(line.strip_prefix(b"{").unwrap_or(line));
            self.text.push(b'\n');
        } else {
            let offset = self.offset(at);
            let mark = self.timeline.mark(at, offset);
            let line = self.line(name, &mark, line);
            self.text.extend_from_slice(line.as_bytes());
        }
        if CHUNK < self.text.len() { self.flush() } else { Ok(()) }
    }

    /// Makes room for these names.
    pub fn expect<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let widest = names.map(columns).max().unwrap_or(0);
        self.style.names = self.style.names.map(|known| known.max(widest));
    }

    /// Looks how wide the screen is by now.
    pub fn look(&mut self) {
        self.style.width = self.style.width.and(tty::width(1));
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

    fn line(&mut self, name: &str, mark: &Mark, line: &[u8]) -> String {
        let Style { colour, width, .. } = self.style;
        let (event, tone, words) = told(line);
        // What an agent told may hold anything, and a line is a line.
        let words = plain(words.replace(['\n', '\r', '\t'], " ").as_bytes());
        let event = plain(event.as_bytes());
        let event = match width {
            Some(width) if width < ROOMY => clip(&event, EVENT_WIDTH),
            _ => pad(&event, EVENT_WIDTH),
        };
        let name = match self.style.names {
            Some(widest) => format!("{}  ", self.name(name, widest)),
            None => String::new(),
        };
        let before = columns(&mark.time) + 2 + columns(&name) + columns(&event) + 2;
        let words = match width {
            Some(width) => clip(&words, width.saturating_sub(before)),
            None => words,
        };
        let time = paint::dim(&mark.time, colour);
        let heading = mark.heading.as_ref().map(|heading| {
            let (left, right) =
                if tty::speaks_unicode() { ("── ", " ──") } else { ("-- ", " --") };
            paint::dim(&format!("{left}{heading}{right}"), colour) + "\n"
        });
        // Beats are nearly all of a journal: what happened stands out from them.
        let (event, words) = match event.trim_end() {
            "beat" => (paint::dim(&event, colour), paint::dim(&words, colour)),
            _ => (paint::paint(tone, &event, colour), words),
        };
        let line = format!("{time}  {name}{event}  {words}");
        format!("{}{}\n", heading.unwrap_or_default(), line.trim_end())
    }

    /// The name, as wide as the widest: of agents that came later and have longer ones lines are wider.
    fn name(&mut self, name: &str, widest: usize) -> String {
        let widest = widest.max(columns(name));
        self.style.names = Some(widest);
        let most = self.style.width.map_or(usize::MAX, |width| (width / NAME_SHARE).max(8));
        let widest = widest.min(most);
        pad(&clip(name, widest), widest)
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

/// The event of a line, how much it matters, and what it tells.
fn told(line: &[u8]) -> (String, Tone, String) {
    match record::read(line) {
        Some(record) => match record.fact {
            Some(fact) => {
                let (tone, words) = describe(&fact);
                (record.event, tone, words)
            }
            // Of another version: what it holds, without what stands in front of it anyway.
            None => (record.event, Tone::Plain, record::rest(&record.line)),
        },
        None => (String::new(), Tone::Plain, String::from_utf8_lossy(line).into_owned()),
    }
}
