//! Every example runs as it is.

use agentwatch::core::fact::Fact;

use crate::harness::{World, has};

fn example(name: &str) -> String {
    format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn run(world: &World, options: &[&str], command: &[&str]) -> crate::harness::Run {
    let mut args = vec!["run", "--name", "t"];
    args.extend(options);
    args.push("--");
    args.extend(command);
    let mut prepared = world.command(&args);
    prepared.env("CYCLE_SECONDS", "0.1");
    world.spawn(prepared)
}

#[test]
fn agent_py_beats_and_stops() {
    let world = World::new();
    let mut run = run(&world, &["--interval", "5s"], &["python3", &example("agent.py")]);
    run.beat(3);
    run.says("t: healthy, first beat after");
    run.signal("INT");
    run.wait();
    run.says("t: stopped by SIGINT after");
    run.says("tokens (1,234 a cycle)");
}

#[test]
fn hangs_py_is_ended_and_started_again() {
    let world = World::new();
    let options = ["--interval", "500ms", "--cooldown", "100ms"];
    let run = run(&world, &options, &["python3", &example("hangs.py")]);
    run.says("failure 1 of 3: silent for");
    run.started(2);
    run.says("recovered, beats are back after");
}

#[test]
fn crashes_py_is_given_up_after_the_third_failure() {
    let world = World::new();
    let mut run = run(&world, &["--cooldown", "100ms"], &["python3", &example("crashes.py")]);
    assert_eq!(run.wait(), 69);
    run.says("KeyError: 'BROKER_TOKEN_THAT_NOBODY_SET'");
    run.says("GAVE UP after 3 failures");
    run.says("same last line");
}

#[test]
fn agent_sh_announces_its_shutdown() {
    let world = World::new();
    let mut run = run(&world, &["--interval", "5s"], &["sh", &example("agent.sh")]);
    run.beat(2);
    run.signal("TERM");
    assert_eq!(run.wait(), 0);
    let announced =
        |fact: &Fact| matches!(fact, Fact::Beat(beat) if beat.status == "shutting_down");
    assert!(world.facts().iter().any(announced), "{:?}", world.facts());
}

#[test]
fn agent_mjs_beats() {
    if !has("node") {
        return;
    }
    let world = World::new();
    let mut run = run(&world, &["--interval", "10s"], &["node", &example("agent.mjs")]);
    run.beat(2);
    run.signal("TERM");
    assert_eq!(run.wait(), 143);
}
