//! The lines of a journal that tell of some days, and of where the agent stood before them.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use memchr::{memchr, memrchr};

use crate::core::time::{LocalDay, Wall};
use crate::wire::record;

use super::read::{self, LINE_MAX};

/// What is read at once, in bytes.
const CHUNK: usize = 128 * 1024;

/// Of the last file before the days the end is looked at, in bytes: it tells where the agent stood.
const BEFORE: u64 = 64 * 1024;

/// A day file may hold what was written two days before its date or after it: zones are 26 hours apart, and
/// another one may hold now.
const MARGIN: i32 = 2;

/// Which lines are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The first day.
    pub first: LocalDay,
    /// The last day.
    pub last: LocalDay,
    /// When the last one ends: what a clock that was ahead left behind in later files begins before that.
    pub until: Wall,
}

/// Hands the lines to `on`, in the order they were written, without their newlines; a torn last line of a file is
/// left out. Gives what could not be read, in words.
///
/// # Errors
/// The folder cannot be read.
pub fn lines(dir: &Path, span: &Span, on: &mut dyn FnMut(&[u8])) -> io::Result<Vec<String>> {
    let days = read::days(dir)?;
    let begin = span.first.0.saturating_sub(MARGIN);
    let end = span.last.0.saturating_add(MARGIN);
    let mut troubles = Vec::new();
    let mut look = |path: &PathBuf, last: Option<u64>| {
        if let Err(error) = file(path, last, on) {
            troubles.push(format!("{}: {error}", path.display()));
        }
    };
    let before = days.iter().rev().find(|(day, _)| day.0 < begin);
    if let Some((_, path)) = before {
        look(path, Some(BEFORE));
    }
    for (day, path) in days.iter().filter(|(day, _)| begin <= day.0) {
        if day.0 <= end || begins_before(path, span.until) {
            look(path, None);
        }
    }
    Ok(troubles)
}

/// Whether the first or the last line of a file is of before that moment. What cannot be read is not.
fn begins_before(path: &Path, until: Wall) -> bool {
    const LOOK: u64 = 8 * 1024;
    let look = || -> io::Result<bool> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut early = false;
        for start in [0, length.saturating_sub(LOOK)] {
            let mut part = Vec::new();
            file.seek(SeekFrom::Start(start))?;
            (&mut file).take(LOOK).read_to_end(&mut part)?;
            let moments =
                part.split(|byte| *byte == b'\n').filter_map(|line| record::head(line)?.at());
            early |= moments.into_iter().any(|at| at < until);
        }
        Ok(early)
    };
    look().unwrap_or(false)
}

/// Hands the whole lines of a file to `on`, or those in its last bytes.
fn file(path: &Path, last: Option<u64>, on: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut file = match File::open(path) {
        // Deleted since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut skip = false;
    if let Some(last) = last {
        let start = file.metadata()?.len().saturating_sub(last);
        file.seek(SeekFrom::Start(start))?;
        skip = start > 0;
    }
    let longest = usize::try_from(LINE_MAX).unwrap_or(usize::MAX);
    let mut buffer = vec![0; CHUNK];
    let mut held = 0;
    loop {
        if held == buffer.len() {
            if longest <= buffer.len() {
                // A line that is longer than any of ours is none: it is passed over to its end.
                (held, skip) = (0, true);
            } else {
                buffer.resize(buffer.len() * 2, 0);
            }
        }
        let room = buffer.get_mut(held..).unwrap_or_default();
        let count = match file.read(room) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let full = held + count;
        let Some(end) = memrchr(b'\n', buffer.get(held..full).unwrap_or_default()) else {
            held = full;
            continue;
        };
        let end = held + end + 1;
        let mut rest = buffer.get(..end).unwrap_or_default();
        while let Some(at) = memchr(b'\n', rest) {
            let (line, after) = rest.split_at(at);
            if !std::mem::take(&mut skip) {
                on(line.trim_ascii_end());
            }
            rest = after.get(1..).unwrap_or_default();
        }
        buffer.copy_within(end..full, 0);
        held = full - end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::Fact;

    const DAY_MS: i64 = 86_400_000;

    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("aw-span-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn line(day: i64, seq: u64) -> Vec<u8> {
        let fact = Fact::Late { incarnation: 1, silent_ms: 1 };
        record::write(Wall(day * DAY_MS + 1), seq, &fact).unwrap()
    }

    fn numbers(dir: &Path, first: i32, last: i32) -> Vec<u64> {
        let until = Wall(i64::from(last + 1) * DAY_MS);
        let span = Span { first: LocalDay(first), last: LocalDay(last), until };
        let mut seen = Vec::new();
        let mut on = |line: &[u8]| seen.push(record::number(line).unwrap_or(0));
        assert!(lines(dir, &span, &mut on).unwrap().is_empty());
        seen
    }

    #[test]
    fn the_days_their_neighbours_and_what_led_there_are_read() {
        let dir = folder("days");
        for day in 10..30_i64 {
            let name = LocalDay(i32::try_from(day).unwrap());
            let number = u64::try_from(day).unwrap();
            std::fs::write(dir.join(format!("{name}.jsonl")), line(day, number)).unwrap();
        }
        // Of a clock that was a year ahead, then set right.
        let ahead = [line(380, 100), line(20, 101)].concat();
        std::fs::write(dir.join(format!("{}.jsonl", LocalDay(380))), ahead).unwrap();
        assert_eq!(numbers(&dir, 20, 21), [17, 18, 19, 20, 21, 22, 23, 100, 101]);
        assert_eq!(numbers(&dir, 5, 8), [10]);
        assert_eq!(numbers(&dir, 50, 51), [29, 100, 101]);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn long_and_torn_lines_do_no_harm() {
        let dir = folder("torn");
        let mut bytes = line(20, 1);
        bytes.extend(vec![b'x'; 3 << 20]);
        bytes.push(b'\n');
        bytes.extend(line(20, 2));
        bytes.extend(format!("{{\"seq\":3,\"x\":\"{}\"}}\n", "y".repeat(300_000)).into_bytes());
        bytes.extend(line(20, 4));
        bytes.extend_from_slice(&line(20, 5)[..30]);
        std::fs::write(dir.join(format!("{}.jsonl", LocalDay(20))), bytes).unwrap();
        assert_eq!(numbers(&dir, 20, 20), [1, 2, 3, 4]);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
