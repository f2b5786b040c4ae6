//! The layers and the defaults → one resolved configuration, each value with its origin.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;

use super::error::{ConfigError, Origin};
use super::files::{self, Found, Looked};
use super::keys::{KEYS, Key};
use super::layers::{self, Gathered, Set, Surroundings};
use super::rules;
use super::sinks;
use super::variables::Variables;
use crate::core::outer::ReadyAt;
use crate::core::settings::{OnEscalate, OnMissed, Policy, Settings, StopScope};
use crate::core::validation::StateFile;
use crate::wire::preset::reader;

/// All that `run` has to know.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What decisions depend on.
    pub settings: Settings,
    /// The name of the agent; empty only without a command and without a name (`check` alone).
    pub name: String,
    /// Whether the name was worked out from the command, and may clash with a stranger's.
    pub name_derived: bool,
    /// The command and its arguments; empty only for `check` alone.
    pub command: Vec<OsString>,
    /// The command for restarts, if it is another.
    pub restart_command: Option<Vec<OsString>>,
    /// Where all agents keep their data, absolute.
    pub state_dir: PathBuf,
    /// Where beats come from.
    pub source: BeatSource,
    /// Whether that is only so because nobody said otherwise.
    pub source_by_default: bool,
    /// What the agent reads from, absolute; none is our own stdin.
    pub stdin: Option<PathBuf>,
    /// How its output is read.
    pub preset: reader::Choice,
    /// Whether stderr goes through a pipe, so that last words reach evidence.
    pub capture_stderr: bool,
    /// Where a copy of the output is kept, if anywhere.
    pub log: Option<Log>,
    /// Days that the journal is kept; at least 1.
    pub keep_days: u32,
    /// A table of prices that goes before our own, absolute.
    pub prices: Option<PathBuf>,
    /// The files that hold the agent's state.
    pub state_files: Vec<StateFile>,
    /// What is asked whether the state is valid.
    pub hook: Option<Vec<OsString>>,
    /// Snapshots that are kept; at least 1.
    pub keep_snapshots: u32,
    /// The most that all of them may take, in bytes.
    pub max_snapshot_bytes: u64,
    /// When a supervisor above us hears that we are ready.
    pub ready_at: ReadyAt,
    /// How people are told.
    pub alert: Alerts,
    /// Where reports are sent.
    pub report_to: Vec<sinks::Written>,
    /// Where the agent is started, absolute; none is our own working directory.
    pub cwd: Option<PathBuf>,
    /// Variables for the agent alone.
    pub variables: Variables,
    /// The restart rules, as they are in [`Settings`], with the place of each.
    pub rules: Vec<rules::WrittenRule>,
    /// Every file that was looked for, in that order.
    pub looked: Vec<Looked>,
    /// One for each key, in the order of [`KEYS`].
    pub values: Vec<Effective>,
    /// What a person should know at start, one line each.
    pub notes: Vec<String>,
}

/// Where beats come from (SPEC §2, `heartbeat.source`). `agentwatch beat` is heard with all but `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeatSource {
    /// stdout, the FIFO and the notify socket.
    Auto,
    /// Lines on stdout.
    Stdout,
    /// The FIFO and the notify socket; stdout is handed over untouched.
    Pipe,
    /// Any output is a sign of life.
    Output,
    /// Nowhere: only exits are watched.
    None,
}

/// The words for them.
const SOURCES: [(&str, BeatSource); 5] = [
    ("auto", BeatSource::Auto),
    ("stdout", BeatSource::Stdout),
    ("pipe", BeatSource::Pipe),
    ("output", BeatSource::Output),
    ("none", BeatSource::None),
];

impl BeatSource {
    /// Whether stdout is looked through.
    #[must_use]
    pub fn scans_stdout(self) -> bool {
        matches!(self, Self::Auto | Self::Stdout | Self::Output)
    }

    /// Whether the child gets a FIFO and a notify socket.
    #[must_use]
    pub fn has_roads(self) -> bool {
        matches!(self, Self::Auto | Self::Pipe)
    }

    /// Whether output of any kind is a sign of life.
    #[must_use]
    pub fn counts_output(self) -> bool {
        self == Self::Output
    }
}

/// The copy of an agent's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The file, absolute.
    pub file: PathBuf,
    /// The size beyond which it is put aside, in bytes.
    pub max_size: u64,
    /// How many that were put aside are kept.
    pub keep: u32,
}

/// What holds for one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Which key.
    pub key: &'static Key,
    /// The value as one would write it; none if it is unset.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// What it won over, the next best first.
    pub over: Vec<(String, Origin)>,
}

/// Where agents are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    /// The folder, absolute.
    pub path: PathBuf,
    /// Who says so.
    pub origin: Origin,
    /// What a person should know, one line each.
    pub notes: Vec<String>,
}

/// Resolves where agents keep their data, for commands whose matches know
/// [`super::flags::state_dir_flags`]. Reads the files; their other keys are checked, too.
///
/// # Errors
/// Everything that [`files::read`] and [`state_dir_with`] refuse.
pub fn state_dir(matches: &ArgMatches, around: &Surroundings) -> Result<StateDir, ConfigError> {
    state_dir_with(matches, around, files::read(&layers::wanted(matches, around)?, around.uid)?)
}

/// As [`state_dir`], from files that are already read. Pure.
///
/// # Errors
/// What is unknown or wrong in any layer, or no place at all to keep data.
pub fn state_dir_with(
    matches: &ArgMatches,
    around: &Surroundings,
    found: Found,
) -> Result<StateDir, ConfigError> {
    let mut chosen = Chosen(layers::gather(matches, around, &found)?.settings);
    chosen.settle_state_dir(around)?;
    let path = chosen.path("state_dir")?;
    let origin = chosen.0.remove("state_dir").map_or(Origin::Default, |set| set.origin);
    Ok(StateDir { path, origin, notes: found.notes })
}

/// Resolves the configuration of `run` and `check` from matches that know [`super::flags::run_flags`] and
/// [`super::flags::command_arg`], and from files that are already read. Pure; the variables of `env_file` are
/// still to be filled in.
///
/// # Errors
/// What is unknown or wrong in any layer, a command that gives no name where none is set, a definition
/// without a command, or no place at all to keep data.
pub fn run_with(
    matches: &ArgMatches,
    around: &Surroundings,
    found: Found,
) -> Result<Resolved, ConfigError> {
    let Gathered { settings, mut rules, presets } = layers::gather(matches, around, &found)?;
    let mut chosen = Chosen(settings);
    let command = chosen.settle_command(matches, &found)?;
    let name_derived = chosen.settle_name(&command, &found)?;
    chosen.settle_state_dir(around)?;
    chosen.settle_rest(around)?;
    let preset = chosen.settle_preset(&presets, around)?;
    if let preset::Picked::Named(named) = &preset {
        rules.extend_from_slice(named.rules());
    }

    let source = chosen.pick("heartbeat.source", &SOURCES)?;
    let source_by_default =
        matches!(chosen.0.get("heartbeat.source").map(|set| &set.origin), Some(Origin::Default));
    let state_files = chosen.state_files(around)?;
    let mut settings = chosen.settings(source != BeatSource::None, around)?;
    // Of whom nobody reads a line, none is expected.
    settings.preset = preset.name().filter(|_| source.scans_stdout());
    settings.rules = rules.iter().map(|rule| rule.here(around.macos)).collect();
    let mut notes = found.notes;
    if settings.max_failures > settings.max_failures_per_day {
        notes.push(format!(
            "restart.max_failures = {} is never reached in one day: \
             restart.max_failures_per_day = {} escalates first",
            settings.max_failures, settings.max_failures_per_day
        ));
    }
    Ok(Resolved {
        settings,
        name: chosen.0.get("name").map(|set| set.text.clone()).unwrap_or_default(),
        name_derived,
        command,
        restart_command: chosen.maybe("restart.command", Chosen::command)?,
        state_dir: chosen.path("state_dir")?,
        source,
        source_by_default,
        stdin: chosen.input("stdin")?,
        preset: preset.choice(&presets, around.macos),
        capture_stderr: chosen.switch("output.capture_stderr")?,
        log: chosen.log()?,
        keep_days: chosen.count("journal.keep_days")?,
        prices: chosen.maybe("cost.prices", Chosen::path)?,
        state_files,
        hook: chosen.maybe("state.validate", Chosen::command)?,
        keep_snapshots: chosen.count("state.keep")?,
        max_snapshot_bytes: chosen.size("state.max_bytes")?,
        ready_at: chosen
            .pick("systemd.ready", &[("start", ReadyAt::Start), ("beat", ReadyAt::Beat)])?,
        alert: chosen.alerts()?,
        report_to: chosen.sinks("report.to")?,
        cwd: chosen.maybe("cwd", Chosen::path)?,
        variables: Variables::default(),
        rules,
        looked: found.looked,
        values: chosen.values(),
        notes,
    })
}

/// What was chosen for each key so far, by its path.
struct Chosen(BTreeMap<&'static str, Set>);

impl Chosen {
    fn settings(&self, beats: bool, around: &Surroundings) -> Result<Settings, ConfigError> {
        Ok(Settings {
            beats,
            interval: self.duration("heartbeat.interval")?,
            misses: self.count("heartbeat.misses")?,
            start_grace: self.maybe("heartbeat.start_grace", Self::duration)?,
            on_missed: self.pick(
                "heartbeat.on_missed",
                &[("restart", OnMissed::Restart), ("alert", OnMissed::Alert)],
            )?,
            max_expect: self.duration("heartbeat.max_expect")?,
            progress_within: match self.0.get("heartbeat.progress_within") {
                Some(_) => Some(self.duration("heartbeat.progress_within")?),
                None => None,
            },
            on_stalled: self.pick(
                "heartbeat.on_stalled",
                &[("restart", OnMissed::Restart), ("alert", OnMissed::Alert)],
            )?,
            policy: self.pick(
                "restart.policy",
                &[
                    ("auto", Policy::Auto),
                    ("always", Policy::Always),
                    ("on-failure", Policy::OnFailure),
                    ("never", Policy::Never),
                ],
            )?,
            cooldown: self.duration("restart.cooldown")?,
            max_failures: self.count("restart.max_failures")?,
            max_failures_per_day: self.count("restart.max_failures_per_day")?,
            reset_after: self.duration("restart.reset_after")?,
            on_escalate: self.pick(
                "restart.on_escalate",
                &[("exit", OnEscalate::Exit), ("hold", OnEscalate::Hold)],
            )?,
            stop_signal: self.signal("stop.signal", around)?,
            stop_scope: self
                .pick("stop.scope", &[("group", StopScope::Group), ("child", StopScope::Child)])?,
            stop_timeout: self.duration("stop.timeout")?,
            shutdown_grace: self.duration("stop.shutdown_grace")?,
            rules: Vec::new(),
            repeat: self.maybe("restart.repeat", Self::duration)?,
            max_run: self.maybe("restart.max_run", Self::duration)?,
            release: self.maybe("release", Self::text)?,
            preset: None,
            limits: self.limits()?,
            validation: self.validation()?,
            alerting: self.alerting(&self.alerts()?)?,
            morning: self.morning()?,
        })
    }

    fn log(&self) -> Result<Option<Log>, ConfigError> {
        if !self.0.contains_key("log.file") {
            return Ok(None);
        }
        let file = self.path("log.file")?;
        let max_size = self.size("log.max_size")?;
        Ok(Some(Log { file, max_size, keep: self.count("log.keep")? }))
    }

    fn values(&self) -> Vec<Effective> {
        KEYS.iter()
            .map(|key| {
                let set = self.0.get(key.path);
                let origin = set.map_or(Origin::Default, |set| set.origin.clone());
                let below = std::iter::successors(set.and_then(|set| set.over.as_ref()), |set| {
                    set.over.as_ref()
                });
                let over = below.map(|set| (set.text.clone(), set.origin.clone())).collect();
                Effective { key, value: set.map(|set| set.text.clone()), origin, over }
            })
            .collect()
    }
}

/// Where agents of this user and of root are usually kept, whoever asks.
#[must_use]
pub fn usual_state_dirs(around: &Surroundings) -> Vec<PathBuf> {
    let root = PathBuf::from("/var/lib/agentwatch");
    let own = Surroundings { uid: u32::MAX, ..around.clone() };
    let own = chosen::default_state_dir(&own).map(|(path, _)| path);
    std::iter::once(root).chain(own).collect()
}

mod alert;
mod chosen;
mod limits;
mod morning;
mod preset;
mod validation;

pub use alert::Alerts;

#[cfg(test)]
pub(super) mod tests;
