//! The copy of an agent's output (`--log`): whole lines, turned over by size, never in anybody's way.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use memchr::memrchr;

use crate::core::time::Up;
use crate::sys::file;

/// The longest part of a line that is held back for its end, in bytes; a longer one is written in parts.
const PART_MAX: usize = 16 * 1024;

/// How often it is looked whether somebody moved the file away, and how long after a failure the next
/// attempt is made: a disk that is full is not asked a thousand times a second.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The agent, on its stdout.
    Out,
    /// The agent, on its stderr.
    Err,
    /// agentwatch itself.
    Us,
}

/// What became of the file, if that is news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It cannot be written or turned over, in these words.
    Fails(String),
    /// It can again.
    Works,
}

/// A log that is being written.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    max_size: u64,
    keep: u32,
    file: Option<File>,
    size: u64,
    /// Whose line the file ends in the middle of.
    torn: Option<From>,
    /// The beginnings of lines that the agent has not ended yet: of its stdout, of its stderr.
    parts: [Vec<u8>; 2],
    now: Up,
    looked: Option<Up>,
    /// It could not be written then, for this reason.
    failed: Option<(Up, String)>,
    /// It could not be put aside then.
    stuck: Option<Up>,
    dropped: u64,
    news: Option<News>,
}

impl Log {
    /// A log at `path` that is put aside before it grows beyond `max_size` bytes, `keep` times. Touches
    /// nothing yet.
    #[must_use]
    pub fn new(path: PathBuf, max_size: u64, keep: u32) -> Self {
        Self {
            path,
            max_size,
            keep,
            file: None,
            size: 0,
            torn: None,
            parts: [Vec::new(), Vec::new()],
            now: Up::default(),
            looked: None,
            failed: None,
            stuck: None,
            dropped: 0,
            news: None,
        }
    }

    /// Tells it the time.
    pub fn set_now(&mut self, now: Up) {
        self.now = now;
    }

    /// What became of the file since the last time this was asked.
    pub fn news(&mut self) -> Option<News> {
        self.news.take()
    }

    /// Takes what was said. Whole lines are written at once, the rest when its end comes.
    pub fn take(&mut self, from: From, bytes: &[u8]) {
        let Some(mut part) = self.part(from).map(std::mem::take) else {
            self.put(from, bytes);
            return;
        };
        let whole = memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        let (lines, rest) = bytes.split_at(whole);
        if part.is_empty() {
            self.put(from, lines);
        } else if !lines.is_empty() {
            part.extend_from_slice(lines);
            self.put(from, &part);
            part.clear();
        }
        part.extend_from_slice(rest);
        if PART_MAX < part.len() {
            self.put(from, &part);
            part = Vec::new();
        }
        if let Some(slot) = self.part(from) {
            *slot = part;
        }
    }

    /// Nothing more comes on that stream, or for long: what was said of a line is written.
    pub fn end(&mut self, from: From) {
        if let Some(part) = self.part(from).map(std::mem::take) {
            self.put(from, &part);
        }
    }

    fn part(&mut self, from: From) -> Option<&mut Vec<u8>> {
        match from {
            From::Out => self.parts.first_mut(),
            From::Err => self.parts.last_mut(),
            From::Us => None,
        }
    }

    fn put(&mut self, from: From, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut left = bytes;
        let recently = |at: &Up| self.now.since(*at) < LOOK_EVERY;
        let wait = self.failed.as_ref().is_some_and(|(at, _)| recently(at));
        let written = if wait { Ok(()) } else { self.try_put(from, &mut left) };
        self.dropped = self.dropped.saturating_add(length(left));
        match written {
            Err(error) => {
                self.file = None;
                let words = format!("{}: {error}", self.path.display());
                self.failed = Some((self.now, words.clone()));
                self.news = Some(News::Fails(words));
            }
            Ok(()) if wait => {}
            Ok(()) => {
                if self.failed.take().is_some() {
                    self.news = Some(News::Works);
                }
            }
        }
    }

    /// Writes and takes from the front of `left` what was written.
    fn try_put(&mut self, from: From, left: &mut &[u8]) -> io::Result<()> {
        self.look()?;
        if self.torn.is_some_and(|torn| torn != from) {
            self.write(b"\n")?;
            self.torn = None;
        }
        if self.dropped > 0 {
            let why = self.failed.as_ref().map_or("", |(_, words)| words.as_str());
            let line = format!("agentwatch: {} bytes were dropped here: {why}\n", self.dropped);
            self.write(line.as_bytes())?;
            self.dropped = 0;
        }
        while !left.is_empty() {
            let room =
                usize::try_from(self.max_size.saturating_sub(self.size)).unwrap_or(usize::MAX);
            let n = match (left.len() <= room, memrchr(b'\n', &left[..room.min(left.len())])) {
                (true, _) => left.len(),
                // As many whole lines as still fit; the next one begins a new file.
                (false, Some(end)) => end + 1,
                (false, None) if self.size > 0 && self.torn.is_none() => 0,
                // A line that fits into no file is cut where it must be.
                (false, None) => room,
            };
            if n == 0 {
                if !self.turn_over()? {
                    let all = std::mem::take(left);
                    return self.write_all_of(from, all);
                }
                continue;
            }
            let (now, later) = left.split_at(n);
            self.write_all_of(from, now)?;
            *left = later;
        }
        Ok(())
    }

    fn write_all_of(&mut self, from: From, bytes: &[u8]) -> io::Result<()> {
        self.torn = Some(from);
        self.write(bytes)?;
        self.torn = (bytes.last() != Some(&b'\n')).then_some(from);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Err(ErrorKind::NotFound.into()) };
        file.write_all(bytes)?;
        self.size = self.size.saturating_add(length(bytes));
        Ok(())
    }

    /// Opens the file, anew if it is another one than before.
    fn look(&mut self) -> io::Result<()> {
        let due = self.looked.is_none_or(|at| LOOK_EVERY <= self.now.since(at));
        if due && self.file.is_some() {
            self.looked = Some(self.now);
            self.check();
        }
        if self.file.is_none() {
            self.looked = Some(self.now);
            let mut opened = file::append(&self.path)?;
            self.size = opened.metadata()?.len();
            // What broke off belongs to nobody who is here.
            self.torn = (!ends_whole(&mut opened, self.size)?).then_some(From::Us);
            if self.torn.is_some() {
                opened.write_all(b"\n")?;
                self.torn = None;
                self.size += 1;
            }
            self.file = Some(opened);
        }
        Ok(())
    }

    /// Lets go of a file that was moved away or deleted; learns what others wrote to it or cut off.
    fn check(&mut self) {
        let Some(metadata) = self.file.as_ref().and_then(|file| file.metadata().ok()) else {
            return;
        };
        let there = fs::symlink_metadata(&self.path);
        let same = |one: &fs::Metadata| (one.dev(), one.ino()) == (metadata.dev(), metadata.ino());
        if there.as_ref().is_ok_and(same) {
            self.size = metadata.len();
        } else {
            self.file = None;
        }
    }

    /// Puts the file aside and begins a new one; false if that is not possible now.
    fn turn_over(&mut self) -> io::Result<bool> {
        if self.stuck.is_some_and(|at| self.now.since(at) < LOOK_EVERY) {
            return Ok(false);
        }
        // Somebody else may have done so just now.
        self.check();
        if self.file.is_some() {
            if let Err(error) = put_aside(&self.path, self.keep) {
                self.stuck = Some(self.now);
                let path = self.path.display();
                self.news = Some(News::Fails(format!("{path}: it cannot be put aside: {error}")));
                return Ok(false);
            }
            self.file = None;
        }
        if self.stuck.take().is_some() {
            self.news = Some(News::Works);
        }
        self.look().map(|()| true)
    }
}

/// The name of the `n`th older log: `agent.log.1` is the one before `agent.log`; 0 is that itself.
#[must_use]
pub fn older(path: &Path, n: u32) -> PathBuf {
    if n == 0 {
        return path.to_owned();
    }
    let mut name = OsString::from(path);
    name.push(format!(".{n}"));
    name.into()
}

fn put_aside(path: &Path, keep: u32) -> io::Result<()> {
    if keep == 0 {
        return fs::remove_file(path);
    }
    for n in (0..keep).rev() {
        match fs::rename(older(path, n), older(path, n + 1)) {
            Err(error) if error.kind() != ErrorKind::NotFound || n == 0 => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn ends_whole(file: &mut File, size: u64) -> io::Result<bool> {
    if size == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    // Cut off by somebody between the two: then it is empty.
    Ok(file.read(&mut last)? == 0 || last == *b"\n")
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
