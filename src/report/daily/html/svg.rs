//! What the plotting library draws, made at home in a page: colours are classes that follow the theme,
//! widths are shares of the page's, heights and letters stay as they are on a phone.
//!
//! The library writes pixels and colours. It is given a canvas of [`WIDTH`] units across, each a hundredth
//! of a percent, and [`FINE`] units to a pixel down, and inks whose blue tells their class.

use std::collections::VecDeque;
use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::{
    Color as _, DrawingArea, IntoDrawingArea, IntoFont, RGBColor, SVGBackend, TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::text::escape;

/// Units across a canvas.
pub(super) const WIDTH: i32 = 10_000;

/// Units of a pixel downwards.
pub(super) const FINE: i32 = 10;

/// What is drawn on.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What is drawn with, by what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ink {
    /// States.
    Up,
    Between,
    Over,
    Waits,
    Unknown,
    Late,
    Cooldown,
    Bad,
    Gone,
    /// Lines of a grid, and its ground line.
    Grid,
    Ground,
    /// Clocks were set.
    Set,
    /// Letters: of amounts, always, where there is room, on a phone alone.
    Amount,
    Label,
    Roomy,
    Narrow,
    /// A series, the area under it, its range, what is usual, a point, something odd.
    Line,
    Fill,
    Whisker,
    Usual,
    Dot,
    Peak,
    Flag,
    Bar,
    BadBar,
}

const CLASSES: [(Ink, &str); 25] = [
    (Ink::Up, "s-up"),
    (Ink::Between, "s-between"),
    (Ink::Over, "s-over"),
    (Ink::Waits, "s-waits"),
    (Ink::Unknown, "s-unknown"),
    (Ink::Late, "s-late"),
    (Ink::Cooldown, "s-cooldown"),
    (Ink::Bad, "s-failed"),
    (Ink::Gone, "s-gone"),
    (Ink::Grid, "grid"),
    (Ink::Ground, "ground"),
    (Ink::Set, "set"),
    (Ink::Amount, "label amount"),
    (Ink::Label, "label"),
    (Ink::Roomy, "label roomy"),
    (Ink::Narrow, "label narrow"),
    (Ink::Line, "line"),
    (Ink::Fill, "fill"),
    (Ink::Whisker, "whisker"),
    (Ink::Usual, "usual"),
    (Ink::Dot, "dot"),
    (Ink::Peak, "peak"),
    (Ink::Flag, "flag"),
    (Ink::Bar, "bar"),
    (Ink::BadBar, "bar odd"),
];

impl Ink {
    /// The colour that stands for it until [`draw`] is done.
    pub fn color(self) -> RGBColor {
        let at = CLASSES.iter().position(|(ink, _)| *ink == self).unwrap_or(0);
        RGBColor(0, 0, u8::try_from(at).unwrap_or(0))
    }

    /// Its class in the style sheet.
    pub fn class(self) -> &'static str {
        CLASSES.iter().find(|(ink, _)| *ink == self).map_or("", |(_, class)| class)
    }

    fn of(color: &str) -> &'static str {
        let blue =
            color.strip_prefix("#0000").and_then(|blue| usize::from_str_radix(blue, 16).ok());
        blue.and_then(|blue| CLASSES.get(blue)).map_or("", |(_, class)| class)
    }
}

/// Letters in an ink, hung up on one of their sides.
pub(super) fn letters(ink: Ink, h: HPos, v: VPos) -> TextStyle<'static> {
    let mut style = TextStyle::from(("sans-serif", 12).into_font()).pos(Pos::new(h, v));
    style.color = ink.color().to_backend_color();
    style
}

/// Pixels of an axis with its labels.
pub(super) const AXIS_HEIGHT: i32 = 20;

/// The axis of the report's days, which all plots share; see [`shared_axis`].
const AXIS: &str = "axis";

/// A drawing.
#[derive(Default)]
pub(super) struct Drawing<'a> {
    /// Its height in pixels.
    pub height: i32,
    /// What it shows, in words.
    pub label: &'a str,
    /// What each of its rectangles, in their order, tells to who points at it.
    pub titles: Vec<String>,
    /// Where the shared axis is hung up, in pixels.
    pub axis: Option<i32>,
}

/// The drawing as an element of a page; none if the library refuses.
pub(super) fn draw(
    drawing: Drawing<'_>,
    paint: impl FnOnce(&Area<'_>) -> Option<()>,
) -> Option<String> {
    let (label, height) = (escape(drawing.label), drawing.height);
    let inner = inner(height, drawing.titles, paint)?;
    let mut out = format!(
        "<svg class=\"plot\" role=\"img\" aria-label=\"{label}\" \
         width=\"100%\" height=\"{height}\">\n{inner}"
    );
    if let Some(y) = drawing.axis {
        let _ = writeln!(out, "<use href=\"#{AXIS}\" y=\"{y}\"/>");
    }
    out.push_str("</svg>\n");
    Some(out)
}

/// What many drawings have in common, to stand in the page once.
pub(super) fn shared_axis(paint: impl FnOnce(&Area<'_>) -> Option<()>) -> Option<String> {
    // As high as what is written: the library draws nothing outside.
    let inner = inner(AXIS_HEIGHT, Vec::new(), paint)?;
    Some(format!(
        "<svg class=\"shapes\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\
         <g id=\"{AXIS}\">\n{inner}</g></defs></svg>\n"
    ))
}

fn inner(
    height: i32,
    titles: Vec<String>,
    paint: impl FnOnce(&Area<'_>) -> Option<()>,
) -> Option<String> {
    let size = (u32::try_from(WIDTH).ok()?, u32::try_from(height * FINE).ok()?);
    let mut raw = String::new();
    {
        let area = SVGBackend::with_string(&mut raw, size).into_drawing_area();
        paint(&area)?;
        area.present().ok()?;
    }
    Some(themed(&raw, height, titles))
}

fn themed(raw: &str, height: i32, titles: Vec<String>) -> String {
    let mut titles = VecDeque::from(titles);
    let mut out = String::with_capacity(raw.len() / 2);
    // Marks of one class that follow each other, and their class.
    let (mut marks, mut of_marks) = (String::new(), "");
    let mut lines = raw.lines();
    while let Some(line) = lines.next() {
        let Some((tag, rest)) = line.strip_prefix('<').and_then(|line| line.split_once(' ')) else {
            continue;
        };
        let of = Attributes(rest);
        let mark = mark(of);
        if !marks.is_empty() && (mark.is_none() || of_marks != of.class()) {
            stretched(&mut out, &format!("<path class=\"{of_marks}\" d=\"{marks}\"/>"), height);
            marks.clear();
        }
        if let Some(mark) = mark {
            of_marks = of.class();
            marks.push_str(&mark);
            continue;
        }
        match tag {
            "text" => text(&mut out, of, lines.next().unwrap_or_default()),
            "rect" => rect(&mut out, of, titles.pop_front()),
            "circle" => circle(&mut out, of),
            "polyline" | "polygon" => path(&mut out, tag, of, height),
            _ => {}
        }
    }
    if !marks.is_empty() {
        stretched(&mut out, &format!("<path class=\"{of_marks}\" d=\"{marks}\"/>"), height);
    }
    out
}

/// What there are many of, as a piece of a path that all of them share: lines upwards, and dots, which
/// are lines of no length with round ends.
fn mark(of: Attributes<'_>) -> Option<String> {
    if of.class() == Ink::Dot.class() {
        return Some(format!("M{} {}h0", of.get("cx"), of.get("cy")));
    }
    if of.class() != Ink::Whisker.class() {
        return None;
    }
    let mut ends = of.get("points").trim_end().split([' ', ',']);
    let (x, y1, _, y2) = (ends.next()?, ends.next()?, ends.next()?, ends.next()?);
    Some(format!("M{x} {y1}V{y2}"))
}

/// The attributes of an element as the library writes them: their values hold no quotes.
#[derive(Clone, Copy)]
struct Attributes<'a>(&'a str);

impl<'a> Attributes<'a> {
    fn get(self, name: &str) -> &'a str {
        let mut parts = self.0.split('"');
        while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
            if key.trim().strip_suffix('=') == Some(name) {
                return value;
            }
        }
        ""
    }

    fn class(self) -> &'static str {
        let fill = self.get("fill");
        Ink::of(if matches!(fill, "none" | "") { self.get("stroke") } else { fill })
    }
}

/// Units across as a share of the width.
fn across(units: &str) -> String {
    let units: i32 = units.parse().unwrap_or(0);
    format!("{}%", decimal(units, 100))
}

/// Units downwards in pixels.
fn down(units: &str) -> String {
    decimal(units.parse().unwrap_or(0), FINE)
}

fn decimal(units: i32, of: i32) -> String {
    let (whole, part) = (units.unsigned_abs() / of.unsigned_abs(), units % of);
    let sign = if units < 0 { "-" } else { "" };
    let digits = if of == 100 { 2 } else { 1 };
    let text = format!("{sign}{whole}.{:0digits$}", part.unsigned_abs());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn text(out: &mut String, of: Attributes<'_>, words: &str) {
    let anchor = match of.get("text-anchor") {
        "start" => String::new(),
        anchor => format!(" text-anchor=\"{anchor}\""),
    };
    let (x, y, dy) = (across(of.get("x")), down(of.get("y")), of.get("dy"));
    let class = of.class();
    let _ = writeln!(
        out,
        "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" dy=\"{dy}\"{anchor}>{words}</text>"
    );
}

fn rect(out: &mut String, of: Attributes<'_>, title: Option<String>) {
    let (x, y) = (across(of.get("x")), down(of.get("y")));
    let (width, height) = (across(of.get("width")), down(of.get("height")));
    let _ = write!(
        out,
        "<rect class=\"{}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"",
        of.class()
    );
    let _ = match title {
        Some(title) => writeln!(out, "><title>{}</title></rect>", escape(&title)),
        None => writeln!(out, "/>"),
    };
}

fn straight(out: &mut String, class: &str, [x1, y1, x2, y2]: [&str; 4]) {
    let (x1, y1, x2, y2) = (across(x1), down(y1), across(x2), down(y2));
    let _ =
        writeln!(out, "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
}

fn circle(out: &mut String, of: Attributes<'_>) {
    let (class, x, y, r) = (of.class(), across(of.get("cx")), down(of.get("cy")), of.get("r"));
    let _ = if class == Ink::Flag.class() {
        writeln!(out, "<use class=\"{class}\" href=\"#flag\" x=\"{x}\" y=\"{y}\"/>")
    } else {
        writeln!(out, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>")
    };
}

fn path(out: &mut String, tag: &str, of: Attributes<'_>, height: i32) {
    let points = of.get("points").trim_end();
    let mut ends = points.split([' ', ',']);
    if let (Some(x1), Some(y1), Some(x2), Some(y2), None) =
        (ends.next(), ends.next(), ends.next(), ends.next(), ends.next())
    {
        return straight(out, of.class(), [x1, y1, x2, y2]);
    }
    stretched(out, &format!("<{tag} class=\"{}\" points=\"{points}\"/>", of.class()), height);
}

/// Many points cannot be in shares of a width: they have a canvas of their own, which is stretched;
/// their strokes are not.
fn stretched(out: &mut String, path: &str, height: i32) {
    let _ = writeln!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {}\" preserveAspectRatio=\"none\">{path}</svg>",
        height * FINE
    );
}
