//! Signs of a loop that need no tokens: tool calls a minute, the same message again, trouble without an
//! end (SPEC §3). Off unless configured; a `cycle` that stands still is [`crate::core::progress`]'s.

use std::collections::VecDeque;

use super::limits::Limits;
use super::sign::{Sign, SignKind};
use crate::core::beat::{Beat, Status};
use crate::core::time::{Up, millis};

/// The seconds that tool calls are added up over.
const MINUTE_S: u64 = 60;

/// What a beat changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignChange {
    /// A loop is suspected.
    Seen(Sign),
    /// It is no longer.
    Over {
        /// What was seen.
        sign: SignKind,
        /// Since when.
        since: Up,
    },
}

/// What is known of a child's last beats. Its memory is bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Tool calls by the second, the newest last.
    calls: VecDeque<(u64, u64)>,
    message: Option<Box<str>>,
    /// Beats running with that message.
    same: u64,
    /// Beats running that told of trouble.
    troubles: u64,
    /// What is suspected, since when.
    open: [Option<Up>; 3],
}

impl Signs {
    /// Takes a beat, and `tell`s what it changes. One that was `delayed`, maybe with others, tells nothing of
    /// how much comes in a minute.
    pub fn beat(
        &mut self,
        limits: &Limits,
        now: Up,
        delayed: bool,
        beat: &Beat,
        mut tell: impl FnMut(SignChange),
    ) {
        if let Some(max) = limits.tool_calls_per_minute.filter(|_| !delayed) {
            let calls = self.calls(now, beat.tool_calls.unwrap_or(0));
            self.judge(0, now, max < calls, || Sign::ToolCalls { calls, max }, &mut tell);
        }
        if let (Some(max), Some(message)) = (limits.same_message, &beat.message) {
            let again = self.message.as_ref() == Some(message);
            self.same = if again { self.same.saturating_add(1) } else { 1 };
            if !again {
                self.message = Some(message.clone());
            }
            let beats = self.same;
            let sign = || Sign::SameMessage { beats, message: message.to_string() };
            self.judge(1, now, max <= beats, sign, &mut tell);
        }
        if let Some(max) = limits.retries {
            self.troubles = match beat.status {
                Status::Warning | Status::Error => self.troubles.saturating_add(1),
                // A sign of life is no progress, unless something was done.
                Status::Busy if beat.tool_calls.is_none() && beat.output_tokens.is_none() => {
                    self.troubles
                }
                Status::Busy
                | Status::Ok
                | Status::Idle
                | Status::ShuttingDown
                | Status::Other(_) => 0,
            };
            let beats = self.troubles;
            self.judge(2, now, max <= beats, || Sign::Retries { beats }, &mut tell);
        }
    }

    /// What is suspected, since when; nothing is after it.
    pub fn close(&mut self) -> impl Iterator<Item = (SignKind, Up)> {
        let kinds = [SignKind::ToolCalls, SignKind::SameMessage, SignKind::Retries];
        let open = std::mem::take(self).open;
        kinds.into_iter().zip(open).filter_map(|(kind, since)| Some((kind, since?)))
    }

    /// Tool calls in the last minute.
    fn calls(&mut self, now: Up, calls: u64) -> u64 {
        let second = millis(now.0) / 1_000;
        match self.calls.back_mut() {
            Some((last, sum)) if *last == second => *sum = sum.saturating_add(calls),
            Some(_) | None if calls > 0 => self.calls.push_back((second, calls)),
            Some(_) | None => {}
        }
        while self.calls.front().is_some_and(|(at, _)| *at + MINUTE_S <= second) {
            self.calls.pop_front();
        }
        self.calls.iter().fold(0, |sum, (_, calls)| sum.saturating_add(*calls))
    }

    fn judge(
        &mut self,
        at: usize,
        now: Up,
        is_loop: bool,
        sign: impl FnOnce() -> Sign,
        tell: &mut impl FnMut(SignChange),
    ) {
        let Some(open) = self.open.get_mut(at) else { return };
        match (*open, is_loop) {
            (None, true) => {
                *open = Some(now);
                tell(SignChange::Seen(sign()));
            }
            (Some(since), false) => {
                *open = None;
                tell(SignChange::Over { sign: sign().kind(), since });
            }
            (Some(_), true) | (None, false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn told(signs: &mut Signs, second: u64, beat: &Beat) -> Vec<String> {
        let (tool_calls_per_minute, same_message, retries) = (Some(30), Some(4), Some(3));
        let limits = Limits { tool_calls_per_minute, same_message, retries, ..Limits::default() };
        let mut all = Vec::new();
        signs.beat(&limits, Up(Duration::from_secs(second)), false, beat, |change| {
            all.push(match change {
                SignChange::Seen(sign) => format!("{:?}", sign.kind()),
                SignChange::Over { sign, since } => {
                    format!("{sign:?} over after {}", second - since.0.as_secs())
                }
            });
        });
        all
    }

    #[test]
    fn nothing_is_judged_unless_configured() {
        let mut signs = Signs::default();
        let beat = Beat {
            message: Some("again".into()),
            tool_calls: Some(1_000_000),
            status: Status::Error,
            ..Beat::default()
        };
        for second in 0..100 {
            let now = Up(Duration::from_secs(second));
            signs.beat(&Limits::default(), now, false, &beat, |change| panic!("{change:?}"));
        }
        assert_eq!(signs, Signs::default());
    }

    #[test]
    fn tool_calls_are_counted_over_a_minute() {
        let mut signs = Signs::default();
        let beat = Beat { tool_calls: Some(10), ..Beat::default() };
        for second in [0, 20, 40, 60, 80] {
            assert!(told(&mut signs, second, &beat).is_empty(), "thirty a minute are allowed");
        }
        assert_eq!(told(&mut signs, 81, &beat), ["ToolCalls"]);
        assert!(told(&mut signs, 82, &beat).is_empty(), "said once");
        assert_eq!(told(&mut signs, 150, &Beat::default()), ["ToolCalls over after 69"]);
    }

    #[test]
    fn the_same_message_again_and_again_is_a_loop_and_beats_without_one_say_nothing() {
        let mut signs = Signs::default();
        let say = |text: &str| Beat { message: Some(text.into()), ..Beat::default() };
        for second in 0..3 {
            assert!(told(&mut signs, second, &say("retrying")).is_empty());
            assert!(told(&mut signs, second, &Beat::default()).is_empty());
        }
        assert_eq!(told(&mut signs, 3, &say("retrying")), ["SameMessage"]);
        assert_eq!(told(&mut signs, 9, &say("done")), ["SameMessage over after 6"]);
    }

    #[test]
    fn trouble_without_anything_done_is_a_loop() {
        let mut signs = Signs::default();
        let is = |status| Beat { status, ..Beat::default() };
        assert!(told(&mut signs, 0, &is(Status::Warning)).is_empty());
        assert!(told(&mut signs, 1, &is(Status::Busy)).is_empty(), "alive is not done");
        assert!(told(&mut signs, 2, &is(Status::Error)).is_empty());
        assert_eq!(told(&mut signs, 3, &is(Status::Warning)), ["Retries"]);
        assert_eq!(told(&mut signs, 4, &is(Status::Ok)), ["Retries over after 1"]);
        assert!(told(&mut signs, 5, &is(Status::Warning)).is_empty());
        let works = Beat { output_tokens: Some(5), ..is(Status::Busy) };
        assert!(told(&mut signs, 6, &works).is_empty());
        assert!(told(&mut signs, 7, &is(Status::Warning)).is_empty());
        assert!(told(&mut signs, 8, &is(Status::Warning)).is_empty());
        assert_eq!(told(&mut signs, 9, &is(Status::Warning)), ["Retries"]);
        let over: Vec<_> = signs.close().collect();
        assert_eq!(over, [(SignKind::Retries, Up(Duration::from_secs(9)))]);
        assert_eq!(signs, Signs::default());
    }

    #[test]
    fn memory_stays_bounded() {
        let mut signs = Signs::default();
        for n in 0..10_000 {
            let beat = Beat {
                tool_calls: Some(u64::MAX),
                message: Some(format!("{n}").into()),
                ..Beat::default()
            };
            told(&mut signs, n, &beat);
        }
        assert!(signs.calls.len() <= 60);
    }
}
