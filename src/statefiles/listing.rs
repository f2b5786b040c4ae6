//! Paths and patterns → the files that are there now, each looked at without being opened.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::core::validation::{Fault, FaultKind, FileKind, StateFile};
use crate::sys::file::{self, Kind};

use super::pattern;

/// The most files that all patterns together may stand for.
const FILES_MAX: usize = 10_000;

/// What belongs to a database and is of no use without it, nor it without that.
pub const COMPANIONS: [&str; 3] = ["-wal", "-journal", "-shm"];

/// A state file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where.
    pub path: PathBuf,
    /// How it is checked.
    pub kind: FileKind,
    /// A torn last line may be cut off.
    pub repair: bool,
}

impl Listed {
    /// Its path as text; it was text before.
    #[must_use]
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// What belongs to it and is there.
    #[must_use]
    pub fn companions(&self) -> Vec<PathBuf> {
        if self.kind != FileKind::Sqlite {
            return Vec::new();
        }
        let beside = |suffix: &&str| companion(&self.path, suffix);
        COMPANIONS.iter().map(beside).filter(|path| path.symlink_metadata().is_ok()).collect()
    }
}

/// The file beside a database with that ending.
#[must_use]
pub fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// What a list of paths and patterns stands for now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The files that are there, in the order of the list.
    pub files: Vec<Listed>,
    /// Entries without a file that need none.
    pub missing: u32,
    /// What should be there and is not, and what is there and is no file.
    pub faults: Vec<Fault>,
    /// What was noticed.
    pub notes: Vec<String>,
    /// Their paths: two entries may stand for the same file.
    known: HashSet<PathBuf>,
}

/// Lists what is there.
///
/// # Errors
/// More files than can be looked after.
pub fn list(files: &[StateFile]) -> Result<Listing, String> {
    let mut listing = Listing::default();
    for entry in files {
        if entry.glob {
            listing.pattern(entry)?;
        } else {
            listing.one(entry, Path::new(&entry.path), false);
        }
    }
    Ok(listing)
}

impl Listing {
    fn pattern(&mut self, entry: &StateFile) -> Result<(), String> {
        let found = match pattern::find(&entry.path)? {
            Ok(found) => found,
            Err(error) => {
                self.fault(&entry.path, FaultKind::Unfit, format!("is no pattern: {error}"));
                return Ok(());
            }
        };
        for (path, error) in found.closed {
            self.notes.push(format!("{}: {error}", path.display()));
        }
        let before = self.files.len();
        // What belongs to a database is no file of its own.
        for path in found.paths.iter().filter(|path| !is_companion(path, entry.kind)) {
            self.one(entry, path, true);
            if FILES_MAX < self.files.len() {
                return Err(format!(
                    "{}: stands for more than {FILES_MAX} files; name fewer",
                    entry.path
                ));
            }
        }
        if before == self.files.len() {
            self.missing(entry);
        }
        Ok(())
    }

    fn one(&mut self, entry: &StateFile, path: &Path, found: bool) {
        let shown = path.display().to_string();
        let words = match file::kind(path) {
            Ok(Kind::File) if path.to_str().is_none() => {
                self.notes.push(format!("{shown}: its name is not UTF-8, so it is left alone"));
                return;
            }
            Ok(Kind::File) => {
                let (path, kind) = (path.to_owned(), entry.kind);
                if !self.known.insert(path.clone()) {
                    return;
                }
                self.files.push(Listed { path, kind, repair: entry.repair });
                return;
            }
            Ok(other) if found => {
                self.notes.push(format!("{shown}: is {}, so it is left alone", article(other)));
                return;
            }
            Ok(Kind::Link) => match std::fs::canonicalize(path) {
                Ok(target) => format!("is a symlink; list {} itself", target.display()),
                Err(_) => "is a symlink that leads nowhere; list a file".to_owned(),
            },
            Ok(other) => format!("is {}; list a file", article(other)),
            Err(error) if error.kind() == ErrorKind::NotFound => return self.missing(entry),
            Err(error) => return self.fault(&shown, FaultKind::Unreadable, error.to_string()),
        };
        self.fault(&shown, FaultKind::Unfit, words);
    }

    fn missing(&mut self, entry: &StateFile) {
        if entry.required {
            self.fault(&entry.path, FaultKind::Missing, "is not there, and is required".to_owned());
        } else {
            self.missing += 1;
        }
    }

    fn fault(&mut self, path: &str, fault: FaultKind, words: String) {
        self.faults.push(Fault { path: path.to_owned(), fault, offset: None, words });
    }
}

fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "a file",
        Kind::Folder => "a folder",
        Kind::Link => "a symlink",
        Kind::Fifo => "a FIFO",
        Kind::Other => "a device or socket",
    }
}

fn is_companion(path: &Path, kind: FileKind) -> bool {
    let name = path.to_string_lossy();
    kind == FileKind::Sqlite && COMPANIONS.iter().any(|suffix| name.ends_with(suffix))
}
