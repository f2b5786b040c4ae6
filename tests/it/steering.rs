//! Commands to a running agentwatch, and what they find where none runs.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Output;

use agentwatch::core::fact::{Fact, Outcome};

use crate::harness::{World, until};

const BEATS: &str =
    r#"while :; do echo '{"agent":"t","status":"ok","tokens_used":5}'; sleep 0.1; done"#;

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The state of a process as the kernel has it: `T` is stopped.
fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

#[test]
fn restart_gives_a_fresh_child_at_once_and_no_strike() {
    let world = World::new();
    let run = world.script(&["--cooldown", "1h"], BEATS);
    let first = run.started(1);
    run.beat(1);
    let output = world.output(&["restart", "t"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("t: restarting; what has not ended in 30s is killed"));
    assert_ne!(run.started(2), first);
    assert!(
        !world
            .facts()
            .iter()
            .any(|fact| { matches!(fact, Fact::Exited { outcome: Outcome::Failure { .. }, .. }) })
    );
    assert!(run.stderr().contains("t: a person wants it started anew"), "{}", run.stderr());
}

#[test]
fn restart_at_the_next_beat_lets_a_cycle_end() {
    let world = World::new();
    let run = world.script(
        &["--cooldown", "1h"],
        r#"echo '{"agent":"t","status":"ok"}'; until [ -e go ]; do sleep 0.02; done
           echo '{"agent":"t","status":"ok","message":"done"}'; exec sleep 600"#,
    );
    run.beat(1);
    let output = world.output(&["restart", "--at-beat", "t"]);
    assert_eq!(out(&output), "t: restarts at its next beat\n");
    std::fs::write(world.path("go"), "").unwrap();
    run.started(2);
    let facts = world.facts();
    let second = facts.iter().position(|fact| matches!(fact, Fact::Started { incarnation: 2, .. }));
    let done = |fact: &Fact| matches!(fact, Fact::Beat(beat) if beat.message.is_some());
    assert!(facts[..second.unwrap()].iter().any(done));
}

#[test]
fn restart_lifts_a_cooldown() {
    let world = World::new();
    let run = world.script(&["--cooldown", "1h"], "[ -e go ] && exec sleep 600; exit 3");
    run.says("next start");
    std::fs::write(world.path("go"), "").unwrap();
    let output = world.output(&["restart", "t"]);
    assert!(out(&output).starts_with("t: started, pid "), "{}", out(&output));
    run.started(2);
}

#[test]
fn stop_ends_the_agent_and_says_when_that_is_done() {
    let world = World::new();
    let mut run = world.script(&[], "trap 'exit 7' TERM; while :; do sleep 0.05; done");
    run.started(1);
    let output = world.output(&["stop", "t"]);
    assert!(out(&output).ends_with("t: stopped\n"), "{}", out(&output));
    assert!(!run.is_running() || run.wait() == 7);
    assert_eq!(run.wait(), 7);
    assert!(run.stderr().contains("stopped by agentwatch stop after"), "{}", run.stderr());
    let output = world.output(&["stop", "t"]);
    assert_eq!(out(&output), "t: no agentwatch runs it; there is nothing to stop\n");
}

#[test]
fn stop_now_does_not_wait() {
    let world = World::new();
    let mut run =
        world.script(&["--stop-timeout", "1h"], "trap '' TERM; while :; do sleep 1; done");
    run.started(1);
    // Before it can have set its trap it may as well die of nothing.
    let output = world.output(&["stop", "--now", "t"]);
    assert!(out(&output).starts_with("t: killing it"), "{}", out(&output));
    assert_eq!(run.wait(), 137);
}

#[test]
fn who_is_to_stay_down_stays_down_across_agentwatch() {
    let world = World::new();
    let mut run = world.script(&[], "exec sleep 600");
    run.started(1);
    let output = world.output(&["stop", "--stay", "t"]);
    assert!(out(&output).contains("stays down until: agentwatch resume t"), "{}", out(&output));
    assert_eq!(run.wait(), 69);
    let mut again = world.script(&[], "exec sleep 600");
    assert_eq!(again.wait(), 69);
    assert!(again.stderr().contains("told so by agentwatch stop --stay"), "{}", again.stderr());
    assert!(out(&world.output(&["resume", "t"])).contains("resumed"));
    world.script(&[], "exec sleep 600").started(2);
}

#[test]
fn an_agent_that_is_down_can_be_told_to_stay_down() {
    let world = World::new();
    let mut run = world.script(&[], "exit 0");
    assert_eq!(run.wait(), 0);
    for words in ["no agentwatch runs it; stays down", "is down already; stays down"] {
        let output = world.output(&["stop", "--stay", "t"]);
        assert!(out(&output).contains(words), "{}", out(&output));
    }
    assert_eq!(world.script(&[], "exit 0").wait(), 69);
}

#[test]
fn stay_holds_where_agentwatch_holds() {
    let world = World::new();
    let mut run = world.script(&["--on-escalate", "hold"], "exec sleep 600");
    let child = run.started(1);
    let output = world.output(&["stop", "--stay", "t"]);
    assert_eq!(output.status.code(), Some(0));
    until("the end of the child", || state(child).is_none().then_some(()));
    assert!(run.is_running());
    until("a resume", || {
        out(&world.output(&["resume", "t"])).contains("started, pid").then_some(())
    });
    run.started(2);
}

#[test]
fn a_pause_stops_every_process_and_is_no_silence() {
    let world = World::new();
    let options = ["--interval", "300ms", "--misses", "2", "--cooldown", "1h"];
    let run = world.script(&options, &format!("setsid sleep 777 & echo $! > leaver; {BEATS}"));
    let child = run.started(1);
    run.beat(2);
    let leaver: i32 = until("the leaver", || {
        std::fs::read_to_string(world.path("leaver")).ok()?.trim().parse().ok()
    });
    let output = world.output(&["pause", "t"]);
    assert!(out(&output).starts_with("t: paused, all its processes are stopped"));
    for pid in [child, leaver] {
        until("a stopped process", || (state(pid) == Some('T')).then_some(()));
    }
    // Several times what would be judged as unhealthy.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let status = out(&world.output(&["status", "--json", "t"]));
    assert!(status.contains("\"state\":\"paused\"") || status.contains("\"paused\""), "{status}");
    let output = world.output(&["resume", "t"]);
    assert!(out(&output).starts_with("t: goes on after a pause of "), "{}", out(&output));
    let before = world.facts().iter().filter(|fact| matches!(fact, Fact::Beat(_))).count();
    run.beat(before + 2);
    until("a leaver that runs", || (state(leaver) != Some('T')).then_some(()));
    let hurt = |fact: &Fact| matches!(fact, Fact::Unhealthy { .. } | Fact::Exited { .. });
    assert!(!world.facts().iter().any(hurt), "{}", run.stderr());
}

#[test]
fn a_paused_agent_can_be_stopped() {
    let world = World::new();
    let mut run = world.script(&[], "trap 'exit 5' TERM; while :; do sleep 0.05; done");
    let child = run.started(1);
    // The trap is set before the first sleep.
    until("its first sleep", || {
        let children = format!("/proc/{child}/task/{child}/children");
        std::fs::read_to_string(children).ok().filter(|text| !text.is_empty())
    });
    world.output(&["pause", "t"]);
    run.signal("TERM");
    assert_eq!(run.wait(), 5);
}

#[test]
fn what_was_paused_does_not_start_behind_a_crash_of_agentwatch() {
    let world = World::new();
    let run = world.script(&[], "exec sleep 600");
    run.started(1);
    world.output(&["pause", "t"]);
    run.signal("KILL");
    drop(run);
    let mut again = world.script(&["--cooldown", "0s"], "exec sleep 600");
    assert_eq!(again.wait(), 69);
    assert!(again.stderr().contains("it was paused when agentwatch was killed"));
}

#[test]
fn resume_all_helps_everybody_who_is_down_and_nobody_else() {
    let world = World::new();
    let agent = |name: &str, script: &str| {
        let args = ["run", "--name", name, "--max-failures", "1", "--", "sh", "-c", script];
        world.spawn(world.command(&args))
    };
    assert_eq!(agent("a", "exit 1").wait(), 69);
    assert_eq!(agent("b", "exit 1").wait(), 69);
    let runs = agent("c", "exec sleep 600");
    runs.says("started");
    let output = world.output(&["resume", "--all"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = out(&output);
    assert!(text.contains("a: resumed") && text.contains("b: resumed"), "{text}");
    assert!(!text.contains("c:"), "{text}");
    assert!(out(&world.output(&["resume", "--all"])).contains("nothing to resume"));
}

#[test]
fn where_nobody_runs_it_the_words_say_so() {
    let world = World::new();
    assert_eq!(world.script(&[], "exit 0").wait(), 0);
    for command in ["restart", "pause"] {
        let output = world.output(&[command, "t"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(err(&output).contains("t: no agentwatch runs it; start it with: agentwatch run"));
    }
    for command in ["restart", "pause", "stop", "resume"] {
        let output = world.output(&[command, "nobody"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(err(&output).contains("no agent nobody in"), "{}", err(&output));
    }
}

#[test]
fn two_restarts_at_once_are_one() {
    let world = World::new();
    let run =
        world.script(&["--cooldown", "1h"], "trap 'sleep 0.3; exit 0' TERM; sleep 600 & wait");
    run.started(1);
    let both: Vec<_> = (0..2)
        .map(|_| {
            let mut command = world.command(&["restart", "t"]);
            std::thread::spawn(move || command.output().unwrap())
        })
        .collect();
    for one in both {
        assert_eq!(one.join().unwrap().status.code(), Some(0));
    }
    run.started(2);
    let starts = |fact: &&Fact| matches!(fact, Fact::Started { .. });
    assert_eq!(world.facts().iter().filter(starts).count(), 2);
}

/// The control socket of the agent `t`.
fn control(world: &World) -> UnixStream {
    let path = until("the socket", || {
        let text = std::fs::read_to_string(world.agent().join("state.json")).ok()?;
        let state: serde_json::Value = serde_json::from_str(&text).ok()?;
        Some(state["control"].as_str()?.to_owned())
    });
    until("a listener", || UnixStream::connect(&path).ok())
}

#[test]
fn clients_that_flood_stall_or_talk_nonsense_harm_nobody() {
    let world = World::new();
    let run = world.script(&["--interval", "2s"], BEATS);
    run.beat(1);
    // One that never reads, one that never ends its line, one that sends rubbish.
    let mut silent = control(&world);
    silent.write_all(b"{\"command\":\"resume\"}\n").unwrap();
    let mut half = control(&world);
    half.write_all(b"{\"command\":").unwrap();
    let mut rubbish = control(&world);
    rubbish.write_all(b"\xff\xfe GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = rubbish.read_to_string(&mut answer);
    assert!(answer.contains("does not know that command"), "{answer}");
    // A gigabyte is cut off long before its end.
    let mut flood = control(&world);
    let block = vec![b'x'; 1 << 16];
    let sent = (0..1 << 14).take_while(|_| flood.write_all(&block).is_ok()).count();
    assert!(sent < 1 << 14, "all of it was taken");
    // More clients than there are places.
    let many: Vec<_> = (0..40).map(|_| control(&world)).collect();
    let output = world.output(&["restart", "t"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    drop(many);
    run.started(2);
    run.beat(3);
}

#[test]
fn a_runtime_folder_too_long_for_sockets_is_passed_over() {
    let world = World::new();
    let long = world.path(&"x".repeat(120));
    std::fs::create_dir(&long).unwrap();
    let mut command = world.command(&["run", "--name", "t", "--", "sh", "-c", "exec sleep 600"]);
    command.env("RUNTIME_DIRECTORY", &long).env("TMPDIR", &world.dir);
    let run = world.spawn(command);
    run.started(1);
    drop(control(&world));
    assert_eq!(world.output(&["pause", "t"]).status.code(), Some(0));
    assert!(!run.stderr().contains("no control socket"), "{}", run.stderr());
    assert!(!run.stderr().contains("$NOTIFY_SOCKET"), "{}", run.stderr());
    assert_eq!(std::fs::read_dir(&long).unwrap().count(), 0);
}
