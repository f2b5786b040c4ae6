//! The configuration file with every key and its default, as shipped and as `init config` writes it.

use super::keys::Key;

/// `config/agentwatch.toml`: every key that a file may hold, commented out, with its default. A
/// test holds it to the key table.
pub const TEXT: &str = include_str!("../../config/agentwatch.toml");

/// The line that sets `key` to its default, or to an example where there is none, without its
/// table: `interval = "60s"`.
#[must_use]
pub fn line(key: &Key) -> String {
    let name = key.path.rsplit('.').next().unwrap_or(key.path);
    let sample = key.sample();
    if key.kind.is_bare() { format!("{name} = {sample}") } else { format!("{name} = \"{sample}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document;
    use crate::config::keys::{Fallback, KEYS};

    #[test]
    fn the_shipped_file_sets_nothing_as_it_is() {
        assert!(document::parse(TEXT, "template").unwrap().entries.is_empty());
    }

    #[test]
    fn the_shipped_file_holds_every_key_with_its_default_and_nothing_else() {
        // Settings are commented out as `#key`, prose as `# text`.
        let uncommented: String = TEXT
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let mut found: Vec<(&str, String)> = document::parse(&uncommented, "template")
            .unwrap()
            .entries
            .into_iter()
            .map(|entry| (entry.key.path, entry.read.text))
            .collect();
        let mut expected: Vec<(&str, String)> =
            KEYS.iter().map(|key| (key.path, shown(key).to_owned())).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    /// As it is shown: not all of what may be secret.
    fn shown(key: &Key) -> &'static str {
        match key.path {
            "alert.sinks" => "warning@ntfy",
            "alert.ping_url" => "https:…",
            "alert.smtp" => "smtps:…",
            _ => key.sample(),
        }
    }

    #[test]
    fn the_help_of_each_key_stands_before_it() {
        for key in KEYS {
            let unset = matches!(key.fallback, Fallback::Open { .. });
            let line = format!("#{}\n", line(key));
            // Two tables may have a key of the same name.
            let table = key.path.split_once('.').map(|(table, _)| format!("[{table}]\n"));
            let (_, within) = TEXT.split_once(&table.unwrap_or_default()).unwrap();
            let (before, _) = within.split_once(&line).unwrap_or_else(|| panic!("no {line}"));
            let help = before.lines().next_back().unwrap_or_default();
            assert!(help.contains(key.help), "{}: {help}", key.path);
            assert_eq!(help.contains("(default: "), unset, "{}: {help}", key.path);
        }
    }
}
