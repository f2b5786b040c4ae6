//! What a Dockerfile says of what a container starts: the last stage's command and environment.

use super::line::assigned;
use super::words;

/// What its last stage starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Image {
    /// Words that stand first.
    pub entrypoint: Vec<String>,
    /// Words behind them, unless others are given.
    pub command: Vec<String>,
    /// What is set in the environment.
    pub vars: Vec<(String, String)>,
}

/// The words of `ENTRYPOINT` or `CMD`: an array of JSON, or a line for a shell.
pub(super) fn exec(text: &str) -> Vec<String> {
    let text = text.trim();
    serde_json::from_str::<Vec<String>>(text)
        .unwrap_or_else(|_| ["/bin/sh", "-c", text].into_iter().map(str::to_owned).collect())
}

/// Reads one; what it does not know it passes over.
pub(super) fn read(text: &str) -> Image {
    let mut image = Image::default();
    let mut begun = String::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        begun.push_str(line.strip_suffix('\\').unwrap_or(line));
        begun.push(' ');
        if line.ends_with('\\') {
            continue;
        }
        let whole = std::mem::take(&mut begun);
        let Some((verb, rest)) = whole.trim().split_once(char::is_whitespace) else { continue };
        match verb.to_ascii_uppercase().as_str() {
            "FROM" => image = Image::default(),
            // A new entrypoint forgets the command of the image below it, and that comes with FROM.
            "ENTRYPOINT" => image.entrypoint = exec(rest),
            "CMD" => image.command = exec(rest),
            "ENV" => {
                let words = words::plain(rest);
                let old = words.first().filter(|word| !word.contains('='));
                match old {
                    Some(name) => {
                        let value = words.iter().skip(1).cloned().collect();
                        image.vars.push((name.clone(), value));
                    }
                    None => image.vars.extend(words.iter().filter_map(|word| assigned(word))),
                }
            }
            _ => {}
        }
    }
    image
}
