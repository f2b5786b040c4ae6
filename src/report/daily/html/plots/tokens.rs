//! Tokens a cycle with what is usual, and what looked like a loop.

use std::ops::Range;

use crate::wire::words::{count, grouped};

use super::super::super::{Agent, BUCKET_MS, Bucket};
use super::super::chart::{Axes, Upwards, amount, plot};
use super::super::clock::Clock;
use super::super::figure::{Figure, Table};
use super::super::svg::Ink;
use super::{brief, key};

/// Where the most is that many times the least, only a logarithmic scale shows both.
const LOG_FROM: u64 = 25;

/// The width of a bucket.
fn bucket_ms(range: &Range<i64>) -> i64 {
    const DAY_MS: i64 = 24 * 3_600_000;
    // A day has 23 or 25 hours twice a year.
    let days = (range.end.saturating_sub(range.start) + DAY_MS / 2) / DAY_MS;
    BUCKET_MS * days.max(1)
}

pub(super) fn plot_of(agent: &Agent, clock: &Clock<'_>) -> Option<Figure> {
    let buckets = &agent.cycles;
    let most = buckets.iter().map(|bucket| bucket.most.max(bucket.mean)).max()?;
    let usuals = buckets.iter().filter_map(|bucket| bucket.usual);
    let least = buckets.iter().map(|bucket| bucket.mean).chain(usuals).filter(|n| 0 < *n).min();
    let least = least.unwrap_or(1);
    let log = least.saturating_mul(LOG_FROM) < most;
    let up = if log {
        Upwards::log(amount(least), amount(most))
    } else {
        Upwards::linear(amount(most), 1.0)
    };
    let flagged = buckets.iter().filter(|bucket| bucket.flagged).count();
    let table = Table {
        head: vec!["From", "Tokens a cycle", "Highest", "Usual", "Suspected"],
        rows: buckets.iter().map(|bucket| bucket_row(bucket, clock)).collect(),
        more: None,
    };
    let label = format!(
        "Tokens a cycle: {} at most, {}, {} that looked like a loop; numbers follow as a table",
        grouped(most),
        agent.usual.map_or("nothing usual yet".to_owned(), |n| format!("{} usual", grouped(n))),
        count(u64::try_from(flagged).unwrap_or(0), "part")
    );
    let range = clock.range();
    let axes = Axes { across: range.clone(), ticks: None, up, name: &brief };
    let svg = plot(&label, Vec::new(), &axes, |chart| {
        let wide = bucket_ms(&range);
        let x = |bucket: &Bucket| bucket.from_ms.saturating_add(wide / 2).min(range.end);
        let near = |a: &Bucket, b: &Bucket| b.from_ms - a.from_ms <= wide + wide / 2;
        for bucket in buckets.iter().filter(|bucket| bucket.mean < bucket.most) {
            let ends = [(x(bucket), amount(bucket.mean)), (x(bucket), amount(bucket.most))];
            chart.line(Ink::Whisker, &ends)?;
        }
        for run in buckets.chunk_by(|a, b| near(a, b) && a.usual.is_some() == b.usual.is_some()) {
            let usual = run.iter().filter_map(|b| b.usual.map(|usual| (x(b), amount(usual))));
            let mut usual: Vec<_> = usual.collect();
            bends(&mut usual);
            if 1 < usual.len() {
                chart.line(Ink::Usual, &usual)?;
            }
        }
        for run in buckets.chunk_by(near) {
            let means: Vec<_> = run.iter().map(|b| (x(b), amount(b.mean))).collect();
            chart.line(Ink::Line, &means)?;
        }
        let mut flags = buckets.iter().filter(|bucket| bucket.flagged);
        flags.try_for_each(|b| chart.dot(Ink::Flag, (x(b), amount(b.most.max(b.mean)))))
    });
    let mut words = vec![key(Ink::Line, "mean"), key(Ink::Whisker, "highest")];
    if buckets.iter().any(|bucket| bucket.usual.is_some()) {
        words.push(key(Ink::Usual, "usual"));
    }
    if 0 < flagged {
        words.push(key(Ink::Flag, "suspected loop"));
    }
    if log {
        words.push("<span>log scale</span>".to_owned());
    }
    Some(Figure { name: "Tokens a cycle", key: words.concat(), svg, table })
}

/// Leaves out what lies on a level line between its neighbours.
fn bends(points: &mut Vec<(i64, f64)>) {
    let level: Vec<bool> = points
        .windows(3)
        .map(|three| three.iter().all(|point| point.1.total_cmp(&three[1].1).is_eq()))
        .collect();
    let mut at = 0;
    points.retain(|_| {
        at += 1;
        at < 2 || level.get(at - 2) != Some(&true)
    });
}

fn bucket_row(bucket: &Bucket, clock: &Clock<'_>) -> Vec<String> {
    vec![
        clock.moment(bucket.from_ms),
        grouped(bucket.mean),
        grouped(bucket.most),
        bucket.usual.map_or("–".to_owned(), grouped),
        if bucket.flagged { "a loop" } else { "" }.to_owned(),
    ]
}
