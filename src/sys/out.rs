//! Writing to an inherited descriptor 1 or 2: never blocks, never changes its flags.
//!
//! The flags belong to the open file description, which the shell and everyone else in a pipeline
//! share: `O_NONBLOCK` set by us would break their programs (SPEC §10, pipes).

use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::send;

use super::os;
use super::poll::{Interest, wait};

/// What fits into a pipe that poll(2) calls writable: the least `PIPE_BUF` that POSIX allows.
const PIPE_BUF: usize = 512;

/// What became of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrote {
    /// So many were taken, perhaps none; the rest is the caller's to keep until there is space.
    Taken(usize),
    /// Nobody reads any more, or ever will.
    Gone,
    /// The system refuses, by errno: EIO, ENOSPC … It may be over later.
    Failed(i32),
}

/// How to write without blocking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// Files and /dev/null never block for long, a description of our own not at all.
    Direct,
    /// A socket takes the wish along with the call.
    Send,
    /// A shared description: ask first, then write little.
    Polled,
}

/// Our standard output or error.
#[derive(Debug)]
pub struct Out {
    file: File,
    how: How,
    terminal: bool,
}

impl Out {
    /// A writer for the descriptor, by a descriptor of its own; the given one stays as it is.
    ///
    /// Where a pipe or terminal cannot be reopened (not Linux, or it belongs to another user), a
    /// write still may block for a moment when somebody else fills it between our question and
    /// our write.
    ///
    /// # Errors
    /// The descriptor is closed, or none is left for us.
    pub fn new(fd: impl AsFd) -> io::Result<Self> {
        let file = File::from(fd.as_fd().try_clone_to_owned()?);
        let terminal = file.is_terminal();
        let metadata = file.metadata()?;
        let kind = metadata.file_type();
        let null = || fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == metadata.rdev());
        let (file, how) = if kind.is_file() || kind.is_char_device() && null() {
            (file, How::Direct)
        } else if kind.is_socket() {
            (file, How::Send)
        } else if kind.is_fifo() || terminal {
            match os::reopen_nonblocking(&file) {
                Some(own) => (own, How::Direct),
                None => (file, How::Polled),
            }
        } else {
            (file, How::Polled)
        };
        Ok(Self { file, how, terminal })
    }

    /// Writes as much as is taken at once.
    ///
    /// An error after some bytes is told by the next call. A file on a stuck network disk blocks:
    /// no system offers better.
    pub fn write(&mut self, bytes: &[u8]) -> Wrote {
        let mut taken = 0;
        // Ends: every round takes bytes or leaves, but for a signal, which interrupts once.
        while taken < bytes.len() {
            match self.write_once(&bytes[taken..]) {
                Ok(0) | Err(Errno::EAGAIN | Errno::ENOBUFS) => break,
                Ok(n) => taken += n,
                Err(Errno::EINTR) => {}
                Err(_) if taken > 0 => break,
                Err(Errno::EPIPE | Errno::EBADF | Errno::ECONNRESET | Errno::ENOTCONN) => {
                    return Wrote::Gone;
                }
                Err(errno) => return Wrote::Failed(errno as i32),
            }
        }
        Wrote::Taken(taken)
    }

    fn write_once(&self, bytes: &[u8]) -> nix::Result<usize> {
        match self.how {
            How::Direct => nix::unistd::write(&self.file, bytes),
            How::Send => send(self.file.as_raw_fd(), bytes, os::SEND_FLAGS),
            How::Polled => {
                let mut fds = [Interest::write(self.file.as_fd())];
                wait(&mut fds, Some(Duration::ZERO)).map_err(|_| Errno::EAGAIN)?;
                // Also with a hangup or an error: then the write fails at once, and says how.
                if !fds[0].ready.writable {
                    return Err(Errno::EAGAIN);
                }
                nix::unistd::write(&self.file, &bytes[..bytes.len().min(PIPE_BUF)])
            }
        }
    }

    /// What to poll for writing after less than everything was taken.
    pub fn poll_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether a person may be looking.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::{PipeReader, Read, pipe};
    use std::os::unix::net::UnixStream;

    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc;

    use super::*;
    use crate::sys::pending::{ReadResult, pending, read};
    use crate::sys::testing::Scratch;

    fn flags(fd: impl AsFd) -> i32 {
        fcntl(fd, FcntlArg::F_GETFL).unwrap()
    }

    /// The same pipe as it is written where it cannot be reopened.
    fn polled(fd: &io::PipeWriter) -> Out {
        let file = File::from(fd.as_fd().try_clone_to_owned().unwrap());
        Out { file, how: How::Polled, terminal: false }
    }

    fn reopened(fd: &io::PipeWriter) -> Out {
        Out::new(fd).unwrap()
    }

    fn fill(out: &mut Out) -> usize {
        let block = [b'x'; 10_000];
        let mut all = 0;
        loop {
            let Wrote::Taken(n) = out.write(&block) else { panic!("no room, but no error") };
            all += n;
            if n < block.len() {
                return all;
            }
        }
    }

    fn drain(reader: &PipeReader) -> usize {
        let mut buffer = vec![0; pending(reader)];
        match read(reader, &mut buffer) {
            ReadResult::Data(n) => n,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_full_pipe_takes_nothing_and_a_slow_reader_makes_room() {
        for make in [reopened, polled] {
            let (reader, writer) = pipe().unwrap();
            let before = flags(&writer);
            let mut out = make(&writer);
            let full = fill(&mut out);
            assert!(full >= PIPE_BUF);
            assert_eq!(out.write(b"more"), Wrote::Taken(0));
            assert_eq!(pending(&reader), full);

            assert_eq!(drain(&reader), full);
            let mut fds = [Interest::write(out.poll_fd())];
            wait(&mut fds, Some(Duration::ZERO)).unwrap();
            assert!(fds[0].ready.writable);
            assert_eq!(out.write(b"more"), Wrote::Taken(4));
            assert_eq!(drain(&reader), 4);
            assert_eq!(flags(&writer), before, "the shared flags are not ours to change");
        }
    }

    #[test]
    fn a_pipe_without_a_reader_is_gone() {
        for make in [reopened, polled] {
            let (reader, writer) = pipe().unwrap();
            let mut out = make(&writer);
            assert_eq!(out.write(b"heard"), Wrote::Taken(5));
            drop(reader);
            assert_eq!(out.write(b"unheard"), Wrote::Gone);
            assert_eq!(out.write(b""), Wrote::Taken(0));
            // Gone before we even came: there is nothing to reopen.
            assert_eq!(make(&writer).write(b"unheard"), Wrote::Gone);
        }
    }

    #[test]
    fn order_holds_across_partial_writes() {
        let (mut reader, writer) = pipe().unwrap();
        let mut out = Out::new(&writer).unwrap();
        drop(writer);
        let text: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        let (mut at, mut got) = (0, Vec::new());
        while at < text.len() {
            match out.write(&text[at..]) {
                Wrote::Taken(0) => {
                    let mut some = vec![0; pending(&reader).min(7_001)];
                    reader.read_exact(&mut some).unwrap();
                    got.extend(some);
                }
                Wrote::Taken(n) => at += n,
                other => panic!("{other:?}"),
            }
        }
        drop(out);
        reader.read_to_end(&mut got).unwrap();
        assert!(got == text);
    }

    #[test]
    fn files_take_everything_and_a_full_disk_is_an_error() {
        let scratch = Scratch::new();
        let path = scratch.path("out");
        let file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let before = flags(&file);
        let mut out = Out::new(&file).unwrap();
        let text = vec![b'x'; 1 << 20];
        assert_eq!(out.write(&text), Wrote::Taken(text.len()));
        assert_eq!(fs::metadata(&path).unwrap().len(), 1 << 20);
        assert_eq!(flags(&file), before);

        let mut null = Out::new(OpenOptions::new().write(true).open("/dev/null").unwrap()).unwrap();
        assert_eq!((null.how, null.write(&text)), (How::Direct, Wrote::Taken(text.len())));
        assert!(!null.is_terminal());
        // Linux has a disk that is always full.
        if let Ok(full) = OpenOptions::new().write(true).open("/dev/full") {
            assert_eq!(Out::new(full).unwrap().write(b"x"), Wrote::Failed(libc::ENOSPC));
        }
        let read_only = Out::new(File::open(&path).unwrap()).unwrap().write(b"x");
        assert_eq!(read_only, Wrote::Gone);
    }

    #[test]
    fn a_socket_is_never_made_non_blocking() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let before = flags(&ours);
        let mut out = Out::new(&ours).unwrap();
        assert_eq!(out.how, How::Send);
        assert!(fill(&mut out) > 0);
        assert_eq!(out.write(b"more"), Wrote::Taken(0));
        assert_eq!(flags(&ours), before);
        drop(theirs);
        assert_eq!(out.write(b"more"), Wrote::Gone);
    }

    #[test]
    fn a_terminal_is_reopened_and_its_flags_stay() {
        let terminal = nix::pty::openpty(None, None).unwrap();
        let before = flags(&terminal.slave);
        let mut out = Out::new(&terminal.slave).unwrap();
        assert!(out.is_terminal());
        assert_eq!(out.write(b"hello"), Wrote::Taken(5));
        let mut buffer = [0; 16];
        assert_eq!(read(&terminal.master, &mut buffer), ReadResult::Data(5));
        assert_eq!(&buffer[..5], b"hello");
        if out.how == How::Direct {
            // Nobody reads: it must come back from a full terminal too.
            assert!(fill(&mut out) > 0);
        }
        assert_eq!(flags(&terminal.slave), before);
    }
}
