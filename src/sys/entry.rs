//! The first moments of the process, before anything else has run.
//!
//! Rust's own start-up ignores SIGPIPE, takes over SIGSEGV and reads its own memory map: a wrapper would
//! hand an ignored SIGPIPE on to its child, and pays for the rest at every launch. So the binary has a C
//! `main` (the macro [`crate::entry`]) and does here what is still wanted.

use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt as _;

use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::Mode;

use super::{os, signals};

/// Defines the `main` of a binary: calls a function of the arguments and leaves with the code it gives.
#[macro_export]
macro_rules! entry {
    ($run:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn main(
            argc: std::ffi::c_int,
            argv: *const *const std::ffi::c_char,
        ) -> std::ffi::c_int {
            // SAFETY: these are the arguments of `main`, as the C runtime gives them.
            let arguments = unsafe { $crate::sys::entry::begin(argc, argv) };
            let code: u8 = $run(arguments);
            std::ffi::c_int::from(code)
        }
    };
}

/// Prepares the process; gives its arguments, the program's name first.
///
/// SIGPIPE is blocked rather than ignored, which no child inherits (it starts with the mask of before);
/// 0, 1 and 2 are open, so that no file of ours can become somebody's standard output.
///
/// # Safety
/// They must be the `argc` and `argv` of the C function `main`.
#[expect(unsafe_code, reason = "it reads the arguments of a C main")]
pub unsafe fn begin(count: c_int, arguments: *const *const c_char) -> Vec<OsString> {
    open_standard_descriptors();
    signals::block_pipe();
    os::keep_to_own_lookups();
    let argument = |n| {
        // SAFETY: it holds `count` pointers to strings that live as long as the process.
        let text = unsafe { CStr::from_ptr(*arguments.add(n)) };
        OsStr::from_bytes(text.to_bytes()).to_owned()
    };
    (0..usize::try_from(count).unwrap_or(0)).map(argument).collect()
}

fn open_standard_descriptors() {
    let mut fds = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
    #[expect(unsafe_code, reason = "a descriptor that may be closed cannot be borrowed")]
    // SAFETY: poll writes into the array whose length it is given, and nowhere else.
    let polled = unsafe { libc::poll(fds.as_mut_ptr(), 3, 0) };
    if polled <= 0 {
        return;
    }
    for _ in fds.iter().filter(|fd| fd.revents & libc::POLLNVAL != 0) {
        // The lowest free number is the one that is missing. It stays open, as they all do.
        if let Ok(null) = open("/dev/null", OFlag::O_RDWR, Mode::empty()) {
            std::mem::forget(null);
        }
    }
}
