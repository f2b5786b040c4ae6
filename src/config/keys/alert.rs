//! The settings of `alert`: who is told of trouble, how often, and when not.

use std::time::Duration;

use super::{DAY, Fallback, Key, Kind, MONTH};

/// Their order is that of `--help`, of the template and of `check`. The defaults are SPEC's own numbers.
pub(super) const KEYS: [Key; 9] = [
    Key {
        path: "alert.sinks",
        flag: Some("alert"),
        variable: None,
        kind: Kind::Sinks,
        fallback: Fallback::Open { words: "none", example: "ntfy:my-topic" },
        value_name: "URL",
        help: "Tell people there: exec: https: slack: discord: telegram: pagerduty: ntfy: mailto:",
    },
    Key {
        path: "alert.remind",
        flag: None,
        variable: None,
        kind: Kind::Duration { min: Duration::from_secs(1), max: MONTH },
        fallback: Fallback::Value("4h"),
        value_name: "DURATION",
        help: "What is open and not acknowledged is told again this often",
    },
    Key {
        path: "alert.quiet",
        flag: None,
        variable: None,
        kind: Kind::Label,
        fallback: Fallback::Open { words: "never", example: "23:00-07:00" },
        value_name: "HH:MM-HH:MM",
        help: "Only what is critical is delivered then; the rest waits for the end",
    },
    Key {
        path: "alert.runbook",
        flag: None,
        variable: None,
        kind: Kind::Label,
        fallback: Fallback::Open { words: "none", example: "https://wiki.example.org/agents" },
        value_name: "URL",
        help: "A page that every alert names",
    },
    Key {
        path: "alert.reach",
        flag: None,
        variable: None,
        kind: Kind::Text,
        fallback: Fallback::Open { words: "none", example: "ssh vps2" },
        value_name: "COMMAND",
        help: "What stands before each command of an alert, for who reads it elsewhere",
    },
    Key {
        path: "alert.ping_url",
        flag: None,
        variable: None,
        kind: Kind::Secret,
        fallback: Fallback::Open { words: "none", example: "https://hc-ping.com/${PING_KEY}" },
        value_name: "URL",
        help: "A dead man's switch: pinged once a minute while no human is needed",
    },
    Key {
        path: "alert.exit_wait",
        flag: None,
        variable: None,
        kind: Kind::Duration { min: Duration::ZERO, max: DAY },
        fallback: Fallback::Value("15s"),
        value_name: "DURATION",
        help: "Before agentwatch leaves because a human is needed, telling them may take this long",
    },
    Key {
        path: "alert.smtp",
        flag: None,
        variable: None,
        kind: Kind::Secret,
        fallback: Fallback::Open {
            words: "none",
            example: "smtps://user:${SMTP_PASSWORD}@mail.example.org",
        },
        value_name: "URL",
        help: "How mail is sent, for mailto: sinks that do not say it",
    },
    Key {
        path: "alert.ca_file",
        flag: None,
        variable: None,
        kind: Kind::Path,
        fallback: Fallback::Open { words: "none", example: "/etc/ssl/own-ca.pem" },
        value_name: "FILE",
        help: "Certificates (PEM) to trust beside the common ones",
    },
];
