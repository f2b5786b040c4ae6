//! `agentwatch state`: the state files of an agent, what is wrong with them, the copies of them, and what was
//! moved aside.

mod by_hand;
mod show;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config;
use crate::statefiles::Home;
use crate::store::memory;
use crate::store::paths::Paths;
use crate::wire::errand::{Errand, Task};
use crate::wire::state::Identity;

use super::{EXIT_FAILED, Failure, Outcome, agents};

/// The definition.
pub fn command() -> Command {
    let name = || agents::name_arg().help("The agent; may be left out where there is but one");
    let of = || {
        let arg = Arg::new("name").short('n').long("name").value_name("NAME");
        arg.help("The agent; may be left out where there is but one")
    };
    let sub = |verb: &'static str, about: &'static str| {
        Command::new(verb).about(about).args(config::state_dir_flags())
    };
    let json = || Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON");
    let set = || Arg::new("set").value_name("SET");
    Command::new("state")
        .about("Show, check, copy and put back the state files of an agent")
        .arg(name())
        .arg(json())
        .args(config::state_dir_flags())
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .subcommand(
            sub("check", "Check all files now; exit 1 if one is not valid").arg(name()).arg(json()),
        )
        .subcommand(sub("snapshot", "Copy all files now, if they are valid").arg(name()))
        .subcommand(
            sub("restore", "Put a snapshot in place; what is there is kept in quarantine/")
                .arg(set().help("The snapshot [default: the newest that is valid]"))
                .arg(of()),
        )
        .subcommand(
            sub("diff", "Say how the files differ from a snapshot")
                .arg(set().required(true).help("The snapshot"))
                .arg(of()),
        )
        .after_help(
            "Example:\n  agentwatch state crawler\n  agentwatch state check crawler\n  \
             agentwatch state restore 20261123T174501Z --name crawler",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    match matches.subcommand() {
        Some(("check", matches)) => by_hand::check(matches),
        Some(("snapshot", matches)) => by_hand::snapshot(matches),
        Some(("restore", matches)) => by_hand::restore(matches),
        Some(("diff", matches)) => by_hand::diff(matches),
        _ => show::main(matches),
    }
}

/// An agent that has state files.
struct Agent {
    name: String,
    paths: Paths,
    identity: Identity,
}

impl Agent {
    fn home(&self) -> Home {
        Home::new(self.paths.dir())
    }

    /// An errand on its files.
    fn errand(&self, task: Task) -> Errand {
        let custodian = &self.identity.state_files;
        Errand {
            files: custodian.files.clone(),
            dir: self.paths.dir().display().to_string(),
            keep: custodian.keep,
            max_bytes: custodian.max_bytes,
            task,
        }
    }

    fn failed(&self, words: impl std::fmt::Display) -> Failure {
        Failure::new(EXIT_FAILED, format_args!("{}: {words}", self.name))
    }
}

/// The agent that is meant: the named one, or the only one that has state files.
fn chosen(matches: &ArgMatches) -> Result<Agent, Failure> {
    let state_dir = super::run::state_dir(matches)?;
    let mut with = Vec::new();
    for name in agents::chosen(matches, &state_dir)? {
        let paths = Paths::new(&state_dir, &name);
        let known = memory::look(&paths)
            .map_err(|error| Failure::new(EXIT_FAILED, format_args!("{name}: {error}")))?;
        if let Some((identity, _)) = known
            && !identity.state_files.is_none()
        {
            with.push(Agent { name, paths, identity });
        }
    }
    let named = matches.get_one::<String>("name");
    match (with.len(), named) {
        (1, _) => Ok(with.remove(0)),
        (0, Some(name)) => Err(Failure::new(
            EXIT_FAILED,
            format_args!("{name}: has no state files; name them with --state-file or state.files"),
        )),
        (0, None) => Err(Failure::new(
            EXIT_FAILED,
            format_args!(
                "no agent in {} has state files; name them with --state-file or state.files",
                state_dir.display()
            ),
        )),
        (_, _) => {
            let there: Vec<_> = with.iter().map(|agent| agent.name.as_str()).collect();
            let words = format!("which agent? there are: {}", there.join(", "));
            Err(Failure::new(super::EXIT_USAGE, words))
        }
    }
}
