//! `agentwatch status`: where every agent stands, from its files.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::core::memory::Memory;
use crate::core::time::{LocalDay, Now};
use crate::report::spend::{self, Spend};
use crate::report::status::{Known, Status, Supervised, status};
use crate::report::view::View;
use crate::store::{memory, read};
use crate::sys::clock::Clock;
use crate::sys::lock::{self, Probe};
use crate::sys::tty;
use crate::wire::state::Identity;
use crate::wire::words;

use super::agents::{self, Agent};
use super::output::print;
use super::{EXIT_FAILED, Failure, Outcome};

mod probe;
mod render;

/// How much of a journal's end is read where all agents are shown, in bytes: two hundred of them must be
/// there before anybody notices, and fifty lines tell what there is to tell.
const GLANCE: u64 = 8 * 1024;

/// The same where an agent was named, for the longest gap of some hours.
const LOOK: u64 = 1024 * 1024;

/// The same where a glance told nothing of the state.
const DEEPER: u64 = 256 * 1024;

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
    let bytes = if named { LOOK } else { GLANCE };
    let all: Vec<Status> = agents.iter().map(|agent| look(agent, bytes, &options, &now)).collect();
    if let Some(what) = matches.get_one::<String>("check") {
        if all.is_empty() {
            return Err(Failure::new(EXIT_FAILED, nothing(&dirs)));
        }
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
fn look(agent: &Agent, bytes: u64, options: &str, now: &Now) -> Status {
    let paths = agent.paths();
    let mut errors = Vec::new();
    let supervised = match lock::probe(&paths.lock()) {
        Ok(Probe::HeldBy(pid)) => Supervised::By(pid),
        Ok(Probe::Free | Probe::Missing) => Supervised::ByNobody,
        Err(error) => {
            errors.push(format!("{}: {error}", paths.lock().display()));
            Supervised::ByNobody
        }
    };
    let state = memory::look(&paths).unwrap_or_else(|error| {
        errors.push(format!("{}: {error}", paths.state().display()));
        None
    });
    let (mut view, mut end) = fold(agent, bytes, now.day);
    if view.state.is_empty() && !end.whole && bytes < DEEPER {
        (view, end) = fold(agent, DEEPER, now.day);
    }
    errors.extend(end.error);
    let known = Known {
        name: &agent.name,
        state: state.as_ref().map(|(identity, memory)| (identity, memory)),
        supervised,
        options,
    };
    let mut status = status(&known, &view, now.wall);
    if bytes == LOOK {
        status.recent_tokens = view.recent.iter().copied().collect();
        status.spend = state.map(|(identity, memory)| spent(agent, &identity, memory, now));
    }
    status.state_dir = agent.state_dir.display().to_string();
    status.error = (!errors.is_empty()).then(|| errors.join("; "));
    let ahead = end.newest.filter(|day| day.is_ahead_of(now.day));
    status.notes.extend(ahead.map(|day| words::journal_ahead(&agent.name, day)));
    status
}

/// What it uses: as its state has it, and what was recorded since.
fn spent(agent: &Agent, identity: &Identity, memory: Memory, now: &Now) -> Spend {
    let mut ledger = memory.ledger;
    if let Ok(news) = read::since(&agent.paths().journal(), identity.journal_seq) {
        for record in &news.records {
            if let Some(fact) = &record.fact {
                ledger.relearn(record.ts, fact);
            }
        }
    }
    spend::spend(&ledger, now.wall)
}

fn fold(agent: &Agent, bytes: u64, today: LocalDay) -> (View, read::End) {
    let end = read::end(&agent.paths().journal(), bytes, today);
    let mut view = View::new(end.whole);
    for line in end.parts.iter().flat_map(|part| part.split(|byte| *byte == b'\n')) {
        view.line(line);
    }
    (view, end)
}

/// The words where there is no agent, with where there may be some.
fn nothing(dirs: &[PathBuf]) -> String {
    let mut empty: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    let mut hints = String::new();
    for dir in super::run::usual_state_dirs().into_iter().filter(|dir| !dirs.contains(dir)) {
        let path = dir.display();
        let look = format!("agentwatch status --state-dir {path}");
        let hint = match agents::all(&dir).as_deref() {
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
