//! The settings of `state`: which files hold an agent's state, how they are validated and kept.

use std::time::Duration;

use super::{DAY, Fallback, Key, Kind, MONTH};

/// Their order is that of `--help`, of the template and of `check`. The defaults are SPEC's own numbers,
/// where it names any.
pub(super) const KEYS: [Key; 9] = [
    Key {
        path: "state.files",
        flag: Some("state-file"),
        variable: None,
        kind: Kind::Files,
        fallback: Fallback::Open { words: "none", example: "memory.json" },
        value_name: "PATH",
        help: "A file of the agent's state, or a pattern; checked before restarts, copied while healthy",
    },
    Key {
        path: "state.validate",
        flag: Some("validate"),
        variable: None,
        kind: Kind::Command,
        fallback: Fallback::Open { words: "none", example: "./check-state" },
        value_name: "CMD",
        help: "Run this before each restart; only its exit 0 lets the agent start",
    },
    Key {
        path: "state.validate_on_start",
        flag: None,
        variable: None,
        kind: Kind::Bool,
        fallback: Fallback::Value("false"),
        value_name: "true|false",
        help: "Validate before the first start too",
    },
    Key {
        path: "state.validate_timeout",
        flag: None,
        variable: None,
        kind: Kind::Duration { min: Duration::from_millis(100), max: DAY },
        fallback: Fallback::Value("60s"),
        value_name: "DURATION",
        help: "A hook that takes longer is killed, and the state counts as invalid",
    },
    Key {
        path: "state.check_timeout",
        flag: None,
        variable: None,
        // A disk that answers no more must not look like a check that takes long.
        kind: Kind::Duration { min: Duration::from_secs(1), max: DAY },
        fallback: Fallback::Value("10m"),
        value_name: "DURATION",
        help: "The files must be checked, copied or put back within this time",
    },
    Key {
        path: "state.on_invalid",
        flag: None,
        variable: None,
        kind: Kind::Choice(&["restore", "quarantine", "escalate"]),
        fallback: Fallback::Value("restore"),
        value_name: "restore|quarantine|escalate",
        help: "What follows invalid state: an earlier snapshot, a start without it, or a human",
    },
    Key {
        path: "state.snapshot_every",
        flag: None,
        variable: None,
        kind: Kind::Duration { min: Duration::from_secs(1), max: MONTH },
        fallback: Fallback::Value("10m"),
        value_name: "DURATION",
        help: "While the agent is healthy its state is copied at a beat, this often at most",
    },
    Key {
        path: "state.keep",
        flag: None,
        variable: None,
        kind: Kind::Count { min: 1, max: 1000 },
        fallback: Fallback::Value("5"),
        value_name: "N",
        help: "Snapshots that are kept",
    },
    Key {
        path: "state.max_bytes",
        flag: None,
        variable: None,
        kind: Kind::Size { min: 1_000_000, max: 1_000_000_000_000_000 },
        fallback: Fallback::Value("10GB"),
        value_name: "SIZE",
        help: "All snapshots together take no more than this; the newest is kept",
    },
];
