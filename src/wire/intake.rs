//! Heartbeats of other people's clients as beats of ours: `ClevAgent`'s POST, and pings as healthchecks.io takes them.

use serde_json::{Map, Value};

use crate::core::beat::clip;

use super::beat::{MESSAGE_MAX, NAME_MAX};
use super::plain::plain;

/// Beats that one POST may bring; the client sends one a minute, and batches what it could not send.
pub const BATCH_MAX: usize = 1_000;

/// Fields of a heartbeat that a beat has too, by the same name.
const SAME: [&str; 14] = [
    "tokens_used",
    "tokens_total",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "cost_usd",
    "tool_calls",
    "cycle",
    "model",
    "checkpoint",
    "expect_next",
    "retry_after",
];

/// Those that have another name there: theirs, ours.
const OTHER: [(&str, &str); 2] = [("cost", "cost_usd"), ("iteration_count", "cycle")];

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A heartbeat, or many, as JSON.
    Heartbeats,
    /// Whether somebody listens.
    Status,
    /// A ping.
    Ping(Ping),
    /// Nothing that is known.
    Unknown,
}

/// A ping: the URL is all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// The ping key before a slug: what healthchecks.io knows a project by.
    pub pass: Option<String>,
    /// A UUID, a slug or the agent's name.
    pub key: String,
    /// What it says.
    pub signal: Signal,
}

/// What a ping says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Done, and well.
    Success,
    /// A job begins.
    Start,
    /// A job failed.
    Fail,
    /// Only words.
    Log,
    /// A job ended with this code; 0 is [`Signal::Success`].
    Exit(u8),
}

impl Route {
    /// What is meant by a path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let path = path.trim_end_matches('/');
        match path {
            "/api/v1/heartbeat" | "/api/v1/heartbeat/batch" | "/api/v1/heartbeats" => {
                return Self::Heartbeats;
            }
            "/api/v1/heartbeat/status" | "/api/v1/status" | "" => return Self::Status,
            _ => {}
        }
        let parts: Option<Vec<String>> = path.split('/').skip(1).map(decoded).collect();
        let Some(parts) = parts else { return Self::Unknown };
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        // An instance of one's own has its pings below /ping.
        let parts = match parts.as_slice() {
            ["ping", rest @ ..] if rest.first().is_some_and(|word| Signal::of(word).is_none()) => {
                rest
            }
            all => all,
        };
        let (pass, key, signal) = match *parts {
            [key] => (None, key, Signal::Success),
            [first, last] => match Signal::of(last) {
                Some(signal) => (None, first, signal),
                None => (Some(first), last, Signal::Success),
            },
            [pass, key, last] => match Signal::of(last) {
                Some(signal) => (Some(pass), key, signal),
                None => return Self::Unknown,
            },
            _ => return Self::Unknown,
        };
        if key.is_empty() || pass.is_some_and(str::is_empty) {
            return Self::Unknown;
        }
        Self::Ping(Ping { pass: pass.map(str::to_owned), key: key.to_owned(), signal })
    }
}

impl Signal {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "start" => Self::Start,
            "fail" => Self::Fail,
            "log" => Self::Log,
            "0" => Self::Success,
            code => {
                let digits = code.bytes().all(|digit| digit.is_ascii_digit());
                Self::Exit(code.parse().ok().filter(|_| digits)?)
            }
        })
    }

    /// The ping as a beat of ours, with the end of what came along.
    ///
    /// A beginning and mere words are signs of life inside a cycle (`busy`); a success ends it.
    #[must_use]
    pub fn beat(self, body: &[u8]) -> String {
        let text = one_line(body);
        let (status, word) = match self {
            Self::Success => ("ok", String::new()),
            Self::Start | Self::Log => ("busy", String::new()),
            Self::Fail => ("error", "failed".to_owned()),
            Self::Exit(code) => ("error", format!("exit {code}")),
        };
        let room = MESSAGE_MAX - word.len() - 8;
        let end = &text[text.ceil_char_boundary(text.len().saturating_sub(room))..];
        let cut = if end.len() < text.len() { "… " } else { "" };
        let message = match (word.as_str(), end) {
            ("", end) => format!("{cut}{end}"),
            (word, "") => word.to_owned(),
            (word, end) => format!("{word}: {cut}{end}"),
        };
        let mut fields = Map::new();
        fields.insert("status".to_owned(), status.into());
        if !message.is_empty() {
            fields.insert("message".to_owned(), message.into());
        }
        Value::Object(fields).to_string()
    }
}

/// Text for a message, which is one line.
fn one_line(text: &[u8]) -> String {
    let space = |&byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte };
    plain(&text.trim_ascii().iter().map(space).collect::<Vec<u8>>())
}

/// A heartbeat: whom it names, and the beat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The agent, as its client calls it.
    pub key: String,
    /// The beat as a line.
    pub line: String,
}

/// The heartbeats of a POST: one object, a list of them, or an object with such a list in it.
///
/// # Errors
/// It is none of that, in words.
pub fn heartbeats(body: &[u8]) -> Result<Vec<Heartbeat>, String> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
    let list = match value {
        Value::Array(list) => list,
        Value::Object(mut fields) if !fields.contains_key("agent") => {
            let list = fields.values_mut().find(|value| value.is_array()).map(Value::take);
            match list {
                Some(Value::Array(list)) => list,
                _ => return Err("no \"agent\": whose heartbeat is it?".to_owned()),
            }
        }
        one => vec![one],
    };
    if BATCH_MAX < list.len() {
        return Err(format!("{} heartbeats at once; at most {BATCH_MAX}", list.len()));
    }
    list.into_iter().map(heartbeat).collect()
}

fn heartbeat(value: Value) -> Result<Heartbeat, String> {
    let Value::Object(theirs) = value else {
        return Err("a heartbeat that is no object".to_owned());
    };
    let Some(Value::String(key)) = theirs.get("agent") else {
        return Err("no \"agent\": whose heartbeat is it?".to_owned());
    };
    let mut ours = Map::new();
    for (name, field) in SAME.map(|name| (name, name)).into_iter().chain(OTHER) {
        match theirs.get(name) {
            None | Some(Value::Null) => {}
            Some(value) if !ours.contains_key(field) => {
                ours.insert(field.to_owned(), small(value));
            }
            Some(_) => {}
        }
    }
    if let Some(status) = theirs.get("status").filter(|status| !status.is_null()) {
        let status = match status {
            Value::String(word) if word == "shutdown" => "shutting_down".into(),
            other => small(other),
        };
        ours.insert("status".to_owned(), status);
    }
    if let Some(Value::String(message)) = theirs.get("message") {
        let message = one_line(message.as_bytes());
        ours.insert("message".to_owned(), clip(&message, MESSAGE_MAX).into());
    }
    Ok(Heartbeat { key: key.clone(), line: Value::Object(ours).to_string() })
}

/// A value of a field, never long: what has no place in a field becomes a word, and is refused by its name.
fn small(value: &Value) -> Value {
    match value {
        Value::String(text) => clip(text, NAME_MAX).into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
        other => other.clone(),
    }
}

/// `%41` → `A`; `None` for what is no UTF-8, or a `%` without its digits.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = behind;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::super::beat::{Parsed, parse_any};
    use super::*;

    #[test]
    fn pings_are_read_as_healthchecks_io_reads_them() {
        let uuid = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278";
        let ping = |pass: Option<&str>, key: &str, signal| {
            Route::Ping(Ping { pass: pass.map(str::to_owned), key: key.to_owned(), signal })
        };
        let table = [
            (format!("/{uuid}"), ping(None, uuid, Signal::Success)),
            (format!("/{uuid}/"), ping(None, uuid, Signal::Success)),
            (format!("/{uuid}/start"), ping(None, uuid, Signal::Start)),
            (format!("/{uuid}/fail"), ping(None, uuid, Signal::Fail)),
            (format!("/{uuid}/log"), ping(None, uuid, Signal::Log)),
            (format!("/{uuid}/0"), ping(None, uuid, Signal::Success)),
            (format!("/{uuid}/137"), ping(None, uuid, Signal::Exit(137))),
            (format!("/ping/{uuid}/3"), ping(None, uuid, Signal::Exit(3))),
            ("/fqOOd6-F4MMNuCEnzTU01w/db-backup".into(), {
                ping(Some("fqOOd6-F4MMNuCEnzTU01w"), "db-backup", Signal::Success)
            }),
            ("/k/db-backup/fail".into(), ping(Some("k"), "db-backup", Signal::Fail)),
            ("/ping/k/db-backup/fail".into(), ping(Some("k"), "db-backup", Signal::Fail)),
            ("/ping/start".into(), ping(None, "ping", Signal::Start)),
            ("/ping".into(), ping(None, "ping", Signal::Success)),
            ("/my%20agent".into(), ping(None, "my agent", Signal::Success)),
            ("/a/256".into(), ping(Some("a"), "256", Signal::Success)),
        ];
        for (path, want) in table {
            assert_eq!(Route::of(&path), want, "{path}");
        }
        for path in ["/a//start", "//a", "/a/b/c", "/a/b/c/d", "/%zz", "/%f", "/%ff", "*", "x"] {
            let route = Route::of(path);
            assert!(route == Route::Unknown, "{path}: {route:?}");
        }
        assert_eq!(Route::of("/"), Route::Status);
        assert_eq!(Route::of("/api/v1/heartbeat"), Route::Heartbeats);
    }

    #[test]
    fn every_ping_is_a_beat() {
        let table: [(Signal, &[u8], &str); 8] = [
            (Signal::Success, b"", r#"{"status":"ok"}"#),
            (Signal::Start, b"", r#"{"status":"busy"}"#),
            (Signal::Log, b"page 7\r\nof 9\n", r#"{"message":"page 7  of 9","status":"busy"}"#),
            (Signal::Fail, b"", r#"{"message":"failed","status":"error"}"#),
            (Signal::Fail, b"\x1b[31mno\n", r#"{"message":"failed: no","status":"error"}"#),
            (Signal::Exit(3), b"", r#"{"message":"exit 3","status":"error"}"#),
            (Signal::Exit(3), b"no disk", r#"{"message":"exit 3: no disk","status":"error"}"#),
            (Signal::Success, b"\xff", "{\"message\":\"\u{fffd}\",\"status\":\"ok\"}"),
        ];
        for (signal, body, want) in table {
            assert_eq!(signal.beat(body), want);
            assert!(matches!(parse_any(want.as_bytes()), Parsed::Beat(_)), "{want}");
        }
        let long = Signal::Fail.beat(format!("{}é the end", "é".repeat(2_000)).as_bytes());
        assert!(long.contains("failed: … é") && long.contains("the end"), "{long}");
        let Parsed::Beat(beat) = parse_any(long.as_bytes()) else { panic!("{long}") };
        let message = beat.message.as_deref().unwrap();
        assert!(message.ends_with("the end") && message.len() <= MESSAGE_MAX);
    }

    #[test]
    fn a_heartbeat_of_clevagent_is_a_beat() {
        let body = br#"{"agent":"my-bot","status":"ok","message":"two\nlines","tokens_used":1234,"cost_usd":0.5,
            "tool_calls":3,"iteration_count":7,"memory_mb":100.5,"custom_data":"{\"a\":1}",
            "tool_call_log":[{"name":"x"}],"prompt_hashes":["ab"],"agent_type":"python"}"#;
        let all = heartbeats(body).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].key, "my-bot");
        let want = r#"{"cost_usd":0.5,"cycle":7,"message":"two lines","status":"ok","tokens_used":1234,"tool_calls":3}"#;
        assert_eq!(all[0].line, want);
        assert!(matches!(parse_any(want.as_bytes()), Parsed::Beat(_)));
        let down = heartbeats(br#"{"agent":"b","status":"shutdown","cost":1}"#).unwrap();
        assert_eq!(down[0].line, r#"{"cost_usd":1,"status":"shutting_down"}"#);
        let bare = heartbeats(br#"{"agent":"b"}"#).unwrap();
        assert!(matches!(parse_any(bare[0].line.as_bytes()), Parsed::Beat(_)), "{}", bare[0].line);
        let wrong = heartbeats(br#"{"agent":"b","tokens_used":[1,2]}"#).unwrap();
        assert!(matches!(parse_any(wrong[0].line.as_bytes()), Parsed::Bad(_)), "{}", wrong[0].line);
    }

    #[test]
    fn batches_and_what_is_none() {
        let two = br#"{"heartbeats":[{"agent":"a"},{"agent":"b"}]}"#;
        assert_eq!(heartbeats(two).unwrap().len(), 2);
        assert_eq!(heartbeats(br#"[{"agent":"a"}]"#).unwrap().len(), 1);
        assert_eq!(heartbeats(b"[]").unwrap().len(), 0);
        for bad in ["", "{", "{}", "1", "[1]", r#"{"agent":7}"#, r#"[{"agent":"a"},{}]"#] {
            assert!(heartbeats(bad.as_bytes()).is_err(), "{bad}");
        }
        let many = format!("[{}]", vec!["{\"agent\":\"a\"}"; BATCH_MAX + 1].join(","));
        assert!(heartbeats(many.as_bytes()).unwrap_err().contains("at most"));
        let deep = "[".repeat(100_000);
        assert!(heartbeats(deep.as_bytes()).is_err());
    }
}
