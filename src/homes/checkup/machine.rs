//! The machine, judged: the agentwatch on `PATH`, the state directory, the clock, who is told of trouble.

use super::{Facts, Finding, OnPath, StateDir, Verdict, lines, unit};

/// Less room than this on the disk of the state is too little for a night, in bytes.
const ROOM: u64 = 64 * 1024 * 1024;

/// Everything that is to be said of it.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    vec![
        program(&facts.on_path),
        state(&facts.state_dir),
        room(&facts.state_dir),
        clock(facts.clock_kept),
        sinks(facts),
        buffering(facts.unbuffered.as_deref()),
    ]
}

fn program(found: &OnPath) -> Finding {
    match found {
        OnPath::This => Finding::good("program", "agentwatch on PATH is this one"),
        OnPath::Nowhere(own) => Finding::new(
            "program",
            Verdict::Look,
            format!("PATH finds no agentwatch; this one is {own}"),
            format!("write {own} in full, or put its folder into PATH"),
        ),
        OnPath::Copy(own, first) => Finding::new(
            "program",
            Verdict::Look,
            format!(
                "PATH finds {first}, a second copy of {own}: an upgrade of one leaves the other"
            ),
            format!("keep one of them: ln -sf {own} {first}"),
        ),
        OnPath::Other(own, first) => Finding::new(
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
            "--state-dir /var/lib/agentwatch, or another folder on a disk; in a container a volume",
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

/// Sinks may stand in the configuration that is read here, on the line of a unit, or in what runs already.
fn sinks(facts: &Facts) -> Finding {
    match facts.sinks {
        0 => {}
        1 => return Finding::good("sinks", "1 sink; doctor --alert sends a test through it"),
        n => {
            let words = format!("{n} sinks; doctor --alert sends a test through each");
            return Finding::good("sinks", words);
        }
    }
    let (mut heard, mut deaf): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for agent in &facts.agents {
        match agent.told {
            true => heard.push(agent.name.clone()),
            false if agent.supervised => deaf.push(agent.name.clone()),
            false => {}
        }
    }
    for (launcher, line) in lines(facts) {
        let known = |name: &str| heard.iter().chain(&deaf).any(|one| one == name);
        // A template starts nobody but those that are enabled.
        let mut names: Vec<&str> = launcher.instances.iter().map(String::as_str).collect();
        names.extend(line.name().filter(|name| !name.contains('%')));
        if line.name().is_some() && names.iter().all(|name| known(name)) {
            continue;
        }
        let whose = if launcher.alerts(&line) { &mut heard } else { &mut deaf };
        whose.push(unit::short(&launcher.path));
    }
    let fix = "alert.sinks = \"ntfy:YOUR-TOPIC\" in ~/.config/agentwatch/agentwatch.toml; then doctor \
               --alert";
    match (heard.is_empty(), deaf.is_empty()) {
        (true, _) => Finding::new(
            "sinks",
            Verdict::Bites,
            "no alert sink: when an agent is given up in the night nobody is told",
            fix,
        ),
        (false, false) => Finding::new(
            "sinks",
            Verdict::Bites,
            format!(
                "nobody is told when {} is given up; of {} somebody is",
                few(&deaf),
                few(&heard)
            ),
            fix,
        ),
        (false, true) => Finding::good(
            "sinks",
            format!("somebody is told of {}; the settings here name nobody", few(&heard)),
        ),
    }
}

/// So many names as fit a line.
pub(super) fn few(names: &[String]) -> String {
    const NAMED: usize = 5;
    let who = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(NAMED) {
        Some(more @ 1..) => format!("{who} and {more} more"),
        _ => who,
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
        _ => Finding::good("stdout", "nothing set here makes Python hold its beats back"),
    }
}
