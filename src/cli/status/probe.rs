//! `status --check`: is it live, is it healthy; one line of words and a code for probes.

use std::path::Path;
use std::time::Duration;

use crate::report::status::Status;
use crate::store::memory;
use crate::sys::{host, socket};
use crate::wire::control;
use crate::wire::words::span;

use super::super::agents::Agent;
use super::super::output::print;
use super::super::{EXIT_FAILED, Outcome};

/// How long an agentwatch may take to answer: it never waits for anybody, but for a disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// The same once one did not: a probe has seconds, however many hang.
const IMPATIENCE: Duration = Duration::from_millis(100);

/// Says whether all are live, or healthy; the code is 0 if so, else 1.
pub fn check(live: bool, agents: &[Agent], all: &[Status]) -> Outcome {
    let mut patience = PATIENCE;
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for (agent, status) in agents.iter().zip(all) {
        let answered = answers(agent, status, patience);
        if answered.is_err() && status.supervised {
            patience = IMPATIENCE;
        }
        match judge(live, status, answered) {
            Ok(words) => good.push(format!("{}: {words}", agent.name)),
            Err(words) => bad.push(format!("{}: {words}", agent.name)),
        }
    }
    let wanted = if live { "live" } else { "healthy" };
    let words = match (good.as_slice(), bad.as_slice()) {
        ([one], []) | ([], [one]) => one.clone(),
        (good, []) => format!("{} agents are {wanted}", good.len()),
        (good, bad) => {
            let all = good.len() + bad.len();
            format!("{} of {all} agents are {wanted}; not {}", good.len(), bad.join("; not "))
        }
    };
    print(&format!("{words}\n"))?;
    Ok(if bad.is_empty() { 0 } else { EXIT_FAILED })
}

fn judge(live: bool, status: &Status, answered: Result<&str, String>) -> Result<String, String> {
    let how = answered?;
    if live {
        return Ok(format!("live, {how}; {}", status.state));
    }
    let since = status.state_ms.map(|ms| format!(" for {}", span(ms))).unwrap_or_default();
    let words = format!("{}{since}", status.state);
    match &status.error {
        Some(error) if status.state == "unknown" => Err(format!("{words}; {error}")),
        _ if status.healthy => Ok(words),
        _ => Err(words),
    }
}

/// Whether the agentwatch of an agent answers; where it cannot be asked, whether it is there and not
/// stopped.
fn answers(agent: &Agent, status: &Status, patience: Duration) -> Result<&'static str, String> {
    if !status.supervised {
        return Err(match status.error.as_ref() {
            Some(error) => format!("no agentwatch is seen to run it: {error}"),
            None => format!("no agentwatch runs it ({})", status.state),
        });
    }
    let pid = status.supervisor_pid;
    let named = pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
    if pid.is_some_and(host::is_stopped) {
        return Err(format!("its agentwatch{named} is stopped (state T)"));
    }
    let known = memory::look(&agent.paths()).ok().flatten();
    let Some(path) = known.and_then(|(identity, _)| identity.control) else {
        return Ok("its agentwatch holds the lock");
    };
    match socket::ask(Path::new(&path), control::PING, control::LINE_MAX, patience) {
        Ok(_) => Ok("its agentwatch answers"),
        // It listens, and does not answer in time.
        Err(error) if is_timeout(&error) => {
            let patience = span(crate::core::time::millis(patience));
            Err(format!("its agentwatch{named} has not answered for {patience}"))
        }
        // No socket, or not one that we may use: what is left to see is the lock.
        Err(_) => Ok("its agentwatch holds the lock"),
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
