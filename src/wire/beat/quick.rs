//! Tells most strangers from beats without reading them: the keys that mark a beat are not there.
//!
//! It may let a stranger pass, to be read in full, but never turns away a beat or a bad one. Where
//! the rules of what marks a beat change, this must change with them; a test compares the two.

use std::sync::LazyLock;

use memchr::memchr_iter;
use memchr::memmem::Finder;

use super::key;

// Made once, as making one costs more than looking for it in a line.
static AGENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("agent"));
static TOKENS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("tokens_used"));
static STATUS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("status"));
static TS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ts"));

/// Whether a line may be a beat or a bad one.
///
/// Each of those has the key `agent` or `tokens_used`, or both `status` and `ts`; and if no escape
/// may stand for a letter, they are spelt out.
pub(super) fn may_be_beat(line: &[u8]) -> bool {
    may_hide_letters(line)
        || has_key(&AGENT, line)
        || has_key(&TOKENS, line)
        || (has_key(&STATUS, line) && has_key(&TS, line))
}

fn has_key(name: &Finder<'_>, line: &[u8]) -> bool {
    // The one search that mostly ends it costs less than an iterator.
    name.find(line).is_some()
        && name.find_iter(line).any(|at| {
            let quoted = at.checked_sub(1).and_then(|quote| line.get(quote..));
            let quoted = quoted.filter(|text| matches!(text.first(), Some(b'"' | b'\'')));
            quoted.and_then(key).is_some_and(|key| key.as_bytes() == name.needle())
        })
}

/// Whether an escape stands in it that may mean a letter: `\u0061`, `\x61` or `\141`.
fn may_hide_letters(line: &[u8]) -> bool {
    memchr_iter(b'\\', line)
        .filter_map(|at| line.get(at..)?.get(1))
        .any(|kind| matches!(kind, b'u' | b'U' | b'x' | b'0'..=b'7'))
}
