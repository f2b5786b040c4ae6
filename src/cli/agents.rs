//! Which agents the state directories know.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches};

use crate::config;
use crate::look;

pub use crate::look::{Agent, all};

use super::output::complain;
use super::{EXIT_FAILED, Failure};

/// The argument that names one agent.
#[must_use]
pub fn name_arg() -> Arg {
    Arg::new("name").value_name("NAME").help("The agent; all of them if not given")
}

/// The argument that names one agent or several.
#[must_use]
pub fn names_arg() -> Arg {
    Arg::new("name").value_name("NAME").num_args(1..).help("The agent, or several")
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
    let (mut agents, unreadable) = look::all_of(dirs);
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
        agents.sort();
        agents.dedup();
    }
    Ok((agents, !unreadable.is_empty()))
}

/// The agents that a command is about: those that were named, or all.
///
/// # Errors
/// The state directory cannot be read, or a named agent is not in it; it says where it looked.
pub fn chosen(matches: &ArgMatches, state_dir: &Path) -> Result<Vec<String>, Failure> {
    let all = all(state_dir).map_err(|error| {
        Failure::new(EXIT_FAILED, format_args!("{}: {error}", state_dir.display()))
    })?;
    let Some(names) = matches.get_many::<String>("name") else { return Ok(all) };
    let names: Vec<String> = names.cloned().collect();
    match names.iter().find(|name| !all.contains(name)) {
        None => Ok(names),
        Some(name) => Err(unknown(name, &all, &[state_dir.to_owned()])),
    }
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
