//! Below systemd: what a real socket hears of us, and what a journal is handed.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{DEADLINE, Run, World, until};

/// An agent that beats twice, then stays, and takes a second to stop.
const AGENT: &str = r#"trap 'sleep 1; exit 0' TERM
    for n in 100 300; do echo "{\"agent\":\"t\",\"tokens_used\":$n}"; sleep 0.2; done
    while :; do sleep 0.05; done"#;

/// A supervisor above agentwatch.
struct Systemd {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Systemd {
    fn new(world: &World) -> Self {
        let socket = UnixDatagram::bind(world.path("systemd")).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        Self { socket, heard: Vec::new() }
    }

    /// Reads what is there; every line of every datagram, in order.
    fn read(&mut self) -> &[String] {
        let mut buffer = [0; 4096];
        while let Ok(count) = self.socket.recv(&mut buffer) {
            let text = String::from_utf8(buffer[..count].to_vec()).unwrap();
            self.heard.extend(text.lines().map(str::to_owned));
        }
        &self.heard
    }

    /// Waits until a line is there that starts with `line`.
    fn hears(&mut self, line: &str) {
        until(&format!("{line} in {:?}", self.heard), || {
            self.read().iter().any(|heard| heard.starts_with(line)).then_some(())
        });
    }

    fn count(&mut self, line: &str) -> usize {
        self.read().iter().filter(|heard| *heard == line).count()
    }
}

/// agentwatch below a systemd, with more variables.
fn below(world: &World, variables: &[(&str, &str)], script: &str) -> Run {
    let mut command = world.command(&["run", "--name", "t", "--", "sh", "-c", script]);
    command.env("NOTIFY_SOCKET", world.path("systemd")).envs(variables.iter().copied());
    world.spawn(command)
}

#[test]
fn ready_status_and_stopping_are_told_in_their_order() {
    let world = World::new();
    let mut systemd = Systemd::new(&world);
    let mut run = below(&world, &[], AGENT);
    systemd.hears("READY=1");
    systemd.hears("STATUS=healthy, ");
    run.beat(2);
    run.signal("TERM");
    systemd.hears("STOPPING=1");
    systemd.hears("EXTEND_TIMEOUT_USEC=");
    systemd.hears("STATUS=stopping, 200 tokens a cycle, 0/3 failures");
    assert!(run.is_running(), "told before the child had ended");
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    assert_eq!(systemd.heard[0], "READY=1", "{:?}", systemd.heard);
    assert_eq!((systemd.count("READY=1"), systemd.count("STOPPING=1")), (1, 1));
    assert_eq!(systemd.count("WATCHDOG=1"), 0, "nobody asked for it");
}

#[test]
fn ready_comes_with_the_first_beat_if_so_configured_and_in_a_cooldown_at_once() {
    let world = World::new();
    fs::write(world.path("agentwatch.toml"), "[systemd]\nready = \"beat\"\n").unwrap();
    let mut systemd = Systemd::new(&world);
    let script = "until [ -f go ]; do sleep 0.02; done; echo '{\"agent\":\"t\",\"status\":\"ok\"}'
        until [ -f end ]; do sleep 0.02; done; exit 1";
    let mut run = below(&world, &[], script);
    systemd.hears("STATUS=running");
    assert_eq!(systemd.count("READY=1"), 0, "{:?}", systemd.heard);
    fs::write(world.path("go"), "").unwrap();
    systemd.hears("READY=1");
    fs::write(world.path("end"), "").unwrap();
    systemd.hears("STATUS=cooldown, 1/3 failures");
    // Who is asked to stop owes no cooldown; who is killed does.
    run.signal("KILL");
    run.wait();

    systemd.heard.clear();
    let mut run = below(&world, &[], script);
    systemd.hears("READY=1");
    assert_eq!(run.stderr().matches("started").count(), 0, "{}", run.stderr());
    run.signal("TERM");
    run.wait();
}

#[test]
fn signs_of_life_come_from_a_loop_that_turns() {
    let world = World::new();
    let mut systemd = Systemd::new(&world);
    let run = below(&world, &[("WATCHDOG_USEC", "400000")], "exec sleep 1000");
    until("three signs of life", || (2 < systemd.count("WATCHDOG=1")).then_some(()));
    run.signal("STOP");
    until("it to stand still", || (crate::harness::state(run.pid()) == Some('T')).then_some(()));
    systemd.read();
    systemd.heard.clear();
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        assert_eq!(systemd.count("WATCHDOG=1"), 0, "a stopped agentwatch gives no sign of life");
    }
    run.signal("CONT");
    until("a sign of life again", || (0 < systemd.count("WATCHDOG=1")).then_some(()));
}

#[test]
fn a_watchdog_of_another_process_is_none_of_ours() {
    let world = World::new();
    let mut systemd = Systemd::new(&world);
    let variables = [("WATCHDOG_USEC", "20000"), ("WATCHDOG_PID", "1")];
    let _run = below(&world, &variables, AGENT);
    systemd.hears("STATUS=healthy");
    assert_eq!(systemd.count("WATCHDOG=1"), 0);
}

#[test]
fn the_variables_of_the_supervisor_above_never_reach_the_child() {
    let world = World::new();
    let systemd = Systemd::new(&world);
    let variables = [("WATCHDOG_USEC", "20000000"), ("WATCHDOG_PID", "1")];
    let mut run = below(&world, &variables, "env; exit 0");
    assert_eq!(run.wait(), 0);
    let outer = world.path("systemd").display().to_string();
    let out = run.stdout();
    assert!(!out.contains(&outer) && !out.contains("WATCHDOG_PID"), "{out}");
    assert!(!out.contains("WATCHDOG_USEC=20000000"), "{out}");
    drop(systemd);
}

#[test]
fn a_supervisor_that_takes_nothing_holds_nothing_up() {
    let world = World::new();
    let systemd = Systemd::new(&world);
    // Its queue is full: whoever waited for it would hang.
    let filler = UnixDatagram::unbound().unwrap();
    filler.set_nonblocking(true).unwrap();
    while filler.send_to(b"X=1", world.path("systemd")).is_ok() {}
    let variables = [("WATCHDOG_USEC", "100000")];
    let mut run = below(&world, &variables, AGENT);
    run.beat(2);
    // As soon as it takes words again, it is told those that count.
    let mut systemd = systemd;
    systemd.hears("READY=1");
    run.signal("TERM");
    assert_eq!(run.wait(), 0);
}

#[test]
fn an_address_that_makes_no_sense_is_said_and_survived() {
    let world = World::new();
    let mut command = world.command(&["run", "--name", "t", "--", "true"]);
    command.env("NOTIFY_SOCKET", "vsock:2:1");
    let mut run = world.spawn(command);
    assert_eq!(run.wait(), 0);
    run.says("NOTIFY_SOCKET=vsock:2:1: only a path or an @name is understood");
}

#[test]
fn without_a_watchdog_nobody_is_woken_for_a_supervisor_above() {
    let world = World::new();
    let mut systemd = Systemd::new(&world);
    let run = below(&world, &[], "exec sleep 1000");
    systemd.hears("STATUS=running");
    let switches = || {
        let status = fs::read_to_string(format!("/proc/{}/status", run.pid())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
        line.map(str::to_owned)
    };
    // What the start put off is done before anything is counted.
    let mut before = switches();
    until("a quiet moment", || {
        std::thread::sleep(Duration::from_millis(300));
        let now = switches();
        (std::mem::replace(&mut before, now.clone()) == now).then_some(())
    });
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(before, switches(), "it slept all the time");
}

/// What agentwatch says on a stderr that is, or is not, what `$JOURNAL_STREAM` tells of.
fn journal(world: &World, args: &[&str], shift: u64) -> String {
    let path = world.path("journal");
    let file = File::create(&path).unwrap();
    let seen = file.metadata().unwrap();
    let stream = format!("{}:{}", seen.dev(), seen.ino() + shift);
    let mut command: Command = world.command(args);
    let mut child = command.env("JOURNAL_STREAM", stream).stderr(file).spawn().unwrap();
    let end = Instant::now() + DEADLINE;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::read_to_string(path).unwrap()
}

#[test]
fn lines_for_the_journal_bear_their_priority_and_those_of_the_agent_are_its_own() {
    let script = "echo its own >&2; exit 7";
    let args = ["run", "--name", "t", "--cooldown", "0s", "--", "sh", "-c", script];
    let said = journal(&World::new(), &args, 0);
    for line in [
        "<6>agentwatch: t: started",
        "<4>agentwatch: t: failure 1 of 3",
        "<3>agentwatch: t: GAVE UP",
    ] {
        assert!(said.lines().any(|said| said.starts_with(line)), "{line} in {said}");
    }
    assert!(said.lines().any(|line| line == "its own"), "{said}");
    let said = journal(&World::new(), &["run", "--intervall", "5s", "true"], 0);
    assert!(!said.is_empty());
    let said = journal(&World::new(), &["run", "--name", "t", "nobody-there"], 0);
    assert!(said.lines().all(|line| line.starts_with('<')), "{said}");
    // Another stream: somebody has redirected stderr since.
    let said = journal(&World::new(), &args, 1);
    assert!(!said.contains("<6>") && said.contains("agentwatch: t: started"), "{said}");
}
