//! `agentwatch completions SHELL`: what a shell needs to complete our commands, flags and agents.

use std::collections::BTreeSet;

use clap::{Arg, ArgAction, ArgMatches, Command};
use clap_complete::Shell;

use crate::config;

use super::output::print;
use super::{EXIT_FAILED, Failure, Outcome, agents};

/// The flag by which a completion asks for the agents that there are.
const AGENTS: &str = "agents";

/// The definition.
pub fn command() -> Command {
    Command::new("completions")
        .about("Print what a shell needs to complete commands, flags and agents")
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .value_parser(clap::value_parser!(Shell))
                .required_unless_present(AGENTS)
                .help("The shell that is to read it"),
        )
        .arg(
            Arg::new(AGENTS)
                .long(AGENTS)
                .action(ArgAction::SetTrue)
                .conflicts_with("shell")
                .help("Print the names of all agents instead, one a line; completions ask so"),
        )
        .args(config::state_dir_flags())
        .after_help(
            "Example:\n  agentwatch completions bash > ~/.local/share/bash-completion/completions/agentwatch\n  \
             agentwatch completions zsh > ~/.zfunc/_agentwatch\n  \
             agentwatch completions fish > ~/.config/fish/completions/agentwatch.fish",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let text = match matches.get_one::<Shell>("shell") {
        None => names(matches)?,
        Some(shell) => script(*shell)?,
    };
    print(&text)?;
    Ok(0)
}

/// The agents that have run and those that are defined.
fn names(matches: &ArgMatches) -> Result<String, Failure> {
    let state_dir = super::run::state_dir(matches)?;
    let known = agents::all(&state_dir).map_err(|error| {
        Failure::new(EXIT_FAILED, format_args!("{}: {error}", state_dir.display()))
    })?;
    let all: BTreeSet<String> = known.into_iter().chain(super::run::defined(matches)?).collect();
    Ok(all.iter().map(|name| format!("{name}\n")).collect())
}

/// The script for a shell, made from the definitions of all commands.
///
/// # Errors
/// None that can happen; passed on rather than hidden.
fn script(shell: Shell) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "agentwatch", &mut bytes);
    let text = String::from_utf8(bytes).map_err(|error| Failure::new(EXIT_FAILED, error))?;
    Ok(match shell {
        Shell::Bash => text + BASH,
        Shell::Zsh => with_agents_in_zsh(&text),
        Shell::Fish => text + &fish(),
        _ => text,
    })
}
