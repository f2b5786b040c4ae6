//! Files that the kernel makes up while they are read, whose size nobody knows before.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The most that is read: the tables of connections are the long ones, and half of one tells more
/// than waiting for the other half does.
const HEAD_MAX: u64 = 4 << 20;

/// What most of them hold, in bytes.
const FIRST: usize = 8 * 1024;

/// The first 4 MiB of a file.
///
/// `None` if it cannot be read, whatever the reason: who asks can do without.
pub fn read_head(path: &Path) -> Option<Vec<u8>> {
    // With nowhere to read to, it is read in pieces of 32 bytes at first: a system call each.
    let mut bytes = Vec::with_capacity(FIRST);
    File::open(path).ok()?.take(HEAD_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endless_is_cut_and_the_missing_is_nothing() {
        let head = read_head(Path::new("/dev/zero")).unwrap();
        assert_eq!(head.len(), 4 << 20);
        assert_eq!(read_head(Path::new("/dev/null")), Some(Vec::new()));
        assert_eq!(read_head(Path::new("/nowhere/at/all")), None);
        assert_eq!(read_head(Path::new("/")), None);
    }
}
