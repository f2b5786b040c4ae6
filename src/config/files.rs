//! Reads configuration files, and judges whose they are. The only IO of this floor.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, FileFault};

/// The longest file that is read, in bytes: the shipped one with every key has 2 KiB.
pub const LENGTH_MAX: u64 = 1 << 20;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The most definitions that are looked through for the one that was meant.
const DEFINED_MAX: usize = 10_000;

/// How a file came to be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// By `--config` or `AGENTWATCH_CONFIG`: must exist.
    Named,
    /// In a place of the administrator or the user: may be missing.
    Shared,
    /// The definition of one agent, beside the files above: may be missing.
    Agent,
    /// In the working directory, where an agent or a stranger may have written it: may be
    /// missing, and must be trusted (SPEC §2).
    Local,
}

/// A file to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is, absolute.
    pub path: PathBuf,
    /// How people name it.
    pub shown: String,
    /// How it came to be looked for.
    pub role: Role,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// How people name it.
    pub shown: String,
    /// Its folder, which relative paths in it start from.
    pub folder: PathBuf,
    /// Its text.
    pub text: String,
    /// It is the definition of one agent.
    pub defines: bool,
}

/// What became of a file that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// How people name it.
    pub shown: String,
    /// `read`, `not there`, or why it is ignored.
    pub came_of_it: String,
}

/// What was found of the files that were wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Those that count, later ones over earlier ones.
    pub sources: Vec<Source>,
    /// What a person should know: the local file was used, or was not and why.
    pub notes: Vec<String>,
    /// Every file that was looked for, in that order.
    pub looked: Vec<Looked>,
    /// The name of the agent that one of them defines, if it was asked for by that name.
    pub agent: Option<String>,
}

impl Found {
    /// The same with what was found elsewhere, which counts more.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.sources.extend(more.sources);
        self.notes.extend(more.notes);
        self.looked.extend(more.looked);
        self
    }
}

/// Reads what there is of `wanted`, in that order, for the user `uid`.
///
/// # Errors
/// A named file that is missing, and any that is a folder, unreadable, longer than [`LENGTH_MAX`]
/// or not UTF-8. A local file that is not to be trusted is no error but a note.
pub fn read(wanted: &[Wanted], uid: u32) -> Result<Found, ConfigError> {
    let mut found = Found::default();
    for one in wanted {
        let fail = |fault| ConfigError::File { path: one.shown.clone(), fault };
        let came_of_it = match open(one, uid).map_err(fail)? {
            Opened::File(file) => {
                let text = text(file).map_err(fail)?;
                if one.role == Role::Local {
                    found.notes.push(format!("settings from ./{}", one.shown));
                }
                let folder = one.path.parent().unwrap_or(Path::new("/")).to_owned();
                let (shown, defines) = (one.shown.clone(), one.role == Role::Agent);
                found.sources.push(Source { shown, folder, text, defines });
                "read".to_owned()
            }
            Opened::Refused(why) => {
                found.notes.push(format!("./{} is ignored: {why}", one.shown));
                format!("ignored: {why}")
            }
            Opened::Absent => "not there".to_owned(),
        };
        found.looked.push(Looked { shown: one.shown.clone(), came_of_it });
    }
    Ok(found)
}

/// Reads a file of variables for the agent.
///
/// # Errors
/// It is missing, a folder or a FIFO, unreadable, longer than [`LENGTH_MAX`] or not UTF-8.
pub fn read_variables(path: &Path) -> Result<String, FileFault> {
    let wanted = Wanted { path: path.to_owned(), shown: String::new(), role: Role::Named };
    match open(&wanted, 0)? {
        Opened::File(file) => text(file),
        Opened::Refused(_) | Opened::Absent => Err(FileFault::Missing),
    }
}

/// Whether a program of that name is in one of the folders of `path`, as a shell would find it.
#[must_use]
pub fn is_program(name: &str, path: &OsStr) -> bool {
    const EXECUTABLE: u32 = 0o111;
    std::env::split_paths(path).any(|folder| {
        let found = fs::metadata(folder.join(name));
        found.is_ok_and(|file| file.is_file() && file.mode() & EXECUTABLE != 0)
    })
}

/// The names of the agents that are defined in `folder`, sorted; none if it cannot be read.
#[must_use]
pub fn defined(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .filter(|name| super::name::is_valid(name) && !super::name::is_reserved(name))
        .take(DEFINED_MAX)
        .collect();
    names.sort();
    names
}

enum Opened {
    File(File),
    Refused(String),
    Absent,
}

fn open(wanted: &Wanted, uid: u32) -> Result<Opened, FileFault> {
    let absent = |error: io::Error| match wanted.role {
        // Every command that is started by a bare name is looked for there, also by strangers.
        Role::Agent if error.kind() == io::ErrorKind::PermissionDenied => Ok(Opened::Absent),
        _ if !is_absent(&error) => Err(FileFault::Unreadable(error)),
        Role::Named => Err(FileFault::Missing),
        Role::Shared | Role::Agent | Role::Local => Ok(Opened::Absent),
    };
    // Whose it is comes before what it is: a stranger's folder, FIFO or unreadable file in /tmp
    // must not keep anyone from working there. A stranger's link is a choice of his, too; its own
    // mode says nothing.
    if wanted.role == Role::Local {
        match fs::symlink_metadata(&wanted.path) {
            Ok(link) => {
                if let Some(why) = distrust(link.uid(), 0, uid) {
                    return Ok(Opened::Refused(why));
                }
            }
            Err(error) => return absent(error),
        }
    }
    let before = match fs::metadata(&wanted.path) {
        Ok(metadata) => metadata,
        Err(error) => return absent(error),
    };
    // Looked at before it is opened: opening a FIFO that nobody writes to would wait for ever.
    // Who names a file may name a pipe, as in --config <(…), or /dev/null to read none.
    let device = ["/dev", "/proc"].iter().any(|folder| wanted.path.starts_with(folder));
    let fits = before.is_file() || (wanted.role == Role::Named && device && !before.is_dir());
    if !fits {
        return Err(FileFault::NotAFile);
    }
    let file = File::open(&wanted.path).map_err(FileFault::Unreadable)?;
    if wanted.role == Role::Local {
        // Judged by what is open now: the path may lead to another file the moment after.
        let now = file.metadata().map_err(FileFault::Unreadable)?;
        if let Some(why) = distrust(now.uid(), now.mode(), uid) {
            return Ok(Opened::Refused(why));
        }
    }
    Ok(Opened::File(file))
}

fn is_absent(error: &io::Error) -> bool {
    // NotADirectory: a file stands where a folder of the path would.
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Why a file of `owner` with `mode` is not to be trusted by `uid`, with the way out.
fn distrust(owner: u32, mode: u32, uid: u32) -> Option<String> {
    // Group and other may write.
    const WRITABLE: u32 = 0o022;
    if owner != uid && owner != 0 {
        return Some(format!(
            "it belongs to user {owner}, not to you or root; to use it, name it by --config"
        ));
    }
    (mode & WRITABLE != 0)
        .then(|| "others may write it; to use it, chmod go-w it or name it by --config".to_owned())
}

fn text(file: File) -> Result<String, FileFault> {
    let mut bytes = Vec::new();
    // One more than allowed, so that a pipe without a length is held to the limit, too.
    file.take(LENGTH_MAX + 1).read_to_end(&mut bytes).map_err(FileFault::Unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LENGTH_MAX {
        return Err(FileFault::TooLong { max: LENGTH_MAX });
    }
    // Editors of Windows begin a file so; it says nothing about UTF-8.
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = memchr::memchr_iter(b'\n', good).count() + 1;
        FileFault::NotText { line }
    })
}

#[cfg(test)]
mod tests;
