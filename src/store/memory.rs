//! `state.json` on disk: read at start, replaced atomically, kept aside when it is torn.

use std::io;
use std::path::PathBuf;

use crate::core::memory::Memory;
use crate::core::time::{LocalDay, Now, Wall};
use crate::sys::file;
use crate::wire::state::{self, Identity, Unfit};

use super::paths::Paths;
use super::{read, rebuild};

/// The largest `state.json` that is read; ours are a few KiB.
const SIZE_MAX: u64 = 1024 * 1024;

/// Day files that are read to rebuild a lost state: a streak or a latch older than that is found too,
/// as long as anything was written of it.
const REBUILD_DAYS: usize = 30;

/// What was found on disk.
#[derive(Debug)]
pub struct Found {
    /// What is known.
    pub memory: Memory,
    /// Who wrote it.
    pub identity: Option<Identity>,
    /// Why `state.json` could not be used, and where it was put.
    pub torn: Option<(String, PathBuf)>,
    /// The newest day file of the journal.
    pub newest: Option<LocalDay>,
    /// The number of its last record.
    pub seq: u64,
}

/// Reads the state of an agent, changing nothing.
///
/// # Errors
/// The system's, naming the file; or, as [`io::ErrorKind::InvalidData`], what is wrong with its text; as
/// [`io::ErrorKind::Unsupported`], that a newer agentwatch wrote it.
pub fn look(paths: &Paths) -> io::Result<Option<(Identity, Memory)>> {
    let path = paths.state();
    let length = match std::fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if SIZE_MAX < length {
        let words = format!("{length} bytes, and ours are a few KiB");
        return Err(io::Error::new(io::ErrorKind::InvalidData, words));
    }
    let bytes = std::fs::read(&path)?;
    match state::read(&bytes) {
        Ok(found) => Ok(Some(found)),
        Err(Unfit::Torn(words)) => Err(io::Error::new(io::ErrorKind::InvalidData, words)),
        Err(Unfit::Newer(words)) => Err(io::Error::new(io::ErrorKind::Unsupported, words)),
    }
}

/// Reads the state of an agent for the one who will write it. A torn one is kept aside and what can be
/// known is learnt from the journal, with the cooldown taken as full (SPEC rule 9).
///
/// # Errors
/// The system's: the folder cannot be read; or that the state is of a newer agentwatch, as [`look`] has it.
pub fn load(paths: &Paths, now: &Now) -> io::Result<Found> {
    let (mut memory, identity, error) = match look(paths) {
        Ok(Some((identity, memory))) => (memory, Some(identity), None),
        Ok(None) => (learn(paths)?, None, None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            (learn(paths)?, None, Some(error.to_string()))
        }
        Err(error) => return Err(error),
    };
    // What was recorded after the state was written counts too, and a state that was restored from a
    // backup must not repeat numbers. Without one, all that is wanted is the last number.
    let known = identity.as_ref().map_or(u64::MAX, |identity| identity.journal_seq);
    let news = read::since(&paths.journal(), known)?;
    if error.is_none() && identity.is_some() {
        rebuild::catch_up(&mut memory, &news.records);
    } else {
        rebuild::after_loss(&mut memory, error.is_some(), now.wall);
    }
    let torn = match error {
        None => None,
        Some(error) => Some((error, keep_aside(paths, now.wall)?)),
    };
    Ok(Found { memory, identity, torn, newest: news.newest, seq: news.seq })
}

/// What the newest day files tell.
fn learn(paths: &Paths) -> io::Result<Memory> {
    let mut memory = Memory::default();
    let days = read::days(&paths.journal())?;
    for (_, path) in days.iter().skip(days.len().saturating_sub(REBUILD_DAYS)) {
        read::file(path, 0, &mut |record| rebuild::learn(&mut memory, &record))?;
    }
    Ok(memory)
}

fn keep_aside(paths: &Paths, now: Wall) -> io::Result<PathBuf> {
    let aside = paths.dir().join(format!("state.json.torn-{}", now.0));
    std::fs::rename(paths.state(), &aside)?;
    Ok(aside)
}

/// Replaces `state.json`.
///
/// # Errors
/// The system's, naming the file; the old one is whole in that case.
pub fn save(paths: &Paths, identity: &Identity, memory: &Memory, sync: bool) -> Result<(), String> {
    let path = paths.state();
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes = state::write(identity, memory).map_err(|error| named(&error))?;
    let saved = match file::replace(&path, &bytes, sync) {
        // Made anew if somebody removed it under us: a vanished directory is no reason to forget.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            file::private_dir(paths.dir()).and_then(|()| file::replace(&path, &bytes, sync))
        }
        saved => saved,
    };
    saved.map_err(|error| named(&error))
}
