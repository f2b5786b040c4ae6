//! What Linux alone can do, behind the same names as `other.rs`.

use std::collections::BTreeSet;
#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
use std::ffi::{c_char, c_int};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::poll::PollFd;
use nix::sys::prctl;
use nix::sys::signal::Signal as NixSignal;
use nix::sys::socket::MsgFlags;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{self, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::ClockId;

use crate::core::signal::Signal;
use crate::sys::signals::Sent;
use crate::sys::tree::{Process, StartTime};

// The unwinder goes into the binary: the shared one would be the second library to load at every launch,
// for panics that never come.
#[cfg(target_env = "gnu")]
#[link(name = "gcc_eh")]
#[expect(unsafe_code, reason = "an empty block is how a library is named")]
unsafe extern "C" {}

/// Stands still in suspend.
pub const UP: ClockId = ClockId::CLOCK_MONOTONIC;

/// The file that this process executes, whatever has become of its name.
pub const OWN_PROGRAM: Option<&str> = Some("/proc/self/exe");

/// Runs on in suspend.
pub const BOOT: ClockId = ClockId::CLOCK_BOOTTIME;

/// Never block, never raise SIGPIPE, whatever its disposition is.
pub const SEND_FLAGS: MsgFlags = MsgFlags::MSG_DONTWAIT.union(MsgFlags::MSG_NOSIGNAL);

/// As much of a command line as is needed to name a process.
const COMMAND_LINE_MAX: u64 = 4096;

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

pub fn is_stopped(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before it may hold anything, a bracket too.
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    matches!(state, Some('T' | 't'))
}

/// The code that the start needed is let go: what is needed again comes back from the page cache.
pub fn give_back_code() {
    let Ok(maps) = fs::read_to_string("/proc/self/maps") else { return };
    for (start, length) in code_of(&maps) {
        #[expect(unsafe_code, reason = "addresses are all that the kernel understands")]
        // SAFETY: these pages are those of the file and were never written to: nobody may, and the program
        // is independent of its position. So what is read there next is the same as before.
        unsafe {
            libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED);
        }
    }
}

pub fn give_back_heap() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "nix does not know it")]
    // SAFETY: it only lets go of what nobody has any more.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// A static program asks hosts files and name servers, and nobody else for users than the files. The system's
/// nsswitch.conf may name plugins, which are of the system's C library and not of ours: to load one is the end
/// of the process (SIGFPE, on a machine whose C library is newer).
#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
pub fn keep_to_own_lookups() {
    #[expect(unsafe_code, reason = "neither nix nor libc knows it")]
    unsafe extern "C" {
        fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
    }
    for (database, services) in
        [(c"hosts", c"files dns"), (c"passwd", c"files"), (c"group", c"files")]
    {
        #[expect(unsafe_code, reason = "neither nix nor libc knows it")]
        // SAFETY: both are strings that live for ever, and no other thread has begun yet.
        let _ = unsafe { __nss_configure_lookup(database.as_ptr(), services.as_ptr()) };
    }
}

/// Linked dynamically, plugins are those of our C library.
#[cfg(not(all(target_env = "gnu", target_feature = "crt-static")))]
pub fn keep_to_own_lookups() {}

/// Where the code of the first file in a memory map, which is the program, begins, and its length; and the
/// same of the constants at the file's begin. What may only be read further back was written to when the
/// program was loaded.
fn code_of(maps: &str) -> Vec<(usize, usize)> {
    let file = |line: &str| line.split_ascii_whitespace().nth(5).map(str::to_owned);
    let program = maps.lines().next().and_then(file);
    let is_ours = |line: &&str| {
        let is_code = line.contains(" r-xp ") || line.contains(" r--p 00000000 ");
        is_code && program.is_some() && file(line) == program
    };
    let range = |line: &str| {
        let (start, end) = line.split_once(' ')?.0.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let (start, end) = (number(start)?, number(end)?);
        Some((start, end.checked_sub(start)?))
    };
    maps.lines().filter(is_ours).filter_map(range).collect()
}

pub fn boot_id() -> Option<String> {
    let mut id = [0; 64];
    let length = File::open("/proc/sys/kernel/random/boot_id").ok()?.read(&mut id).ok()?;
    let id = String::from_utf8_lossy(&id[..length]).trim().to_owned();
    (!id.is_empty()).then_some(id)
}

pub fn identity(pid: i32) -> Option<StartTime> {
    stat(pid).ok().flatten().map(|process| process.start)
}

/// How often /proc is listed again for who has come meanwhile: on a busy machine there is always somebody.
const LISTINGS: usize = 8;

/// A listing shows one moment, and is looked at after it: who forks and leaves in between is found in its
/// child, which only the next listing shows.
pub fn processes() -> io::Result<Vec<Process>> {
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for _ in 0..LISTINGS {
        let entries = match fs::read_dir("/proc") {
            Err(error) if lacks_means(&error) => return Err(error),
            Err(_) => break,
            Ok(entries) => entries,
        };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let new: Vec<i32> = pids.filter(|pid| known.insert(*pid)).collect();
        if new.is_empty() {
            break;
        }
        // The youngest are the ones that may be on their way.
        for pid in new.into_iter().rev() {
            match stat(pid) {
                Err(error) if lacks_means(&error) => return Err(error),
                // It is gone, or not for our eyes.
                Err(_) => {}
                Ok(process) => found.extend(process),
            }
        }
    }
    Ok(found)
}

/// Whether it is we who cannot look now: that says nothing about what is there.
pub fn lacks_means(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM))
}

pub const IS_MACOS: bool = false;

pub const SEES_ALL: bool = true;

/// What `getrusage` counts memory in, in bytes.
pub const RUSAGE_UNIT: u64 = 1024;

pub fn environment(pid: i32) -> io::Result<Vec<u8>> {
    fs::read(format!("/proc/{pid}/environ"))
}

pub fn command_line(pid: i32) -> Option<Vec<u8>> {
    let file = File::open(format!("/proc/{pid}/cmdline")).ok()?;
    let mut line = Vec::new();
    file.take(COMMAND_LINE_MAX).read_to_end(&mut line).ok()?;
    Some(line)
}

/// A process that is held by a descriptor cannot be taken for another. Where there are no such
/// descriptors (old kernels, strict sandboxes), looking right before comes near it.
pub fn signal(pid: i32, start: StartTime, signal: Signal) -> io::Result<Sent> {
    let held = pidfd_open(pid);
    if matches!(held, Err(Errno::ESRCH)) {
        return Ok(Sent::NoSuchProcess);
    }
    if identity(pid) != Some(start) {
        return Ok(Sent::NoSuchProcess);
    }
    let sent = match held {
        Ok(pidfd) => pidfd_send_signal(&pidfd, signal),
        Err(_) => return crate::sys::signals::send(pid, signal),
    };
    match sent {
        Ok(()) => Ok(Sent::Delivered),
        Err(Errno::ESRCH) => Ok(Sent::NoSuchProcess),
        Err(errno) => Err(errno.into()),
    }
}

fn pidfd_open(pid: i32) -> nix::Result<OwnedFd> {
    #[expect(unsafe_code, reason = "nix wraps no pidfd")]
    // SAFETY: it takes two integers and gives a new descriptor, close-on-exec, that nobody else owns.
    unsafe {
        let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        let fd = i32::try_from(fd).map_err(|_| Errno::EBADF)?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

fn pidfd_send_signal(pidfd: &OwnedFd, signal: Signal) -> nix::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    #[expect(unsafe_code, reason = "nix wraps no pidfd")]
    // SAFETY: the descriptor is borrowed for the call; no information goes along, so there is no memory.
    let sent =
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal.0, none, 0) };
    Errno::result(sent).map(drop)
}

fn stat(pid: i32) -> io::Result<Option<Process>> {
    // More than any such line has; asking first for its length would only give 0.
    let mut line = [0; 1024];
    let length = File::open(format!("/proc/{pid}/stat"))?.read(&mut line)?;
    // Not as text: the name of a process may be any bytes.
    let page_kib = super::linux_evidence::sysconf(libc::_SC_PAGESIZE) / 1024;
    Ok(parse_stat(pid, &String::from_utf8_lossy(&line[..length]), page_kib))
}

fn parse_stat(pid: i32, line: &str, page_kib: u64) -> Option<Process> {
    // The name may itself hold spaces and parentheses: it ends at the last one.
    let (head, tail) = line.rsplit_once(')')?;
    let (_, comm) = head.split_once('(')?;
    let mut fields = tail.split_ascii_whitespace();
    // proc_pid_stat(5) counts from 1: state 3, parent 4, group 5, session 6, threads 20, start 22, pages 24.
    let state = fields.next()?;
    let mut number = || fields.next()?.parse::<i32>().ok();
    let (parent, group, session) = (number()?, number()?, number()?);
    let threads: u64 = fields.nth(13)?.parse().ok()?;
    let start = StartTime(fields.nth(1)?.parse().ok()?);
    let pages = fields.nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0_u64);
    let rss_kib = pages.saturating_mul(page_kib);
    // A first thread that has ended leaves a process that runs on in the others.
    let zombie = matches!(state, "Z" | "X") && threads <= 1;
    let comm = comm.to_owned();
    Some(Process { pid, parent, group, session, start, comm, zombie, rss_kib })
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
        let line = "7 (a) S 1 (b) Z 1 42 43 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 12\n";
        let process = Process {
            pid: 7,
            parent: 1,
            group: 42,
            session: 43,
            start: StartTime(98765),
            comm: "a) S 1 (b".into(),
            zombie: true,
            rss_kib: 48,
        };
        let parse_stat = |pid, line: &str| parse_stat(pid, line, 4);
        assert_eq!(parse_stat(7, line), Some(process.clone()));
        let threads = line.replace("20 0 1 0 98765", "20 0 2 0 98765");
        assert_eq!(parse_stat(7, &threads), Some(Process { zombie: false, ..process }));
        assert_eq!(parse_stat(7, "7 (cut) S 1"), None);
        assert_eq!(parse_stat(7, ""), None);
    }

    fn group_of(pid: i32) -> Vec<Process> {
        let all = processes().unwrap().into_iter();
        all.filter(|process| process.group == pid).collect()
    }

    #[test]
    fn processes_are_listed_with_their_names_and_command_lines() {
        let child = start(&["sh", "-c", "sleep 600 & wait"]);
        // Between its fork and its exec the second one still bears the name of the first.
        eventually("two members", || {
            let group = group_of(child.pid);
            let mut names: Vec<_> = group.iter().map(|process| process.comm.as_str()).collect();
            names.sort_unstable();
            names == ["sh", "sleep"]
        });
        assert_eq!(command_line(child.pid).unwrap(), b"sh\0-c\0sleep 600 & wait\0");
        signals::send_group(child.pid, Signal::KILL).unwrap();
        wait_for(child.pid);
    }

    #[test]
    fn a_signal_reaches_the_process_that_is_meant_and_no_other() {
        let child = start(&["sleep", "600"]);
        let begun = identity(child.pid).unwrap();
        let reused = StartTime(begun.0 + 1);
        assert_eq!(signal(child.pid, reused, Signal::KILL).unwrap(), Sent::NoSuchProcess);
        assert_eq!(signal(child.pid, begun, Signal::TERM).unwrap(), Sent::Delivered);
        assert_eq!(wait_for(child.pid), Ending::Signal { signal: Signal::TERM, core: false });
        assert_eq!(signal(child.pid, begun, Signal::TERM).unwrap(), Sent::NoSuchProcess);
    }

    #[test]
    fn only_the_code_of_the_program_itself_is_given_back() {
        let maps = "1000-2000 r--p 00000000 fe:00 1 /bin/x\n2000-5000 r-xp 00001000 fe:00 1 /bin/x\n\
            5000-6000 r--p 00004000 fe:00 1 /bin/x\n6000-7000 rw-p 00005000 fe:00 1 /bin/x\n\
            8000-9000 r-xp 00000000 fe:00 2 /lib/libc.so\n";
        assert_eq!(code_of(maps), [(0x1000, 0x1000), (0x2000, 0x3000)]);
        let other = maps.replace("r-xp 00001000 fe:00 1 /bin/x", "rwxp 00001000 fe:00 1 /bin/x");
        assert_eq!(code_of(&other), [(0x1000, 0x1000)]);
        assert_eq!((code_of(""), code_of("1-2 r-xp 0")), (vec![], vec![]));
        // And we live on.
        give_back_code();
        assert!(identity(crate::sys::host::pid()).is_some());
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
    fn the_child_blocks_and_ignores_what_we_did() {
        let field = |status: &str, name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };
        let ours = fs::read_to_string("/proc/thread-self/status").unwrap();
        let (pid, stdout) = start_piped(&["cat", "/proc/self/status"]);
        let theirs = String::from_utf8(read_all(&stdout)).unwrap();
        assert_eq!(field(&theirs, "SigBlk:"), field(&ours, "SigBlk:"));
        assert_eq!(field(&theirs, "SigIgn:"), field(&ours, "SigIgn:"));
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
        eventually("the end of the child", || group_of(pid).iter().all(|one| one.zombie));
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
