//! Files of a state directory: replaced as a whole, appended to, private, and never a symlink.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;

/// Replaces a file as a whole: a reader, or a crash, sees the old content or the new.
///
/// With `sync` the new content also survives a power cut, at the price of waiting for the disk.
/// There must be one writer at a time (the lock): the temporary file beside it has a fixed name,
/// so that one that a crash left behind is used up by the next call.
///
/// # Errors
/// Those of the file system; ELOOP if the target is a symlink. The old content is then untouched.
pub fn replace(path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    replace_as(path, bytes, sync, 0o600)
}

/// The same, without `sync`, for a file that everybody may read.
///
/// # Errors
/// As [`replace`].
pub fn publish(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_as(path, bytes, false, 0o644)
}

fn replace_as(path: &Path, bytes: &[u8], sync: bool, mode: u32) -> io::Result<()> {
    let temporary = beside(path)?;
    if fs::symlink_metadata(path).is_ok_and(|target| target.is_symlink()) {
        return Err(Errno::ELOOP.into());
    }
    let written = fill(&temporary, bytes, sync, mode).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // On a full disk every block counts; what went wrong is already told.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    if sync { sync_folder(path) } else { Ok(()) }
}

/// Removes what a crash in the middle of [`replace`] has left, where nobody may replace it again for long.
pub fn sweep(path: &Path) {
    let _ = beside(path).and_then(fs::remove_file);
}

/// `.state.json.new` beside `state.json`: same file system, and no `*.json` to whoever lists.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".new");
    Ok(path.with_file_name(hidden))
}

fn fill(path: &Path, bytes: &[u8], sync: bool, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode).custom_flags(libc::O_NOFOLLOW);
    let mut file = match options.open(path) {
        // What stands there is not what an earlier call left.
        Err(error) if error.kind() != ErrorKind::NotFound && fs::remove_file(path).is_ok() => {
            options.open(path)?
        }
        opened => opened?,
    };
    if mode != 0o600 {
        // Whatever the umask: it is there to be read by others.
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.write_all(bytes)?;
    if sync { file.sync_all() } else { Ok(()) }
}

/// The rename itself is durable only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    sync_dir(match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    })
}

/// Has the names in a folder survive a power cut.
///
/// # Errors
/// Those of the file system.
pub fn sync_dir(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some file systems have no such thing for a folder.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(()),
        result => result,
    }
}

/// Opens a file to append to and to read back, made with 0600 if need be.
///
/// # Errors
/// Those of the file system; ELOOP for a symlink, `InvalidInput` for a folder, FIFO or device.
pub fn append(path: &Path) -> io::Result<File> {
    open_regular(path, OpenOptions::new().read(true).append(true).create(true))
}

/// Opens what must be a regular file, without waiting for the other end of a FIFO.
pub(super) fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"))
}

/// Opens a regular file to read it: not through a symlink, and without waiting for the other end of a FIFO.
///
/// # Errors
/// Those of the file system; ELOOP for a symlink, `InvalidInput` for a folder, FIFO or device.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    open_regular(path, OpenOptions::new().read(true))
}

/// The same, to be written too, as `options` say.
///
/// # Errors
/// As [`open_to_read`].
pub fn open_with(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    open_regular(path, options)
}

/// Reads a regular file as a whole, without waiting for the other end of a FIFO; a link may lead to it.
///
/// # Errors
/// Those of the file system; `InvalidInput` for anything but a file, `FileTooLarge` for more than `most` bytes.
pub fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    let one_more = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(one_more).read_to_end(&mut bytes)?;
    if most < bytes.len() {
        return Err(ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Opens what a child is to read from, without waiting for the other end of a FIFO: such a one is opened
/// for both, so that it does not end with each of its writers.
///
/// # Errors
/// Those of the file system; EISDIR for a folder.
pub fn input(path: &Path) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let mut file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(Errno::EISDIR.into());
    }
    if kind.is_fifo() {
        file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    }
    // The child expects to wait for what it reads, and nobody else has this description.
    let now = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
    fcntl(&file, FcntlArg::F_SETFL(now - OFlag::O_NONBLOCK))?;
    Ok(file)
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symlink, wherever it leads.
    Link,
    /// A FIFO.
    Fifo,
    /// A device or a socket.
    Other,
}

/// What stands at a path; nothing is opened.
///
/// # Errors
/// Nothing is there, or nobody may look.
pub fn kind(path: &Path) -> io::Result<Kind> {
    let found = fs::symlink_metadata(path)?.file_type();
    Ok(match () {
        () if found.is_file() => Kind::File,
        () if found.is_dir() => Kind::Folder,
        () if found.is_symlink() => Kind::Link,
        () if found.is_fifo() => Kind::Fifo,
        () => Kind::Other,
    })
}

/// A pipe that holds `bytes`, and ends behind them.
///
/// # Errors
/// More than a pipe holds (`WouldBlock`; at least 64 KiB fit where none was made smaller), no descriptor left.
pub fn filled_pipe(bytes: &[u8]) -> io::Result<File> {
    let (reader, mut writer) = io::pipe()?;
    let flags = OFlag::from_bits_retain(fcntl(&writer, FcntlArg::F_GETFL)?);
    fcntl(&writer, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    writer.write_all(bytes)?;
    Ok(File::from(OwnedFd::from(reader)))
}

/// The most of a folder that [`is_linked_to`] looks through: where releases lie there are tens.
const LINKS_MAX: usize = 1_000;

/// Whether a symlink in `folder` leads to `target`, as `current` does to the newest release.
#[must_use]
pub fn is_linked_to(folder: &Path, target: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(LINKS_MAX);
    let mut links = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    links.any(|link| fs::canonicalize(link.path()).is_ok_and(|path| path == target))
}

/// Whether others than its owner may read a file; false if that cannot be told.
#[must_use]
pub fn others_may_read(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0)
}

/// Makes a folder and those above it, each 0700; those that exist are left as they are.
///
/// # Errors
/// Those of the file system, also where something else has the name.
pub fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::sys::testing::Scratch;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let scratch = Scratch::new();
        let path = scratch.path("state.json");
        // What a crash left behind is no obstacle, whatever it is.
        symlink("/etc/passwd", scratch.path(".state.json.new")).unwrap();
        for (bytes, sync) in [(&b"one, and long"[..], true), (b"two", false), (b"", true)] {
            replace(&path, bytes, sync).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert_eq!(mode(&path), 0o600);
        }
        assert_eq!(fs::read_dir(scratch.path("")).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_replacement_leaves_the_old_content() {
        let scratch = Scratch::new();
        let path = scratch.path("folder");
        fs::create_dir(&path).unwrap();
        replace(&path, b"new", true).unwrap_err();
        assert_eq!(fs::read_dir(scratch.path("")).unwrap().count(), 1);
        replace(&scratch.path("no/such/folder"), b"new", true).unwrap_err();
        assert_eq!(replace(Path::new("/"), b"", true).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn what_is_published_everybody_may_read_and_what_replaces_it_nobody() {
        let scratch = Scratch::new();
        let path = scratch.path("agentwatch.prom");
        publish(&path, b"a 1").unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (&b"a 1"[..], 0o644));
        replace(&path, b"", false).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(scratch.path("")).unwrap().count(), 1);
    }

    #[test]
    fn symlinks_are_refused() {
        let scratch = Scratch::new();
        let (target, link) = (scratch.path("target"), scratch.path("link"));
        fs::write(&target, b"precious").unwrap();
        symlink(&target, &link).unwrap();
        assert_eq!(replace(&link, b"", false).unwrap_err().raw_os_error(), Some(libc::ELOOP));
        assert_eq!(append(&link).unwrap_err().raw_os_error(), Some(libc::ELOOP));
        assert_eq!(fs::read(&target).unwrap(), b"precious");
    }

    #[test]
    fn appending_goes_to_the_end_whoever_else_writes() {
        let scratch = Scratch::new();
        let path = scratch.path("journal.jsonl");
        let (mut one, mut two) = (append(&path).unwrap(), append(&path).unwrap());
        one.write_all(b"a").unwrap();
        two.write_all(b"b").unwrap();
        one.write_all(b"c").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn only_a_regular_file_is_appended_to_and_a_fifo_blocks_nobody() {
        let scratch = Scratch::new();
        let fifo = scratch.path("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        append(&fifo).unwrap_err();
        // With a reader the FIFO opens, and is refused for what it is.
        let _reader = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        assert_eq!(append(&fifo).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(append(Path::new("/dev/null")).unwrap_err().kind(), ErrorKind::InvalidInput);
        append(&scratch.path("")).unwrap_err();
    }

    #[test]
    fn only_a_regular_file_of_some_length_is_read_as_a_whole() {
        let scratch = Scratch::new();
        let path = scratch.path("table");
        fs::write(&path, b"1234").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"1234");
        assert_eq!(read(&path, 3).unwrap_err().kind(), ErrorKind::FileTooLarge);
        let fifo = scratch.path("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for other in [&fifo, Path::new("/dev/zero"), Path::new("/")] {
            assert_eq!(read(other, 4).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn the_folder_that_a_link_leads_to_is_told_from_the_others() {
        let scratch = Scratch::new();
        let folder = fs::canonicalize(scratch.path("")).unwrap();
        for name in ["41", "42"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        symlink("42", folder.join("current")).unwrap();
        symlink("gone", folder.join("dangling")).unwrap();
        assert!(is_linked_to(&folder, &folder.join("42")));
        assert!(!is_linked_to(&folder, &folder.join("41")));
        assert!(!is_linked_to(&folder.join("no"), &folder.join("42")));
    }

    #[test]
    fn new_folders_are_private_and_old_ones_keep_their_mode() {
        let scratch = Scratch::new();
        let old = scratch.path("old");
        fs::create_dir(&old).unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
        let new = old.join("new/er");
        private_dir(&new).unwrap();
        private_dir(&new).unwrap();
        assert_eq!([mode(&old), mode(&old.join("new")), mode(&new)], [0o755, 0o700, 0o700]);
        fs::write(new.join("file"), b"").unwrap();
        private_dir(&new.join("file")).unwrap_err();
    }
}
