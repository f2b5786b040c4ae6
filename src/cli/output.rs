//! What commands print: to stdout, where a reader that went away is no error, and to stderr.

use std::io::{self, Write as _};

use super::Failure;

/// Prints text that people or programs asked for.
///
/// # Errors
/// stdout cannot be written; but a reader that has seen enough (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(super::EXIT_FAILED, format!("stdout: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// Says one line on stderr. If even that fails there is nobody left to tell.
pub fn complain(words: &str) {
    let _ = writeln!(io::stderr().lock(), "agentwatch: {words}");
}

/// Columns of a table, padded to the widest cell of each; the first line is the head.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
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
