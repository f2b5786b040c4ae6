//! The plots of an agent. Each is drawn from the very rows of its table; without data there is none.

mod days;
mod memory;
mod spend;
mod tokens;

use crate::wire::costs::usd;
use crate::wire::words::grouped;

use super::super::{Agent, Usage};
use super::clock::Clock;
use super::figure::Figure;
use super::svg::Ink;
use super::text::compact;
use super::timeline::swatch;

/// All plots that the agent has data for.
pub(super) fn all(agent: &Agent, clock: &Clock<'_>) -> Vec<Figure> {
    let plots = [
        tokens::plot_of(agent, clock),
        spend::plot_of(agent, clock),
        memory::plot_of(agent, clock),
        days::failures(agent),
        days::medians(agent),
    ];
    plots.into_iter().flatten().collect()
}

/// A word of a key with what it looks like.
fn key(ink: Ink, word: &str) -> String {
    let shape = match ink {
        Ink::Line | Ink::Usual => "<line x1=\"0\" y1=\"5\" x2=\"16\" y2=\"5\"".to_owned(),
        Ink::Whisker => "<line x1=\"8\" y1=\"0\" x2=\"8\" y2=\"10\"".to_owned(),
        Ink::Flag => "<use href=\"#flag\" x=\"8\" y=\"9\"".to_owned(),
        Ink::Peak => "<circle cx=\"8\" cy=\"5\" r=\"3\"".to_owned(),
        _ => return format!("<span>{}{word}</span>", swatch(ink)),
    };
    format!(
        "<span><svg class=\"swatch\" aria-hidden=\"true\" width=\"16\" height=\"10\">\
         {shape} class=\"{}\"/></svg>{word}</span>",
        ink.class()
    )
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "shown, not decided")]
fn rounded(n: f64) -> u64 {
    n.round() as u64
}

/// An amount on an axis, in short.
fn brief(n: f64) -> String {
    compact(rounded(n))
}

/// An amount on an axis, in full.
fn full(n: f64) -> String {
    grouped(rounded(n))
}

fn cost_words(usage: &Usage) -> String {
    usage.cost_usd.map_or("–".to_owned(), usd)
}
