//! State files put back on small disks, many at once, several times in a row, and while somebody writes.

use std::fs;
use std::path::Path;
use std::process::Command;

use agentwatch::core::validation::{Done, Task};

use crate::harness::has;
use crate::statefiles::{Files, restore};

/// A shell that gives agentwatch a small disk of its own, once for the files and once for the folder of the
/// agent, with `left` KiB on it, and leaves behind what is on it in the end.
fn small_disk(world: &Path, left: u32) -> String {
    format!(
        "cd {} && mkdir -p disk && mount -t tmpfs -o size=600k none disk && cp -a files agent disk/ &&
         mount --bind disk/files files && mount --bind disk/agent agent &&
         free=$(df -k --output=avail disk | tail -1) &&
         head -c $(( (free - {left}) * 1024 )) /dev/zero >disk/filler || exit 1
         \"$@\"; rm -rf disk/filler out && mkdir out && cp -a disk/files disk/agent out/",
        world.display()
    )
}

#[test]
fn a_full_disk_changes_nothing_and_two_mounts_of_one_disk_are_no_obstacle() {
    let can = has("unshare")
        && Command::new("unshare").args(["-m", "true"]).output().is_ok_and(|o| o.status.success());
    if !can {
        return;
    }
    let files = Files::new(&["a.json", "b.jsonl"]);
    let text = |word: &str| format!("[\"{}\"]", word.repeat(10_000));
    files.write("a.json", text("good")).write("b.jsonl", text("good"));
    files.snapshot();
    files.write("a.json", &text("bad")[..30_000]).write("b.jsonl", text("bad!"));
    let (mut full, mut restored) = (0, 0);
    for left in (0..=300).step_by(12) {
        let script = small_disk(&files.world.dir, left);
        let done = files.send_within(&["unshare", "-m", "sh", "-c", &script, "sh"], restore());
        let out = |name: &str| {
            let path = files.world.path("out/files").join(name);
            fs::read_to_string(path).unwrap()
        };
        let left_over = fs::read_dir(files.world.path("out/files")).unwrap().count();
        assert_eq!(left_over, 2, "with {left} KiB: {done:?}");
        match done.unwrap() {
            Done::Failed { error } => {
                full += 1;
                assert!(error.contains("No space left"), "{error}");
                assert_eq!(out("a.json"), text("bad")[..30_000], "with {left} KiB");
                assert_eq!(out("b.jsonl"), text("bad!"), "with {left} KiB");
                let kept = files.kept("../out/agent/quarantine");
                assert!(kept.is_empty(), "with {left} KiB: {:?}", kept.keys());
                assert!(!files.world.path("out/agent/restoring.json").exists(), "{left} KiB");
            }
            Done::Restored(_) => {
                restored += 1;
                assert_eq!((out("a.json"), out("b.jsonl")), (text("good"), text("good")));
                let kept: Vec<_> = files.kept("../out/agent/quarantine").into_values().collect();
                assert!(kept.contains(&text("bad!").into_bytes()), "with {left} KiB");
            }
            done => panic!("with {left} KiB: {done:?}"),
        }
    }
    assert!(3 < full && 3 < restored, "{full} and {restored}");
    // A set that would leave too little is not begun.
    let script = small_disk(&files.world.dir, 100);
    let task = Task::Snapshot { incarnation: 1 };
    let done = files.send_within(&["unshare", "-m", "sh", "-c", &script, "sh"], task);
    assert!(
        matches!(&done, Some(Done::NotValid(_))) || matches!(&done, Some(Done::Failed { .. })),
        "{done:?}"
    );
}

#[test]
fn what_several_restores_have_moved_is_put_back_as_it_was_found() {
    let files = Files::new(&["a.json", "b.json", "c.json", "d.json"]);
    let write = |contents: [&str; 3]| {
        files
            .write("a.json", contents[0])
            .write("b.json", contents[1])
            .write("c.json", contents[2]);
    };
    write(["[1]", "[1]", "[1]"]);
    let older = files.snapshot();
    write(["[2]", "[2]", "[1]"]);
    let newer = files.snapshot();
    // The newer set leaves b alone, and both leave c.
    write(["[3", "[2]", "[1]"]);
    files.write("d.json", "[3]");
    let before = files.kept("../files");
    let Done::Restored(first) = files.restore() else { panic!() };
    assert_eq!(first.set, newer);
    let Task::Restore { set, not, why, .. } = restore() else { panic!() };
    let Done::Restored(second) = files.send(Task::Restore { set, before: Some(newer), not, why })
    else {
        panic!()
    };
    assert_eq!(second.set, older);
    let in_place = ["a.json", "b.json", "c.json"].map(|name| files.read(name));
    assert_eq!(in_place, ["[1]", "[1]", "[1]"]);
    let quarantine = first.quarantine.unwrap();
    assert_eq!(files.send(Task::PutBack { quarantine }), Done::PutBack);
    assert_eq!(files.kept("../files"), before);
}

#[test]
fn hundreds_of_files_are_put_in_place_in_a_moment() {
    let files = Files::new(&["many/*.json"]);
    fs::create_dir(files.path("many")).unwrap();
    for n in 0..600 {
        files.write(&format!("many/{n}.json"), "[1]");
    }
    files.snapshot();
    for n in 0..600 {
        files.write(&format!("many/{n}.json"), "[2]");
    }
    let Done::Restored(restored) = files.restore() else { panic!() };
    assert_eq!(restored.files, 600);
    assert_eq!(files.read("many/599.json"), "[1]");
    let done = files.send(Task::Quarantine { paths: Vec::new(), why: "a test".into() });
    let Done::Quarantined { paths, .. } = done else { panic!("{done:?}") };
    assert_eq!((paths.len(), paths.last().unwrap().as_str()), (101, "and 500 more"));
    assert_eq!(fs::read_dir(files.path("many")).unwrap().count(), 0);
}

#[test]
fn a_circle_of_symlinks_is_not_walked() {
    let files = Files::new(&["s/**/*.json"]);
    fs::create_dir_all(files.path("s/deep/.hidden")).unwrap();
    files.write("s/1.json", "[]").write("s/deep/2.json", "[]").write("s/deep/.hidden/3.json", "[");
    for name in ["s/here", "s/there", "s/deep/4.json"] {
        std::os::unix::fs::symlink(files.path("s"), files.path(name)).unwrap();
    }
    let checked = files.check();
    assert_eq!((checked.valid, checked.faults.len()), (2, 0), "{checked:?}");
    assert_eq!(checked.notes.len(), 1, "{:?}", checked.notes);
    assert!(checked.notes[0].contains("s/deep/4.json: is a symlink"), "{:?}", checked.notes);
}

#[test]
fn a_large_file_is_judged_and_hashed_side_by_side() {
    let files = Files::new(&["a.json"]);
    let text = format!("[{}0]", "123456, ".repeat(700_000));
    files.write("a.json", &text[..text.len() - 1]);
    let snapshot = || files.send(Task::Snapshot { incarnation: 1 });
    assert!(matches!(snapshot(), Done::NotValid(_)));
    files.write("a.json", &text);
    let first = files.snapshot();
    files.write("a.json", text.replacen("0]", "1]", 1));
    let stored = files.world.path("agent/snapshots").join(files.snapshot()).join("0");
    // Still JSON, and not what was taken.
    let changed = fs::read_to_string(&stored).unwrap().replacen("123456", "654321", 1);
    fs::remove_file(&stored).unwrap();
    fs::write(&stored, changed).unwrap();
    let Done::Restored(restored) = files.restore() else { panic!() };
    assert_eq!((restored.set, restored.unfit.len()), (first, 1));
    assert!(files.read("a.json") == text);
}
