//! One file: opened without waiting, read through, and judged.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;
use std::time::Duration;

use crate::core::validation::{Fault, FaultKind, FileKind};
use crate::sys::file;
use crate::wire::check::{Checker, Verdict, Wrong};

use super::listing::Listed;
use super::stamp::Stamp;
use super::{pause, sqlite};

/// How much is read at once: enough for the disk to be the slow part.
pub const READ: usize = 256 * 1024;

/// From this size on a second thread is worth its start.
const APART_FROM: u64 = 4 << 20;

/// How often a file is looked at anew that changes meanwhile.
const TRIES: u32 = 3;

/// What was found of a file.
#[derive(Debug, Default)]
pub struct Looked {
    /// What is wrong.
    pub fault: Option<Fault>,
    /// Where it could be cut off.
    pub cut_at: Option<u64>,
    /// How much was read.
    pub bytes: u64,
    /// What was noticed.
    pub notes: Vec<String>,
}

/// Looks at a file; `scratch` is for a copy of a database that cannot be read where it is.
pub fn look(file: &Listed, scratch: &Path) -> Looked {
    let mut tries = 1;
    loop {
        let before = file.path.symlink_metadata().map(|found| Stamp::of(&found)).ok();
        let mut looked = once(file, scratch);
        let after = file.path.symlink_metadata().map(|found| Stamp::of(&found)).ok();
        if before == after {
            return looked;
        }
        if TRIES <= tries {
            looked.notes.push(format!("{}: is written just now", file.path.display()));
            return looked;
        }
        tries += 1;
        pause(Duration::from_millis(20));
    }
}

fn once(file: &Listed, scratch: &Path) -> Looked {
    let mut looked = Looked::default();
    let found = if file.kind == FileKind::Sqlite {
        sqlite::check(&file.path, scratch).map(|checked| {
            looked.bytes = checked.bytes;
            looked.notes = checked.notes;
            Verdict { wrong: checked.wrong, cut_at: None }
        })
    } else {
        file::open_to_read(&file.path).and_then(|open| {
            let (verdict, bytes) = read_through(&open, file.kind, |_| {})?;
            looked.bytes = bytes;
            Ok(verdict)
        })
    };
    let fault = |fault, offset, words| Fault { path: file.shown(), fault, offset, words };
    match found {
        Ok(Verdict { wrong: None, .. }) => {}
        Ok(Verdict { wrong: Some(Wrong { fault: what, offset, words }), cut_at }) => {
            let offset = (what != FaultKind::Empty).then_some(offset);
            looked.fault = Some(fault(what, offset, words));
            looked.cut_at = cut_at;
        }
        Err(error) => {
            let unfit = error.kind() == ErrorKind::InvalidInput;
            let what = if unfit { FaultKind::Unfit } else { FaultKind::Unreadable };
            looked.fault = Some(fault(what, None, error.to_string()));
        }
    }
    looked
}

/// Reads a file from its beginning to its end and judges it; `on` sees every byte.
///
/// # Errors
/// Those of the file system.
pub fn read_through(
    mut open: &File,
    kind: FileKind,
    mut on: impl FnMut(&[u8]),
) -> io::Result<(Verdict, u64)> {
    let mut checker = Checker::new(kind);
    let mut buffer = vec![0; READ];
    let mut bytes = 0;
    loop {
        let count = match open.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let read = buffer.get(..count).unwrap_or_default();
        bytes += read.len() as u64;
        on(read);
        if let Some(checker) = &mut checker {
            checker.feed(read);
        }
    }
    Ok((checker.map_or_else(Verdict::default, Checker::end), bytes))
}

/// Reads a file through, judges it and gives its hash; with `sync` it is on the platter after that.
///
/// # Errors
/// Those of the file system.
pub fn judge(path: &Path, kind: FileKind, sync: bool) -> io::Result<(Verdict, u64, blake3::Hash)> {
    let open = file::open_to_read(path)?;
    let size = open.metadata()?.len();
    if size < APART_FROM {
        let mut hasher = blake3::Hasher::new();
        let (verdict, bytes) = read_through(&open, kind, |bytes| {
            hasher.update(bytes);
        })?;
        if sync {
            open.sync_all()?;
        }
        return Ok((verdict, bytes, hasher.finalize()));
    }
    let beside = || {
        let open = file::open_to_read(path)?;
        if sync {
            open.sync_all()?;
        }
        hash(&open)
    };
    std::thread::scope(|scope| {
        // The disk writes and the hash is made while the content is looked at, which takes longest.
        let started = std::thread::Builder::new().spawn_scoped(scope, beside);
        let (verdict, bytes) = read_through(&open, kind, |_| {})?;
        let (hash, hashed) = match started {
            Ok(thread) => thread.join().map_err(|_| io::Error::other("cannot be hashed"))??,
            // Where nothing more may be started it is done one after the other.
            Err(_) => beside()?,
        };
        if hashed != bytes {
            return Err(io::Error::other("is written just now"));
        }
        Ok((verdict, bytes, hash))
    })
}

/// The hash of what is left of a file, and how much that is.
///
/// # Errors
/// Those of the file system.
pub fn hash(open: &File) -> io::Result<(blake3::Hash, u64)> {
    let mut hasher = blake3::Hasher::new();
    let (_, bytes) = read_through(open, FileKind::Opaque, |bytes| {
        hasher.update(bytes);
    })?;
    Ok((hasher.finalize(), bytes))
}
