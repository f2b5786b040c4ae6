//! What tells whether a file was changed: which one it is, how long, and when it was written last.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::listing::Listed;

/// One file at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    inode: u64,
    /// Its length in bytes.
    pub size: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Stamp {
    /// Of a file that is open or was looked at.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            size: metadata.len(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }

    /// When it was written last, in milliseconds since 1970.
    pub fn written_ms(&self) -> i64 {
        self.seconds.saturating_mul(1000).saturating_add(self.nanoseconds / 1_000_000)
    }

    /// Whether `other` can be the same file with more behind its end.
    pub fn grew_to(&self, other: &Self) -> bool {
        self.inode == other.inode && self.size < other.size
    }
}

/// Of a file and what belongs to it; what is not there has none. The index of a WAL says nothing: whoever
/// reads the database writes it.
pub fn all(file: &Listed) -> Vec<Stamp> {
    let of = |path: &Path| path.symlink_metadata().ok().map(|found| Stamp::of(&found));
    let companions = file.companions();
    let telling = companions.iter().filter(|path| !path.to_string_lossy().ends_with("-shm"));
    std::iter::once(&file.path).chain(telling).filter_map(|path| of(path)).collect()
}
