//! A journal while it is being written: what is new, over midnight and over deleted folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::growing::Growing;
use super::history::Places;
use super::read;

/// Day files that are watched at one time: today's, yesterday's for what is written right after midnight,
/// and one of a clock that was elsewhere.
pub(super) const FILES: usize = 3;

/// What is read of one file at once, in bytes: the rest comes with the next look.
const CHUNK: usize = 1024 * 1024;

/// Looks after which the folder is listed in any case: its time stamp may be too coarse to tell.
const LOOKS: u32 = 10;

/// A reader of one journal that is being written.
#[derive(Debug)]
pub struct Follow {
    dir: PathBuf,
    files: Vec<Part>,
    listed: Option<SystemTime>,
    looks: u32,
}

#[derive(Debug)]
struct Part {
    file: Growing,
    /// The beginning of a line whose end is still to come.
    begun: Vec<u8>,
}

impl Follow {
    /// A reader of the journal in `dir` that goes on at `places`; what is not among these is new.
    #[must_use]
    pub fn new(dir: &Path, places: &Places) -> Self {
        let known = places.range(dir.to_owned()..).take_while(|(path, _)| path.starts_with(dir));
        let part = |(path, at): (&PathBuf, &u64)| Part {
            file: Growing::new(path.clone(), *at),
            begun: Vec::new(),
        };
        let mut files: Vec<Part> = known.map(part).collect();
        files.drain(..files.len().saturating_sub(FILES));
        Self { dir: dir.to_owned(), files, listed: None, looks: 0 }
    }

    /// Hands every new whole line to `on`, without its newline; false if there was nothing new.
    ///
    /// # Errors
    /// The system's: the folder or a file cannot be read.
    pub fn look(&mut self, on: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        let mut any = false;
        for part in &mut self.files {
            any |= part.read(on)?;
            if part.file.is_replaced() {
                // The rest of what it was, then what it is now.
                part.read(on)?;
                part.begun.clear();
                part.file.turn_to(part.file.path().to_owned());
            }
        }
        self.looks += 1;
        let stamp = fs::metadata(&self.dir).and_then(|metadata| metadata.modified()).ok();
        if stamp != self.listed || LOOKS <= self.looks {
            self.looks = 0;
            self.listed = stamp;
            any |= self.list()?;
        }
        Ok(any)
    }

    /// Takes up day files that are new; true if there are any.
    fn list(&mut self) -> io::Result<bool> {
        let days = read::days(&self.dir)?;
        let newest = days.iter().skip(days.len().saturating_sub(FILES));
        let mut any = false;
        for (_, path) in newest {
            if !self.files.iter().any(|part| part.file.path() == path) {
                any = true;
                let file = Growing::new(path.clone(), 0);
                self.files.push(Part { file, begun: Vec::new() });
            }
        }
        self.files.drain(..self.files.len().saturating_sub(FILES));
        Ok(any)
    }
}

impl Part {
    fn read(&mut self, on: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        if self.file.read(&mut self.begun, CHUNK)? == 0 {
            return Ok(false);
        }
        let whole = memchr::memrchr(b'\n', &self.begun).map_or(0, |at| at + 1);
        for line in self.begun[..whole].split(|byte| *byte == b'\n') {
            on(line.trim_ascii_end());
        }
        self.begun.drain(..whole);
        // No line of ours is that long: whatever it is, it is not collected.
        if read::LINE_MAX <= u64::try_from(self.begun.len()).unwrap_or(u64::MAX) {
            self.begun.clear();
        }
        Ok(true)
    }
}
