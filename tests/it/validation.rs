//! Nothing starts on state that is not valid: hooks, snapshots and restores around real agents (SPEC §5).

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use agentwatch::core::fact::{Fact, StateInvalid};
use agentwatch::core::validation::OnInvalid;

use crate::harness::{World, alive, code, has, until};

/// An agent that beats, writes its state, and says which incarnation read what.
const AGENT: &str = r#"
[ -f memory.json ] && echo "$AGENTWATCH_INCARNATION $(cat memory.json)" >> seen
beat() { echo "{\"agent\":\"t\",\"status\":\"ok\",\"checkpoint\":true}"; }
if [ "$AGENTWATCH_INCARNATION" = 1 ]; then
    echo '{"good": 1}' > memory.json; beat
    while [ ! -f crash ]; do sleep 0.05; done
    printf '{"torn": "by a cra' > memory.json; exit 1
fi
beat; echo '{"agent":"t","status":"shutting_down"}'
"#;

const QUICK: [&str; 8] =
    ["--cooldown", "1s", "--interval", "20s", "--config", "aw.toml", "--max-failures", "5"];

fn world(config: &str) -> World {
    let world = World::new();
    fs::write(world.path("aw.toml"), config).unwrap();
    world
}

fn hook(world: &World, script: &str) {
    let path = world.path("hook");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    let done = Command::new("chmod").arg("+x").arg(&path).status().unwrap();
    assert!(done.success());
}

fn invalid(fact: &Fact) -> Option<StateInvalid> {
    match fact {
        Fact::StateInvalid(invalid) => Some(invalid.clone()),
        _ => None,
    }
}

#[test]
fn a_restart_onto_torn_state_goes_back_to_the_snapshot() {
    let world = world("[state]\nfiles = [\"memory.json\"]\n");
    let mut run = world.script(&QUICK, AGENT);
    run.fact("a snapshot", 1, |fact| matches!(fact, Fact::SnapshotTaken(_)).then_some(()));
    fs::write(world.path("crash"), "").unwrap();
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    assert_eq!(fs::read_to_string(world.path("seen")).unwrap(), "2 {\"good\": 1}\n");
    let facts = world.facts();
    let invalid = facts.iter().find_map(invalid).unwrap();
    assert_eq!((invalid.faults[0].offset, invalid.action), (Some(18), OnInvalid::Restore));
    let Some(restored) = facts.iter().find_map(|fact| match fact {
        Fact::StateRestored(restored) => Some(restored.clone()),
        _ => None,
    }) else {
        panic!("nothing was restored")
    };
    let kept = world.agent().join("quarantine").join(restored.quarantine.unwrap());
    assert_eq!(fs::read_to_string(kept.join("0")).unwrap(), "{\"torn\": \"by a cra");
    assert!(run.stderr().contains("state not valid: "), "{}", run.stderr());
    assert!(run.stderr().contains("; going back to a snapshot"), "{}", run.stderr());
    assert!(run.stderr().contains("t: restored 1 file from snapshot "), "{}", run.stderr());
    // Who looks by hand sees all of it.
    let shown = world.output(&["state", "t"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    for word in ["memory.json", "valid", "SNAPSHOT", "QUARANTINE"] {
        assert!(shown.contains(word), "{shown}");
    }
    let json = world.output(&["state", "t", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["files"][0]["valid"], true);
    assert_eq!(code(world.output(&["state", "check"]).status), 0);
}

#[test]
fn without_a_snapshot_a_human_is_called_and_may_mend_it() {
    let world = world("[state]\nfiles = [\"memory.json\"]\n");
    fs::write(world.path("memory.json"), "{\"torn").unwrap();
    let mut run = world.script(&QUICK, "exit 1");
    assert_eq!(run.wait(), 69);
    assert!(run.stderr().contains("there is no snapshot to go back to"), "{}", run.stderr());
    assert!(run.stderr().contains("GAVE UP after state that is not valid"), "{}", run.stderr());
    assert_eq!(fs::read_to_string(world.path("memory.json")).unwrap(), "{\"torn");
    let status = String::from_utf8(world.output(&["status", "t"]).stdout).unwrap();
    assert!(status.contains("escalated"), "{status}");
    fs::write(world.path("memory.json"), "{}").unwrap();
    let mut run = world.script(&[&QUICK[..], &["--resume"]].concat(), "sleep 1000");
    run.started(2);
    run.signal("TERM");
    run.wait();
    let validated = |fact: &Fact| matches!(fact, Fact::Validated(fact) if fact.files == 1);
    assert!(world.facts().iter().any(validated));
}

#[test]
fn the_word_of_the_hook_decides_and_is_kept() {
    let world = world("[state]\nvalidate = [\"./hook\", \"--all\"]\nfiles = [\"memory.json\"]\n");
    hook(&world, "env | grep ^AGENTWATCH_ | sort > told; echo args $*; echo no index >&2; exit 7");
    let mut run = world.script(&QUICK, "exit 3");
    assert_eq!(run.wait(), 69, "{}", run.stderr());
    let said = world.facts().iter().find_map(invalid).unwrap().hook.unwrap();
    assert_eq!(said.ending.unwrap().code(), 7);
    let mut output = said.output;
    output.sort();
    assert_eq!(output, ["args --all", "no index"]);
    assert!(run.stderr().contains("says no: exit 7"), "{}", run.stderr());
    assert!(run.stderr().contains("  | "), "{}", run.stderr());
    let told = fs::read_to_string(world.path("told")).unwrap();
    let files = format!("AGENTWATCH_STATE_FILES={}", world.path("memory.json").display());
    for line in [
        "AGENTWATCH_INCARNATION=2",
        "AGENTWATCH_LAST_EXIT=exit 3",
        "AGENTWATCH_REASON=exited",
        &files,
    ] {
        assert!(told.lines().any(|told| told == line), "{line} in {told}");
    }
}

#[test]
fn a_hook_that_hangs_is_killed_with_all_that_it_forked() {
    let world = world("[state]\nvalidate = [\"./hook\"]\nvalidate_timeout = \"500ms\"\n");
    hook(
        &world,
        "setsid sleep 1000 & echo $! > left; setsid sh -c 'trap \"\" TERM; sleep 1000' & sleep 1000",
    );
    let mut run = world.script(&QUICK, "exit 1");
    assert_eq!(run.wait(), 69);
    let said = world.facts().iter().find_map(invalid).unwrap().hook.unwrap();
    assert_eq!(said.timeout_ms, Some(500));
    let left: i32 = fs::read_to_string(world.path("left")).unwrap().trim().parse().unwrap();
    assert!(!alive(left), "nothing of the hook is left");
}

#[test]
fn a_hook_that_leaves_something_behind_does_not_leave_it_to_the_agent() {
    let world = world("[state]\nvalidate = [\"./hook\"]\n");
    hook(&world, "setsid sleep 1000 > /dev/null 2>&1 & echo $! > left; exit 0");
    let mut run = world.script(
        &QUICK,
        "[ $AGENTWATCH_INCARNATION = 1 ] && exit 1; kill -0 $(cat left) 2>/dev/null && exit 9; exit 0",
    );
    assert_eq!(run.wait(), 0, "{}", run.stderr());
}

#[test]
fn a_hook_that_prints_without_end_costs_no_memory_and_its_last_words_are_kept() {
    let world = world("[state]\nvalidate = [\"./hook\"]\n");
    hook(&world, "head -c 100000000 /dev/zero | tr '\\0' x; echo; echo the end; exit 1");
    let mut run = world.script(&QUICK, "exit 1");
    let pid = run.pid();
    let mut peak = 0;
    until("the end", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(rss.unwrap_or(0));
        (!run.is_running()).then_some(())
    });
    assert_eq!(run.wait(), 69);
    let said = world.facts().iter().find_map(invalid).unwrap().hook.unwrap();
    assert_eq!(said.output.last().unwrap(), "the end");
    assert!(said.output.iter().map(String::len).sum::<usize>() <= 10 * 1024 + 8);
    // A debug build is larger than what is asked of a release.
    assert!(peak < 40_000, "{peak} KiB");
}

#[test]
fn a_stop_while_the_hook_hangs_ends_it_at_once() {
    let world = world("[state]\nvalidate = [\"./hook\"]\nvalidate_timeout = \"10m\"\n");
    hook(&world, "echo $$ > hook-pid; sleep 1000");
    let mut run = world.script(&QUICK, "exit 1");
    let pid: i32 =
        until("the hook", || fs::read_to_string(world.path("hook-pid")).ok()?.trim().parse().ok());
    let status = String::from_utf8(world.output(&["status", "t"]).stdout).unwrap();
    assert!(status.contains("validating"), "{status}");
    let begin = Instant::now();
    run.signal("TERM");
    assert_eq!(run.wait(), 0);
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert!(!alive(pid));
}

#[test]
fn a_hook_outlives_no_agentwatch_and_is_asked_again() {
    let world = world("[state]\nvalidate = [\"./hook\"]\n");
    hook(&world, "setsid sh -c 'echo $$ > left; sleep 1000' & [ -f go ] && exit 0; sleep 1000");
    let mut run = world.script(&QUICK, "exit 1");
    let left: i32 =
        until("the hook", || fs::read_to_string(world.path("left")).ok()?.trim().parse().ok());
    run.signal("KILL");
    run.wait();
    fs::write(world.path("go"), "").unwrap();
    let run = world.script(&QUICK, "sleep 1000");
    run.started(2);
    assert!(!alive(left), "what it left behind is ended before the next start");
    let asked = world.facts().iter().filter(|fact| matches!(fact, Fact::Validating { .. })).count();
    assert_eq!(asked, 2);
}

#[test]
fn what_is_torn_may_be_moved_aside_and_the_agent_starts_clean() {
    let world =
        world("[state]\nfiles = [\"memory.json\", \"keep.json\"]\non_invalid = \"quarantine\"\n");
    fs::write(world.path("keep.json"), "[]").unwrap();
    fs::write(world.path("memory.json"), "{\"torn").unwrap();
    let mut run = world.script(
        &QUICK,
        "[ $AGENTWATCH_INCARNATION = 1 ] && exit 1; [ -f memory.json ] && exit 9; [ -f keep.json ] || exit 8; exit 0",
    );
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    assert!(run.stderr().contains("; starting without"), "{}", run.stderr());
}

#[test]
fn what_could_never_validate_is_refused_before_anything_starts() {
    let world = World::new();
    fs::write(world.path("hook"), "#!/bin/sh\n").unwrap();
    fs::create_dir(world.path("folder")).unwrap();
    for (args, words) in [
        (["--validate", "./hook"], "./hook: cannot be executed; chmod +x"),
        (["--validate", "./nothing"], "./nothing: no such file"),
        (["--state-file", "folder"], "is a folder; list the files in it"),
        (["--state-file", "/dev/null"], "is a device or socket"),
    ] {
        let output = world
            .output(&[&["run", "--name", "t"], &args[..], &["--", "touch", "started"]].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(code(output.status), 78, "{said}");
        assert!(said.contains(words), "{said}");
        assert!(!Path::new(&world.path("started")).exists());
    }
    let many: Vec<String> = (0..200).map(|n| format!("{n:0200}.json")).collect();
    fs::write(world.path("agentwatch.toml"), format!("[state]\nfiles = {many:?}\n")).unwrap();
    let output = world.output(&["run", "--name", "t", "--", "touch", "started"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(code(output.status), 78, "{said}");
    assert!(said.contains("too many paths: ") && said.contains("; use patterns"), "{said}");
}

#[test]
fn by_hand_a_running_agent_is_copied_and_never_overwritten() {
    let world = world("[state]\nfiles = [\"memory.json\"]\nsnapshot_every = \"30d\"\n");
    fs::write(world.path("memory.json"), "[1]").unwrap();
    let mut run = world.script(&QUICK, "sleep 1000");
    run.started(1);
    until("state.json", || world.agent().join("state.json").exists().then_some(()));
    let output = world.output(&["state", "snapshot"]);
    assert_eq!(code(output.status), 0, "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(world.path("memory.json"), "[2]").unwrap();
    let output = world.output(&["state", "restore"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(code(output.status), 1);
    assert!(said.contains("is running; stop it first: agentwatch stop t"), "{said}");
    assert_eq!(fs::read_to_string(world.path("memory.json")).unwrap(), "[2]");
    run.signal("TERM");
    run.wait();
    let output = world.output(&["state", "restore"]);
    assert_eq!(code(output.status), 0, "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_to_string(world.path("memory.json")).unwrap(), "[1]");
    let set = fs::read_dir(world.agent().join("snapshots")).unwrap().next().unwrap().unwrap();
    let set = set.file_name().into_string().unwrap();
    fs::write(world.path("memory.json"), "[1, 2]").unwrap();
    let output = world.output(&["state", "diff", &set]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(code(output.status), 1);
    assert!(said.contains("memory.json: differs from byte 2 on"), "{said}");
}

#[test]
fn a_restore_by_hand_that_was_interrupted_is_finished_before_anything_starts() {
    if !has("strace") {
        return;
    }
    let world = world("[state]\nfiles = [\"a.json\", \"b.json\"]\n");
    let write = |content: &str| {
        fs::write(world.path("a.json"), content).unwrap();
        fs::write(world.path("b.json"), content).unwrap();
    };
    write("[1]");
    assert_eq!(world.script(&QUICK, "exit 0").wait(), 0);
    assert_eq!(code(world.output(&["state", "snapshot", "t"]).status), 0);
    write("[2]");
    let intent = world.agent().join("restoring.json");
    // Somebody loses patience: one of the two is in place.
    let half = (1..20).any(|number| {
        let inject = format!("inject=rename:signal=KILL:when={number}");
        let strace =
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=rename", "-e", &inject];
        world.within(&strace, &["state", "restore", "--name", "t"]).output().unwrap();
        let read = |name: &str| fs::read_to_string(world.path(name)).unwrap();
        let half = intent.exists() && read("a.json") != read("b.json");
        if !half {
            world.output(&["state", "restore", "--name", "t"]);
            write("[2]");
        }
        half
    });
    assert!(half);
    let looked = world.output(&["state", "check", "t"]).stdout;
    let looked = String::from_utf8(looked).unwrap();
    assert!(looked.contains("was interrupted; the next start finishes it"), "{looked}");
    assert_eq!(world.script(&QUICK, "cat a.json b.json > seen").wait(), 0);
    assert_eq!(fs::read_to_string(world.path("seen")).unwrap(), "[1][1]");
    assert!(!intent.exists());
}
