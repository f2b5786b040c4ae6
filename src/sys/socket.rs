//! Local sockets for commands: where they are, who may connect, and one line each way.

use std::hash::Hasher as _;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::runtime;

/// A short name for the socket of what lives at `path`: socket paths end at 104 or 108 bytes.
#[must_use]
pub fn short_name(path: &Path) -> String {
    // FNV-1a, 64 bits: stable between versions, which std's hashers are not.
    struct Fnv(u64);
    impl std::hash::Hasher for Fnv {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.write(path.as_os_str().as_encoded_bytes());
    format!("{:016x}", hash.finish())
}

/// A socket that commands connect to; gone with its owner.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`, in place of whatever a dead process left there. Only this user can connect.
    ///
    /// # Errors
    /// The folder belongs to somebody else or lets others write, or the system's.
    pub fn bind(path: &Path) -> io::Result<Self> {
        runtime::claim(path.parent().unwrap_or(Path::new("/")))?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// A connection that waits, if any.
    ///
    /// # Errors
    /// No descriptor or memory left: it goes on waiting, and the socket goes on being ready for it.
    pub fn accept(&self) -> io::Result<Option<UnixStream>> {
        match self.listener.accept() {
            Ok((stream, _)) => stream.set_nonblocking(true).map(|()| Some(stream)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::ConnectionAborted => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// What to poll for reading.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A path that leads nowhere is replaced by the next one anyway.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// An agentwatch opens its socket in its first quiet moment, and on a busy machine that may take a while.
const OPENS_WITHIN: u32 = 100;

/// How long to wait between two looks for it.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Connects to a socket that is there, or is about to be.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let mut looks = 0;
    loop {
        match UnixStream::connect(path) {
            Err(error)
                if looks < OPENS_WITHIN
                    && matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                    ) =>
            {
                looks += 1;
                super::poll::pause(LOOK_AGAIN);
            }
            connected => return connected,
        }
    }
}

/// Sends one line and waits for the answer's line, at most `patience` for each step.
///
/// # Errors
/// Nobody listens there, or the answer does not come, is cut short or longer than `max` bytes.
pub fn ask(path: &Path, line: &[u8], max: usize, patience: Duration) -> io::Result<Vec<u8>> {
    let mut stream = connect(path)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(line)?;
    let mut answer = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX);
    io::BufRead::read_until(&mut io::BufReader::new(stream.take(limit)), b'\n', &mut answer)?;
    match answer.pop() {
        Some(b'\n') => Ok(answer),
        _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no whole answer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::host;

    #[test]
    fn a_name_is_short_and_stable() {
        assert_eq!(short_name(Path::new("")), "cbf29ce484222325");
        assert_eq!(short_name(Path::new("a")), "af63dc4c8601ec8c");
    }

    #[test]
    fn a_socket_that_is_about_to_be_there_is_waited_for() {
        let dir = std::env::temp_dir().join(format!("aw-socket-late-{}", host::pid()));
        let path = dir.join("s");
        let asked = std::thread::spawn({
            let path = path.clone();
            move || ask(&path, b"hello\n", 64, Duration::from_secs(20))
        });
        super::super::poll::pause(Duration::from_millis(100));
        let listener = Listener::bind(&path).unwrap();
        let mut fds = [crate::sys::poll::Interest::read(listener.fd())];
        crate::sys::poll::wait(&mut fds, Some(Duration::from_secs(20))).unwrap();
        let mut stream = listener.accept().unwrap().unwrap();
        stream.write_all(b"late\n").unwrap();
        assert_eq!(asked.join().unwrap().unwrap(), b"late");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_line_is_answered_and_a_stale_socket_replaced() {
        let dir = std::env::temp_dir().join(format!("aw-socket-{}", host::pid()));
        let path = dir.join("s");
        let stale = Listener::bind(&path).unwrap();
        let listener = Listener::bind(&path).unwrap();
        let asked = std::thread::spawn({
            let path = path.clone();
            move || ask(&path, b"hello\n", 64, Duration::from_secs(20))
        });
        let mut fds = [crate::sys::poll::Interest::read(listener.fd())];
        crate::sys::poll::wait(&mut fds, Some(Duration::from_secs(20))).unwrap();
        let mut stream = listener.accept().unwrap().unwrap();
        stream.write_all(b"world\n").unwrap();
        assert_eq!(asked.join().unwrap().unwrap(), b"world");
        drop((listener, stale));
        assert!(ask(&path, b"x\n", 64, Duration::from_secs(1)).is_err());
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_folder_that_others_may_write_is_refused() {
        let dir = std::env::temp_dir().join(format!("aw-socket-open-{}", host::pid()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(Listener::bind(&dir.join("s")).is_err());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
