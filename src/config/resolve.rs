//! The layers and the defaults → one resolved configuration, each value with its origin.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;

use super::error::{ConfigError, Origin};
use super::files::{self, Found, Looked};
use super::keys::{Fallback, KEYS, Key};
use super::layers::{self, Gathered, Set, Surroundings};
use super::value::{self, Value};
use super::variables::Variables;
use super::{flags, name, rules};
use crate::core::settings::{OnEscalate, OnMissed, Policy, Settings, StopScope};
use crate::core::signal::Signal;

/// All that `run` has to know.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
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
    /// Whether stdout is looked through for beats.
    pub scan_stdout: bool,
    /// Whether that is only so because nobody said otherwise.
    pub scan_by_default: bool,
    /// What the agent reads from, absolute; none is our own stdin.
    pub stdin: Option<PathBuf>,
    /// Whether stderr goes through a pipe, so that last words reach evidence.
    pub capture_stderr: bool,
    /// Where a copy of the output is kept, if anywhere.
    pub log: Option<Log>,
    /// Days that the journal is kept; at least 1.
    pub keep_days: u32,
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
/// [`flags::state_dir_flags`]. Reads the files; their other keys are checked, too.
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

/// Resolves the configuration of `run` and `check` from matches that know [`flags::run_flags`] and
/// [`flags::command_arg`], and from files that are already read. Pure; the variables of `env_file` are
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
    let Gathered { settings, rules } = layers::gather(matches, around, &found)?;
    let mut chosen = Chosen(settings);
    let command = chosen.settle_command(matches, &found)?;
    let name_derived = chosen.settle_name(&command, &found)?;
    chosen.settle_state_dir(around)?;
    chosen.settle_rest(around)?;

    let source = chosen.word("heartbeat.source")?;
    let scan_by_default =
        matches!(chosen.0.get("heartbeat.source").map(|set| &set.origin), Some(Origin::Default));
    let mut settings = chosen.settings(source != "none", around)?;
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
        scan_stdout: matches!(source, "auto" | "stdout"),
        scan_by_default,
        stdin: chosen.input("stdin")?,
        capture_stderr: chosen.switch("output.capture_stderr")?,
        log: chosen.log()?,
        keep_days: chosen.count("journal.keep_days")?,
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
    /// The command that is typed, else that of the files; empty if nobody gives any.
    fn settle_command(
        &mut self,
        matches: &ArgMatches,
        found: &Found,
    ) -> Result<Vec<OsString>, ConfigError> {
        let typed = match found.agent {
            // The one word is its name.
            Some(_) => Vec::new(),
            None => flags::command(matches),
        };
        if !typed.is_empty() {
            let over = self.0.remove("command").map(Box::new);
            if over.is_some() {
                // It belongs to the command that is not run.
                self.0.remove("restart.command");
            }
            let shown: Vec<_> = typed.iter().map(|word| word.to_string_lossy()).collect();
            let (text, value) = (format!("{shown:?}"), Value::Command(typed.clone()));
            self.0.insert("command", Set { value, text, origin: Origin::CommandLine, over });
            return Ok(typed);
        }
        match self.maybe("command", Self::command)? {
            None if found.agent.is_some() => {
                let path = defined_by(found).to_owned();
                Err(ConfigError::NoCommand { path })
            }
            command => Ok(command.unwrap_or_default()),
        }
    }

    /// Says whether the name was derived.
    fn settle_name(&mut self, command: &[OsString], found: &Found) -> Result<bool, ConfigError> {
        let by_flag = matches!(self.0.get("name"), Some(Set { origin: Origin::Flag(_), .. }));
        if let Some(name) = found.agent.as_ref().filter(|_| !by_flag) {
            let origin = Origin::FileName(defined_by(found).to_owned());
            let over = self.0.remove("name").filter(|set| set.text != *name).map(Box::new);
            let (text, value) = (name.clone(), Value::Name(name.clone()));
            self.0.insert("name", Set { value, text, origin, over });
        }
        if self.0.contains_key("name") || command.is_empty() {
            return Ok(false);
        }
        let derived = name::derive(command).map_err(|error| match self.0.get("command") {
            Some(Set { origin: origin @ Origin::File { .. }, .. }) => {
                ConfigError::NameOfFile { origin: origin.clone(), error }
            }
            _ => ConfigError::Name(error),
        })?;
        let text = derived.name;
        let value = Value::Name(text.clone());
        self.0.insert("name", Set { value, text, origin: Origin::Derived, over: None });
        Ok(true)
    }

    fn settle_state_dir(&mut self, around: &Surroundings) -> Result<(), ConfigError> {
        if !self.0.contains_key("state_dir") {
            let (path, origin) = default_state_dir(around).ok_or(ConfigError::NoStateDir)?;
            let text = path.display().to_string();
            self.0.insert("state_dir", Set { value: Value::Path(path), text, origin, over: None });
        }
        Ok(())
    }

    fn settle_rest(&mut self, around: &Surroundings) -> Result<(), ConfigError> {
        for key in KEYS {
            let (text, origin) = match key.fallback {
                _ if self.0.contains_key(key.path) => continue,
                Fallback::Open { .. } => continue,
                Fallback::ByPid { as_pid1, .. } if around.is_pid1 => {
                    (as_pid1, Origin::DefaultBecause("as PID 1".to_owned()))
                }
                Fallback::Value(text) | Fallback::ByPid { usual: text, .. } => {
                    (text, Origin::Default)
                }
            };
            let read = value::from_text(key.kind, text.as_ref())
                .map_err(|_| ConfigError::Bug { key: key.path })?;
            self.0.insert(key.path, Set { value: read.value, text: read.text, origin, over: None });
        }
        Ok(())
    }

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
        })
    }

    fn log(&self) -> Result<Option<Log>, ConfigError> {
        if !self.0.contains_key("log.file") {
            return Ok(None);
        }
        let file = self.path("log.file")?;
        let max_size = match self.0.get("log.max_size").map(|set| &set.value) {
            Some(Value::Size(bytes)) => *bytes,
            _ => return Err(ConfigError::Bug { key: "log.max_size" }),
        };
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

    // One reader for each kind. That the table gives every key its kind is held by a test; here it
    // is an error and not a panic, because supervision must not die of a typo of ours.

    /// A value that may be left unset.
    fn maybe<T>(
        &self,
        key: &'static str,
        read: impl Fn(&Self, &'static str) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        self.0.contains_key(key).then(|| read(self, key)).transpose()
    }

    fn text(&self, key: &'static str) -> Result<String, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Name(text)) => Ok(text.clone()),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    fn duration(&self, key: &'static str) -> Result<Duration, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Duration(duration)) => Ok(*duration),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    fn count(&self, key: &'static str) -> Result<u32, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Count(count)) => Ok(*count),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    fn word(&self, key: &'static str) -> Result<&'static str, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Word(word)) => Ok(word),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    fn pick<T: Copy>(&self, key: &'static str, of: &[(&str, T)]) -> Result<T, ConfigError> {
        let word = self.word(key)?;
        let found = of.iter().find(|(name, _)| *name == word);
        found.map(|(_, picked)| *picked).ok_or(ConfigError::Bug { key })
    }

    fn signal(&self, key: &'static str, around: &Surroundings) -> Result<Signal, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Signal(signal)) => Ok(signal.here(around.macos)),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    fn path(&self, key: &'static str) -> Result<PathBuf, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Path(path)) => Ok(path.clone()),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    fn command(&self, key: &'static str) -> Result<Vec<OsString>, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Command(words)) => Ok(words.clone()),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    fn input(&self, key: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Word("inherit")) => Ok(None),
            _ => self.path(key).map(Some),
        }
    }

    fn switch(&self, key: &'static str) -> Result<bool, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Bool(on)) => Ok(*on),
            _ => Err(ConfigError::Bug { key }),
        }
    }
}

/// The file that defines the agent; the nearest, if several do.
fn defined_by(found: &Found) -> &str {
    let mut defines = found.sources.iter().filter(|source| source.defines);
    defines.next_back().map_or("its file", |source| source.shown.as_str())
}

/// Where agents of this user and of root are usually kept, whoever asks.
#[must_use]
pub fn usual_state_dirs(around: &Surroundings) -> Vec<PathBuf> {
    let root = PathBuf::from("/var/lib/agentwatch");
    let own = Surroundings { uid: u32::MAX, ..around.clone() };
    let own = default_state_dir(&own).map(|(path, _)| path);
    std::iter::once(root).chain(own).collect()
}

/// Where data is kept when nobody says (SPEC §2); none without a home.
fn default_state_dir(around: &Surroundings) -> Option<(PathBuf, Origin)> {
    let because = |words: &str| Origin::DefaultBecause(words.to_owned());
    // systemd gives a list with colons where a unit names several folders; the first is ours.
    let list = around.var("STATE_DIRECTORY").map(OsString::from);
    let first = list.as_deref().and_then(|list| std::env::split_paths(list).next());
    if let Some(path) = first.filter(|path| path.is_absolute()) {
        return Some((path, because("from $STATE_DIRECTORY")));
    }
    if around.uid == 0 {
        return Some((PathBuf::from("/var/lib/agentwatch"), because("as root")));
    }
    // Who sets it on macOS means it there, too.
    if let Some(folder) = around.folder("XDG_STATE_HOME") {
        return Some((folder.join("agentwatch"), because("from $XDG_STATE_HOME")));
    }
    let under = if around.macos { "Library/Application Support" } else { ".local/state" };
    let home = around.home.as_deref().filter(|home| home.is_absolute());
    home.map(|home: &Path| (home.join(under).join("agentwatch"), Origin::Default))
}

#[cfg(test)]
pub(super) mod tests;
