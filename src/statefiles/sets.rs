//! Sets: the state files of one moment with what is to be known of them, in a folder whose name is the
//! moment. What was moved aside is kept in the same way, so that it can be put back.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::time::Wall;
use crate::core::validation::{FileKind, StateFile};
use crate::sys::{clock, file};
use crate::wire::plain::brief;
use crate::wire::stamp;

use super::look::judge;
use super::pattern::LETTERS;
use super::sqlite;
use super::stamp::Stamp;

/// What is in a set is written there.
const MANIFEST: &str = "manifest.json";

/// The longest manifest: ten thousand files with long names.
const MANIFEST_MAX: usize = 32 << 20;

/// Before it has its name a folder is called so, and is worth nothing.
pub const UNFINISHED: &str = ".new-";

/// The length of `20261123T174501Z`.
const MOMENT: usize = 16;

/// The version that is written; another one is not read.
const VERSION: u32 = 1;

/// What is in a set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    version: u32,
    /// When, in milliseconds since 1970.
    pub taken_ms: i64,
    /// The incarnation that wrote the files.
    #[serde(default)]
    pub incarnation: u32,
    /// There was no moment at which all files were like this.
    #[serde(default)]
    pub apart: bool,
    /// Why they were moved aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What was put where nothing was, when these were moved aside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// It is the end of a file that was cut off, and not a file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tail: bool,
    /// The files.
    pub files: Vec<Entry>,
}

/// A file of a set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it belongs.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Its name in the folder of the set.
    pub stored: String,
    /// Its length there.
    pub size: u64,
    /// Its permissions.
    pub mode: u32,
    /// Whose it is.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// BLAKE3 of its content; none of what was moved aside, which is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
    /// The file, and what belongs to it, when it was copied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) stamps: Vec<Stamp>,
}

impl Entry {
    /// That of a file that is moved aside.
    ///
    /// # Errors
    /// It is not there.
    pub fn of(path: &Path, kind: FileKind, stored: &str) -> io::Result<Self> {
        let found = path.symlink_metadata()?;
        Ok(Self {
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
}

/// A set that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetOnDisk {
    /// Its name: a moment.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
}

/// Which set is wanted.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub set: Option<&'a str>,
    pub before: Option<&'a str>,
    pub not: &'a [String],
}

impl Wanted<'_> {
    pub fn fits(&self, name: &str) -> bool {
        self.set.is_none_or(|set| set == name)
            && self.before.is_none_or(|before| name < before)
            && !self.not.iter().any(|not| not == name)
    }
}

impl Manifest {
    /// That of a set that is taken now.
    #[must_use]
    pub fn new(incarnation: u32, why: Option<String>) -> Self {
        let taken_ms = clock::wall_ms();
        Self { version: VERSION, taken_ms, incarnation, why, ..Self::default() }
    }

    /// The bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, entry| sum.saturating_add(entry.size))
    }

    /// Writes it down to the platter.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other)?;
        file::replace(&folder.join(MANIFEST), &text, true)
    }
}

/// A name for a set of now, behind those of all sets in `parent`, whatever has become of the clock.
pub fn new_name(parent: &Path) -> String {
    let now = stamp::utc(Wall(clock::wall_ms()));
    let digits: String = now.chars().filter(|c| !matches!(c, '-' | ':')).collect();
    let now = format!("{}Z", digits.split_once('.').map_or("", |(second, _)| second));
    let newest = list(parent).unwrap_or_default().pop().map(|set| set.name).unwrap_or_default();
    if newest < now {
        return now;
    }
    let (second, suffix) = newest.split_at_checked(MOMENT).unwrap_or((&now, ""));
    // `-02` to `-98`; then `-990000099` and on, which sort behind them.
    let number = match suffix.strip_prefix('-') {
        None => 2,
        Some(digits) => digits.strip_prefix("99").unwrap_or(digits).parse().unwrap_or(0_u32) + 1,
    };
    match number {
        0..99 => format!("{second}-{number:02}"),
        _ => format!("{second}-99{number:07}"),
    }
}

/// Whether a folder can be one of ours: whatever else somebody keeps beside them is theirs.
fn is_name(name: &str) -> bool {
    let (moment, suffix) = name.split_at_checked(MOMENT).unwrap_or(("", ""));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let straight = moment.strip_suffix('Z').and_then(|moment| moment.split_once('T'));
    straight.is_some_and(|(day, time)| all_digits(day) && all_digits(time))
        && (suffix.is_empty() || suffix.strip_prefix('-').is_some_and(all_digits))
}

/// The sets in a folder, oldest first.
///
/// # Errors
/// The folder is there and cannot be read.
pub fn list(folder: &Path) -> Result<Vec<SetOnDisk>, String> {
    let failed = |error: io::Error| format!("{}: {error}", folder.display());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut sets = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_name(&name) && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            sets.push(SetOnDisk { name, folder: entry.path() });
        }
    }
    sets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(sets)
}

/// Reads what is in a set.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(folder: &Path) -> Result<Manifest, String> {
    let bytes = file::read(&folder.join(MANIFEST), MANIFEST_MAX)
        .map_err(|error| format!("{MANIFEST}: {error}"))?;
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| format!("{MANIFEST}: {}", brief(&error)))?;
    if manifest.version != VERSION {
        return Err(format!("{MANIFEST}: version {}, and this is {VERSION}", manifest.version));
    }
    let plain = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    match manifest.files.iter().find(|entry| !plain(&entry.stored)) {
        Some(entry) => Err(format!("{MANIFEST}: {:?} is no name of a stored file", entry.stored)),
        None => Ok(manifest),
    }
}

/// Whether a set is as it was taken, still checks as valid, and belongs to these files.
///
/// # Errors
/// Why it is not to be put in place.
pub fn verify(set: &SetOnDisk, files: &[StateFile]) -> Result<Manifest, String> {
    let manifest = read(&set.folder)?;
    if manifest.files.is_empty() {
        return Err("holds no file".to_owned());
    }
    let names = Names::new(files);
    for entry in &manifest.files {
        if !names.has(&entry.path) {
            return Err(format!("{} is not among state.files", entry.path));
        }
        let stored = set.folder.join(&entry.stored);
        let words = |words: String| format!("{} ({}): {words}", entry.path, entry.stored);
        let (verdict, size, hash) =
            judge(&stored, entry.kind, false).map_err(|error| words(error.to_string()))?;
        if size != entry.size || Some(hash.to_hex().as_str()) != entry.blake3.as_deref() {
            return Err(words("was changed since it was taken".to_owned()));
        }
        if let Some(wrong) = verdict.wrong {
            return Err(words(wrong.words));
        }
        if entry.kind == FileKind::Sqlite {
            sqlite::whole(&stored).map_err(words)?;
        }
    }
    Ok(manifest)
}

/// The list of files, to be asked whether a path is on it: a manifest that somebody changed must not have us
/// write elsewhere.
pub struct Names<'a> {
    paths: HashSet<&'a str>,
    patterns: Vec<glob::Pattern>,
}

impl<'a> Names<'a> {
    pub fn new(files: &'a [StateFile]) -> Self {
        let of = |glob| files.iter().filter(move |file| file.glob == glob);
        let pattern = |file: &StateFile| glob::Pattern::new(&file.path).ok();
        Self {
            paths: of(false).map(|file| file.path.as_str()).collect(),
            patterns: of(true).filter_map(pattern).collect(),
        }
    }

    /// Whether a path is one of the list.
    pub fn has(&self, path: &str) -> bool {
        // What leads up and out of a folder that a pattern names fits it by its letters only.
        let straight = !Path::new(path).components().any(|part| part.as_os_str() == "..");
        self.paths.contains(path)
            || straight && self.patterns.iter().any(|one| one.matches_with(path, LETTERS))
    }
}

/// Removes what is not to be kept: more than `keep`, or more than `max_bytes` in all; never the newest.
pub fn prune(folder: &Path, keep: u32, max_bytes: u64) -> Result<(), String> {
    let sets = list(folder)?;
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let mut bytes = 0_u64;
    for (at, set) in sets.iter().rev().enumerate() {
        bytes = bytes.saturating_add(read(&set.folder).map_or(0, |manifest| manifest.bytes()));
        if 0 < at && (keep <= at || max_bytes < bytes) {
            // Half a set has no name of one.
            let gone = folder.join(format!("{UNFINISHED}{}", set.name));
            fs::rename(&set.folder, &gone)
                .and_then(|()| fs::remove_dir_all(&gone))
                .map_err(|error| format!("{}: {error}", set.folder.display()))?;
        }
    }
    Ok(())
}

/// Removes what an interrupted snapshot left.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// What a set holds, by path, and where.
pub fn by_path<'a>(
    folder: &Path,
    manifest: &'a Manifest,
) -> BTreeMap<&'a str, (PathBuf, &'a Entry)> {
    let stored = |entry: &Entry| folder.join(&entry.stored);
    manifest.files.iter().map(|entry| (entry.path.as_str(), (stored(entry), entry))).collect()
}
