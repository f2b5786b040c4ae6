//! Made-up `/proc` folders, and real processes.

use std::net::TcpListener;
use std::os::unix::fs::symlink;

use super::*;
use crate::core::signal::Signal;
use crate::sys::signals::send_group;
use crate::sys::testing::{Scratch, eventually, start, wait_for};

const UNITS: Units = Units { ticks: 100, page: 4096 };

/// A `/proc` of this test alone.
struct World(Scratch);

impl World {
    fn new() -> Self {
        Self(Scratch::new())
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A process with 1 + 2 + 3 + 4 ticks and 10 pages.
    fn process(&self, pid: i32, parent: i32, name: &str, state: char, wchan: &str) {
        let stat = format!(
            "{pid} ({name}) {state} {parent} 5 5 0 -1 4194304 131 0 1 0 1 2 3 4 20 0 1 0 1457506 \
             2990080 10 18446744073709551615 1 1 0 0 0 0 0 6 0 1 0 0 17 0 0 0 0 0 0\n"
        );
        self.write(&format!("{pid}/stat"), &stat);
        self.write(&format!("{pid}/wchan"), wchan);
        self.write(&format!("{pid}/task/{pid}/children"), "");
        if self.0.path(&format!("{parent}/stat")).exists() {
            let list = format!("{parent}/task/{parent}/children");
            let before = fs::read_to_string(self.0.path(&list)).unwrap();
            self.write(&list, &format!("{before}{pid} "));
        }
    }

    fn look(&self, pid: i32) -> Option<Evidence> {
        look_in(&self.0.path(""), pid, UNITS)
    }

    fn seen(&self, pid: i32) -> i32 {
        self.look(pid).unwrap().pid
    }

    /// Descriptor 3 is the socket 4711 and 4 the socket 4712; both are connected.
    fn connected(&self, pid: i32) {
        let fds = self.0.path(&format!("{pid}/fd"));
        fs::create_dir_all(&fds).unwrap();
        for (fd, target) in
            [("0", "/dev/null"), ("1", "pipe:[9]"), ("3", "socket:[4711]"), ("4", "socket:[4712]")]
        {
            symlink(target, fds.join(fd)).unwrap();
        }
        let line = |remote: &str, inode| {
            format!(
                "   1: 0100007F:C350 {remote} 01 00000000:00000000 00:00000000 00000000 \
                 1000        0 {inode} 1 0000000000000000 20 4 30 10 -1\n"
            )
        };
        let both = format!(
            "  sl  local_address rem_address   st\n{}{}{}",
            line("0800000A:01BB", 4712),
            line("0700000A:01BB", 4711),
            line("0900000A:01BB", 1),
        );
        self.write(&format!("{pid}/net/tcp"), &both);
    }
}

/// Of a real process, without what depends on how busy the machine is.
fn seen(pid: i32) -> Evidence {
    Evidence { pressure: None, ..super::look(pid).unwrap() }
}

fn end(pid: i32) {
    send_group(pid, Signal::KILL).unwrap();
    wait_for(pid);
}

#[test]
fn a_tree_is_added_up_and_the_dead_are_not_alive() {
    let world = World::new();
    world.process(10, 1, "python (x) y", 'S', "futex_do_wait");
    world.process(11, 10, "tool", 'S', "do_wait");
    world.process(12, 10, "gone", 'Z', "0");
    world.process(13, 11, "deep", 'R', "0");
    world.process(14, 1, "stranger", 'R', "0");
    // Started by another thread than the first.
    fs::rename(world.0.path("11/task/11"), world.0.path("11/task/99")).unwrap();
    world.write("pressure/memory", "some avg10=34.50 avg60=0 avg300=0 total=1\nfull avg10=1\n");
    world.write("pressure/io", "some avg10=nan\n");
    let pressure = Some(Pressure { memory_percent: Some(34.5), ..Pressure::default() });
    let seen = Evidence {
        pid: 10,
        name: "python (x) y".into(),
        state: 'S',
        wchan: Some("futex_do_wait".into()),
        cpu_ms: 400,
        rss_kib: 160,
        processes: 3,
        tcp: Vec::new(),
        tcp_count: 0,
        pressure,
    };
    assert_eq!(world.look(10), Some(seen));
}

#[test]
fn without_lists_of_children_the_whole_machine_is_searched() {
    let world = World::new();
    world.process(10, 1, "uv", 'S', "ep_poll");
    world.process(11, 10, "python", 'S', "0");
    world.process(12, 11, "tool", 'S', "0");
    for pid in 10..=12 {
        fs::remove_dir_all(world.0.path(&format!("{pid}/task"))).unwrap();
    }
    let seen = world.look(10).unwrap();
    assert_eq!((seen.pid, seen.processes, seen.wchan), (11, 3, None));
}

#[test]
fn launchers_are_followed_to_what_they_launched() {
    let world = World::new();
    world.process(10, 1, "npm run agent", 'S', "ep_poll");
    world.process(11, 10, "sh", 'S', "do_wait");
    world.process(12, 11, "strange-wrapper", 'S', "do_wait");
    world.process(13, 12, "node", 'S', "do_epoll_wait");
    world.process(14, 13, "node", 'S', "do_epoll_wait");
    world.process(15, 14, "git", 'S', "anon_pipe_read");
    assert_eq!(world.seen(10), 14);
    // With a second living child nobody can tell which one matters; a dead one does not count.
    world.process(16, 11, "old", 'Z', "0");
    assert_eq!(world.seen(10), 14);
    world.process(17, 11, "other", 'S', "0");
    assert_eq!(world.seen(10), 11);
}

#[test]
fn an_agent_with_a_helper_is_no_launcher() {
    for (name, state, wchan) in [
        ("python", 'S', "wait_woken"),
        ("python", 'S', "0"),
        ("python", 'S', "futex_do_wait"),
        ("python", 'R', "0"),
        ("node", 'S', "ep_poll"),
        // Itself the one that is stopped or stuck.
        ("uv", 'T', "do_signal_stop"),
        ("sh", 'D', "nfs_wait"),
    ] {
        let world = World::new();
        world.process(10, 1, name, state, wchan);
        world.process(11, 10, "mcp-server", 'S', "anon_pipe_read");
        assert_eq!(world.seen(10), 10, "{name} {state} {wchan}");
    }
    let world = World::new();
    world.process(10, 1, "node", 'S', "ep_poll");
    world.process(11, 10, "node", 'S', "ep_poll");
    assert_eq!(world.seen(10), 11);
    world.connected(10);
    assert_eq!(world.seen(10), 10, "who talks to the network is at work");
}

#[test]
fn a_stopped_group_is_followed_too() {
    let world = World::new();
    world.process(10, 1, "uv", 'T', "do_signal_stop");
    world.process(11, 10, "python", 'T', "do_signal_stop");
    assert_eq!(world.seen(10), 11);
}

#[test]
fn launchers_are_followed_eight_levels_deep() {
    let world = World::new();
    for pid in 10..30 {
        world.process(pid, pid - 1, "sh", 'S', "do_wait");
    }
    assert_eq!(world.seen(10), 18);
}

#[test]
fn a_fork_bomb_is_cut() {
    let world = World::new();
    world.process(10, 10, "sh", 'S', "do_wait");
    let stat = fs::read_to_string(world.0.path("10/stat")).unwrap();
    for pid in 100..1300 {
        world.write(&format!("{pid}/stat"), &stat);
    }
    let all: Vec<_> = (100..1300).map(|pid| pid.to_string()).collect();
    world.write("10/task/10/children", &all.join(" "));
    assert_eq!(world.look(10).unwrap().processes, 1024);
}

#[test]
fn who_is_listed_but_nobodys_child_is_left_out() {
    let world = World::new();
    // Its pid went to a stranger after the list was made.
    world.process(11, 1, "stranger", 'S', "0");
    world.process(10, 10, "sh", 'S', "do_wait");
    world.write("10/task/10/children", "10 10 11 -4 x");
    assert_eq!(world.look(10).unwrap().processes, 1);
}

#[test]
fn the_connection_in_use_comes_first_and_the_direction_is_told() {
    let world = World::new();
    world.process(10, 1, "python", 'S', "wait_woken");
    world.connected(10);
    let look = |syscall: &str| {
        world.write("10/syscall", syscall);
        let seen = world.look(10).unwrap();
        assert_eq!(seen.tcp_count, 2);
        (seen.tcp[0].clone(), seen.wchan.unwrap())
    };
    let call = |number, fd| format!("{number} {fd} 0x7febd05f1d30 0x1 0x0 0x0 0x0 0x7f 0x7f\n");
    for (number, fd, first, wchan) in [
        (libc::SYS_recvfrom, "0x4", "10.0.0.8:443", "sk_wait_data"),
        (libc::SYS_sendto, "0x4", "10.0.0.8:443", "sk_stream_wait_memory"),
        (libc::SYS_read, "0x3", "10.0.0.7:443", "sk_wait_data"),
        // A terminal, most likely.
        (libc::SYS_read, "0x0", "10.0.0.7:443", "wait_woken"),
        (libc::SYS_openat, "0xffffffffffffff9c", "10.0.0.7:443", "wait_woken"),
    ] {
        assert_eq!(look(&call(number, fd)), (first.into(), wchan.into()), "{number} {fd}");
    }
    for garbage in ["running\n", "", "-1 0x7f 0x7f\n", "x y z"] {
        assert_eq!(look(garbage), ("10.0.0.7:443".into(), "wait_woken".into()));
    }
}

#[test]
fn garbage_is_nobody() {
    let world = World::new();
    assert_eq!(world.look(10), None);
    for stat in ["", "10", "10 (x", "10 (x) S", "10 (x) S 1 5 5 0 -1 1 1 1 1 1 a b c d", "\0\0)("] {
        world.write("10/stat", stat);
        assert_eq!(world.look(10), None, "{stat:?}");
    }
    world.process(0, 1, "swapper", 'S', "0");
    assert_eq!(world.look(0), None);
}

#[test]
fn a_real_sleeper_sleeps_and_a_stopped_one_is_stopped() {
    let child = start(&["sleep", "600"]);
    let look = || seen(child.pid);
    eventually("sleep", || look().name == "sleep" && look().state == 'S');
    let seen = look();
    assert_eq!((seen.pid, seen.processes, seen.tcp_count), (child.pid, 1, 0));
    assert!(seen.rss_kib > 0, "{seen:?}");
    // Where the kernel hides it, nothing is claimed.
    if let Some(wchan) = &seen.wchan {
        assert!(wchan.contains("nanosleep"), "{wchan}");
    }
    send_group(child.pid, Signal(libc::SIGSTOP)).unwrap();
    eventually("the stop", || look().state == 'T');
    assert_eq!(
        look().words(Some((look().cpu_ms, 5_000))),
        "process stopped (state T), no CPU used"
    );
    end(child.pid);
}

#[test]
fn a_real_launcher_is_followed_and_a_busy_loop_is_counted() {
    let child = start(&["sh", "-c", "(while :; do :; done); exit 1"]);
    let look = || seen(child.pid);
    eventually("the inner shell", || look().pid != child.pid && look().state == 'R');
    assert_eq!(look().processes, 2);
    let before = look().cpu_ms;
    eventually("CPU time", || look().cpu_ms >= before + 100);
    end(child.pid);
}

#[test]
fn a_real_connection_that_is_read_is_named() {
    let bash = std::process::Command::new("bash").args(["-c", ":"]).status();
    if !bash.is_ok_and(|status| status.success()) {
        return eprintln!("SKIPPED: bash is not installed");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = listener.local_addr().unwrap();
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{}; exec cat <&3", remote.port());
    let child = start(&["bash", "-c", &script]);
    let (_stream, _) = listener.accept().unwrap();
    let look = || seen(child.pid);
    eventually("cat", || look().name == "cat" && look().state == 'S');
    let seen = look();
    assert_eq!((seen.tcp.clone(), seen.tcp_count), (vec![remote.to_string()], 1));
    if seen.wchan.is_some() {
        let words = format!("blocked reading a TCP connection to {remote}, no CPU used");
        assert_eq!(seen.words(Some((seen.cpu_ms, 5_000))), words);
    }
    end(child.pid);
}
