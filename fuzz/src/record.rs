//! Lines of the journal: a fact is written as it was read, its quick readers agree, and folding any takes.

use agentwatch::core::fact::Fact;
use agentwatch::core::memory::Memory;
use agentwatch::core::time::Wall;
use agentwatch::report::view::View;
use agentwatch::store::rebuild;
use agentwatch::wire::plain::plain;
use agentwatch::wire::record::{self, BeatLine};
use agentwatch::wire::words::{describe, evidence};

use super::{assert_plain, nearly, state};

/// The last moment that has a year of four digits.
const LAST: Wall = Wall(253_402_300_799_999);

pub fn check(data: &[u8]) {
    let (mut view, mut memory) = (View::new(true), Memory::default());
    for line in data.split(|byte| *byte == b'\n') {
        view.line(line);
        let Some(record) = record::read(line) else { continue };
        assert!(record::is_whole(line));
        rebuild::learn(&mut memory, &record);
        let Some(fact) = &record.fact else { continue };
        again(record.ts, record.seq, fact);
        // As `events` prints it.
        let words = describe(fact).1;
        assert_plain(&plain(words.replace(['\n', '\r'], " ").as_bytes()));
        let _ = evidence(fact);
        view.learn(record.ts, fact);
    }
    state::look(None, &memory, &view);
    state::launch(memory.clone());
    state::again(&agentwatch::wire::state::Identity::default(), &memory);
}

/// A fact that is written down and read again is the same one.
fn again(ts: Wall, seq: u64, fact: &Fact) {
    let line = record::write(ts, seq, fact).unwrap();
    let line = line.strip_suffix(b"\n").unwrap();
    assert!(!line.contains(&b'\n') && record::is_whole(line));
    assert_eq!(record::number(line), Some(seq));
    if LAST < ts {
        return;
    }
    let read = record::read(line).unwrap();
    assert_eq!((read.ts, read.seq), (ts, seq));
    let head = record::head(line).unwrap();
    assert_eq!((head.at(), head.seq, head.event), (Some(ts), seq, read.event.as_str()));
    let again = read.fact.unwrap_or_else(|| panic!("{}", line.escape_ascii()));
    match (&again, fact) {
        (Fact::Beat(again), Fact::Beat(fact)) => {
            assert!(nearly(again.cost_usd, fact.cost_usd) && nearly(again.agent_ts, fact.agent_ts));
            let mut same = again.clone();
            (same.cost_usd, same.agent_ts) = (fact.cost_usd, fact.agent_ts);
            assert_eq!(same, *fact);
            assert_eq!(record::beat(line), Some(BeatLine::from(fact)));
        }
        // Fractions that may move by their last bit are compared as what people read.
        (again, fact) => assert_eq!(describe(again), describe(fact)),
    }
}
