//! How much room a disk has.

use std::io;
use std::path::Path;

use nix::sys::statvfs::statvfs;

/// The room of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What this user may still write.
    pub free: u64,
    /// All of it.
    pub total: u64,
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
