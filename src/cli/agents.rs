//! Which agents a state directory knows.

use std::io;
use std::path::Path;

use clap::{Arg, ArgMatches};

use crate::store::paths::Paths;

use super::{EXIT_FAILED, Failure};

/// The argument that names agents.
#[must_use]
pub fn name_arg() -> Arg {
    Arg::new("name").value_name("NAME").help("The agent; all of them if not given")
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
    Err(unknown(name, &all, state_dir))
}

/// The words for an agent that is not there.
#[must_use]
pub fn unknown(name: &str, all: &[String], state_dir: &Path) -> Failure {
    let dir = state_dir.display();
    let known = match all {
        [] => "no agent has run there yet".to_owned(),
        all => format!("there are: {}", all.join(", ")),
    };
    Failure::new(EXIT_FAILED, format_args!("no agent {name} in {dir}; {known}"))
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
        let Ok(name) = entry?.file_name().into_string() else { continue };
        let paths = Paths::new(state_dir, &name);
        if paths.state().exists() || paths.journal().exists() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
