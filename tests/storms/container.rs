//! As PID 1 under a storm of orphans: all are reaped, the agent is heard, and the stop comes in time.

use std::fs;
use std::time::{Duration, Instant};

use agentwatch::core::fact::Fact;

use crate::harness::{Run, World, until};
use crate::rounds;

/// What makes a container of a command: process ids and /proc of its own, and an end with its starter.
const CONTAINER: [&str; 5] = ["unshare", "--fork", "--kill-child", "--pid", "--mount-proc"];

/// Beats ten times a second; a second process leaves orphans behind, so many of them, as fast as it can.
const FORKING: &str = r#"
( n=0; while [ $n -lt $1 ]; do ( ( : ) & ); n=$((n+1)); done; : > done ) &
while :; do
    [ -e done ] && word=idle || word=ok
    echo "{\"agent\":\"x\",\"status\":\"$word\",\"tokens_used\":1}"
    sleep 0.1
done
"#;

/// The one process that `parent` has under that name.
fn child_of(parent: i32, comm: &str) -> i32 {
    until(comm, || processes().into_iter().find(|one| one.parent == parent && one.comm == comm)).pid
}

struct Process {
    pid: i32,
    parent: i32,
    comm: String,
}

fn processes() -> Vec<Process> {
    let parse = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read(entry.path().join("stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat).into_owned();
        let (head, tail) = stat.rsplit_once(')')?;
        let comm = head.split_once('(')?.1.to_owned();
        let parent = tail.split_whitespace().nth(1)?.parse().ok()?;
        Some(Process { pid, parent, comm })
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(parse).collect()
}

/// KiB of memory of its own, and descriptors.
fn weight(pid: i32) -> (u64, usize) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kib = line.trim().trim_end_matches(" kB").parse().unwrap();
    (kib, fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count())
}

struct Container {
    world: World,
    run: Run,
    init: i32,
}

impl Container {
    fn start(count: u32) -> Self {
        let world = World::new();
        fs::write(world.path("agent.sh"), FORKING).unwrap();
        let count = count.to_string();
        let options = ["run", "--name", "t", "--interval", "5s", "--stop-timeout", "5s"];
        let agent = ["--", "sh", "agent.sh", count.as_str()];
        let run = world.spawn(world.within(&CONTAINER, &[&options[..], &agent].concat()));
        let init = child_of(run.pid(), "agentwatch");
        Self { world, run, init }
    }

    /// Waits until a beat says that word.
    fn beats(&self, word: &str) {
        let said = |fact: &Fact| matches!(fact, Fact::Beat(beat) if beat.status == word);
        until(&format!("a beat that says {word}"), || {
            self.world.facts().iter().rev().any(said).then_some(())
        });
    }

    fn silences(&self) -> usize {
        let silent = |fact: &&Fact| matches!(fact, Fact::Late { .. } | Fact::Unhealthy { .. });
        self.world.facts().iter().filter(silent).count()
    }

    /// Sends TERM to the init; gives the time until the container is gone.
    fn stop(mut self) -> Duration {
        let begin = Instant::now();
        crate::harness::kill(self.init, "TERM");
        assert_eq!(self.run.wait(), 143, "{}", self.run.stderr());
        begin.elapsed()
    }
}

#[test]
fn ten_thousand_orphans_are_reaped_and_the_agent_is_heard_all_the_while() {
    let orphans = rounds(10_000);
    let container = Container::start(orphans);
    container.beats("ok");
    let before = weight(container.init);
    let begin = Instant::now();
    container.beats("idle");
    let seconds = begin.elapsed().as_secs_f64();
    let left = until("the last orphan to be reaped", || {
        let children = processes().into_iter().filter(|one| one.parent == container.init);
        let names: Vec<String> = children.map(|one| one.comm).collect();
        (names.len() <= 1).then_some(names)
    });
    assert_eq!(left, ["sh"], "the agent alone is left");
    let after = weight(container.init);
    assert!(after.0 <= before.0 + 256 && after.1 <= before.1, "{before:?} grew to {after:?}");
    assert_eq!(container.silences(), 0, "it beat all the while");
    container.stop();
    println!(
        "{orphans} orphans reaped in {seconds:.1} s, {} to {} KiB of its own",
        before.0, after.0
    );
}

#[test]
fn a_stop_in_the_midst_of_orphans_comes_in_time() {
    let mut worst = Duration::ZERO;
    for _ in 0..rounds(3) {
        let container = Container::start(u32::MAX);
        container.beats("ok");
        worst = worst.max(container.stop());
    }
    // The stop itself has five seconds, what is left of the tree five more.
    assert!(worst < Duration::from_secs(20), "{worst:?}");
    println!("stopped in the midst of orphans: {worst:?} at worst");
}
