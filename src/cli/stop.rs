//! `agentwatch stop NAME`: ends an agent and its agentwatch, and says when that is done.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config;
use crate::core::fact::Fact;
use crate::core::memory::{Latch, LatchWhy};
use crate::store::paths::Paths;
use crate::sys::lock::Lock;
use crate::wire::control::Request;

use super::asking::{self, Asked};
use super::output::print;
use super::{Outcome, agents, files};

/// The definition.
pub fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    Command::new("stop")
        .about("Stop an agent and the agentwatch that runs it")
        .arg(agents::name_arg().required(true).help("The agent"))
        .arg(flag("now", "Kill it at once"))
        .arg(flag("stay", "It stays down, whoever starts agentwatch again, until resumed"))
        .arg(flag("no-wait", "Do not wait until it has stopped"))
        .args(config::state_dir_flags())
        .after_help("Example:\n  agentwatch stop crawler\n  agentwatch stop --stay crawler")
}

/// The deed: through the agentwatch that runs, or, if none does, in the files.
pub fn main(matches: &ArgMatches) -> Outcome {
    let state_dir = super::run::state_dir(matches)?;
    let stay = matches.get_flag("stay");
    let request = Request::Stop { now: matches.get_flag("now"), stay };
    for name in agents::chosen(matches, &state_dir)? {
        let paths = Paths::new(&state_dir, &name);
        match asking::ask(&name, &paths, &request)? {
            Asked::Done(answer) => {
                print(&format!("{}\n", answer.words))?;
                if answer.leaves && !matches.get_flag("no-wait") {
                    asking::wait_until_gone(&name, &paths)?;
                    print(&format!("{name}: stopped\n"))?;
                }
            }
            Asked::Nobody(lock) if stay => print(&stay_down(&name, &paths, &lock)?)?,
            Asked::Nobody(_) => {
                print(&format!("{name}: no agentwatch runs it; there is nothing to stop\n"))?;
            }
        }
    }
    Ok(0)
}

/// Sets the latch in the files.
fn stay_down(name: &str, paths: &Paths, lock: &Lock) -> Result<String, super::Failure> {
    let way_out = format!("stays down until: agentwatch resume {name}\n");
    let changed = files::change(name, paths, lock, |memory, now| {
        if memory.latch.is_some() {
            return None;
        }
        memory.latch = Some(Latch { since: now.wall, failures: 0, why: LatchWhy::Stay });
        Some(Fact::Held)
    })?;
    Ok(if changed {
        format!("{name}: no agentwatch runs it; {way_out}")
    } else {
        format!("{name}: is down already; {way_out}")
    })
}
