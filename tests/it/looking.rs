//! `status` and its probes: what a person and an orchestrator see, from the files of a running agentwatch.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use serde_json::Value;

use crate::harness::{World, kill, state, until};

const STEADY: &str =
    r#"while :; do echo '{"agent":"a","status":"ok","tokens_used":1200}'; sleep 0.05; done"#;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn status(world: &World) -> Value {
    let output = world.output(&["status", "t", "--json"]);
    // Before anything was written there is no such agent.
    let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    all[0].clone()
}

fn stands(world: &World, wanted: &str) {
    until(&format!("the state {wanted}"), || {
        // Who was started a moment ago may not be known yet.
        let output = world.output(&["status", "t", "--json"]);
        let all: Value = serde_json::from_slice(&output.stdout).ok()?;
        (all[0]["state"].as_str() == Some(wanted)).then_some(())
    });
}

/// The exit code and the one line of a probe.
fn check(world: &World, what: &str) -> (i32, String) {
    let output = world.output(&["status", "--check", what, "t"]);
    assert_eq!(text(&output.stderr), "");
    let words = text(&output.stdout);
    assert_eq!(words.lines().count(), 1, "{words}");
    (output.status.code().unwrap(), words)
}

fn live_and_healthy(world: &World) -> (i32, i32) {
    (check(world, "live").0, check(world, "healthy").0)
}

fn today(world: &World) -> std::path::PathBuf {
    let mut files: Vec<_> = fs::read_dir(world.agent().join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.remove(0)
}

#[test]
fn the_deadline_in_force_says_where_it_comes_from() {
    let world = World::new();
    let run = world.script(&["--interval", "7s"], STEADY);
    run.beat(2);
    let seen = status(&world);
    assert_eq!(seen["deadline"]["words"], "restart after 14s of silence: 2 × 7s, --interval");
    assert_eq!(seen["deadline"]["after_ms"], 14_000);
    assert!(seen["deadline"]["left_ms"].as_u64().unwrap() <= 14_000);
    assert!(seen["longest_gap_ms"].is_u64() && seen["state_ms"].is_u64(), "{seen}");
    assert_eq!(seen["longest_gap_since"], seen["started"]);
    let details = text(&world.output(&["status", "t"]).stdout);
    for part in ["t  healthy for ", "2 × 7s, --interval", "1,200 a cycle", "0 of 3", "of this run"]
    {
        assert!(details.contains(part), "{part:?} in {details}");
    }
    drop(run);

    let world = World::new();
    let run = world.script(&["--start-grace", "5m"], "sleep 100");
    run.started(1);
    stands(&world, "starting");
    let words = status(&world)["deadline"]["words"].clone();
    assert_eq!(words, "first beat within 5m, else restart: start_grace");
    drop(run);

    let world = World::new();
    let run = world.script(&["--beats", "none"], "sleep 100");
    run.started(1);
    stands(&world, "running");
    assert!(status(&world)["deadline"]["words"].as_str().unwrap().contains("--beats none"));
}

#[test]
fn probes_are_right_in_every_state() {
    // No beat is expected: alive is healthy.
    let world = World::new();
    let mut run = world.script(&[], "sleep 100");
    run.started(1);
    stands(&world, "running");
    assert_eq!(live_and_healthy(&world), (0, 0));
    run.signal("TERM");
    run.wait();
    assert_eq!(live_and_healthy(&world), (1, 1));

    // A cooldown must not be killed by a probe, and is no health.
    let world = World::new();
    let run = world.script(&["--cooldown", "1h"], "exit 1");
    run.says("next start");
    stands(&world, "cooldown");
    assert_eq!(live_and_healthy(&world), (0, 1));
    drop(run);

    // Between two runs of a one-shot agent all is well.
    let world = World::new();
    let run = world.script(&["--repeat", "1h"], "echo done");
    stands(&world, "waiting");
    assert_eq!(live_and_healthy(&world), (0, 0));
    drop(run);

    // Given up: agentwatch holds, and the agent is down.
    let world = World::new();
    let run = world.script(&["--cooldown", "10ms", "--on-escalate", "hold"], "exit 1");
    run.says("GAVE UP");
    stands(&world, "escalated");
    assert_eq!(live_and_healthy(&world), (0, 1));
    assert!(status(&world)["command_to_type"].as_str().unwrap().starts_with("agentwatch resume t"));
    drop(run);

    // Killed: nothing that its files say is true any more.
    let world = World::new();
    let mut run = world.script(&[], STEADY);
    run.beat(1);
    run.signal("KILL");
    run.wait();
    stands(&world, "unknown");
    assert_eq!(live_and_healthy(&world), (1, 1));
}

#[test]
fn an_agentwatch_that_is_stopped_is_not_live() {
    let world = World::new();
    let run = world.script(&[], STEADY);
    run.beat(1);
    // Its socket is opened in the first quiet moment.
    until("an answer", || check(&world, "live").1.contains("answers").then_some(()));
    run.signal("STOP");
    until("the stop", || (state(run.pid()) == Some('T')).then_some(()));
    let (code, words) = check(&world, "live");
    assert_eq!(code, 1);
    assert!(words.contains("stopped (state T)") || words.contains("has not answered"), "{words}");
    assert_eq!(check(&world, "healthy").0, 1);
    kill(run.pid(), "CONT");
    until("an answer", || (check(&world, "live").0 == 0).then_some(()));
}

#[test]
fn several_agents_and_directories_are_summed_up() {
    let world = World::new();
    let start = |name: &str, dir: &str, script: &str| {
        let dir = world.path(dir);
        let args =
            ["run", "--name", name, "--state-dir", dir.to_str().unwrap(), "--", "sh", "-c", script];
        world.spawn(world.command(&args))
    };
    let _runs = [
        start("one", "a", "sleep 100"),
        start("two", "a", "sleep 100"),
        start("one", "b", "sleep 100"),
    ];
    let dirs = ["--state-dir", "a", "--state-dir", "b"];
    let look = |args: &[&str]| world.output(&[&["status"], args, &dirs].concat());
    until("three agents that run", || {
        let all: Value = serde_json::from_slice(&look(&["--json"]).stdout).unwrap();
        let running = |one: &&Value| one["state"] == "running";
        (all.as_array().unwrap().iter().filter(running).count() == 3).then_some(())
    });
    assert!(text(&look(&[]).stdout).contains("3 agents: 3 fine\n"));
    assert_eq!(text(&look(&["--check", "live"]).stdout), "3 agents are live\n");
    let json: Value = serde_json::from_slice(&look(&["one", "--json"]).stdout).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 2);
    assert!(json[0]["state_dir"].as_str().unwrap().ends_with("/a"));
    let output = look(&["three"]);
    assert!(text(&output.stderr).contains("no agent three in"), "{output:?}");
}

#[test]
fn finding_nothing_names_where_else_it_looked() {
    let world = World::new();
    let own = world.path(".local/state/agentwatch");
    let look = || -> Output {
        let mut command = world.command(&["status"]);
        command.env_remove("XDG_STATE_HOME").output().unwrap()
    };
    let words = text(&look().stdout);
    assert!(words.contains("/var/lib/agentwatch"), "{words}");
    assert!(words.contains(own.to_str().unwrap()) || cfg!(target_os = "macos"), "{words}");
    if cfg!(target_os = "macos") {
        return;
    }
    fs::create_dir_all(own.join("lost/journal")).unwrap();
    let words = text(&look().stdout);
    let hint = format!("lost is in {0}: agentwatch status --state-dir {0}", own.display());
    assert!(words.contains(&hint), "{words}");
    assert_eq!(world.output(&["status", "--check", "live"]).status.code(), Some(1));
}

#[test]
fn a_file_from_the_future_is_named_and_hides_nothing() {
    let world = World::new();
    let run = world.script(&[], STEADY);
    run.beat(3);
    // Of a clock that was ahead: what it tells is older than what is written now.
    let first = fs::read_to_string(today(&world)).unwrap().lines().next().unwrap().to_owned();
    let future = world.agent().join("journal/2099-01-01.jsonl");
    fs::write(&future, format!("{first}\n")).unwrap();
    assert_eq!(status(&world)["state"], "healthy");
    let words = text(&world.output(&["status"]).stdout);
    assert!(words.contains("healthy") && words.contains("2099-01-01.jsonl is dated"), "{words}");
    let events = world.output(&["events", "t", "--event", "beat"]);
    assert!(text(&events.stdout).lines().count() >= 3);
    assert!(text(&events.stderr).contains("2099-01-01.jsonl is dated in the future"));
    let before = crate::harness::records(&world.agent()).len();
    run.beat(before);
    drop(run);

    // The next run says so, goes on, and no number comes twice.
    let mut run = world.script(&["--cooldown", "10ms"], "exit 0");
    assert_eq!(run.wait(), 0);
    assert!(run.stderr().contains("2099-01-01.jsonl is dated in the future"), "{}", run.stderr());
    let records = crate::harness::records(&world.agent());
    let mut numbers: Vec<u64> = records.iter().map(|record| record.seq).collect();
    numbers.sort_unstable();
    // The one line that was copied is there twice.
    numbers.dedup();
    assert_eq!(numbers.len(), records.len() - 1);
    assert_eq!(status(&world)["state"], "finished");
}

#[test]
fn torn_and_foreign_files_are_named_and_run_goes_on() {
    let world = World::new();
    world.script(&["--cooldown", "10ms"], "exit 3").wait();
    let journal = today(&world);
    let mut lines = fs::read(&journal).unwrap();
    lines.extend_from_slice(b"{\"ts\":\"2026-11-23T00");
    fs::write(&journal, &lines).unwrap();
    for name in ["notes.txt", "2026-13-45.jsonl", ".hidden"] {
        fs::write(world.agent().join("journal").join(name), b"\xff\0not ours").unwrap();
    }
    fs::create_dir(world.agent().join("journal/2020-01-01.jsonl")).unwrap();
    fs::create_dir_all(world.path("state/not an agent")).unwrap();
    fs::write(world.path("state/file"), b"x").unwrap();
    assert_eq!(status(&world)["state"], "escalated");
    let events = world.output(&["events"]);
    assert_eq!((events.status.code(), text(&events.stderr)), (Some(0), String::new()));
    let names = text(&world.output(&["status"]).stdout);
    assert!(!names.contains("not an agent") && !names.contains("file"), "{names}");
    // A state that is torn is said, and what the journal tells still shows.
    fs::write(world.agent().join("state.json"), b"{\"version\":1,\"na").unwrap();
    let seen = status(&world);
    assert_eq!(seen["state"], "escalated", "{seen}");
    assert!(seen["error"].as_str().unwrap().contains("state.json: "), "{seen}");
    let mut run = world.script(&["--resume"], "exit 0");
    assert_eq!(run.wait(), 0, "{}", run.stderr());
}

#[test]
fn what_may_not_be_read_is_named() {
    let world = World::new();
    world.script(&[], "exit 0").wait();
    fs::set_permissions(world.path("state"), fs::Permissions::from_mode(0o000)).unwrap();
    let reads_all = fs::read_dir(world.path("state")).is_ok();
    let output = world.output(&["status"]);
    fs::set_permissions(world.path("state"), fs::Permissions::from_mode(0o700)).unwrap();
    if reads_all {
        eprintln!("SKIPPED: root may read everything");
        return;
    }
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/state: "), "{output:?}");
}
