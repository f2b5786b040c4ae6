//! A day as a row of signs, for a terminal. Pure.

use super::Agent;

/// Columns of the strip that shows a day: half an hour each.
pub(super) const STRIP: usize = 48;

/// A day as a row of signs: what was worst in each part of it.
pub(super) fn strip(agent: &Agent, (from, until): (i64, i64), unicode: bool) -> String {
    let parts = i64::try_from(STRIP).unwrap_or(1);
    let edge = |at: i64| from + (until - from) * at / parts;
    (0..parts)
        .map(|at| {
            let (begin, end) = (edge(at), edge(at + 1));
            let spans =
                agent.spans.iter().filter(|span| span.from_ms < end && begin < span.until_ms);
            let worst = spans.map(|span| rank(span.state)).max().unwrap_or(0);
            let signs = if unicode {
                [' ', '·', '█', '▒', '░', '!', '?']
            } else {
                [' ', '.', '#', '=', '-', '!', '?']
            };
            signs.get(worst).copied().unwrap_or(' ')
        })
        .collect()
}

/// How bad a state is, for a strip.
fn rank(state: &str) -> usize {
    match state {
        "stopped" | "finished" | "paused" => 1,
        "healthy" | "running" | "waiting" | "shutting_down" | "stopping" | "starting" => 2,
        "late" => 3,
        "cooldown" | "parked" | "failed" | "validating" => 4,
        "unhealthy" | "escalated" => 5,
        "unknown" => 6,
        _ => 0,
    }
}
