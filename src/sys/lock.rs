//! The lock of an agent: two agentwatch of one name cannot both run.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;
use std::{fmt, process};

use super::file::open_regular;
use super::poll::pause;

/// A reader that probes holds the lock for a moment; a start waits that long for it.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often it asks meanwhile.
const TRIES: u32 = 25;

/// The lock, held until the value is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock(File);

/// Why the lock could not be taken.
#[derive(Debug)]
pub enum LockError {
    /// Another process holds it.
    Held {
        /// Which, if it has written its pid yet.
        pid: Option<i32>,
    },
    /// The file could not be opened or locked.
    Io(io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { pid: Some(pid) } => write!(f, "held by pid {pid}"),
            Self::Held { pid: None } => f.write_str("held by another process"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Held { .. } => None,
            Self::Io(error) => Some(error),
        }
    }
}

impl From<io::Error> for LockError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Lock {
    /// Takes the lock and writes our pid into the file, which is made (0600) if need be and never
    /// removed: a removed file could be locked twice. Blocks for at most 250 ms.
    ///
    /// # Errors
    /// [`LockError::Held`] if another process holds it all that time.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        Self::try_for(path, TRIES)
    }

    /// The same for who holds one already that [is no longer there](Self::is_at). Never blocks.
    ///
    /// # Errors
    /// [`LockError::Held`] if another process holds it, were it for a moment.
    pub fn retake(path: &Path) -> Result<Self, LockError> {
        Self::try_for(path, 1)
    }

    /// Whether the file that is held is the one at `path`: else somebody has removed or moved it.
    #[must_use]
    pub fn is_at(&self, path: &Path) -> bool {
        let id = |metadata: Metadata| (metadata.dev(), metadata.ino());
        let held = self.0.metadata().map(id).ok();
        held.is_some() && held == std::fs::symlink_metadata(path).map(id).ok()
    }

    fn try_for(path: &Path, tries: u32) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        let file = open_regular(path, options.read(true).write(true).create(true))?;
        for attempt in 1..=tries {
            match file.try_lock() {
                Ok(()) => {
                    let lock = Self(file);
                    // The pid is a courtesy for messages: a full disk must not cost us the lock.
                    let _ = lock.write_pid();
                    return Ok(lock);
                }
                Err(TryLockError::WouldBlock) if attempt < tries => pause(PATIENCE / TRIES),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
        Err(LockError::Held { pid: read_pid(&file) })
    }

    /// Over what is there, and cut to length only if that was longer: freeing a block of the disk and
    /// taking it again costs more than the lock itself.
    fn write_pid(&self) -> io::Result<()> {
        let pid = format!("{}\n", process::id());
        let length = u64::try_from(pid.len()).unwrap_or(u64::MAX);
        if length < self.0.metadata()?.len() {
            self.0.set_len(0)?;
        }
        (&self.0).write_all(pid.as_bytes())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave it to a child that is just between fork and exec.
        let _ = self.0.unlock();
    }
}

/// What a reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Nobody holds it.
    Free,
    /// A process holds it; its pid, if it has written it yet.
    HeldBy(Option<i32>),
    /// There is no such file.
    Missing,
}

/// Looks whether the lock is held, without waiting and without keeping it.
///
/// # Errors
/// The file cannot be opened (but for [`Probe::Missing`]) or locked.
pub fn probe(path: &Path) -> io::Result<Probe> {
    let file = match open_regular(path, OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Probe::Missing),
        Err(error) => return Err(error),
    };
    // Shared, so that two readers do not take each other for a holder.
    match file.try_lock_shared() {
        Ok(()) => file.unlock().map(|()| Probe::Free),
        Err(TryLockError::WouldBlock) => Ok(Probe::HeldBy(read_pid(&file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn read_pid(file: &File) -> Option<i32> {
    let mut text = String::new();
    // More than any pid, and no more, whatever the file holds.
    file.take(16).read_to_string(&mut text).ok()?;
    // Without the line's end it is being written.
    text.strip_suffix('\n')?.parse().ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::sys::testing::{Scratch, eventually, inner, rerun_command};

    fn own_pid() -> i32 {
        i32::try_from(process::id()).unwrap()
    }

    #[test]
    fn a_second_taker_is_told_who_holds_it() {
        let scratch = Scratch::new();
        let path = scratch.path("lock");
        assert_eq!(probe(&path).unwrap(), Probe::Missing);
        let lock = Lock::take(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let Err(LockError::Held { pid }) = Lock::take(&path) else { panic!("taken twice") };
        assert_eq!(pid, Some(own_pid()));
        assert_eq!(probe(&path).unwrap(), Probe::HeldBy(Some(own_pid())));
        drop(lock);
        assert_eq!(probe(&path).unwrap(), Probe::Free);
        Lock::take(&path).unwrap();
    }

    #[test]
    fn a_lock_that_was_moved_away_is_missed_and_taken_anew() {
        let scratch = Scratch::new();
        let path = scratch.path("lock");
        let lock = Lock::take(&path).unwrap();
        assert!(lock.is_at(&path));
        fs::rename(&path, scratch.path("away")).unwrap();
        assert!(!lock.is_at(&path));
        let new = Lock::retake(&path).unwrap();
        assert!(new.is_at(&path) && !lock.is_at(&path));
        assert!(matches!(Lock::retake(&path), Err(LockError::Held { .. })));
    }

    #[test]
    fn a_longer_pid_of_an_earlier_holder_leaves_nothing_behind() {
        let scratch = Scratch::new();
        let path = scratch.path("lock");
        fs::write(&path, "99999999999999999\n\n").unwrap();
        let _lock = Lock::take(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", own_pid()));
    }

    #[test]
    fn a_pid_that_is_half_written_or_nonsense_is_none() {
        let scratch = Scratch::new();
        let path = scratch.path("lock");
        for text in ["", "47", "-1\n", "0\n", "x\n", "123456789012345678\n"] {
            fs::write(&path, text).unwrap();
            assert_eq!(read_pid(&File::open(&path).unwrap()), None, "{text:?}");
        }
    }

    #[test]
    fn the_lock_of_a_killed_process_is_free() {
        if let Some(path) = inner() {
            let _lock = Lock::take(&path).unwrap();
            return pause(Duration::from_mins(1));
        }
        let scratch = Scratch::new();
        let path = scratch.path("lock");
        let name = "sys::lock::tests::the_lock_of_a_killed_process_is_free";
        let mut holder = rerun_command(name, &path).spawn().unwrap();
        let pid = i32::try_from(holder.id()).unwrap();
        eventually("a holder", || probe(&path).unwrap() == Probe::HeldBy(Some(pid)));
        assert!(matches!(Lock::take(&path), Err(LockError::Held { pid: Some(by) }) if by == pid));
        holder.kill().unwrap();
        holder.wait().unwrap();
        assert_eq!(probe(&path).unwrap(), Probe::Free);
        Lock::take(&path).unwrap();
    }
}
