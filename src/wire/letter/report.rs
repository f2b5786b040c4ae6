//! A report as a letter: in short for who reads it on a phone, whole for who reads mail.

use crate::core::fact::Severity;
use crate::core::time::Wall;

use super::{Kept, Kind, Letter, VERSION, pack};
use crate::wire::parcel::{Attached, Parcel};
use crate::wire::sink::Sink;
use crate::wire::stamp;

/// The longest page that is the body of a mail, in bytes: at 102 kB the largest provider cuts
/// (<https://support.google.com/mail/answer/6594>). What is longer is attached alone.
pub const BODY_MAX: usize = 100_000;

/// The most lines that a letter has of a report, and the longest of them, in bytes.
const LINES_MAX: usize = 60;
const LINE_MAX: usize = 1_000;

/// All of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// As a page.
    pub html: String,
    /// As text.
    pub text: String,
}

/// What a letter of a report is made from.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// This message and no other, on all machines.
    pub id: String,
    /// The machine.
    pub host: &'a str,
    /// Where it is kept.
    pub kept: Kept,
    /// When the day began: Unix time in milliseconds.
    pub since: i64,
    /// Now: Unix time in milliseconds.
    pub at: i64,
    /// Seconds that local time is ahead of UTC.
    pub offset: i32,
    /// How much a person is needed.
    pub severity: Severity,
    /// What it comes to: `vps2: 6 fine, trader needs you`.
    pub subject: &'a str,
    /// What is to be said in short.
    pub lines: &'a [String],
}

/// The letter of a report.
#[must_use]
pub fn letter(about: About<'_>) -> Letter {
    let line = |line: &String| {
        let end = line.floor_char_boundary(LINE_MAX);
        line.get(..end).unwrap_or_default().to_owned()
    };
    let subject = about.subject.to_owned();
    Letter {
        v: VERSION,
        incident: about.id.clone(),
        id: about.id,
        number: 1,
        kind: Kind::Report,
        severity: about.severity,
        cause: "report".to_owned(),
        group: None,
        agent: "all".to_owned(),
        host: about.host.to_owned(),
        at: about.at,
        offset: about.offset,
        since: about.since,
        not_before: None,
        headline: line(&subject),
        lines: about.lines.iter().take(LINES_MAX).map(line).collect(),
        output: None,
        steps: Vec::new(),
        runbook: None,
        report: Some(about.kept),
    }
}

/// A report for one sink; `whole`: all of it, if it is still there.
///
/// # Errors
/// As [`pack::pack`]; and a pager, which would wake somebody for it.
pub fn parcel(sink: &Sink, letter: &Letter, whole: Option<Whole>) -> Result<Parcel, String> {
    if sink.is_pager() {
        return Err("takes no reports: it would wake somebody".to_owned());
    }
    let mut parcel = pack::pack(sink, letter)?;
    if let (Parcel::Mail(mail), Some(Whole { html, text })) = (&mut parcel, whole) {
        if html.len() <= BODY_MAX {
            mail.html.clone_from(&html);
        }
        mail.text = text;
        let day = letter.report.as_ref().map_or("report", |kept| kept.day.as_str());
        mail.attached = Some(Attached { name: format!("agentwatch-{day}.html"), html });
    }
    Ok(parcel)
}

/// `2026-11-28, made 2026-11-29 08:00 +01:00`.
pub(super) fn footer(letter: &Letter) -> String {
    let day = letter.report.as_ref().map_or("report", |kept| kept.day.as_str());
    let made = stamp::day(Wall(letter.at), letter.offset);
    let clock = super::title::clock(letter.at, letter);
    format!("{day}, made {made} {clock} {}", super::title::zone(letter.offset))
}
