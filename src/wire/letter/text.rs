//! A message as plain text: for mail, for push services, and for whatever knows nothing better.

use super::Step;
use super::sheet::{Sheet, is_link};

/// Title, text, output, commands and where to read on, as lines; the title can be left to the service.
#[must_use]
pub fn text(sheet: &Sheet, with_title: bool) -> String {
    let mut parts = Vec::new();
    if with_title {
        parts.push(sheet.title.clone());
    }
    let lines: Vec<_> = sheet.lines.iter().map(super::sheet::Line::text).collect();
    parts.push(lines.join("\n"));
    if let Some(output) = &sheet.output {
        parts.push(format!("Last output:\n{output}"));
    }
    parts.push(steps(&sheet.steps));
    if let Some(runbook) = &sheet.runbook {
        parts.push(runbook_line(runbook));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// `Runbook: https://…`.
#[must_use]
pub fn runbook_line(runbook: &str) -> String {
    let word = if is_link(runbook) { "Runbook: " } else { "" };
    format!("{word}{runbook}")
}

/// The commands, each behind what it is for, in columns; several for one thing stand below it.
fn steps(steps: &[Step]) -> String {
    let single = steps.iter().filter(|step| !step.command.contains('\n'));
    let width = single.map(|step| step.label.chars().count() + 1).max().unwrap_or(0);
    let line = |step: &Step| {
        let label = format!("{}:", step.label);
        if step.command.contains('\n') {
            format!("{label}\n{}\n", step.command)
        } else {
            format!("{label:width$}  {}", step.command)
        }
    };
    steps.iter().map(line).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}
