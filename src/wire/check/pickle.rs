//! Python pickles, walked and never loaded: to load one is to run it. What `pickletools.dis` holds them to,
//! for the protocols 0 to 5: every operation known, its argument complete, the stack never used below its
//! end, and a STOP that leaves it empty.

use super::{Wrong, shown};
use crate::core::validation::FaultKind;

/// The most marks that are open at once: Python's own writer nests far less.
const MARKS_MAX: usize = 1 << 16;

/// The most that a signed length of four bytes holds; what is more is below zero.
const SIGNED_MAX: u64 = 0x7fff_ffff;

/// What stands behind an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Argument {
    /// So many bytes.
    Bytes(u8),
    /// So many lines.
    Lines(u8),
    /// A length of so many bytes, then that many bytes.
    Counted(u8),
    /// A length of four bytes that has a sign, then that many bytes.
    Signed,
}

/// What an operation does to the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Takes so many objects, gives so many.
    Plain(u8, u8),
    /// Takes all down to the last mark, then so many below it; gives so many.
    ToMark(u8, u8),
    /// Sets a mark.
    Mark,
    /// Takes one object, or a mark.
    Pop,
    /// The end.
    Stop,
}

/// Where the walk stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// An operation must come.
    #[default]
    Operation,
    /// So many bytes are to be skipped.
    Skip(u64),
    /// So many line ends are to come.
    Lines(u8),
    /// A length: so many of its bytes are to come, those that came make this, at this place; it is
    /// at most so much.
    Length { left: u8, place: u8, sum: u64, most: u64 },
    /// It is wrong for good.
    Wrong,
    /// NUL bytes where an operation should be, since `error_at`.
    Nuls,
}

/// The check of one file.
#[derive(Debug)]
pub(super) struct Pickle {
    state: State,
    at: u64,
    /// Objects above each mark, the bottom first.
    stack: Vec<u64>,
    /// A pickle has begun and not stopped.
    begun: bool,
    effect: Effect,
    /// Where the operation stands that was read last, or what is wrong.
    error_at: u64,
    words: String,
}

impl Default for Pickle {
    fn default() -> Self {
        Self {
            state: State::Operation,
            at: 0,
            stack: vec![0],
            begun: false,
            effect: Effect::Plain(0, 0),
            error_at: 0,
            words: String::new(),
        }
    }
}

/// An operation by its byte (`pickletools.opcodes`).
fn operation(byte: u8) -> Option<(Argument, Effect)> {
    use Argument::{Bytes, Counted, Lines, Signed};
    use Effect::{Mark, Plain, Pop, Stop, ToMark};
    let none = Bytes(0);
    Some(match byte {
        b'(' => (none, Mark),
        b'.' => (none, Stop),
        b'0' => (none, Pop),
        b'1' => (none, ToMark(0, 0)),
        b'2' => (none, Plain(1, 2)),
        b'F' | b'I' | b'L' | b'P' | b'S' | b'V' | b'g' => (Lines(1), Plain(0, 1)),
        b'p' => (Lines(1), Plain(1, 1)),
        b'c' => (Lines(2), Plain(0, 1)),
        b'i' => (Lines(2), ToMark(0, 1)),
        b'K' | b'h' | 0x82 => (Bytes(1), Plain(0, 1)),
        b'q' => (Bytes(1), Plain(1, 1)),
        0x80 => (Bytes(1), Plain(0, 0)),
        b'M' | 0x83 => (Bytes(2), Plain(0, 1)),
        b'J' | b'j' | 0x84 => (Bytes(4), Plain(0, 1)),
        b'r' => (Bytes(4), Plain(1, 1)),
        b'G' => (Bytes(8), Plain(0, 1)),
        0x95 => (Bytes(8), Plain(0, 0)),
        b'U' | b'C' | 0x8a | 0x8c => (Counted(1), Plain(0, 1)),
        b'T' | 0x8b => (Signed, Plain(0, 1)),
        b'B' | b'X' => (Counted(4), Plain(0, 1)),
        0x8d | 0x8e | 0x96 => (Counted(8), Plain(0, 1)),
        b'N' | b'}' | b']' | b')' | 0x88 | 0x89 | 0x8f | 0x97 => (none, Plain(0, 1)),
        b'Q' | 0x85 | 0x94 | 0x98 => (none, Plain(1, 1)),
        b'R' | b'a' | b'b' | 0x81 | 0x86 | 0x93 => (none, Plain(2, 1)),
        b's' | 0x87 | 0x92 => (none, Plain(3, 1)),
        b'd' | b'l' | b't' | b'o' | 0x91 => (none, ToMark(0, 1)),
        b'e' | b'u' | 0x90 => (none, ToMark(1, 1)),
        _ => return None,
    })
}

impl Pickle {
    pub(super) fn is_settled(&self) -> bool {
        self.state == State::Wrong
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            let taken = match self.state {
                State::Wrong => rest.len(),
                State::Skip(left) => {
                    let skipped = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    self.skip(left - skipped as u64);
                    skipped
                }
                State::Lines(left) => match memchr::memchr(b'\n', rest) {
                    None => rest.len(),
                    Some(end) => {
                        self.state = State::Lines(left - 1);
                        if left == 1 {
                            self.act();
                        }
                        end + 1
                    }
                },
                State::Length { left, place, sum, most } => {
                    let sum = sum | u64::from(byte) << (8 * place);
                    match left {
                        1 if sum > most => self.wrong("a length below zero".to_owned()),
                        1 => self.skip(sum),
                        _ => {
                            let (left, place) = (left - 1, place + 1);
                            self.state = State::Length { left, place, sum, most };
                        }
                    }
                    1
                }
                State::Nuls => {
                    if byte != 0 {
                        self.state = State::Wrong;
                    }
                    1
                }
                State::Operation => {
                    self.begin(byte);
                    1
                }
            };
            rest = if taken == 1 { behind } else { rest.get(taken..).unwrap_or_default() };
            self.at += taken as u64;
        }
    }

    fn begin(&mut self, byte: u8) {
        let Some((argument, effect)) = operation(byte) else {
            self.error_at = self.at;
            self.wrong(format!("{} is no operation of a pickle", shown(byte)));
            if byte == 0 {
                self.state = State::Nuls;
            }
            return;
        };
        (self.begun, self.effect, self.error_at) = (true, effect, self.at);
        self.state = match argument {
            Argument::Bytes(0) => return self.act(),
            Argument::Bytes(count) => State::Skip(u64::from(count)),
            Argument::Lines(count) => State::Lines(count),
            Argument::Counted(left) => State::Length { left, place: 0, sum: 0, most: u64::MAX },
            Argument::Signed => State::Length { left: 4, place: 0, sum: 0, most: SIGNED_MAX },
        };
    }

    fn skip(&mut self, count: u64) {
        self.state = State::Skip(count);
        if count == 0 {
            self.act();
        }
    }

    /// The operation is complete: what it does to the stack.
    fn act(&mut self) {
        self.state = State::Operation;
        let short = "an operation takes more from the stack than is there";
        let marks = self.stack.len();
        let Some(top) = self.stack.last_mut() else { return };
        match self.effect {
            Effect::Plain(takes, gives) => match top.checked_sub(u64::from(takes)) {
                Some(left) => *top = left.saturating_add(u64::from(gives)),
                None => self.wrong(short.to_owned()),
            },
            Effect::Mark if MARKS_MAX <= marks => {
                self.wrong(format!("nested deeper than {MARKS_MAX} levels"));
            }
            Effect::Mark => self.stack.push(0),
            Effect::Pop if *top > 0 => *top -= 1,
            Effect::Pop | Effect::ToMark(..) if marks < 2 => self.wrong(short.to_owned()),
            Effect::Pop => drop(self.stack.pop()),
            Effect::ToMark(takes, gives) => {
                self.stack.pop();
                let Some(top) = self.stack.last_mut() else { return };
                match top.checked_sub(u64::from(takes)) {
                    Some(left) => *top = left.saturating_add(u64::from(gives)),
                    None => self.wrong(short.to_owned()),
                }
            }
            Effect::Stop if marks > 1 || *top != 1 => {
                self.wrong("it stops with other than one object on the stack".to_owned());
            }
            Effect::Stop => (*top, self.begun) = (0, false),
        }
    }

    fn wrong(&mut self, words: String) {
        (self.state, self.words) = (State::Wrong, words);
    }

    pub(super) fn end(self) -> Option<Wrong> {
        let (fault, offset, words) = match self.state {
            State::Operation if self.at == 0 => (FaultKind::Empty, 0, "holds nothing".to_owned()),
            State::Operation if !self.begun => return None,
            State::Wrong => (FaultKind::Corrupt, self.error_at, self.words),
            State::Nuls => (FaultKind::TornEnd, self.error_at, "ends in NUL bytes".to_owned()),
            State::Operation => (FaultKind::TornEnd, self.at, "ends without a STOP".to_owned()),
            State::Skip(_) | State::Lines(_) | State::Length { .. } => {
                (FaultKind::TornEnd, self.at, "ends inside the argument of an operation".to_owned())
            }
        };
        Some(Wrong { fault, offset, words })
    }
}
