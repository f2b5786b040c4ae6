//! Incidents and what people were told of them, in words for the journal.

use crate::core::fact::{Delivery, Fact, IncidentFact, ReportFact, Seen, Severity};

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
        Fact::IncidentWorsened(IncidentFact { trouble, severity: how, .. }) => {
            format!("incident is {} now: {}", severity(*how), trouble.word())
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
        Fact::AlertSent(delivery @ Delivery { sink, tries, after_ms, .. }) => {
            let letter = named(delivery);
            format!("{letter} arrived at {sink} after {}{}", span(*after_ms), tried(*tries))
        }
        Fact::AlertFailed(delivery @ Delivery { sink, tries, error, .. }) => {
            let letter = named(delivery);
            let error = error.as_deref().unwrap_or("unknown");
            format!("{letter} was not delivered to {sink}: {error}{}", tried(*tries))
        }
        Fact::ReportSent(ReportFact { day, sink, tries, after_ms, .. }) => {
            let sink = sink.as_deref().unwrap_or("a sink");
            format!("report of {day} arrived at {sink} after {}{}", span(*after_ms), tried(*tries))
        }
        Fact::ReportFailed(ReportFact { day, sink, tries, error, .. }) => {
            let error = error.as_deref().unwrap_or("unknown");
            let what = match sink {
                Some(sink) => format!("was not delivered to {sink}"),
                None => "could not be made".to_owned(),
            };
            format!("report of {day} {what}: {error}{}", tried(*tries))
        }
        _ => String::new(),
    }
}

/// `the alert "gave up: 3 failures in 10m"`.
fn named(Delivery { letter, about, .. }: &Delivery) -> String {
    if about.is_empty() { letter.clone() } else { format!("the alert {about:?}") }
}

fn tried(tries: u32) -> String {
    if tries < 2 { String::new() } else { format!(", {tries} tries") }
}
