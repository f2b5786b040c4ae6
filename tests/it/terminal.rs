//! agentwatch at a terminal without job control above it, as `ssh -t` and `docker run -t` start it.

use agentwatch::core::fact::Fact;
use nix::sys::termios::Termios;

use crate::harness::{World, alive, has, kill, state, story};
use crate::pty::{NOTES_SIGNALS, Terminal, noted, started, supervisor};

fn notes_signals(world: &World) -> [&'static str; 2] {
    std::fs::write(world.path("notes.py"), NOTES_SIGNALS).unwrap();
    ["python3", "notes.py"]
}

#[test]
fn ctrl_c_reaches_the_agent_once_and_stops_it() {
    let world = World::new();
    let mut terminal = Terminal::run(&world, &["--beats", "none"], &notes_signals(&world));
    terminal.shows("up");
    terminal.types("\x03");
    // CONT is sent after every stop signal: whatever was to come before it is there by then.
    noted_until(&mut terminal, &world, "SIGCONT");
    assert_eq!(noted(&world, "signals"), ["SIGINT", "SIGCONT"]);
    std::fs::write(world.path("leave"), "").unwrap();
    terminal.shows("t: stopped by Ctrl-C");
    assert_eq!(terminal.wait(), 3, "the code is the agent's own");
}

#[test]
fn ctrl_c_ends_an_agent_that_does_not_care_for_it() {
    let world = World::new();
    let mut terminal = Terminal::run(&world, &["--beats", "none"], &["sleep", "1000"]);
    let child = started(&world, 1);
    terminal.types("\x03");
    terminal.shows("t: stopped by Ctrl-C");
    assert_eq!(terminal.wait(), 130);
    assert!(!alive(child));
}

#[test]
fn ctrl_backslash_stops_as_quit() {
    let world = World::new();
    let script = "trap 'exit 9' QUIT; echo up; while :; do sleep 0.05; done";
    let mut terminal = Terminal::run(&world, &["--beats", "none"], &["sh", "-c", script]);
    terminal.shows("up");
    terminal.types("\x1c");
    terminal.shows("t: stopped by Ctrl-\\");
    assert_eq!(terminal.wait(), 9);
}

#[test]
fn ctrl_c_in_a_wrapper_is_the_affair_of_the_child() {
    let world = World::new();
    std::fs::write(
        world.path("prompt.py"),
        r"
import time
print('up', flush=True)
for n in range(2):
    try:
        while True: time.sleep(0.01)
    except KeyboardInterrupt: print('interrupt', n, flush=True)
raise SystemExit(input())
",
    )
    .unwrap();
    let command = ["python3", "prompt.py"];
    let mut terminal = Terminal::run(&world, &["--restart", "never"], &command);
    terminal.shows("up\r\n");
    for n in 0..2 {
        terminal.types("\x03");
        terminal.shows(&format!("interrupt {n}"));
    }
    assert!(terminal.is_running());
    terminal.types("the end\n");
    assert_eq!(terminal.wait(), 1);
    let screen = terminal.screen();
    assert!(screen.ends_with("the end\r\nthe end\r\n"), "its echo, then its words: {screen}");
    assert!(!screen.contains("agentwatch:"), "{screen}");
    let stopped = |fact: &Fact| matches!(fact, Fact::Stopping { .. });
    assert!(!world.facts().iter().any(stopped), "{}", story(&world.facts()));
}

#[test]
fn ctrl_z_stops_nobody_where_nobody_could_continue() {
    let world = World::new();
    let mut terminal =
        Terminal::run(&world, &["--beats", "none"], &["sh", "-c", "echo up; exec cat"]);
    terminal.shows("up");
    let (child, agentwatch) = (started(&world, 1), supervisor(&world, 1));
    terminal.types("\x1ahello\n");
    terminal.shows("hello\r\n");
    terminal.shows("hello\r\n");
    assert_ne!(state(child), Some('T'));
    assert_ne!(state(agentwatch), Some('T'));
    terminal.types("\x03");
    assert_eq!(terminal.wait(), 130);
}

#[test]
fn a_shell_as_the_child_has_job_control() {
    if !has("bash") {
        return;
    }
    let world = World::new();
    let options = ["--restart", "never"];
    let mut terminal = Terminal::run(&world, &options, &["bash", "--norc", "-i"]);
    let shell = started(&world, 1);
    terminal.types("echo has-\"$?\"\n");
    terminal.shows("has-0");
    assert_eq!(terminal.foreground(), shell, "it has the terminal, in a group of its own");
    // Between its fork and its exec, a tool would take a Ctrl-C for one to the shell.
    terminal.types("sh -c 'echo \"i\"n-tool; exec sleep 100'\n");
    terminal.shows("in-tool");
    assert_ne!(terminal.foreground(), shell);
    terminal.types("\x03");
    terminal.in_foreground(|group| group == shell);
    terminal.types("echo code-\"$?\"\n");
    terminal.shows("code-130");
    terminal.types("exit 7\n");
    assert_eq!(terminal.wait(), 7);
}

#[test]
fn a_killed_shell_leaves_the_terminal_to_us_and_to_the_next_child() {
    if !has("bash") {
        return;
    }
    let world = World::new();
    let script = "\"$AW\" run --name t --beats none --cooldown 20ms -- bash --norc -i; \
                  echo \"code $?\"; read line; echo \"read $line\"";
    let mut terminal = Terminal::script(&world, script);
    let leader = terminal.leader();
    for n in 1..=2 {
        let shell = started(&world, n);
        // The second one, too, gets it from us: it would be stopped for ever if we had not.
        terminal.in_foreground(|group| group == shell);
        kill(shell, "KILL");
    }
    let third = started(&world, 3);
    terminal.in_foreground(|group| group == third);
    terminal.types("exit 0\n");
    terminal.shows("code 0");
    terminal.in_foreground(|group| group == leader);
    terminal.types("mine\n");
    terminal.shows("read mine");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn the_terminal_is_taken_back_at_the_end_of_a_wrapper() {
    if !has("bash") {
        return;
    }
    let world = World::new();
    let script = "\"$AW\" run --name t --restart never -- bash --norc -i; \
                  echo \"code $?\"; read line; echo \"read $line\"";
    let mut terminal = Terminal::script(&world, script);
    let shell = started(&world, 1);
    terminal.in_foreground(|group| group == shell);
    kill(shell, "KILL");
    terminal.shows("code 137");
    assert_eq!(terminal.foreground(), terminal.leader());
    terminal.types("mine\n");
    terminal.shows("read mine");
    assert_eq!(terminal.wait(), 0);
}

/// How the terminal is set before and after `command` as the child.
fn modes_around(command: &str) -> (Termios, Termios, bool) {
    let world = World::new();
    let script = format!(
        "\"$AW\" run --name t --restart never -- sh -c '{command}'; echo \"code $?\"; read line"
    );
    let mut terminal = Terminal::script(&world, &script);
    let before = terminal.modes();
    terminal.shows("code");
    (before, terminal.modes(), terminal.echoes())
}

#[test]
fn raw_mode_of_a_child_that_is_killed_is_undone() {
    let (before, after, echoes) = modes_around("stty raw -echo; kill -9 $$");
    assert!(before == after, "{before:?} became {after:?}");
    assert!(echoes);
}

#[test]
fn what_a_child_sets_and_leaves_on_purpose_stays() {
    let (before, after, echoes) = modes_around("stty -echo");
    assert!(before != after && !echoes, "{after:?}");
}

#[test]
fn ctrl_d_is_the_end_of_input() {
    let world = World::new();
    for options in [&["--beats", "none"][..], &["--restart", "never"], &[]] {
        let mut terminal = Terminal::run(&world, options, &["sh", "-c", "echo up; exec cat"]);
        terminal.shows("up");
        terminal.types("hello\n");
        // Its echo, and what came of it.
        terminal.shows("hello\r\n");
        terminal.shows("hello\r\n");
        terminal.types("\x04");
        assert_eq!(terminal.wait(), 0, "{options:?}");
    }
}

#[test]
fn the_child_sees_the_size_of_the_window() {
    let world = World::new();
    let mut terminal = Terminal::run(&world, &["--beats", "none"], &["stty", "size"]);
    terminal.shows("31 97");
    assert_eq!(terminal.wait(), 0);
}

#[test]
fn a_change_of_the_window_reaches_the_child_once() {
    for options in [["--beats", "none"], ["--restart", "never"]] {
        let world = World::new();
        let mut terminal = Terminal::run(&world, &options, &notes_signals(&world));
        terminal.shows("up");
        terminal.resize(20, 60);
        let passed = |fact: &Fact| matches!(fact, Fact::SignalPassed { .. });
        terminal.until("WINCH", || world.facts().iter().any(passed).then_some(()));
        noted_until(&mut terminal, &world, "SIGWINCH");
        // A signal that is sent to agentwatch alone ends the row: nothing comes after it.
        kill(supervisor(&world, 1), "USR1");
        noted_until(&mut terminal, &world, "SIGUSR1");
        assert_eq!(noted(&world, "signals"), ["SIGWINCH", "SIGUSR1"], "{options:?}");
    }
}

/// Waits until the child has noted a signal.
fn noted_until(terminal: &mut Terminal, world: &World, name: &str) {
    terminal
        .until(name, || noted(world, "signals").iter().any(|noted| noted == name).then_some(()));
}

#[test]
fn a_window_that_is_closed_ends_agentwatch_and_the_child() {
    for options in [["--beats", "none"], ["--restart", "never"]] {
        let world = World::new();
        let mut terminal = Terminal::run(&world, &options, &notes_signals(&world));
        terminal.shows("up");
        terminal.hang_up();
        noted_until(&mut terminal, &world, "SIGCONT");
        assert_eq!(noted(&world, "signals"), ["SIGHUP", "SIGCONT"], "{options:?}");
        std::fs::write(world.path("leave"), "").unwrap();
        assert_eq!(terminal.wait(), 3);
    }
}

#[test]
fn a_closed_window_does_not_wait_for_a_stop_timeout() {
    let world = World::new();
    let options = ["--beats", "none", "--stop-timeout", "1h"];
    let mut terminal = Terminal::run(&world, &options, &["sleep", "1000"]);
    let child = started(&world, 1);
    terminal.hang_up();
    assert_eq!(terminal.wait(), 129);
    assert!(!alive(child));
}

#[test]
fn nohup_outlives_the_window() {
    let world = World::new();
    let script = "trap '' HUP; exec \"$AW\" run --name t --beats none -- python3 notes.py";
    notes_signals(&world);
    let mut terminal = Terminal::script(&world, script);
    terminal.shows("up");
    terminal.hang_up();
    // The kernel has told it by the time that it answers to something else.
    kill(terminal.leader(), "USR1");
    noted_until(&mut terminal, &world, "SIGUSR1");
    assert!(terminal.is_running());
    let stopping = |fact: &Fact| matches!(fact, Fact::Stopping { .. });
    assert!(!world.facts().iter().any(stopping), "{}", story(&world.facts()));
    std::fs::write(world.path("leave"), "").unwrap();
    let child = started(&world, 1);
    terminal.until("its end", || (!alive(child)).then_some(()));
}
