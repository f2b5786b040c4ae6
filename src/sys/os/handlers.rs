//! Catching signals where there is no descriptor for them (macOS): a handler and its pipe.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::libc;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use crate::core::signal::Signal;
use crate::sys::signals::Caught;

/// The highest signal number.
pub const SIGNAL_MAX: i32 = 31;

/// Who sent a signal cannot be told here, so these are taken to come from a terminal, which has reached
/// the child already where it shares our group.
const OF_TERMINALS: [i32; 6] =
    [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP, libc::SIGWINCH, libc::SIGTTIN, libc::SIGTTOU];

/// The signals that came in, behind a descriptor.
#[derive(Debug)]
pub struct SignalSource(SignalDelivery<UnixStream, SignalOnly>);

impl SignalSource {
    pub fn new(numbers: &[i32]) -> io::Result<Self> {
        let wanted = numbers.iter().filter(|number| {
            !signal_hook::consts::FORBIDDEN.contains(number) && **number != libc::SIGTRAP
        });
        let (read, write) = UnixStream::pair()?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, wanted.clone())?;
        let set: nix::sys::signal::SigSet =
            wanted.filter_map(|number| nix::sys::signal::Signal::try_from(*number).ok()).collect();
        // Inherited blocked, as some parents leave them, they would never come.
        set.thread_unblock()?;
        Ok(Self(delivery))
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }

    pub fn take(&mut self) -> Vec<Caught> {
        let caught =
            |number| Caught { signal: Signal(number), by_kernel: OF_TERMINALS.contains(&number) };
        // A file of ours that may grow no further is our own affair; who else would send that?
        self.0.pending().filter(|number| *number != libc::SIGXFSZ).map(caught).collect()
    }
}
