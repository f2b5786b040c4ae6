//! `agentwatch listen`: heartbeats of other people's clients, by HTTP.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config;
use crate::http::Server;
use crate::listen::Listen;
use crate::listen::access::Access;

use super::output::complain;
use super::{EXIT_USAGE, Failure, Outcome, listening};

/// On no list of well-known ports, and nobody's default that we know of.
const ADDRESS: &str = "127.0.0.1:8642";

/// The definition.
pub fn command() -> Command {
    Command::new("listen")
        .about(
            "Take heartbeats of ClevAgent's and healthchecks.io's clients, by HTTP on this machine",
        )
        .arg(
            Arg::new("address")
                .long("address")
                .value_name("IP:PORT")
                .default_value(ADDRESS)
                .help("Where to listen; a port alone is one of 127.0.0.1"),
        )
        .arg(
            Arg::new("map").long("map").value_name("KEY=NAME").action(ArgAction::Append).help(
                "A UUID, slug or name that a client uses, and the agent it means; repeatable",
            ),
        )
        .arg(
            Arg::new("token")
                .long("token")
                .value_name("SECRET")
                .help("Needed of every client: '${VARIABLE}', file:PATH or cred:NAME"),
        )
        .args(config::state_dir_flags())
        .after_help(
            "Example:\n  agentwatch listen --map 5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278=crawler",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let address = listening::address("--address", text("address").unwrap_or(ADDRESS), ADDRESS)?;
    let token =
        text("token").map(|text| listening::token("listen", "--token", text)).transpose()?;
    listening::refuse_open("--address", address, token.is_some(), "--token file:PATH")?;
    let maps = matches.get_many::<String>("map").into_iter().flatten();
    let names = maps.map(|map| pair(map)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let state_dir = super::run::state_dir(matches)?;
    let (listener, address) = listening::bind("listen", "--address", address)?;
    complain(&format!(
        "listen: takes heartbeats at http://{address} for the agents in {}",
        state_dir.display()
    ));
    let access = Access { token, names, ip: address.ip() };
    Server::new(Listen { access, state_dir }).serve(&listener);
    Ok(0)
}

fn pair(text: &str) -> Result<(String, String), Failure> {
    let wrong = |words: &str| Failure::new(EXIT_USAGE, format_args!("--map {text:?}: {words}"));
    let (key, name) = text.rsplit_once('=').ok_or_else(|| wrong("must be KEY=NAME"))?;
    if key.is_empty() {
        return Err(wrong("has no key; write KEY=NAME"));
    }
    if !config::name::is_valid(name) {
        return Err(wrong(&format!("{name:?} is no name of an agent; write KEY=NAME")));
    }
    Ok((key.to_owned(), name.to_owned()))
}
