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

/// A line of ours, with its prefix.
#[must_use]
pub fn line(tone: Tone, text: &str, colour: bool) -> String {
    format!("{} {}", dim("agentwatch:", colour), paint(tone, text, colour))
}
