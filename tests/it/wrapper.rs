//! Transparency: output byte for byte, the child's exit code, stop and its signals.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use agentwatch::core::fact::{Fact, Strays};

use crate::harness::{World, alive, code, facts, until};

#[test]
fn stdout_and_stderr_come_out_byte_for_byte() {
    let world = World::new();
    let bytes: Vec<u8> =
        (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(world.path("bytes"), &bytes).unwrap();
    let args = ["run", "--name", "t", "--", "sh", "-c", "cat bytes; cat bytes >&2"];
    let output = world.output(&args);
    assert!(output.stdout == bytes, "stdout differs: {} bytes", output.stdout.len());
    let at = output.stderr.windows(bytes.len()).position(|window| window == bytes);
    assert!(at.is_some(), "stderr differs: {} bytes", output.stderr.len());
}

#[test]
fn output_is_passed_on_at_once() {
    let world = World::new();
    let mut command =
        world.command(&["run", "--name", "t", "--", "sh", "-c", "printf half; read x"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut half = [0; 4];
    child.stdout.as_mut().unwrap().read_exact(&mut half).unwrap();
    assert_eq!(&half, b"half", "a line without an end is output too, and stdin reaches the child");
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert_eq!(code(child.wait().unwrap()), 0);
}

#[test]
fn the_childs_own_code_is_passed_on() {
    let world = World::new();
    for wanted in [0, 1, 2, 69, 75, 78, 125, 126, 127, 255] {
        let exit = format!("exit {wanted}");
        let output =
            world.output(&["run", "--name", "t", "--restart", "never", "--", "sh", "-c", &exit]);
        assert_eq!(output.status.code(), Some(wanted));
        let says = String::from_utf8_lossy(&output.stderr).contains("the command's own");
        assert_eq!(says, matches!(wanted, 69 | 75 | 78 | 125..=127), "code {wanted}");
    }
    let output =
        world.output(&["run", "--name", "t", "--restart", "never", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(output.status.code(), Some(137), "128 + signal");
}

#[test]
fn a_plain_wrapper_says_nothing_of_its_own() {
    let world = World::new();
    let output = world.output(&["run", "--restart", "never", "--", "echo", "hi"]);
    assert_eq!(output.stdout, b"hi\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_command_that_is_not_there_is_127_at_once_and_one_that_cannot_run_126() {
    let world = World::new();
    std::fs::write(world.path("plain"), "no program").unwrap();
    for (command, wanted) in [("no-such-command-here", 127), ("./plain", 126), ("/", 126)] {
        let output = world.output(&["run", "--name", "t", "--", command]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(wanted), "{command}: {stderr}");
        assert!(stderr.contains(command), "{stderr}");
        assert!(stderr.contains(&format!("exit {wanted}")), "{stderr}");
    }
    let failures =
        facts(&world.agent()).into_iter().filter(|fact| matches!(fact, Fact::Exited { .. }));
    assert_eq!(failures.count(), 0, "a typing mistake is no failure of the agent");
}

#[test]
fn exit_0_of_an_agent_that_never_beat_is_its_end() {
    let world = World::new();
    let output = world.output(&["run", "--name", "t", "--", "true"]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr.contains("t: finished, exit 0"), "{stderr}");
}

#[test]
fn term_stops_the_whole_group_and_gives_the_childs_code() {
    let world = World::new();
    let script = "trap 'exit 7' TERM; sleep 1000 & echo $!; while :; do wait; done";
    let mut run = world.script(&["--beats", "none"], script);
    let grandchild: i32 = until("the pid", || run.stdout().trim().parse().ok());
    run.signal("TERM");
    assert_eq!(run.wait(), 7);
    until("the end of the grandchild", || (!alive(grandchild)).then_some(()));
    run.says("t: stopped by SIGTERM");
}

#[test]
fn an_interrupt_is_sent_as_itself() {
    let world = World::new();
    let mut run =
        world.script(&[], "trap 'echo int; exit 3' INT; echo up; while :; do sleep 0.05; done");
    until("the trap", || run.stdout().contains("up").then_some(()));
    run.signal("INT");
    assert_eq!(run.wait(), 3);
    assert_eq!(run.stdout(), "up\nint\n");
}

#[test]
fn rule_08_stop_always_ends() {
    let world = World::new();
    let deaf = "trap '' TERM; echo up; while :; do sleep 0.05; done";
    let mut run = world.script(&["--stop-timeout", "200ms"], deaf);
    until("the trap", || run.stdout().contains("up").then_some(()));
    run.signal("TERM");
    assert_eq!(run.wait(), 137, "killed after the stop timeout");
    run.says("did not stop in");
}

#[test]
fn rule_08_signals_within_a_second_are_one_request_and_a_later_one_kills() {
    let world = World::new();
    let deaf = "trap '' TERM HUP; echo up; while :; do sleep 0.05; done";
    let mut run = world.script(&["--stop-timeout", "1h"], deaf);
    until("the trap", || run.stdout().contains("up").then_some(()));
    run.signal("TERM");
    run.signal("HUP");
    let stopping = |fact: &Fact| matches!(fact, Fact::Stopping { .. }).then_some(());
    run.fact("stopping", 1, stopping);
    // The request counts from the first signal: a second later the next one is a second request.
    let first = std::time::Instant::now();
    until("a second to pass", || (first.elapsed().as_millis() > 1100).then_some(()));
    assert!(run.is_running());
    run.signal("TERM");
    assert_eq!(run.wait(), 137);
    let facts = world.facts();
    let signals = facts.iter().filter(|fact| stopping(fact).is_some()).count();
    assert_eq!(signals, 2, "one stop signal, then one kill: {facts:?}");
}

#[test]
fn a_stopped_child_is_woken_to_hear_its_stop() {
    let world = World::new();
    let mut run = world.script(&[], "trap 'exit 4' TERM; echo up; while :; do sleep 0.05; done");
    until("the trap", || run.stdout().contains("up").then_some(()));
    crate::harness::kill(run.started(1), "STOP");
    run.signal("TERM");
    assert_eq!(run.wait(), 4);
}

#[test]
fn the_next_child_is_told_how_the_last_one_ended() {
    let world = World::new();
    let script = r#"echo "last: ${AGENTWATCH_LAST_EXIT-none}"; exit 7"#;
    let mut run = world.script(&["--cooldown", "20ms", "--max-failures", "2"], script);
    assert_eq!(run.wait(), 69);
    assert_eq!(run.stdout(), "last: none\nlast: exit 7\n");
}

#[test]
fn a_plain_wrapper_lets_its_child_see_that_nobody_reads() {
    let world = World::new();
    let args = ["run", "--name", "t", "--restart", "never", "--", "yes"];
    let mut child =
        world.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    let status = until("the end by SIGPIPE", || child.try_wait().unwrap());
    assert_eq!(code(status), 128 + 13);
}

#[test]
fn the_child_knows_who_watches_it_and_gets_no_settings_of_ours() {
    let world = World::new();
    let mut command = world.command(&["run", "--name", "t", "--interval", "90s", "--", "env"]);
    command
        .env("AGENTWATCH_OPT_COOLDOWN", "7s")
        .env("NOTIFY_SOCKET", "/outer")
        .env_remove("PYTHONUNBUFFERED");
    let mut run = world.spawn(command);
    assert_eq!(run.wait(), 0);
    let out = run.stdout();
    for line in [
        "AGENTWATCH_NAME=t",
        "AGENTWATCH_INCARNATION=1",
        "AGENTWATCH_INTERVAL=90",
        "PYTHONUNBUFFERED=1",
    ] {
        assert!(out.lines().any(|l| l == line), "{line} is missing in\n{out}");
    }
    assert!(!out.contains("AGENTWATCH_OPT_") && !out.contains("/outer"), "{out}");
}

#[test]
fn strays_are_ended_after_a_clean_exit_too() {
    let world = World::new();
    // Ignores the hangup and TERM of a polite end, and holds our stdout open.
    let script = "trap '' TERM; sleep 1000 & echo $! >pid; exit 0";
    let mut run = world.script(&[], script);
    assert_eq!(run.wait(), 0, "the end of the child is its wait status, not the end of its pipe");
    let stray: i32 = std::fs::read_to_string(world.path("pid")).unwrap().trim().parse().unwrap();
    until("the end of the stray", || (!alive(stray)).then_some(()));
    let named = world
        .facts()
        .iter()
        .any(|fact| matches!(fact, Fact::Strays(Strays { names, .. }) if !names.is_empty()));
    assert!(named, "{:?}", world.facts());
}

#[test]
fn a_slow_reader_gets_everything_after_the_agent_has_ended() {
    let world = World::new();
    // More than a pipe holds, so that some of it is still with us when the child is gone.
    let script = "head -c 200000 /dev/zero; exit 3";
    let args = ["run", "--name", "t", "--restart", "never", "--", "sh", "-c", script];
    let mut child =
        world.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut total = 0;
    until("the end of the child", || {
        let ended = |fact: &Fact| matches!(fact, Fact::Exited { .. });
        // It cannot end before somebody reads.
        let mut some = [0; 4096];
        let got = child.stdout.as_mut().unwrap().read(&mut some).unwrap();
        assert!(got > 0, "the output ended before the agent");
        total += got;
        world.facts().iter().any(ended).then_some(())
    });
    let mut rest = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
    assert!(!rest.is_empty(), "nothing was left to pass on: the test proves nothing");
    assert_eq!(total + rest.len(), 200_000);
    assert_eq!(code(child.wait().unwrap()), 3);
}
