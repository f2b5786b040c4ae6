//! The notify socket, as clients of `sd_notify` use it, and as others may try to.

use std::fs;

use agentwatch::core::fact::Fact;
use agentwatch::core::notice::Extended;

use crate::harness::{Run, World, has, story, until};
use crate::roads::{bad_beats, beats};

/// A client of a few lines: sends each of its arguments as a datagram.
const CLIENT: &str = "import os, socket, sys\n\
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
    s.connect(os.environ['NOTIFY_SOCKET'])\n\
    for text in sys.argv[1:]: s.send(text.encode().decode('unicode_escape').encode('latin-1'))\n";

impl World {
    /// A script that finds the client as `client.py`.
    fn notifying(&self, options: &[&str], script: &str) -> Run {
        fs::write(self.path("client.py"), CLIENT).unwrap();
        self.script(options, &format!("notify() {{ python3 client.py \"$@\"; }}\n{script}"))
    }
}

fn count(facts: &[Fact], is: impl Fn(&Fact) -> bool) -> usize {
    facts.iter().filter(|fact| is(fact)).count()
}

#[test]
fn words_pings_and_whole_beats_come_through() {
    let world = World::new();
    let script = r"
        notify 'STATUS=loading' 'READY=1\nSTATUS=up' WATCHDOG=1 \
            'X_AGENTWATCH_TOKENS=1234\nX_AGENTWATCH_CYCLE=3\nSTATUS=page 3' 'X_AGENTWATCH_TOKENS=-1' \
            'BARRIER=1' 'FDSTORE=1' 'MAINPID=1' 'READY=1' 'STOPPING=1'";
    let mut run = world.notifying(&[], script);
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    let facts = world.facts();
    let words: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Notified { ready, message, .. } => Some((*ready, message.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(words, [(false, Some("loading".into())), (true, Some("up".into()))]);
    let told: Vec<_> =
        beats(&facts).iter().map(|beat| (beat.status.clone(), beat.tokens, beat.cycles)).collect();
    let want =
        [("busy", None, 0), ("ok", Some(1234), 1), ("busy", None, 0), ("shutting_down", None, 0)];
    assert_eq!(told, want.map(|(word, tokens, cycles)| (word.into(), tokens, cycles)));
    assert_eq!(beats(&facts)[1].message.as_deref(), Some("page 3"));
    assert!(bad_beats(&facts)[0].contains("tokens_used is -1"), "{}", story(&facts));
    run.says("finished as announced");
}

#[test]
fn a_triggered_watchdog_is_a_failure_at_once() {
    let world = World::new();
    let mut run = world.notifying(&["--cooldown", "1h"], "notify WATCHDOG=trigger; sleep 1000");
    run.says("said itself that it hangs (WATCHDOG=trigger)");
    run.signal("TERM");
    run.wait();
}

#[test]
fn more_time_to_stop_is_given_and_bounded() {
    let world = World::new();
    let script = r"
        trap 'notify EXTEND_TIMEOUT_USEC=60000000; sleep 2; echo done >done; exit 0' TERM
        notify READY=1; while :; do sleep 0.1; done";
    let mut run = world.notifying(&["--stop-timeout", "1s"], script);
    run.fact("ready", 1, |fact| matches!(fact, Fact::Notified { .. }).then_some(()));
    run.signal("TERM");
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    assert!(world.path("done").exists());
    let extended = |fact: &Fact| matches!(fact, Fact::Extended { what: Extended::Stop, .. });
    assert_eq!(count(&world.facts(), extended), 1);

    let options = ["--stop-timeout", "1s", "--shutdown-grace", "2s"];
    let world = World::new();
    let mut run = world.notifying(&options, &script.replace("sleep 2", "sleep 1000"));
    run.fact("ready", 1, |fact| matches!(fact, Fact::Notified { .. }).then_some(()));
    run.signal("TERM");
    assert_eq!(run.wait(), 137, "rule 8: stop always ends");
}

#[test]
fn descriptors_that_come_along_are_closed_and_none_is_kept() {
    let world = World::new();
    fs::write(
        world.path("fds.py"),
        "import array, os, socket\n\
         s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
         s.connect(os.environ['NOTIFY_SOCKET'])\n\
         for n in (1, 2, 200):\n\
         \x20 for text in (b'BARRIER=1', b'FDSTORE=1', b'WATCHDOG=1', b''):\n\
         \x20   r, w = os.pipe()\n\
         \x20   fds = array.array('i', [w] * n)\n\
         \x20   s.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])\n\
         \x20   os.close(w)\n\
         \x20   assert os.read(r, 1) == b''\n\
         \x20   os.close(r)\n\
         open('sent', 'w').close()\n\
         import time; time.sleep(1000)\n",
    )
    .unwrap();
    let run = world.run(&[], &["python3", "fds.py"]);
    run.started(1);
    run.says("started");
    let open = || match fs::read_dir(format!("/proc/{}/fd", run.pid())) {
        Ok(fds) => fds.count(),
        Err(_) => 0,
    };
    let before = open();
    until(&format!("a barrier passed {}", run.stderr()), || {
        world.path("sent").exists().then_some(())
    });
    run.beat(1);
    // What is opened lazily meanwhile: the journal, the control socket, the memory events.
    assert!(open() <= before + 4, "{before} descriptors before, {} after", open());
}

#[test]
fn too_long_broken_and_flooding_datagrams_are_bad_beats_and_no_more() {
    let world = World::new();
    fs::write(
        world.path("flood.py"),
        "import os, socket\n\
         s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
         s.connect(os.environ['NOTIFY_SOCKET'])\n\
         for text in (b'x' * 5000, b'READY=1\\0X', b'STATUS=\\xff', b'EXTEND_TIMEOUT_USEC=soon'): s.send(text)\n\
         for n in range(20000): s.send(b'X_AGENTWATCH_TOKENS=%d' % n)\n",
    )
    .unwrap();
    let mut run = world.run(&["--restart", "never"], &["python3", "flood.py"]);
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    let facts = world.facts();
    assert!(bad_beats(&facts)[0].contains("longer than 4096 bytes"), "{}", story(&facts));
    let sum: u64 = beats(&facts).iter().filter_map(|beat| beat.tokens).sum();
    assert_eq!(sum, (0..20_000).sum::<u64>());
}

/// Whether tests can become another user.
fn can_become() -> bool {
    has("setpriv")
        && fs::metadata("/proc/self").is_ok_and(|us| {
            use std::os::unix::fs::MetadataExt as _;
            us.uid() == 0
        })
}

#[test]
fn a_forged_sender_is_refused_and_an_agent_that_gave_up_root_is_heard() {
    if !can_become() {
        return;
    }
    // Python itself may be where nobody else can read it: the program of systemd is not.
    if !has("systemd-notify") {
        return;
    }
    let drop = "setpriv --reuid 12345 --regid 12345 --clear-groups";
    let world = World::new();
    let script = format!("{drop} systemd-notify WATCHDOG=1; sleep 1000");
    let run = world.script(&[], &script);
    let reason = run.fact("refused", 1, |fact| match fact {
        Fact::BadBeat { reason, .. } => Some(reason.clone()),
        _ => None,
    });
    assert!(reason.contains("from user 12345 was refused"), "{reason}");
    assert_eq!(beats(&world.facts()), []);

    let world = World::new();
    let run =
        world.script(&[], &format!("exec {drop} sh -c 'systemd-notify WATCHDOG=1; sleep 1000'"));
    run.beat(1);
    assert_eq!(bad_beats(&world.facts()), [] as [&str; 0]);
}

#[test]
fn who_pings_as_asked_is_never_late() {
    let world = World::new();
    fs::write(
        world.path("ping.py"),
        "import os, socket, time\n\
         s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
         s.connect(os.environ['NOTIFY_SOCKET'])\n\
         for n in range(12):\n\
         \x20 s.send(b'WATCHDOG=1'); time.sleep(int(os.environ['WATCHDOG_USEC']) / 2e6)\n",
    )
    .unwrap();
    let mut run =
        world.run(&["--interval", "800ms", "--restart", "never"], &["python3", "ping.py"]);
    assert_eq!(run.wait(), 0);
    let facts = world.facts();
    assert_eq!(beats(&facts).len(), 12, "{}", story(&facts));
    assert_eq!(count(&facts, |fact| matches!(fact, Fact::Late { .. } | Fact::Unhealthy { .. })), 0);
}
