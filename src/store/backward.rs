//! The lines of a file from its end on, without reading what nobody wants.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use memchr::memrchr;

use super::read::LINE_MAX;

/// What is read at once, in bytes.
const BLOCK: u64 = 64 * 1024;

/// A reader of one file. What stands behind its last newline is no line yet.
#[derive(Debug)]
pub struct Backward {
    file: File,
    /// Where what has been read begins.
    start: u64,
    /// What has been read and not been given yet: it ends where a line does.
    bytes: Vec<u8>,
    end: u64,
    /// Where the line that was given last begins.
    at: u64,
}

impl Backward {
    /// A reader of what is in the file now.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let start = file.metadata()?.len();
        let mut new = Self { file, start, bytes: Vec::new(), end: 0, at: 0 };
        loop {
            if let Some(at) = memrchr(b'\n', &new.bytes) {
                new.end = new.start + length(&new.bytes[..=at]);
                new.at = new.end;
                new.bytes.truncate(at);
                return Ok(new);
            }
            if new.start == 0 {
                new.bytes.clear();
                return Ok(new);
            }
            new.bytes.clear();
            new.more()?;
        }
    }

    /// Where its last line ends, in bytes from its beginning.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Where the line that was given last begins, in bytes from the beginning of the file.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at
    }

    /// How much of it was looked at so far, in bytes.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The line before the one that was given last, without its newline; none at the beginning. One that is
    /// longer than any of ours is passed over.
    ///
    /// # Errors
    /// The system's.
    pub fn line_before(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut too_long = false;
        while self.at > 0 {
            if let Some(at) = memrchr(b'\n', &self.bytes) {
                self.at = self.start + length(&self.bytes[..=at]);
                let line = self.bytes.split_off(at + 1);
                self.bytes.truncate(at);
                if !std::mem::take(&mut too_long) {
                    return Ok(Some(line));
                }
            } else if self.start == 0 {
                self.at = 0;
                let line = std::mem::take(&mut self.bytes);
                return Ok((!too_long).then_some(line));
            } else {
                if LINE_MAX <= length(&self.bytes) {
                    self.bytes.clear();
                    too_long = true;
                }
                self.more()?;
            }
        }
        Ok(None)
    }

    /// Reads what is in front of that.
    fn more(&mut self) -> io::Result<()> {
        let from = self.start.saturating_sub(BLOCK);
        let wanted = usize::try_from(self.start - from).unwrap_or(0);
        let mut block = vec![0; wanted];
        self.file.seek(SeekFrom::Start(from))?;
        self.file.read_exact(&mut block)?;
        block.append(&mut self.bytes);
        (self.bytes, self.start) = (block, from);
        Ok(())
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8]) -> (Vec<Vec<u8>>, u64) {
        let name = format!("aw-backward-{}-{}", std::process::id(), text.len());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        let mut backward = Backward::open(&path).unwrap();
        let end = backward.end();
        let mut lines = Vec::new();
        while let Some(line) = backward.line_before().unwrap() {
            let at = usize::try_from(backward.at()).unwrap();
            assert!(text[at..].starts_with(&line) && (at == 0 || text[at - 1] == b'\n'));
            lines.push(line);
        }
        assert_eq!(backward.line_before().unwrap(), None);
        std::fs::remove_file(path).unwrap();
        (lines, end)
    }

    #[test]
    fn lines_come_from_the_last_to_the_first() {
        let long = [vec![b'x'; 200_000], vec![b'\n']].concat();
        for text in [
            &b""[..],
            b"\n",
            b"torn",
            b"one\n",
            b"one\ntorn",
            b"one\n\nthree\n",
            &[b"a\n", &long[..], b"b\n"].concat(),
            &[&long[..], &long[..], b"torn"].concat(),
            &b"0123456789abcde\n".repeat(20_000),
        ] {
            let whole = memrchr(b'\n', text).map_or(0, |at| at + 1);
            let mut want: Vec<&[u8]> = text[..whole].split(|byte| *byte == b'\n').collect();
            want.pop();
            want.reverse();
            let (lines, end) = all(text);
            assert_eq!(lines, want);
            assert_eq!(end, whole as u64);
        }
    }

    #[test]
    fn a_line_that_never_ends_is_passed_over_and_not_collected() {
        let giant = vec![b'x'; 3 << 20];
        let (lines, _) = all(&[b"one\n", &giant[..], b"\ntwo\n"].concat());
        assert_eq!(lines, [b"two", b"one"]);
        assert_eq!(all(&[&giant[..], b"\ntwo\n"].concat()).0, [b"two"]);
        assert_eq!(all(&[b"one\n", &giant[..]].concat()).0, [b"one"]);
    }
}
