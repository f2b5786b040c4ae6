//! What was chosen for each key: the layers, then what is worked out, then the defaults. Pure.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;

use super::super::error::{ConfigError, Origin};
use super::super::files::Found;
use super::super::keys::{Fallback, KEYS};
use super::super::layers::{Set, Surroundings};
use super::super::value::{self, Value};
use super::super::{flags, name};
use super::Chosen;
use crate::core::signal::Signal;

impl Chosen {
    /// The command that is typed, else that of the files; empty if nobody gives any.
    pub(super) fn settle_command(
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
    pub(super) fn settle_name(
        &mut self,
        command: &[OsString],
        found: &Found,
    ) -> Result<bool, ConfigError> {
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
        let derived = name::derive(command).and_then(|derived| {
            let reserved = name::is_reserved(&derived.name);
            if reserved {
                Err(name::NameError::Reserved { name: derived.name })
            } else {
                Ok(derived)
            }
        });
        let derived = derived.map_err(|error| match self.0.get("command") {
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

    pub(super) fn settle_state_dir(&mut self, around: &Surroundings) -> Result<(), ConfigError> {
        if !self.0.contains_key("state_dir") {
            let (path, origin) = default_state_dir(around).ok_or(ConfigError::NoStateDir)?;
            let text = path.display().to_string();
            self.0.insert("state_dir", Set { value: Value::Path(path), text, origin, over: None });
        }
        Ok(())
    }

    pub(super) fn settle_rest(&mut self, around: &Surroundings) -> Result<(), ConfigError> {
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

    // One reader for each kind. That the table gives every key its kind is held by a test; here it
    // is an error and not a panic, because supervision must not die of a typo of ours.

    /// A value that may be left unset.
    pub(super) fn maybe<T>(
        &self,
        key: &'static str,
        read: impl Fn(&Self, &'static str) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        self.0.contains_key(key).then(|| read(self, key)).transpose()
    }

    pub(super) fn text(&self, key: &'static str) -> Result<String, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Name(text)) => Ok(text.clone()),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    pub(super) fn duration(&self, key: &'static str) -> Result<Duration, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Duration(duration)) => Ok(*duration),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    pub(super) fn count(&self, key: &'static str) -> Result<u32, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Count(count)) => Ok(*count),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    pub(super) fn word(&self, key: &'static str) -> Result<&'static str, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Word(word)) => Ok(word),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    pub(super) fn pick<T: Copy>(
        &self,
        key: &'static str,
        of: &[(&str, T)],
    ) -> Result<T, ConfigError> {
        let word = self.word(key)?;
        let found = of.iter().find(|(name, _)| *name == word);
        found.map(|(_, picked)| *picked).ok_or(ConfigError::Bug { key })
    }

    pub(super) fn signal(
        &self,
        key: &'static str,
        around: &Surroundings,
    ) -> Result<Signal, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Signal(signal)) => Ok(signal.here(around.macos)),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    pub(super) fn path(&self, key: &'static str) -> Result<PathBuf, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Path(path)) => Ok(path.clone()),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    pub(super) fn command(&self, key: &'static str) -> Result<Vec<OsString>, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Command(words)) => Ok(words.clone()),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    pub(super) fn input(&self, key: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Word("inherit")) => Ok(None),
            _ => self.path(key).map(Some),
        }
    }

    pub(super) fn size(&self, key: &'static str) -> Result<u64, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            Some(Value::Size(bytes)) => Ok(*bytes),
            _ => Err(ConfigError::Bug { key }),
        }
    }

    pub(super) fn switch(&self, key: &'static str) -> Result<bool, ConfigError> {
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

/// Where data is kept when nobody says (SPEC §2); none without a home.
pub(super) fn default_state_dir(around: &Surroundings) -> Option<(PathBuf, Origin)> {
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
