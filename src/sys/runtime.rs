//! The folder for sockets and FIFOs of this user: where it is, and that it is nobody else's.

use std::fs::{self, DirBuilder, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::host;

/// The longest folder whose sockets can be named: a socket's path ends at 104 bytes on BSD and macOS, and
/// ours take `/`, 16 digits, `-`, an incarnation, `.notify` and the closing zero.
const DIR_MAX: usize = 104 - (1 + 16 + 1 + 10 + 7 + 1);

/// Where it is (SPEC §10): `$RUNTIME_DIRECTORY` of a systemd unit, for root `/run/agentwatch`, else
/// `$XDG_RUNTIME_DIR/agentwatch`; a private one below the temporary folder where there is none of these, or
/// where its path is too long for sockets.
#[must_use]
pub fn dir() -> PathBuf {
    let private = || std::env::temp_dir().join(format!("agentwatch-{}", host::uid()));
    customary().filter(|dir| dir.as_os_str().len() <= DIR_MAX).unwrap_or_else(private)
}

fn customary() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(dir) = set("RUNTIME_DIRECTORY") {
        // A unit may name several, with colons between them; the first is ours.
        return std::env::split_paths(&dir).next();
    }
    if host::uid() == 0 && Path::new("/run").is_dir() {
        return Some("/run/agentwatch".into());
    }
    set("XDG_RUNTIME_DIR").map(|dir| Path::new(&dir).join("agentwatch"))
}

/// Makes sure that a folder is there and that nobody else can put anything into it.
///
/// # Errors
/// It belongs to somebody else, others may write to it, it is no folder, or the system's; naming it.
pub fn claim(dir: &Path) -> io::Result<()> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", dir.display()));
    let found = match fs::symlink_metadata(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make(dir).map_err(named)?;
            fs::symlink_metadata(dir)
        }
        found => found,
    };
    let found = found.map_err(named)?;
    refuse_strangers(dir, &found)?;
    if found.is_symlink() {
        // systemd makes one for a unit with DynamicUser.
        let behind = fs::metadata(dir).map_err(named)?;
        return check(dir, &behind);
    }
    check(dir, &found)
}

/// 0700; as root others may pass through, so that an agent that gives up root still finds the socket
/// whose path it was given. It cannot list what else is there.
fn make(dir: &Path) -> io::Result<()> {
    let mode = if host::uid() == 0 { 0o711 } else { 0o700 };
    DirBuilder::new().recursive(true).mode(mode).create(dir)
}

fn check(dir: &Path, found: &Metadata) -> io::Result<()> {
    refuse_strangers(dir, found)?;
    if !found.is_dir() {
        return Err(refused(dir, "is no folder"));
    }
    if !found.is_symlink() && found.mode() & 0o022 != 0 {
        return Err(refused(dir, "can be written to by others; chmod go-w it"));
    }
    Ok(())
}

/// Root is no stranger, for symlinks that it made.
fn refuse_strangers(dir: &Path, found: &Metadata) -> io::Result<()> {
    let owner = found.uid();
    if owner == host::uid() || (owner == 0 && found.is_symlink()) {
        return Ok(());
    }
    let words = format!("belongs to user {owner}; set XDG_RUNTIME_DIR to a folder of your own");
    Err(refused(dir, &words))
}

fn refused(dir: &Path, words: &str) -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, format!("{} {words}", dir.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::sys::testing::Scratch;

    #[test]
    fn a_folder_is_made_private_and_kept() {
        let scratch = Scratch::new();
        let dir = scratch.path("a/b");
        claim(&dir).unwrap();
        claim(&dir).unwrap();
        let mode = fs::metadata(&dir).unwrap().permissions().mode();
        assert_eq!(mode & 0o066, 0, "{mode:o}");
        symlink(&dir, scratch.path("link")).unwrap();
        claim(&scratch.path("link")).unwrap();
    }

    #[test]
    fn what_others_could_use_is_refused_in_words() {
        let scratch = Scratch::new();
        let words = |path: &Path| claim(path).unwrap_err().to_string();
        let open = scratch.path("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(words(&open).ends_with("open can be written to by others; chmod go-w it"));
        symlink(&open, scratch.path("link")).unwrap();
        assert!(words(&scratch.path("link")).contains("written to by others"));
        fs::write(scratch.path("file"), b"").unwrap();
        assert!(words(&scratch.path("file")).ends_with("is no folder"));
        assert!(words(&scratch.path("file/below")).contains("below: "));
        if host::uid() == 0 {
            let theirs = scratch.path("theirs");
            fs::create_dir(&theirs).unwrap();
            std::os::unix::fs::chown(&theirs, Some(12_345), None).unwrap();
            assert!(words(&theirs).contains("belongs to user 12345"));
        }
    }
}
