//! Putting files in place and moving them aside, so that a power cut at any moment leaves each file wholly
//! old or wholly new, and what was begun is finished the next time.
//!
//! First everything that can fail is done beside the files: the new content is written under other names, and
//! what is to be kept and cannot be renamed is copied. Then only renames are left. How far it has come stands
//! in `restoring.json`, which is on the platter before each of the two.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::validation::{FileKind, Restored};
use crate::sys::{clock, file};
use crate::wire::errand::Errand;
use crate::wire::plain::brief;

use super::Home;
use super::listing::{Listed, list};
use super::look::read_through;
use super::sets::{self, Entry, Manifest};

/// The longest intent: ten thousand files, each with long names.
const INTENT_MAX: usize = 64 << 20;

/// What is under way.
#[derive(Debug, Serialize, Deserialize)]
struct Intent {
    /// Nothing has been moved yet: what was written beside the files is thrown away.
    staging: bool,
    /// The set, and when it was taken; none where files are only moved aside.
    set: Option<(String, i64)>,
    /// Where what was there goes.
    quarantine: Option<String>,
    steps: Vec<Step>,
}

/// What happens to one file.
#[derive(Debug, Serialize, Deserialize)]
struct Step {
    /// The file.
    path: PathBuf,
    /// Its new content, beside it; none if it only goes.
    staged: Option<PathBuf>,
    /// What is moved away: it and what belongs to it.
    aside: Vec<Aside>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Aside {
    from: PathBuf,
    to: PathBuf,
    /// It is on another file system, and was copied.
    copied: bool,
}

/// What was put in place.
#[derive(Debug)]
pub struct Placed {
    pub files: u32,
    pub quarantine: Option<String>,
}

/// Puts the files of a set in place: after it the listed files are those of the set, and no others.
///
/// # Errors
/// Why not; nothing has changed then, unless the words say that the next errand goes on.
pub fn put(
    errand: &Errand,
    home: &Home,
    folder: &Path,
    manifest: &Manifest,
    why: &str,
) -> Result<Placed, String> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let present = list(&errand.files)?.files;
    let mut work = Work::begin(home, why, Some((name.unwrap_or_default(), manifest.taken_ms)))?;
    let wanted = sets::by_path(manifest);
    // What belongs to a database goes with it, and is not listed itself.
    let belongs = |path: &str| {
        let base = super::listing::COMPANIONS.iter().find_map(|suffix| path.strip_suffix(suffix));
        base.is_some_and(|base| wanted.contains_key(base))
    };
    for (path, entry) in &wanted {
        if !sets::is_listed(path, &errand.files) && !belongs(path) {
            return work.undo(format!("{path}: is not among state.files, so it is not written"));
        }
        let there = present.iter().find(|file| file.path == Path::new(path));
        if let Err(error) = work.stage(folder, entry, there) {
            return work.undo(error);
        }
    }
    for file in present.iter().filter(|file| !wanted.contains_key(file.shown().as_str())) {
        if let Err(error) = work.move_aside(file) {
            return work.undo(error);
        }
    }
    work.carry_out()
}

/// Moves files aside: the named ones, or all that are listed. Gives the folder, if anything was moved, and
/// what.
///
/// # Errors
/// As [`put`].
pub fn aside(
    errand: &Errand,
    home: &Home,
    paths: &[String],
    why: &str,
) -> Result<(Option<String>, Vec<String>), String> {
    let mut present = list(&errand.files)?.files;
    present.retain(|file| paths.is_empty() || paths.contains(&file.shown()));
    let moved: Vec<String> = present.iter().map(Listed::shown).collect();
    if moved.is_empty() {
        return Ok((None, moved));
    }
    let mut work = Work::begin(home, why, None)?;
    for file in &present {
        if let Err(error) = work.move_aside(file) {
            return work.undo(error);
        }
    }
    Ok((work.carry_out()?.quarantine, moved))
}

/// Cuts off the end of a file, of which the bytes are kept; gives how many those are.
///
/// # Errors
/// It is not as it was read any more, or cannot be written.
pub fn cut(home: &Home, listed: &Listed, at: u64, size: u64) -> Result<u64, String> {
    let failed = |error: io::Error| format!("{}: {error}", listed.path.display());
    let work = Work::begin(home, "a torn last line was cut off", None)?;
    let folder = work.folder.clone();
    let mut open = OpenOptions::new();
    let mut tail = file::open_with(&listed.path, open.read(true).write(true)).map_err(failed)?;
    if tail.metadata().map_err(failed)?.len() != size {
        return Err(format!("{}: is being written", listed.path.display()));
    }
    io::Seek::seek(&mut tail, io::SeekFrom::Start(at)).map_err(failed)?;
    let mut kept = File::create_new(folder.join("0")).map_err(failed)?;
    let bytes = io::copy(&mut tail, &mut kept).map_err(failed)?;
    kept.sync_all().map_err(failed)?;
    let mut manifest = work.manifest;
    // It is no file that could be put back, and its path says so.
    let mut entry = entry_of(&listed.path, FileKind::Opaque, "0").map_err(failed)?;
    (entry.path, entry.size) = (format!("{}, from byte {at} on", entry.path), bytes);
    manifest.files.push(entry);
    manifest.write(&folder).map_err(failed)?;
    file::sync_dir(&home.quarantine()).map_err(failed)?;
    tail.set_len(at).and_then(|()| tail.sync_all()).map_err(failed)?;
    Ok(bytes)
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
        return Ok(None);
    }
    let files = intent.place(home)?;
    let Some((set, taken_ms)) = intent.set else { return Ok(None) };
    let age_ms = u64::try_from(clock::wall_ms().saturating_sub(taken_ms)).unwrap_or(0);
    let quarantine = intent.quarantine;
    Ok(Some(Restored { set, age_ms, files, quarantine, unfit: Vec::new() }))
}

/// What is prepared.
struct Work<'a> {
    home: &'a Home,
    intent: Intent,
    manifest: Manifest,
    /// Where what is moved aside goes.
    folder: PathBuf,
    name: String,
}

impl<'a> Work<'a> {
    fn begin(home: &'a Home, why: &str, set: Option<(String, i64)>) -> Result<Self, String> {
        let parent = home.quarantine();
        let name = sets::new_name(&parent);
        let folder = parent.join(&name);
        file::private_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let quarantine = Some(name.clone());
        let intent = Intent { staging: true, set, quarantine, steps: Vec::new() };
        let manifest = Manifest::new(0, Some(why.to_owned()));
        Ok(Self { home, intent, manifest, folder, name })
    }

    /// Writes the content of an entry beside where it belongs, unless it is there already.
    fn stage(
        &mut self,
        folder: &Path,
        entry: &Entry,
        there: Option<&Listed>,
    ) -> Result<(), String> {
        let path = PathBuf::from(&entry.path);
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        let stored = folder.join(&entry.stored);
        if let Some(file) = there
            && file.companions().is_empty()
            && same(&file.path, &stored).unwrap_or(false)
        {
            return Ok(());
        }
        let staged =
            beside(&path, &self.name).ok_or_else(|| failed(ErrorKind::InvalidInput.into()))?;
        let aside = match there {
            Some(file) => self.keep(file)?,
            None => self.keep_plain(&path)?,
        };
        self.intent.steps.push(Step { path: path.clone(), staged: Some(staged.clone()), aside });
        // Known before it is there, so that whoever comes after us finds it.
        self.save()?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let _ = fs::remove_file(&staged);
        let mut from = file::open_to_read(&stored).map_err(failed)?;
        let mut to = File::create_new(&staged).map_err(failed)?;
        io::copy(&mut from, &mut to).map_err(failed)?;
        to.set_permissions(fs::Permissions::from_mode(entry.mode)).map_err(failed)?;
        // Only root may give files away, and only for root it is anybody else's.
        let _ = std::os::unix::fs::fchown(&to, Some(entry.uid), Some(entry.gid));
        to.sync_all().map_err(failed)
    }

    fn move_aside(&mut self, file: &Listed) -> Result<(), String> {
        let aside = self.keep(file)?;
        self.intent.steps.push(Step { path: file.path.clone(), staged: None, aside });
        Ok(())
    }

    /// Where a file and what belongs to it will go.
    fn keep(&mut self, file: &Listed) -> Result<Vec<Aside>, String> {
        let companions = file.companions().into_iter().map(|path| (path, FileKind::Opaque));
        // What belongs to it goes first: it must never meet another database.
        let all: Vec<_> = companions.chain([(file.path.clone(), file.kind)]).collect();
        all.into_iter().map(|(path, kind)| self.one_aside(path, kind)).collect()
    }

    /// The same of a path that is not listed, because nothing is there, or of what belongs to a database.
    fn keep_plain(&mut self, path: &Path) -> Result<Vec<Aside>, String> {
        match file::kind(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Ok(file::Kind::File) => {
                // The database takes its companions along.
                let known = self.intent.steps.iter().flat_map(|step| &step.aside);
                if known.into_iter().any(|aside| aside.from == path) {
                    return Ok(Vec::new());
                }
                Ok(vec![self.one_aside(path.to_owned(), FileKind::Opaque)?])
            }
            Ok(_) => Err(format!("{}: is no file, so it is left alone", path.display())),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    fn one_aside(&mut self, from: PathBuf, kind: FileKind) -> Result<Aside, String> {
        let failed = |error: io::Error| format!("{}: {error}", from.display());
        let stored = self.manifest.files.len().to_string();
        let to = self.folder.join(&stored);
        self.manifest.files.push(entry_of(&from, kind, &stored).map_err(failed)?);
        let device = |path: &Path| path.symlink_metadata().map(|found| found.dev());
        let copied = device(&from).map_err(failed)? != device(&self.folder).map_err(failed)?;
        if copied {
            let (mut source, mut target) = (
                file::open_to_read(&from).map_err(failed)?,
                File::create_new(&to).map_err(failed)?,
            );
            io::copy(&mut source, &mut target).map_err(failed)?;
            target.sync_all().map_err(failed)?;
        }
        Ok(Aside { from, to, copied })
    }

    fn save(&self) -> Result<(), String> {
        let path = self.home.intent();
        let text = serde_json::to_vec(&self.intent).map_err(|error| brief(&error))?;
        file::replace(&path, &text, true).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Gives up: nothing has changed.
    fn undo<T>(self, error: String) -> Result<T, String> {
        self.intent.discard(self.home);
        Err(error)
    }

    /// From here on it is finished, now or the next time.
    fn carry_out(mut self) -> Result<Placed, String> {
        let failed = |error: io::Error| format!("{}: {error}", self.folder.display());
        let moved = self.intent.steps.iter().any(|step| !step.aside.is_empty());
        if moved {
            self.manifest.write(&self.folder).map_err(failed)?;
            file::sync_dir(&self.home.quarantine()).map_err(failed)?;
        } else {
            // Nobody will look for what was there.
            self.intent.quarantine = None;
        }
        self.intent.staging = false;
        if let Err(error) = self.save() {
            return self.undo(error);
        }
        let files = self.intent.place(self.home)?;
        if !moved {
            let _ = fs::remove_dir_all(&self.folder);
        }
        Ok(Placed { files, quarantine: self.intent.quarantine })
    }
}

impl Intent {
    /// Does all that is left to be done.
    fn place(&self, home: &Home) -> Result<u32, String> {
        let mut files = 0;
        for step in &self.steps {
            let words = |error: io::Error| {
                format!("{}: {error}; the next look goes on with it", step.path.display())
            };
            step.place().map_err(words)?;
            files += u32::from(step.staged.is_some());
        }
        forget(home).map_err(|error| format!("{}: {error}", home.intent().display()))?;
        Ok(files)
    }

    /// Throws away what was written beside the files.
    fn discard(&self, home: &Home) {
        for staged in self.steps.iter().filter_map(|step| step.staged.as_ref()) {
            let _ = fs::remove_file(staged);
        }
        // Nothing was moved there yet, but for copies.
        if let Some(quarantine) = &self.quarantine {
            let _ = fs::remove_dir_all(home.quarantine().join(quarantine));
        }
        let _ = forget(home);
    }
}

fn forget(home: &Home) -> io::Result<()> {
    match fs::remove_file(home.intent()) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => file::sync_dir(&home.dir),
    }
}

impl Step {
    /// May be done several times: what is done already does no harm.
    fn place(&self) -> io::Result<()> {
        let there = |path: &Path| path.symlink_metadata().is_ok();
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        // Without it the new content is in place already, and what stands there is that.
        if self.staged.as_ref().is_some_and(|staged| !there(staged)) {
            return Ok(());
        }
        for aside in &self.aside {
            if !there(&aside.from) {
                continue;
            }
            if !aside.copied {
                fs::rename(&aside.from, &aside.to)?;
                if let Some(parent) = aside.to.parent() {
                    file::sync_dir(parent)?;
                }
            } else if self.staged.is_none() || aside.from != self.path {
                fs::remove_file(&aside.from)?;
            }
        }
        // What was there is safe before anything takes its name.
        file::sync_dir(folder)?;
        if let Some(staged) = &self.staged {
            fs::rename(staged, &self.path)?;
            file::sync_dir(folder)?;
        }
        Ok(())
    }
}

/// `.memory.json.agentwatch-20261123T174501Z`: on the same file system, and nothing that a pattern finds.
fn beside(path: &Path, name: &str) -> Option<PathBuf> {
    let own = path.file_name()?.to_str()?;
    Some(path.with_file_name(format!(".{own}.agentwatch-{name}")))
}

fn entry_of(path: &Path, kind: FileKind, stored: &str) -> io::Result<Entry> {
    let found = path.symlink_metadata()?;
    Ok(Entry {
        path: path.display().to_string(),
        kind,
        stored: stored.to_owned(),
        size: found.len(),
        mode: found.permissions().mode() & 0o7777,
        uid: found.uid(),
        gid: found.gid(),
        blake3: None,
        stamps: Vec::new(),
    })
}

/// Whether two files hold the same.
fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (file::open_to_read(one)?, file::open_to_read(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let hash = |open: &File| -> io::Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        read_through(open, FileKind::Opaque, |bytes| {
            hasher.update(bytes);
        })?;
        Ok(hasher.finalize())
    };
    Ok(hash(&one)? == hash(&other)?)
}
