//! `agentwatch resume NAME`: the human's word that an agent which is down may start again.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config;
use crate::core::event::By;
use crate::core::fact::Fact;
use crate::store::memory;
use crate::store::paths::Paths;
use crate::sys::lock::Lock;
use crate::wire::control::Request;
use crate::wire::words::grouped;

use super::asking::{self, Asked};
use super::output::{complain, print};
use super::{EXIT_FAILED, Failure, Outcome, agents, files};

/// The definition.
pub fn command() -> Command {
    Command::new("resume")
        .about("Let an agent that was given up, paused or parked go on")
        .arg(
            agents::names_arg()
                .required_unless_present("all")
                .help("The agent, or several; not needed with --all"),
        )
        .arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .conflicts_with("name")
                .help("Every agent that was given up, paused or parked"),
        )
        .arg(
            Arg::new("rebaseline")
                .long("rebaseline")
                .action(ArgAction::SetTrue)
                .conflicts_with("all")
                .help("What it uses now is right: its last cycles are what is usual from now on"),
        )
        .args(config::state_dir_flags())
        .after_help(
            "Example:\n  agentwatch resume crawler\n  agentwatch resume --all\n  \
             agentwatch resume --rebaseline crawler",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let state_dir = super::run::state_dir(matches)?;
    let names = agents::chosen(matches, &state_dir)?;
    if !matches.get_flag("all") {
        for name in names {
            let rebaseline = matches.get_flag("rebaseline");
            let words = resume(&name, &Paths::new(&state_dir, &name), rebaseline)?;
            print(&format!("{words}\n"))?;
        }
        return Ok(0);
    }
    let (mut resumed, mut code) = (0, 0);
    for name in names {
        let paths = Paths::new(&state_dir, &name);
        match memory::look(&paths) {
            Ok(Some((_, memory))) if !memory.waits_for_a_human() => continue,
            Ok(None) => continue,
            Ok(Some(_)) | Err(_) => {}
        }
        resumed += 1;
        // One that cannot be helped keeps nobody else waiting.
        match resume(&name, &paths, false) {
            Ok(words) => print(&format!("{words}\n"))?,
            Err(Failure { words, .. }) => {
                complain(&words);
                code = EXIT_FAILED;
            }
        }
    }
    if resumed == 0 {
        print("no agent is down; there is nothing to resume\n")?;
    }
    Ok(code)
}

/// Through the agentwatch that runs, or, if none does, in the files.
fn resume(name: &str, paths: &Paths, rebaseline: bool) -> Result<String, Failure> {
    match asking::ask(name, paths, &Request::Resume { rebaseline })? {
        Asked::Done(answer) => Ok(answer.words),
        Asked::Nobody(lock) if rebaseline => {
            let accepted = accept_in_the_files(name, paths, &lock)?;
            Ok(format!("{accepted}\n{}", in_the_files(name, paths, &lock)?))
        }
        Asked::Nobody(lock) => in_the_files(name, paths, &lock),
    }
}

/// Takes what the agent used last for what is usual, in the files.
fn accept_in_the_files(name: &str, paths: &Paths, lock: &Lock) -> Result<String, Failure> {
    let mut known = None;
    files::change(name, paths, lock, |memory, now| {
        memory.ledger.rebaseline(now.wall);
        known = memory.ledger.usual();
        Some(Fact::Rebaselined { usual: known })
    })?;
    Ok(match known {
        Some(usual) => {
            format!("{name}: {} tokens a cycle are what is usual from now on", grouped(usual))
        }
        None => format!("{name}: no cycle is known yet, so what comes is what is usual"),
    })
}

/// Lifts the latch in the files.
fn in_the_files(name: &str, paths: &Paths, lock: &Lock) -> Result<String, Failure> {
    let changed = files::change(name, paths, lock, |memory, now| {
        if memory.latch.is_none() && memory.delay.is_none() {
            return None;
        }
        memory.forgive();
        memory.ledger.forgive(now.wall);
        Some(Fact::Resumed { by: By::Command })
    })?;
    Ok(if changed {
        format!("{name}: resumed; the next `agentwatch run` starts it at once")
    } else {
        format!("{name}: not down; there is nothing to resume")
    })
}
