//! `SQLite` databases as state files: checked where they lie, copied as one moment, put back alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use agentwatch::core::validation::{Done, FaultKind, Task};

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

#[test]
fn what_only_the_agent_knows_of_its_database_is_not_corruption() {
    let files = Files::new(&["collation.db", "function.db", "module.db"]);
    files.python(
        "import sqlite3\n\
         def make(name, *commands):\n    db = sqlite3.connect(name)\n    \
         db.create_collation('mine', lambda a, b: (a > b) - (a < b))\n    \
         db.create_function('mine', 1, lambda a: a, deterministic=True)\n    \
         db.execute('create table plain(x)')\n    \
         db.executemany('insert into plain values(?)', [('x' * 500,)] * 500)\n    \
         [db.execute(command) for command in commands]\n    db.commit()\n\
         make('collation.db', 'create table t(x text collate mine)', 'create index i on t(x)', \"insert into t values('a')\")\n\
         make('function.db', 'create table t(x)', 'create index i on t(mine(x))', \"insert into t values('a')\")\n\
         make('module.db', 'pragma writable_schema=on', \"insert into sqlite_master values('table','v','v',0,\
         'CREATE VIRTUAL TABLE v USING vec0(a float[3])')\")",
    );
    let checked = files.check();
    assert_eq!((checked.valid, checked.faults.len()), (3, 0), "{checked:?}");
    assert!(checked.notes[0].contains("no such collation sequence: mine"), "{:?}", checked.notes);
    assert!(checked.notes[1].contains("unknown function: mine()"), "{:?}", checked.notes);
    files.snapshot();
    // The tables that can be checked are.
    for name in ["collation.db", "function.db", "module.db"] {
        let mut bytes = fs::read(files.path(name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4096].fill(0xaa);
        fs::write(files.path(name), bytes).unwrap();
    }
    let corrupt = |name: &str| (name.to_owned(), FaultKind::Corrupt);
    assert_eq!(files.faults(), ["collation.db", "function.db", "module.db"].map(corrupt));
    assert!(matches!(files.restore(), Done::Restored(_)));
    assert_eq!(files.faults(), []);
}

#[test]
fn a_dead_journal_keeps_nobody_from_taking_a_set_and_a_live_one_is_not_rolled_back() {
    let files = Files::new(&["dead.db", "live.db", "bare.db"]);
    let make = |name: &str, mode: &str, rest: &str| {
        format!(
            "import sqlite3, os, signal, sys\ndb = sqlite3.connect('{name}')\ndb.execute('pragma journal_mode={mode}')\n\
             db.execute('pragma cache_size=5')\ndb.execute('create table t(x)')\ndb.commit()\n\
             db.executemany('insert into t values(?)', [('x' * 500,)] * 2000)\n{rest}"
        )
    };
    files.python(&make("dead.db", "delete", "os.kill(os.getpid(), signal.SIGKILL)"));
    files.python(&make("bare.db", "wal", "db.commit()\nos.kill(os.getpid(), signal.SIGKILL)"));
    fs::remove_file(files.path("bare.db-shm")).unwrap();
    // Somebody is in the middle of a transaction that was not yet written to the database itself.
    let live = make("live.db", "delete", "").replace("cache_size=5", "cache_size=5000");
    let mut writer = Command::new("python3")
        .args(["-c", &format!("{live}\nprint('held', flush=True)\nsys.stdin.read()\ndb.commit()")])
        .current_dir(files.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 5];
    std::io::Read::read_exact(writer.stdout.as_mut().unwrap(), &mut said).unwrap();
    assert!(files.path("dead.db-journal").exists() && files.path("live.db-journal").exists());
    let journals = || {
        ["dead.db-journal", "live.db-journal", "bare.db-wal"]
            .map(|name| fs::read(files.path(name)).unwrap())
    };
    let before = journals();
    assert_eq!((files.check().valid, files.check().notes), (3, vec![]));
    files.snapshot();
    assert!(journals() == before && !files.path("bare.db-shm").exists());
    drop(writer.stdin.take());
    assert!(writer.wait().unwrap().success());
    // What was kept is what was committed then.
    files.write("dead.db", "").write("live.db", "").write("bare.db", "");
    assert!(matches!(files.restore(), Done::Restored(_)));
    let count = |name: &str| {
        files.python(&format!(
            "import sqlite3\nopen('n', 'w').write(str(sqlite3.connect('{name}').execute('select count(*) from t').fetchone()[0]))"
        ));
        files.read("n")
    };
    assert_eq!(["dead.db", "live.db", "bare.db"].map(count), ["0", "0", "2000"]);
}

#[test]
fn a_copy_is_of_one_moment_while_others_write_in_every_mode() {
    for mode in ["delete", "wal", "truncate"] {
        let files = Files::new(&["a.db"]);
        // Each transaction keeps the sum of two rows, and moves pages.
        let script = format!(
            "import sqlite3, os, time\ndb = sqlite3.connect('a.db', timeout=30)\ndb.execute('pragma journal_mode={mode}')\n\
             db.execute('create table t(i integer primary key, n int, x blob)')\n\
             db.executemany('insert into t values(?, 0, ?)', [(i, os.urandom(900)) for i in range(2000)])\ndb.commit()\n\
             print('ready', flush=True)\nn = 0\nwhile True:\n n += 1\n \
             db.execute('update t set n = n + 1, x = ? where i = ?', (os.urandom(900), n % 1000))\n \
             db.execute('update t set n = n - 1, x = ? where i = ?', (os.urandom(900), 1000 + n % 1000))\n db.commit()\n time.sleep(0.003)"
        );
        let mut writer = Command::new("python3")
            .args(["-c", &script])
            .current_dir(files.path(""))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = [0; 5];
        std::io::Read::read_exact(writer.stdout.as_mut().unwrap(), &mut said).unwrap();
        for _ in 0..5 {
            let done = files.send(Task::Snapshot { incarnation: 1 });
            // A database that is written without a pause may keep us out.
            let busy = matches!(&done, Done::Failed { error } if error.contains("written all the time") || error.contains("locked"));
            assert!(matches!(done, Done::Taken(_)) || busy && mode != "wal", "{mode}: {done:?}");
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        for (_, copy) in
            files.kept("snapshots").into_iter().filter(|(name, _)| name.ends_with("/0"))
        {
            files.write("copy.db", copy);
            files.python(
                "import sqlite3\ndb = sqlite3.connect('copy.db')\n\
                 assert db.execute('select sum(n), count(*) from t').fetchone() == (0, 2000)\n\
                 assert db.execute('pragma integrity_check').fetchone() == ('ok',)",
            );
        }
    }
}
