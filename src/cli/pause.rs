//! `agentwatch pause NAME`: all its processes are stopped where they are, until resumed.

use clap::{ArgMatches, Command};

use crate::config;
use crate::store::paths::Paths;
use crate::wire::control::Request;

use super::asking::{self, Asked};
use super::output::print;
use super::{Outcome, agents};

/// The definition.
pub fn command() -> Command {
    Command::new("pause")
        .about("Stop all processes of an agent where they are, until it is resumed")
        .arg(agents::names_arg().required(true))
        .args(config::state_dir_flags())
        .after_help("Example:\n  agentwatch pause crawler\n  agentwatch resume crawler")
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let state_dir = super::run::state_dir(matches)?;
    for name in agents::chosen(matches, &state_dir)? {
        let paths = Paths::new(&state_dir, &name);
        match asking::ask(&name, &paths, &Request::Pause)? {
            Asked::Done(answer) => print(&format!("{}\n", answer.words))?,
            Asked::Nobody(_) => return Err(asking::nobody_runs(&name, &paths)),
        }
    }
    Ok(0)
}
