//! Pipes: what is full, slow, shared, closed or gone downstream, and where stdin comes from.

use std::fs::{self, File, OpenOptions};
use std::io::{PipeWriter, Read as _, Write as _, pipe};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use agentwatch::core::event::SpawnStage;
use agentwatch::core::fact::{Fact, FinishedWhy};
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::harness::{World, code, facts, has, kill, story, until};

/// `agentwatch run` with a stdout that nobody reads until the test does.
fn unread(world: &World, options: &[&str], script: &str) -> Child {
    let mut args = vec!["run", "--name", "t"];
    args.extend(options);
    args.extend(["--", "sh", "-c", script]);
    let mut command = world.command(&args);
    command.stdout(Stdio::piped()).stderr(fs::File::create(world.path("err")).unwrap());
    command.spawn().unwrap()
}

fn finished(world: &World) -> FinishedWhy {
    let find = || {
        world.facts().iter().find_map(|fact| match fact {
            Fact::Finished { reason, .. } => Some(*reason),
            _ => None,
        })
    };
    until("the end of the agent", || {
        let facts = facts(&world.agent());
        let failed = facts.iter().any(|fact| matches!(fact, Fact::Cooldown { .. }));
        assert!(!failed, "taken for a failure: {}", story(&facts));
        find()
    })
}

#[test]
fn the_last_beats_are_heard_before_the_end_is_judged_although_nobody_reads_our_stdout() {
    let world = World::new();
    // Our pipe is full, and what comes after that waits in the agent's.
    let script = r#"echo '{"agent":"a","status":"ok"}'; head -c 100000 /dev/zero
        echo; echo '{"agent":"a","status":"shutting_down"}'"#;
    let mut run = unread(&world, &[], script);
    assert_eq!(finished(&world), FinishedWhy::Announced);
    let mut all = Vec::new();
    run.stdout.take().unwrap().read_to_end(&mut all).unwrap();
    let first = b"{\"agent\":\"a\",\"status\":\"ok\"}\n";
    let last = b"\n{\"agent\":\"a\",\"status\":\"shutting_down\"}\n";
    let wanted = [&first[..], &vec![0; 100_000], &last[..]].concat();
    assert!(all == wanted, "{} bytes, not {}", all.len(), wanted.len());
    assert_eq!(code(run.wait().unwrap()), 0);
}

#[test]
fn a_last_beat_without_a_line_end_is_heard_before_the_end_is_judged() {
    let world = World::new();
    for round in 0..10 {
        let script = r#"echo '{"agent":"a","status":"ok"}'
            printf '{"agent":"a","status":"shutting_down"}'"#;
        let mut run = world.script(&["--restart", "auto"], script);
        assert_eq!(run.wait(), 0, "round {round}: {}", story(&world.facts()));
        let announced =
            |fact: &Fact| matches!(fact, Fact::Finished { reason: FinishedWhy::Announced, .. });
        assert_eq!(world.facts().iter().filter(|fact| announced(fact)).count(), round + 1);
    }
}

#[test]
fn a_large_pipe_is_heard_out_too() {
    if !has("python3") || !cfg!(target_os = "linux") {
        return;
    }
    let world = World::new();
    // F_SETPIPE_SZ: as much as anybody may have.
    let script = r#"exec python3 -c "
import fcntl, os
fcntl.fcntl(1, 1031, 1 << 20)
beat = b'{\"agent\":\"a\",\"status\":\"%s\"}\n'
left = beat % b'ok' + b'x' * 900000 + b'\n' + beat % b'shutting_down'
while left: left = left[os.write(1, left):]
""#;
    let mut run = unread(&world, &[], script);
    assert_eq!(finished(&world), FinishedWhy::Announced);
    let mut all = Vec::new();
    run.stdout.take().unwrap().read_to_end(&mut all).unwrap();
    assert_eq!(memchr::memchr_iter(b'x', &all).count(), 900_000);
    assert!(all.ends_with(b"shutting_down\"}\n"));
    assert_eq!(code(run.wait().unwrap()), 0);
}

#[test]
fn what_a_child_leaves_for_a_blocked_stderr_costs_no_line_of_ours() {
    if !has("python3") || !cfg!(target_os = "linux") {
        return;
    }
    let world = World::new();
    let script = r#"exec python3 -c "
import fcntl, os
fcntl.fcntl(2, 1031, 1 << 20)
left = bytes(300000)
while left: left = left[os.write(2, left):]
os._exit(1)
""#;
    let args = ["run", "--name", "t", "--max-failures", "1", "--", "sh", "-c", script];
    let mut run =
        world.command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until("the escalation", || {
        world.facts().iter().any(|fact| matches!(fact, Fact::Escalated { .. })).then_some(())
    });
    let mut all = Vec::new();
    run.stderr.take().unwrap().read_to_end(&mut all).unwrap();
    assert_eq!(memchr::memchr_iter(0, &all).count(), 300_000);
    let ours = String::from_utf8_lossy(&all).replace('\0', "");
    assert!(ours.contains("GAVE UP") && !ours.contains("dropped"), "{ours}");
    assert_eq!(code(run.wait().unwrap()), 69);
}

fn flags(fd: impl AsFd) -> OFlag {
    OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL).unwrap())
}

#[test]
fn the_flags_of_inherited_descriptors_never_change() {
    let world = World::new();
    let (stdin, _writer) = pipe().unwrap();
    let (_reader, stdout) = pipe().unwrap();
    let terminal = nix::pty::openpty(None, None).unwrap().slave;
    let file = OpenOptions::new().append(true).create(true).open(world.path("log")).unwrap();
    let beats =
        r#"while :; do echo '{"agent":"a","status":"ok"}'; echo words >&2; sleep 0.1; done"#;
    for (stdin, stdout, stderr) in [
        (stdin.as_fd(), stdout.as_fd(), stdout.as_fd()),
        (terminal.as_fd(), terminal.as_fd(), terminal.as_fd()),
        (stdin.as_fd(), file.as_fd(), file.as_fd()),
    ] {
        let copy = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned().unwrap();
        let all = || [flags(stdin), flags(stdout), flags(stderr)];
        let before = all();
        let args = ["run", "--name", "t", "--beats", "stdout", "--", "sh", "-c", beats];
        let mut command = world.command(&args);
        command.stdin(copy(stdin)).stdout(copy(stdout)).stderr(copy(stderr));
        let mut run = command.spawn().unwrap();
        let beaten = |fact: &&Fact| matches!(fact, Fact::Beat(_));
        let old = world.facts().iter().filter(beaten).count();
        until("two beats", || {
            assert_eq!(all(), before);
            (old + 2 <= world.facts().iter().filter(beaten).count()).then_some(())
        });
        kill(i32::try_from(run.id()).unwrap(), "TERM");
        until("the end", || run.try_wait().unwrap());
        assert_eq!(all(), before);
    }
}

/// The CPU time of a process in hundredths of a second, where the system tells it.
fn ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

/// Fills a pipe as another process would that shares it, and leaves it non-blocking.
fn fill(mut pipe: &PipeWriter) {
    let now = flags(pipe);
    fcntl(pipe, FcntlArg::F_SETFL(now | OFlag::O_NONBLOCK)).unwrap();
    for size in [65_536, 4096, 1] {
        while pipe.write(&vec![b'x'; size]).is_ok() {}
    }
}

#[test]
fn a_shared_pipe_that_somebody_fills_and_makes_non_blocking_loses_nothing_and_costs_nothing() {
    for (options, to) in [(&[][..], "1"), (&[][..], "2"), (&["--restart", "never"][..], "2")] {
        let world = World::new();
        let (mut reader, shared) = pipe().unwrap();
        fill(&shared);
        let script =
            format!("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i >&{to}; done");
        let mut args = vec!["run", "--name", "t"];
        args.extend(options);
        args.extend(["--", "sh", "-c", &script]);
        let mut command = world.command(&args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let copy = shared.try_clone().unwrap();
        if to == "1" {
            command.stdout(copy)
        } else {
            command.stderr(copy)
        };
        let mut run = command.spawn().unwrap();
        // It holds the copy.
        drop(command);
        until("the start", || {
            world.facts().iter().any(|fact| matches!(fact, Fact::Started { .. })).then_some(())
        });
        if let Some(before) = ticks(run.id()) {
            let begin = Instant::now();
            until("a second", || (begin.elapsed().as_millis() > 1_000).then_some(()));
            let used = ticks(run.id()).unwrap() - before;
            assert!(used <= 20, "{used} hundredths of a second of CPU while all is full");
        }
        assert!(flags(&shared).contains(OFlag::O_NONBLOCK), "that is not ours to change");
        drop(shared);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        let all = String::from_utf8(all).unwrap();
        let lines = all.trim_start_matches('x').lines().filter(|l| !l.starts_with("agentwatch:"));
        let mut count = 0;
        for (line, n) in lines.zip(1..) {
            assert_eq!(line, format!("line {n}"));
            count = n;
        }
        assert_eq!(count, 20_000);
        assert_eq!(code(until("the end", || run.try_wait().unwrap())), 0);
    }
}

#[test]
fn closed_standard_streams_are_nobodys_file() {
    let world = World::new();
    let script = r#"echo '{"agent":"a","status":"shutting_down"}'; echo words >&2; exit 0"#;
    for (round, closed) in [">&- 2>&-", "<&- >&- 2>&-", "<&- >&-"].iter().enumerate() {
        for (n, restart) in ["auto", "never"].iter().enumerate() {
            let line =
                format!("exec \"$0\" run --name t --restart {restart} -- sh -c \"$1\" {closed}");
            let mut command = world.within(&["sh", "-c", &line], &[script]);
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{closed} {restart}: {output:?}");
            let facts = world.facts();
            let beats = facts.iter().filter(|fact| matches!(fact, Fact::Beat(_))).count();
            assert_eq!(beats, 2 * round + n + 1, "{}", story(&facts));
        }
    }
    let words = fs::read_to_string(world.agent().join("state.json")).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&words).is_ok(), "{words}");
}

#[test]
fn a_full_disk_downstream_is_said_once_and_beats_are_still_heard() {
    let Ok(full) = OpenOptions::new().write(true).open("/dev/full") else {
        eprintln!("SKIPPED: there is no /dev/full");
        return;
    };
    let world = World::new();
    let script =
        r#"for i in 1 2 3; do echo '{"agent":"a","status":"ok"}'; echo words >&2; done; exit 1"#;
    let options = ["run", "--name", "t", "--cooldown", "20ms", "--", "sh", "-c", script];
    let mut command = world.command(&options);
    let output = command.stdout(full.try_clone().unwrap()).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(69));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let said =
        "stdout: No space left on device (os error 28); output is dropped, beats are still heard";
    assert_eq!(stderr.matches(said).count(), 1, "{stderr}");
    assert_eq!(stderr.matches("words").count(), 9, "{stderr}");
    let beats = |facts: &[Fact]| facts.iter().filter(|fact| matches!(fact, Fact::Beat(_))).count();
    let before = beats(&world.facts());
    assert!(before >= 3, "{}", story(&world.facts()));
    // With nothing to say it on either.
    let mut command = world.command(&["run", "--resume", "--name", "t", "--", "sh", "-c", script]);
    command.stdout(full.try_clone().unwrap()).stderr(full);
    let mut run = command.spawn().unwrap();
    until("beats", || (before < beats(&world.facts())).then_some(()));
    kill(i32::try_from(run.id()).unwrap(), "TERM");
    until("the end", || run.try_wait().unwrap());
}

#[test]
fn a_reader_that_goes_away_is_said_once_for_all_incarnations() {
    let world = World::new();
    let script = "head -c 100000 /dev/zero; exit 1";
    let mut run = unread(&world, &["--cooldown", "20ms"], script);
    drop(run.stdout.take());
    assert_eq!(code(until("the end", || run.try_wait().unwrap())), 69, "nobody dies of SIGPIPE");
    let stderr = fs::read_to_string(world.path("err")).unwrap();
    assert_eq!(stderr.matches("stdout: nobody reads it any more").count(), 1, "{stderr}");
    assert!(stderr.contains("failure 3 of 3"), "{stderr}");
}

#[test]
fn stdin_comes_from_where_it_is_said() {
    let world = World::new();
    fs::write(world.path("in"), "first\nsecond\n").unwrap();
    let one = r#"read x; echo "read: $x"; exit 1"#;
    let mut run = world.script(&["--stdin", "in", "--cooldown", "20ms"], one);
    assert_eq!(run.wait(), 69);
    assert_eq!(run.stdout(), "read: first\n".repeat(3), "opened anew at every start");

    let mut command = world.command(&["run", "--stdin", "null", "--name", "n", "--", "cat"]);
    let (stdin, _held) = pipe().unwrap();
    command.stdin(stdin);
    let mut run = world.spawn(command);
    assert_eq!((run.wait(), run.stdout()), (0, String::new()), "an open pipe is not waited for");

    let mut command = world.command(&["run", "--stdin", "inherit", "--name", "i", "--", "cat"]);
    command.stdin(File::open(world.path("in")).unwrap());
    let mut run = world.spawn(command);
    assert_eq!((run.wait(), run.stdout()), (0, "first\nsecond\n".to_owned()));
}

#[test]
fn a_stdin_that_cannot_be_opened_is_named() {
    for (path, why) in [("none", "No such file"), (".", "directory")] {
        let world = World::new();
        let mut run = world.script(&["--stdin", path], "exit 0");
        assert_eq!(run.wait(), 78, "a mistyped path is told before anything starts");
        let named = format!("{}", world.dir.join(path).display());
        let stderr = run.stderr();
        assert!(stderr.contains(named.trim_end_matches("/.")), "{stderr}");
        assert!(stderr.contains("stdin") && stderr.contains(why), "{stderr}");
        assert!(world.facts().is_empty(), "{}", story(&world.facts()));
    }
    // It goes away, and may come back: that is a failure like any other.
    let world = World::new();
    std::fs::write(world.path("in"), "").unwrap();
    let mut run = world.script(&["--stdin", "in", "--cooldown", "20ms"], "rm in; exit 1");
    assert_eq!(run.wait(), 69);
    assert!(run.stderr().contains("cannot open it as stdin"), "{}", run.stderr());
    let stages = |fact: &Fact| match fact {
        Fact::SpawnFailed { failure, .. } => Some(failure.stage),
        _ => None,
    };
    assert_eq!(world.facts().iter().find_map(stages), Some(SpawnStage::Stdin));
}

#[test]
fn a_fifo_as_stdin_blocks_nothing() {
    let world = World::new();
    assert!(Command::new("mkfifo").arg(world.path("in")).status().unwrap().success());
    let script = r#"echo up; while read x; do echo "read: $x"; done; echo ended"#;
    let mut run = world.script(&["--stdin", "in"], script);
    until("the start", || run.stdout().contains("up").then_some(()));
    for word in ["one", "two"] {
        // Not waiting for a reader: that there is one is what is tried.
        let flags = nix::libc::O_NONBLOCK;
        let mut writer = until("a reader", || {
            OpenOptions::new().write(true).custom_flags(flags).open(world.path("in")).ok()
        });
        writeln!(writer, "{word}").unwrap();
        until("the word", || run.stdout().contains(word).then_some(()));
    }
    assert!(!run.stdout().contains("ended"), "a writer that leaves is not the end of it");
    let begin = Instant::now();
    run.signal("TERM");
    run.wait();
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn rule_08_a_stop_ends_although_nobody_reads_our_output() {
    let world = World::new();
    let script = "trap 'exit 7' TERM; (yes; yes >&2) & touch up; while :; do sleep 0.05; done";
    let args = ["run", "--name", "t", "--", "bash", "-c", script];
    let mut command = world.command(&args);
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the trap", || world.path("up").exists().then_some(()));
    kill(i32::try_from(run.id()).unwrap(), "TERM");
    assert_eq!(code(until("the end", || run.try_wait().unwrap())), 7);
}
