//! One TOML text → the settings in it, each with its line; anything unknown is an error. Pure.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::error::{ConfigError, Origin};
use super::keys::{KEYS, Key};
use super::rules::{self, WrittenRule};
use super::{suggest, value};

/// The one list of tables.
const RULE: &str = "restart.rule";

/// A setting as a file gives it.
#[derive(Debug)]
pub struct Entry {
    /// Its key.
    pub key: &'static Key,
    /// Its value and text.
    pub read: value::Read,
    /// File and line.
    pub origin: Origin,
}

/// What a file says.
#[derive(Debug, Default)]
pub struct Contents {
    /// Its settings, in the order they stand there.
    pub entries: Vec<Entry>,
    /// Its restart rules, in that order too.
    pub rules: Vec<WrittenRule>,
}

/// Reads all settings of `text`, a file that people know as `shown`.
///
/// # Errors
/// The first thing from the top that is no TOML, no key, or no value of its key.
pub fn parse(text: &str, shown: &str) -> Result<Contents, ConfigError> {
    let document = Document { text, shown };
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        // An error without a place is about the end of the text.
        origin: document.at(error.span().map_or(text.len(), |span| span.start)),
        words: error.message().to_owned(),
    })?;
    let mut contents = Contents::default();
    document.table("", table.get_ref(), &mut contents)?;
    Ok(contents)
}

struct Document<'a> {
    text: &'a str,
    shown: &'a str,
}

impl Document<'_> {
    fn at(&self, offset: usize) -> Origin {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        let breaks = memchr::memchr_iter(b'\n', before).count();
        Origin::File { path: self.shown.to_owned(), line: breaks + 1 }
    }

    /// Walks a table; `prefix` is its path with a dot behind it, or empty at the top.
    ///
    /// Tables hold keys and no tables but at the top, so this goes one level down and no further.
    fn table(
        &self,
        prefix: &str,
        table: &DeTable<'_>,
        contents: &mut Contents,
    ) -> Result<(), ConfigError> {
        // The parser sorts by name; people fix a file from the top.
        let mut items: Vec<_> = table.iter().collect();
        items.sort_by_key(|(name, _)| name.span().start);
        for (name, written) in items {
            let path = format!("{prefix}{}", name.get_ref());
            if path == RULE {
                contents.rules = rules::read(written, &|offset| self.at(offset))?;
                continue;
            }
            match (find(&path), written.get_ref()) {
                (Some(Place::Key(key)), _) => {
                    contents.entries.push(self.entry(key, name, written)?);
                }
                (Some(Place::Table), DeValue::Table(inner)) => {
                    self.table(&format!("{path}."), inner, contents)?;
                }
                (Some(Place::Table), _) => {
                    return Err(ConfigError::NotATable {
                        origin: self.at(name.span().start),
                        example: example(&path),
                        table: path,
                    });
                }
                (None, written) => {
                    let what = if matches!(written, DeValue::Table(_)) { "table" } else { "key" };
                    let origin = self.at(name.span().start);
                    let meant = meant(&path, what);
                    return Err(ConfigError::Unknown { origin, what, name: path, meant });
                }
            }
        }
        Ok(())
    }

    fn entry(
        &self,
        key: &'static Key,
        name: &Spanned<DeString<'_>>,
        written: &Spanned<DeValue<'_>>,
    ) -> Result<Entry, ConfigError> {
        let origin = self.at(name.span().start);
        match value::from_toml(key.kind, written.get_ref()) {
            Ok(read) => Ok(Entry { key, read, origin }),
            Err(fault) => {
                let written = self.text.get(written.span()).unwrap_or_default().to_owned();
                Err(ConfigError::Value { origin, key: key.path, written, fault })
            }
        }
    }
}

enum Place {
    Key(&'static Key),
    Table,
}

fn find(path: &str) -> Option<Place> {
    let key = KEYS.iter().find(|key| key.path == path).map(Place::Key);
    key.or_else(|| tables().any(|table| table == path).then_some(Place::Table))
}

fn tables() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(|key| key.path.split_once('.').map(|(table, _)| table))
}

fn example(table: &str) -> String {
    let key = KEYS.iter().find(|key| key.path.split_once('.').is_some_and(|(of, _)| of == table));
    key.map_or_else(String::new, super::template::line)
}

/// The path that an unknown one was meant to be: a slip of the finger, the name of a flag, or a
/// key under the wrong table.
fn meant(path: &str, what: &str) -> Option<String> {
    if what == "table" {
        return suggest::nearest(path, tables()).map(str::to_owned);
    }
    let last = |path: &'static str| path.rsplit('.').next().unwrap_or(path);
    let written = path.rsplit('.').next().unwrap_or(path);
    let flag = written.replace('_', "-");
    let exact = KEYS.iter().find(|key| key.flag == Some(&flag) || last(key.path) == written);
    if let Some(key) = exact {
        return Some(key.path.to_owned());
    }
    let known = KEYS.iter().map(|key| key.path).chain([RULE]);
    if let Some(near) = suggest::nearest(path, known) {
        return Some(near.to_owned());
    }
    let near = suggest::nearest(written, KEYS.iter().map(|key| last(key.path)))?;
    KEYS.iter().find(|key| last(key.path) == near).map(|key| key.path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text, "agentwatch.toml").unwrap_err().to_string()
    }

    #[test]
    fn settings_are_found_with_their_lines_however_tables_are_written() {
        let text = "name = 'a'\n\n[heartbeat]\ninterval = '5s'\nmisses = 3\n";
        let dotted = "\n\nheartbeat.interval = '5s'\nheartbeat.misses = 3\nname = 'a'";
        let inline = "heartbeat = { misses = 3, interval = '5s' }\r\nname = 'a'\r\n";
        let got = |text| {
            parse(text, "f")
                .unwrap()
                .entries
                .into_iter()
                .map(|entry| format!("{} {}={}", entry.origin, entry.key.path, entry.read.text))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            got(text),
            ["f:1 name=a", "f:4 heartbeat.interval=5s", "f:5 heartbeat.misses=3"]
        );
        assert_eq!(
            got(dotted),
            ["f:3 heartbeat.interval=5s", "f:4 heartbeat.misses=3", "f:5 name=a"]
        );
        assert_eq!(
            got(inline),
            ["f:1 heartbeat.misses=3", "f:1 heartbeat.interval=5s", "f:2 name=a"]
        );
        assert!(got("").is_empty() && got("# nothing\n[heartbeat]\n[stop]").is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_with_line_key_value_and_way_out() {
        for (text, words) in [
            (
                "\n\n[heartbeat]\n\n\n\ninterval = \"60\"\n",
                "agentwatch.toml:7: heartbeat.interval = \"60\" has no unit; write \"60s\" or \"60m\"",
            ),
            (
                "[heartbeat]\ninterval = 60",
                "agentwatch.toml:2: heartbeat.interval = 60 has no unit; write \"60s\" or \"60m\"",
            ),
            (
                "[heartbeat]\n\nintervall = \"60s\"",
                "agentwatch.toml:3: unknown key heartbeat.intervall; did you mean heartbeat.interval?",
            ),
            (
                "interval = '5s'",
                "agentwatch.toml:1: unknown key interval; did you mean heartbeat.interval?",
            ),
            (
                "stop-timeout = '5s'",
                "agentwatch.toml:1: unknown key stop-timeout; did you mean stop.timeout?",
            ),
            (
                "[restart]\nstart_grace = '5s'",
                "agentwatch.toml:2: unknown key restart.start_grace; did you mean heartbeat.start_grace?",
            ),
            (
                "colldown = '5s'",
                "agentwatch.toml:1: unknown key colldown; did you mean restart.cooldown?",
            ),
            ("banana = 1", "agentwatch.toml:1: unknown key banana"),
            ("[[alert]]\nurl = 'x'", "agentwatch.toml:1: unknown key alert"),
            (
                "\n[heartbeats]\n",
                "agentwatch.toml:2: unknown table heartbeats; did you mean heartbeat?",
            ),
            ("[heartbeat.deep]\nx = 1", "agentwatch.toml:1: unknown table heartbeat.deep"),
            (
                "heartbeat = '60s'",
                "agentwatch.toml:1: heartbeat is a table; write [heartbeat] and under it interval = \"60s\"",
            ),
            ("[name]", "agentwatch.toml:1: name = [name] is a table; write text in quotes"),
            (
                "[restart]\npolicy = 'onfailure'",
                "agentwatch.toml:2: restart.policy = 'onfailure' is none of auto, always, on-failure, \
                 never; did you mean on-failure?",
            ),
            (
                "[restart]\nmax_failures = 0",
                "agentwatch.toml:2: restart.max_failures = 0 is out of range; write 1 to 1000",
            ),
            (
                "[output]\ncapture_stderr = 'no'",
                "agentwatch.toml:2: output.capture_stderr = 'no' is text; \
                 write true or false without quotes",
            ),
            (
                "name = \"\"\"a\nb\"\"\"",
                "agentwatch.toml:1: name = \"\"\"a\\nb\"\"\" is no name; write 1 to 64 letters, digits, \
                 \".\", \"_\" and \"-\", beginning with a letter, digit or \"_\"",
            ),
        ] {
            assert_eq!(error(text), words);
        }
    }

    #[test]
    fn the_first_thing_from_the_top_is_reported() {
        assert!(error("zebra = 1\napple = 1").contains(":1: unknown key zebra"));
    }

    #[test]
    fn broken_toml_is_placed_in_the_parsers_words_on_one_line() {
        for (text, start) in [
            ("a = ", "agentwatch.toml:1: not TOML: "),
            ("\n[heartbeat\n", "agentwatch.toml:2: not TOML: "),
            ("[stop]\ntimeout = 30s\n", "agentwatch.toml:2: not TOML: "),
            ("name = 'a'\nname = 'b'", "agentwatch.toml:2: not TOML: duplicate key"),
            ("[stop]\n[stop]", "agentwatch.toml:2: not TOML: duplicate key"),
            ("name = \"\u{1}\"", "agentwatch.toml:1: not TOML: "),
        ] {
            let words = error(text);
            assert!(words.starts_with(start), "{words}");
            assert!(!words.contains('\n'), "{words}");
        }
    }
}
