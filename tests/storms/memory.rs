//! Memory runs out in a cgroup, of the child, of a tool below it, of all at once: told apart and named.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agentwatch::core::ending::Ending;
use agentwatch::core::fact::{Fact, Outcome};

use crate::harness::{World, story, until};
use crate::rounds;

/// Where the kernel keeps what groups of processes may use (cgroup v1).
const MEMORY: &str = "/sys/fs/cgroup/memory";

/// A group of processes that may use 64 MiB together.
struct Group(PathBuf);

impl Group {
    /// `None`, said loudly, where none can be made.
    fn new(name: &str) -> Option<Self> {
        let path = Path::new(MEMORY).join(format!("aw-storm-{}-{name}", std::process::id()));
        let limited = fs::create_dir(&path)
            .and_then(|()| fs::write(path.join("memory.limit_in_bytes"), "67108864"));
        if let Err(error) = limited {
            eprintln!("SKIPPED: {}: {error}", path.display());
            return None;
        }
        Some(Self(path))
    }

    /// What starts a program in it.
    fn entry(&self) -> String {
        format!("echo $$ > {}/cgroup.procs; exec \"$@\"", self.0.display())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It goes when the last process in it is gone.
        for _ in 0..200 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Takes 200 MiB by itself, or by a tool below it, which it outlives.
const GREEDY: &str = r#"
import os, subprocess, sys, time
print('{"agent":"greedy","tokens_used":1}', flush=True)
if sys.argv[1] == "itself":
    x = bytearray(200 << 20)
else:
    subprocess.run([sys.executable, "-c", "x = bytearray(200 << 20)"])
    sys.exit(7)
"#;

fn endings(facts: &[Fact]) -> Vec<(Ending, bool)> {
    let ended = |fact: &Fact| match fact {
        Fact::Exited { ending, traces, .. } => Some((*ending, traces.oom.is_some())),
        _ => None,
    };
    facts.iter().filter_map(ended).collect()
}

/// Lets `times` incarnations run out of memory; gives the facts.
fn starve(group: &Group, who: &str, times: u32) -> (World, Vec<Fact>) {
    let world = World::new();
    fs::write(world.path("agent.py"), GREEDY).unwrap();
    let failures = times.to_string();
    let text = format!("[restart]\nmax_failures_per_day = {failures}\n");
    fs::write(world.path("agentwatch.toml"), text).unwrap();
    let options = ["--cooldown", "0s", "--max-failures", &failures];
    let command = ["python3", "agent.py", who];
    let entry = group.entry();
    let args = [&["run", "--name", "t"][..], &options, &["--"], &command].concat();
    let mut run = world.spawn(world.within(&["sh", "-c", &entry, "sh"], &args));
    assert_eq!(run.wait(), 69, "{}", run.stderr());
    let facts = world.facts();
    assert_eq!(endings(&facts).len(), usize::try_from(times).unwrap(), "{}", story(&facts));
    (world, facts)
}

#[test]
fn a_child_that_is_killed_for_want_of_memory_is_named_again_and_again() {
    let Some(group) = Group::new("child") else { return };
    let times = rounds(8);
    let (world, facts) = starve(&group, "itself", times);
    for (ending, oom) in endings(&facts) {
        assert!(matches!(ending, Ending::Signal { .. }) && oom, "{}", story(&facts));
    }
    let status = world.output(&["status", "t"]);
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(text.contains("memory"), "{text}");
    println!("{times} times out of memory, named each time");
}

#[test]
fn a_tool_that_is_killed_for_want_of_memory_is_named_though_the_agent_ends_by_itself() {
    let Some(group) = Group::new("tool") else { return };
    let (_, facts) = starve(&group, "tool", rounds(4));
    for (ending, oom) in endings(&facts) {
        assert!(ending == Ending::Exit { code: 7 } && oom, "{}", story(&facts));
    }
}

#[test]
fn a_kill_for_want_of_memory_is_told_of_the_incarnation_it_hit_and_of_no_other() {
    let Some(group) = Group::new("once") else { return };
    let world = World::new();
    // The first loses a tool and exits 0 all the same, the second fails for reasons of its own.
    let script = "echo '{\"agent\":\"a\",\"tokens_used\":1}'\n\
                  [ $AGENTWATCH_INCARNATION = 1 ] || exit 3\n\
                  python3 -c 'x = bytearray(200 << 20)'\nexit 0\n";
    fs::write(world.path("agent.sh"), script).unwrap();
    let options = ["--cooldown", "0s", "--max-failures", "2"];
    let args = [&["run", "--name", "t"][..], &options, &["--", "sh", "agent.sh"]].concat();
    let mut run = world.spawn(world.within(&["sh", "-c", &group.entry(), "sh"], &args));
    assert_eq!(run.wait(), 69, "{}", run.stderr());
    let facts = world.facts();
    let (zero, three) = (Ending::Exit { code: 0 }, Ending::Exit { code: 3 });
    assert_eq!(endings(&facts), [(zero, true), (three, false)], "{}", story(&facts));
    assert!(run.stderr().contains("(OOM, limit 64 MiB)"), "{}", run.stderr());
}

#[test]
fn a_group_that_dies_as_a_whole_is_a_lost_end_and_not_a_loop() {
    let Some(group) = Group::new("all") else { return };
    let world = World::new();
    fs::write(world.path("agent.py"), GREEDY).unwrap();
    let entry = group.entry();
    let options = ["--cooldown", "300ms", "--max-failures", "3"];
    let command = ["--", "sh", "-c", "echo up >> ups; sleep 1000"];
    let args = [&["run", "--name", "t"][..], &options, &command].concat();
    // As a container engine does it: everything in the group is killed, and then started again.
    let mut codes = Vec::new();
    for _ in 0..6 {
        let mut run = world.spawn(world.within(&["sh", "-c", &entry, "sh"], &args));
        let ups = || fs::read_to_string(world.path("ups")).unwrap_or_default().lines().count();
        let before = ups();
        let gone = until("the agent, or its escalation", || {
            (before < ups() || !run.is_running()).then(|| !run.is_running())
        });
        if !gone {
            until("the group to be killed", || {
                let pids = fs::read_to_string(group.0.join("cgroup.procs")).unwrap();
                let kill = format!("kill -KILL {}", pids.replace('\n', " "));
                let _ = std::process::Command::new("sh").args(["-c", &kill]).output();
                (!run.is_running()).then_some(())
            });
        }
        codes.push(run.wait());
    }
    let facts = world.facts();
    let lost = |fact: &&Fact| {
        matches!(
            fact,
            Fact::Exited { ending: Ending::Unknown, outcome: Outcome::Failure { .. }, .. }
        )
    };
    assert_eq!(facts.iter().filter(lost).count(), 3, "{}", story(&facts));
    assert_eq!(codes, [137, 137, 137, 69, 69, 69], "three are lost, then a human is called");
}
