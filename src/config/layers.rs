//! Flag over environment over file over default: gathers what each layer sets. Pure.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use super::error::{ConfigError, Origin};
use super::files::{Found, Role, Wanted};
use super::keys::{KEYS, Key, Kind, OPT_PREFIX, opt_variable};
use super::value::{self, Fault, Read, Value};
use super::{document, flags, presets, rules, sinks, statefiles, suggest};
use crate::core::rule::RULES_MAX;

/// What agentwatch finds around itself, taken once at start.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The environment; an empty value counts as unset.
    pub vars: BTreeMap<OsString, OsString>,
    /// The working directory, absolute.
    pub cwd: PathBuf,
    /// The user's home, by `HOME` or the user database; none if nobody knows it.
    pub home: Option<PathBuf>,
    /// The effective user; 0 is root.
    pub uid: u32,
    /// Whether agentwatch is the init of a container.
    pub is_pid1: bool,
    /// Whether stdin is a terminal.
    pub at_terminal: bool,
    /// Whether folders and signal numbers are those of macOS.
    pub macos: bool,
}

impl Surroundings {
    /// The variable `name`, if it is set and not empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.vars.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// A variable that holds a folder; the XDG specification says to ignore relative ones.
    #[must_use]
    pub fn folder(&self, name: &str) -> Option<&Path> {
        self.var(name).map(Path::new).filter(|path| path.is_absolute())
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// What it means; paths are absolute.
    pub value: Value,
    /// The text that stands for it.
    pub text: String,
    /// The layer that won.
    pub origin: Origin,
    /// What it won over.
    pub over: Option<Box<Set>>,
}

/// What all layers together set; defaults are not among it.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Settings by the path of their key.
    pub settings: BTreeMap<&'static str, Set>,
    /// Restart rules, those of the layer that counts most first.
    pub rules: Vec<rules::WrittenRule>,
    /// Presets, those of the layer that counts most first.
    pub presets: Vec<presets::Written>,
}

/// The files to look for, lowest layer first: the one that is named, or the three places.
///
/// # Errors
/// An empty `--config`, or one under a home that nobody knows.
pub fn wanted(matches: &ArgMatches, around: &Surroundings) -> Result<Vec<Wanted>, ConfigError> {
    let opt = opt_variable(flags::CONFIG);
    let by_variable = || {
        [opt.as_str(), "AGENTWATCH_CONFIG"]
            .into_iter()
            .find_map(|name| Some((around.var(name)?, Origin::Env(name.to_owned()))))
    };
    let named = flags::given(matches, flags::CONFIG)
        .map(|file| (file, Origin::Flag(format!("--{}", flags::CONFIG))))
        .or_else(by_variable);
    if let Some((file, origin)) = named {
        let shown = file.to_string_lossy().into_owned();
        let fail = |fault| ConfigError::Value {
            origin: origin.clone(),
            key: flags::CONFIG,
            written: shown.clone(),
            fault,
        };
        if file.is_empty() {
            return Err(fail(Fault::EmptyPath));
        }
        let path = absolute(Path::new(file), &around.cwd, around).map_err(fail)?;
        return Ok(vec![Wanted { path, shown: shown.clone(), role: Role::Named }]);
    }
    let shared = shared_folders(around).into_iter().map(|folder| {
        let path = folder.join("agentwatch.toml");
        Wanted { shown: path.display().to_string(), path, role: Role::Shared }
    });
    let shown = "agentwatch.toml".to_owned();
    let local = Wanted { path: around.cwd.join(&shown), shown, role: Role::Local };
    Ok(shared.chain([local]).collect())
}

/// Where the administrator's and the user's files are, lowest layer first.
fn shared_folders(around: &Surroundings) -> Vec<PathBuf> {
    let home = around.home.as_deref();
    let customary =
        home.filter(|_| around.macos).map(|home| home.join("Library/Application Support"));
    let user = around
        .folder("XDG_CONFIG_HOME")
        .map(Path::to_owned)
        .or_else(|| home.map(|home| home.join(".config")));
    let all = [Some(PathBuf::from("/etc")), customary, user];
    all.into_iter().flatten().map(|folder| folder.join("agentwatch")).collect()
}

/// The definitions of the agent `name`, beside the files of `wanted` that are not local.
#[must_use]
pub fn definitions(wanted: &[Wanted], name: &str) -> Vec<Wanted> {
    folders_of_agents(wanted)
        .map(|folder| {
            let path = folder.join(format!("{name}.toml"));
            Wanted { shown: path.display().to_string(), path, role: Role::Agent }
        })
        .collect()
}

/// Where agents are defined, lowest layer first.
pub fn folders_of_agents(wanted: &[Wanted]) -> impl Iterator<Item = PathBuf> {
    let shared = wanted.iter().filter(|one| one.role != Role::Local);
    shared.filter_map(|one| one.path.parent()).map(|folder| folder.join("agents"))
}

/// Gathers what all layers set.
///
/// # Errors
/// Whatever is unknown or wrong in any layer, also where a higher one overrides it: it would come
/// to light on the day the higher one goes.
pub fn gather(
    matches: &ArgMatches,
    around: &Surroundings,
    found: &Found,
) -> Result<Gathered, ConfigError> {
    let mut gathered = Gathered::default();
    let settings = &mut gathered.settings;
    for source in &found.sources {
        let parsed = document::parse(&source.text, &source.shown)?;
        for entry in parsed.entries {
            if source.defines {
                refuse_elsewhere(&entry, found.agent.as_deref())?;
            }
            insert(settings, entry.key, entry.read, entry.origin, &source.folder, around)?;
        }
        // The first that matches decides, so what is nearer to the agent is asked first.
        gathered.rules.splice(..0, parsed.rules);
        gathered.presets.splice(..0, parsed.presets);
        if let Some(one_too_many) = gathered.rules.get(RULES_MAX) {
            return Err(rules::too_many(one_too_many.origin.clone()));
        }
    }
    // Most have none of them, and every launch would pay for making twenty names.
    let prefixed =
        around.vars.keys().any(|name| name.as_encoded_bytes().starts_with(OPT_PREFIX.as_bytes()));
    if prefixed {
        refuse_unknown_variables(around)?;
    }
    for key in KEYS {
        let opt = prefixed.then(|| key.opt_variable()).flatten();
        // The customary name first, so that the one meant for agentwatch alone wins.
        for name in key.variable.into_iter().chain(opt.as_deref()) {
            if let Some(written) = around.var(name) {
                set(settings, key, written, Origin::Env(name.to_owned()), around)?;
            }
        }
    }
    for key in KEYS {
        if matches!(key.kind, Kind::Files | Kind::Sinks) {
            set_several(settings, key, matches, around)?;
        } else if let (Some(flag), Some(written)) = (key.flag, flags::given(matches, key.path)) {
            set(settings, key, written, Origin::Flag(format!("--{flag}")), around)?;
        }
    }
    Ok(gathered)
}

/// Sets what a flag says that may be given several times.
fn set_several(
    settings: &mut BTreeMap<&'static str, Set>,
    key: &'static Key,
    matches: &ArgMatches,
    around: &Surroundings,
) -> Result<(), ConfigError> {
    let all = flags::given_all(matches, key.path);
    if all.is_empty() {
        return Ok(());
    }
    let origin = Origin::Flag(format!("--{}", key.flag.unwrap_or(key.path)));
    let read = match key.kind {
        Kind::Sinks => sinks::from_flags(all.into_iter()),
        _ => statefiles::from_flags(all.into_iter()),
    };
    match read {
        Ok(read) => insert(settings, key, read, origin, &around.cwd, around),
        Err((written, fault)) => Err(ConfigError::Value { origin, key: key.path, written, fault }),
    }
}

/// What would have an agent not found again under the name of its file.
fn refuse_elsewhere(entry: &document::Entry, agent: Option<&str>) -> Result<(), ConfigError> {
    let fault = match entry.key.path {
        "name" if agent.is_some_and(|agent| agent != entry.read.text) => Fault::NamedByFile,
        "state_dir" => Fault::ForAllAgents,
        _ => return Ok(()),
    };
    let (origin, written) = (entry.origin.clone(), format!("{:?}", entry.read.text));
    Err(ConfigError::Value { origin, key: entry.key.path, written, fault })
}

fn set(
    settings: &mut BTreeMap<&'static str, Set>,
    key: &'static Key,
    written: &OsStr,
    origin: Origin,
    around: &Surroundings,
) -> Result<(), ConfigError> {
    match value::from_text(key.kind, written) {
        Ok(read) => insert(settings, key, read, origin, &around.cwd, around),
        Err(fault) => {
            let written = if key.kind.is_secret() {
                sinks::hidden(&written.to_string_lossy())
            } else {
                written.to_string_lossy().into_owned()
            };
            Err(ConfigError::Value { origin, key: key.path, written, fault })
        }
    }
}

fn insert(
    settings: &mut BTreeMap<&'static str, Set>,
    key: &'static Key,
    read: Read,
    origin: Origin,
    folder: &Path,
    around: &Surroundings,
) -> Result<(), ConfigError> {
    let Read { mut value, mut text } = read;
    if let Value::Path(path) = &value {
        let path = match absolute(path, folder, around) {
            Ok(path) => path,
            Err(fault) => {
                return Err(ConfigError::Value { origin, key: key.path, written: text, fault });
            }
        };
        text = path.display().to_string();
        value = Value::Path(path);
    }
    let over = settings.remove(key.path).map(Box::new);
    settings.insert(key.path, Set { value, text, origin, over });
    Ok(())
}

/// `path` seen from `folder`. A leading `~/` is the home: no shell expands it in a file, and few
/// in `--state-dir=~/x`, where it would become a folder named `~`.
pub(crate) fn absolute(
    path: &Path,
    folder: &Path,
    around: &Surroundings,
) -> Result<PathBuf, Fault> {
    let path = match path.strip_prefix("~") {
        Ok(rest) => around.home.as_ref().ok_or(Fault::NoHome)?.join(rest),
        Err(_) => folder.join(path),
    };
    // Drops "." and doubled slashes; ".." stays, since only the file system knows what it means.
    Ok(path.components().collect())
}

fn refuse_unknown_variables(around: &Surroundings) -> Result<(), ConfigError> {
    let known: Vec<String> =
        KEYS.iter().filter_map(Key::opt_variable).chain([opt_variable(flags::CONFIG)]).collect();
    let unknown = around
        .vars
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, _)| name.to_string_lossy())
        .find(|name| name.starts_with(OPT_PREFIX) && !known.iter().any(|known| known == name));
    let Some(name) = unknown else { return Ok(()) };
    // The prefix is left out of the comparison: being long, it would make everything near.
    let written = name.strip_prefix(OPT_PREFIX).unwrap_or(&name);
    let meant = suggest::nearest(written, known.iter().filter_map(|k| k.strip_prefix(OPT_PREFIX)));
    let meant = meant.map(|meant| format!("{OPT_PREFIX}{meant}"));
    Err(ConfigError::UnknownVariable { name: name.into_owned(), meant })
}
