//! `--restart never`: a stand-in for tini and dumb-init, and the signals of everybody else.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use agentwatch::core::fact::{Fact, Outcome};
use nix::sys::signal::Signal;

use crate::harness::{Run, World, alive, code, has, kill, state, story, until};
use crate::pty::{NOTES_SIGNALS, noted, with_environment};

const NEVER: [&str; 2] = ["--restart", "never"];

/// `agentwatch run --restart never` of the program that notes signals, up and listening.
fn notes(world: &World, options: &[&str]) -> Run {
    fs::write(world.path("notes.py"), NOTES_SIGNALS).unwrap();
    let run = world.run(&[&NEVER[..], options].concat(), &["python3", "notes.py"]);
    until("the program", || run.stdout().contains("up").then_some(()));
    run
}

fn leave(world: &World) {
    fs::write(world.path("leave"), "").unwrap();
}

#[test]
fn every_code_is_passed_on() {
    let world = World::new();
    let start = |wanted: i32| {
        let (name, exit) = (format!("t{wanted}"), format!("exit {wanted}"));
        let args = ["run", "--name", &name, "--restart", "never", "--", "sh", "-c", &exit];
        let mut command = world.command(&args);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    for some in (0..=255).collect::<Vec<_>>().chunks(16) {
        let running: Vec<_> = some.iter().map(|wanted| (*wanted, start(*wanted))).collect();
        for (wanted, mut child) in running {
            assert_eq!(code(child.wait().unwrap()), wanted);
        }
    }
}

/// Every signal that ends a process which does nothing about it.
fn deadly() -> Vec<Signal> {
    let harmless = ["CHLD", "CONT", "URG", "WINCH", "STOP", "TSTP", "TTIN", "TTOU", "INFO"];
    let harmless = harmless.map(|name| format!("SIG{name}"));
    let mut all: Vec<_> = Signal::iterator().collect();
    all.retain(|signal| !harmless.contains(&signal.as_str().to_owned()));
    // What says that IO is possible is ignored on all but Linux.
    all.retain(|signal| cfg!(target_os = "linux") || signal.as_str() != "SIGIO");
    all
}

#[test]
fn a_child_that_dies_of_a_signal_gives_128_and_its_number() {
    let world = World::new();
    let deadly = deadly();
    assert!(deadly.len() >= 20, "{deadly:?}");
    for some in deadly.chunks(8) {
        let start = |signal: &Signal| {
            let (name, number) = (format!("t{}", *signal as i32), *signal as i32);
            let script = format!("ulimit -c 0; kill -{number} $$; sleep 1000");
            let args = ["run", "--name", &name, "--restart", "never", "--", "sh", "-c", &script];
            world.command(&args).stderr(Stdio::null()).spawn().unwrap()
        };
        let running: Vec<_> = some.iter().map(|signal| (*signal, start(signal))).collect();
        for (signal, mut child) in running {
            assert_eq!(code(child.wait().unwrap()), 128 + signal as i32, "{signal}");
        }
    }
}

#[test]
fn every_signal_reaches_the_child() {
    let world = World::new();
    let mut run = notes(&world, &[]);
    let stops = ["TERM", "INT", "QUIT"];
    // Ours: what suspends, what ends a read or a write, and what nobody can catch.
    let left_out = ["KILL", "STOP", "TSTP", "TTIN", "TTOU", "CHLD", "PIPE"];
    let left_out = [stops.as_slice(), &left_out].concat();
    let named = |signal: &Signal| signal.as_str().trim_start_matches("SIG").to_owned();
    let all: Vec<_> =
        Signal::iterator().filter(|signal| !left_out.contains(&named(signal).as_str())).collect();
    assert!(all.contains(&Signal::SIGHUP) && all.contains(&Signal::SIGSEGV));
    for (sent, signal) in all.iter().enumerate() {
        run.signal(&(*signal as i32).to_string());
        until(&format!("{signal} in {:?}", noted(&world, "signals")), || {
            (noted(&world, "signals").len() > sent).then_some(())
        });
    }
    // Python has one of two names for some, and none for others.
    let wanted: Vec<_> = all.iter().map(ToString::to_string).collect();
    let known = |name: &String| name.starts_with("SIG") && name != "SIGPOLL";
    let both = wanted.iter().zip(noted(&world, "signals"));
    let differ: Vec<_> = both.filter(|(want, got)| known(got) && *want != got).collect();
    assert!(differ.is_empty(), "{differ:?}");
    let before = all.len();
    if cfg!(target_os = "linux") {
        for number in [34, 64] {
            run.signal(&number.to_string());
        }
        until("the real-time signals", || {
            (noted(&world, "signals").len() == before + 2).then_some(())
        });
    }
    assert!(run.is_running());
    leave(&world);
    assert_eq!(run.wait(), 3);
    assert_eq!(run.stderr(), "");
}

#[test]
fn a_stop_reaches_the_group_or_the_child_alone_as_configured() {
    for (scope, sibling) in [("group", &["", "SIGCONT"][..]), ("child", &[])] {
        for name in ["TERM", "INT", "QUIT"] {
            let world = World::new();
            fs::write(world.path("notes.py"), NOTES_SIGNALS).unwrap();
            let script = "python3 notes.py sibling & exec python3 notes.py child";
            let options = [&NEVER[..], &["--stop-scope", scope]].concat();
            let mut run = world.script(&options, script);
            let up = |run: &Run| run.stdout().lines().count() == 2;
            until("both", || up(&run).then_some(()));
            run.signal(name);
            let signal = format!("SIG{name}");
            let of_child = || noted(&world, "signals-child");
            until("CONT", || of_child().contains(&"SIGCONT".to_owned()).then_some(()));
            assert_eq!(of_child(), [&signal, "SIGCONT"]);
            let wanted: Vec<_> =
                sibling.iter().map(|one| if one.is_empty() { &signal } else { *one }).collect();
            until(&format!("{wanted:?} for the sibling"), || {
                (noted(&world, "signals-sibling") == wanted).then_some(())
            });
            leave(&world);
            assert_eq!(run.wait(), 3);
        }
    }
}

#[test]
fn a_hangup_without_a_terminal_is_no_stop() {
    let world = World::new();
    fs::write(world.path("notes.py"), NOTES_SIGNALS).unwrap();
    // Where the tests run, there may be one.
    let mut command = with_environment(&world, &["python3", "-c", DETACHED]);
    command.args(["run", "--name", "t", "--beats", "none", "--", "python3", "notes.py"]);
    let run = world.spawn(command);
    until("the program", || run.stdout().contains("up").then_some(()));
    for n in 1..=2 {
        run.signal("HUP");
        until("HUP", || (noted(&world, "signals").len() == n).then_some(()));
    }
    assert_eq!(noted(&world, "signals"), ["SIGHUP", "SIGHUP"]);
    let stopping = |fact: &Fact| matches!(fact, Fact::Stopping { .. });
    assert!(!world.facts().iter().any(stopping), "{}", story(&world.facts()));
}

/// Becomes agentwatch in a session without a terminal.
const DETACHED: &str =
    "import os, sys; os.setsid(); os.execv(os.environ['AW'], ['aw'] + sys.argv[1:])";

#[test]
fn tstp_suspends_wrapper_and_child_and_cont_resumes_both() {
    let world = World::new();
    let mut run = world.run(&NEVER, &["sleep", "1000"]);
    let both = [run.pid(), run.started(1)];
    let stopped = |wanted: bool| {
        until(&format!("both are stopped: {wanted}"), || {
            both.iter().all(|pid| (state(*pid) == Some('T')) == wanted).then_some(())
        });
    };
    for _ in 0..3 {
        run.signal("TSTP");
        stopped(true);
        run.signal("CONT");
        stopped(false);
    }
    run.signal("TERM");
    assert_eq!(run.wait(), 143);
}

#[test]
fn the_whole_tree_has_ended_before_the_wrapper_leaves() {
    if !has("setsid") {
        return;
    }
    let world = World::new();
    let script = "setsid sh -c 'echo $$ >pid; exec sleep 1000' & while ! [ -s pid ]; do sleep 0.01; done; exit 5";
    let mut run = world.script(&NEVER, script);
    assert_eq!(run.wait(), 5);
    let stray: i32 = fs::read_to_string(world.path("pid")).unwrap().trim().parse().unwrap();
    assert!(!alive(stray), "{}", story(&world.facts()));
}

#[test]
fn the_working_directory_is_the_childs_and_not_ours() {
    if !fs::exists("/proc/self/cwd").unwrap() {
        return;
    }
    let world = World::new();
    let run = world.run(&NEVER, &["sleep", "1000"]);
    let of = |pid: i32| fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
    until("/ as our own directory", || (of(run.pid()).as_os_str() == "/").then_some(()));
    assert_eq!(of(run.started(1)), world.dir.canonicalize().unwrap());
}

#[test]
fn who_dies_of_a_signal_that_was_passed_on_is_restarted_without_a_strike() {
    let world = World::new();
    let options = ["--beats", "none", "--cooldown", "20ms", "--max-failures", "1"];
    let mut run = world.run(&options, &["sleep", "1000"]);
    for n in 1..=2 {
        run.started(n);
        run.signal("USR1");
    }
    let third = run.started(3);
    let outcomes: Vec<_> = world
        .facts()
        .into_iter()
        .filter_map(
            |fact| if let Fact::Exited { outcome, .. } = fact { Some(outcome) } else { None },
        )
        .collect();
    assert_eq!(outcomes, [Outcome::Signalled, Outcome::Signalled]);
    // The same signal from somebody else is an accident like any other.
    kill(third, "USR1");
    assert_eq!(run.wait(), 69, "{}", run.stderr());
}

/// The set of signals that a line of /proc/self/status names in `stdout`.
fn set(stdout: &[u8], line: &str) -> u64 {
    let text = String::from_utf8_lossy(stdout).into_owned();
    let found = text.lines().find_map(|l| l.strip_prefix(line));
    u64::from_str_radix(found.unwrap_or_else(|| panic!("{line} in {text}")).trim(), 16).unwrap()
}

fn bit(signal: Signal) -> u64 {
    1 << (signal as i32 - 1)
}

#[test]
fn the_child_gets_the_dispositions_and_the_mask_of_the_start() {
    if !fs::exists("/proc/self/status").unwrap() {
        return;
    }
    let world = World::new();
    let show = |ignored: &[Signal], blocked: &[Signal]| {
        let numbers = |signals: &[Signal]| {
            signals.iter().map(|signal| (*signal as i32).to_string()).collect::<Vec<_>>().join(" ")
        };
        let mut command = with_environment(&world, &["python3", "-c", PREPARED]);
        command.env("IGNORED", numbers(ignored)).env("BLOCKED", numbers(blocked));
        command.args(["run", "--name", "t", "--restart", "never", "--"]);
        let output = command.args(["grep", "^Sig", "/proc/self/status"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        [set(&output.stdout, "SigIgn:"), set(&output.stdout, "SigBlk:")]
    };
    // What the tests themselves were started with is in all of them.
    let [plain, unblocked] = show(&[], &[]);
    assert_eq!(unblocked, 0);
    for signal in
        [Signal::SIGPIPE, Signal::SIGHUP, Signal::SIGCHLD, Signal::SIGTSTP, Signal::SIGTERM]
    {
        assert_eq!(plain & bit(signal), 0, "{signal} is as by default");
        assert_eq!(show(&[signal], &[]), [plain | bit(signal), 0], "{signal} is ignored");
        assert_eq!(show(&[], &[signal]), [plain, bit(signal)], "{signal} is blocked");
    }
}

/// Becomes agentwatch with signals ignored and blocked, and the others as they should be.
const PREPARED: &str = r"
import os, signal, sys
numbers = lambda name: [int(word) for word in os.environ[name].split()]
for number in [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT]: signal.signal(number, signal.SIG_DFL)
for number in numbers('IGNORED'): signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_SETMASK, numbers('BLOCKED'))
os.execv(os.environ['AW'], ['aw'] + sys.argv[1:])
";

#[test]
fn what_nohup_ignores_is_ignored_in_both() {
    let world = World::new();
    let script = "trap '' HUP USR2; exec \"$AW\" run --name t --restart never -- sleep 1000";
    let mut run = world.spawn(with_environment(&world, &["sh", "-c", script]));
    let child = run.started(1);
    for pid in [child, run.pid()] {
        for signal in ["HUP", "USR2"] {
            kill(pid, signal);
        }
    }
    run.signal("TERM");
    assert_eq!(run.wait(), 143, "TERM ended it and nothing before");
    let passed = world.facts().into_iter().filter(|fact| matches!(fact, Fact::SignalPassed { .. }));
    assert_eq!(passed.count(), 0);
}

#[test]
fn it_gives_the_codes_that_tini_and_dumb_init_give() {
    let inits: Vec<_> = ["tini", "dumb-init"].into_iter().filter(|init| has(init)).collect();
    let world = World::new();
    fs::write(world.path("plain"), "no program").unwrap();
    let scripts =
        ["exit 0", "exit 3", "exit 255", "kill -9 $$", "kill -TERM $$", "false", "exec true"];
    let scripts = scripts.map(|script| vec!["sh", "-c", script]);
    let background = vec!["sh", "-c", "sleep 0.2 & exit 4"];
    let swallows = vec!["sh", "-c", "trap 'exit 6' TERM; kill -TERM $$; exit 7"];
    let commands = scripts.into_iter().chain([background, swallows]);
    for command in commands {
        let ours = world
            .output(&[&["run", "--name", "t", "--restart", "never", "--"], &command[..]].concat());
        for init in &inits {
            let theirs = Command::new(init)
                .arg("--")
                .args(&command)
                .current_dir(&world.dir)
                .stderr(Stdio::null())
                .output()
                .unwrap();
            assert_eq!(code(ours.status), code(theirs.status), "{init}: {command:?}");
        }
    }
    // What cannot be started at all: dumb-init gives 2 for both, tini what a shell gives.
    for command in ["no-such-command-here", "./plain"] {
        let ours = world.output(&["run", "--name", "t", "--restart", "never", "--", command]);
        for init in inits.iter().filter(|init| **init == "tini") {
            let mut tini = Command::new(init);
            let theirs = tini.args(["--", command]).current_dir(&world.dir).output().unwrap();
            assert_eq!(code(ours.status), code(theirs.status), "{init}: {command:?}");
        }
    }
}

#[test]
fn it_stops_as_tini_and_dumb_init_do() {
    let inits: Vec<_> = ["tini", "dumb-init"].into_iter().filter(|init| has(init)).collect();
    let script = "trap 'exit 8' TERM; trap 'exit 9' INT; trap 'exit 10' USR1; trap 'exit 11' HUP; \
                  echo up; while :; do sleep 0.02; done";
    for signal in ["TERM", "INT", "USR1", "HUP", "QUIT"] {
        let mut codes = BTreeSet::new();
        let world = World::new();
        // Job control off and no terminal: as in a container.
        let detached = |program: &str, args: &[&str]| {
            let mut command = with_environment(&world, &["python3", "-c", DETACHED]);
            command.args(args);
            if program != "agentwatch" {
                command.env("AW", program);
            }
            command
        };
        let ours = detached(
            "agentwatch",
            &["run", "--name", "t", "--restart", "never", "--", "sh", "-c", script],
        );
        let theirs = inits.iter().map(|init| detached(&which(init), &["--", "sh", "-c", script]));
        for command in std::iter::once(ours).chain(theirs) {
            let mut run = world.spawn(command);
            until("the trap", || run.stdout().contains("up").then_some(()));
            run.signal(signal);
            codes.insert(run.wait());
        }
        assert_eq!(codes.len(), 1, "{signal}: {codes:?}");
    }
}

fn which(program: &str) -> String {
    let output =
        Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
