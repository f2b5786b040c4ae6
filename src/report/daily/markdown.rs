//! The report as Markdown, for a chat, a ticket or a wiki. Pure.

use std::fmt::Write as _;

use crate::wire::costs;
use crate::wire::plain::plain;
use crate::wire::words::{grouped, span};

use super::calendar::time;
use super::phrases::{between, causes, list, percent};
use super::text::budget_words;
use super::{Agent, Mark, Report};

/// The whole report.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = String::new();
    let dates = match report.days.as_slice() {
        [] => String::new(),
        [one] => one.date.clone(),
        [first, .., last] => format!("{} to {}", first.date, last.date),
    };
    let _ = writeln!(text, "# {}\n\nagentwatch report, {dates}\n", clean(&report.verdict.subject));
    if !report.verdict.needs.is_empty() {
        let _ = writeln!(text, "## Needs you\n");
        for need in &report.verdict.needs {
            let _ = write!(text, "- **{}**: {}", clean(&need.agent), clean(&need.words));
            let command = need.command.as_ref().map(|command| format!("  \n  {}", code(command)));
            let _ = writeln!(text, "{}", command.unwrap_or_default());
        }
        text.push('\n');
    }
    for answer in &report.answers {
        let words = clean(&answer.words);
        let _ = writeln!(text, "- {} **{}** {words}", sign(answer.mark), answer.question);
    }
    if !report.findings.is_empty() {
        let _ = writeln!(text, "\n## Slow problems\n");
        for finding in &report.findings {
            let (agent, words) = (clean(&finding.agent), clean(&finding.words));
            let _ = writeln!(text, "- {} **{agent}**: {words}", sign(finding.mark));
        }
    }
    table(&mut text, &report.agents);
    for agent in &report.agents {
        section(&mut text, report, agent);
    }
    if !report.silent.is_empty() {
        let names: Vec<&str> = report.silent.iter().map(String::as_str).collect();
        let _ = writeln!(text, "\nNothing is known in this time of {}.", clean(&list(&names)));
    }
    for note in &report.notes {
        let _ = writeln!(text, "\n{}", clean(note));
    }
    text
}

fn sign(mark: Mark) -> &'static str {
    match mark {
        Mark::Quiet => "▫️",
        Mark::Good => "✅",
        Mark::Warning => "🟠",
        Mark::Bad => "🔴",
    }
}

/// What an agent told is text and no markup.
fn clean(text: &str) -> String {
    let text = plain(text.replace(['\n', '\r', '\t'], " ").as_bytes());
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '!' | '&' => {
                safe.push('\\');
                safe.push(c);
            }
            // Neither a mention nor a link by itself.
            '@' => safe.push_str("@\u{200b}"),
            c => safe.push(c),
        }
    }
    safe.replace("://", ":\u{200b}//")
}

/// Text to be copied; a fence that is longer than any run of its own signs.
fn code(text: &str) -> String {
    let text = plain(text.replace(['\n', '\r', '\t'], " ").as_bytes());
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

fn table(text: &mut String, agents: &[Agent]) {
    if agents.len() < 2 {
        return;
    }
    let _ = writeln!(text, "\n## Agents\n");
    text.push_str("| agent | now | up | failures | cycles | tokens a cycle | cost |\n");
    text.push_str("| --- | --- | ---: | ---: | ---: | ---: | ---: |\n");
    for agent in agents {
        let usage = agent.usage;
        let none = || "–".to_owned();
        let _ = writeln!(
            text,
            "| {} {} | {} | {} | {} | {} | {} | {} |",
            sign(agent.mark),
            clean(&agent.name),
            clean(agent.state),
            agent.up_share.map_or_else(none, percent),
            agent.failures,
            grouped(usage.cycles),
            usage.per_cycle.map_or_else(none, grouped),
            usage.cost_usd.map_or_else(none, costs::usd),
        );
    }
}

/// An agent of which there is something to say.
fn section(text: &mut String, report: &Report, agent: &Agent) {
    let at = |ms: i64| time(&report.days, ms);
    let _ = writeln!(text, "\n### {}\n\n{}", clean(&agent.name), clean(&agent.headline));
    let mut lines = Vec::new();
    for gap in &agent.gaps {
        let until = if gap.open { "on".to_owned() } else { format!("to {}", at(gap.until_ms)) };
        let span = between(gap.from_ms, gap.until_ms);
        lines.push(format!("down {} {until} ({span}): {}", at(gap.from_ms), gap.cause));
    }
    if agent.failures > 0 {
        lines.push(format!("failures: {}", causes(&agent.causes)));
    }
    for flag in &agent.flags {
        let lasted = match flag.for_ms {
            None => "; goes on".to_owned(),
            Some(0) => String::new(),
            Some(ms) => format!("; over after {}", span(ms)),
        };
        lines.push(format!("{} {}{lasted}", at(flag.at_ms), flag.words));
    }
    for one in &agent.alerts_failed {
        lines.push(format!("{} not delivered to {}: {}", at(one.at_ms), one.sink, one.error));
    }
    lines.extend(agent.budgets.iter().map(|budget| format!("budget: {}", budget_words(budget))));
    lines.extend(agent.notes.iter().cloned());
    if !lines.is_empty() {
        text.push('\n');
    }
    for line in lines {
        let _ = writeln!(text, "- {}", clean(&line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_prints_is_no_markup() {
        assert_eq!(clean("a*b_c|<img>\n# x"), "a\\*b\\_c\\|\\<img\\> \\# x");
        assert!(!clean("@everyone https://evil").contains("@e"));
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`x`"), "`` `x` ``");
    }
}
