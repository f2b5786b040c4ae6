//! A new version is installed while agents run, and an old one meets what a newer one wrote.

use std::fs;
use std::path::Path;
use std::process::Command;

use agentwatch::wire::control::{read_answer, read_request};
use agentwatch::wire::state;

use crate::harness::{World, alive, until};

const STEADY: &str =
    r#"while :; do echo '{"agent":"a","status":"ok","tokens_used":1200}'; sleep 0.05; done"#;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn an_agent_outlives_the_program_that_is_replaced_below_it() {
    let world = World::new();
    let installed = world.path("installed");
    let install = || {
        let fresh = world.path("fresh");
        fs::copy(env!("CARGO_BIN_EXE_agentwatch"), &fresh).unwrap();
        fs::rename(&fresh, &installed).unwrap();
    };
    install();
    // The harness's own command, but for the program.
    let command = |args: &[&str]| {
        let like = world.command(args);
        let mut command = Command::new(&installed);
        command.args(args).current_dir(like.get_current_dir().unwrap());
        for (key, value) in like.get_envs() {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        command
    };
    let options = ["run", "--name", "t", "--alert", "exec:cat >> told", "--cooldown", "100ms"];
    let mut run = world.spawn(command(&[&options[..], &["--", "sh", "-c", STEADY]].concat()));
    run.beat(2);
    let child = run.started(1);
    fs::remove_file(&installed).unwrap();
    // Half way of an upgrade nothing can be executed, and nothing is in need of it.
    run.beat(10);
    install();
    let status = command(&["status", "t", "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status[0]["state"], "healthy", "{status}");
    assert_eq!(
        (&status[0]["pid"], &status[0]["supervisor_pid"]),
        (&child.into(), &run.pid().into())
    );
    assert_eq!(status[0]["supervisor_version"], env!("CARGO_PKG_VERSION"));
    assert!(alive(child));
    let output = command(&["restart", "--at-beat", "t"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let fresh = run.started(2);
    assert_ne!(fresh, child);
    // Letters are sent by what is installed now: the supervisor that is older hands them over.
    super::harness::kill(fresh, "KILL");
    let third = run.started(3);
    super::harness::kill(third, "KILL");
    run.started(4);
    until("a letter", || {
        fs::read_to_string(world.path("told")).ok().filter(|told| !told.is_empty())
    });
    assert!(command(&["stop", "t"]).output().unwrap().status.success());
    run.wait();
}

#[test]
fn a_newer_state_is_refused_in_words_and_left_as_it_is() {
    let world = World::new();
    let mut run = world.script(&[], STEADY);
    run.beat(1);
    run.signal("TERM");
    run.wait();
    let path = world.agent().join("state.json");
    let newer = fs::read_to_string(&path).unwrap().replacen("\"version\": 1", "\"version\": 7", 1);
    fs::write(&path, &newer).unwrap();
    let output = world.output(&["run", "--name", "t", "--", "true"]);
    assert_eq!(output.status.code(), Some(78));
    let said = text(&output.stderr);
    let version = env!("CARGO_PKG_VERSION");
    let words = format!(
        "state.json is of agentwatch {version}, in format 7; this is {version}, which knows"
    );
    assert!(said.contains(&words) && said.contains("state.json"), "{said}");
    for args in [&["resume", "t"][..], &["ack", "t"]] {
        let output = world.output(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(text(&output.stderr).contains("in format 7"), "{args:?}: {}", text(&output.stderr));
    }
    assert!(text(&world.output(&["status", "t"]).stdout).contains("in format 7"));
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    let kept = fs::read_dir(world.agent()).unwrap().flatten();
    assert!(
        kept.map(|entry| entry.file_name())
            .all(|name| !text(name.as_encoded_bytes()).contains("torn"))
    );
}

#[test]
fn who_runs_another_version_is_named() {
    let world = World::new();
    // It writes nothing of its own accord while it is silent.
    let run = world
        .script(&["--interval", "10m"], "echo '{\"tokens_used\":1,\"status\":\"ok\"}'; sleep 600");
    run.beat(1);
    let path = world.agent().join("state.json");
    let version = format!("\"agentwatch\": \"{}\"", env!("CARGO_PKG_VERSION"));
    until("the state at rest", || {
        let state = fs::read_to_string(&path).unwrap();
        fs::write(&path, state.replacen(&version, "\"agentwatch\": \"0.0.9\"", 1)).unwrap();
        let shown = text(&world.output(&["status"]).stdout);
        shown.contains("t runs under agentwatch 0.0.9; this is ").then_some(())
    });
    let shown = text(&world.output(&["status", "t"]).stdout);
    assert!(shown.contains("agentwatch  0.0.9; this is "), "{shown}");
    let output = world.output(&["ack", "t"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains("nothing is open"), "{said}");
}

/// What the minor version before wrote and said. These files are never blessed: they are what is out there.
#[test]
fn what_the_version_before_wrote_and_said_is_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/versions/0.1");
    let (identity, memory) = state::read(&fs::read(folder.join("state.json")).unwrap()).unwrap();
    assert_eq!((identity.name.as_str(), memory.incarnation), ("crawler", 3));
    assert_eq!(memory.latch.map(|latch| latch.failures), Some(3));
    assert_eq!(memory.ledger.usual(), Some(1200));
    assert_eq!(memory.incidents.all.len(), 1);
    for line in fs::read(folder.join("requests.jsonl")).unwrap().split(|byte| *byte == b'\n') {
        assert!(line.is_empty() || read_request(line).is_ok(), "{}", text(line));
    }
    for line in fs::read(folder.join("answers.jsonl")).unwrap().split(|byte| *byte == b'\n') {
        assert!(line.is_empty() || read_answer(line).is_some(), "{}", text(line));
    }
}
