//! One line as a beat: bounded, and the same in other clothes (prefix, colours, Python, other spelling).

use agentwatch::core::beat::{Beat, Status, TOKENS_MAX};
use agentwatch::wire::beat::{
    COST_MAX, EXPECT_MAX, MESSAGE_MAX, NAME_MAX, Parsed, REASON_MAX, RETRY_MAX, parse, parse_any,
    too_long,
};
use agentwatch::wire::lines::{LINE_MAX, START_MAX};
use serde_json::{Map, Value, json};

use super::{assert_plain, lines, nearly, python};

/// What loggers and multiplexers put before a line.
const PREFIXES: [&str; 4] =
    ["", "INFO:root:", "2026-11-23 00:11:05,964 - worker - INFO - ", "\x1b[36magent-1  |\x1b[0m "];

pub fn check(data: &[u8]) {
    let parsed = parse(data);
    bounded(&parsed);
    let any = parse_any(data);
    bounded(&any);
    assert_eq!(any == Parsed::Stranger, data.trim_ascii().is_empty());
    let start = &data[..data.len().min(START_MAX)];
    assert!(!matches!(too_long(start), Parsed::Beat(_)));
    for parsed in [&parsed, &any] {
        if let Parsed::Beat(beat) = parsed {
            again(beat);
        }
    }
    if let Ok(Value::Object(fields)) = serde_json::from_slice(data) {
        clothes(&fields);
    }
    found(data);
}

/// Holds a verdict to its limits.
pub fn bounded(parsed: &Parsed) {
    match parsed {
        Parsed::Stranger => {}
        Parsed::Bad(reason) => {
            assert_plain(reason.as_str());
            assert!(reason.as_str().len() <= REASON_MAX);
        }
        Parsed::Beat(beat) => in_limits(beat),
    }
}

/// Holds a beat to its limits.
pub fn in_limits(beat: &Beat) {
    let length = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
    assert!(length(&beat.agent).max(length(&beat.model)) <= NAME_MAX);
    assert!(length(&beat.message) <= MESSAGE_MAX);
    assert!(beat.status.word().len() <= Status::WORD_MAX.max("shutting_down".len()));
    for tokens in [
        beat.tokens_used,
        beat.tokens_total,
        beat.input_tokens,
        beat.output_tokens,
        beat.cache_read_tokens,
        beat.cache_write_tokens,
        beat.cache_write_1h_tokens,
        beat.tool_calls,
    ] {
        assert!(tokens.is_none_or(|tokens| tokens <= TOKENS_MAX));
    }
    assert!(beat.cost_usd.is_none_or(|cost| (0.0..=COST_MAX).contains(&cost)));
    assert!(beat.expect_next.is_none_or(|time| time <= EXPECT_MAX));
    assert!(beat.retry_after.is_none_or(|time| time <= RETRY_MAX));
    assert!(beat.ts.is_none_or(f64::is_finite));
}

/// A beat that is written down and read again is the same one.
fn again(beat: &Beat) {
    let line = json!({
        "agent": beat.agent,
        "status": beat.status.word(),
        "tokens_used": beat.tokens_used,
        "tokens_total": beat.tokens_total,
        "input_tokens": beat.input_tokens,
        "output_tokens": beat.output_tokens,
        "cache_read_tokens": beat.cache_read_tokens,
        "cache_write_tokens": beat.cache_write_tokens,
        "cache_write_1h_tokens": beat.cache_write_1h_tokens,
        "cost_usd": beat.cost_usd,
        "model": beat.model,
        "cycle": beat.cycle,
        "tool_calls": beat.tool_calls,
        "message": beat.message,
        "expect_next": beat.expect_next.map(|time| time.as_secs_f64()),
        "retry_after": beat.retry_after.map(|time| time.as_secs_f64()),
        "ts": beat.ts,
    })
    .to_string();
    let read = parse_any(line.as_bytes());
    let Parsed::Beat(read) = &read else { panic!("{read:?} from {line}") };
    assert!(nearly(read.cost_usd, beat.cost_usd), "{line}");
    assert!(nearly(read.ts, beat.ts), "{line}");
    let seconds = |time: Option<std::time::Duration>| time.map(|time| time.as_secs_f64());
    assert!(nearly(seconds(read.expect_next), seconds(beat.expect_next)), "{line}");
    assert!(nearly(seconds(read.retry_after), seconds(beat.retry_after)), "{line}");
    let figures = |of: &Beat| Beat {
        cost_usd: None,
        ts: None,
        expect_next: None,
        retry_after: None,
        ..of.clone()
    };
    assert_eq!(figures(read), figures(beat), "{line}");
    if beat.agent.is_some() && beat.tokens_used.is_some() {
        assert_eq!(parse(line.as_bytes()), Parsed::Beat(read.clone()), "{line}");
    }
}

/// The same object says the same, however it is written and whatever stands around it.
fn clothes(fields: &Map<String, Value>) {
    let line = Value::Object(fields.clone()).to_string();
    let parsed = parse(line.as_bytes());
    let same = |other: &str, what: &str| {
        assert_eq!(parse(other.as_bytes()), parsed, "{what}: {other} for {line}");
    };
    same(&format!("\x1b[32m{line}\x1b[0m"), "coloured");
    let Some(body) = line.strip_prefix('{').and_then(|line| line.strip_suffix('}')) else { return };
    if body.is_empty() {
        return;
    }
    // Of a key with an escape in it nobody can tell quickly whether it is one that counts.
    same(&format!("{{{body},\"\\u007a\\u007a\":0}}"), "unhurried");
    same(&format!("{{ {body}\r}}"), "spaced");
    let value = Value::Object(fields.clone());
    if python::depth(&value) < agentwatch::wire::python::DEPTH_MAX {
        same(&python::literal(&value), "as a dict");
    }
    for prefix in PREFIXES {
        let stream = format!("{prefix}{line}\r\n");
        if line.len() < LINE_MAX {
            assert_eq!(
                lines::whole(stream.as_bytes()),
                [Ok(line.clone().into_bytes())],
                "{stream}"
            );
        }
    }
}

/// What is a candidate is found in the stream, too, behind anything that a logger writes.
fn found(data: &[u8]) {
    if data.first() != Some(&b'{') || data.contains(&b'\n') || LINE_MAX <= data.len() {
        return;
    }
    for prefix in PREFIXES {
        let stream = [prefix.as_bytes(), data, b"\r\n"].concat();
        assert_eq!(lines::whole(&stream), [Ok(data.to_vec())], "{prefix:?}");
    }
}
