//! The flags of the command line, made from the key table.

use std::ffi::{OsStr, OsString};

use clap::builder::{OsStringValueParser, PossibleValue, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches};

use super::keys::{Fallback, KEYS, Key, Kind};
use super::name;

/// The id of the argument that [`command_arg`] makes.
pub const COMMAND: &str = "command";

/// The id and flag of the argument that names the one file to read.
pub const CONFIG: &str = "config";

/// The flags of `run` and `check`: every key that has one, and `--config`.
#[must_use]
pub fn run_flags() -> Vec<Arg> {
    KEYS.iter().filter_map(flag).chain([config_flag()]).collect()
}

/// The flags of `run` that `args` may hold, and no others: most launches name two of thirty, and would pay
/// for defining them all. What is not understood with these is to be read again with all.
#[must_use]
pub fn run_flags_in(args: &[OsString]) -> Vec<Arg> {
    let typed = |key: &&Key| {
        key.flag.is_some_and(|flag| {
            args.iter().any(|arg| {
                let name = arg.as_encoded_bytes().strip_prefix(b"--");
                name.is_some_and(|name| name.starts_with(flag.as_bytes()))
            })
        })
    };
    KEYS.iter().filter(typed).filter_map(flag).chain([config_flag()]).collect()
}

/// The flags of the commands that only look for agents: `--state-dir` and `--config`.
#[must_use]
pub fn state_dir_flags() -> Vec<Arg> {
    KEYS.iter()
        .filter(|key| key.path == "state_dir")
        .filter_map(flag)
        .chain([config_flag()])
        .collect()
}

/// The command to supervise: everything from the first word that is no flag, flags of its own
/// included. Optional here; `run` adds `.required(true)`.
#[must_use]
pub fn command_arg() -> Arg {
    // Not `allow_hyphen_values`: a mistyped flag of ours would become the command.
    Arg::new(COMMAND)
        .value_name("COMMAND")
        .help("The agent and its arguments, or the NAME of one in agents/NAME.toml")
        .num_args(1..)
        .trailing_var_arg(true)
        .value_parser(OsStringValueParser::new())
}

/// The words of the command, if the matches know of one.
#[must_use]
pub fn command(matches: &ArgMatches) -> Vec<OsString> {
    let words = matches.try_get_many::<OsString>(COMMAND).ok().flatten();
    words.map(|words| words.cloned().collect()).unwrap_or_default()
}

/// The id of the hidden flag that [`mark_dashes`] puts in.
const DASHED: &str = "is-command";

/// Has matches remember whether a `--` stood right before the command: clap does not, and a word behind
/// it is always a command and never the name of an agent. The definition needs [`dashes_arg`].
#[must_use]
pub fn mark_dashes(args: &[OsString]) -> Vec<OsString> {
    let mut args = args.to_vec();
    let [.., dashes, _] = args.as_slice() else { return args };
    if dashes == "--" {
        args.insert(args.len() - 2, format!("--{DASHED}").into());
    }
    args
}

/// What [`mark_dashes`] puts in.
#[must_use]
pub fn dashes_arg() -> Arg {
    Arg::new(DASHED).long(DASHED).hide(true).action(ArgAction::SetTrue)
}

/// The single word of the command line, if it may be the name of an agent.
#[must_use]
pub fn single_word(matches: &ArgMatches) -> Option<String> {
    let dashed = matches.try_get_one::<bool>(DASHED).ok().flatten().is_some_and(|on| *on);
    first_word(matches).filter(|_| !dashed && command(matches).len() == 1)
}

/// The first word of the command line, if it may be the name of an agent.
#[must_use]
pub fn first_word(matches: &ArgMatches) -> Option<String> {
    let word = command(matches).first()?.to_str()?.to_owned();
    name::is_valid(&word).then_some(word)
}

/// The text of a flag by its id, if it was given; a command without that flag has not given it.
#[must_use]
pub fn given<'a>(matches: &'a ArgMatches, id: &str) -> Option<&'a OsStr> {
    matches.try_get_one::<OsString>(id).ok().flatten().map(OsString::as_os_str)
}

/// All texts of a flag that may be given several times.
#[must_use]
pub fn given_all<'a>(matches: &'a ArgMatches, id: &str) -> Vec<&'a OsStr> {
    let all = matches.try_get_many::<OsString>(id).ok().flatten();
    all.map(|all| all.map(OsString::as_os_str).collect()).unwrap_or_default()
}

fn config_flag() -> Arg {
    Arg::new(CONFIG)
        .long(CONFIG)
        .value_name("FILE")
        .help("Read this file and no other [default: /etc/agentwatch/, ~/.config/agentwatch/, ./]")
        .value_parser(OsStringValueParser::new())
}

fn flag(key: &'static Key) -> Option<Arg> {
    let default = match key.fallback {
        Fallback::Value(text) => text.to_owned(),
        Fallback::ByPid { usual, as_pid1 } => format!("{usual}, as PID 1 {as_pid1}"),
        Fallback::Open { words, .. } => words.to_owned(),
    };
    // No default_value: clap must not give what nobody typed, or files would never count.
    let arg = Arg::new(key.path)
        .long(key.flag?)
        .value_name(key.value_name)
        .help(format!("{} [default: {default}]", key.help));
    Some(match key.kind {
        // The value name lists the words already.
        Kind::Choice(words) => arg.value_parser(Words(words)).hide_possible_values(true),
        Kind::Files | Kind::Sinks | Kind::Addresses => {
            arg.value_parser(OsStringValueParser::new()).action(ArgAction::Append)
        }
        // Refused by us, in the words of the setting.
        Kind::Duration { .. } | Kind::Count { .. } | Kind::Size { .. } | Kind::Decimal { .. } => {
            arg.value_parser(OsStringValueParser::new()).allow_negative_numbers(true)
        }
        Kind::Signal
        | Kind::Path
        | Kind::Input
        | Kind::Name
        | Kind::Label
        | Kind::Text
        | Kind::Secret
        | Kind::Command
        | Kind::Bool => arg.value_parser(OsStringValueParser::new()),
    })
}

/// Tells shells which words complete a flag, and leaves judging to us: one error text for flags,
/// variables and files.
#[derive(Clone)]
struct Words(&'static [&'static str]);

impl TypedValueParser for Words {
    type Value = OsString;

    fn parse_ref(
        &self,
        _: &clap::Command,
        _: Option<&Arg>,
        value: &OsStr,
    ) -> Result<OsString, clap::Error> {
        Ok(value.to_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(|word| PossibleValue::new(*word))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> clap::Command {
        clap::Command::new("run").args(run_flags()).arg(command_arg())
    }

    #[test]
    fn clap_finds_no_fault_with_the_table() {
        run().debug_assert();
        clap::Command::new("status").args(state_dir_flags()).debug_assert();
    }

    #[test]
    fn the_command_keeps_its_own_flags_and_takes_none_of_ours() {
        for (line, words) in [
            (&["run", "--interval", "5s", "python", "-u", "a.py", "--interval", "9s"][..], 5),
            (&["run", "--", "--odd"], 1),
            (&["run", "a", "--", "b"], 3),
            (&["run"], 0),
        ] {
            let matches = run().try_get_matches_from(line).unwrap();
            assert_eq!(command(&matches).len(), words, "{line:?}");
        }
        assert!(run().try_get_matches_from(["run", "--intervall", "5s", "python"]).is_err());
    }

    #[test]
    fn the_flags_that_were_typed_are_defined_and_read_as_with_all() {
        for line in [
            &["run", "x"][..],
            &["run", "--interval", "5s", "--restart=never", "--", "x", "--cooldown", "1s"],
            &["run", "--stop-timeout=1s", "--config", "f", "x"],
        ] {
            let args: Vec<OsString> = line.iter().map(OsString::from).collect();
            let few = clap::Command::new("run").args(run_flags_in(&args)).arg(command_arg());
            let few = few.try_get_matches_from(line).unwrap();
            let all = run().try_get_matches_from(line).unwrap();
            assert_eq!(command(&few), command(&all));
            for key in KEYS {
                assert_eq!(given(&few, key.path), given(&all, key.path), "{}", key.path);
            }
        }
        assert_eq!(run_flags_in(&[]).len(), 1);
    }

    #[test]
    fn what_nobody_typed_is_not_given() {
        let matches = run().try_get_matches_from(["run", "--cooldown=5", "x"]).unwrap();
        assert_eq!(given(&matches, "restart.cooldown"), Some(OsStr::new("5")));
        for id in ["heartbeat.interval", CONFIG, "no.such"] {
            assert_eq!(given(&matches, id), None, "{id}");
        }
    }

    #[test]
    fn help_names_every_flag_with_its_default() {
        let help = run().render_help().to_string();
        for key in KEYS {
            let Some(flag) = key.flag else { continue };
            assert!(help.contains(&format!("--{flag} <{}>", key.value_name)), "{flag}");
            assert!(help.contains(key.help), "{flag}");
        }
        assert!(help.contains("[default: 60s]") && help.contains("[default: exit, as PID 1 hold]"));
    }
}
