//! Our own lines on stderr: prefix, colour, and what goes before them.

use crate::config::{Origin, Resolved};
use crate::core::fact::Fact;
use crate::sys::{outer, tty};
use crate::wire::face::{Said, Voice};
use crate::wire::paint::{Screen, line};
use crate::wire::tone::Tone;

/// Turns facts into finished lines.
#[derive(Debug)]
pub struct Speaker {
    voice: Voice,
    screen: Screen,
}

impl Speaker {
    /// The speaker of one `run`.
    #[must_use]
    pub fn new(resolved: &Resolved) -> Self {
        let screen = match () {
            () if tty::colour(2) => Screen::Colour,
            () if outer::stderr_is_journal() => Screen::Journal,
            () => Screen::Plain,
        };
        let interactive = tty::is_terminal(0) && tty::is_terminal(2);
        let options = command_options(resolved);
        let voice =
            Voice::new(resolved.name.clone(), options, interactive, resolved.settings.clone());
        Self { voice, screen }
    }

    /// What a command for this agent needs besides its name: ` --state-dir /tmp/x`, or nothing.
    #[must_use]
    pub fn command_options(&self) -> String {
        self.voice.options.clone()
    }

    /// The offset of local time for the moments in the next lines.
    pub fn set_offset(&mut self, offset_s: i32) {
        self.voice.offset_s = offset_s;
    }

    /// The lines for a fact.
    pub fn lines(&mut self, fact: &Fact) -> Vec<Said> {
        self.voice.say(fact)
    }

    /// A line that is about no fact.
    #[must_use]
    pub fn plain(&self, text: &str) -> Said {
        Said { tone: Tone::Plain, text: format!("{}: {text}", self.voice.name) }
    }

    /// A line as it goes out.
    #[must_use]
    pub fn finished(&self, said: &Said) -> String {
        line(said.tone, &said.text, self.screen)
    }
}

/// What a command for this agent needs besides its name, so that it can be pasted into another shell:
/// a state directory that this shell alone knows of.
fn command_options(resolved: &Resolved) -> String {
    let origin = resolved
        .values
        .iter()
        .find(|value| value.key.path == "state_dir")
        .map(|value| &value.origin);
    match origin {
        Some(Origin::Flag(_) | Origin::Env(_)) => {
            let dir = resolved.state_dir.display().to_string();
            let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
            let quoted = if dir.chars().all(plain) {
                dir
            } else {
                format!("'{}'", dir.replace('\'', r"'\''"))
            };
            format!(" --state-dir {quoted}")
        }
        _ => String::new(),
    }
}
