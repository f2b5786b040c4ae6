//! Takes terminal colours out of a line, so that it reads as it was meant.

use memchr::memchr;
use std::borrow::Cow;

/// Begins every escape sequence. JSON has none inside a string, nor has Python's `repr`.
const ESCAPE: u8 = 0x1b;

/// The line without its colours and other control sequences (`ESC [ … letter`).
///
/// One without any is borrowed. An escape that begins no such sequence, or one that is torn, stays.
/// Linear in the line.
#[must_use]
pub fn strip(line: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr(ESCAPE, line) else { return Cow::Borrowed(line) };
    let (before, mut rest) = line.split_at_checked(first).unwrap_or_default();
    let mut plain = Vec::with_capacity(line.len());
    plain.extend_from_slice(before);
    // Ends: each round takes the escape that it begins with, at least.
    while let Some((&escape, behind)) = rest.split_first() {
        let behind = sequence(behind).unwrap_or_else(|| {
            plain.push(escape);
            behind
        });
        let next = memchr(ESCAPE, behind).unwrap_or(behind.len());
        let (text, left) = behind.split_at_checked(next).unwrap_or_default();
        plain.extend_from_slice(text);
        rest = left;
    }
    Cow::Owned(plain)
}

/// What follows a control sequence, of which `text` is what stands behind the escape (ECMA-48 §5.4).
fn sequence(text: &[u8]) -> Option<&[u8]> {
    let body = text.strip_prefix(b"[")?;
    let end = body.iter().position(|byte| !matches!(byte, 0x20..=0x3f))?;
    let (&last, behind) = body.get(end..)?.split_first()?;
    matches!(last, 0x40..=0x7e).then_some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_all_else_stays() {
        let table: [(&[u8], &[u8]); 9] = [
            (b"plain", b"plain"),
            (b"\x1b[32m{\"agent\": \"a\"}\x1b[0m", b"{\"agent\": \"a\"}"),
            (b"\x1b[1;39m{\x1b[0m\x1b[34;1m\"a\"\x1b[0m", b"{\"a\""),
            (b"\x1b[38;2;1;2;3mx\x1b[K\x1b[?25l", b"x"),
            (b"\x1b[0m", b""),
            (b"a\x1bb", b"a\x1bb"),
            (b"a\x1b[3", b"a\x1b[3"),
            (b"\x1b\x1b[mx\x1b", b"\x1bx\x1b"),
            (b"\x1b[\x1b[m", b"\x1b["),
        ];
        for (line, want) in table {
            assert_eq!(*strip(line), *want, "{}", line.escape_ascii());
        }
        assert!(matches!(strip(b"plain"), Cow::Borrowed(_)));
    }
}
