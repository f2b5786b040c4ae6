//! Cutting off a torn last line, of which the bytes are kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom};
use std::path::Path;

use crate::core::validation::FileKind;
use crate::sys::file;

use super::Home;
use super::listing::Listed;
use super::sets::{self, Entry, Manifest};

/// Cuts off the end of a file, of which the bytes are kept; gives how many those are.
///
/// # Errors
/// It is not as it was read any more, or cannot be written; it is unchanged then.
pub fn cut(home: &Home, listed: &Listed, at: u64, size: u64) -> Result<u64, String> {
    let failed = |error: io::Error| format!("{}: {error}", listed.path.display());
    let mut open = OpenOptions::new();
    let mut tail = file::open_with(&listed.path, open.read(true).write(true)).map_err(failed)?;
    let parent = home.quarantine();
    let name = sets::new_name(&parent);
    let folder = parent.join(format!("{}{name}", sets::UNFINISHED));
    let kept = keep(&mut tail, &folder, listed, at).and_then(|bytes| {
        fs::rename(&folder, parent.join(&name))?;
        file::sync_dir(&parent)?;
        Ok(bytes)
    });
    let bytes = match kept {
        Ok(bytes) if at.saturating_add(bytes) == size => bytes,
        other => {
            // Whatever was kept of it is still in its place.
            let _ = fs::remove_dir_all(&folder);
            let _ = fs::remove_dir_all(parent.join(&name));
            other.map_err(failed)?;
            return Err(format!("{}: is being written", listed.path.display()));
        }
    };
    if tail.metadata().map_err(failed)?.len() != size {
        return Err(format!("{}: is being written", listed.path.display()));
    }
    tail.set_len(at).and_then(|()| tail.sync_all()).map_err(failed)?;
    Ok(bytes)
}

fn keep(tail: &mut File, folder: &Path, listed: &Listed, at: u64) -> io::Result<u64> {
    file::private_dir(folder)?;
    tail.seek(SeekFrom::Start(at))?;
    let mut kept = File::create_new(folder.join("0"))?;
    let bytes = io::copy(tail, &mut kept)?;
    kept.sync_all()?;
    let mut manifest = Manifest::new(0, Some("a torn last line was cut off".to_owned()));
    // It is no file that could be put back, and its path says so.
    manifest.tail = true;
    let mut entry = Entry::of(&listed.path, FileKind::Opaque, "0")?;
    (entry.path, entry.size) = (format!("{}, from byte {at} on", entry.path), bytes);
    manifest.files.push(entry);
    manifest.write(folder)?;
    Ok(bytes)
}
