//! agentwatch as a job of an interactive shell: Ctrl-Z and `fg`, pipelines, and the end of the shell.

use std::time::Instant;

use agentwatch::core::fact::Fact;

use crate::harness::{World, alive, has, kill, state, story};
use crate::pty::{NOTES_SIGNALS, Terminal, noted, started, supervisor};

/// Waits until all of them are stopped (`T`), or none of them is.
fn until_stopped(terminal: &mut Terminal, pids: &[i32], stopped: bool) {
    let as_wanted = |pid: &i32| (state(*pid) == Some('T')) == stopped;
    let what = format!("{pids:?} to be stopped: {stopped}");
    terminal.until(&what, || pids.iter().all(as_wanted).then_some(()));
}

#[test]
fn ctrl_z_and_fg_stop_and_continue_both() {
    if !has("bash") {
        return;
    }
    for options in ["--restart never", "--beats none", "--beats none --stop-scope child"] {
        let world = World::new();
        let mut terminal = Terminal::bash(&world);
        terminal.enters(&format!("\"$AW\" run --name t {options} -- sleep 1000"));
        let both = [supervisor(&world, 1), started(&world, 1)];
        // Twice: what the first stop leaves behind must not spoil the second.
        for _ in 0..2 {
            terminal.types("\x1a");
            terminal.shows("Stopped");
            terminal.prompts();
            until_stopped(&mut terminal, &both, true);
            terminal.enters("fg");
            until_stopped(&mut terminal, &both, false);
            let group = both[0];
            terminal.in_foreground(|now| now == group);
        }
        terminal.types("\x03");
        terminal.prompts();
        terminal.enters("echo code-\"$?\"");
        terminal.shows("code-130");
        assert!(!both.iter().any(|pid| alive(*pid)), "{options}");
    }
}

#[test]
fn bg_lets_both_run_on_in_the_background() {
    if !has("bash") {
        return;
    }
    let world = World::new();
    let mut terminal = Terminal::bash(&world);
    terminal.enters("\"$AW\" run --name t --beats none -- sleep 1000");
    let both = [supervisor(&world, 1), started(&world, 1)];
    terminal.types("\x1a");
    terminal.shows("Stopped");
    terminal.prompts();
    terminal.enters("bg");
    terminal.prompts();
    until_stopped(&mut terminal, &both, false);
    // Whoever types Ctrl-C now means another job.
    terminal.enters("sh -c 'echo \"i\"n-tool; exec sleep 1000'");
    terminal.shows("in-tool");
    terminal.types("\x03");
    terminal.prompts();
    assert!(both.iter().all(|pid| alive(*pid)));
    terminal.enters("kill %1; wait %1; echo code-\"$?\"");
    terminal.shows("code-143");
    assert!(!both.iter().any(|pid| alive(*pid)));
}

#[test]
fn the_time_stopped_by_ctrl_z_is_no_silence_of_the_agent() {
    if !has("bash") {
        return;
    }
    let world = World::new();
    let beats =
        "while :; do echo '{\"agent\":\"t\",\"status\":\"ok\",\"tokens_used\":1}'; sleep 0.1; done";
    std::fs::write(world.path("beats.sh"), beats).unwrap();
    let mut terminal = Terminal::bash(&world);
    terminal.enters("\"$AW\" run --name t --interval 1s --misses 2 -- sh beats.sh");
    let agentwatch = supervisor(&world, 1);
    let beats = || world.facts().iter().filter(|fact| matches!(fact, Fact::Beat(_))).count();
    terminal.until("beats", || (beats() >= 3).then_some(()));
    terminal.types("\x1a");
    terminal.shows("Stopped");
    until_stopped(&mut terminal, &[agentwatch], true);
    let stopped = Instant::now();
    terminal.until("more than two intervals", || (stopped.elapsed().as_secs() >= 3).then_some(()));
    let before = beats();
    terminal.enters("fg");
    terminal.until("beats after it", || (beats() >= before + 3).then_some(()));
    terminal.types("\x03");
    terminal.shows("t: stopped by Ctrl-C");
    let judged = |fact: &Fact| matches!(fact, Fact::Late { .. } | Fact::Unhealthy { .. });
    assert!(!world.facts().iter().any(judged), "{}", story(&world.facts()));
}

#[test]
fn a_reader_that_has_enough_ends_and_the_agent_goes_on() {
    if !has("bash") {
        return;
    }
    let world = World::new();
    let mut terminal = Terminal::bash(&world);
    terminal
        .enters("\"$AW\" run --name t -- seq 1 100000 | head -3; echo codes-\"${PIPESTATUS[*]}\"");
    terminal.shows("1\r\n");
    terminal.shows("2\r\n3\r\n");
    terminal.shows("codes-0 0");
    let screen = terminal.screen();
    assert!(screen.contains("t: finished, exit 0"), "{screen}");
    // A wrapper's child ends as it would without it; more than the pipes between them hold, or it would be done by then.
    terminal.enters(
        "\"$AW\" run --name u --restart never -- seq 1 9999999 | head -3; echo codes-\"${PIPESTATUS[*]}\"",
    );
    terminal.shows("codes-141 0");
}

#[test]
fn ctrl_c_in_a_pipeline_is_for_all_and_our_own_signals_are_for_the_agent() {
    if !has("bash") {
        return;
    }
    for (end, code) in [("\x03", "3"), ("", "3")] {
        let world = World::new();
        std::fs::write(world.path("notes.py"), NOTES_SIGNALS).unwrap();
        let mut terminal = Terminal::bash(&world);
        terminal.enters(
            "\"$AW\" run --name t --beats none -- python3 notes.py agent | python3 notes.py reader; \
             echo codes-\"${PIPESTATUS[*]}\"",
        );
        terminal.shows("up reader");
        let agent = started(&world, 1);
        let agentwatch = supervisor(&world, 1);
        terminal.until("the agent", || world.path("signals-agent").exists().then_some(()));
        assert_eq!(terminal.foreground(), agentwatch, "the pipeline is one group, of its first");
        let heard: &[&str] = if end.is_empty() {
            kill(agentwatch, "INT");
            &[]
        } else {
            terminal.types(end);
            &["SIGINT"]
        };
        let stopped = || noted(&world, "signals-agent").contains(&"SIGCONT".to_owned());
        terminal.until("the end of our signals", || stopped().then_some(()));
        assert_eq!(noted(&world, "signals-agent"), ["SIGINT", "SIGCONT"]);
        assert!(alive(agent));
        std::fs::write(world.path("leave"), "").unwrap();
        terminal.shows(&format!("codes-{code} 3"));
        assert_eq!(noted(&world, "signals-reader"), heard, "what a stranger hears is the kernel's");
    }
}

#[test]
fn leftovers_of_the_agent_are_ended_and_the_pipeline_is_not() {
    if !has("bash") {
        return;
    }
    let world = World::new();
    std::fs::write(world.path("notes.py"), NOTES_SIGNALS).unwrap();
    let mut terminal = Terminal::bash(&world);
    terminal.enters(
        "\"$AW\" run --name t -- sh -c 'sleep 1000 & echo $! >pid' | python3 notes.py reader; \
         echo codes-\"${PIPESTATUS[*]}\"",
    );
    terminal.shows("up reader");
    terminal.until("its end", || {
        let finished = |fact: &Fact| matches!(fact, Fact::Finished { .. });
        world.facts().iter().any(finished).then_some(())
    });
    let stray: i32 = std::fs::read_to_string(world.path("pid")).unwrap().trim().parse().unwrap();
    terminal.until("its end", || (!alive(stray)).then_some(()));
    assert_eq!(noted(&world, "signals-reader"), [""; 0]);
    std::fs::write(world.path("leave"), "").unwrap();
    terminal.shows("codes-0 3");
}

#[test]
fn the_end_of_the_shell_ends_its_agents_but_for_nohup() {
    if !has("bash") || !has("nohup") {
        return;
    }
    let world = World::new();
    let mut terminal = Terminal::bash(&world);
    terminal.enters("nohup \"$AW\" run --name t --beats none -- sleep 1000 2>/dev/null &");
    let kept = [supervisor(&world, 1), started(&world, 1)];
    terminal
        .enters("AGENTWATCH_STATE_DIR=$PWD/other \"$AW\" run --name t --beats none -- sleep 1000");
    let other = crate::harness::until("the other", || {
        let facts = crate::harness::facts(&world.path("other/t"));
        facts.iter().find_map(|fact| match fact {
            Fact::Started { pid, .. } => Some(*pid),
            _ => None,
        })
    });
    terminal.hang_up();
    terminal.until("the end of the other", || (!alive(other)).then_some(()));
    terminal.wait();
    assert!(kept.iter().all(|pid| alive(*pid)), "{}", story(&world.facts()));
    kill(kept[0], "TERM");
    terminal
        .until("the end of what was kept", || (!kept.iter().any(|pid| alive(*pid))).then_some(()));
}
