//! The picture of the view: a table of agents, the chosen one in detail, what happened, and the keys.

mod help;
mod panel;
mod table;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line as Text, Span};

use crate::core::time::Wall;
use crate::report::attention::Need;
use crate::wire::stamp;
use crate::wire::tone::Tone;
use crate::wire::words::count;

use super::model::{Line, Model, Verb};
use super::theme::Theme;

/// The smallest terminal that a sensible picture fits on.
const SMALLEST: (u16, u16) = (40, 8);

/// Rows with less room than this are all for the table.
const PANEL_FROM: u16 = 8;

/// Lines of detail, at most: as many as there may be to say.
const DETAILS_MAX: u16 = 9;

/// Lines of an answer, at most: they stand over the last events.
const ANSWER_LINES: usize = 3;

/// Where it is looked at, and when.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// What the terminal can show.
    pub theme: Theme,
    /// Seconds east of UTC.
    pub offset_s: i32,
    /// Now.
    pub now: Wall,
}

/// Lines of each part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Agents.
    pub agents: u16,
    /// What there is to say of the chosen one.
    pub details: u16,
    /// Events.
    pub events: u16,
}

/// How the lines of a terminal are shared out. It depends on nothing that changes while somebody looks from
/// one agent to the next: what stays in its place is found without looking for it.
#[must_use]
pub fn room(width: u16, height: u16, agents: usize, notes: usize) -> Room {
    if width < SMALLEST.0 || height < SMALLEST.1 {
        return Room::default();
    }
    let notes = u16::try_from(notes).unwrap_or(u16::MAX).min(2);
    // The title, the head of the table, the keys.
    let body = height.saturating_sub(3 + notes);
    if body < PANEL_FROM {
        return Room { agents: body, ..Room::default() };
    }
    let agents = u16::try_from(agents).unwrap_or(u16::MAX).clamp(1, body * 9 / 20);
    // Two rules.
    let rest = body.saturating_sub(agents + 2);
    let details = (rest / 2).clamp(1, DETAILS_MAX);
    Room { agents, details, events: rest.saturating_sub(details) }
}

/// Draws all of it.
pub fn draw(model: &Model, view: &View, area: Rect, buffer: &mut Buffer) {
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return too_small(view, area, buffer);
    }
    let room = room(area.width, area.height, model.rows().len(), model.unreadable.len());
    let mut pen = Pen { view, area, y: area.y, buffer };
    title(model, &mut pen);
    for words in model.unreadable.iter().take(2) {
        pen.line(&[(&format!(" {words}"), view.theme.tone(Tone::Bad))]);
    }
    if model.rows().is_empty() {
        nobody(model, &mut pen);
    } else {
        table::draw(model, room.agents, &mut pen);
        if room.details > 0 {
            panel::details(model, room.details, &mut pen);
            panel::events(model, room.events, &mut pen);
        }
    }
    pen.y = area.bottom().saturating_sub(1);
    last_line(model, &mut pen);
    if model.help {
        help::draw(view, area, pen.buffer);
    }
}

/// Writes one line below the other.
struct Pen<'a> {
    view: &'a View,
    area: Rect,
    y: u16,
    buffer: &'a mut Buffer,
}

impl Pen<'_> {
    fn theme(&self) -> Theme {
        self.view.theme
    }

    fn width(&self) -> usize {
        usize::from(self.area.width)
    }

    /// Writes a line of parts and goes on below; what does not fit is cut, and the cut marked.
    fn line(&mut self, parts: &[(&str, Style)]) {
        let mut left = self.width();
        let mut spans = Vec::new();
        for (text, style) in parts {
            let text = self.theme().clip(text, left);
            let span = Span::styled(text, *style);
            left = left.saturating_sub(span.width());
            spans.push(span);
        }
        if self.y < self.area.bottom() {
            self.buffer.set_line(self.area.x, self.y, &Text::from(spans), self.area.width);
        }
        self.y = self.y.saturating_add(1);
    }

    /// A rule across, with words at its left and at its right.
    fn rule(&mut self, left: &[(&str, Style)], right: &str) {
        let theme = self.theme();
        let used: usize = left.iter().map(|(text, _)| Span::raw(*text).width()).sum();
        let room = self.width().saturating_sub(used + 8);
        let right = if Span::raw(right).width() <= room { right } else { "" };
        let right = if right.is_empty() { String::new() } else { format!(" {right} ──") };
        let taken = 4 + used + Span::raw(right.as_str()).width();
        let rule = "─".repeat(self.width().saturating_sub(taken));
        let mut parts = vec![("── ", theme.quiet())];
        parts.extend(left);
        let end = format!(" {rule}{right}");
        parts.push((&end, theme.quiet()));
        self.line(&parts);
    }
}

/// Who we are, how many agents there are and how they fare, and the time.
fn title(model: &Model, pen: &mut Pen<'_>) {
    let theme = pen.theme();
    let rows = model.rows();
    let total = count(u64::try_from(rows.len()).unwrap_or(u64::MAX), "agent");
    let mut parts =
        vec![(" agentwatch".to_owned(), theme.strong()), (format!("  {total}"), Style::new())];
    let mut joint = ": ";
    for need in Need::ALL {
        let n = rows.iter().filter(|row| row.need == need).count();
        if n == 0 || rows.len() == 1 {
            continue;
        }
        let style = match need {
            Need::Human => theme.tone(Tone::Bad),
            Need::Trouble => theme.tone(Tone::Warning),
            Need::Fine => theme.tone(Tone::Good),
            Need::Down => theme.quiet(),
        };
        let words = need.words(n);
        let used: usize = parts.iter().map(|(text, _)| text.chars().count()).sum();
        // Whole or not at all, and the most urgent comes first.
        if pen.width() < used + joint.len() + words.len() + 1 {
            break;
        }
        parts.push((joint.to_owned(), Style::new()));
        parts.push((words, style));
        joint = ", ";
    }
    let clock = stamp::local_time(pen.view.now, pen.view.offset_s);
    let used: usize = parts.iter().map(|(text, _)| text.chars().count()).sum();
    let gap = pen.width().saturating_sub(used + clock.len() + 1);
    if gap > 0 {
        parts.push((" ".repeat(gap) + &clock, theme.quiet()));
    }
    let parts: Vec<(&str, Style)> =
        parts.iter().map(|(text, style)| (text.as_str(), *style)).collect();
    pen.line(&parts);
}

/// Where there is no agent, with how there may be one.
fn nobody(model: &Model, pen: &mut Pen<'_>) {
    pen.y = pen.area.y + pen.area.height / 3;
    let width = pen.width();
    for words in [
        format!("no agents in {}", model.dirs.join(", ")),
        "they show here as soon as one is started: agentwatch run -- COMMAND".to_owned(),
    ] {
        let words = pen.theme().clip(&words, width.saturating_sub(2));
        let space = " ".repeat(width.saturating_sub(Span::raw(words.as_str()).width()) / 2);
        let quiet = pen.theme().quiet();
        pen.line(&[(&space, Style::new()), (&words, quiet)]);
    }
}

/// The keys, a question, or an answer.
fn last_line(model: &Model, pen: &mut Pen<'_>) {
    let theme = pen.theme();
    match model.line() {
        Line::Keys => keys(model, pen),
        Line::Question(verb, id) => {
            let several = model.dirs.len() > 1;
            let of = if several { format!(" of {}", id.state_dir) } else { String::new() };
            let asks = format!(" {} {}{of}?", verb.word(), id.name);
            let grave = verb.grave().unwrap_or_default();
            pen.line(&[
                (&asks, theme.tone(Tone::Warning)),
                (&format!(" {grave}  "), Style::new()),
                ("y", theme.strong()),
                (" yes  ", theme.quiet()),
                ("any other key", theme.strong()),
                (" no", theme.quiet()),
            ]);
        }
        Line::Said(tone, words) => {
            // An answer names a way out, so it is there to be read to its end.
            let width = pen.width().saturating_sub(2);
            let lines = theme.wrap(&words, width, ANSWER_LINES);
            let above = u16::try_from(lines.len()).unwrap_or(1).saturating_sub(1);
            pen.y = pen.y.saturating_sub(above);
            for line in lines {
                pen.line(&[(
                    &format!(" {}", theme.pad(&line, width + 1, false)),
                    theme.tone(tone),
                )]);
            }
        }
    }
}

fn keys(model: &Model, pen: &mut Pen<'_>) {
    let theme = pen.theme();
    let events = if model.all_events { "its events" } else { "all events" };
    let verbs = Verb::ALL.map(|verb| (verb.key(), verb.word()));
    // The last are kept where there is little room: one of them tells of all the others.
    let (mut first, last): (Vec<_>, [_; 2]) = (verbs.to_vec(), [('?', "help"), ('q', "quit")]);
    first.push(('e', events));
    if model.rows().is_empty() {
        first.clear();
    }
    let width = |keys: &[(char, &str)]| keys.iter().map(|(_, word)| word.len() + 4).sum::<usize>();
    while pen.width() < width(&first) + width(&last) {
        first.pop();
    }
    let keys: Vec<(String, String)> = first
        .iter()
        .chain(&last)
        .map(|(key, word)| (format!(" {key}"), format!(" {word} ")))
        .collect();
    let parts: Vec<(&str, Style)> = keys
        .iter()
        .flat_map(|(key, word)| [(key.as_str(), theme.strong()), (word.as_str(), theme.quiet())])
        .collect();
    pen.line(&parts);
}

/// Says what is wrong, as far as even that fits.
fn too_small(view: &View, area: Rect, buffer: &mut Buffer) {
    let (columns, lines) = (area.width, area.height);
    let words = format!(
        "{columns}×{lines} is too small: agentwatch top needs {}×{}",
        SMALLEST.0, SMALLEST.1
    );
    let mut pen = Pen { view, area, y: area.y, buffer };
    for line in view.theme.wrap(&words, usize::from(area.width), usize::from(area.height)) {
        pen.line(&[(&line, Style::new())]);
    }
}

#[cfg(test)]
mod tests;
