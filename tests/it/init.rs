//! As PID 1 of a container: everybody's orphans are reaped, only the agent's own are ended.

use std::fs;
use std::path::Path;
use std::process::Command;

use agentwatch::core::fact::Fact;

use crate::harness::{Run, World, alive, code, has, kill, story, until};

/// What makes a container of a command: process ids and /proc of its own, and an end with its starter.
const CONTAINER: [&str; 5] = ["unshare", "--fork", "--kill-child", "--pid", "--mount-proc"];

/// A container with agentwatch as its init.
struct Container {
    world: World,
    run: Run,
    /// agentwatch, as seen from outside.
    init: i32,
}

impl Container {
    fn start(options: &[&str], script: &str) -> Self {
        let world = World::new();
        let mut args = vec!["run", "--name", "t"];
        args.extend(options);
        args.extend(["--", "sh", "-c", script]);
        let run = world.spawn(world.within(&CONTAINER, &args));
        let init = until("agentwatch in its container", || {
            processes().into_iter().find(|one| one.parent == run.pid() && one.comm == "agentwatch")
        });
        Self { world, run, init: init.pid }
    }

    /// The children of PID 1, zombies included.
    fn children(&self) -> Vec<Process> {
        processes().into_iter().filter(|process| process.parent == self.init).collect()
    }

    /// Runs a shell script in the container as `docker exec` does: by nobody who is in there.
    fn exec(&self, script: &str) {
        let init = self.init.to_string();
        let done =
            Command::new("nsenter").args(["-t", &init, "-p", "-m", "sh", "-c", script]).status();
        assert!(done.unwrap().success());
    }
}

struct Process {
    pid: i32,
    parent: i32,
    comm: String,
    zombie: bool,
}

fn processes() -> Vec<Process> {
    let parse = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read(entry.path().join("stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat).into_owned();
        let (head, tail) = stat.rsplit_once(')')?;
        let mut fields = tail.split_whitespace();
        let zombie = fields.next()? == "Z";
        let parent = fields.next()?.parse().ok()?;
        Some(Process { pid, parent, comm: head.split_once('(')?.1.to_owned(), zombie })
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(parse).collect()
}

fn can_contain() -> bool {
    let can = Path::new("/proc/self/stat").exists() && has("unshare") && has("nsenter") && {
        let tried = Command::new(CONTAINER[0]).args(&CONTAINER[1..]).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    if !can {
        eprintln!("SKIPPED: process namespaces are not allowed here");
    }
    can
}

#[test]
fn a_storm_of_orphans_leaves_no_zombie() {
    if !can_contain() || !has("python3") {
        return;
    }
    // Five hundred who are left by their parent and end at once.
    let script = r#"python3 -c "
import os, time
r, w = os.pipe()
for _ in range(500):
    if os.fork() == 0:
        os.close(w); os.read(r, 1); os._exit(0)
open('up', 'w')
while not os.path.exists('go'): time.sleep(0.01)
"; touch after; exec sleep 1000"#;
    let mut container = Container::start(&[], script);
    until("the five hundred", || container.world.path("up").exists().then_some(()));
    fs::write(container.world.path("go"), "").unwrap();
    until("their parent's end", || container.world.path("after").exists().then_some(()));
    until("an end of all zombies", || {
        let children = container.children();
        (children.len() == 1 && !children[0].zombie).then_some(())
    });
    assert!(container.run.is_running());
    assert!(!container.world.facts().iter().any(|fact| matches!(fact, Fact::Exited { .. })));
}

#[test]
fn the_code_of_the_container_is_the_childs() {
    if !can_contain() {
        return;
    }
    for (script, wanted) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill $$", 143)] {
        let world = World::new();
        let args = ["run", "--name", "t", "--restart", "never", "--", "sh", "-c", script];
        let output = world.within(&CONTAINER, &args).output().unwrap();
        assert_eq!(code(output.status), wanted, "{script}: {output:?}");
    }
}

#[test]
fn a_term_to_the_init_stops_the_child_and_ends_the_container() {
    if !can_contain() {
        return;
    }
    let script = "trap 'exit 7' TERM; setsid sleep 1000 & touch up; while :; do sleep 0.05; done";
    let mut container = Container::start(&[], script);
    until("the trap", || container.world.path("up").exists().then_some(()));
    kill(container.init, "TERM");
    assert_eq!(container.run.wait(), 7);
    assert!(!alive(container.init));
    container.run.says("t: stopped by SIGTERM");

    // From inside the kernel lets only that through for which there is a handler.
    let world = World::new();
    let script = "trap 'exit 8' TERM; kill 1; while :; do sleep 0.05; done";
    let args = ["run", "--name", "t", "--", "sh", "-c", script];
    let output = world.within(&CONTAINER, &args).output().unwrap();
    assert_eq!(code(output.status), 8, "{output:?}");
}

#[test]
fn a_stranger_is_reaped_and_lives_through_the_restarts_of_the_child() {
    if !can_contain() {
        return;
    }
    // It ends only when its stray has left its session.
    let script = "n=$AGENTWATCH_INCARNATION; setsid sh -c \"touch up$n; exec sleep 1000\" & \
                  until [ -f up$n ] && [ -f go$n ]; do sleep 0.02; done; exit 1";
    let container = Container::start(&["--cooldown", "20ms"], script);
    container.run.started(1);
    // Its parent is gone at once, so that it is PID 1's.
    container.exec("(setsid sleep 2000 &)");
    let of_init = |name: &str| {
        let line = |process: &Process| fs::read(format!("/proc/{}/cmdline", process.pid));
        let named = |process: &Process| {
            String::from_utf8_lossy(&line(process).unwrap_or_default()).replace('\0', " ") == name
        };
        container.children().into_iter().find(named).map(|process| process.pid)
    };
    let stranger = until("the stranger", || of_init("sleep 2000 "));
    fs::write(container.world.path("go1"), "").unwrap();
    container.run.started(2);
    fs::write(container.world.path("go2"), "").unwrap();
    container.run.started(3);
    let facts = container.world.facts();
    // What has not executed its program yet bears the name of the shell.
    let strays = facts.iter().filter(|fact| matches!(fact, Fact::Strays { .. }));
    assert_eq!(strays.count(), 2, "the child's own are ended: {}", story(&facts));
    assert!(alive(stranger), "{}", story(&facts));
    kill(stranger, "KILL");
    until("it to be reaped", || (!Path::new(&format!("/proc/{stranger}")).exists()).then_some(()));
}

#[test]
fn an_init_that_gave_up_holds_the_container_until_it_is_resumed() {
    if !can_contain() {
        return;
    }
    let mut container = Container::start(&["--cooldown", "20ms"], "exit 5");
    let escalated = |fact: &Fact| matches!(fact, Fact::Escalated { .. }).then_some(());
    container.run.fact("escalated", 1, escalated);
    assert!(container.run.is_running());
    // Orphans are still reaped meanwhile.
    container.exec("(sleep 0 &)");
    until("no child", || container.children().is_empty().then_some(()));
    let resumed = container.world.output(&["resume", "t"]);
    assert_eq!(resumed.status.code(), Some(0), "{resumed:?}");
    container.run.started(4);
    container.run.fact("escalated", 2, escalated);
    kill(container.init, "TERM");
    assert_eq!(container.run.wait(), 69, "the latch stays, and so does its code");
}
