//! Reading without blocking: how much lies ready, and one read of it.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::libc;

/// What one [`read`] brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadResult {
    /// So many bytes, at least 1.
    Data(usize),
    /// Nothing now; more may come.
    Empty,
    /// End of file: nobody can write any more.
    End,
    /// Anything else, by errno.
    Failed(i32),
}

mod request {
    //! The macro of nix makes a public `unsafe fn`; it is called in one place below.
    nix::ioctl_read_bad!(fionread, nix::libc::FIONREAD, nix::libc::c_int);
}

/// How many bytes can be read at once from a pipe, socket or terminal; 0 when it cannot tell.
///
/// Reading no more than this in a turn keeps an endless writer from postponing everything else.
pub fn pending(fd: impl AsFd) -> usize {
    let mut bytes: libc::c_int = 0;
    #[expect(unsafe_code, reason = "nix has no wrapper for FIONREAD")]
    // SAFETY: the descriptor is borrowed for the call, and FIONREAD writes one int into `bytes`.
    let result = unsafe { request::fionread(fd.as_fd().as_raw_fd(), &raw mut bytes) };
    result.map_or(0, |_| usize::try_from(bytes).unwrap_or(0))
}

/// Reads once. The descriptor should be non-blocking, or have bytes [`pending`].
///
/// An empty buffer reads nothing and gives [`ReadResult::Empty`]; a signal is no reason to stop.
pub fn read(fd: impl AsFd, buffer: &mut [u8]) -> ReadResult {
    if buffer.is_empty() {
        return ReadResult::Empty;
    }
    // Ends: only a signal makes it go round, and each signal interrupts once.
    loop {
        return match nix::unistd::read(fd.as_fd(), buffer) {
            Ok(0) => ReadResult::End,
            Ok(n) => ReadResult::Data(n),
            Err(Errno::EINTR) => continue,
            Err(Errno::EAGAIN) => ReadResult::Empty,
            Err(errno) => ReadResult::Failed(errno as i32),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Write, pipe};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_pipe_tells_what_lies_ready() {
        let (reader, mut writer) = pipe().unwrap();
        assert_eq!(pending(&reader), 0);
        writer.write_all(b"hello").unwrap();
        assert_eq!(pending(&reader), 5);
        let mut buffer = [0; 4];
        assert_eq!(read(&reader, &mut buffer), ReadResult::Data(4));
        assert_eq!(pending(&reader), 1);
        assert_eq!(read(&reader, &mut buffer), ReadResult::Data(1));
        drop(writer);
        assert_eq!(read(&reader, &mut buffer), ReadResult::End);
        assert_eq!(read(&reader, &mut []), ReadResult::Empty);
    }

    #[test]
    fn empty_is_not_the_end_and_an_error_is_neither() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut buffer = [0; 4];
        assert_eq!(read(&ours, &mut buffer), ReadResult::Empty);
        drop(theirs);
        assert_eq!(read(&ours, &mut buffer), ReadResult::End);
        let (_reader, writer) = pipe().unwrap();
        assert_eq!(read(&writer, &mut buffer), ReadResult::Failed(libc::EBADF));
    }
}
