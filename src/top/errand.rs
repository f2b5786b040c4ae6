//! Commands for agents: each a process of its own, the very command that a person would type.
//!
//! Its answer is theirs to the letter, whatever it waits for (a stop waits for the end of the agent) holds up
//! no picture, and one that hangs can be left behind.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use crate::sys::host;
use crate::sys::pending::{self, ReadResult};
use crate::wire::plain::plain;
use crate::wire::tone::Tone;

use super::model::{Id, Verb};

/// Commands at one time: a stop takes its while, and others are asked meanwhile.
const AT_ONCE: usize = 8;

/// How much of an answer is read, in bytes; ours are below two hundred.
const ANSWER_MAX: usize = 4096;

/// Commands that were not answered yet.
#[derive(Debug, Default)]
pub struct Errands(Vec<Errand>);

#[derive(Debug)]
struct Errand {
    child: Child,
    /// Where both its streams go.
    answers: File,
    text: Vec<u8>,
    what: String,
}

impl Errands {
    /// Sends a command; gives what to say meanwhile, or why that is not possible.
    ///
    /// # Errors
    /// In words: too many are under way, or the system refuses.
    pub fn send(&mut self, verb: Verb, id: &Id) -> Result<String, String> {
        if AT_ONCE <= self.0.len() {
            return Err(format!("{AT_ONCE} commands are under way; wait until one is answered"));
        }
        let what = format!("{} {}", verb.word(), id.name);
        let errand = start(verb, id, &what).map_err(|error| format!("{what}: {error}"))?;
        self.0.push(errand);
        Ok(format!("{what}: waiting for the answer"))
    }

    /// The answers that are there by now: how each is meant, and its words.
    pub fn answers(&mut self) -> Vec<(Tone, String)> {
        let mut answers = Vec::new();
        self.0.retain_mut(|errand| {
            errand.hear();
            let Ok(Some(status)) = errand.child.try_wait() else { return true };
            // What it wrote last.
            errand.hear();
            let tone = if status.success() { Tone::Good } else { Tone::Bad };
            answers.push((tone, answer(&errand.text, &errand.what)));
            false
        });
        answers
    }

    /// Whether one is waited for.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.0.is_empty()
    }
}

fn start(verb: Verb, id: &Id, what: &str) -> io::Result<Errand> {
    let (answers, theirs) = io::pipe()?;
    let answers = File::from(OwnedFd::from(answers));
    let also = theirs.try_clone()?;
    let words = ["--state-dir", &id.state_dir, "--", &id.name].map(OsString::from);
    let child = Command::new(host::own_program())
        .arg(verb.word())
        .args(words)
        .stdin(Stdio::null())
        .stdout(theirs)
        .stderr(also)
        // What was asked is done, also when the view is left or its terminal hangs up.
        .process_group(0)
        .spawn()?;
    Ok(Errand { child, answers, text: Vec::new(), what: what.to_owned() })
}

impl Errand {
    /// Reads what lies ready.
    fn hear(&mut self) {
        let mut buffer = [0; 512];
        // Ends: at what was not written yet, and at the most that is read.
        while self.text.len() < ANSWER_MAX && 0 < pending::pending(self.answers.as_fd()) {
            let ReadResult::Data(n) = pending::read(self.answers.as_fd(), &mut buffer) else {
                return;
            };
            self.text.extend_from_slice(&buffer[..n]);
        }
    }
}

/// The lines of an answer as one, without our own name in front.
fn answer(text: &[u8], what: &str) -> String {
    let text = String::from_utf8_lossy(text);
    let line = |line: &str| plain(line.strip_prefix("agentwatch: ").unwrap_or(line).as_bytes());
    let lines: Vec<String> = text.lines().map(line).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() { format!("{what}: no answer") } else { lines.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_plain_line() {
        let text = b"agentwatch: t: no agentwatch runs it\n\nt: \x1b[31mred\x1b[0m\n";
        assert_eq!(answer(text, "stop t"), "t: no agentwatch runs it; t: red");
        assert_eq!(answer(b"", "stop t"), "stop t: no answer");
    }
}
