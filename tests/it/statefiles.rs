//! `agentwatch errand`: state files looked at, copied and put back, killed at every moment, on real files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use agentwatch::core::validation::FaultKind::{self, Corrupt, Empty, TornEnd, Unfit};
use agentwatch::core::validation::{Checked, Done, FileKind, StateFile, Task};
use agentwatch::wire::errand::Errand;

use crate::harness::World;

/// The state files of a world, below `files/`.
pub struct Files {
    pub world: World,
    list: Vec<StateFile>,
}

fn kind(name: &str) -> FileKind {
    match name.rsplit('.').next() {
        Some("json") => FileKind::Json,
        Some("jsonl") => FileKind::Jsonl,
        Some("toml") => FileKind::Toml,
        Some("db") => FileKind::Sqlite,
        Some("pkl") => FileKind::Pickle,
        _ => FileKind::Opaque,
    }
}

impl Files {
    pub fn new(names: &[&str]) -> Self {
        let world = World::new();
        fs::create_dir(world.path("files")).unwrap();
        let path = |name: &&str| world.path("files").join(name).display().to_string();
        let list = names
            .iter()
            .map(|name| StateFile {
                path: path(name),
                glob: name.contains('*'),
                kind: kind(name),
                required: false,
                repair: kind(name) == FileKind::Jsonl,
            })
            .collect();
        Self { world, list }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.world.path("files").join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap()).into_owned()
    }

    pub fn order(&self, task: Task) -> Vec<u8> {
        let dir = self.world.path("agent").display().to_string();
        let files = self.list.clone();
        serde_json::to_vec(&Errand { files, dir, keep: 3, max_bytes: 1 << 30, task }).unwrap()
    }

    /// Sends agentwatch on an errand, below `program`; none if it was killed.
    pub fn send_within(&self, program: &[&str], task: Task) -> Option<Done> {
        let mut command = self.world.within(program, &["errand"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let _ = child.stdin.take().unwrap().write_all(&self.order(task));
        let output = child.wait_with_output().unwrap();
        serde_json::from_slice(&output.stdout).ok()
    }

    pub fn send(&self, task: Task) -> Done {
        self.send_within(&[], task).expect("an answer")
    }

    pub fn check(&self) -> Checked {
        match self.send(Task::Check { repair: true }) {
            Done::Checked(checked) => checked,
            other => panic!("{other:?}"),
        }
    }

    /// What is wrong, by the name of the file.
    pub fn faults(&self) -> Vec<(String, FaultKind)> {
        let name = |path: &str| Path::new(path).file_name().unwrap().to_str().unwrap().to_owned();
        self.check().faults.iter().map(|fault| (name(&fault.path), fault.fault)).collect()
    }

    pub fn snapshot(&self) -> String {
        match self.send(Task::Snapshot { incarnation: 1 }) {
            Done::Taken(taken) => taken.set,
            other => panic!("{other:?}"),
        }
    }

    pub fn restore(&self) -> Done {
        self.send(restore())
    }

    /// All that is below a folder of the agent, by its path there.
    pub fn kept(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut kept = BTreeMap::new();
        let root = self.world.path("agent").join(folder);
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).unwrap().display().to_string();
                    kept.insert(name, fs::read(path).unwrap());
                }
            }
        }
        kept
    }

    pub fn python(&self, script: &str) {
        let mut python = Command::new("python3");
        let output = python.args(["-c", script]).current_dir(self.path("")).output().unwrap();
        // Whoever kills itself with an open transaction was asked to.
        let ended = output.status.success() || output.status.code().is_none();
        assert!(ended, "{}", String::from_utf8_lossy(&output.stderr));
    }
}

pub fn restore() -> Task {
    Task::Restore { set: None, before: None, not: Vec::new(), why: "a test".into() }
}

#[test]
fn each_kind_is_checked_and_what_is_no_file_is_left_alone() {
    let files = Files::new(&[
        "a.json",
        "b.jsonl",
        "c.toml",
        "d.pkl",
        "e.txt",
        "missing.json",
        "fifo.json",
        "link.json",
        "folder.json",
        "s/*.json",
    ]);
    files.write("a.json", "{\"a\": 1}").write("b.jsonl", "{}\n{}\n").write("c.toml", "a = 1\n");
    files.write("d.pkl", b"\x80\x04N.").write("e.txt", b"\0\xff");
    fs::create_dir(files.path("s")).unwrap();
    files.write("s/1.json", "[]").write("s/2.json", "[1").write("elsewhere", "[]");
    let fifo = Command::new("mkfifo").arg(files.path("fifo.json")).status().unwrap();
    assert!(fifo.success());
    std::os::unix::fs::symlink(files.path("a.json"), files.path("link.json")).unwrap();
    std::os::unix::fs::symlink(files.path("elsewhere"), files.path("s/3.json")).unwrap();
    fs::create_dir(files.path("folder.json")).unwrap();
    let checked = files.check();
    assert_eq!((checked.valid, checked.missing), (6, 1));
    assert_eq!(checked.notes.len(), 1, "a symlink that a pattern finds: {:?}", checked.notes);
    let name = |name: &str, fault| (name.to_owned(), fault);
    let odd = ["fifo.json", "link.json", "folder.json"].map(|odd| name(odd, Unfit));
    assert_eq!(files.faults()[..3], odd);
    files
        .write("a.json", "")
        .write("c.toml", "a = ")
        .write("d.pkl", b"\x80\x04")
        .write("b.jsonl", "{]\n");
    let mut faults = files.faults();
    faults.sort_by(|one, other| one.0.cmp(&other.0));
    faults.retain(|(_, fault)| *fault != Unfit);
    let wanted = [
        name("2.json", TornEnd),
        name("a.json", Empty),
        name("b.jsonl", Corrupt),
        name("c.toml", TornEnd),
        name("d.pkl", TornEnd),
    ];
    assert_eq!(faults, wanted);
}

#[test]
fn a_torn_last_line_is_cut_off_and_kept() {
    let files = Files::new(&["log.jsonl"]);
    files.write("log.jsonl", "{\"i\":1}\n{\"i\":2}\n{\"i\": 3, \"te");
    let checked = files.check();
    assert_eq!((checked.valid, checked.faults.len(), checked.cut.len()), (1, 0, 1));
    assert_eq!((checked.cut[0].offset, checked.cut[0].bytes), (16, 12));
    assert_eq!(files.read("log.jsonl"), "{\"i\":1}\n{\"i\":2}\n");
    let kept = files.kept("quarantine");
    assert!(kept.values().any(|kept| kept == b"{\"i\": 3, \"te"), "{kept:?}");
    assert_eq!(files.check().cut, []);
}

#[test]
fn a_set_is_taken_only_of_what_is_valid_and_only_if_something_changed() {
    let files = Files::new(&["a.json", "s/*.jsonl"]);
    assert!(matches!(files.send(Task::Snapshot { incarnation: 1 }), Done::NothingThere));
    fs::create_dir(files.path("s")).unwrap();
    files.write("a.json", "[1").write("s/1.jsonl", "1\n");
    assert!(matches!(files.send(Task::Snapshot { incarnation: 1 }), Done::NotValid(_)));
    assert_eq!(files.kept("snapshots").len(), 0, "nothing of it is left");
    files.write("a.json", "[1]");
    // What was written just now may be written again unseen.
    let old = std::time::SystemTime::now() - std::time::Duration::from_mins(1);
    for name in ["a.json", "s/1.jsonl"] {
        let open = fs::OpenOptions::new().write(true).open(files.path(name)).unwrap();
        open.set_modified(old).unwrap();
    }
    let first = files.snapshot();
    let Done::Taken(again) = files.send(Task::Snapshot { incarnation: 1 }) else { panic!() };
    assert_eq!((again.set, again.unchanged), (first, true));
    for n in 0..5 {
        files.write("a.json", format!("[{n}]"));
        files.snapshot();
    }
    let sets = fs::read_dir(files.world.path("agent/snapshots")).unwrap().count();
    assert_eq!(sets, 3, "as many as are kept");
    for (name, content) in files.kept("snapshots") {
        let path = files.world.path("agent/snapshots").join(&name);
        let mode = fs::metadata(path).unwrap().permissions().mode() & 0o077;
        assert_eq!(mode, 0, "{name} is nobody else's: {content:?}");
    }
}

#[test]
fn a_restore_puts_all_files_of_one_set_in_place_and_loses_nothing() {
    let files = Files::new(&["a.json", "b.jsonl", "late.json", "s/*.json"]);
    fs::create_dir(files.path("s")).unwrap();
    files.write("a.json", "[1]").write("b.jsonl", "1\n").write("s/1.json", "[1]");
    fs::set_permissions(files.path("a.json"), fs::Permissions::from_mode(0o640)).unwrap();
    let set = files.snapshot();
    files.write("a.json", "[2").write("b.jsonl", "1\n2\n").write("late.json", "[9]");
    files.write("s/2.json", "[2]");
    let Done::Restored(restored) = files.restore() else { panic!() };
    assert_eq!((restored.set, restored.files, restored.unfit.len()), (set, 2, 0));
    assert_eq!((files.read("a.json"), files.read("b.jsonl")), ("[1]".into(), "1\n".into()));
    assert_eq!(files.read("s/1.json"), "[1]", "the same, and left alone");
    let mode = fs::metadata(files.path("a.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(!files.path("late.json").exists() && !files.path("s/2.json").exists());
    let kept = files.kept("quarantine");
    for lost in ["[2", "1\n2\n", "[9]", "[2]"] {
        assert!(kept.values().any(|kept| kept == lost.as_bytes()), "{lost} in {kept:?}");
    }
    let names = fs::read_dir(files.path("")).unwrap();
    let hidden =
        names.filter(|name| name.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(hidden.count(), 0);
    // And back: a person finds what was there.
    let quarantine = restored.quarantine.unwrap();
    assert_eq!(files.send(Task::PutBack { quarantine }), Done::PutBack);
    let found = ["a.json", "b.jsonl", "late.json", "s/2.json"].map(|name| files.read(name));
    assert_eq!(found, ["[2", "1\n2\n", "[9]", "[2]"]);
}

#[test]
fn a_set_that_was_tampered_with_is_passed_over() {
    let files = Files::new(&["a.json"]);
    files.write("a.json", "[1]");
    let first = files.snapshot();
    files.write("a.json", "[2]");
    let second = files.snapshot();
    let stored = files.world.path("agent/snapshots").join(&second).join("0");
    let change = |content: &str| {
        fs::set_permissions(&stored, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&stored, content).unwrap();
    };
    change("[3]");
    files.write("a.json", "[");
    let Done::Restored(restored) = files.restore() else { panic!() };
    assert_eq!(restored.set, first);
    assert_eq!(restored.unfit.len(), 1);
    assert!(restored.unfit[0].contains("was changed since it was taken"), "{:?}", restored.unfit);
    // One whose manifest names what is not listed is not believed at all.
    change("[2]");
    let manifest = stored.with_file_name("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let elsewhere = files.world.path("elsewhere.json").display().to_string();
    let own = files.path("a.json").display().to_string();
    fs::write(&manifest, text.replace(&own, &elsewhere)).unwrap();
    let Done::Restored(restored) = files.restore() else { panic!() };
    assert_eq!(restored.set, first);
    assert!(restored.unfit[0].contains("is not among state.files"), "{:?}", restored.unfit);
    assert!(!Path::new(&elsewhere).exists());
    // And one that names its content by a path neither.
    fs::write(&manifest, text.replace("\"stored\": \"0\"", "\"stored\": \"../../x\"")).unwrap();
    let Done::Restored(restored) = files.restore() else { panic!() };
    assert!(restored.unfit[0].contains("is no name of a stored file"), "{:?}", restored.unfit);
}

#[test]
fn nonsense_is_refused_and_a_full_disk_changes_nothing() {
    let files = Files::new(&["a.json"]);
    for order in ["", "{", "{\"files\": []}", "[1, 2]"] {
        let mut child = files
            .world
            .command(&["errand"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(order.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{order}");
    }
    let good = format!("[\"{}\"]", "x".repeat(100_000));
    files.write("a.json", &good);
    files.snapshot();
    files.write("a.json", "[\"torn");
    // As much as a file may grow here is less than the copy needs.
    let limited = ["sh", "-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "sh"];
    let done = files.send_within(&limited, restore()).unwrap();
    assert!(matches!(&done, Done::Failed { error } if error.contains("a.json")), "{done:?}");
    assert_eq!(files.read("a.json"), "[\"torn");
    assert_eq!(files.kept("quarantine").len(), 0);
    assert_eq!(fs::read_dir(files.path("")).unwrap().count(), 1, "nothing else is left there");
    files.write("a.json", &good).write("a.json", format!("{good} "));
    let done = files.send_within(&limited, Task::Snapshot { incarnation: 1 }).unwrap();
    assert!(matches!(done, Done::Failed { .. }), "{done:?}");
    assert_eq!(fs::read_dir(files.world.path("agent/snapshots")).unwrap().count(), 1);
}

#[test]
fn a_log_that_is_appended_to_all_the_time_is_copied_up_to_a_line_end() {
    let files = Files::new(&["log.jsonl", "memory.json"]);
    files.write("log.jsonl", "").write("memory.json", "{}");
    let mut writer = Command::new("python3")
        .args([
            "-c",
            "import json\nf = open('log.jsonl', 'a', buffering=100)\ni = 0\n\
                      while True:\n i += 1\n f.write(json.dumps({'i': i}) + '\\n')\n\
                      f.flush() if i % 7 == 0 else 0",
        ])
        .current_dir(files.path(""))
        .spawn()
        .unwrap();
    for _ in 0..5 {
        let done = files.send(Task::Snapshot { incarnation: 1 });
        assert!(matches!(done, Done::Taken(_)), "{done:?}");
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    let copies: Vec<_> =
        files.kept("snapshots").into_iter().filter(|(name, _)| name.ends_with("/0")).collect();
    assert!(!copies.is_empty());
    for (name, copy) in copies {
        for line in copy.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            assert!(serde_json::from_slice::<serde_json::Value>(line).is_ok(), "{name}: {line:?}");
        }
    }
}
