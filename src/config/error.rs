//! Where a value came from, and what is wrong with a configuration: one line that names place,
//! key, value and way out.

use std::fmt;
use std::io;

use super::name::NameError;
use super::value::Fault;

/// Where the value of a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The key table.
    Default,
    /// A default that depends on the surroundings; the words say on what: `as PID 1`.
    DefaultBecause(String),
    /// Worked out from the command.
    Derived,
    /// A file.
    File {
        /// As a person would name it.
        path: String,
        /// Counted from 1.
        line: usize,
    },
    /// A variable, by its name.
    Env(String),
    /// A flag, with its dashes.
    Flag(String),
    /// The words of the command line that are no flags.
    CommandLine,
    /// The name of a file that defines an agent.
    FileName(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::DefaultBecause(words) => write!(f, "default, {words}"),
            Self::Derived => f.write_str("from the command"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Env(name) | Self::Flag(name) => f.write_str(name),
            Self::CommandLine => f.write_str("command line"),
            Self::FileName(path) => write!(f, "name of {path}"),
        }
    }
}

/// Why there is no configuration. Displays as one line.
#[derive(Debug)]
pub enum ConfigError {
    /// A value that its key does not allow.
    Value {
        /// Where it stands.
        origin: Origin,
        /// The key's path.
        key: &'static str,
        /// As written.
        written: String,
        /// What is wrong, and what would be right.
        fault: Fault,
    },
    /// A key or table that does not exist.
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// `key` or `table`.
        what: &'static str,
        /// As written, with its table.
        name: String,
        /// The one that was meant, perhaps.
        meant: Option<String>,
    },
    /// A value where a table should be: `heartbeat = "60s"`.
    NotATable {
        /// Where it stands.
        origin: Origin,
        /// The table.
        table: String,
        /// A line that would do under the table's header.
        example: String,
    },
    /// A restart rule that makes no sense.
    Rule {
        /// Where it stands.
        origin: Origin,
        /// What is wrong with it, as a predicate.
        words: String,
    },
    /// A preset that makes no sense.
    Preset {
        /// Where it stands.
        origin: Origin,
        /// What is wrong with it, as a predicate.
        words: String,
    },
    /// An `AGENTWATCH_OPT_…` variable that sets nothing.
    UnknownVariable {
        /// Its name.
        name: String,
        /// The one that was meant, perhaps.
        meant: Option<String>,
    },
    /// The file is not TOML.
    Syntax {
        /// File and line.
        origin: Origin,
        /// The parser's words.
        words: String,
    },
    /// The file cannot be used at all.
    File {
        /// As a person would name it.
        path: String,
        /// What is wrong.
        fault: FileFault,
    },
    /// The command gives no name.
    Name(NameError),
    /// A command in a file gives no name.
    NameOfFile {
        /// Where it stands.
        origin: Origin,
        /// What it is about it.
        error: NameError,
    },
    /// An agent is defined, but not what it runs.
    NoCommand {
        /// The definition.
        path: String,
    },
    /// A single word that is neither a program nor an agent.
    NeitherProgramNorAgent {
        /// As typed.
        name: String,
        /// Where agents are defined.
        folders: Vec<String>,
        /// The agent that was meant, perhaps.
        meant: Option<String>,
    },
    /// The name of an agent with words behind it, which it has no use for.
    AgentWithArguments {
        /// As typed.
        name: String,
        /// Its definition.
        path: String,
    },
    /// The variables of the agent cannot be had. Never says what stands there.
    Variables {
        /// Who named the file.
        origin: Origin,
        /// The file, with a line where one is to blame.
        place: String,
        /// What is wrong, with the way out.
        words: String,
    },
    /// There is no place to keep data.
    NoStateDir,
    /// The key table and the code that reads it disagree.
    Bug {
        /// The key.
        key: &'static str,
    },
}

/// What is wrong with a whole file.
#[derive(Debug)]
pub enum FileFault {
    /// It is named by `--config` or `AGENTWATCH_CONFIG` and does not exist.
    Missing,
    /// A folder, a socket, or where no file was named, a pipe or device.
    NotAFile,
    /// Longer than any configuration, in bytes.
    TooLong {
        /// The limit.
        max: u64,
    },
    /// Not UTF-8.
    NotText {
        /// The first bad line, counted from 1.
        line: usize,
    },
    /// The system's own words.
    Unreadable(io::Error),
}

impl ConfigError {
    /// Whether the command line is to blame (exit code 2) and not the configuration (78).
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Value { origin: Origin::Flag(_), .. }
                | Self::Name(_)
                | Self::AgentWithArguments { .. }
        )
    }

    /// Whether there is nothing of that name to be run (127).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NeitherProgramNorAgent { .. })
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { origin, key, written, fault } => {
                let written = one_line(written);
                match origin {
                    Origin::Flag(flag) => write!(f, "{flag} {}: {fault}", quoted(&written)),
                    Origin::Env(name) => write!(f, "{name}={}: {fault}", quoted(&written)),
                    Origin::File { .. }
                    | Origin::Default
                    | Origin::DefaultBecause(_)
                    | Origin::CommandLine
                    | Origin::FileName(_)
                    | Origin::Derived => write!(f, "{origin}: {key} = {written} {fault}"),
                }
            }
            Self::Unknown { origin, what, name, meant } => {
                write!(f, "{origin}: unknown {what} {}", one_line(name))?;
                meant.as_ref().map_or(Ok(()), |meant| write!(f, "; did you mean {meant}?"))
            }
            Self::NotATable { origin, table, example } => {
                write!(f, "{origin}: {table} is a table; write [{table}] and under it {example}")
            }
            Self::Rule { origin, words } => write!(f, "{origin}: restart.rule {words}"),
            Self::Preset { origin, words } => write!(f, "{origin}: preset {words}"),
            Self::UnknownVariable { name, meant } => {
                write!(f, "{}: unknown setting", one_line(name))?;
                match meant {
                    Some(meant) => write!(f, "; did you mean {meant}?"),
                    None => f.write_str("; see agentwatch run --help for the flags it can name"),
                }
            }
            Self::Syntax { origin, words } => write!(f, "{origin}: not TOML: {}", one_line(words)),
            Self::File { path, fault } => write!(f, "{path}: {fault}"),
            Self::Name(error) => write!(f, "{error}; add --name my-agent"),
            Self::NameOfFile { origin, error } => {
                write!(f, "{origin}: command = {error}; write name = \"my-agent\" above it")
            }
            Self::NoCommand { path } => {
                write!(f, "{path}: no command; write command = [\"python\", \"agent.py\"]")
            }
            Self::NeitherProgramNorAgent { name, folders, meant } => {
                let folders = folders.join(" or ");
                write!(
                    f,
                    "{name}: not found: no program in PATH, and no {name}.toml in {folders}"
                )?;
                meant.as_ref().map_or(Ok(()), |meant| write!(f, "; did you mean {meant}?"))
            }
            Self::AgentWithArguments { name, path } => {
                write!(
                    f,
                    "{name}: no program in PATH, but an agent: options go before its name, "
                )?;
                write!(f, "arguments into the command of {path}")
            }
            Self::Variables { origin, place, words } => {
                write!(f, "{place}: {words} (env_file of {origin})")
            }
            Self::NoStateDir => f.write_str(
                "no place to keep data: HOME is not set; give --state-dir or AGENTWATCH_STATE_DIR",
            ),
            Self::Bug { key } => write!(f, "{key}: no usable default; this is a bug in agentwatch"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl FileFault {
    /// The words where the file holds variables for the agent, and is no configuration.
    #[must_use]
    pub fn words_for_variables(&self) -> String {
        match self {
            Self::Missing => "no such file; write it, or take env_file away".to_owned(),
            Self::NotAFile => "not a file; env_file needs one of KEY=VALUE lines".to_owned(),
            Self::TooLong { max } => {
                format!("longer than {} KiB; this is no file of variables", max / 1_024)
            }
            Self::NotText { line } => format!("not UTF-8 in line {line}; save it as UTF-8 text"),
            Self::Unreadable(error) => {
                format!("cannot be read: {error}; let the user that runs agentwatch read it")
            }
        }
    }
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => {
                f.write_str("no such file; --config and AGENTWATCH_CONFIG need one that exists")
            }
            Self::NotAFile => f.write_str("not a file; move it away, or name a file by --config"),
            Self::TooLong { max } => {
                write!(f, "longer than {} KiB; this is no configuration of agentwatch", max / 1_024)
            }
            Self::NotText { line } => {
                write!(f, "not UTF-8 in line {line}; save it as UTF-8 text")
            }
            Self::Unreadable(error) => {
                write!(f, "cannot be read: {error}; --config FILE reads another file instead")
            }
        }
    }
}

/// The most characters of somebody's text that an error repeats: enough to know it again.
const SHOWN_MAX: usize = 80;

/// `text` on one line and of bounded length: a file may hold line breaks and terminal codes.
#[must_use]
pub fn one_line(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", printable(&text[..end])),
        None => printable(text),
    }
}

/// `text` in full, with line breaks and terminal codes written out.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// A value as one would type it in a shell, near enough to be recognised.
fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains(char::is_whitespace) {
        format!("\"{text}\"")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_repeats_no_line_break_no_terminal_code_and_no_novel() {
        assert_eq!(one_line("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(one_line(&"x".repeat(5_000)).chars().count(), SHOWN_MAX + 1);
    }

    #[test]
    fn a_flag_is_bad_usage_and_a_file_bad_configuration() {
        let value = |origin| ConfigError::Value {
            origin,
            key: "restart.cooldown",
            written: "5".into(),
            fault: Fault::NotText,
        };
        assert!(value(Origin::Flag("--cooldown".into())).is_usage());
        assert!(!value(Origin::Env("AGENTWATCH_OPT_COOLDOWN".into())).is_usage());
        assert!(!value(Origin::File { path: "x".into(), line: 1 }).is_usage());
    }
}
