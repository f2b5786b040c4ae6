//! Names that nobody chose: strangers are told apart, the next release of an agent is not one.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::process::Output;

use crate::harness::World;

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A script `agent.sh` in a folder of this world.
fn script(world: &World, folder: &str) {
    fs::create_dir_all(world.path(folder)).unwrap();
    fs::write(world.path(folder).join("agent.sh"), "exit 0\n").unwrap();
}

fn run(world: &World, folder: &str, args: &[&str]) -> Output {
    let args = [&["run"], args].concat();
    world.command(&args).current_dir(world.path(folder)).output().unwrap()
}

#[test]
fn a_stranger_with_the_same_derived_name_is_refused() {
    let world = World::new();
    script(&world, "a");
    script(&world, "b");
    assert_eq!(run(&world, "a", &["--", "sh", "agent.sh"]).status.code(), Some(0));
    let output = run(&world, "b", &["--", "sh", "agent.sh"]);
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let words = err(&output);
    let real = |folder: &str| world.path(folder).canonicalize().unwrap().display().to_string();
    for part in [real("a").as_str(), &real("b"), "--name OTHER", "--name agent"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert_eq!(words.lines().count(), 1);
    // Flags and the interpreter may change, the script may not.
    let again = run(&world, "a", &["--", "sh", "-e", "./agent.sh", "--fast"]);
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    fs::create_dir(world.path("a/old")).unwrap();
    fs::copy(world.path("a/agent.sh"), world.path("a/old/agent.sh")).unwrap();
    assert_eq!(run(&world, "a", &["--", "sh", "old/agent.sh"]).status.code(), Some(78));
    // A name that somebody chose is whose they say it is, past included.
    let taken = run(&world, "b", &["--name", "agent", "--", "sh", "agent.sh"]);
    assert_eq!(taken.status.code(), Some(0), "{taken:?}");
    assert_eq!(run(&world, "b", &["--", "sh", "agent.sh"]).status.code(), Some(0));
    assert_eq!(run(&world, "a", &["--", "sh", "agent.sh"]).status.code(), Some(78));
}

#[test]
fn a_stranger_is_told_so_also_while_the_other_one_runs() {
    let world = World::new();
    for folder in ["a", "b"] {
        script(&world, folder);
        fs::write(world.path(folder).join("agent.sh"), "exec sleep 600\n").unwrap();
    }
    let mut command = world.command(&["run", "--", "sh", "agent.sh"]);
    command.current_dir(world.path("a"));
    let agent = world.spawn(command);
    agent.says("started");
    crate::harness::until("its state", || {
        world.path("state/agent/state.json").exists().then_some(())
    });
    let output = run(&world, "b", &["--", "sh", "agent.sh"]);
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert!(!err(&output).contains("stop that one"), "{}", err(&output));
    assert_eq!(run(&world, "a", &["--", "sh", "agent.sh"]).status.code(), Some(75));
}

#[test]
fn a_project_that_moved_is_no_stranger() {
    let world = World::new();
    script(&world, "old");
    assert_eq!(run(&world, "old", &["--", "sh", "agent.sh"]).status.code(), Some(0));
    fs::rename(world.path("old"), world.path("new")).unwrap();
    assert_eq!(run(&world, "new", &["--", "sh", "agent.sh"]).status.code(), Some(0));
}

#[test]
fn a_deployment_is_no_stranger() {
    let world = World::new();
    for folder in ["app/releases/41", "app/releases/42", "blue", "green"] {
        script(&world, folder);
    }
    let point = |link: &str, to: &str| {
        let _ = fs::remove_file(world.path(link));
        symlink(to, world.path(link)).unwrap();
    };
    let mut runs = Vec::new();
    for release in ["releases/41", "releases/42"] {
        point("app/current", release);
        runs.push(run(&world, "app/current", &["--", "sh", "agent.sh"]));
    }
    assert!(runs.iter().all(|run| run.status.code() == Some(0)), "{runs:?}");
    let state = World::new();
    for colour in ["blue", "green"] {
        point("live", colour);
        let mut command = world.command(&["run", "--", "sh", "agent.sh"]);
        command.current_dir(world.path("live")).env("AGENTWATCH_STATE_DIR", &state.dir);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[test]
fn an_agent_that_is_started_by_its_name_is_known_by_it_alone() {
    let world = World::new();
    let folder = world.path("config/agentwatch/agents");
    fs::create_dir_all(&folder).unwrap();
    for command in ["'exit 0'", "['true']"] {
        fs::write(folder.join("t.toml"), format!("command = {command}\n")).unwrap();
        let output = world.output(&["run", "t"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}

#[test]
fn the_latch_stays_with_the_name() {
    let world = World::new();
    script(&world, "a");
    script(&world, "b");
    fs::write(world.path("a/agent.sh"), "exit 1\n").unwrap();
    let options = ["--max-failures", "1", "--", "sh", "agent.sh"];
    assert_eq!(run(&world, "a", &options).status.code(), Some(69));
    // Neither does a stranger lift it, nor does who takes the name over escape it.
    assert_eq!(run(&world, "b", &options).status.code(), Some(78));
    let named = [&["--name", "agent"], &options[..]].concat();
    assert_eq!(run(&world, "b", &named).status.code(), Some(69));
}

#[test]
fn a_folder_whose_name_is_no_text_is_known_again() {
    let world = World::new();
    let folder = world.dir.join(OsStr::from_bytes(b"b\xffd"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("agent.sh"), "exit 0\n").unwrap();
    for _ in 0..2 {
        let mut command = world.command(&["run", "--", "sh", "agent.sh"]);
        let output = command.current_dir(&folder).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}
