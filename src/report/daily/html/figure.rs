//! A plot with its name, what is to be known to read it, and its numbers as a table.

use std::fmt::Write as _;

use super::text::escape;

/// Numbers as a table.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The names of the columns.
    pub head: Vec<&'static str>,
    /// The rows; their first cell names them.
    pub rows: Vec<Vec<String>>,
    /// What is left out.
    pub more: Option<String>,
}

/// A plot.
pub(super) struct Figure {
    /// What it shows.
    pub name: &'static str,
    /// How to read it, as HTML.
    pub key: String,
    /// The plot; none if the library refuses, which leaves the numbers.
    pub svg: Option<String>,
    /// Its numbers.
    pub table: Table,
}

/// A table in a fold.
pub(super) fn table(table: &Table) -> String {
    let mut out = String::from(
        "<details class=\"numbers\"><summary>Numbers</summary><div class=\"scroll\"><table>\n<tr>",
    );
    // A column without anything in it says nothing.
    let some = |at: usize| table.rows.iter().any(|row| row.get(at).is_some_and(|c| !c.is_empty()));
    let some: Vec<bool> = (0..table.head.len()).map(some).collect();
    let shown = |at: &usize| some.get(*at) == Some(&true);
    for (_, name) in table.head.iter().enumerate().filter(|(at, _)| shown(at)) {
        let _ = write!(out, "<th scope=\"col\">{name}</th>");
    }
    out.push_str("</tr>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for (at, cell) in row.iter().enumerate().filter(|(at, _)| shown(at)) {
            let cell = escape(cell);
            let _ = match at {
                0 => write!(out, "<th>{cell}</th>"),
                _ => write!(out, "<td>{cell}</td>"),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table></div>\n");
    if let Some(more) = &table.more {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", escape(more));
    }
    out.push_str("</details>\n");
    out
}

impl Figure {
    /// The figure as HTML.
    pub fn html(&self) -> String {
        format!(
            "<figure><figcaption><h3>{}</h3><p class=\"key\">{}</p></figcaption>\n{}{}</figure>\n",
            self.name,
            self.key,
            self.svg.as_deref().unwrap_or_default(),
            table(&self.table)
        )
    }
}
