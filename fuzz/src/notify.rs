//! A datagram of the notify socket: bounded, and deaf to what is about other things.

use agentwatch::core::notice::Notice;
use agentwatch::wire::beat::{MESSAGE_MAX, REASON_MAX};
use agentwatch::wire::notify::parse;

use super::{assert_plain, beat};

pub fn check(data: &[u8]) {
    let told = parse(data);
    if let Some(beat) = &told.beat {
        beat::in_limits(beat);
    }
    if let Some(reason) = &told.bad {
        assert_plain(reason.as_str());
        assert!(reason.as_str().len() <= REASON_MAX);
    }
    if let Some(Notice::Word { text: Some(text), .. }) = &told.word {
        assert!(text.len() <= MESSAGE_MAX);
    }
    // One or the other: a datagram is one sign of life at most.
    assert!(told.beat.is_none() || told.word.is_none());
    let with = |before: &[u8], after: &[u8]| parse(&[before, data, after].concat());
    assert_eq!(with(b"", b"\0\0"), told);
    assert_eq!(with(b"BARRIER=1\nnonsense\n", b""), told);
    if !data.ends_with(b"\0") {
        assert_eq!(with(b"", b"\nFDSTORE=1\n"), told);
    }
}
