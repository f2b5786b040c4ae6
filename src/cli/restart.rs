//! `agentwatch restart NAME`: a fresh child, without a strike and without a cooldown.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config;
use crate::store::paths::Paths;
use crate::wire::control::Request;

use super::asking::{self, Asked};
use super::output::print;
use super::{Outcome, agents};

/// The definition.
pub fn command() -> Command {
    Command::new("restart")
        .about("End an agent and start it anew, now, without a strike")
        .arg(agents::names_arg().required(true))
        .arg(
            Arg::new("at-beat")
                .long("at-beat")
                .action(ArgAction::SetTrue)
                .help("Not in the middle of a cycle, but at its next beat"),
        )
        .args(config::state_dir_flags())
        .after_help("Example:\n  agentwatch restart --at-beat crawler")
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let state_dir = super::run::state_dir(matches)?;
    let request = Request::Restart { at_beat: matches.get_flag("at-beat") };
    for name in agents::chosen(matches, &state_dir)? {
        let paths = Paths::new(&state_dir, &name);
        match asking::ask(&name, &paths, &request)? {
            Asked::Done(answer) => print(&format!("{}\n", answer.words))?,
            Asked::Nobody(_) => return Err(asking::nobody_runs(&name, &paths)),
        }
    }
    Ok(0)
}
