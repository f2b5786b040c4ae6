//! A file of variables: what is read comes back, and an error says where, and nothing of what stands there.

use std::fmt::Write as _;

use agentwatch::config::variables::{Variables, parse};

use super::assert_words;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match parse(text) {
        Ok(variables) => {
            let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
            assert!(bytes <= text.len());
            let written = write(&variables);
            assert!(parse(&written).as_ref() == Ok(&variables), "{written:?}");
        }
        Err(torn) => {
            assert!((1..=text.split('\n').count()).contains(&torn.line));
            assert_words(torn.words);
        }
    }
}

fn write(variables: &Variables) -> String {
    let mut written = String::new();
    for (name, value) in variables.iter() {
        let escape = |c: char| match c {
            '"' | '\\' => format!("\\{c}"),
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            c => c.to_string(),
        };
        let value: String = value.chars().map(escape).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(written, "export {name} = \"{value}\"  # as it was");
    }
    written
}
