//! `--log` and `agentwatch logs`: what is kept of the output, and how it is read.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use agentwatch::core::event::Kept;
use agentwatch::core::fact::Fact;

use crate::harness::{World, until};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The lines of the agent itself in a log.
fn own(log: &str) -> Vec<&str> {
    log.lines().filter(|line| !line.starts_with("agentwatch: ")).collect()
}

#[test]
fn stdout_stderr_and_our_own_lines_are_kept_also_when_stdout_is_none_of_our_business() {
    for options in [&[][..], &["--restart", "never"], &["--beats", "none"]] {
        let world = World::new();
        let options = [options, &["--log", "kept.log"]].concat();
        let script = "echo out; echo err >&2; printf 'no end'; exit 0";
        let mut run = world.script(&options, script);
        assert_eq!(run.wait(), 0);
        assert_eq!(run.stdout(), "out\nno end");
        let log = fs::read_to_string(world.path("kept.log")).unwrap();
        let mut lines = own(&log);
        lines.sort_unstable();
        assert_eq!(lines, ["err", "no end", "out"], "{options:?}: {log}");
        if options.len() == 2 {
            assert!(log.contains(" t: started, pid "), "{log}");
        }
        assert_eq!(text(&world.output(&["logs", "t"]).stdout), log);
        let last = text(&world.output(&["logs", "t", "-n", "1"]).stdout);
        assert_eq!(last, format!("{}\n", log.lines().last().unwrap()).as_str()[..last.len()]);
    }
}

#[test]
fn without_a_log_the_words_say_what_to_do() {
    let world = World::new();
    world.script(&[], "exit 0").wait();
    let output = world.output(&["logs", "t"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "agentwatch: t keeps no log; start it with --log FILE\n");
    for (size, words) in [("50", "has no unit"), ("1MiBB", "unknown unit"), ("1B", "out of range")]
    {
        let config = format!("[log]\nmax_size = \"{size}\"\n");
        fs::write(world.path("aw.toml"), config).unwrap();
        let output = world.output(&["run", "--config", "aw.toml", "--", "true"]);
        assert_eq!(output.status.code(), Some(78));
        assert!(text(&output.stderr).contains(words), "{output:?}");
    }
}

#[test]
fn it_turns_over_by_size_and_logs_reads_over_the_turns() {
    let world = World::new();
    fs::write(world.path("aw.toml"), "[log]\nfile = \"t.log\"\nmax_size = \"4096B\"\nkeep = 3\n")
        .unwrap();
    let script = "i=1000; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done";
    world.script(&["--config", "aw.toml"], script).wait();
    for name in ["t.log", "t.log.1", "t.log.2", "t.log.3"] {
        let log = fs::read_to_string(world.path(name)).unwrap();
        assert!(log.len() <= 4096 && log.ends_with('\n'), "{name}");
        assert!(own(&log).iter().all(|line| line.len() == 9), "a line was cut in {name}");
    }
    assert!(!world.path("t.log.4").exists());
    let all = text(&world.output(&["logs", "t"]).stdout);
    let lines = own(&all);
    let numbers: Vec<u32> = lines.iter().map(|line| line[5..].parse().unwrap()).collect();
    assert!(numbers.windows(2).all(|two| two[0] + 1 == two[1]) && numbers.last() == Some(&2999));
    let some = text(&world.output(&["logs", "t", "--lines", "700"]).stdout);
    assert_eq!(some.lines().count(), 700);
    assert!(all.ends_with(&some));
}

#[test]
fn following_shows_what_comes_over_every_turn() {
    let world = World::new();
    fs::write(world.path("aw.toml"), "[log]\nfile = \"t.log\"\nmax_size = \"4096B\"\nkeep = 100\n")
        .unwrap();
    let script = "while [ ! -e go ]; do sleep 0.02; done
        i=1000; while [ $i -lt 4000 ]; do echo line $i; i=$((i+1)); [ $((i%500)) = 0 ] && sleep 0.3; done
        sleep 100";
    let run = world.script(&["--config", "aw.toml"], script);
    run.started(1);
    let mut logs =
        world.command(&["logs", "t", "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(logs.stdout.take().unwrap()).lines().map(Result::unwrap);
    // It has begun, however late that is.
    assert!(lines.next().unwrap().starts_with("agentwatch: "));
    fs::write(world.path("go"), "").unwrap();
    let mut wanted = 1000;
    while wanted < 4000 {
        let line = lines.next().unwrap();
        if !line.starts_with("agentwatch: ") {
            assert_eq!(line, format!("line {wanted}"));
            wanted += 1;
        }
    }
    logs.kill().unwrap();
    logs.wait().unwrap();
}

#[test]
fn a_log_that_was_moved_away_is_made_again() {
    let world = World::new();
    let script = "while :; do echo line; sleep 0.05; done";
    let _run = world.script(&["--log", "t.log"], script);
    let log = world.path("t.log");
    until("the log", || log.exists().then_some(()));
    fs::rename(&log, world.path("away.log")).unwrap();
    until("a new log", || fs::metadata(&log).is_ok_and(|log| log.len() > 0).then_some(()));
}

#[test]
fn a_log_that_cannot_be_written_is_said_once_and_stops_nobody() {
    let world = World::new();
    fs::create_dir(world.path("full")).unwrap();
    // What is a folder cannot be written, until it is none any more.
    fs::create_dir(world.path("full/t.log")).unwrap();
    let script = "while :; do echo line; sleep 0.05; done";
    let mut run = world.script(&["--log", "full/t.log"], script);
    run.says("cannot write the log: ");
    assert!(run.stderr().contains("/full/t.log"), "{}", run.stderr());
    fs::remove_dir(world.path("full/t.log")).unwrap();
    run.says("the log can be written again");
    run.signal("TERM");
    run.wait();
    let log = fs::read_to_string(world.path("full/t.log")).unwrap();
    assert!(log.contains(" bytes were dropped here: "), "{log}");
    assert_eq!(run.stderr().matches("cannot write the log").count(), 1, "{}", run.stderr());
    let said = |wanted: fn(&Fact) -> bool| world.facts().iter().filter(|fact| wanted(fact)).count();
    assert_eq!(said(|fact| matches!(fact, Fact::StoreFailed { what: Kept::Log, .. })), 1);
    assert_eq!(said(|fact| matches!(fact, Fact::StoreWorks { what: Kept::Log })), 1);
}

#[test]
fn a_reader_of_a_followed_log_that_goes_away_ends_it() {
    let world = World::new();
    let run = world.script(&["--log", "t.log"], "echo one; sleep 100");
    run.started(1);
    until("the log", || world.path("t.log").exists().then_some(()));
    let mut logs = world.command(&["logs", "t", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 1];
    logs.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    drop(logs.stdout.take());
    until("the end of logs", || logs.try_wait().unwrap());
}

#[test]
fn since_begins_at_the_last_line_of_ours_before_then_in_whichever_log_it_stands() {
    let world = World::new();
    world.script(&["--log", "t.log"], "exit 0").wait();
    let ours = |hour: u32| format!("agentwatch: 2026-11-20 {hour:02}:00:00 t: started, pid 1\n");
    let part = |hours: std::ops::Range<u32>| -> String {
        hours.flat_map(|hour| [ours(hour), format!("said at {hour}\n")]).collect()
    };
    fs::write(world.path("t.log.2"), part(0..5)).unwrap();
    fs::write(world.path("t.log.1"), part(5..10)).unwrap();
    fs::write(world.path("t.log"), part(10..15) + "agentwatch: 9999 no time\nno end").unwrap();
    let look = |args: &[&str]| {
        let mut command = world.command(&[&["logs", "t"], args].concat());
        let output = command.env("TZ", "UTC0").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        text(&output.stdout)
    };
    let all = look(&[]);
    assert_eq!(all.lines().count(), 32);
    for (since, first) in [
        ("2026-11-20 12:30", 12),
        ("2026-11-20 12:00", 11),
        ("2026-11-20 10:00", 9),
        ("2026-11-20 03:10", 3),
        ("2026-11-19", 0),
        ("now", 99),
    ] {
        let seen = look(&["--since", since]);
        if first == 99 {
            // It was written just now, but no line of ours tells so.
            assert!(seen.is_empty() || seen.starts_with(&ours(14)), "{seen}");
            continue;
        }
        assert!(seen.starts_with(&ours(first)) && all.ends_with(&seen), "{since}: {seen}");
    }
    assert_eq!(
        look(&["--since", "2026-11-20 12:30", "-n", "2"]),
        "agentwatch: 9999 no time\nno end"
    );
    assert_eq!(look(&["--since", "2026-11-20 14:30", "-n", "20"]).lines().count(), 4);
    // A log that was last written before then is passed over whole.
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    for name in ["t.log.1", "t.log.2"] {
        let file = fs::File::options().append(true).open(world.path(name)).unwrap();
        file.set_modified(old).unwrap();
    }
    assert!(look(&["--since", "2026-11-20 03:10"]).starts_with(&ours(10)));
    let output = world.output(&["logs", "t", "--since", "soon"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn logs_of_several_agents_say_whose_each_line_is() {
    let world = World::new();
    let start = |name: &str, script: &str| {
        let log = format!("{name}.log");
        let args = ["run", "--name", name, "--log", &log, "--", "sh", "-c", script];
        world.spawn(world.command(&args))
    };
    let script =
        "echo one; printf 'no end'; while [ ! -e go ]; do sleep 0.02; done; echo two; sleep 100";
    let _runs = [start("crawler", script), start("t", script)];
    let mut quiet = world.command(&["run", "--name", "quiet", "--", "sleep", "100"]);
    quiet.env("AGENTWATCH_OPT_BEATS", "none");
    let _quiet = world.spawn(quiet);
    let logs = |args: &[&str]| world.output(&[&["logs"], args].concat());
    let has_all = |output: &std::process::Output| {
        let words = text(&output.stdout);
        let lines = ["crawler | one\n", "t       | one\n"];
        lines.iter().all(|line| words.contains(line)).then_some(words)
    };
    // Who keeps no log is passed over, unless it was named.
    let words = until("both logs", || has_all(&logs(&[])));
    assert!(words.lines().all(|line| line.get(7..10) == Some(" | ")), "{words}");
    let output = logs(&["t", "quiet", "crawler"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "agentwatch: quiet keeps no log; start it with --log FILE\n");
    assert!(has_all(&output).is_some());

    let mut follow = world.command(&["logs", "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines().map(Result::unwrap);
    let both = |lines: &mut dyn Iterator<Item = String>, wanted: [&str; 2]| {
        let mut left = wanted.to_vec();
        while !left.is_empty() {
            let line = lines.next().unwrap();
            left.retain(|wanted| *wanted != line);
        }
    };
    both(&mut lines, ["crawler | one", "t       | one"]);
    fs::write(world.path("go"), "").unwrap();
    // What has no end yet waits for it: lines of two are never mixed.
    both(&mut lines, ["crawler | no endtwo", "t       | no endtwo"]);
    follow.kill().unwrap();
    follow.wait().unwrap();
}
