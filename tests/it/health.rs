//! Silence, and what it is not.

use std::process::Stdio;

use agentwatch::core::fact::{Cause, Fact, Outcome};

use crate::harness::{World, alive, kill, story, until};

/// Beats `n` times and then hangs, in every incarnation.
fn beats_then_hangs(n: u32) -> String {
    format!(
        r#"i=0; while [ $i -lt {n} ]; do i=$((i+1)); echo '{{"agent":"a","status":"ok"}}'; sleep 0.05; done
           while :; do sleep 0.05; done"#
    )
}

/// Beats for ever.
const STEADY: &str =
    r#"while :; do echo '{"agent":"a","status":"ok","tokens_used":5}'; sleep 0.05; done"#;

fn silent(fact: &Fact) -> Option<u64> {
    match fact {
        Fact::Exited {
            outcome: Outcome::Failure { cause: Cause::Silent { silent_ms }, .. },
            ..
        } => Some(*silent_ms),
        _ => None,
    }
}

#[test]
fn a_hanging_agent_is_late_then_unhealthy_then_started_again() {
    let world = World::new();
    let options =
        ["--interval", "300ms", "--misses", "2", "--cooldown", "100ms", "--max-failures", "9"];
    let run = world.script(&options, &beats_then_hangs(3));
    let first = run.started(1);
    let silent_ms = run.fact("a silent end", 1, silent);
    assert!((600..20_000).contains(&silent_ms), "{silent_ms} ms");
    let second = run.started(2);
    assert!(!alive(first) && alive(second));
    run.fact("recovered", 1, |fact| matches!(fact, Fact::Recovered { .. }).then_some(()));
    let facts = world.facts();
    let order: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Late { .. } => Some("late"),
            Fact::Unhealthy { .. } => Some("unhealthy"),
            Fact::Stopping { .. } => Some("stopping"),
            Fact::Exited { .. } => Some("exited"),
            Fact::Started { .. } => Some("started"),
            Fact::Recovered { .. } => Some("recovered"),
            _ => None,
        })
        .take(7)
        .collect();
    let wanted = ["started", "late", "unhealthy", "stopping", "exited", "started", "recovered"];
    assert_eq!(order, wanted, "{}", story(&facts));
    run.says("failure 1 of 9: silent for");
    run.says("recovered, beats are back after");
}

#[test]
fn on_missed_alert_says_so_and_leaves_it_alone() {
    let world = World::new();
    let options = ["--interval", "200ms", "--on-missed", "alert"];
    let script = format!(
        "{}; {STEADY}",
        beats_then_hangs(2).replace("while :; do sleep 0.05; done", "sleep 1")
    );
    let mut run = world.script(&options, &script);
    run.says("left alone");
    run.fact("recovered", 1, |fact| matches!(fact, Fact::Recovered { .. }).then_some(()));
    assert!(run.is_running());
    run.signal("TERM");
    run.wait();
    let ended = world.facts().iter().filter(|fact| matches!(fact, Fact::Exited { .. })).count();
    assert_eq!(ended, 1);
}

#[test]
fn a_first_beat_that_does_not_come_is_a_failure_only_if_demanded() {
    let world = World::new();
    let options = ["--start-grace", "300ms", "--cooldown", "50ms", "--max-failures", "1"];
    let mut run = world.script(&options, "while :; do sleep 0.05; done");
    assert_eq!(run.wait(), 69);
    run.says("no first beat in");
}

#[test]
fn expect_next_excuses_one_long_cycle() {
    let world = World::new();
    let script = r#"
        echo '{"agent":"a","status":"ok","expect_next":3}'; sleep 1.5
        echo '{"agent":"a","status":"ok"}'; while :; do sleep 0.05; done"#;
    let options = ["--interval", "200ms", "--misses", "2", "--max-failures", "1"];
    let mut run = world.script(&options, script);
    assert_eq!(run.wait(), 69);
    let facts = world.facts();
    let beats = facts.iter().filter(|fact| matches!(fact, Fact::Beat(_))).count();
    assert_eq!(
        beats,
        2,
        "the long cycle was waited for, the next silence was not: {}",
        story(&facts)
    );
}

#[test]
fn rule_06_a_stopped_agentwatch_blames_nobody() {
    let world = World::new();
    let mut run = world.script(&["--interval", "400ms", "--misses", "2"], STEADY);
    run.beat(3);
    kill(run.pid(), "STOP");
    let begin = std::time::Instant::now();
    // The agent beats on into its pipe; far more than misses × interval pass.
    until("three seconds", || (begin.elapsed().as_millis() > 3_000).then_some(()));
    kill(run.pid(), "CONT");
    let seen = world.facts().iter().filter(|fact| matches!(fact, Fact::Beat(_))).count();
    run.beat(seen + 10);
    run.signal("TERM");
    run.wait();
    let facts = world.facts();
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Unhealthy { .. })), "{}", story(&facts));
}

#[test]
fn rule_06_a_stopped_agent_is_blamed_and_ended() {
    let world = World::new();
    let options = ["--interval", "300ms", "--misses", "2", "--cooldown", "50ms"];
    let run = world.script(&options, STEADY);
    run.beat(2);
    kill(run.started(1), "STOP");
    run.fact("a silent end", 1, silent);
    run.started(2);
}

#[test]
fn rule_06_our_own_blocked_stdout_blames_nobody() {
    let world = World::new();
    // Fills the pipe that nobody reads, then goes on beating into it.
    let script = format!("head -c 400000 /dev/zero; {STEADY}");
    let options = ["run", "--name", "t", "--interval", "200ms", "--", "sh", "-c"];
    let mut command = world.command(&options);
    command.arg(format!(r#"echo '{{"agent":"a","status":"ok"}}'; {script}"#));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let agent = world.agent();
    until("a beat", || {
        crate::harness::facts(&agent).iter().any(|f| matches!(f, Fact::Beat(_))).then_some(())
    });
    let begin = std::time::Instant::now();
    until("two seconds", || (begin.elapsed().as_millis() > 2_000).then_some(()));
    let facts = world.facts();
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Unhealthy { .. })), "{}", story(&facts));
    // Stop still ends, though nobody reads (rule 8).
    kill(i32::try_from(child.id()).unwrap(), "TERM");
    until("the end", || child.try_wait().unwrap());
}

#[test]
fn an_announced_shutdown_is_no_failure_and_an_overrun_is() {
    let world = World::new();
    let script = r#"echo '{"agent":"a","status":"ok"}'; echo '{"agent":"a","status":"shutting_down"}'; sleep 0.3; exit 0"#;
    let mut run = world.script(&["--interval", "100ms"], script);
    assert_eq!(run.wait(), 0);
    run.says("finished as announced");

    let world = World::new();
    let script = r#"echo '{"agent":"a","status":"shutting_down"}'; while :; do sleep 0.05; done"#;
    let mut run = world.script(&["--shutdown-grace", "300ms", "--max-failures", "1"], script);
    assert_eq!(run.wait(), 69);
    run.says("announced shutdown took more than");
}

#[test]
fn rule_07_an_old_incarnations_beats_keep_nothing_alive() {
    let world = World::new();
    // The first incarnation leaves a beating stray behind; the second hangs after one beat.
    let script = format!(
        r#"if [ "$AGENTWATCH_INCARNATION" = 1 ]; then (trap '' TERM; {STEADY}) & sleep 0.2; exit 1; fi
           echo '{{"agent":"a","status":"ok"}}'; while :; do sleep 0.05; done"#
    );
    let options = ["--interval", "300ms", "--cooldown", "50ms", "--max-failures", "2"];
    let mut run = world.script(&options, &script);
    assert_eq!(run.wait(), 69);
    assert_eq!(world.facts().iter().filter_map(silent).count(), 1);
}

/// Beats for ever, and says the same cycle until there is a file `go`.
const STANDS_STILL: &str = r#"
    cycle=7
    while :; do
        [ -e go ] && cycle=$((cycle + 1))
        echo '{"agent":"a","status":"ok","cycle":'$cycle'}'
        sleep 0.05
    done"#;

#[test]
fn beats_without_progress_are_said_and_progress_too() {
    let world = World::new();
    let run = world.script(&["--interval", "10s", "--progress-within", "500ms"], STANDS_STILL);
    let stalled = |fact: &Fact| match fact {
        Fact::Stalled { cycle, for_ms, beats, .. } => Some((*cycle, *for_ms, *beats)),
        _ => None,
    };
    let (cycle, for_ms, beats) = run.fact("a stall", 1, stalled);
    assert!(cycle == 7 && (500..20_000).contains(&for_ms) && 0 < beats, "{for_ms} ms, {beats}");
    std::fs::write(world.path("go"), "").unwrap();
    run.fact("progress", 1, |fact| matches!(fact, Fact::Progressing { .. }).then_some(()));
    run.says("but cycle 7 stands still; left alone (on_stalled = alert)");
    run.says("progress again: cycle 8");
}

#[test]
fn a_stall_is_a_failure_where_that_is_asked_for() {
    let world = World::new();
    std::fs::write(world.path("agentwatch.toml"), "heartbeat.on_stalled = \"restart\"\n").unwrap();
    let options = ["--interval", "10s", "--progress-within", "300ms", "--cooldown", "100ms"];
    let run = world.script(&options, STANDS_STILL);
    let first = run.started(1);
    run.started(2);
    assert!(!alive(first));
    run.says("failure 1 of 3: beats came, but its cycle stood still for");
}

#[test]
fn a_first_beat_brings_a_look_at_the_memory_of_the_whole_tree() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let world = World::new();
    // Of one that has just become another program nothing is resident yet.
    let script = r#"sleep 600 & sleep 0.3; echo '{"agent":"a","status":"ok"}'; sleep 600; :"#;
    let run = world.script(&["--release", "9f3c", "--max-tokens-per-day", "1000"], script);
    let memory = run.fact("memory", 1, |fact| match fact {
        Fact::Memory(memory) => Some(*memory),
        _ => None,
    });
    assert!(memory.incarnation == 1 && (2..=3).contains(&memory.processes), "{memory:?}");
    assert!((300..200_000).contains(&memory.rss_kib), "{memory:?}");
    let began = run.fact("the begin", 1, |fact| match fact {
        Fact::SupervisorStarted(began) => Some(began.clone()),
        _ => None,
    });
    assert_eq!((began.release.as_deref(), began.max_tokens_per_day), (Some("9f3c"), Some(1000)));
    assert!(began.host.is_some_and(|host| !host.is_empty()) && began.max_usd_per_day.is_none());
}
