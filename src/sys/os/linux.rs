//! What Linux alone can do, behind the same names as `other.rs`.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::time::Duration;

use nix::libc;
use nix::poll::PollFd;
use nix::sys::prctl;
use nix::sys::signal::Signal as NixSignal;
use nix::sys::socket::MsgFlags;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{self, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::ClockId;

use crate::sys::tree::{Member, StartTime};

/// Stands still in suspend.
pub const UP: ClockId = ClockId::CLOCK_MONOTONIC;

/// Runs on in suspend.
pub const BOOT: ClockId = ClockId::CLOCK_BOOTTIME;

/// Never block, never raise SIGPIPE, whatever its disposition is.
pub const SEND_FLAGS: MsgFlags = MsgFlags::MSG_DONTWAIT.union(MsgFlags::MSG_NOSIGNAL);

/// The most members of a group that are listed: enough to name the culprits in a message.
const MEMBERS_MAX: usize = 1024;

/// Waits with the precision of the kernel's timers.
pub fn poll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> nix::Result<i32> {
    nix::poll::ppoll(fds, timeout.map(TimeSpec::from_duration), None)
}

/// See `poll::BootTimer`.
#[derive(Debug)]
pub struct BootTimer(TimerFd);

impl BootTimer {
    pub fn new() -> io::Result<Option<Self>> {
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        Ok(Some(Self(TimerFd::new(timerfd::ClockId::CLOCK_BOOTTIME, flags)?)))
    }

    pub fn set(&mut self, after: Option<Duration>) -> io::Result<()> {
        let Some(after) = after else { return Ok(self.0.unset()?) };
        // Zero would disarm the timer; what is due shall fire.
        let after = after.max(Duration::from_nanos(1));
        let once = Expiration::OneShot(TimeSpec::from_duration(after));
        Ok(self.0.set(once, TimerSetTimeFlags::empty())?)
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Called in the child between fork and exec: SIGKILL for it when the parent is gone.
pub fn die_with_parent() -> nix::Result<()> {
    prctl::set_pdeathsig(NixSignal::SIGKILL)
}

pub fn become_subreaper() -> bool {
    prctl::set_child_subreaper(true).is_ok()
}

/// A second, non-blocking description of the same pipe or terminal.
///
/// The flags of the first are shared with the shell and stay as they are.
pub fn reopen_nonblocking(file: &File) -> Option<File> {
    let before = file.metadata().ok()?;
    // The master side of a pseudo terminal would not be reopened: that path makes a new one.
    if libc::major(before.rdev()) == 5 && libc::minor(before.rdev()) == 2 {
        return None;
    }
    let again = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .ok()?;
    let after = again.metadata().ok()?;
    ((before.dev(), before.ino()) == (after.dev(), after.ino())).then_some(again)
}

pub fn boot_id() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

pub fn identity(pid: i32) -> Option<StartTime> {
    stat(pid).map(|stat| stat.member.start)
}

pub fn group_members(pgid: i32) -> Vec<Member> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .filter(|stat| stat.group == pgid)
        .map(|stat| stat.member)
        .take(MEMBERS_MAX)
        .collect()
}

pub const IS_MACOS: bool = false;

pub const SEES_MEMBERS: bool = true;

pub fn environment(pid: i32) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{pid}/environ")).ok()
}

/// What is read of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    group: i32,
    member: Member,
}

fn stat(pid: i32) -> Option<Stat> {
    // Not as text: the name of a process may be any bytes.
    let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse_stat(pid, &String::from_utf8_lossy(&line))
}

fn parse_stat(pid: i32, line: &str) -> Option<Stat> {
    // The name may itself hold spaces and parentheses: it ends at the last one.
    let (head, tail) = line.rsplit_once(')')?;
    let (_, comm) = head.split_once('(')?;
    let mut fields = tail.split_ascii_whitespace();
    // proc_pid_stat(5) counts from 1; the state is field 3, the group 5, the start time 22.
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    let start = StartTime(fields.nth(16)?.parse().ok()?);
    let zombie = matches!(state, "Z" | "X");
    Some(Stat { group, member: Member { pid, comm: comm.to_owned(), start, zombie } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ending::Ending;
    use crate::core::signal::Signal;
    use crate::sys::testing::{
        Scratch, eventually, inner, read_all, rerun_command, start, start_piped, wait_for,
    };
    use crate::sys::{poll, signals, tree};

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = "7 (a) S 1 (b) Z 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2\n";
        let member =
            Member { pid: 7, comm: "a) S 1 (b".into(), start: StartTime(98765), zombie: true };
        assert_eq!(parse_stat(7, line), Some(Stat { group: 42, member }));
        assert_eq!(parse_stat(7, "7 (cut) S 1"), None);
        assert_eq!(parse_stat(7, ""), None);
    }

    #[test]
    fn a_group_lists_its_members_by_name() {
        let argv = ["sh", "-c", "sleep 600 & wait"];
        let child = start(&argv);
        eventually("two members", || tree::group_members(child.pid).len() == 2);
        let mut names: Vec<_> =
            tree::group_members(child.pid).into_iter().map(|member| member.comm).collect();
        names.sort();
        assert_eq!(names, ["sh", "sleep"]);
        signals::send_group(child.pid, Signal::KILL).unwrap();
        wait_for(child.pid);
    }

    #[test]
    fn the_identity_of_a_process_is_stable_and_ends_with_it() {
        let child = start(&["sleep", "600"]);
        let start = tree::identity(child.pid);
        assert!(start.is_some());
        assert_eq!(start, tree::identity(child.pid));
        signals::send(child.pid, Signal::KILL).unwrap();
        wait_for(child.pid);
        assert_ne!(start, tree::identity(child.pid));
    }

    #[test]
    fn the_child_blocks_and_ignores_what_we_did_but_sigpipe() {
        let field = |status: &str, name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };
        let ours = fs::read_to_string("/proc/thread-self/status").unwrap();
        let (pid, stdout) = start_piped(&["cat", "/proc/self/status"]);
        let theirs = String::from_utf8(read_all(&stdout)).unwrap();
        let sigpipe = 1 << (NixSignal::SIGPIPE as u64 - 1);
        assert_eq!(field(&theirs, "SigBlk:"), field(&ours, "SigBlk:"));
        assert_eq!(field(&theirs, "SigIgn:"), field(&ours, "SigIgn:") & !sigpipe);
        assert_eq!(wait_for(pid), Ending::Exit { code: 0 });
    }

    #[test]
    fn the_child_dies_with_a_killed_supervisor() {
        const NAME: &str = "sys::os::linux::tests::the_child_dies_with_a_killed_supervisor";
        if let Some(file) = inner() {
            let child = start(&["sleep", "600"]);
            fs::write(&file, format!("{}\n", child.pid)).unwrap();
            poll::pause(Duration::from_mins(1));
            return;
        }
        let scratch = Scratch::new();
        let file = scratch.path("pid");
        let mut supervisor = rerun_command(NAME, &file).spawn().unwrap();
        let read = || fs::read_to_string(&file).ok()?.strip_suffix('\n')?.parse::<i32>().ok();
        eventually("the pid of the child", || read().is_some());
        let pid = read().unwrap();
        assert!(tree::identity(pid).is_some());
        supervisor.kill().unwrap();
        supervisor.wait().unwrap();
        // Whoever inherits it may leave a zombie; it must not run.
        eventually("the end of the child", || tree::group_members(pid).iter().all(|m| m.zombie));
    }

    #[test]
    fn a_boot_timer_fires_and_can_be_disarmed() {
        let mut timer = BootTimer::new().unwrap().unwrap();
        let fires = |timer: &BootTimer, wait| {
            let mut fds = [poll::Interest::read(timer.fd())];
            poll::wait(&mut fds, Some(wait)).unwrap();
            fds[0].ready.readable
        };
        timer.set(Some(Duration::ZERO)).unwrap();
        assert!(fires(&timer, Duration::from_secs(10)));
        // Setting it anew takes the old expiry back.
        timer.set(Some(Duration::from_mins(10))).unwrap();
        assert!(!fires(&timer, Duration::ZERO));
        timer.set(Some(Duration::from_millis(1))).unwrap();
        assert!(fires(&timer, Duration::from_secs(10)));
        timer.set(None).unwrap();
        assert!(!fires(&timer, Duration::ZERO));
    }
}
