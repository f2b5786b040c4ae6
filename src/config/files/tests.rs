//! Which files count, and what is said of those that do not.

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
