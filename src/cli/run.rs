//! `agentwatch run -- COMMAND`: the main job.

use std::ffi::OsString;
use std::io::{BufRead as _, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::identity::{self, Who};
use crate::config::{self, ConfigError, Resolved, Surroundings, flags};
use crate::core::event::By;
use crate::core::supervisor::EXIT_SELF;
use crate::run::{self, Plan};
use crate::statefiles::Home;
use crate::store::memory;
use crate::store::paths::Paths;
use crate::sys::clock::Clock;
use crate::sys::lock::{Lock, LockError};
use crate::sys::signals::Signals;
use crate::sys::{file, host, tty};
use crate::wire::stamp;
use crate::wire::state::Identity;
use crate::wire::words::count;

use super::{EXIT_BUSY, EXIT_CONFIG, EXIT_NOT_FOUND, EXIT_USAGE, Failure, Outcome};

/// The definition.
pub fn command() -> Command {
    define(config::run_flags())
}

/// The matches of a command line, its first word left out; as fast as can be, since every launch pays.
///
/// # Errors
/// What clap finds wrong, and its help.
pub fn matches(args: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let args = &flags::mark_dashes(args);
    let read = |command: Command| {
        command.arg(flags::dashes_arg()).bin_name("agentwatch run").try_get_matches_from(args)
    };
    // An error is for the eyes of somebody, who should see all of the definition.
    read(define(config::run_flags_in(args))).or_else(|_| read(command()))
}

fn define(flags: Vec<Arg>) -> Command {
    Command::new("run")
        .about("Start an agent and keep it alive")
        .args(flags)
        .arg(
            Arg::new("resume")
                .long("resume")
                .action(ArgAction::SetTrue)
                .help("Start although the agent was given up; a human says so"),
        )
        .arg(config::command_arg())
        .after_help(
            "Example:\n  agentwatch run -- python agent.py\n  \
             agentwatch run --interval 5m --restart always -- ./crawler --fast\n  \
             agentwatch run crawler      # as defined in agents/crawler.toml",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let resolved = resolve(matches)?;
    if resolved.command.is_empty() {
        let words = "nothing to run; give a COMMAND (agentwatch run -- python agent.py), the NAME of an \
                     agent, or command = … in a configuration file";
        return Err(Failure::new(EXIT_USAGE, words));
    }
    look_at_descriptors()?;
    look_at_stdin(&resolved)?;
    look_at_prices(&resolved)?;
    super::readiness::look_at_state(&resolved)?;
    let route = super::telling::route(&resolved)?;
    let report_route = super::telling::report_route(&resolved)?;
    enter(&resolved)?;
    let mut clock = Clock::new();
    // Before anything is started, and before anything that may take its time.
    let signals = Signals::new()
        .map_err(|error| Failure::new(EXIT_SELF, format_args!("cannot catch signals: {error}")))?;
    let paths = Paths::new(&resolved.state_dir, &resolved.name);
    let lock = lock(&resolved, &paths).or_else(|busy| {
        // A stranger is not told to stop somebody else's agent.
        let known = memory::look(&paths).ok().flatten();
        refuse_strangers(&resolved, known.as_ref().map(|(identity, _)| identity))?;
        Err(busy)
    })?;
    let mut found = match memory::load(&paths, &clock.now()) {
        // Of a newer agentwatch: what it knows must not be lost, and no start would heed it.
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            let words = format!("{}: {}: {error}", resolved.name, paths.dir().display());
            return Err(Failure::new(EXIT_CONFIG, words));
        }
        found => found.map_err(|error| format!("{}: {error}", paths.dir().display())),
    };
    if let Ok(found) = &mut found {
        // A restore by hand that was interrupted nobody has written into the memory.
        found.memory.custody.restoring |= Home::new(paths.dir()).is_under_way();
    }
    let known = found.as_ref().ok().and_then(|found| found.identity.as_ref());
    refuse_strangers(&resolved, known)?;
    let flagged = matches.get_flag("resume").then_some(By::Flag);
    let resume =
        flagged.or_else(|| found.as_ref().ok().and_then(|found| ask(&resolved, &clock, found)));
    let plan = Plan { resolved, lock, found, resume, route, report_route };
    run::run(plan, clock, signals)
        .map_err(|error| Failure::new(EXIT_SELF, format_args!("{error:#}")))
}

/// With too few of them the first start may succeed and none after it.
fn look_at_descriptors() -> Result<(), Failure> {
    /// What is needed at the worst: 3 streams, signals, lock, journal, log, control and 8 clients, a timer,
    /// two roads, four pipes of a start, 8 sources of ended children, and what is looked at in /proc.
    const NEEDED: u64 = 40;
    match host::descriptors_max() {
        Some(max) if max < NEEDED => {
            let words = format!(
                "at most {max} open files are allowed here and {NEEDED} may be needed; raise the \
                 limit (ulimit -n 1024)"
            );
            Err(Failure::new(EXIT_SELF, words))
        }
        _ => Ok(()),
    }
}

/// A file for stdin that cannot be read now is a mistyped path, and said before anything starts.
fn look_at_stdin(resolved: &Resolved) -> Result<(), Failure> {
    let Some(path) = &resolved.stdin else { return Ok(()) };
    let refuse = |error| {
        let path = path.display();
        let words = format!("stdin: {path}: {error}; write inherit, null, or a file to read from");
        Failure::new(EXIT_CONFIG, words)
    };
    file::input(path).map(drop).map_err(refuse)
}

/// A table of prices that makes no sense is said before anything starts.
pub fn look_at_prices(resolved: &Resolved) -> Result<(), Failure> {
    let Some(path) = &resolved.prices else { return Ok(()) };
    run::prices::check(path).map(drop).map_err(|words| {
        let origin = resolved.values.iter().find(|value| value.key.path == "cost.prices");
        let origin = origin.map(|value| value.origin.to_string()).unwrap_or_default();
        Failure::new(EXIT_CONFIG, format_args!("{words} (cost.prices of {origin})"))
    })
}

/// The settings of a `run` or `check`, from all their sources.
pub fn resolve(matches: &ArgMatches) -> Result<Resolved, Failure> {
    config::find::run(matches, &surroundings()?).map_err(refused)
}

/// The state directory alone, for commands that look.
pub fn state_dir(matches: &ArgMatches) -> Result<PathBuf, Failure> {
    let found = config::resolve::state_dir(matches, &surroundings()?).map_err(refused)?;
    Ok(found.path)
}

/// Goes to where the agent is to be started: all that is ours has absolute paths by now.
fn enter(resolved: &Resolved) -> Result<(), Failure> {
    let Some(cwd) = &resolved.cwd else { return Ok(()) };
    std::env::set_current_dir(cwd).map_err(|error| {
        let origin = resolved.values.iter().find(|value| value.key.path == "cwd");
        let origin = origin.map(|value| format!("{}: ", value.origin)).unwrap_or_default();
        let words =
            format!("{origin}cwd = \"{}\": {error}; name a folder that exists", cwd.display());
        Failure::new(EXIT_CONFIG, words)
    })
}

/// Where agents are usually kept, for who finds none.
pub fn usual_state_dirs() -> Vec<PathBuf> {
    surroundings().map(|around| config::resolve::usual_state_dirs(&around)).unwrap_or_default()
}

/// A state directory that was given beside the first one.
pub fn path_here(path: &std::ffi::OsStr) -> Result<PathBuf, Failure> {
    let around = surroundings()?;
    config::layers::absolute(path.as_ref(), &around.cwd, &around).map_err(|fault| {
        let path = path.to_string_lossy();
        Failure::new(EXIT_USAGE, format_args!("--state-dir: \"{path}\" {fault}"))
    })
}

fn refused(error: ConfigError) -> Failure {
    let code = match () {
        () if error.is_usage() => EXIT_USAGE,
        () if error.is_not_found() => EXIT_NOT_FOUND,
        () => EXIT_CONFIG,
    };
    Failure::new(code, error)
}

/// The agents that are defined in files.
pub fn defined(matches: &ArgMatches) -> Result<Vec<String>, Failure> {
    config::find::defined(matches, &surroundings()?).map_err(refused)
}

/// Where we are and who we are, as far as settings depend on it.
fn surroundings() -> Result<Surroundings, Failure> {
    let cwd = std::env::current_dir()
        .map_err(|error| Failure::new(EXIT_CONFIG, format_args!("working directory: {error}")))?;
    Ok(Surroundings {
        vars: std::env::vars_os().collect(),
        cwd,
        home: host::home(),
        uid: host::uid(),
        is_pid1: host::is_pid1(),
        at_terminal: tty::is_terminal(0),
        macos: host::IS_MACOS,
    })
}

/// Takes the lock. Held by another: that is the end. Without a place for it supervision goes on, as it
/// would with a full disk (SPEC rule 9).
fn lock(resolved: &Resolved, paths: &Paths) -> Result<Result<Lock, String>, Failure> {
    let taken = match Lock::take(&paths.lock()) {
        Err(LockError::Io(error)) if error.kind() == ErrorKind::NotFound => {
            if let Err(error) = file::private_dir(paths.dir()) {
                return Ok(Err(format!("{}: {error}", paths.dir().display())));
            }
            Lock::take(&paths.lock())
        }
        taken => taken,
    };
    match taken {
        Ok(lock) => Ok(Ok(lock)),
        Err(LockError::Held { pid }) => {
            let name = &resolved.name;
            let pid = pid.map(|pid| format!(" by pid {pid}")).unwrap_or_default();
            let words = format!("{name} is already supervised{pid}; stop that one, or give --name");
            Err(Failure::new(EXIT_BUSY, words))
        }
        Err(LockError::Io(error)) => Ok(Err(format!("{}: {error}", paths.lock().display()))),
    }
}

/// A name that nobody chose must not give one agent the latch, streak and journal of another.
fn refuse_strangers(resolved: &Resolved, known: Option<&Identity>) -> Result<(), Failure> {
    let (true, Some(known)) = (resolved.name_derived, known) else { return Ok(()) };
    let Ok(here) = std::env::current_dir() else { return Ok(()) };
    // Of a folder that is gone nobody runs anything: the project has moved.
    if !Path::new(&known.directory).is_dir() {
        return Ok(());
    }
    // The record replaces bytes that are no text: compared as it is, such a folder would be a stranger.
    let here = PathBuf::from(here.to_string_lossy().as_ref());
    let command: Vec<_> = known.command.iter().map(OsString::from).collect();
    let before = Who { directory: Path::new(&known.directory), command: &command };
    let now = Who { directory: &here, command: &resolved.command };
    // `current` lies beside the releases, or beside the folder that holds them.
    let linked = |path: &Path| {
        path.ancestors().skip(1).take(2).any(|folder| file::is_linked_to(folder, path))
    };
    if identity::is_same(before, now, linked) {
        return Ok(());
    }
    let words = identity::refusal(&resolved.name, before, now);
    Err(Failure::new(EXIT_CONFIG, words))
}

/// Asks the person at the terminal whether a latched agent may start again.
fn ask(resolved: &Resolved, clock: &Clock, found: &memory::Found) -> Option<By> {
    let latch = found.memory.latch.as_ref()?;
    if host::is_pid1() || !tty::is_foreground() {
        return None;
    }
    let since = stamp::local(latch.since, clock.offset_at(latch.since));
    let failures = count(u64::from(latch.failures), "failure");
    let mut stderr = std::io::stderr().lock();
    let question = format!(
        "agentwatch: {}: down since {since} after {failures}; resume? [y/N] ",
        resolved.name
    );
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).ok()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).ok()?;
    matches!(answer.trim(), "y" | "Y" | "yes").then_some(By::Answer)
}
