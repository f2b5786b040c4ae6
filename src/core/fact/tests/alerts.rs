//! Facts of incidents and letters.

use super::*;
use crate::core::fact::{Delivery, IncidentFact, Seen, Severity};
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
        sink: "slack".to_owned(),
        tries: 2,
        after_ms: 7_000,
        error: error.map(str::to_owned),
    };
    vec![
        Fact::IncidentOpened(incident(Severity::Warning, None)),
        Fact::IncidentOpened(incident(Severity::Critical, None)),
        Fact::IncidentClosed(incident(Severity::Critical, Some(11_520_000))),
        Fact::Acknowledged(Seen { incidents: 1, until: None }),
        Fact::Snoozed(Seen { incidents: 2, until: Some(Wall(1_790_000_000_000)) }),
        Fact::AlertSent(delivery(None)),
        Fact::AlertFailed(delivery(Some("404 Not Found: no_team"))),
    ]
}
