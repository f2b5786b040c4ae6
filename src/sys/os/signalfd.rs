//! Catching signals on Linux: blocked, and read from a descriptor that tells who sent them.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};

use nix::libc;
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};

use crate::core::signal::Signal;
use crate::sys::signals::Caught;

/// The highest signal number: the real-time ones reach to here.
pub const SIGNAL_MAX: i32 = 64;

/// The most signals that are taken at once: a flood must not hold up the turn.
const AT_ONCE: usize = 64;

/// Blocked signals and the descriptor they are read from.
#[derive(Debug)]
pub struct SignalSource(SignalFd);

impl SignalSource {
    pub fn new(numbers: &[i32]) -> io::Result<Self> {
        let set = set_of(numbers);
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let source = SignalFd::with_flags(&set, flags)?;
        // Only now: what was blocked and cannot be read would be lost.
        set.thread_block()?;
        Ok(Self(source))
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    pub fn take(&mut self) -> Vec<Caught> {
        // Ends: at the limit, or when nothing is left to read (or an error, which would only repeat).
        std::iter::from_fn(|| self.0.read_signal().ok().flatten())
            .take(AT_ONCE)
            .filter(|info| !is_about_our_file(info))
            .map(|info| Caught {
                signal: Signal(i32::try_from(info.ssi_signo).unwrap_or(0)),
                by_kernel: info.ssi_code == libc::SI_KERNEL,
            })
            .collect()
    }
}

/// Whether a file of ours may grow no further: the write tells us, and it is no word to the child.
fn is_about_our_file(info: &siginfo) -> bool {
    i32::try_from(info.ssi_signo) == Ok(libc::SIGXFSZ) && info.ssi_pid == std::process::id()
}

/// Not by nix's own names, which know no real-time signals.
fn set_of(numbers: &[i32]) -> SigSet {
    let mut set = SigSet::empty().as_ref().to_owned();
    #[expect(unsafe_code, reason = "nix's sets take no real-time signals")]
    // SAFETY: sigaddset writes into the set it is given; a number that is none is refused.
    unsafe {
        for number in numbers {
            libc::sigaddset(&raw mut set, *number);
        }
        SigSet::from_sigset_t_unchecked(set)
    }
}
