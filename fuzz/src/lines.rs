//! Lines of a stream: the same in any chunks, and what a reader finds who is in no hurry.

use agentwatch::wire::lines::{LINE_MAX, Line, Lines, START_MAX};
use agentwatch::wire::{beat, prefix};

use super::{beat as beats, pieces};

/// What was handed over: `Err` is the start of a line that was too long.
pub type Seen = Vec<Result<Vec<u8>, Vec<u8>>>;

pub fn check(data: &[u8]) {
    let whole = whole(data);
    assert_eq!(seen(&pieces(data)), whole);
    let bytes: usize = whole.iter().map(|line| line.as_ref().map_or_else(Vec::len, Vec::len)).sum();
    assert!(bytes <= data.len());
    for line in &whole {
        match line {
            Ok(line) => {
                assert!(line.first() == Some(&b'{') && !line.contains(&b'\n'));
                assert!(line.len() <= LINE_MAX);
                beats::bounded(&beat::parse(line));
            }
            Err(start) => {
                assert_eq!(start.len(), START_MAX);
                beats::bounded(&beat::too_long(start));
            }
        }
    }
    if data.len() <= LINE_MAX {
        assert_eq!(whole, slowly(data));
    }
}

/// What the scanner finds in a stream that comes in one piece.
pub fn whole(stream: &[u8]) -> Seen {
    seen(&[stream])
}

fn seen(chunks: &[&[u8]]) -> Seen {
    let (mut lines, mut seen) = (Lines::new(), Seen::new());
    let mut on = |line: Line<'_>| {
        seen.push(match line {
            Line::Whole(line) => Ok(line.to_vec()),
            Line::TooLong { start } => Err(start.to_vec()),
        });
    };
    for chunk in chunks {
        lines.feed(chunk, &mut on);
    }
    lines.end(&mut on);
    seen
}

fn slowly(stream: &[u8]) -> Seen {
    let candidate = |line: &[u8]| {
        let at = line.iter().position(|byte| *byte == b'{')?;
        let line = (at <= prefix::MAX && prefix::may_open(&line[..at])).then_some(&line[at..])?;
        Some(Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec()))
    };
    stream.split(|byte| *byte == b'\n').filter_map(candidate).collect()
}
