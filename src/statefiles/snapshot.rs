//! Taking a set: all files as they are at one moment, each checked while it is copied, under a name only
//! when everything is on the platter.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use crate::core::validation::{Checked, Done, Fault, FaultKind, FileKind, Taken};
use crate::sys::{file, host};
use crate::wire::check::Verdict;
use crate::wire::errand::Errand;

use super::listing::{Listed, list};
use super::look::judge;
use super::sets::{self, Entry, Manifest};
use super::stamp::{self, Stamp};
use super::{Home, begin, pause, push_fault, sqlite};

/// How often a file is copied anew that changes meanwhile.
const TRIES: u32 = 5;

/// How often all files are looked at for one moment at which all were as copied.
const ROUNDS: u32 = 3;

/// Files are written last in moments that a clock tells only so exactly: what was written just before it was
/// copied may have been written once more without showing.
const GRAIN_MS: i64 = 2_000;

/// Takes a set.
///
/// # Errors
/// Why none could be taken; nothing of it is left.
pub fn take(errand: &Errand, home: &Home, incarnation: u32) -> Result<Done, String> {
    host::be_nice();
    let parent = home.snapshots();
    let failed = |error: io::Error| format!("{}: {error}", parent.display());
    file::private_dir(&parent).map_err(failed)?;
    let listing = list(&errand.files)?;
    let mut checked = begin(&listing);
    if !checked.faults.is_empty() {
        return Ok(Done::NotValid(checked));
    }
    if listing.files.is_empty() {
        return Ok(Done::NothingThere);
    }
    if let Some(taken) = unchanged(&parent, &listing.files) {
        return Ok(Done::Taken(taken));
    }
    room_for(errand, home, &listing.files)?;
    let name = sets::new_name(&parent);
    let folder = parent.join(format!("{}{name}", sets::UNFINISHED));
    file::private_dir(&folder).map_err(failed)?;
    let taken = fill(&folder, &home.scratch(), &listing.files, incarnation, &mut checked).and_then(
        |filled| {
            let Some(manifest) = filled else { return Ok(None) };
            manifest.write(&folder).map_err(failed)?;
            fs::rename(&folder, parent.join(&name)).map_err(failed)?;
            file::sync_dir(&parent).map_err(failed)?;
            Ok(Some(manifest))
        },
    );
    let _ = fs::remove_dir_all(&folder);
    let Some(manifest) = taken? else { return Ok(Done::NotValid(checked)) };
    sets::prune(&parent, errand.keep, errand.max_bytes)?;
    Ok(Done::Taken(of(&name, &manifest, false)))
}

fn of(name: &str, manifest: &Manifest, unchanged: bool) -> Taken {
    Taken {
        set: name.to_owned(),
        files: u32::try_from(manifest.files.len()).unwrap_or(u32::MAX),
        bytes: manifest.bytes(),
        unchanged,
        apart: manifest.apart,
    }
}

/// The newest set, if it is what would be taken now.
fn unchanged(parent: &Path, files: &[Listed]) -> Option<Taken> {
    let newest = sets::list(parent).ok()?.pop()?;
    let manifest = sets::read(&newest.folder).ok()?;
    let known = sets::by_path(&newest.folder, &manifest);
    let same = |file: &Listed| {
        let (stored, entry) = known.get(file.path.to_str()?)?;
        // One that somebody has thinned out is no copy of anything.
        if stored.symlink_metadata().ok()?.len() != entry.size {
            return None;
        }
        let now = stamp::all(file);
        let settled = |one: &Stamp| one.written_ms().saturating_add(GRAIN_MS) < manifest.taken_ms;
        (now == entry.stamps && now.iter().all(settled)).then_some(())
    };
    let all = known.len() == files.len() && files.iter().all(|file| same(file).is_some());
    (all && !manifest.apart).then(|| of(&newest.name, &manifest, true))
}

/// Refuses what would fill the disk or is more than may be kept at all.
fn room_for(errand: &Errand, home: &Home, files: &[Listed]) -> Result<(), String> {
    let sizes = files.iter().filter_map(|file| file.path.symlink_metadata().ok());
    let bytes = sizes.fold(0_u64, |sum, found| sum.saturating_add(found.len()));
    if errand.max_bytes < bytes {
        return Err(format!(
            "the state files hold {bytes} bytes, and state.max_bytes allows {}; raise it",
            errand.max_bytes
        ));
    }
    super::room_for(&home.dir, bytes)
}

/// Copies all files; none if one of them is not valid, which `checked` tells then.
fn fill(
    folder: &Path,
    scratch: &Path,
    files: &[Listed],
    incarnation: u32,
    checked: &mut Checked,
) -> Result<Option<Manifest>, String> {
    let mut manifest = Manifest::new(incarnation, None);
    for (at, file) in files.iter().enumerate() {
        match copy(file, folder, &at.to_string(), scratch)? {
            Ok(entry) => manifest.files.push(entry),
            Err(fault) => {
                push_fault(checked, fault);
                return Ok(None);
            }
        }
    }
    // One moment for all: whoever was changed since it was copied is copied anew.
    for round in 1.. {
        let late: Vec<usize> = (0..files.len())
            .filter(|at| {
                files.get(*at).map(stamp::all) != manifest.files.get(*at).map(|e| e.stamps.clone())
            })
            .collect();
        if late.is_empty() {
            break;
        }
        if ROUNDS < round {
            manifest.apart = true;
            break;
        }
        for at in late {
            let (Some(file), Some(entry)) = (files.get(at), manifest.files.get_mut(at)) else {
                continue;
            };
            match copy(file, folder, &at.to_string(), scratch)? {
                Ok(again) => *entry = again,
                Err(fault) => {
                    push_fault(checked, fault);
                    return Ok(None);
                }
            }
        }
    }
    Ok(Some(manifest))
}

/// Copies one file; a fault is what keeps it from being kept.
fn copy(
    file: &Listed,
    folder: &Path,
    stored: &str,
    scratch: &Path,
) -> Result<Result<Entry, Fault>, String> {
    let target = folder.join(stored);
    let failed = |error: io::Error| format!("{}: {error}", file.path.display());
    let fault = |fault, offset, words| {
        let path = file.shown();
        Ok(Err(Fault { path, fault, offset, words }))
    };
    let mut last = None;
    for _ in 0..TRIES {
        let _ = fs::remove_file(&target);
        let stamps = stamp::all(file);
        let open = match file::open_to_read(&file.path) {
            Ok(open) => open,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return fault(FaultKind::Missing, None, "was removed just now".to_owned());
            }
            Err(error) => return fault(FaultKind::Unreadable, None, error.to_string()),
        };
        let before = open.metadata().map_err(failed)?;
        let entry = |size, blake3: &blake3::Hash, stamps| Entry {
            path: file.shown(),
            kind: file.kind,
            stored: stored.to_owned(),
            size,
            mode: before.permissions().mode() & 0o7777,
            uid: before.uid(),
            gid: before.gid(),
            blake3: Some(blake3.to_hex().to_string()),
            stamps,
        };
        if file.kind == FileKind::Sqlite {
            if before.len() == 0 {
                return fault(FaultKind::Empty, None, "holds nothing".to_owned());
            }
            sqlite::copy(&file.path, &target, scratch)?;
            if let Err(words) = sqlite::whole(&target) {
                return fault(FaultKind::Corrupt, None, words);
            }
            let (_, size, hash) = settle(&target, file.kind).map_err(failed)?;
            // It is of one moment, whoever wrote meanwhile.
            return Ok(Ok(entry(size, &hash, stamp::all(file))));
        }
        let (mut from, mut to) = (open, File::create_new(&target).map_err(failed)?);
        // The kernel shares the blocks where the file system can.
        io::copy(&mut from, &mut to).map_err(failed)?;
        drop(to);
        let (verdict, size, hash) = settle(&target, file.kind).map_err(failed)?;
        let after = stamp::all(file);
        let steady = after == stamps && size == before.len();
        let grew =
            matches!((stamps.first(), after.first()), (Some(one), Some(two)) if one.grew_to(two));
        match (verdict.wrong, verdict.cut_at) {
            (None, _) if steady => return Ok(Ok(entry(size, &hash, stamps))),
            // A log that is only appended to: what was there is whole up to its last line end.
            (Some(_), Some(at)) if grew && 0 < at => {
                shorten(&target, at).map_err(failed)?;
                let (_, size, hash) = settle(&target, file.kind).map_err(failed)?;
                return Ok(Ok(entry(size, &hash, after)));
            }
            (None, _) if grew && file.kind == FileKind::Jsonl => {
                return Ok(Ok(entry(size, &hash, after)));
            }
            (Some(wrong), _) => last = Some(wrong),
            (None, _) => last = None,
        }
        pause(Duration::from_millis(20));
    }
    match last {
        Some(wrong) => fault(wrong.fault, Some(wrong.offset), wrong.words),
        None => fault(FaultKind::Unreadable, None, "is written all the time".to_owned()),
    }
}

/// Nobody but root may write what is settled.
fn shorten(target: &Path, length: u64) -> io::Result<()> {
    fs::set_permissions(target, fs::Permissions::from_mode(0o600))?;
    fs::OpenOptions::new().write(true).open(target)?.set_len(length)
}

/// Reads what was copied, which is what counts, and has it on the platter.
fn settle(target: &Path, kind: FileKind) -> io::Result<(Verdict, u64, blake3::Hash)> {
    fs::set_permissions(target, fs::Permissions::from_mode(0o400))?;
    judge(target, kind, true)
}
