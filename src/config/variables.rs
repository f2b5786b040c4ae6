//! `env_file`: the text of a file of variables → names and values, which nobody ever sees. Pure.

use std::collections::BTreeMap;
use std::fmt;

use super::keys::OPT_PREFIX;

/// Variables with values that are secrets: they show their names alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Variables {
    /// Their names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Names and values, for the child alone.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The value of one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// A line that cannot be read. It does not say what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Counted from 1; of a value in several lines, the first.
    pub line: usize,
    /// What is wrong, with the way out.
    pub words: &'static str,
}

/// Reads `KEY=VALUE` lines: blank ones and `#` comments are skipped, `export ` may stand before a name,
/// a value may be quoted as in a shell and then go over several lines. Nothing is expanded. Of several
/// values of one name the last counts.
///
/// # Errors
/// The first line that is none of these.
pub fn parse(text: &str) -> Result<Variables, Torn> {
    let mut variables = BTreeMap::new();
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let end = rest.find('\n').unwrap_or(rest.len());
        let head = rest[..end].trim();
        if head.is_empty() || head.starts_with('#') {
            rest = rest.get(end + 1..).unwrap_or_default();
            line += 1;
            continue;
        }
        let torn = |words| Torn { line, words };
        let equals = rest[..end].find('=').ok_or(torn("no KEY=VALUE; add what is missing"))?;
        let name = name(&rest[..equals]).map_err(torn)?;
        let (value, used) = value(&rest[equals + 1..]).map_err(torn)?;
        if name.contains('\0') || value.contains('\0') {
            return Err(torn("a NUL, which no variable can hold; take it out"));
        }
        variables.insert(name.to_owned(), value);
        let used = equals + 1 + used;
        line += rest[..used].matches('\n').count();
        rest = &rest[used..];
    }
    Ok(Variables(variables))
}

fn name(written: &str) -> Result<&str, &'static str> {
    let written = written.trim();
    let name = match written.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start(),
        _ => written,
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if name.is_empty() || !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit())
    {
        return Err("no name of a variable before \"=\"; write letters, digits and \"_\"");
    }
    if name.starts_with(OPT_PREFIX) {
        return Err(
            "a setting of agentwatch, which is not read from here; write it as a key of the configuration",
        );
    }
    Ok(name)
}

/// The value that `text` begins with, and how many bytes it took, its line break included.
fn value(text: &str) -> Result<(String, usize), &'static str> {
    let blank = text.len() - text.trim_start_matches([' ', '\t']).len();
    if let Some(quote @ ('"' | '\'')) = text[blank..].chars().next() {
        let (value, used) = quoted(&text[blank + 1..], quote)
            .ok_or("a quote that is never closed; close it, or write the value without")?;
        let after = blank + 1 + used;
        let end = text[after..].find('\n').map_or(text.len(), |end| after + end);
        let tail = text[after..end].trim();
        if !tail.is_empty() && !tail.starts_with('#') {
            return Err("more behind the closing quote; put all of the value into the quotes");
        }
        return Ok((value, (end + 1).min(text.len())));
    }
    let end = text.find('\n').unwrap_or(text.len());
    let line = &text[..end];
    // `#` in the middle of a word belongs to it, as in a shell.
    let comment = line.find(" #").or_else(|| line.find("\t#")).unwrap_or(line.len());
    let line = if line.trim_start().starts_with('#') { "" } else { &line[..comment] };
    Ok((line.trim().to_owned(), (end + 1).min(text.len())))
}

/// What stands in quotes, and how many bytes that took with the closing one.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((value, at + 1)),
            '\\' if quote == '"' => match chars.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                c @ ('"' | '\\' | '$' | '`') => value.push(c),
                // A line that goes on, as in a shell.
                '\n' => {}
                other => value.extend(['\\', other]),
            },
            // Windows ends lines so, inside of a value too.
            '\r' if text[at + 1..].starts_with('\n') => {}
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap().0.into_iter().collect()
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        let text = "\n# a comment\nA=1\n  export B = two words # why\r\nC='#1 $HOME \\n'\nD=\"a\\n\\\"b\\\" \\$x\" # c\n\
                    E=\nF= # nothing\nG=a#b\nH=x=y==\nI=\"-----BEGIN\nkey\n-----END\"\nJ=''\nexport=1\nexport\tK=2";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "#1 $HOME \\n"),
            ("D", "a\n\"b\" $x"),
            ("E", ""),
            ("F", ""),
            ("G", "a#b"),
            ("H", "x=y=="),
            ("I", "-----BEGIN\nkey\n-----END"),
            ("J", ""),
            ("K", "2"),
            ("export", "1"),
        ];
        assert_eq!(read(text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(read("A=1\nB=2\nA=3"), [("A".into(), "3".into()), ("B".into(), "2".into())]);
        assert!(read("").is_empty() && read("\n\n# x").is_empty());
    }

    #[test]
    fn a_torn_line_is_named_and_not_shown() {
        for (text, line, words) in [
            ("A=1\n\nhunter2", 3, "no KEY=VALUE"),
            ("A='x\ny'\nB=\"hunter2", 3, "never closed"),
            ("A='hunter2' rest", 1, "behind the closing quote"),
            ("hunter 2=1", 1, "no name of a variable"),
            ("=hunter2", 1, "no name of a variable"),
            ("2X=hunter2", 1, "no name of a variable"),
            ("A=hunt\0er2", 1, "a NUL"),
            ("AGENTWATCH_OPT_COOLDOWN=1s", 1, "a setting of agentwatch"),
        ] {
            let torn = parse(text).unwrap_err();
            assert_eq!(torn.line, line, "{text:?}");
            assert!(torn.words.contains(words), "{text:?}: {}", torn.words);
            assert!(!torn.words.contains("hunter"));
        }
    }

    #[test]
    fn values_are_shown_to_nobody() {
        let variables = parse("API_KEY=hunter2").unwrap();
        assert_eq!(format!("{variables:?}"), "{\"API_KEY\"}");
        assert_eq!(variables.get("API_KEY"), Some("hunter2"));
    }
}
