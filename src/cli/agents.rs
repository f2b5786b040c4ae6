//! Which agents the state directories know.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches};

use crate::config;
use crate::store::paths::Paths;

use super::output::complain;
use super::{EXIT_FAILED, Failure};

/// An agent and where it keeps its data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// The state directory.
    pub state_dir: PathBuf,
}

impl Agent {
    /// Its files.
    #[must_use]
    pub fn paths(&self) -> Paths {
        Paths::new(&self.state_dir, &self.name)
    }
}

/// The argument that names one agent.
#[must_use]
pub fn name_arg() -> Arg {
    Arg::new("name").value_name("NAME").help("The agent; all of them if not given")
}

/// The arguments of commands that look at several agents, also of several state directories.
#[must_use]
pub fn many_args() -> Vec<Arg> {
    let flags = config::state_dir_flags()
        .into_iter()
        .map(|arg| if arg.get_id() == "state_dir" { arg.action(ArgAction::Append) } else { arg });
    let names = Arg::new("name").value_name("NAME").num_args(0..);
    std::iter::once(names.help("The agents; all of them if not given")).chain(flags).collect()
}

/// The state directories of a command that [`many_args`] belong to.
///
/// # Errors
/// As [`super::run::state_dir`].
pub fn state_dirs(matches: &ArgMatches) -> Result<Vec<PathBuf>, Failure> {
    let first = super::run::state_dir(matches)?;
    let given = matches.try_get_many::<OsString>("state_dir").ok().flatten();
    let mut dirs = vec![first];
    for dir in given.into_iter().flatten().skip(1) {
        let dir = super::run::path_here(dir)?;
        if !dirs.contains(&dir) {
            dirs.push(dir);
        }
    }
    Ok(dirs)
}

/// The agents that a command of [`many_args`] is about: those that were named, or all. A directory that
/// cannot be read is said and hides no other; true if there was such a one.
///
/// # Errors
/// No directory can be read, or a named agent is in none of them; it says where it looked.
pub fn chosen_of(matches: &ArgMatches, dirs: &[PathBuf]) -> Result<(Vec<Agent>, bool), Failure> {
    let mut agents = Vec::new();
    let mut unreadable = Vec::new();
    for dir in dirs {
        match all(dir) {
            Ok(names) => {
                agents.extend(names.into_iter().map(|name| Agent { name, state_dir: dir.clone() }));
            }
            Err(error) => unreadable.push(format!("{}: {error}", dir.display())),
        }
    }
    if unreadable.len() == dirs.len() {
        return Err(Failure::new(EXIT_FAILED, unreadable.join("; ")));
    }
    for words in &unreadable {
        complain(words);
    }
    if let Some(names) = matches.get_many::<String>("name") {
        let mut chosen = Vec::new();
        for name in names {
            let before = chosen.len();
            chosen.extend(agents.iter().filter(|agent| agent.name == *name).cloned());
            if chosen.len() == before {
                let known: Vec<String> = agents.iter().map(|agent| agent.name.clone()).collect();
                return Err(unknown(name, &known, dirs));
            }
        }
        agents = chosen;
    }
    agents.sort();
    agents.dedup();
    Ok((agents, !unreadable.is_empty()))
}

/// The agents that a command is about: the one that was named, or all.
///
/// # Errors
/// The state directory cannot be read, or the named agent is not in it; it says where it looked.
pub fn chosen(matches: &ArgMatches, state_dir: &Path) -> Result<Vec<String>, Failure> {
    let all = all(state_dir).map_err(|error| {
        Failure::new(EXIT_FAILED, format_args!("{}: {error}", state_dir.display()))
    })?;
    let Some(name) = matches.get_one::<String>("name") else { return Ok(all) };
    if all.contains(name) {
        return Ok(vec![name.clone()]);
    }
    Err(unknown(name, &all, &[state_dir.to_owned()]))
}

/// The words for an agent that is not there.
fn unknown(name: &str, all: &[String], dirs: &[PathBuf]) -> Failure {
    let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    let known = match all {
        [] => "no agent has run there yet".to_owned(),
        all => format!("there are: {}", all.join(", ")),
    };
    Failure::new(EXIT_FAILED, format_args!("no agent {name} in {}; {known}", dirs.join(", ")))
}

/// Every agent of a state directory, by name. A directory that is not there has none.
pub fn all(state_dir: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(state_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        // Whatever else lies there is not ours, and may be called as it likes.
        let folder = entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_symlink());
        if !folder || !config::name::is_valid(&name) {
            continue;
        }
        let paths = Paths::new(state_dir, &name);
        // Of what we may not look into something is said later.
        let there = |path: PathBuf| path.try_exists().unwrap_or(true);
        if there(paths.state()) || there(paths.journal()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
