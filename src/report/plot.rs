//! Tokens a cycle over time as a plot for a terminal, on a logarithmic scale. Pure.

use crate::wire::words::grouped;

/// Rows of a plot: with its axis it fits a terminal of 24 lines beside what is said about it.
const ROWS: usize = 10;

/// What one column shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// The mean of its cycles.
    pub mean: u64,
    /// The most of them; 0 where there were none.
    pub most: u64,
    /// A runaway began or went on in it.
    pub is_flagged: bool,
}

/// The plot: a label and a bar from mean to most in each column, the usual as a line, runaways marked below.
#[must_use]
pub fn plot(columns: &[Column], usual: Option<u64>, unicode: bool) -> Vec<String> {
    let known = || columns.iter().filter(|column| column.most > 0);
    let Some(most) = known().map(|column| column.most).max() else { return Vec::new() };
    let least = known().map(|column| column.mean).chain(usual).min().unwrap_or(1).max(1);
    let scale = Scale::new(least, most);
    let [point, bar, line, flag] =
        if unicode { ['●', '│', '┄', '▲'] } else { ['o', '|', '-', '^'] };
    let labels: Vec<String> = (0..ROWS).map(|row| grouped(scale.value(row))).collect();
    let width = labels.iter().map(String::len).max().unwrap_or(0);
    let usual_row = usual.map(|usual| scale.row(usual));
    let mut lines = Vec::new();
    for row in (0..ROWS).rev() {
        let label = if row % 3 == 0 { labels[row].as_str() } else { "" };
        let mut text = format!("{label:>width$} ");
        for column in columns {
            let (low, high) = (scale.row(column.mean.max(1)), scale.row(column.most.max(1)));
            text.push(match column.most {
                0 if usual_row == Some(row) => line,
                0 => ' ',
                _ if row == low => point,
                _ if low < row && row <= high => bar,
                _ if usual_row == Some(row) => line,
                _ => ' ',
            });
        }
        lines.push(text.trim_end().to_owned());
    }
    if columns.iter().any(|column| column.is_flagged) {
        let flags = columns.iter().map(|column| if column.is_flagged { flag } else { ' ' });
        let flags: String = flags.collect();
        lines.push(format!("{:>width$} {}", "", flags.trim_end()));
    }
    lines
}

/// A logarithmic scale over all rows.
struct Scale {
    least: f64,
    step: f64,
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a row of ten is shown, nothing is decided"
)]
impl Scale {
    fn new(least: u64, most: u64) -> Self {
        let (low, high) = ((least as f64).ln(), (most.max(least) as f64).ln());
        // Twice as much from bottom to top at least: what is alike should look so.
        let step = ((high - low) / (ROWS - 1) as f64).max(0.7 / (ROWS - 1) as f64);
        Self { least: low, step }
    }

    fn row(&self, value: u64) -> usize {
        let row = ((value.max(1) as f64).ln() - self.least) / self.step;
        (row.round().max(0.0) as usize).min(ROWS - 1)
    }

    fn value(&self, row: usize) -> u64 {
        (self.least + self.step * row as f64).exp().round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runaway_stands_out_and_is_marked() {
        let mut columns = [Column { mean: 1_000, most: 1_500, is_flagged: false }; 20];
        columns[12] = Column { mean: 30_000, most: 90_000, is_flagged: true };
        columns[5] = Column::default();
        let lines = plot(&columns, Some(1_000), true);
        assert_eq!(lines.len(), ROWS + 1);
        assert_eq!(lines[0], "90,000             │", "{lines:#?}");
        assert_eq!(lines[ROWS - 1], " 1,000 ●●●●●┄●●●●●●┄●●●●●●●");
        assert_eq!(lines[ROWS], format!("{:>7}{:>12}▲", "", ""));
        let plain = plot(&columns, Some(1_000), false);
        assert!(plain.iter().all(|line| line.is_ascii()), "{plain:#?}");
    }

    #[test]
    fn nothing_is_no_plot_and_no_number_breaks_it() {
        assert!(plot(&[Column::default(); 5], None, true).is_empty());
        let wild = [1, u64::MAX].map(|n| Column { mean: n, most: n, is_flagged: false });
        assert_eq!(plot(&wild, Some(0), true).len(), ROWS);
        assert_eq!(plot(&[Column { mean: 7, most: 7, is_flagged: false }], None, true).len(), ROWS);
    }
}
