//! The last words of a stream: its last line, kept for evidence.

/// How much of the end of a stream is kept, in bytes.
const KEEP: usize = 1024;

/// The end of what a stream said.
#[derive(Debug, Default)]
pub struct Tail {
    end: Vec<u8>,
}

impl Tail {
    /// Takes what was just said.
    pub fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(KEEP)..];
        self.end.extend_from_slice(bytes);
        let surplus = self.end.len().saturating_sub(KEEP);
        self.end.drain(..surplus);
    }

    /// The last line that says anything, without control characters.
    #[must_use]
    pub fn last_line(&self) -> Option<String> {
        let line = self.end.split(|byte| *byte == b'\n').rev().map(<[u8]>::trim_ascii);
        let line = line.into_iter().find(|line| !line.is_empty())?;
        let text = String::from_utf8_lossy(line);
        Some(text.chars().filter(|c| !c.is_control()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_survives_any_chunking() {
        let text = b"Traceback\n  File x\nKeyError: 'A'\n\n";
        for cut in 0..text.len() {
            let mut tail = Tail::default();
            tail.push(&text[..cut]);
            tail.push(&text[cut..]);
            assert_eq!(tail.last_line().as_deref(), Some("KeyError: 'A'"));
        }
    }

    #[test]
    fn memory_is_bounded_and_control_characters_are_left_out() {
        let mut tail = Tail::default();
        for _ in 0..1000 {
            tail.push(&[b'x'; 4096]);
        }
        assert!(tail.end.capacity() <= 4 * KEEP);
        tail.push(b"\n\x1b[31mred\x1b[0m\n");
        assert_eq!(tail.last_line().as_deref(), Some("[31mred[0m"));
    }
}
