//! `agentwatch morning`: what `run` sends to make the report of a day, one for all agents of a state
//! directory. Nobody types it. It reads where the report is sent from its standard input, and answers on its
//! standard output. And `report --send`, by hand.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::json;

use crate::config;
use crate::core::fact::Severity;
use crate::core::time::{LocalDay, Wall};
use crate::deliver::{self, Tested, queue::Place};
use crate::report::daily::Mark;
use crate::store::paths::Paths;
use crate::store::reports::Reports;
use crate::store::secrets::look_up;
use crate::sys::clock::Clock;
use crate::sys::{host, poll};
use crate::wire::letter::report::{About, Whole, letter};
use crate::wire::letter::{Kept, Letter, Route};
use crate::wire::sink::{Sink, resolve, told_apart};

use super::output::print;
use super::report::{self, Made};
use super::{EXIT_FAILED, Failure, Outcome, agents, check, telling};

/// The most memory it may have, in bytes: what weeks of a hundred agents need, and what a machine bears.
const DATA_MAX: u64 = 1 << 30;

/// The longest route, in bytes.
const ROUTE_MAX: u64 = 1 << 20;

/// Milliseconds to wait before it begins; tests want to see it at work.
const WAIT: &str = "AGENTWATCH_MORNING_WAIT";

/// A day in milliseconds.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The definition.
pub fn command() -> Command {
    Command::new("morning")
        .about("What agentwatch run sends to make the report of a day")
        .arg(
            Arg::new("day")
                .long("day")
                .required(true)
                .value_parser(value_parser!(i32))
                .allow_negative_numbers(true)
                .help("The day, counted from 1970-01-01"),
        )
        .args(config::state_dir_flags())
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    host::limit_data(DATA_MAX);
    host::be_nice();
    let state_dir = super::run::state_dir(matches)?;
    let day = LocalDay(matches.get_one::<i32>("day").copied().unwrap_or_default());
    let mut route = Vec::new();
    std::io::stdin().lock().take(ROUTE_MAX).read_to_end(&mut route)?;
    let route: Option<Route> = serde_json::from_slice(&route)
        .map_err(|error| Failure::new(EXIT_FAILED, format_args!("morning: {error}")))?;
    let said = match morning(&state_dir, day, route.as_ref()) {
        Ok(None) => json!({"there": false}),
        Ok(Some(letter)) => json!({"there": true, "letter": letter}),
        Err(failure) => json!({"error": failure.words}),
    };
    print(&format!("{said}\n"))?;
    Ok(0)
}

/// Makes the report, unless it is there. Whether a letter of it is to be delivered; none: another is at it.
fn morning(
    state_dir: &Path,
    day: LocalDay,
    route: Option<&Route>,
) -> Result<Option<bool>, Failure> {
    let failed = |error: std::io::Error| {
        let dir = state_dir.join(config::name::REPORTS);
        Failure::new(EXIT_FAILED, format_args!("{}: {error}", dir.display()))
    };
    let reports = Reports::new(state_dir);
    let Some(_lock) = reports.lock().map_err(failed)? else { return Ok(None) };
    if reports.has(day) || !is_known(state_dir, day)? {
        return Ok(Some(false));
    }
    if let Some(wait) = std::env::var(WAIT).ok().and_then(|text| text.parse().ok()) {
        poll::pause(Duration::from_millis(wait));
    }
    let made = report::make(&[state_dir.to_owned()], day)?;
    reports.keep(day, &made.html, &made.text).map_err(failed)?;
    if let Some(route) = route {
        let outbox = reports.outbox();
        outbox.keep_route(route).map_err(failed)?;
        outbox.put(&letter_of(state_dir, &made, reports.kept(day))).map_err(failed)?;
    }
    // Last: after a crash before it the letter is written once more, with the same key.
    reports.finish(day, &made.json).map_err(failed)?;
    reports.sweep(Clock::new().now().day);
    Ok(Some(route.is_some()))
}

/// Whether anything was recorded until the end of that day: on the day on which somebody begins to use
/// agentwatch there is nothing to be told of the day before.
fn is_known(state_dir: &Path, day: LocalDay) -> Result<bool, Failure> {
    let last = format!("{day}.jsonl");
    Ok(agents::all(state_dir)?.iter().any(|name| {
        let entries = std::fs::read_dir(Paths::new(state_dir, name).journal());
        let mut names = entries.into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.any(|name| {
            let name = name.to_string_lossy();
            name.ends_with(".jsonl") && name.len() == last.len() && *name <= *last
        })
    }))
}

fn letter_of(state_dir: &Path, made: &Made, kept: Kept) -> Letter {
    let mut clock = Clock::new();
    let now = clock.now();
    let host = host::hostname().unwrap_or_else(|| "localhost".to_owned());
    // A machine may have several state directories.
    let place = blake3::hash(state_dir.as_os_str().as_encoded_bytes()).to_hex();
    let place = place.get(..8).unwrap_or_default();
    letter(About {
        id: format!("report@{host}/{place}/{}", kept.day),
        host: &host,
        kept,
        since: now.today.begins.0.saturating_sub(DAY_MS),
        at: now.wall.0,
        offset: clock.offset_at(Wall(now.wall.0)),
        severity: severity(made.mark),
        subject: &made.subject,
        lines: &made.lines,
    })
}

fn severity(mark: Mark) -> Severity {
    match mark {
        Mark::Quiet | Mark::Good => Severity::Info,
        Mark::Warning => Severity::Warning,
        Mark::Bad => Severity::Critical,
    }
}

/// Sends a report to `report.to` now, for who asks for it by hand; what each sink answered.
///
/// # Errors
/// A configuration that is refused, one without `report.to`, or a secret that is missing.
pub fn send(state_dir: &Path, made: &Made, day: LocalDay) -> Result<Vec<Tested>, Failure> {
    let read =
        check::matches(&["check".into()]).map_err(|error| Failure::new(EXIT_FAILED, error))?;
    let resolved = super::run::resolve(&read)?;
    let Some(route) = telling::report_route(&resolved)? else {
        let words = "report.to is not set, so there is nobody to send it to; write to = \"mailto:…\" below \
                     [report] in agentwatch.toml";
        return Err(Failure::new(EXIT_FAILED, words));
    };
    let mut places = Vec::new();
    for way in route.ways {
        let failed = |words: String| Failure::new(EXIT_FAILED, words);
        let url = resolve(&way.url, look_up).map_err(failed)?;
        let sink = Sink::parse(&url).map_err(failed)?;
        let ca_file = resolved.alert.ca_file.clone();
        places.push(Place { proof: way.proof, sink, name: String::new(), ca_file });
    }
    let names = told_apart(places.iter().map(|place| Some(&place.sink)));
    for (place, name) in places.iter_mut().zip(names) {
        place.name = name;
    }
    let reports = Reports::new(state_dir);
    let kept = if reports.has(day) {
        reports.kept(day)
    } else {
        Kept { day: day.to_string(), html: None, text: None, json: None }
    };
    let mut letter = letter_of(state_dir, made, kept);
    // Whoever asks for it again wants it again.
    letter.id = format!("{}/{}", letter.id, letter.at);
    letter.incident.clone_from(&letter.id);
    let whole = Whole { html: made.html.clone(), text: made.text.clone() };
    Ok(deliver::send_report(&places, &letter, &whole, super::deliver::pace()))
}
