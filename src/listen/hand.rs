//! A beat handed to the agentwatch that runs the agent, by its control socket.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::store::memory;
use crate::store::paths::Paths;
use crate::sys::lock::{self, Probe};
use crate::sys::socket;
use crate::wire::control::{self, Request};

/// How long an agentwatch may take to answer: it is one turn of its loop, or, right after a start, a disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a beat was not heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// There is no such agent.
    Unknown,
    /// No agentwatch runs it.
    NobodyRuns,
    /// For this reason, in words.
    Because(String),
}

/// Hands a beat to the agent of these files. `incarnation`: its sender's, if it is inside an agent.
///
/// # Errors
/// Nobody heard it.
pub fn hand(paths: &Paths, incarnation: Option<u32>, line: &str) -> Result<(), Unheard> {
    let name = paths.dir().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let because = |error: &dyn std::fmt::Display| Unheard::Because(format!("{name}: {error}"));
    match lock::probe(&paths.lock()) {
        Ok(Probe::HeldBy(_)) => {}
        Ok(Probe::Free) => return Err(Unheard::NobodyRuns),
        Ok(Probe::Missing) => return Err(Unheard::Unknown),
        Err(error) => return Err(because(&error)),
    }
    let known = memory::look(paths).map_err(|error| because(&error))?;
    let Some(control) = known.and_then(|(identity, _)| identity.control) else {
        return Err(because(&"its agentwatch has no control socket, so it hears no commands"));
    };
    hand_to(Path::new(&control), incarnation, line).map_err(Unheard::Because)
}

/// Hands a beat to whoever listens on this control socket.
///
/// # Errors
/// In words: nobody does, or it does not take it.
pub fn hand_to(control: &Path, incarnation: Option<u32>, line: &str) -> Result<(), String> {
    let request = Request::Beat { incarnation, line: line.to_owned() };
    let answer = control::write(&request)
        .map_err(io::Error::other)
        .and_then(|line| socket::ask(control, &line, control::LINE_MAX, PATIENCE))
        .map_err(|error| format!("{}: {error}", control.display()))?;
    match control::read_answer(&answer) {
        Some(answer) if answer.ok => Ok(()),
        Some(answer) => Err(answer.words),
        None => Err(format!("{}: agentwatch gave no sensible answer", control.display())),
    }
}
