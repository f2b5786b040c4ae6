//! The one table of settings: flags, TOML keys, variables, defaults, help and `check` come from it.

use std::time::Duration;

pub use super::kind::{Fallback, Key, Kind};

/// Begins the variables that are settings; they are not passed on to the child (SPEC §2).
pub const OPT_PREFIX: &str = "AGENTWATCH_OPT_";

/// The variable for a flag: `stop-timeout` → `AGENTWATCH_OPT_STOP_TIMEOUT`.
#[must_use]
pub fn opt_variable(flag: &str) -> String {
    format!("{OPT_PREFIX}{}", flag.to_ascii_uppercase().replace('-', "_"))
}

/// The key at `path`.
#[must_use]
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// A month: no setting but the journal's is about more, so more is a mistyped unit.
const MONTH: Duration = Duration::from_hours(30 * 24);
/// A day: a stop that may last longer is one that was never meant to end (SPEC rule 8).
const DAY: Duration = Duration::from_hours(24);
/// Below this the timers of a loaded machine are late more often than the agent is.
const TICK: Duration = Duration::from_millis(10);

/// Every setting of this release, in the order of `--help`, of the template and of `check`.
/// The defaults are SPEC §2's own numbers.
pub const KEYS: &[Key] = &joined::<TOLD, { cost::KEYS.len() }, ALL>(
    joined::<OWN, { PEOPLE.len() }, TOLD>(
        joined::<{ FIRST.len() }, { state::KEYS.len() }, OWN>(FIRST, state::KEYS),
        PEOPLE,
    ),
    cost::KEYS,
);

/// How people are told: of trouble, and every morning.
const PEOPLE: [Key; alert::KEYS.len() + report::KEYS.len()] =
    joined::<{ alert::KEYS.len() }, { report::KEYS.len() }, _>(alert::KEYS, report::KEYS);

const OWN: usize = FIRST.len() + state::KEYS.len();
const TOLD: usize = OWN + PEOPLE.len();
const ALL: usize = TOLD + cost::KEYS.len();

/// Two parts of the table as one.
const fn joined<const A: usize, const B: usize, const N: usize>(
    first: [Key; A],
    then: [Key; B],
) -> [Key; N] {
    let mut all = [first[0]; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < A { first[at] } else { then[at - A] };
        at += 1;
    }
    all
}

const FIRST: [Key; 35] = [
    Key {
        path: "name",
        flag: Some("name"),
        variable: None,
        kind: Kind::Name,
        fallback: Fallback::Open { words: "from the command", example: "my-agent" },
        value_name: "NAME",
        help: "Name of the agent; its data is kept under it",
    },
    Key {
        path: "command",
        flag: None,
        variable: None,
        kind: Kind::Command,
        fallback: Fallback::Open {
            words: "what the command line says",
            example: "python agent.py",
        },
        value_name: "COMMAND",
        help: "The agent: [\"python\", \"agent.py\"], or one line for /bin/sh",
    },
    Key {
        path: "cwd",
        flag: None,
        variable: None,
        kind: Kind::Path,
        fallback: Fallback::Open { words: "where agentwatch is started", example: "/srv/agent" },
        value_name: "DIR",
        help: "Where the agent is started",
    },
    Key {
        path: "env_file",
        flag: None,
        variable: None,
        kind: Kind::Path,
        fallback: Fallback::Open { words: "none", example: "/etc/agentwatch/agent.env" },
        value_name: "FILE",
        help: "Variables for the agent, one KEY=VALUE a line; read once, at start",
    },
    Key {
        path: "heartbeat.interval",
        flag: Some("interval"),
        variable: None,
        // Not zero: every moment would be late. Agents that think for days still say so in a month.
        kind: Kind::Duration { min: TICK, max: MONTH },
        fallback: Fallback::Value("60s"),
        value_name: "DURATION",
        help: "A beat is expected this often",
    },
    Key {
        path: "heartbeat.misses",
        flag: Some("misses"),
        variable: None,
        // One is a strict agent; beyond a thousand the interval is what should be changed.
        kind: Kind::Count { min: 1, max: 1_000 },
        fallback: Fallback::Value("2"),
        value_name: "COUNT",
        help: "Intervals without a beat that make the agent unhealthy",
    },
    Key {
        path: "heartbeat.source",
        flag: Some("beats"),
        variable: None,
        kind: Kind::Choice(&["auto", "stdout", "pipe", "output", "none"]),
        fallback: Fallback::Value("auto"),
        value_name: "auto|stdout|pipe|output|none",
        help: "Where beats come from; output: any is a sign of life; none: only exits are watched",
    },
    Key {
        path: "heartbeat.preset",
        flag: Some("preset"),
        variable: None,
        kind: Kind::Label,
        fallback: Fallback::Value("auto"),
        value_name: "auto|none|NAME",
        help: "How output is read: by claude, codex, gemini, opencode, aider or others; auto: as recognised",
    },
    Key {
        path: "heartbeat.start_grace",
        flag: Some("start-grace"),
        variable: None,
        // Zero would condemn every agent at birth.
        kind: Kind::Duration { min: TICK, max: MONTH },
        fallback: Fallback::Open {
            words: "unset, an agent that never beat is not held to it",
            example: "2m",
        },
        value_name: "DURATION",
        help: "A first beat is demanded within this time",
    },
    Key {
        path: "heartbeat.on_missed",
        flag: Some("on-missed"),
        variable: None,
        kind: Kind::Choice(&["restart", "alert"]),
        fallback: Fallback::Value("restart"),
        value_name: "restart|alert",
        help: "What follows missed beats",
    },
    Key {
        path: "heartbeat.max_expect",
        flag: None,
        variable: None,
        // Zero is a choice: no beat may ask for patience.
        kind: Kind::Duration { min: Duration::ZERO, max: MONTH },
        fallback: Fallback::Value("1h"),
        value_name: "DURATION",
        help: "The most silence that a beat may announce with expect_next",
    },
    Key {
        path: "heartbeat.progress_within",
        flag: Some("progress-within"),
        variable: None,
        // Zero would condemn the second beat of every cycle.
        kind: Kind::Duration { min: TICK, max: MONTH },
        fallback: Fallback::Open { words: "unset, cycle is not judged", example: "30m" },
        value_name: "DURATION",
        help: "The cycle that beats tell must grow within this time",
    },
    Key {
        path: "heartbeat.on_stalled",
        flag: None,
        variable: None,
        kind: Kind::Choice(&["alert", "restart"]),
        fallback: Fallback::Value("alert"),
        value_name: "alert|restart",
        help: "What follows when it does not, although beats come",
    },
    Key {
        path: "restart.policy",
        flag: Some("restart"),
        variable: None,
        kind: Kind::Choice(&["auto", "always", "on-failure", "never"]),
        fallback: Fallback::Value("auto"),
        value_name: "auto|always|on-failure|never",
        help: "Which exits restart; auto: any but 0, and 0 too of an agent that beats",
    },
    Key {
        path: "restart.cooldown",
        flag: Some("cooldown"),
        variable: None,
        // Zero is a choice: max_failures still ends it.
        kind: Kind::Duration { min: Duration::ZERO, max: MONTH },
        fallback: Fallback::Value("5m"),
        value_name: "DURATION",
        help: "Least time between two starts",
    },
    Key {
        path: "restart.max_failures",
        flag: Some("max-failures"),
        variable: None,
        // Zero would escalate without a failure; a thousand in a row is for ever to any human.
        kind: Kind::Count { min: 1, max: 1_000 },
        fallback: Fallback::Value("3"),
        value_name: "COUNT",
        help: "Failures in a row that escalate to a human",
    },
    Key {
        path: "restart.max_failures_per_day",
        flag: None,
        variable: None,
        // One every nine seconds, all day: above that it is no limit.
        kind: Kind::Count { min: 1, max: 10_000 },
        fallback: Fallback::Value("10"),
        value_name: "COUNT",
        help: "More failures than this in one day escalate too",
    },
    Key {
        path: "restart.command",
        flag: None,
        variable: None,
        kind: Kind::Command,
        fallback: Fallback::Open {
            words: "unset, the command itself",
            example: "claude --continue",
        },
        value_name: "COMMAND",
        help: "Another command for restarts, to go on with what the first one began",
    },
    Key {
        path: "restart.repeat",
        flag: Some("repeat"),
        variable: None,
        // Zero is a choice: the cooldown of failures still holds, and a run that did nothing is told of.
        kind: Kind::Duration { min: Duration::ZERO, max: MONTH },
        fallback: Fallback::Open { words: "off, exit 0 is the end", example: "15m" },
        value_name: "DURATION",
        help: "Exit 0 completes a run; the next one starts this long after it",
    },
    Key {
        path: "restart.max_run",
        flag: Some("max-run"),
        variable: None,
        // Zero would condemn every run at birth.
        kind: Kind::Duration { min: TICK, max: MONTH },
        fallback: Fallback::Open { words: "off, a run may last", example: "6h" },
        value_name: "DURATION",
        help: "A run that lasts longer is stopped, and that is a failure",
    },
    Key {
        path: "restart.reset_after",
        flag: Some("reset-after"),
        variable: None,
        // Zero would forget every streak at the first beat, and nothing would escalate (rule 3).
        kind: Kind::Duration { min: TICK, max: MONTH },
        fallback: Fallback::Value("10m"),
        value_name: "DURATION",
        help: "Unbroken health after which failures are forgotten",
    },
    Key {
        path: "restart.on_escalate",
        flag: Some("on-escalate"),
        variable: None,
        kind: Kind::Choice(&["exit", "hold"]),
        fallback: Fallback::ByPid { usual: "exit", as_pid1: "hold" },
        value_name: "exit|hold",
        help: "After escalation: exit with 69, or hold with the child down until resumed",
    },
    Key {
        path: "release",
        flag: Some("release"),
        variable: None,
        kind: Kind::Label,
        fallback: Fallback::Open { words: "unset", example: "v1.4.2" },
        value_name: "ID",
        help: "What is being run; another one than before starts without the old failures and latch",
    },
    Key {
        path: "stop.signal",
        flag: Some("stop-signal"),
        variable: None,
        kind: Kind::Signal,
        fallback: Fallback::Value("TERM"),
        value_name: "SIGNAL",
        help: "The first signal of a stop",
    },
    Key {
        path: "stop.scope",
        flag: Some("stop-scope"),
        variable: None,
        kind: Kind::Choice(&["group", "child"]),
        fallback: Fallback::Value("group"),
        value_name: "group|child",
        help: "Whom it reaches; what is left of the tree is ended afterwards",
    },
    Key {
        path: "stop.timeout",
        flag: Some("stop-timeout"),
        variable: None,
        // Zero is a choice: signal and SIGKILL at once.
        kind: Kind::Duration { min: Duration::ZERO, max: DAY },
        fallback: Fallback::Value("30s"),
        value_name: "DURATION",
        help: "SIGKILL follows this long after the stop signal",
    },
    Key {
        path: "stop.shutdown_grace",
        flag: Some("shutdown-grace"),
        variable: None,
        // Zero is a choice: an announcement buys no time.
        kind: Kind::Duration { min: Duration::ZERO, max: DAY },
        fallback: Fallback::Value("5m"),
        value_name: "DURATION",
        help: "How long a shutdown that the agent announced may last",
    },
    Key {
        path: "stdin",
        flag: Some("stdin"),
        variable: None,
        kind: Kind::Input,
        fallback: Fallback::Value("inherit"),
        value_name: "inherit|null|FILE",
        help: "What the agent reads from; a file is opened anew at every start",
    },
    Key {
        path: "output.capture_stderr",
        flag: None,
        variable: None,
        kind: Kind::Bool,
        fallback: Fallback::Value("true"),
        value_name: "BOOL",
        help: "Keep the last lines of stderr as evidence; false hands stderr over untouched",
    },
    Key {
        path: "log.file",
        flag: Some("log"),
        variable: None,
        kind: Kind::Path,
        fallback: Fallback::Open { words: "off", example: "/var/log/my-agent.log" },
        value_name: "FILE",
        help: "Keep a copy of stdout and stderr in this file, for agentwatch logs",
    },
    Key {
        path: "log.max_size",
        flag: None,
        variable: None,
        // Less than a page holds no traceback; more than a terabyte is a mistyped unit.
        kind: Kind::Size { min: 4096, max: 1_000_000_000_000 },
        fallback: Fallback::Value("50MB"),
        value_name: "SIZE",
        help: "The log is put aside as FILE.1 before it grows beyond this",
    },
    Key {
        path: "log.keep",
        flag: None,
        variable: None,
        // Zero is a choice: what is full is thrown away. Every one is renamed at each turn.
        kind: Kind::Count { min: 0, max: 1_000 },
        fallback: Fallback::Value("5"),
        value_name: "COUNT",
        help: "Full logs that are kept beside the current one",
    },
    Key {
        path: "journal.keep_days",
        flag: None,
        variable: None,
        // Today's file is being written, so one; ten years is beyond any audit we know of.
        kind: Kind::Count { min: 1, max: 3_650 },
        fallback: Fallback::Value("90"),
        value_name: "DAYS",
        help: "Days that the journal is kept",
    },
    Key {
        path: "systemd.ready",
        flag: None,
        variable: None,
        kind: Kind::Choice(&["start", "beat"]),
        fallback: Fallback::Value("start"),
        value_name: "start|beat",
        help: "When a systemd above hears that we are ready: at once, or with the first beat",
    },
    Key {
        path: "state_dir",
        flag: Some("state-dir"),
        variable: Some("AGENTWATCH_STATE_DIR"),
        kind: Kind::Path,
        fallback: Fallback::Open {
            words: "$STATE_DIRECTORY, as root /var/lib/agentwatch, else in your home",
            example: "/var/lib/agentwatch",
        },
        value_name: "DIR",
        help: "Where journals and memory are kept, a folder for each agent",
    },
];

mod alert;
mod cost;
mod report;
mod state;

#[cfg(test)]
mod tests;
