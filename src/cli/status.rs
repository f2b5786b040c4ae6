//! `agentwatch status`: where every agent stands, from its files.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::core::time::Now;
use crate::look::{self, GLANCE, LOOK, Watch};
use crate::report::glance::{self, Glance};
use crate::report::status::Status;
use crate::sys::clock::Clock;
use crate::sys::tty;

use super::agents::{self, Agent};
use super::output::print;
use super::{EXIT_FAILED, Failure, Outcome};

mod probe;
mod render;

/// The definition.
pub fn command() -> Command {
    Command::new("status")
        .about("Show where every agent stands")
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON, one array"))
        .arg(
            Arg::new("check")
                .long("check")
                .value_name("live|healthy")
                .value_parser(["live", "healthy"])
                .hide_possible_values(true)
                .conflicts_with("json")
                .help("Say in one line whether they are, and leave with 0 or 1; live is for liveness probes"),
        )
        .args(agents::many_args())
        .after_help(
            "Example:\n  agentwatch status\n  agentwatch status crawler\n  \
             agentwatch status --check live crawler\n  \
             agentwatch status crawler --json | jq '.[0].state'",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let dirs = agents::state_dirs(matches)?;
    let (agents, unreadable) = agents::chosen_of(matches, &dirs)?;
    let named = matches.contains_id("name");
    let mut clock = Clock::new();
    let now = clock.now();
    let options = options(matches);
    let mut all: Vec<Glance> =
        agents.iter().map(|agent| look(agent, named, &options, &now)).collect();
    if let Some(what) = matches.get_one::<String>("check") {
        if all.is_empty() {
            return Err(Failure::new(EXIT_FAILED, nothing(&dirs)));
        }
        let all: Vec<Status> = all.into_iter().map(|one| one.status).collect();
        return probe::check(what == "live", &agents, &all);
    }
    if matches.get_flag("json") {
        let text =
            serde_json::to_string_pretty(&all).map_err(|error| Failure::new(EXIT_FAILED, error))?;
        print(&format!("{text}\n"))?;
    } else if all.is_empty() {
        print(&format!("{}\n", nothing(&dirs)))?;
    } else {
        let screen = render::Screen {
            colour: tty::colour(1),
            width: tty::width(1),
            offset_s: clock.offset_at(now.wall),
        };
        glance::sort(&mut all);
        let text = if named { screen.details(&all) } else { screen.table(&all) };
        print(&text)?;
    }
    Ok(if unreadable { EXIT_FAILED } else { 0 })
}

/// What a command for these agents needs besides a name, to be pasted into this shell.
fn options(matches: &ArgMatches) -> String {
    let given = matches.get_one::<std::ffi::OsString>("state_dir");
    given.map(|dir| format!(" --state-dir {}", dir.to_string_lossy())).unwrap_or_default()
}

/// Reads the files of one agent. What cannot be read is said, and does not hide the others.
fn look(agent: &Agent, named: bool, options: &str, now: &Now) -> Glance {
    let mut watch = Watch::new(agent.clone());
    watch.refresh(if named { LOOK } else { GLANCE }, now);
    watch.reckon();
    let mut status = watch.status(options, now);
    if named {
        status.recent_tokens = watch.recent_tokens();
    }
    Glance::new(status, watch.memory(), now.wall)
}

/// The words where there is no agent, with where there may be some.
fn nothing(dirs: &[PathBuf]) -> String {
    let mut empty: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    let mut hints = String::new();
    for dir in super::run::usual_state_dirs().into_iter().filter(|dir| !dirs.contains(dir)) {
        let path = dir.display();
        let look = format!("agentwatch status --state-dir {path}");
        let hint = match look::all(&dir).as_deref() {
            Ok([]) => {
                empty.push(path.to_string());
                continue;
            }
            Ok([one]) => format!("; {one} is in {path}: {look}"),
            Ok(names) => format!("; {} are in {path}: {look}", names.len()),
            Err(_) => format!("; {path} is not mine to read: sudo {look}"),
        };
        hints.push_str(&hint);
    }
    format!("no agents in {}{hints}; start one: agentwatch run -- COMMAND", empty.join(", "))
}
