//! What `agentwatch listen` reads: a request, however it is cut, and the beat that it becomes.

use agentwatch::core::beat::Status;
use agentwatch::wire::beat::{Parsed, parse_any};
use agentwatch::wire::control::LINE_MAX;
use agentwatch::wire::http::{Body, HEAD_MAX, Head};
use agentwatch::wire::intake::{Heartbeat, Route, heartbeats};

use super::{assert_words, pieces};

/// More than most inputs hold, less than a long one: both sides of the limit are seen.
const KEEP: usize = 100;

/// A request, and what is behind it.
pub fn check(data: &[u8]) {
    handed_on(heartbeats(data));
    let (head, behind) = match Head::parse(data) {
        Ok(Some((head, length))) => (head, &data[length..]),
        Ok(None) => {
            assert!(data.len() < HEAD_MAX);
            return;
        }
        Err(words) => return assert_words(&words),
    };
    let framing = match head.framing() {
        Ok(framing) => framing,
        Err(words) => return assert_words(&words),
    };
    let (mut whole, mut cut) = (Body::new(framing, KEEP), Body::new(framing, KEEP));
    let at_once = whole.take(behind);
    let in_pieces = pieces(behind).into_iter().try_for_each(|piece| cut.take(piece));
    assert_eq!(at_once, in_pieces);
    assert_eq!((&whole.kept, whole.length), (&cut.kept, cut.length));
    assert!(whole.kept.len() <= KEEP && whole.kept.len() as u64 <= whole.length);
    match Route::of(head.path()) {
        Route::Ping(ping) => {
            assert!(!ping.key.is_empty());
            let line = ping.signal.beat(&whole.kept);
            let Parsed::Beat(beat) = parse_any(line.as_bytes()) else { panic!("{line}") };
            assert!(matches!(beat.status, Status::Ok | Status::Busy | Status::Error), "{line}");
            fits(&line);
        }
        Route::Heartbeats => handed_on(heartbeats(&whole.kept)),
        Route::Status | Route::Unknown => {}
    }
}

fn handed_on(all: Result<Vec<Heartbeat>, String>) {
    match all {
        Ok(all) => all.iter().for_each(|one| fits(&one.line)),
        Err(words) => assert_words(&words),
    }
}

/// The control socket takes it, whatever it says, and it is a beat or a bad one.
fn fits(line: &str) {
    assert!(line.len() < LINE_MAX / 2, "{} bytes", line.len());
    assert!(!matches!(parse_any(line.as_bytes()), Parsed::Stranger), "{line}");
}
