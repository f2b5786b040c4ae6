//! Two hundred agentwatch side by side: little memory, no idle wake-ups, and all of them right.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use agentwatch::core::fact::Fact;

use crate::harness::{Run, World, facts, kill, story, until};

/// How many.
const CROWD: usize = 200;

/// The most that all of them may take, in KiB of memory that is theirs alone or their share.
const PSS_MAX: u64 = 150 * 1024;

/// What is aimed at.
const PSS_AIM: u64 = 80 * 1024;

/// A beat each second.
const AGENT: &str = "while :; do echo '{\"agent\":\"a\",\"tokens_used\":1}'; sleep 1; done";

fn pss(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// How often it has gone to sleep by itself.
fn sleeps(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

struct Crowd {
    world: World,
    runs: Vec<Run>,
}

impl Crowd {
    fn gather(script: &str) -> Self {
        let world = World::new();
        let one = |n: usize| {
            let name = format!("a{n:03}");
            let options = ["--interval", "20s", "--cooldown", "1s", "--name", &name];
            let args = [&["run"][..], &options, &["--", "sh", "-c", script]].concat();
            world.spawn(world.command(&args))
        };
        let runs = (0..CROWD).map(one).collect();
        Self { world, runs }
    }

    fn facts(&self, n: usize) -> Vec<Fact> {
        facts(&self.world.path("state").join(format!("a{n:03}")))
    }

    fn starts(&self, n: usize) -> Vec<i32> {
        let started = |fact: &Fact| match fact {
            Fact::Started { pid, .. } => Some(*pid),
            _ => None,
        };
        self.facts(n).iter().filter_map(started).collect()
    }

    fn all_have(&self, what: &str, is: impl Fn(&Fact) -> bool) {
        for n in 0..CROWD {
            until(&format!("{what} of a{n:03}"), || self.facts(n).iter().any(&is).then_some(()));
        }
    }

    /// TERM to all: each leaves as it should, and nothing stays.
    fn disperse(mut self) -> Duration {
        let begin = Instant::now();
        self.runs.iter().for_each(|run| run.signal("TERM"));
        for (n, run) in self.runs.iter_mut().enumerate() {
            assert_eq!(run.wait(), 143, "a{n:03}: {}", run.stderr());
        }
        let took = begin.elapsed();
        for n in 0..CROWD {
            let facts = self.facts(n);
            let stopped = |fact: &Fact| matches!(fact, Fact::Stopped { .. });
            assert!(facts.iter().any(stopped), "a{n:03}: {}", story(&facts));
            let pid = *self.starts(n).last().unwrap();
            assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the child of a{n:03} is there");
        }
        took
    }
}

#[test]
fn two_hundred_side_by_side_are_small_and_all_of_them_right() {
    let crowd = Crowd::gather(AGENT);
    crowd.all_have("a beat", |fact| matches!(fact, Fact::Beat(_)));
    let total: u64 = crowd.runs.iter().map(|run| pss(run.pid())).sum();
    println!("{CROWD} agentwatch: PSS {} KiB in all, {} each (aim {PSS_AIM})", total, total / 200);
    // A debug build is three times as large.
    if !cfg!(debug_assertions) {
        assert!(total <= PSS_MAX, "PSS {total} KiB");
    }
    let status = crowd.world.output(&["status", "--json"]);
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(text.matches("\"state\": \"healthy\"").count(), CROWD, "{text}");

    // Twenty die at once: these and no others are started again, once each.
    let victims: Vec<usize> = (0..CROWD).step_by(10).collect();
    for n in &victims {
        kill(crowd.starts(*n)[0], "KILL");
    }
    for n in &victims {
        until(&format!("the second start of a{n:03}"), || {
            (crowd.starts(*n).len() == 2).then_some(())
        });
    }
    for n in 0..CROWD {
        let starts = crowd.starts(n).len();
        assert_eq!(starts, if victims.contains(&n) { 2 } else { 1 }, "a{n:03}");
    }
    println!("all of them ended within {:?}", crowd.disperse());
}

#[test]
fn who_supervises_a_quiet_agent_sleeps() {
    let crowd = Crowd::gather("sleep 1000");
    crowd.all_have("a start", |fact| matches!(fact, Fact::Started { .. }));
    let pids: Vec<i32> = crowd.runs.iter().map(Run::pid).collect();
    // Until what is put off for a quiet moment is done.
    until("quiet", || {
        let before: u64 = pids.iter().map(|pid| sleeps(*pid)).sum();
        std::thread::sleep(Duration::from_millis(500));
        let after: u64 = pids.iter().map(|pid| sleeps(*pid)).sum();
        (before == after).then_some(())
    });
    let before: u64 = pids.iter().map(|pid| sleeps(*pid)).sum();
    std::thread::sleep(Duration::from_secs(3));
    let woken = pids.iter().map(|pid| sleeps(*pid)).sum::<u64>() - before;
    // The one notice of an agent that never beats may fall into it, once each.
    assert!(woken <= CROWD as u64, "{woken} wake-ups of {CROWD} in 3 s");
    println!("{woken} wake-ups of {CROWD} idle ones in 3 s");
    crowd.disperse();
}
