//! The title of a letter: one line that says it all, the same at every sink.

use crate::core::fact::Severity;
use crate::core::time::Wall;
use crate::wire::stamp::{day, local_time};
use crate::wire::words::span;

use super::cut::clean_line;
use super::{Kind, Letter};

/// The longest few words about a letter, in bytes.
const BRIEF_MAX: usize = 120;

/// What a letter says in a few words, for journals: "over: gave up: 3 failures in 10m".
#[must_use]
pub fn brief(letter: &Letter) -> String {
    let headline = clean_line(&letter.headline);
    let words = match letter.kind {
        Kind::Opened | Kind::Updated | Kind::Report => headline,
        Kind::Reminder => format!("reminder: {headline}"),
        Kind::Acknowledged => format!("acknowledged: {headline}"),
        Kind::Closed => format!("over: {headline}"),
        Kind::Test => "test".to_owned(),
    };
    crate::core::beat::clip(&words, BRIEF_MAX).to_owned()
}

/// The colour of a message, and the sign in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A person is needed.
    Critical,
    /// Something is wrong.
    Warning,
    /// To know.
    Info,
    /// A person has seen it.
    Seen,
    /// It is over.
    Good,
    /// A test.
    Test,
    /// A report, and how much a person is needed: its words say that, and no sign.
    Report(Severity),
}

impl Mark {
    /// The mark of a letter.
    #[must_use]
    pub fn of(letter: &Letter) -> Self {
        match (letter.kind, letter.severity) {
            (Kind::Closed, _) => Self::Good,
            (Kind::Acknowledged, _) => Self::Seen,
            (Kind::Test, _) => Self::Test,
            (Kind::Report, severity) => Self::Report(severity),
            (_, Severity::Critical) => Self::Critical,
            (_, Severity::Warning) => Self::Warning,
            (_, Severity::Info) => Self::Info,
        }
    }

    /// A sign that is understood without colours and words.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Critical => "🔴",
            Self::Warning => "🟠",
            Self::Info => "🔵",
            Self::Seen => "👀",
            Self::Good => "✅",
            Self::Test => "🧪",
            Self::Report(_) => "",
        }
    }

    /// The sign in front of a title, if there is one.
    #[must_use]
    pub fn before(self, title: &str) -> String {
        let sign = self.sign();
        if sign.is_empty() { title.to_owned() } else { format!("{sign} {title}") }
    }

    /// The colour, as 0xRRGGBB: good to see on white and on black.
    #[must_use]
    pub fn colour(self) -> u32 {
        match self {
            Self::Critical | Self::Report(Severity::Critical) => 0xd9_2d_20,
            Self::Warning | Self::Report(Severity::Warning) => 0xdc_6a_03,
            Self::Info => 0x2e_70_d8,
            Self::Seen => 0x6b_72_80,
            Self::Good | Self::Report(Severity::Info) => 0x12_8a_50,
            Self::Test => 0x7a_5a_d8,
        }
    }
}

/// How the headline of an incident begins that is over because somebody stopped the agent.
pub const STOPPED: &str = "stopped, as somebody asked";

/// `CRITICAL trader@vps2 gave up: 3 failures in 10m, same error (03:14)`.
#[must_use]
pub fn title(letter: &Letter) -> String {
    let (agent, host) = (clean_line(&letter.agent), clean_line(&letter.host));
    let headline = clean_line(&letter.headline);
    let who = format!("{agent}@{host}");
    let severity = severity(letter.severity);
    match letter.kind {
        Kind::Opened | Kind::Updated => {
            format!("{severity} {who} {headline} ({})", clock(letter.at, letter))
        }
        Kind::Reminder => {
            let since = clock(letter.since, letter);
            format!("STILL {severity} {who} {headline} (since {since})")
        }
        Kind::Acknowledged => {
            format!("ACKNOWLEDGED {who} {headline} ({})", clock(letter.at, letter))
        }
        Kind::Closed if headline.starts_with(STOPPED) => {
            format!("OVER {who} after {}: {headline}", lasted(letter))
        }
        Kind::Closed => format!("RECOVERED {who} after {}: {headline}", lasted(letter)),
        Kind::Report => headline,
        Kind::Test => format!("TEST {who} {headline} ({})", clock(letter.at, letter)),
    }
}

/// The severity as titles shout it.
#[must_use]
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "INFO",
        Severity::Warning => "WARNING",
        Severity::Critical => "CRITICAL",
    }
}

/// How long the incident lasted until the letter was written.
#[must_use]
pub fn lasted(letter: &Letter) -> String {
    span(u64::try_from(letter.at.saturating_sub(letter.since)).unwrap_or_default())
}

/// The time of day of a moment, with the day if that is not the letter's own.
#[must_use]
pub fn clock(at: i64, letter: &Letter) -> String {
    let (at, own) = (Wall(at), Wall(letter.at));
    let time = local_time(at, letter.offset);
    let time = time.get(..5).unwrap_or(&time);
    let date = day(at, letter.offset);
    if date == day(own, letter.offset) { time.to_owned() } else { format!("{date} {time}") }
}

/// What the letter's times are to UTC: `UTC`, `+01:00`.
#[must_use]
pub fn zone(offset: i32) -> String {
    let minutes = offset.unsigned_abs() / 60;
    if offset == 0 {
        return "UTC".to_owned();
    }
    let sign = if offset < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::super::sample::letter;
    use super::*;

    #[test]
    fn a_title_says_it_all_in_each_stage() {
        let mut letter = letter();
        assert_eq!(
            title(&letter),
            "CRITICAL trader@vps2 gave up: 3 failures in 10m, same error (03:14)"
        );
        letter.kind = Kind::Reminder;
        letter.at += 4 * 3_600_000;
        assert_eq!(
            title(&letter),
            "STILL CRITICAL trader@vps2 gave up: 3 failures in 10m, same error (since 03:14)"
        );
        letter.at += 24 * 3_600_000;
        assert!(title(&letter).ends_with("(since 2026-11-23 03:14)"), "{}", title(&letter));
        letter.kind = Kind::Closed;
        letter.at = letter.since + 11_520_000;
        letter.headline = "beats are back".to_owned();
        assert_eq!(title(&letter), "RECOVERED trader@vps2 after 3h12m: beats are back");
        letter.headline = format!("{STOPPED}; it was: gave up");
        assert_eq!(
            title(&letter),
            "OVER trader@vps2 after 3h12m: stopped, as somebody asked; it was: gave up"
        );
        letter.at = letter.since - 1;
        assert!(title(&letter).contains("after 0s"), "a clock that was set back");
        letter.at = i64::MIN;
        letter.since = i64::MAX;
        letter.offset = i32::MIN;
        for kind in [Kind::Opened, Kind::Reminder, Kind::Closed, Kind::Test, Kind::Acknowledged] {
            letter.kind = kind;
            assert!(!title(&letter).is_empty());
        }
    }

    #[test]
    fn zones_are_written_as_people_know_them() {
        let table = [(0, "UTC"), (3600, "+01:00"), (-12_600, "-03:30"), (20_700, "+05:45")];
        for (offset, want) in table {
            assert_eq!(zone(offset), want);
        }
    }
}
