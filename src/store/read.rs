//! Reading the journal: day files in order, torn lines skipped, the writer never stopped.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::core::time::LocalDay;
use crate::wire::record::{self, Record};
use crate::wire::stamp::parse_day;

/// The longest line that is read back; agentwatch writes none longer than a few kilobytes.
const LINE_MAX: u64 = 1024 * 1024;

/// The day files of a journal, oldest first. A missing folder is an empty journal.
pub fn days(dir: &Path) -> io::Result<Vec<(LocalDay, PathBuf)>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut days = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let day = name.to_str().and_then(|name| name.strip_suffix(".jsonl")).and_then(parse_day);
        // Whatever else lies there is not ours to read; a FIFO would block us for ever.
        if let Some(day) = day
            && entry.file_type()?.is_file()
        {
            days.push((day, entry.path()));
        }
    }
    days.sort();
    Ok(days)
}

/// Hands every record of one day file to `on`, from byte `start`; gives where it stopped: behind the
/// last whole line.
pub fn file(path: &Path, start: u64, on: &mut dyn FnMut(Record)) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let mut at = file.seek(SeekFrom::Start(start))?;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let n = (&mut reader).take(LINE_MAX).read_until(b'\n', &mut line)?;
        let whole = line.last() == Some(&b'\n');
        if n == 0 || (!whole && u64::try_from(n).is_ok_and(|n| n < LINE_MAX)) {
            return Ok(at);
        }
        at = at.saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
        if let Some(record) = record::read(line.trim_ascii_end()) {
            on(record);
        }
    }
}

/// The last records of a journal, oldest first: at most `max`, from at most the last `bytes` bytes of
/// each of the two newest day files.
pub fn tail(dir: &Path, max: usize, bytes: u64) -> io::Result<VecDeque<Record>> {
    let days = days(dir)?;
    let mut records = VecDeque::new();
    for (_, path) in days.iter().skip(days.len().saturating_sub(2)) {
        let length = std::fs::metadata(path)?.len();
        // A line cut in two by the start is no record and is skipped like any torn one.
        file(path, length.saturating_sub(bytes), &mut |record| {
            if max <= records.len() {
                records.pop_front();
            }
            records.push_back(record);
        })?;
    }
    Ok(records)
}
