//! `agentwatch events`: the journals, readable.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::suggest;
use crate::core::time::Wall;
use crate::store::follow::Follow;
use crate::store::history::{self, Places, Wanted};
use crate::store::read;
use crate::sys::clock::Clock;
use crate::sys::poll::pause;
use crate::sys::tty;
use crate::wire::kinds::EVENTS;
use crate::wire::{moment, words};

use super::agents::{self, Agent};
use super::lines::Printer;
use super::output::{complain, reader_is_gone};
use super::{EXIT_FAILED, EXIT_USAGE, Failure, Outcome};

/// How often it is looked for more: an event is seen well within 200 ms, and a look at an agent costs
/// three system calls.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks until new agents are looked for.
const LOOKS: u32 = 10;

/// Events shown before those that `--follow` waits for, as `tail -f` does it.
const BEFORE: usize = 10;

/// How much of a journal's end these are looked for in, in bytes.
const BEFORE_BYTES: u64 = 64 * 1024;

/// The definition.
pub fn command() -> Command {
    let text = |id: &'static str, value: &'static str, help: &'static str| {
        Arg::new(id).long(id).value_name(value).help(help)
    };
    Command::new("events")
        .about("Show what happened, from the journal")
        .arg(text(
            "since",
            "WHEN",
            "From then on: 1h (ago), 09:00, 2026-11-22, \"2026-11-22 09:00\", RFC 3339",
        ))
        .arg(text("until", "WHEN", "Only before then"))
        .arg(
            text("event", "KIND", "Only these, such as exited,escalated")
                .action(ArgAction::Append)
                .value_delimiter(','),
        )
        .arg(
            Arg::new("follow")
                .short('f')
                .long("follow")
                .action(ArgAction::SetTrue)
                .conflicts_with("until")
                .help("Go on with what happens, until Ctrl-C; without --since from the last 10 on"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the journal's own lines, with the agent's name added"),
        )
        .args(agents::many_args())
        .after_help(
            "Example:\n  agentwatch events crawler --since 1h\n  \
             agentwatch events --follow --event exited,escalated\n  \
             agentwatch events crawler --json | jq 'select(.event == \"exited\")'",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let wanted = wanted(matches)?;
    let dirs = agents::state_dirs(matches)?;
    let (agents, mut failed) = agents::chosen_of(matches, &dirs)?;
    let follow = matches.get_flag("follow");
    if agents.is_empty() && !follow {
        let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        complain(&format!(
            "no agents in {}; start one: agentwatch run -- COMMAND",
            dirs.join(", ")
        ));
        return Ok(0);
    }
    let names = 1 < agents.len() || (follow && !matches.contains_id("name"));
    let mut printer = Printer::new(matches.get_flag("json"), tty::colour(1), names);
    let short = follow && !matches.contains_id("since");
    let places = if short {
        last(&agents, &wanted, &mut printer)?
    } else {
        let journals = journals(&agents);
        let (places, troubles) = history::read(&journals, &wanted, None, |number, at, line| {
            agents.get(number).map_or(Ok(()), |agent| printer.add(&agent.name, at, line))
        })?;
        failed |= !troubles.is_empty();
        tell(&agents, troubles);
        places
    };
    printer.flush()?;
    tell_future(&agents);
    if follow {
        let fixed = matches.contains_id("name");
        return self::follow(matches, &dirs, agents, fixed, &wanted, &places, &mut printer);
    }
    Ok(if failed { EXIT_FAILED } else { 0 })
}

fn journals(agents: &[Agent]) -> Vec<PathBuf> {
    agents.iter().map(|agent| agent.paths().journal()).collect()
}

fn tell(agents: &[Agent], troubles: Vec<history::Trouble>) {
    for (number, error) in troubles {
        let name = agents.get(number).map_or("", |agent| &agent.name);
        complain(&format!("{name}: journal: {error}"));
    }
}

/// Says which files bear the date of a day that is yet to come.
fn tell_future(agents: &[Agent]) {
    let today = Clock::new().now().day;
    for agent in agents {
        let days = read::days(&agent.paths().journal()).unwrap_or_default();
        if let Some((day, _)) = days.last().filter(|(day, _)| day.is_ahead_of(today)) {
            complain(&words::journal_ahead(&agent.name, *day));
        }
    }
}

fn wanted(matches: &ArgMatches) -> Result<Wanted, Failure> {
    let mut clock = Clock::new();
    let now = clock.now().wall;
    let moment = |id: &str| -> Result<Option<Wall>, Failure> {
        let Some(text) = matches.get_one::<String>(id) else { return Ok(None) };
        let found = moment::parse(text, now, &|at| clock.offset_at(at));
        found
            .map(Some)
            .map_err(|words| Failure::new(EXIT_USAGE, format_args!("--{id}: \"{text}\" {words}")))
    };
    let events: Vec<String> =
        matches.get_many::<String>("event").into_iter().flatten().cloned().collect();
    if let Some(unknown) = events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
        let near = suggest::nearest(unknown, EVENTS.iter().copied());
        let way_out = match near {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", EVENTS.join(", ")),
        };
        let words = format!("--event: \"{unknown}\" is no event; {way_out}");
        return Err(Failure::new(EXIT_USAGE, words));
    }
    Ok(Wanted::new(moment("since")?, moment("until")?, events))
}

/// Prints the last few events; gives how far the journals were read.
fn last(agents: &[Agent], wanted: &Wanted, printer: &mut Printer) -> Result<Places, Failure> {
    let mut kept = std::collections::VecDeque::new();
    let journals = journals(agents);
    let (places, troubles) =
        history::read(&journals, wanted, Some(BEFORE_BYTES), |number, at, line| {
            if BEFORE <= kept.len() {
                kept.pop_front();
            }
            kept.push_back((number, at, line.to_vec()));
            Ok::<(), Failure>(())
        })?;
    tell(agents, troubles);
    for (number, at, line) in kept {
        if let Some(agent) = agents.get(number) {
            printer.add(&agent.name, at, &line)?;
        }
    }
    Ok(places)
}

/// Prints what happens, of agents that come later too, until nobody reads it any more.
fn follow(
    matches: &ArgMatches,
    dirs: &[PathBuf],
    agents: Vec<Agent>,
    fixed: bool,
    wanted: &Wanted,
    places: &Places,
    printer: &mut Printer,
) -> Outcome {
    let start = |agent: Agent, places: &Places| {
        (Follow::new(&agent.paths().journal(), places), agent, false)
    };
    let mut followed: Vec<_> = agents.into_iter().map(|agent| start(agent, places)).collect();
    let mut looks = 0;
    loop {
        let mut found = Vec::new();
        for (number, (follow, agent, failing)) in followed.iter_mut().enumerate() {
            let looked = follow.look(&mut |line| {
                found.extend(wanted.wants(line).map(|at| (at, number, line.to_vec())));
            });
            match looked {
                Ok(_) => *failing = false,
                Err(error) if !std::mem::replace(failing, true) => {
                    complain(&format!("{}: journal: {error}", agent.name));
                }
                Err(_) => {}
            }
        }
        // Stable: what one agent wrote stays in the order in which it was written.
        found.sort_by_key(|(at, ..)| *at);
        for (at, number, line) in &found {
            if let Some((_, agent, _)) = followed.get(*number) {
                printer.add(&agent.name, *at, line)?;
            }
        }
        printer.flush()?;
        looks += 1;
        if LOOKS <= looks && !fixed {
            looks = 0;
            let (now, _) = agents::chosen_of(matches, dirs)?;
            for agent in now {
                if !followed.iter().any(|(_, known, _)| *known == agent) {
                    followed.push(start(agent, &Places::new()));
                }
            }
        }
        if reader_is_gone() {
            return Ok(0);
        }
        pause(LOOK_EVERY);
    }
}
