//! What only many days show: hours at which failures recur, and tokens a cycle that drift.

use crate::core::time::LocalDay;
use crate::wire::stamp;
use crate::wire::words::{count, grouped};

use super::super::super::{Agent, Past};
use super::super::chart::{Axes, Upwards, amount, plot};
use super::super::clock::{Tick, short};
use super::super::figure::{Figure, Table};
use super::super::svg::Ink;
use super::super::text::share;
use super::{brief, cost_words};

/// Fewer days show no drift.
const DAYS_MIN: usize = 3;

/// Failures by hour of the day, over two weeks.
pub(super) fn failures(agent: &Agent) -> Option<Figure> {
    let counts = agent.failures_by_hour;
    let sum: u32 = counts.iter().fold(0, |sum, n| sum.saturating_add(*n));
    let most = counts.into_iter().max().filter(|most| 0 < *most)?;
    let some: Vec<(usize, u32)> = counts.into_iter().enumerate().filter(|(_, n)| 0 < *n).collect();
    let hour = |at: usize| format!("{at:02}:00–{:02}:00", at + 1);
    let table = Table {
        head: vec!["Hour", "Failures"],
        rows: some.iter().map(|(at, n)| vec![hour(*at), grouped(u64::from(*n))]).collect(),
        more: Some("none in the other hours".to_owned()),
    };
    let titles =
        some.iter().map(|(at, n)| format!("{}: {}", hour(*at), count(u64::from(*n), "failure")));
    let ticks: Vec<Tick> = (0..=24)
        .step_by(3)
        .map(|at| Tick { at, label: format!("{at:02}:00"), minor: at % 6 != 0 })
        .collect();
    let label = format!(
        "Failures by hour of the day over two weeks: {}; numbers follow as a table",
        count(u64::from(sum), "failure")
    );
    let up = Upwards::linear(f64::from(most), 1.0);
    let axes = Axes { across: 0..24, ticks: Some(ticks), up, name: &brief };
    let svg = plot(&label, titles.collect(), &axes, |chart| {
        some.iter().try_for_each(|(at, n)| {
            let at = i64::try_from(*at).unwrap_or(0);
            chart.bar(Ink::BadBar, at..at + 1, f64::from(*n))
        })
    });
    let key = format!("<span>{} in two weeks</span>", grouped(u64::from(sum)));
    Some(Figure { name: "Failures by hour of the day", key, svg, table })
}

/// Tokens a cycle day by day: what drifts is seen here.
pub(super) fn medians(agent: &Agent) -> Option<Figure> {
    let days: Vec<(i64, u64, &Past)> = agent
        .history
        .iter()
        .filter_map(|past| {
            let day = stamp::parse_day(&past.date)?;
            Some((i64::from(day.0), past.median_tokens?, past))
        })
        .collect();
    let most = days.iter().map(|(_, median, _)| *median).max()?;
    let (first, last) = (days.first()?.0, days.last()?.0);
    if days.len() < DAYS_MIN || most == 0 {
        return None;
    }
    let table = Table {
        head: vec!["Day", "Median", "Cycles", "Tokens", "Cost", "Failures", "Up"],
        rows: days.iter().map(|(_, median, past)| past_row(*median, past)).collect(),
        more: None,
    };
    let name = |at: i64| i32::try_from(at).map(|day| short(LocalDay(day))).unwrap_or_default();
    let step = ((last - first) / 4).max(1);
    let ticks: Vec<Tick> = (0..=4)
        .map(|n| last - n * step)
        .filter(|at| first <= *at)
        .map(|at| Tick { at, label: name(at), minor: false })
        .collect();
    let label = format!(
        "Median of tokens a cycle, day by day: {} at most; numbers follow as a table",
        grouped(most)
    );
    let lowest = days.iter().map(|(_, median, _)| *median).min().unwrap_or(0);
    let up = Upwards::near(amount(lowest), amount(most), 1.0);
    let axes = Axes { across: first..last.max(first + 1), ticks: Some(ticks), up, name: &brief };
    let points: Vec<(i64, f64)> = days.iter().map(|(at, n, _)| (*at, amount(*n))).collect();
    let svg = plot(&label, Vec::new(), &axes, |chart| {
        for run in points.chunk_by(|a, b| b.0 - a.0 == 1) {
            chart.line(Ink::Line, run)?;
        }
        points.iter().try_for_each(|point| chart.dot(Ink::Dot, *point))
    });
    let key =
        format!("<span>median of {}</span>", count(u64::try_from(days.len()).unwrap_or(0), "day"));
    Some(Figure { name: "Tokens a cycle, day by day", key, svg, table })
}

fn past_row(median: u64, past: &Past) -> Vec<String> {
    vec![
        past.date.clone(),
        grouped(median),
        grouped(past.usage.cycles),
        grouped(past.usage.tokens),
        cost_words(&past.usage),
        grouped(u64::from(past.failures)),
        past.up_share.map_or("–".to_owned(), share),
    ]
}
