//! `agentwatch events`: the journals, readable.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::config::suggest;
use crate::core::fact::Severity;
use crate::core::time::Wall;
use crate::store::follow::Follow;
use crate::store::history::{self, Places, Wanted};
use crate::store::read;
use crate::sys::clock::Clock;
use crate::sys::poll::pause;
use crate::sys::tty;
use crate::wire::kinds::EVENTS;
use crate::wire::timeline::Times;
use crate::wire::{moment, words};

use super::agents::{self, Agent};
use super::lines::{Printer, Style};
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
    Command::new("events")
        .about("Show what happened, from the journal")
        .args(choosing())
        .arg(
            Arg::new("follow")
                .short('f')
                .long("follow")
                .action(ArgAction::SetTrue)
                .conflicts_with("until")
                .help("Go on with what happens, until Ctrl-C; without --since from the last 10 on"),
        )
        .arg(
            text("time", "local|utc|relative", "How times are shown")
                .value_parser(["local", "utc", "relative"])
                .hide_possible_values(true)
                .default_value("local")
                .conflicts_with("json"),
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
             agentwatch events --since yesterday --severity warning\n  \
             agentwatch events --follow --event exited,escalated\n  \
             agentwatch events crawler --json | jq 'select(.event == \"exited\")'",
        )
}

fn text(id: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(id).long(id).value_name(value).help(help)
}

/// What says which events are wanted.
fn choosing() -> [Arg; 6] {
    let kinds = |id, help| text(id, "KIND", help).action(ArgAction::Append).value_delimiter(',');
    [
        text(
            "since",
            "WHEN",
            "From then on: 1h (ago), 09:00, 2026-11-22, \"2026-11-22 09:00\", RFC 3339",
        ),
        text("until", "WHEN", "Only before then"),
        kinds("event", "Only these, such as exited,escalated"),
        kinds("except", "Without these, such as beat"),
        text("severity", "info|warning|critical", "Only what is wrong, or needs a human")
            .value_parser(["info", "warning", "critical"])
            .hide_possible_values(true),
        text("lines", "N", "Only the last N of them")
            .short('n')
            .visible_alias("last")
            .value_parser(value_parser!(u32)),
    ]
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
    let mut printer = Printer::new(Style {
        json: matches.get_flag("json"),
        colour: tty::colour(1),
        width: tty::width(1),
        times: times(matches),
        names: names.then_some(0),
    });
    let lines = matches.get_one::<u32>("lines").copied();
    let short = lines.is_some() || (follow && !matches.contains_id("since"));
    let (places, troubles) = if short {
        last(&agents, &wanted, lines, &mut printer)?
    } else {
        printer.expect(agents.iter().map(name));
        history::read(&journals(&agents), &wanted, |number, at, line| {
            agents.get(number).map_or(Ok(()), |agent| printer.add(&agent.name, at, line))
        })?
    };
    failed |= !troubles.is_empty();
    tell(&agents, troubles);
    printer.flush()?;
    tell_future(&agents);
    if follow {
        let fixed = matches.contains_id("name");
        return self::follow(matches, &dirs, agents, fixed, &wanted, &places, &mut printer);
    }
    Ok(if failed { EXIT_FAILED } else { 0 })
}

fn name(agent: &Agent) -> &str {
    &agent.name
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
    let least = matches.get_one::<String>("severity").map(|word| match word.as_str() {
        "critical" => Severity::Critical,
        "warning" => Severity::Warning,
        _ => Severity::Info,
    });
    let wanted = Wanted::new(moment("since")?, moment("until")?, kinds(matches, "event")?);
    Ok(wanted.except(kinds(matches, "except")?).at_least(least))
}

/// The names of events that were given with that flag.
fn kinds(matches: &ArgMatches, flag: &str) -> Result<Vec<String>, Failure> {
    let events: Vec<String> =
        matches.get_many::<String>(flag).into_iter().flatten().cloned().collect();
    if let Some(unknown) = events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
        let near = suggest::nearest(unknown, EVENTS.iter().copied());
        let way_out = match near {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", EVENTS.join(", ")),
        };
        let words = format!("--{flag}: \"{unknown}\" is no event; {way_out}");
        return Err(Failure::new(EXIT_USAGE, words));
    }
    Ok(events)
}

fn times(matches: &ArgMatches) -> Times {
    match matches.get_one::<String>("time").map(String::as_str) {
        Some("utc") => Times::Utc,
        Some("relative") => Times::Relative,
        _ => Times::Local,
    }
}

/// Prints the last events: as many as were asked for, else a few of those that are near the end.
fn last(
    agents: &[Agent],
    wanted: &Wanted,
    lines: Option<u32>,
    printer: &mut Printer,
) -> Result<(Places, Vec<history::Trouble>), Failure> {
    let count = lines.map_or(BEFORE, |lines| usize::try_from(lines).unwrap_or(usize::MAX));
    let bytes = lines.is_none().then_some(BEFORE_BYTES);
    let last = history::last(&journals(agents), wanted, count, bytes);
    printer.expect(last.lines.iter().filter_map(|(number, ..)| agents.get(*number)).map(name));
    for (number, at, line) in &last.lines {
        if let Some(agent) = agents.get(*number) {
            printer.add(&agent.name, *at, line)?;
        }
    }
    Ok((last.places, last.troubles))
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
        if !found.is_empty() {
            printer.look();
        }
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
