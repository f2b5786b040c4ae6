//! Bad input: what is huge, torn, hostile, full, read-only or gone. Supervision goes on, within a bound of memory.

use std::fs;
use std::process::{Command, Stdio};

use agentwatch::core::fact::Fact;

use crate::harness::{World, has, kill, until};

/// The peak memory of a process in KiB, where the system tells it.
pub fn peak_kib(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The most that agentwatch may ever have. Six of these MiB are pages of its own file that its start touches and lets go
/// again, those of commands that no `run` executes among them; unoptimised code is larger.
pub const PEAK_KIB: u64 = if cfg!(debug_assertions) { 20 * 1024 } else { 9 * 1024 };

#[test]
fn rule_10_nothing_an_agent_prints_makes_agentwatch_grow_or_fall() {
    let world = World::new();
    // A line of 1 GiB without an end, in the shape of a beat; then depth, NaN, broken UTF-8, NULs.
    let script = r#"
        printf '{"agent":"a","status":"ok","message":"'; head -c 1073741824 /dev/zero; echo '"}'
        printf '{"agent":"a","tokens_used":1,"x":'; head -c 1000000 /dev/zero | tr '\0' '['; echo
        printf '{"agent":"a","x":'; head -c 100000 /dev/zero | tr '\0' '['; echo
        echo '{"agent":"a","tokens_used":NaN}'; echo '{"agent":"a","tokens_used":1e400}'
        printf '{"agent":"\377\376","status":"ok"}\n\000\000\n'; head -c 1000000 /dev/urandom
        echo; echo '{"agent":"a","status":"ok","tokens_used":7}'; sleep 1000"#;
    let args = ["run", "--name", "t", "--", "sh", "-c", script];
    let mut child =
        world.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let agent = world.agent();
    until("the beat after it all", || {
        let sound = |fact: &Fact| matches!(fact, Fact::Beat(beat) if beat.tokens == Some(7));
        crate::harness::facts(&agent).iter().any(sound).then_some(())
    });
    if let Some(peak) = peak_kib(pid) {
        assert!(peak <= PEAK_KIB, "{peak} KiB at the most");
    }
    kill(pid, "TERM");
    until("the end", || child.try_wait().unwrap());
}

#[test]
fn rule_09_a_journal_that_cannot_be_written_is_reported_and_survived() {
    let world = World::new();
    // A folder where the day file should be: it can be neither opened nor replaced.
    fs::create_dir_all(world.agent()).unwrap();
    fs::write(world.agent().join("journal"), "a file where the folder should be").unwrap();
    let mut run = world.script(&["--cooldown", "50ms"], "exit 1");
    assert_eq!(run.wait(), 69, "supervision goes on to its end");
    run.says("cannot write the journal");
    let said = run.stderr().matches("cannot write the journal").count();
    assert_eq!(said, 1, "said once: {}", run.stderr());
}

#[test]
fn rule_09_a_full_disk_is_reported_and_survived_and_nothing_is_lost_when_it_empties() {
    if !can_mount() {
        return;
    }
    let world = World::new();
    let bin = env!("CARGO_BIN_EXE_agentwatch");
    fs::create_dir_all(world.path("state")).unwrap();
    // In a mount namespace of its own: a file system of 64 KiB that is full when agentwatch starts, and
    // is emptied by the agent itself in its second incarnation.
    let script = format!(
        r"mount -t tmpfs -o size=64k tmpfs state; head -c 1000000 /dev/zero >state/filler 2>/dev/null
        {bin} run --name t --cooldown 100ms --max-failures 4 --state-dir state -- \
          sh -c '[ $AGENTWATCH_INCARNATION = 2 ] && rm state/filler; exit 1' 2>err
        echo $? >code; cat state/t/journal/*.jsonl >journal; cat state/t/state.json >state.json"
    );
    let done =
        Command::new("unshare").args(["-m", "sh", "-c", &script]).current_dir(&world.dir).output();
    assert!(done.unwrap().status.success());
    let stderr = fs::read_to_string(world.path("err")).unwrap();
    assert_eq!(fs::read_to_string(world.path("code")).unwrap().trim(), "69", "{stderr}");
    assert!(stderr.contains("No space left"), "{stderr}");
    let journal = fs::read_to_string(world.path("journal")).unwrap();
    for event in ["supervisor_started", "started", "exited", "store_failed", "escalated"] {
        assert!(
            journal.contains(&format!("\"event\":\"{event}\"")),
            "{event} is missing:\n{journal}"
        );
    }
    let exits = journal.matches("\"event\":\"exited\"").count();
    assert_eq!(exits, 4, "what could not be written waited:\n{journal}");
    let state = fs::read_to_string(world.path("state.json")).unwrap();
    assert!(state.contains("\"failures\": 4"), "{state}");
}

#[test]
fn rule_01_a_state_directory_that_vanishes_makes_no_room_for_a_second_agentwatch() {
    let world = World::new();
    let script = r#"while :; do echo '{"agent":"a","status":"ok"}'; sleep 0.05; done"#;
    let run = world.script(&[], script);
    run.beat(1);
    fs::rename(world.agent(), world.path("away")).unwrap();
    // With the next beat it is missed, and made anew with a lock in it.
    until("a journal", || (!world.facts().is_empty()).then_some(()));
    until("a state", || world.agent().join("state.json").exists().then_some(()));
    let mut second = world.script(&[], "true");
    assert_eq!(second.wait(), 75, "{}", second.stderr());
    second.says(&format!("already supervised by pid {}", run.pid()));
}

#[test]
fn too_few_descriptors_are_refused_before_anything_starts() {
    if !has("prlimit") {
        return;
    }
    let world = World::new();
    let args = ["run", "--", "touch", "started"];
    let mut run = world.spawn(world.within(&["prlimit", "--nofile=39"], &args));
    assert_eq!(run.wait(), 125);
    run.says("at most 39 open files are allowed here and 40 may be needed; raise the limit");
    assert!(!world.path("started").exists());
}

fn can_mount() -> bool {
    let can = has("unshare")
        && Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|o| o.status.success());
    if !can {
        eprintln!("SKIPPED: mount namespaces are not allowed here");
    }
    can
}

#[test]
fn rule_09_a_state_directory_that_cannot_be_made_is_said_and_survived() {
    let world = World::new();
    fs::write(world.path("state"), "a file where the folder should be").unwrap();
    let mut run = world.script(&["--cooldown", "50ms"], "exit 1");
    assert_eq!(run.wait(), 69);
    run.says("cannot write state.json");
    run.says("GAVE UP after 3 failures");
}

#[test]
fn rule_09_a_state_directory_that_vanishes_is_made_again() {
    let world = World::new();
    let script = r#"[ "$AGENTWATCH_INCARNATION" = 1 ] && { rm -rf state; exit 1; }
        while :; do echo '{"agent":"a","status":"ok"}'; sleep 0.05; done"#;
    let run = world.script(&["--cooldown", "50ms"], script);
    run.beat(2);
    assert!(world.agent().join("state.json").exists());
}

#[test]
fn a_journal_file_that_is_no_file_blocks_nothing() {
    let world = World::new();
    world.script(&[], "exit 0").wait();
    let journal = world.agent().join("journal");
    let file = fs::read_dir(&journal).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&file).unwrap();
    let made = Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    let mut run = world.script(&[], "exit 0");
    assert_eq!(run.wait(), 0);
    run.says("cannot write the journal");
}

#[test]
fn stdout_that_closes_early_does_not_hurt_the_agent() {
    let world = World::new();
    let script =
        r#"yes | head -n 100000; echo '{"agent":"a","status":"ok","tokens_used":9}'; sleep 1000"#;
    let args = ["run", "--name", "t", "--", "sh", "-c", script];
    let mut child =
        world.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    let agent = world.agent();
    until("the beat", || {
        let nine = |fact: &Fact| matches!(fact, Fact::Beat(beat) if beat.tokens == Some(9));
        crate::harness::facts(&agent).iter().any(nine).then_some(())
    });
    kill(i32::try_from(child.id()).unwrap(), "TERM");
    until("the end", || child.try_wait().unwrap());
}

#[test]
fn an_agent_that_closes_its_output_costs_nothing() {
    let world = World::new();
    let run = world.script(&[], "exec >&- 2>&-; exec sleep 1000");
    run.started(1);
    let ticks = || -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", run.pid())).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    let Some(before) = ticks() else {
        eprintln!("SKIPPED: this system does not tell CPU time");
        return;
    };
    let begin = std::time::Instant::now();
    until("two seconds", || (begin.elapsed().as_millis() > 2_000).then_some(()));
    let used = ticks().unwrap() - before;
    assert!(used <= 20, "{used} hundredths of a second of CPU in two seconds");
}

#[test]
fn an_idle_agentwatch_wakes_only_for_a_deadline() {
    let world = World::new();
    let run = world.script(&["--beats", "none"], "exec sleep 1000");
    run.started(1);
    let switches = || -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", run.pid())).ok()?;
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let Some(before) = switches() else {
        eprintln!("SKIPPED: this system does not tell context switches");
        return;
    };
    let begin = std::time::Instant::now();
    until("three seconds", || (begin.elapsed().as_millis() > 3_000).then_some(()));
    let woken = switches().unwrap() - before;
    assert!(woken <= 2, "{woken} wake-ups in three idle seconds");
}
