//! `agentwatch resume NAME`: the human's word that a latched agent may start again.

use std::path::Path;
use std::time::Duration;

use clap::{ArgMatches, Command};

use crate::config;
use crate::core::event::By;
use crate::core::fact::Fact;
use crate::store::journal::Journal;
use crate::store::memory;
use crate::store::paths::Paths;
use crate::sys::clock::Clock;
use crate::sys::lock::{Lock, LockError};
use crate::sys::socket;
use crate::wire::control::{self, Answer, Request};
use crate::wire::words::count;

use super::output::print;
use super::{EXIT_FAILED, Failure, Outcome, agents};

/// How long an answer may take: a start waits for a disk at worst.
const PATIENCE: Duration = Duration::from_secs(10);

/// The definition.
pub fn command() -> Command {
    Command::new("resume")
        .about("Let an agent that was given up start again")
        .arg(agents::name_arg().required(true).help("The agent"))
        .args(config::state_dir_flags())
        .after_help("Example:\n  agentwatch resume crawler")
}

/// The deed: through the agentwatch that runs, or, if none does, in the files.
pub fn main(matches: &ArgMatches) -> Outcome {
    let state_dir = super::run::state_dir(matches)?;
    let name = agents::chosen(matches, &state_dir)?.remove(0);
    let paths = Paths::new(&state_dir, &name);
    let words = match Lock::take(&paths.lock()) {
        Ok(_lock) => in_the_files(&name, &paths),
        Err(LockError::Held { .. }) => by_asking(&name, &paths),
        Err(LockError::Io(error)) => Err(failed(&name, &error)),
    }?;
    print(&format!("{words}\n"))?;
    Ok(0)
}

fn failed(name: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(EXIT_FAILED, format_args!("{name}: {error}"))
}

/// Asks the agentwatch that holds the lock.
fn by_asking(name: &str, paths: &Paths) -> Result<String, Failure> {
    let known = memory::look(paths).map_err(|error| failed(name, &error))?;
    let control = known.and_then(|(identity, _)| identity.control);
    let Some(control) = control else {
        let words = "its agentwatch has no control socket; end it, then: agentwatch run --resume";
        return Err(failed(name, &words));
    };
    let answer = control::write(&Request::Resume)
        .map_err(std::io::Error::other)
        .and_then(|line| socket::ask(Path::new(&control), &line, control::LINE_MAX, PATIENCE))
        .map_err(|error| failed(name, &format_args!("{control}: {error}")))?;
    match control::read_answer(&answer) {
        Some(Answer { ok: true, words }) => Ok(words),
        Some(Answer { ok: false, words }) => Err(failed(name, &words)),
        None => Err(failed(name, &"its agentwatch gave no sensible answer")),
    }
}

/// Lifts the latch in the files; the caller holds the lock.
fn in_the_files(name: &str, paths: &Paths) -> Result<String, Failure> {
    let now = Clock::new().now();
    let found = memory::load(paths, &now).map_err(|error| failed(name, &error))?;
    let Some(mut identity) = found.identity else {
        let words = "its state.json is unreadable; start it with: agentwatch run --resume";
        return Err(failed(name, &words));
    };
    let mut memory = found.memory;
    let Some(latch) = memory.latch.take() else {
        return Ok(format!("{name} is not latched; there is nothing to resume"));
    };
    memory.forgive();
    identity.journal_seq = found.seq;
    memory::save(paths, &identity, &memory, true).map_err(|error| failed(name, &error))?;
    let mut journal = Journal::new(&paths.journal(), u32::MAX, found.newest, found.seq);
    journal
        .append(&now, &Fact::Resumed { by: By::Command })
        .map_err(|error| failed(name, &error))?;
    let failures = count(u64::from(latch.failures), "failure");
    Ok(format!(
        "{name}: resumed; {failures} forgotten, the next `agentwatch run` starts it at once"
    ))
}
