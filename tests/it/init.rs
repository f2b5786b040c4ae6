//! agentwatch as PID 1 of a container: a PID namespace of its own, with strangers in it.

use std::process::Command;

use agentwatch::core::fact::Fact;

use crate::harness::{Run, World, has, until};

/// Needs root and namespaces; says so when it has not.
fn can_contain() -> bool {
    if !(has("unshare") && has("nsenter") && has("python3")) {
        return false;
    }
    let made = Command::new("unshare").args(["--fork", "--pid", "--mount-proc", "true"]).output();
    let can = made.is_ok_and(|output| output.status.success());
    if !can {
        eprintln!("SKIPPED: no PID namespace can be made here (not root?)");
    }
    can
}

/// `agentwatch run` of the agent `t` as PID 1.
fn contained(world: &World, options: &[&str], script: &str) -> Run {
    let aw = world.command(&[]);
    let mut command = Command::new("unshare");
    command.args(["--fork", "--pid", "--mount-proc", "--kill-child"]).arg(aw.get_program());
    command.args(["run", "--name", "t"]).args(options).args(["--", "sh", "-c", script]);
    command.current_dir(&world.dir).env("HOME", &world.dir);
    command.env("AGENTWATCH_STATE_DIR", world.path("state"));
    world.spawn(command)
}

/// The pid outside of the PID 1 inside.
fn init_of(run: &Run) -> i32 {
    let unshare = run.pid();
    until("PID 1", || {
        let path = format!("/proc/{unshare}/task/{unshare}/children");
        std::fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
    })
}

/// Runs a script inside, as `docker exec` does.
fn exec_inside(init: i32, script: &str) -> String {
    let init = init.to_string();
    let output = Command::new("nsenter")
        .args(["-t", &init, "-p", "-m", "--", "sh", "-c", script])
        .env_remove("AGENTWATCH_MARK")
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The processes inside, as `STATE COMMAND`.
fn inside(init: i32) -> Vec<String> {
    let script = "for p in /proc/[0-9]*; do cut -d' ' -f2,3 $p/stat 2>/dev/null; done";
    exec_inside(init, script).lines().map(str::to_owned).collect()
}

#[test]
fn codes_come_out_and_term_ends_the_container() {
    if !can_contain() {
        return;
    }
    let world = World::new();
    assert_eq!(contained(&world, &["--restart", "never"], "exit 42").wait(), 42);
    assert_eq!(contained(&world, &["--restart", "never"], "kill -9 $$").wait(), 137);
    let script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let mut run = contained(&world, &["--restart", "never"], script);
    until("the child", || run.stdout().contains("ready").then_some(()));
    crate::harness::kill(init_of(&run), "TERM");
    assert_eq!(run.wait(), 9);
}

#[test]
fn a_storm_of_orphans_is_reaped() {
    if !can_contain() {
        return;
    }
    let world = World::new();
    let storm = "import os,time
for n in range(500):
    if os.fork()==0:
        if os.fork()==0: os.setsid(); time.sleep(0.2); os._exit(0)
        os._exit(0)
    os.wait()
print('done',flush=True)
time.sleep(1000)";
    std::fs::write(world.path("storm.py"), storm).unwrap();
    let run = contained(&world, &["--beats", "none"], "exec python3 storm.py");
    until("five hundred orphans", || run.stdout().contains("done").then_some(()));
    let init = init_of(&run);
    until("no zombie and no orphan", || {
        let left = inside(init);
        let storm = left.iter().filter(|line| line.starts_with("(python")).count();
        (storm == 1 && !left.iter().any(|line| line.ends_with(" Z"))).then_some(())
    });
}

#[test]
fn a_stranger_that_was_re_parented_is_reaped_and_never_ended() {
    if !can_contain() {
        return;
    }
    let world = World::new();
    let script = "setsid sleep 1001 & [ -e second ] && exec sleep 1000
        touch second; while [ ! -e go ]; do sleep 0.02; done; exit 1";
    let run = contained(&world, &["--beats", "none", "--cooldown", "0s"], script);
    run.started(1);
    let init = init_of(&run);
    // Their parents leave at once: one lives on, one ends.
    exec_inside(
        init,
        "(setsid sleep 2002 >/dev/null 2>&1 &); (setsid sleep 0.1 >/dev/null 2>&1 &)",
    );
    std::fs::write(world.path("go"), "").unwrap();
    run.started(2);
    let (count, names) = run.fact("strays", 1, |fact| match fact {
        Fact::Strays { count, names, .. } => Some((*count, names.clone())),
        _ => None,
    });
    assert_eq!((count, names), (1, vec!["sleep".to_owned()]), "its own, and no more");
    assert!(exec_inside(init, "pgrep -fx 'sleep 2002'").trim().parse::<i32>().is_ok());
    until("no zombie", || (!inside(init).iter().any(|line| line.ends_with(" Z"))).then_some(()));
}

#[test]
fn given_up_as_pid_1_it_holds() {
    if !can_contain() {
        return;
    }
    let world = World::new();
    let mut run = contained(&world, &["--max-failures", "1"], "exit 1");
    run.says("GAVE UP");
    assert!(run.is_running(), "an outer restart would only begin anew");
}
