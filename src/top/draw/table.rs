//! The table of agents: those columns that fit, the most telling first.

use ratatui::style::Style;

use crate::report::attention::Need;
use crate::report::sparkline::against;
use crate::report::spend::Brief;
use crate::report::status::meaning;
use crate::wire::tone::Tone;
use crate::wire::words::{short, span};

use super::Pen;
use crate::top::model::{Model, Row};

/// The narrowest and the usual widest column of names; where there is room it is as wide as they are.
const NAME: (usize, usize) = (8, 24);

/// The narrowest column of states: `escalated`.
const STATE: usize = 9;

/// Bars: as few as still show a trend, and as many as are kept.
const BARS: (usize, usize) = (12, 48);

/// The fewest beside a note: how it came to be in trouble is best seen where that stands.
const BARS_NOTED: usize = 8;

/// Between two columns.
const GAP: usize = 2;

/// A column that is there if there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum More {
    Last,
    Usual,
    Today,
    Beat,
    Failures,
    Up,
    Run,
    Where,
}

impl More {
    /// The most telling first; on the screen they stand as they are declared.
    const ALL: [Self; 8] = [
        Self::Today,
        Self::Last,
        Self::Usual,
        Self::Beat,
        Self::Failures,
        Self::Up,
        Self::Run,
        Self::Where,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Today => "TODAY",
            Self::Last => "LAST",
            Self::Usual => "USUAL",
            Self::Beat => "BEAT",
            Self::Failures => "FAILED",
            Self::Up => "UP",
            Self::Run => "RUN",
            Self::Where => "IN",
        }
    }

    /// The narrowest: what grows and shrinks within it moves nobody else.
    fn narrowest(self) -> usize {
        match self {
            Self::Last | Self::Usual => 5,
            Self::Today | Self::Up | Self::Failures => 6,
            Self::Beat => 10,
            Self::Run => 3,
            Self::Where => 2,
        }
    }

    /// Numbers and times, which are compared from their right ends.
    fn is_number(self) -> bool {
        !matches!(self, Self::Today | Self::Where)
    }
}

/// How wide each column is.
#[derive(Debug)]
struct Widths {
    name: usize,
    state: usize,
    bars: usize,
    more: Vec<(More, usize)>,
}

/// The table, with its head, in so many lines of agents.
pub fn draw(model: &Model, lines: u16, pen: &mut Pen<'_>) {
    let widths = widths(model, usize::from(lines), pen.width());
    head(model, &widths, lines, pen);
    let shown = model.rows().iter().enumerate().skip(model.first()).take(usize::from(lines));
    for (at, row) in shown {
        line(row, at == model.index(), &widths, pen);
    }
    pen.y = pen.y.saturating_add(lines.saturating_sub(
        u16::try_from(model.rows().len().saturating_sub(model.first())).unwrap_or(u16::MAX),
    ));
}

fn widths(model: &Model, lines: usize, width: usize) -> Widths {
    let widest = |cell: &dyn Fn(&Row) -> usize| model.rows().iter().map(cell).max().unwrap_or(0);
    let longest = widest(&|row| row.status.agent.len());
    let state = widest(&|row| row.status.state.len()).max(STATE);
    // Where they do not all fit, the head says which are shown: `191–199/200`.
    let all = model.rows().len();
    let range = if lines < all { all.to_string().len() * 3 + 2 } else { 0 };
    let least = NAME.0.max(range);
    let mut name = longest.clamp(NAME.0, NAME.1).max(least);
    // A mark, the name, the state, for how long, the bars.
    let fixed = |name: usize| 3 + name + GAP + state + GAP + FOR + GAP;
    if width < fixed(name) + BARS.0 {
        name = name.saturating_sub(fixed(name) + BARS.0 - width).max(least);
    }
    let mut left = width.saturating_sub(fixed(name) + BARS.0);
    let mut more = Vec::new();
    for column in More::ALL {
        if column == More::Where && model.dirs.len() < 2 {
            continue;
        }
        let cells = widest(&|row| cell(column, row).map_or(0, |text| text.chars().count()));
        let wants = cells.max(column.narrowest());
        let wants = if column == More::Today { wants.min(17) } else { wants };
        let fits = wants + GAP <= left;
        // Beside what was spent a number may still fit; what is less telling makes up for nothing.
        let few = !more.iter().any(|(other, _)| *other == More::Today);
        if !fits && matches!(column, More::Today | More::Last) {
            continue;
        }
        if !fits || (few && More::Today < column) {
            break;
        }
        left -= wants + GAP;
        more.push((column, wants));
    }
    more.sort_unstable();
    let fewest = BARS.0.min(width.saturating_sub(fixed(name)));
    let bars = fewest + left.min(BARS.1 - BARS.0);
    left -= bars - fewest;
    name += left.min(longest.saturating_sub(name));
    Widths { name, state, bars, more }
}

/// The widest time: `>23h59m`.
const FOR: usize = 7;

fn head(model: &Model, widths: &Widths, lines: u16, pen: &mut Pen<'_>) {
    let theme = pen.theme();
    let (all, page) = (model.rows().len(), usize::from(lines));
    let shown = format!("{}–{}/{all}", model.first() + 1, (model.first() + page).min(all));
    let widest = "AGENT ".len() + all.to_string().len() * 3 + 2;
    let name = match page < all {
        true if widest <= widths.name => format!("AGENT {shown}"),
        true => shown,
        false => "AGENT".to_owned(),
    };
    let bars = if widths.bars < 14 { "CYCLES" } else { "TOKENS A CYCLE" };
    let mut text = format!(
        "   {}  {}  {}  {}",
        theme.pad(&name, widths.name, false),
        theme.pad("STATE", widths.state, false),
        theme.pad("FOR", FOR, true),
        theme.pad(bars, widths.bars, false),
    );
    for (column, width) in &widths.more {
        text = text + "  " + &theme.pad(column.title(), *width, column.is_number());
    }
    pen.line(&[(&text, theme.quiet())]);
}

fn line(row: &Row, is_chosen: bool, widths: &Widths, pen: &mut Pen<'_>) {
    let theme = pen.theme();
    let status = &row.status;
    let down = row.need == Need::Down;
    let plain = if down { theme.quiet() } else { Style::new() };
    let mark = match row.need {
        Need::Human => "!",
        Need::Trouble | Need::Fine | Need::Down => " ",
    };
    let longer = if status.state_longer { ">" } else { "" };
    let since = status.state_ms.map(|ms| format!("{longer}{}", span(ms / 1_000 * 1_000)));
    let name = theme.pad(&status.agent, widths.name, false);
    let name_style = if is_chosen { theme.chosen() } else { plain };
    let state = theme.pad(status.state, widths.state, false);
    let state_style = if down { plain } else { theme.tone(meaning(status.state).tone) };
    let mut parts = vec![
        (format!(" {mark} "), theme.tone(Tone::Bad)),
        (name, name_style),
        ("  ".to_owned(), plain),
        (state, state_style),
        (format!("  {}  ", theme.pad(&since.unwrap_or_default(), FOR, true)), plain),
    ];
    middle(row, widths, plain, pen, &mut parts);
    for (column, width) in &widths.more {
        if matches!(column, More::Last | More::Usual) {
            continue;
        }
        let text = cell(*column, row).unwrap_or_default();
        let text = theme.pad(&text, *width, column.is_number());
        parts.push((format!("  {text}"), style(*column, row, plain, pen)));
    }
    let parts: Vec<(&str, Style)> =
        parts.iter().map(|(text, style)| (text.as_str(), *style)).collect();
    pen.line(&parts);
}

/// The bars and the numbers beside them. What a person should know of an agent stands in their place as far
/// as it takes it: of one that is down they tell nothing.
fn middle(
    row: &Row,
    widths: &Widths,
    plain: Style,
    pen: &Pen<'_>,
    parts: &mut Vec<(String, Style)>,
) {
    let theme = pen.theme();
    let numbers: Vec<(More, usize)> = widths
        .more
        .iter()
        .copied()
        .filter(|(column, _)| matches!(column, More::Last | More::Usual))
        .collect();
    let width = widths.bars + numbers.iter().map(|(_, width)| GAP + width).sum::<usize>();
    let is_live = is_up(row.status.state);
    let Some(note) = row.note.as_ref().filter(|_| row.need != Need::Down) else {
        if is_live {
            bars(row, widths.bars, pen, parts);
            figures(row, &numbers, plain, pen, parts);
        } else {
            parts.push((" ".repeat(width), plain));
        }
        return;
    };
    let style = match row.need {
        Need::Human => theme.tone(Tone::Bad),
        Need::Trouble => theme.tone(Tone::Warning),
        Need::Fine | Need::Down => plain,
    };
    let wants = note.chars().count() + GAP;
    if is_live && BARS_NOTED + wants <= widths.bars {
        bars(row, widths.bars - wants, pen, parts);
        parts.push((format!("  {note}"), style));
        figures(row, &numbers, plain, pen, parts);
    } else if is_live && BARS_NOTED + wants <= width {
        let shown = (width - wants).min(widths.bars);
        bars(row, shown, pen, parts);
        parts.push(("  ".to_owned() + &theme.pad(note, width - shown - GAP, false), style));
    } else {
        parts.push((theme.pad(note, width, false), style));
    }
}

/// The numbers beside the bars.
fn figures(
    row: &Row,
    numbers: &[(More, usize)],
    plain: Style,
    pen: &Pen<'_>,
    parts: &mut Vec<(String, Style)>,
) {
    for (column, width) in numbers {
        let text = cell(*column, row).unwrap_or_default();
        parts.push((format!("  {}", pen.theme().pad(&text, *width, true)), plain));
    }
}

/// Whether there is a process in that state, so that its cycles tell something of now.
fn is_up(state: &str) -> bool {
    matches!(state, "starting" | "running" | "healthy" | "late" | "unhealthy" | "paused")
}

/// The last cycles that fit, the newest at the right; those that are far too much stand out.
fn bars(row: &Row, width: usize, pen: &Pen<'_>, parts: &mut Vec<(String, Style)>) {
    let theme = pen.theme();
    let status = &row.status;
    let all = &status.recent_tokens;
    let shown = &all[all.len().saturating_sub(width)..];
    parts.push((" ".repeat(width - shown.len()), Style::new()));
    let usual = status.spend.as_ref().and_then(|spend| spend.baseline).filter(|n| *n > 0);
    // While nobody knows what is usual they are held against each other.
    let reference = usual.or(status.tokens_per_cycle).unwrap_or(1);
    let calm = if usual.is_some() { theme.bars() } else { theme.quiet() };
    let too_much = |n: u64| {
        let rule = usual.zip(row.factor);
        rule.is_some_and(|(usual, factor)| {
            u128::from(usual) * u128::from(factor) <= u128::from(n) * 100
        })
    };
    for n in shown {
        let style = if too_much(*n) { theme.tone(Tone::Bad) } else { calm };
        parts.push((against(*n, reference, theme.unicode).to_string(), style));
    }
}

fn style(column: More, row: &Row, plain: Style, pen: &Pen<'_>) -> Style {
    let theme = pen.theme();
    match column {
        More::Today => match brief(row).and_then(|brief| brief.percent) {
            Some(percent) if 100 <= percent => theme.tone(Tone::Bad),
            Some(percent) if 80 <= percent => theme.tone(Tone::Warning),
            _ => plain,
        },
        More::Failures if row.status.streak > 0 && row.need != Need::Down => {
            theme.tone(Tone::Warning)
        }
        More::Where => theme.quiet(),
        _ => plain,
    }
}

fn brief(row: &Row) -> Option<Brief> {
    row.status.spend.as_ref().and_then(crate::report::spend::Spend::brief)
}

fn cell(column: More, row: &Row) -> Option<String> {
    let status = &row.status;
    match column {
        More::Today => brief(row).map(|brief| brief.words),
        More::Last => status.last_tokens.map(short),
        More::Usual => status.spend.as_ref()?.baseline.map(short),
        More::Beat => status.last_beat_ms.map(|ms| match ms {
            // Tenths of a second that change all the time tell nobody anything.
            0..1_000 => "now".to_owned(),
            ms => format!("{} ago", span(ms / 1_000 * 1_000)),
        }),
        More::Failures => {
            (status.max_failures > 0).then(|| format!("{}/{}", status.streak, status.max_failures))
        }
        More::Up => status.up_ms.map(|ms| span(ms / 1_000 * 1_000)),
        More::Run => Some(status.incarnation.to_string()),
        More::Where => Some(status.state_dir.clone()),
    }
}
