//! A socket for datagrams from our own children (`sd_notify`): who sent one, and nothing but bytes kept of it.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;

use super::{host, os};

/// Who sent a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// This user, as the kernel vouches.
    User(u32),
    /// The kernel does not tell here; the private folder of the socket has to do.
    Untold,
    /// The kernel should have told and has not.
    Unknown,
}

/// What one [`Datagrams::receive`] brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A datagram.
    Data {
        /// How many bytes of it are in the buffer.
        length: usize,
        /// It had more, and they are lost.
        cut: bool,
        /// Who sent it.
        sender: Sender,
    },
    /// Nothing now; more may come.
    Empty,
    /// Anything else, by errno.
    Failed(i32),
}

/// The receiving socket; its path goes away with it.
#[derive(Debug)]
pub struct Datagrams {
    socket: UnixDatagram,
    path: PathBuf,
}

/// Room for what comes beside the bytes, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; os::CONTROL_MAX]);

impl Datagrams {
    /// Binds a socket in place of whatever a dead process left there. The caller's folder must be private.
    ///
    /// As root everybody who finds it may send, since an agent that gives up root must be heard: whoever
    /// listens judges by [`Sender`].
    ///
    /// # Errors
    /// A path longer than socket paths may be, or the system's.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let socket = match UnixDatagram::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                fs::remove_file(path)?;
                UnixDatagram::bind(path)?
            }
            bound => bound?,
        };
        let this = Self { socket, path: path.to_owned() };
        os::ask_for_senders(&this.socket)?;
        if host::uid() == 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
        }
        Ok(this)
    }

    /// Receives one datagram, without waiting. Descriptors that come along are closed.
    #[allow(clippy::useless_conversion, reason = "lengths differ in type between systems")]
    pub fn receive(&self, buffer: &mut [u8]) -> Received {
        let mut control = Control([0; os::CONTROL_MAX]);
        let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        #[expect(unsafe_code, reason = "nix gives no control messages once some did not fit")]
        // SAFETY: a header of zeroes is one without anything.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = control.0.len().try_into().unwrap_or(0);
        let length = loop {
            #[expect(unsafe_code, reason = "nix gives no control messages once some did not fit")]
            // SAFETY: the header names two buffers with their lengths, which outlive the call.
            let result = unsafe {
                libc::recvmsg(self.socket.as_raw_fd(), &raw mut header, os::RECEIVE_FLAGS)
            };
            match Errno::result(result) {
                Ok(length) => break usize::try_from(length).unwrap_or(0),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return Received::Empty,
                Err(errno) => return Received::Failed(errno as i32),
            }
        };
        let sender = look_through(&header);
        Received::Data { length, cut: header.msg_flags & libc::MSG_TRUNC != 0, sender }
    }

    /// What to poll for reading.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        // A path that leads nowhere is replaced by the next one anyway.
        let _ = fs::remove_file(&self.path);
    }
}

/// Finds out who sent it, and closes what descriptors came along. What did not fit into the room for it
/// (`MSG_CTRUNC`) the kernel has closed itself, and on Linux that is all of them: the room is for the
/// sender alone.
#[allow(clippy::useless_conversion, reason = "lengths differ in type between systems")]
fn look_through(header: &libc::msghdr) -> Sender {
    let mut sender = os::SENDER_UNTOLD;
    #[expect(unsafe_code, reason = "control messages are a list in raw memory")]
    // SAFETY: the kernel has filled the control buffer and its length, and the macros stay within it; the
    // length of each message says how much of it is there, and is checked before it is read.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(header);
        while let Some(message) = next.as_ref() {
            let data = libc::CMSG_DATA(message);
            let start = data.addr() - std::ptr::from_ref(message).addr();
            let length = usize::try_from(message.cmsg_len).unwrap_or(0).saturating_sub(start);
            let data = std::slice::from_raw_parts(data, length);
            match (message.cmsg_level, message.cmsg_type) {
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                    for fd in data.as_chunks().0 {
                        drop(OwnedFd::from_raw_fd(i32::from_ne_bytes(*fd)));
                    }
                }
                (libc::SOL_SOCKET, kind) => sender = os::sender(kind, data).unwrap_or(sender),
                _ => {}
            }
            next = libc::CMSG_NXTHDR(header, message);
        }
    }
    sender
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::Scratch;

    fn data(received: Received) -> (usize, bool, Sender) {
        match received {
            Received::Data { length, cut, sender } => (length, cut, sender),
            other => panic!("{other:?}"),
        }
    }

    fn ours() -> Sender {
        if cfg!(target_os = "linux") { Sender::User(host::uid()) } else { Sender::Untold }
    }

    #[test]
    fn a_datagram_comes_with_its_sender_and_is_cut_where_it_is_too_long() {
        let scratch = Scratch::new();
        let path = scratch.path("notify");
        fs::write(&path, "what a crash left").unwrap();
        let socket = Datagrams::bind(&path).unwrap();
        let client = UnixDatagram::unbound().unwrap();
        let mut buffer = [0; 8];
        assert_eq!(socket.receive(&mut buffer), Received::Empty);
        for text in [&b"READY=1"[..], b"", b"far too long"] {
            client.send_to(text, &path).unwrap();
            let length = text.len().min(8);
            assert_eq!(data(socket.receive(&mut buffer)), (length, 8 < text.len(), ours()));
        }
        drop(socket);
        client.send_to(b"x", &path).unwrap_err();
    }
}
