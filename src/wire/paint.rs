//! Colour for people: few colours, always the same meaning.

use super::tone::Tone;

/// The start of a colour, or nothing for plain text.
#[must_use]
pub fn code(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Good => "\x1b[32m",
        Tone::Warning => "\x1b[33m",
        Tone::Bad => "\x1b[1;31m",
    }
}

/// The end of any colour.
pub const END: &str = "\x1b[0m";

/// `text` in the colour of its tone.
#[must_use]
pub fn paint(tone: Tone, text: &str, colour: bool) -> String {
    match code(tone) {
        start if colour && !start.is_empty() => format!("{start}{text}{END}"),
        _ => text.to_owned(),
    }
}

/// `text`, quiet.
#[must_use]
pub fn dim(text: &str, colour: bool) -> String {
    if colour { format!("\x1b[2m{text}{END}") } else { text.to_owned() }
}

/// Where a line of ours goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// To a file, a pipe, or who wants no colour.
    Plain,
    /// To a terminal.
    Colour,
    /// Into the journal of systemd, which takes a priority before a line (sd-daemon(3)).
    Journal,
}

/// A line of ours, with its prefix.
#[must_use]
pub fn line(tone: Tone, text: &str, screen: Screen) -> String {
    let colour = screen == Screen::Colour;
    let line = format!("{} {}", dim("agentwatch:", colour), paint(tone, text, colour));
    if screen == Screen::Journal { format!("{}{line}", priority(tone)) } else { line }
}

/// The priority of syslog(3): an error, a warning, or for your information.
fn priority(tone: Tone) -> &'static str {
    match tone {
        Tone::Bad => "<3>",
        Tone::Warning => "<4>",
        Tone::Plain | Tone::Good => "<6>",
    }
}
