//! `agentwatch init HOME -- COMMAND`: a unit, an image, a manifest or a configuration for an agent.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::keys::{KEYS, Kind};
use crate::config::{self, Origin, Resolved, flags};
use crate::homes::quote::{shell, shell_all};
use crate::homes::{Agent, HOMES, Written, docker, fits};
use crate::sys::{host, program};

use super::output::{complain, print};
use super::{EXIT_FAILED, EXIT_USAGE, Failure, Outcome};

/// The definition.
pub fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    // Thirty of them would hide the few that are of this command; completions and pages know them.
    let hidden = |flag: Arg| flag.hide_short_help(true).hide_long_help(true);
    Command::new("init")
        .about("Write a unit, image, manifest or configuration for an agent")
        .arg(
            Arg::new("home")
                .value_name("HOME")
                .required(true)
                .value_parser(PossibleValuesParser::new(HOMES.map(|(name, _)| name)))
                .hide_possible_values(true)
                .help("systemd, docker, compose, launchd, kubernetes or config"),
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
        .args(config::run_flags().into_iter().map(hidden))
        .arg(config::command_arg())
        .after_help(
            "Every option of run (--interval 5m and the others of agentwatch run --help)\n\
             is taken, too, and written.\n\n\
             Example:\n  agentwatch init systemd --install -- python agent.py\n  \
             agentwatch init systemd --user --interval 5m -- python agent.py\n  \
             agentwatch init docker --output - -- python agent.py",
        )
}

/// The matches of a command line, its first word left out.
///
/// # Errors
/// What clap finds wrong, and its help.
pub fn matches(args: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let read = |args: &[OsString]| {
        let command = command().arg(flags::dashes_arg()).bin_name("agentwatch init");
        command.try_get_matches_from(args)
    };
    let matches = read(&flags::mark_dashes(args))?;
    // Behind -- a word is a program; one that is none, and the name of an agent, is that.
    let word = flags::first_word(&matches).filter(|_| flags::command(&matches).len() == 1);
    let is_name = word.is_some_and(|word| {
        program::look_up(word.as_ref(), None).is_err()
            && super::run::defined(&matches).is_ok_and(|known| known.contains(&word))
    });
    if is_name { read(args) } else { Ok(matches) }
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let home = matches.get_one::<String>("home").map(String::as_str).unwrap_or_default();
    let Some((_, write)) = HOMES.iter().find(|(name, _)| *name == home) else {
        return Err(Failure::new(EXIT_USAGE, format_args!("{home} is no home")));
    };
    let folder = Path::new(flags::given(matches, "output").unwrap_or_default());
    let printed = folder == "-";
    if !printed && !folder.is_dir() {
        let folder = folder.display();
        let words = format!("{folder}: no such folder; mkdir -p it, or give --output another");
        return Err(Failure::new(EXIT_FAILED, words));
    }
    let (mut agent, warnings) = agent(home, matches)?;
    if let Some(words) = fits::refusal(home, &agent) {
        return Err(Failure::new(EXIT_USAGE, words));
    }
    let here = std::env::current_dir()?;
    if !printed && fs::canonicalize(folder)? != fs::canonicalize(&here)? {
        agent.folder = Some(text(std::path::absolute(folder)?)?);
    }
    let written = write(&agent);
    for words in warnings.iter().chain(&written.warnings) {
        complain(&format!("warning: {words}"));
    }
    let steps = if matches.get_flag("install") { steps(&written) } else { String::new() };
    if printed {
        // As what it must be there before the first of them.
        let saved = if steps.is_empty() { "" } else { &*format!("# saved as {}:\n", written.name) };
        print(&format!("{}{saved}{steps}", written.text))?;
        return Ok(0);
    }
    let mut words = save(&folder.join(&written.name), &written.text, matches.get_flag("force"))?;
    if let Some((name, text)) = &written.beside {
        let path = folder.join(name);
        // One that is there is the person's own.
        if !path.exists() {
            words = format!("{words}\n{}", save(&path, text, false)?);
        }
    }
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

/// The agent, and what is likely not to work.
fn agent(home: &str, matches: &ArgMatches) -> Result<(Agent, Vec<String>), Failure> {
    let known = |name: &String| super::run::defined(matches).map(|all| all.contains(name));
    let word = flags::single_word(matches);
    let defined = word.map(|word| known(&word).map(|is| is.then_some(word))).transpose()?.flatten();
    let resolved = super::run::resolve(matches)?;
    let is_image = fits::IMAGES.contains(&home);
    if let Some(name) = defined.as_ref().filter(|_| is_image) {
        return Err(Failure::new(EXIT_USAGE, written_out(home, name, &resolved)?));
    }
    let command = if defined.is_some() { Vec::new() } else { texts(&flags::command(matches))? };
    // The template unit is for all; of a configuration file the command may be missing.
    let named = !command.is_empty() || defined.is_some();
    if !named && !matches!(home, "systemd" | "config") || defined.is_some() && home == "config" {
        let words = format!("{home}: which command? agentwatch init {home} -- python agent.py");
        return Err(Failure::new(EXIT_USAGE, words));
    }
    let here = std::env::current_dir()?;
    let cwd = resolved.cwd.clone().filter(|_| defined.is_some()).unwrap_or(here);
    let (found, warning) = found(&resolved, &cwd, named, is_image);
    let found = found.map(|path| std::path::absolute(cwd.join(path))).transpose()?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (options, settings) = typed(is_image, matches, &resolved)?;
    let state_dir = options.iter().position(|word| word == "--state-dir");
    let has = |name: &&str| cwd.join(name).is_file();
    let agent = Agent {
        name: name(&resolved),
        command,
        defined,
        state_dir: state_dir.and_then(|at| options.get(at + 1)).cloned(),
        options,
        settings,
        files: docker::TELLING.into_iter().filter(has).collect(),
        user: user(&cwd),
        cwd: text(cwd)?,
        folder: None,
        program: text(std::env::current_exe()?)?,
        found: found.map(text).transpose()?,
        path: variable("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned()),
        uid: host::uid(),
        home: host::home().map(text).transpose()?.unwrap_or_default(),
        own: matches.get_flag("user"),
        stop_timeout: resolved.settings.stop_timeout,
    };
    Ok((agent, warning.into_iter().collect()))
}

/// As whom it is to run; none is root. By sudo it is who has asked, in a folder of theirs.
fn user(cwd: &Path) -> Option<String> {
    if host::uid() != 0 {
        return host::user_name();
    }
    let owner = fs::metadata(cwd).ok()?.uid();
    let asked: u32 = std::env::var("SUDO_UID").ok()?.parse().ok()?;
    let name = std::env::var("SUDO_USER").ok()?;
    (asked == owner && asked != 0 && !name.is_empty()).then_some(name)
}

/// The program as this machine finds it, and words about one that it does not find.
fn found(
    resolved: &Resolved,
    cwd: &Path,
    named: bool,
    is_image: bool,
) -> (Option<PathBuf>, Option<String>) {
    // A PATH of its own is looked through at the start only.
    let looked = named && resolved.variables.get("PATH").is_none();
    let Some(first) = resolved.command.first().filter(|_| looked) else { return (None, None) };
    let shown = first.to_string_lossy();
    let assigns = shown.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    match program::look_up(first, Some(cwd)) {
        Ok(path) => (Some(path), None),
        Err(_) if assigns => {
            let words =
                format!("{shown} is taken for a program, not for a variable; write env {shown} …");
            (None, Some(words))
        }
        // It need be in the image alone.
        Err(_) if is_image => (None, None),
        Err(words) => (None, Some(format!("{words}, or it will not start (127)"))),
    }
}

/// Refuses an agent whose definition is not in the image, with the same written out.
fn written_out(home: &str, name: &str, resolved: &Resolved) -> Result<String, Failure> {
    let mut words = ["agentwatch", "init", home, "--name", name].map(str::to_owned).to_vec();
    let mut lost = Vec::new();
    for value in &resolved.values {
        let (Some(set), Origin::File { .. }) = (&value.value, &value.origin) else { continue };
        let one = !value.key.kind.is_secret() && !matches!(value.key.kind, Kind::Files);
        match value.key.flag.filter(|_| one) {
            Some(flag) => words.extend([format!("--{flag}"), set.clone()]),
            None if matches!(value.key.path, "command" | "cwd") => {}
            None => lost.push(value.key.path),
        }
    }
    if !resolved.rules.is_empty() {
        lost.push("the restart rules");
    }
    words.push("--".to_owned());
    words.extend(texts(&resolved.command)?);
    let folder =
        resolved.cwd.as_ref().map(|cwd| format!("cd {} && ", shell(&cwd.to_string_lossy())));
    let lost = match lost.as_slice() {
        [] => String::new(),
        lost => {
            let words = "is for an agentwatch.toml beside the agent";
            format!("; what it says of {} {words}", lost.join(", "))
        }
    };
    Ok(format!(
        "{home}: {name} is defined in a file that is not in the image; write it out: {}{}{lost}",
        folder.unwrap_or_default(),
        shell_all(&words),
    ))
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

fn typed(is_image: bool, matches: &ArgMatches, resolved: &Resolved) -> Result<Typed, Failure> {
    let (mut options, mut settings) = (Vec::new(), Vec::new());
    for key in KEYS {
        let given = flags::given_all(matches, key.path);
        let mut given = texts(&given.into_iter().map(OsString::from).collect::<Vec<_>>())?;
        // Of this machine it is the same from wherever it is looked at.
        if key.path == "state_dir" && !given.is_empty() && !is_image {
            given = vec![text(resolved.state_dir.clone())?];
        }
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
