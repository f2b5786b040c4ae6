//! `state.json`: the core's memory on disk. Its own type, so that no refactoring of the core changes
//! what older and newer versions can read.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::core::ending::Ending;
use crate::core::incident::Incidents;
use crate::core::memory::{Delay, DelayWhy, Latch, LatchWhy, Memory, Streak, Tree};
use crate::core::time::{LocalDay, Wall, millis};
use crate::core::usage::Counter;
use crate::core::validation::{Custody, StateFile};

use super::plain::{brief, plain};

/// The format that is written. It changes when an older agentwatch would misunderstand what is written: it
/// refuses what is newer. A field more or less is no other format.
pub const VERSION: u32 = 1;

/// Why a state cannot be used, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Torn, or no state at all.
    Torn(String),
    /// A newer agentwatch wrote it: it is whole, and not ours to replace.
    Newer(String),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Torn(words) | Self::Newer(words) => f.write_str(words),
        }
    }
}

/// Who the state belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The version of the agentwatch that wrote this; empty where that one did not say.
    #[serde(default)]
    pub agentwatch: String,
    /// The agent's name.
    pub name: String,
    /// Where it was started; undecodable bytes replaced.
    pub directory: String,
    /// The command as typed; undecodable bytes replaced.
    pub command: Vec<String>,
    /// The machine's boot during which this was written, where there is such a thing.
    pub boot_id: Option<String>,
    /// Where the agentwatch that wrote this listens for commands.
    #[serde(default)]
    pub control: Option<String>,
    /// The beat interval in force.
    #[serde(default)]
    pub interval_ms: u64,
    /// The misses in force.
    #[serde(default)]
    pub misses: u32,
    /// The failure that escalates.
    #[serde(default)]
    pub max_failures: u32,
    /// The number of the last line of the journal when this was written: what follows it is news.
    #[serde(default)]
    pub journal_seq: u64,
    /// What silence is judged by, and who says so.
    #[serde(default)]
    pub watch: Watch,
    /// Where a copy of the output is kept, if anywhere; undecodable bytes replaced.
    #[serde(default)]
    pub log: Option<String>,
    /// The state files, and how many copies of them are kept, for who looks after them by hand.
    #[serde(default, skip_serializing_if = "Custodian::is_none")]
    pub state_files: Custodian,
}

/// What silence is judged by besides interval and misses. Of an agentwatch that did not write it down
/// yet, nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    /// Whether beats are listened for.
    pub beats: bool,
    /// Where the interval comes from: `--interval`, `agentwatch.toml:3`, `default`.
    pub interval_from: String,
    /// Where the misses come from.
    pub misses_from: String,
    /// A first beat is demanded within this time, if that is configured.
    pub start_grace_ms: Option<u64>,
    /// Missed beats are said and nothing else is done.
    pub alert_only: bool,
    /// The most that a beat may ask for with `expect_next`.
    pub max_expect_ms: u64,
}

/// What is to be known to look after the state files of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Custodian {
    /// The files.
    pub files: Vec<StateFile>,
    /// How many sets are kept.
    pub keep: u32,
    /// The most bytes of all of them.
    pub max_bytes: u64,
}

impl Custodian {
    /// Whether there are none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.files.is_empty()
    }
}

#[derive(Serialize, Deserialize)]
struct State {
    version: u32,
    #[serde(flatten)]
    identity: Identity,
    incarnation: u32,
    tree: Option<TreeState>,
    last_start_ms: Option<i64>,
    cooldown_owed: bool,
    last_ending: Option<Ending>,
    streak: StreakState,
    day: i32,
    failures_of_day: u32,
    latch: Option<LatchState>,
    slowest_first_beat_ms: Option<u64>,
    trouble_since_ms: Option<i64>,
    /// Missing in what an older agentwatch wrote.
    #[serde(default)]
    tokens_total: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay: Option<DelayState>,
    #[serde(default)]
    unfinished: bool,
    #[serde(default)]
    paused: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    /// As it stands there: what is wrong in it costs the counters, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counters: Option<Box<RawValue>>,
    /// As it stands there: what is wrong in it costs what is known of the state files, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    custody: Option<Box<RawValue>>,
    /// As it stands there: what is wrong in it costs what is open, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    incidents: Option<Box<RawValue>>,
    /// As it stands there: what is wrong in it costs the ledger, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ledger: Option<Box<RawValue>>,
}

#[derive(Serialize, Deserialize)]
struct DelayState {
    #[serde(flatten)]
    why: DelayWhy,
    since_ms: i64,
    wait_ms: u64,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
    #[serde(default)]
    agentwatch: String,
}

#[derive(Serialize, Deserialize)]
struct TreeState {
    incarnation: u32,
    /// In hexadecimal, as in the mark; missing in what an older agentwatch wrote.
    #[serde(default)]
    run: Option<String>,
    pid: Option<i32>,
    start_time: Option<u64>,
    ended: bool,
}

#[derive(Serialize, Deserialize)]
struct StreakState {
    failures: u32,
    since_ms: Option<i64>,
    last_line: Option<String>,
    same_line: bool,
}

#[derive(Serialize, Deserialize)]
struct LatchState {
    since_ms: i64,
    failures: u32,
    #[serde(default)]
    why: LatchWhy,
}

/// The bytes of `state.json`.
///
/// # Errors
/// None that can happen with these types; passed on rather than hidden.
pub fn write(identity: &Identity, memory: &Memory) -> serde_json::Result<Vec<u8>> {
    let state = State {
        version: VERSION,
        identity: identity.clone(),
        incarnation: memory.incarnation,
        tree: memory.tree.as_ref().map(|tree| TreeState {
            incarnation: tree.incarnation,
            run: tree.run.map(|run| format!("{run:016x}")),
            pid: tree.pid,
            start_time: tree.start_time,
            ended: tree.ended,
        }),
        last_start_ms: memory.last_start.map(|wall| wall.0),
        cooldown_owed: memory.cooldown_owed,
        last_ending: memory.last_ending,
        streak: StreakState {
            failures: memory.streak.failures,
            since_ms: memory.streak.since.map(|wall| wall.0),
            last_line: memory.streak.last_line.clone(),
            same_line: memory.streak.same_line,
        },
        day: memory.day.0,
        failures_of_day: memory.failures_of_day,
        latch: memory.latch.as_ref().map(|&Latch { since, failures, why }| LatchState {
            since_ms: since.0,
            failures,
            why,
        }),
        slowest_first_beat_ms: memory.slowest_first_beat.map(millis),
        trouble_since_ms: memory.trouble_since.map(|wall| wall.0),
        tokens_total: memory.tokens.0,
        delay: memory.delay.map(|Delay { why, since, wait }| DelayState {
            why,
            since_ms: since.0,
            wait_ms: millis(wait),
        }),
        unfinished: memory.unfinished,
        paused: memory.paused,
        release: memory.release.clone(),
        counters: (!memory.counters.is_empty())
            .then(|| serde_json::value::to_raw_value(&memory.counters))
            .transpose()?,
        custody: (memory.custody != Custody::default())
            .then(|| serde_json::value::to_raw_value(&memory.custody))
            .transpose()?,
        incidents: (memory.incidents != Incidents::default())
            .then(|| serde_json::value::to_raw_value(&memory.incidents))
            .transpose()?,
        ledger: Some(serde_json::value::to_raw_value(&memory.ledger)?),
    };
    let mut bytes = serde_json::to_vec_pretty(&state)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn newer(found: &Version) -> String {
    /// Longer than any version is.
    const NAME_MAX: usize = 40;
    let (format, ours) = (found.version, env!("CARGO_PKG_VERSION"));
    let theirs = match plain(found.agentwatch.as_bytes()) {
        name if name.is_empty() || NAME_MAX < name.len() => "a newer agentwatch".to_owned(),
        name => format!("agentwatch {name}"),
    };
    format!(
        "state.json is of {theirs}, in format {format}; this is {ours}, which knows formats up to {VERSION}: \
         use the newer one"
    )
}

/// Reads `state.json`.
///
/// # Errors
/// What is wrong with it: torn, no JSON, or of another format.
pub fn read(bytes: &[u8]) -> Result<(Identity, Memory), Unfit> {
    let torn = |error: serde_json::Error| Unfit::Torn(brief(&error));
    // First, as another format may have other fields.
    let found: Version = serde_json::from_slice(bytes).map_err(torn)?;
    if VERSION < found.version {
        return Err(Unfit::Newer(newer(&found)));
    }
    if found.version != VERSION {
        return Err(Unfit::Torn(format!("format {}, and there is no such format", found.version)));
    }
    let state: State = serde_json::from_slice(bytes).map_err(torn)?;
    let memory = Memory {
        incarnation: state.incarnation,
        tree: state.tree.map(|tree| Tree {
            incarnation: tree.incarnation,
            run: tree.run.and_then(|run| u64::from_str_radix(&run, 16).ok()),
            pid: tree.pid,
            start_time: tree.start_time,
            ended: tree.ended,
        }),
        last_start: state.last_start_ms.map(Wall),
        cooldown_owed: state.cooldown_owed,
        last_ending: state.last_ending,
        streak: Streak {
            failures: state.streak.failures,
            since: state.streak.since_ms.map(Wall),
            last_line: state.streak.last_line,
            same_line: state.streak.same_line,
        },
        day: LocalDay(state.day),
        failures_of_day: state.failures_of_day,
        latch: state.latch.map(|LatchState { since_ms, failures, why }| Latch {
            since: Wall(since_ms),
            failures,
            why,
        }),
        slowest_first_beat: state.slowest_first_beat_ms.map(Duration::from_millis),
        trouble_since: state.trouble_since_ms.map(Wall),
        tokens: Counter(state.tokens_total),
        delay: state.delay.map(|DelayState { why, since_ms, wait_ms }| Delay {
            why,
            since: Wall(since_ms),
            wait: Duration::from_millis(wait_ms),
        }),
        unfinished: state.unfinished,
        paused: state.paused,
        release: state.release,
        counters: state
            .counters
            .and_then(|counters| serde_json::from_str(counters.get()).ok())
            .unwrap_or_default(),
        custody: state
            .custody
            .and_then(|custody| serde_json::from_str(custody.get()).ok())
            .unwrap_or_default(),
        incidents: state
            .incidents
            .and_then(|incidents| serde_json::from_str(incidents.get()).ok())
            .unwrap_or_default(),
        ledger: state
            .ledger
            .and_then(|ledger| serde_json::from_str(ledger.get()).ok())
            .unwrap_or_default(),
    };
    Ok((state.identity, memory))
}

#[cfg(test)]
mod tests;
