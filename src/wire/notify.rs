//! Reads a datagram of the `sd_notify` protocol: lines of `NAME=value`, of which most mean nothing here.

use std::borrow::Cow;
use std::time::Duration;

use crate::core::beat::{Beat, Status, clip};
use crate::core::notice::Notice;

use super::beat::{MESSAGE_MAX, Named, Reason};

/// The longest datagram that is read, in bytes: what systemd takes, one page.
pub const DATAGRAM_MAX: usize = 4096;

/// Begins the names of the fields of a beat, in capitals: `X_AGENTWATCH_TOKENS_USED`.
const PREFIX: &str = "X_AGENTWATCH_";

/// What a datagram tells, each at most once.
#[derive(Debug, Default, PartialEq)]
pub struct Told {
    /// A beat.
    pub beat: Option<Box<Beat>>,
    /// A word about itself that is no beat.
    pub word: Option<Notice>,
    /// It needs more time.
    pub extend: Option<Notice>,
    /// It hangs.
    pub trigger: Option<Notice>,
    /// Something of it is wrong; then only what was right is told.
    pub bad: Option<Reason>,
}

/// Reads a datagram.
///
/// `X_AGENTWATCH_…` makes a whole beat of it, `STOPPING=1` an announced shutdown, `WATCHDOG=1` a sign of
/// life inside a cycle; `READY=1` and `STATUS=` alone are words. Of a repeated name the last one counts.
/// What is about main processes, stored descriptors, barriers and reloading is nobody's business here.
#[must_use]
pub fn parse(datagram: &[u8]) -> Told {
    let bad = |why: &str| Told { bad: Some(Reason::new(why)), ..Told::default() };
    let trimmed = datagram.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let Ok(text) = std::str::from_utf8(datagram.get(..trimmed).unwrap_or_default()) else {
        return bad("a notification that is not UTF-8");
    };
    if text.contains('\0') {
        return bad("a notification with a NUL byte in it");
    }
    let mut read = Read::default();
    for line in text.split('\n') {
        if let Some((name, value)) = line.split_once('=') {
            read.line(name, value);
        }
    }
    read.told()
}

/// What was read so far.
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the protocol")]
#[derive(Default)]
struct Read<'a> {
    ready: bool,
    stopping: bool,
    alive: bool,
    trigger: bool,
    text: Option<&'a str>,
    extend: Option<&'a str>,
    named: Named<'a>,
}

impl<'a> Read<'a> {
    fn line(&mut self, name: &str, value: &'a str) {
        match name {
            "READY" => self.ready = value == "1",
            "STOPPING" => self.stopping = value == "1",
            "WATCHDOG" => {
                self.alive |= value == "1";
                self.trigger |= value == "trigger";
            }
            "STATUS" => self.text = Some(value).filter(|text| !text.is_empty()),
            "EXTEND_TIMEOUT_USEC" => self.extend = Some(value),
            name => {
                if let Some(field) = name.strip_prefix(PREFIX) {
                    self.named.set(&field.to_ascii_lowercase(), value);
                }
            }
        }
    }

    fn told(self) -> Told {
        let mut told = Told::default();
        let text = self.text.map(|text| Box::from(clip(text, MESSAGE_MAX)));
        if self.named.any() {
            match self.named.beat() {
                Ok(mut beat) => {
                    if self.stopping {
                        beat.status = Status::ShuttingDown;
                    }
                    beat.message = beat.message.or(text);
                    told.beat = Some(Box::new(beat));
                }
                Err(reason) => told.bad = Some(reason),
            }
        } else if self.stopping || self.alive {
            let status = if self.stopping { Status::ShuttingDown } else { Status::Busy };
            told.beat = Some(Box::new(Beat { status, message: text, ..Beat::default() }));
        } else if self.ready || text.is_some() {
            told.word = Some(Notice::Word { ready: self.ready, text });
        }
        told.trigger = self.trigger.then_some(Notice::Trigger);
        match self.extend.map(|value| (value, value.parse())) {
            None => {}
            Some((_, Ok(micros))) => {
                told.extend = Some(Notice::Extend { by: Duration::from_micros(micros) });
            }
            Some((value, Err(_))) => {
                let value = clip(value, 40);
                let why = format!("EXTEND_TIMEOUT_USEC is {value:?}; it must be microseconds");
                told.bad = Some(Reason::new(&why));
            }
        }
        told
    }
}

/// What is wrong with a datagram that was refused unread, in the words of a bad beat.
#[must_use]
pub fn refused(uid: Option<u32>) -> String {
    let who: Cow<'_, str> = match uid {
        Some(uid) => format!("user {uid}").into(),
        None => "somebody unknown".into(),
    };
    format!("a notification from {who} was refused: only the agent's own user and root are heard")
}

/// What is wrong with a datagram that is longer than [`DATAGRAM_MAX`].
pub const TOO_LONG: &str = "a notification longer than 4096 bytes";

#[cfg(test)]
mod tests {
    use super::*;

    fn word(ready: bool, text: Option<&str>) -> Told {
        let text = text.map(Box::from);
        Told { word: Some(Notice::Word { ready, text }), ..Told::default() }
    }

    fn beat(datagram: &str) -> Beat {
        let told = parse(datagram.as_bytes());
        assert_eq!((&told.word, &told.trigger, &told.extend), (&None, &None, &None), "{datagram}");
        *told.beat.unwrap()
    }

    #[test]
    fn ready_and_status_are_words_and_no_beats() {
        assert_eq!(parse(b"READY=1"), word(true, None));
        assert_eq!(parse(b"READY=1\nSTATUS=up\n\0"), word(true, Some("up")));
        assert_eq!(parse(b"STATUS=a\nSTATUS=b=c"), word(false, Some("b=c")));
        assert_eq!(parse(b"READY=0\nSTATUS="), Told::default());
    }

    #[test]
    fn what_is_about_other_things_tells_nothing() {
        for datagram in [
            "",
            "BARRIER=1",
            "FDSTORE=1\nFDNAME=x",
            "MAINPID=7",
            "WATCHDOG_USEC=5",
            "RELOADING=1\nMONOTONIC_USEC=5",
            "nonsense",
        ] {
            assert_eq!(parse(datagram.as_bytes()), Told::default(), "{datagram}");
        }
    }

    #[test]
    fn a_ping_is_a_sign_of_life_and_a_field_makes_a_whole_beat() {
        let ping = beat("WATCHDOG=1\nREADY=1\nSTATUS=cycle 7");
        assert_eq!((ping.status, ping.message.as_deref()), (Status::Busy, Some("cycle 7")));
        assert_eq!(beat("STOPPING=1").status, Status::ShuttingDown);
        let whole = beat(
            "WATCHDOG=1\nX_AGENTWATCH_TOKENS=1234\nX_AGENTWATCH_CYCLE=9\nX_AGENTWATCH_COST_USD=0.5\n\
             X_AGENTWATCH_MODEL=5\nX_AGENTWATCH_EXPECT_NEXT=90\nX_AGENTWATCH_NEW=x\nSTATUS=hm",
        );
        assert_eq!(whole.status, Status::Ok);
        assert_eq!(
            (whole.tokens_used, whole.cycle, whole.cost_usd),
            (Some(1234), Some(9), Some(0.5))
        );
        assert_eq!((whole.model.as_deref(), whole.message.as_deref()), (Some("5"), Some("hm")));
        assert_eq!(whole.expect_next, Some(Duration::from_secs(90)));
        assert_eq!(beat("X_AGENTWATCH_STATUS=idle").status, Status::Idle);
        assert_eq!(beat("X_AGENTWATCH_TOKENS=1\nSTOPPING=1").status, Status::ShuttingDown);
    }

    #[test]
    fn wishes_are_read_beside_beats() {
        let told = parse(b"EXTEND_TIMEOUT_USEC=5000000\nWATCHDOG=trigger\nSTATUS=x");
        assert_eq!(told.extend, Some(Notice::Extend { by: Duration::from_secs(5) }));
        assert_eq!(told.trigger, Some(Notice::Trigger));
    }

    #[test]
    fn mistakes_are_named() {
        for (datagram, words) in [
            (&b"X_AGENTWATCH_TOKENS=-5"[..], "tokens_used is -5"),
            (b"X_AGENTWATCH_TOKENS=many", "tokens_used is \"many\""),
            (b"X_AGENTWATCH_COST_USD=nan", "cost_usd is"),
            (b"EXTEND_TIMEOUT_USEC=soon", "microseconds"),
            (b"STATUS=\xff", "UTF-8"),
            (b"STATUS=a\0b", "NUL"),
        ] {
            let told = parse(datagram);
            assert!(told.bad.as_ref().unwrap().as_str().contains(words), "{told:?}");
            assert_eq!(told.beat, None);
        }
    }
}
