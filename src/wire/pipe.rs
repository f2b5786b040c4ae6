//! Cuts what comes through the FIFO into lines, whatever pieces it comes in and whoever wrote them.

use memchr::memchr;

use super::lines::LINE_MAX;

/// What the buffer may keep between two lines, so that short ones do not allocate each time.
const KEEP: usize = 1024;

/// The splitter of one FIFO. Memory is bounded by [`LINE_MAX`] whatever is written (SPEC rule 10).
#[derive(Debug, Default)]
pub struct Cutter {
    held: Vec<u8>,
    /// In a line that was too long, up to its newline.
    skipping: bool,
}

impl Cutter {
    /// Takes the next bytes and hands over every line that ends in them; `None` is one that was too long,
    /// said once, as soon as that is known.
    pub fn feed(&mut self, chunk: &[u8], on: &mut impl FnMut(Option<&[u8]>)) {
        let mut rest = chunk;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(end);
            rest = behind.get(1..).unwrap_or_default();
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if self.held.is_empty() && line.len() <= LINE_MAX {
                on(Some(line));
            } else if self.hold(line, on) {
                on(Some(&self.held));
                self.give_back();
            }
            self.skipping = false;
        }
        if !rest.is_empty() && !self.skipping {
            self.hold(rest, on);
        }
    }

    /// Keeps a part of a line; false if that made it too long.
    fn hold(&mut self, part: &[u8], on: &mut impl FnMut(Option<&[u8]>)) -> bool {
        if LINE_MAX - self.held.len() < part.len() {
            on(None);
            self.skipping = true;
            self.give_back();
            return false;
        }
        self.held.extend_from_slice(part);
        true
    }

    /// One long line must not cost its memory for the rest of the agent's life.
    fn give_back(&mut self) {
        self.held.clear();
        self.held.shrink_to(KEEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &[u8], size: usize) -> Vec<Option<Vec<u8>>> {
        let (mut cutter, mut lines) = (Cutter::default(), Vec::new());
        for chunk in text.chunks(size) {
            cutter.feed(chunk, &mut |line| lines.push(line.map(<[u8]>::to_vec)));
            assert!(cutter.held.capacity() <= 2 * LINE_MAX, "{}", cutter.held.capacity());
        }
        lines
    }

    #[test]
    fn lines_are_the_same_in_any_pieces() {
        let text = b"one\n\ntwo three\r\n{\"a\":1}\nhalf";
        let want: Vec<_> = [&b"one"[..], b"", b"two three\r", b"{\"a\":1}"]
            .map(|line| Some(line.to_vec()))
            .to_vec();
        for size in 1..=text.len() {
            assert_eq!(cut(text, size), want, "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_said_once_and_the_next_one_is_heard() {
        let mut text = vec![b'x'; LINE_MAX];
        text.extend(b"\n");
        for size in [1000, 65_536, text.len()] {
            assert_eq!(cut(&text, size)[0].as_ref().map(Vec::len), Some(LINE_MAX));
        }
        text.insert(0, b'x');
        text.extend(vec![b'y'; 3 * LINE_MAX]);
        text.extend(b"\nshort\n");
        for size in [1000, 65_536, LINE_MAX + 1, text.len()] {
            assert_eq!(cut(&text, size), [None, None, Some(b"short".to_vec())], "by {size}");
        }
    }
}
