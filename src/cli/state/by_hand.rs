//! What `run` does with state files, done by hand.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use clap::ArgMatches;

use crate::cli::output::{complain, print};
use crate::cli::{EXIT_FAILED, Failure, Outcome};
use crate::core::fact::Fact;
use crate::core::fact::RestoreFailed;
use crate::core::validation::{Done, NOTHING_THERE};
use crate::statefiles::{self, Entry};
use crate::store::memory;
use crate::sys::file;
use crate::sys::lock::{Lock, LockError};
use crate::wire::custody;
use crate::wire::ending::bytes_of;
use crate::wire::errand::Task;
use crate::wire::words::count;

use super::{Agent, chosen};

/// `agentwatch state check`.
pub fn check(matches: &ArgMatches) -> Outcome {
    let agent = chosen(matches)?;
    let done = statefiles::check_only(&agent.errand(Task::Check { repair: false }))
        .map_err(|error| agent.failed(error))?;
    let code = if done.faults.is_empty() { 0 } else { EXIT_FAILED };
    if matches.get_flag("json") {
        let text = serde_json::to_string_pretty(&done).map_err(|error| agent.failed(error))?;
        print(&format!("{text}\n"))?;
        return Ok(code);
    }
    for fault in &done.faults {
        let at = fault.offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
        print(&format!("{}{at}: {}\n", fault.path, fault.words))?;
    }
    for note in &done.notes {
        print(&format!("{note}\n"))?;
    }
    let valid = count(u64::from(done.valid), "file");
    let missing = match done.missing {
        0 => String::new(),
        missing => format!(", {missing} not there"),
    };
    let wrong = match u64::from(done.more_faults) + done.faults.len() as u64 {
        0 => String::new(),
        wrong => format!(", {} not", count(wrong, "file")),
    };
    print(&format!("{}: {valid} valid{wrong}{missing}, {}\n", agent.name, bytes_of(done.bytes)))?;
    Ok(code)
}

/// `agentwatch state snapshot`.
pub fn snapshot(matches: &ArgMatches) -> Outcome {
    let agent = chosen(matches)?;
    let known = memory::look(&agent.paths).ok().flatten();
    let incarnation = known.map_or(0, |(_, memory)| memory.incarnation);
    match statefiles::perform(&agent.errand(Task::Snapshot { incarnation })) {
        Done::Taken(taken) if taken.unchanged => {
            print(&format!("{}: nothing has changed since {}\n", agent.name, taken.set))?;
            Ok(0)
        }
        Done::Taken(taken) => {
            let words = custody::words(&Fact::SnapshotTaken(taken));
            print(&format!("{}: {words}\n", agent.name))?;
            Ok(0)
        }
        Done::NotValid(checked) => {
            let first = checked.faults.first();
            let words = first.map(|fault| format!("{}: {}", fault.path, fault.words));
            Err(agent.failed(words.unwrap_or_else(|| "the state is not valid".to_owned())))
        }
        Done::NothingThere => Err(agent.failed(NOTHING_THERE.to_owned())),
        done => Err(failed(&agent, done)),
    }
}

/// `agentwatch state restore`.
pub fn restore(matches: &ArgMatches) -> Outcome {
    let agent = chosen(matches)?;
    let _lock = nobody_runs(&agent)?;
    let set = matches.get_one::<String>("set").cloned();
    let why = "a person put a snapshot in place".to_owned();
    let task = Task::Restore { set: set.clone(), before: None, not: Vec::new(), why };
    match statefiles::perform(&agent.errand(task)) {
        Done::Restored(restored) => {
            let words = custody::words(&Fact::StateRestored(restored));
            print(&format!("{}: {words}\n", agent.name))?;
            Ok(0)
        }
        Done::NoSet { unfit, .. } if unfit.is_empty() && set.is_some() => {
            let set = set.unwrap_or_default();
            Err(agent.failed(format_args!(
                "there is no snapshot {set}; look: agentwatch state {}",
                agent.name
            )))
        }
        Done::NoSet { sets, unfit } => {
            let fact = Fact::RestoreFailed(RestoreFailed { sets, unfit, error: None });
            Err(agent.failed(custody::words(&fact)))
        }
        done => Err(failed(&agent, done)),
    }
}

fn failed(agent: &Agent, done: Done) -> Failure {
    match done {
        Done::Failed { error } => agent.failed(error),
        other => agent.failed(format_args!("unexpected: {other:?}")),
    }
}

/// Makes sure that no process of the agent has its files open; while the lock is held none is started.
fn nobody_runs(agent: &Agent) -> Result<Option<Lock>, Failure> {
    match Lock::take(&agent.paths.lock()) {
        Ok(lock) => return Ok(Some(lock)),
        Err(LockError::Held { .. }) => {}
        Err(error @ LockError::Io(_)) => return Err(agent.failed(error)),
    }
    let known = memory::look(&agent.paths).map_err(|error| agent.failed(error))?;
    // Given up and held, it starts nothing before a human says so.
    if known.is_some_and(|(_, memory)| memory.latch.is_some() && memory.tree.is_none()) {
        return Ok(None);
    }
    let name = &agent.name;
    Err(agent.failed(format_args!("is running; stop it first: agentwatch stop {name}")))
}

/// `agentwatch state diff`.
pub fn diff(matches: &ArgMatches) -> Outcome {
    let agent = chosen(matches)?;
    let set = matches.get_one::<String>("set").cloned().unwrap_or_default();
    let all =
        statefiles::sets_in(&agent.home().snapshots()).map_err(|error| agent.failed(error))?;
    let Some(found) = all.into_iter().find(|one| one.name == set) else {
        let name = &agent.name;
        return Err(
            agent.failed(format_args!("there is no snapshot {set}; look: agentwatch state {name}"))
        );
    };
    let manifest = statefiles::read_set(&found.folder).map_err(|error| agent.failed(error))?;
    let mut same = true;
    for entry in &manifest.files {
        let words = compare(&found.folder, entry);
        same &= words.is_none();
        print(&format!("{}: {}\n", entry.path, words.unwrap_or_else(|| "the same".to_owned())))?;
    }
    let listing =
        statefiles::list(&agent.identity.state_files.files).map_err(|error| agent.failed(error))?;
    for file in listing.files {
        if !manifest.files.iter().any(|entry| Path::new(&entry.path) == file.path) {
            same = false;
            print(&format!("{}: not in the snapshot\n", file.path.display()))?;
        }
    }
    for note in listing.notes {
        complain(&note);
    }
    Ok(if same { 0 } else { EXIT_FAILED })
}

/// How a file differs from its copy; none if it does not.
fn compare(folder: &Path, entry: &Entry) -> Option<String> {
    let path = Path::new(&entry.path);
    let now = match file::open_to_read(path) {
        Ok(now) => now,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Some("not there any more".to_owned());
        }
        Err(error) => return Some(error.to_string()),
    };
    let then = match file::open_to_read(&folder.join(&entry.stored)) {
        Ok(then) => then,
        Err(error) => return Some(format!("its copy: {error}")),
    };
    let size = now.metadata().map_or(0, |found| found.len());
    let at = match first_difference(&then, &now) {
        Ok(None) => return None,
        Ok(Some(at)) => at,
        Err(error) => return Some(error.to_string()),
    };
    Some(format!(
        "differs from byte {at} on, {} then and {} now",
        bytes_of(entry.size),
        bytes_of(size)
    ))
}

fn first_difference(one: &File, other: &File) -> std::io::Result<Option<u64>> {
    let mut pairs = (std::io::BufReader::new(one).bytes(), std::io::BufReader::new(other).bytes());
    let mut at = 0;
    loop {
        match (pairs.0.next().transpose()?, pairs.1.next().transpose()?) {
            (None, None) => return Ok(None),
            (one, other) if one == other => at += 1,
            _ => return Ok(Some(at)),
        }
    }
}
