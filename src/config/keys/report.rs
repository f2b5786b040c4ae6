//! The settings of `report`: the report of the day before, every morning.

use super::{Fallback, Key, Kind};

/// Their order is that of the template and of `check`.
pub(super) const KEYS: [Key; 2] = [
    Key {
        path: "report.at",
        flag: None,
        variable: None,
        kind: Kind::Label,
        fallback: Fallback::Value("08:00"),
        value_name: "HH:MM|off",
        help: "At this local time the report of the day before is made, for all agents together",
    },
    Key {
        path: "report.to",
        flag: None,
        variable: None,
        kind: Kind::Addresses,
        fallback: Fallback::Open { words: "none, it is kept", example: "mailto:me@example.org" },
        value_name: "URL",
        help: "Where it is sent: exec: https: slack: discord: telegram: ntfy: mailto:",
    },
];
