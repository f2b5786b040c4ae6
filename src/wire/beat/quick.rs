//! Tells most strangers from beats without reading them: the keys that mark a beat are not there.
//!
//! It may let a stranger pass, to be read in full, but never turns away a beat or a bad one. Where
//! the rules of what marks a beat change, this must change with them; a test compares the two.

use std::sync::LazyLock;

use memchr::memchr_iter;
use memchr::memmem::Finder;

use crate::core::beat::Status;

// Made once, as making one costs more than looking for it in a line.
static AGENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("agent"));
static TOKENS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("tokens_used"));
static STATUS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("status"));
static TS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ts"));

/// Whether a line may be a beat or a bad one.
///
/// Each of those has the key `agent` or `tokens_used`, or a `ts` and one of the six words as `status`;
/// and if no escape may stand for a letter, they are spelt out.
pub(super) fn may_be_beat(line: &[u8]) -> bool {
    may_hide_letters(line)
        || has_key(&AGENT, line, |_| true)
        || has_key(&TOKENS, line, |_| true)
        || (has_key(&STATUS, line, is_word) && has_key(&TS, line, |_| true))
}

/// Whether it has a quoted key of that name, with such a thing behind its quotes.
fn has_key(name: &Finder<'_>, line: &[u8], such: fn(&[u8]) -> bool) -> bool {
    let mut from = 0_usize;
    // Ends: each search begins behind where the one before found something. An iterator would cost
    // more to set up than the one search that mostly finds nothing.
    while let Some(at) = line.get(from..).and_then(|rest| name.find(rest)) {
        let at = from.saturating_add(at);
        if behind_key(name.needle(), line, at).is_some_and(such) {
            return true;
        }
        from = at.saturating_add(1);
    }
    false
}

/// What stands behind the quoted key whose name stands at `at`, if it is one. Its quotes may be escaped,
/// as they are where a log record has a beat as its message.
fn behind_key<'l>(name: &[u8], line: &'l [u8], at: usize) -> Option<&'l [u8]> {
    let quote = line.get(at.checked_sub(1)?)?;
    let end = line.get(at.checked_add(name.len())?..)?;
    let end = end.strip_prefix(b"\\").unwrap_or(end);
    let behind = end.strip_prefix(std::slice::from_ref(quote))?;
    // Torn right behind the key is still a key.
    let next = unblank(behind).first();
    (matches!(quote, b'"' | b'\'') && next.is_none_or(|&byte| byte == b':')).then_some(behind)
}

/// Whether a colon and one of the words that a beat is marked by follow a key.
fn is_word(behind: &[u8]) -> bool {
    let value = unblank(behind).strip_prefix(b":").map(unblank);
    // Python's bytes are text, too.
    let value = value.map(|value| value.strip_prefix(b"b").unwrap_or(value));
    let value = value.map(|value| value.strip_prefix(b"\\").unwrap_or(value));
    let Some((quote @ (b'"' | b'\''), text)) = value.and_then(<[u8]>::split_first) else {
        return false;
    };
    let word = text.split(|byte| byte == quote || *byte == b'\\').next().unwrap_or_default();
    let word = std::str::from_utf8(word).unwrap_or_default();
    !matches!(Status::from_word(word), Status::Other(_))
}

/// Without the blanks before it, be they escaped.
fn unblank(text: &[u8]) -> &[u8] {
    let mut rest = text.trim_ascii_start();
    // Ends: each round takes two bytes.
    while let [b'\\', b'n' | b't' | b'r' | b'f', behind @ ..] = rest {
        rest = behind.trim_ascii_start();
    }
    rest
}

/// Whether an escape stands in it that may mean a letter: `\u0061`, `\x61` or `\141`.
fn may_hide_letters(line: &[u8]) -> bool {
    memchr_iter(b'\\', line)
        .filter_map(|at| line.get(at..)?.get(1))
        .any(|kind| matches!(kind, b'u' | b'U' | b'x' | b'0'..=b'7'))
}
