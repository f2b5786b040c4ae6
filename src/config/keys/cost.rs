//! The settings of `cost` and `loop`: what a runaway is, what may be spent, and what follows.

use super::{Fallback, Key, Kind};

/// No day of the fastest model uses more tokens.
const TOKENS_MAX: u64 = 1_000_000_000_000;

/// Their order is that of `--help`, of the template and of `check`. The defaults are SPEC §2's own numbers.
pub(super) const KEYS: [Key; 15] = [
    Key {
        path: "cost.rule",
        flag: None,
        variable: None,
        kind: Kind::Choice(&["record", "mean"]),
        fallback: Fallback::Value("record"),
        value_name: "record|mean",
        help: "A runaway must also beat the agent's own record of 30 days; mean: the factor is enough",
    },
    Key {
        path: "cost.loop_factor",
        flag: Some("loop-factor"),
        variable: None,
        // At once the usual every second cycle is above it.
        kind: Kind::Decimal { places: 2, min: 110, max: 100_000_000 },
        fallback: Fallback::Value("10"),
        value_name: "FACTOR",
        help: "A cycle of more than this many times the usual tokens is a runaway",
    },
    Key {
        path: "cost.window",
        flag: Some("loop-window"),
        variable: None,
        // What is kept of each cycle takes memory, and a mean of thousands follows nothing.
        kind: Kind::Count { min: 1, max: 1_000 },
        fallback: Fallback::Value("50"),
        value_name: "CYCLES",
        help: "The usual is the mean of so many cycles that were no runaways",
    },
    Key {
        path: "cost.warmup",
        flag: Some("loop-warmup"),
        variable: None,
        kind: Kind::Count { min: 1, max: 1_000 },
        fallback: Fallback::Value("5"),
        value_name: "CYCLES",
        help: "Nothing is a runaway before so many cycles are known",
    },
    Key {
        path: "cost.floor",
        flag: Some("loop-floor"),
        variable: None,
        kind: Kind::Decimal { places: 0, min: 0, max: TOKENS_MAX },
        fallback: Fallback::Value("1000"),
        value_name: "TOKENS",
        help: "A cycle of no more than this is never a runaway",
    },
    Key {
        path: "cost.on_loop",
        flag: Some("on-loop"),
        variable: None,
        kind: Kind::Choice(&["alert", "restart", "stop", "pause"]),
        fallback: Fallback::Value("alert"),
        value_name: "alert|restart|stop|pause",
        help: "What follows a runaway or another sign of a loop; stop and pause wait for a human",
    },
    Key {
        path: "cost.count_cache_reads",
        flag: None,
        variable: None,
        kind: Kind::Bool,
        fallback: Fallback::Value("false"),
        value_name: "BOOL",
        help: "Input that was read from a cache counts as tokens of a cycle",
    },
    Key {
        path: "cost.max_tokens_per_hour",
        flag: Some("max-tokens-per-hour"),
        variable: None,
        kind: Kind::Decimal { places: 0, min: 1, max: TOKENS_MAX },
        fallback: Fallback::Open { words: "no limit", example: "200000" },
        value_name: "TOKENS",
        help: "Budget of an hour of the clock",
    },
    Key {
        path: "cost.max_tokens_per_day",
        flag: Some("max-tokens-per-day"),
        variable: None,
        kind: Kind::Decimal { places: 0, min: 1, max: TOKENS_MAX },
        fallback: Fallback::Open { words: "no limit", example: "2000000" },
        value_name: "TOKENS",
        help: "Budget of a local day",
    },
    Key {
        path: "cost.max_usd_per_day",
        flag: Some("max-usd-per-day"),
        variable: None,
        // Billionths; a million USD a day is a mistyped unit.
        kind: Kind::Decimal { places: 9, min: 1, max: 1_000_000_000_000_000 },
        fallback: Fallback::Open { words: "no limit", example: "20" },
        value_name: "USD",
        help: "Budget of a local day in USD, where the cost is known",
    },
    Key {
        path: "cost.on_exceeded",
        flag: Some("on-exceeded"),
        variable: None,
        kind: Kind::Choice(&["alert", "restart", "stop", "park", "pause"]),
        fallback: Fallback::Value("alert"),
        value_name: "alert|restart|stop|park|pause",
        help: "What follows when a budget is exceeded; park: down until it is fresh",
    },
    Key {
        path: "cost.prices",
        flag: None,
        variable: None,
        kind: Kind::Path,
        fallback: Fallback::Open {
            words: "agentwatch's own table",
            example: "/etc/agentwatch/prices.toml",
        },
        value_name: "FILE",
        help: "What models cost, before agentwatch's own table: one like it, or LiteLLM's JSON",
    },
    Key {
        path: "loop.max_tool_calls_per_minute",
        flag: None,
        variable: None,
        kind: Kind::Decimal { places: 0, min: 1, max: TOKENS_MAX },
        fallback: Fallback::Open { words: "off", example: "60" },
        value_name: "COUNT",
        help: "More tool calls in a minute are a sign of a loop",
    },
    Key {
        path: "loop.max_same_message",
        flag: None,
        variable: None,
        // Once is no repetition.
        kind: Kind::Decimal { places: 0, min: 2, max: TOKENS_MAX },
        fallback: Fallback::Open { words: "off", example: "10" },
        value_name: "COUNT",
        help: "The same message in so many beats running is a sign of a loop",
    },
    Key {
        path: "loop.max_retries",
        flag: None,
        variable: None,
        kind: Kind::Decimal { places: 0, min: 1, max: TOKENS_MAX },
        fallback: Fallback::Open { words: "off", example: "10" },
        value_name: "COUNT",
        help: "So many beats of warning or error running, and nothing done, are a sign of a loop",
    },
];
