//! The counters of an agent on disk: a journal is read once, and the next process goes on where this one was.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::store::paths::Paths;
use crate::store::tail::{Place, Tail};
use crate::sys::file;

use super::counts::Counts;

/// The longest file of ours, in bytes: it has less than 2 KiB.
const SIZE_MAX: usize = 64 * 1024;

/// The version of the file. Another one is not read: the journal is counted anew, as far as it reaches.
const VERSION: u32 = 1;

/// What is kept. Without it a counter would shrink when an old day file is deleted and this process starts anew,
/// and who looks at its growth would see all that is left as new.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    version: u32,
    place: Place,
    counts: Counts,
}

/// The counters of one agent.
#[derive(Debug)]
pub struct Counter {
    path: PathBuf,
    tail: Tail,
    counts: Counts,
    /// Up to where it was kept.
    kept: Place,
}

impl Counter {
    /// As they were kept, or from nothing.
    #[must_use]
    pub fn open(paths: &Paths) -> Self {
        let path = paths.dir().join("counts.json");
        let read = file::read(&path, SIZE_MAX).ok();
        let kept = read.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        let (place, counts) = kept
            .filter(|kept| kept.version == VERSION)
            .map(|kept| (kept.place, kept.counts))
            .unwrap_or_default();
        Self { path, tail: Tail::new(&paths.journal(), place.clone()), counts, kept: place }
    }

    /// Counts what was recorded since.
    ///
    /// # Errors
    /// As [`Tail::look`].
    pub fn look(&mut self) -> io::Result<()> {
        let counts = &mut self.counts;
        self.tail.look(&mut |head, line| counts.line(head, line))
    }

    /// What it comes to.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Keeps it for the next process, if it is new.
    ///
    /// # Errors
    /// The system's, naming the file.
    pub fn keep(&mut self) -> Result<(), String> {
        if self.tail.place() == &self.kept {
            return Ok(());
        }
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", self.path.display());
        let kept = Kept {
            version: VERSION,
            place: self.tail.place().clone(),
            counts: self.counts.clone(),
        };
        let bytes = serde_json::to_vec(&kept).map_err(|error| named(&error))?;
        file::replace(&self.path, &bytes, false).map_err(|error| named(&error))?;
        self.kept = kept.place;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::core::fact::{BeatFact, Fact};
    use crate::core::time::{LocalDay, Wall};
    use crate::wire::record;

    fn write(paths: &Paths, day: i32, seq: u64) {
        let at = Wall(i64::from(day) * 86_400_000);
        let beat = BeatFact {
            incarnation: 1,
            tokens: Some(seq),
            beats: 1,
            cycles: 1,
            ..BeatFact::default()
        };
        let line = record::write(at, seq, &Fact::Beat(beat)).unwrap();
        fs::create_dir_all(paths.journal()).unwrap();
        fs::write(paths.journal().join(format!("{}.jsonl", LocalDay(day))), line).unwrap();
    }

    fn look(counter: &mut Counter) -> (u64, u64) {
        counter.look().unwrap();
        (counter.counts().beats, counter.counts().tokens)
    }

    #[test]
    fn the_next_process_goes_on_though_old_days_are_deleted() {
        let dir = std::env::temp_dir().join(format!("aw-counter-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let paths = Paths::new(&dir, "a");
        (1..9).for_each(|day| write(&paths, day, u64::from(day.unsigned_abs())));
        let mut counter = Counter::open(&paths);
        assert_eq!(look(&mut counter), (8, 36));
        counter.keep().unwrap();
        (1..6).for_each(|day| {
            fs::remove_file(paths.journal().join(format!("{}.jsonl", LocalDay(day)))).unwrap();
        });
        write(&paths, 9, 9);
        assert_eq!(look(&mut Counter::open(&paths)), (9, 45));
        // Torn, huge or of another version it costs what was deleted, and nothing else.
        let path = paths.dir().join("counts.json");
        let whole = fs::read_to_string(&path).unwrap();
        for bad in ["{", "", &whole.replace("\"version\":1", "\"version\":2"), &"x".repeat(100_000)]
        {
            fs::write(&path, bad).unwrap();
            assert_eq!(look(&mut Counter::open(&paths)), (4, 30), "{}", bad.len());
        }
        fs::remove_dir_all(dir).unwrap();
    }
}
