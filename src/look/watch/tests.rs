//! A watched agent against one that is looked at for the first time.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use super::*;
use crate::core::fact::{BeatFact, Fact};
use crate::sys::clock::Clock;

struct World(PathBuf, Agent, Now);

impl World {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("aw-watch-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("a/journal")).unwrap();
        let agent = Agent { name: "a".to_owned(), state_dir: dir.clone() };
        Self(dir, agent, Clock::new().now())
    }

    fn write(&self, file: &str, lines: &[u8]) {
        let path = self.0.join("a/journal").join(file);
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(lines).unwrap();
    }

    fn lines(&self, numbers: std::ops::Range<u64>) -> Vec<u8> {
        let line = |seq: u64| {
            let at = Wall(self.2.wall.0 - 100_000 + i64::try_from(seq).unwrap() * 10);
            let beat = BeatFact { tokens: Some(seq), beats: 1, cycles: 1, ..BeatFact::default() };
            let fact = if seq == 1 {
                Fact::Started { incarnation: 1, pid: 42, first_beat_ms: None }
            } else if seq.is_multiple_of(7) {
                Fact::Late { incarnation: 1, silent_ms: seq }
            } else {
                Fact::Beat(beat)
            };
            record::write(at, seq, &fact).unwrap()
        };
        numbers.flat_map(line).collect()
    }

    /// What one tells who has looked all the time, and one who looks for the first time.
    fn both(&self, watch: &mut Watch) -> (Status, Vec<u64>, usize) {
        watch.refresh(GLANCE, &self.2);
        let mut new = Watch::new(self.1.clone());
        new.refresh(LOOK, &self.2);
        let told = |watch: &Watch| {
            (watch.status("", &self.2), watch.recent_tokens(), watch.events().len())
        };
        assert_eq!(told(watch), told(&new));
        told(watch)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn who_has_looked_all_the_time_knows_what_one_knows_who_looks_now() {
    let world = World::new("goes-on");
    let mut watch = Watch::new(world.1.clone());
    assert_eq!(world.both(&mut watch).0.state, "unknown");
    world.write("2026-11-22.jsonl", &world.lines(1..3));
    assert_eq!(world.both(&mut watch).1, [2]);
    for seq in 3..40 {
        world.write("2026-11-22.jsonl", &world.lines(seq..seq + 1));
        world.both(&mut watch);
    }
    // A line in two pieces is none until it is whole.
    let line = world.lines(40..41);
    world.write("2026-11-22.jsonl", &line[..line.len() - 5]);
    assert_eq!(world.both(&mut watch).0.last_tokens, Some(39));
    let mut late = Watch::new(world.1.clone());
    late.refresh(GLANCE, &world.2);
    world.write("2026-11-22.jsonl", &line[line.len() - 5..]);
    assert_eq!(world.both(&mut late).0.last_tokens, Some(40));
    assert_eq!(world.both(&mut watch).0.last_tokens, Some(40));
    // Midnight.
    world.write("2026-11-23.jsonl", &world.lines(41..50));
    let (status, _, events) = world.both(&mut watch);
    assert_eq!((status.last_tokens, events), (Some(48), 8));
    // Nothing of what does not change is read.
    let seq = watch.journal.seq;
    watch.journal.seq = 7;
    watch.refresh(GLANCE, &world.2);
    assert_eq!(watch.journal.seq, 7);
    watch.journal.seq = seq;
}

#[test]
fn a_journal_that_is_made_anew_or_was_not_looked_at_for_long_is_read_from_its_end() {
    let mut world = World::new("anew");
    let mut watch = Watch::new(world.1.clone());
    world.write("2026-11-22.jsonl", &world.lines(1..30));
    assert_eq!(world.both(&mut watch).0.last_tokens, Some(29));
    fs::remove_dir_all(world.0.join("a/journal")).unwrap();
    fs::create_dir_all(world.0.join("a/journal")).unwrap();
    world.write("2026-11-22.jsonl", &world.lines(1..4));
    assert_eq!(world.both(&mut watch).0.last_tokens, Some(3));
    fs::remove_file(world.0.join("a/journal/2026-11-22.jsonl")).unwrap();
    assert_eq!(world.both(&mut watch).0.last_tokens, None);
    world.write("2026-11-22.jsonl", &world.lines(1..4));
    // An hour in the background: more than anybody wants to read one by one.
    world.write("2026-11-22.jsonl", &world.lines(4..3_000));
    world.2.wall = world.2.wall.plus(Duration::from_hours(1));
    watch.refresh(GLANCE, &world.2);
    assert_eq!(watch.journal.seq, 2_999);
    assert!(!watch.journal.view.is_whole());
}
