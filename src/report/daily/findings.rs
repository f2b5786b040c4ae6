//! Slow problems of one agent, asked of the methods that find them. Pure.

use crate::report::slow::clash::clash;
use crate::report::slow::drift::drift;
use crate::report::slow::growth::{Life, growth};
use crate::report::slow::slower::slower;
use crate::report::slow::unusual::{Measure, unusual};
use crate::wire::words::count;

use super::calendar::{Calendar, Offset};
use super::figures::DayFigures;
use super::fold::Fold;
use super::timeline::Share;
use super::{Agent, Finding, Mark};

/// What was kept of all days for the methods.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// Failures: number of the local day and its minute.
    failures: Vec<(i32, u32)>,
    /// Days on which it should have been up.
    days: u32,
    /// By number of the day.
    tokens: Vec<(i32, u64)>,
    gaps: Vec<(i32, u64)>,
    /// Tokens of each day, and billionths of a USD, where all of it is known.
    used: Vec<(i32, Option<u64>)>,
    spent: Vec<(i32, Option<u64>)>,
    lives: Vec<super::story::Life>,
    limit_kib: Option<u64>,
    /// A silence is told after this time.
    late_ms: Option<u64>,
}

impl Fold<'_> {
    /// What the methods look at; days that are not over say nothing.
    pub(super) fn series(
        &self,
        days: &[DayFigures],
        shares: &[Share],
        offset: Offset<'_>,
    ) -> Series {
        let calendar: &Calendar = self.calendar;
        let mut series = Series {
            late_ms: self.interval_ms.and_then(|ms| u64::try_from(ms).ok()),
            limit_kib: self.story.limit_kib,
            lives: self.story.lives.values().cloned().collect(),
            ..Series::default()
        };
        for at in &self.story.failed_at {
            let day = calendar.day_of(*at).map(|day| calendar.number(day).0);
            series.failures.extend(day.map(|day| (day, calendar.minute_of(*at, offset))));
        }
        for (at, (day, share)) in days.iter().zip(shares).enumerate() {
            let number = calendar.number(at).0;
            series.days += u32::from(share.due > 0 || day.failures > 0);
            let over = calendar.bounds(at).is_some_and(|(_, until)| until <= self.as_of);
            if !over || day.usage.cycles == 0 {
                continue;
            }
            series.tokens.extend(day.median_tokens.map(|tokens| (number, tokens)));
            series.gaps.extend(day.median_gap_ms.map(|gap| (number, gap)));
            series.used.push((number, Some(day.usage.tokens).filter(|tokens| *tokens > 0)));
            let cost = day.usage.cost_usd.filter(|_| day.usage.cost_unknown == 0);
            series.spent.push((number, cost.map(nano)));
        }
        series
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
fn nano(usd: f64) -> u64 {
    (usd * 1e9).round() as u64
}

/// What is to be said of it.
pub(super) fn findings(agent: &Agent, series: &Series) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut say = |kind, mark, words: Option<String>, method| {
        let agent = agent.name.clone();
        all.extend(words.map(|words| Finding { agent, kind, mark, words, method }));
    };
    let warning = Mark::Warning;
    // Who runs by a clock of its own fails by it.
    let is_timed = agent.spans.iter().any(|span| span.state == "waiting");
    let clash = clash(&series.failures, series.days).filter(|_| !is_timed);
    let clash = clash.map(|found| found.words());
    say("clash", warning, clash, "scan of the times of day (binomial, corrected for all windows)");
    let drift = drift(&series.tokens).map(|found| found.words());
    say("drift", warning, drift, "Theil–Sen slope, Mann–Kendall test");
    let lives: Vec<Life<'_>> =
        series.lives.iter().map(|(samples, peak)| Life { samples, peak_kib: *peak }).collect();
    let growth = growth(&lives, series.limit_kib).map(|found| found.words());
    say(
        "growth",
        warning,
        growth,
        "Theil–Sen slope within, Wilcoxon's signed ranks over incarnations",
    );
    let slower = slower(&series.gaps, series.late_ms).map(|found| found.words());
    say("slower", warning, slower, "Theil–Sen slope, Mann–Kendall test");
    say("cost", warning, odd_day(series), "rank and distance among the days before");
    let failed = u64::try_from(agent.alerts_failed.len()).unwrap_or(0);
    let words = agent.alerts_failed.last().map(|last| {
        format!(
            "{} not delivered, the last to {}: {}",
            count(failed, "alert"),
            last.sink,
            last.error
        )
    });
    say("alerts", Mark::Bad, words, "counted");
    for budget in agent.budgets.iter().filter(|budget| budget.limit * 0.8 <= budget.spent) {
        let mark = if budget.limit < budget.spent { Mark::Bad } else { warning };
        let words = format!("budget: {}", super::text::budget_words(budget));
        say("budget", mark, Some(words), "counted");
    }
    all
}

/// The last day against those before it: in money where all of that is known, else in tokens.
fn odd_day(series: &Series) -> Option<String> {
    for (measure, days) in [(Measure::Usd, &series.spent), (Measure::Tokens, &series.used)] {
        let (last, before) = days.split_last()?;
        if last.1.is_some() {
            return unusual(measure, *last, before).map(|found| found.words());
        }
    }
    None
}
