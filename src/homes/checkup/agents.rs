//! Agents that are known here, judged: who never beats, who beats in bursts, who is run twice or by another.

use super::line::supervisor;
use super::machine::few;
use super::{Facts, Finding, Seen, Verdict, told};

/// An agent that has run for this long without a beat will not beat.
pub(super) const NEVER_BEAT: u64 = 10 * 60 * 1000;

/// Everything that is to be said of them.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let agents = &facts.agents;
    let mut all = Vec::new();
    all.extend(outdated(agents));
    all.extend(agents.iter().filter_map(newer));
    all.extend(agents.iter().filter_map(never_beats));
    all.extend(agents.iter().filter_map(buffered));
    all.extend(agents.iter().filter_map(nested));
    all.extend(twice(agents));
    all
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
            format!("{name} has been up for {} without a beat, so a hang goes unseen", told(up)),
            "print one line a cycle and flush it (stdout of a pipe is buffered: flush=True, \
             stdbuf -oL), or say --beats none",
        )
    })
}

/// Nobody prints hundreds of lines in a second and nothing for minutes: a buffer was full.
fn buffered(agent: &Seen) -> Option<Finding> {
    let bursts = &agent.bursts;
    // Once may be an agentwatch that was stopped itself; an agent that was ended for it is no maybe.
    let verdict = match (bursts.count, bursts.hung) {
        (0, _) => return None,
        (1, 0) => Verdict::Look,
        _ => Verdict::Bites,
    };
    let (name, most, silence) = (&agent.name, bursts.most, told(bursts.silence_ms));
    let times =
        if bursts.count == 1 { "once".to_owned() } else { format!("{} times", bursts.count) };
    let hung = if bursts.hung == 0 { "" } else { ", and it was taken for hung" };
    Some(Finding::new(
        "stdout",
        verdict,
        format!(
            "{name} holds its beats back: {times} many came in one second, {most} after {silence} of \
             silence{hung}; its stdout is buffered"
        ),
        "PYTHONUNBUFFERED=1, python -u, or print(…, flush=True); for others stdbuf -oL COMMAND",
    ))
}

/// What a newer agentwatch wrote this one leaves alone.
fn newer(agent: &Seen) -> Option<Finding> {
    let why = agent.newer.as_deref()?;
    Some(Finding::new(
        "program",
        Verdict::Bites,
        format!("{}: its state is refused (code 78): {why}", agent.name),
        "run it by the newer agentwatch, or give this one another --state-dir",
    ))
}

/// After an upgrade: nothing is wrong, and what was mended is not yet in force.
fn outdated(agents: &[Seen]) -> Option<Finding> {
    let names: Vec<String> =
        agents.iter().filter(|agent| agent.outdated).map(|agent| agent.name.clone()).collect();
    (!names.is_empty()).then(|| {
        let who = few(&names);
        Finding::new(
            "program",
            Verdict::Look,
            format!("{who}: run by an agentwatch that was replaced or removed since, and goes on as it was"),
            "when it suits: systemctl restart UNIT, or agentwatch stop NAME and start it again",
        )
    })
}

fn nested(agent: &Seen) -> Option<Finding> {
    let program = supervisor(&agent.command)?;
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
