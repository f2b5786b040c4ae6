//! The child and the pipes it speaks through.

use std::os::fd::OwnedFd;

use crate::sys::pending::{self, ReadResult};
use crate::wire::lines::Lines;
use crate::wire::preset::reader::{Heard, Reader};

use super::forward::Forward;
use super::tail::Tail;
use crate::store::log::{From, Log};
use crate::wire::last::Numbered;

/// The most that is read at once: a pipe holds 64 KiB unless somebody enlarged it.
pub const READ_MAX: usize = 64 * 1024;

/// How much is read at once until somebody says more.
pub const READ_FIRST: usize = 4 * 1024;

/// The most that is read of one source in one turn: an endless writer must not postpone a verdict.
const TURN_MAX: usize = 1024 * 1024;

/// Sources of ended children that somebody still holds open; the oldest is closed beyond that.
pub const OLD_SOURCES_MAX: usize = 8;

/// A child that was spawned.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    /// Its incarnation.
    pub incarnation: u32,
    /// Its process.
    pub pid: i32,
    /// It is in our process group, as a terminal is ours; else it leads one of its own.
    pub shares_group: bool,
    /// It ended by a signal.
    pub died_badly: bool,
}

/// Which of our streams a source feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Our stdout.
    Out,
    /// Our stderr.
    Err,
}

impl std::convert::From<Stream> for From {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Out => Self::Out,
            Stream::Err => Self::Err,
        }
    }
}

/// The reading end of a stream of the child.
#[derive(Debug)]
pub struct Source {
    fd: OwnedFd,
    /// Of which incarnation.
    pub incarnation: u32,
    /// Where it leads.
    pub stream: Stream,
    /// Cuts it into lines, where beats are looked for.
    lines: Option<(Lines, Reader)>,
    tail: Tail,
    /// It said something since somebody asked.
    said: bool,
    /// The number of what it says now: it grows whenever another one has spoken.
    number: u64,
    ended: bool,
}

impl Source {
    /// A source of `incarnation` on `stream`; a `reader` looks for beats.
    #[must_use]
    pub fn new(fd: OwnedFd, incarnation: u32, stream: Stream, reader: Option<Reader>) -> Self {
        let lines = reader.map(|reader| (Lines::default(), reader));
        let (tail, said, number, ended) = (Tail::default(), false, 0, false);
        Self { fd, incarnation, stream, lines, tail, said, number, ended }
    }

    /// Its descriptor, to wait on; none once everybody has closed the other end.
    #[must_use]
    pub fn fd(&self) -> Option<&OwnedFd> {
        (!self.ended).then_some(&self.fd)
    }

    /// Whether beats come this way.
    #[must_use]
    pub fn scanned(&self) -> bool {
        self.lines.is_some()
    }

    /// The last lines it said, at most 10 KiB of them, and when.
    #[must_use]
    pub fn last_lines(&self) -> Vec<Numbered> {
        self.tail.numbered()
    }

    /// Whether it said anything since the last call.
    pub fn take_said(&mut self) -> bool {
        std::mem::take(&mut self.said)
    }

    /// What it says from now on has this number.
    pub fn set_number(&mut self, number: u64) {
        self.number = number;
    }

    /// Reads what is there now, passes it on, and appends what it heard; false at its end.
    ///
    /// It reads all that was readable when it was called, at most [`TURN_MAX`] of what comes meanwhile,
    /// and nothing while its reader downstream is blocked. What is the `last` of a child is read to its
    /// end and in spite of that reader, as far as it may wait: it may say what the end of that child means.
    pub fn read(
        &mut self,
        buffer: &mut Vec<u8>,
        to: &mut Forward,
        log: &mut Option<Box<Log>>,
        heard: &mut Vec<Heard>,
        last: bool,
    ) -> bool {
        if self.ended {
            return false;
        }
        let mut left = TURN_MAX;
        while left > 0 && to.room(last) > 0 {
            let room = left.min(buffer.len()).min(to.room(last));
            match pending::read(&self.fd, &mut buffer[..room]) {
                ReadResult::Data(n) => {
                    left = left.saturating_sub(n);
                    self.take(&buffer[..n], to, log, heard);
                    if n == buffer.len() {
                        // Few agents ever say so much at once; who does has room for it from now on.
                        buffer.resize(READ_MAX, 0);
                    }
                    // Less than there was room for: that was all. Asking again would only say so, but for
                    // the end of the file, which ends a last line.
                    if n < room && !last {
                        return true;
                    }
                }
                ReadResult::Empty => return true,
                ReadResult::End | ReadResult::Failed(_) => {
                    self.ended = true;
                    if let Some((lines, reader)) = &mut self.lines {
                        lines.end(&mut |line| reader.line(line, &mut |told| heard.push(told)));
                    }
                    if let Some(log) = log {
                        log.end(self.stream.into());
                    }
                    return false;
                }
            }
        }
        true
    }

    fn take(
        &mut self,
        bytes: &[u8],
        to: &mut Forward,
        log: &mut Option<Box<Log>>,
        heard: &mut Vec<Heard>,
    ) {
        to.pass(bytes);
        self.said = true;
        if let Some(log) = log {
            log.take(self.stream.into(), bytes);
        }
        self.tail.push_numbered(self.number, bytes);
        if let Some((lines, reader)) = &mut self.lines {
            lines.feed(bytes, &mut |line| reader.line(line, &mut |told| heard.push(told)));
            reader.bytes(bytes, &mut |told| heard.push(told));
        }
    }
}
