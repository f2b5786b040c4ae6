//! Starting a process on Linux: the child borrows our memory until it has executed its program.
//!
//! As `posix_spawn` does it: nothing is copied, and the failure is in our memory when we go on.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use nix::errno::Errno;
use nix::libc;

use crate::sys::spawn::Stopped;

/// The stack of the child until it executes: it makes a dozen system calls and nothing else.
const STACK: usize = 32 * 1024;

/// A piece of it, aligned as a stack must be on every architecture that Linux runs on.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Piece(#[expect(dead_code, reason = "only its size counts")] [u8; 16]);

/// What the two share while one of them sleeps.
struct Shared<'a> {
    child: &'a mut dyn FnMut() -> Stopped,
    stopped: Option<Stopped>,
}

/// Starts a process that runs `child`, which comes back only when it could not execute its program.
/// Waits until it has; gives the pid, or what stopped it. All signals must be blocked meanwhile.
pub fn start(child: &mut dyn FnMut() -> Stopped) -> Result<i32, Stopped> {
    let mut stack = Vec::<MaybeUninit<Piece>>::with_capacity(STACK / size_of::<Piece>());
    let mut shared = Shared { child, stopped: None };
    #[expect(unsafe_code, reason = "there is no safe way to start a process")]
    // SAFETY: with CLONE_VFORK we sleep until the child has executed or ended, so the stack, `shared` and
    // all that `child` borrows outlive its use of them, and nothing is touched by both at once. It runs
    // on a stack of its own, of which the top is given, as stacks grow downwards on all of them.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(stack.capacity());
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        libc::clone(run, top.cast(), flags, (&raw mut shared).cast())
    };
    let pid = Errno::result(pid).map_err(Stopped::fork)?;
    match shared.stopped {
        None => Ok(pid),
        Some(stopped) => {
            // It has ended or is about to; its status is nobody's concern.
            #[expect(unsafe_code, reason = "nix's wait is made for what it can decode")]
            // SAFETY: a null status pointer is allowed.
            let _ = unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
            Err(stopped)
        }
    }
}

extern "C" fn run(shared: *mut c_void) -> libc::c_int {
    #[expect(unsafe_code, reason = "what a C function is given is a pointer")]
    // SAFETY: it is the `Shared` of `start`, which sleeps and so does not use it.
    let shared = unsafe { &mut *shared.cast::<Shared<'_>>() };
    shared.stopped = Some((shared.child)());
    127
}
