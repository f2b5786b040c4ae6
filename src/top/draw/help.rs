//! The keys and the signs, explained over the picture.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, BorderType, Clear, Widget as _};

use super::{Pen, View};

/// What is said, a key and a line each; a line without a key is a heading or a space.
const LINES: [(&str, &str); 16] = [
    ("↑ ↓  j k", "choose an agent"),
    ("PgUp PgDn", "a page, Home and End to either end"),
    ("e  Enter", "events of all agents, or of the chosen one"),
    ("r", "restart: a fresh child, without a strike"),
    ("s", "stop it and its agentwatch"),
    ("p", "pause: its processes stand still"),
    ("u", "resume: up again, or on"),
    ("a", "ack: what is open has been seen"),
    ("Ctrl-L", "draw anew"),
    ("q  Esc", "leave; nothing here is needed by any agent"),
    ("", ""),
    ("!", "needs a human; these are first, then trouble, fine, down"),
    ("bars", "tokens of the last cycles, the newest at the right: half"),
    ("", "a line is what is usual, a whole one twice that or more,"),
    ("", "and what is far too much stands out"),
    ("TODAY", "spent today, of its budget"),
];

/// Columns of the keys.
const KEYS: usize = 11;

/// The box in the middle; as much of it as fits.
pub fn draw(view: &View, area: Rect, buffer: &mut Buffer) {
    let theme = view.theme;
    let widest = LINES.iter().map(|(_, words)| words.chars().count()).max().unwrap_or(0);
    let width = u16::try_from(widest + KEYS + 4).unwrap_or(u16::MAX).min(area.width);
    let lines = LINES.len();
    let height = u16::try_from(lines + 2).unwrap_or(u16::MAX).min(area.height);
    let (x, y) = (area.x + (area.width - width) / 2, area.y + (area.height - height) / 2);
    let place = Rect { x, y, width, height };
    Clear.render(place, buffer);
    let block = Block::bordered().border_style(theme.quiet()).title(" agentwatch top ");
    let block = if theme.unicode {
        block.border_type(BorderType::Rounded)
    } else {
        block.border_set(ASCII)
    };
    let inner = block.inner(place);
    block.render(place, buffer);
    let mut pen = Pen { view, area: inner, y: inner.y, buffer };
    for (key, words) in LINES {
        let key = theme.pad(key, KEYS, false);
        pen.line(&[(" ", Style::new()), (&key, theme.strong()), (words, Style::new())]);
    }
}

/// A border for terminals that know ASCII alone.
const ASCII: ratatui::symbols::border::Set<'static> = ratatui::symbols::border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};
