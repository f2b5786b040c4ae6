//! What an agent printed, made fit for people: nothing left that a terminal would obey, nothing invented.

use agentwatch::run::tail::Tail;
use agentwatch::wire::ansi;
use agentwatch::wire::plain::plain;

use super::{assert_plain, pieces};

/// What is kept of a stream, with a `…` and what replaces bytes that are no UTF-8.
const TAIL_MAX: usize = 3 * 10 * 1024 + 3;

pub fn check(data: &[u8]) {
    let text = plain(data);
    assert_plain(&text);
    // U+FFFD is three bytes long.
    assert!(text.len() <= 3 * data.len());
    assert_eq!(plain(text.as_bytes()), text);
    let bare = ansi::strip(data);
    assert!(bare.len() <= data.len());
    if !data.contains(&0x1b) {
        assert_eq!(bare, data);
    }

    let mut whole = Tail::default();
    whole.push(data);
    let mut cut = Tail::default();
    for piece in pieces(data) {
        cut.push(piece);
    }
    assert_eq!(cut.lines(), whole.lines());
    assert_eq!(cut.last_line(), whole.last_line());
    whole.lines().iter().for_each(|line| assert_plain(line));
    assert!(whole.lines().iter().map(String::len).sum::<usize>() <= TAIL_MAX);
    assert!(whole.last_line().is_none_or(|line| !line.contains(char::is_control)));
}
