//! A letter is composed: what a person is told of an incident, as SPEC §11 shows it. Pure.
//!
//! It answers what, since when, why, whether it still spends, whether anything will be tried, what to type.

use std::time::Duration;

use crate::core::cost::budget::{self, Budget};
use crate::core::cost::limits::Action;
use crate::core::fact::{Fact, Outcome, Severity};
use crate::core::incident::{Alert, Incident, Part, Trouble};
use crate::core::memory::Memory;
use crate::core::settings::Settings;
use crate::core::supervisor::Phase;
use crate::core::time::{Now, Wall, millis};

use super::letter::title::STOPPED;
use super::letter::{Kind, Letter, Step, VERSION};
use super::mask::masked;
use super::stamp::{day, local, local_time};
use super::words::{count, describe, grouped, span};
use super::{costs, down, ending, words};

mod group;

use group::group;

/// The most bytes of output in a letter (SPEC §8).
const OUTPUT_MAX: usize = 10 * 1024;

/// An incident that is older than this says in words since when.
const SINCE: Duration = Duration::from_mins(1);

/// What a letter depends on besides its incident.
#[derive(Debug)]
pub struct About<'a> {
    /// The agent.
    pub agent: &'a str,
    /// The machine.
    pub host: &'a str,
    /// What a command needs besides the name: ` --state-dir /x`, or nothing.
    pub options: &'a str,
    /// `alert.reach`.
    pub reach: Option<&'a str>,
    /// `alert.runbook`.
    pub runbook: Option<&'a str>,
    /// The settings.
    pub settings: &'a Settings,
    /// What is known.
    pub memory: &'a Memory,
    /// Where the agent stands.
    pub phase: Phase,
    /// The clocks.
    pub now: Now,
    /// Seconds that local time is ahead of UTC.
    pub offset: i32,
}

/// What an incident is called, in all letters about it and on all machines.
#[must_use]
pub fn incident_name(about: &About<'_>, incident: &Incident) -> String {
    format!("{}@{}/{}-{}", about.agent, about.host, incident.trouble.word(), incident.since.0)
}

/// The letter.
#[must_use]
pub fn letter(alert: &Alert, about: &About<'_>) -> Letter {
    let incident = &alert.incident;
    let name = incident_name(about, incident);
    let kind = match alert.part {
        Part::Opened => Kind::Opened,
        Part::Worse => Kind::Updated,
        Part::Reminder => Kind::Reminder,
        Part::Acknowledged => Kind::Acknowledged,
        Part::Closed => Kind::Closed,
    };
    let headline = headline(alert);
    let group = group(incident);
    Letter {
        v: VERSION,
        id: format!("{name}/{}", incident.letters),
        incident: name,
        number: incident.letters,
        kind,
        severity: incident.severity,
        cause: incident.trouble.word().to_owned(),
        group,
        agent: about.agent.to_owned(),
        host: about.host.to_owned(),
        at: about.now.wall.0,
        offset: about.offset,
        since: incident.since.0,
        not_before: alert.not_before.map(|wall| wall.0),
        headline,
        lines: lines(alert, about),
        output: output(&alert.output),
        steps: steps(alert, about),
        runbook: about.runbook.map(str::to_owned),
        report: None,
    }
}

fn escalation(incident: &Incident) -> Option<&Fact> {
    incident.fact(|fact| matches!(fact, Fact::Escalated { .. }))
}

fn failure(incident: &Incident) -> Option<&Fact> {
    incident.fact(|fact| matches!(fact, Fact::Exited { .. } | Fact::SpawnFailed { .. }))
}

fn headline(alert: &Alert) -> String {
    let incident = &alert.incident;
    let what = what(incident);
    // Where in the incident it stands, and for how long, the title says.
    match alert.part {
        Part::Closed if incident.stopped => format!("{STOPPED}; it was: {what}"),
        Part::Closed | Part::Reminder | Part::Acknowledged | Part::Opened | Part::Worse => what,
    }
}

/// What is the matter, in a few words.
#[must_use]
pub fn what(incident: &Incident) -> String {
    if let Some(fact) = escalation(incident) {
        return format!("gave up: {}", down::escalated(fact));
    }
    let latest = incident.fact(|fact| !matches!(fact, Fact::Evidence(_)));
    match incident.trouble {
        Trouble::Failing => {
            let why = failure(incident).map(why).unwrap_or_default();
            let flaps = match incident.failures {
                _ if !incident.flapping => "",
                0 | 1 => ", after it had recovered",
                _ => ", again and again",
            };
            match failure(incident) {
                Some(Fact::Exited { outcome: Outcome::Failure { streak, max, .. }, .. }) => {
                    format!("failure {streak} of {max}{flaps}: {why}")
                }
                _ => format!("fails{flaps}: {why}"),
            }
        }
        Trouble::Parked => "parked for long: its provider sends it away".to_owned(),
        Trouble::State => {
            let worth = incident.fact(|fact| {
                matches!(
                    fact,
                    Fact::StateRestored(_) | Fact::StateQuarantined(_) | Fact::StatePassedOver(_)
                )
            });
            let words = worth.or(latest).map(|fact| describe(fact).1).unwrap_or_default();
            // The words of this fact go with its name.
            let verb = if let Some(Fact::StateRestored(_)) = worth { "restored " } else { "" };
            format!("{verb}{words}")
        }
        Trouble::Silent
        | Trouble::Loop
        | Trouble::Budget
        | Trouble::Stuck
        | Trouble::Deaf
        | Trouble::Idle
        | Trouble::Store
        | Trouble::Snapshots => latest.map(|fact| describe(fact).1).unwrap_or_default(),
    }
}

/// Why it ended, and its last words.
fn why(fact: &Fact) -> String {
    match fact {
        Fact::Exited {
            ending, ran_ms, outcome: Outcome::Failure { cause, .. }, traces, ..
        } => ending::failure(*cause, *ending, *ran_ms, traces.oom.as_ref(), None),
        fact => describe(fact).1,
    }
}

fn lines(alert: &Alert, about: &About<'_>) -> Vec<String> {
    let incident = &alert.incident;
    let mut lines = vec![standing(alert, about)];
    let closed = alert.part == Part::Closed;
    if let Some(fact) = failure(incident) {
        let last = match fact {
            Fact::Exited { last_line: Some(line), .. } => format!(". {}", masked(line)),
            _ => String::new(),
        };
        lines.push(format!("Why: {}{last}", why(fact)));
    }
    lines.extend(
        incident.facts.iter().find_map(words::evidence).map(|seen| format!("Seen: {seen}")),
    );
    let state = incident.fact(|fact| matches!(fact, Fact::StateInvalid(_)));
    lines.extend(state.map(|fact| format!("State: {}", describe(fact).1)));
    if is_valid(incident, about) && !closed {
        lines.push("State files: valid before its last start.".to_owned());
    }
    lines.extend(spending(about));
    if let Some(release) = &about.memory.release {
        lines.push(format!("Release: {release}"));
    }
    if !closed {
        lines.push(follows(alert, about));
    }
    lines
}

/// Whether what failed was started with state that is known to be valid.
fn is_valid(incident: &Incident, about: &About<'_>) -> bool {
    match failure(incident) {
        Some(Fact::Exited { incarnation, .. }) => {
            about.memory.incidents.valid == Some(*incarnation)
        }
        _ => false,
    }
}

/// `03:14`, and the date if that is another day.
fn moment(at: Wall, about: &About<'_>) -> String {
    if day(at, about.offset) == day(about.now.wall, about.offset) {
        local_time(at, about.offset)
    } else {
        local(at, about.offset)
    }
}

/// Where it stands, and how near to the end of our patience.
fn standing(alert: &Alert, about: &About<'_>) -> String {
    let streak = about.memory.streak.failures;
    let max = about.settings.max_failures;
    let streak = match streak {
        0 => String::new(),
        n => format!(" Streak {n} of {max}."),
    };
    let open = alert.part != Part::Closed;
    let since = alert.incident.since;
    // An incident that just began has its time in the title.
    let long = open && SINCE <= about.now.wall.since(since);
    let since = if long { format!(" Since {}.", moment(since, about)) } else { String::new() };
    let healthy = about.memory.incidents.healthy.filter(|_| open && !is_running(about.phase));
    let healthy = healthy.map(|at| format!(" Last healthy {}.", moment(at, about)));
    let healthy = healthy.unwrap_or_default();
    let state = match about.phase {
        _ if alert.incident.latched => "Down, stays down until resumed.".to_owned(),
        Phase::Escalated | Phase::Leaving => "Down, stays down until resumed.".to_owned(),
        Phase::Cooldown | Phase::Parked | Phase::Waiting => match alert.next_start {
            Some(at) => {
                let wait = span(millis(at.since(about.now.wall)));
                format!("Down; next start {}, in {wait}.", moment(at, about))
            }
            None => "Down.".to_owned(),
        },
        Phase::Failed => "Down, and is started again.".to_owned(),
        Phase::Stopping => "Being stopped.".to_owned(),
        Phase::Paused => "Paused: its processes are stopped where they are.".to_owned(),
        Phase::Validating => "Down; its state is being validated.".to_owned(),
        Phase::New | Phase::Done => "Not running.".to_owned(),
        Phase::Healthy => "Running, beats come.".to_owned(),
        Phase::Starting => "Running, its first beat is awaited.".to_owned(),
        Phase::Running | Phase::ShuttingDown => "Running.".to_owned(),
        Phase::Late | Phase::Unhealthy => "Running, but silent.".to_owned(),
    };
    format!("{state}{since}{streak}{healthy}")
}

/// What it used today, and of how much; nothing of an agent that does not tell.
fn spending(about: &About<'_>) -> Option<String> {
    let spend = about.memory.ledger.spend();
    let limits = &about.settings.limits;
    let part = |budget, text: &dyn Fn(u64) -> String| {
        let used = spend.of(budget);
        let most = limits.of(budget).map(|most| format!(" of {}", text(most)));
        (0 < used).then(|| format!("{}{}", text(used), most.unwrap_or_default()))
    };
    let tokens = part(Budget::TokensPerDay, &|n| grouped(n)).map(|text| format!("{text} tokens"));
    let usd = part(Budget::UsdPerDay, &|nano| costs::usd(budget::usd(nano)));
    let all: Vec<String> = tokens.into_iter().chain(usd).collect();
    let down = if is_running(about.phase) { "" } else { " No more is spent while it is down." };
    (!all.is_empty()).then(|| format!("Today: {}.{down}", all.join(", ")))
}

fn is_running(phase: Phase) -> bool {
    match phase {
        Phase::Starting
        | Phase::Running
        | Phase::Healthy
        | Phase::Late
        | Phase::Unhealthy
        | Phase::ShuttingDown
        | Phase::Stopping => true,
        Phase::New
        | Phase::Failed
        | Phase::Paused
        | Phase::Validating
        | Phase::Cooldown
        | Phase::Parked
        | Phase::Waiting
        | Phase::Escalated
        | Phase::Leaving
        | Phase::Done => false,
    }
}

/// Whether a child is there and nobody ends it.
fn is_up(phase: Phase) -> bool {
    is_running(phase) && phase != Phase::Stopping
}

/// What agentwatch will do, and when.
fn follows(alert: &Alert, about: &About<'_>) -> String {
    let incident = &alert.incident;
    if incident.latched || matches!(about.phase, Phase::Escalated | Phase::Leaving) {
        return "Nothing will be tried again until somebody resumes it.".to_owned();
    }
    let Settings { max_failures, .. } = about.settings;
    match incident.trouble {
        Trouble::Failing => {
            let left = max_failures.saturating_sub(about.memory.streak.failures);
            let now = if is_up(about.phase) { "It runs again" } else { "It is started again" };
            match left {
                0 => format!("{now}; the next failure is the last: then it stays down."),
                n => {
                    format!("{now}; after {} more it is given up.", count(u64::from(n), "failure"))
                }
            }
        }
        Trouble::Loop => match incident.fact(|fact| matches!(fact, Fact::LoopSuspected { .. })) {
            Some(Fact::LoopSuspected { action, .. }) => of_action(*action, "cost.on_loop"),
            _ => "Nothing is done about it.".to_owned(),
        },
        Trouble::Budget => {
            match incident.fact(|fact| matches!(fact, Fact::BudgetExceeded { .. })) {
                Some(Fact::BudgetExceeded { action, .. }) => of_action(*action, "cost.on_exceeded"),
                _ => "Nothing is done before all of it is spent.".to_owned(),
            }
        }
        Trouble::State => "It is started with what is in place now.".to_owned(),
        Trouble::Parked => "It is tried again and again, without a strike.".to_owned(),
        Trouble::Stuck => {
            "Nothing is started while they are there; they are killed again and again.".to_owned()
        }
        Trouble::Silent => {
            "Nothing is done about it (heartbeat.on_missed, on_stalled = alert).".to_owned()
        }
        Trouble::Deaf => "It is not judged by its silence meanwhile.".to_owned(),
        Trouble::Idle => "It is run again as before.".to_owned(),
        Trouble::Store | Trouble::Snapshots => "Supervision goes on without it.".to_owned(),
    }
}

fn of_action(action: Action, setting: &str) -> String {
    let words = match action {
        Action::Alert => "It goes on running and spending: nothing is done about it",
        Action::Restart => "It is started anew, and that counts as a failure",
        Action::Stop => "It is stopped and stays down",
        Action::Park => "It is stopped until the budget is fresh",
        Action::Pause => "It is paused until somebody resumes it",
    };
    format!("{words} ({setting}).")
}

/// The last lines of output, within what a letter may hold.
fn output(lines: &[String]) -> Option<String> {
    let mut kept = Vec::new();
    let mut room = OUTPUT_MAX;
    for line in lines.iter().rev() {
        let line = masked(line);
        let Some(left) = room.checked_sub(line.len() + 1) else { break };
        room = left;
        kept.push(line.into_owned());
    }
    kept.reverse();
    (!kept.is_empty()).then(|| kept.join("\n"))
}

/// What the person may type.
fn steps(alert: &Alert, about: &About<'_>) -> Vec<Step> {
    if alert.part == Part::Closed {
        return Vec::new();
    }
    let incident = &alert.incident;
    let reach = about.reach.map(|reach| format!("{reach} ")).unwrap_or_default();
    let (name, options) = (about.agent, about.options);
    let step = |label: &str, verb: &str, more: &str| Step {
        label: label.to_owned(),
        command: format!("{reach}agentwatch {verb} {name}{options}{more}"),
    };
    let mut steps = Vec::new();
    let down = incident.latched || matches!(about.phase, Phase::Escalated | Phase::Leaving);
    match incident.trouble {
        _ if down => steps.push(step("Try again", "resume", "")),
        Trouble::Loop => {
            if about.phase == Phase::Paused {
                steps.push(step("Let it go on", "resume", ""));
            } else {
                steps.push(step("Stop it where it is", "pause", ""));
            }
            steps.push(step("That is right", "resume", " --rebaseline"));
        }
        Trouble::Budget if is_running(about.phase) => {
            steps.push(step("Stop it where it is", "pause", ""));
        }
        Trouble::Budget | Trouble::Parked => steps.push(step("Start it now", "resume", "")),
        // That is what happened already.
        Trouble::Failing if is_up(about.phase) => {}
        Trouble::Failing | Trouble::Silent | Trouble::Idle => {
            steps.push(step("Start it anew now", "restart", ""));
        }
        Trouble::State | Trouble::Snapshots => steps.push(step("See its files", "state", "")),
        Trouble::Stuck | Trouble::Deaf | Trouble::Store => {}
    }
    steps.push(step("Look", "events", " --since 1h"));
    if incident.severity == Severity::Critical || alert.part == Part::Reminder {
        steps.push(step("I am on it", "ack", ""));
    }
    steps.push(step("Silence", "snooze", " 6h"));
    steps
}

#[cfg(test)]
mod tests;
