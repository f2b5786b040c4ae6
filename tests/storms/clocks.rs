//! Clocks that are set while agentwatch runs: nobody is blamed, nobody waits longer, no line is lost.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use agentwatch::core::fact::Fact;
use agentwatch::store::read;

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
