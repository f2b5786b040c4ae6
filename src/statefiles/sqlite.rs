//! Databases of `SQLite`: checked by its own means without a byte of them changing, and copied as one moment.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::core::validation::FaultKind;
use crate::sys::file;
use crate::wire::check::Wrong;
use crate::wire::plain::brief;

use super::listing::companion;
use super::stamp::Stamp;
use super::{intent, pause};

/// What every database begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What a rollback journal begins with that is to be rolled back.
const HOT: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// How long somebody's lock is waited for.
const BUSY: Duration = Duration::from_secs(5);

/// Memory for pages, in KiB: a check looks at each page about once.
const CACHE_KIB: i32 = 16 * 1024;

/// Up to this size a database is copied in one go; its writers wait for a moment meanwhile.
const ONE_GO: u64 = 256 << 20;

/// Pages that are copied at once of a larger one: its writers come in between.
const STEP: i32 = 4096;

/// How often a copy may begin anew because somebody writes.
const RESTARTS: u32 = 5;

/// What a check found.
#[derive(Debug, Default)]
pub struct Checked {
    /// What is wrong.
    pub wrong: Option<Wrong>,
    /// How long it is.
    pub bytes: u64,
    /// What was noticed.
    pub notes: Vec<String>,
}

/// How a database has to be opened to be read.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// As it stands: nothing but the one file counts, and nobody has it open.
    Alone,
    /// With its WAL and the index of that.
    Shared,
    /// In a copy: to read it something beside it would have to be written.
    Copied,
}

/// Checks a database.
///
/// # Errors
/// Those of the file system.
pub fn check(path: &Path, scratch: &Path) -> io::Result<Checked> {
    let mut checked = Checked { bytes: fs::symlink_metadata(path)?.len(), ..Checked::default() };
    checked.wrong = header(path, checked.bytes)?;
    if checked.wrong.is_some() {
        return Ok(checked);
    }
    let verdict = match way(path) {
        Way::Alone => ask(path, true, OpenFlags::SQLITE_OPEN_READ_ONLY),
        Way::Shared => ask(path, false, OpenFlags::SQLITE_OPEN_READ_ONLY),
        Way::Copied => Err(rusqlite::Error::InvalidQuery),
    };
    let verdict = match verdict {
        Err(error) if wants_copy(&error) => match copied(path, scratch) {
            Ok(copy) => {
                let verdict = ask(&copy, false, OpenFlags::SQLITE_OPEN_READ_WRITE);
                let _ = fs::remove_dir_all(scratch);
                verdict
            }
            Err(error) => {
                let _ = fs::remove_dir_all(scratch);
                // SQLite itself finishes what is begun there at the next opening.
                checked.notes.push(format!(
                    "{}: has to be copied to be checked, and cannot be: {error}",
                    path.display()
                ));
                return Ok(checked);
            }
        },
        verdict => verdict,
    };
    let path = path.display();
    match verdict {
        Ok(Word { wrong, skipped }) => {
            checked.wrong = wrong.map(corrupt);
            checked
                .notes
                .extend(skipped.map(|why| format!("{path}: not all can be checked: {why}")));
        }
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                checked.notes.push(format!("{path}: locked by another process, so not checked"));
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                checked.wrong = Some(corrupt(brief(&error)));
            }
            _ => return Err(io::Error::other(brief(&error))),
        },
    }
    Ok(checked)
}

fn corrupt(words: String) -> Wrong {
    Wrong { fault: FaultKind::Corrupt, offset: 0, words }
}

/// What the first page tells, which is more than `SQLite` says of it.
fn header(path: &Path, size: u64) -> io::Result<Option<Wrong>> {
    let wrong =
        |fault, offset, words: &str| Ok(Some(Wrong { fault, offset, words: words.to_owned() }));
    if size == 0 {
        return wrong(FaultKind::Empty, 0, "holds nothing");
    }
    let mut first = Vec::new();
    file::open_to_read(path)?.take(100).read_to_end(&mut first)?;
    if !first.starts_with(MAGIC.get(..first.len().min(MAGIC.len())).unwrap_or_default()) {
        return wrong(FaultKind::Corrupt, 0, "is no SQLite database");
    }
    let number = |at: usize, length: usize| {
        let bytes = first.get(at..at + length).unwrap_or_default();
        bytes.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
    };
    let page = match number(16, 2) {
        1 => 65_536,
        other => other,
    };
    let pages = number(28, 4);
    // What is still in the WAL may be longer than the file.
    let whole = page * pages;
    let alone = companion(path, "-wal").metadata().map_or(true, |wal| wal.len() == 0);
    // Only where both counters agree the number of pages is kept up (file format, 1.3.7).
    let kept = number(24, 4) == number(92, 4);
    if first.len() < 100 || (kept && alone && size < whole && !is_hot(path)) {
        let words = format!("ends after {size} of {whole} bytes");
        return wrong(FaultKind::TornEnd, size, &words);
    }
    Ok(None)
}

/// Whether a transaction was cut off and is to be rolled back.
fn is_hot(path: &Path) -> bool {
    let mut first = [0; 8];
    let open = file::open_to_read(&companion(path, "-journal"));
    open.and_then(|mut journal| journal.read_exact(&mut first)).is_ok() && first == HOT
}

fn way(path: &Path) -> Way {
    let wal = companion(path, "-wal").metadata().map(|wal| wal.len()).ok();
    let index = companion(path, "-shm").symlink_metadata().is_ok();
    match (wal, index) {
        // An index of ours beside it might not be the agent's to write.
        (Some(1..), false) => Way::Copied,
        // Whoever has it open in WAL mode has both.
        (None, _) | (_, false) if is_wal_mode(path) => Way::Alone,
        _ => Way::Shared,
    }
}

/// Whether it can only be read by writing: a transaction was cut off and is to be rolled back, or the index
/// of its WAL is not ours to write.
fn wants_copy(error: &rusqlite::Error) -> bool {
    matches!(error, rusqlite::Error::InvalidQuery)
        || matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied)
        )
}

fn is_wal_mode(path: &Path) -> bool {
    let mut first = [0; 20];
    let open = file::open_to_read(path);
    open.and_then(|mut file| file.read_exact(&mut first)).is_ok() && first[18] == 2
}

/// A copy of it, with what belongs to it, that may be written.
fn copied(path: &Path, scratch: &Path) -> io::Result<PathBuf> {
    file::private_dir(scratch)?;
    let copy = scratch.join("db");
    let pair = |suffix: &&str| (companion(path, suffix), companion(&copy, suffix));
    let mut pairs: Vec<_> = ["-wal", "-journal"].iter().map(pair).collect();
    pairs.retain(|(from, _)| from.symlink_metadata().is_ok());
    pairs.push((path.to_owned(), copy.clone()));
    let bytes = pairs.iter().filter_map(|(from, _)| from.symlink_metadata().ok());
    let bytes = bytes.fold(0_u64, |sum, found| sum.saturating_add(found.len()));
    super::room_for(scratch, bytes).map_err(io::Error::other)?;
    for (from, to) in &pairs {
        intent::copy(from, to)?;
    }
    Ok(copy)
}

/// Opens a database; `immutable`: nobody writes, so no lock and no index is needed.
fn open(path: &Path, immutable: bool, flags: OpenFlags) -> rusqlite::Result<Connection> {
    // What means something in a URI is written by its number.
    let text = path.to_string_lossy();
    let encoded: String = text
        .bytes()
        .map(|byte| match byte {
            b'/' | b'.' | b'-' | b'_' | b'~' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02x}"),
        })
        .collect();
    let query = if immutable { "?immutable=1" } else { "" };
    let flags = flags | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{encoded}{query}"), flags)?;
    connection.busy_timeout(BUSY)?;
    // Whoever closes last would write the WAL into the database.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // Views and triggers of a hostile database are none of our business.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

/// What the library says of a database.
#[derive(Debug, Default)]
struct Word {
    /// What is wrong with it.
    wrong: Option<String>,
    /// Why something was left out.
    skipped: Option<String>,
}

fn ask(path: &Path, immutable: bool, flags: OpenFlags) -> rusqlite::Result<Word> {
    let connection = open(path, immutable, flags)?;
    match connection.query_row("pragma integrity_check(1)", [], |row| row.get::<_, String>(0)) {
        Ok(word) => Ok(Word { wrong: (word != "ok").then(|| brief(&word)), skipped: None }),
        Err(error) if is_foreign(&error) => ask_each(&connection, &error),
        Err(error) => Err(error),
    }
}

/// Whether the schema names what only the agent's own program knows: a collation, a function, a module.
fn is_foreign(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::SqliteFailure(code, _) | rusqlite::Error::SqlInputError { error: code, .. }
            if code.extended_code & 0xff == rusqlite::ffi::SQLITE_ERROR
    )
}

/// The same of each table by itself, of which one may be foreign to us.
fn ask_each(connection: &Connection, first: &rusqlite::Error) -> rusqlite::Result<Word> {
    let mut word = Word { wrong: None, skipped: Some(brief(first)) };
    let mut tables = connection.prepare("select name from sqlite_master where type = 'table'")?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?;
    for name in names {
        let text = format!("pragma integrity_check('{}')", name?.replace('\'', "''"));
        match connection.query_row(&text, [], |row| row.get::<_, String>(0)) {
            Ok(said) if said == "ok" => {}
            Ok(said) => {
                word.wrong = Some(brief(&said));
                break;
            }
            Err(error) if is_foreign(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(word)
}

/// Copies a database as it is at one moment. `to` is not there yet.
///
/// # Errors
/// Why not, in words.
pub fn copy(from: &Path, to: &Path, scratch: &Path) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", from.display());
    let moment = |path: &Path| path.symlink_metadata().map(|found| Stamp::of(&found)).ok();
    let read_only = OpenFlags::SQLITE_OPEN_READ_ONLY;
    for _ in 0..RESTARTS {
        let before = (way(from), moment(from));
        let read = match before.0 {
            Way::Alone => backup(from, true, read_only, to),
            Way::Shared => backup(from, false, read_only, to),
            Way::Copied => Err(rusqlite::Error::InvalidQuery),
        };
        let in_copy = matches!(&read, Err(error) if wants_copy(error));
        let steady = if in_copy {
            let there = copied(from, scratch).map_err(|error| failed(&error));
            let read = there.and_then(|copy| {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
                backup(&copy, false, flags, to).map_err(|error| failed(&error))
            });
            let _ = fs::remove_dir_all(scratch);
            read?
        } else {
            read.map_err(|error| failed(&error))?
        };
        // Whoever takes it for its own, or copies its files, holds no lock that would keep others out.
        let locked = before.0 == Way::Shared && !in_copy;
        if !steady {
            break;
        }
        if locked || before == (way(from), moment(from)) {
            return Ok(());
        }
        let _ = fs::remove_file(to);
        pause(Duration::from_millis(20));
    }
    Err(failed(&"is written all the time, so no copy of one moment can be made"))
}

/// Copies page by page; not, if others write again and again.
fn backup(from: &Path, immutable: bool, flags: OpenFlags, to: &Path) -> rusqlite::Result<bool> {
    let source = open(from, immutable, flags)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut target = open(to, false, flags)?;
    // A copy that was interrupted is thrown away, so it needs no journal of its own.
    target.execute_batch("pragma journal_mode = off; pragma synchronous = off")?;
    let backup = Backup::new(&source, &mut target)?;
    // In WAL mode whoever reads keeps nobody from writing.
    let small = from.metadata().is_ok_and(|found| found.len() <= ONE_GO);
    let pages = if small || is_wal_mode(from) { -1 } else { STEP };
    let (mut left, mut restarts, mut waits) = (i32::MAX, 0, 0);
    while restarts < RESTARTS && waits < RESTARTS {
        match backup.step(pages)? {
            StepResult::Done => return Ok(true),
            StepResult::More => {
                let now = backup.progress().remaining;
                restarts += u32::from(left < now);
                left = now;
            }
            _ => {
                waits += 1;
                pause(Duration::from_millis(200));
            }
        }
    }
    Ok(false)
}

/// Whether what was copied is whole.
///
/// # Errors
/// What is wrong with it, in words.
pub fn whole(copy: &Path) -> Result<(), String> {
    match ask(copy, true, OpenFlags::SQLITE_OPEN_READ_ONLY) {
        Ok(Word { wrong: None, .. }) => Ok(()),
        Ok(Word { wrong: Some(words), .. }) => Err(words),
        Err(error) => Err(brief(&error)),
    }
}
