//! The daily report as one HTML file: no network, no script, light and dark, for phones and for paper. Pure.

mod agent;
mod chart;
mod clock;
mod figure;
mod fleet;
mod plots;
mod svg;
mod text;
mod timeline;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use super::{Answer, Finding, Need, Report};
use clock::Clock;
use text::{class, escape, said, sign};

const STYLE: &str = include_str!("html/style.css");

/// Patterns of states and signs of marks, once for all plots.
const SHAPES: &str = include_str!("html/shapes.svg");

/// Nothing is fetched, nothing runs, nothing is sent, whoever wrote what is quoted.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
                      base-uri 'none'; form-action 'none'";

/// More agents than that are folded, but for those with something to say.
const OPEN_MAX: usize = 6;

/// The report as a file of its own. Same report, same bytes.
#[must_use]
pub fn html(report: &Report) -> String {
    let clock = Clock::new(report);
    let mut out = String::with_capacity(64 * 1024);
    head(&mut out, report);
    out.push_str("<body>\n");
    out.push_str(SHAPES);
    out.push_str(&timeline::axis(&clock).unwrap_or_default());
    out.push_str("<main>\n");
    verdict(&mut out, report, &clock);
    needs(&mut out, &report.verdict.needs);
    answers(&mut out, &report.answers);
    findings(&mut out, &report.findings);
    if 1 < report.agents.len() {
        out.push_str(&fleet::section(&report.agents, &clock));
    }
    let is_many = OPEN_MAX < report.agents.len();
    for (number, one) in report.agents.iter().enumerate() {
        out.push_str(&agent::section(number, one, &clock, is_many));
    }
    foot(&mut out, report, &clock);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn head(out: &mut String, report: &Report) {
    let title = escape(&report.verdict.subject);
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n"
    );
}

fn verdict(out: &mut String, report: &Report, clock: &Clock<'_>) {
    let verdict = &report.verdict;
    let _ = write!(
        out,
        "<header class=\"{}\">\n<p class=\"over\">{}</p>\n<h1>{}{}</h1>\n",
        class(verdict.mark),
        escape(&clock.title()),
        sign(verdict.mark),
        said(&verdict.subject)
    );
    // A day that is over needs no word of when it was looked at.
    if report.until_ms < clock.range().end {
        let _ =
            writeln!(out, "<p class=\"note\">So far, up to {}.</p>", clock.moment(report.until_ms));
    }
    out.push_str("</header>\n");
}

fn needs(out: &mut String, needs: &[Need]) {
    if needs.is_empty() {
        return;
    }
    out.push_str(
        "<section class=\"needs\" aria-labelledby=\"needs\">\n\
         <h2 id=\"needs\">Needs you</h2>\n<ul>\n",
    );
    for need in needs {
        let _ = write!(out, "<li><p><b>{}</b>", said(&need.agent));
        if !need.host.is_empty() {
            let _ = write!(out, " <span class=\"host\">{}</span>", said(&need.host));
        }
        let _ = write!(out, " {}</p>", said(&need.words));
        if let Some(command) = &need.command {
            let _ = write!(out, "<p><code>{}</code></p>", said(command));
        }
        out.push_str("</li>\n");
    }
    out.push_str("</ul>\n</section>\n");
}

fn answers(out: &mut String, answers: &[Answer]) {
    if answers.is_empty() {
        return;
    }
    out.push_str("<section aria-label=\"The five questions\">\n<ul class=\"answers\">\n");
    for answer in answers {
        let (sign, question, words) =
            (sign(answer.mark), escape(answer.question), said(&answer.words));
        let _ = writeln!(
            out,
            "<li>{sign}<span class=\"question\">{question}</span> \
             <span class=\"answer\">{words}</span></li>"
        );
    }
    out.push_str("</ul>\n</section>\n");
}

fn findings(out: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    out.push_str(
        "<section aria-labelledby=\"slow\">\n<h2 id=\"slow\">Slow problems</h2>\n\
         <ul class=\"findings\">\n",
    );
    for finding in findings {
        let _ = write!(
            out,
            "<li>{}<p><b>{}</b> {}",
            sign(finding.mark),
            said(&finding.agent),
            said(&finding.words)
        );
        if !finding.method.is_empty() {
            let _ = write!(out, " <span class=\"method\">{}</span>", escape(finding.method));
        }
        out.push_str("</p></li>\n");
    }
    out.push_str("</ul>\n</section>\n");
}

fn foot(out: &mut String, report: &Report, clock: &Clock<'_>) {
    out.push_str("<footer>\n");
    if !report.silent.is_empty() {
        let names: Vec<String> = report.silent.iter().map(|name| said(name)).collect();
        let _ = writeln!(out, "<p>Nothing is known of {}.</p>", names.join(", "));
    }
    for note in &report.notes {
        let _ = writeln!(out, "<p>{}</p>", said(note));
    }
    let until = clock.moment(report.until_ms);
    let _ = writeln!(out, "<p>agentwatch, from its journals up to {until}. Times are local.</p>");
    out.push_str("</footer>\n");
}
