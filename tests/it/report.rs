//! `agentwatch report`: days as people and programs get them, from journals that were written or lived.

use std::fs;
use std::path::Path;
use std::process::Output;

use agentwatch::core::ending::Ending;
use agentwatch::core::event::Traces;
use agentwatch::core::fact::{BeatFact, Began, Cause, Excess, Fact, Outcome};
use agentwatch::core::time::Wall;
use agentwatch::wire::{record, stamp};
use serde_json::Value;

use crate::harness::World;

const MINUTE: i64 = 60_000;

/// In Vienna, where the clock is turned back on 2026-10-25 at 03:00.
const VIENNA: (&str, &str) = ("TZ", "CET-1CEST,M3.5.0,M10.5.0/3");

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Writes facts into the day files of an agent.
fn journal(agent: &Path, facts: &[(i64, Fact)]) {
    let dir = agent.join("journal");
    fs::create_dir_all(&dir).unwrap();
    let mut files = std::collections::BTreeMap::<String, Vec<u8>>::new();
    for (number, (at, fact)) in (1..).zip(facts) {
        let line = record::write(Wall(*at), number, fact).unwrap();
        files.entry(stamp::day(Wall(*at), 3_600).to_string()).or_default().extend(line);
    }
    for (day, lines) in files {
        fs::write(dir.join(format!("{day}.jsonl")), lines).unwrap();
    }
}

fn at(moment: &str) -> i64 {
    stamp::parse_utc(&format!("{moment}:00.000Z")).unwrap().0
}

fn began(host: &str) -> Fact {
    let host = Some(host.to_owned());
    Fact::SupervisorStarted(Began { host, interval_ms: 60_000, misses: 2, ..Began::default() })
}

fn started(incarnation: u32) -> Fact {
    Fact::Started { incarnation, pid: 42, first_beat_ms: None }
}

/// One a minute.
fn beats(from: &str, until: &str, tokens: u64) -> Vec<(i64, Fact)> {
    let moments = (at(from)..at(until)).step_by(60_000);
    let beat = |at| {
        let fact = BeatFact {
            incarnation: 1,
            status: "ok".into(),
            tokens: Some(tokens),
            usual: Some(tokens),
            beats: 1,
            cycles: 1,
            ..BeatFact::default()
        };
        (at, Fact::Beat(fact))
    };
    moments.map(beat).collect()
}

fn failed(streak: u32) -> Fact {
    Fact::Exited {
        incarnation: 1,
        ending: Ending::Exit { code: 1 },
        ran_ms: Some(200),
        outcome: Outcome::Failure { cause: Cause::Exited, streak, max: 3 },
        rule: None,
        last_line: Some("KeyError: 'BROKER_TOKEN'".into()),
        traces: Traces::default(),
    }
}

/// Two agents on the day of 25 hours: one that is well, one that gives up in the evening.
fn two(world: &World) {
    let head =
        |host| vec![(at("2026-10-23T08:00"), began(host)), (at("2026-10-23T08:00"), started(1))];
    let mut fine = head("vps2");
    fine.extend(beats("2026-10-23T08:01", "2026-10-26T06:00", 1_000));
    journal(&world.path("state/crawler"), &fine);
    let mut bad = head("vps2");
    bad.extend(beats("2026-10-23T08:01", "2026-10-25T20:00", 1_000));
    for streak in 1..=3 {
        bad.push((at("2026-10-25T20:00") + i64::from(streak) * 5 * MINUTE, failed(streak)));
    }
    let (reason, within_ms) = (Excess::Streak, Some(600_000));
    let given_up = Fact::Escalated { reason, failures: 3, within_ms, same_line: true };
    bad.push((at("2026-10-25T20:15"), given_up));
    bad.push((at("2026-10-25T20:15"), Fact::SupervisorStopped { code: 69 }));
    journal(&world.path("state/trader"), &bad);
}

fn report(world: &World, args: &[&str]) -> Output {
    let args = [&["report", "--date", "2026-10-25"], args].concat();
    world.command(&args).env(VIENNA.0, VIENNA.1).output().unwrap()
}

#[test]
fn a_day_of_25_hours_is_right_in_every_figure() {
    let world = World::new();
    two(&world);
    let output = report(&world, &["--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["verdict"]["subject"], "vps2: 1 fine, trader needs you");
    assert_eq!(
        value["days"][0]["until_ms"].as_i64().unwrap()
            - value["days"][0]["from_ms"].as_i64().unwrap(),
        25 * 60 * MINUTE
    );
    let agents = value["agents"].as_array().unwrap();
    assert_eq!((&agents[0]["name"], &agents[1]["name"]), (&"trader".into(), &"crawler".into()));
    let crawler = &agents[1];
    assert_eq!(crawler["usage"]["cycles"], 25 * 60);
    assert_eq!(crawler["up_share"], 10_000);
    let hours = crawler["hours"].as_array().unwrap();
    assert_eq!(hours.len(), 25);
    assert!(hours.iter().all(|hour| hour["tokens"] == 60_000), "{hours:?}");
    let trader = &agents[0];
    // 22 hours of 25: up until 21:00 by the clock, which is the 22nd hour.
    assert_eq!(trader["up_ms"], 22 * 3_600_000 + 5 * MINUTE);
    assert_eq!(trader["due_ms"], 25 * 3_600_000);
    assert_eq!(trader["gaps"][0]["open"], true);
    let need = &value["verdict"]["needs"][0];
    assert_eq!(need["command"], "agentwatch resume trader");
}

#[test]
fn it_comes_as_text_markdown_json_and_html_and_twice_the_same() {
    let world = World::new();
    two(&world);
    for format in ["text", "markdown", "json", "html"] {
        let first = report(&world, &["--format", format]);
        assert_eq!(first.status.code(), Some(0), "{format}: {}", text(&first.stderr));
        let page = text(&first.stdout);
        assert_eq!(page, text(&report(&world, &["--format", format]).stdout), "{format}");
        for word in ["vps2: 1 fine, trader needs you", "agentwatch resume trader", "KeyError"] {
            assert!(page.contains(word), "{format} misses {word}: {page}");
        }
        let name = format!("r.{}", if format == "markdown" { "md" } else { format });
        let output = report(&world, &["--output", &name]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
        if format != "text" {
            assert_eq!(fs::read_to_string(world.path(&name)).unwrap(), page);
        }
    }
}

#[test]
fn a_fleet_is_several_directories_also_copied_ones() {
    let world = World::new();
    two(&world);
    fs::rename(world.path("state"), world.path("one")).unwrap();
    let mut fine =
        vec![(at("2026-10-23T08:00"), began("vps3")), (at("2026-10-23T08:00"), started(1))];
    fine.extend(beats("2026-10-23T08:01", "2026-10-26T06:00", 1_000));
    journal(&world.path("two/mailer"), &fine);
    let output =
        report(&world, &["--state-dir", "one", "--state-dir", "two", "--state-dir", "none"]);
    let page = text(&output.stdout);
    assert!(page.contains("2 machines: 2 fine, trader needs you"), "{page}");
    assert!(page.contains("agentwatch resume trader --state-dir "), "{page}");
    let one = report(&world, &["--state-dir", "one", "--state-dir", "two", "mailer"]);
    assert!(text(&one.stdout).contains("vps3: mailer is fine"), "{}", text(&one.stdout));
}

#[test]
fn what_makes_no_sense_is_refused_and_what_cannot_be_read_is_said() {
    let world = World::new();
    two(&world);
    for (args, code, words) in [
        (&["report", "--date", "2999-01-01"][..], 2, "is yet to come"),
        (&["report", "--date", "soon"], 2, "is no moment"),
        (&["report", "--days", "0"], 2, "--days"),
        (&["report", "--format", "pdf"], 2, "--format"),
        (&["report", "nobody"], 1, "no agent nobody"),
        (&["report", "-o", "none/r.html"], 1, "--output none/r.html"),
    ] {
        let output = world.output(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(words), "{args:?}: {}", text(&output.stderr));
    }
    // A folder in the place of a day file, and bytes that are no lines.
    let dir = world.path("state/crawler/journal");
    fs::write(dir.join("2026-10-22.jsonl"), vec![0xff; 3_000_000]).unwrap();
    let broken =
        [b"{\"ts\":\"2026-10-25T10:00:00.000Z\",\"seq\":1,\"ev".as_slice(), b"\n"].concat();
    let day = dir.join("2026-10-25.jsonl");
    let mut lines = fs::read(&day).unwrap();
    lines.extend(broken);
    fs::write(&day, lines).unwrap();
    let output = report(&world, &["crawler"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    assert!(page.contains("1 line of its journal could not be read"), "{page}");
    // No agent at all.
    let output = world.output(&["report", "--state-dir", "empty"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("no agent has run"), "{}", text(&output.stdout));
}

#[test]
fn the_day_that_runs_tells_of_an_agent_that_lives() {
    let world = World::new();
    let beat = r#"{"agent":"t","status":"ok","tokens_used":500}"#;
    let script = format!("while :; do echo '{beat}'; sleep 0.2; done");
    let mut run = world.script(&["--interval", "5s"], &script);
    run.beat(4);
    let value = || -> Value {
        let output = world.output(&["report", "--date", "today", "--format", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let living = value();
    let agent = &living["agents"][0];
    assert_eq!((&agent["state"], &agent["up_share"]), (&"healthy".into(), &10_000.into()));
    assert!(agent["usage"]["tokens"].as_u64() >= Some(1_500), "{agent}");
    assert_eq!(living["verdict"]["needs"], Value::Array(Vec::new()));
    run.signal("KILL");
    run.wait();
    let gone = value();
    assert_eq!(gone["agents"][0]["state"], "unknown");
    let need = gone["verdict"]["needs"][0]["words"].as_str().unwrap();
    assert!(need.contains("agentwatch or the machine is gone"), "{need}");
}
