//! `agentwatch man [COMMAND]`: the manual pages, made from the definitions of the commands.

use std::fmt::Write as _;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgMatches, Command};
use clap_mangen::Man;

use super::output::print;
use super::{EXIT_FAILED, Failure, Outcome};

/// The date that the pages bear; it moves with a release.
const DATE: &str = "2026-11-23";

/// The definition.
pub fn command() -> Command {
    Command::new("man")
        .about("Print a manual page")
        .arg(
            Arg::new("page")
                .value_name("COMMAND")
                .value_parser(PossibleValuesParser::new(super::COMMANDS.map(|(name, ..)| name)))
                .hide_possible_values(true)
                .help("The command; agentwatch itself if not given"),
        )
        .after_help(
            "Example:\n  agentwatch man run | man -l -\n  \
             agentwatch man > /usr/local/share/man/man1/agentwatch.1",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let name = matches.get_one::<String>("page");
    print(&page(name.map(String::as_str))?)?;
    Ok(0)
}

/// The page of a command, or of agentwatch itself.
fn page(name: Option<&str>) -> Result<String, Failure> {
    let mut whole = super::command();
    whole.build();
    let command = name.and_then(|name| whole.find_subcommand(name)).cloned().unwrap_or(whole);
    let is_run = name == Some("run");
    let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let man = Man::new(command)
        .date(DATE)
        .source(concat!("agentwatch ", env!("CARGO_PKG_VERSION")))
        .manual("agentwatch");
    let mut bytes = Vec::new();
    let rendered = man
        .render_title(&mut bytes)
        .and_then(|()| man.render_name_section(&mut bytes))
        .and_then(|()| man.render_synopsis_section(&mut bytes))
        .and_then(|()| man.render_description_section(&mut bytes))
        .and_then(|()| man.render_options_section(&mut bytes))
        .and_then(
            |()| if name.is_none() { man.render_subcommands_section(&mut bytes) } else { Ok(()) },
        );
    rendered?;
    let mut text = String::from_utf8(bytes).map_err(|error| Failure::new(EXIT_FAILED, error))?;
    section(&mut text, "EXAMPLES", example.trim_start_matches("Example:\n"));
    if name.is_none() || is_run {
        section(&mut text, "EXIT STATUS", EXIT_STATUS);
        section(&mut text, "FILES", FILES);
    }
    Ok(text)
}

/// A section whose lines stay as they are.
fn section(page: &mut String, title: &str, lines: &str) {
    // Writing to a String cannot fail.
    let _ = write!(page, ".SH \"{title}\"\n.nf\n");
    for line in lines.lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq");
        let _ = writeln!(page, "\\&{line}");
    }
    page.push_str(".fi\n");
}

const EXIT_STATUS: &str = "\
the agent's own, or 128+N for signal N   it finished, was stopped, or --restart never
0     asked to stop while no child was up
2     bad usage
69    given up, until: agentwatch resume NAME
75    another agentwatch runs this agent
78    bad configuration
125   agentwatch itself failed
126   the command cannot be executed
127   there is no such command";

const FILES: &str = "\
/etc/agentwatch/agentwatch.toml             settings for all agents
~/.config/agentwatch/agentwatch.toml        the same of a user
./agentwatch.toml                           settings for what is started here
agents/NAME.toml                            beside the first two: one agent, for agentwatch run NAME";
