//! Why an agent was given up and stays down, in words.

use crate::core::fact::{Excess, Fact};
use crate::core::memory::LatchWhy;

use super::words::{count, span};

/// Why an agent stays down.
#[must_use]
pub fn latched(why: LatchWhy, failures: u32) -> String {
    match why {
        LatchWhy::Failures => count(u64::from(failures), "failure"),
        LatchWhy::Rule => "a restart rule called for a human".to_owned(),
        LatchWhy::Stay => "told so by agentwatch stop --stay".to_owned(),
        LatchWhy::Paused => "it was paused when agentwatch was killed".to_owned(),
        LatchWhy::Loop => "it looked like a loop".to_owned(),
        LatchWhy::Budget => "its budget was exceeded".to_owned(),
        LatchWhy::State => "its state is not valid".to_owned(),
    }
}

/// `3 failures in 10m, same last line`.
#[must_use]
pub fn escalated(fact: &Fact) -> String {
    let Fact::Escalated { reason, failures, within_ms, same_line } = fact else {
        return String::new();
    };
    let failures = count(u64::from(*failures), "failure");
    let same = if *same_line { ", same last line" } else { "" };
    match reason {
        Excess::Streak => match within_ms {
            Some(ms) => format!("{failures} in {}{same}", span(*ms)),
            None => format!("{failures}{same}"),
        },
        Excess::Day => format!("{failures} today{same}"),
        Excess::Rule => "an end that a restart rule knows as hopeless".to_owned(),
        Excess::Loop => "what looked like a loop (cost.on_loop = stop)".to_owned(),
        Excess::Budget => "a budget that was exceeded (cost.on_exceeded = stop)".to_owned(),
        Excess::State => "state that is not valid".to_owned(),
    }
}
