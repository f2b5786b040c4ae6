//! The journals of several agents as one stream of lines, merged by time, in constant memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::core::time::{LocalDay, Wall};
use crate::wire::{record, stamp};

use super::read::{self, LINE_MAX};

/// What is read of a file at once, in bytes; two hundred agents are read at the same time.
const BUFFER: usize = 32 * 1024;

/// Which lines are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// None before that.
    since: Option<Wall>,
    /// None from then on.
    until: Option<Wall>,
    /// Only these events; empty is all.
    events: Vec<String>,
    /// As `since`, in the journal's own writing, which sorts like the moments it stands for: nearly all
    /// lines of a long journal are passed over by it.
    since_text: Option<String>,
}

impl Wanted {
    /// Those from `since` on and before `until`, of these events; none are all.
    #[must_use]
    pub fn new(since: Option<Wall>, until: Option<Wall>, events: Vec<String>) -> Self {
        Self { since, until, events, since_text: since.map(stamp::utc) }
    }

    /// When a line was written, if it is wanted and whole.
    #[must_use]
    pub fn wants(&self, line: &[u8]) -> Option<Wall> {
        let head = record::head(line)?;
        let early = |since: &String| since.len() == head.ts.len() && head.ts < since.as_str();
        if self.since_text.as_ref().is_some_and(early) {
            return None;
        }
        if !self.events.is_empty() && !self.events.iter().any(|event| event == head.event) {
            return None;
        }
        let at = head.at()?;
        let early = self.since.is_some_and(|since| at < since);
        let late = self.until.is_some_and(|until| until <= at);
        (!early && !late && record::is_whole(line)).then_some(at)
    }

    /// Whether a file of that day may hold anything wanted: a day is at most 26 hours away from that of
    /// UTC, and a clock set back writes to the newest file.
    fn may_be_in(&self, day: LocalDay) -> bool {
        let first = self.since.map(|since| since.0.div_euclid(86_400_000) - 2);
        first.is_none_or(|first| first <= i64::from(day.0))
    }
}

/// How far a file has been read.
pub type Places = BTreeMap<PathBuf, u64>;

/// The lines of one journal, in the order they were written.
struct Lines {
    files: VecDeque<PathBuf>,
    open: Option<(PathBuf, BufReader<File>)>,
    /// How far each file has been read, behind the last whole line.
    places: Places,
    line: Vec<u8>,
    /// Only the last so many bytes of each file.
    last: Option<u64>,
}

impl Lines {
    fn new(dir: &Path, wanted: &Wanted, last: Option<u64>) -> io::Result<Self> {
        let mut files: VecDeque<PathBuf> = read::days(dir)?
            .into_iter()
            .filter(|(day, _)| wanted.may_be_in(*day))
            .map(|(_, path)| path)
            .collect();
        if last.is_some() {
            files.drain(..files.len().saturating_sub(2));
        }
        Ok(Self { files, open: None, places: Places::new(), line: Vec::new(), last })
    }

    /// Goes to the next wanted line; gives when it was written, `None` at the end.
    fn next(&mut self, wanted: &Wanted) -> io::Result<Option<Wall>> {
        loop {
            let Some((path, reader)) = &mut self.open else {
                if !self.open_next()? {
                    return Ok(None);
                }
                continue;
            };
            self.line.clear();
            let n = reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut self.line)?;
            let n = u64::try_from(n).unwrap_or(u64::MAX);
            let whole = self.line.last() == Some(&b'\n');
            if n == 0 || (!whole && n < LINE_MAX) {
                // What is torn now may be whole later.
                self.open = None;
                continue;
            }
            if let Some(place) = self.places.get_mut(path) {
                *place = place.saturating_add(n);
            }
            self.line.truncate(self.line.trim_ascii_end().len());
            if let Some(at) = wanted.wants(&self.line) {
                return Ok(Some(at));
            }
        }
    }

    /// Opens the next file; false if there is none. One that was deleted meanwhile is none.
    fn open_next(&mut self) -> io::Result<bool> {
        let Some(path) = self.files.pop_front() else { return Ok(false) };
        let named = |error: io::Error| {
            let words = format!("{}: {error}", path.display());
            io::Error::new(error.kind(), words)
        };
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            opened => opened.map_err(named)?,
        };
        let mut start = 0;
        if let Some(last) = self.last {
            start = file.metadata().map_err(named)?.len().saturating_sub(last);
            file.seek(SeekFrom::Start(start)).map_err(named)?;
        }
        self.places.insert(path.clone(), start);
        self.open = Some((path, BufReader::with_capacity(BUFFER, file)));
        Ok(true)
    }
}

/// One journal of several, and why it could not be read to its end, if so.
pub type Trouble = (usize, io::Error);

/// Hands every wanted line of the journals in `dirs` to `on`, oldest first, each with the number of its
/// journal; with `last`, only of the last so many bytes of their two newest files. What cannot be read
/// does not hide the others. Gives how far each file was read, and what could not be.
pub fn read<E>(
    dirs: &[PathBuf],
    wanted: &Wanted,
    last: Option<u64>,
    mut on: impl FnMut(usize, Wall, &[u8]) -> Result<(), E>,
) -> Result<(Places, Vec<Trouble>), E> {
    let mut journals: Vec<Option<Lines>> = Vec::with_capacity(dirs.len());
    let mut heap = BinaryHeap::new();
    let mut troubles = Vec::new();
    for (number, dir) in dirs.iter().enumerate() {
        let opened = Lines::new(dir, wanted, last);
        journals.push(opened.map_err(|error| troubles.push((number, error))).ok());
    }
    let mut advance = |number: usize, lines: &mut Lines, heap: &mut BinaryHeap<_>| loop {
        match lines.next(wanted) {
            Ok(Some(at)) => break heap.push(Reverse((at, number))),
            Ok(None) => break,
            Err(error) => {
                lines.open = None;
                troubles.push((number, error));
            }
        }
    };
    for (number, lines) in journals.iter_mut().enumerate() {
        if let Some(lines) = lines {
            advance(number, lines, &mut heap);
        }
    }
    while let Some(Reverse((at, number))) = heap.pop() {
        if let Some(Some(lines)) = journals.get_mut(number) {
            on(number, at, &lines.line)?;
            advance(number, lines, &mut heap);
        }
    }
    let places = journals.into_iter().flatten().flat_map(|lines| lines.places).collect();
    Ok((places, troubles))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::core::fact::Fact;

    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("aw-history-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn line(ms: i64, seq: u64) -> Vec<u8> {
        record::write(Wall(ms), seq, &Fact::Late { incarnation: 1, silent_ms: 1 }).unwrap()
    }

    fn all(dirs: &[PathBuf], wanted: &Wanted) -> (Vec<(usize, i64)>, usize) {
        let mut seen = Vec::new();
        let done = read(dirs, wanted, None, |number, at, line| {
            assert!(!line.ends_with(b"\n"));
            seen.push((number, at.0));
            Ok::<(), Infallible>(())
        });
        let Ok((_, troubles)) = done;
        (seen, troubles.len())
    }

    #[test]
    fn journals_are_merged_by_time_and_torn_lines_left_out() {
        let dir = folder("merge");
        let dirs = [dir.join("a"), dir.join("b"), dir.join("none")];
        for dir in &dirs[..2] {
            std::fs::create_dir_all(dir).unwrap();
        }
        let day = 86_400_000;
        let mut first = [line(1, 1), line(5, 2)].concat();
        first.extend_from_slice(
            b"{\"ts\":\"1970-01-01T00:00:00.006Z\",\"seq\":3,\"event\":\"late\",\n",
        );
        first.extend_from_slice(b"nonsense\n");
        std::fs::write(dirs[0].join("1970-01-01.jsonl"), first).unwrap();
        let mut second = line(day + 7, 4);
        second.extend_from_slice(&line(day + 8, 5)[..40]);
        std::fs::write(dirs[0].join("1970-01-02.jsonl"), second).unwrap();
        let other = [line(2, 1), line(3, 2), line(day + 9, 3)].concat();
        std::fs::write(dirs[1].join("1970-01-02.jsonl"), other).unwrap();
        // A folder with the name of a file is none.
        std::fs::create_dir(dirs[1].join("1970-01-03.jsonl")).unwrap();
        let want = [(0, 1), (1, 2), (1, 3), (0, 5), (0, day + 7), (1, day + 9)];
        assert_eq!(all(&dirs, &Wanted::default()), (want.to_vec(), 0));
        let wanted = Wanted::new(Some(Wall(3)), Some(Wall(day + 9)), Vec::new());
        assert_eq!(all(&dirs, &wanted).0, want[2..5]);
        let wanted = Wanted::new(None, None, vec!["beat".into()]);
        assert_eq!(all(&dirs, &wanted).0, []);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
