//! Our own lines on stderr: prefix, colour, and what goes before them.

use crate::config::{Origin, Resolved};
use crate::core::fact::Fact;
use crate::sys::tty;
use crate::wire::face::{Said, Voice};
use crate::wire::tone::Tone;

/// Turns facts into finished lines.
#[derive(Debug)]
pub struct Speaker {
    voice: Voice,
    colour: bool,
}

impl Speaker {
    /// The speaker of one `run`.
    #[must_use]
    pub fn new(resolved: &Resolved) -> Self {
        let colour = tty::colour(2);
        let interactive = tty::is_terminal(0) && tty::is_terminal(2);
        let options = command_options(resolved);
        let voice =
            Voice::new(resolved.name.clone(), options, interactive, resolved.settings.clone());
        Self { voice, colour }
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

    /// The lines for a fact, as they go out.
    pub fn lines(&mut self, fact: &Fact) -> Vec<String> {
        let colour = self.colour;
        self.voice.say(fact).iter().map(|said| line(said, colour)).collect()
    }

    /// A line that is about no fact.
    #[must_use]
    pub fn plain(&self, text: &str) -> String {
        let text = format!("{}: {text}", self.voice.name);
        line(&Said { tone: Tone::Plain, text }, self.colour)
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

fn line(said: &Said, colour: bool) -> String {
    crate::wire::paint::line(said.tone, &said.text, colour)
}
