//! What would bite: how agentwatch is launched here, judged over what was collected. Pure.

pub mod compose;
pub mod plist;
pub mod unit;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;

use crate::wire::words::span;

/// An agent that has run for this long without a beat will not beat.
const NEVER_BEAT: u64 = 10 * 60 * 1000;

/// Less room than this on the disk of the state is too little for a night, in bytes.
const ROOM: u64 = 64 * 1024 * 1024;

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It may be meant.
    Look,
    /// It will bite.
    Bites,
}

/// What one look found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How much it matters.
    pub verdict: Verdict,
    /// What is so.
    pub words: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    fn good(check: &'static str, words: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, words: words.into(), fix: None }
    }

    fn new(
        check: &'static str,
        verdict: Verdict,
        words: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { check, verdict, words: words.into(), fix: Some(fix.into()) }
    }
}

/// A file that starts agentwatch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launcher {
    /// Where it is.
    pub path: String,
    /// What it says; of a unit with everything that is dropped in behind it.
    pub text: String,
}

/// Where agents keep their data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateDir {
    /// The folder.
    pub path: String,
    /// It, or the nearest folder above it that exists, may be written.
    pub writable: bool,
    /// It is gone after a reboot.
    pub in_memory: bool,
    /// How many bytes may still be written, if that is known.
    pub free: Option<u64>,
}

/// What is known of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub name: String,
    /// Whether an agentwatch runs for it.
    pub supervised: bool,
    /// The program of that agentwatch was replaced or removed since.
    pub outdated: bool,
    /// A beat was ever heard of what runs now.
    pub beats: bool,
    /// Where it stands.
    pub state: String,
    /// For how long it has been up, in milliseconds.
    pub up_ms: Option<u64>,
    /// Where it was started.
    pub directory: String,
    /// What was started.
    pub command: Vec<String>,
}

/// All that was collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Units of systemd that start agentwatch.
    pub units: Vec<Launcher>,
    /// Property lists of launchd that do.
    pub plists: Vec<Launcher>,
    /// Files of Compose that do.
    pub composes: Vec<Launcher>,
    /// Where agents keep their data.
    pub state_dir: StateDir,
    /// Somebody keeps the clock right; `None` if nobody tells.
    pub clock_kept: Option<bool>,
    /// Sinks that are configured.
    pub sinks: usize,
    /// Agents that are known here.
    pub agents: Vec<Seen>,
    /// agentwatch as it runs, and the one that `PATH` finds, if it is another.
    pub other: Option<(String, String)>,
    /// `PYTHONUNBUFFERED` as it is set here, if it is.
    pub unbuffered: Option<String>,
    /// How long a stop of an agent may take, where nothing else is said.
    pub stop_timeout: Duration,
}

/// Everything that is to be said, what bites first.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut all = vec![
        program(facts),
        state(&facts.state_dir),
        room(&facts.state_dir),
        clock(facts.clock_kept),
        sinks(facts.sinks),
        buffering(facts.unbuffered.as_deref()),
    ];
    all.extend(outdated(&facts.agents));
    all.extend(facts.agents.iter().filter_map(never_beats));
    all.extend(facts.agents.iter().filter_map(nested));
    all.extend(twice(&facts.agents));
    for launcher in &facts.units {
        all.extend(unit::judge(launcher, facts.stop_timeout));
    }
    for launcher in &facts.plists {
        all.extend(plist::judge(launcher, facts.stop_timeout));
    }
    for launcher in &facts.composes {
        all.extend(compose::judge(launcher, facts.stop_timeout));
    }
    all.extend(launched_twice(facts));
    all.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    all
}

fn program(facts: &Facts) -> Finding {
    match &facts.other {
        None => Finding::good("program", "agentwatch on PATH is this one"),
        Some((own, first)) => Finding::new(
            "program",
            Verdict::Bites,
            format!(
                "PATH finds {first} before {own}: an older one, or another product of that name"
            ),
            format!("write {own} in full, or put its folder first in PATH"),
        ),
    }
}

fn state(dir: &StateDir) -> Finding {
    let path = &dir.path;
    match dir {
        StateDir { writable: false, .. } => Finding::new(
            "state",
            Verdict::Bites,
            format!("{path} cannot be written: streak and latch do not survive agentwatch"),
            "run it as who owns that folder, or give --state-dir",
        ),
        StateDir { in_memory: true, .. } => Finding::new(
            "state",
            Verdict::Bites,
            format!("{path} is in memory: after a reboot a given-up agent is started again"),
            "give --state-dir a folder on a disk; in a container a volume",
        ),
        StateDir { .. } => Finding::good("state", format!("{path} can be written and lasts")),
    }
}

fn room(dir: &StateDir) -> Finding {
    match dir.free {
        Some(free) if free < ROOM => Finding::new(
            "room",
            Verdict::Bites,
            format!("{} has {} MB left for journals", dir.path, free / 1_000_000),
            "make room, or set journal.keep_days lower",
        ),
        _ => Finding::good("room", "the disk of the state has room"),
    }
}

fn clock(kept: Option<bool>) -> Finding {
    match kept {
        Some(false) => Finding::new(
            "clock",
            Verdict::Look,
            "nobody keeps the clock right: cooldowns over a restart and days of reports follow it",
            "timedatectl set-ntp true, or run chrony; in a virtual machine the host may do it",
        ),
        Some(true) => Finding::good("clock", "the clock is kept right"),
        None => Finding::good("clock", "whether the clock is kept right is not told here"),
    }
}

fn sinks(count: usize) -> Finding {
    match count {
        0 => Finding::new(
            "sinks",
            Verdict::Bites,
            "no alert sink: when an agent is given up in the night nobody is told",
            "alert.sinks = \"ntfy:YOUR-TOPIC\" in ~/.config/agentwatch/agentwatch.toml; then doctor --alert",
        ),
        1 => Finding::good("sinks", "1 sink; doctor --alert sends a test through it"),
        n => Finding::good("sinks", format!("{n} sinks; doctor --alert sends a test through each")),
    }
}

fn buffering(set: Option<&str>) -> Finding {
    match set {
        Some("") => Finding::new(
            "stdout",
            Verdict::Bites,
            "PYTHONUNBUFFERED is set to nothing: a piped Python holds its beats back for minutes",
            "unset PYTHONUNBUFFERED; agentwatch sets it to 1",
        ),
        _ => Finding::good("stdout", "Python is told not to hold its beats back"),
    }
}

fn never_beats(agent: &Seen) -> Option<Finding> {
    let up = agent.up_ms.filter(|up| NEVER_BEAT <= *up)?;
    // Where no beat is expected it says so: --beats none leaves it running, and is meant.
    let waits = agent.supervised && !agent.beats && matches!(&*agent.state, "running" | "starting");
    waits.then(|| {
        let name = &agent.name;
        Finding::new(
            "beats",
            Verdict::Look,
            format!("{name} has been up for {} without a beat, so a hang goes unseen", span(up)),
            "print one line a cycle and flush it (stdout of a pipe is buffered: flush=True, \
             stdbuf -oL), or say --beats none",
        )
    })
}

/// After an upgrade: nothing is wrong, and what was mended is not yet in force.
fn outdated(agents: &[Seen]) -> Option<Finding> {
    /// So many names fit a line.
    const NAMED: usize = 5;
    let names: Vec<&str> =
        agents.iter().filter(|agent| agent.outdated).map(|agent| &*agent.name).collect();
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let who = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ") + &more;
    (!names.is_empty()).then(|| {
        Finding::new(
            "program",
            Verdict::Look,
            format!("{who}: run by an agentwatch that was replaced or removed since, and goes on as it was"),
            "when it suits: systemctl restart UNIT, or agentwatch stop NAME and start it again",
        )
    })
}

/// Programs that restart what they run.
const SUPERVISORS: [&str; 12] = [
    "pm2",
    "forever",
    "nodemon",
    "supervisord",
    "circusd",
    "honcho",
    "foreman",
    "runsv",
    "s6-supervise",
    "monit",
    "daemonize",
    "nohup",
];

fn nested(agent: &Seen) -> Option<Finding> {
    let program = agent.command.first()?.rsplit('/').next()?;
    if program == "agentwatch" || !SUPERVISORS.contains(&program) {
        return None;
    }
    let name = &agent.name;
    Some(Finding::new(
        "supervisors",
        Verdict::Bites,
        format!(
            "{name} is run by {program}, below agentwatch: it restarts the agent unseen, or detaches it"
        ),
        format!("give agentwatch the agent itself: agentwatch run --name {name} -- COMMAND"),
    ))
}

/// The same agent, run by two agentwatches under two names.
fn twice(agents: &[Seen]) -> Vec<Finding> {
    let up: Vec<&Seen> =
        agents.iter().filter(|agent| agent.supervised && !agent.command.is_empty()).collect();
    let mut found = Vec::new();
    for (at, one) in up.iter().enumerate() {
        let same =
            |other: &&&Seen| (&other.directory, &other.command) == (&one.directory, &one.command);
        if let Some(other) = up.iter().skip(at + 1).find(same) {
            found.push(Finding::new(
                "supervisors",
                Verdict::Look,
                format!(
                    "{} and {} are the same command in {}",
                    one.name, other.name, one.directory
                ),
                format!("if that is one agent: agentwatch stop --stay {}", other.name),
            ));
        }
    }
    found
}

/// The same agent, started by two files: the one that comes second is refused (75), again and again.
fn launched_twice(facts: &Facts) -> Vec<Finding> {
    let names = facts.units.iter().filter_map(|one| Some((one, unit::agent(one)?)));
    let more = facts.plists.iter().filter_map(|one| Some((one, plist::agent(one)?)));
    let all: Vec<(&Launcher, String)> = names.chain(more).collect();
    let mut found = Vec::new();
    for (at, (one, name)) in all.iter().enumerate() {
        if let Some((other, _)) = all.iter().skip(at + 1).find(|(_, other)| other == name) {
            found.push(Finding::new(
                "supervisors",
                Verdict::Bites,
                format!("{} and {} both start {name}", one.path, other.path),
                "keep one of them; the other is refused with code 75, again and again",
            ));
        }
    }
    found
}
