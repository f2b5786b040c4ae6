//! What is under way, written down before each of its two halves, so that whoever comes after a power cut
//! knows whether to throw it away or to finish it.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::validation::Restored;
use crate::sys::{clock, file};
use crate::wire::plain::brief;

use super::Home;

/// The longest intent: ten thousand files, each with long names.
const INTENT_MAX: usize = 64 << 20;

/// What is under way.
#[derive(Debug, Serialize, Deserialize)]
pub struct Intent {
    /// Nothing has been moved yet: what was written beside the files is thrown away.
    pub staging: bool,
    /// The set, and when it was taken; none where files are only moved aside.
    pub set: Option<(String, i64)>,
    /// Where what was there goes.
    pub quarantine: Option<String>,
    pub steps: Vec<Step>,
}

/// What happens to one file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Step {
    /// The file.
    pub path: PathBuf,
    /// Its new content, beside it; none if it only goes.
    pub staged: Option<PathBuf>,
    /// What is kept of what is there: of it and of what belongs to it.
    pub aside: Vec<Aside>,
}

/// A file that goes, and where it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub struct Aside {
    pub from: PathBuf,
    pub to: PathBuf,
}

/// Finishes what an earlier process could not, or throws it away; gives the set that is in place since then.
///
/// # Errors
/// It is still not possible.
pub fn finish(home: &Home) -> Result<Option<Restored>, String> {
    let path = home.intent();
    let bytes = match file::read(&path, INTENT_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    // It is replaced as a whole, so one that cannot be read is none of ours.
    let intent: Intent = serde_json::from_slice(&bytes).map_err(|error| {
        format!("{}: {}; look at the state files, then remove it", path.display(), brief(&error))
    })?;
    if intent.staging {
        intent.discard(home);
        forget(home).map_err(|error| format!("{}: {error}", path.display()))?;
        return Ok(None);
    }
    let files = intent.place(home)?;
    let Some((set, taken_ms)) = intent.set else { return Ok(None) };
    let age_ms = u64::try_from(clock::wall_ms().saturating_sub(taken_ms)).unwrap_or(0);
    let quarantine = intent.quarantine;
    Ok(Some(Restored { set, age_ms, files, quarantine, unfit: Vec::new() }))
}

/// From now on nothing is under way.
///
/// # Errors
/// Those of the file system.
pub fn forget(home: &Home) -> io::Result<()> {
    match fs::remove_file(home.intent()) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => file::sync_dir(&home.dir),
    }
}

impl Intent {
    /// Writes it down to the platter.
    ///
    /// # Errors
    /// Those of the file system, in words.
    pub fn save(&self, home: &Home) -> Result<(), String> {
        let path = home.intent();
        let text = serde_json::to_vec(self).map_err(|error| brief(&error))?;
        file::replace(&path, &text, true).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Does all that is left to be done; gives how many files have new content.
    ///
    /// # Errors
    /// What could not be done; the next look goes on with it.
    pub fn place(&self, home: &Home) -> Result<u32, String> {
        let words = |path: &Path, error: io::Error| {
            format!("{}: {error}; the next look goes on with it", path.display())
        };
        // Without it the new content is in place already, and what stands there is that.
        let placed = |step: &&Step| step.staged.as_ref().is_some_and(|staged| !there(staged));
        let left: Vec<&Step> = self.steps.iter().filter(|step| !placed(step)).collect();
        // What belongs to a database goes first, and for good: it must never meet another one.
        for step in &left {
            step.clear().map_err(|error| words(&step.path, error))?;
        }
        sync(&left).map_err(|(path, error)| words(&path, error))?;
        for step in &left {
            step.fill().map_err(|error| words(&step.path, error))?;
        }
        sync(&left).map_err(|(path, error)| words(&path, error))?;
        forget(home).map_err(|error| words(&home.intent(), error))?;
        let files = self.steps.iter().filter(|step| step.staged.is_some()).count();
        Ok(u32::try_from(files).unwrap_or(u32::MAX))
    }

    /// Throws away what was written beside the files, and the second names of what is still in its place.
    pub fn discard(&self, home: &Home) {
        for staged in self.steps.iter().filter_map(|step| step.staged.as_ref()) {
            let _ = fs::remove_file(staged);
        }
        if let Some(quarantine) = &self.quarantine {
            let _ = fs::remove_dir_all(home.quarantine().join(quarantine));
        }
    }
}

fn there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Has what was done in the folders of all steps survive a power cut.
fn sync(steps: &[&Step]) -> Result<(), (PathBuf, io::Error)> {
    let folders: BTreeSet<&Path> = steps.iter().filter_map(|step| step.path.parent()).collect();
    for folder in folders {
        file::sync_dir(folder).map_err(|error| (folder.to_owned(), error))?;
    }
    Ok(())
}

/// Both may be done several times: what is done already does no harm.
impl Step {
    /// What goes is gone after it, but for what new content takes the place of.
    fn clear(&self) -> io::Result<()> {
        for Aside { from, to } in self.aside.iter().filter(|aside| there(&aside.from)) {
            keep_newest(from, to)?;
            if self.staged.is_none() || *from != self.path {
                fs::remove_file(from)?;
            }
        }
        Ok(())
    }

    fn fill(&self) -> io::Result<()> {
        let Some(staged) = &self.staged else { return Ok(()) };
        if there(&self.path) && !self.aside.iter().any(|aside| aside.from == self.path) {
            return Err(io::Error::other("was made just now by somebody else; move it away"));
        }
        fs::rename(staged, &self.path)
    }
}

/// Keeps a file under a second name, or a copy of it where that cannot be: on another file system, behind
/// another mount of the same one, or where the kernel protects links. It stays where it is.
///
/// # Errors
/// Those of the file system.
pub fn keep(from: &Path, to: &Path) -> io::Result<()> {
    if there(to) || fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let part = to.with_extension("part");
    let copied = copy(from, &part)?;
    // By which the two are known to be the same.
    copied.set_modified(from.symlink_metadata()?.modified()?)?;
    copied.sync_all()?;
    fs::rename(&part, to)
}

/// The same of a file that goes now: whoever wrote it since it was kept has not written in vain.
fn keep_newest(from: &Path, to: &Path) -> io::Result<()> {
    let later = to.with_extension("later");
    let folder = to.parent().unwrap_or(Path::new("/"));
    for to in [to, &later] {
        if there(to) {
            if is_kept(from, to)? {
                return Ok(());
            }
            continue;
        }
        file::private_dir(folder)?;
        keep(from, to)?;
        return file::sync_dir(folder);
    }
    Err(io::Error::other("is written all the time"))
}

fn is_kept(from: &Path, to: &Path) -> io::Result<bool> {
    let (from, to) = (from.symlink_metadata()?, to.symlink_metadata()?);
    let linked = (from.dev(), from.ino()) == (to.dev(), to.ino());
    Ok(linked || (from.len(), from.modified()?) == (to.len(), to.modified()?))
}

/// Copies into a new file that nobody else can read yet; the kernel shares the blocks where it can.
///
/// # Errors
/// Those of the file system.
pub fn copy(from: &Path, to: &Path) -> io::Result<File> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut from = file::open_to_read(from)?;
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut from, &mut to)?;
    Ok(to)
}
