//! Writing the journal: day files, appended line by line; what cannot be written waits, bounded.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::core::fact::Fact;
use crate::core::time::{LocalDay, Now};
use crate::sys::file;
use crate::wire::record;

use super::read;

/// Lines that wait for a full disk to be emptied, in bytes; what comes then is lost, and counted by
/// the gap in `seq`.
const BACKLOG_MAX: usize = 256 * 1024;

/// What ends a line that was cut off and is written once more: with it, nothing can be read as a record.
const SPOILT: &[u8] = b"#\n";

/// The journal of one agent, open for writing. There is one writer while agentwatch runs.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    keep_days: u32,
    file: Option<File>,
    day: LocalDay,
    seq: u64,
    /// The last write stopped within a line.
    torn: bool,
    /// The first line that waits has been tried.
    again: bool,
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
}

impl Journal {
    /// The journal in `dir`, going on after the number `seq` in the day file `newest`. Writes nothing
    /// yet; a missing folder is made when the first line is written.
    #[must_use]
    pub fn new(dir: &Path, keep_days: u32, newest: Option<LocalDay>, seq: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            keep_days,
            file: None,
            day: newest.unwrap_or(LocalDay(i32::MIN)),
            seq,
            torn: false,
            again: false,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
        }
    }

    /// The number of the last fact.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Lets go of the file: it is looked for anew at the next [`Self::flush`].
    pub fn close(&mut self) {
        self.file = None;
    }

    /// Appends one fact and writes what waits.
    ///
    /// # Errors
    /// As [`Self::note`] and [`Self::flush`].
    pub fn append(&mut self, now: &Now, fact: &Fact) -> Result<(), String> {
        self.note(now, fact)?;
        self.flush(now)
    }

    /// Numbers a fact and keeps its line for the next [`Self::flush`]; lost if too much waits already.
    ///
    /// # Errors
    /// A fact that cannot be written as a line.
    pub fn note(&mut self, now: &Now, fact: &Fact) -> Result<(), String> {
        self.seq = self.seq.saturating_add(1);
        let line = record::write(now.wall, self.seq, fact).map_err(|error| error.to_string())?;
        if self.waiting_bytes.saturating_add(line.len()) <= BACKLOG_MAX {
            self.waiting_bytes += line.len();
            self.waiting.push_back(line);
        }
        Ok(())
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// The system's, naming the file: what waits does so until the next call.
    pub fn flush(&mut self, now: &Now) -> Result<(), String> {
        // A clock set back appends to the newest file, so that file names and numbers agree in order.
        let day = self.day.max(now.day);
        let path = self.dir.join(format!("{day}.jsonl"));
        self.try_flush(day, &path).map_err(|error| {
            self.file = None;
            format!("{}: {error}", path.display())
        })
    }

    fn try_flush(&mut self, day: LocalDay, path: &Path) -> io::Result<()> {
        // A deleted file would swallow lines silently: a new one is made in its place.
        if self.day != day || self.file.as_ref().is_some_and(is_deleted) {
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut opened = match file::append(path) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        file::private_dir(&self.dir)?;
                        file::append(path)?
                    }
                    opened => opened?,
                };
                self.torn = !ends_with_newline(&mut opened)?;
                if self.day != day {
                    prune(&self.dir, day, self.keep_days);
                }
                self.day = day;
                none.insert(opened)
            }
        };
        while let Some(line) = self.waiting.front() {
            if self.torn {
                // Never glued to what a power cut or a full disk left behind. What was whole but for its line
                // end becomes so, unless it was the beginning of the very line that comes now.
                file.write_all(if self.again { SPOILT } else { b"\n" })?;
                self.torn = false;
            }
            (self.torn, self.again) = (true, true);
            file.write_all(line)?;
            (self.torn, self.again) = (false, false);
            self.waiting_bytes -= line.len();
            self.waiting.pop_front();
        }
        Ok(())
    }
}

fn is_deleted(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Removes day files older than `keep_days`. What cannot be removed is tried again another day.
fn prune(dir: &Path, today: LocalDay, keep_days: u32) {
    let keep = i32::try_from(keep_days).unwrap_or(i32::MAX);
    let oldest = LocalDay(today.0.saturating_sub(keep));
    let days = read::days(dir).unwrap_or_default();
    for (_, path) in days.iter().filter(|(day, _)| *day < oldest) {
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::core::time::Wall;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let dir =
                std::env::temp_dir().join(format!("aw-journal-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir_all(&dir).unwrap();
            Self(dir)
        }

        fn names(&self) -> Vec<String> {
            let days = read::days(&self.0).unwrap();
            days.into_iter().map(|(day, _)| day.to_string()).collect()
        }

        fn numbers(&self) -> Vec<u64> {
            let mut numbers = Vec::new();
            for (_, path) in read::days(&self.0).unwrap() {
                read::file(&path, 0, &mut |record| numbers.push(record.seq)).unwrap();
            }
            numbers
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// As the next agentwatch finds it.
    fn open(folder: &Folder, keep_days: u32) -> Journal {
        let news = read::since(&folder.0, u64::MAX).unwrap();
        Journal::new(&folder.0, keep_days, news.newest, news.seq)
    }

    fn on(day: i32) -> Now {
        Now { wall: Wall(i64::from(day) * 86_400_000), day: LocalDay(day), ..Now::default() }
    }

    fn fact() -> Fact {
        Fact::Late { incarnation: 1, silent_ms: 1 }
    }

    #[test]
    fn each_local_day_has_its_file_and_numbers_go_on_over_them() {
        let folder = Folder::new("days");
        let mut journal = open(&folder, 90);
        for day in [20_000, 20_000, 20_001] {
            journal.append(&on(day), &fact()).unwrap();
        }
        let mut next_life = open(&folder, 90);
        next_life.append(&on(20_001), &fact()).unwrap();
        assert_eq!(folder.names(), ["2024-10-04", "2024-10-05"]);
        assert_eq!(folder.numbers(), [1, 2, 3, 4]);
    }

    #[test]
    fn a_line_of_which_only_the_end_is_missing_comes_once() {
        let folder = Folder::new("end");
        let mut journal = open(&folder, 90);
        for _ in 0..2 {
            journal.append(&on(20_000), &fact()).unwrap();
        }
        let path = folder.0.join("2024-10-04.jsonl");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        open(&folder, 90).append(&on(20_000), &fact()).unwrap();
        assert_eq!(folder.numbers(), [1, 2, 3]);
        // The same cut by a disk that was full: the line that waits is that very one.
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let mut journal = Journal::new(&folder.0, 90, Some(LocalDay(20_000)), 1);
        journal.again = true;
        journal.append(&on(20_000), &fact()).unwrap();
        assert_eq!(folder.numbers(), [1, 2]);
    }

    #[test]
    fn a_clock_set_back_appends_to_the_newest_file() {
        let folder = Folder::new("back");
        open(&folder, 90).append(&on(20_005), &fact()).unwrap();
        let mut journal = open(&folder, 90);
        journal.append(&on(20_000), &fact()).unwrap();
        assert_eq!(folder.names(), ["2024-10-09"]);
        assert_eq!(folder.numbers(), [1, 2]);
    }

    #[test]
    fn old_days_are_removed_and_what_is_not_ours_is_left() {
        let folder = Folder::new("old");
        fs::write(folder.0.join("notes.jsonl"), "mine").unwrap();
        let mut journal = open(&folder, 3);
        for day in 20_000..20_010 {
            journal.append(&on(day), &fact()).unwrap();
        }
        assert_eq!(folder.names(), ["2024-10-10", "2024-10-11", "2024-10-12", "2024-10-13"]);
        assert!(folder.0.join("notes.jsonl").exists());
    }

    #[test]
    fn a_removed_file_is_made_again_and_what_could_not_be_written_comes_first() {
        let folder = Folder::new("removed");
        let mut journal = open(&folder, 90);
        journal.append(&on(20_000), &fact()).unwrap();
        // A folder in its place cannot be written to.
        let path = folder.0.join("2024-10-04.jsonl");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = journal.append(&on(20_000), &fact()).unwrap_err();
        assert!(error.contains("2024-10-04.jsonl"), "{error}");
        fs::remove_dir(&path).unwrap();
        journal.append(&on(20_000), &fact()).unwrap();
        assert_eq!(folder.numbers(), [2, 3]);
    }

    #[test]
    fn what_waits_is_bounded_and_the_gap_shows() {
        let folder = Folder::new("bounded");
        let path = folder.0.join("2024-10-04.jsonl");
        fs::create_dir(&path).unwrap();
        let mut journal = open(&folder, 90);
        for _ in 0..10_000 {
            journal.append(&on(20_000), &fact()).unwrap_err();
        }
        assert!(journal.waiting_bytes <= BACKLOG_MAX);
        fs::remove_dir(&path).unwrap();
        journal.append(&on(20_000), &fact()).unwrap();
        journal.append(&on(20_000), &fact()).unwrap();
        let numbers = folder.numbers();
        assert_eq!(numbers.last(), Some(&10_002));
        assert!(numbers.len() < 10_002 && numbers.is_sorted());
    }
}
