//! The last words of a stream: its last lines, kept for evidence.

use crate::wire::plain::plain;

/// How much of the end of a stream is kept, in bytes: a screen or two, a traceback among it.
const KEEP: usize = 10 * 1024;

/// How much is held at most, in bytes: what is too much goes only when as much as is kept has come.
const HOLD: usize = 2 * KEEP;

/// The end of what a stream said.
#[derive(Debug, Default)]
pub struct Tail {
    held: Vec<u8>,
    /// The line that `held` begins with began before it.
    torn: bool,
}

impl Tail {
    /// Takes what was just said.
    pub fn push(&mut self, bytes: &[u8]) {
        if KEEP <= bytes.len() {
            self.forget(self.held.len());
            let (before, last) = bytes.split_at(bytes.len() - KEEP);
            self.torn = goes_on(before).unwrap_or(self.torn);
            self.hold(last);
            return;
        }
        if HOLD < self.held.len() + bytes.len() {
            self.forget((self.held.len() + bytes.len()).saturating_sub(KEEP));
        }
        self.hold(bytes);
    }

    /// What was said last, line by line, as plain text; at most the last 10 KiB of it.
    ///
    /// A first line of which the beginning was lost starts with `…`.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let (before, mut kept) = self.held.split_at(self.held.len().saturating_sub(KEEP));
        let torn = goes_on(before).unwrap_or(self.torn);
        if torn {
            // The rest of a character is none.
            let rest = kept.iter().take(3).take_while(|byte| matches!(byte, 0x80..=0xbf)).count();
            kept = &kept[rest..];
        }
        let kept = kept.strip_suffix(b"\n").unwrap_or(kept);
        if kept.is_empty() {
            return Vec::new();
        }
        let mut lines: Vec<String> = kept.split(|byte| *byte == b'\n').map(plain).collect();
        if let Some(first) = lines.first_mut().filter(|_| torn) {
            first.insert(0, '…');
        }
        lines
    }

    /// The last line that says anything, without control characters.
    #[must_use]
    pub fn last_line(&self) -> Option<String> {
        let lines = self.lines();
        let line = lines.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty())?;
        Some(line.replace('\t', ""))
    }

    fn forget(&mut self, surplus: usize) {
        self.torn = goes_on(&self.held[..surplus]).unwrap_or(self.torn);
        self.held.drain(..surplus);
    }

    /// Doubles like a `Vec` does, but never past what may be held, which doubling could overshoot.
    fn hold(&mut self, bytes: &[u8]) {
        let needed = self.held.len() + bytes.len();
        if self.held.capacity() < needed {
            let roomy = (2 * needed).min(HOLD).max(needed);
            self.held.reserve_exact(roomy - self.held.len());
        }
        self.held.extend_from_slice(bytes);
    }
}

/// Whether a line goes on behind these bytes; nobody knows behind none.
fn goes_on(bytes: &[u8]) -> Option<bool> {
    bytes.last().map(|last| *last != b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(chunks: &[&[u8]]) -> Tail {
        let mut tail = Tail::default();
        for chunk in chunks {
            tail.push(chunk);
            assert!(tail.held.capacity() <= HOLD, "{}", tail.held.capacity());
        }
        tail
    }

    #[test]
    fn the_last_lines_survive_any_chunking() {
        let text = b"Traceback\n\n  File x\r\n\tKeyError:\t'A'\n \n\n";
        for cut in 0..text.len() {
            let tail = tail(&[&text[..cut], &text[cut..]]);
            assert_eq!(tail.last_line().as_deref(), Some("KeyError:'A'"));
            assert_eq!(tail.lines(), ["Traceback", "", "  File x", "\tKeyError:\t'A'", " ", ""]);
        }
    }

    #[test]
    fn nothing_said_is_no_line_and_colours_are_left_out() {
        assert_eq!(tail(&[]).lines(), Vec::<String>::new());
        assert_eq!(tail(&[b"\n"]).lines(), Vec::<String>::new());
        assert_eq!(tail(&[b"\n \n"]).last_line(), None);
        let tail = tail(&[b"x\xff\n\x1b[31mred\x1b[0m\n\x1b[0m\n"]);
        assert_eq!(tail.lines(), ["x\u{fffd}", "red", ""]);
        assert_eq!(tail.last_line().as_deref(), Some("red"));
    }

    #[test]
    fn what_is_kept_does_not_depend_on_the_chunks() {
        let mut stream = Vec::new();
        for number in 0..3_000 {
            stream.extend_from_slice(format!("line {number} é\n").as_bytes());
        }
        let length = stream.len();
        // Every place where the limit may cut: within a character, a line, and between two lines.
        for end in length - 40..=length {
            let said = &stream[..end];
            let lost = &said[..end - KEEP];
            let mut want: Vec<String> = String::from_utf8_lossy(&said[end - KEEP..])
                .split_terminator('\n')
                .map(str::to_owned)
                .collect();
            if lost.last() != Some(&b'\n') {
                want[0] = format!("…{}", want[0].trim_start_matches('\u{fffd}'));
            }
            for size in [1, 7, 1000, KEEP - 1, KEEP, KEEP + 1, 65_536] {
                let chunks: Vec<&[u8]> = said.chunks(size).collect();
                assert_eq!(tail(&chunks).lines(), want, "{end} bytes in {size}s");
            }
        }
    }

    #[test]
    fn small_chunks_are_moved_once_and_little_said_takes_little() {
        let mut tail = Tail::default();
        tail.push(b"hello\n");
        assert!(tail.held.capacity() < 64);
        let mut moves = 0;
        for _ in 0..100 * KEEP {
            let before = tail.held.len();
            tail.push(b"x");
            moves += usize::from(tail.held.len() <= before);
        }
        assert!((95..=100).contains(&moves), "{moves} moves");
        assert_eq!(tail.lines(), [format!("…{}", "x".repeat(KEEP))]);
    }
}
