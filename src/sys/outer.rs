//! What a supervisor above us gave us: a socket to tell it things by (`sd_notify`), and a journal behind stderr.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use nix::sys::stat::fstat;

use super::os;

/// What became of a word to the supervisor above us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It has it.
    Yes,
    /// It is too busy to take it now.
    Later,
    /// Nobody is there.
    Lost,
}

/// The way to a supervisor above us.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    to: SocketAddr,
}

impl Notifier {
    /// The way to the socket that `$NOTIFY_SOCKET` names: a path, or `@` and a name in no file system.
    ///
    /// # Errors
    /// Another kind of address, or the system's.
    pub fn new(address: &OsStr) -> io::Result<Self> {
        let to = match address.as_bytes() {
            [b'@', name @ ..] => os::abstract_address(name)?,
            [b'/', ..] => SocketAddr::from_pathname(address)?,
            _ => return Err(io::Error::other("only a path or an @name is understood")),
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, to })
    }

    /// Sends one datagram, without waiting. Each finds its way anew: the supervisor may have been replaced.
    pub fn send(&self, text: &str) -> Sent {
        loop {
            return match self.socket.send_to_addr(text.as_bytes(), &self.to) {
                Ok(_) => Sent::Yes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Sent::Later,
                // Out of memory for the moment, as sockets say it.
                Err(error) if error.raw_os_error() == Some(nix::libc::ENOBUFS) => Sent::Later,
                Err(_) => Sent::Lost,
            };
        }
    }
}

/// Whether our stderr is the stream of the systemd journal that `$JOURNAL_STREAM` (`device:inode`) tells of:
/// whoever redirected stderr since then inherited a variable that is not about it.
#[must_use]
pub fn stderr_is_journal() -> bool {
    let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    let told = stream.split_once(':').and_then(|(device, inode)| {
        Some((device.parse::<u64>().ok()?, inode.parse::<u64>().ok()?))
    });
    let Some(told) = told else { return false };
    #[allow(clippy::useless_conversion, reason = "numbers differ in type between systems")]
    fstat(io::stderr()).is_ok_and(|seen| {
        (u64::try_from(seen.st_dev).ok(), u64::try_from(seen.st_ino).ok())
            == (Some(told.0), Some(told.1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::Scratch;

    #[test]
    fn a_word_arrives_or_is_lost_and_never_blocks() {
        let scratch = Scratch::new();
        let path = scratch.path("notify");
        let notifier = Notifier::new(path.as_os_str()).unwrap();
        assert_eq!(notifier.send("READY=1"), Sent::Lost);
        let socket = UnixDatagram::bind(&path).unwrap();
        assert_eq!(notifier.send("READY=1"), Sent::Yes);
        let mut buffer = [0; 16];
        assert_eq!(socket.recv(&mut buffer).unwrap(), 7);
        // Nobody takes anything: sooner or later there is no room, and that is all.
        let full = (0..100_000).map(|_| notifier.send("STATUS=x")).find(|sent| *sent != Sent::Yes);
        assert_eq!(full, Some(Sent::Later));
    }

    #[test]
    fn other_addresses_are_refused() {
        for address in ["", "vsock:2:1", "notify"] {
            Notifier::new(address.as_ref()).unwrap_err();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_in_no_file_system_is_found() {
        use std::os::linux::net::SocketAddrExt as _;
        let name = format!("agentwatch-test-{}", std::process::id());
        let socket =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let notifier = Notifier::new(format!("@{name}").as_ref()).unwrap();
        assert_eq!(notifier.send("READY=1"), Sent::Yes);
        assert_eq!(socket.recv(&mut [0; 16]).unwrap(), 7);
    }
}
