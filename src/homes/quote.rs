//! Words as other formats want them written: systemd, shell, JSON, XML, TOML.

use std::fmt::Write as _;

/// Whether a word means itself wherever it stands.
fn is_plain(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@,:=".contains(c);
    !word.is_empty() && word.chars().all(plain)
}

/// A word of a command in a unit (systemd.service(5)): no variable and no specifier is looked for in it.
#[must_use]
pub fn systemd(word: &str) -> String {
    if is_plain(word) {
        return word.to_owned();
    }
    let mut text = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '%' => text.push_str("%%"),
            '$' => text.push_str("$$"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            c if c.is_ascii_control() => {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\x{:02x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// A word in the value of another setting of a unit, where a dollar is nothing special.
#[must_use]
pub fn systemd_value(word: &str) -> String {
    systemd(word).replace("$$", "$")
}

/// A path as the whole value of a setting of a unit, where quotes would be part of it.
#[must_use]
pub fn systemd_path(path: &str) -> String {
    path.replace('%', "%%")
}

/// A word for a shell to paste.
#[must_use]
pub fn shell(word: &str) -> String {
    if is_plain(word) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A command for a shell to paste.
#[must_use]
pub fn shell_all(words: &[String]) -> String {
    words.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" ")
}

/// A string in JSON, which YAML and Dockerfiles understand, too.
#[must_use]
pub fn json(word: &str) -> String {
    serde_json::Value::from(word).to_string()
}

/// A list of strings in JSON.
#[must_use]
pub fn json_all(words: &[String]) -> String {
    list(words, json)
}

/// Whether XML can hold a character, and give it back as it was.
#[must_use]
pub fn fits_xml(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        c => !c.is_ascii_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'),
    }
}

/// Text in XML; what it cannot hold is refused before ([`fits_xml`]).
#[must_use]
pub fn xml(word: &str) -> String {
    let mut text = String::new();
    for c in word.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            c if !fits_xml(c) => {}
            c => text.push(c),
        }
    }
    text
}

/// A string in TOML.
#[must_use]
pub fn toml(word: &str) -> String {
    // A basic string has the escapes of JSON, and one more that must be escaped.
    json(word).replace('\u{7f}', "\\u007f")
}

/// A list of strings in TOML.
#[must_use]
pub fn toml_all(words: &[String]) -> String {
    list(words, toml)
}

fn list(words: &[String], quote: fn(&str) -> String) -> String {
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
    format!("[{}]", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_stays_as_it_is_and_the_rest_is_quoted() {
        let odd = "a b\"c\\d%e$f\n";
        assert_eq!(systemd("/usr/bin/python3"), "/usr/bin/python3");
        assert_eq!(systemd(odd), r#""a b\"c\\d%%e$$f\n""#);
        assert_eq!((systemd(""), systemd("\u{1}")), ("\"\"".into(), "\"\\x01\"".into()));
        assert_eq!((shell("a b"), shell("it's")), ("'a b'".into(), r"'it'\''s'".into()));
        assert_eq!(json_all(&["a".into(), "b \"c\"".into()]), r#"["a", "b \"c\""]"#);
        assert_eq!(xml("a<b>&c\u{0}"), "a&lt;b&gt;&amp;c");
        let words: toml::Table = format!("x = {}", toml(&format!("{odd}\u{7f}"))).parse().unwrap();
        assert_eq!(words["x"].as_str(), Some(format!("{odd}\u{7f}").as_str()));
    }
}
