//! `status`, `events`, `resume`: what a person sees, from the files.

use agentwatch::core::fact::Fact;

use crate::harness::{DEADLINE, World, until};

const STEADY: &str =
    r#"while :; do echo '{"agent":"a","status":"ok","tokens_used":1200}'; sleep 0.05; done"#;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn status_shows_where_an_agent_stands() {
    let world = World::new();
    let run = world.script(&[], STEADY);
    run.beat(3);
    let table = text(&world.output(&["status"]).stdout);
    let mut lines = table.lines();
    assert!(lines.next().unwrap().starts_with("AGENT"), "{table}");
    let row = lines.next().unwrap();
    for part in ["t ", "healthy", "1.2k", "0/3"] {
        assert!(row.contains(part), "{part:?} in {row}");
    }
    let json: serde_json::Value =
        serde_json::from_slice(&world.output(&["status", "t", "--json"]).stdout).unwrap();
    assert_eq!(json[0]["agent"], "t");
    assert_eq!(json[0]["state"], "healthy");
    assert_eq!(json[0]["pid"], run.started(1));
    assert_eq!(json[0]["supervisor_pid"], run.pid());
    assert_eq!(json[0]["tokens_per_cycle"], 1200);
}

#[test]
fn status_follows_cooldown_escalation_and_a_killed_agentwatch() {
    let state = |world: &World| {
        let output = world.output(&["status", "t", "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        json[0]["state"].as_str().unwrap().to_owned()
    };
    let world = World::new();
    let mut run = world.script(&["--cooldown", "1h"], "exit 1");
    run.says("next start");
    // What is said is written a moment later.
    until("a cooldown", || (state(&world) == "cooldown").then_some(()));
    run.signal("TERM");
    run.wait();
    assert_eq!(state(&world), "stopped");

    let world = World::new();
    let mut run = world.script(&["--cooldown", "10ms"], "exit 1");
    run.wait();
    assert_eq!(state(&world), "escalated");
    assert!(text(&world.output(&["status"]).stdout).contains("agentwatch resume t"));

    let world = World::new();
    let mut run = world.script(&[], STEADY);
    run.beat(1);
    run.signal("KILL");
    run.wait();
    assert_eq!(state(&world), "unknown");
}

#[test]
fn events_are_readable_and_json_is_one_object_a_line() {
    let world = World::new();
    world.script(&["--cooldown", "10ms"], "echo last words >&2; exit 3").wait();
    let lines = text(&world.output(&["events", "t"]).stdout);
    assert!(lines.contains("exited"), "{lines}");
    assert!(lines.contains("failure 1 of 3: exit 3 after"), "{lines}");
    assert!(lines.contains("last line: last words"), "{lines}");
    assert!(!lines.contains('\x1b'), "plain when piped: {lines}");
    let json = text(&world.output(&["events", "--json"]).stdout);
    assert_eq!(json.lines().count(), lines.lines().count());
    for line in json.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["agent_name"], "t");
        assert!(value["event"].is_string() && value["ts"].is_string() && value["seq"].is_u64());
    }
}

#[test]
fn finding_nothing_names_the_directory() {
    let world = World::new();
    let output = world.output(&["status"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains(world.path("state").to_str().unwrap()));
    let output = world.output(&["status", "nobody"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("no agent nobody in") && stderr.contains("/state"), "{stderr}");
}

#[test]
fn resume_of_what_is_not_latched_changes_nothing() {
    let world = World::new();
    world.script(&[], "exit 0").wait();
    let before = world.facts().len();
    let output = world.output(&["resume", "t"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("nothing to resume"));
    assert_eq!(world.facts().len(), before);
    assert!(!world.facts().iter().any(|fact| matches!(fact, Fact::Resumed { .. })));
}

#[test]
fn every_command_has_help_with_an_example() {
    let world = World::new();
    let help = text(&world.output(&["--help"]).stdout);
    for command in ["run", "status", "events", "logs", "resume", "check"] {
        assert!(help.contains(command), "{help}");
        let output = world.output(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        let help = text(&output.stdout);
        assert!(help.contains(&format!("Example:\n  agentwatch {command}")), "{help}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let world = World::new();
    world.script(&["--cooldown", "10ms"], "exit 3").wait();
    let bin = env!("CARGO_BIN_EXE_agentwatch");
    let script = format!("{bin} events | true; {bin} --help | true");
    let output = world.command(&["--version"]);
    drop(output);
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .env("AGENTWATCH_STATE_DIR", world.path("state"))
        .output()
        .unwrap();
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_resume_stands_in_the_journal() {
    let world = World::new();
    world.script(&["--cooldown", "10ms"], "exit 3").wait();
    assert_eq!(world.output(&["resume", "t"]).status.code(), Some(0));
    assert!(
        matches!(world.facts().last(), Some(Fact::Resumed { .. })),
        "{:?}",
        world.facts().last()
    );
}

/// Where the agent `t` of this world listens, once it says so.
fn control(world: &World) -> std::path::PathBuf {
    crate::harness::until("the control socket", || {
        let text = std::fs::read_to_string(world.agent().join("state.json")).ok()?;
        let value: serde_json::Value = serde_json::from_str(&text).ok()?;
        let path = std::path::PathBuf::from(value["control"].as_str()?);
        path.exists().then_some(path)
    })
}

#[test]
fn a_hostile_client_of_the_control_socket_harms_nobody() {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    let world = World::new();
    let mut run = world.script(&["--cooldown", "10ms", "--on-escalate", "hold"], "exit 3");
    run.says("GAVE UP");
    let path = control(&world);
    let connect = || {
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        stream
    };
    // Who says nothing, more of them than there are places.
    let silent: Vec<UnixStream> = (0..20).map(|_| connect()).collect();
    // Who never ends its line: cut off, not collected.
    let mut endless = connect();
    let mut sent = 0;
    while sent < 4_000_000 && endless.write_all(&[b'x'; 16_384]).is_ok() {
        sent += 16_384;
    }
    assert!(sent < 4_000_000, "a line of 4 MB was listened to");
    // Who talks nonsense gets words.
    let mut nonsense = connect();
    nonsense.write_all(b"{\"command\":\"fly\"}\n").unwrap();
    let mut answer = String::new();
    nonsense.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"ok\":false") && answer.contains("does not know"), "{answer}");
    // And a human is still heard.
    assert_eq!(world.output(&["resume", "t"]).status.code(), Some(0));
    run.started(4);
    // The oldest of the silent ones made room.
    let mut first = silent.into_iter().next().unwrap();
    assert_eq!(first.read(&mut [0; 1]).unwrap(), 0);
    run.signal("TERM");
    run.wait();
    assert!(!path.exists(), "the socket goes with its owner");
}
