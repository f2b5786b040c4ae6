//! Reads one line of output as a beat: JSON or a printed Python dict, or what is wrong with it.

mod any;
pub(super) mod fields;
mod named;
mod quick;
mod record;
#[cfg(test)]
mod tests;
mod usage;

use crate::core::beat::{Beat, Status, TOKENS_MAX, clip};
use crate::wire::{ansi, python};
use fields::{Fields, Value};
use memchr::{memchr, memchr2_iter};
use std::fmt;
use std::time::Duration;

pub use any::{parse_any, too_long_for_any};
pub use named::Named;

/// How much of an agent's or a model's name is kept, in bytes.
pub const NAME_MAX: usize = 128;

/// How much of a message is kept, in bytes.
pub const MESSAGE_MAX: usize = 1024;

/// The longest beat that is read inside the message of a log record, in bytes. A cut one is none.
const NESTED_MAX: usize = 4096;

/// The longest that `retry_after` may ask for: no quota runs longer than a month. More is a bad beat.
pub const RETRY_MAX: Duration = Duration::from_hours(30 * 24);

/// The most that one cycle may claim to have cost, in USD; more is a bad beat, not a bill.
pub const COST_MAX: f64 = 1e9;

/// The longest that `expect_next` may ask for; more means this. Settings allow far less.
pub const EXPECT_MAX: Duration = Duration::from_hours(366 * 24);

/// How long a [`Reason`] is at most, in bytes: it goes to the journal and to a terminal.
pub const REASON_MAX: usize = 160;

/// The longest known key, `cache_write_1h_tokens`.
const KEY_MAX: usize = 21;

/// What a line is.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// A beat, every number of it checked.
    Beat(Box<Beat>),
    /// Meant as a beat and wrong: to be counted and journaled, never to change health.
    Bad(Reason),
    /// Anything else that an agent may print.
    Stranger,
}

/// Why a beat is a bad one, in words: field, value, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(Box<str>);

impl Reason {
    pub(in crate::wire) fn new(text: &str) -> Self {
        Self(clip(text, REASON_MAX).into())
    }

    /// The words; at most [`REASON_MAX`] bytes, without control characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a line from stdout, from its first `{` on and without its line end.
///
/// Colours are taken out. Only the top level counts, of a repeated key the last one, and `null` is as
/// good as absent. A beat is marked by a string `agent` or any `tokens_used`, beside a second known
/// field; or by one of the six words as `status`, beside a `ts`. In a log record, which its level gives
/// away, time and message are the logger's: there `agent` wants a figure or one of the six words beside
/// it. The one place below the top level is what the caller said of a log record: its message, if that
/// is a beat as a whole, and what loguru has under `record`. Marked and with a wrong value is
/// [`Parsed::Bad`]; so is a line that cannot be read but shows such keys. The time it takes is linear
/// in the line, and no nesting overflows the stack.
#[must_use]
pub fn parse(line: &[u8]) -> Parsed {
    let line = ansi::strip(line);
    if quick::may_be_beat(&line) { judge(&line) } else { Parsed::Stranger }
}

/// The verdict, whatever the quick look at a line says.
fn judge(line: &[u8]) -> Parsed {
    judge_at(line, true)
}

/// As [`judge`]; `top` is false for what a log record has as its message, which nests no further.
fn judge_at(line: &[u8], top: bool) -> Parsed {
    let Some(inside) = line.trim_ascii_start().strip_prefix(b"{") else {
        return Parsed::Stranger;
    };
    let Ok(text) = std::str::from_utf8(line) else {
        return unreadable(line, top, "it is not UTF-8");
    };
    // Python prefers single quotes, which JSON does not know: the first key tells them apart.
    if inside.trim_ascii_start().first() == Some(&b'\'') {
        return parse_dict(line, top);
    }
    let error = match read(text) {
        Ok(fields) => return fields.judge(top),
        Err(error) => error,
    };
    if let Some(Ok(fields)) = without_lone_surrogates(text).as_deref().map(read) {
        return fields.judge(top);
    }
    let why = error.to_string().replace("line 1 column", "column");
    unreadable(line, top, &format!("not JSON: {why}"))
}

fn parse_dict(line: &[u8], top: bool) -> Parsed {
    let mut json = Vec::new();
    if !python::to_json(line, &mut json) {
        let why = "not a Python dict of plain values (nan, inf and objects are none)";
        return unreadable(line, top, why);
    }
    match std::str::from_utf8(&json).map(read) {
        Ok(Ok(fields)) => fields.judge(top),
        Ok(Err(_)) | Err(_) => {
            unreadable(line, top, "not a Python dict: a comma or colon is wrong")
        }
    }
}

/// What a line is that was too long to be kept, by its first bytes: a bad beat or a stranger.
#[must_use]
pub fn too_long(start: &[u8]) -> Parsed {
    unreadable(&ansi::strip(start), true, "longer than 256 KiB")
}

impl Fields<'_> {
    /// Names of other types are other people's fields (`"agent": {…}` or `"status": 200` in logs), so
    /// they do not count.
    fn is_marked(&self, is_record: bool) -> bool {
        let word = matches!(&self.status, Value::Text(word)
            if !matches!(Status::from_word(word), Status::Other(_)));
        let figures = [
            &self.tokens_total,
            &self.input_tokens,
            &self.output_tokens,
            &self.cache_read_tokens,
            &self.cache_write_tokens,
            &self.cost_usd,
            &self.cycle,
            &self.tool_calls,
            &self.expect_next,
            &self.retry_after,
            &self.retry_after_ms,
        ];
        let figures = figures.into_iter().any(Value::is_set)
            || self.usage.as_ref().is_some_and(|usage| usage.tells());
        let (agent, used) = (self.agent.is_text(), self.tokens_used.is_set());
        if is_record {
            let said = [&self.message, &self.msg, &self.event, &self.model];
            let said = said.into_iter().any(Value::is_text);
            return (agent && (used || figures || word))
                || (used && (figures || word || said || agent));
        }
        let has_ts = self.ts.is_text() || self.ts.number().is_some();
        // An access log may have its codes as text.
        let status = self.status.is_text() && !self.status.is_digits();
        let known = figures || has_ts || status || self.model.is_text() || self.message.is_text();
        let said = self.msg.is_text() || self.event.is_text();
        (agent && (known || used)) || (used && (known || said || agent)) || (word && has_ts)
    }

    fn judge(&self, top: bool) -> Parsed {
        let is_record = self.level.is_set();
        if self.is_marked(is_record) {
            return self.checked();
        }
        if !top {
            return Parsed::Stranger;
        }
        if let Some(record) = &self.record {
            let Some(bound) = record.bound() else { return Parsed::Stranger };
            // What was said is beside what was bound, as in a flat record.
            let said = bound.tokens_used.is_set() && record.message.is_text();
            if said || bound.is_marked(true) {
                return bound.checked();
            }
            return record.message.judge_inside();
        }
        let said = [&self.message, &self.msg, &self.event].into_iter().find(|said| said.is_text());
        match said {
            Some(said) if is_record => said.judge_inside(),
            Some(_) | None => Parsed::Stranger,
        }
    }

    fn checked(&self) -> Parsed {
        match self.beat() {
            Ok(beat) => Parsed::Beat(Box::new(beat)),
            Err(reason) => Parsed::Bad(reason),
        }
    }

    fn beat(&self) -> Result<Beat, Reason> {
        let mut beat = self.own()?;
        if let Some(usage) = &self.usage {
            let reading = usage.reading([beat.input_tokens, beat.output_tokens])?;
            // Whoever counts for himself has counted all of it.
            beat.tokens_used =
                beat.tokens_used.or(reading.tokens.filter(|_| beat.tokens_total.is_none()));
            beat.input_tokens = reading.input_tokens;
            beat.output_tokens = reading.output_tokens;
            beat.cache_read_tokens = beat.cache_read_tokens.or(reading.cache_read_tokens);
            beat.cache_write_tokens = beat.cache_write_tokens.or(reading.cache_write_tokens);
        }
        Ok(beat)
    }

    /// By a beat's own names alone.
    fn own(&self) -> Result<Beat, Reason> {
        Ok(Beat {
            agent: self.agent.text(NAME_MAX),
            status: match &self.status {
                Value::Absent => Status::default(),
                Value::Text(word) => Status::from_word(word),
                other => return Err(other.wrong("status", "a word such as \"ok\"")),
            },
            tokens_used: self.tokens_used.whole("tokens_used", TOKENS_MAX)?,
            tokens_total: self.tokens_total.whole("tokens_total", TOKENS_MAX)?,
            input_tokens: self.input_tokens.whole("input_tokens", TOKENS_MAX)?,
            output_tokens: self.output_tokens.whole("output_tokens", TOKENS_MAX)?,
            cache_read_tokens: self.cache_read_tokens.whole("cache_read_tokens", TOKENS_MAX)?,
            cache_write_tokens: self.cache_write_tokens.whole("cache_write_tokens", TOKENS_MAX)?,
            cache_write_1h_tokens: self
                .cache_write_1h_tokens
                .whole("cache_write_1h_tokens", TOKENS_MAX)?,
            cost_usd: self.cost_usd.amount("cost_usd", COST_MAX, "a number of USD")?,
            model: self.model.text(NAME_MAX),
            price: None,
            // No limit: a time in nanoseconds grows with progress too.
            cycle: self.cycle.whole("cycle", u64::MAX)?,
            tool_calls: self.tool_calls.whole("tool_calls", TOKENS_MAX)?,
            message: [&self.message, &self.msg, &self.event]
                .into_iter()
                .find_map(|said| said.text(MESSAGE_MAX)),
            expect_next: self
                .expect_next
                .amount("expect_next", f64::MAX, "a number of seconds")?
                .map(|seconds| Duration::from_secs_f64(seconds.min(EXPECT_MAX.as_secs_f64()))),
            retry_after: self.retry_after()?,
            ts: self.ts.number(),
            checkpoint: self.checkpoint()?,
            ..Beat::default()
        })
    }

    /// As JSON and Python have it, and as a text where there is nothing else (the notify socket).
    fn checkpoint(&self) -> Result<bool, Reason> {
        match &self.checkpoint {
            Value::Absent => Ok(false),
            Value::Bool(whole) => Ok(*whole),
            Value::Whole(number @ (0 | 1)) => Ok(*number == 1),
            Value::Text(word) if word == "true" || word == "1" => Ok(true),
            Value::Text(word) if word == "false" || word == "0" => Ok(false),
            other => Err(other.wrong("checkpoint", "true or false")),
        }
    }

    /// In whichever unit it stands there.
    fn retry_after(&self) -> Result<Option<Duration>, Reason> {
        let max = RETRY_MAX.as_secs_f64();
        let seconds = self.retry_after.amount("retry_after", max, "a number of seconds")?;
        let ms = "a number of milliseconds";
        let ms = self.retry_after_ms.amount("retry_after_ms", max * 1000.0, ms)?;
        Ok(seconds.or(ms.map(|ms| ms / 1000.0)).map(Duration::from_secs_f64))
    }
}

impl Value<'_> {
    /// What the message of a log record is, if it is a beat as a whole.
    fn judge_inside(&self) -> Parsed {
        match self {
            Value::Text(text) if text.len() < NESTED_MAX => judge_at(text.as_bytes(), false),
            _ => Parsed::Stranger,
        }
    }

    /// Whether it is a code in the place of a word.
    fn is_digits(&self) -> bool {
        matches!(self, Value::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

/// `serde_json` reads to the end of the text: junk behind the object is an error.
fn read(json: &str) -> Result<Fields<'_>, serde_json::Error> {
    serde_json::from_str(json)
}

/// What a line is that cannot be read: a beat gone wrong if it shows a beat's keys.
///
/// A brace before anything but a quote is somebody else's: `INFO span{id=1}: {"agent":…`. So is a message
/// that begins like an object and goes on like a text.
fn unreadable(line: &[u8], top: bool, why: &str) -> Parsed {
    let opened = line.trim_ascii_start().strip_prefix(b"{").unwrap_or(line).trim_ascii_start();
    let quoted = opened.first().is_none_or(|byte| matches!(byte, b'"' | b'\'' | b'b'));
    if top && quoted && shows_marker(line) {
        Parsed::Bad(Reason::new(why))
    } else {
        Parsed::Stranger
    }
}

/// Whether `tokens_used`, or `agent` and another known key, stand in it as quoted keys.
///
/// Where the text is torn nobody can tell how deep a key stands, so any depth will do.
fn shows_marker(line: &[u8]) -> bool {
    let mut known = Fields::default();
    let (mut agent, mut another) = (false, false);
    for at in memchr2_iter(b'"', b'\'', line) {
        match line.get(at..).and_then(key) {
            Some("tokens_used") => return true,
            Some("agent") => agent = true,
            Some(key) => another |= known.slot(key).is_some() && !record::is_logged(key),
            None => {}
        }
        if agent && another {
            return true;
        }
    }
    false
}

/// The key that a text starting with a quote starts with, if it may be a known one.
fn key(text: &[u8]) -> Option<&str> {
    let (&quote, body) = text.split_first()?;
    // Looks no further than the longest known key, so that many quotes cost no more than their number.
    let end = memchr(quote, body.get(..=KEY_MAX).unwrap_or(body))?;
    let (key, behind) = body.split_at_checked(end)?;
    // Torn right behind the key is still a key.
    let next = behind.get(1..)?.trim_ascii_start().first();
    if next.is_none_or(|&byte| byte == b':') { std::str::from_utf8(key).ok() } else { None }
}

/// The JSON with U+FFFD for every lone surrogate escape, or `None` if there is none.
///
/// A JavaScript agent that clips its message in the middle of an emoji prints one. The JSON
/// parser rightly refuses it; letting the agent die for it would be wrong.
fn without_lone_surrogates(json: &str) -> Option<String> {
    let (mut mended, mut rest, mut found) = (String::new(), json, false);
    // Ends: every escape takes two bytes at least.
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        let (plain, escape) = rest.split_at_checked(at)?;
        mended.push_str(plain);
        let length = match (utf16_unit(escape), escape.get(6..).and_then(utf16_unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        let (kept, behind) = escape.split_at_checked(length)?;
        let lone = length == 6 && matches!(utf16_unit(kept), Some(0xd800..=0xdfff));
        mended.push_str(if lone { "\\ufffd" } else { kept });
        found |= lone;
        rest = behind;
    }
    mended.push_str(rest);
    found.then_some(mended)
}

/// The code unit of the `\uXXXX` that a text starts with.
fn utf16_unit(text: &str) -> Option<u32> {
    let hex = text.strip_prefix("\\u")?.get(..4)?;
    // `from_str_radix` would take a sign.
    if hex.starts_with('+') { None } else { u32::from_str_radix(hex, 16).ok() }
}
