//! Restarts: cooldown, streak, escalation, latch, resume.

use std::time::Duration;

use agentwatch::core::fact::Fact;

use crate::harness::{World, records, story};

fn starts(world: &World) -> Vec<i64> {
    let started = |record: &agentwatch::wire::record::Record| {
        matches!(record.fact, Some(Fact::Started { .. })).then_some(record.ts.0)
    };
    records(&world.agent()).iter().filter_map(started).collect()
}

#[test]
fn rule_02_no_start_sooner_than_the_cooldown_after_the_previous_start() {
    let world = World::new();
    let mut run = world.script(&["--cooldown", "700ms"], "exit 1");
    assert_eq!(run.wait(), 69);
    let starts = starts(&world);
    assert_eq!(starts.len(), 3);
    for pair in starts.windows(2) {
        assert!(pair[1] - pair[0] >= 690, "{} ms between two starts", pair[1] - pair[0]);
    }
}

#[test]
fn who_ran_for_longer_than_the_cooldown_is_back_at_once() {
    let world = World::new();
    let run = world.script(&["--cooldown", "300ms"], "sleep 0.6; exit 1");
    run.started(2);
    assert!(!world.facts().iter().any(|fact| matches!(fact, Fact::Cooldown { .. })));
}

#[test]
fn rule_03_the_third_failure_starts_nothing_more_and_calls_a_human() {
    let world = World::new();
    let mut run = world.script(&["--cooldown", "50ms"], "echo same words >&2; exit 5");
    assert_eq!(run.wait(), 69);
    run.says("failure 1 of 3: exit 5");
    run.says("GAVE UP after 3 failures in");
    run.says("same last line; stays down until: agentwatch resume t");
    assert_eq!(starts(&world).len(), 3);

    // Latched: the next run refuses, and says what to type.
    let mut run = world.script(&["--cooldown", "50ms"], "exit 5");
    assert_eq!(run.wait(), 69);
    run.says("stays down until: agentwatch resume t");
    assert_eq!(starts(&world).len(), 3);

    // A human resumes: three new failures, and the incarnation goes on counting.
    let output = world.output(&["resume", "t"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut run = world.script(&["--cooldown", "50ms"], "exit 5");
    assert_eq!(run.wait(), 69);
    assert_eq!(starts(&world).len(), 6);
    let last = world.facts().into_iter().rev().find_map(|fact| match fact {
        Fact::Started { incarnation, .. } => Some(incarnation),
        _ => None,
    });
    assert_eq!(last, Some(6));

    // The same by the flag, which only a command line can give.
    let mut command = world.command(&["run", "--name", "t", "--", "true"]);
    command.env("AGENTWATCH_OPT_RESUME", "true");
    assert_ne!(world.spawn(command).wait(), 0, "never from the environment");
    let mut run = world.script(&["--resume"], "exit 0");
    assert_eq!(run.wait(), 0);
}

#[test]
fn rule_03_neither_a_spawn_nor_a_beat_resets_the_streak_but_long_health_does() {
    let world = World::new();
    let beats_once = r#"echo '{"agent":"a","status":"ok"}'; sleep 0.1; exit 1"#;
    let mut run = world.script(&["--cooldown", "50ms", "--reset-after", "1h"], beats_once);
    assert_eq!(run.wait(), 69);
    assert_eq!(starts(&world).len(), 3);

    let world = World::new();
    let beats_long = r#"for i in 1 2 3 4 5 6 7 8; do echo '{"agent":"a","status":"ok"}'; sleep 0.1; done; exit 1"#;
    let run = world.script(&["--cooldown", "50ms", "--reset-after", "300ms"], beats_long);
    run.started(5);
    let forgotten =
        world.facts().iter().filter(|f| matches!(f, Fact::StreakForgotten { .. })).count();
    assert!(forgotten >= 3, "{}", story(&world.facts()));
}

#[test]
fn a_restart_alone_is_no_recovery() {
    let world = World::new();
    let script = r#"[ "$AGENTWATCH_INCARNATION" = 1 ] && { echo '{"agent":"a","status":"ok"}'; exit 1; }
        sleep 1; while :; do echo '{"agent":"a","status":"ok"}'; sleep 0.1; done"#;
    let run = world.script(&["--cooldown", "50ms"], script);
    run.started(2);
    let recovered = |fact: &Fact| match fact {
        Fact::Recovered { after_ms, .. } => Some(*after_ms),
        _ => None,
    };
    let after = run.fact("recovered", 1, recovered);
    assert!(
        after >= 900,
        "recovered {after} ms after the failure, but the first beat took a second"
    );
}

#[test]
fn too_many_failures_in_a_day_escalate_however_far_apart() {
    let world = World::new();
    let config = world.path("aw.toml");
    let text = "[restart]\nmax_failures_per_day = 4\nmax_failures = 100\ncooldown = \"10ms\"\n";
    std::fs::write(&config, text).unwrap();
    let mut run = world.script(&["--config", config.to_str().unwrap()], "exit 1");
    assert_eq!(run.wait(), 69);
    assert_eq!(starts(&world).len(), 5, "more than four escalate");
    run.says("5 failures today");
}

#[test]
fn the_policies_restart_what_they_should() {
    for (policy, script, code, wanted) in [
        ("on-failure", "exit 0", 0, 1),
        ("on-failure", "exit 3", 69, 3),
        ("always", "exit 0", 69, 3),
        ("never", "exit 3", 3, 1),
        ("auto", r#"echo '{"agent":"a","status":"ok"}'; exit 0"#, 69, 3),
        ("auto", "exit 0", 0, 1),
    ] {
        let world = World::new();
        let mut run = world.script(&["--restart", policy, "--cooldown", "20ms"], script);
        assert_eq!(run.wait(), code, "{policy}: {script}");
        assert_eq!(starts(&world).len(), wanted, "{policy}: {script}");
    }
}

#[test]
fn asked_to_stop_while_nothing_runs_is_0() {
    let world = World::new();
    let mut run = world.script(&["--cooldown", "1h"], "exit 1");
    run.says("next start");
    run.signal("TERM");
    assert_eq!(run.wait(), 0);
    // A requested stop lifts the cooldown.
    let run = world.script(&["--cooldown", "1h"], "sleep 1000");
    run.started(2);
}

#[test]
fn held_after_escalation_it_stays_up_with_nothing_running() {
    let world = World::new();
    let mut run = world.script(&["--cooldown", "20ms", "--on-escalate", "hold"], "exit 1");
    run.says("GAVE UP");
    let begin = std::time::Instant::now();
    crate::harness::until("half a second", || {
        (begin.elapsed() > Duration::from_millis(500)).then_some(())
    });
    assert!(run.is_running());
    assert_eq!(starts(&world).len(), 3);
    // A human resumes it while it holds: it starts again at once, and is given up once more.
    let output = world.output(&["resume", "t"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("t: started, pid"), "{output:?}");
    run.started(6);
    run.fact("escalated", 2, |fact| matches!(fact, Fact::Escalated { .. }).then_some(()));
    run.signal("TERM");
    assert_eq!(run.wait(), 69);
}

#[test]
fn a_command_that_vanishes_later_is_a_failure_and_not_127() {
    let world = World::new();
    let script = world.path("agent");
    std::fs::write(&script, "#!/bin/sh\nrm -- \"$0\"\nexit 1\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).unwrap();
    let mut run = world.run(&["--cooldown", "20ms"], &[script.to_str().unwrap()]);
    assert_eq!(run.wait(), 69);
    run.says("GAVE UP after 3 failures");
}
