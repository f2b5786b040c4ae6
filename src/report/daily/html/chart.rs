//! Axes of a plot: time or days across, amounts upwards; what is within is drawn by who knows it.

use std::ops::Range;

use plotters::coord::types::{RangedCoordf64, RangedCoordi64};
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, Circle, PathElement, Polygon, Rectangle, SVGBackend,
    Text,
};
use plotters::style::Color as _;
use plotters::style::text_anchor::{HPos, VPos};

use super::clock::Tick;
use super::svg::{AXIS_HEIGHT, Area, Drawing, FINE, Ink, WIDTH, draw, letters};
use super::timeline::write_tick;

/// Pixels of a plot, with its axis below and air above it.
const HEIGHT: i32 = 152;
const ABOVE: i32 = 16;

type Inner<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordi64, RangedCoordf64>>;

/// An amount as something to plot.
#[expect(clippy::cast_precision_loss, reason = "a pixel is shown, nothing is decided")]
pub(super) fn amount(n: u64) -> f64 {
    n as f64
}

/// How amounts are shown upwards.
#[derive(Debug)]
pub(super) struct Upwards {
    log: bool,
    bottom: f64,
    top: f64,
    /// Where its lines are.
    lines: Vec<f64>,
}

/// More lines than that are a fence.
const LINES_MAX: usize = 6;

impl Upwards {
    /// From zero to a round number that is no less than `most`; no line is nearer to the next than `unit`.
    pub fn linear(most: f64, unit: f64) -> Self {
        Self::between(0.0, most, unit)
    }

    /// From a round number below what is shown, if zero is so far away that all of it would look alike.
    pub fn near(least: f64, most: f64, unit: f64) -> Self {
        let air = (most - least).max(most / 5.0);
        let from = least - air;
        Self::between(if from < most / 3.0 { 0.0 } else { from }, most, unit)
    }

    fn between(from: f64, most: f64, unit: f64) -> Self {
        let rough = ((most - from) / 3.0).max(unit).max(1e-9);
        let ten = 10_f64.powf(rough.log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * ten);
        let step = round.clone().find(|step| rough <= *step * 1.001).unwrap_or(10.0 * ten);
        let bottom = (from / step).floor() * step;
        let mut lines = vec![bottom];
        for n in (1..=6_i32).map(|n| bottom + step * f64::from(n)) {
            lines.push(n);
            if most <= n {
                break;
            }
        }
        let top = lines.last().copied().unwrap_or(bottom + step);
        Self { log: false, bottom, top, lines }
    }

    /// Powers of ten, and thrice them, around both.
    pub fn log(least: f64, most: f64) -> Self {
        let marks = (0..20).flat_map(|n| [10_f64.powi(n), 3.0 * 10_f64.powi(n)]);
        let marks: Vec<f64> = marks.collect();
        let first = marks.iter().rposition(|mark| *mark <= least.max(1.0)).unwrap_or(0);
        let end = marks.iter().position(|mark| most <= *mark).unwrap_or(marks.len() - 1);
        let end = end.max(first + 1).min(marks.len() - 1);
        let shown = marks.get(first..=end).unwrap_or_default();
        let (bottom, top) = (shown[0].log10(), shown[shown.len() - 1].log10());
        let every = shown.len().div_ceil(LINES_MAX);
        Self { log: true, bottom, top, lines: shown.iter().copied().step_by(every).collect() }
    }

    fn place(&self, value: f64) -> f64 {
        let place = if self.log { value.max(1.0).log10() } else { value };
        place.clamp(self.bottom, self.top)
    }
}

/// A plot's axes.
pub(super) struct Axes<'a> {
    pub across: Range<i64>,
    /// Its own labels below; none: those of the report's days.
    pub ticks: Option<Vec<Tick>>,
    pub up: Upwards,
    /// What an amount is called.
    pub name: &'a dyn Fn(f64) -> String,
}

/// A plot that is being drawn.
pub(super) struct Chart<'a, 'b> {
    inner: Inner<'a>,
    area: &'b Area<'a>,
    up: &'b Upwards,
}

impl Chart<'_, '_> {
    fn point(&self, (x, y): (i64, f64)) -> (i64, f64) {
        (x, self.up.place(y))
    }

    /// A line; of one point a dot.
    pub fn line(&self, ink: Ink, points: &[(i64, f64)]) -> Option<()> {
        match points {
            [] => Some(()),
            [one] => self.dot(if ink == Ink::Line { Ink::Dot } else { ink }, *one),
            _ => {
                let points: Vec<_> = points.iter().map(|p| self.point(*p)).collect();
                self.inner.plotting_area().draw(&PathElement::new(points, ink.color())).ok()
            }
        }
    }

    /// The area between a line and the ground.
    pub fn fill(&self, ink: Ink, points: &[(i64, f64)]) -> Option<()> {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return Some(()) };
        let mut corners: Vec<_> = points.iter().map(|p| self.point(*p)).collect();
        corners.extend([(last.0, self.up.bottom), (first.0, self.up.bottom)]);
        self.inner.plotting_area().draw(&Polygon::new(corners, ink.color().filled())).ok()
    }

    /// A point.
    pub fn dot(&self, ink: Ink, at: (i64, f64)) -> Option<()> {
        let circle = Circle::new(self.point(at), 3, ink.color().filled());
        self.inner.plotting_area().draw(&circle).ok()
    }

    /// A bar from the ground.
    pub fn bar(&self, ink: Ink, across: Range<i64>, height: f64) -> Option<()> {
        let (x0, y0) = self.inner.backend_coord(&(across.start, self.up.bottom));
        let (x1, mut y1) = self.inner.backend_coord(&(across.end, self.up.place(height)));
        // What is more than nothing is to be seen.
        y1 = y1.min(y0 - FINE);
        let gap = ((x1 - x0) / 8).min(40);
        let corners = [(x0 + gap, y1), ((x1 - gap).max(x0 + gap + 5), y0)];
        self.area.draw(&Rectangle::new(corners, ink.color().filled())).ok()
    }

    fn grid(&self, lines: &[f64]) -> Option<()> {
        let ground = (HEIGHT - AXIS_HEIGHT) * FINE;
        let first = self.inner.x_range().start;
        for line in lines {
            let (_, y) = self.inner.backend_coord(&(first, self.up.place(*line)));
            self.area.draw(&PathElement::new(vec![(0, y), (WIDTH, y)], Ink::Grid.color())).ok()?;
        }
        let ends = vec![(0, ground), (WIDTH, ground)];
        self.area.draw(&PathElement::new(ends, Ink::Ground.color())).ok()
    }

    /// Names of amounts on their lines, of times below theirs.
    fn names(&self, axes: &Axes<'_>) -> Option<()> {
        let ground = (HEIGHT - AXIS_HEIGHT) * FINE;
        for line in &axes.up.lines {
            let (_, y) = self.inner.backend_coord(&(axes.across.start, self.up.place(*line)));
            let style = letters(Ink::Amount, HPos::Right, VPos::Center);
            self.area.draw(&Text::new((axes.name)(*line), (0, y), style)).ok()?;
        }
        axes.ticks.iter().flatten().try_for_each(|tick| {
            let (x, _) = self.inner.backend_coord(&(tick.at, self.up.bottom));
            write_tick(self.area, tick, x, ground, false)
        })
    }
}

/// A plot with its axes; none if the library refuses.
pub(super) fn plot(
    label: &str,
    titles: Vec<String>,
    axes: &Axes<'_>,
    paint: impl FnOnce(&Chart<'_, '_>) -> Option<()>,
) -> Option<String> {
    let shared = axes.ticks.is_none().then_some(HEIGHT - AXIS_HEIGHT);
    draw(Drawing { height: HEIGHT, label, titles, axis: shared }, |area| {
        let mut builder = ChartBuilder::on(area);
        builder.margin_top(ABOVE * FINE).x_label_area_size(AXIS_HEIGHT * FINE);
        let upwards = axes.up.bottom..axes.up.top;
        let inner = builder.build_cartesian_2d(axes.across.clone(), upwards).ok()?;
        let chart = Chart { inner, area, up: &axes.up };
        chart.grid(&axes.up.lines)?;
        paint(&chart)?;
        chart.names(axes)
    })
}
