//! Lines of the FIFO: the same in any chunks, none lost, none invented; what each of them says is bounded.

use agentwatch::wire::beat;
use agentwatch::wire::lines::LINE_MAX;
use agentwatch::wire::pipe::Cutter;

use super::{beat as beats, pieces};

pub fn check(data: &[u8]) {
    let whole = cut(&[data]);
    assert_eq!(cut(&pieces(data)), whole);
    if data.len() <= LINE_MAX {
        let mut lines: Vec<_> = data.split(|byte| *byte == b'\n').collect();
        // What has no newline yet is no line.
        lines.pop();
        assert!(whole.iter().map(Option::as_deref).eq(lines.into_iter().map(Some)));
    }
    for line in &whole {
        let parsed = line.as_deref().map_or_else(beat::too_long_for_any, beat::parse_any);
        beats::bounded(&parsed);
    }
}

fn cut(chunks: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
    let (mut cutter, mut lines) = (Cutter::default(), Vec::new());
    for chunk in chunks {
        cutter.feed(chunk, &mut |line| lines.push(line.map(<[u8]>::to_vec)));
    }
    lines
}
