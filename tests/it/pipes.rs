//! Pipes: what is full, slow, shared, closed or gone downstream, and where stdin comes from.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Stdio};

use agentwatch::core::fact::{Fact, FinishedWhy};

use crate::harness::{World, code, facts, story, until};

/// `agentwatch run` with a stdout that nobody reads until the test does.
fn unread(world: &World, options: &[&str], script: &str) -> Child {
    let mut args = vec!["run", "--name", "t"];
    args.extend(options);
    args.extend(["--", "sh", "-c", script]);
    let mut command = world.command(&args);
    command.stdout(Stdio::piped()).stderr(fs::File::create(world.path("err")).unwrap());
    command.spawn().unwrap()
}

fn finished(world: &World) -> FinishedWhy {
    let find = || {
        world.facts().iter().find_map(|fact| match fact {
            Fact::Finished { reason, .. } => Some(*reason),
            _ => None,
        })
    };
    until("the end of the agent", || {
        let facts = facts(&world.agent());
        let failed = facts.iter().any(|fact| matches!(fact, Fact::Cooldown { .. }));
        assert!(!failed, "taken for a failure: {}", story(&facts));
        find()
    })
}

#[test]
fn the_last_beats_are_heard_before_the_end_is_judged_although_nobody_reads_our_stdout() {
    let world = World::new();
    // Our pipe is full, and what comes after that waits in the agent's.
    let script = r#"echo '{"agent":"a","status":"ok"}'; head -c 100000 /dev/zero
        echo; echo '{"agent":"a","status":"shutting_down"}'"#;
    let mut run = unread(&world, &[], script);
    assert_eq!(finished(&world), FinishedWhy::Announced);
    let mut all = Vec::new();
    run.stdout.take().unwrap().read_to_end(&mut all).unwrap();
    let first = b"{\"agent\":\"a\",\"status\":\"ok\"}\n";
    let last = b"\n{\"agent\":\"a\",\"status\":\"shutting_down\"}\n";
    let wanted = [&first[..], &vec![0; 100_000], &last[..]].concat();
    assert!(all == wanted, "{} bytes, not {}", all.len(), wanted.len());
    assert_eq!(code(run.wait().unwrap()), 0);
}

#[test]
fn a_last_beat_without_a_line_end_is_heard_before_the_end_is_judged() {
    let world = World::new();
    for round in 0..10 {
        let script = r#"echo '{"agent":"a","status":"ok"}'
            printf '{"agent":"a","status":"shutting_down"}'"#;
        let mut run = world.script(&["--restart", "auto"], script);
        assert_eq!(run.wait(), 0, "round {round}: {}", story(&world.facts()));
        let announced = |fact: &Fact| {
            matches!(fact, Fact::Finished { reason: FinishedWhy::Announced, .. })
        };
        assert_eq!(world.facts().iter().filter(|fact| announced(fact)).count(), round + 1);
    }
}
