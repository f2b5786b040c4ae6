//! Clocks that are set while agentwatch runs: nobody is blamed, nobody waits longer, no line is lost.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use agentwatch::core::fact::Fact;
use agentwatch::store::read;
use serde_json::Value;

use crate::harness::{Run, World, kill, records, until};
use crate::killed::{can_storm, lines_are_whole, seeded};
use crate::rounds;

/// Where libfaketime lies, on the systems that have it.
const LIBRARIES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];

/// agentwatch whose calendar is whatever the file `clock` says, and whose other clocks are the machine's.
fn run(world: &World, options: &[&str], script: &str) -> Run {
    let library = LIBRARIES.iter().find(|library| Path::new(library).exists());
    let library = library.expect("libfaketime is missing: apt-get install faketime");
    let args = [&["run", "--name", "t"], options, &["--", "sh", "-c", script]].concat();
    let mut command = world.command(&args);
    command
        .env("TZ", "UTC0")
        .env("LD_PRELOAD", library)
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_TIMESTAMP_FILE", world.path("clock"));
    world.spawn(command)
}

/// Sets the clock to so many seconds from now, in one piece.
fn set(world: &World, offset_s: i64) {
    fs::write(world.path("clock.new"), format!("{offset_s:+}\n")).unwrap();
    fs::rename(world.path("clock.new"), world.path("clock")).unwrap();
}

#[test]
fn a_clock_that_jumps_about_blames_nobody_and_loses_no_line() {
    if !can_storm() {
        return;
    }
    let begin = Instant::now();
    let world = World::new();
    let mut rng = seeded("clock steps");
    set(&world, 0);
    let script =
        r#"while :; do echo '{"agent":"a","status":"ok","tokens_used":1}'; sleep 0.02; done"#;
    let options =
        ["--interval", "1s", "--misses", "3", "--cooldown", "0s", "--max-failures", "1000"];
    let run = run(&world, &options, script);
    run.beat(1);
    let beats =
        |world: &World| world.facts().iter().filter(|fact| matches!(fact, Fact::Beat(_))).count();
    let mut newest = None;
    for _ in 0..rounds(20) {
        let most = rng.pick(&[2_i64, 3_600, 90_000, 400_000]);
        let offset = i64::try_from(rng.below(2 * most.unsigned_abs())).unwrap() - most;
        set(&world, offset);
        let before = beats(&world);
        until("beats after a step", || (before + 2 <= beats(&world)).then_some(()));
        // Lines go to the newest file there is, also when the calendar goes back.
        let days = read::days(&world.agent().join("journal")).unwrap();
        let last = days.last().map(|(day, _)| *day);
        assert!(newest <= last, "{newest:?} {last:?}");
        newest = last;
    }
    let blamed = |fact: &Fact| {
        matches!(fact, Fact::Late { .. } | Fact::Unhealthy { .. } | Fact::Exited { .. })
    };
    let facts = world.facts();
    assert!(!facts.iter().any(blamed), "{}", crate::harness::story(&facts));
    assert!(records(&world.agent()).windows(2).any(|pair| pair[1].ts.0 < pair[0].ts.0), "no step");
    kill(run.pid(), "TERM");
    until("the end", || (!crate::harness::alive(run.pid())).then_some(()));
    lines_are_whole(&world.agent());
    println!("{} clock steps in {:.1?}", rounds(20), begin.elapsed());
}

/// Seconds until the next midnight of UTC.
fn until_midnight() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    86_400 - i64::try_from(now.as_secs() % 86_400).unwrap()
}

#[test]
fn who_follows_over_midnight_misses_nothing_and_sees_nothing_twice() {
    if !can_storm() {
        return;
    }
    let world = World::new();
    let script =
        r#"while :; do echo '{"agent":"a","status":"ok","tokens_used":1}'; sleep 0.2; done"#;
    // A night is two seconds long: from just before midnight to just after it, and there again.
    let clock = |nights: i64| set(&world, until_midnight() - 2 + 86_400 * nights);
    clock(0);
    let run = run(&world, &["--interval", "1h"], script);
    run.beat(1);
    let mut follow = world.command(&["events", "--follow", "--json", "-n", "1000"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut days = Vec::new();
    let mut number = 0;
    let nights = i64::from(rounds(3));
    while days.len() <= usize::try_from(nights).unwrap() {
        let line: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
        assert_eq!(line["seq"], number + 1, "after {number}: {line}");
        number += 1;
        let day = line["ts"].as_str().unwrap()[..10].to_owned();
        if days.last() != Some(&day) {
            days.push(day);
            // The evening of the day that has just begun.
            clock(i64::try_from(days.len()).unwrap() - 1);
        }
    }
    follow.kill().unwrap();
    follow.wait().unwrap();
    drop(lines);
    assert!(days.is_sorted(), "{days:?}");
    let files = read::days(&world.agent().join("journal")).unwrap();
    assert!(days.len() <= files.len(), "{files:?}");
    println!("{number} lines over {nights} midnights");
}

#[test]
fn a_cooldown_is_as_long_as_it_is_whatever_the_calendar_says() {
    if !can_storm() {
        return;
    }
    let world = World::new();
    let script = "read -r up _ </proc/uptime; echo $up >>starts; exit 1";
    let starts = || -> Vec<f64> {
        let text = fs::read_to_string(world.path("starts")).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    };
    let options = ["--cooldown", "600ms", "--max-failures", "8"];
    // Within one life the clock that runs on counts.
    set(&world, 0);
    let first = run(&world, &options, script);
    for (n, offset) in [(1, 864_000), (2, -864_000), (3, 3)] {
        until("a start", || (n <= starts().len()).then_some(()));
        set(&world, offset);
    }
    until("a start", || (4 <= starts().len()).then_some(()));
    // Over a kill only the calendar is left: at worst the whole cooldown is waited again, or none of it.
    drop(first);
    set(&world, -864_000);
    let second = run(&world, &options, script);
    until("a start", || (5 <= starts().len()).then_some(()));
    for pair in starts().windows(2) {
        let gap = pair[1] - pair[0];
        assert!((0.55..10.0).contains(&gap), "{gap} s between starts: {:?}", starts());
    }
    drop(second);
    sleep(Duration::from_millis(1));
}
