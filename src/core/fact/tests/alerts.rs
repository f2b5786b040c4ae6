//! Facts of incidents and letters.

use super::*;
use crate::core::fact::{Delivery, IncidentFact, ReportFact, Seen, Severity};
use crate::core::incident::Trouble;

pub fn alerts() -> Vec<Fact> {
    let incident = |severity, lasted_ms| IncidentFact {
        trouble: Trouble::Failing,
        severity,
        since: Wall(1_790_000_000_000),
        lasted_ms,
    };
    let delivery = |error: Option<&str>| Delivery {
        letter: "crawler@vps2/failing-1790000000000/1".to_owned(),
        about: "gave up: 3 failures in 10m".to_owned(),
        sink: "slack".to_owned(),
        tries: 2,
        after_ms: 7_000,
        error: error.map(str::to_owned),
    };
    let report = |sink: Option<&str>, error: Option<&str>| ReportFact {
        day: "2026-11-28".to_owned(),
        sink: sink.map(str::to_owned),
        tries: 1,
        after_ms: 2_000,
        error: error.map(str::to_owned),
    };
    vec![
        Fact::IncidentOpened(incident(Severity::Warning, None)),
        Fact::IncidentWorsened(incident(Severity::Critical, None)),
        Fact::IncidentClosed(incident(Severity::Critical, Some(11_520_000))),
        Fact::Acknowledged(Seen { incidents: 1, until: None }),
        Fact::Snoozed(Seen { incidents: 2, until: Some(Wall(1_790_000_000_000)) }),
        Fact::AlertSent(delivery(None)),
        Fact::AlertFailed(delivery(Some("404 Not Found: no_team"))),
        Fact::ReportSent(report(Some("slack"), None)),
        Fact::ReportFailed(report(Some("slack"), Some("nobody took it for a day"))),
        Fact::ReportFailed(report(None, Some("no space left on device"))),
    ]
}
