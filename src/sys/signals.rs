//! Signals: those that agentwatch catches, and those that it sends.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal as NixSignal};

use super::os;
use crate::core::signal::{Request, Signal};

/// A child of ours changed its state.
pub const CHLD: Signal = Signal(libc::SIGCHLD);

/// Stops a process where it is, and cannot be caught.
pub const STOP: Signal = Signal(libc::SIGSTOP);

/// A stopped process goes on.
pub const CONT: Signal = Signal(libc::SIGCONT);

/// What a process sends to itself by a mistake in its code or by going too far: no message for others.
const FAULTS: [i32; 11] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGSYS,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    libc::SIGALRM,
    libc::SIGPROF,
];

/// The signal mask that agentwatch was started with, once it has changed it.
static START_MASK: OnceLock<SigSet> = OnceLock::new();

/// Whether it was started with CHLD ignored.
static CHLD_IGNORED: OnceLock<bool> = OnceLock::new();

/// What a signal asks for on this system.
pub fn request(signal: Signal) -> Request {
    match signal.0 {
        libc::SIGTERM | libc::SIGINT | libc::SIGQUIT => Request::Stop,
        libc::SIGHUP => Request::Hangup,
        libc::SIGTSTP => Request::Suspend,
        libc::SIGTTIN | libc::SIGTTOU => Request::Background,
        libc::SIGCONT => Request::Continue,
        _ => Request::Other,
    }
}

/// A signal that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caught {
    /// Which.
    pub signal: Signal,
    /// The kernel sent it (a terminal does so to a whole group), not a process. Where that cannot be
    /// told, what terminals send is taken to come from one.
    pub by_kernel: bool,
}

/// The signals that came in, behind a descriptor to poll.
#[derive(Debug)]
pub struct Signals(os::SignalSource);

impl Signals {
    /// Starts to catch every signal that can be caught; once per process, before any spawn.
    ///
    /// What was ignored at start stays ignored, but for CHLD: with it ignored no child would leave a
    /// status. All others are blocked and read from a descriptor: no handler ever runs.
    ///
    /// # Errors
    /// No descriptor left.
    pub fn new() -> io::Result<Self> {
        let ignored = disposition(libc::SIGCHLD) == Some(libc::SIG_IGN);
        if *CHLD_IGNORED.get_or_init(|| ignored) {
            handle_by_default(libc::SIGCHLD)?;
        }
        let never = [libc::SIGKILL, libc::SIGSTOP, libc::SIGPIPE];
        let caught: Vec<i32> = (1..=os::SIGNAL_MAX)
            .filter(|signal| !never.contains(signal))
            .filter(|signal| disposition(*signal).is_some_and(|how| how != libc::SIG_IGN))
            .collect();
        let before = SigSet::thread_get_mask()?;
        let source = os::SignalSource::new(&caught)?;
        START_MASK.get_or_init(|| before);
        Ok(Self(source))
    }

    /// What to poll for reading.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.fd()
    }

    /// The signals since the last call, without our own faults and without a suspension that was taken
    /// back or the other way round. Never blocks.
    pub fn take(&mut self) -> Vec<Caught> {
        let mut caught = self.0.take();
        caught.retain(|one| !(one.by_kernel && FAULTS.contains(&one.signal.0)));
        keep_latest(&mut caught);
        caught
    }
}

/// Of stopping and going on only the last word counts, as the kernel has it with those not yet read.
fn keep_latest(caught: &mut Vec<Caught>) {
    let goes_on = |one: &Caught| match request(one.signal) {
        Request::Continue => Some(true),
        Request::Suspend | Request::Background => Some(false),
        Request::Stop | Request::Hangup | Request::Other => None,
    };
    let last = caught.iter().rev().find_map(goes_on);
    caught.retain(|one| goes_on(one).is_none() || goes_on(one) == last);
}

/// Whether a Ctrl-Z has come in and was not taken yet: a child in our group is stopped by it already.
pub fn suspension_pending() -> bool {
    pending(NixSignal::SIGTSTP)
}

/// Whether a blocked signal waits to be read.
fn pending(signal: NixSignal) -> bool {
    let mut set = SigSet::empty().as_ref().to_owned();
    #[expect(unsafe_code, reason = "nix does not tell what is pending")]
    // SAFETY: sigpending writes a whole set into the one that it is given.
    let set = unsafe {
        libc::sigpending(&raw mut set);
        SigSet::from_sigset_t_unchecked(set)
    };
    set.contains(signal)
}

/// Blocks SIGPIPE, so that a reader that went away is an error of the write and nothing more.
pub(super) fn block_pipe() {
    // Cannot fail: blocking is all that is asked.
    if let Ok(before) = SigSet::from(NixSignal::SIGPIPE).thread_swap_mask(SigmaskHow::SIG_BLOCK) {
        START_MASK.get_or_init(|| before);
    }
}

/// The mask to start a child with, if it is another than the current one.
pub(super) fn start_mask() -> Option<SigSet> {
    START_MASK.get().copied()
}

/// Gives a child back what catching has changed of its dispositions. Safe after fork.
pub(super) fn restore_in_child() -> nix::Result<()> {
    if CHLD_IGNORED.get() == Some(&true) {
        set_disposition(libc::SIGCHLD, libc::SIG_IGN)?;
    }
    Ok(())
}

/// How this process handles a signal now; `None` if there is no such signal. Safe after fork.
fn disposition(signal: i32) -> Option<libc::sighandler_t> {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    #[expect(unsafe_code, reason = "nix can set a disposition, not ask for it")]
    // SAFETY: with a null new action sigaction only writes the old one, and it is read only when
    // the call succeeded, that is, when all of it was written.
    unsafe {
        let result = libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        (result == 0).then(|| action.assume_init().sa_sigaction)
    }
}

fn handle_by_default(signal: i32) -> nix::Result<()> {
    set_disposition(signal, libc::SIG_DFL)
}

fn set_disposition(signal: i32, how: libc::sighandler_t) -> nix::Result<()> {
    #[expect(unsafe_code, reason = "nix knows no disposition as a number")]
    // SAFETY: neither of the two dispositions runs code of ours.
    let before = unsafe { libc::signal(signal, how) };
    if before == libc::SIG_ERR { Err(Errno::last()) } else { Ok(()) }
}

/// Stops this process until somebody continues it, as a shell's Ctrl-Z does. Where nobody could continue
/// it (no shell with job control above), the kernel lets it run on, unless `firmly`.
///
/// Not if a CONT is there already: to stop would throw it away, and there might never be another.
pub fn suspend(firmly: bool) {
    if pending(NixSignal::SIGCONT) {
        return;
    }
    if firmly {
        // Cannot fail: every process may stop itself.
        let _ = nix::sys::signal::raise(NixSignal::SIGSTOP);
        return;
    }
    // Blocked, TSTP would only be read; it stops us in the moment in which it is let through.
    let _ = nix::sys::signal::raise(NixSignal::SIGTSTP);
    let tstp = SigSet::from(NixSignal::SIGTSTP);
    if tstp.thread_unblock().is_ok() {
        let _ = tstp.thread_block();
    }
}

/// What became of a signal that was sent without error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// At least one process has it (a zombie has no use for it).
    Delivered,
    /// There is no such process or group (ESRCH).
    NoSuchProcess,
}

/// Sends a signal to one process.
///
/// # Errors
/// EPERM: it is another user's. `InvalidInput`: pid 1 and less are never signalled.
pub fn send(pid: i32, signal: Signal) -> io::Result<Sent> {
    refuse_special(pid)?;
    kill(pid, signal.0)
}

/// Sends a signal to every process of a group.
///
/// # Errors
/// EPERM: all of it is another user's. `InvalidInput`: groups 1 and less are never signalled.
pub fn send_group(pgid: i32, signal: Signal) -> io::Result<Sent> {
    refuse_special(pgid)?;
    kill(-pgid, signal.0)
}

/// Whether a signal to the group would find a process.
pub(super) fn probe_group(pgid: i32) -> io::Result<Sent> {
    refuse_special(pgid)?;
    kill(-pgid, 0)
}

/// 0 is our own group, −1 everyone, 1 init: a pid gone wrong must not reach them.
fn refuse_special(id: i32) -> io::Result<()> {
    if id > 1 {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{id} is not to be signalled")))
}

fn kill(to: i32, signal: i32) -> io::Result<Sent> {
    #[expect(unsafe_code, reason = "nix knows no real-time signals")]
    // SAFETY: kill takes two integers and touches no memory of ours.
    let result = unsafe { libc::kill(to, signal) };
    match Errno::result(result) {
        Ok(_) => Ok(Sent::Delivered),
        Err(Errno::ESRCH) => Ok(Sent::NoSuchProcess),
        Err(errno) => Err(errno.into()),
    }
}

/// The name of a signal on this machine, as `SIGTERM`; `signal 42` for one without.
pub fn name(signal: Signal) -> String {
    NixSignal::try_from(signal.0)
        .map_or_else(|_| format!("signal {}", signal.0), |signal| signal.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;
    use std::{env, fs};

    use nix::sys::signal::raise;

    use super::*;
    use crate::sys::poll::{Interest, wait};
    use crate::sys::testing::{inner, read_all, rerun, start_piped, wait_for};

    fn numbers(signals: &mut Signals) -> Vec<Signal> {
        signals.take().into_iter().map(|caught| caught.signal).collect()
    }

    #[test]
    fn signals_have_names() {
        assert_eq!(name(Signal::TERM), "SIGTERM");
        assert_eq!(name(Signal(NixSignal::SIGCHLD as i32)), "SIGCHLD");
        assert_eq!(name(Signal(42)), "signal 42");
        assert_eq!(name(Signal(-1)), "signal -1");
    }

    #[test]
    fn init_our_own_group_and_everyone_are_never_signalled() {
        for id in [1, 0, -1, -4711, i32::MIN] {
            for result in [send(id, Signal::TERM), send_group(id, Signal::TERM)] {
                assert_eq!(result.unwrap_err().kind(), io::ErrorKind::InvalidInput, "{id}");
            }
        }
        assert_eq!(send(i32::MAX, Signal::TERM).unwrap(), Sent::NoSuchProcess);
    }

    #[test]
    fn a_caught_signal_wakes_poll_and_is_taken_once() {
        if inner().is_none() {
            return rerun("sys::signals::tests::a_caught_signal_wakes_poll_and_is_taken_once", &[]);
        }
        // Inherited blocked, as some parents leave it: it must come through all the same.
        SigSet::from(NixSignal::SIGTERM).thread_block().unwrap();
        let mut signals = Signals::new().unwrap();
        assert_eq!(signals.take(), []);
        // Not by `kill`, which may reach another thread of the test's process, a moment later.
        for signal in [NixSignal::SIGCHLD, NixSignal::SIGTERM, NixSignal::SIGTERM] {
            raise(signal).unwrap();
        }
        let mut fds = [Interest::read(signals.fd())];
        wait(&mut fds, Some(Duration::from_secs(20))).unwrap();
        assert!(fds[0].ready.readable);
        let mut caught = numbers(&mut signals);
        caught.sort();
        assert_eq!(caught, [Signal::TERM, CHLD]);
        let mut fds = [Interest::read(signals.fd())];
        wait(&mut fds, Some(Duration::ZERO)).unwrap();
        assert!(!fds[0].ready.readable);
        assert_eq!(signals.take(), []);

        // The child starts with the mask that this process was started with, TERM blocked.
        let (pid, stdout) = start_piped(&["sh", "-c", "kill -TERM $$; echo alive"]);
        assert_eq!(read_all(&stdout), b"alive\n");
        // That it ended is told to any thread of the test's process, and lost in one that blocks nothing.
        wait_for(pid);
    }

    #[test]
    fn every_signal_that_can_be_caught_comes_in_and_ends_nobody() {
        const NAME: &str =
            "sys::signals::tests::every_signal_that_can_be_caught_comes_in_and_ends_nobody";
        if inner().is_none() {
            return rerun(NAME, &[]);
        }
        let mut signals = Signals::new().unwrap();
        let mut missing = Vec::new();
        for signal in NixSignal::iterator() {
            // libtest's runtime ignores PIPE; the faults are those of other tests here.
            let left_out = [NixSignal::SIGKILL, NixSignal::SIGSTOP, NixSignal::SIGPIPE];
            if left_out.contains(&signal) {
                continue;
            }
            raise(signal).unwrap();
            if numbers(&mut signals) != [Signal(signal as i32)] {
                missing.push(signal);
            }
        }
        // Sent by ourselves it is the kernel's word about a file of ours.
        assert_eq!(missing, [NixSignal::SIGXFSZ]);
    }

    #[test]
    fn of_stopping_and_going_on_the_last_word_counts() {
        let caught = |signal: NixSignal| Caught { signal: Signal(signal as i32), by_kernel: false };
        let (stop, go, other) = (NixSignal::SIGTSTP, NixSignal::SIGCONT, NixSignal::SIGUSR1);
        for (came, left) in [
            (vec![stop, other, go], vec![other, go]),
            (vec![go, stop], vec![stop]),
            (vec![go, stop, go], vec![go, go]),
            (vec![other], vec![other]),
        ] {
            let mut came: Vec<_> = came.into_iter().map(caught).collect();
            keep_latest(&mut came);
            assert_eq!(came, left.into_iter().map(caught).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_suspension_that_was_taken_back_stops_nobody() {
        const NAME: &str = "sys::signals::tests::a_suspension_that_was_taken_back_stops_nobody";
        if inner().is_none() {
            return rerun(NAME, &[]);
        }
        let mut signals = Signals::new().unwrap();
        assert!(!suspension_pending());
        raise(NixSignal::SIGTSTP).unwrap();
        assert!(suspension_pending());
        raise(NixSignal::SIGCONT).unwrap();
        assert!(!suspension_pending());
        // It would never come back from this one.
        suspend(true);
        assert_eq!(numbers(&mut signals), [CONT]);
    }

    #[test]
    fn a_hangup_that_nohup_ignores_stays_ignored_in_both() {
        const NAME: &str = "sys::signals::tests::a_hangup_that_nohup_ignores_stays_ignored_in_both";
        if inner().is_none() {
            let status = Command::new("sh")
                .args(["-c", "trap '' HUP CHLD; exec \"$0\" \"$@\""])
                .arg(env::current_exe().unwrap())
                .args(["--exact", NAME, "--test-threads=1"])
                .env("AGENTWATCH_INNER", "1")
                .stdout(fs::File::create("/dev/null").unwrap())
                .status()
                .unwrap();
            return assert!(status.success());
        }
        let mut signals = Signals::new().unwrap();
        raise(NixSignal::SIGHUP).unwrap();
        raise(NixSignal::SIGTERM).unwrap();
        assert_eq!(numbers(&mut signals), [Signal::TERM]);
        let (pid, stdout) = start_piped(&["sh", "-c", "kill -HUP $$; echo alive"]);
        assert_eq!(read_all(&stdout), b"alive\n");
        // An ignored CHLD would have taken the status of the child from us.
        wait_for(pid);
    }
}
