//! `agentwatch doctor --alert`: a test through every sink, with what each answered.

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::OsStringValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::core::fact::Severity;
use crate::core::time::Wall;
use crate::deliver::queue::Place;
use crate::deliver::{self, Tested, send};
use crate::store::secrets::look_up;
use crate::sys::clock::Clock;
use crate::sys::host;
use crate::wire::letter::{Kind, Letter, VERSION};
use crate::wire::sink::{Sink, resolve};
use crate::wire::words::count;

use super::output::print;
use super::{EXIT_FAILED, Failure, Outcome, check, telling};

/// A ping that takes longer is none.
const PING_LIMIT: Duration = Duration::from_secs(10);

/// The definition.
pub fn command() -> Command {
    Command::new("doctor")
        .about("Send a test alert through every sink, and say what each answered")
        .arg(
            Arg::new("alert")
                .long("alert")
                .action(ArgAction::SetTrue)
                .required(true)
                .help("Send a test alert through every sink"),
        )
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .value_parser(OsStringValueParser::new())
                .help("Read this file and no other"),
        )
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .value_parser(OsStringValueParser::new())
                .help("The sinks of this agent, as agents/NAME.toml defines it"),
        )
        .after_help("Example:\n  agentwatch doctor --alert")
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let mut asked: Vec<OsString> = vec!["check".into()];
    if let Some(path) = matches.get_one::<OsString>("config") {
        asked.extend(["--config".into(), path.clone()]);
    }
    asked.extend(matches.get_one::<OsString>("name").cloned());
    let read = check::matches(&asked).map_err(|error| Failure::new(EXIT_FAILED, error))?;
    let resolved = super::run::resolve(&read)?;
    let route = telling::route(&resolved)?;
    let ca_file = resolved.alert.ca_file.clone();
    let mut tested = Vec::new();
    for way in route.iter().flat_map(|route| &route.ways) {
        let url = resolve(&way.url, look_up).map_err(|words| Failure::new(EXIT_FAILED, words))?;
        let sink = Sink::parse(&url).map_err(|words| Failure::new(EXIT_FAILED, words))?;
        let place = Place { proof: way.proof.clone(), sink, ca_file: ca_file.clone() };
        tested.extend(deliver::test(&[place], &letter()));
    }
    tested.extend(resolved.alert.ping_url.as_deref().map(ping));
    if tested.is_empty() {
        let words = "no sink is configured, so nobody would be told; try: --alert ntfy:YOUR-TOPIC";
        return Err(Failure::new(EXIT_FAILED, words));
    }
    let width = tested.iter().map(|one| one.sink.chars().count()).max().unwrap_or(0);
    for Tested { sink, answer } in &tested {
        let words = match answer {
            Ok(()) => "ok",
            Err(words) => words,
        };
        print(&format!("{sink:width$}  {words}\n"))?;
    }
    let failed = tested.iter().filter(|one| one.answer.is_err()).count();
    if failed == 0 {
        return Ok(0);
    }
    let of = count(tested.len() as u64, "sink");
    Err(Failure::new(EXIT_FAILED, format_args!("{failed} of {of} did not take it")))
}

fn ping(url: &str) -> Tested {
    let answer = resolve(url, look_up).and_then(|url| send::ping(&url, PING_LIMIT));
    Tested { sink: "ping".to_owned(), answer }
}

/// What is sent.
fn letter() -> Letter {
    let mut clock = Clock::new();
    let now: Wall = clock.now().wall;
    let host = host::hostname().unwrap_or_else(|| "localhost".to_owned());
    let incident = format!("test@{host}/test-{}", now.0);
    Letter {
        v: VERSION,
        id: format!("{incident}/1"),
        incident,
        number: 1,
        kind: Kind::Test,
        severity: Severity::Info,
        cause: "test".to_owned(),
        group: None,
        agent: "test".to_owned(),
        host,
        at: now.0,
        offset: clock.offset_at(now),
        since: now.0,
        not_before: None,
        headline: "a test: alerts of agentwatch arrive here".to_owned(),
        lines: vec!["Nothing is wrong, and nothing is to be done.".to_owned()],
        output: None,
        steps: Vec::new(),
        runbook: None,
    }
}
