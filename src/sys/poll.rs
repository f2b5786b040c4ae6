//! Waiting: for descriptors, for a time, for the clock that runs on in suspend.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};

use super::os;

/// The longest wait in one go; an early return is ordinary, and this fits every kernel's types.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// What a descriptor is ready for. Errors make it ready for what was asked, so that the read or
/// write that follows reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// A read will not block: data, end of file, or an error.
    pub readable: bool,
    /// A write of some bytes will not block: space, or an error.
    pub writable: bool,
    /// The other end is gone; there may still be data to read.
    pub hangup: bool,
}

/// What to wait for on one descriptor, and the answer.
#[derive(Debug)]
pub struct Interest<'fd> {
    /// The descriptor.
    pub fd: BorrowedFd<'fd>,
    /// Wait until it can be read.
    pub read: bool,
    /// Wait until it can be written.
    pub write: bool,
    /// The answer of the last [`wait`].
    pub ready: Ready,
}

impl<'fd> Interest<'fd> {
    /// Interest in what can be read.
    pub fn read(fd: BorrowedFd<'fd>) -> Self {
        Self { fd, read: true, write: false, ready: Ready::default() }
    }

    /// Interest in space to write.
    pub fn write(fd: BorrowedFd<'fd>) -> Self {
        Self { fd, read: false, write: true, ready: Ready::default() }
    }
}

/// Waits until a descriptor is ready, a signal comes, or the time is over; `None` is for ever.
///
/// A signal is an ordinary return with nothing ready. A descriptor of which nothing is asked is
/// left out altogether: its hangup, which poll(2) always reports, would make the caller spin. Waits
/// of more than a day return after one.
///
/// # Errors
/// Those of poll(2) but EINTR: out of memory, or more descriptors than the limit allows.
pub fn wait(fds: &mut [Interest<'_>], timeout: Option<Duration>) -> io::Result<()> {
    let mut asked = Vec::with_capacity(fds.len());
    for interest in fds.iter_mut() {
        interest.ready = Ready::default();
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::POLLIN, interest.read);
        flags.set(PollFlags::POLLOUT, interest.write);
        if !flags.is_empty() {
            asked.push(PollFd::new(interest.fd, flags));
        }
    }
    match os::poll(&mut asked, timeout.map(|timeout| timeout.min(WAIT_MAX))) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    }
    let mut answers = asked.iter();
    for interest in fds.iter_mut().filter(|interest| interest.read || interest.write) {
        let flags = answers.next().and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        let broken = PollFlags::POLLERR | PollFlags::POLLNVAL | PollFlags::POLLHUP;
        interest.ready = Ready {
            readable: interest.read && flags.intersects(PollFlags::POLLIN | broken),
            writable: interest.write && flags.intersects(PollFlags::POLLOUT | broken),
            hangup: flags.intersects(broken),
        };
    }
    Ok(())
}

/// Sleeps for at most `time`; a signal ends it early. For the start and for tests, not the loop.
pub fn pause(time: Duration) {
    // Without descriptors there is nothing that could fail and be worth a report.
    let _ = wait(&mut [], Some(time));
}

/// A timer on the clock that runs on in suspend, which poll's own timeout does not.
///
/// Linux has it (timerfd on `CLOCK_BOOTTIME`). Elsewhere there is none: a cooldown that ran out
/// while the machine slept is noticed late, by at most the time that it slept.
#[derive(Debug, Default)]
pub struct BootTimer(Option<os::BootTimer>);

impl BootTimer {
    /// Gives a descriptor that is readable `after` from now (zero: at once) and stays so until the next
    /// call: poll it, never read it. `None` where the system has no such thing.
    ///
    /// # Errors
    /// No descriptor or memory left, or a time that the kernel cannot represent.
    pub fn after(&mut self, after: Duration) -> io::Result<Option<BorrowedFd<'_>>> {
        if self.0.is_none() {
            self.0 = os::BootTimer::new()?;
        }
        let Some(timer) = &mut self.0 else { return Ok(None) };
        timer.set(Some(after.min(WAIT_MAX)))?;
        Ok(Some(timer.fd()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Write, pipe};
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn data_space_and_hangup_are_told_apart() {
        let (reader, mut writer) = pipe().unwrap();
        let mut fds = [Interest::read(reader.as_fd()), Interest::write(writer.as_fd())];
        wait(&mut fds, None).unwrap();
        assert_eq!(fds[0].ready, Ready::default());
        assert_eq!(fds[1].ready, Ready { writable: true, ..Ready::default() });

        writer.write_all(b"x").unwrap();
        drop(writer);
        let mut fds = [Interest::read(reader.as_fd())];
        wait(&mut fds, None).unwrap();
        assert!(fds[0].ready.readable && fds[0].ready.hangup);
    }

    #[test]
    fn a_hung_up_pipe_that_nobody_asks_about_does_not_end_the_wait() {
        let (reader, writer) = pipe().unwrap();
        drop(writer);
        let (other, mut wake) = pipe().unwrap();
        wake.write_all(b"x").unwrap();
        let mut fds = [
            Interest { read: false, ..Interest::read(reader.as_fd()) },
            Interest::read(other.as_fd()),
        ];
        wait(&mut fds, None).unwrap();
        assert_eq!(fds[0].ready, Ready::default());
        assert!(fds[1].ready.readable, "the answers must not shift");
    }

    #[test]
    fn a_timeout_is_never_cut_short() {
        let mut clock = crate::sys::clock::Clock::new();
        let before = clock.now().up;
        wait(&mut [], Some(Duration::from_micros(1500))).unwrap();
        assert!(clock.now().up.since(before) >= Duration::from_micros(1500));
    }
}
