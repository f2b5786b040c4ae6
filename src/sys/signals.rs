//! Signals: those that agentwatch catches, and those that it sends.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal as NixSignal};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use crate::core::signal::Signal;

/// A child of ours changed its state.
pub const CHLD: Signal = Signal(libc::SIGCHLD);

/// A stopped process goes on.
pub const CONT: Signal = Signal(libc::SIGCONT);

/// What agentwatch catches; the child gets each of them back as it was.
pub(super) const CAUGHT: [NixSignal; 5] = [
    NixSignal::SIGTERM,
    NixSignal::SIGINT,
    NixSignal::SIGQUIT,
    NixSignal::SIGHUP,
    NixSignal::SIGCHLD,
];

/// Ignored at start, these stay ignored: `nohup`, or a background job of a shell script.
const LEFT_IGNORED: [NixSignal; 3] = [NixSignal::SIGINT, NixSignal::SIGQUIT, NixSignal::SIGHUP];

/// The signal mask that agentwatch was started with, once [`Signals::new`] has changed it.
static START_MASK: OnceLock<SigSet> = OnceLock::new();

/// The signals that came in, behind a descriptor to poll.
#[derive(Debug)]
pub struct Signals(SignalDelivery<UnixStream, SignalOnly>);

impl Signals {
    /// Starts to catch TERM, INT, QUIT, HUP and CHLD; once per process, before any spawn.
    ///
    /// INT, QUIT and HUP stay ignored where they were. Those that are caught are unblocked: a
    /// supervisor that inherited a blocked CHLD would never hear of an ending.
    ///
    /// # Errors
    /// No descriptor left.
    pub fn new() -> io::Result<Self> {
        let caught = CAUGHT.iter().copied().filter(|signal| {
            !(LEFT_IGNORED.contains(signal) && disposition(*signal) == Some(libc::SIG_IGN))
        });
        // Both ends are close-on-exec; the write end is never written to blockingly (MSG_DONTWAIT).
        let (read, write) = UnixStream::pair()?;
        let numbers: Vec<i32> = caught.clone().map(|signal| signal as i32).collect();
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, numbers)?;
        let before = caught.collect::<SigSet>().thread_swap_mask(SigmaskHow::SIG_UNBLOCK)?;
        START_MASK.get_or_init(|| before);
        Ok(Self(delivery))
    }

    /// What to poll for reading.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }

    /// The signals since the last call, each at most once, by number. Never blocks.
    pub fn take(&mut self) -> Vec<Signal> {
        self.0.pending().map(Signal).collect()
    }
}

/// The mask to start a child with, if it is another than the current one.
pub(super) fn start_mask() -> Option<SigSet> {
    START_MASK.get().copied()
}

/// How this process handles a signal now; `None` if it cannot be told. Safe after fork.
pub(super) fn disposition(signal: NixSignal) -> Option<libc::sighandler_t> {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    #[expect(unsafe_code, reason = "nix can set a disposition, not ask for it")]
    // SAFETY: with a null new action sigaction only writes the old one, and it is read only when
    // the call succeeded, that is, when all of it was written.
    unsafe {
        let result = libc::sigaction(signal as i32, std::ptr::null(), action.as_mut_ptr());
        (result == 0).then(|| action.assume_init().sa_sigaction)
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
    use crate::sys::testing::{eventually, inner, read_all, rerun, start_piped, wait_for};

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
        assert_eq!(signals.take(), [Signal::TERM, Signal(NixSignal::SIGCHLD as i32)]);
        let mut fds = [Interest::read(signals.fd())];
        wait(&mut fds, Some(Duration::ZERO)).unwrap();
        assert!(!fds[0].ready.readable);
        assert_eq!(signals.take(), []);

        // The child starts with the mask that this process was started with, TERM blocked.
        let (pid, stdout) = start_piped(&["sh", "-c", "kill -TERM $$; echo alive"]);
        assert_eq!(read_all(&stdout), b"alive\n");
        wait_for(pid);
        eventually("SIGCHLD", || signals.take() == [Signal(NixSignal::SIGCHLD as i32)]);
    }

    #[test]
    fn a_hangup_that_nohup_ignores_stays_ignored_in_both() {
        const NAME: &str = "sys::signals::tests::a_hangup_that_nohup_ignores_stays_ignored_in_both";
        if inner().is_none() {
            let status = Command::new("sh")
                .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
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
        assert_eq!(signals.take(), [Signal::TERM]);
        let (pid, stdout) = start_piped(&["sh", "-c", "kill -HUP $$; echo alive"]);
        assert_eq!(read_all(&stdout), b"alive\n");
        wait_for(pid);
    }
}
