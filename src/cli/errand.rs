//! `agentwatch errand`: what `run` sends to look after state files. It reads what is to be done from its
//! standard input and answers on its standard output; nobody types it.

use std::io::Read as _;

use clap::{ArgMatches, Command};

use crate::core::supervisor::EXIT_SELF;
use crate::statefiles;
use crate::wire::errand::{Errand, ORDER_MAX};
use crate::wire::plain::brief;

use super::output::print;
use super::{EXIT_FAILED, Failure, Outcome};

/// The definition.
pub fn command() -> Command {
    Command::new("errand").about("What agentwatch run sends to look after state files")
}

/// The deed.
pub fn main(_: &ArgMatches) -> Outcome {
    let mut order = Vec::new();
    let most = u64::try_from(ORDER_MAX).unwrap_or(u64::MAX).saturating_add(1);
    std::io::stdin().lock().take(most).read_to_end(&mut order)?;
    let errand: Errand = serde_json::from_slice(&order)
        .map_err(|error| Failure::new(EXIT_SELF, format_args!("errand: {}", brief(&error))))?;
    let done = serde_json::to_string(&statefiles::perform(&errand))
        .map_err(|error| Failure::new(EXIT_FAILED, brief(&error)))?;
    print(&format!("{done}\n"))?;
    Ok(0)
}
