//! Agents on a screen: a table of all, or one after the other in detail.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::core::fact::Severity;
use crate::report::detail::rows;
use crate::report::glance::{self, Glance, Open};
use crate::report::status::meaning;
use crate::sys::tty;
use crate::wire::columns::fold;
use crate::wire::incidents::severity;
use crate::wire::paint;
use crate::wire::plain::plain;
use crate::wire::stamp;
use crate::wire::words::span;

/// Where the values of an agent in detail begin, in columns.
const INDENT: usize = 14;

/// The most lines that one of them takes.
const LINES_MAX: usize = 3;

/// Where it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// In colour.
    pub colour: bool,
    /// Its columns; none where nobody looks at a screen.
    pub width: Option<usize>,
    /// Seconds east of UTC.
    pub offset_s: i32,
}

impl Screen {
    /// All agents, one line each, then what a human may have to do, and what it comes to.
    #[must_use]
    pub fn table(self, all: &[Glance]) -> String {
        let mut text = glance::table(all, self.width, self.colour).join("\n") + "\n";
        text.push_str(&remarks(all));
        if 1 < all.len() {
            let (tone, words) = glance::verdict(all, self.width);
            let _ = writeln!(text, "{}", paint::paint(tone, &words, self.colour));
        }
        text
    }

    /// Each agent in detail.
    #[must_use]
    pub fn details(self, all: &[Glance]) -> String {
        let blocks: Vec<String> = all.iter().map(|one| self.detail(one)).collect();
        blocks.join("\n")
    }

    fn detail(self, one: &Glance) -> String {
        let status = &one.status;
        let mut text = String::new();
        let tone = meaning(status.state).tone;
        let longer = if status.state_longer { "more than " } else { "" };
        let since = status.state_ms.map(|ms| format!(" for {longer}{}", span(ms)));
        let word = paint::paint(tone, status.state, self.colour);
        let _ = writeln!(text, "{}  {word}{}", status.agent, since.unwrap_or_default());
        let open = one.incidents.iter().map(|open| ("open", self.open(open)));
        let rows = rows(status, self.offset_s, tty::speaks_unicode());
        for (label, value) in open.chain(rows) {
            let lines = match self.width {
                // Bars are as old as they are far to the left.
                Some(width) if label.is_empty() => {
                    let room = width.saturating_sub(INDENT);
                    let bars = value.chars().count();
                    vec![value.chars().skip(bars.saturating_sub(room)).collect()]
                }
                // What a person may have to type is of no use without its end.
                Some(width) => fold(&value, width.saturating_sub(INDENT).max(20), LINES_MAX),
                None => vec![value],
            };
            for (at, line) in lines.iter().enumerate() {
                let label = if at == 0 { label } else { "" };
                let label = paint::dim(&format!("  {label:<12}"), self.colour);
                let _ = writeln!(text, "{label}{line}");
            }
        }
        text
    }

    /// `critical since 2026-11-22 09:00:11: gave up: 3 failures in 10m; not acknowledged`.
    fn open(self, open: &Open) -> String {
        let since = stamp::parse_utc(&open.since)
            .map_or_else(|| open.since.clone(), |at| stamp::local(at, self.offset_s));
        let seen = match (open.acknowledged, open.severity) {
            (true, _) => "; acknowledged",
            // Of what is only to know nobody was told.
            (false, Severity::Info) => "",
            (false, Severity::Warning | Severity::Critical) => "; not acknowledged",
        };
        format!("{} since {since}: {}{seen}", severity(open.severity), open.words)
    }
}

/// What a human should know or may have to do.
fn remarks(all: &[Glance]) -> String {
    let mut text = String::new();
    for Glance { status, .. } in all {
        if let Some(error) = &status.error {
            let _ = writeln!(text, "{}: {error}", status.agent);
        }
        for note in &status.notes {
            let _ = writeln!(text, "{note}");
        }
        if status.state == "escalated"
            && let Some(command) = &status.command_to_type
        {
            let _ = writeln!(text, "{} stays down until: {command}", status.agent);
        }
    }
    text.push_str(&versions(all));
    text
}

/// Who runs under another version, a line for each version, however many they are.
fn versions(all: &[Glance]) -> String {
    let mut text = String::new();
    let mut by_version: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Glance { status, .. } in all {
        if let Some(version) = status.other_version() {
            by_version.entry(version).or_default().push(&status.agent);
        }
    }
    for (version, names) in by_version {
        let who = match names.as_slice() {
            [one] => format!("{one} runs"),
            [one, two] => format!("{one} and {two} run"),
            [one, rest @ ..] => format!("{one} and {} others run", rest.len()),
            [] => continue,
        };
        let version = plain(version.as_bytes());
        let ours = env!("CARGO_PKG_VERSION");
        let _ = writeln!(
            text,
            "{who} under agentwatch {version}; this is {ours}, which takes over at a stop and a start"
        );
    }
    text
}
