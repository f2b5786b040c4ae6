//! Below the table: the chosen agent in detail, and what happened.

use ratatui::style::Style;

use crate::report::attention::Need;
use crate::report::detail;
use crate::report::status::meaning;
use crate::wire::stamp;
use crate::wire::tone::Tone;
use crate::wire::words::span;

use super::Pen;
use crate::top::model::Model;

/// What is said first where not all of it fits; the labels of [`detail::rows`].
const FIRST: [&str; 14] = [
    "error",
    "open",
    "until",
    "or now",
    "next start",
    "loop?",
    "note",
    "deadline",
    "tokens",
    "spent",
    "last end",
    "beats",
    "failures",
    "run",
];

/// The widest label: `next start`.
const LABEL: usize = 10;

/// The widest name of an event that is aligned.
const EVENT: usize = 18;

/// The chosen agent, in so many lines below its rule.
pub fn details(model: &Model, lines: u16, pen: &mut Pen<'_>) {
    let theme = pen.theme();
    let Some(row) = model.row() else { return };
    let status = &row.status;
    let longer = if status.state_longer { "more than " } else { "" };
    let since = status.state_ms.map(|ms| format!(" for {longer}{}", span(ms))).unwrap_or_default();
    pen.rule(
        &[
            (&status.agent, theme.strong()),
            ("  ", Style::new()),
            (status.state, theme.tone(meaning(status.state).tone)),
            (&since, Style::new()),
        ],
        &status.state_dir,
    );
    let below = pen.y.saturating_add(lines);
    let mut rows = detail::rows(status, pen.view.offset_s, theme.unicode);
    // The bars stand in the table.
    rows.retain(|(label, _)| !label.is_empty());
    rows.extend(row.incidents.iter().map(|words| ("open", words.clone())));
    let rank = |label: &str| FIRST.iter().position(|first| *first == label).unwrap_or(FIRST.len());
    rows.sort_by_key(|(label, _)| rank(label));
    for (label, words) in rows.into_iter().take(usize::from(lines)) {
        let label = format!(" {label:<LABEL$}  ");
        let style = match label.trim() {
            "error" => theme.tone(Tone::Bad),
            "open" if row.need == Need::Human => theme.tone(Tone::Bad),
            "open" | "loop?" => theme.tone(Tone::Warning),
            "until" => theme.strong(),
            _ => Style::new(),
        };
        pen.line(&[(&label, theme.quiet()), (&words, style)]);
    }
    pen.y = below;
}

/// What happened, the newest last, in so many lines below their rule.
pub fn events(model: &Model, lines: u16, pen: &mut Pen<'_>) {
    let theme = pen.theme();
    let offset_s = pen.view.offset_s;
    let chosen = model.row().map(|row| row.status.agent.as_str()).unwrap_or_default();
    if model.all_events {
        pen.rule(&[("events of all agents", theme.quiet())], "");
    } else {
        pen.rule(&[("events of ", theme.quiet()), (chosen, theme.quiet())], "");
    }
    let shown = &model.events[model.events.len().saturating_sub(usize::from(lines))..];
    let today = stamp::day(pen.view.now, offset_s);
    let is_old = |at| stamp::day(at, offset_s) != today;
    let dated = shown.iter().any(|(_, event)| is_old(event.at));
    let widest = |text: &dyn Fn(usize) -> usize| (0..shown.len()).map(text).max().unwrap_or(0);
    let names = widest(&|at| shown[at].0.len()).min(24);
    let kinds = widest(&|at| shown[at].1.event.len()).min(EVENT);
    for (name, event) in shown {
        let full = stamp::local(event.at, offset_s);
        let time = match (dated, is_old(event.at)) {
            (false, _) => full.get(11..).unwrap_or_default().to_owned(),
            // The month and the day, and of what was not today no seconds.
            (true, true) => full.get(5..16).unwrap_or_default().to_owned(),
            (true, false) => format!("   {}", full.get(11..).unwrap_or_default()),
        };
        let name =
            if model.all_events { theme.pad(name, names, false) + "  " } else { String::new() };
        let kind = theme.pad(&event.event, kinds, false);
        pen.line(&[
            (&format!(" {time}  "), theme.quiet()),
            (&name, Style::new()),
            (&kind, theme.tone(event.tone)),
            ("  ", Style::new()),
            (&event.words, Style::new()),
        ]);
    }
}
