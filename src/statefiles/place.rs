//! Putting files in place and moving them aside, so that a power cut at any moment leaves each file wholly
//! old or wholly new, and what was begun is finished the next time.
//!
//! First everything that can fail is done beside the files: the new content is written under other names, and
//! what is there gets a second name in the quarantine. Then only renames are left, each of which takes the
//! place of the old content at once. How far it has come stands in `restoring.json` ([`super::intent`]).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::core::validation::FileKind;
use crate::sys::file;
use crate::wire::errand::Errand;

use super::Home;
use super::intent::{self, Aside, Intent, Step};
use super::listing::{COMPANIONS, Listed, companion, list};
use super::look::hash;
use super::sets::{self, Entry, Manifest, Names};

/// Up to here a name has room for what is written before and behind it: names have at most 255 bytes.
const NAME_MAX: usize = 200;

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
    let mut work = Work::begin(home, why, Some((name.unwrap_or_default(), manifest.taken_ms)));
    work.contents(errand, &present, &sets::by_path(folder, manifest))?;
    let known: HashSet<&str> = manifest.files.iter().map(|entry| entry.path.as_str()).collect();
    for file in present.iter().filter(|file| !known.contains(file.shown().as_str())) {
        work.move_aside(file)?;
    }
    work.carry_out()
}

/// Puts back what restores have moved aside, the one that went to the quarantine `first` and all after it:
/// of what several of them have moved the first is what was there.
///
/// # Errors
/// As [`put`].
pub fn put_back(errand: &Errand, home: &Home, first: &str) -> Result<(), String> {
    let present = list(&errand.files)?.files;
    let mut manifests = Vec::new();
    let all = sets::list(&home.quarantine())?;
    if !all.iter().any(|one| one.name == first) {
        return Err(format!("{}: is not there", home.quarantine().join(first).display()));
    }
    for one in all.iter().rev().filter(|one| first <= one.name.as_str()) {
        let manifest = sets::read(&one.folder).map_err(|error| format!("{}: {error}", one.name))?;
        manifests.push((&one.folder, manifest));
    }
    let mut contents = BTreeMap::new();
    let mut added = BTreeSet::new();
    for (folder, manifest) in manifests.iter().filter(|(_, manifest)| !manifest.tail) {
        for path in &manifest.added {
            contents.remove(path.as_str());
            added.insert(path.as_str());
        }
        for (path, content) in sets::by_path(folder, manifest) {
            added.remove(path);
            contents.insert(path, content);
        }
    }
    let mut work = Work::begin(home, "put back what was there before", None);
    // What goes goes first: it may be a database, and its place be that of an old WAL.
    for file in present.iter().filter(|file| added.contains(file.shown().as_str())) {
        work.move_aside(file)?;
    }
    work.contents(errand, &present, &contents)?;
    work.carry_out().map(drop)
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
    let named: HashSet<&str> = paths.iter().map(String::as_str).collect();
    present.retain(|file| named.is_empty() || named.contains(file.shown().as_str()));
    let moved: Vec<String> = present.iter().map(Listed::shown).collect();
    let mut work = Work::begin(home, why, None);
    for file in &present {
        work.move_aside(file)?;
    }
    Ok((work.carry_out()?.quarantine, moved))
}

/// What is to be done. Nothing of it is, before all of it is known.
struct Work<'a> {
    home: &'a Home,
    intent: Intent,
    manifest: Manifest,
    /// Where what is moved aside goes.
    folder: PathBuf,
    name: String,
    /// What goes already: a database takes what belongs to it along.
    going: HashSet<PathBuf>,
    /// What is to be written, and where.
    writes: Vec<(PathBuf, Entry, PathBuf)>,
}

impl<'a> Work<'a> {
    fn begin(home: &'a Home, why: &str, set: Option<(String, i64)>) -> Self {
        let parent = home.quarantine();
        let name = sets::new_name(&parent);
        let quarantine = Some(name.clone());
        Self {
            home,
            intent: Intent { staging: true, set, quarantine, steps: Vec::new() },
            manifest: Manifest::new(0, Some(why.to_owned())),
            folder: parent.join(&name),
            name,
            going: HashSet::new(),
            writes: Vec::new(),
        }
    }

    /// All contents that are to be in place.
    fn contents(
        &mut self,
        errand: &Errand,
        present: &[Listed],
        wanted: &BTreeMap<&str, (PathBuf, &Entry)>,
    ) -> Result<(), String> {
        let names = Names::new(&errand.files);
        let present: HashMap<&Path, &Listed> =
            present.iter().map(|file| (file.path.as_path(), file)).collect();
        // What belongs to a database goes with it, and is not listed itself.
        let belongs = |path: &str| {
            let base = COMPANIONS.iter().find_map(|suffix| path.strip_suffix(suffix));
            base.is_some_and(|base| names.has(base))
        };
        for (path, (stored, entry)) in wanted {
            if !names.has(path) && !belongs(path) {
                return Err(format!("{path}: is not among state.files, so it is not written"));
            }
            let there = present.get(Path::new(path)).copied();
            self.content(stored, entry, there)?;
        }
        Ok(())
    }

    /// What is to be in place of one file, unless it is already.
    fn content(
        &mut self,
        stored: &Path,
        entry: &Entry,
        there: Option<&Listed>,
    ) -> Result<(), String> {
        let path = PathBuf::from(&entry.path);
        let database =
            [Some(entry.kind), there.map(|file| file.kind)].contains(&Some(FileKind::Sqlite));
        let companions = if database { companions(&path) } else { Vec::new() };
        if there.is_some() && companions.is_empty() && same(&path, stored).unwrap_or(false) {
            return Ok(());
        }
        let unfit = || format!("{}: is no name of a file", path.display());
        let number = self.intent.steps.len();
        let staged = beside(&path, &self.name, number).ok_or_else(unfit)?;
        let mut aside = self.all_aside(companions, FileKind::Opaque)?;
        match file::kind(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.manifest.added.push(entry.path.clone());
            }
            Ok(file::Kind::File) => {
                let kind = there.map_or(FileKind::Opaque, |file| file.kind);
                aside.append(&mut self.all_aside(vec![path.clone()], kind)?);
            }
            Ok(_) => return Err(format!("{}: is no file, so it is left alone", path.display())),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
        self.writes.push((stored.to_owned(), entry.clone(), staged.clone()));
        self.intent.steps.push(Step { path, staged: Some(staged), aside });
        Ok(())
    }

    fn move_aside(&mut self, file: &Listed) -> Result<(), String> {
        let mut aside = self.all_aside(file.companions(), FileKind::Opaque)?;
        aside.append(&mut self.all_aside(vec![file.path.clone()], file.kind)?);
        self.intent.steps.push(Step { path: file.path.clone(), staged: None, aside });
        Ok(())
    }

    /// Where files will be kept, but for those that are known to go.
    fn all_aside(&mut self, paths: Vec<PathBuf>, kind: FileKind) -> Result<Vec<Aside>, String> {
        let mut all = Vec::new();
        for from in paths {
            if !self.going.insert(from.clone()) {
                continue;
            }
            let stored = self.manifest.files.len().to_string();
            let to = self.folder.join(&stored);
            let entry = Entry::of(&from, kind, &stored)
                .map_err(|error| format!("{}: {error}", from.display()))?;
            self.manifest.files.push(entry);
            all.push(Aside { from, to });
        }
        Ok(all)
    }

    /// Does it: up to the second word nothing has changed, from there on it is finished, now or the next
    /// time.
    fn carry_out(mut self) -> Result<Placed, String> {
        if self.intent.steps.is_empty() {
            return Ok(Placed { files: 0, quarantine: None });
        }
        if self.manifest.files.is_empty() {
            // Nobody will look for what was there.
            self.intent.quarantine = None;
        }
        // Known before it is there, so that whoever comes after us finds it.
        if let Err(error) = self.intent.save(self.home).and_then(|()| self.prepare()) {
            self.intent.discard(self.home);
            let _ = intent::forget(self.home);
            return Err(error);
        }
        self.intent.staging = false;
        if let Err(error) = self.intent.save(self.home) {
            // Whichever of the two words stands there: without any nobody goes on with what is half thrown
            // away.
            intent::forget(self.home).map_err(|_| error.clone())?;
            self.intent.discard(self.home);
            return Err(error);
        }
        let files = self.intent.place(self.home)?;
        Ok(Placed { files, quarantine: self.intent.quarantine })
    }

    /// All that can fail: what is there gets its second name, and the new content is written beside it.
    fn prepare(&self) -> Result<(), String> {
        if self.intent.quarantine.is_some() {
            let failed = |error: io::Error| format!("{}: {error}", self.folder.display());
            file::private_dir(&self.folder).map_err(failed)?;
            for Aside { from, to } in self.intent.steps.iter().flat_map(|step| &step.aside) {
                intent::keep(from, to).map_err(|error| format!("{}: {error}", from.display()))?;
            }
            self.manifest.write(&self.folder).map_err(failed)?;
            file::sync_dir(&self.home.quarantine()).map_err(failed)?;
        }
        for (stored, entry, staged) in &self.writes {
            write(stored, entry, staged).map_err(|error| format!("{}: {error}", entry.path))?;
        }
        Ok(())
    }
}

/// Writes new content beside where it belongs.
fn write(stored: &Path, entry: &Entry, staged: &Path) -> io::Result<()> {
    if let Some(parent) = staged.parent() {
        make_folders(parent, entry)?;
    }
    let to = intent::copy(stored, staged)?;
    // Only root may give files away, and only for root it is anybody else's.
    let _ = std::os::unix::fs::fchown(&to, Some(entry.uid), Some(entry.gid));
    to.set_permissions(fs::Permissions::from_mode(entry.mode & 0o777))?;
    to.sync_all()
}

/// The folders of a file that are gone are made anew, and are whose the file is.
fn make_folders(folder: &Path, entry: &Entry) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new("/"));
    make_folders(parent, entry)?;
    fs::create_dir(folder)?;
    let _ = std::os::unix::fs::lchown(folder, Some(entry.uid), Some(entry.gid));
    file::sync_dir(parent)
}

/// What belongs to a database and is there, also where that itself is gone.
fn companions(path: &Path) -> Vec<PathBuf> {
    let beside = |suffix: &&str| companion(path, suffix);
    COMPANIONS.iter().map(beside).filter(|path| path.symlink_metadata().is_ok()).collect()
}

/// `.memory.json.agentwatch-20261123T174501Z`: on the same file system, and nothing that a pattern finds.
fn beside(path: &Path, name: &str, number: usize) -> Option<PathBuf> {
    let own = path.file_name()?.to_str()?;
    Some(path.with_file_name(match own.len() {
        0..=NAME_MAX => format!(".{own}.agentwatch-{name}"),
        _ => format!(".agentwatch-{name}-{number}"),
    }))
}

/// Whether two files hold the same.
fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (file::open_to_read(one)?, file::open_to_read(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    Ok(hash(&one)? == hash(&other)?)
}
