//! A file that somebody else writes: read as it grows, also when it is moved away, cut off or made again.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What tells a file from another that has its name later.
pub type FileId = (u64, u64);

/// The identity of the file at `path`, without opening it.
#[must_use]
pub fn id_at(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| id(&metadata))
}

fn id(metadata: &fs::Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

/// A reader of one file.
#[derive(Debug)]
pub struct Growing {
    path: PathBuf,
    file: Option<(File, FileId)>,
    at: u64,
}

impl Growing {
    /// A reader of what is at `path` from byte `at` on; a file that is not there yet is waited for.
    #[must_use]
    pub fn new(path: PathBuf, at: u64) -> Self {
        let mut growing = Self { path, file: None, at };
        // What was not there when it was asked for is read from its beginning.
        if growing.open().is_err() || growing.file.is_none() {
            growing.at = 0;
        }
        growing
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file that is being read, if there is one.
    #[must_use]
    pub fn id(&self) -> Option<FileId> {
        self.file.as_ref().map(|(_, id)| *id)
    }

    fn open(&mut self) -> io::Result<()> {
        // A FIFO or device would hold us up for ever.
        if id_at(&self.path).is_none() {
            return Ok(());
        }
        match File::open(&self.path) {
            Ok(file) => {
                let id = id(&file.metadata()?);
                self.file = Some((file, id));
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Appends what is new to `to`, at most `max` bytes; gives how many. Zero: there is nothing for now.
    ///
    /// # Errors
    /// The system's.
    pub fn read(&mut self, to: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        if self.file.is_none() {
            self.at = 0;
            self.open()?;
        }
        let Some((file, _)) = &mut self.file else { return Ok(0) };
        let length = file.metadata()?.len();
        if length < self.at {
            // Cut off: what is there now is new.
            self.at = 0;
        }
        if length == self.at {
            return Ok(0);
        }
        file.seek(SeekFrom::Start(self.at))?;
        let n = file.take(u64::try_from(max).unwrap_or(u64::MAX)).read_to_end(to)?;
        self.at = self.at.saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
        Ok(n)
    }

    /// Whether another file, or none, has its name now.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        self.id().is_some_and(|id| id_at(&self.path) != Some(id))
    }

    /// Goes to another file, from its beginning.
    pub fn turn_to(&mut self, path: PathBuf) {
        (self.path, self.file, self.at) = (path, None, 0);
    }
}

/// From which byte on the last `lines` lines of a file stand, and how many of these it has at most.
///
/// # Errors
/// The system's.
pub fn last_lines(path: &Path, lines: u64) -> io::Result<(u64, u64)> {
    const BLOCK: u64 = 64 * 1024;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut end = length;
    let mut found = 0;
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(BLOCK);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        (&mut file).take(end - start).read_to_end(&mut block)?;
        for (at, _) in block.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n') {
            let behind = start + u64::try_from(at).unwrap_or(u64::MAX) + 1;
            // The end of the last line begins no other.
            if behind == length {
                continue;
            }
            found += 1;
            if found == lines {
                return Ok((behind, lines));
            }
        }
        end = start;
    }
    Ok((0, found + u64::from(length > 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("aw-growing-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn the_last_lines_are_counted_from_the_end() {
        let dir = folder("lines");
        let path = dir.join("log");
        let long = "x".repeat(100_000);
        let text = format!("one\n\n{long}\nfour\nfive");
        fs::write(&path, &text).unwrap();
        for (lines, want) in [
            (1, "five"),
            (2, "four\nfive"),
            (3, &text[5..]),
            (4, &text[4..]),
            (5, &text),
            (9, &text),
        ] {
            let (at, found) = last_lines(&path, lines).unwrap();
            assert_eq!(&text[usize::try_from(at).unwrap()..], want, "{lines}");
            assert_eq!(found, lines.min(5));
        }
        fs::write(&path, "a\nb\n").unwrap();
        assert_eq!(last_lines(&path, 1).unwrap(), (2, 1));
        fs::write(&path, "").unwrap();
        assert_eq!(last_lines(&path, 1).unwrap(), (0, 0));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn what_grows_is_read_once_and_what_is_new_from_its_beginning() {
        use std::io::Write as _;
        let dir = folder("grows");
        let path = dir.join("log");
        let mut growing = Growing::new(path.clone(), 77);
        let read = |growing: &mut Growing| {
            let mut bytes = Vec::new();
            growing.read(&mut bytes, 1000).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(read(&mut growing), "");
        fs::write(&path, "one\n").unwrap();
        assert_eq!(read(&mut growing), "one\n");
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"two\n").unwrap();
        assert_eq!(read(&mut growing), "two\n");
        assert_eq!(read(&mut growing), "");
        fs::write(&path, "x\n").unwrap();
        assert_eq!(read(&mut growing), "x\n");
        fs::rename(&path, dir.join("log.1")).unwrap();
        assert!(growing.is_replaced());
        fs::write(&path, "new\n").unwrap();
        growing.turn_to(path);
        assert_eq!(read(&mut growing), "new\n");
        fs::remove_dir_all(dir).unwrap();
    }
}
