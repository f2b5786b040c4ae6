//! `agentwatch init HOME -- COMMAND`: a unit, an image, a manifest or a configuration for an agent.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::keys::KEYS;
use crate::config::{self, Resolved, flags};
use crate::homes::{Agent, Written, definition, docker, kubernetes, launchd, systemd};
use crate::sys::{host, program};

use super::output::print;
use super::{EXIT_FAILED, EXIT_USAGE, Failure, Outcome};

/// Writes one kind of home.
type Write = fn(&Agent) -> Written;

/// What can be written, and by whom.
const HOMES: [(&str, Write); 6] = [
    ("systemd", systemd::unit),
    ("docker", docker::image),
    ("compose", docker::compose),
    ("launchd", launchd::plist),
    ("kubernetes", kubernetes::manifest),
    ("config", definition::file),
];

/// The definition.
pub fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    Command::new("init")
        .about("Write a unit, image, manifest or configuration for an agent, each line with what it is for")
        .arg(
            Arg::new("home")
                .value_name("systemd|docker|compose|launchd|kubernetes|config")
                .required(true)
                .value_parser(PossibleValuesParser::new(HOMES.map(|(name, _)| name)))
                .hide_possible_values(true)
                .help("Where the agent is to live"),
        )
        .arg(flag("user", "For a user's own systemd or launchd, without root"))
        .arg(
            Arg::new("output")
                .long("output")
                .value_name("DIR")
                .value_parser(OsStringValueParser::new())
                .default_value(".")
                .help("Write it into this folder; - prints it"),
        )
        .arg(flag("force", "Overwrite what is there"))
        .arg(flag("install", "Say what to do with it, command by command"))
        .args(config::run_flags())
        .arg(config::command_arg())
        .after_help(
            "Example:\n  agentwatch init systemd --install -- python agent.py\n  \
             agentwatch init systemd --user --interval 5m -- python agent.py\n  \
             agentwatch init docker --output - -- python agent.py",
        )
}

/// The matches of a command line, its first word left out.
///
/// # Errors
/// What clap finds wrong, and its help.
pub fn matches(args: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let command = command().arg(flags::dashes_arg()).bin_name("agentwatch init");
    command.try_get_matches_from(flags::mark_dashes(args))
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let home = matches.get_one::<String>("home").map(String::as_str).unwrap_or_default();
    let Some((_, write)) = HOMES.iter().find(|(name, _)| *name == home) else {
        return Err(Failure::new(EXIT_USAGE, format_args!("{home} is no home")));
    };
    let agent = agent(home, matches)?;
    let written = write(&agent);
    let steps = if matches.get_flag("install") { steps(&written) } else { String::new() };
    let folder = flags::given(matches, "output").unwrap_or_default();
    if folder == "-" {
        print(&format!("{}{steps}", written.text))?;
        return Ok(0);
    }
    let path = Path::new(folder).join(&written.name);
    let words = save(&path, &written.text, matches.get_flag("force"))?;
    let hint = if steps.is_empty() { "; --install says what to do with it" } else { "" };
    print(&format!("{words}{hint}\n{steps}"))?;
    Ok(0)
}

/// Writes the file, and never over another.
fn save(path: &Path, text: &str, force: bool) -> Result<String, Failure> {
    let shown = path.strip_prefix(".").unwrap_or(path).display();
    let failed = |error| Failure::new(EXIT_FAILED, format_args!("{shown}: {error}"));
    match File::create_new(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).map_err(failed)?;
            Ok(format!("wrote {shown}"))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
                return Ok(format!("{shown} is there already, just so"));
            }
            if !force {
                let words =
                    "is there already, and differs; --force overwrites it, --output - prints";
                return Err(Failure::new(EXIT_FAILED, format_args!("{shown} {words}")));
            }
            fs::write(path, text).map_err(failed)?;
            Ok(format!("wrote {shown} anew"))
        }
        Err(error) => Err(failed(error)),
    }
}

/// The steps, one a line.
fn steps(written: &Written) -> String {
    let lines = written.steps.iter().flat_map(|step| ["  ", step, "\n"]);
    lines.collect()
}

fn agent(home: &str, matches: &ArgMatches) -> Result<Agent, Failure> {
    let defined = match flags::single_word(matches) {
        Some(name) => super::run::defined(matches)?.contains(&name),
        None => false,
    };
    let resolved = super::run::resolve(matches)?;
    let command = if defined { Vec::new() } else { texts(&flags::command(matches))? };
    // Of others the command is in the file itself.
    if command.is_empty() && !matches!(home, "systemd" | "config") || defined && home == "config" {
        let words = format!("{home}: which command? agentwatch init {home} -- python agent.py");
        return Err(Failure::new(EXIT_USAGE, words));
    }
    let cwd = std::env::current_dir()?;
    let found = resolved.command.first().filter(|_| !command.is_empty());
    let found = found.and_then(|word| program::look_up(word, Some(&cwd)).ok());
    let found = found.map(|path| std::path::absolute(cwd.join(path))).transpose()?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = match host::uid() {
        0 => variable("SUDO_USER").filter(|name| name != "root"),
        _ => host::user_name(),
    };
    let (options, settings) = typed(matches)?;
    Ok(Agent {
        name: name(&resolved),
        command,
        options,
        settings,
        cwd: text(cwd)?,
        program: text(std::env::current_exe()?)?,
        found: found.map(text).transpose()?,
        path: variable("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned()),
        user,
        uid: host::uid(),
        home: host::home().map(text).transpose()?.unwrap_or_default(),
        own: matches.get_flag("user"),
        stop_timeout: resolved.settings.stop_timeout,
    })
}

fn name(resolved: &Resolved) -> String {
    match resolved.name.as_str() {
        // The template unit is for whoever is named behind its @.
        "" => "NAME".to_owned(),
        name => name.to_owned(),
    }
}

/// The options for `run`, as they were typed; and the same by the paths of their keys.
type Typed = (Vec<String>, Vec<(&'static str, Vec<String>)>);

fn typed(matches: &ArgMatches) -> Result<Typed, Failure> {
    let (mut options, mut settings) = (Vec::new(), Vec::new());
    for key in KEYS {
        let given = flags::given_all(matches, key.path);
        let given = texts(&given.into_iter().map(OsString::from).collect::<Vec<_>>())?;
        let Some(flag) = key.flag.filter(|_| !given.is_empty()) else { continue };
        if key.path != "name" {
            options.extend(given.iter().flat_map(|text| [format!("--{flag}"), text.clone()]));
        }
        settings.push((key.path, given));
    }
    if let Some(path) = flags::given(matches, flags::CONFIG) {
        options.extend(["--config".to_owned(), text(std::path::absolute(Path::new(path))?)?]);
    }
    Ok((options, settings))
}

fn texts(words: &[OsString]) -> Result<Vec<String>, Failure> {
    words.iter().map(|word| text(PathBuf::from(word))).collect()
}

/// What is no text has no place in a file that people read.
fn text(word: PathBuf) -> Result<String, Failure> {
    word.into_os_string().into_string().map_err(|word| {
        let words = "is not UTF-8, and cannot stand in a file; rename it";
        Failure::new(EXIT_USAGE, format_args!("\"{}\" {words}", word.to_string_lossy()))
    })
}
