//! What a long look back wants of a beat, read from its line at a fraction of what a parser takes: a report of a
//! hundred agents reads millions of them.

use serde::Deserialize;

/// A beat, or several, as far as figures of a day are made of it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Glance {
    /// From which incarnation.
    pub incarnation: u32,
    /// How many beats.
    #[serde(default = "one")]
    pub beats: u64,
    /// How many cycles they ended.
    #[serde(default = "one")]
    pub cycles: u64,
    /// Tokens.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// Tokens that a cycle usually takes.
    #[serde(default)]
    pub usual: Option<u64>,
    /// USD, as far as that is known.
    #[serde(default)]
    pub cost_usd: Option<f64>,
    /// How many told tokens of which the cost is unknown, where that of others is known.
    #[serde(default)]
    pub cost_unknown: u64,
    /// When it said to expect the next beat.
    #[serde(default)]
    pub expect_next_ms: Option<u64>,
}

fn one() -> u64 {
    1
}

impl Glance {
    /// How many of these beats told tokens of which the cost is unknown.
    #[must_use]
    pub fn unpriced(&self) -> u64 {
        match (self.cost_usd, self.tokens) {
            (Some(_), _) => self.cost_unknown,
            (None, None | Some(0)) => 0,
            (None, Some(_)) => self.beats,
        }
    }
}

/// Reads the line of a beat, without its newline. `None` if it is torn or none.
#[must_use]
pub fn glance(line: &[u8]) -> Option<Glance> {
    by_hand(line).or_else(|| serde_json::from_slice(line).ok())
}

/// As the journal's writer puts it there: an object of numbers and plain words. Anything else is left to the
/// parser.
fn by_hand(line: &[u8]) -> Option<Glance> {
    let mut rest = line.strip_prefix(b"{")?;
    let mut incarnation = None;
    let mut seen = Glance {
        incarnation: 0,
        beats: 1,
        cycles: 1,
        tokens: None,
        usual: None,
        cost_usd: None,
        cost_unknown: 0,
        expect_next_ms: None,
    };
    loop {
        let (key, after) = word(rest)?;
        let after = after.strip_prefix(b":")?;
        let (value, after) = value(after)?;
        match key {
            b"incarnation" => incarnation = u32::try_from(number(value)?).ok(),
            b"beats" => seen.beats = number(value)?,
            b"cycles" => seen.cycles = number(value)?,
            b"tokens" => seen.tokens = Some(number(value)?),
            b"usual" => seen.usual = Some(number(value)?),
            b"cost_usd" => seen.cost_usd = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
            b"cost_unknown" => seen.cost_unknown = number(value)?,
            b"expect_next_ms" => seen.expect_next_ms = Some(number(value)?),
            _ => {}
        }
        rest = match after.split_first()? {
            (b',', after) => after,
            (b'}', []) => return Some(Glance { incarnation: incarnation?, ..seen }),
            _ => return None,
        };
    }
}

/// A string without escapes, and what follows it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let at = memchr::memchr2(b'"', b'\\', text)?;
    let (word, after) = text.split_at(at);
    Some((word, after.strip_prefix(b"\"")?))
}

/// A string without escapes, or a number; and what follows it.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    match text.first()? {
        b'"' => word(text),
        b'0'..=b'9' | b'-' => {
            let end = text.iter().position(|byte| matches!(byte, b',' | b'}'))?;
            Some(text.split_at(end))
        }
        _ => None,
    }
}

/// Nineteen digits at most: more may be too many for the number, which the parser finds out.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || 19 < digits.len() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = include_str!("../../tests/golden/journal.jsonl");

    #[test]
    fn by_hand_it_is_what_the_parser_reads() {
        let beats: Vec<&str> = GOLDEN.lines().filter(|line| line.contains("\"beat\"")).collect();
        assert!(beats.len() > 4);
        let mut read = 0;
        for line in beats {
            let line = format!("{{\"ts\":\"2026-11-23T00:11:04.461Z\",\"seq\":7,{}", &line[1..]);
            let parsed: Option<Glance> = serde_json::from_slice(line.as_bytes()).ok();
            assert!(parsed.is_some(), "{line}");
            assert_eq!(glance(line.as_bytes()), parsed, "{line}");
            read += u32::from(by_hand(line.as_bytes()).is_some());
            for end in 0..line.len() {
                assert_eq!(glance(&line.as_bytes()[..end]), None, "{}", &line[..end]);
            }
        }
        assert!(read > 3, "only {read} lines were read by hand");
    }

    #[test]
    fn what_is_odd_is_left_to_the_parser() {
        let odd = r#"{"incarnation":1,"status":"a \" b","tokens": 5,"x":{"tokens":9},"y":[1]}"#;
        assert_eq!(by_hand(odd.as_bytes()), None);
        assert_eq!(glance(odd.as_bytes()).and_then(|seen| seen.tokens), Some(5));
        for none in [
            "{}",
            "",
            "{",
            r#"{"incarnation":-1}"#,
            r#"{"incarnation":1,"tokens":99999999999999999999}"#,
            r#"{"incarnation":1,"tokens":1.5}"#,
            r#"{"incarnation":1,"tokens":1}x"#,
        ] {
            assert_eq!(glance(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn what_a_beat_cost_is_unknown_or_known_and_never_nothing() {
        let seen = |rest: &str| glance(format!("{{\"incarnation\":1{rest}}}").as_bytes()).unwrap();
        assert_eq!(seen("").unpriced(), 0);
        assert_eq!(seen(",\"tokens\":5,\"beats\":3").unpriced(), 3);
        assert_eq!(seen(",\"tokens\":5,\"cost_usd\":0.5").unpriced(), 0);
        assert_eq!(seen(",\"tokens\":5,\"cost_usd\":0.5,\"cost_unknown\":2").unpriced(), 2);
        assert_eq!(seen(",\"tokens\":5,\"cost_usd\":1e-7").cost_usd, Some(1e-7));
    }
}
