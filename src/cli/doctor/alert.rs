//! `agentwatch doctor --alert`: a test through every sink, with what each answered.

use std::time::Duration;

use crate::config::Resolved;
use crate::core::fact::Severity;
use crate::core::time::Wall;
use crate::deliver::queue::Place;
use crate::deliver::{self, Tested, send};
use crate::store::secrets::look_up;
use crate::sys::clock::Clock;
use crate::sys::host;
use crate::wire::letter::{Kind, Letter, VERSION};
use crate::wire::sink::{Sink, resolve, told_apart};

use crate::cli::{EXIT_FAILED, Failure, Outcome, telling};

/// A ping that takes longer is none.
const PING_LIMIT: Duration = Duration::from_secs(10);

/// Sends a test alert through every sink of a configuration.
pub fn test(resolved: &Resolved) -> Outcome {
    let route = telling::route(resolved)?;
    let ca_file = resolved.alert.ca_file.clone();
    let mut places = Vec::new();
    for way in route.iter().flat_map(|route| &route.ways) {
        let url = resolve(&way.url, look_up).map_err(|words| Failure::new(EXIT_FAILED, words))?;
        let sink = Sink::parse(&url).map_err(|words| Failure::new(EXIT_FAILED, words))?;
        let (proof, name, ca_file) = (way.proof.clone(), String::new(), ca_file.clone());
        places.push(Place { proof, sink, name, ca_file });
    }
    let names = told_apart(places.iter().map(|place| Some(&place.sink)));
    let mut tested = Vec::new();
    for (place, name) in places.into_iter().zip(names) {
        let place = Place { name, ..place };
        tested.extend(deliver::test(&[place], &letter(), crate::cli::deliver::pace()));
    }
    tested.extend(resolved.alert.ping_url.as_deref().map(ping));
    if tested.is_empty() {
        let words = "no sink is configured, so nobody would be told; try: --alert ntfy:YOUR-TOPIC";
        return Err(Failure::new(EXIT_FAILED, words));
    }
    telling::answers(&tested)
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
        report: None,
    }
}
