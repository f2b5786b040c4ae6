//! What an agent used, by hour or by day: its cost, or its tokens where no cost is known.

use std::ops::Range;

use crate::wire::costs::usd;
use crate::wire::stamp;
use crate::wire::words::{count, grouped};

use super::super::super::{Agent, Hour, Usage};
use super::super::chart::{Axes, Upwards, amount, plot};
use super::super::clock::{Clock, short};
use super::super::figure::{Figure, Table};
use super::super::svg::Ink;
use super::{brief, cost_words};

/// More hours than that are shown by day.
const HOURS_MAX: usize = 170;

/// A bar: from when, until when, what it says of itself, and what was used.
struct Bar {
    across: Range<i64>,
    name: String,
    usage: Usage,
    failures: u32,
}

fn add(to: &mut Bar, hour: &Hour) {
    let (sum, of) = (&mut to.usage, &hour.usage);
    sum.cycles = sum.cycles.saturating_add(of.cycles);
    sum.tokens = sum.tokens.saturating_add(of.tokens);
    sum.cost_unknown = sum.cost_unknown.saturating_add(of.cost_unknown);
    sum.cost_usd = match (sum.cost_usd, of.cost_usd) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    };
    to.failures = to.failures.saturating_add(hour.failures);
}

/// Hours as bars; of very many days the days.
fn bars(agent: &Agent, clock: &Clock<'_>) -> Vec<Bar> {
    let end = clock.range().end;
    if agent.hours.len() <= HOURS_MAX {
        let ends = agent.hours.iter().skip(1).map(|hour| hour.from_ms).chain([end]);
        let bars = agent.hours.iter().zip(ends);
        return bars
            .map(|(hour, until)| Bar {
                across: hour.from_ms..until.min(hour.from_ms.saturating_add(3_600_000)),
                name: clock.moment(hour.from_ms),
                usage: hour.usage,
                failures: hour.failures,
            })
            .collect();
    }
    let days = clock.days().iter().map(|day| {
        let name = stamp::parse_day(&day.date).map_or_else(|| day.date.clone(), short);
        let across = day.from_ms..day.until_ms;
        let mut bar = Bar { across, name, usage: Usage::default(), failures: 0 };
        let of_it =
            agent.hours.iter().filter(|hour| (day.from_ms..day.until_ms).contains(&hour.from_ms));
        of_it.for_each(|hour| add(&mut bar, hour));
        bar
    });
    days.collect()
}

/// What can be plotted: money is what agents say it is.
fn sane(cost: f64) -> f64 {
    if cost.is_finite() { cost.clamp(0.0, 1e12) } else { 0.0 }
}

/// What it cost by hour; where no cost is known, its tokens.
pub(super) fn plot_of(agent: &Agent, clock: &Clock<'_>) -> Option<Figure> {
    let all = bars(agent, clock);
    let by_day = HOURS_MAX < agent.hours.len();
    let money = all.iter().any(|bar| bar.usage.cost_usd.is_some_and(|cost| 0.0 < cost));
    let height = |bar: &Bar| {
        if money { sane(bar.usage.cost_usd.unwrap_or(0.0)) } else { amount(bar.usage.tokens) }
    };
    let some: Vec<&Bar> =
        all.iter().filter(|bar| 0.0 < height(bar) || 0 < bar.usage.tokens).collect();
    let most = some.iter().map(|bar| height(bar)).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let table = Table {
        head: vec!["From", "Cost", "Tokens", "Cycles", "Failures"],
        rows: some.iter().map(|bar| spend_row(bar)).collect(),
        more: (some.len() < all.len()).then(|| "nothing was used in what is left out".to_owned()),
    };
    let what = |bar: &Bar| {
        let tokens = || format!("{} tokens", grouped(bar.usage.tokens));
        if money { cost_words(&bar.usage) } else { tokens() }
    };
    let drawn: Vec<&&Bar> = some.iter().filter(|bar| 0.0 < height(bar)).collect();
    let titles = drawn.iter().map(|bar| format!("{}: {}", bar.name, what(bar))).collect();
    let name = match (money, by_day) {
        (true, false) => "Cost by hour",
        (true, true) => "Cost by day",
        (false, false) => "Tokens by hour",
        (false, true) => "Tokens by day",
    };
    let named: &dyn Fn(f64) -> String = if money { &usd } else { &brief };
    let label = format!("{name}: {} at most; numbers follow as a table", named(most));
    let up = Upwards::linear(most, if money { 0.0 } else { 1.0 });
    let axes = Axes { across: clock.range(), ticks: None, up, name: named };
    let svg = plot(&label, titles, &axes, |chart| {
        drawn.iter().try_for_each(|bar| chart.bar(Ink::Bar, bar.across.clone(), height(bar)))
    });
    let sum = match (money, agent.usage.cost_unknown) {
        (true, 0) => format!("{} in all", cost_words(&agent.usage)),
        (true, n) => {
            format!("{} in all, and {} of unknown cost", cost_words(&agent.usage), count(n, "beat"))
        }
        (false, _) => format!("{} in all", grouped(agent.usage.tokens)),
    };
    Some(Figure { name, key: format!("<span>{sum}</span>"), svg, table })
}

fn spend_row(bar: &Bar) -> Vec<String> {
    vec![
        bar.name.clone(),
        cost_words(&bar.usage),
        grouped(bar.usage.tokens),
        grouped(bar.usage.cycles),
        grouped(u64::from(bar.failures)),
    ]
}
