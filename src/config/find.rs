//! Which files a command line is about: those of every agent, or the definition of one. Reads them.

use std::ffi::OsStr;

use clap::ArgMatches;

use super::error::{ConfigError, Origin};
use super::files::{self, Found, Role, Wanted};
use super::layers::{self, Surroundings};
use super::resolve::{self, Resolved};
use super::variables::{self, Variables};
use super::{flags, suggest};

/// Where programs are when `PATH` is not set at all, as the C library has it.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Resolves the configuration of `run` and `check` from matches that know [`flags::run_flags`],
/// [`flags::command_arg`] and [`flags::dashes_arg`].
///
/// A single word is the name of an agent if one is defined by it, before it is a program: who wrote
/// `agents/claude.toml` means that, and what is installed tomorrow must not change what is run.
///
/// # Errors
/// Everything that [`files::read`], [`resolve::run_with`] and [`variables::parse`] refuse, and a single
/// word that is neither an agent nor a program.
pub fn run(matches: &ArgMatches, around: &Surroundings) -> Result<Resolved, ConfigError> {
    let wanted = layers::wanted(matches, around)?;
    let name = flags::single_word(matches);
    let defined = match &name {
        Some(name) => files::read(&layers::definitions(&wanted, name), around.uid)?,
        None => Found::default(),
    };
    let mut resolved = if defined.sources.is_empty() {
        let found = files::read(&wanted, around.uid)?;
        let found = Found { looked: [defined.looked, found.looked].concat(), ..found };
        resolve::run_with(matches, around, found)?
    } else {
        // An agent is the same wherever it is started from, so the file that happens to lie there does
        // not count.
        let shared: Vec<_> = wanted.iter().filter(|one| one.role != Role::Local).cloned().collect();
        let found = files::read(&shared, around.uid)?.and(defined);
        resolve::run_with(matches, around, Found { agent: name.clone(), ..found })?
    };
    resolved.variables = variables(&resolved)?;
    explain(matches, around, &wanted, &mut resolved)?;
    Ok(resolved)
}

/// The names of all agents that are defined in files, for matches that know [`flags::state_dir_flags`].
///
/// # Errors
/// Those of [`layers::wanted`].
pub fn defined(matches: &ArgMatches, around: &Surroundings) -> Result<Vec<String>, ConfigError> {
    let wanted = layers::wanted(matches, around)?;
    Ok(layers::folders_of_agents(&wanted).flat_map(|folder| files::defined(&folder)).collect())
}

/// Reads the variables for the agent.
fn variables(resolved: &Resolved) -> Result<Variables, ConfigError> {
    let value = resolved.values.iter().find(|value| value.key.path == "env_file");
    let Some((path, origin)) = value.and_then(|one| Some((one.value.as_ref()?, &one.origin)))
    else {
        return Ok(Variables::default());
    };
    let fail = |place: String, words: String| {
        Err(ConfigError::Variables { origin: origin.clone(), place, words })
    };
    match files::read_variables(path.as_ref()) {
        Ok(text) => variables::parse(&text)
            .or_else(|torn| fail(format!("{path}:{}", torn.line), torn.words.to_owned())),
        Err(fault) => fail(path.clone(), fault.words_for_variables()),
    }
}

/// Says what a bare word was taken for, where it could have been something else; or that it is nothing.
fn explain(
    matches: &ArgMatches,
    around: &Surroundings,
    wanted: &[Wanted],
    resolved: &mut Resolved,
) -> Result<(), ConfigError> {
    let Some(word) = flags::first_word(matches) else { return Ok(()) };
    let path = resolved.variables.get("PATH").map(OsStr::new).or_else(|| around.var("PATH"));
    let is_program = || files::is_program(&word, path.unwrap_or(DEFAULT_PATH.as_ref()));
    let single = flags::single_word(matches).is_some();
    let by_name = resolved.values.iter().find_map(|value| match &value.origin {
        Origin::File { path, .. } | Origin::FileName(path) if value.key.path == "command" => {
            Some(path)
        }
        _ => None,
    });
    if let (true, Some(path)) = (single, by_name) {
        // Who wraps a program under its own name has not mistaken the one for the other.
        let wraps = resolved.command.first().is_some_and(|program| *program == *word)
            || resolved.command.get(2).is_some_and(|line| {
                line.to_string_lossy().split_whitespace().next() == Some(word.as_str())
            });
        if !wraps && is_program() {
            resolved.notes.push(format!(
                "as defined in {path}; for the program of that name: agentwatch run -- {word}"
            ));
        }
    } else if single && !is_program() {
        let folders: Vec<_> = layers::folders_of_agents(wanted).collect();
        let known = defined(matches, around)?;
        let meant = suggest::nearest(&word, known.iter().map(String::as_str)).map(str::to_owned);
        let folders = folders.iter().map(|folder| folder.display().to_string()).collect();
        return Err(ConfigError::NeitherProgramNorAgent { name: word, folders, meant });
    } else if !single && flags::command(matches).len() > 1 {
        let defined = layers::definitions(wanted, &word).into_iter().find(|one| one.path.is_file());
        if let Some(defined) = defined.filter(|_| !is_program()) {
            return Err(ConfigError::AgentWithArguments { name: word, path: defined.shown });
        }
    }
    Ok(())
}
