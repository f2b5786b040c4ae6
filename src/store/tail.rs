//! A journal counted up: every record once, from the first day file on, over deleted files and other processes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::core::time::{LocalDay, Wall};
use crate::wire::record::{self, Head};

use super::read;

/// Day files of which it is asked whether they grow: today's, yesterday's for what was written before midnight, and
/// one of a clock that was ahead.
const FILES: usize = 3;

/// Looks after which the folder is listed in any case: its time stamp may be too coarse to tell.
const LOOKS: u32 = 10;

/// Up to where a journal was read. With it another process goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// How far each of the newest day files was read, behind the last whole line.
    files: BTreeMap<i32, u64>,
    /// The number of the last record.
    seq: u64,
    /// When the latest record was written.
    latest: Wall,
}

/// A reader of one journal. It holds no descriptor: hundreds of journals are read by one process.
#[derive(Debug)]
pub struct Tail {
    dir: PathBuf,
    place: Place,
    days: Vec<(LocalDay, PathBuf)>,
    /// What tells a file from another that has its name later.
    ids: BTreeMap<i32, (u64, u64)>,
    listed: Option<SystemTime>,
    looks: u32,
}

impl Tail {
    /// A reader of the journal in `dir` that goes on from there; the default is its beginning.
    #[must_use]
    pub fn new(dir: &Path, place: Place) -> Self {
        Self {
            dir: dir.to_owned(),
            place,
            days: Vec::new(),
            ids: BTreeMap::new(),
            listed: None,
            // The first look lists.
            looks: LOOKS,
        }
    }

    /// Up to where it was read.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Hands every record that is new to `on`, which says whether it could be read: one that was torn may come
    /// again, whole and with the same number.
    ///
    /// # Errors
    /// The system's, naming the file: the folder or a file of it cannot be read. What can be is.
    pub fn look(&mut self, on: &mut dyn FnMut(&Head<'_>, &[u8]) -> bool) -> io::Result<()> {
        self.list()?;
        let mut failed = None;
        for (day, path) in std::mem::take(&mut self.days) {
            match self.read(day, &path, on) {
                Ok(true) => self.days.push((day, path)),
                Ok(false) => _ = self.place.files.remove(&day.0),
                Err(error) => {
                    failed = Some(named(&path, &error));
                    self.days.push((day, path));
                }
            }
        }
        self.days.drain(..self.days.len().saturating_sub(FILES));
        let kept = &self.days;
        self.place.files.retain(|day, _| kept.iter().any(|(one, _)| one.0 == *day));
        self.ids.retain(|day, _| kept.iter().any(|(one, _)| one.0 == *day));
        failed.map_or(Ok(()), Err)
    }

    /// Takes up day files that are new.
    fn list(&mut self) -> io::Result<()> {
        // Asked before it is listed: what is made meanwhile is seen the next time.
        let stamp = fs::metadata(&self.dir).and_then(|metadata| metadata.modified()).ok();
        self.looks += 1;
        if stamp == self.listed && self.looks < LOOKS {
            return Ok(());
        }
        let days = read::days(&self.dir).map_err(|error| named(&self.dir, &error))?;
        (self.looks, self.listed) = (0, stamp);
        // What is older than what is being read has been.
        let oldest = self.place.files.keys().next().copied().unwrap_or(i32::MIN);
        self.days = days.into_iter().filter(|(day, _)| oldest <= day.0).collect();
        Ok(())
    }

    /// Reads what is new in a file; false if it is gone.
    fn read(
        &mut self,
        day: LocalDay,
        path: &Path,
        on: &mut dyn FnMut(&Head<'_>, &[u8]) -> bool,
    ) -> io::Result<bool> {
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let id = (metadata.dev(), metadata.ino());
        let same = self.ids.insert(day.0, id).is_none_or(|before| before == id);
        let known = self.place.files.get(&day.0).copied();
        // Another file, or one that was cut off, is read anew: numbers tell what is new of it.
        let start = known.filter(|at| same && *at <= metadata.len()).unwrap_or(0);
        if start < metadata.len() {
            let place = &mut self.place;
            let end = read::lines(path, start, &mut |line| place.take(line, on))?;
            place.files.insert(day.0, end);
        } else {
            self.place.files.insert(day.0, start);
        }
        Ok(true)
    }
}

impl Place {
    fn take(&mut self, line: &[u8], on: &mut dyn FnMut(&Head<'_>, &[u8]) -> bool) {
        let Some((at, head)) = record::head(line).and_then(|head| Some((head.at()?, head))) else {
            return;
        };
        // A number that was seen, on a later day than any: the journal was thrown away and begun anew.
        if (self.seq < head.seq || self.latest < at) && on(&head, line) {
            (self.seq, self.latest) = (head.seq, self.latest.max(at));
        }
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::Fact;

    const DAY_MS: i64 = 86_400_000;

    const NONE: [u64; 0] = [];

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("aw-tail-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir_all(&dir).unwrap();
            Self(dir)
        }

        fn path(&self, day: i32) -> PathBuf {
            self.0.join(format!("{}.jsonl", LocalDay(day)))
        }

        /// Appends records of these numbers, each a second after the one before it.
        fn write(&self, day: i32, numbers: impl IntoIterator<Item = u64>) {
            let mut bytes = fs::read(self.path(day)).unwrap_or_default();
            for (second, seq) in (0..).zip(numbers) {
                bytes.extend(line(day, second, seq));
            }
            fs::write(self.path(day), bytes).unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn line(day: i32, second: i64, seq: u64) -> Vec<u8> {
        let at = Wall(i64::from(day) * DAY_MS + second * 1000);
        record::write(at, seq, &Fact::Late { incarnation: 1, silent_ms: 1 }).unwrap()
    }

    fn look(tail: &mut Tail) -> Vec<u64> {
        let mut seen = Vec::new();
        let mut on = |head: &Head<'_>, line: &[u8]| {
            let whole = record::is_whole(line);
            seen.extend(whole.then_some(head.seq));
            whole
        };
        tail.look(&mut on).unwrap();
        seen
    }

    #[test]
    fn every_record_comes_once_however_long_nobody_looked() {
        let folder = Folder::new("once");
        for day in 1..6 {
            folder.write(day, [u64::from(day.unsigned_abs())]);
        }
        let mut tail = Tail::new(&folder.0, Place::default());
        assert_eq!(look(&mut tail), [1, 2, 3, 4, 5]);
        assert_eq!(look(&mut tail), NONE);
        folder.write(5, [6]);
        for day in 6..20 {
            folder.write(day, [u64::from(day.unsigned_abs()) + 1]);
        }
        tail.looks = LOOKS;
        assert_eq!(look(&mut tail), (6..21).collect::<Vec<_>>());
        // A file that is being written, then its end.
        let whole = line(19, 9, 21);
        let before = fs::read(folder.path(19)).unwrap();
        fs::write(folder.path(19), [&before, &whole[..30]].concat()).unwrap();
        assert_eq!(look(&mut tail), NONE);
        fs::write(folder.path(19), [before, whole].concat()).unwrap();
        assert_eq!(look(&mut tail), [21]);
    }

    #[test]
    fn another_process_goes_on_also_when_the_files_are_gone() {
        let folder = Folder::new("goes-on");
        (1..9).for_each(|day| folder.write(day, [u64::from(day.unsigned_abs())]));
        let mut tail = Tail::new(&folder.0, Place::default());
        assert_eq!(look(&mut tail).len(), 8);
        let text = serde_json::to_string(tail.place()).unwrap();
        (1..8).for_each(|day| fs::remove_file(folder.path(day)).unwrap());
        folder.write(8, [9]);
        folder.write(9, [10]);
        let mut next = Tail::new(&folder.0, serde_json::from_str(&text).unwrap());
        assert_eq!(look(&mut next), [9, 10]);
        // All that was being read is gone; what is older was counted.
        (8..10).for_each(|day| fs::remove_file(folder.path(day)).unwrap());
        folder.write(3, [3]);
        next.looks = LOOKS;
        assert_eq!(look(&mut next), NONE);
        folder.write(10, [11]);
        next.looks = LOOKS;
        assert_eq!(look(&mut next), [11]);
    }

    #[test]
    fn a_file_that_is_written_anew_is_not_counted_twice() {
        let folder = Folder::new("anew");
        folder.write(5, [1, 2, 3]);
        let mut tail = Tail::new(&folder.0, Place::default());
        assert_eq!(look(&mut tail), [1, 2, 3]);
        let other = folder.0.join("other");
        fs::write(&other, [fs::read(folder.path(5)).unwrap(), line(5, 9, 4)].concat()).unwrap();
        fs::rename(other, folder.path(5)).unwrap();
        assert_eq!(look(&mut tail), [4]);
        fs::write(folder.path(5), line(5, 1, 2)).unwrap();
        assert_eq!(look(&mut tail), NONE);
        // The agent was removed, and another of its name began.
        fs::remove_file(folder.path(5)).unwrap();
        assert_eq!(look(&mut tail), NONE);
        folder.write(6, [1, 2]);
        tail.looks = LOOKS;
        assert_eq!(look(&mut tail), [1, 2]);
    }

    #[test]
    fn a_line_that_was_torn_and_comes_again_is_counted() {
        let folder = Folder::new("torn");
        let whole = line(5, 0, 1);
        fs::write(folder.path(5), [&whole[..70], b"\n", &whole, &line(5, 1, 2)].concat()).unwrap();
        let mut tail = Tail::new(&folder.0, Place::default());
        assert_eq!(look(&mut tail), [1, 2]);
    }

    #[test]
    fn a_clock_that_was_ahead_and_came_back_loses_nothing() {
        let folder = Folder::new("ahead");
        folder.write(5, [1, 2]);
        let mut tail = Tail::new(&folder.0, Place::default());
        assert_eq!(look(&mut tail), [1, 2]);
        folder.write(900, [3, 4]);
        tail.looks = LOOKS;
        assert_eq!(look(&mut tail), [3, 4]);
        for (day, seq) in (5..15).zip(5..) {
            folder.write(day, [seq]);
            tail.looks = LOOKS;
            assert_eq!(look(&mut tail), [seq], "{day}");
        }
    }
}
