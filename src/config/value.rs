//! One value: from the text of a flag or variable, or from TOML, by the kind of its key. Pure.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::{DeArray, DeValue};

use super::keys::Kind;
use super::{name, signal, sinks, statefiles, suggest};
use crate::wire::decimal::{self, DecimalError};
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
    /// Of [`Kind::Decimal`], in units of its last place.
    Decimal(u64),
    /// Of [`Kind::Choice`]: one of its words.
    Word(&'static str),
    /// Of [`Kind::Signal`].
    Signal(signal::Written),
    /// Of [`Kind::Path`], as written; of [`Kind::Input`], unless it is the word `inherit`.
    Path(PathBuf),
    /// Of [`Kind::Name`] and [`Kind::Label`].
    Name(String),
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Command`]: program and arguments.
    Command(Vec<OsString>),
    /// Of [`Kind::Files`].
    Files(Vec<statefiles::Written>),
    /// Of [`Kind::Sinks`] and [`Kind::Addresses`].
    Sinks(Vec<sinks::Written>),
}

/// A value with the text that stands for it in `check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// What it means.
    pub value: Value,
    /// As written, where that is unambiguous; signals get their name.
    pub text: String,
}

/// What runs a command that is written as one line.
const SHELL: &str = "/bin/sh";

/// What may be written for a command.
const COMMAND: &str =
    "a list such as [\"python\", \"agent.py\"], or one line for /bin/sh in quotes";

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
    /// Not a number, or one with too many digits behind the point.
    NotADecimal {
        /// Digits that may stand behind the point.
        places: u32,
        /// The least and the most: `1 to 1000`.
        range: String,
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
    /// No signal that could end a process.
    NotDeadly,
    /// Not a name (SPEC §10).
    NotAName,
    /// A text that is empty, too long, or holds a space or worse.
    NotALabel,
    /// Another name than that of the file that defines the agent.
    NamedByFile,
    /// A place for data that commands would look for in vain, as they read no definitions.
    ForAllAgents,
    /// Neither true nor false.
    NotABool,
    /// An empty path.
    EmptyPath,
    /// A list without anything in it, or a text.
    Empty {
        /// What should stand there.
        wanted: &'static str,
    },
    /// A NUL byte, which no program can be given.
    Nul,
    /// Not a regular expression that will do; why, as a predicate.
    NotARegex(String),
    /// Something else, as a predicate.
    Wrong(String),
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
            Self::NotADecimal { places: 0, range } => {
                write!(f, "is not a whole number; write {range}")
            }
            Self::NotADecimal { range, .. } => write!(f, "is not a number; write {range}"),
            Self::NotAChoice { choices, meant } => {
                write!(f, "is none of {}", choices.join(", "))?;
                meant.map_or(Ok(()), |meant| write!(f, "; did you mean {meant}?"))
            }
            Self::NotASignal => {
                let names: Vec<&str> = signal::stop_names().collect();
                write!(f, "is no stop signal; write one of {}, or a number", names.join(", "))
            }
            Self::NotDeadly => f.write_str(
                "is no signal that ends a process; write one such as \"KILL\" or \"SEGV\", or a number",
            ),
            Self::NotALabel => {
                f.write_str("is no ID; write 1 to 128 letters, digits or signs, without spaces")
            }
            Self::NotAName => f.write_str(
                "is no name; write 1 to 64 letters, digits, \".\", \"_\" and \"-\", \
                 beginning with a letter, digit or \"_\"",
            ),
            Self::NamedByFile => f.write_str("is not the name of this file, which names the agent; take it away"),
            Self::ForAllAgents => f.write_str(
                "stands where no other command looks; write it into agentwatch.toml, for all agents",
            ),
            Self::NotABool => f.write_str("is no yes or no; write true or false"),
            Self::EmptyPath => f.write_str("is empty; write a path"),
            Self::Empty { wanted } => write!(f, "is empty; write {wanted}"),
            Self::Nul => f.write_str("holds a NUL, which ends every text; take it out"),
            Self::NotARegex(words) | Self::Wrong(words) => f.write_str(words),
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
        Kind::Decimal { places, min, max } => {
            let number = decimal(text, places, min, max)?;
            let text = decimal::exact(number, places);
            return Ok(Read { value: Value::Decimal(number), text });
        }
        Kind::Choice(choices) => {
            let word = choices.iter().find(|choice| **choice == text);
            Value::Word(word.ok_or_else(|| {
                let meant = suggest::nearest(&text.to_ascii_lowercase(), choices.iter().copied());
                Fault::NotAChoice { choices, meant }
            })?)
        }
        Kind::Signal => {
            let (signal, text) = signal::stop(text).ok_or(Fault::NotASignal)?;
            return Ok(Read { value: Value::Signal(signal), text });
        }
        Kind::Name if name::is_reserved(text) => {
            return Err(Fault::Wrong(format!("{}; choose another name", name::RESERVED_WORDS)));
        }
        Kind::Name if name::is_valid(text) => Value::Name(text.to_owned()),
        Kind::Name => return Err(Fault::NotAName),
        Kind::Label if is_label(text) => Value::Name(text.to_owned()),
        Kind::Label => return Err(Fault::NotALabel),
        Kind::Files => return statefiles::from_text(text),
        Kind::Sinks => return sinks::from_text(text),
        Kind::Addresses => return sinks::from_text(text).and_then(sinks::addresses),
        Kind::Text | Kind::Secret if !is_line(text) => {
            return Err(Fault::Wrong("is no line of text; write 1 to 1000 characters".to_owned()));
        }
        Kind::Secret => {
            let text = sinks::hidden(text);
            return Ok(Read { value: Value::Name(written.to_string_lossy().into_owned()), text });
        }
        Kind::Text => Value::Name(text.to_owned()),
        Kind::Bool => Value::Bool(text.parse().map_err(|_| Fault::NotABool)?),
        Kind::Path | Kind::Input if text.is_empty() => return Err(Fault::EmptyPath),
        _ if text.contains('\0') => return Err(Fault::Nul),
        Kind::Command if text.trim().is_empty() => return Err(Fault::Empty { wanted: COMMAND }),
        Kind::Command => Value::Command(vec![SHELL.into(), "-c".into(), text.into()]),
        Kind::Input if text == "inherit" => Value::Word("inherit"),
        Kind::Input if text == "null" => Value::Path("/dev/null".into()),
        Kind::Path | Kind::Input => Value::Path(PathBuf::from(written)),
    };
    Ok(Read { value, text: text.to_owned() })
}

/// Whether `text` is one line that people can read.
fn is_line(text: &str) -> bool {
    const MAX: usize = 1000;
    (1..=MAX).contains(&text.len()) && !text.chars().any(char::is_control)
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
        Kind::Count { .. } | Kind::Decimal { .. } => "a number without quotes",
        Kind::Size { .. } => "a size in quotes, such as \"50MB\"",
        Kind::Bool => "true or false without quotes",
        Kind::Choice(_)
        | Kind::Signal
        | Kind::Path
        | Kind::Input
        | Kind::Name
        | Kind::Label
        | Kind::Text
        | Kind::Secret => "text in quotes",
        Kind::Command => COMMAND,
        Kind::Files => "a list of paths",
        Kind::Sinks | Kind::Addresses => "a list of sinks",
    };
    match (kind, written) {
        (Kind::Command, DeValue::Array(words)) => command(words),
        (Kind::Files, DeValue::Array(list)) => statefiles::from_list(list),
        (Kind::Sinks, DeValue::Array(list)) => sinks::from_list(list),
        (Kind::Addresses, DeValue::Array(list)) => {
            sinks::from_list(list).and_then(sinks::addresses)
        }
        // A colon parts paths in a variable only.
        (Kind::Files, DeValue::String(path)) => {
            statefiles::from_flags(std::iter::once(OsStr::new(path.as_ref())))
                .map_err(|(_, fault)| fault)
        }
        (Kind::Count { .. } | Kind::Decimal { .. } | Kind::Bool, DeValue::String(_)) => {
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
        (Kind::Decimal { .. }, DeValue::Integer(number)) if number.radix() == 10 => {
            from_text(kind, OsStr::new(number.as_str()))
        }
        (Kind::Decimal { .. }, DeValue::Float(number)) => {
            from_text(kind, OsStr::new(number.as_str()))
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

/// A program and its arguments, each a text.
fn command(written: &DeArray<'_>) -> Result<Read, Fault> {
    let mut words = Vec::new();
    for word in written {
        match word.get_ref() {
            DeValue::String(word) if word.contains('\0') => return Err(Fault::Nul),
            DeValue::String(word) => words.push(word.as_ref()),
            other => {
                let found = found(other);
                return Err(Fault::WrongType { found: list_with(found), wanted: COMMAND });
            }
        }
    }
    if words.first().is_none_or(|program| program.is_empty()) {
        return Err(Fault::Empty { wanted: COMMAND });
    }
    let text = format!("{words:?}");
    Ok(Read { value: Value::Command(words.into_iter().map(OsString::from).collect()), text })
}

/// What a list holds that should hold texts alone.
fn list_with(found: &'static str) -> &'static str {
    match found {
        "a list" | "a table" => "a list in a list",
        _ => "a list of more than texts",
    }
}

/// What stands there, in words.
#[must_use]
pub fn found(value: &DeValue<'_>) -> &'static str {
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

/// A number with up to so many digits behind the point, in its limits.
fn decimal(text: &str, places: u32, min: u64, max: u64) -> Result<u64, Fault> {
    let (least, most) = (decimal::exact(min, places), decimal::exact(max, places));
    match decimal::parse(text, places) {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        Ok(_) | Err(DecimalError::TooLarge) => Err(Fault::OutOfRange { min: least, max: most }),
        Err(DecimalError::NoNumber) => {
            Err(Fault::NotADecimal { places, range: format!("{least} to {most}") })
        }
    }
}

/// A whole number in its limits.
///
/// # Errors
/// It is none, or is outside of them.
pub fn count(digits: &str, radix: u32, min: u32, max: u32) -> Result<u32, Fault> {
    // i128, so that a number beyond u32 is out of range and not "no number".
    let number = i128::from_str_radix(digits, radix).map_err(|_| Fault::NotACount { min, max })?;
    u32::try_from(number)
        .ok()
        .filter(|count| (min..=max).contains(count))
        .ok_or_else(|| Fault::OutOfRange { min: min.to_string(), max: max.to_string() })
}

#[cfg(test)]
mod tests;
