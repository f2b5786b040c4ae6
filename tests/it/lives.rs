//! Memory across lives of agentwatch: killed, torn, locked, set back.

use std::fs;

use agentwatch::core::ending::Ending;
use agentwatch::core::fact::{Fact, Outcome};

use crate::harness::{World, alive, kill, records, story, until};

fn unknown_ends(facts: &[Fact]) -> usize {
    let unknown = |fact: &&Fact| matches!(fact, Fact::Exited { ending: Ending::Unknown, .. });
    facts.iter().filter(unknown).count()
}

#[test]
fn rule_01_two_agentwatch_of_one_name_cannot_both_run() {
    let world = World::new();
    let run = world.script(&[], "sleep 1000");
    run.started(1);
    let mut second = world.script(&[], "sleep 1000");
    assert_eq!(second.wait(), 75);
    second.says(&format!("already supervised by pid {}", run.pid()));
    let starts = world.facts().iter().filter(|fact| matches!(fact, Fact::Started { .. })).count();
    assert_eq!(starts, 1);
}

#[test]
fn rule_01_a_lock_of_a_dead_process_is_free() {
    let world = World::new();
    let run = world.script(&[], "sleep 1000");
    let child = run.started(1);
    kill(run.pid(), "KILL");
    let second = world.script(&["--cooldown", "0s"], "sleep 1000");
    second.started(2);
    assert!(!alive(child), "never two children");
}

#[test]
fn rule_04_a_killed_agentwatch_leaves_the_next_one_knowing_everything() {
    let world = World::new();
    let options = ["--cooldown", "1500ms"];
    let run = world.script(&options, r#"[ "$AGENTWATCH_INCARNATION" = 1 ] && exit 1; sleep 1000"#);
    run.started(2);
    kill(run.pid(), "KILL");
    drop(run);
    let second = world.script(&options, "sleep 1000");
    second.started(3);
    let facts = world.facts();
    assert_eq!(unknown_ends(&facts), 1, "{}", story(&facts));
    let streak = facts.iter().find_map(|fact| match fact {
        Fact::Exited {
            ending: Ending::Unknown, outcome: Outcome::Failure { streak, .. }, ..
        } => Some(*streak),
        _ => None,
    });
    assert_eq!(streak, Some(2), "the streak goes on: {}", story(&facts));
    // Rule 2, across the crash: the cooldown counts from the start before it.
    let starts: Vec<i64> = records(&world.agent())
        .iter()
        .filter(|record| matches!(record.fact, Some(Fact::Started { .. })))
        .map(|record| record.ts.0)
        .collect();
    assert!(starts[2] - starts[1] >= 1_490, "{starts:?}");
}

#[test]
fn rule_04_every_start_has_its_end_through_fifty_kills() {
    let world = World::new();
    // A life that was given up would start nothing that could be lost.
    let text = "[restart]\ncooldown = \"0s\"\nmax_failures = 1000\nmax_failures_per_day = 1000\n";
    fs::write(world.path("agentwatch.toml"), text).unwrap();
    for round in 0..50_u64 {
        let mut run = world.script(&[], "sleep 1000");
        // At another moment of its start each time, also before the child is there.
        let begin = std::time::Instant::now();
        until("the moment", || {
            (begin.elapsed().as_micros() > u128::from(round) * 400).then_some(())
        });
        kill(run.pid(), "KILL");
        run.wait();
    }
    let run = world.script(&[], "sleep 1000");
    run.fact("started", 1, |fact| matches!(fact, Fact::Started { .. }).then_some(()));
    until("all ends", || {
        let facts = world.facts();
        let started: Vec<u32> = facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Started { incarnation, .. } => Some(*incarnation),
                _ => None,
            })
            .collect();
        let ended = |n: &u32| {
            facts.iter().any(|f| matches!(f, Fact::Exited { incarnation, .. } if incarnation == n))
        };
        // All but the one that runs.
        (started.iter().filter(|n| !ended(n)).count() <= 1).then_some(())
    });
    // No number twice, no line torn, numbers without gaps.
    let records = records(&world.agent());
    for (at, record) in records.iter().enumerate() {
        assert_eq!(record.seq, at as u64 + 1);
    }
}

#[test]
fn rule_05_what_a_killed_agentwatch_left_running_is_ended_before_the_next_start() {
    let world = World::new();
    let script = "sleep 1000 & echo $! >stray; wait";
    let run = world.script(&[], script);
    run.started(1);
    let stray: i32 =
        until("the stray", || fs::read_to_string(world.path("stray")).ok()?.trim().parse().ok());
    kill(run.pid(), "KILL");
    drop(run);
    if !cfg!(target_os = "linux") {
        return;
    }
    let second = world.script(&["--cooldown", "0s"], "sleep 1000");
    second.started(2);
    assert!(!alive(stray));
}

#[test]
fn rule_09_a_torn_state_is_kept_aside_and_the_streak_rebuilt() {
    let world = World::new();
    let mut run = world.script(&["--cooldown", "20ms"], "exit 1");
    assert_eq!(run.wait(), 69);
    let state = world.agent().join("state.json");
    let whole = fs::read(&state).unwrap();
    fs::write(&state, &whole[..whole.len() / 2]).unwrap();
    let mut run = world.script(&[], "exit 1");
    assert_eq!(run.wait(), 69, "the latch is known from the journal");
    run.says("state.json was unreadable");
    let aside = fs::read_dir(world.agent()).unwrap().flatten().any(|entry| {
        entry.file_name().to_string_lossy().starts_with("state.json.torn-")
            && fs::read(entry.path()).unwrap() == whole[..whole.len() / 2]
    });
    assert!(aside, "the torn file is kept");
    let starts = world.facts().iter().filter(|fact| matches!(fact, Fact::Started { .. })).count();
    assert_eq!(starts, 3);
}

#[test]
fn rule_09_after_a_torn_state_the_cooldown_is_taken_as_full() {
    let world = World::new();
    let mut run = world.script(&["--cooldown", "1h"], "exit 1");
    run.says("next start");
    run.signal("TERM");
    run.wait();
    fs::write(world.agent().join("state.json"), b"{\"version\":1,").unwrap();
    let run = world.script(&["--cooldown", "1h"], "exit 1");
    run.fact("a cooldown", 2, |fact| match fact {
        Fact::Cooldown { wait_ms, .. } => (*wait_ms > 3_500_000).then_some(()),
        _ => None,
    });
}

#[test]
fn a_torn_last_line_of_the_journal_is_skipped_and_never_glued_to_the_next() {
    let world = World::new();
    let mut run = world.script(&[], "exit 0");
    run.wait();
    let before = records(&world.agent()).len();
    let file = fs::read_dir(world.agent().join("journal")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&file).unwrap();
    bytes.extend_from_slice(br#"{"ts":"2026-11-23T00:00:00.000Z","seq":99,"event":"bea"#);
    fs::write(&file, bytes).unwrap();
    let mut run = world.script(&[], "exit 0");
    run.wait();
    let records = records(&world.agent());
    assert!(records.len() > before);
    assert_eq!(records[before].seq, before as u64 + 1, "numbers go on after the last whole line");
}

#[test]
fn a_clock_set_back_waits_the_whole_cooldown_and_no_more() {
    let world = World::new();
    let mut run = world.script(&["--cooldown", "1h"], "exit 1");
    run.says("next start");
    kill(run.pid(), "KILL");
    run.wait();
    // As if the last start lay ten days ahead.
    let state = world.agent().join("state.json");
    let text = fs::read_to_string(&state).unwrap();
    let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ahead = value["last_start_ms"].as_i64().unwrap() + 864_000_000;
    value["last_start_ms"] = ahead.into();
    fs::write(&state, value.to_string()).unwrap();
    let run = world.script(&["--cooldown", "2s"], "exit 1");
    let wait = run.fact("a cooldown", 2, |fact| match fact {
        Fact::Cooldown { wait_ms, .. } => Some(*wait_ms),
        _ => None,
    });
    assert!(wait <= 2_000, "{wait} ms");
    run.started(2);
}

#[test]
fn a_number_from_a_backup_is_not_given_out_again() {
    let world = World::new();
    let state = world.agent().join("state.json");
    world.script(&[], "exit 0").wait();
    let backup = fs::read(&state).unwrap();
    for _ in 0..2 {
        world.script(&[], "exit 0").wait();
    }
    fs::write(&state, backup).unwrap();
    let run = world.script(&[], "sleep 1000");
    let last = run.fact("started", 4, |fact| match fact {
        Fact::Started { incarnation, .. } => Some(*incarnation),
        _ => None,
    });
    assert_eq!(last, 4);
}

#[test]
fn after_a_torn_state_the_cooldown_is_full_even_if_the_last_end_was_clean() {
    let world = World::new();
    world.script(&[], "exit 0").wait();
    fs::write(world.agent().join("state.json"), b"").unwrap();
    let run = world.script(&["--cooldown", "1h"], "exit 0");
    run.fact("a cooldown", 1, |fact| matches!(fact, Fact::Cooldown { .. }).then_some(()));
}

#[test]
fn an_end_in_a_reboot_is_unknown_and_blamed_on_nobody() {
    let world = World::new();
    let mut run = world.script(&["--cooldown", "0s"], "sleep 1000");
    run.started(1);
    until("the pid on disk", || {
        let text = fs::read_to_string(world.agent().join("state.json")).ok()?;
        let value: serde_json::Value = serde_json::from_str(&text).ok()?;
        value["tree"]["pid"].is_i64().then_some(())
    });
    run.signal("KILL");
    run.wait();
    // As if the machine had gone down and come up again meanwhile.
    let state = world.agent().join("state.json");
    let mut value: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
    if value["boot_id"].is_null() {
        eprintln!("SKIPPED: this system does not tell its boots apart");
        return;
    }
    value["boot_id"] = "another".into();
    fs::write(&state, value.to_string()).unwrap();
    let run = world.script(&["--cooldown", "0s"], "sleep 1000");
    run.started(2);
    let no_fault = |fact: &Fact| {
        matches!(fact, Fact::Exited { ending: Ending::Unknown, outcome: Outcome::NoFault, .. })
    };
    assert!(world.facts().iter().any(no_fault), "{}", story(&world.facts()));
    let text = fs::read_to_string(&state).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["streak"]["failures"], 0);
}
