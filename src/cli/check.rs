//! `agentwatch check`: every setting that would apply, and where it comes from.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::show;
use crate::config::{self, flags};

use super::output::{complain, print};
use super::{EXIT_FAILED, Failure, Outcome};

/// The definition.
pub fn command() -> Command {
    Command::new("check")
        .about("Check the configuration and print every value with its origin")
        .args(config::run_flags())
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON"))
        .arg(config::command_arg())
        .after_help(
            "Example:\n  agentwatch check --interval 5m -- python agent.py\n  agentwatch check crawler",
        )
}

/// The matches of a command line, its first word left out.
///
/// # Errors
/// What clap finds wrong, and its help.
pub fn matches(args: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let command = command().arg(flags::dashes_arg()).bin_name("agentwatch check");
    command.try_get_matches_from(flags::mark_dashes(args))
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let resolved = super::run::resolve(matches)?;
    super::run::look_at_prices(&resolved)?;
    super::readiness::look_at_state(&resolved)?;
    super::telling::route(&resolved)?;
    super::telling::report_route(&resolved)?;
    for note in &resolved.notes {
        complain(note);
    }
    if matches.get_flag("json") {
        let text = serde_json::to_string_pretty(&show::json(&resolved))
            .map_err(|error| Failure::new(EXIT_FAILED, error))?;
        print(&format!("{text}\n"))?;
    } else {
        print(&format!("{}\n", show::text(&resolved).trim_end()))?;
    }
    Ok(0)
}
