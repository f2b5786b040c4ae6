//! A FIFO that never ends and never blocks its writers for good: made, read, written to, removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::Mode;

use super::poll::{self, Interest};

/// What is written at once to a FIFO does not mix with what others write (`PIPE_BUF`; POSIX allows 512,
/// which is what macOS has).
pub const ATOMIC_MAX: usize = libc::PIPE_BUF;

/// The reading end of a FIFO; the file goes away with it.
#[derive(Debug)]
pub struct Fifo {
    file: File,
    path: PathBuf,
}

impl Fifo {
    /// Makes a FIFO that this user alone may use, in place of whatever a dead process left there.
    ///
    /// It is open for both: it does not end with each of its writers, and who opens it for writing never
    /// waits.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn make(path: &Path) -> io::Result<Self> {
        let mode = Mode::S_IRUSR | Mode::S_IWUSR;
        match nix::unistd::mkfifo(path, mode) {
            Err(Errno::EEXIST) => {
                fs::remove_file(path)?;
                nix::unistd::mkfifo(path, mode)?;
            }
            result => result?,
        }
        // Made so soon that it is removed in any case.
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW)
            .open(path);
        match opened {
            Ok(file) => Ok(Self { file, path: path.to_owned() }),
            Err(error) => {
                let _ = fs::remove_file(path);
                Err(error)
            }
        }
    }

    /// Its descriptor, non-blocking, to wait on and to read from.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        // A path that leads nowhere is replaced by the next one anyway.
        let _ = fs::remove_file(&self.path);
    }
}

/// Writes a line of at most [`ATOMIC_MAX`] bytes to a FIFO that somebody reads, in one piece; waits at most
/// `patience` for room.
///
/// # Errors
/// `NotFound` or ENXIO: nobody reads there; `TimedOut`: nobody makes room; `InvalidInput`: it is no FIFO;
/// or the system's.
pub fn send(path: &Path, line: &[u8], patience: Duration) -> io::Result<()> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let mut file = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.file_type().is_fifo() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no FIFO"));
    }
    for again in [true, false] {
        match file.write(line) {
            // It says so of one byte of room, too: then the second try fails as well.
            Err(error) if error.kind() == ErrorKind::WouldBlock && again => {
                poll::wait(&mut [Interest::write(file.as_fd())], Some(patience))?;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            written => return written.map(drop),
        }
    }
    Err(io::Error::new(ErrorKind::TimedOut, "nobody reads it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::pending::{ReadResult, read};
    use crate::sys::testing::Scratch;

    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn a_fifo_outlives_its_writers_and_goes_with_its_reader() {
        let scratch = Scratch::new();
        let path = scratch.path("fifo");
        fs::write(&path, "what a crash left").unwrap();
        let fifo = Fifo::make(&path).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(read(fifo.fd(), &mut buffer), ReadResult::Empty);
        for _ in 0..2 {
            send(&path, b"one\n", SOON).unwrap();
            assert_eq!(read(fifo.fd(), &mut buffer), ReadResult::Data(4));
            assert_eq!(read(fifo.fd(), &mut buffer), ReadResult::Empty, "no end of file");
        }
        drop(fifo);
        assert_eq!(send(&path, b"x\n", SOON).unwrap_err().kind(), ErrorKind::NotFound);
        Fifo::make(&scratch.path("no/such/folder")).unwrap_err();
    }

    #[test]
    fn a_full_fifo_or_one_without_a_reader_holds_nobody_up() {
        let scratch = Scratch::new();
        let path = scratch.path("fifo");
        let fifo = Fifo::make(&path).unwrap();
        let line = [b'x'; ATOMIC_MAX];
        let error = (0..1_000).find_map(|_| send(&path, &line, SOON).err()).unwrap();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let orphan = scratch.path("orphan");
        nix::unistd::mkfifo(&orphan, Mode::S_IRWXU).unwrap();
        assert_eq!(send(&orphan, b"x", SOON).unwrap_err().raw_os_error(), Some(libc::ENXIO));
        fs::write(scratch.path("file"), b"").unwrap();
        let error = send(&scratch.path("file"), b"x", SOON).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        drop(fifo);
    }
}
