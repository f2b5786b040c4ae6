//! `SQLite` databases as state files: checked where they lie, copied as one moment, put back alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use agentwatch::core::validation::{Done, FaultKind};

use crate::statefiles::Files;

#[test]
fn a_database_is_checked_without_a_byte_of_it_changing() {
    let files = Files::new(&["wal.db", "hot.db", "cut.db", "not.db", "empty.db", "none.db"]);
    let make = |name: &str, mode: &str, rest: &str| {
        files.python(&format!(
            "import sqlite3, os, signal\ndb = sqlite3.connect('{name}')\ndb.execute('pragma journal_mode={mode}')\n\
             db.execute('pragma cache_size=5')\ndb.execute('create table t(x)')\ndb.commit()\n\
             db.executemany('insert into t values(?)', [('x' * 500,)] * 2000)\n{rest}"
        ));
    };
    // Killed with what was committed in the WAL alone; and in the middle of a transaction.
    make("wal.db", "wal", "db.commit()\nos.kill(os.getpid(), signal.SIGKILL)");
    make("hot.db", "delete", "os.kill(os.getpid(), signal.SIGKILL)");
    make("cut.db", "delete", "db.commit()");
    let cut = fs::OpenOptions::new().write(true).open(files.path("cut.db")).unwrap();
    cut.set_len(300_000).unwrap();
    files
        .write("not.db", "this is no database, it is a text that is long enough to be one")
        .write("empty.db", "");
    assert!(files.path("wal.db-wal").exists() && files.path("hot.db-journal").exists());
    let all = || -> BTreeMap<PathBuf, Vec<u8>> {
        let paths = fs::read_dir(files.path("")).unwrap().map(|entry| entry.unwrap().path());
        let telling = paths.filter(|path| !path.to_string_lossy().ends_with("-shm"));
        telling.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    };
    let before = all();
    let checked = files.check();
    assert_eq!((checked.valid, checked.missing), (2, 1), "{checked:?}");
    assert_eq!(checked.notes, Vec::<String>::new());
    let faults: Vec<_> = checked.faults.iter().map(|fault| fault.fault).collect();
    assert_eq!(
        faults,
        [FaultKind::TornEnd, FaultKind::Corrupt, FaultKind::Empty],
        "{:?}",
        checked.faults
    );
    assert!(all() == before, "nothing was changed, made or removed");
    assert!(!files.world.path("agent/scratch").exists());
    // Without its index a WAL is read in a copy: an index of ours might not be the agent's to write.
    fs::remove_file(files.path("wal.db-shm")).unwrap();
    assert_eq!(files.check().valid, 2);
    assert!(!files.path("wal.db-shm").exists());
}

#[test]
fn a_database_that_is_locked_is_not_corrupt() {
    let files = Files::new(&["a.db"]);
    files.python("import sqlite3\ndb = sqlite3.connect('a.db')\ndb.execute('create table t(x)')\ndb.commit()");
    let mut holder = Command::new("python3")
        .args([
            "-c",
            "import sqlite3, sys\ndb = sqlite3.connect('a.db', isolation_level=None)\n\
                      db.execute('begin exclusive')\nprint('held', flush=True)\nsys.stdin.read()",
        ])
        .current_dir(files.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 5];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut said).unwrap();
    let checked = files.check();
    assert_eq!((checked.valid, checked.faults.len()), (1, 0));
    assert!(checked.notes[0].contains("locked by another process"), "{:?}", checked.notes);
    drop(holder.stdin.take());
    holder.wait().unwrap();
}

#[test]
fn a_database_is_copied_as_one_moment_and_put_back_without_an_old_wal() {
    let files = Files::new(&["a.db"]);
    let count = |name: &str| {
        let script = format!(
            "import sqlite3\nopen('n', 'w').write(str(sqlite3.connect('{name}').execute('select count(*), (select integrity_check from pragma_integrity_check) from t').fetchone()))"
        );
        files.python(&script);
        files.read("n")
    };
    files.python(
        "import sqlite3, os, signal\ndb = sqlite3.connect('a.db')\ndb.execute('pragma journal_mode=wal')\n\
         db.execute('create table t(x)')\ndb.executemany('insert into t values(?)', [(1,)] * 10)\ndb.commit()\n\
         os.kill(os.getpid(), signal.SIGKILL)",
    );
    files.snapshot();
    files.python(
        "import sqlite3, os, signal\ndb = sqlite3.connect('a.db')\n\
         db.executemany('insert into t values(?)', [(2,)] * 90)\ndb.commit()\nos.kill(os.getpid(), signal.SIGKILL)",
    );
    // Its pages are overwritten, its WAL is as it was.
    let mut bytes = fs::read(files.path("a.db")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xaa);
    fs::write(files.path("a.db"), bytes).unwrap();
    let Done::Restored(restored) = files.restore() else { panic!() };
    assert_eq!(restored.files, 1);
    assert!(!files.path("a.db-wal").exists(), "a WAL must not meet another database");
    assert_eq!(count("a.db"), "(10, 'ok')");
}
