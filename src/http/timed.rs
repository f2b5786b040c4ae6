//! A connection that ends at a certain time, however few bytes it gives at a time.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::sys::clock::Deadline;
use crate::wire::http::{Body, Framing, Head};

use super::Lost;

/// What is read and forgotten, at most.
const BODY_MAX: u64 = 10_000_000;

/// A connection with a deadline.
#[derive(Debug)]
pub(super) struct Timed {
    stream: TcpStream,
    limit: Duration,
    until: Deadline,
}

impl Timed {
    /// One that has this much time for its request.
    pub(super) fn new(stream: TcpStream, limit: Duration) -> Self {
        Self { stream, limit, until: Deadline::after(limit) }
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.until.left();
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.stream.set_write_timeout(Some(self.left()?))?;
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives the answer within this time, and ends the connection.
    pub(super) fn finish(&mut self, answer: &[u8], limit: Duration) {
        self.until = Deadline::after(limit);
        if self.write_all(answer).is_err() {
            return;
        }
        // Closed while the client still writes, a connection is reset, and it never reads the answer.
        let _ = self.stream.shutdown(Shutdown::Write);
        let mut rest = Body::new(Framing::Length(BODY_MAX), 0);
        let _ = self.fill(&mut rest);
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Lost> {
        let read = self.left().and_then(|left| {
            self.stream.set_read_timeout(Some(left))?;
            self.stream.read(buffer)
        });
        match read {
            Ok(0) => Err(Lost::Gone),
            Ok(length) => Ok(length),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                    let words = format!("a request that takes more than {}s", self.limit.as_secs());
                    Err(Lost::Refused((408, words)))
                }
                _ => Err(Lost::Gone),
            },
        }
    }

    /// The head, and what came behind it.
    pub(super) fn head(&mut self) -> Result<(Head, Vec<u8>), Lost> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let length = self.read(&mut buffer)?;
            bytes.extend_from_slice(buffer.get(..length).unwrap_or_default());
            match Head::parse(&bytes) {
                Ok(None) => {}
                Ok(Some((head, length))) => return Ok((head, bytes.split_off(length))),
                Err(words) => return Err(Lost::Refused((400, words))),
            }
        }
    }

    /// The body of a request, of which `keep` bytes are kept.
    pub(super) fn body(&mut self, head: &Head, behind: &[u8], keep: usize) -> Result<Body, Lost> {
        let bad = |words: String| Lost::Refused((400, words));
        let framing = head.framing().map_err(bad)?;
        let too_long = || Lost::Refused((413, format!("a body of more than {BODY_MAX} bytes")));
        if matches!(framing, Framing::Length(length) if BODY_MAX < length) {
            return Err(too_long());
        }
        let mut body = Body::new(framing, keep);
        body.take(behind).map_err(bad)?;
        if head.expects_continue() && !body.is_whole() {
            let go_on = self.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
            go_on.map_err(|_| Lost::Gone)?;
        }
        self.fill(&mut body)?;
        if BODY_MAX < body.length { Err(too_long()) } else { Ok(body) }
    }

    /// Reads until the body is whole, or longer than anything should be.
    fn fill(&mut self, body: &mut Body) -> Result<(), Lost> {
        let mut buffer = [0; 16 * 1024];
        while !body.is_whole() && body.length <= BODY_MAX {
            let length = self.read(&mut buffer)?;
            let taken = body.take(buffer.get(..length).unwrap_or_default());
            taken.map_err(|words| Lost::Refused((400, words)))?;
        }
        Ok(())
    }
}
