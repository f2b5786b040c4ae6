//! One JSON value (RFC 8259), as Python and JavaScript write it: `NaN` and the infinities of Python, and a byte
//! order mark, are let pass, for no crash makes them.

use super::{Wrong, shown};
use crate::core::validation::FaultKind;

/// The most levels of `[` and `{`: a bit each. Nobody writes more, and every reader gives up sooner.
const DEPTH_MAX: u32 = 1 << 20;

/// What may come next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing has come yet.
    #[default]
    Start,
    /// So many bytes of a byte order mark have come.
    Mark(u8),
    /// A value must come.
    Value,
    /// A value, or the end of an array that has just begun.
    FirstItem,
    /// A key, or the end of an object that has just begun.
    FirstKey,
    /// A key must come.
    Key,
    /// A colon must come.
    Colon,
    /// A comma, or the end of what is open.
    Comma,
    /// The value is complete: nothing but white space may come.
    Done,
    /// Inside a string.
    Text,
    /// Behind a backslash.
    Escape,
    /// So many hexadecimal digits are still to come.
    Hex(u8),
    /// Inside a character: so many bytes are to come, the next one in these bounds.
    Char { left: u8, low: u8, high: u8 },
    /// Inside a number.
    Number(Number),
    /// Inside a word, of which so many letters have come.
    Word(Word, u8),
    /// NUL bytes have come since `error_at`, and maybe nothing else will.
    Nuls,
    /// It is wrong for good.
    Wrong,
}

impl State {
    /// Whether white space may stand here.
    fn is_between(self) -> bool {
        use State::{Colon, Comma, Done, FirstItem, FirstKey, Key, Value};
        matches!(self, Value | FirstItem | FirstKey | Key | Colon | Comma | Done)
    }
}

/// A value that is a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    True,
    False,
    Null,
    NaN,
    Infinity,
}

impl Word {
    fn letters(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Null => "null",
            Self::NaN => "NaN",
            Self::Infinity => "Infinity",
        }
    }
}

/// What a number has so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// A minus.
    Minus,
    /// A leading zero.
    Zero,
    /// Digits.
    Digits,
    /// A point.
    Point,
    /// Digits behind the point.
    Places,
    /// An `e`.
    Exponent,
    /// Its sign.
    Sign,
    /// Its digits.
    Power,
}

impl Number {
    /// Whether any number of digits may follow.
    fn is_run(self) -> bool {
        matches!(self, Self::Digits | Self::Places | Self::Power)
    }
}

/// The check of one value.
#[derive(Debug, Default)]
pub(super) struct Json {
    state: State,
    /// Where the next byte stands.
    at: u64,
    /// What is open, a bit each from the outside in: set for an object.
    open: Vec<u64>,
    depth: u32,
    /// The string that is open is a key.
    key: bool,
    /// Where the string that is open began.
    text_at: u64,
    /// Where it went wrong, and why.
    error_at: u64,
    words: String,
}

impl Json {
    /// The check of a value that begins at `at`; memory is used again.
    pub(super) fn restart(&mut self, at: u64) {
        let open = std::mem::take(&mut self.open);
        // A mark stands at the beginning of a file only.
        *self = Self { state: State::Value, at, open, ..Self::default() };
    }

    pub(super) fn is_settled(&self) -> bool {
        self.state == State::Wrong
    }

    /// Whether nothing but white space has come since the restart.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.state, State::Start | State::Value) && self.depth == 0
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len() as u64;
        // Held here and not in `self`, so that it stays in a register: this is the hot loop.
        let (mut state, mut rest) = (self.state, bytes);
        while let Some((&byte, behind)) = rest.split_first() {
            let run = match state {
                State::Text => plain_length(rest),
                State::Number(number) if number.is_run() => run(rest, |byte| byte.is_ascii_digit()),
                State::Wrong => break,
                _ if byte <= b' ' && state.is_between() => run(rest, is_white),
                _ => 0,
            };
            if run > 0 {
                rest = rest.get(run..).unwrap_or_default();
                continue;
            }
            let at = end - rest.len() as u64;
            state = match state {
                State::Number(number) => {
                    let Some(next) = self.in_number(number, byte, at) else {
                        // It ends before this byte, which is looked at once more.
                        state = self.after_value();
                        continue;
                    };
                    next
                }
                state => self.take(state, byte, at),
            };
            rest = behind;
        }
        (self.state, self.at) = (state, end);
    }

    /// What follows on a byte that no run takes, and no number.
    fn take(&mut self, state: State, byte: u8, at: u64) -> State {
        match state {
            State::Text => self.in_text(byte, at),
            State::Start => match byte {
                0xef => State::Mark(1),
                byte if is_white(byte) => State::Value,
                byte => self.value(byte, at),
            },
            State::Mark(1) if byte == 0xbb => State::Mark(2),
            State::Mark(2) if byte == 0xbf => State::Value,
            State::Mark(_) => self.wrong(byte, at, "a value"),
            State::FirstItem if byte == b']' => self.close(),
            State::Value | State::FirstItem => self.value(byte, at),
            State::FirstKey if byte == b'}' => self.close(),
            State::FirstKey | State::Key if byte == b'"' => self.text(true, at),
            State::FirstKey => self.wrong(byte, at, "a key or '}'"),
            State::Key => self.wrong(byte, at, "a key"),
            State::Colon if byte == b':' => State::Value,
            State::Colon => self.wrong(byte, at, "':'"),
            State::Comma => self.comma(byte, at),
            State::Done => self.wrong(byte, at, "the end"),
            State::Escape => match byte {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => State::Text,
                b'u' => State::Hex(4),
                other => self.wrong(other, at, "an escaped character"),
            },
            State::Hex(1) if byte.is_ascii_hexdigit() => State::Text,
            State::Hex(left) if byte.is_ascii_hexdigit() => State::Hex(left - 1),
            State::Hex(_) => self.wrong(byte, at, "a hexadecimal digit"),
            State::Char { left, low, high } if (low..=high).contains(&byte) => match left {
                1 => State::Text,
                left => State::Char { left: left - 1, low: 0x80, high: 0xbf },
            },
            State::Char { .. } => self.wrong(byte, at, "the rest of a character (UTF-8)"),
            State::Word(word, come) => self.in_word(word, come, byte, at),
            State::Nuls if byte == 0 => State::Nuls,
            State::Nuls => State::Wrong,
            // Both are looked after by who calls.
            State::Number(_) | State::Wrong => state,
        }
    }

    fn value(&mut self, byte: u8, at: u64) -> State {
        match byte {
            b'"' => self.text(false, at),
            b'{' => self.open(true, at),
            b'[' => self.open(false, at),
            b'-' => State::Number(Number::Minus),
            b'0' => State::Number(Number::Zero),
            b'1'..=b'9' => State::Number(Number::Digits),
            b't' => State::Word(Word::True, 1),
            b'f' => State::Word(Word::False, 1),
            b'n' => State::Word(Word::Null, 1),
            b'N' => State::Word(Word::NaN, 1),
            b'I' => State::Word(Word::Infinity, 1),
            other => self.wrong(other, at, "a value"),
        }
    }

    fn text(&mut self, key: bool, at: u64) -> State {
        (self.key, self.text_at) = (key, at);
        State::Text
    }

    /// A byte of a string that is no plain ASCII character.
    fn in_text(&mut self, byte: u8, at: u64) -> State {
        let char = |left, low, high| State::Char { left, low, high };
        match byte {
            b'"' if self.key => State::Colon,
            b'"' => self.after_value(),
            b'\\' => State::Escape,
            0xc2..=0xdf => char(1, 0x80, 0xbf),
            0xe0 => char(2, 0xa0, 0xbf),
            0xe1..=0xec | 0xee | 0xef => char(2, 0x80, 0xbf),
            0xed => char(2, 0x80, 0x9f),
            0xf0 => char(3, 0x90, 0xbf),
            0xf1..=0xf3 => char(3, 0x80, 0xbf),
            0xf4 => char(3, 0x80, 0x8f),
            other => self.wrong(other, at, "text (a line end or another control must be escaped)"),
        }
    }

    fn in_word(&mut self, word: Word, come: u8, byte: u8, at: u64) -> State {
        let (letters, place) = (word.letters(), usize::from(come));
        if letters.as_bytes().get(place) != Some(&byte) {
            self.wrong(byte, at, &format!("the rest of {letters}"))
        } else if place + 1 == letters.len() {
            self.after_value()
        } else {
            State::Word(word, come + 1)
        }
    }

    /// None: the number ends before this byte.
    fn in_number(&mut self, number: Number, byte: u8, at: u64) -> Option<State> {
        use Number::{Digits, Exponent, Minus, Places, Point, Power, Sign, Zero};
        let next = match (number, byte) {
            (Minus, b'0') => Zero,
            (Minus, b'1'..=b'9') | (Digits, b'0'..=b'9') => Digits,
            (Minus, b'I') => return Some(State::Word(Word::Infinity, 1)),
            (Zero | Digits, b'.') => Point,
            (Point | Places, b'0'..=b'9') => Places,
            (Zero | Digits | Places, b'e' | b'E') => Exponent,
            (Exponent, b'+' | b'-') => Sign,
            (Exponent | Sign | Power, b'0'..=b'9') => Power,
            (Zero | Digits | Places | Power, _) => return None,
            (Minus | Point | Exponent | Sign, other) => {
                return Some(self.wrong(other, at, "a digit"));
            }
        };
        Some(State::Number(next))
    }

    fn open(&mut self, object: bool, at: u64) -> State {
        if DEPTH_MAX <= self.depth {
            return self.error(at, &format!("nested deeper than {DEPTH_MAX} levels"));
        }
        let (word, bit) = ((self.depth / 64) as usize, self.depth % 64);
        if self.open.len() <= word {
            self.open.push(0);
        }
        if let Some(word) = self.open.get_mut(word) {
            *word = *word & !(1 << bit) | u64::from(object) << bit;
        }
        self.depth += 1;
        if object { State::FirstKey } else { State::FirstItem }
    }

    /// Whether the innermost thing that is open is an object.
    fn in_object(&self) -> bool {
        let inner = self.depth.saturating_sub(1);
        self.open.get((inner / 64) as usize).is_some_and(|word| word >> (inner % 64) & 1 == 1)
    }

    fn comma(&mut self, byte: u8, at: u64) -> State {
        match (byte, self.in_object()) {
            (b',', true) => State::Key,
            (b',', false) => State::Value,
            (b'}', true) | (b']', false) => self.close(),
            (other, true) => self.wrong(other, at, "',' or '}'"),
            (other, false) => self.wrong(other, at, "',' or ']'"),
        }
    }

    fn close(&mut self) -> State {
        self.depth = self.depth.saturating_sub(1);
        self.after_value()
    }

    fn after_value(&self) -> State {
        if self.depth == 0 { State::Done } else { State::Comma }
    }

    #[cold]
    fn wrong(&mut self, byte: u8, at: u64, wanted: &str) -> State {
        let wrong = self.error(at, &format!("{} where {wanted} should be", shown(byte)));
        // After a power cut a file may end in them.
        if byte == 0 { State::Nuls } else { wrong }
    }

    #[cold]
    fn error(&mut self, at: u64, words: &str) -> State {
        self.error_at = at;
        words.clone_into(&mut self.words);
        State::Wrong
    }

    /// What is wrong, if this is all.
    pub(super) fn end(&self) -> Option<Wrong> {
        let torn = |offset, words: String| Some(Wrong { fault: FaultKind::TornEnd, offset, words });
        let inside = || match (self.depth, self.in_object()) {
            (0, _) => String::new(),
            (depth, true) => format!(" inside an object, {depth} deep"),
            (depth, false) => format!(" inside an array, {depth} deep"),
        };
        match self.state {
            State::Done
            | State::Number(Number::Zero | Number::Digits | Number::Places | Number::Power)
                if self.depth == 0 =>
            {
                None
            }
            State::Start | State::Mark(_) | State::Value if self.depth == 0 => {
                let words = "holds nothing".to_owned();
                Some(Wrong { fault: FaultKind::Empty, offset: 0, words })
            }
            State::Wrong => {
                let (offset, words) = (self.error_at, self.words.clone());
                Some(Wrong { fault: FaultKind::Corrupt, offset, words })
            }
            State::Nuls => torn(self.error_at, "ends in NUL bytes".to_owned()),
            State::Text | State::Escape | State::Hex(_) | State::Char { .. } => {
                torn(self.at, format!("ends inside a string that began at byte {}", self.text_at))
            }
            State::Number(_) => torn(self.at, format!("ends inside a number{}", inside())),
            State::Word(word, _) => {
                torn(self.at, format!("ends inside the word {}", word.letters()))
            }
            _ => torn(self.at, format!("ends{}", inside())),
        }
    }
}

/// How many bytes from the beginning are such.
fn run(bytes: &[u8], such: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !such(*byte)).unwrap_or(bytes.len())
}

fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r')
}

/// How many bytes from the beginning are plain characters of a string: ASCII, no quote, no backslash, no
/// control. Eight at a time, as most of a state file is text.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The high bit of each byte that is zero (and maybe of such above it: the lowest one is right).
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut length = 0;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let Ok(eight) = <[u8; 8]>::try_from(chunk) else { break };
        let word = u64::from_le_bytes(eight);
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let quotes = zeros(word ^ (ONES * u64::from(b'"')));
        let slashes = zeros(word ^ (ONES * u64::from(b'\\')));
        let special = (word & HIGH) | controls | quotes | slashes;
        if special != 0 {
            return length + (special.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let special = |byte: &u8| *byte < 0x20 || *byte >= 0x80 || *byte == b'"' || *byte == b'\\';
    let rest = chunks.remainder();
    length + rest.iter().position(special).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_characters_are_counted_at_every_place() {
        for special in [b'"', b'\\', 0, 0x1f, 0x80, 0xff, b'\n'] {
            for length in 0..40 {
                for at in 0..length {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = special;
                    assert_eq!(plain_length(&bytes), at, "{special} at {at} of {length}");
                }
                assert_eq!(plain_length(&vec![b' '; length]), length);
                assert_eq!(plain_length(&vec![0x7f; length]), length);
            }
        }
    }
}
