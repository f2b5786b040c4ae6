//! The memory of an agent's tree, each incarnation for itself.

use std::ops::Range;

use crate::wire::words::{grouped, span};

use super::super::super::{Agent, Memory};
use super::super::chart::{Axes, Upwards, amount, plot};
use super::super::clock::Clock;
use super::super::figure::{Figure, Table};
use super::super::svg::Ink;
use super::super::text::memory as kib;
use super::{full, key};

/// Parts of the days in a plot of memory.
const PARTS: i64 = 48;

fn part_ms(range: &Range<i64>) -> i64 {
    (range.end.saturating_sub(range.start) / PARTS).max(1)
}

/// The highest of each part of the days and each incarnation: what is shown, and what the table tells.
fn peaks(records: &[Memory], range: &Range<i64>) -> Vec<Memory> {
    let wide = part_ms(range);
    let part = |at: i64| at.saturating_sub(range.start).div_euclid(wide);
    let mut peaks: Vec<Memory> = Vec::new();
    for record in records.iter().filter(|record| range.contains(&record.at_ms)) {
        match peaks.last_mut() {
            Some(last)
                if part(last.at_ms) == part(record.at_ms)
                    && last.incarnation == record.incarnation
                    && last.peak == record.peak =>
            {
                if last.kib < record.kib {
                    *last = *record;
                }
            }
            _ => peaks.push(*record),
        }
    }
    peaks
}

pub(super) fn plot_of(agent: &Agent, clock: &Clock<'_>) -> Option<Figure> {
    let range = clock.range();
    let points = peaks(&agent.memory, &range);
    let most = points.iter().map(|point| point.kib).max()?;
    let several = points.iter().any(|point| point.incarnation != points[0].incarnation);
    let rows = points.iter().map(|point| {
        let end = if point.peak { "its highest, told at its end" } else { "" };
        let number = if several { grouped(u64::from(point.incarnation)) } else { String::new() };
        vec![clock.moment(point.at_ms), kib(point.kib), number, end.to_owned()]
    });
    let table = Table {
        head: vec!["When", "Memory", "Incarnation", "Peak"],
        rows: rows.collect(),
        more: (points.len() < agent.memory.len())
            .then(|| format!("the highest of every {}", span(part_ms(&range).unsigned_abs()))),
    };
    let label = format!("Memory: {} at most; numbers follow as a table", kib(most));
    // In MiB, so that its lines are round.
    let mib = |n: u64| amount(n) / 1_024.0;
    let axes = Axes {
        across: range.clone(),
        ticks: None,
        up: Upwards::linear(mib(most), 0.0),
        name: &full,
    };
    let svg = plot(&label, Vec::new(), &axes, |chart| {
        let flow: Vec<&Memory> = points.iter().filter(|point| !point.peak).collect();
        for run in flow.chunk_by(|a, b| a.incarnation == b.incarnation) {
            let line: Vec<_> = run.iter().map(|point| (point.at_ms, mib(point.kib))).collect();
            if 1 < line.len() {
                chart.fill(Ink::Fill, &line)?;
            }
            chart.line(Ink::Line, &line)?;
        }
        let mut ends = points.iter().filter(|point| point.peak);
        ends.try_for_each(|point| chart.dot(Ink::Peak, (point.at_ms, mib(point.kib))))
    });
    let mut words = format!("<span>in MiB, {} at most</span>", kib(most));
    if points.iter().any(|point| point.peak) {
        words.push_str(&key(Ink::Peak, "highest of a run, told at its end"));
    }
    Some(Figure { name: "Memory", key: words, svg, table })
}
