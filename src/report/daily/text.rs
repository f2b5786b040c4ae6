//! The report as text for a terminal: aligned, in colour, within 80 columns. Pure.

use std::fmt::Write as _;

use crate::report::sparkline::sparkline;
use crate::wire::paint;
use crate::wire::plain::plain;
use crate::wire::tone::Tone;
use crate::wire::words::{grouped, span};
use crate::wire::{costs, ending};

use super::calendar::time;
use super::phrases::{between, causes, percent};
use super::strip::{STRIP, strip};
use super::{Agent, Mark, Report};

/// Columns of a line: what a terminal has that nobody made wider.
const WIDTH: usize = 80;

/// Where a value begins behind its label.
const LABEL: usize = 12;

/// Lines of one kind that are shown of an agent; JSON and HTML have all of them.
const LINES: usize = 8;

/// How it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// In colour.
    pub colour: bool,
    /// With more than ASCII.
    pub unicode: bool,
}

/// The whole report.
#[must_use]
pub fn text(report: &Report, style: Style) -> String {
    let mut page = Page { style, text: String::new() };
    page.head(report);
    page.needs(report);
    page.answers(report);
    page.findings(report);
    if 1 < report.agents.len() {
        page.table(report);
    }
    let several = 3 < report.agents.len();
    for agent in report.agents.iter().filter(|agent| !several || Mark::Good < agent.mark) {
        page.agent(report, agent);
    }
    page.tail(report);
    page.text
}

fn tone(mark: Mark) -> Tone {
    match mark {
        Mark::Quiet => Tone::Plain,
        Mark::Good => Tone::Good,
        Mark::Warning => Tone::Warning,
        Mark::Bad => Tone::Bad,
    }
}

/// What an agent told may hold anything, and a line is a line.
fn clean(text: &str) -> String {
    plain(text.replace(['\n', '\r', '\t'], " ").as_bytes())
}

/// Breaks a text into lines of at most `width` columns.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in clean(text).split(' ') {
        let mut word = word.to_owned();
        while let Some(line) = lines.last_mut() {
            let (used, more) = (line.chars().count(), word.chars().count());
            if used == 0 && width < more {
                // Longer than a line: broken where it must be.
                let rest = word.chars().skip(width).collect();
                *line = word.chars().take(width).collect();
                lines.push(String::new());
                word = rest;
                continue;
            }
            if used > 0 && width < used + 1 + more {
                lines.push(String::new());
                continue;
            }
            if used > 0 {
                line.push(' ');
            }
            line.push_str(&word);
            break;
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

struct Page {
    style: Style,
    text: String,
}

impl Page {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{}", text.trim_end());
    }

    fn title(&mut self, text: &str) {
        self.line("");
        let text = paint::dim(text, self.style.colour);
        self.line(&text);
    }

    fn dot(&self, mark: Mark) -> String {
        let sign = match (mark, self.style.unicode) {
            (Mark::Quiet, _) => "-",
            (Mark::Good, true) => "✓",
            (Mark::Good, false) => "+",
            (_, _) => "!",
        };
        paint::paint(tone(mark), sign, self.style.colour)
    }

    /// A label, and a value that may go over several lines.
    fn row(&mut self, label: &str, value: &str, mark: Mark) {
        let indent = " ".repeat(2 + LABEL);
        for (at, part) in wrap(value, WIDTH - 2 - LABEL).iter().enumerate() {
            let part = paint::paint(tone(mark), part, self.style.colour);
            if at == 0 {
                let label = format!("{label:<width$}", width = LABEL - 1);
                let label = paint::dim(&label, self.style.colour);
                self.line(&format!("  {label} {part}"));
            } else {
                self.line(&format!("{indent}{part}"));
            }
        }
    }

    fn head(&mut self, report: &Report) {
        let days = match report.days.as_slice() {
            [] => String::new(),
            [one] => one.date.clone(),
            [first, .., last] => format!("{} to {}", first.date, last.date),
        };
        let head = format!("agentwatch report, {days}");
        self.line(&paint::dim(&head, self.style.colour));
        for part in wrap(&report.verdict.subject, WIDTH) {
            let part = paint::paint(tone(report.verdict.mark), &part, self.style.colour);
            self.line(&part);
        }
    }

    fn needs(&mut self, report: &Report) {
        if report.verdict.needs.is_empty() {
            return;
        }
        self.title("NEEDS YOU");
        for need in &report.verdict.needs {
            for (at, part) in
                wrap(&format!("{}: {}", need.agent, need.words), WIDTH - 4).iter().enumerate()
            {
                let indent = if at == 0 { "  " } else { "    " };
                let part = paint::paint(Tone::Bad, part, self.style.colour);
                self.line(&format!("{indent}{part}"));
            }
            if let Some(command) = &need.command {
                self.line(&format!("    {}", clean(command)));
            }
        }
    }

    fn answers(&mut self, report: &Report) {
        self.line("");
        for answer in &report.answers {
            let question = paint::dim(answer.question, self.style.colour);
            let dot = self.dot(answer.mark);
            let one = answer.question.chars().count() + answer.words.chars().count() + 3;
            if one <= WIDTH {
                self.line(&format!("{dot} {question} {}", clean(&answer.words)));
                continue;
            }
            self.line(&format!("{dot} {question}"));
            for part in wrap(&answer.words, WIDTH - 4) {
                self.line(&format!("    {part}"));
            }
        }
    }

    fn findings(&mut self, report: &Report) {
        if report.findings.is_empty() {
            return;
        }
        self.title("SLOW PROBLEMS");
        for finding in &report.findings {
            let words = format!("{}: {}", finding.agent, finding.words);
            for (at, part) in wrap(&words, WIDTH - 4).iter().enumerate() {
                let dot = if at == 0 { self.dot(finding.mark) } else { " ".to_owned() };
                self.line(&format!("{dot} {}{part}", if at == 0 { "" } else { "  " }));
            }
        }
    }

    fn table(&mut self, report: &Report) {
        const NAME_MAX: usize = 20;
        self.title("AGENTS");
        let longest = report.agents.iter().map(|agent| agent.name.chars().count()).max();
        let width = longest.unwrap_or(0).clamp(5, NAME_MAX);
        let head = format!(
            "  {:width$}  {:10} {:>8} {:>5} {:>7} {:>10} {:>9}",
            "AGENT", "NOW", "UP", "FAIL", "CYCLES", "TOKENS/CYC", "COST"
        );
        self.line(&paint::dim(&head, self.style.colour));
        for agent in &report.agents {
            let name: String = agent.name.chars().take(width).collect();
            let state = format!("{:10}", agent.state);
            let state = paint::paint(tone(agent.mark), &state, self.style.colour);
            let usage = agent.usage;
            let none = || "-".to_owned();
            let line = format!(
                "  {name:width$}  {state} {:>8} {:>5} {:>7} {:>10} {:>9}",
                agent.up_share.map_or_else(none, percent),
                agent.failures,
                short(usage.cycles),
                usage.per_cycle.map_or_else(none, grouped),
                usage.cost_usd.map_or_else(none, costs::usd),
            );
            self.line(&line);
        }
    }

    fn agent(&mut self, report: &Report, agent: &Agent) {
        self.line("");
        let name = paint::paint(tone(agent.mark), &agent.name, self.style.colour);
        let room = WIDTH.saturating_sub(agent.name.chars().count() + 2);
        for (at, part) in wrap(&agent.headline, room).iter().enumerate() {
            let indent = " ".repeat(agent.name.chars().count() + 2);
            let line = if at == 0 { format!("{name}  {part}") } else { format!("{indent}{part}") };
            self.line(&line);
        }
        self.strips(report, agent);
        self.numbers(agent);
        self.troubles(report, agent);
    }

    /// The days as rows of signs.
    fn strips(&mut self, report: &Report, agent: &Agent) {
        for day in &report.days {
            let label = if report.days.len() == 1 {
                "day".to_owned()
            } else {
                day.date.get(5..).unwrap_or_default().to_owned()
            };
            let strip = strip(agent, (day.from_ms, day.until_ms), self.style.unicode);
            if !strip.trim().is_empty() {
                let label = format!("{label:<width$}", width = LABEL - 1);
                let label = paint::dim(&label, self.style.colour);
                self.line(&format!("  {label} {strip}"));
            }
        }
        if report.days.len() == 1 && !agent.spans.is_empty() {
            let hours = "0   2   4   6   8   10  12  14  16  18  20  22";
            let hours = paint::dim(hours, self.style.colour);
            // On a day that turns the clock the strip is not of half hours.
            let is_even = report.days.iter().all(|day| day.turn_ms.is_none());
            if is_even {
                self.line(&format!("{}{hours}", " ".repeat(2 + LABEL)));
            }
        }
    }

    fn numbers(&mut self, agent: &Agent) {
        let hours = |value: &dyn Fn(&super::Hour) -> u64| -> Vec<Option<u64>> {
            agent.hours.iter().map(|hour| Some(value(hour)).filter(|n| *n > 0)).collect()
        };
        let tokens = hours(&|hour| hour.usage.tokens);
        if agent.hours.len() <= WIDTH - 2 - LABEL && tokens.iter().any(Option::is_some) {
            let line = sparkline(&tokens, self.style.unicode);
            let all = format!("{line}  {} tokens by hour", grouped(agent.usage.tokens));
            self.row_as_it_is("tokens", &all);
        }
        if agent.usage.cost_usd.is_some() && agent.hours.len() <= WIDTH - 2 - LABEL {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a bar of eight heights; `as` saturates"
            )]
            let micro = hours(&|hour| (hour.usage.cost_usd.unwrap_or(0.0) * 1e6) as u64);
            let cost = agent.usage.cost_usd.map(costs::usd).unwrap_or_default();
            let unknown = costs::unpriced(agent.usage.cost_unknown);
            let all = format!("{}  {cost} by hour{unknown}", sparkline(&micro, self.style.unicode));
            self.row_as_it_is("cost", &all);
        }
        let usual: Vec<Option<u64>> = agent.history.iter().map(|past| past.median_tokens).collect();
        if 2 < usual.iter().flatten().count() {
            let days = usual.len();
            let line = sparkline(&usual, self.style.unicode);
            self.row_as_it_is("a cycle", &format!("{line}  tokens, median of {days} days"));
        }
        if let Some(peak) = agent.memory.iter().map(|point| point.kib).max() {
            let points: Vec<Option<u64>> = agent
                .memory
                .iter()
                .filter(|point| !point.peak)
                .map(|point| Some(point.kib))
                .collect();
            let line = if points.len() <= STRIP {
                sparkline(&points, self.style.unicode)
            } else {
                String::new()
            };
            let most = ending::bytes_of(peak.saturating_mul(1024));
            let gap = if line.is_empty() { "" } else { "  " };
            self.row_as_it_is("memory", &format!("{line}{gap}at most {most}"));
        }
        if let Some(gap) = agent.longest_gap_ms {
            self.row(
                "beats",
                &format!("{}, longest gap {}", grouped(agent.beats), span(gap)),
                Mark::Quiet,
            );
        }
        for budget in &agent.budgets {
            let words = budget_words(budget);
            let mark = if budget.limit < budget.spent { Mark::Bad } else { Mark::Quiet };
            self.row("budget", &words, mark);
        }
    }

    fn row_as_it_is(&mut self, label: &str, value: &str) {
        let label = format!("{label:<width$}", width = LABEL - 1);
        let label = paint::dim(&label, self.style.colour);
        self.line(&format!("  {label} {value}"));
    }

    fn troubles(&mut self, report: &Report, agent: &Agent) {
        let days = &report.days;
        let at = |ms: i64| time(days, ms);
        let gaps = agent.gaps.iter().map(|gap| {
            let until = if gap.open { "on".to_owned() } else { format!("to {}", at(gap.until_ms)) };
            let span = between(gap.from_ms, gap.until_ms);
            format!("{} {until} ({span}): {}", at(gap.from_ms), gap.cause)
        });
        self.list("down", gaps.collect(), Mark::Warning);
        if agent.failures > 0 {
            self.row("failures", &causes(&agent.causes), Mark::Quiet);
        }
        let flags = agent.flags.iter().map(|flag| {
            let lasted = match flag.for_ms {
                None => "; goes on".to_owned(),
                Some(0) => String::new(),
                Some(ms) => format!("; over after {}", span(ms)),
            };
            format!("{} {}{lasted}", at(flag.at_ms), flag.words)
        });
        self.list("flags", flags.collect(), Mark::Warning);
        let incidents = agent.incidents.iter().map(|one| {
            let lasted =
                one.lasted_ms.map_or("still open".to_owned(), |ms| format!("for {}", span(ms)));
            format!("{} {} ({lasted})", at(one.since_ms), one.words)
        });
        self.list("incidents", incidents.collect(), Mark::Quiet);
        let failed = agent
            .alerts_failed
            .iter()
            .map(|one| format!("{} to {}: {}", at(one.at_ms), one.sink, one.error));
        self.list("not told", failed.collect(), Mark::Bad);
        let notes = agent.notes.clone();
        self.list("note", notes, Mark::Quiet);
    }

    fn list(&mut self, label: &str, lines: Vec<String>, mark: Mark) {
        let more = lines.len().saturating_sub(LINES);
        for (at, line) in lines.into_iter().take(LINES).enumerate() {
            self.row(if at == 0 { label } else { "" }, &line, mark);
        }
        if more > 0 {
            self.row("", &format!("and {more} more: --format html or json"), Mark::Quiet);
        }
    }

    fn tail(&mut self, report: &Report) {
        if report.silent.is_empty() && report.notes.is_empty() {
            return;
        }
        self.line("");
        if !report.silent.is_empty() {
            let names: Vec<&str> = report.silent.iter().map(String::as_str).collect();
            let words =
                format!("Nothing is known in this time of {}.", super::phrases::list(&names));
            for part in wrap(&words, WIDTH) {
                self.line(&part);
            }
        }
        for note in &report.notes {
            for part in wrap(note, WIDTH) {
                self.line(&part);
            }
        }
    }
}

/// `$4.10 of $20.00 (20 %)`.
pub(super) fn budget_words(budget: &super::Budget) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let amount = |n: f64| match budget.budget {
        "usd_per_day" => costs::usd(n),
        _ => format!("{} tokens", grouped(n as u64)),
    };
    let name = match budget.budget {
        "tokens_per_hour" => "in the fullest hour",
        _ => "of the day",
    };
    let share = if budget.limit > 0.0 { budget.spent * 100.0 / budget.limit } else { 0.0 };
    format!("{} of {} {name} ({share:.0} %)", amount(budget.spent), amount(budget.limit))
}

/// A number in six columns.
fn short(n: u64) -> String {
    match n {
        0..1_000_000 => grouped(n),
        1_000_000..1_000_000_000 => format!("{}.{}M", n / 1_000_000, n / 100_000 % 10),
        _ => format!("{}G", n / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_broken_and_lines_stay_within_their_width() {
        let lines = wrap(&format!("a {} b c", "x".repeat(25)), 10);
        assert!(lines.iter().all(|line| line.chars().count() <= 10), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), format!("a{}bc", "x".repeat(25)));
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert!(wrap("", 8).is_empty());
    }
}
