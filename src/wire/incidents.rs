//! Incidents and what people were told of them, in words for the journal.

use crate::core::fact::{Delivery, Fact, IncidentFact, Seen, Severity};

use super::words::{count, span};

/// `warning`.
#[must_use]
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

/// A fact about incidents or letters, in words.
#[must_use]
pub fn words(fact: &Fact) -> String {
    match fact {
        Fact::IncidentOpened(IncidentFact { trouble, severity: how, .. }) => {
            format!("{} incident: {}", severity(*how), trouble.word())
        }
        Fact::IncidentClosed(IncidentFact { trouble, lasted_ms, .. }) => {
            let lasted = lasted_ms.map(|ms| format!(", after {}", span(ms)));
            format!("incident over: {}{}", trouble.word(), lasted.unwrap_or_default())
        }
        Fact::Acknowledged(Seen { incidents, .. }) => {
            format!("{} acknowledged", count(u64::from(*incidents), "incident"))
        }
        Fact::Snoozed(Seen { incidents, .. }) => {
            format!("{} snoozed", count(u64::from(*incidents), "incident"))
        }
        Fact::AlertSent(Delivery { letter, sink, tries, after_ms, .. }) => {
            format!("{letter} arrived at {sink} after {}{}", span(*after_ms), tried(*tries))
        }
        Fact::AlertFailed(Delivery { letter, sink, tries, error, .. }) => {
            let error = error.as_deref().unwrap_or("unknown");
            format!("{letter} was not delivered to {sink}: {error}{}", tried(*tries))
        }
        _ => String::new(),
    }
}

fn tried(tries: u32) -> String {
    if tries < 2 { String::new() } else { format!(", {tries} tries") }
}
