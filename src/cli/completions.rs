//! `agentwatch completions SHELL`: what a shell needs to complete our commands, flags and agents.

use std::collections::BTreeSet;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use clap_complete::shells::{Bash, Fish, Zsh};

use crate::config;

use super::output::print;
use super::{EXIT_FAILED, Failure, Outcome, agents};

/// The flag by which a completion asks for the agents that there are.
const AGENTS: &str = "agents";

/// Those that the agents can be told to; every other generator would be carried by every agent.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// The definition.
pub fn command() -> Command {
    Command::new("completions")
        .about("Print what a shell needs to complete commands, flags and agents")
        .arg(
            Arg::new("shell")
                .value_name("SHELL")
                .value_parser(PossibleValuesParser::new(SHELLS))
                .hide_possible_values(true)
                .required_unless_present(AGENTS)
                .help("The shell that is to read it: bash, zsh or fish"),
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
    let text = match matches.get_one::<String>("shell") {
        None => names(matches)?,
        Some(shell) => script(shell)?,
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
    Ok(all.into_iter().map(|name| name + "\n").collect())
}

/// The script for a shell, made from the definitions of all commands.
///
/// # Errors
/// None that can happen; passed on rather than hidden.
fn script(shell: &str) -> Result<String, Failure> {
    match shell {
        "zsh" => Ok(with_agents_in_zsh(&generated(Zsh)?)),
        "fish" => Ok(generated(Fish)? + &fish()),
        _ => Ok(generated(Bash)? + &bash()),
    }
}

fn generated(shell: impl clap_complete::Generator) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "agentwatch", &mut bytes);
    String::from_utf8(bytes).map_err(|error| Failure::new(EXIT_FAILED, error))
}

/// The commands with a word of that id: `name` is an agent, `command` is an agent or a program.
fn takers_of(id: &str) -> Vec<String> {
    let whole = super::command();
    let takes = |command: &&Command| command.get_positionals().any(|arg| arg.get_id() == id);
    whole.get_subcommands().filter(takes).map(|command| command.get_name().to_owned()).collect()
}

/// The flags behind which a value stands, and no agent.
fn value_takers() -> BTreeSet<String> {
    let whole = super::command();
    let args = whole.get_subcommands().flat_map(Command::get_arguments);
    let taking = args.filter(|arg| arg.get_action().takes_values());
    taking.filter_map(|arg| arg.get_long().map(|long| format!("--{long}"))).collect()
}

/// Names beside what the generated function knows: it is asked first.
fn bash() -> String {
    let values: Vec<String> = value_takers().into_iter().collect();
    format!(
        r#"
_agentwatch_with_agents() {{
    _agentwatch "$@"
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD - 1]}}"
    [[ $COMP_CWORD -ge 2 && $current != -* ]] || return 0
    case "$previous" in {}) return 0 ;; esac
    case "${{COMP_WORDS[1]}}" in
        {})
            COMPREPLY+=($(compgen -W "$(agentwatch completions --agents 2>/dev/null)" -- "$current")) ;;
    esac
}}
complete -F _agentwatch_with_agents -o bashdefault -o default agentwatch
"#,
        values.join(" | "),
        [takers_of("name"), takers_of(config::COMMAND)].concat().join(" | ")
    )
}

/// The places of a NAME ask for agents, where the generator knows files only.
fn with_agents_in_zsh(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let takes =
            ["':name -- ", "'::name -- ", "'*::name -- "].iter().any(|at| line.starts_with(at));
        if takes { line.replace(":_default'", ":_agentwatch_agents'") } else { line.to_owned() }
    });
    let mut text = String::new();
    for line in lines {
        text.push_str(&line);
        text.push('\n');
        if line.starts_with("autoload ") {
            text.push_str(ZSH);
        }
    }
    text
}

const ZSH: &str = r#"
_agentwatch_agents() {
    local -a agents
    agents=(${(f)"$(agentwatch completions --agents 2>/dev/null)"})
    _describe 'agent' agents
}
"#;

fn fish() -> String {
    // Files come along only where a program may stand.
    let lines = [("name", " -f"), (config::COMMAND, "")].map(|(id, no_files)| {
        format!(
            "complete -c agentwatch -n \"__fish_seen_subcommand_from {}\"{no_files} -a \
             \"(agentwatch completions --agents 2>/dev/null)\"\n",
            takers_of(id).join(" ")
        )
    });
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_every_command_and_the_agents() {
        for shell in SHELLS {
            let text = script(shell).unwrap();
            for (name, ..) in super::super::COMMANDS {
                assert!(text.contains(name), "{shell}: {name}");
            }
            assert!(text.contains("stop-timeout"), "{shell}");
            assert!(text.contains("completions --agents 2>/dev/null"), "{shell}");
        }
        let zsh = script("zsh").unwrap();
        // `state check` and `state snapshot` take one as well.
        let takers = takers_of("name").len() + 2;
        assert_eq!(zsh.matches(":_agentwatch_agents'").count(), takers);
        assert!(takers_of("name").contains(&"resume".to_owned()));
        assert_eq!(takers_of(config::COMMAND), ["run", "check", "init"]);
        assert!(value_takers().contains("--state-dir") && !value_takers().contains("--json"));
    }
}
