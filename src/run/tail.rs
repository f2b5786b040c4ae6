//! The last words of a stream: its last lines, kept for evidence.

use std::collections::VecDeque;

use crate::wire::last::Numbered;
use crate::wire::plain::plain;

/// How much of the end of a stream is kept, in bytes: a screen or two, a traceback among it.
pub const KEEP: usize = 10 * 1024;

/// How much is held at most, in bytes: what is too much goes only when as much as is kept has come.
const HOLD: usize = 2 * KEEP;

/// Stretches that are told apart by when they were said; two streams that take turns byte by byte have fewer.
const STRETCHES: usize = 512;

/// The end of what a stream said.
#[derive(Debug, Default)]
pub struct Tail {
    held: Vec<u8>,
    /// When it was said: the number of each stretch, and its bytes.
    numbers: VecDeque<(u64, usize)>,
    /// The line that `held` begins with began before it.
    torn: bool,
}

impl Tail {
    /// Takes what was just said.
    pub fn push(&mut self, bytes: &[u8]) {
        self.push_numbered(0, bytes);
    }

    /// The same; `number` grows whenever another stream has spoken in between.
    pub fn push_numbered(&mut self, number: u64, bytes: &[u8]) {
        self.take(bytes);
        match self.numbers.back_mut() {
            Some((last, count)) if *last == number => *count += bytes.len(),
            _ => self.numbers.push_back((number, bytes.len())),
        }
        let mut surplus = self.numbers.iter().map(|(_, count)| count).sum::<usize>();
        surplus = surplus.saturating_sub(self.held.len());
        while let Some((_, count)) = self.numbers.front_mut().filter(|_| 0 < surplus) {
            let gone = surplus.min(*count);
            (*count, surplus) = (*count - gone, surplus - gone);
            if *count == 0 {
                self.numbers.pop_front();
            }
        }
        if STRETCHES < self.numbers.len()
            && let Some((_, count)) = self.numbers.pop_front()
            && let Some((_, next)) = self.numbers.front_mut()
        {
            *next += count;
        }
    }

    fn take(&mut self, bytes: &[u8]) {
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

    /// The same, each line with the number of the stretch in which it ended.
    #[must_use]
    pub fn numbered(&self) -> Vec<Numbered> {
        let lines = self.lines();
        // Each line of them ends with a line end but perhaps the last, whatever was left out of it.
        let bytes = self.held.strip_suffix(b"\n").unwrap_or(&self.held);
        let mut ends: Vec<usize> =
            bytes.iter().zip(0..).filter(|(byte, _)| **byte == b'\n').map(|(_, at)| at).collect();
        ends.push(bytes.len().saturating_sub(1));
        let ends = ends.split_off(ends.len().saturating_sub(lines.len()));
        let (mut stretches, mut begun) = (self.numbers.iter(), 0);
        let (mut number, mut end) = (0, 0);
        let mut numbered = Vec::with_capacity(lines.len());
        for (line, at) in lines.into_iter().zip(ends) {
            while end <= at
                && let Some((next, count)) = stretches.next()
            {
                (number, begun) = (*next, begun + count);
                end = begun;
            }
            numbered.push((number, line));
        }
        numbered
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
    fn each_line_knows_when_it_was_said() {
        let mut tail = Tail::default();
        tail.push_numbered(1, b"a\nb");
        tail.push_numbered(3, b"b\nc\n");
        tail.push_numbered(5, b"d");
        let said = |tail: &Tail| {
            tail.numbered().iter().map(|(n, line)| format!("{n}{line}")).collect::<Vec<_>>()
        };
        assert_eq!(said(&tail), ["1a", "3bb", "3c", "5d"]);
        for number in 0..20_000 {
            tail.push_numbered(2 * number, b"x\n");
        }
        assert!(tail.numbers.len() <= STRETCHES, "{}", tail.numbers.len());
        let numbered = tail.numbered();
        assert_eq!(numbered.len(), tail.lines().len());
        assert_eq!(numbered.last().unwrap().0, 2 * 19_999);
        assert!(numbered.is_sorted_by_key(|(number, _)| *number));
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
