//! What Linux tells of its clock, of what a file system is made of, and of what became of a program.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix::libc;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};

/// The magic number of ramfs (`linux/magic.h`).
const RAMFS_MAGIC: i64 = 0x8584_58f6;

/// Whether somebody keeps the clock right; `None` where the kernel does not say.
pub fn clock_is_kept() -> Option<bool> {
    #[expect(unsafe_code, reason = "nix has no wrapper for adjtimex")]
    // SAFETY: a structure of zeroes asks for nothing to be changed, and the kernel fills it in.
    let state = unsafe {
        let mut asked: libc::timex = std::mem::zeroed();
        libc::adjtimex(&raw mut asked)
    };
    (0 <= state).then_some(state != libc::TIME_ERROR)
}

/// The kernel says so behind the path of a program whose file has lost its name. Of another user's process it
/// says nothing, without rights.
pub fn runs_what_is_gone(pid: i32) -> bool {
    std::fs::read_link(format!("/proc/{pid}/exe"))
        .is_ok_and(|path| path.as_os_str().as_bytes().ends_with(b" (deleted)"))
}

/// Whether what is written there is gone after a reboot.
pub fn is_in_memory(path: &Path) -> io::Result<bool> {
    let kind = statfs(path)?.filesystem_type();
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless, reason = "its width differs")]
    Ok(kind == TMPFS_MAGIC || kind.0 as i64 == RAMFS_MAGIC)
}
