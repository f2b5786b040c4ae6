//! Reads configuration files, and judges whose they are. The only IO of this floor.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, FileFault};

/// The longest file that is read, in bytes: the shipped one with every key has 2 KiB.
pub const LENGTH_MAX: u64 = 1 << 20;

/// How a file came to be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// By `--config` or `AGENTWATCH_CONFIG`: must exist.
    Named,
    /// In a place of the administrator or the user: may be missing.
    Shared,
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
}

/// What was found of the files that were wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Those that count, later ones over earlier ones.
    pub sources: Vec<Source>,
    /// What a person should know: the local file was used, or was not and why.
    pub notes: Vec<String>,
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
        match open(one, uid) {
            Ok(Opened::File(file)) => {
                let text = text(file).map_err(fail)?;
                if one.role == Role::Local {
                    found.notes.push(format!("settings from ./{}", one.shown));
                }
                let folder = one.path.parent().unwrap_or(Path::new("/")).to_owned();
                found.sources.push(Source { shown: one.shown.clone(), folder, text });
            }
            Ok(Opened::Refused(why)) => {
                found.notes.push(format!("./{} is ignored: {why}", one.shown));
            }
            Ok(Opened::Absent) => {}
            Err(fault) => return Err(fail(fault)),
        }
    }
    Ok(found)
}

enum Opened {
    File(File),
    Refused(String),
    Absent,
}

fn open(wanted: &Wanted, uid: u32) -> Result<Opened, FileFault> {
    let absent = |error: io::Error| match wanted.role {
        _ if !is_absent(&error) => Err(FileFault::Unreadable(error)),
        Role::Named => Err(FileFault::Missing),
        Role::Shared | Role::Local => Ok(Opened::Absent),
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
    if before.is_dir() || (wanted.role != Role::Named && !before.is_file()) {
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
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = memchr::memchr_iter(b'\n', good).count() + 1;
        FileFault::NotText { line }
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    /// A folder of its own for each test, gone with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("aw-{test}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, bytes: &[u8], mode: u32) -> Wanted {
            let path = self.0.join("agentwatch.toml");
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Wanted { path, shown: "agentwatch.toml".into(), role: Role::Local }
        }

        fn uid(&self) -> u32 {
            fs::metadata(&self.0).unwrap().uid()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn words(wanted: Wanted, uid: u32) -> String {
        read(&[wanted], uid).map_or_else(|error| error.to_string(), |found| found.notes.concat())
    }

    #[test]
    fn a_local_file_counts_if_it_is_ours_alone_and_says_so() {
        let folder = Folder::new("trust");
        let found = read(&[folder.file(b"name = 'x'", 0o644)], folder.uid()).unwrap();
        assert_eq!(found.sources[0].text, "name = 'x'");
        assert_eq!(found.sources[0].folder, folder.0);
        assert_eq!(found.notes, ["settings from ./agentwatch.toml"]);
        for mode in [0o664, 0o646, 0o666] {
            let found = read(&[folder.file(b"name = 'x'", mode)], folder.uid()).unwrap();
            assert!(found.sources.is_empty(), "{mode:o}");
            assert!(found.notes[0].contains("others may write it"), "{mode:o}");
            // Who names it has looked at it.
            let named = Wanted { role: Role::Named, ..folder.file(b"name = 'x'", mode) };
            assert_eq!(read(&[named], folder.uid()).unwrap().sources.len(), 1);
        }
    }

    #[test]
    fn only_owner_and_root_are_trusted() {
        for (owner, mode, uid, trusted) in [
            (1000, 0o100_644, 1000, true),
            (0, 0o100_644, 1000, true),
            (0, 0o100_600, 0, true),
            (1001, 0o100_644, 1000, false),
            (1000, 0o100_644, 0, false),
            (1000, 0o100_664, 1000, false),
            (0, 0o100_622, 0, false),
        ] {
            assert_eq!(distrust(owner, mode, uid).is_none(), trusted, "{owner} {mode:o} {uid}");
        }
    }

    #[test]
    fn files_that_cannot_be_used_say_why() {
        let folder = Folder::new("faults");
        let uid = folder.uid();
        let local = folder.file(&vec![b'#'; (1 << 20) + 1], 0o600);
        assert_eq!(
            words(local, uid),
            "agentwatch.toml: longer than 1024 KiB; this is no configuration of agentwatch"
        );
        assert_eq!(
            words(folder.file(&vec![b'#'; 1 << 20], 0o600), uid),
            "settings from ./agentwatch.toml"
        );
        assert_eq!(
            words(folder.file(b"\n\n# \xff", 0o600), uid),
            "agentwatch.toml: not UTF-8 in line 3; save it as UTF-8 text"
        );
        for (path, role, expected) in [
            ("", Role::Named, "not a file"),
            ("", Role::Shared, "not a file"),
            ("gone.toml", Role::Named, "no such file"),
            ("gone.toml", Role::Shared, ""),
            ("gone/agentwatch.toml", Role::Local, ""),
            ("agentwatch.toml/x", Role::Shared, ""),
        ] {
            let wanted = Wanted { path: folder.0.join(path), shown: "F".into(), role };
            assert!(words(wanted.clone(), uid).contains(expected), "{path} {role:?}");
            assert_eq!(words(wanted, uid).is_empty(), expected.is_empty(), "{path} {role:?}");
        }
    }

    #[test]
    fn a_device_is_read_only_when_named() {
        for (role, words_expected) in [(Role::Named, ""), (Role::Shared, "F: not a file")] {
            let wanted = Wanted { path: "/dev/null".into(), shown: "F".into(), role };
            assert!(words(wanted, 0).starts_with(words_expected), "{role:?}");
        }
    }

    #[test]
    fn a_link_is_judged_by_its_target_too() {
        let folder = Folder::new("link");
        let target = folder.file(b"", 0o666);
        let path = folder.0.join("link.toml");
        symlink(&target.path, &path).unwrap();
        let link = Wanted { path, ..target };
        assert!(words(link, folder.uid()).contains("others may write it"));
    }
}
