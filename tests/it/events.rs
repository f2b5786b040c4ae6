//! `agentwatch events`: filtered, merged and followed.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use agentwatch::core::fact::Fact;
use agentwatch::core::time::Wall;
use agentwatch::wire::record;
use serde_json::Value;

use crate::harness::{World, until};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn line(ms: i64, seq: u64) -> Vec<u8> {
    record::write(Wall(ms), seq, &Fact::Late { incarnation: 1, silent_ms: 60_000 }).unwrap()
}

/// A journal without an agentwatch: one line a second from 2026-11-20 12:00:00 UTC on.
fn journal(world: &World, name: &str, offset_ms: i64, lines: u64) {
    let dir = world.path("state").join(name).join("journal");
    fs::create_dir_all(&dir).unwrap();
    let start = 1_795_176_000_000 + offset_ms;
    let all: Vec<u8> =
        (0..lines).flat_map(|n| line(start + 1000 * i64::try_from(n).unwrap(), n + 1)).collect();
    fs::write(dir.join("2026-11-20.jsonl"), all).unwrap();
}

struct Follow {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Follow {
    fn new(world: &World, args: &[&str]) -> Self {
        let mut command = world.command(&[&["events", "--follow", "--json"], args].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    /// Goes on to the next event of that kind.
    fn event(&mut self, kind: &str) -> Value {
        loop {
            let value = self.next();
            if value["event"] == kind {
                return value;
            }
        }
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn since_until_and_event_choose() {
    let world = World::new();
    journal(&world, "t", 0, 100);
    let count = |args: &[&str]| {
        let output = world.output(&[&["events", "--json"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        text(&output.stdout).lines().count()
    };
    assert_eq!(count(&[]), 100);
    assert_eq!(count(&["--since", "2026-11-20T12:01:00Z"]), 40);
    assert_eq!(
        count(&["--since", "2026-11-20T13:00:30+01:00", "--until", "2026-11-20T12:01:00Z"]),
        30
    );
    assert_eq!(count(&["--since", "2026-11-19"]), 100);
    assert_eq!(count(&["--event", "late,beat", "--event", "exited"]), 100);
    assert_eq!(count(&["--event", "beat"]), 0);
    for (args, words) in [
        (["--event", "lates"], "did you mean late?"),
        (["--event", "xyzzy"], "there are supervisor_started, "),
        (["--since", "soon"], "is no moment; write \"1h\""),
        (["--until", "60"], "has no unit"),
    ] {
        let output = world.output(&[&["events"], &args[..]].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(words), "{output:?}");
    }
}

#[test]
fn several_agents_are_merged_by_time() {
    let world = World::new();
    journal(&world, "one", 0, 50);
    journal(&world, "two", 500, 50);
    let output = text(&world.output(&["events", "--json"]).stdout);
    let names: Vec<String> = output
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["agent_name"].as_str().unwrap().into()
        })
        .collect();
    assert_eq!(names.len(), 100);
    assert!(names.chunks(2).all(|two| two == ["one", "two"]), "{names:?}");
    let words = text(&world.output(&["events", "two", "one"]).stdout);
    assert!(words.lines().next().unwrap().contains("  one  late"), "{words}");
}

#[test]
fn what_an_agent_told_cannot_steer_the_terminal() {
    let world = World::new();
    let script = r#"printf '%s\n' '{"agent":"a","status":"ok","message":"a\u001b[2Jb\nc"}'"#;
    world.script(&["--restart", "never"], script).wait();
    let words = text(&world.output(&["events", "--event", "beat"]).stdout);
    assert!(words.contains("ab c") && !words.contains('\x1b'), "{words}");
    assert_eq!(words.lines().count(), 1);
}

#[test]
fn a_follower_sees_an_event_soon_and_an_agent_that_comes_later() {
    let world = World::new();
    fs::create_dir_all(world.path("state")).unwrap();
    let mut follow = Follow::new(&world, &[]);
    let run = world.script(&[], "while [ ! -e go ]; do sleep 0.01; done; echo '{\"agent\":\"a\",\"status\":\"ok\"}'; sleep 100");
    assert_eq!(follow.event("started")["agent_name"], "t");
    run.started(1);
    // Loaded machines are late; that it is seen within 200 ms is measured where nothing else runs.
    let before = Instant::now();
    fs::write(world.path("go"), "").unwrap();
    follow.event("beat");
    assert!(before.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_follower_goes_over_midnight_and_survives_a_deleted_folder() {
    let world = World::new();
    journal(&world, "t", 0, 30);
    let dir = world.path("state/t/journal");
    let mut follow = Follow::new(&world, &["t"]);
    // As tail does it, from the last ten on.
    for n in 21..=30 {
        assert_eq!(follow.next()["seq"], n);
    }
    let day = 86_400_000;
    let write = |name: &str, lines: &[u8]| {
        use std::io::Write as _;
        let path = dir.join(name);
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(lines).unwrap();
    };
    write("2026-11-21.jsonl", &line(1_795_176_000_000 + day, 31));
    assert_eq!(follow.next()["seq"], 31);
    // A line in two parts is one line.
    let torn = line(1_795_176_000_000 + day + 1, 32);
    write("2026-11-21.jsonl", &torn[..30]);
    write("2026-11-20.jsonl", &line(1_795_176_000_000 + day + 1, 33));
    assert_eq!(follow.next()["seq"], 33);
    write("2026-11-21.jsonl", &torn[30..]);
    assert_eq!(follow.next()["seq"], 32);
    fs::remove_dir_all(world.path("state/t")).unwrap();
    fs::create_dir_all(&dir).unwrap();
    write("2026-11-21.jsonl", &line(1_795_176_000_000 + day + 2, 34));
    assert_eq!(follow.next()["seq"], 34);
    write("2026-11-22.jsonl", &line(1_795_176_000_000 + 2 * day, 35));
    assert_eq!(follow.next()["seq"], 35);
}

#[test]
fn a_follower_ends_silently_with_its_reader() {
    let world = World::new();
    journal(&world, "t", 0, 3);
    let mut command = world.command(&["events", "-f"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    drop(lines);
    until("the end of events", || child.try_wait().unwrap());
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_large_journal_is_streamed() {
    let world = World::new();
    // 200,000 lines are 20 MB: with a limit of memory that could not hold them.
    journal(&world, "t", 0, 200_000);
    let script = "ulimit -v 65536; exec \"$0\" events --json";
    let bin = env!("CARGO_BIN_EXE_agentwatch");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, bin]).env("AGENTWATCH_STATE_DIR", world.path("state"));
    let output = command.current_dir(&world.dir).env("HOME", &world.dir).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 200_000);
}
