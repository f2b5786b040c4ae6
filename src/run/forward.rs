//! One of our output streams: takes bytes at once, keeps what the kernel does not take, bounded.

use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::sys::out::{Out, Wrote};

/// Our own lines that may wait for a blocked stderr, in bytes; more are dropped and counted.
const OWN_MAX: usize = 64 * 1024;

/// What may wait for a blocked reader in all so that an end can be judged, in bytes: the largest pipe that
/// an agent may make for itself. What is beyond that waits in the pipe.
const LAST_MAX: usize = 1024 * 1024;

/// What became of the reader of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It takes bytes, or will.
    Open,
    /// It went away.
    Gone,
    /// The system refuses for the time being, in these words: what comes meanwhile is dropped.
    Failed(String),
    /// There was none to begin with.
    Closed,
}

/// Our stdout or stderr.
#[derive(Debug)]
pub struct Forward {
    out: Option<Out>,
    waiting: Vec<u8>,
    /// How much of `waiting` has been written.
    written: usize,
    /// How much of `waiting` was lines of ours when they came.
    own: usize,
    flow: Flow,
    /// That it takes nothing any more has been told.
    told: bool,
    mid_line: bool,
    dropped: u64,
}

impl Forward {
    /// Our stdout.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(&io::stdout())
    }

    /// Our stderr.
    #[must_use]
    pub fn stderr() -> Self {
        Self::new(&io::stderr())
    }

    /// Started without that descriptor, or out of descriptors: then it goes nowhere.
    fn new(fd: &impl AsFd) -> Self {
        let out = Out::new(fd).ok();
        let flow = if out.is_some() { Flow::Open } else { Flow::Closed };
        Self {
            out,
            waiting: Vec::new(),
            written: 0,
            own: 0,
            flow,
            told: false,
            mid_line: false,
            dropped: 0,
        }
    }

    /// The descriptor to wait on until [`Forward::flush`] gets further; none if nothing waits.
    #[must_use]
    pub fn wanted(&self) -> Option<BorrowedFd<'_>> {
        self.out.as_ref().filter(|_| self.blocked()).map(Out::poll_fd)
    }

    /// Whether something waits: then whoever feeds it should stop reading.
    #[must_use]
    pub fn blocked(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many bytes may be passed to it now, at least; of what is the `last` of a child, also when its
    /// reader is blocked.
    #[must_use]
    pub fn room(&self, last: bool) -> usize {
        match (self.blocked(), last) {
            (false, _) => LAST_MAX,
            (true, true) => LAST_MAX.saturating_sub(self.waiting.len()),
            (true, false) => 0,
        }
    }

    /// What became of its reader, if that is news.
    pub fn news(&mut self) -> Option<Flow> {
        let news = self.flow != Flow::Open && !std::mem::replace(&mut self.told, true);
        news.then(|| self.flow.clone())
    }

    /// Passes on bytes of the agent, in order, as far as the kernel takes them; the rest waits.
    pub fn pass(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last() {
            self.mid_line = *last != b'\n';
        }
        self.write(bytes);
    }

    /// Something else wrote to it and did not end its line: the `^C` that a terminal echoes.
    pub fn echoed(&mut self) {
        self.mid_line = true;
    }

    /// Says a line of our own, on a line of its own. Dropped and counted when too much waits.
    pub fn say(&mut self, line: &str) {
        if OWN_MAX < self.own.saturating_add(line.len()) {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let mut text = String::with_capacity(line.len() + 1);
        if std::mem::take(&mut self.mid_line) {
            text.push('\n');
        }
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            let _ = writeln!(text, "agentwatch: {dropped} lines of mine were dropped here");
        }
        text.push_str(line);
        text.push('\n');
        self.write(text.as_bytes());
        self.own = if self.blocked() { self.own.saturating_add(text.len()) } else { 0 };
    }

    fn write(&mut self, bytes: &[u8]) {
        let taken = if self.blocked() { 0 } else { self.try_write(bytes) };
        self.waiting.extend_from_slice(&bytes[taken..]);
    }

    /// Writes what waits, as far as the kernel takes it.
    pub fn flush(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let taken = self.try_write(&waiting[self.written..]);
        self.written += taken;
        if self.written < waiting.len() {
            self.waiting = waiting;
        } else {
            (self.written, self.own) = (0, 0);
        }
    }

    /// How many bytes are done with: written, or dropped because nobody takes them.
    fn try_write(&mut self, bytes: &[u8]) -> usize {
        if matches!(self.flow, Flow::Gone | Flow::Closed) {
            return bytes.len();
        }
        let Some(out) = &mut self.out else { return bytes.len() };
        let mut done = 0;
        while done < bytes.len() {
            match out.write(&bytes[done..]) {
                Wrote::Taken(0) => return done,
                Wrote::Taken(n) => {
                    done += n;
                    // A full disk was emptied: the next trouble is news again.
                    if matches!(self.flow, Flow::Failed(_)) {
                        (self.flow, self.told) = (Flow::Open, false);
                    }
                }
                Wrote::Gone => {
                    self.flow = Flow::Gone;
                    return bytes.len();
                }
                Wrote::Failed(errno) => {
                    self.flow = Flow::Failed(io::Error::from_raw_os_error(errno).to_string());
                    return bytes.len();
                }
            }
        }
        done
    }
}
