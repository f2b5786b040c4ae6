//! A configuration file, from its text to resolved settings: errors are one short line, values come back.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::sync::OnceLock;

use agentwatch::config::files::{Found, Source};
use agentwatch::config::kind::Kind;
use agentwatch::config::resolve::run_with;
use agentwatch::config::{Origin, Resolved, Surroundings, command_arg, run_flags, show, value};
use agentwatch::core::rule::RULES_MAX;
use agentwatch::core::settings::Settings;
use clap::ArgMatches;

use super::{assert_plain, assert_words};

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for defines in [false, true] {
        match resolve(text, defines) {
            Ok(resolved) => sound(&resolved),
            Err(words) => assert_words(&words),
        }
    }
}

/// As `run` does it, without a file system: the text is the local file, or the definition of an agent.
pub fn resolve(text: &str, defines: bool) -> Result<Resolved, String> {
    static MATCHES: OnceLock<ArgMatches> = OnceLock::new();
    let matches = MATCHES.get_or_init(|| {
        let run = clap::Command::new("run").no_binary_name(true);
        run.args(run_flags()).arg(command_arg()).get_matches_from(["crawler"])
    });
    let around = Surroundings {
        cwd: "/work".into(),
        home: Some("/home/me".into()),
        uid: 1000,
        ..Surroundings::default()
    };
    let shown = "agentwatch.toml".to_owned();
    let source = Source { shown, folder: "/work".into(), text: text.to_owned(), defines };
    let agent = defines.then(|| "crawler".to_owned());
    let found = Found { sources: vec![source], agent, ..Found::default() };
    run_with(matches, &around, found).map_err(|error| error.to_string())
}

fn sound(resolved: &Resolved) {
    let shown = show::text(resolved);
    shown.lines().for_each(assert_plain);
    assert!(show::json(resolved).is_object());
    assert!(resolved.rules.len() <= RULES_MAX);
    let mut written = String::new();
    for one in &resolved.values {
        let Some(text) = &one.value else { continue };
        let from_file = matches!(one.origin, Origin::File { .. });
        if one.key.kind == Kind::Command || !from_file {
            continue;
        }
        let read = value::from_text(one.key.kind, OsStr::new(text));
        assert_eq!(read.as_ref().map(|read| &read.text), Ok(text), "{}", one.key.path);
        let text = match one.key.kind {
            Kind::Count { .. } | Kind::Bool => text.clone(),
            _ => quoted(text),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(written, "{} = {text}", one.key.path);
    }
    let again = resolve(&written, false).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert_eq!(again.settings, Settings { rules: Vec::new(), ..resolved.settings.clone() });
}

/// As TOML writes a text.
fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
