//! `agentwatch ack NAME`: a person has seen what is open, so nobody is reminded of it.

use clap::{ArgMatches, Command};

use crate::config;
use crate::core::fact::{Fact, Seen};
use crate::store::paths::Paths;
use crate::wire::control::{self, Request};

use super::asking::{self, Asked};
use super::output::print;
use super::{Outcome, agents, files};
use crate::core::command::{Needless, Reply};

/// The definition.
pub fn command() -> Command {
    Command::new("ack")
        .about("Acknowledge what is open: nobody is reminded of it any more")
        .arg(agents::names_arg().required(true))
        .args(config::state_dir_flags())
        .after_help("Example:\n  agentwatch ack crawler")
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let state_dir = super::run::state_dir(matches)?;
    for name in agents::chosen(matches, &state_dir)? {
        let paths = Paths::new(&state_dir, &name);
        let words = match asking::ask(&name, &paths, &Request::Ack)? {
            Asked::Done(answer) => answer.words,
            Asked::Nobody(lock) => {
                let mut incidents = 0;
                files::change(&name, &paths, &lock, |memory, _| {
                    incidents = memory.incidents.acknowledge();
                    (0 < incidents).then_some(Fact::Acknowledged(Seen { incidents, until: None }))
                })?;
                let reply = match incidents {
                    0 => Reply::Needless(Needless::NothingOpen),
                    incidents => Reply::Acknowledged { incidents },
                };
                control::answer(&name, reply, None).words
            }
        };
        print(&format!("{words}\n"))?;
    }
    Ok(0)
}
