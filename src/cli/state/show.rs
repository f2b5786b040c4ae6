//! The state files of an agent at a glance.

use clap::ArgMatches;
use serde_json::{Value, json};

use crate::cli::Outcome;
use crate::cli::output::{print, table};
use crate::core::time::Wall;
use crate::core::validation::{FileKind, StateFile};
use crate::statefiles::{self, Manifest, SetOnDisk};
use crate::store::memory;
use crate::sys::clock;
use crate::wire::ending::bytes_of;
use crate::wire::stamp;
use crate::wire::words::span;

use super::{Agent, chosen};

/// Up to so many bytes in all the files are checked while they are shown: nobody notices the time.
const CHECKED_MAX: u64 = 64 << 20;

/// A file with what is known of it.
struct Row {
    path: String,
    kind: FileKind,
    size: u64,
    changed_ms: u64,
    /// What is wrong; none: valid, or not checked.
    fault: Option<String>,
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let agent = chosen(matches)?;
    let files = &agent.identity.state_files.files;
    let listing = statefiles::list(files).map_err(|error| agent.failed(error))?;
    let sizes = listing.files.iter().filter_map(|file| file.path.symlink_metadata().ok());
    let checks = sizes.map(|found| found.len()).sum::<u64>() <= CHECKED_MAX;
    let now = clock::wall_ms();
    let mut rows = Vec::new();
    for file in &listing.files {
        let Ok(found) = file.path.symlink_metadata() else { continue };
        let fault = checks.then(|| statefiles::look(file, &agent.home().scratch_of_reader()).fault);
        rows.push(Row {
            path: file.shown(),
            kind: file.kind,
            size: found.len(),
            changed_ms: since(now, written_ms(&found)),
            fault: fault.flatten().map(|fault| fault.words),
        });
    }
    let read = |folder: &std::path::Path| {
        let sets = statefiles::sets_in(folder).map_err(|error| agent.failed(error))?;
        let read = |set: SetOnDisk| {
            let manifest = statefiles::read_set(&set.folder);
            (set.name, manifest)
        };
        Ok::<Vec<_>, crate::cli::Failure>(sets.into_iter().rev().map(read).collect())
    };
    let home = agent.home();
    let (sets, aside) = (read(&home.snapshots())?, read(&home.quarantine())?);
    if matches.get_flag("json") {
        let value = as_json(&agent, &rows, checks, &sets, &aside);
        let text = serde_json::to_string_pretty(&value).map_err(|error| agent.failed(error))?;
        print(&format!("{text}\n"))?;
        return Ok(0);
    }
    let mut lines = vec![format!("{}, of {}", agent.name, agent.identity.directory)];
    lines.push(String::new());
    lines.extend(file_lines(&agent, &rows, checks, listing.missing));
    for fault in &listing.faults {
        lines.push(format!("  {}: {}", fault.path, fault.words));
    }
    lines.extend(listing.notes.iter().map(|note| format!("  {note}")));
    lines.push(String::new());
    lines.extend(set_lines(&agent, &sets, now));
    if !aside.is_empty() {
        lines.push(String::new());
        lines.extend(aside_lines(&agent, &aside, now));
    }
    print(&format!("{}\n", lines.join("\n")))?;
    Ok(0)
}

fn since(now: i64, then: i64) -> u64 {
    u64::try_from(now.saturating_sub(then)).unwrap_or(0)
}

fn written_ms(found: &std::fs::Metadata) -> i64 {
    use std::os::unix::fs::MetadataExt as _;
    found.mtime().saturating_mul(1000).saturating_add(found.mtime_nsec() / 1_000_000)
}

fn kind_word(kind: FileKind) -> String {
    match serde_json::to_value(kind) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

fn file_lines(agent: &Agent, rows: &[Row], checks: bool, missing: u32) -> Vec<String> {
    let files: &[StateFile] = &agent.identity.state_files.files;
    // Most lie where the agent was started, which stands above.
    let folder = format!("{}/", agent.identity.directory);
    let short = |path: &str| path.strip_prefix(&folder).unwrap_or(path).to_owned();
    let head = ["FILE", "KIND", "SIZE", "CHANGED", "CHECK"].map(str::to_owned).to_vec();
    let row = |row: &Row| {
        let check = match (&row.fault, checks) {
            (Some(words), _) => words.clone(),
            (None, true) if row.kind == FileKind::Opaque => "not checked".to_owned(),
            (None, true) => "valid".to_owned(),
            (None, false) => "large; agentwatch state check".to_owned(),
        };
        let changed = format!("{} ago", span(row.changed_ms));
        vec![short(&row.path), kind_word(row.kind), bytes_of(row.size), changed, check]
    };
    let rows: Vec<_> = std::iter::once(head).chain(rows.iter().map(row)).collect();
    let mut lines = table(&rows);
    if missing > 0 {
        let all = files.len();
        let entries = if all == 1 { "entry" } else { "entries" };
        lines.push(format!("{missing} of {all} {entries} not there, and need not be"));
    }
    lines
}

type Read = (String, Result<Manifest, String>);

fn set_lines(agent: &Agent, sets: &[Read], now: i64) -> Vec<String> {
    if sets.is_empty() {
        return vec![format!(
            "no snapshot yet; take one: agentwatch state snapshot {}",
            agent.name
        )];
    }
    let known = memory::look(&agent.paths).ok().flatten();
    let custody = known.map(|(_, memory)| memory.custody).unwrap_or_default();
    let head = ["SNAPSHOT", "AGE", "FILES", "SIZE", ""].map(str::to_owned).to_vec();
    let row = |(name, manifest): &Read| match manifest {
        Ok(manifest) => {
            let age = format!("{} ago", span(since(now, manifest.taken_ms)));
            let crashed = custody.passed_over.contains(name);
            let on_trial = custody.trial.as_ref().is_some_and(|trial| trial.set == *name);
            let note = match (crashed, on_trial, manifest.apart) {
                (true, ..) => "the agent failed with it: passed over",
                (_, true, _) => "in place, has to prove itself",
                (_, _, true) => "not all of one moment",
                _ => "",
            };
            let files = manifest.files.len().to_string();
            vec![name.clone(), age, files, bytes_of(manifest.bytes()), note.to_owned()]
        }
        Err(error) => {
            vec![name.clone(), String::new(), String::new(), String::new(), error.clone()]
        }
    };
    table(&std::iter::once(head).chain(sets.iter().map(row)).collect::<Vec<_>>())
}

fn aside_lines(agent: &Agent, aside: &[Read], now: i64) -> Vec<String> {
    let head = ["QUARANTINE", "AGE", "FILES", "WHY"].map(str::to_owned).to_vec();
    let row = |(name, manifest): &Read| match manifest {
        Ok(manifest) => {
            let age = format!("{} ago", span(since(now, manifest.taken_ms)));
            let why = manifest.why.clone().unwrap_or_default();
            vec![name.clone(), age, manifest.files.len().to_string(), why]
        }
        Err(error) => vec![name.clone(), String::new(), String::new(), error.clone()],
    };
    let mut lines = table(&std::iter::once(head).chain(aside.iter().map(row)).collect::<Vec<_>>());
    lines.push(format!("nothing is ever removed from {}", agent.home().quarantine().display()));
    lines
}

fn as_json(agent: &Agent, rows: &[Row], checks: bool, sets: &[Read], aside: &[Read]) -> Value {
    let files: Vec<Value> = rows
        .iter()
        .map(|row| {
            let valid = checks.then_some(row.fault.is_none());
            json!({ "path": row.path, "kind": row.kind, "size": row.size,
                    "changed_ms": row.changed_ms, "valid": valid, "fault": row.fault })
        })
        .collect();
    let of = |all: &[Read]| -> Vec<Value> {
        let one = |(name, manifest): &Read| match manifest {
            Ok(manifest) => json!({ "name": name, "taken": stamp::utc(Wall(manifest.taken_ms)),
                "files": manifest.files, "bytes": manifest.bytes(), "apart": manifest.apart,
                "why": manifest.why }),
            Err(error) => json!({ "name": name, "error": error }),
        };
        all.iter().map(one).collect()
    };
    json!({ "agent": agent.name, "files": files, "snapshots": of(sets), "quarantine": of(aside) })
}
