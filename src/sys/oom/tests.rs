//! Made-up folders of the kernel, and one real kill.

use std::fs;
use std::process::Command;

use super::*;
use crate::sys::testing::Scratch;

/// A kernel of this test alone.
struct World(Scratch);

impl World {
    fn new(own_cgroup: &str) -> Self {
        let world = Self(Scratch::new());
        world.write("proc/self/cgroup", own_cgroup);
        world.machine(5);
        world
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn machine(&self, kills: u64) {
        self.write("proc/vmstat", &format!("pgfault 7\noom_kill {kills}\nnuma_hit 7\n"));
    }

    fn first(&self, folder: &str, kills: u64) {
        let text = format!("oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n");
        self.write(&format!("cgroup/{folder}/memory.oom_control"), &text);
    }

    fn second(&self, folder: &str, kills: u64) {
        let text = format!("low 0\nhigh 0\nmax 9\noom 9\noom_kill {kills}\noom_group_kill 0\n");
        self.write(&format!("cgroup/{folder}/memory.events"), &text);
    }

    fn limit(&self, file: &str, limit: &str) {
        self.write(&format!("cgroup/{file}"), &format!("{limit}\n"));
    }

    fn log(&self, records: &[&str]) {
        self.write("kmsg", &records.join(""));
    }

    fn begin(&self) -> OomWatch {
        OomWatch::begin_in(Roots {
            proc: self.0.path("proc"),
            cgroup: self.0.path("cgroup"),
            log: self.0.path("kmsg"),
        })
    }
}

fn kill(scope: Scope, count: u64, limit_bytes: Option<u64>) -> OomKill {
    OomKill { scope, count, limit_bytes, victim: None }
}

#[test]
fn version_2_counts_and_the_baseline_moves_on() {
    let world = World::new("0::/system.slice/agent.service\n");
    world.second("system.slice/agent.service", 3);
    world.limit("system.slice/agent.service/memory.max", "max");
    world.limit("system.slice/memory.max", "1073741824");
    let mut watch = world.begin();
    assert_eq!(watch.since(), None);
    world.second("system.slice/agent.service", 4);
    world.machine(6);
    assert_eq!(watch.since(), Some(kill(Scope::Cgroup, 1, Some(1 << 30))));
    assert_eq!(watch.since(), None);
    world.second("system.slice/agent.service", 6);
    world.limit("system.slice/agent.service/memory.max", "33554432");
    assert_eq!(watch.since(), Some(kill(Scope::Cgroup, 2, Some(1 << 25))));
    world.machine(9);
    assert_eq!(watch.since(), Some(kill(Scope::Machine, 3, None)), "elsewhere");
    assert_eq!(watch.since(), None);
}

#[test]
fn version_1_counts() {
    let world = World::new("9:name=systemd:/x\n4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n");
    world.first("memory/docker/abc", 0);
    world.limit("memory/docker/abc/memory.limit_in_bytes", "9223372036854771712");
    let mut watch = world.begin();
    world.first("memory/docker/abc", 1);
    assert_eq!(watch.since(), Some(kill(Scope::Cgroup, 1, None)), "no limit is no number");
    world.limit("memory/docker/abc/memory.limit_in_bytes", "536870912");
    world.first("memory/docker/abc", 2);
    assert_eq!(watch.since(), Some(kill(Scope::Cgroup, 1, Some(512 << 20))));
}

#[test]
fn version_1_may_be_mounted_with_its_fellows() {
    let world = World::new("4:cpu,memory:/a\n");
    world.first("cpu,memory/a", 0);
    let mut watch = world.begin();
    world.first("cpu,memory/a", 1);
    assert_eq!(watch.since(), Some(kill(Scope::Cgroup, 1, None)));
}

#[test]
fn of_both_versions_the_one_with_the_controller_counts() {
    let world = World::new("4:memory:/a\n0::/b\n");
    world.first("memory/a", 0);
    world.second("b", 0);
    world.second("unified/b", 0);
    let mut watch = world.begin();
    world.second("b", 1);
    world.second("unified/b", 1);
    assert_eq!(watch.since(), None);
    world.first("memory/a", 1);
    assert_eq!(watch.since(), Some(kill(Scope::Cgroup, 1, None)));

    let world = World::new("4:cpu:/a\n0::/b\n");
    world.second("unified/b", 0);
    let mut watch = world.begin();
    world.second("unified/b", 1);
    assert_eq!(watch.since(), Some(kill(Scope::Cgroup, 1, None)));
}

#[test]
fn a_path_that_is_not_below_the_mount_means_the_mount_itself() {
    for path in ["/kubepods/pod1/abc", "/../abc", "/", "/gone (deleted)"] {
        for version in [Version::One, Version::Two] {
            let (line, mount) = match version {
                Version::One => (format!("4:memory:{path}\n"), "memory"),
                Version::Two => (format!("0::{path}\n"), ""),
            };
            let world = World::new(&line);
            // What a path with ".." must not reach.
            world.first("abc", 70);
            world.second("../abc", 70);
            let count = |kills| match version {
                Version::One => world.first(mount, kills),
                Version::Two => world.second(mount, kills),
            };
            count(1);
            let mut watch = world.begin();
            count(2);
            assert_eq!(watch.since(), Some(kill(Scope::Cgroup, 1, None)), "{path} {version:?}");
        }
    }
}

#[test]
fn a_cgroup_without_counts_is_counted_above() {
    let world = World::new("0::/user.slice/app.slice/agent.scope\n");
    world.write("cgroup/user.slice/app.slice/agent.scope/cgroup.procs", "");
    world.second("user.slice", 0);
    let mut watch = world.begin();
    world.second("user.slice", 1);
    assert_eq!(watch.since(), Some(kill(Scope::Cgroup, 1, None)));
}

#[test]
fn without_cgroups_the_machine_counts() {
    for own in ["", "0::/\n", "garbage\n", "4:memory:/a\n", "0::/a\n", "::\n:::\n0:\n"] {
        let world = World::new(own);
        let mut watch = world.begin();
        assert_eq!(watch.since(), None, "{own}");
        world.machine(6);
        assert_eq!(watch.since(), Some(kill(Scope::Machine, 1, None)), "{own}");
    }
}

#[test]
fn what_cannot_be_read_counts_nothing() {
    let world = World(Scratch::new());
    let mut watch = world.begin();
    assert_eq!(watch.since(), None);
    // What comes into view has no past.
    world.machine(7);
    assert_eq!(watch.since(), None);
    // What goes out of view keeps it.
    for text in
        ["", "oom_kill\n", "oom_kill x\n", "oom_kill -1\n", "oom_kill 99999999999999999999999\n"]
    {
        world.write("proc/vmstat", text);
        assert_eq!(watch.since(), None, "{text}");
    }
    fs::write(world.0.path("proc/vmstat"), b"oom_kill \xff\n").unwrap();
    assert_eq!(watch.since(), None);
    fs::remove_file(world.0.path("proc/vmstat")).unwrap();
    assert_eq!(watch.since(), None);
    world.machine(8);
    assert_eq!(watch.since(), Some(kill(Scope::Machine, 1, None)));
    // A count that fell is a new beginning.
    world.machine(2);
    assert_eq!(watch.since(), None);
    world.machine(3);
    assert_eq!(watch.since(), Some(kill(Scope::Machine, 1, None)));
}

#[test]
fn huge_files_are_cut() {
    let world = World::new("0::/a\n");
    let filler = "filler 1\n".repeat(1 << 20);
    world.write("proc/vmstat", &format!("oom_kill 5\n{filler}"));
    world.write("cgroup/a/memory.events", &format!("{filler}oom_kill 5\n"));
    let log = "4,1,1,-;nothing of note\n".repeat(1 << 18);
    world.write("kmsg", &format!("{log}4,2,2,-;Killed process 7 (unseen)\n"));
    let mut watch = world.begin();
    world.write("proc/vmstat", &format!("oom_kill 6\n{filler}"));
    world.write("cgroup/a/memory.events", &format!("{filler}oom_kill 6\n"));
    assert_eq!(watch.since(), Some(kill(Scope::Machine, 1, None)));
}

#[test]
fn the_newest_victim_is_named_once() {
    let world = World::new("0::/a\n");
    world.second("a", 0);
    let old = "6,340,900,-;Out of memory: Killed process 7 (old) total-vm:1kB, anon-rss:1kB\n";
    let noise = "6,341,901,-;oom_reaper: reaped process 7 (old), now anon-rss:0kB\n KEY=x;y\n";
    let new = "3,342,902,-;Memory cgroup out of memory: Killed process 4711 (a (b) total) \
               total-vm:252612kB, anon-rss:31532kB, UID:0 pgtables:204kB oom_score_adj:0\n";
    world.log(&[old, noise, new, noise]);
    let mut watch = world.begin();
    world.second("a", 1);
    assert_eq!(watch.since().unwrap().victim, Some((4711, "a (b) total".to_owned())));
    world.second("a", 2);
    assert_eq!(watch.since().unwrap().victim, None, "the log has not moved on");
    let newer = "3,343,902,-;Memory cgroup out of memory: Killed process 4712 (python3)\n";
    world.log(&[old, new, newer]);
    world.second("a", 3);
    assert_eq!(watch.since().unwrap().victim, Some((4712, "python3".to_owned())));
    for garbage in [
        "\0\u{1}",
        "Killed process 1 (x)",
        "3,x,1;Killed process 1 (x)",
        "3,9,1;Killed process y (x)",
    ] {
        world.log(&[garbage]);
        world.machine(6);
        world.second("a", 4);
        assert_eq!(world.begin().victim(), None, "{garbage}");
    }
}

#[test]
fn the_real_counts_stand_still() {
    // Another test may be killing just now; that nothing fails is what is asked.
    let mut watch = OomWatch::begin();
    let _ = watch.since();
}

/// A memory cgroup of version 1 that goes away with the test.
struct Limited(PathBuf);

impl Limited {
    fn new(name: &str) -> Option<Self> {
        let folder = Path::new("/sys/fs/cgroup/memory").join(name);
        fs::create_dir(&folder).ok()?;
        let limited = Self(folder);
        fs::write(limited.0.join("memory.limit_in_bytes"), "32M").ok()?;
        // With swap it would be slowed down, not killed. Kernels may not count swap.
        let _ = fs::write(limited.0.join("memory.memsw.limit_in_bytes"), "32M");
        Some(limited)
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_real_kill_is_seen_once() {
    let python = Command::new("python3").args(["-c", ""]).status();
    if !python.is_ok_and(|status| status.success()) {
        return eprintln!("SKIPPED: python3 is not installed");
    }
    let name = format!("agentwatch-test-{}", std::process::id());
    let Some(limited) = Limited::new(&name) else {
        return eprintln!("SKIPPED: needs root and a writable /sys/fs/cgroup/memory (version 1)");
    };
    let world = World::new(&format!("4:memory:/{name}\n"));
    fs::remove_file(world.0.path("proc/vmstat")).unwrap();
    let mut watch = OomWatch::begin_in(Roots {
        proc: world.0.path("proc"),
        cgroup: "/sys/fs/cgroup".into(),
        log: "/dev/kmsg".into(),
    });
    assert_eq!(watch.here, Some(0), "the count is there before anything happens");
    let script = "echo $$ > \"$1/cgroup.procs\" && exec python3 -c 'x = b\"x\" * (200 << 20)'";
    let ended = Command::new("sh").args(["-c", script, "sh"]).arg(&limited.0).spawn();
    let mut child = ended.unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    let ended = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(libc::SIGKILL));
    let seen = watch.since().unwrap();
    assert_eq!((seen.scope, seen.count, seen.limit_bytes), (Scope::Cgroup, 1, Some(32 << 20)));
    match seen.victim {
        Some(victim) => assert_eq!(victim.0, pid, "{victim:?}"),
        None => eprintln!("SKIPPED: /dev/kmsg does not tell the victim"),
    }
    assert_eq!(watch.since(), None, "it is told once");
    // Killed by anybody else, nothing rises.
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(watch.since(), None);
}
