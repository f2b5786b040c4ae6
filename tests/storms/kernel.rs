//! Faults where the kernel meets us: agentwatch goes on or refuses clearly, loses nothing and never hangs.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use agentwatch::core::fact::{Fact, Severity};
use agentwatch::core::incident::Trouble;

use crate::harness::{Run, World, alive, has, kill, records, until};
use crate::killed::{can_storm, lines_are_whole, names, seeded};
use crate::rounds;

/// Beats once and fails: a storm of restarts.
const FAILS: &str =
    r#"echo $AGENTWATCH_INCARNATION >>starts; echo '{"agent":"a","status":"ok"}'; exit 1"#;

/// Beats for ever.
const BEATS: &str = r#"echo $$ >>starts
    while :; do echo '{"agent":"a","status":"ok","tokens_used":1}'; sleep 0.02; done"#;

fn starts(world: &World) -> usize {
    fs::read_to_string(world.path("starts")).unwrap_or_default().lines().count()
}

fn count(world: &World, pick: impl Fn(&Fact) -> bool) -> usize {
    world.facts().iter().filter(|fact| pick(fact)).count()
}

fn exits(world: &World) -> usize {
    count(world, |fact| matches!(fact, Fact::Exited { .. }))
}

/// A program from elsewhere without which there is nothing to see.
fn need(program: &str, package: &str) {
    let there = has(program);
    assert!(there, "{program} is missing: apt-get install {package}");
}

/// What one agentwatch makes of a call of the kernel that fails.
struct Fault {
    /// For strace: which calls, and what becomes of them.
    inject: &'static str,
    /// Of five starts, how many come to an agent.
    starts: usize,
    /// What is said.
    says: &'static str,
}

const fn fault(inject: &'static str, starts: usize, says: &'static str) -> Fault {
    Fault { inject, starts, says }
}

/// What a faulty disk, a full table or an old kernel answers. `A+B` is the Ath call and each Bth after it.
const FAULTS: &[Fault] = &[
    fault("write:error=ENOSPC:when=3+4", 5, ""),
    fault("write:error=EIO:when=4+3", 5, ""),
    fault("write:error=EINTR:when=1+2", 5, "GAVE UP after 5"),
    fault("read:error=EINTR:when=6+3", 5, "GAVE UP after 5"),
    fault("poll,ppoll:error=EINTR:when=1+2", 5, "GAVE UP after 5"),
    fault("wait4:error=EINTR:when=1+2", 5, "GAVE UP after 5"),
    fault("openat:error=EIO:when=10+2", 5, "GAVE UP after 5"),
    fault("openat:error=EMFILE:when=12+3", 5, "GAVE UP after 5"),
    fault("openat:error=EINTR:when=12+3", 5, "GAVE UP after 5"),
    fault("fsync,rename:error=EIO", 5, "cannot write state.json"),
    fault("rename:error=ENOSPC:when=2+2", 5, "state.json can be written again"),
    fault("mkdir:error=EACCES", 5, "cannot write the journal"),
    fault("flock:error=ENOLCK", 5, "No locks available"),
    fault("clone,clone3,vfork,fork:error=EAGAIN:when=1..2", 3, "cannot make a process"),
    fault("clone,clone3,vfork,fork:error=ENOMEM:when=2+2", 3, "cannot make a process"),
    fault("timerfd_create:error=EMFILE", 5, "GAVE UP after 5"),
    fault("socket,bind,mknodat,mknod:error=EACCES", 5, "no control socket"),
    fault("pidfd_open,pidfd_send_signal:error=ENOSYS", 5, "GAVE UP after 5"),
    fault("prctl:error=EPERM", 5, "GAVE UP after 5"),
    fault("getdents64:error=EIO", 5, "GAVE UP after 5"),
    fault("chdir:error=EACCES", 5, "GAVE UP after 5"),
    fault("lseek:error=EIO", 5, "GAVE UP after 5"),
    fault("signalfd4:error=EMFILE", 0, "cannot catch signals: Too many open files"),
];

#[test]
fn faults_of_single_calls_stop_nothing() {
    if !can_storm() {
        return;
    }
    need("strace", "strace");
    let begin = Instant::now();
    for fault in FAULTS {
        let calls = fault.inject.split(':').next().unwrap();
        let (trace, inject) = (format!("trace={calls}"), format!("inject={}", fault.inject));
        // The tracer stands aside: what agentwatch starts is its own, and is not tampered with.
        let strace = ["strace", "-D", "-qq", "-o", "trace", "-e", &trace, "-e", &inject];
        let world = World::new();
        let run = ["run", "--name", "t", "--cooldown", "10ms", "--max-failures", "5", "--"];
        let args: Vec<&str> = run.into_iter().chain(["sh", "-c", FAILS]).collect();
        let mut run = world.spawn(world.within(&strace, &args));
        let code = run.wait();
        let stderr = run.stderr();
        let of = format!("{}: {stderr}", fault.inject);
        assert_eq!(code, if fault.starts == 0 { 125 } else { 69 }, "{of}");
        assert_eq!(starts(&world), fault.starts, "{of}");
        assert!(stderr.contains(fault.says), "{of}");
        let injected = fs::read_to_string(world.path("trace")).unwrap();
        assert!(injected.contains("INJECTED") || calls.starts_with("pidfd"), "{of}");
        // What could be written at the end was: nothing that happened is missing.
        if fault.starts > 0 && !["mkdir", "openat", "write"].contains(&calls) {
            lines_are_whole(&world.agent());
            assert_eq!(exits(&world), 5, "{of}");
        }
    }
    println!("{} faults in {:.1?}", FAULTS.len(), begin.elapsed());
}

#[test]
fn a_limit_of_descriptors_is_refused_or_enough() {
    if !can_storm() {
        return;
    }
    for limit in (4..44).step_by(3).chain([39, 40]) {
        let world = World::new();
        let limited = format!("--nofile={limit}");
        let options = ["run", "--name", "t", "--cooldown", "5ms", "--max-failures", "4", "--"];
        let args: Vec<&str> = options.into_iter().chain(["sh", "-c", FAILS]).collect();
        let mut run = world.spawn(world.within(&["prlimit", &limited], &args));
        let code = run.wait();
        if limit < 40 {
            assert_eq!((code, starts(&world)), (125, 0), "{limit}: {}", run.stderr());
            assert!(run.stderr().contains("open files"), "{limit}: {}", run.stderr());
            assert_eq!(run.stderr().lines().count(), 1, "{}", run.stderr());
        } else {
            assert_eq!((code, starts(&world)), (69, 4), "{limit}: {}", run.stderr());
        }
    }
}

/// The CPU time of a process in hundredths of a second.
fn ticks(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn descriptors(pid: i32) -> Vec<i32> {
    let fds = names(&PathBuf::from(format!("/proc/{pid}/fd")));
    fds.iter().filter_map(|fd| fd.parse().ok()).collect()
}

#[test]
fn descriptors_that_run_out_in_mid_life_come_back() {
    if !can_storm() {
        return;
    }
    for stray in [false, true] {
        descriptors_run_out(stray);
    }
}

/// `stray`: something is left of the old tree, and cannot be looked for without a descriptor.
fn descriptors_run_out(stray: bool) {
    let world = World::new();
    let leaves = if stray { "setsid sleep 1001 &" } else { "" };
    let script = format!("exec 9>one; flock -n 9 || echo >>screams; {leaves} exec 9>&-; {BEATS}");
    let run = world.script(&["--cooldown", "50ms", "--max-failures", "1000"], &script);
    run.beat(3);
    let limit = |nofile: i32| {
        let (pid, nofile) = (run.pid().to_string(), format!("--nofile={nofile}:"));
        assert!(Command::new("prlimit").args(["--pid", &pid, &nofile]).status().unwrap().success());
    };
    let open = descriptors(run.pid());
    limit((3..1024).find(|fd| !open.contains(fd)).unwrap());
    // Whoever asks for something is not heard, which must cost no CPU.
    let socket = names(&world.path("run")).into_iter().find(|name| !name.contains('-'));
    let socket = world.path("run").join(socket.unwrap());
    let clients: Vec<UnixStream> = (0..20).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    let (begin, before) = (Instant::now(), ticks(run.pid()));
    until("a second", || (begin.elapsed().as_millis() > 1000).then_some(()));
    let used = ticks(run.pid()) - before;
    assert!(used <= 30, "{used} hundredths of a second of CPU in one second");
    kill(run.started(1), "KILL");
    run.says("failure 1 of");
    if !stray {
        run.says("Too many open files");
        let failed = |fact: &Fact| matches!(fact, Fact::SpawnFailed { .. }).then_some(());
        run.fact("a failed start", 2, failed);
    }
    let begin = Instant::now();
    until("a while", || (begin.elapsed().as_millis() > 300).then_some(()));
    limit(1024);
    run.started(2);
    drop(clients);
    goes_on(&run, &world);
    assert!(!world.path("screams").exists(), "something of the old tree was left");
    let mut stop = world.command(&["stop", "t"]).stdout(Stdio::null()).spawn().unwrap();
    until("an answer", || stop.try_wait().unwrap());
}

#[test]
fn a_long_life_gains_no_descriptor_and_no_file() {
    if !can_storm() {
        return;
    }
    let (begin, few) = (Instant::now(), usize::try_from(rounds(300)).unwrap());
    let world = World::new();
    let text = "[restart]\ncooldown = \"0s\"\nmax_failures = 1000\nmax_failures_per_day = 10000\n\
                [log]\nfile = \"kept\"\n";
    fs::write(world.path("agentwatch.toml"), text).unwrap();
    let script = format!(
        "(sleep 0.01; echo left) & [ -p $AGENTWATCH_PIPE ] && echo '{{}}' >$AGENTWATCH_PIPE; {FAILS}"
    );
    let run = world.script(&[], &script);
    // At the quietest moment: how many are in passing is up to the load of the machine.
    let mut least = [usize::MAX; 2];
    for (at, after) in [few / 10, few].into_iter().enumerate() {
        while starts(&world) < after {
            // Else its streak ends it.
            let seen = starts(&world);
            world.output(&["resume", "t"]);
            until("starts", || (after.min(seen + 100) <= starts(&world)).then_some(()));
        }
        for _ in 0..50 {
            let held = descriptors(run.pid()).len() + names(&world.path("run")).len();
            least[at] = least[at].min(held);
            sleep(Duration::from_millis(2));
        }
        assert!(world.output(&["resume", "t"]).status.code().is_some());
    }
    assert!(least[1] <= least[0] + 2, "{least:?}");
    println!("{} starts in one life in {:.1?}: {least:?}", starts(&world), begin.elapsed());
}

fn can_mount() -> bool {
    let can = can_storm()
        && has("unshare")
        && Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|o| o.status.success());
    if !can {
        println!("SKIPPED: mount namespaces are not allowed here");
    }
    can
}

#[test]
fn a_disk_that_fills_and_empties_again_and_again_loses_nothing() {
    if !can_mount() {
        return;
    }
    let begin = Instant::now();
    let mut all = 0;
    for _ in 0..rounds(1) {
        all += full_disks(false) + full_disks(true);
    }
    println!("{} full disks, {all} starts in {:.1?}", rounds(1) * 30, begin.elapsed());
}

/// Fills the disk fifteen times, in each second round but for a page, so that lines are cut off where it ends;
/// `killed`: and kills agentwatch each time. Gives how many agents were started.
fn full_disks(killed: bool) -> usize {
    let world = World::new();
    fs::create_dir_all(world.path("state")).unwrap();
    let text = "[restart]\ncooldown = \"10ms\"\nmax_failures = 1000\nmax_failures_per_day = 1000\n\
        [alert]\nsinks = [\"exec:cat >>told\"]\n";
    fs::write(world.path("agentwatch.toml"), text).unwrap();
    fs::write(world.path("agent"), format!("exec 9>one; flock -n 9 || echo >screams; {FAILS}"))
        .unwrap();
    let bin = env!("CARGO_BIN_EXE_agentwatch");
    let kill = if killed { "kill -9 $!; wait $!; begin;" } else { "" };
    let script = format!(
        "mount -t tmpfs -o size=1m tmpfs state
        begin() {{ {bin} run --name t -- sh agent >/dev/null 2>>err & }}; begin
        until [ -e starts ]; do sleep 0.01; done
        for n in $(seq 15); do
            head -c 2000000 /dev/zero >state/filler 2>/dev/null
            [ $((n % 2)) = 0 ] && truncate -s -4096 state/filler
            sleep 0.1; {kill} sleep 0.05; rm state/filler; sleep 0.05
        done
        kill $!; wait $!; echo $? >code; {bin} deliver --agent t >/dev/null; cp -r state after"
    );
    let done = world.within(&["unshare", "-m", "bash", "-c", &script], &[]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let stderr = fs::read_to_string(world.path("err")).unwrap();
    assert!(stderr.contains("No space left"), "{stderr}");
    assert!(!world.path("screams").exists(), "two at once");
    fs::rename(world.path("state"), world.path("before")).unwrap();
    fs::rename(world.path("after"), world.path("state")).unwrap();
    let numbers: Vec<u64> = records(&world.agent()).iter().map(|record| record.seq).collect();
    let gap = numbers.iter().zip(1..).position(|(seq, at)| *seq != at);
    assert!(gap.is_none(), "killed {killed}: {:?}", &numbers[gap.unwrap_or(0).saturating_sub(5)..]);
    let state = fs::read(world.agent().join("state.json")).unwrap();
    let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    let told = fs::read_to_string(world.path("told")).unwrap_or_default();
    for fact in world.facts() {
        if let Fact::IncidentOpened(fact) = fact
            && fact.severity >= Severity::Warning
            // A disk that has room again before a letter could be written is no news.
            && fact.trouble != Trouble::Store
        {
            let name = format!("/{}-{}\"", fact.trouble.word(), fact.since.0);
            assert!(told.contains(&name), "nobody was told of {name}: {told}");
        }
    }
    let starts = starts(&world);
    if !killed {
        // What could not be written waited. The last one may have been stopped before it noted anything.
        let exits = exits(&world);
        assert!(exits == starts || exits == starts + 1, "{exits} of {starts}: {stderr}");
        assert_eq!(state["incarnation"], exits);
    }
    starts
}

#[test]
fn a_file_that_may_grow_no_further_stops_nothing() {
    if !can_storm() {
        return;
    }
    // Real short writes: the kernel takes what fits below the limit, then refuses.
    let world = World::new();
    fs::create_dir_all(world.agent()).unwrap();
    let options = ["run", "--name", "t", "--cooldown", "5ms", "--max-failures", "60", "--"];
    let script = format!("{FAILS} 2>/dev/null");
    fs::write(world.path("agentwatch.toml"), "[restart]\nmax_failures_per_day = 1000\n").unwrap();
    let args: Vec<&str> = options.into_iter().chain(["sh", "-c", &script]).collect();
    let mut run = world.spawn(world.within(&["prlimit", "--fsize=20000"], &args));
    assert_eq!(run.wait(), 69, "{}", run.stderr());
    assert_eq!(starts(&world), 60);
    run.says("File too large");
    let known = records(&world.agent()).len();
    // The next life is not limited, and goes on after what was cut off.
    let mut run = world.script(&["--resume"], "exit 0");
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    let records = records(&world.agent());
    assert!(known + 3 <= records.len());
    assert!(records.iter().zip(1..).all(|(record, at)| record.seq == at));
}

/// Everything that the journal tells of `run` since, so that it is seen to be heard.
fn goes_on(run: &Run, world: &World) {
    let beats = |fact: &Fact| matches!(fact, Fact::Beat(_));
    let now = count(world, beats);
    until(&format!("beats in the journal: {}", run.stderr()), || {
        (now + 1 < count(world, beats)).then_some(())
    });
}

#[test]
fn a_state_directory_that_comes_and_goes_keeps_one_agentwatch() {
    if !can_storm() {
        return;
    }
    let begin = Instant::now();
    let world = World::new();
    let mut rng = seeded("vanishing state");
    let text = "[restart]\ncooldown = \"20ms\"\nmax_failures = 1000\nmax_failures_per_day = 1000\n";
    fs::write(world.path("agentwatch.toml"), text).unwrap();
    let run = world.script(&[], BEATS);
    run.beat(2);
    for round in 0..rounds(12) {
        let (state, away) = (world.path("state"), world.path(&format!("away-{round}")));
        match rng.below(4) {
            0 => drop(fs::remove_dir_all(&state)),
            1 => fs::rename(world.agent(), &away).unwrap(),
            2 => fs::rename(&state, &away).unwrap(),
            _ => {
                // Away and back, over what was made meanwhile.
                fs::rename(world.agent(), &away).unwrap();
                sleep(Duration::from_millis(rng.below(100)));
                let _ = fs::remove_dir_all(world.agent());
                if fs::create_dir_all(&state).is_ok() {
                    // Lost to agentwatch if it was quicker.
                    let _ = fs::rename(&away, world.agent());
                }
            }
        }
        goes_on(&run, &world);
        if rng.one_in(2) {
            let pid: i32 = fs::read_to_string(world.path("starts"))
                .unwrap()
                .lines()
                .last()
                .unwrap()
                .parse()
                .unwrap();
            kill(pid, "KILL");
            until("another", || (!alive(pid)).then_some(()));
            goes_on(&run, &world);
        }
        // It is found where it should be, and nobody else can take its place.
        until("a state", || world.agent().join("state.json").exists().then_some(()));
        let mut second = world.script(&[], "echo two >>screams");
        assert_eq!(second.wait(), 75, "{}", second.stderr());
        assert!(world.output(&["status", "--check", "live", "t"]).status.success());
    }
    assert!(!world.path("screams").exists());
    println!("{} vanishings in {:.1?}", rounds(12), begin.elapsed());
}

#[test]
fn who_stops_either_side_for_a_moment_makes_nobody_ill() {
    if !can_storm() {
        return;
    }
    let begin = Instant::now();
    let world = World::new();
    let mut rng = seeded("stopped and continued");
    let run = world.script(&["--interval", "300ms", "--misses", "3"], BEATS);
    run.beat(1);
    let agent = run.started(1);
    for round in 0..rounds(25) {
        if round % 8 == 7 {
            // As a frozen machine: nothing that was said meanwhile waits to be read.
            kill(agent, "STOP");
            kill(run.pid(), "STOP");
            sleep(Duration::from_millis(1_600 + rng.below(600)));
            kill(run.pid(), "CONT");
            sleep(Duration::from_millis(rng.below(50)));
            kill(agent, "CONT");
        } else {
            let whom = rng.pick(&[run.pid(), agent]);
            kill(whom, "STOP");
            sleep(Duration::from_millis(rng.below(150)));
            kill(whom, "CONT");
        }
        sleep(Duration::from_millis(rng.below(50)));
    }
    goes_on(&run, &world);
    let blamed = |fact: &Fact| matches!(fact, Fact::Unhealthy { .. } | Fact::Exited { .. });
    assert_eq!(count(&world, blamed), 0);
    println!("{} stops in {:.1?}", rounds(25), begin.elapsed());
}
