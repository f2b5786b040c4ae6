//! One value: from the text of a flag or variable, or from TOML, by the kind of its key. Pure.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::{DeArray, DeValue};

use super::keys::Kind;
use super::{name, suggest};
use crate::core::signal::Signal;
use crate::wire::duration::{self, DurationError};
use crate::wire::size::{self, SizeError};

/// A value that its kind allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Of [`Kind::Duration`].
    Duration(Duration),
    /// Of [`Kind::Count`].
    Count(u32),
    /// Of [`Kind::Size`], in bytes.
    Size(u64),
    /// Of [`Kind::Choice`]: one of its words.
    Word(&'static str),
    /// Of [`Kind::Signal`].
    Signal(StopSignal),
    /// Of [`Kind::Path`], as written; of [`Kind::Input`], unless it is the word `inherit`.
    Path(PathBuf),
    /// Of [`Kind::Name`] and [`Kind::Label`].
    Name(String),
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Command`]: never empty.
    Command(Vec<OsString>),
}

/// A value with the text that stands for it in `check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What it means.
    pub value: Value,
    /// As written, where that is unambiguous; signals get their name.
    pub text: String,
}

/// A stop signal that is not yet bound to the numbers of one system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopSignal {
    linux: i32,
    bsd: i32,
}

impl StopSignal {
    /// The signal on this machine; `bsd` says that its numbers are BSD's, as on macOS.
    #[must_use]
    pub fn here(self, bsd: bool) -> Signal {
        Signal(if bsd { self.bsd } else { self.linux })
    }
}

/// Signals that can ask a process to end, by name, with their number on Linux (signal(7)) and on
/// BSD and macOS (`sys/signal.h`). Others can be given as a number.
const SIGNALS: [(&str, i32, i32); 10] = [
    ("TERM", 15, 15),
    ("INT", 2, 2),
    ("QUIT", 3, 3),
    ("HUP", 1, 1),
    ("USR1", 10, 30),
    ("USR2", 12, 31),
    ("KILL", 9, 9),
    ("ABRT", 6, 6),
    ("ALRM", 14, 14),
    ("WINCH", 28, 28),
];

/// The last real-time signal of Linux.
const SIGNAL_MAX: i32 = 64;

/// What is wrong with a value, as a predicate: `has no unit; write …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No duration at all.
    Duration(DurationError),
    /// No size at all.
    Size(SizeError),
    /// A duration, count or size outside of its limits.
    OutOfRange {
        /// The least, as one would write it.
        min: String,
        /// The most, as one would write it.
        max: String,
    },
    /// Not a whole number.
    NotACount {
        /// A value that would do.
        min: u32,
        /// The most.
        max: u32,
    },
    /// None of the words.
    NotAChoice {
        /// The words.
        choices: &'static [&'static str],
        /// The one that was meant, perhaps.
        meant: Option<&'static str>,
    },
    /// No signal that we know.
    NotASignal,
    /// Not a name (SPEC §10).
    NotAName,
    /// A text that is empty, too long, or holds a space or worse.
    NotALabel,
    /// Neither true nor false.
    NotABool,
    /// No word to execute, or one that is no text.
    NotACommand,
    /// An empty path.
    EmptyPath,
    /// A `~` where nobody knows the home directory.
    NoHome,
    /// Not UTF-8, where only a path may be that.
    NotText,
    /// Another TOML type.
    WrongType {
        /// What stands there: `an integer`.
        found: &'static str,
        /// What should: `a string`.
        wanted: &'static str,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duration(error) => error.fmt(f),
            Self::Size(error) => error.fmt(f),
            Self::OutOfRange { min, max } => {
                write!(f, "is out of range; write {min} to {max}")
            }
            Self::NotACount { min, max } => {
                write!(f, "is not a whole number; write {min} to {max}")
            }
            Self::NotAChoice { choices, meant } => {
                write!(f, "is none of {}", choices.join(", "))?;
                meant.map_or(Ok(()), |meant| write!(f, "; did you mean {meant}?"))
            }
            Self::NotASignal => {
                let names: Vec<&str> = SIGNALS.iter().map(|(name, ..)| *name).collect();
                write!(f, "is no stop signal; write one of {}, or a number", names.join(", "))
            }
            Self::NotALabel => {
                f.write_str("is no ID; write 1 to 128 letters, digits or signs, without spaces")
            }
            Self::NotAName => f.write_str(
                "is no name; write 1 to 64 letters, digits, \".\", \"_\" and \"-\", \
                 beginning with a letter, digit or \"_\"",
            ),
            Self::NotABool => f.write_str("is no yes or no; write true or false"),
            Self::NotACommand => f.write_str(
                "is no command; write [\"program\", \"argument\"], or a line for the shell in quotes",
            ),
            Self::EmptyPath => f.write_str("is empty; write a path"),
            Self::NoHome => {
                f.write_str("begins with \"~\", but HOME is not set; write the whole path")
            }
            Self::NotText => f.write_str("is not UTF-8; write plain text"),
            Self::WrongType { found, wanted } => write!(f, "is {found}; write {wanted}"),
        }
    }
}

/// Reads the text of a flag, a variable or a TOML string.
///
/// # Errors
/// A [`Fault`] that says what would be right; the caller adds place, key and value.
pub fn from_text(kind: Kind, written: &OsStr) -> Result<Read, Fault> {
    let text = match written.to_str() {
        Some(text) => Cow::Borrowed(text),
        // A path may be any bytes; what it cannot do is be shown as they are.
        None if matches!(kind, Kind::Path | Kind::Input) => written.to_string_lossy(),
        None => return Err(Fault::NotText),
    };
    let text = text.as_ref();
    let value = match kind {
        Kind::Duration { min, max } => {
            let duration = duration::parse(text).map_err(Fault::Duration)?;
            if !(min..=max).contains(&duration) {
                let (min, max) = (duration::exact(min), duration::exact(max));
                return Err(Fault::OutOfRange { min, max });
            }
            Value::Duration(duration)
        }
        Kind::Count { min, max } => Value::Count(count(text, 10, min, max)?),
        Kind::Size { min, max } => {
            let bytes = size::parse(text).map_err(Fault::Size)?;
            if !(min..=max).contains(&bytes) {
                let (min, max) = (size::exact(min), size::exact(max));
                return Err(Fault::OutOfRange { min, max });
            }
            Value::Size(bytes)
        }
        Kind::Choice(choices) => {
            let word = choices.iter().find(|choice| **choice == text);
            Value::Word(word.ok_or_else(|| {
                let meant = suggest::nearest(&text.to_ascii_lowercase(), choices.iter().copied());
                Fault::NotAChoice { choices, meant }
            })?)
        }
        Kind::Signal => {
            let (signal, text) = signal(text)?;
            return Ok(Read { value: Value::Signal(signal), text });
        }
        Kind::Name if name::is_valid(text) => Value::Name(text.to_owned()),
        Kind::Name => return Err(Fault::NotAName),
        Kind::Label if is_label(text) => Value::Name(text.to_owned()),
        Kind::Label => return Err(Fault::NotALabel),
        Kind::Bool => Value::Bool(text.parse().map_err(|_| Fault::NotABool)?),
        Kind::Command if text.trim().is_empty() => return Err(Fault::NotACommand),
        Kind::Command => Value::Command(["/bin/sh", "-c", text].map(OsString::from).to_vec()),
        Kind::Path | Kind::Input if text.is_empty() => return Err(Fault::EmptyPath),
        Kind::Input if text == "inherit" => Value::Word("inherit"),
        Kind::Input if text == "null" => Value::Path("/dev/null".into()),
        Kind::Path | Kind::Input => Value::Path(PathBuf::from(written)),
    };
    Ok(Read { value, text: text.to_owned() })
}

/// Whether `text` may stand for a release: visible ASCII, of a length that fits every line it is shown in.
fn is_label(text: &str) -> bool {
    const MAX: usize = 128;
    (1..=MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Reads a TOML value. Counts are integers there, durations strings, switches booleans.
///
/// # Errors
/// As [`from_text`], and another type than the kind asks for.
pub fn from_toml(kind: Kind, written: &DeValue<'_>) -> Result<Read, Fault> {
    let wanted = match kind {
        Kind::Duration { .. } => "a duration in quotes, such as \"60s\"",
        Kind::Count { .. } => "a number without quotes",
        Kind::Size { .. } => "a size in quotes, such as \"50MB\"",
        Kind::Bool => "true or false without quotes",
        Kind::Choice(_)
        | Kind::Signal
        | Kind::Path
        | Kind::Input
        | Kind::Name
        | Kind::Label
        | Kind::Command => "text in quotes",
    };
    match (kind, written) {
        (Kind::Command, DeValue::Array(list)) => command(list),
        (Kind::Command, other) if !matches!(other, DeValue::String(_)) => Err(Fault::NotACommand),
        (Kind::Count { .. } | Kind::Bool, DeValue::String(_)) => {
            Err(Fault::WrongType { found: "text", wanted })
        }
        (_, DeValue::String(text)) => from_text(kind, OsStr::new(text.as_ref())),
        (Kind::Bool, DeValue::Boolean(on)) => {
            Ok(Read { value: Value::Bool(*on), text: on.to_string() })
        }
        (Kind::Count { min, max }, DeValue::Integer(number)) => {
            let count = count(number.as_str(), number.radix(), min, max)?;
            Ok(Read { value: Value::Count(count), text: count.to_string() })
        }
        (Kind::Signal, DeValue::Integer(number)) => {
            from_text(kind, OsStr::new(&number.to_string()))
        }
        // The likeliest slip of all gets the likeliest cure.
        (Kind::Duration { .. }, DeValue::Integer(number)) => {
            Err(match duration::parse(&number.to_string()) {
                Err(error) => Fault::Duration(error),
                Ok(_) => Fault::WrongType { found: "an integer", wanted },
            })
        }
        (Kind::Size { .. }, DeValue::Integer(number)) => {
            Err(Fault::Size(SizeError::NoUnit { digits: number.as_str().to_owned() }))
        }
        (_, other) => Err(Fault::WrongType { found: found(other), wanted }),
    }
}

fn command(list: &DeArray<'_>) -> Result<Read, Fault> {
    let words: Option<Vec<&str>> = list
        .iter()
        .map(|word| match word.get_ref() {
            DeValue::String(word) => Some(word.as_ref()),
            _ => None,
        })
        .collect();
    let words = words.filter(|words| words.first().is_some_and(|program| !program.is_empty()));
    let words = words.ok_or(Fault::NotACommand)?;
    let text = format!("{words:?}");
    Ok(Read { value: Value::Command(words.into_iter().map(OsString::from).collect()), text })
}

fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn count(digits: &str, radix: u32, min: u32, max: u32) -> Result<u32, Fault> {
    // i128, so that a number beyond u32 is out of range and not "no number".
    let number = i128::from_str_radix(digits, radix).map_err(|_| Fault::NotACount { min, max })?;
    u32::try_from(number)
        .ok()
        .filter(|count| (min..=max).contains(count))
        .ok_or_else(|| Fault::OutOfRange { min: min.to_string(), max: max.to_string() })
}

/// The signal, and the text that stands for it on every system.
fn signal(text: &str) -> Result<(StopSignal, String), Fault> {
    let upper = text.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some((name, linux, bsd)) = SIGNALS.into_iter().find(|(name, ..)| *name == short) {
        return Ok((StopSignal { linux, bsd }, name.to_owned()));
    }
    match text.parse::<i32>() {
        Ok(number) if (1..=SIGNAL_MAX).contains(&number) => {
            let named = SIGNALS.iter().find(|(_, linux, bsd)| *linux == number && *bsd == number);
            let shown = named.map_or_else(|| number.to_string(), |(name, ..)| (*name).to_owned());
            Ok((StopSignal { linux: number, bsd: number }, shown))
        }
        _ => Err(Fault::NotASignal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Kind =
        Kind::Duration { min: Duration::from_millis(10), max: Duration::from_hours(24) };
    const COUNT: Kind = Kind::Count { min: 1, max: 1_000 };
    const CHOICE: Kind = Kind::Choice(&["auto", "stdout", "none"]);

    fn text(kind: Kind, written: &str) -> Result<Value, String> {
        from_text(kind, written.as_ref()).map(|read| read.value).map_err(|fault| fault.to_string())
    }

    #[test]
    fn text_is_read_by_its_kind() {
        for (kind, written, value) in [
            (SPAN, "10ms", Value::Duration(Duration::from_millis(10))),
            (SPAN, "1d", Value::Duration(Duration::from_hours(24))),
            (COUNT, "1", Value::Count(1)),
            (COUNT, "1000", Value::Count(1_000)),
            (CHOICE, "none", Value::Word("none")),
            (Kind::Bool, "false", Value::Bool(false)),
            (Kind::Name, "my-agent", Value::Name("my-agent".into())),
            (Kind::Label, "crawler:v1+9f3c", Value::Name("crawler:v1+9f3c".into())),
            (Kind::Path, "a b", Value::Path("a b".into())),
        ] {
            assert_eq!(text(kind, written), Ok(value), "{written}");
        }
    }

    #[test]
    fn wrong_text_is_refused_with_what_would_be_right() {
        for (kind, written, words) in [
            (SPAN, "60", "has no unit; write \"60s\" or \"60m\""),
            (SPAN, "9ms", "is out of range; write 10ms to 1d"),
            (SPAN, "1d1ms", "is out of range; write 10ms to 1d"),
            (COUNT, "0", "is out of range; write 1 to 1000"),
            (COUNT, "-1", "is out of range; write 1 to 1000"),
            (COUNT, "1001", "is out of range; write 1 to 1000"),
            (COUNT, "99999999999", "is out of range; write 1 to 1000"),
            (COUNT, "two", "is not a whole number; write 1 to 1000"),
            (COUNT, "", "is not a whole number; write 1 to 1000"),
            (CHOICE, "Auto", "is none of auto, stdout, none; did you mean auto?"),
            (CHOICE, "stdot", "is none of auto, stdout, none; did you mean stdout?"),
            (CHOICE, "pigeon", "is none of auto, stdout, none"),
            (Kind::Bool, "yes", "is no yes or no; write true or false"),
            (Kind::Path, "", "is empty; write a path"),
        ] {
            assert_eq!(text(kind, written), Err(words.to_owned()), "{written}");
        }
        assert!(text(Kind::Label, "a b").is_err_and(|words| words.starts_with("is no ID")));
        assert!(text(Kind::Name, "../etc").is_err_and(|words| words.starts_with("is no name")));
    }

    #[test]
    fn signals_go_by_name_or_number_and_by_the_numbers_of_the_machine() {
        for (written, linux, bsd, shown) in [
            ("TERM", 15, 15, "TERM"),
            ("SIGTERM", 15, 15, "TERM"),
            ("sigint", 2, 2, "INT"),
            ("15", 15, 15, "TERM"),
            ("USR1", 10, 30, "USR1"),
            ("SIGUSR2", 12, 31, "USR2"),
            // A number is that number everywhere, so it gets no name that differs.
            ("10", 10, 10, "10"),
            ("37", 37, 37, "37"),
        ] {
            let read = from_text(Kind::Signal, written.as_ref()).unwrap();
            assert_eq!(read.text, shown, "{written}");
            let Value::Signal(signal) = read.value else { panic!("{written}") };
            assert_eq!((signal.here(false).0, signal.here(true).0), (linux, bsd), "{written}");
        }
        for written in ["", "0", "65", "-9", "STOP", "SIG", "SIGSIGTERM"] {
            assert_eq!(from_text(Kind::Signal, written.as_ref()), Err(Fault::NotASignal));
        }
    }

    #[test]
    fn toml_types_are_held_to() {
        for (kind, written, result) in [
            (SPAN, "\"60s\"", Ok("60s")),
            (SPAN, "60", Err("has no unit; write \"60s\" or \"60m\"")),
            (SPAN, "true", Err("is a boolean; write a duration in quotes, such as \"60s\"")),
            (SPAN, "1.5", Err("is a fraction; write a duration in quotes, such as \"60s\"")),
            (COUNT, "3", Ok("3")),
            (COUNT, "0x10", Ok("16")),
            (COUNT, "1_000", Ok("1000")),
            (COUNT, "-3", Err("is out of range; write 1 to 1000")),
            (COUNT, "\"3\"", Err("is text; write a number without quotes")),
            (COUNT, "[3]", Err("is a list; write a number without quotes")),
            (CHOICE, "false", Err("is a boolean; write text in quotes")),
            (Kind::Bool, "false", Ok("false")),
            (Kind::Bool, "\"false\"", Err("is text; write true or false without quotes")),
            (Kind::Signal, "15", Ok("TERM")),
            (Kind::Path, "{}", Err("is a table; write text in quotes")),
        ] {
            let value = DeValue::parse(written).unwrap();
            let read = from_toml(kind, value.get_ref());
            let read = read.map(|read| read.text).map_err(|fault| fault.to_string());
            assert_eq!(read, result.map(str::to_owned).map_err(str::to_owned), "{written}");
        }
    }
}
