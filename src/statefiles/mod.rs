//! The state files of an agent: checked, copied while all is well, put back when they are torn (SPEC §5).
//!
//! All of it happens in a short-lived process of its own (`agentwatch errand`), or at the hand of somebody who
//! types `agentwatch state`: it may take as long as the files are large, and it may be killed at any moment.

mod cut;
mod intent;
mod listing;
mod look;
mod pattern;
mod place;
mod sets;
mod snapshot;
mod sqlite;
mod stamp;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::core::validation::{Checked, Cut, Done, FAULTS_MAX, Fault, Restored, Task};
use crate::sys::file;
use crate::sys::lock::{Lock, LockError};
use crate::sys::tree;
use crate::sys::{clock, disk};
use crate::wire::errand::Errand;

use listing::Listing;
pub use listing::{Listed, list};
pub use look::{Looked, look};
pub use sets::{Entry, Manifest, SetOnDisk, list as sets_in, read as read_set};

/// What must stay free on the disk: a tenth of it, or this much.
const FREE: u64 = 1 << 30;

/// The most notes that are told one by one, as of faults: the answer of an errand has its bounds.
const NOTES_MAX: usize = FAULTS_MAX;

/// The most files that are told to have been moved aside: the manifest beside them has all.
const PATHS_MAX: usize = 100;

/// Where a copy lies that nobody keeps.
const SCRATCH: &str = "scratch";

/// How long an errand waits for another one that is at work on the same files.
const LOCK_TRIES: u32 = 40;

/// The folders and files of one agent that this module keeps.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
}

impl Home {
    /// Those below the folder of the agent.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Where the copies are.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.dir.join("snapshots")
    }

    /// Where is what was moved aside.
    #[must_use]
    pub fn quarantine(&self) -> PathBuf {
        self.dir.join("quarantine")
    }

    /// Whether a restore was begun and not finished: the next errand does that.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.intent().symlink_metadata().is_ok()
    }

    /// What says how far a restore has come.
    fn intent(&self) -> PathBuf {
        self.dir.join("restoring.json")
    }

    fn lock(&self) -> PathBuf {
        self.dir.join("statefiles.lock")
    }

    /// A folder for a copy that nobody keeps.
    fn scratch(&self) -> PathBuf {
        self.dir.join(SCRATCH)
    }

    /// The same for somebody who only looks, beside whoever is at work.
    #[must_use]
    pub fn scratch_of_reader(&self) -> PathBuf {
        self.dir.join(format!("{SCRATCH}-{}", std::process::id()))
    }

    /// Removes what those left who were killed: folders of theirs that nothing refers to.
    fn sweep(&self) {
        let _ = fs::remove_dir_all(self.scratch());
        file::sweep(&self.intent());
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let of = name.to_str().and_then(|name| name.strip_prefix(SCRATCH)?.strip_prefix('-'));
            let pid: Option<i32> = of.and_then(|pid| pid.parse().ok());
            if tree::SEES_ALL && pid.is_some_and(|pid| tree::identity(pid).is_none()) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        for folder in [self.snapshots(), self.quarantine()] {
            sets::sweep(&folder);
        }
    }
}

/// Does an errand.
#[must_use]
pub fn perform(errand: &Errand) -> Done {
    perform_or_fail(errand).unwrap_or_else(|error| Done::Failed { error })
}

/// Looks at all files, and changes nothing: what an interrupted restore left is left, too.
///
/// # Errors
/// More files than can be.
pub fn check_only(errand: &Errand) -> Result<Checked, String> {
    let home = Home::new(Path::new(&errand.dir));
    let mut checked = check_in(errand, &home, &home.scratch_of_reader(), false)?;
    if home.is_under_way() {
        let words = "a restore was interrupted; the next start finishes it";
        checked.notes.insert(0, format!("{}: {words}", home.intent().display()));
    }
    Ok(checked)
}

fn perform_or_fail(errand: &Errand) -> Result<Done, String> {
    let home = Home::new(Path::new(&errand.dir));
    file::private_dir(&home.dir).map_err(|error| format!("{}: {error}", home.dir.display()))?;
    let _lock = lock(&home)?;
    home.sweep();
    let finished = intent::finish(&home)?;
    match &errand.task {
        Task::Check { repair } => {
            let checked = check_in(errand, &home, &home.scratch(), *repair)?;
            Ok(Done::Checked(Checked { finished, ..checked }))
        }
        Task::Snapshot { incarnation } => snapshot::take(errand, &home, *incarnation),
        Task::Restore { set, before, not, why } => {
            let wanted = sets::Wanted { set: set.as_deref(), before: before.as_deref(), not };
            restore(errand, &home, &wanted, why)
        }
        Task::Quarantine { paths, why } => {
            let (quarantine, mut paths) = place::aside(errand, &home, paths, why)?;
            shorten(&mut paths, PATHS_MAX);
            Ok(Done::Quarantined { quarantine, paths })
        }
        Task::PutBack { quarantine } => {
            place::put_back(errand, &home, quarantine)?;
            Ok(Done::PutBack)
        }
    }
}

fn lock(home: &Home) -> Result<Lock, String> {
    let path = home.lock();
    for _ in 0..LOCK_TRIES {
        match Lock::take(&path) {
            Ok(lock) => return Ok(lock),
            // Which has waited for a quarter of a second already.
            Err(LockError::Held { .. }) => {}
            Err(LockError::Io(error)) => return Err(format!("{}: {error}", path.display())),
        }
    }
    Err(format!("{}: another process is at work on the state files; try again", path.display()))
}

/// Looks at all files.
///
/// # Errors
/// More files than can be.
fn check_in(errand: &Errand, home: &Home, scratch: &Path, repair: bool) -> Result<Checked, String> {
    let listing = list(&errand.files)?;
    let mut checked = begin(&listing);
    for file in &listing.files {
        let mut looked = look::look(file, scratch);
        checked.bytes += looked.bytes;
        if let Some(at) = looked.cut_at.filter(|_| repair && file.repair) {
            match cut::cut(home, file, at, looked.bytes) {
                Ok(bytes) => {
                    checked.cut.push(Cut { path: file.shown(), offset: at, bytes });
                    looked.fault = None;
                }
                Err(why_not) => looked.notes.push(format!("{why_not}; nothing was cut off")),
            }
        }
        checked.notes.append(&mut looked.notes);
        match looked.fault {
            None => checked.valid += 1,
            Some(fault) => push_fault(&mut checked, fault),
        }
    }
    shorten(&mut checked.notes, NOTES_MAX);
    Ok(checked)
}

/// Of what is too long to be told only the number is.
fn shorten(list: &mut Vec<String>, most: usize) {
    if most < list.len() {
        let more = list.len() - most;
        list.truncate(most);
        list.push(format!("and {more} more"));
    }
}

/// What a listing alone tells.
fn begin(listing: &Listing) -> Checked {
    let mut checked = Checked { missing: listing.missing, ..Checked::default() };
    checked.notes.clone_from(&listing.notes);
    shorten(&mut checked.notes, NOTES_MAX);
    for fault in &listing.faults {
        push_fault(&mut checked, fault.clone());
    }
    checked
}

fn push_fault(checked: &mut Checked, fault: Fault) {
    if checked.faults.len() < FAULTS_MAX {
        checked.faults.push(fault);
    } else {
        checked.more_faults += 1;
    }
}

/// Puts the newest set in place that can be.
fn restore(
    errand: &Errand,
    home: &Home,
    wanted: &sets::Wanted<'_>,
    why: &str,
) -> Result<Done, String> {
    let all = sets::list(&home.snapshots())?;
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    let mut unfit = Vec::new();
    for set in all.iter().rev().filter(|set| wanted.fits(&set.name)) {
        let manifest = match sets::verify(set, &errand.files) {
            Ok(manifest) => manifest,
            Err(why_not) => {
                unfit.push(format!("{}: {why_not}", set.name));
                continue;
            }
        };
        let placed = place::put(errand, home, &set.folder, &manifest, why)?;
        let age = clock::wall_ms().saturating_sub(manifest.taken_ms);
        return Ok(Done::Restored(Restored {
            set: set.name.clone(),
            age_ms: u64::try_from(age).unwrap_or(0),
            files: placed.files,
            quarantine: placed.quarantine,
            unfit,
        }));
    }
    Ok(Done::NoSet { sets: count, unfit })
}

/// Refuses what would fill a disk.
///
/// # Errors
/// In words.
fn room_for(dir: &Path, bytes: u64) -> Result<(), String> {
    let Ok(space) = disk::space(dir) else { return Ok(()) };
    let reserve = (space.total / 10).min(FREE);
    if space.free < bytes.saturating_add(reserve) {
        return Err(format!(
            "{}: {} bytes are free, too few for a copy of {bytes}; free some, or lower state.keep",
            dir.display(),
            space.free
        ));
    }
    Ok(())
}

/// A short wait, for what another process is about to finish.
fn pause(time: Duration) {
    crate::sys::poll::pause(time);
}

#[cfg(test)]
mod tests;
