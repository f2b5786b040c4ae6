//! What an agent printed as plain text: nothing left in it that a terminal would obey.

use crate::core::beat::clip;

/// One line as text: invalid UTF-8 replaced, escape sequences removed whole, control characters but
/// the tab removed, and those that turn the direction of text.
#[must_use]
pub fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    // Ends: every round leaves an escape character behind at least.
    while let Some((before, escape)) = rest.split_once('\x1b') {
        push(before, &mut plain);
        rest = behind(escape);
    }
    push(rest, &mut plain);
    plain
}

/// How much of a library's words about what it read is repeated, in bytes: they may quote all of it.
const BRIEF_MAX: usize = 200;

/// A library's words about what it read, as plain text on one line of bounded length.
#[must_use]
pub fn brief(error: &impl std::fmt::Display) -> String {
    let words = plain(error.to_string().replace(['\n', '\r', '\t'], " ").as_bytes());
    match clip(&words, BRIEF_MAX) {
        whole if whole.len() == words.len() => words,
        cut => format!("{cut}…"),
    }
}

fn push(text: &str, to: &mut String) {
    to.extend(text.chars().filter(|&c| c == '\t' || !c.is_control() && !turns(c)));
}

/// Whether it turns the direction of what follows, so that people read something else than what is there.
fn turns(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What is behind an escape sequence, from behind its escape character (ECMA-48 and xterm).
///
/// What breaks off or is none loses as little as possible: it may be the reason of a crash.
fn behind(escape: &str) -> &str {
    let mut chars = escape.chars();
    match chars.next() {
        Some('[') => {
            let end = chars.as_str().trim_start_matches(|c| matches!(c, ' '..='?'));
            after_one(end, |c| matches!(c, '@'..='~'))
        }
        Some(']' | 'P' | 'X' | '^' | '_') => behind_string(chars.as_str()).unwrap_or(escape),
        Some(_) => {
            let end = escape.trim_start_matches(|c| matches!(c, ' '..='/'));
            after_one(end, |c| matches!(c, '0'..='~'))
        }
        None => escape,
    }
}

/// What is behind a title or a link: up to a bell, or an escape with a backslash.
fn behind_string(string: &str) -> Option<&str> {
    // No further than the next escape, so that many beginnings without an end cost no more than one.
    let (_, end) = string.split_at_checked(string.find(['\x07', '\x1b'])?)?;
    end.strip_prefix('\x07').or_else(|| end.strip_prefix("\x1b\\"))
}

/// The text without its first character, if that is such a one.
fn after_one(text: &str, such: impl Fn(char) -> bool) -> &str {
    text.strip_prefix(such).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_obey_is_gone_and_the_words_stay() {
        let table: &[(&[u8], &str)] = &[
            (b"", ""),
            (b"plain \t text", "plain \t text"),
            (b"\x1b[31mred\x1b[0m", "red"),
            (b"\x1b[1;38;5;196mbold\x1b[m\x1b[K", "bold"),
            (b"\x1b[?25l\x1b[2J\x1b[1 qx", "x"),
            (b"[31mnot one", "[31mnot one"),
            (b"\x1b[[A", "A"),
            (b"\x1b]0;title\x07a", "a"),
            (b"\x1b]8;;https://x.y\x1b\\link\x1b]8;;\x1b\\ b\x07", "link b"),
            (b"\x1bPq#0\x1b\\a", "a"),
            (b"\x1b(B\x1b7\x1bMa\x1bcb", "ab"),
            (b"a\x08\x00\x7f\x0cb\r", "ab"),
            ("a\u{9b}b\u{85}é日😀".as_bytes(), "abé日😀"),
            (b"a\xff\xfeb", "a\u{fffd}\u{fffd}b"),
            // Broken off, or none.
            (b"a\x1b", "a"),
            (b"a\x1b[31", "a"),
            (b"a\x1b[3\x071mb", "a1mb"),
            (b"\x1b]not a title", "]not a title"),
            (b"\x1b]not a \x1b[1mtitle\x07", "]not a title"),
            ("\x1bé\x1b[é".as_bytes(), "éé"),
            (b"\x1b\x1b[31ma", "a"),
        ];
        for (line, want) in table {
            assert_eq!(plain(line), *want, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_hostile_line_takes_no_longer_than_others() {
        // Each would take minutes if anything here were quadratic.
        for piece in ["\x1b", "\x1b]", "\x1b[", "\x1b[1", "\x1b(", "\x07"] {
            assert!(!plain(piece.repeat(1_000_000).as_bytes()).contains('\x1b'));
        }
    }

    #[test]
    fn any_short_text_ends_without_a_panic_and_without_controls() {
        let alphabet = b"\x1b[]P(\\\x07;1 m\xc3";
        for number in 0..alphabet.len().pow(5) {
            let line: Vec<u8> = (0..5)
                .map(|at| alphabet[number / alphabet.len().pow(at) % alphabet.len()])
                .collect();
            assert!(!plain(&line).contains(char::is_control), "{}", line.escape_ascii());
        }
    }
}
