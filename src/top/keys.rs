//! What was typed, from the bytes that a terminal sends. Pure.
//!
//! The terminal library reads keys too, but from a loop of its own that goes round for ever when the
//! terminal has gone, and that hears no signal meanwhile.

/// A key, as far as anything is bound to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character, as typed.
    Char(char),
    /// A letter with Ctrl, in lower case.
    Ctrl(char),
    /// The cursor keys.
    Up,
    /// Down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first line.
    Home,
    /// To the last line.
    End,
    /// Return.
    Enter,
    /// Escape alone.
    Escape,
    /// One that means nothing here.
    Other,
}

/// The longest sequence that is waited for; terminals send none longer.
const SEQUENCE_MAX: usize = 32;

/// Reads keys from bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Keys {
    begun: Vec<u8>,
}

impl Keys {
    /// Takes bytes; gives the keys that are whole.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.begun.extend_from_slice(bytes);
        let mut keys = Vec::new();
        let mut at = 0;
        // Ends: every key takes a byte at least.
        while let Some((key, length)) = next(&self.begun[at..]) {
            keys.push(key);
            at += length;
        }
        self.begun.drain(..at);
        keys
    }

    /// Whether a sequence has begun whose end is still to come: over a slow line Escape is the beginning of
    /// a cursor key for a moment.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.begun.is_empty()
    }

    /// Nothing came for a moment: what was begun is what it is.
    pub fn settle(&mut self) -> Option<Key> {
        let begun = std::mem::take(&mut self.begun);
        match begun.as_slice() {
            [] => None,
            [0x1b] => Some(Key::Escape),
            _ => Some(Key::Other),
        }
    }
}

/// The first key of `bytes`, and how many of them it takes; `None` where its end is missing.
fn next(bytes: &[u8]) -> Option<(Key, usize)> {
    let (&first, rest) = bytes.split_first()?;
    let key = match first {
        0x1b => return sequence(rest).map(|(key, length)| (key, length + 1)),
        b'\r' | b'\n' => Key::Enter,
        0x01..=0x1a => Key::Ctrl(char::from(first - 1 + b'a')),
        b' '..=b'~' => Key::Char(char::from(first)),
        _ => Key::Other,
    };
    Some((key, 1))
}

/// What follows an escape character (ECMA-48 and what VT100 and xterm made of it).
fn sequence(rest: &[u8]) -> Option<(Key, usize)> {
    match rest.split_first()? {
        // Two in a row: the first was a key of its own.
        (0x1b, _) => Some((Key::Escape, 0)),
        (b'O', rest) => Some((final_byte(*rest.first()?, b""), 2)),
        (b'[', rest) => {
            let ends = rest.iter().position(|byte| (0x40..=0x7e).contains(byte));
            match ends {
                Some(at) => Some((final_byte(rest[at], &rest[..at]), at + 2)),
                None if SEQUENCE_MAX < rest.len() => Some((Key::Other, rest.len() + 1)),
                None => None,
            }
        }
        // With Alt; nothing is bound to that.
        (_, _) => Some((Key::Other, 1)),
    }
}

fn final_byte(byte: u8, parameters: &[u8]) -> Key {
    let number = parameters.split(|byte| *byte == b';').next().unwrap_or_default();
    match (byte, number) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'H', _) | (b'~', b"1" | b"7") => Key::Home,
        (b'F', _) | (b'~', b"4" | b"8") => Key::End,
        (b'~', b"5") => Key::PageUp,
        (b'~', b"6") => Key::PageDown,
        (b'M', _) => Key::Enter,
        _ => Key::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(pieces: &[&str]) -> Vec<Key> {
        let mut keys = Keys::default();
        let mut found: Vec<Key> = pieces.iter().flat_map(|p| keys.feed(p.as_bytes())).collect();
        found.extend(keys.settle());
        found
    }

    #[test]
    fn keys_are_told_from_the_bytes_of_terminals() {
        use Key::{Char, Ctrl, Down, End, Enter, Escape, Home, Other, PageDown, PageUp, Up};
        for (bytes, want) in [
            ("q?", vec![Char('q'), Char('?')]),
            ("\x03\x1a\x0c", vec![Ctrl('c'), Ctrl('z'), Ctrl('l')]),
            ("\r\n", vec![Enter, Enter]),
            ("\x1b[A\x1b[B\x1bOA\x1bOB", vec![Up, Down, Up, Down]),
            ("\x1b[5~\x1b[6~\x1b[1;5A", vec![PageUp, PageDown, Up]),
            ("\x1b[H\x1b[F\x1b[1~\x1b[4~\x1bOH\x1bOF", vec![Home, End, Home, End, Home, End]),
            ("\x1b", vec![Escape]),
            ("\x1b\x1b", vec![Escape, Escape]),
            ("\x1b\x1b[A", vec![Escape, Up]),
            ("\x1bx\x1b[Zq", vec![Other, Other, Char('q')]),
            ("\x1b[", vec![Other]),
            ("\x7f", vec![Other]),
            ("é", vec![Other, Other]),
        ] {
            assert_eq!(keys(&[bytes]), want, "{bytes:?}");
        }
    }

    #[test]
    fn a_cursor_key_that_comes_in_pieces_is_no_escape() {
        assert_eq!(keys(&["\x1b", "[", "A"]), [Key::Up]);
        assert_eq!(keys(&["\x1b[6", "~j"]), [Key::PageDown, Key::Char('j')]);
        let endless = format!("\x1b[{}", "1;".repeat(60));
        assert_eq!(keys(&[&endless]), [Key::Other]);
    }
}
