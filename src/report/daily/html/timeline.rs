//! The day of an agent as a strip: where it stood when.

use std::fmt::Write as _;
use std::ops::Range;

use plotters::prelude::{Color as _, PathElement, Rectangle, Text};
use plotters::style::text_anchor::{HPos, VPos};

use crate::wire::words::span;

use super::super::{Agent, Gap, Span};
use super::clock::{Clock, Tick};
use super::figure::{Table, table};
use super::svg::{AXIS_HEIGHT, Area, Drawing, FINE, Ink, WIDTH, draw, letters, shared_axis};
use super::text::{clean, escape, said};

/// What is bad is never narrower than this, in units: a failure of a second is to be seen.
const BAD_MIN: i32 = 25;

/// A table of more stretches tells the longest of them.
const ROWS_MAX: usize = 150;

/// Pixels above a strip, for what is written there.
const ABOVE: i32 = 18;

/// The ink of a state.
pub(super) fn ink(state: &str) -> Ink {
    match state {
        "healthy" | "running" => Ink::Up,
        "new" | "starting" | "validating" | "shutting_down" | "stopping" | "leaving" => {
            Ink::Between
        }
        "late" => Ink::Late,
        "unhealthy" | "failed" => Ink::Bad,
        "cooldown" => Ink::Cooldown,
        "escalated" => Ink::Gone,
        "parked" | "waiting" | "paused" => Ink::Waits,
        "finished" | "stopped" | "done" => Ink::Over,
        _ => Ink::Unknown,
    }
}

/// A state as people read it.
pub(super) fn word(state: &str) -> String {
    state.replace('_', " ")
}

fn ms(from: i64, until: i64) -> u64 {
    u64::try_from(until.saturating_sub(from)).unwrap_or(0)
}

/// A rectangle of a strip.
struct Piece {
    ink: Ink,
    x: Range<i32>,
    title: String,
}

fn unit(at: i64, range: &Range<i64>) -> i32 {
    let all = i128::from(range.end) - i128::from(range.start);
    let share = (i128::from(at) - i128::from(range.start)) * i128::from(WIDTH) / all.max(1);
    i32::try_from(share).unwrap_or(0).clamp(0, WIDTH)
}

/// More stretches than that are shown by cells.
const EXACT_MAX: usize = 300;

/// The strip's rectangles. Of very many stretches only the worst of each cell is seen.
fn pieces(spans: &[Span], clock: &Clock<'_>) -> Vec<Piece> {
    let range = clock.range();
    if EXACT_MAX < spans.len() { cells(spans, clock, &range) } else { exact(spans, clock, &range) }
}

fn exact(spans: &[Span], clock: &Clock<'_>, range: &Range<i64>) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for stretch in spans {
        let ink = ink(stretch.state);
        let (from, mut until) = (unit(stretch.from_ms, range), unit(stretch.until_ms, range));
        if Ink::Late <= ink {
            until = until.max(from + BAD_MIN).min(WIDTH);
        }
        let title = || {
            let long = span(ms(stretch.from_ms, stretch.until_ms));
            let when = clock.stretch(stretch.from_ms, stretch.until_ms);
            format!("{when} {}, {long}", word(stretch.state))
        };
        let begin = pieces.last().map_or(0, |last| last.x.end).max(from);
        match pieces.last_mut() {
            // Made wider than it was, the one before would hide a worse one.
            Some(last) if from < last.x.end && last.ink < ink && Ink::Late <= ink => {
                *last = Piece { ink, x: last.x.start..last.x.end.max(until), title: title() };
            }
            _ if begin < until => pieces.push(Piece { ink, x: begin..until, title: title() }),
            _ => {}
        }
    }
    pieces
}

/// Cells as wide as the narrowest that can be seen, each with its worst state; neighbours that are alike
/// are one.
fn cells(spans: &[Span], clock: &Clock<'_>, range: &Range<i64>) -> Vec<Piece> {
    let mut worst: Vec<Option<(Ink, &'static str)>> = Vec::new();
    worst.resize(usize::try_from(WIDTH / BAD_MIN).unwrap_or(0), None);
    let cell = |at: i64| usize::try_from(unit(at, range) / BAD_MIN).unwrap_or(0);
    for stretch in spans {
        let of = Some((ink(stretch.state), stretch.state));
        let end = worst.len().min(cell(stretch.until_ms.saturating_sub(1)) + 1);
        for one in worst.get_mut(cell(stretch.from_ms)..end).unwrap_or_default() {
            *one = (*one).max(of);
        }
    }
    let at = |cell: i32| {
        let all = range.end.saturating_sub(range.start);
        range.start.saturating_add(all / i64::from(WIDTH / BAD_MIN) * i64::from(cell))
    };
    let mut pieces: Vec<Piece> = Vec::new();
    let mut begin = 0;
    for run in worst.chunk_by(|a, b| a == b) {
        let end = begin + i32::try_from(run.len()).unwrap_or(0);
        if let Some((ink, state)) = run[0] {
            let title = format!("{} {} at worst", clock.stretch(at(begin), at(end)), word(state));
            pieces.push(Piece { ink, x: begin * BAD_MIN..end * BAD_MIN, title });
        }
        begin = end;
    }
    pieces
}

/// How a strip is drawn.
pub(super) struct Strip {
    /// Its height in pixels.
    pub height: i32,
    /// With hours below it and gaps above it.
    pub written: bool,
}

/// A strip of an agent; none if nothing is known of it.
pub(super) fn strip(agent: &Agent, clock: &Clock<'_>, how: &Strip) -> Option<String> {
    let pieces = pieces(&agent.spans, clock);
    if pieces.is_empty() {
        return None;
    }
    let (top, height) =
        if how.written { (ABOVE, how.height + ABOVE + AXIS_HEIGHT) } else { (0, how.height) };
    let label = format!("{}: {}", agent.name, totals_in_words(agent));
    let titles = pieces.iter().map(|piece| piece.title.clone()).collect();
    let axis = how.written.then_some(ABOVE + how.height);
    draw(Drawing { height, label: &label, titles, axis }, |area| {
        let (y0, y1) = (top * FINE, (top + how.height) * FINE);
        for piece in &pieces {
            let corners = [(piece.x.start, y0), (piece.x.end, y1)];
            area.draw(&Rectangle::new(corners, piece.ink.color().filled())).ok()?;
        }
        if how.written {
            gaps(area, agent, clock)?;
        }
        Some(())
    })
}

/// The axis alone, for many strips.
pub(super) fn axis_alone() -> Option<String> {
    let label = "the hours of the clock";
    draw(Drawing { height: AXIS_HEIGHT, label, axis: Some(0), ..Drawing::default() }, |_| Some(()))
}

/// The axis of the days, once for all that is shown over them.
pub(super) fn axis(clock: &Clock<'_>) -> Option<String> {
    let range = clock.range();
    shared_axis(|area| {
        for tick in &clock.ticks() {
            write_tick(area, tick, unit(tick.at, &range), 0, clock.is_long())?;
        }
        Some(())
    })
}

/// A tick below `y`, with its label: below it, or behind it.
pub(super) fn write_tick(area: &Area<'_>, tick: &Tick, x: i32, y: i32, behind: bool) -> Option<()> {
    let side = match x {
        // At the edge of a page there is no room beyond it.
        _ if behind => HPos::Left,
        ..100 => HPos::Left,
        9_900.. => HPos::Right,
        _ => HPos::Center,
    };
    let ends = vec![(x, y), (x, y + 4 * FINE)];
    area.draw(&PathElement::new(ends, Ink::Ground.color())).ok()?;
    if !tick.label.is_empty() {
        let ink = if tick.minor { Ink::Roomy } else { Ink::Label };
        let style = letters(ink, side, VPos::Top);
        area.draw(&Text::new(tick.label.as_str(), (x, y + 7 * FINE), style)).ok()?;
    }
    Some(())
}

/// Something written above a strip.
struct Note {
    x: i32,
    /// The longest first: the first that has room is written.
    words: Vec<String>,
}

/// What is written above a strip: when clocks were set, and gaps as far as there is room; with their
/// causes on a wide page, and without on a phone.
fn gaps(area: &Area<'_>, agent: &Agent, clock: &Clock<'_>) -> Option<()> {
    let range = clock.range();
    let mut longest: Vec<&Gap> = agent.gaps.iter().collect();
    longest.sort_by_key(|gap| (std::cmp::Reverse(ms(gap.from_ms, gap.until_ms)), gap.from_ms));
    let shifts = clock.shifts().iter().map(|shift| (shift.at_ms, shift.words(), shift.words()));
    let gaps = longest.into_iter().map(|gap| {
        let middle = gap.from_ms / 2 + gap.until_ms / 2;
        let long = span(ms(gap.from_ms, gap.until_ms));
        let whole = clean(&gap.cause);
        let cause: String = whole.chars().take(28).collect();
        let cut = if cause.len() < whole.len() { "…" } else { "" };
        (middle, format!("{long} {cause}{cut}"), long)
    });
    let notes: Vec<(i64, String, String)> = shifts.chain(gaps).collect();
    for shift in clock.shifts() {
        let x = unit(shift.at_ms, &range);
        let ends = vec![(x, 14 * FINE), (x, ABOVE * FINE)];
        area.draw(&PathElement::new(ends, Ink::Set.color())).ok()?;
    }
    let roomy = |(at, long, short): &(i64, String, String)| Note {
        x: unit(*at, &range),
        words: vec![long.clone(), short.clone()],
    };
    write_notes(area, notes.iter().map(roomy), Ink::Roomy, 85)?;
    let narrow = |(at, _, short): &(i64, String, String)| Note {
        x: unit(*at, &range),
        words: vec![short.clone()],
    };
    write_notes(area, notes.iter().map(narrow), Ink::Narrow, 200)
}

/// Writes what has room: the first come first; `letter` is the width of one in units.
fn write_notes(
    area: &Area<'_>,
    notes: impl Iterator<Item = Note>,
    ink: Ink,
    letter: i32,
) -> Option<()> {
    let mut taken: Vec<Range<i32>> = Vec::new();
    for note in notes {
        for words in note.words {
            let (side, x, room) = place(note.x, &words, letter);
            let clash = taken.iter().any(|other| room.start < other.end && other.start < room.end);
            if !clash && room.end - room.start <= WIDTH {
                let style = letters(ink, side, VPos::Top);
                area.draw(&Text::new(words, (x, FINE), style)).ok()?;
                taken.push(room.start - letter..room.end + letter);
                break;
            }
        }
    }
    Some(())
}

/// Where words stand that belong to `x`: around it, or at an end of the strip, from which they hang.
fn place(x: i32, words: &str, letter: i32) -> (HPos, i32, Range<i32>) {
    let count = i32::try_from(words.chars().count()).unwrap_or(i32::MAX);
    let half = count.saturating_mul(letter) / 2;
    if x < half {
        (HPos::Left, 0, 0..half.saturating_mul(2))
    } else if WIDTH - x < half {
        (HPos::Right, WIDTH, WIDTH - half.saturating_mul(2)..WIDTH)
    } else {
        (HPos::Center, x, x - half..x + half)
    }
}

/// How long it was in which state: calm ones first.
fn totals(agent: &Agent) -> Vec<(&'static str, u64)> {
    let mut totals: Vec<(&'static str, u64)> = Vec::new();
    for stretch in &agent.spans {
        let long = ms(stretch.from_ms, stretch.until_ms);
        match totals.iter_mut().find(|(state, _)| *state == stretch.state) {
            Some((_, sum)) => *sum = sum.saturating_add(long),
            None => totals.push((stretch.state, long)),
        }
    }
    totals.sort_by_key(|(state, long)| (ink(state), std::cmp::Reverse(*long), *state));
    totals
}

fn totals_in_words(agent: &Agent) -> String {
    let words = totals(agent).into_iter();
    let words: Vec<String> =
        words.map(|(state, long)| format!("{} {}", word(state), span(long))).collect();
    words.join(", ")
}

/// A swatch of a legend.
pub(super) fn swatch(ink: Ink) -> String {
    format!(
        "<svg class=\"swatch\" aria-hidden=\"true\" width=\"14\" height=\"10\">\
         <rect class=\"{}\" width=\"14\" height=\"10\"/></svg>",
        ink.class()
    )
}

/// The legend of an agent's strip, with how long each state was.
fn legend(agent: &Agent) -> String {
    let mut out = String::from("<ul class=\"legend\">\n");
    for (state, long) in totals(agent) {
        let (swatch, word) = (swatch(ink(state)), escape(&word(state)));
        let _ = writeln!(out, "<li>{swatch}{word} <b>{}</b></li>", span(long));
    }
    out.push_str("</ul>\n");
    out
}

/// The stretches as a table: of very many the longest.
fn numbers(agent: &Agent, clock: &Clock<'_>) -> String {
    let mut spans: Vec<&Span> = agent.spans.iter().collect();
    if ROWS_MAX < spans.len() {
        spans.sort_by_key(|s| (std::cmp::Reverse(ms(s.from_ms, s.until_ms)), s.from_ms));
        spans.truncate(ROWS_MAX);
        spans.sort_by_key(|s| s.from_ms);
    }
    let left = agent.spans.len() - spans.len();
    let rows = spans.iter().map(|s| {
        let long = span(ms(s.from_ms, s.until_ms));
        vec![clock.stretch(s.from_ms, s.until_ms), word(s.state), long]
    });
    let more = (left > 0).then(|| format!("and {left} shorter ones"));
    table(&Table { head: vec!["When", "State", "How long"], rows: rows.collect(), more })
}

/// The strip with its legend and its numbers; empty if nothing is known of it.
pub(super) fn section(agent: &Agent, clock: &Clock<'_>) -> String {
    let Some(strip) = strip(agent, clock, &Strip { height: 26, written: true }) else {
        return String::new();
    };
    let name = said(&agent.name);
    format!(
        "<figure class=\"timeline\">\
         <figcaption class=\"unseen\">Where {name} stood when</figcaption>\n\
         {strip}{}{}</figure>\n",
        legend(agent),
        numbers(agent, clock)
    )
}
