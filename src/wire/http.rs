//! Requests of HTTP/1, as far as a small server needs them: one head, one body, and then the connection ends.

use httparse::{EMPTY_HEADER, Status, parse_chunk_size};

/// The longest head, in bytes; nginx gives 8 kB for each line, and no client of ours needs one.
pub const HEAD_MAX: usize = 16 * 1024;

/// The most headers; proxies add a dozen.
const HEADERS_MAX: usize = 64;

/// The longest line before a chunk, in bytes: its size, and extensions that nobody sends.
const CHUNK_LINE_MAX: usize = 256;

/// The line and the headers of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// `GET`, in capitals.
    pub method: String,
    /// `/path?query`, as it came.
    pub target: String,
    /// Names in small letters.
    headers: Vec<(String, String)>,
}

/// Where the body of a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After a chunk of no length.
    Chunked,
}

impl Head {
    /// The head at the start of these bytes and its length; `None` if it is not whole yet.
    ///
    /// # Errors
    /// It is no HTTP/1, or longer than [`HEAD_MAX`].
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, String> {
        let mut headers = [EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(bytes) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) if bytes.len() < HEAD_MAX => return Ok(None),
            Ok(Status::Partial) => return Err(format!("a head of more than {HEAD_MAX} bytes")),
            Err(error) => return Err(format!("no HTTP/1: {error}")),
        };
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let head = Self {
            method: text(request.method),
            target: text(request.path),
            headers: request
                .headers
                .iter()
                .map(|header| {
                    let value = String::from_utf8_lossy(header.value).trim().to_owned();
                    (header.name.to_ascii_lowercase(), value)
                })
                .collect(),
        };
        Ok(Some((head, length)))
    }

    /// The first header of that name, which is in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The target without its query, and as proxies send it without the server before it.
    #[must_use]
    pub fn path(&self) -> &str {
        let target = self.target.split(['?', '#']).next().unwrap_or_default();
        match target.strip_prefix("http://") {
            Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
            None => target,
        }
    }

    /// Whether the client waits for a word before it sends the body.
    #[must_use]
    pub fn expects_continue(&self) -> bool {
        self.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }

    /// Where the body ends.
    ///
    /// # Errors
    /// It says two things at once, or none that is known: who reads on might read another's words.
    pub fn framing(&self) -> Result<Framing, String> {
        let all = |name: &str| self.headers.iter().filter(|(key, _)| key == name).count();
        let (length, coding) = (self.header("content-length"), self.header("transfer-encoding"));
        if 1 < all("content-length") || 1 < all("transfer-encoding") {
            return Err("a length that is said twice".to_owned());
        }
        match (length, coding) {
            (None, None) => Ok(Framing::Length(0)),
            (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
            (None, Some(_)) => Err("a Transfer-Encoding other than chunked".to_owned()),
            (Some(_), Some(_)) => Err("both a Content-Length and a Transfer-Encoding".to_owned()),
            (Some(digits), None) => {
                let number = digits.bytes().all(|digit| digit.is_ascii_digit());
                let length = number.then(|| digits.parse().ok()).flatten();
                length
                    .map(Framing::Length)
                    .ok_or_else(|| "a Content-Length that is no number".into())
            }
        }
    }
}

/// What is next in a body of chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Size,
    Data(u64),
    LineEnd,
    Nothing,
}

/// A body as it arrives: what is kept of it has a limit, what is longer is read and forgotten.
#[derive(Clone, Debug)]
pub struct Body {
    /// What was kept.
    pub kept: Vec<u8>,
    /// All its bytes.
    pub length: u64,
    keep: usize,
    is_chunked: bool,
    next: Next,
    rest: Vec<u8>,
}

impl Body {
    /// A body of which `keep` bytes are kept.
    #[must_use]
    pub fn new(framing: Framing, keep: usize) -> Self {
        let (next, is_chunked) = match framing {
            Framing::Length(0) => (Next::Nothing, false),
            Framing::Length(length) => (Next::Data(length), false),
            Framing::Chunked => (Next::Size, true),
        };
        Self { kept: Vec::new(), length: 0, keep, is_chunked, next, rest: Vec::new() }
    }

    /// Whether it is all there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.next == Next::Nothing
    }

    /// Takes what has come. What is behind the body's end is nobody's.
    ///
    /// # Errors
    /// A chunk that is none.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            match self.next {
                Next::Data(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    let (data, behind) = bytes.split_at(here);
                    let room = self.keep.saturating_sub(self.kept.len()).min(here);
                    self.kept.extend_from_slice(data.get(..room).unwrap_or_default());
                    self.length = self.length.saturating_add(here as u64);
                    self.next = match left - here as u64 {
                        0 if self.is_chunked => Next::LineEnd,
                        0 => Next::Nothing,
                        left => Next::Data(left),
                    };
                    bytes = behind;
                }
                Next::Size | Next::LineEnd => {
                    let (byte, behind) = bytes.split_at(1);
                    self.rest.extend_from_slice(byte);
                    bytes = behind;
                    self.between()?;
                }
                Next::Nothing => return Ok(()),
            }
        }
        Ok(())
    }

    /// What stands between two chunks, a byte longer than before.
    fn between(&mut self) -> Result<(), String> {
        if self.next == Next::LineEnd {
            match self.rest.as_slice() {
                b"\r" => return Ok(()),
                b"\r\n" => self.next = Next::Size,
                _ => return Err("a chunk that does not end where it says".to_owned()),
            }
        } else {
            match parse_chunk_size(&self.rest) {
                Ok(Status::Complete((_, 0))) => self.next = Next::Nothing,
                Ok(Status::Complete((_, size))) => self.next = Next::Data(size),
                Ok(Status::Partial) if self.rest.len() < CHUNK_LINE_MAX => return Ok(()),
                Ok(Status::Partial) | Err(_) => return Err("a chunk without a size".to_owned()),
            }
        }
        self.rest.clear();
        Ok(())
    }
}

/// An answer after which the connection ends, with `headers` besides those that all have.
#[must_use]
pub fn answer(
    code: u16,
    kind: &str,
    headers: &[(&str, &str)],
    body: &str,
    is_head: bool,
) -> Vec<u8> {
    let reason = match code {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
    let length = body.len();
    let shown = if is_head { "" } else { body };
    let more = headers.iter().fold(String::new(), |mut more, (name, value)| {
        more.extend([name, ": ", value, "\r\n"]);
        more
    });
    format!(
        "HTTP/1.1 {code} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\
         {more}\r\n{shown}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        Head::parse(text.as_bytes()).unwrap().unwrap().0
    }

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let text =
            "POST /a/b?c=1 HTTP/1.1\r\nHost: x\r\nX-API-Key:  k \r\nContent-Length: 3\r\n\r\nabc";
        for end in 0..text.len() - 3 {
            assert_eq!(Head::parse(&text.as_bytes()[..end]), Ok(None), "{end}");
        }
        let (head, length) = Head::parse(text.as_bytes()).unwrap().unwrap();
        assert_eq!((head.method.as_str(), head.path(), length), ("POST", "/a/b", text.len() - 3));
        for (target, path) in
            [("http://x:1/a?b", "/a"), ("http://x", "/"), ("/http://", "/http://")]
        {
            assert_eq!(self::head(&format!("GET {target} HTTP/1.1\r\n\r\n")).path(), path);
        }
        assert_eq!(head.header("x-api-key"), Some("k"));
        assert_eq!(head.framing(), Ok(Framing::Length(3)));
        assert!(!head.expects_continue());
    }

    #[test]
    fn what_is_no_head_or_too_long_is_refused() {
        for text in ["\x16\x03\x01\x02", "GET\r\n\r\n", "GET / HTTP/1.1\r\nbad header\r\n\r\n"] {
            assert!(Head::parse(text.as_bytes()).is_err(), "{text:?}");
        }
        let long = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(HEAD_MAX));
        assert!(Head::parse(long.as_bytes()).is_err());
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(HEADERS_MAX + 1));
        assert!(Head::parse(many.as_bytes()).is_err());
    }

    #[test]
    fn two_ends_of_one_body_are_none() {
        for headers in [
            "Content-Length: 3\r\nContent-Length: 4",
            "Content-Length: 3\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: gzip, chunked",
            "Content-Length: -3",
            "Content-Length: 99999999999999999999",
        ] {
            let head = head(&format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n"));
            assert!(head.framing().is_err(), "{headers}");
        }
    }

    #[test]
    fn a_body_is_the_same_however_it_is_cut() {
        let chunks = b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nnobody's";
        for size in 1..chunks.len() {
            let mut body = Body::new(Framing::Chunked, 100);
            for piece in chunks.chunks(size) {
                body.take(piece).unwrap();
            }
            assert_eq!((body.kept.as_slice(), body.is_whole()), (&b"abc0123456789"[..], true));
        }
        let mut plain = Body::new(Framing::Length(5), 3);
        plain.take(b"ab").unwrap();
        assert!(!plain.is_whole());
        plain.take(b"cdefg").unwrap();
        assert_eq!((plain.kept.as_slice(), plain.length, plain.is_whole()), (&b"abc"[..], 5, true));
        assert!(Body::new(Framing::Length(0), 3).is_whole());
    }

    #[test]
    fn chunks_that_lie_are_refused() {
        for chunks in ["zz\r\n", "3\r\nabcd\r\n", "1\r\na\n", &"1;".repeat(CHUNK_LINE_MAX)] {
            assert!(Body::new(Framing::Chunked, 9).take(chunks.as_bytes()).is_err(), "{chunks:?}");
        }
    }
}
