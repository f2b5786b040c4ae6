//! Reading the journal: day files in order, torn lines skipped, the writer never stopped.

use std::collections::VecDeque;
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

/// Looks at the last `bytes` of each file, backwards; true if it saw `since` or what is before it.
fn look_back(
    days: &[(LocalDay, PathBuf)],
    since: u64,
    bytes: u64,
    news: &mut News,
) -> io::Result<bool> {
    (news.seq, news.records) = (0, Vec::new());
    for (_, path) in days.iter().rev() {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let wanted = length.min(bytes);
        let mut end = Vec::with_capacity(usize::try_from(wanted).map_or(0, |wanted| wanted + 1));
        // Bounded by what was there: the writer may go on.
        file.take(wanted).read_to_end(&mut end)?;
        for line in end.split(|byte| *byte == b'\n').rev() {
            let Some(seq) = record::number(line) else { continue };
            news.seq = news.seq.max(seq);
            if seq <= since {
                return Ok(true);
            }
            news.records.extend(record::read(line));
        }
    }
    Ok(days.is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fact::Fact;
    use crate::core::time::Wall;

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
