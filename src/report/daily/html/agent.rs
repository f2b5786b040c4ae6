//! One agent: what is to be said first, its day as a strip, its plots, then everything that was recorded.

use std::cmp::Reverse;
use std::fmt::Write as _;

use crate::wire::costs::usd;
use crate::wire::words::{count, grouped, span};

use super::super::{Agent, Budget, Event, Gap, Mark};
use super::clock::Clock;
use super::text::{class, escape, said, share, sign};
use super::timeline::word;
use super::{plots, timeline};

/// More gaps are told by their sum.
const GAPS_MAX: usize = 40;

/// An agent in a fold, which is open if it has something to say or there are few.
pub(super) fn section(number: usize, agent: &Agent, clock: &Clock<'_>, is_many: bool) -> String {
    let calm = matches!(agent.mark, Mark::Quiet | Mark::Good);
    let open = if is_many && calm { "" } else { " open" };
    let mut out = format!("<details class=\"agent {}\"{open}>\n<summary>", class(agent.mark));
    let _ = write!(out, "{}<h2>{}</h2>", sign(agent.mark), said(&agent.name));
    if !agent.host.is_empty() {
        let _ = write!(out, " <span class=\"host\">{}</span>", said(&agent.host));
    }
    let _ = write!(out, " <span class=\"state\">{}</span>", escape(&word(agent.state)));
    let _ = writeln!(out, " <span class=\"headline\">{}</span></summary>", said(&agent.headline));
    let _ = writeln!(out, "<div class=\"body\" id=\"agent-{number}\">");
    figures(&mut out, agent);
    out.push_str(&timeline::section(agent, clock));
    let plots = plots::all(agent, clock);
    if !plots.is_empty() {
        out.push_str("<div class=\"plots\">\n");
        for plot in &plots {
            out.push_str(&plot.html());
        }
        out.push_str("</div>\n");
    }
    lists(&mut out, agent, clock);
    events(&mut out, agent, clock);
    out.push_str("</div>\n</details>\n");
    out
}

/// The figures of the day: what is none is not there.
fn figures(out: &mut String, agent: &Agent) {
    let n = |n: u32| grouped(u64::from(n));
    let usage = &agent.usage;
    let mut all: Vec<(&str, String, String)> = Vec::new();
    if let Some(up) = agent.up_share {
        let of = format!("{} of {}", span(agent.up_ms), span(agent.due_ms));
        all.push(("Up", share(up), of));
    }
    if 0 < agent.starts {
        all.push(("Starts", n(agent.starts), count(u64::from(agent.restarts), "restart")));
    }
    if 0 < agent.failures {
        let by_itself = format!("{} recovered by itself", n(agent.recovered));
        let by_itself = if 0 < agent.recovered { by_itself } else { String::new() };
        all.push(("Failures", n(agent.failures), by_itself));
    }
    if 0 < agent.escalated {
        all.push(("Given up", n(agent.escalated), String::new()));
    }
    if 0 < agent.beats {
        let longest = agent.longest_gap_ms.map(|gap| format!("{} apart at most", span(gap)));
        all.push(("Beats", grouped(agent.beats), longest.unwrap_or_default()));
    }
    if 0 < usage.tokens {
        let mean = usage.per_cycle.map(|mean| format!("{} a cycle", grouped(mean)));
        all.push(("Tokens", grouped(usage.tokens), mean.unwrap_or_default()));
    }
    if let Some(usual) = agent.usual {
        all.push(("Usual", grouped(usual), "tokens a cycle".to_owned()));
    }
    if let Some(cost) = usage.cost_usd {
        let unknown = (0 < usage.cost_unknown)
            .then(|| format!("{} of unknown cost", count(usage.cost_unknown, "beat")));
        all.push(("Cost", usd(cost), unknown.unwrap_or_default()));
    }
    if all.is_empty() {
        return;
    }
    out.push_str("<dl class=\"figures\">\n");
    for (name, value, more) in all {
        let _ = write!(out, "<div><dt>{name}</dt><dd>{}", escape(&value));
        if !more.is_empty() {
            let _ = write!(out, " <small>{}</small>", escape(&more));
        }
        out.push_str("</dd></div>\n");
    }
    out.push_str("</dl>\n");
}

/// A list with its name; without items there is none.
fn list(out: &mut String, name: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "<section><h3>{name}</h3>\n<ul>");
    for item in items {
        let _ = writeln!(out, "<li>{item}</li>");
    }
    out.push_str("</ul>\n</section>\n");
}

/// When something was, in front of what it was.
fn timed(when: &str, words: &str) -> String {
    format!("<span class=\"when\">{}</span> <span>{words}</span>", escape(when))
}

fn lists(out: &mut String, agent: &Agent, clock: &Clock<'_>) {
    let causes = agent.causes.iter().map(|cause| {
        let times = format!("{} ×", grouped(u64::from(cause.count)));
        format!("<span class=\"times\">{}</span> <span>{}</span>", times, said(&cause.words))
    });
    let flags = agent.flags.iter().map(|flag| {
        let long = flag.for_ms.map_or("not over".to_owned(), span);
        timed(&clock.moment(flag.at_ms), &format!("<b>{long}</b> {}", said(&flag.words)))
    });
    let incidents = agent.incidents.iter().map(|incident| {
        let long = incident.lasted_ms.map_or("open".to_owned(), span);
        let words = format!("{}<b>{long}</b> {}", sign(incident.mark), said(&incident.words));
        timed(&clock.moment(incident.since_ms), &words)
    });
    let failed = agent.alerts_failed.iter().map(|failed| {
        let words = format!("<b>{}</b> {}", said(&failed.sink), said(&failed.error));
        timed(&clock.moment(failed.at_ms), &words)
    });
    let mut lists = String::new();
    list(&mut lists, "When it was not up", &gaps(agent, clock));
    list(&mut lists, "Why it failed", &causes.collect::<Vec<_>>());
    list(&mut lists, "Loops and budgets", &flags.collect::<Vec<_>>());
    list(&mut lists, "Incidents", &incidents.collect::<Vec<_>>());
    list(&mut lists, "Alerts that did not arrive", &failed.collect::<Vec<_>>());
    budgets(&mut lists, &agent.budgets);
    let notes: Vec<String> = agent.notes.iter().map(|note| said(note)).collect();
    list(&mut lists, "Its journal", &notes);
    if !lists.is_empty() {
        let _ = writeln!(out, "<div class=\"lists\">\n{lists}</div>");
    }
    if 0 < agent.alerts_sent {
        let sent = count(u64::from(agent.alerts_sent), "alert");
        let _ = writeln!(out, "<p class=\"note\">{sent} arrived.</p>");
    }
}

/// The gaps in their order: of very many the longest, and what the others come to.
fn gaps(agent: &Agent, clock: &Clock<'_>) -> Vec<String> {
    let long = |gap: &Gap| u64::try_from(gap.until_ms.saturating_sub(gap.from_ms)).unwrap_or(0);
    let mut shown: Vec<&Gap> = agent.gaps.iter().collect();
    shown.sort_by_key(|gap| (!gap.open, Reverse(long(gap)), gap.from_ms));
    let left = shown.split_off(shown.len().min(GAPS_MAX));
    shown.sort_by_key(|gap| gap.from_ms);
    let items = shown.into_iter().map(|gap| {
        let when = if gap.open {
            format!("since {}", clock.moment(gap.from_ms))
        } else {
            clock.stretch(gap.from_ms, gap.until_ms)
        };
        timed(&when, &format!("<b>{}</b> {}", span(long(gap)), said(&gap.cause)))
    });
    let mut items: Vec<String> = items.collect();
    if !left.is_empty() {
        let sum = left.iter().fold(0_u64, |sum, gap| sum.saturating_add(long(gap)));
        let more = count(u64::try_from(left.len()).unwrap_or(0), "shorter gap");
        items.push(format!("and {more}, {} in all", span(sum)));
    }
    items
}

fn budgets(out: &mut String, budgets: &[Budget]) {
    let items = budgets.iter().map(|budget| {
        let (name, money) = match budget.budget {
            "tokens_per_hour" => ("tokens an hour", false),
            "tokens_per_day" => ("tokens a day", false),
            "usd_per_day" => ("a day", true),
            other => (other, false),
        };
        let shown = |n: f64| if money { usd(n) } else { whole(n) };
        let share = if 0.0 < budget.limit { budget.spent / budget.limit } else { 1.0 };
        let tone = if 1.0 <= share { " over" } else { "" };
        format!(
            "<span class=\"meter{tone}\" aria-hidden=\"true\">\
             <span style=\"width:{}%\"></span></span> <span>{} of {} {}</span>",
            whole(share.clamp(0.0, 1.0) * 100.0),
            shown(budget.spent),
            shown(budget.limit),
            escape(name)
        )
    });
    list(out, "Budgets", &items.collect::<Vec<_>>());
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shown, not decided")]
fn whole(n: f64) -> String {
    grouped(n.max(0.0).round() as u64)
}

fn events(out: &mut String, agent: &Agent, clock: &Clock<'_>) {
    if agent.events.is_empty() {
        return;
    }
    let all = u64::try_from(agent.events.len()).unwrap_or(0).saturating_add(agent.events_more);
    let _ = writeln!(
        out,
        "<details class=\"events\"><summary>What happened: {}</summary>\n\
         <div class=\"scroll\"><table>",
        count(all, "event")
    );
    for event in &agent.events {
        out.push_str(&row(event, clock));
    }
    out.push_str("</table></div>\n");
    if 0 < agent.events_more {
        let more = count(agent.events_more, "event");
        let _ = writeln!(out, "<p class=\"note\">{more} between them left out.</p>");
    }
    out.push_str("</details>\n");
}

fn row(event: &Event, clock: &Clock<'_>) -> String {
    format!(
        "<tr class=\"{}\"><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n",
        class(event.mark),
        escape(&clock.moment(event.at_ms)),
        escape(&word(&event.event)),
        said(&event.words)
    )
}
