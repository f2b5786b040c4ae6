//! Reading the journal: day files in order, torn lines skipped, the writer never stopped.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::core::time::LocalDay;
use crate::wire::record::{self, Record};
use crate::wire::stamp::parse_day;

/// The longest line that is read back; agentwatch writes none longer than a few kilobytes.
pub const LINE_MAX: u64 = 1024 * 1024;

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
    lines(path, start, &mut |line| {
        if let Some(record) = record::read(line) {
            on(record);
        }
    })
}

/// The same with every whole line, without its newline, whatever stands in it.
pub fn lines(path: &Path, start: u64, on: &mut dyn FnMut(&[u8])) -> io::Result<u64> {
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
        on(line.trim_ascii_end());
    }
}

/// What a journal holds beyond a number.
#[derive(Debug, Default)]
pub struct News {
    /// The newest day file.
    pub newest: Option<LocalDay>,
    /// The number of its last record; 0 without any.
    pub seq: u64,
    /// The records with higher numbers than the given one, oldest first.
    pub records: Vec<Record>,
}

/// How much of a journal's end is looked at for its news, in bytes: a few lines first, as every start
/// pays for it, then more until the given number is seen.
const STEPS: [u64; 3] = [4 * 1024, 256 * 1024, u64::MAX];

/// The records after number `since`, and where the journal stands. Reads its end, as far as needed, and
/// all day files only if the two newest tell nothing.
pub fn since(dir: &Path, since: u64) -> io::Result<News> {
    let days = days(dir)?;
    let mut news = News { newest: days.last().map(|(day, _)| *day), ..News::default() };
    for bytes in STEPS {
        let files = if bytes == u64::MAX { days.len() } else { 2 };
        let known = look_back(&days[days.len().saturating_sub(files)..], since, bytes, &mut news)?;
        if known {
            break;
        }
    }
    news.records.reverse();
    Ok(news)
}

/// Looks at the last `bytes` of each file, backwards; true if it saw `since` or what is before it. A file
/// that cannot be read tells nothing.
fn look_back(
    days: &[(LocalDay, PathBuf)],
    since: u64,
    bytes: u64,
    news: &mut News,
) -> io::Result<bool> {
    (news.seq, news.records) = (0, Vec::new());
    let mut error = None;
    let mut known = false;
    let mut read = 0;
    for (at, (day, path)) in days.iter().enumerate().rev() {
        match last_bytes(path, bytes) {
            Ok((part, _)) => {
                read += 1;
                known |= news_of(&part, since, news);
            }
            Err(failed) => {
                let words = format!("{}: {failed}", path.display());
                error = Some(io::Error::new(failed.kind(), words));
            }
        }
        // Where days are missing in between, the newer file may be of a clock that was ahead: then what was
        // written last stands in the older one.
        let before = at.checked_sub(1).and_then(|before| days.get(before));
        let gap = before.is_some_and(|(before, _)| before.0.saturating_add(1) < day.0);
        if known && !gap {
            break;
        }
    }
    // The newest first, whichever file they stand in.
    news.records.sort_by_key(|record| std::cmp::Reverse(record.seq));
    match error {
        Some(error) if read == 0 => Err(error),
        _ => Ok(known || days.is_empty()),
    }
}

/// Takes what is newer than `since` from the end of a file; true if it saw that or what is before it.
fn news_of(part: &[u8], since: u64, news: &mut News) -> bool {
    for line in part.split(|byte| *byte == b'\n').rev() {
        let Some(seq) = record::number(line) else { continue };
        news.seq = news.seq.max(seq);
        if seq <= since {
            return true;
        }
        news.records.extend(record::read(line));
    }
    false
}

/// The end of a journal.
#[derive(Debug, Default)]
pub struct End {
    /// The last bytes of its newest files, in the order in which they were written; each begins with a
    /// whole line.
    pub parts: Vec<Vec<u8>>,
    /// Nothing came before them.
    pub whole: bool,
    /// The newest day file.
    pub newest: Option<LocalDay>,
    /// What could not be read, in words.
    pub error: Option<String>,
}

/// Files that are looked at for the end of a journal: today's and yesterday's, and two of days to come.
const FILES: usize = 4;

/// The last `bytes` bytes of the newest file of a journal, and of the one before if that is shorter or
/// from a day that is yet to come after `today`: then what is written now stands elsewhere.
pub fn end(dir: &Path, bytes: u64, today: LocalDay) -> End {
    let days = match days(dir) {
        Ok(days) => days,
        Err(error) => {
            let error = Some(format!("{}: {error}", dir.display()));
            return End { error, ..End::default() };
        }
    };
    let mut end = End { newest: days.last().map(|(day, _)| *day), ..End::default() };
    let mut found = Vec::new();
    let mut left = bytes;
    let mut here = 0;
    for (at, (day, path)) in days.iter().enumerate().rev().take(FILES) {
        match last_bytes(path, bytes) {
            Ok((part, whole)) => {
                left = left.saturating_sub(u64::try_from(part.len()).unwrap_or(u64::MAX));
                end.whole = whole && at == 0;
                let mut lines = part.rsplit(|byte| *byte == b'\n');
                found.push((lines.find_map(record::number), part));
            }
            Err(error) => {
                end.error.get_or_insert(format!("{}: {error}", path.display()));
            }
        }
        if !day.is_ahead_of(today) {
            here += 1;
            if left == 0 || here == 2 {
                break;
            }
        }
    }
    found.sort_by_key(|(number, _)| *number);
    end.parts = found.into_iter().map(|(_, part)| part).collect();
    end
}

/// The last bytes of a file from a whole line on, and whether that is all of it.
fn last_bytes(path: &Path, bytes: u64) -> io::Result<(Vec<u8>, bool)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(bytes);
    file.seek(SeekFrom::Start(start))?;
    let wanted = length - start;
    let mut part = Vec::with_capacity(usize::try_from(wanted).map_or(0, |wanted| wanted + 1));
    // Bounded by what was there: the writer may go on.
    file.take(wanted).read_to_end(&mut part)?;
    if start > 0 {
        let whole = part.iter().position(|byte| *byte == b'\n').map_or(part.len(), |at| at + 1);
        part.drain(..whole);
    }
    Ok((part, start == 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::Fact;
    use crate::core::time::Wall;

    #[test]
    fn the_end_of_a_journal_stands_in_the_order_it_was_written() {
        let dir = std::env::temp_dir().join(format!("aw-read-end-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let line = |seq| record::write(Wall(0), seq, &Fact::Late { incarnation: 1, silent_ms: 1 });
        let write = |day: &str, numbers: std::ops::Range<u64>| {
            let lines: Vec<u8> = numbers.flat_map(|seq| line(seq).unwrap()).collect();
            std::fs::write(dir.join(format!("{day}.jsonl")), lines).unwrap();
        };
        write("2024-10-03", 1..10);
        write("2024-10-04", 20..30);
        // Of a clock that was ahead, before it was set right.
        write("2031-05-01", 10..20);
        let today = LocalDay(20_000);
        let numbers = |bytes| {
            let end = end(&dir, bytes, today);
            let lines = end.parts.concat();
            let numbers: Vec<u64> =
                lines.split(|byte| *byte == b'\n').filter_map(record::number).collect();
            (numbers, end.whole)
        };
        assert_eq!(numbers(1 << 20), ((1..30).collect(), true));
        let (some, whole) = numbers(300);
        assert!(!whole && some.is_sorted() && some.last() == Some(&29), "{some:?}");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn news_are_what_comes_after_a_number_however_far_back_it_is() {
        let dir = std::env::temp_dir().join(format!("aw-read-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        assert_eq!(since(&dir, 0).unwrap().seq, 0);
        let line = |seq| record::write(Wall(0), seq, &Fact::Late { incarnation: 1, silent_ms: 1 });
        let lines = |range: std::ops::Range<u64>| -> Vec<u8> {
            range.flat_map(|seq| line(seq).unwrap()).collect()
        };
        std::fs::write(dir.join("2026-11-21.jsonl"), lines(1..100)).unwrap();
        std::fs::write(dir.join("2026-11-22.jsonl"), lines(100..9_000)).unwrap();
        let mut newest = lines(9_000..9_003);
        newest.extend_from_slice(b"{\"ts\":\"2026-11-23T00");
        std::fs::write(dir.join("2026-11-23.jsonl"), newest).unwrap();
        for (known, first) in
            [(9_002, None), (9_001, Some(9_002)), (8_990, Some(8_991)), (50, Some(51))]
        {
            let news = since(&dir, known).unwrap();
            assert_eq!(
                (news.seq, news.newest.map(|day| day.to_string())),
                (9_002, Some("2026-11-23".into()))
            );
            assert_eq!(news.records.first().map(|record| record.seq), first);
            assert_eq!(news.records.len() as u64, 9_002 - known);
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
