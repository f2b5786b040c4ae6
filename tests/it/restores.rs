//! `agentwatch errand` killed at each call that changes something, and each such call refused: every file is
//! wholly old or wholly new, nothing is lost, and the next look finishes it or finds nothing of it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use agentwatch::core::validation::{Done, Task};
use agentwatch::statefiles::{Home, read_set, sets_in};

use crate::harness::has;
use crate::statefiles::{Files, restore};

/// What changes a file system, or makes a change last.
const CALLS: [&str; 13] = [
    "rename",
    "linkat",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "fsync",
    "write",
    "copy_file_range",
    "ftruncate",
    "fchmod",
    "fchown",
    "utimensat",
];

/// What befalls a call: it is the last one, or the disk is full.
const FATES: [&str; 2] = ["signal=KILL", "error=ENOSPC"];

type Tree = BTreeMap<String, Vec<u8>>;

/// Files of several kinds of which a set is kept, and which are torn since then.
struct Scene {
    files: Files,
}

impl Scene {
    fn new() -> Self {
        let names =
            ["a.json", "b.jsonl", "same.json", "gone.json", "graph.db", "lost.db", "s/*.json"];
        let files = Files::new(&names);
        fs::create_dir(files.path("s")).unwrap();
        files
            .write("a.json", "[\"good\"]")
            .write("b.jsonl", "\"good\"\n")
            .write("same.json", "[0]");
        files.write("gone.json", "[\"back\"]").write("s/1.json", "[\"good\"]");
        let database = "import sqlite3, os, signal\n\
             for name in ['graph.db', 'lost.db']:\n db = sqlite3.connect(name)\n \
             db.execute('create table t(x)')\n db.execute('insert into t values(1)')\n db.commit()\n";
        files.python(database);
        files.snapshot();
        files.write("a.json", "[\"bad").write("b.jsonl", "\"bad\"\n\"worse\"\n\"to");
        files.write("s/1.json", "").write("s/2.json", "[\"new\"]");
        files.python(
            "import sqlite3, os, signal\ndbs = [sqlite3.connect(n) for n in ['graph.db', 'lost.db']]\n\
             for db in dbs:\n db.execute('pragma journal_mode=wal')\n db.execute('insert into t values(2)')\n db.commit()\n\
             os.kill(os.getpid(), signal.SIGKILL)",
        );
        fs::remove_file(files.path("gone.json")).unwrap();
        // Somebody has removed a database, and has left its WAL.
        fs::remove_file(files.path("lost.db")).unwrap();
        assert!(files.path("lost.db-wal").exists() && files.path("graph.db-wal").exists());
        let scene = Self { files };
        for folder in ["files", "agent"] {
            scene.copy(folder, &format!("{folder}.start"));
        }
        scene
    }

    fn copy(&self, from: &str, to: &str) {
        let (from, to) = (self.files.world.path(from), self.files.world.path(to));
        let _ = fs::remove_dir_all(&to);
        let copied = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
        assert!(copied.success());
    }

    /// As it was before anything was done.
    fn reset(&self) {
        for folder in ["files", "agent"] {
            self.copy(&format!("{folder}.start"), folder);
        }
    }

    /// All files below a folder of the world; of the index of a WAL only that it is there.
    fn tree(&self, folder: &str) -> Tree {
        let mut tree = self.files.kept(&format!("../{folder}"));
        for (_, content) in tree.iter_mut().filter(|(name, _)| name.ends_with("-shm")) {
            content.clear();
        }
        tree
    }

    /// Does `task` again and again, once for each call of each kind and each thing that can befall it.
    fn sweep(
        &self,
        task: &Task,
        (fates, always): (&[&str], &[&str]),
        mut judge: impl FnMut(&str, Option<Done>),
    ) -> u32 {
        let mut count = 0;
        let log = self.files.world.path("strace.log").display().to_string();
        for call in CALLS {
            let trace = format!("trace={call},linkat");
            let strace = ["strace", "-f", "-qq", "-o", &log, "-e", &trace];
            let strace: Vec<&str> = strace.iter().chain(always).copied().collect();
            self.reset();
            self.files.send_within(&strace, task.clone());
            let calls = fs::read_to_string(&log).unwrap();
            let calls = calls.matches(&format!(" {call}(")).count();
            for number in 1..=calls {
                for fate in fates {
                    let inject = format!("inject={call}:{fate}:when={number}");
                    let strace: Vec<&str> = strace.iter().copied().chain(["-e", &inject]).collect();
                    self.reset();
                    let done = self.files.send_within(&strace, task.clone());
                    judge(&format!("{call} {number} of {calls}: {fate}"), done);
                    count += 1;
                }
            }
        }
        count
    }

    /// Nothing but whole work is left in the folder of the agent.
    fn is_tidy(&self, how: &str) {
        let agent = self.files.world.path("agent");
        let unfinished = |name: &String| {
            name.contains("/.") || name.starts_with('.') || name.starts_with("scratch")
        };
        let names: Vec<_> = self.tree("agent").into_keys().filter(unfinished).collect();
        assert!(names.is_empty(), "{how}: {names:?}");
        assert!(!agent.join("restoring.json").exists(), "{how}");
        for folder in [Home::new(&agent).snapshots(), Home::new(&agent).quarantine()] {
            for set in sets_in(&folder).unwrap() {
                let manifest = read_set(&set.folder).unwrap_or_else(|e| panic!("{how}: {e}"));
                for entry in manifest.files {
                    let stored = fs::metadata(set.folder.join(&entry.stored)).unwrap();
                    assert_eq!(stored.len(), entry.size, "{how}: {}", entry.path);
                }
            }
        }
    }
}

/// No file is anything but what it was or what it is to be.
fn each_is_one_of(now: &Tree, old: &Tree, new: &Tree, how: &str) {
    for name in old.keys().chain(new.keys()) {
        let found = now.get(name);
        assert!(found == old.get(name) || found == new.get(name), "{how}: {name} is {found:?}");
    }
    for name in ["graph.db", "lost.db"] {
        let wal = format!("{name}-wal");
        let foreign = now.get(name) == new.get(name)
            && old.get(name) != new.get(name)
            && now.contains_key(&wal)
            && !new.contains_key(&wal);
        assert!(!foreign, "{how}: {name} has met a WAL that is not its own");
    }
}

/// Whether all contents of a tree are kept somewhere below the quarantine, but for those that are in place.
fn all_are_kept(scene: &Scene, old: &Tree, new: &Tree, how: &str) {
    let kept: Vec<Vec<u8>> = scene.files.kept("quarantine").into_values().collect();
    let lost = old.iter().filter(|(name, content)| {
        !name.ends_with("-shm") && new.get(*name) != Some(content) && !kept.contains(content)
    });
    let lost: Vec<_> = lost.map(|(name, _)| name).collect();
    assert!(lost.is_empty(), "{how}: {lost:?} are nowhere");
}

/// Sweeps through a task that leads from one tree to another.
fn old_or_new(scene: &Scene, task: &Task, fates: (&[&str], &[&str]), is_done: fn(&Done) -> bool) {
    scene.reset();
    let old = scene.tree("files");
    let done = scene.files.send(task.clone());
    assert!(is_done(&done), "{done:?}");
    let new = scene.tree("files");
    assert!(old != new);
    let (mut finished, mut untouched) = (0, 0);
    let before = scene.tree("agent.start");
    let count = scene.sweep(task, fates, |how, done| {
        let now = scene.tree("files");
        let staged = |name: &String| name.contains(".agentwatch-");
        let bare: Tree = now.clone().into_iter().filter(|(name, _)| !staged(name)).collect();
        each_is_one_of(&bare, &old, &new, how);
        match &done {
            Some(done) if is_done(done) => assert!(now == new, "{how}: {:?}", now.keys()),
            // Nothing has changed, unless the words say that it goes on.
            Some(Done::Failed { error }) if !error.contains("goes on") => {
                assert!(now == old, "{how}: {error}: {:?}", now.keys());
            }
            Some(Done::Failed { .. }) | None => {}
            Some(done) => panic!("{how}: {done:?}"),
        }
        let Done::Checked(_) = scene.files.send(Task::Check { repair: false }) else {
            panic!("{how}")
        };
        let now = scene.tree("files");
        if now == new {
            finished += 1;
            all_are_kept(scene, &old, &new, how);
        } else {
            untouched += 1;
            assert!(now == old, "{how}: {:?}", now.keys());
            let quarantine = |tree: &Tree| {
                tree.keys().filter(|name| name.starts_with("quarantine/")).cloned().collect()
            };
            let kept: Vec<String> = quarantine(&scene.tree("agent"));
            assert_eq!(kept, quarantine(&before), "{how}");
        }
        let sets = |tree: Tree| -> Tree {
            tree.into_iter().filter(|(name, _)| name.starts_with("snapshots/")).collect()
        };
        assert!(sets(scene.tree("agent")) == sets(before.clone()), "{how}: the sets are as before");
        scene.is_tidy(how);
    });
    eprintln!("{count} calls that went wrong: {finished} times new, {untouched} times as before");
    assert!(10 < finished && 10 < untouched, "{finished} and {untouched} of {count}");
}

fn is_restored(done: &Done) -> bool {
    matches!(done, Done::Restored(_))
}

#[test]
fn a_restored_database_meets_no_wal_of_another_one_that_is_gone() {
    let scene = Scene::new();
    assert!(is_restored(&scene.files.restore()));
    let names: Vec<String> = scene.tree("files").into_keys().collect();
    let wanted = ["a.json", "b.jsonl", "gone.json", "graph.db", "lost.db", "s/1.json", "same.json"];
    assert_eq!(names, wanted);
    scene.files.python(
        "import sqlite3\nfor name in ['graph.db', 'lost.db']:\n \
         assert sqlite3.connect(name).execute('select x from t').fetchall() == [(1,)]",
    );
}

#[test]
fn a_restore_leaves_each_file_old_or_new_whatever_call_goes_wrong() {
    if has("strace") {
        old_or_new(&Scene::new(), &restore(), (&FATES, &[]), is_restored);
    }
}

#[test]
fn so_it_does_where_the_quarantine_is_on_another_file_system() {
    if has("strace") {
        let always = ["-e", "inject=linkat:error=EXDEV"];
        old_or_new(&Scene::new(), &restore(), (&FATES[..1], &always), is_restored);
    }
}

#[test]
fn what_is_moved_aside_is_in_place_or_kept_whatever_call_goes_wrong() {
    if has("strace") {
        let task = Task::Quarantine { paths: Vec::new(), why: "a test".into() };
        old_or_new(&Scene::new(), &task, (&FATES[..1], &[]), |done| {
            matches!(done, Done::Quarantined { .. })
        });
    }
}

#[test]
fn what_is_put_back_is_all_there_or_not_at_all_whatever_call_goes_wrong() {
    if !has("strace") {
        return;
    }
    let scene = Scene::new();
    let found = scene.tree("files");
    let Done::Restored(restored) = scene.files.restore() else { panic!() };
    let quarantine = restored.quarantine.unwrap();
    for folder in ["files", "agent"] {
        scene.copy(folder, &format!("{folder}.start"));
    }
    let task = Task::PutBack { quarantine };
    assert_eq!(scene.files.send(task.clone()), Done::PutBack);
    assert!(scene.tree("files") == found, "{:?}", scene.tree("files").keys());
    old_or_new(&scene, &task, (&FATES[..1], &[]), |done| *done == Done::PutBack);
}

#[test]
fn a_snapshot_is_whole_or_not_there_whatever_call_goes_wrong() {
    if !has("strace") {
        return;
    }
    let files = Files::new(&["a.json", "b.jsonl", "graph.db"]);
    files.write("a.json", "[1]").write("b.jsonl", "1\n");
    files.python("import sqlite3\ndb = sqlite3.connect('graph.db')\ndb.execute('create table t(x)')\ndb.commit()");
    for n in 0..4 {
        files.write("a.json", format!("[{n}]")).snapshot();
    }
    files.write("a.json", "[9]");
    let scene = Scene { files };
    for folder in ["files", "agent"] {
        scene.copy(folder, &format!("{folder}.start"));
    }
    let old = scene.tree("files");
    let names = || -> Vec<String> {
        let agent = scene.files.world.path("agent");
        sets_in(&Home::new(&agent).snapshots()).unwrap().into_iter().map(|set| set.name).collect()
    };
    let before = names();
    assert_eq!(before.len(), 3);
    let task = Task::Snapshot { incarnation: 2 };
    let (mut taken, mut none) = (0, 0);
    scene.sweep(&task, (&FATES, &[]), |how, done| {
        assert!(scene.tree("files") == old, "{how}");
        if done.is_some() {
            // Whoever is not killed leaves nothing behind, but for what cannot be removed.
            let left = fs::read_dir(scene.files.world.path("agent/snapshots")).unwrap().flatten();
            let left: Vec<_> =
                left.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).collect();
            assert!(
                left.is_empty() || how.contains("unlink") || how.contains("rmdir"),
                "{how}: {left:?}"
            );
        }
        scene.files.check();
        scene.is_tidy(how);
        let now = names();
        // The newest that there was is there still, whatever became of the new one.
        assert!(now.contains(&before[2]), "{how}: {now:?}");
        if now.last() == before.last() {
            none += 1;
            assert!(!matches!(done, Some(Done::Taken(_))), "{how}");
        } else {
            taken += 1;
        }
        // It is as good as it looks.
        scene.files.write("a.json", "[");
        let Done::Restored(restored) = scene.files.restore() else { panic!("{how}") };
        assert_eq!((Some(&restored.set), restored.unfit.len()), (now.last(), 0), "{how}");
    });
    assert!(10 < taken && 10 < none, "{taken} and {none}");
}

#[test]
fn a_torn_line_is_in_its_file_or_kept_whatever_call_goes_wrong() {
    if !has("strace") {
        return;
    }
    let files = Files::new(&["log.jsonl"]);
    files.write("log.jsonl", "1\n2\n\"torn");
    fs::create_dir(files.world.path("agent")).unwrap();
    let scene = Scene { files };
    for folder in ["files", "agent"] {
        scene.copy(folder, &format!("{folder}.start"));
    }
    let task = Task::Check { repair: true };
    scene.sweep(&task, (&FATES, &[]), |how, done| {
        let log = scene.files.read("log.jsonl");
        let kept = || scene.files.kept("quarantine").values().any(|kept| kept == b"\"torn");
        assert!(log == "1\n2\n\"torn" || (log == "1\n2\n" && kept()), "{how}: {log:?}");
        if let Some(Done::Checked(checked)) = &done {
            // It is cut off, or still wrong; the look itself does not fail of it.
            assert_eq!(checked.cut.len() + checked.faults.len(), 1, "{how}: {checked:?}");
        }
        scene.files.check();
        assert_eq!(scene.files.read("log.jsonl"), "1\n2\n", "{how}");
        assert!(kept(), "{how}");
        scene.is_tidy(how);
    });
}

#[test]
fn what_is_written_in_the_middle_of_a_restore_is_not_lost() {
    if !has("strace") {
        return;
    }
    let scene = Scene::new();
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=unlink", "-e"];
    let files = &scene.files;
    // Killed before the second file goes: `s/2.json`, which the set does not know, is there still.
    let mut tried = 0;
    for number in 1..30 {
        scene.reset();
        let inject = format!("inject=unlink:signal=KILL:when={number}");
        let program: Vec<&str> = strace.iter().copied().chain([inject.as_str()]).collect();
        let done = files.send_within(&program, restore());
        let intent = fs::read_to_string(files.world.path("agent/restoring.json"));
        let placing = intent.is_ok_and(|text| text.contains("\"staging\":false"));
        if done.is_some() || !placing || !files.path("s/2.json").exists() {
            continue;
        }
        tried += 1;
        let new = files.path("s/2.new");
        fs::write(&new, "[\"newest\"]").unwrap();
        fs::rename(&new, files.path("s/2.json")).unwrap();
        assert!(files.check().finished.is_some());
        assert!(!files.path("s/2.json").exists());
        let kept: Vec<_> = files.kept("quarantine").into_values().collect();
        for content in ["[\"new\"]", "[\"newest\"]"] {
            assert!(kept.contains(&content.as_bytes().to_vec()), "{content}");
        }
    }
    assert!(tried > 0);
}
