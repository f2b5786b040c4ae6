//! Printed Python values: what is taken for one is bounded, and comes back as it was.

use std::fmt::Write as _;

use agentwatch::wire::python::{DEPTH_MAX, to_json};
use serde_json::Value;

pub fn check(data: &[u8]) {
    let mut out = Vec::new();
    let read = to_json(data, &mut out);
    assert!(out.len() <= 3 * data.len() + 2, "{} from {}", out.len(), data.len());
    if !read {
        return;
    }
    let Ok(value) = serde_json::from_slice::<Value>(&out) else { return };
    let written = literal(&value);
    let mut again = Vec::new();
    assert!(depth(&value) <= DEPTH_MAX && to_json(written.as_bytes(), &mut again), "{written}");
    let again: Value = serde_json::from_slice(&again).unwrap();
    // A fraction may move by its last bit.
    if !written.contains(['.', 'e']) {
        assert_eq!(again, value, "{written}");
    }
}

/// How deep lists and objects nest.
pub fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// A value as Python's `repr` writes it.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(literal).collect();
            match items.as_slice() {
                // A tuple now and then.
                [one] => format!("({one},)"),
                items => format!("[{}]", items.join(", ")),
            }
        }
        Value::Object(map) => {
            let item =
                |(key, value): (&String, &Value)| format!("{}: {}", quoted(key), literal(value));
            format!("{{{}}}", map.iter().map(item).collect::<Vec<_>>().join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = "'".to_owned();
    for c in text.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if u32::from(c) < 0x100 && c.is_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "'"
}
