//! What commands print: to stdout, where a reader that went away is no error, and to stderr.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use crate::sys::outer;
use crate::sys::poll::{self, Interest};
use crate::wire::paint::{Screen, line};
use crate::wire::tone::Tone;

use super::Failure;

pub use crate::wire::columns::{clip, columns, pad};

/// Prints text that people or programs asked for.
///
/// # Errors
/// As [`print_bytes`].
pub fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// Prints what may be no text.
///
/// # Errors
/// stdout cannot be written. A reader that has seen enough (`| head`) is the end of the command and no
/// error: nothing is said of it, and the code is 0.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::new(0, "")),
        Err(error) => Err(Failure::new(super::EXIT_FAILED, format!("stdout: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Whether nobody reads our stdout any more, which who waits for something to print would not notice.
#[must_use]
pub fn reader_is_gone() -> bool {
    let out = io::stdout();
    let mut fds = [Interest::write(out.as_fd())];
    poll::wait(&mut fds, Some(Duration::ZERO)).is_ok() && fds.iter().any(|fd| fd.ready.hangup)
}

/// Says one line on stderr. If even that fails there is nobody left to tell.
pub fn complain(words: &str) {
    // Under systemd it is the reason why nothing starts.
    let screen = if outer::stderr_is_journal() { Screen::Journal } else { Screen::Plain };
    let _ = writeln!(io::stderr().lock(), "{}", line(Tone::Bad, words, screen));
}

/// Columns of a table, padded to the widest cell of each; the first line is the head.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| {
        rows.iter().filter_map(|row| row.get(at)).map(|cell| columns(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| pad(cell, *width));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let lines = table(&[row(["AGENT", "STATE"]), row(["crawler-é", "healthy"])]);
        assert_eq!(lines, ["AGENT      STATE", "crawler-é  healthy"]);
    }
}
