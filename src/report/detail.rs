//! One agent in detail, in words: for `status NAME` and for the live view. Pure.

use std::fmt::Write as _;

use crate::wire::plain::plain;
use crate::wire::stamp;
use crate::wire::words::{grouped, span};

use super::sparkline::sparkline;
use super::spend::Spend;
use super::status::Status;

/// What there is to say of one agent, a label and a line each. Times are `offset_s` seconds east of UTC.
#[must_use]
pub fn rows(status: &Status, offset_s: i32, unicode: bool) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(command) = &status.command_to_type {
        let label = if status.latched_since.is_some() { "until" } else { "or now" };
        rows.push((label, command.clone()));
    }
    if let Some(ms) = status.next_start_ms {
        rows.push(("next start", format!("in {}", span(ms))));
    }
    rows.push(("run", run(status)));
    rows.extend(agentwatch(status).map(|words| ("agentwatch", words)));
    if let Some(last) = status.last_beat_ms {
        let word = status.status.as_deref().unwrap_or_default();
        let mut beats = format!("last {} ago ({word})", span(last));
        if let Some(gap) = status.longest_gap_ms {
            let _ = write!(beats, "; longest gap {}", span(gap));
        }
        if let Some(since) = &status.longest_gap_since {
            let started = status.started.as_ref() == Some(since);
            let words = if started {
                "of this run".to_owned()
            } else {
                format!("since {}", local(since, offset_s))
            };
            let _ = write!(beats, " {words}");
        }
        rows.push(("beats", beats));
    }
    if let Some(deadline) = &status.deadline {
        let left = deadline.left_ms.map(|ms| format!("; {} left", span(ms)));
        rows.push(("deadline", format!("{}{}", deadline.words, left.unwrap_or_default())));
    }
    rows.extend(tokens(status).map(|words| ("tokens", words)));
    if 1 < status.recent_tokens.len() {
        let recent: Vec<Option<u64>> = status.recent_tokens.iter().map(|n| Some(*n)).collect();
        rows.push(("", sparkline(&recent, unicode)));
    }
    if let Some(since) = status.spend.as_ref().and_then(|spend| spend.loop_since.as_ref()) {
        let right = "is that right? agentwatch resume --rebaseline";
        let since = local(since, offset_s);
        rows.push(("loop?", format!("suspected since {since}; {right} {}", status.agent)));
    }
    let spent = status.spend.as_ref().and_then(Spend::words);
    rows.extend(spent.map(|words| ("spent", words)));
    let latched = status.latched_since.as_ref();
    let latched = latched.map(|since| format!("; down since {}", local(since, offset_s)));
    let failures = format!("{} of {}", status.streak, status.max_failures);
    rows.push(("failures", failures + &latched.unwrap_or_default()));
    if let Some(words) = &status.last_end {
        let ago = status.last_end_ms.map(|ms| format!("{} ago: ", span(ms)));
        rows.push(("last end", format!("{}{words}", ago.unwrap_or_default())));
    }
    if !status.command.is_empty() {
        rows.push(("command", format!("{}  (in {})", status.command.join(" "), status.directory)));
    }
    rows.extend(status.log.clone().map(|log| ("log", log)));
    rows.extend(status.notes.iter().map(|note| ("note", note.clone())));
    rows.extend(status.error.clone().map(|error| ("error", error)));
    // What an agent or a command line holds may hold anything, and a line is a line.
    for (_, value) in &mut rows {
        *value = plain(value.replace(['\n', '\r'], " ").as_bytes());
    }
    rows
}

/// Which run this is, and who looks after it.
fn run(status: &Status) -> String {
    let run = match (status.pid, status.up_ms) {
        (Some(pid), Some(up)) => format!("{}, pid {pid}, up {}", status.incarnation, span(up)),
        _ => format!("{}, none is up", status.incarnation),
    };
    let by = match (status.supervised, status.supervisor_pid) {
        (true, Some(pid)) => format!("; supervised by pid {pid}"),
        (true, None) => String::new(),
        (false, _) => "; no agentwatch runs it".to_owned(),
    };
    run + &by
}

/// The version that runs it, and how that becomes this one.
fn agentwatch(status: &Status) -> Option<String> {
    let version = status.supervisor_version.as_ref()?;
    let ours = env!("CARGO_PKG_VERSION");
    Some(match status.other_version() {
        Some(other) => format!("{other}; this is {ours}, which takes over at a stop and a start"),
        None => version.clone(),
    })
}

/// Tokens a cycle: the last, and what is usual.
fn tokens(status: &Status) -> Option<String> {
    let last = status.last_tokens.map(|n| format!("; last {}", grouped(n)));
    let usual = status.spend.as_ref().and_then(|spend| spend.baseline);
    let words = match (usual, status.tokens_per_cycle) {
        (Some(usual), _) => format!("{} a cycle is usual", grouped(usual)),
        (None, mean) => format!("{} a cycle", grouped(mean?)),
    };
    Some(words + &last.unwrap_or_default())
}

/// A moment of the journal as people read it.
fn local(utc: &str, offset_s: i32) -> String {
    stamp::parse_utc(utc).map_or_else(|| utc.to_owned(), |at| stamp::local(at, offset_s))
}
