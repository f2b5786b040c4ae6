//! The tree of an agent, as real agents grow it: sessions of their own, orphans, launchers that are deaf.
//! Nothing of it may be left when the next one starts, and nothing else may be touched.

use std::path::Path;
use std::process::Command;

use agentwatch::core::fact::{Cause, Fact, Outcome};

use crate::harness::{Run, World, alive, has, kill, story, until};

/// Only where processes can be seen, descendants wherever they went can be found.
fn sees() -> bool {
    let sees = Path::new("/proc/self/stat").exists() && has("setsid") && has("python3");
    if !sees {
        eprintln!("SKIPPED: no /proc, setsid or python3");
    }
    sees
}

/// The pids that a script has noted, one a line.
fn noted(world: &World, file: &str, count: usize) -> Vec<i32> {
    until(&format!("{count} pids in {file}"), || {
        let text = std::fs::read_to_string(world.path(file)).ok()?;
        let pids: Vec<i32> = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
        (pids.len() >= count).then_some(pids)
    })
}

fn none_alive(pids: &[i32]) {
    until(&format!("the end of {pids:?}"), || (!pids.iter().any(|pid| alive(*pid))).then_some(()));
}

/// What the strays of the `n`th sweep were.
fn strays(run: &Run, n: usize) -> (u32, Vec<String>) {
    run.fact("strays", n, |fact| match fact {
        Fact::Strays { count, names, .. } => Some((*count, names.clone())),
        _ => None,
    })
}

#[test]
fn a_tool_in_a_session_of_its_own_ends_with_the_agent() {
    if !sees() {
        return;
    }
    let world = World::new();
    // As Claude Code does it: code 143 of its own on TERM, the tool's shell and its children live on.
    let script = "setsid sh -c 'echo $$ >>tool; sleep 1001 & echo $! >>tool; sleep 1002 & echo $! >>tool; wait' &
        trap 'exit 143' TERM; echo ready; while :; do sleep 0.05; done";
    let mut run = world.script(&["--beats", "none"], script);
    let tool = noted(&world, "tool", 3);
    run.signal("TERM");
    assert_eq!(run.wait(), 143, "a code above 128 that is no signal");
    none_alive(&tool);
    let (count, names) = strays(&run, 1);
    assert_eq!(count, 3, "{names:?}");
    assert!(
        names.contains(&"sleep ×2".to_owned()) && names.contains(&"sh".to_owned()),
        "{names:?}"
    );
}

#[test]
fn the_end_of_a_wrapper_is_told_at_once_and_its_orphans_go_before_the_next_start() {
    if !sees() {
        return;
    }
    let world = World::new();
    // As Codex does it: a wrapper, the agent below it, a deaf server in a group of its own, a tool in a
    // session of its own. All of them hold stdout.
    let agent = "import os,signal,subprocess,sys,time
def note(pid): open('tree','a').write(f'{pid}\\n')
note(os.getpid())
deaf='import signal,time; signal.signal(15,signal.SIG_IGN); time.sleep(1000)'
note(subprocess.Popen([sys.executable,'-c',deaf],process_group=0).pid)
note(subprocess.Popen(['sleep','1000'],start_new_session=True).pid)
time.sleep(1000)";
    std::fs::write(world.path("agent.py"), agent).unwrap();
    let script = "[ -e tree ] && exec sleep 1000; python3 agent.py & wait";
    let run = world.script(&["--beats", "none", "--cooldown", "0s"], script);
    let wrapper = run.started(1);
    let tree = noted(&world, "tree", 3);
    kill(wrapper, "KILL");
    run.fact("its end", 1, |fact| matches!(fact, Fact::Exited { .. }).then_some(()));
    run.started(2);
    assert!(!tree.iter().any(|pid| alive(*pid)), "rule 5: {:?}", story(&world.facts()));
    let (count, names) = strays(&run, 1);
    assert_eq!(count, 3, "{names:?}");
    assert!(names.iter().any(|name| name == "python3 agent"), "{names:?}");
}

#[test]
fn a_launcher_that_swallows_term_does_not_keep_its_agent_alive() {
    if !sees() {
        return;
    }
    let world = World::new();
    // As Gemini does it; the group reaches the second process.
    let script = "trap : TERM HUP INT; sh -c 'echo $$ >second; trap \"exit 0\" TERM; while :; do sleep 0.05; done' &
        while kill -0 $! 2>/dev/null; do wait; done; exit 0";
    let mut run = world.script(&["--beats", "none"], script);
    let second = noted(&world, "second", 1);
    run.signal("TERM");
    assert_eq!(run.wait(), 0);
    none_alive(&second);
    let killed = |fact: &Fact| matches!(fact, Fact::Stopping { signal, .. } if signal.0 == 9);
    assert!(!world.facts().iter().any(killed), "nobody had to be killed");
}

#[test]
fn a_daemon_that_forgot_where_it_came_from_is_found_after_a_clean_exit() {
    if !sees() {
        return;
    }
    let world = World::new();
    let script = "(setsid env -i sh -c 'echo $$ >daemon; exec sleep 1000' &); while [ ! -s daemon ]; do sleep 0.01; done; exit 0";
    let mut run = world.script(&["--beats", "none"], script);
    assert_eq!(run.wait(), 0);
    none_alive(&noted(&world, "daemon", 1));
    assert_eq!(strays(&run, 1), (1, vec!["sleep".to_owned()]));
}

#[test]
fn a_storm_of_forks_is_over_before_the_next_start() {
    if !sees() {
        return;
    }
    let world = World::new();
    // Each of them is deaf to TERM, forks a successor in a session of its own and goes on for a while.
    let storm = "import os,signal,time
signal.signal(15,signal.SIG_IGN)
for n in range(60):
    if os.fork()==0:
        os.setsid()
        for m in range(2):
            if os.fork()==0: os.setsid()
        time.sleep(1000)
open('stormy','w').write('x')";
    std::fs::write(world.path("storm.py"), storm).unwrap();
    let script = "[ -e stormy ] && exec sleep 1000; python3 storm.py; exit 1";
    let run = world.script(&["--beats", "none", "--cooldown", "0s"], script);
    run.started(2);
    let left = Command::new("pgrep").args(["-f", "storm.py"]).output().unwrap();
    let left = String::from_utf8_lossy(&left.stdout).into_owned();
    let ours: Vec<&str> = left
        .lines()
        .filter(|pid| {
            let cwd = std::fs::read_link(format!("/proc/{pid}/cwd"));
            cwd.is_ok_and(|cwd| cwd == world.dir) && alive(pid.parse().unwrap())
        })
        .collect();
    assert!(ours.is_empty(), "{ours:?} live on beside the next incarnation");
    let (count, names) = strays(&run, 1);
    assert!(count >= 60, "{count} {names:?}");
}

#[test]
fn after_a_kill_of_agentwatch_the_next_one_ends_what_is_left() {
    if !sees() {
        return;
    }
    let world = World::new();
    let script = "[ -e left ] && exec sleep 1000
        setsid sh -c 'echo $$ >>left; sleep 1000 & echo $! >>left; wait' & wait";
    let mut run = world.script(&["--beats", "none", "--cooldown", "0s"], script);
    let child = run.started(1);
    let left = noted(&world, "left", 2);
    run.signal("KILL");
    run.wait();
    none_alive(&[child]);
    assert!(left.iter().all(|pid| alive(*pid)), "it went to init, and nobody ended it");

    let run = world.script(&["--beats", "none", "--cooldown", "0s"], script);
    run.started(2);
    assert!(!left.iter().any(|pid| alive(*pid)), "{}", story(&world.facts()));
    assert_eq!(strays(&run, 1).0, 2);
    let lost = run.fact("the lost end", 1, |fact| match fact {
        Fact::Exited { outcome: Outcome::Failure { cause, .. }, .. } => Some(*cause),
        _ => None,
    });
    assert_eq!(lost, Cause::Lost);
}

/// The state of the agent `t` with another tree in it.
fn rewrite_tree(world: &World, change: impl Fn(&mut serde_json::Value)) {
    let path = world.agent().join("state.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
    change(&mut state["tree"]);
    std::fs::write(&path, state.to_string()).unwrap();
}

#[test]
fn what_was_left_is_found_without_a_pid_too_and_a_stranger_with_that_pid_lives() {
    const OPTIONS: [&str; 6] = ["--beats", "none", "--cooldown", "0s", "--max-failures", "10"];
    if !sees() {
        return;
    }
    let world = World::new();
    let script = "[ -e left ] && exec sleep 1000
        setsid sh -c 'echo $$ >left; exec sleep 1000' & wait";
    let mut run = world.script(&OPTIONS, script);
    run.started(1);
    let left = noted(&world, "left", 1);
    until("the word of it on disk", || {
        let text = std::fs::read_to_string(world.agent().join("state.json")).ok()?;
        text.contains("\"pid\": ").then_some(())
    });
    run.signal("KILL");
    run.wait();
    // The number was given to a stranger, who leads a group and a session.
    let mut stranger = Command::new("setsid").args(["sleep", "1000"]).spawn().unwrap();
    let pid = i32::try_from(stranger.id()).unwrap();
    rewrite_tree(&world, |tree| tree["pid"] = pid.into());
    let mut run = world.script(&OPTIONS, script);
    run.started(2);
    assert!(!left.iter().any(|pid| alive(*pid)), "found by its mark");
    assert!(alive(pid), "a stranger was ended");

    // Killed in the moment between the start and the word of its pid.
    run.signal("KILL");
    run.wait();
    std::fs::remove_file(world.path("left")).unwrap();
    let mut run = world.script(&OPTIONS, script);
    let left = noted(&world, "left", 1);
    run.signal("KILL");
    run.wait();
    rewrite_tree(&world, |tree| {
        tree["pid"] = serde_json::Value::Null;
        tree["start_time"] = serde_json::Value::Null;
    });
    let run = world.script(&OPTIONS, script);
    run.started(4);
    assert!(!left.iter().any(|pid| alive(*pid)), "{}", story(&world.facts()));
    assert!(alive(pid));
    drop(run);
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn children_that_agentwatch_was_given_are_reaped_and_never_ended() {
    if !sees() {
        return;
    }
    let world = World::new();
    // A shell with background jobs becomes agentwatch; one of them ends, one leaves an orphan.
    let before = "sleep 0.2 & echo $! >gone; sleep 1000 & echo $! >job
        (sleep 1001 & echo $! >orphan; sleep 0.3) &";
    let script = format!(
        "{before} exec \"$AW\" run --name t --beats none --cooldown 0s -- sh -c \"$CHILD\""
    );
    let child = "setsid sleep 1002 & echo $! >>own; [ -e second ] && exec sleep 1000; touch second; sleep 1; exit 1";
    let mut command = world.command(&[]);
    let binary = command.get_program().to_owned();
    command = {
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(&world.dir).env("AW", binary).env("CHILD", child);
        shell.env("AGENTWATCH_STATE_DIR", world.path("state")).env("HOME", &world.dir);
        shell
    };
    let mut run = world.spawn(command);
    run.started(2);
    let (job, orphan) = (noted(&world, "job", 1)[0], noted(&world, "orphan", 1)[0]);
    assert!(alive(job) && alive(orphan), "they are not the agent's");
    let own = noted(&world, "own", 1)[0];
    assert!(!alive(own), "and this is");
    let gone = noted(&world, "gone", 1)[0];
    until("no zombie", || (!Path::new(&format!("/proc/{gone}")).exists()).then_some(()));
    run.signal("TERM");
    run.wait();
    assert!(alive(job) && alive(orphan));
    for pid in [job, orphan] {
        kill(pid, "KILL");
    }
}
