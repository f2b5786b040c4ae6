//! All agents at a glance: a strip each, one below the other, on one axis.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::super::Agent;
use super::clock::Clock;
use super::svg::Ink;
use super::text::{escape, said, share, sign};
use super::timeline::{Strip, axis_alone, ink, strip, swatch};

/// What an ink of a strip stands for.
fn meaning(ink: Ink) -> Option<&'static str> {
    match ink {
        Ink::Up => Some("up"),
        Ink::Between => Some("starting or stopping"),
        Ink::Over => Some("stopped or finished"),
        Ink::Waits => Some("waiting or paused"),
        Ink::Unknown => Some("unknown"),
        Ink::Late => Some("late"),
        Ink::Cooldown => Some("cooldown"),
        Ink::Bad => Some("failed or unhealthy"),
        Ink::Gone => Some("given up"),
        Ink::Grid
        | Ink::Ground
        | Ink::Set
        | Ink::Amount
        | Ink::Label
        | Ink::Roomy
        | Ink::Narrow
        | Ink::Line
        | Ink::Fill
        | Ink::Whisker
        | Ink::Usual
        | Ink::Dot
        | Ink::Peak
        | Ink::Flag
        | Ink::Bar
        | Ink::BadBar => None,
    }
}

/// The overview.
pub(super) fn section(agents: &[Agent], clock: &Clock<'_>) -> String {
    let hosts: BTreeSet<&str> = agents.iter().map(|agent| agent.host.as_str()).collect();
    let mut out = String::from(
        "<section class=\"fleet\" aria-labelledby=\"fleet\">\n\
         <h2 id=\"fleet\">All agents</h2>\n<ol>\n",
    );
    for (number, agent) in agents.iter().enumerate() {
        let strip = strip(agent, clock, &Strip { height: 14, written: false }).unwrap_or_default();
        let mut name = said(&agent.name);
        if 1 < hosts.len() && !agent.host.is_empty() {
            let _ = write!(name, " <span class=\"host\">{}</span>", said(&agent.host));
        }
        let up = agent.up_share.map_or("–".to_owned(), share);
        let _ = writeln!(
            out,
            "<li>{}<a href=\"#agent-{number}\">{}</a>\
             <span class=\"up\" title=\"up\">{}</span>{strip}</li>",
            sign(agent.mark),
            name,
            escape(&up)
        );
    }
    out.push_str("</ol>\n");
    if let Some(axis) = axis_alone() {
        let _ = writeln!(out, "<div class=\"axis\">{axis}</div>");
    }
    let spans = agents.iter().flat_map(|agent| &agent.spans);
    let inks: BTreeSet<Ink> = spans.map(|span| ink(span.state)).collect();
    out.push_str("<ul class=\"legend\">\n");
    for ink in inks {
        if let Some(meaning) = meaning(ink) {
            let _ = writeln!(out, "<li>{}{meaning}</li>", swatch(ink));
        }
    }
    out.push_str("</ul>\n</section>\n");
    out
}
