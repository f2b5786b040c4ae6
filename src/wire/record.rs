//! Lines of the journal: a fact with its time and number, and back.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use crate::core::fact::{BeatFact, Fact};
use crate::core::time::Wall;

use super::stamp;

/// A line of the journal as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// When it was written.
    pub ts: Wall,
    /// Its number; counts up without gaps over all day files.
    pub seq: u64,
    /// What happened; `None` for an event of another version of agentwatch.
    pub fact: Option<Fact>,
    /// The name of the event.
    pub event: String,
    /// The line itself.
    pub line: String,
}

#[derive(Serialize)]
struct Line<'a> {
    ts: String,
    seq: u64,
    #[serde(flatten)]
    fact: &'a Fact,
}

/// The line of a fact, with its newline.
///
/// # Errors
/// A fact that JSON cannot express; none can be made from a checked beat.
pub fn write(ts: Wall, seq: u64, fact: &Fact) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Line { ts: stamp::utc(ts), seq, fact })?;
    line.push(b'\n');
    Ok(line)
}

/// The number of a line, without its newline, at a fraction of what reading all of it costs. `None` if
/// it is torn or no record at all.
#[must_use]
pub fn number(line: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Number {
        seq: u64,
    }
    serde_json::from_slice::<Number>(line).ok().map(|number| number.seq)
}

/// The head of a line: when, which, what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Head<'a> {
    /// When it was written, as it stands there.
    pub ts: &'a str,
    /// Its number.
    pub seq: u64,
    /// The name of the event.
    pub event: &'a str,
}

impl Head<'_> {
    /// When it was written.
    #[must_use]
    pub fn at(&self) -> Option<Wall> {
        stamp::parse_utc(self.ts)
    }
}

/// The head of a line, without its newline, at a fraction of what reading all of it costs: of what
/// follows it nothing is known, not even whether it is whole.
#[must_use]
pub fn head(line: &[u8]) -> Option<Head<'_>> {
    // An array of these three would be read as well, and is no record.
    let is_object = || line.trim_ascii_start().starts_with(b"{");
    as_written(line).or_else(|| is_object().then(|| serde_json::from_slice(line).ok())?)
}

/// What a look at an agent wants of a beat.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct BeatLine<'a> {
    /// Its status word.
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    /// The tokens counted for it.
    pub tokens: Option<u64>,
    /// The cycles it ended.
    #[serde(default = "one")]
    pub cycles: u64,
    /// When it said to expect the next beat.
    pub expect_next_ms: Option<u64>,
}

fn one() -> u64 {
    1
}

impl<'a> From<&'a BeatFact> for BeatLine<'a> {
    fn from(beat: &'a BeatFact) -> Self {
        Self {
            status: Cow::Borrowed(&beat.status),
            tokens: beat.tokens,
            cycles: beat.cycles,
            expect_next_ms: beat.expect_next_ms,
        }
    }
}

/// Reads the line of a beat as far as a look at its agent wants it; `None` if it is torn.
#[must_use]
pub fn beat(line: &[u8]) -> Option<BeatLine<'_>> {
    serde_json::from_slice(line).ok()
}

/// As [`write()`] puts it there.
fn as_written(line: &[u8]) -> Option<Head<'_>> {
    let (ts, rest) = line.strip_prefix(b"{\"ts\":\"")?.split_at_checked(24)?;
    let rest = rest.strip_prefix(b"\",\"seq\":")?;
    let (seq, rest) = rest.split_at(rest.iter().position(|byte| !byte.is_ascii_digit())?);
    let rest = rest.strip_prefix(b",\"event\":\"")?;
    let (event, _) = rest.split_at(rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?);
    let text = |bytes| std::str::from_utf8(bytes).ok();
    Some(Head { ts: text(ts)?, seq: text(seq)?.parse().ok()?, event: text(event)? })
}

/// Whether a line is whole.
#[must_use]
pub fn is_whole(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

/// Reads one line, without its newline. `None` if it is torn or no record at all.
#[must_use]
pub fn read(line: &[u8]) -> Option<Record> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let ts = stamp::parse_utc(value.get("ts")?.as_str()?)?;
    let seq = value.get("seq")?.as_u64()?;
    let event = value.get("event")?.as_str()?.to_owned();
    let line = String::from_utf8(line.to_vec()).ok()?;
    let fact = serde_json::from_value(value).ok();
    Some(Record { ts, seq, fact, event, line })
}

/// What a line holds besides its head, as JSON; of what is no object, all of it.
#[must_use]
pub fn rest(line: &str) -> String {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(line) else { return line.to_owned() };
    fields.retain(|key, _| !matches!(key.as_str(), "ts" | "seq" | "event"));
    Value::Object(fields).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let fact = Fact::Late { incarnation: 3, silent_ms: 60_000 };
        let line = write(Wall(1_795_392_664_461), 7, &fact).unwrap();
        let text = r#"{"ts":"2026-11-23T00:11:04.461Z","seq":7,"event":"late","incarnation":3,"silent_ms":60000}"#;
        assert_eq!(std::str::from_utf8(&line).unwrap(), format!("{text}\n"));
        let record = read(text.as_bytes()).unwrap();
        assert_eq!((record.seq, record.fact), (7, Some(fact)));
        assert_eq!(number(text.as_bytes()), Some(7));
        assert_eq!(number(&text.as_bytes()[..60]), None);
    }

    #[test]
    fn the_head_of_a_line_is_the_same_however_it_is_read() {
        let text = br#"{"ts":"2026-11-23T00:11:04.461Z","seq":7,"event":"late","incarnation":3}"#;
        let want = Head { ts: "2026-11-23T00:11:04.461Z", seq: 7, event: "late" };
        assert_eq!((as_written(text), want.at()), (Some(want), Some(Wall(1_795_392_664_461))));
        let other = br#"{ "event":"late","seq":7,"x":[1],"ts":"2026-11-23T00:11:04.461Z" }"#;
        assert_eq!((as_written(other), head(other)), (None, Some(want)));
        for end in 0..text.len() {
            assert!(!is_whole(&text[..end]));
            assert!(head(&text[..end]).is_none_or(|head| head.ts == want.ts && head.seq == 7));
        }
        assert_eq!(head(b"{\"ts\":\"x\""), None);
        assert_eq!(head(br#"["2026-11-23T00:11:04.461Z",7,"late"]"#), None);
    }

    #[test]
    fn an_event_from_the_future_is_kept_as_text_and_a_torn_line_is_not() {
        let line = br#"{"ts":"2026-11-23T00:11:04.461Z","seq":8,"event":"telepathy","depth":3}"#;
        let record = read(line).unwrap();
        assert_eq!((record.event.as_str(), record.fact), ("telepathy", None));
        assert_eq!(rest(&record.line), r#"{"depth":3}"#);
        assert_eq!(read(&line[..40]), None);
        assert_eq!(read(b""), None);
        assert_eq!(read(b"42"), None);
    }
}
