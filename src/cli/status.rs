//! `agentwatch status`: where every agent stands, from its files.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config;
use crate::core::time::Wall;
use crate::report::status::{Status, Supervised, status};
use crate::store::paths::Paths;
use crate::store::{memory, read};
use crate::sys::clock::Clock;
use crate::sys::lock::{self, Probe};
use crate::sys::tty;
use crate::wire::paint;
use crate::wire::words::{Tone, grouped, span};

use super::output::{print, table};
use super::{Failure, Outcome, agents};

/// How many of the last records are looked at; the state of an agent is in the last few.
const RECORDS: usize = 200;

/// How much of the journal's end that may take, in bytes.
const TAIL_BYTES: u64 = 64 * 1024;

/// The definition.
pub fn command() -> Command {
    Command::new("status")
        .about("Show where every agent stands")
        .arg(agents::name_arg())
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON, one array"))
        .args(config::state_dir_flags())
        .after_help(
            "Example:\n  agentwatch status\n  agentwatch status crawler --json | jq '.[0].state'",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let state_dir = super::run::state_dir(matches)?;
    let names = agents::chosen(matches, &state_dir)?;
    let now = Clock::new().now().wall;
    let all: Vec<Status> = names.iter().map(|name| look(&state_dir, name, now)).collect();
    if matches.get_flag("json") {
        let text = serde_json::to_string_pretty(&all)
            .map_err(|error| Failure::new(super::EXIT_FAILED, error))?;
        print(&format!("{text}\n"))?;
    } else if all.is_empty() {
        print(&format!(
            "no agents in {}; start one: agentwatch run -- COMMAND\n",
            state_dir.display()
        ))?;
    } else {
        print(&render(&all, tty::colour(1)))?;
    }
    Ok(0)
}

/// Reads the files of one agent. What cannot be read is said, and does not hide the others.
fn look(state_dir: &Path, name: &str, now: Wall) -> Status {
    let paths = Paths::new(state_dir, name);
    let supervised = match lock::probe(&paths.lock()) {
        Ok(Probe::HeldBy(pid)) => Supervised::By(pid),
        Ok(Probe::Free | Probe::Missing) | Err(_) => Supervised::ByNobody,
    };
    let (known, mut error) = match memory::look(&paths) {
        Ok(known) => (known, None),
        Err(error) => (None, Some(format!("state.json: {error}"))),
    };
    let records = read::tail(&paths.journal(), RECORDS, TAIL_BYTES).unwrap_or_else(|failed| {
        error.get_or_insert(format!("journal: {failed}"));
        VecDeque::default()
    });
    let known = known.as_ref().map(|(identity, memory)| (identity, memory));
    Status { error, ..status(name, known, &records, supervised, now) }
}

fn render(all: &[Status], colour: bool) -> String {
    let head =
        ["AGENT", "STATE", "RUN", "UP", "LAST BEAT", "TOKENS/CYCLE", "FAILURES", "NEXT START"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(row));
    let lines = table(&rows);
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let line = match at.checked_sub(1).and_then(|at| all.get(at)) {
            None => paint::dim(line, colour),
            // Only the word itself: a whole line in red is harder to read.
            Some(status) => line.replacen(
                status.state,
                &paint::paint(tone(status), status.state, colour),
                1 + usize::from(status.agent.contains(status.state)),
            ),
        };
        text.push_str(&line);
        text.push('\n');
    }
    for status in all {
        if let Some(error) = &status.error {
            let _ = writeln!(text, "{}: {error}", status.agent);
        }
        if status.latched_since.is_some() {
            let name = &status.agent;
            let _ = writeln!(text, "{name} stays down until: agentwatch resume {name}");
        }
    }
    text
}

fn row(status: &Status) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    vec![
        status.agent.clone(),
        status.state.to_owned(),
        status.incarnation.to_string(),
        or_dash(status.up_ms.map(span)),
        or_dash(status.last_beat_ms.map(|ms| format!("{} ago", span(ms)))),
        or_dash(status.tokens_per_cycle.map(grouped)),
        format!("{}/{}", status.streak, status.max_failures),
        or_dash(status.next_start_ms.map(|ms| format!("in {}", span(ms)))),
    ]
}

fn tone(status: &Status) -> Tone {
    match status.state {
        "healthy" | "running" => Tone::Good,
        "escalated" | "failed" | "unhealthy" | "unknown" => Tone::Bad,
        "late" | "cooldown" | "starting" => Tone::Warning,
        _ => Tone::Plain,
    }
}
