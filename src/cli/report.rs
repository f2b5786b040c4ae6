//! `agentwatch report`: what some days were like, from the journals alone.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::core::cost::money::Usd;
use crate::core::fact::Began;
use crate::core::time::{LocalDay, Wall};
use crate::look::{self, Agent};
use crate::report::daily::agent::{Known, as_of};
use crate::report::daily::calendar::{Calendar, DAYS_MAX};
use crate::report::daily::fold::Fold;
use crate::report::daily::verdict::{self, Read};
use crate::report::daily::{Mark, Report, html, markdown, text};
use crate::store::memory;
use crate::store::span::{self, Span};
use crate::sys::clock::Clock;
use crate::sys::lock::{self, Probe};
use crate::sys::{file, host, tty};
use crate::wire::{moment, stamp};

use super::agents;
use super::output::print_bytes;
use super::{EXIT_FAILED, EXIT_USAGE, Failure, Outcome};
use super::{morning, telling};

/// The forms of a report.
const FORMATS: [&str; 4] = ["text", "markdown", "html", "json"];

/// The definition.
pub fn command() -> Command {
    Command::new("report")
        .about("Show what a day was like: five questions answered, slow problems, each agent")
        .arg(
            Arg::new("date")
                .long("date")
                .value_name("DAY")
                .help("The day, or the last of several: 2026-11-28, today; yesterday if not given"),
        )
        .arg(
            Arg::new("days")
                .long("days")
                .value_name("COUNT")
                .value_parser(value_parser!(u16).range(1..=i64::from(DAYS_MAX)))
                .default_value("1")
                .help("So many days"),
        )
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("text|markdown|html|json")
                .value_parser(FORMATS)
                .hide_possible_values(true)
                .help("How it is written; text if not given, or as the name of the file says"),
        )
        .arg(
            Arg::new("output")
                .long("output")
                .short('o')
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Where it is written, in place of stdout"),
        )
        .arg(
            Arg::new("send")
                .long("send")
                .action(ArgAction::SetTrue)
                .conflicts_with_all(["format", "output"])
                .help("Send it to report.to now, and say what each sink answered"),
        )
        .args(agents::many_args())
        .after_help(
            "Example:\n  agentwatch report\n  agentwatch report crawler --date today\n  \
             agentwatch report --days 7 --output week.html\n  \
             agentwatch report --format json | jq '.verdict'\n  \
             agentwatch report --state-dir /var/lib/agentwatch --state-dir /srv/copies/vps3",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let mut clock = Clock::new();
    let now = clock.now();
    let last = last_day(matches, &clock, now.wall)?;
    let days = i32::from(matches.get_one::<u16>("days").copied().unwrap_or(1));
    let first = LocalDay(last.0.saturating_sub(days - 1));
    let dirs = agents::state_dirs(matches)?;
    let (agents, unreadable) = agents::chosen_of(matches, &dirs)?;
    let given = matches.contains_id("state_dir");
    let report = read(&agents, &dirs, given, (first, last), &clock, now.wall);
    if matches.get_flag("send") {
        let state_dir = dirs.first().map_or(Path::new("."), PathBuf::as_path);
        return telling::answers(&morning::send(state_dir, &made(&report), last)?);
    }
    let output = matches.get_one::<PathBuf>("output");
    let written = write(&report, format_of(matches, output), output.is_none());
    match output {
        None => print_bytes(written.as_bytes())?,
        Some(path) => file::replace(path, written.as_bytes(), false).map_err(|error| {
            Failure::new(EXIT_FAILED, format_args!("--output {}: {error}", path.display()))
        })?,
    }
    Ok(if unreadable || !report.notes.is_empty() { EXIT_FAILED } else { 0 })
}

/// The last day of the report.
fn last_day(matches: &ArgMatches, clock: &Clock, now: Wall) -> Result<LocalDay, Failure> {
    let offset = |at| clock.offset_at(at);
    let today = stamp::day(now, offset(now));
    let Some(text) = matches.get_one::<String>("date") else {
        return Ok(LocalDay(today.0.saturating_sub(1)));
    };
    let at = moment::parse(text, now, &offset)
        .map_err(|words| Failure::new(EXIT_USAGE, format_args!("--date: \"{text}\" {words}")))?;
    let day = stamp::day(at, offset(at));
    if today < day {
        let words = format_args!("--date: {day} is yet to come; today is {today}");
        return Err(Failure::new(EXIT_USAGE, words));
    }
    Ok(day)
}

/// As it was asked for, or as the name of the file says.
fn format_of<'a>(matches: &'a ArgMatches, output: Option<&PathBuf>) -> &'a str {
    let named = output.and_then(|path| path.extension()).and_then(|end| end.to_str());
    matches.get_one::<String>("format").map_or_else(
        || match named {
            Some("html" | "htm") => "html",
            Some("json") => "json",
            Some("md" | "markdown") => "markdown",
            _ => "text",
        },
        String::as_str,
    )
}

/// The report in one of its forms.
fn write(report: &Report, format: &str, screen: bool) -> String {
    match format {
        "json" => json(report),
        "html" => html::html(report),
        "markdown" => markdown::markdown(report),
        _ => {
            let colour = screen && tty::colour(1);
            let unicode = !screen || tty::speaks_unicode();
            text::text(report, text::Style { colour, unicode })
        }
    }
}

fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).map_or_else(|_| String::new(), |text| text + "\n")
}

/// Reads the journals.
fn read(
    agents: &[Agent],
    dirs: &[PathBuf],
    given: bool,
    (first, last): (LocalDay, LocalDay),
    clock: &Clock,
    now: Wall,
) -> Report {
    let calendar = Calendar::new(first, last, &|at| clock.offset_at(at));
    let as_of = as_of(&calendar, now);
    let mut notes = Vec::new();
    let here = host::hostname().unwrap_or_else(|| "this machine".to_owned());
    let all = agents
        .iter()
        .map(|agent| {
            // Who runs now says nothing of how it stood long ago.
            let supervised = (as_of == now).then(|| supervised(agent, agents, dirs)).flatten();
            let host = host_of(&agent.state_dir, dirs, &here);
            let options = if given {
                format!(" --state-dir {}", agent.state_dir.display())
            } else {
                String::new()
            };
            let known = Known { name: &agent.name, host: &host, supervised, options: &options };
            (agent.name.clone(), one(agent, &calendar, as_of, &known, clock, &mut notes))
        })
        .collect();
    verdict::report(&calendar, as_of, all, notes)
}

/// Reads the journal of one agent.
fn one(
    agent: &Agent,
    calendar: &Calendar,
    as_of: Wall,
    known: &Known<'_>,
    clock: &Clock,
    notes: &mut Vec<String>,
) -> Read {
    let mut fold = Fold::new(calendar, as_of);
    if let Some(began) = began(agent) {
        fold.assume(began);
    }
    let last = calendar.number(calendar.len().saturating_sub(1));
    let span = Span { first: calendar.number(0), last, until: as_of };
    match span::lines(&agent.paths().journal(), &span, &mut |line| fold.line(line)) {
        Ok(troubles) => notes.extend(troubles),
        Err(error) => notes.push(format!("{}: {error}", agent.paths().journal().display())),
    }
    fold.end(known, &|at| clock.offset_at(at))
}

/// What its state file has of its agentwatch: of one that began months ago the lines at hand do not tell.
fn began(agent: &Agent) -> Option<Began> {
    let (identity, memory) = memory::look(&agent.paths()).ok().flatten()?;
    let limits = memory.ledger.limits();
    Some(Began {
        command: identity.command,
        directory: identity.directory,
        interval_ms: identity.interval_ms,
        misses: identity.misses,
        max_tokens_per_hour: limits.tokens_per_hour,
        max_tokens_per_day: limits.tokens_per_day,
        max_usd_per_day: limits
            .nano_usd_per_day
            .map(|nano| Usd::from_pico(u128::from(nano) * 1000)),
        ..Began::default()
    })
}

/// Whether an agentwatch runs for it; of a directory in which none does, beside others, nobody can say: it
/// may be a copy from another machine.
fn supervised(agent: &Agent, agents: &[Agent], dirs: &[PathBuf]) -> Option<bool> {
    let held = |agent: &Agent| matches!(lock::probe(&agent.paths().lock()), Ok(Probe::HeldBy(_)));
    let here = dirs.len() == 1
        || agents.iter().any(|other| other.state_dir == agent.state_dir && held(other));
    here.then(|| held(agent))
}

/// The machine: this one, or of several directories the name of each.
fn host_of(dir: &Path, dirs: &[PathBuf], here: &str) -> String {
    let name = dir.file_name().map(|name| name.to_string_lossy().into_owned());
    match (dirs.len(), name) {
        (0 | 1, _) | (_, None) => here.to_owned(),
        (_, Some(name)) => name,
    }
}

/// A report that was made for others to send and keep.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its verdict in a line.
    pub subject: String,
    /// How much a person is needed.
    pub mark: Mark,
    /// Who needs a human, the five answers, and slow problems: a line each.
    pub lines: Vec<String>,
    /// As one file for a browser.
    pub html: String,
    /// As text.
    pub text: String,
    /// For programs.
    pub json: String,
}

/// The report of one day about all agents of these state directories.
///
/// # Errors
/// None of them can be read.
pub fn make(state_dirs: &[PathBuf], day: LocalDay) -> Result<Made, Failure> {
    let mut clock = Clock::new();
    let now = clock.now();
    let (agents, unreadable) = look::all_of(state_dirs);
    if unreadable.len() == state_dirs.len() {
        return Err(Failure::new(EXIT_FAILED, unreadable.join("; ")));
    }
    Ok(made(&read(&agents, state_dirs, false, (day, day), &clock, now.wall)))
}

/// A report in all its forms.
fn made(report: &Report) -> Made {
    let needs = report.verdict.needs.iter().map(|need| {
        let how = need.command.as_ref().map(|command| format!(": {command}"));
        format!("{} needs you, {}{}", need.agent, need.words, how.unwrap_or_default())
    });
    let answers =
        report.answers.iter().map(|answer| format!("{} {}", answer.question, answer.words));
    let findings = report.findings.iter().map(|one| format!("{}: {}", one.agent, one.words));
    Made {
        subject: report.verdict.subject.clone(),
        mark: report.verdict.mark,
        lines: needs.chain(answers).chain(findings).collect(),
        html: html::html(report),
        text: text::text(report, text::Style { colour: false, unicode: true }),
        json: json(report),
    }
}
