//! What commands say to a running agentwatch, and what it answers: one JSON object a line each way.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::core::command::{After, Command, Needless, Refusal, Reply};
use crate::core::time::millis;

use super::plain;
use super::words::{count, grouped, span};

/// The longest line either way, in bytes: a beat whose message is as long as a message may be, escaped
/// twice, is not longer.
pub const LINE_MAX: usize = 16 * 1024;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Lift what keeps the agent down, and start it again.
    Resume {
        /// And take what it uses now for what is usual.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        rebaseline: bool,
    },
    /// A fresh child.
    Restart {
        /// At its next beat.
        #[serde(default)]
        at_beat: bool,
    },
    /// End it.
    Stop {
        /// By KILL at once.
        #[serde(default)]
        now: bool,
        /// It stays down until resumed.
        #[serde(default)]
        stay: bool,
    },
    /// Stop all its processes where they are.
    Pause,
    /// Somebody has seen what is open.
    Ack,
    /// Nobody wants to hear of what is open for a while.
    Snooze {
        /// For so long.
        for_ms: u64,
    },
    /// Take a beat of the child that runs.
    Beat {
        /// From this incarnation; whoever is not of the agent does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incarnation: Option<u32>,
        /// The beat as it would stand in the FIFO.
        line: String,
    },
}

impl Request {
    /// What it asks of the core; a beat asks nothing.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        match *self {
            Self::Resume { rebaseline } => Some(Command::Resume { rebaseline }),
            Self::Restart { at_beat } => Some(Command::Restart { at_beat }),
            Self::Stop { now, stay } => Some(Command::Stop { now, stay }),
            Self::Pause => Some(Command::Pause),
            Self::Ack => Some(Command::Ack),
            Self::Snooze { for_ms } => {
                Some(Command::Snooze { time: Duration::from_millis(for_ms) })
            }
            Self::Beat { .. } => None,
        }
    }
}

/// What became of a command, for a person. `pid`: the child that runs now.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table: one arm a reply, no steps")]
pub fn answer(name: &str, reply: Reply, pid: Option<i32>) -> Answer {
    let words = match reply {
        Reply::Started => match pid {
            Some(pid) => format!("started, pid {pid}"),
            None => format!("it could not be started; see: agentwatch events {name}"),
        },
        Reply::StartsAfterTree => "it starts as soon as its old processes are gone".to_owned(),
        Reply::Restarting { kill_after } => {
            format!("restarting; what has not ended in {} is killed", brief(kill_after))
        }
        Reply::RestartsAtBeat => "restarts at its next beat".to_owned(),
        Reply::Continued { paused } => format!("goes on after a pause of {}", brief(paused)),
        Reply::Rebaselined { usual: Some(usual) } => {
            format!("{} tokens a cycle are what is usual from now on", grouped(usual))
        }
        Reply::Rebaselined { usual: None } => {
            "what it uses from now on is what is usual; no cycle is known yet".to_owned()
        }
        Reply::Stopping { kill_after, after } => {
            let follows =
                format!("stopping; what has not ended in {} is killed", brief(kill_after));
            format!("{follows}{}", staying(name, after))
        }
        Reply::Killing { after } => format!("killing it{}", staying(name, after)),
        Reply::NothingRan { after } => format!("nothing was running{}", staying(name, after)),
        Reply::Paused => {
            format!("paused, all its processes are stopped; go on: agentwatch resume {name}")
        }
        Reply::Acknowledged { incidents } => {
            let open = count(u64::from(incidents), "open incident");
            format!("{open} acknowledged; nobody is reminded of what is open now")
        }
        Reply::Snoozed { incidents, time } => {
            let open = count(u64::from(incidents), "open incident");
            format!("{open} snoozed for {}, unless it gets worse", brief(time))
        }
        Reply::Needless(why) => match why {
            Needless::NothingToResume => "not down; there is nothing to resume".to_owned(),
            Needless::IsValidating => {
                "its state is being validated, and the start follows".to_owned()
            }
            Needless::NothingOpen => "nothing is open that anybody was told of".to_owned(),
            Needless::IsPaused => format!("paused already; go on: agentwatch resume {name}"),
            Needless::IsStopping => {
                format!("being stopped already; at once: agentwatch stop --now {name}")
            }
        },
        Reply::Refused(why) => match why {
            Refusal::Latched => {
                format!("was given up and stays down; let it start: agentwatch resume {name}")
            }
            Refusal::Stopping => "is being stopped; try again when it has ended".to_owned(),
            Refusal::ShuttingDown => {
                format!("is shutting down as it announced; at once: agentwatch stop --now {name}")
            }
            Refusal::NeverBeat => {
                format!("has not beaten, so no beat will come; at once: agentwatch restart {name}")
            }
            Refusal::IsPaused => {
                format!("is paused, so no beat will come; at once: agentwatch restart {name}")
            }
            Refusal::PlainWrapper => {
                "runs with --restart never, so it is started only once; stop it and run it again"
                    .to_owned()
            }
            Refusal::NoChild => {
                format!("has no process now; look: agentwatch status {name}")
            }
        },
    };
    let ok = reply.is_ok() && !(reply == Reply::Started && pid.is_none());
    let leaves = match reply {
        Reply::Stopping { after, .. } | Reply::Killing { after } | Reply::NothingRan { after } => {
            after != After::Hold
        }
        Reply::Needless(why) => why == Needless::IsStopping,
        _ => false,
    };
    Answer { ok, words: format!("{name}: {words}"), leaves }
}

fn brief(time: Duration) -> String {
    span(millis(time))
}

fn staying(name: &str, after: After) -> String {
    match after {
        After::Leave => String::new(),
        After::LeaveLatched | After::Hold => {
            format!("; stays down until: agentwatch resume {name}")
        }
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether it was done.
    pub ok: bool,
    /// What was done and what follows, for a person.
    pub words: String,
    /// agentwatch leaves then.
    #[serde(default)]
    pub leaves: bool,
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

/// Asks for an answer and nothing else. A version that does not know it says so, which is an answer too.
pub const PING: &[u8] = b"{\"command\":\"ping\"}\n";

/// Whether a line, without its newline, is [`PING`].
#[must_use]
pub fn is_ping(line: &[u8]) -> bool {
    PING.strip_suffix(b"\n") == Some(line)
}

/// Reads a command, without its newline.
///
/// # Errors
/// What is wrong with it, in words for the answer.
pub fn read_request(line: &[u8]) -> Result<Request, String> {
    serde_json::from_slice(line).map_err(|error| {
        format!("this agentwatch does not know that command: {}", plain::brief(&error))
    })
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
        let line = write(&Request::Resume { rebaseline: false }).unwrap();
        assert_eq!(line, b"{\"command\":\"resume\"}\n");
        assert_eq!(read_request(line.trim_ascii_end()), Ok(Request::Resume { rebaseline: false }));
        let beat = Request::Beat { incarnation: Some(3), line: "{\"status\":\"ok\"}".into() };
        assert_eq!(read_request(write(&beat).unwrap().trim_ascii_end()), Ok(beat));
        let answer = Answer { ok: true, words: "started".into(), leaves: true };
        let line = write(&answer).unwrap();
        assert_eq!(read_answer(line.trim_ascii_end()), Some(answer));
    }

    #[test]
    fn what_is_no_command_is_refused_in_words() {
        for line in [&b""[..], b"{", b"{\"command\":\"fly\"}", b"42", b"\xff"] {
            assert!(read_request(line).unwrap_err().contains("does not know"), "{line:?}");
        }
        // It goes into the answer and from there to a terminal.
        let hostile = format!("{{\"command\":\"fly\\u001b[2J\\n{}\"}}", "x".repeat(10_000));
        let words = read_request(hostile.as_bytes()).unwrap_err();
        assert!(words.len() < 300 && !words.contains(char::is_control), "{words}");
    }
}
