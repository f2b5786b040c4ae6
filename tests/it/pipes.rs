//! Standard input, output and error: slow, full, closed, shared, and what they may not change.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::process::Stdio;

use agentwatch::core::fact::{Fact, Outcome};

use crate::harness::{World, code, story, until};

/// CPU time of a process in clock ticks.
fn ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace().collect())
        .unwrap_or_default();
    let field = |n: usize| fields.get(n).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    field(11) + field(12)
}

#[test]
fn the_last_beat_of_a_child_that_dies_unread_is_heard_before_its_end() {
    let world = World::new();
    // More than our pipe takes, then the announcement, which stays in the child's own.
    let script = "head -c 90000 /dev/zero; echo
        echo '{\"agent\":\"t\",\"status\":\"shutting_down\",\"tokens_used\":1}'; exit 0";
    let args = ["run", "--name", "t", "--restart", "always", "--", "sh", "-c", script];
    let mut child =
        world.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let outcome = until("its end, with nobody reading", || {
        world.facts().into_iter().find_map(|fact| match fact {
            Fact::Exited { outcome, .. } => Some(outcome),
            _ => None,
        })
    });
    assert_eq!(outcome, Outcome::Finished, "{}", story(&world.facts()));
    let mut all = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut all).unwrap();
    assert_eq!(code(child.wait().unwrap()), 0);
    assert!(all[..90_000].iter().all(|byte| *byte == 0), "the order holds");
    assert!(all[90_000..].starts_with(b"\n{\"agent\""));
}

#[test]
fn the_flags_of_what_was_inherited_are_never_changed() {
    let world = World::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let file = std::fs::File::create(world.path("file")).unwrap();
    let flags = |fd: i32| {
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap_or_default();
        text.lines().find(|line| line.starts_with("flags:")).map(str::to_owned)
    };
    let before = [flags(writer.as_raw_fd()), flags(file.as_raw_fd())];
    let args = ["run", "--name", "t", "--beats", "none", "--", "sh", "-c", "echo out; read x"];
    let mut command = world.command(&args);
    command.stdin(Stdio::piped());
    command.stdout(writer.as_fd().try_clone_to_owned().unwrap());
    command.stderr(file.as_fd().try_clone_to_owned().unwrap());
    let mut child = command.spawn().unwrap();
    let mut out = [0; 4];
    (&reader).read_exact(&mut out).unwrap();
    assert_eq!([flags(writer.as_raw_fd()), flags(file.as_raw_fd())], before);
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    child.wait().unwrap();
    assert_eq!([flags(writer.as_raw_fd()), flags(file.as_raw_fd())], before);
}

#[test]
fn a_shared_stderr_that_somebody_makes_non_blocking_loses_nothing_and_burns_nothing() {
    if !crate::harness::has("python3") {
        return;
    }
    let world = World::new();
    let (reader, writer) = std::io::pipe().unwrap();
    // As Node does: the flag is set on what everybody shares, and the pipe is full.
    let fill = "import os,fcntl
fcntl.fcntl(2,fcntl.F_SETFL,fcntl.fcntl(2,fcntl.F_GETFL)|os.O_NONBLOCK)
try:
    while True: os.write(2,b'x'*4096)
except BlockingIOError: pass";
    let mut filler = std::process::Command::new("python3");
    filler.args(["-c", fill]).stderr(writer.as_fd().try_clone_to_owned().unwrap());
    assert!(filler.status().unwrap().success());
    drop(filler);
    let script = "for n in 1 2 3 4 5; do echo line-$n >&2; done; echo done >done; sleep 1000";
    let args = ["run", "--name", "t", "--beats", "none", "--", "sh", "-c", script];
    let mut command = world.command(&args);
    command.stderr(writer);
    let mut child = command.spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    until("the child's last line", || world.path("done").exists().then_some(()));
    let (before, begin) = (ticks(pid), std::time::Instant::now());
    until("a second", || (begin.elapsed().as_millis() > 1000).then_some(()));
    let burnt = ticks(pid) - before;
    assert!(burnt < 20, "{burnt} ticks in a second of waiting for space");
    let lines = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = (&reader).read_to_end(&mut text);
        String::from_utf8_lossy(&text).trim_start_matches('x').to_owned()
    });
    crate::harness::kill(pid, "TERM");
    child.wait().unwrap();
    drop(command);
    let text = lines.join().unwrap();
    for n in 1..=5 {
        assert!(text.contains(&format!("line-{n}\n")), "{text}");
    }
}

#[test]
fn closed_and_full_streams_hurt_nobody() {
    let world = World::new();
    let binary = world.command(&[]).get_program().to_owned();
    for (redirect, wanted) in [
        (">&-", 5),
        ("2>&-", 5),
        ("<&- >&- 2>&-", 5),
        (">/dev/full", 5),
        ("2>/dev/full", 5),
        (">/dev/full 2>/dev/full", 5),
    ] {
        for options in ["--restart never", "--beats none"] {
            let script = format!(
                "\"$AW\" run --name t {options} --max-failures 1 -- sh -c 'echo out; echo err >&2; exit 5' {redirect}"
            );
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", &script]).current_dir(&world.dir).env("AW", &binary);
            shell.env("AGENTWATCH_STATE_DIR", world.path("state")).env("HOME", &world.dir);
            let output = shell.output().unwrap();
            let wanted = if options == "--restart never" { wanted } else { 69 };
            assert_eq!(output.status.code(), Some(wanted), "{script}");
            let _ = std::fs::remove_dir_all(world.path("state"));
        }
    }
}

#[test]
fn a_reader_that_went_away_is_the_wrapped_commands_affair() {
    let world = World::new();
    let script = "trap 'echo pipe >signal; exit 3' PIPE; while echo x; do :; done; echo failed >signal; exit 4";
    let args = ["run", "--name", "t", "--restart", "never", "--", "sh", "-c", script];
    let mut command = world.command(&args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = code(child.wait().unwrap());
    assert!([3, 4].contains(&ended), "it saw what it would see without us: {ended}");
    assert!(world.path("signal").exists());
}

#[test]
fn stdin_is_inherited_nothing_or_a_file_that_is_opened_anew() {
    let world = World::new();
    std::fs::write(world.path("input"), "first line\n").unwrap();
    let copy =
        "cat >>seen; echo end >>seen; [ -e second ] && exec sleep 1000; touch second; exit 1";
    let run = world.script(&["--stdin", "input", "--beats", "none", "--cooldown", "0s"], copy);
    until("two readings of it", || {
        let seen = std::fs::read_to_string(world.path("seen")).unwrap_or_default();
        (seen == "first line\nend\nfirst line\nend\n").then_some(())
    });
    drop(run);

    let world = World::new();
    let args = |stdin: &'static str| ["run", "--name", "t", "--stdin", stdin, "--", "cat"];
    assert_eq!(world.output(&args("null")).status.code(), Some(0));
    let mut command = world.command(&args("inherit"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"typed\n");

    let output = world.output(&args("no-such-file"));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(78), "{stderr}");
    assert!(stderr.contains("no-such-file") && stderr.contains("stdin"), "{stderr}");
}
