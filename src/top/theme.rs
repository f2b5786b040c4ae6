//! How things look: few colours, always the same meaning, and a sense without them.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Span;

use crate::wire::tone::Tone;

/// What the terminal can show.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// Colours.
    pub colour: bool,
    /// More than ASCII.
    pub unicode: bool,
}

impl Theme {
    /// How much something matters, as `wire/paint.rs` has it for lines of text.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Style {
        match (tone, self.colour) {
            (Tone::Plain, _) | (Tone::Good, false) => Style::new(),
            (Tone::Good, true) => Style::new().fg(Color::Green),
            (Tone::Warning, true) => Style::new().fg(Color::Yellow),
            (Tone::Bad, true) => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            (Tone::Warning | Tone::Bad, false) => Style::new().add_modifier(Modifier::BOLD),
        }
    }

    /// What is there to be found, and not to be read.
    #[must_use]
    pub fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What is read first.
    #[must_use]
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The agent that is chosen.
    #[must_use]
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The bars of tokens.
    #[must_use]
    pub fn bars(self) -> Style {
        if self.colour { Style::new().fg(Color::Cyan) } else { Style::new() }
    }

    /// Text with nothing in it that the terminal does not know.
    #[must_use]
    pub fn text(self, text: &str) -> String {
        if self.unicode {
            return text.to_owned();
        }
        let plain = |c: char| match c {
            '–' | '─' | '·' => '-',
            '…' => '~',
            '×' => 'x',
            '↑' => '^',
            '↓' => 'v',
            c if c.is_ascii() => c,
            _ => '?',
        };
        text.chars().map(plain).collect()
    }

    /// Text in at most `width` columns, its end marked if it is cut.
    #[must_use]
    pub fn clip(self, text: &str, width: usize) -> String {
        // Whatever an agent said may be long: what is measured again and again is not.
        let begun: String = text.chars().take(2 * width + 8).collect();
        let whole = begun.len() == text.len();
        let mut text = self.text(&begun);
        if whole && Span::raw(text.as_str()).width() <= width {
            return text;
        }
        while width.saturating_sub(1) < Span::raw(text.as_str()).width() {
            text.pop();
        }
        if width > 0 {
            text.push_str(&self.text("…"));
        }
        text
    }

    /// Text in lines of at most `width` columns, broken between words, at most so many of them.
    #[must_use]
    pub fn wrap(self, text: &str, width: usize, most: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let longer = Span::raw(line.as_str()).width() + 1 + Span::raw(word).width();
            if !line.is_empty() && width < longer {
                lines.push(std::mem::take(&mut line));
            }
            // What is left is one line, and its end is cut and marked.
            if lines.len() == most {
                break;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
        if most < lines.len() {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                last.push_str(" …");
            }
        }
        lines.iter().map(|line| self.clip(line, width)).collect()
    }

    /// The same as [`Self::clip`], in exactly `width` columns.
    #[must_use]
    pub fn pad(self, text: &str, width: usize, to_the_right: bool) -> String {
        let text = self.clip(text, width);
        let space = " ".repeat(width.saturating_sub(Span::raw(text.as_str()).width()));
        if to_the_right { space + &text } else { text + &space }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_its_columns_whatever_it_holds() {
        let theme = Theme { colour: true, unicode: true };
        assert_eq!(theme.clip("crawler", 7), "crawler");
        assert_eq!(theme.clip("crawler", 5), "craw…");
        assert_eq!(theme.clip("日本語", 4), "日…");
        assert_eq!(theme.pad("日本", 6, true), "  日本");
        assert_eq!(theme.clip("x", 0), "");
        assert_eq!(theme.wrap("one two three", 7, 3), ["one two", "three"]);
        assert_eq!(theme.wrap("one two three four", 7, 2), ["one two", "three …"]);
        assert_eq!(theme.wrap("unbreakable one", 6, 3), ["unbre…", "one"]);
        let plain = Theme { colour: true, unicode: false };
        assert_eq!(plain.clip("2 × 7s – crawl…", 9), "2 x 7s -~");
    }
}
