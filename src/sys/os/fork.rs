//! Starting a process where memory cannot be shared with it (macOS): fork, and a pipe for the failure.

use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, fork};

use crate::sys::spawn::{Stage, Stopped};

/// Starts a process that runs `child`, which comes back only when it could not execute its program.
/// Waits until it has; gives the pid, or what stopped it. All signals must be blocked meanwhile.
pub fn start(child: &mut dyn FnMut() -> Stopped) -> Result<i32, Stopped> {
    let (mut report, reporter) = io::pipe().map_err(|error| {
        Stopped::fork(error.raw_os_error().map_or(Errno::EMFILE, Errno::from_raw))
    })?;
    #[expect(unsafe_code, reason = "there is no safe way to start a process")]
    // SAFETY: the child makes system calls only, then executes or leaves.
    match unsafe { fork() }.map_err(Stopped::fork)? {
        ForkResult::Child => {
            let stopped = child();
            let stage = match stopped.stage {
                Stage::Fork => 0,
                Stage::Chdir => 1,
                Stage::Exec => 2,
            };
            let words = [stage, stopped.errno];
            #[expect(unsafe_code, reason = "only plain system calls are safe here")]
            // SAFETY: eight bytes are written from an array of eight; _exit runs no code of ours.
            unsafe {
                libc::write(reporter.as_raw_fd(), words.as_ptr().cast(), 8);
                libc::_exit(127)
            }
        }
        ForkResult::Parent { child } => {
            // Ours must be closed, or the end of the file would never come.
            drop(reporter);
            let mut words = [0; 8];
            // Nothing comes when it has executed: its end of the pipe is closed on exec.
            let Ok(()) = report.read_exact(&mut words) else { return Ok(child.as_raw()) };
            let word = |at: usize| {
                i32::from_ne_bytes([words[at], words[at + 1], words[at + 2], words[at + 3]])
            };
            let stage = match word(0) {
                0 => Stage::Fork,
                1 => Stage::Chdir,
                _ => Stage::Exec,
            };
            let _ = nix::sys::wait::waitpid(child, None);
            Err(Stopped { stage, errno: word(4) })
        }
    }
}
