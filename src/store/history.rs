//! The journals of several agents as one stream of lines, merged by time, in constant memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use crate::core::fact::Severity;
use crate::core::time::{LocalDay, Wall};
use crate::wire::tone::{Tone, tone};
use crate::wire::{record, stamp};

use super::backward::Backward;
use super::follow::FILES;
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
    /// None of these.
    except: Vec<String>,
    /// Only what matters that much.
    least: Option<Severity>,
    /// As `since`, in the journal's own writing, which sorts like the moments it stands for: nearly all
    /// lines of a long journal are passed over by it.
    since_text: Option<String>,
}

impl Wanted {
    /// Those from `since` on and before `until`, of these events; none are all.
    #[must_use]
    pub fn new(since: Option<Wall>, until: Option<Wall>, events: Vec<String>) -> Self {
        let since_text = since.map(stamp::utc);
        Self { since, until, events, since_text, ..Self::default() }
    }

    /// The same without these events.
    #[must_use]
    pub fn except(self, except: Vec<String>) -> Self {
        Self { except, ..self }
    }

    /// The same without what matters less: [`Severity::Warning`] is what is wrong, and that it is right again;
    /// [`Severity::Critical`] what needs a human. What events of other versions mean is not known.
    #[must_use]
    pub fn at_least(self, least: Option<Severity>) -> Self {
        Self { least: least.filter(|least| *least != Severity::Info), ..self }
    }

    /// When a line was written, if it is wanted and whole.
    #[must_use]
    pub fn wants(&self, line: &[u8]) -> Option<Wall> {
        let head = record::head(line)?;
        let early = |since: &String| since.len() == head.ts.len() && head.ts < since.as_str();
        if self.since_text.as_ref().is_some_and(early) {
            return None;
        }
        let named = |events: &[String]| events.iter().any(|event| event == head.event);
        if (!self.events.is_empty() && !named(&self.events)) || named(&self.except) {
            return None;
        }
        let at = head.at()?;
        let early = self.since.is_some_and(|since| at < since);
        let late = self.until.is_some_and(|until| until <= at);
        (!early && !late && record::is_whole(line) && self.matters(&head, line)).then_some(at)
    }

    fn matters(&self, head: &record::Head<'_>, line: &[u8]) -> bool {
        let Some(least) = self.least else { return true };
        // Nearly all lines are beats, and none of them is trouble.
        if head.event == "beat" {
            return false;
        }
        let fact = record::read(line).and_then(|record| record.fact);
        fact.is_some_and(|fact| match tone(&fact) {
            Tone::Bad => true,
            Tone::Warning | Tone::Good => least < Severity::Critical,
            Tone::Plain => false,
        })
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
}

impl Lines {
    fn new(dir: &Path, wanted: &Wanted) -> io::Result<Self> {
        let files = read::days(dir)?
            .into_iter()
            .filter(|(day, _)| wanted.may_be_in(*day))
            .map(|(_, path)| path)
            .collect();
        Ok(Self { files, open: None, places: Places::new(), line: Vec::new() })
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
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            opened => opened.map_err(|error| named(&path, &error))?,
        };
        self.places.insert(path.clone(), 0);
        self.open = Some((path, BufReader::with_capacity(BUFFER, file)));
        Ok(true)
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// One journal of several, and why it could not be read to its end, if so.
pub type Trouble = (usize, io::Error);

/// Hands every wanted line of the journals in `dirs` to `on`, oldest first, each with the number of its
/// journal. What cannot be read does not hide the others. Gives how far each file was read, and what could
/// not be.
pub fn read<E>(
    dirs: &[PathBuf],
    wanted: &Wanted,
    mut on: impl FnMut(usize, Wall, &[u8]) -> Result<(), E>,
) -> Result<(Places, Vec<Trouble>), E> {
    let mut journals: Vec<Option<Lines>> = Vec::with_capacity(dirs.len());
    let mut heap = BinaryHeap::new();
    let mut troubles = Vec::new();
    for (number, dir) in dirs.iter().enumerate() {
        let opened = Lines::new(dir, wanted);
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

/// The last lines of several journals.
#[derive(Debug, Default)]
pub struct Last {
    /// The lines, oldest first, each with the number of its journal and when it was written.
    pub lines: Vec<(usize, Wall, Vec<u8>)>,
    /// How far the newest files of each journal reach.
    pub places: Places,
    /// What could not be read.
    pub troubles: Vec<Trouble>,
}

/// The last `count` wanted lines of the journals in `dirs`, read from their ends; of each file only the last
/// `bytes`, if so many are given.
#[must_use]
pub fn last(dirs: &[PathBuf], wanted: &Wanted, count: usize, bytes: Option<u64>) -> Last {
    let mut last = Last::default();
    let mut journals = Vec::with_capacity(dirs.len());
    for (number, dir) in dirs.iter().enumerate() {
        let mut lines = Vec::new();
        let mut troubles = Vec::new();
        ends(dir, wanted, count, bytes, &mut lines, &mut last.places, &mut troubles);
        last.troubles.extend(troubles.into_iter().map(|error| (number, error)));
        // To be taken from its end.
        journals.push(lines);
    }
    let next = |journals: &[Vec<(Wall, Vec<u8>)>], number: usize| {
        journals.get(number).and_then(|lines| lines.last()).map(|(at, _)| Reverse((*at, number)))
    };
    let mut heap: BinaryHeap<_> =
        (0..journals.len()).filter_map(|number| next(&journals, number)).collect();
    while let Some(Reverse((at, number))) = heap.pop() {
        let line = journals.get_mut(number).and_then(Vec::pop);
        last.lines.extend(line.map(|(_, line)| (number, at, line)));
        heap.extend(next(&journals, number));
    }
    last.lines.drain(..last.lines.len().saturating_sub(count));
    last
}

/// The last wanted lines of one journal, the newest first.
fn ends(
    dir: &Path,
    wanted: &Wanted,
    count: usize,
    bytes: Option<u64>,
    lines: &mut Vec<(Wall, Vec<u8>)>,
    places: &mut Places,
    troubles: &mut Vec<io::Error>,
) {
    let days = match read::days(dir) {
        Ok(days) => days,
        Err(error) => return troubles.push(named(dir, &error)),
    };
    for (at, (day, path)) in days.iter().rev().enumerate() {
        let followed = at < FILES;
        let done = count <= lines.len() || !wanted.may_be_in(*day);
        if done && !followed {
            break;
        }
        let mut file = match Backward::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                troubles.push(named(path, &error));
                continue;
            }
            Ok(file) => file,
        };
        places.insert(path.clone(), file.end());
        while !done && lines.len() < count && bytes.is_none_or(|bytes| file.seen() <= bytes) {
            match file.line_before() {
                Ok(Some(mut line)) => {
                    line.truncate(line.trim_ascii_end().len());
                    lines.extend(wanted.wants(&line).map(|at| (at, line)));
                }
                Ok(None) => break,
                Err(error) => {
                    troubles.push(named(path, &error));
                    break;
                }
            }
        }
    }
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
        let done = read(dirs, wanted, |number, at, line| {
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

    #[test]
    fn the_last_lines_are_those_that_a_whole_reading_ends_with() {
        let dir = folder("last");
        let dirs = [dir.join("a"), dir.join("b"), dir.join("none"), dir.join("c")];
        let mut seq = 0;
        for (number, dir) in dirs.iter().enumerate().filter(|(number, _)| *number != 2) {
            std::fs::create_dir_all(dir).unwrap();
            for day in 0..5 {
                let lines = (0..40 * (number + 1)).flat_map(|n| {
                    seq += 1;
                    let n = i64::try_from(n * 3 + number).unwrap();
                    line(i64::from(day) * 86_400_000 + 331 * n, seq)
                });
                let mut lines: Vec<u8> = lines.collect();
                lines.extend_from_slice(b"nonsense\n{\"ts\":\"torn");
                std::fs::write(dir.join(format!("1970-01-0{}.jsonl", day + 1)), lines).unwrap();
            }
        }
        for wanted in [
            Wanted::default(),
            Wanted::new(Some(Wall(86_400_000 * 3 + 20_000)), None, Vec::new()),
            Wanted::new(None, Some(Wall(86_400_000 * 2)), Vec::new()),
        ] {
            let (all, _) = all(&dirs, &wanted);
            for count in [0, 1, 10, 100, 500, 10_000] {
                let last = last(&dirs, &wanted, count, None);
                let lines: Vec<(usize, i64)> =
                    last.lines.iter().map(|(number, at, _)| (*number, at.0)).collect();
                assert_eq!(lines, all[all.len().saturating_sub(count)..], "{count}");
                // Who follows finds the newest files known, whatever was wanted of them.
                assert!(3 * FILES <= last.places.len(), "{count}");
            }
        }
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_is_routine_is_left_out_and_what_another_version_means_is_not_guessed() {
        let line = |fact: &Fact| record::write(Wall(5), 1, fact).unwrap();
        let wants = |least, line: &[u8]| {
            Wanted::default().at_least(Some(least)).wants(line.trim_ascii_end()).is_some()
        };
        let late = line(&Fact::Late { incarnation: 1, silent_ms: 1 });
        let back = line(&Fact::Recovered { incarnation: 1, after_ms: 1, alive_only: false });
        let bug = line(&Fact::Bug { what: "x".into() });
        let start = line(&Fact::Started { incarnation: 1, pid: 2, first_beat_ms: None });
        let other = br#"{"ts":"1970-01-01T00:00:00.005Z","seq":1,"event":"telepathy"}"#.to_vec();
        let lines = [&late, &back, &bug, &start, &other];
        let told = |least| lines.map(|line| wants(least, line));
        assert_eq!(told(Severity::Info), [true; 5]);
        assert_eq!(told(Severity::Warning), [true, true, true, false, false]);
        assert_eq!(told(Severity::Critical), [false, false, true, false, false]);
        let wanted = Wanted::default().except(vec!["late".into()]);
        assert_eq!(
            lines.map(|line| wanted.wants(line.trim_ascii_end()).is_some()),
            [false, true, true, true, true]
        );
    }
}
