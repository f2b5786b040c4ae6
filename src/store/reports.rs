//! The reports of a state directory, one a day for all its agents: `reports/`.
//!
//! Whoever makes one holds the lock. The JSON is written last: where it is, all is done.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::name::REPORTS;
use crate::core::time::LocalDay;
use crate::store::outbox::Outbox;
use crate::sys::file;
use crate::sys::lock::{Lock, LockError};
use crate::wire::letter::{Kept, Receipt};

/// Days that reports are kept: as long as journals are, unless somebody says otherwise of those.
const KEEP_DAYS: i32 = 90;

/// What is written of a report, the last that which says that it is whole.
const KINDS: [&str; 3] = ["html", "txt", "json"];

/// The reports of a state directory.
#[derive(Clone, Debug)]
pub struct Reports {
    dir: PathBuf,
}

impl Reports {
    /// Those of this state directory.
    #[must_use]
    pub fn new(state_dir: &Path) -> Self {
        Self { dir: state_dir.join(REPORTS) }
    }

    /// Where letters of reports wait, and their receipts.
    #[must_use]
    pub fn outbox(&self) -> Outbox {
        Outbox::new(&self.dir)
    }

    /// Whether the report of that day is there.
    #[must_use]
    pub fn has(&self, day: LocalDay) -> bool {
        self.path(day, "json").exists()
    }

    /// Takes the right to make one; none while another process is at it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn lock(&self) -> io::Result<Option<Lock>> {
        self.take("lock")
    }

    fn take(&self, name: &str) -> io::Result<Option<Lock>> {
        file::private_dir(&self.dir)?;
        match Lock::retake(&self.dir.join(name)) {
            Ok(lock) => Ok(Some(lock)),
            Err(LockError::Held { .. }) => Ok(None),
            Err(LockError::Io(error)) => Err(error),
        }
    }

    /// Where a report is kept.
    #[must_use]
    pub fn kept(&self, day: LocalDay) -> Kept {
        let [html, text, json] =
            KINDS.map(|kind| Some(self.path(day, kind).to_string_lossy().into_owned()));
        Kept { day: day.to_string(), html, text, json }
    }

    /// Writes what is for people.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep(&self, day: LocalDay, html: &str, text: &str) -> io::Result<()> {
        file::replace(&self.path(day, "html"), html.as_bytes(), true)?;
        file::replace(&self.path(day, "txt"), text.as_bytes(), true)
    }

    /// Writes what is for programs, and with it that all is done.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn finish(&self, day: LocalDay, json: &str) -> io::Result<()> {
        file::replace(&self.path(day, "json"), json.as_bytes(), true)
    }

    /// Removes what is too old by `today`.
    pub fn sweep(&self, today: LocalDay) {
        let oldest = LocalDay(today.0.saturating_sub(KEEP_DAYS)).to_string();
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some((day, kind)) = name.to_str().and_then(|name| name.split_once('.')) else {
                continue;
            };
            // Days compare as their names do, and nothing else is called like one.
            let is_day = day.len() == oldest.len()
                && day.bytes().zip(oldest.bytes()).all(|(one, other)| {
                    one == other || one.is_ascii_digit() && other.is_ascii_digit()
                });
            if is_day && KINDS.contains(&kind) && day < oldest.as_str() {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// The receipts of letters, each for one of all supervisors; none while another takes them.
    #[must_use]
    pub fn take_receipts(&self) -> Vec<Receipt> {
        if !self.outbox().receipts().exists() && !self.outbox().has_taken() {
            return Vec::new();
        }
        match self.take("receipts.lock") {
            // What cannot be read now is read after the next delivery.
            Ok(Some(_lock)) => self.outbox().take_receipts().unwrap_or_default(),
            Ok(None) | Err(_) => Vec::new(),
        }
    }

    fn path(&self, day: LocalDay, kind: &str) -> PathBuf {
        self.dir.join(format!("{day}.{kind}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_there_when_all_of_it_is_and_goes_when_it_is_old() {
        let dir = std::env::temp_dir().join(format!("aw-reports-{}", std::process::id()));
        let reports = Reports::new(&dir);
        let (day, today) = (LocalDay(20_785), LocalDay(20_786));
        let lock = reports.lock().unwrap();
        assert!(lock.is_some());
        assert!(reports.lock().unwrap().is_none(), "one at a time");
        reports.keep(day, "<p>", "text").unwrap();
        assert!(!reports.has(day));
        reports.finish(day, "{}").unwrap();
        assert!(reports.has(day) && !reports.has(today));
        let kept = reports.kept(day);
        assert_eq!(kept.day, "2026-11-28");
        assert_eq!(fs::read_to_string(kept.html.unwrap()).unwrap(), "<p>");
        fs::write(dir.join("reports/2020-01-01.note"), "mine").unwrap();
        reports.sweep(LocalDay(day.0 + KEEP_DAYS));
        assert!(reports.has(day));
        reports.sweep(LocalDay(day.0 + KEEP_DAYS + 1));
        assert!(!reports.has(day));
        assert!(dir.join("reports/2020-01-01.note").exists(), "what is somebody else's stays");
        assert!(reports.take_receipts().is_empty());
        fs::remove_dir_all(dir).unwrap();
    }
}
