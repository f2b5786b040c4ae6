//! The letters of an agent that are to be delivered, and what became of them: `outbox/`.
//!
//! `run` writes letters and the route; `agentwatch deliver` sends, removes, and leaves receipts.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::sys::file;
use crate::wire::letter::{Letter, Receipt, Route, Tried};

/// The most receipts that are read at once, in bytes: a day of an outage with reminders is a few kB.
const RECEIPTS_MAX: usize = 4 << 20;

/// So many of the newest letters are looked at to learn why they wait.
const LOOKED_AT: usize = 20;

/// The most that is read of what was tried, in bytes.
const TRIED_MAX: usize = 256 * 1024;

/// What waits in an outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many letters.
    pub letters: usize,
    /// One of them arrived somewhere.
    pub arrived: bool,
    /// The sinks that did not take one, and what each said last.
    pub failing: Vec<(String, String)>,
}

/// The outbox of one agent.
#[derive(Clone, Debug)]
pub struct Outbox {
    dir: PathBuf,
}

impl Outbox {
    /// That of the agent whose folder this is.
    #[must_use]
    pub fn new(agent: &Path) -> Self {
        Self { dir: agent.join("outbox") }
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where its sinks are written down.
    #[must_use]
    pub fn route(&self) -> PathBuf {
        self.dir.join("route.json")
    }

    /// Where receipts are left.
    #[must_use]
    pub fn receipts(&self) -> PathBuf {
        self.dir.join("receipts.jsonl")
    }

    /// Writes down where letters go, if that has changed.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep_route(&self, route: &Route) -> io::Result<()> {
        let bytes = serde_json::to_vec(route).map_err(io::Error::other)?;
        if fs::read(self.route()).is_ok_and(|known| known == bytes) {
            return Ok(());
        }
        file::private_dir(&self.dir)?;
        file::replace(&self.route(), &bytes, true)
    }

    /// Puts a letter in. The same one again, after a crash, takes its own place.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn put(&self, letter: &Letter) -> io::Result<()> {
        let bytes = serde_json::to_vec(letter).map_err(io::Error::other)?;
        file::private_dir(&self.dir)?;
        let (since, number) = (letter.since.max(0), letter.number);
        let name = format!("{since:020}-{}-{number:06}.json", letter.cause);
        file::replace(&self.dir.join(name), &bytes, true)
    }

    /// Whether a letter waits in it.
    #[must_use]
    pub fn has_letters(&self) -> bool {
        let Ok(mut entries) = fs::read_dir(&self.dir) else { return false };
        entries.any(|entry| entry.is_ok_and(|entry| is_letter(&entry.file_name())))
    }

    /// The names of the letters in it, in order; none if there is no such folder.
    #[must_use]
    pub fn letters(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.dir) else { return Vec::new() };
        let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
        let names = names.filter(|name| is_letter(name));
        let mut names: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
        names.sort();
        names
    }

    /// What waits in it, and why; none if nothing does.
    #[must_use]
    pub fn waiting(&self) -> Option<Waiting> {
        let names = self.letters();
        let mut waiting = Waiting { letters: names.len(), arrived: false, failing: Vec::new() };
        for name in names.iter().rev().take(LOOKED_AT) {
            let path = tried_beside(&self.dir.join(name));
            let tried = file::read(&path, TRIED_MAX).ok();
            let tried = tried.and_then(|bytes| serde_json::from_slice::<Tried>(&bytes).ok());
            for one in tried.unwrap_or_default().into_values() {
                let Some(error) = one.error else {
                    waiting.arrived |= one.done;
                    continue;
                };
                let sink = one.sink.unwrap_or_else(|| "a sink".to_owned());
                if waiting.failing.iter().all(|(known, _)| *known != sink) {
                    waiting.failing.push((sink, error));
                }
            }
        }
        (0 < waiting.letters).then_some(waiting)
    }

    /// Removes what is written down of its sinks, which may hold secrets, if no letter needs it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn drop_route(&self) -> io::Result<()> {
        if self.has_letters() {
            return Ok(());
        }
        match fs::remove_file(self.route()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes down who goes on delivering when agentwatch has left: the last one does.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn take_over(&self, who: &str) -> io::Result<()> {
        file::replace(&self.dir.join("stays"), who.as_bytes(), false)
    }

    /// Whether that is who goes on delivering.
    #[must_use]
    pub fn is_taken_over_by(&self, who: &str) -> bool {
        fs::read(self.dir.join("stays")).is_ok_and(|known| known == who.as_bytes())
    }

    /// Nobody goes on delivering.
    pub fn leave(&self) {
        let _ = fs::remove_file(self.dir.join("stays"));
    }

    /// Leaves a receipt for whoever writes the journal of this agent.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn add_receipt(&self, receipt: &Receipt) -> io::Result<()> {
        let mut line = serde_json::to_vec(receipt).map_err(io::Error::other)?;
        line.push(b'\n');
        loop {
            let mut file = file::append(&self.receipts())?;
            // Who takes them holds it for a moment, and may have moved the file away meanwhile.
            file.lock()?;
            if !is_at(&file, &self.receipts()) {
                continue;
            }
            file.write_all(&line)?;
            return file.sync_all();
        }
    }

    /// Whether receipts were taken, and whoever took them died of it.
    #[must_use]
    pub fn has_taken(&self) -> bool {
        self.dir.join("receipts.taken").exists()
    }

    /// The receipts that were left since this was called last. Those of a crash in between are read again.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn take_receipts(&self) -> io::Result<Vec<Receipt>> {
        let taken = self.dir.join("receipts.taken");
        if taken.symlink_metadata().is_err() {
            let file = match file::open_to_read(&self.receipts()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                other => other?,
            };
            // One that is being written is read the next time: nobody here waits for a disk.
            if file.try_lock().is_err() {
                return Ok(Vec::new());
            }
            fs::rename(self.receipts(), &taken)?;
        }
        let bytes = file::read(&taken, RECEIPTS_MAX)?;
        let lines = bytes.split(|byte| *byte == b'\n');
        // A line that is torn tells of a letter that is tried again.
        let receipts = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        fs::remove_file(&taken)?;
        Ok(receipts)
    }
}

/// Whether that is the name of a letter: they begin with a moment.
fn is_letter(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.first().is_some_and(u8::is_ascii_digit) && name.ends_with(b".json")
}

/// Where it is kept what was tried of the letter at `path`.
#[must_use]
pub fn tried_beside(path: &Path) -> PathBuf {
    path.with_extension("tried")
}

/// Whether an open file is the one that is found at `path`.
fn is_at(file: &fs::File, path: &Path) -> bool {
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let open = file.metadata().map(id).ok();
    open.is_some() && open == fs::symlink_metadata(path).map(id).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::Severity;

    #[test]
    fn receipts_are_read_once_and_a_torn_one_is_passed_over() {
        let dir = std::env::temp_dir().join(format!("aw-outbox-{}", std::process::id()));
        let outbox = Outbox::new(&dir);
        file::private_dir(outbox.dir()).unwrap();
        assert!(outbox.take_receipts().unwrap().is_empty());
        let receipt = Receipt {
            letter: "l".into(),
            about: "gave up".into(),
            incident: "i".into(),
            severity: Severity::Critical,
            sink: "slack".into(),
            at: 5,
            after_ms: 2,
            tries: 1,
            error: None,
        };
        let mut file = fs::File::create(outbox.receipts()).unwrap();
        let line = serde_json::to_string(&receipt).unwrap();
        write!(file, "{line}\n{line}\n{}", &line[..9]).unwrap();
        assert_eq!(outbox.take_receipts().unwrap().len(), 2);
        assert!(outbox.take_receipts().unwrap().is_empty());
        assert!(!outbox.has_letters());
        fs::remove_dir_all(dir).unwrap();
    }
}
