//! A pattern → what is there that fits it. Folders are entered in the order of their names; a symlink that
//! the pattern finds is told and never followed, so that no circle of them is walked.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern, PatternError};

/// How names and patterns meet: as a shell does it.
pub const LETTERS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// The most names that are looked at for one pattern: a home folder with all its packages has that many.
const NAMES_MAX: usize = 1_000_000;

/// What fits a pattern.
#[derive(Debug, Default)]
pub struct Found {
    /// Whatever stands there.
    pub paths: Vec<PathBuf>,
    /// What could not be looked into, and why not.
    pub closed: Vec<(PathBuf, io::Error)>,
    looked: usize,
}

/// One part of a pattern.
enum Part {
    Name(String),
    Pattern(Pattern),
    /// `**`: any number of folders, none too.
    Any,
}

/// Looks for what fits an absolute pattern.
///
/// # Errors
/// It is no pattern (inside), or too many names would have to be looked at (outside).
pub fn find(pattern: &str) -> Result<Result<Found, PatternError>, String> {
    let parts = match Pattern::new(pattern).and_then(|_| parts(pattern)) {
        Ok(parts) => parts,
        Err(error) => return Ok(Err(error)),
    };
    let mut found = Found::default();
    if found.walk(Path::new("/"), &parts) {
        return Ok(Ok(found));
    }
    Err(format!(
        "{pattern}: more than {NAMES_MAX} names would have to be looked at; begin it deeper"
    ))
}

fn parts(pattern: &str) -> Result<Vec<Part>, PatternError> {
    let part = |text: &str| match text {
        "**" => Ok(Part::Any),
        text if !text.contains(['*', '?', '[']) => Ok(Part::Name(text.to_owned())),
        text => Pattern::new(text).map(Part::Pattern),
    };
    pattern.split('/').filter(|part| !part.is_empty()).map(part).collect()
}

impl Found {
    /// Goes on in a folder with what is left of the pattern; not, if it has become too much.
    fn walk(&mut self, folder: &Path, parts: &[Part]) -> bool {
        let (Some(part), rest) = (parts.first(), parts.get(1..).unwrap_or_default()) else {
            return true;
        };
        match part {
            // What is written out may lead through symlinks: somebody has named them.
            Part::Name(name) if rest.is_empty() => {
                let path = folder.join(name);
                if path.symlink_metadata().is_ok() {
                    self.paths.push(path);
                }
                true
            }
            Part::Name(name) => self.walk(&folder.join(name), rest),
            Part::Pattern(pattern) => self.entries(folder, |found, path, name, is_folder| {
                if !pattern.matches_with(name, LETTERS) {
                    return true;
                }
                if rest.is_empty() {
                    found.paths.push(path);
                    return true;
                }
                !is_folder || found.walk(&path, rest)
            }),
            Part::Any => {
                if !rest.is_empty() && !self.walk(folder, rest) {
                    return false;
                }
                self.entries(folder, |found, path, name, is_folder| match is_folder {
                    _ if name.starts_with('.') => true,
                    true => found.walk(&path, parts),
                    false if rest.is_empty() => {
                        found.paths.push(path);
                        true
                    }
                    false => true,
                })
            }
        }
    }

    fn entries(
        &mut self,
        folder: &Path,
        mut each: impl FnMut(&mut Self, PathBuf, &str, bool) -> bool,
    ) -> bool {
        let entries = fs::read_dir(folder).and_then(|entries| {
            let left = NAMES_MAX.saturating_sub(self.looked).saturating_add(1);
            entries.take(left).collect::<io::Result<Vec<_>>>()
        });
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                // A folder that is not there holds nothing that fits.
                if error.kind() != io::ErrorKind::NotFound
                    && error.kind() != io::ErrorKind::NotADirectory
                {
                    self.closed.push((folder.to_owned(), error));
                }
                return true;
            }
        };
        self.looked = self.looked.saturating_add(entries.len());
        entries.sort_by_key(fs::DirEntry::file_name);
        self.looked <= NAMES_MAX
            && entries.iter().all(|entry| {
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let name = entry.file_name();
                each(self, entry.path(), &name.to_string_lossy(), is_folder)
            })
    }
}
