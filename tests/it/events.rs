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
use crate::pty::Terminal;

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

/// The beginning of the journals here, in milliseconds: 2026-11-20 12:00:00 UTC.
const START: i64 = 1_795_176_000_000;

const DAY: i64 = 86_400_000;

/// Appends to a day file of the agent `t`, which is made if need be.
fn append(world: &World, day: &str, lines: &[u8]) {
    use std::io::Write as _;
    let dir = world.path("state/t/journal");
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join(format!("{day}.jsonl"));
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(lines).unwrap();
}

#[test]
fn json_is_the_line_of_the_journal_byte_for_byte() {
    let world = World::new();
    let golden = fs::read_to_string("tests/golden/journal.jsonl").unwrap();
    let odd = [
        r#"{"ts":"2026-11-23T00:11:04.461Z","seq":900,"event":"telepathy","depth":3}"#,
        r#"{"ts":"2026-11-23T00:11:04.461Z","seq":901,"event":"beat","cost_usd":1.50e0,"x":"\u00e9/\/","z":[1, 2 ],"a":{"b":null}}"#,
        r#"{ "event":"late", "seq":902, "ts":"2026-11-23T00:11:04.461Z", "agent_name":"mallory" }"#,
    ];
    // The golden lines tell no time: as they are written, it stands in front.
    let dated = golden.lines().enumerate().map(|(n, line)| {
        format!("{{\"ts\":\"2026-11-23T00:11:04.461Z\",\"seq\":{n},{}", &line[1..])
    });
    let whole: Vec<String> = dated.chain(odd.map(str::to_owned)).collect();
    let torn = [
        r#"{"ts":"2026-11-23T00:11:04.461Z","seq":903,"event":"late","incarn"#,
        r#"["2026-11-23T00:11:04.461Z",904,"late"]"#,
        "nonsense",
        "",
        "null",
    ];
    let all: Vec<&str> =
        torn.into_iter().chain(whole.iter().map(String::as_str)).chain(torn).collect();
    append(&world, "2026-11-23", all.join("\n").as_bytes());
    append(&world, "2026-11-23", b"\xff\xfe\n{\"ts\":\"2026-11-23T00:11:0");
    let named = |line: &str| format!("{{\"agent_name\":\"t\",{}", &line[1..]);
    let want: Vec<String> = whole.iter().map(|line| named(line)).collect();
    for args in [&[][..], &["-n", "10000"], &["t"]] {
        let output = world.output(&[&["events", "--json"], args].concat());
        let seen = text(&output.stdout);
        let other = seen.lines().zip(&want).find(|(seen, want)| seen != *want);
        assert_eq!((other, seen.lines().count()), (None, want.len()), "{args:?}");
        assert!(seen.ends_with('\n'));
        assert_eq!(text(&output.stderr), "");
    }
    let words = text(&world.output(&["events"]).stdout);
    assert_eq!(words.lines().count(), whole.len());
    assert!(words.contains("telepathy           {\"depth\":3}\n"), "{words}");
    // And what follows is the same.
    let mut follow = Follow::new(&world, &["-n", "1"]);
    assert_eq!(follow.next()["seq"], 902);
    let line = format!("{}\n", odd[1]);
    append(&world, "2026-11-24", line.as_bytes());
    assert_eq!(follow.lines.next().unwrap().unwrap(), named(odd[1]));
}

#[test]
fn the_last_events_are_those_of_all_agents_and_days() {
    let world = World::new();
    for (day, n) in [("2026-11-18", 0), ("2026-11-19", 1), ("2026-11-20", 2), ("2026-11-21", 3)] {
        let lines = (0..30_u64).flat_map(|k| {
            let at = START + (n - 2) * DAY + i64::try_from(k).unwrap();
            line(at, 30 * u64::try_from(n).unwrap() + k + 1)
        });
        append(&world, day, &lines.collect::<Vec<u8>>());
    }
    journal(&world, "other", 500, 30);
    let seen = |args: &[&str]| -> Vec<(String, u64)> {
        let output = world.output(&[&["events", "--json"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let one = |line: &str| {
            let value: Value = serde_json::from_str(line).unwrap();
            (value["agent_name"].as_str().unwrap().to_owned(), value["seq"].as_u64().unwrap())
        };
        text(&output.stdout).lines().map(one).collect()
    };
    let all = seen(&[]);
    assert_eq!(all.len(), 150);
    for n in ["1", "31", "100", "150", "4000000000"] {
        let count = n.parse::<usize>().unwrap().min(150);
        assert_eq!(seen(&["-n", n]), all[150 - count..], "{n}");
    }
    assert_eq!(seen(&["--last", "2", "--until", "2026-11-19T00:00Z"])[1].1, 30);
    assert_eq!(seen(&["-n", "0"]), []);
    assert_eq!(seen(&["--lines", "3", "--event", "beat"]), []);
    assert_eq!(seen(&["--except", "late"]), []);
    assert_eq!(seen(&["--except", "beat,exited", "--severity", "warning"]).len(), 150);
    assert_eq!(seen(&["--severity", "critical"]), []);
}

#[test]
fn a_follower_begins_with_the_last_ten_however_many_days_there_are() {
    let world = World::new();
    for (day, n) in [("2026-11-17", 1), ("2026-11-18", 2), ("2026-11-19", 3), ("2026-11-20", 4)] {
        let lines: Vec<u8> = (0..20).flat_map(|k| line(START + k, n * 20)).collect();
        append(&world, day, &lines);
    }
    for args in [&[][..], &["-n", "10"]] {
        let mut follow = Follow::new(&world, args);
        for _ in 0..10 {
            assert_eq!(follow.next()["seq"], 80);
        }
        // What were taken for new would come with it, and be older.
        append(&world, "2026-11-20", &line(START + DAY, 1_000));
        assert_eq!(follow.next()["seq"], 1_000);
        append(&world, "2026-11-20", &line(START + DAY, 1_001));
        assert_eq!(follow.next()["seq"], 1_001);
        // That it is not among the last ten of the next round.
        append(&world, "2026-11-20", &line(START, 80).repeat(10));
    }
}

#[test]
fn a_night_is_read_by_its_days_and_each_line_fits_the_screen() {
    let world = World::new();
    // Vienna, where midnight is 23:00 UTC.
    let midnight = START + 11 * 3_600_000;
    let long = Fact::Bug { what: "日本語 and\tmore ".repeat(20) };
    append(&world, "2026-11-20", &line(midnight - 60_000, 1));
    append(&world, "2026-11-20", &record::write(Wall(midnight - 1), 2, &long).unwrap());
    let mut command = world.command(&["events", "--follow"]);
    command.env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3").env("NO_COLOR", "1").env("LANG", "C.UTF-8");
    let mut terminal = Terminal::start(command);
    terminal.shows("── Friday 2026-11-20 ──\r\n23:59:00  t  late                silent for 1m\r\n");
    terminal.shows("23:59:59  t  bug                 this should not happen: 日本語 and more");
    terminal.shows("…\r\n");
    // The writer is over midnight, and so is who follows.
    append(&world, "2026-11-21", &line(midnight, 3));
    terminal
        .shows("── Saturday 2026-11-21 ──\r\n00:00:00  t  late                silent for 1m\r\n");
    append(&world, "2026-11-21", &line(midnight + 1_000, 4));
    terminal.shows("00:00:01  t  late                silent for 1m\r\n");
    // A terminal that is made narrow cuts what comes then.
    terminal.resize(24, 40);
    append(&world, "2026-11-21", &record::write(Wall(midnight + 2_000), 5, &long).unwrap());
    terminal.shows("00:00:02  t  bug  this should not happe…\r\n");
    let screen = terminal.screen();
    assert_eq!(screen.matches("──\r\n").count(), 2, "{screen}");
}

#[test]
fn times_are_told_as_they_are_wanted() {
    let world = World::new();
    append(&world, "2026-11-20", &line(START, 1));
    let look = |args: &[&str]| {
        let mut command = world.command(&[&["events"], args].concat());
        text(&command.env("TZ", "EST5").output().unwrap().stdout)
    };
    assert_eq!(look(&[]), "2026-11-20 07:00:00  late                silent for 1m\n");
    assert_eq!(
        look(&["--time", "utc"]),
        "2026-11-20 12:00:00Z  late                silent for 1m\n"
    );
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    let today = agentwatch::wire::stamp::day(Wall(now), 0);
    append(&world, &today.to_string(), &line(now - 2 * 3_600_000 - 90_000, 2));
    let words = look(&["--time", "relative", "--since", "3h"]);
    assert!(
        words.starts_with("  2h1m ago  late") || words.starts_with("  2h2m ago  late"),
        "{words}"
    );
    let output = world.output(&["events", "--time", "iso"]);
    assert_eq!(output.status.code(), Some(2));
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
        (["--event", "lates"], "--event: \"lates\" is no event; did you mean late?"),
        (["--event", "xyzzy"], "there are supervisor_started, "),
        (["--since", "soon"], "is no moment; write \"1h\""),
        (["--until", "60"], "has no unit"),
        (["--except", "beats"], "did you mean beat?"),
        (["--severity", "bad"], "critical"),
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
