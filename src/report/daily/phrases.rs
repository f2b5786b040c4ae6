//! Numbers and lists as a report says them. Pure.

use crate::wire::words::{grouped, span};

use super::{Cause, Usage};
use crate::wire::costs;

/// A share of a day: `100 %`, `99.31 %`, `99.9 %`; never 100 where something is missing.
#[must_use]
pub fn percent(share: u32) -> String {
    match (share / 100, share % 100) {
        (whole, 0) => format!("{whole} %"),
        (whole, rest) if rest % 10 == 0 => format!("{whole}.{} %", rest / 10),
        (whole, rest) => format!("{whole}.{rest:02} %"),
    }
}

/// Names in a sentence: `a`, `a and b`, `a, b and 4 more`.
#[must_use]
pub fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} and {other}"),
        [one, other, third] => format!("{one}, {other} and {third}"),
        [one, other, rest @ ..] => format!("{one}, {other} and {} more", rest.len()),
    }
}

/// `exit 1 ×2, silent`.
#[must_use]
pub fn causes(causes: &[Cause]) -> String {
    const SHOWN: usize = 3;
    let mut parts: Vec<String> = causes
        .iter()
        .take(SHOWN)
        .map(|cause| match cause.count {
            1 => cause.words.clone(),
            count => format!("{} ×{count}", cause.words),
        })
        .collect();
    if SHOWN < causes.len() {
        parts.push(format!("{} other kinds", causes.len() - SHOWN));
    }
    parts.join(", ")
}

/// `1,440 cycles, 1,211 tokens each, $4.10`; what is not known is not said.
#[must_use]
pub fn usage(usage: &Usage) -> Option<String> {
    let mut parts = Vec::new();
    if usage.cycles > 0 {
        parts.push(crate::wire::words::count(usage.cycles, "cycle"));
    }
    if let Some(each) = usage.per_cycle {
        parts.push(format!("{} tokens a cycle", grouped(each)));
    } else if usage.tokens > 0 {
        parts.push(format!("{} tokens", grouped(usage.tokens)));
    }
    if let Some(cost) = usage.cost_usd {
        parts.push(format!("{}{}", costs::usd(cost), costs::unpriced(usage.cost_unknown)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Milliseconds between two moments, as people say it.
#[must_use]
pub fn between(from_ms: i64, until_ms: i64) -> String {
    span(u64::try_from(until_ms.saturating_sub(from_ms)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_never_rounded_up_to_all() {
        for (share, text) in
            [(10_000, "100 %"), (9_931, "99.31 %"), (9_990, "99.9 %"), (0, "0 %"), (5, "0.05 %")]
        {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn a_list_says_how_many_more_there_are() {
        let names = ["a", "b", "c", "d"];
        let said: Vec<String> = (0..=4).map(|count| list(&names[..count])).collect();
        assert_eq!(said, ["", "a", "a and b", "a, b and c", "a, b and 2 more"]);
    }
}
