//! The letters of an agent that are to be delivered, and what became of them: `outbox/`.
//!
//! `run` writes letters and the route; `agentwatch deliver` sends, removes, and leaves receipts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::sys::file;
use crate::wire::letter::{Letter, Receipt, Route};

/// The most receipts that are read at once, in bytes: a day of an outage with reminders is a few kB.
const RECEIPTS_MAX: usize = 4 << 20;

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
        entries.any(|entry| {
            entry.is_ok_and(|entry| {
                let name = entry.file_name();
                let name = name.as_encoded_bytes();
                name.first().is_some_and(u8::is_ascii_digit) && name.ends_with(b".json")
            })
        })
    }

    /// The receipts that were left since this was called last. Those of a crash in between are read again.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn take_receipts(&self) -> io::Result<Vec<Receipt>> {
        let taken = self.dir.join("receipts.taken");
        if taken.symlink_metadata().is_err() {
            match fs::rename(self.receipts(), &taken) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                other => other?,
            }
        }
        let bytes = file::read(&taken, RECEIPTS_MAX)?;
        let lines = bytes.split(|byte| *byte == b'\n');
        // A line that is torn tells of a letter that is tried again.
        let receipts = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        fs::remove_file(&taken)?;
        Ok(receipts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::Severity;
    use std::io::Write as _;

    #[test]
    fn receipts_are_read_once_and_a_torn_one_is_passed_over() {
        let dir = std::env::temp_dir().join(format!("aw-outbox-{}", std::process::id()));
        let outbox = Outbox::new(&dir);
        file::private_dir(outbox.dir()).unwrap();
        assert!(outbox.take_receipts().unwrap().is_empty());
        let receipt = Receipt {
            letter: "l".into(),
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
