//! Giving a command to the agentwatch that runs an agent, or learning that none does.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use crate::store::memory;
use crate::store::paths::Paths;
use crate::sys::lock::{Lock, LockError};
use crate::sys::{poll, socket};
use crate::wire::control::{self, Answer, Request};
use crate::wire::plain::plain;

use super::{EXIT_FAILED, Failure};

/// How long an answer may take: a start waits for a disk at worst.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether an agentwatch has left: there is nothing to wait on.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What came of asking.
#[derive(Debug)]
pub enum Asked {
    /// It was done.
    Done(Answer),
    /// No agentwatch runs the agent, and while this is held none can.
    Nobody(Lock),
}

/// Asks the agentwatch that runs the agent.
///
/// # Errors
/// It refuses, cannot be reached or gives no answer; the words name the way out.
pub fn ask(name: &str, paths: &Paths, request: &Request) -> Result<Asked, Failure> {
    match Lock::take(&paths.lock()) {
        Ok(lock) => return Ok(Asked::Nobody(lock)),
        Err(LockError::Held { .. }) => {}
        Err(LockError::Io(error)) => return Err(failed(name, &error)),
    }
    let known = memory::look(paths).map_err(|error| failed(name, &error))?;
    let identity = known.map(|(identity, _)| identity).unwrap_or_default();
    let Some(control) = identity.control else {
        let words = "its agentwatch has no control socket; signals reach it: TERM stops it";
        return Err(failed(name, &words));
    };
    let answer = control::write(request)
        .map_err(std::io::Error::other)
        .and_then(|line| socket::ask(Path::new(&control), &line, control::LINE_MAX, PATIENCE))
        .map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                let waited = PATIENCE.as_secs();
                let words = format!("its agentwatch has not answered in {waited}s");
                failed(name, &format_args!("{words}; look: agentwatch status --check live {name}"))
            }
            _ => {
                let words = format!("its agentwatch does not answer at {control}: {error}");
                failed(name, &words)
            }
        })?;
    match control::read_answer(&answer) {
        Some(answer) if answer.ok => Ok(Asked::Done(answer)),
        Some(answer) => {
            let words = answer.words + &another(&identity.agentwatch);
            Err(Failure::new(EXIT_FAILED, words))
        }
        None => Err(failed(name, &"its agentwatch gave no sensible answer")),
    }
}

/// Why an agentwatch may not know what is wanted of it: it is another one than this.
fn another(version: &str) -> String {
    let ours = env!("CARGO_PKG_VERSION");
    if version.is_empty() || version == ours {
        return String::new();
    }
    let version = plain(version.as_bytes());
    format!(
        "; it is agentwatch {version}, and this is {ours}, which takes over when it is started again"
    )
}

/// Waits until no agentwatch runs the agent any more. A stop always ends, so this does.
///
/// # Errors
/// The lock cannot be looked at.
pub fn wait_until_gone(name: &str, paths: &Paths) -> Result<(), Failure> {
    loop {
        match Lock::take(&paths.lock()) {
            Ok(_) => return Ok(()),
            Err(LockError::Held { .. }) => poll::pause(LOOK_AGAIN),
            Err(LockError::Io(error)) => return Err(failed(name, &error)),
        }
    }
}

/// A command that failed for this agent.
pub fn failed(name: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(EXIT_FAILED, format_args!("{name}: {error}"))
}

/// The words where nobody runs the agent that a command is about.
pub fn nobody_runs(name: &str, paths: &Paths) -> Failure {
    let latched = matches!(memory::look(paths), Ok(Some((_, memory))) if memory.latch.is_some());
    let way_out = if latched {
        format!("it stays down until: agentwatch resume {name}")
    } else {
        "start it with: agentwatch run".to_owned()
    };
    failed(name, &format_args!("no agentwatch runs it; {way_out}"))
}
