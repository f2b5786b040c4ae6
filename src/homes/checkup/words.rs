//! Words of a command as systemd and a shell take them apart.

use std::iter::Peekable;
use std::str::Chars;

/// A simple command of a script, and what stands behind it: `;`, `&&`, `|`, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Its words.
    pub words: Vec<String>,
    /// The operator.
    pub then: String,
}

/// A word that is being read.
#[derive(Default)]
struct Word {
    text: String,
    begun: bool,
}

impl Word {
    fn push(&mut self, c: char) {
        self.text.push(c);
        self.begun = true;
    }

    fn end(&mut self, words: &mut Vec<String>) {
        if self.begun {
            words.push(std::mem::take(&mut self.text));
            self.begun = false;
        }
    }

    /// What stands in quotes.
    fn quoted(&mut self, quote: char, chars: &mut Peekable<Chars<'_>>) {
        self.begun = true;
        while let Some(c) = chars.next() {
            match c {
                c if c == quote => return,
                '\\' if quote == '"' => self.text.extend(chars.next()),
                c => self.text.push(c),
            }
        }
    }
}

/// The words of a setting of a unit (systemd.syntax(7)); what is doubled for systemd is single for who is
/// started.
#[must_use]
pub fn systemd(text: &str) -> Vec<String> {
    plain(text).iter().map(|word| word.replace("%%", "%").replace("$$", "$")).collect()
}

/// The commands of a script, as far as that can be told without running it.
#[must_use]
pub fn shell(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut words = Vec::new();
    let mut word = Word::default();
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' => word.quoted(c, &mut chars),
            '\\' => chars.next().into_iter().filter(|c| *c != '\n').for_each(|c| word.push(c)),
            '#' if before.is_whitespace() => while chars.next_if(|c| *c != '\n').is_some() {},
            // A redirection is no end of a command.
            '&' if before == '>' || before == '<' || chars.peek() == Some(&'>') => word.push(c),
            ';' | '&' | '|' | '(' | ')' | '\n' => {
                word.end(&mut words);
                let mut then = String::from(c);
                while let Some(more) = chars.next_if(|next| *next == c && c != '\n') {
                    then.push(more);
                }
                parts.push(Part { words: std::mem::take(&mut words), then });
            }
            c if c.is_whitespace() => word.end(&mut words),
            c => word.push(c),
        }
        before = c;
    }
    word.end(&mut words);
    parts.push(Part { words, then: String::new() });
    parts
}

/// All words of a line that no shell sees, as Compose takes a command apart.
#[must_use]
pub fn plain(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = Word::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' => word.quoted(c, &mut chars),
            '\\' => chars.next().into_iter().for_each(|c| word.push(c)),
            c if c.is_whitespace() => word.end(&mut words),
            c => word.push(c),
        }
    }
    word.end(&mut words);
    words
}
