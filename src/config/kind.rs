//! What a setting is made of: what may be written, what holds if nothing is, and how it is called. Pure.

use std::time::Duration;

use super::keys::opt_variable;

/// What may be written for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A duration such as `90s`, from `min` to `max`, both included.
    Duration {
        /// The least that makes sense.
        min: Duration,
        /// The most that makes sense.
        max: Duration,
    },
    /// A whole number from `min` to `max`, both included.
    Count {
        /// The least that makes sense.
        min: u32,
        /// The most that makes sense.
        max: u32,
    },
    /// An amount of bytes such as `50MB`, from `min` to `max`, both included.
    Size {
        /// The least that makes sense, in bytes.
        min: u64,
        /// The most that makes sense, in bytes.
        max: u64,
    },
    /// A number with up to `places` digits behind the point, from `min` to `max`, both included and given in
    /// units of the last place.
    Decimal {
        /// Digits behind the point.
        places: u32,
        /// The least that makes sense.
        min: u64,
        /// The most that makes sense.
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A signal by name or number: `TERM`, `SIGTERM`, `15`.
    Signal,
    /// A path; a relative one is taken from the working directory, in a file from that file's folder.
    Path,
    /// `inherit`, `null`, or the path of a file to read from.
    Input,
    /// The name of an agent (SPEC §10).
    Name,
    /// A short text without spaces: an image tag, a commit.
    Label,
    /// `true` or `false`.
    Bool,
    /// A program with its arguments, as a list, or one line for `/bin/sh -c`.
    Command,
    /// A line of text, spaces allowed.
    Text,
    /// A line of text that nobody is to see.
    Secret,
    /// Where people are told: sinks, each maybe with how bad it must be; a flag is given for each.
    Sinks,
    /// Where reports are sent: sinks that people read.
    Addresses,
    /// State files: paths and patterns, each maybe with how it is checked; a flag is given for each.
    Files,
}

/// What holds when nobody sets a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// This value, as it would be written.
    Value(&'static str),
    /// One value usually, another where agentwatch is PID 1 of a container.
    ByPid {
        /// Under an init system or a shell.
        usual: &'static str,
        /// As PID 1.
        as_pid1: &'static str,
    },
    /// No fixed value: it stays unset or is worked out.
    Open {
        /// What happens instead, for the help text.
        words: &'static str,
        /// A value that could stand there, for the template.
        example: &'static str,
    },
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it stands in a file: `table.key`, or `key` at the top.
    pub path: &'static str,
    /// The flag without its dashes; none where a command line is no place for it.
    pub flag: Option<&'static str>,
    /// A customary variable that is read beside `AGENTWATCH_OPT_<FLAG>`.
    pub variable: Option<&'static str>,
    /// What may be written.
    pub kind: Kind,
    /// What holds when nobody sets it.
    pub fallback: Fallback,
    /// What `--help` writes behind the flag.
    pub value_name: &'static str,
    /// One line for `--help` and the template.
    pub help: &'static str,
}

impl Kind {
    /// Whether TOML has a value of it without quotes: a number, true or false.
    #[must_use]
    pub fn is_bare(self) -> bool {
        matches!(self, Self::Count { .. } | Self::Decimal { .. } | Self::Bool)
    }

    /// Whether what is written may hold a secret, so that no error repeats it.
    #[must_use]
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Sinks | Self::Addresses | Self::Secret)
    }
}

impl Key {
    /// The variable that sets it, if it has a flag: `AGENTWATCH_OPT_STOP_TIMEOUT`.
    #[must_use]
    pub fn opt_variable(&self) -> Option<String> {
        self.flag.map(opt_variable)
    }

    /// The default as one would write it, or a value that could stand there.
    #[must_use]
    pub fn sample(&self) -> &'static str {
        match self.fallback {
            Fallback::Value(text) | Fallback::ByPid { usual: text, .. } => text,
            Fallback::Open { example, .. } => example,
        }
    }
}
