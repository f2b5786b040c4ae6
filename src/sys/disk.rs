//! What a disk is: how much room it has, whether it may be written, whether it outlives the machine.

use std::io;
use std::path::Path;

use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use super::os;

/// The room of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What this user may still write.
    pub free: u64,
    /// All of it.
    pub total: u64,
}

/// Whether what is written there is gone after a reboot (tmpfs), as far as the system tells.
///
/// # Errors
/// Those of the file system.
pub fn is_in_memory(path: &Path) -> io::Result<bool> {
    os::is_in_memory(path)
}

/// Whether this user may make files in a folder, as it is now; a read-only mount is a no.
#[must_use]
pub fn is_writable(folder: &Path) -> bool {
    access(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

/// The room where `path` is.
///
/// # Errors
/// Those of the file system.
pub fn space(path: &Path) -> io::Result<Space> {
    let found = statvfs(path)?;
    // Their widths differ between systems.
    #[allow(clippy::unnecessary_cast, clippy::cast_lossless, reason = "u32 elsewhere")]
    let of = |blocks| (blocks as u64).saturating_mul(found.fragment_size() as u64);
    Ok(Space { free: of(found.blocks_available()), total: of(found.blocks()) })
}
