//! The command line: one file per command, each with its definition and its deed.

mod ack;
mod agents;
mod asking;
mod backtest;
mod beat;
mod check;
mod completions;
mod deliver;
mod doctor;
mod errand;
mod events;
mod files;
mod init;
mod lines;
mod listen;
mod listening;
mod logs;
mod man;
mod morning;
mod output;
mod pause;
mod readiness;
mod report;
mod restart;
mod resume;
mod run;
mod serve;
mod snooze;
mod state;
mod status;
mod stop;
mod telling;
mod top;

use std::ffi::OsString;

use clap::{ArgMatches, Command};

/// Exit code: a command of ours could not do what was asked.
pub const EXIT_FAILED: u8 = 1;
/// Exit code: bad usage.
pub const EXIT_USAGE: u8 = 2;
/// Exit code: another agentwatch already runs this agent.
pub const EXIT_BUSY: u8 = 75;
/// Exit code: bad configuration.
pub const EXIT_CONFIG: u8 = 78;

/// Exit code: there is no such command.
pub const EXIT_NOT_FOUND: u8 = 127;

/// What went wrong, with the code to leave with.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// One line for the person; empty if everything has been said.
    pub words: String,
}

impl Failure {
    /// A failure with `code` and `words`.
    pub fn new(code: u8, words: impl std::fmt::Display) -> Self {
        Self { code, words: words.to_string() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(EXIT_FAILED, format_args!("{error:#}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(EXIT_FAILED, error)
    }
}

/// What a command leaves with: its exit code, or a failure to be told.
pub type Outcome = Result<u8, Failure>;

/// The whole command line; help comes from here.
#[must_use]
pub fn command() -> Command {
    Command::new("agentwatch")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Keeps long-lived AI agents alive: heartbeats, restarts, and a human after the third failure")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .after_help("Example:\n  agentwatch run -- python agent.py")
        .subcommands(COMMANDS.map(|(_, command, _)| command()))
}

/// A command: its name, its definition, its deed.
type Entry = (&'static str, fn() -> Command, fn(&ArgMatches) -> Outcome);

/// All commands, in the order of the help.
const COMMANDS: [Entry; 22] = [
    ("run", run::command, run::main),
    ("status", status::command, status::main),
    ("top", top::command, top::main),
    ("events", events::command, events::main),
    ("logs", logs::command, logs::main),
    ("report", report::command, report::main),
    ("backtest", backtest::command, backtest::main),
    ("restart", restart::command, restart::main),
    ("stop", stop::command, stop::main),
    ("pause", pause::command, pause::main),
    ("resume", resume::command, resume::main),
    ("ack", ack::command, ack::main),
    ("snooze", snooze::command, snooze::main),
    ("beat", beat::command, beat::main),
    ("listen", listen::command, listen::main),
    ("serve", serve::command, serve::main),
    ("state", state::command, state::main),
    ("check", check::command, check::main),
    ("init", init::command, init::main),
    ("doctor", doctor::command, doctor::main),
    ("completions", completions::command, completions::main),
    ("man", man::command, man::main),
];

/// What `run` types, and nobody else: no help, no page and no completion knows it.
const OWN: [Entry; 3] = [
    ("errand", errand::command, errand::main),
    ("deliver", deliver::command, deliver::main),
    ("morning", morning::command, morning::main),
];

/// Runs a command line, the program's name first; gives the exit code.
#[must_use]
pub fn main(arguments: Vec<OsString>) -> u8 {
    std::panic::set_hook(Box::new(|info| {
        output::complain(&format!("internal error, please report it: {info}").replace('\n', " "));
    }));
    let ran = std::panic::catch_unwind(move || dispatch(arguments));
    match ran {
        Ok(Ok(code)) => code,
        Ok(Err(failure)) => {
            if !failure.words.is_empty() {
                output::complain(&failure.words);
            }
            failure.code
        }
        Err(_) => crate::core::supervisor::EXIT_SELF,
    }
}

fn dispatch(args: Vec<OsString>) -> Outcome {
    // The one that is called is read by its own definition: every launch would pay for all the others.
    let called =
        args.get(1).and_then(|word| COMMANDS.iter().chain(&OWN).find(|(name, ..)| word == name));
    let read = match called {
        Some(("run", ..)) => run::matches(&args[1..]),
        Some(("check", ..)) => check::matches(&args[1..]),
        Some(("init", ..)) => init::matches(&args[1..]),
        Some((name, command, _)) => command()
            .bin_name(format!("agentwatch {name}"))
            .try_get_matches_from(args.into_iter().skip(1)),
        None => command().try_get_matches_from(args),
    };
    match (read, called) {
        (Ok(matches), Some((_, _, deed))) => deed(&matches),
        // Without a command there is help or an error, and neither gives matches.
        (Ok(_), None) => Ok(EXIT_USAGE),
        (Err(error), _) => {
            // Help and version are no errors; clap knows which stream each belongs to.
            let _ = error.print();
            Ok(if error.use_stderr() { EXIT_USAGE } else { 0 })
        }
    }
}
