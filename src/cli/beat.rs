//! `agentwatch beat`: one heartbeat from a shell, from inside an agent or by its name.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::{Map, Value};

use crate::config;
use crate::core::beat::clip;
use crate::listen::hand::{Unheard, hand, hand_to};
use crate::store::paths::Paths;
use crate::sys::fifo;
use crate::wire::beat::{MESSAGE_MAX, Parsed, parse_any};
use crate::wire::duration;

use super::{EXIT_FAILED, EXIT_USAGE, Failure, Outcome, agents, asking};

/// How long an agentwatch may take to make room: it is one turn of its loop, or, right after a start, a disk.
const PATIENCE: Duration = Duration::from_secs(5);

/// The flags for whole numbers: flag, field, help.
const NUMBERS: [(&str, &str, &str); 9] = [
    ("tokens", "tokens_used", "Tokens of this cycle"),
    ("tokens-total", "tokens_total", "Tokens since the agent started, instead of --tokens"),
    ("input-tokens", "input_tokens", "Fresh input tokens"),
    ("output-tokens", "output_tokens", "Output tokens"),
    ("cache-read-tokens", "cache_read_tokens", "Input tokens read from a cache"),
    ("cache-write-tokens", "cache_write_tokens", "Input tokens written to a cache"),
    ("cache-write-1h-tokens", "cache_write_1h_tokens", "Of these, tokens written for an hour"),
    ("cycle", "cycle", "A number that grows with progress"),
    ("tool-calls", "tool_calls", "Tool calls of this cycle"),
];

/// The flags for texts.
const TEXTS: [(&str, &str, &str, &str); 3] = [
    (
        "status",
        "status",
        "WORD",
        "ok, busy, idle, warning, error, shutting_down, or a word of yours",
    ),
    ("message", "message", "TEXT", "What there is to say"),
    ("model", "model", "MODEL", "The model that was asked"),
];

/// Fields that are times: flag, field, help.
const TIMES: [(&str, &str, &str); 2] = [
    ("expect-next", "expect_next", "The next beat comes within this time"),
    ("retry-after", "retry_after", "Another start makes no sense sooner: a quota"),
];

/// The definition.
pub fn command() -> Command {
    let number = |(flag, _, help)| {
        Arg::new(flag).long(flag).value_name("N").help(help).value_parser(value_parser!(u64))
    };
    let text = |(flag, _, name, help)| Arg::new(flag).long(flag).value_name(name).help(help);
    Command::new("beat")
        .allow_negative_numbers(true)
        .about("Send a heartbeat: inside an agent its own, elsewhere that of the agent NAME")
        .arg(agents::name_arg().help("The agent; inside one it need not be named"))
        .args(TEXTS.map(text))
        .args(NUMBERS.map(number))
        .arg(
            Arg::new("cost")
                .long("cost")
                .value_name("USD")
                .help("What this cycle cost")
                .value_parser(value_parser!(f64)),
        )
        .arg(
            Arg::new("checkpoint")
                .long("checkpoint")
                .action(ArgAction::SetTrue)
                .help("The state files are whole now: copy them"),
        )
        .args(TIMES.map(|(flag, _, help)| {
            Arg::new(flag)
                .long(flag)
                .value_name("DURATION")
                .help(help)
                .value_parser(|text: &str| duration::parse(text).map_err(|why| why.to_string()))
        }))
        .args(config::state_dir_flags())
        .after_help(
            "Example:\n  agentwatch beat --tokens 1234\n  \
             agentwatch beat crawler --status busy --message \"page 7 of 90\"",
        )
}

/// The deed. What was heard is not worth a word: a shell agent's output is its own.
pub fn main(matches: &ArgMatches) -> Outcome {
    let line = line(matches);
    if let Parsed::Bad(reason) = parse_any(line.as_bytes()) {
        return Err(Failure::new(EXIT_USAGE, reason));
    }
    let named = matches.get_one::<String>("name");
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let own = set("AGENTWATCH_NAME");
    let inside = own.as_deref().filter(|own| named.is_none_or(|named| own == &OsStr::new(named)));
    match (set("AGENTWATCH_PIPE"), inside, named) {
        (Some(pipe), Some(_), _) => from_inside(Path::new(&pipe), &line),
        (None, Some(own), _) => {
            by_name(matches, &own.to_string_lossy(), Some(incarnation()), &line)
        }
        (_, _, Some(name)) => by_name(matches, name, None, &line),
        (_, None, None) => Err(Failure::new(
            EXIT_USAGE,
            "this is no agent, so say which one beats: agentwatch beat NAME",
        )),
    }?;
    Ok(0)
}

/// The beat as a line of JSON, without its line end.
fn line(matches: &ArgMatches) -> String {
    let mut fields = Map::new();
    for (flag, field, ..) in TEXTS {
        if let Some(text) = matches.get_one::<String>(flag) {
            fields.insert(field.to_owned(), clip(text, MESSAGE_MAX).into());
        }
    }
    for (flag, field, _) in NUMBERS {
        if let Some(number) = matches.get_one::<u64>(flag) {
            fields.insert(field.to_owned(), (*number).into());
        }
    }
    if let Some(cost) = matches.get_one::<f64>("cost") {
        // What JSON has no number for becomes a text, and is refused by its name.
        let cost = Value::from(*cost);
        let cost = if cost.is_null() { "not a number".into() } else { cost };
        fields.insert("cost_usd".to_owned(), cost);
    }
    if matches.get_flag("checkpoint") {
        fields.insert("checkpoint".to_owned(), true.into());
    }
    for (flag, field, _) in TIMES {
        if let Some(time) = matches.get_one::<Duration>(flag) {
            fields.insert(field.to_owned(), time.as_secs_f64().into());
        }
    }
    Value::Object(fields).to_string()
}

/// Our own incarnation, if we are inside an agent.
fn incarnation() -> u32 {
    let set = std::env::var("AGENTWATCH_INCARNATION").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Through the FIFO; what is too long to stay in one piece there goes to the socket beside it.
fn from_inside(pipe: &Path, line: &str) -> Result<(), Failure> {
    let bytes = format!("{line}\n");
    if fifo::ATOMIC_MAX < bytes.len() {
        let control = control_beside(pipe);
        return hand_to(&control, Some(incarnation()), line)
            .map_err(|words| Failure::new(EXIT_FAILED, words));
    }
    fifo::send(pipe, bytes.as_bytes(), PATIENCE).map_err(|error| {
        let path = pipe.display();
        let words = match error.kind() {
            ErrorKind::NotFound => "this incarnation is over, nobody hears it any more".to_owned(),
            ErrorKind::TimedOut => "no agentwatch makes room there".to_owned(),
            _ => error.to_string(),
        };
        Failure::new(EXIT_FAILED, format_args!("$AGENTWATCH_PIPE: {path}: {words}"))
    })
}

/// The control socket has the FIFO's name without its incarnation.
fn control_beside(pipe: &Path) -> PathBuf {
    let name = pipe.file_name().unwrap_or_default().to_string_lossy();
    let agent = name.split_once('-').map_or(name.as_ref(), |(agent, _)| agent);
    pipe.with_file_name(format!("{agent}.sock"))
}

/// Through the control socket of the agentwatch that runs the agent of that name.
fn by_name(
    matches: &ArgMatches,
    name: &str,
    incarnation: Option<u32>,
    line: &str,
) -> Result<(), Failure> {
    let state_dir = super::run::state_dir(matches)?;
    let paths = Paths::new(&state_dir, name);
    hand(&paths, incarnation, line).map_err(|unheard| match unheard {
        Unheard::Unknown | Unheard::NobodyRuns => {
            // A name that is not known there was mistyped.
            agents::chosen(matches, &state_dir)
                .err()
                .unwrap_or_else(|| asking::nobody_runs(name, &paths))
        }
        Unheard::Because(words) => Failure::new(EXIT_FAILED, words),
    })
}
