//! Systems other than Linux (macOS): the nearest thing, or an honest nothing.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::libc;
use nix::poll::{PollFd, PollTimeout};
use nix::sys::socket::MsgFlags;
use nix::time::ClockId;

use crate::core::evidence::Evidence;
use crate::core::signal::Signal;
use crate::sys::datagram::Sender;
use crate::sys::signals::Sent;
use crate::sys::tree::{Process, StartTime};

/// The file that this process executes is known by its name only.
pub const OWN_PROGRAM: Option<&str> = None;

/// Stands still in suspend.
pub const UP: ClockId = ClockId::from_raw(libc::CLOCK_UPTIME_RAW);

/// Runs on in suspend: on macOS that is what `CLOCK_MONOTONIC` does.
pub const BOOT: ClockId = ClockId::CLOCK_MONOTONIC;

/// Never block; Rust ignores SIGPIPE before `main`, and nix knows no `MSG_NOSIGNAL` here.
pub const SEND_FLAGS: MsgFlags = MsgFlags::MSG_DONTWAIT;

/// The C library is the system's.
pub fn keep_to_own_lookups() {}

/// Waits in whole milliseconds, rounded up: rounded down, the last one would be spun away.
pub fn poll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> nix::Result<i32> {
    let timeout = match timeout {
        Some(timeout) => {
            let millis = timeout.as_nanos().div_ceil(1_000_000);
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        }
        None => PollTimeout::NONE,
    };
    nix::poll::poll(fds, timeout)
}

/// There is no such timer here, and no value of this type.
#[derive(Debug)]
pub struct BootTimer(Infallible);

impl BootTimer {
    pub fn new() -> io::Result<Option<Self>> {
        Ok(None)
    }

    pub fn set(&mut self, _after: Option<Duration>) -> io::Result<()> {
        match self.0 {}
    }

    pub fn fd(&self) -> BorrowedFd<'_> {
        match self.0 {}
    }
}

/// There is no parent-death signal here: the tree of a killed agentwatch lives on.
pub fn die_with_parent() -> nix::Result<()> {
    Ok(())
}

pub fn become_subreaper() -> bool {
    false
}

/// Nothing here makes a second description of an inherited pipe.
pub fn reopen_nonblocking(_file: &File) -> Option<File> {
    None
}

/// The second at which the machine booted; an adjusted clock may move it by one.
pub fn boot_id() -> Option<String> {
    let mut booted = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let mut size = size_of::<libc::timeval>();
    #[expect(unsafe_code, reason = "nix wraps no sysctl")]
    // SAFETY: the name ends in NUL, and the kernel writes at most `size` bytes into `booted`.
    let result = unsafe {
        libc::sysctlbyname(
            c"kern.boottime".as_ptr(),
            (&raw mut booted).cast(),
            &raw mut size,
            std::ptr::null_mut(),
            0,
        )
    };
    (result == 0).then(|| booted.tv_sec.to_string())
}

pub fn identity(_pid: i32) -> Option<StartTime> {
    None
}

/// Nothing here tells without rights that a probe has not.
pub fn is_stopped(_pid: i32) -> bool {
    false
}

/// Nobody tells what became of a program.
pub fn runs_what_is_gone(_pid: i32) -> bool {
    false
}

/// Nobody has measured here what that would bring.
pub fn give_back_code() {}

pub fn give_back_heap() {}

pub fn processes() -> io::Result<Vec<Process>> {
    Ok(Vec::new())
}

pub fn lacks_means(_error: &io::Error) -> bool {
    false
}

pub const IS_MACOS: bool = cfg!(target_os = "macos");

pub const SEES_ALL: bool = false;

/// What `getrusage` counts memory in, in bytes.
pub const RUSAGE_UNIT: u64 = 1;

pub fn environment(_pid: i32) -> io::Result<Vec<u8>> {
    Err(io::ErrorKind::Unsupported.into())
}

pub fn command_line(_pid: i32) -> Option<Vec<u8>> {
    None
}

/// Nothing tells a process here from another that was given its number, so none is signalled.
pub fn signal(_pid: i32, _start: StartTime, _signal: Signal) -> io::Result<Sent> {
    Ok(Sent::NoSuchProcess)
}

/// There is no `/proc` here to look at.
pub fn look(_pid: i32) -> Option<Evidence> {
    None
}

/// Room for the descriptors that may come with a datagram: they have to be taken to be closed.
pub const CONTROL_MAX: usize = 1024;

/// Descriptors are closed as soon as they are here, so nothing is executed with them in between.
pub const RECEIVE_FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// Nothing tells here who sent a datagram: the private folder keeps others away.
pub const SENDER_UNTOLD: Sender = Sender::Untold;

pub fn ask_for_senders(_socket: &impl AsFd) -> nix::Result<()> {
    Ok(())
}

pub fn sender(_kind: libc::c_int, _data: &[u8]) -> Option<Sender> {
    None
}

/// Nothing here tells.
pub fn clock_is_kept() -> Option<bool> {
    None
}

/// Folders in memory are not usual here.
pub fn is_in_memory(_path: &std::path::Path) -> io::Result<bool> {
    Ok(false)
}

/// There are no such names here.
pub fn abstract_address(_name: &[u8]) -> io::Result<std::os::unix::net::SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

pub fn owner(_pid: i32) -> Option<u32> {
    None
}
