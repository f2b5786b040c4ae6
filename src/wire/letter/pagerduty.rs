//! Events for `PagerDuty`: one deduplication key an incident, so that what closes finds what opened.
//!
//! Events API v2: <https://developer.pagerduty.com/docs/send-alert-event>; a summary of 1024 characters, a
//! key of 255, an event of 512 kB.

use serde_json::{Value, json};

use crate::core::fact::Severity;
use crate::core::time::Wall;
use crate::wire::stamp::utc;

use super::cut::{cut_line, cut_middle, units};
use super::sheet::{Sheet, is_link};
use super::{Kind, Letter};

/// The longest summary, in characters.
pub const SUMMARY_MAX: usize = 1024;
/// The longest deduplication key, in characters.
pub const KEY_MAX: usize = 255;
/// Output that is sent: all that a letter holds.
const OUTPUT_MAX: usize = 10_240;

/// What `/v2/enqueue` takes.
#[must_use]
pub fn event(letter: &Letter, routing_key: &str) -> Value {
    let action = match letter.kind {
        Kind::Opened | Kind::Updated | Kind::Reminder | Kind::Test | Kind::Report => "trigger",
        Kind::Acknowledged => "acknowledge",
        Kind::Closed => "resolve",
    };
    let mut event = json!({
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": key(&letter.incident),
    });
    // The others ask for nothing but the key.
    if action == "trigger"
        && let Some(map) = event.as_object_mut()
    {
        let sheet = Sheet::one(letter);
        map.insert("client".to_owned(), json!("agentwatch"));
        map.insert("payload".to_owned(), payload(letter, &sheet));
        if let Some(url) = sheet.runbook.filter(|url| is_link(url)) {
            map.insert("links".to_owned(), json!([{"href": url, "text": "Runbook"}]));
        }
    }
    event
}

fn payload(letter: &Letter, sheet: &Sheet) -> Value {
    let severity = match letter.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    };
    let lines: Vec<_> = sheet.lines.iter().map(super::sheet::Line::text).collect();
    let mut details = json!({
        "agent": letter.agent,
        "since": utc(Wall(letter.since)),
        "what is the case": lines.join("\n"),
    });
    if let Some(map) = details.as_object_mut() {
        for step in &sheet.steps {
            map.insert(step.label.to_lowercase(), json!(step.command));
        }
        if let Some(output) = &sheet.output {
            map.insert("last output".to_owned(), json!(cut_middle(output, OUTPUT_MAX, units)));
        }
        if let Some(runbook) = &sheet.runbook {
            map.insert("runbook".to_owned(), json!(runbook));
        }
    }
    json!({
        "summary": cut_line(&sheet.title, SUMMARY_MAX, units),
        "source": letter.host,
        "severity": severity,
        "timestamp": utc(Wall(letter.at)),
        "component": letter.agent,
        "group": letter.group.as_deref().unwrap_or(&letter.host),
        "class": letter.cause,
        "custom_details": details,
    })
}

/// The incident's name, or what stands for one that is too long.
fn key(incident: &str) -> String {
    if incident.chars().count() <= KEY_MAX {
        return incident.to_owned();
    }
    blake3::hash(incident.as_bytes()).to_hex().to_string()
}
