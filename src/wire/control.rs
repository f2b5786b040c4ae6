//! What commands say to a running agentwatch, and what it answers: one JSON object a line each way.

use serde::{Deserialize, Serialize};

/// The longest line either way, in bytes: a beat whose message is as long as a message may be, escaped
/// twice, is not longer.
pub const LINE_MAX: usize = 16 * 1024;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Lift the latch and start again.
    Resume,
    /// Take a beat of the child that runs.
    Beat {
        /// From this incarnation; whoever is not of the agent does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incarnation: Option<u32>,
        /// The beat as it would stand in the FIFO.
        line: String,
    },
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether it was done.
    pub ok: bool,
    /// What was done and what follows, for a person.
    pub words: String,
}

/// A message as it goes over the socket.
///
/// # Errors
/// None that can happen with these types; passed on rather than hidden.
pub fn write(message: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Reads a command, without its newline.
///
/// # Errors
/// What is wrong with it, in words for the answer.
pub fn read_request(line: &[u8]) -> Result<Request, String> {
    serde_json::from_slice(line)
        .map_err(|error| format!("this agentwatch does not know that command: {error}"))
}

/// Reads an answer, without its newline.
#[must_use]
pub fn read_answer(line: &[u8]) -> Option<Answer> {
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_read_back_as_they_were_written() {
        let line = write(&Request::Resume).unwrap();
        assert_eq!(line, b"{\"command\":\"resume\"}\n");
        assert_eq!(read_request(line.trim_ascii_end()), Ok(Request::Resume));
        let beat = Request::Beat { incarnation: Some(3), line: "{\"status\":\"ok\"}".into() };
        assert_eq!(read_request(write(&beat).unwrap().trim_ascii_end()), Ok(beat));
        let answer = Answer { ok: true, words: "started".into() };
        let line = write(&answer).unwrap();
        assert_eq!(read_answer(line.trim_ascii_end()), Some(answer));
    }

    #[test]
    fn what_is_no_command_is_refused_in_words() {
        for line in [&b""[..], b"{", b"{\"command\":\"fly\"}", b"42", b"\xff"] {
            assert!(read_request(line).unwrap_err().contains("does not know"), "{line:?}");
        }
    }
}
