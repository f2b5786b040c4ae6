//! `agentwatch events`: the journal, readable.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config;
use crate::store::paths::Paths;
use crate::store::read;
use crate::sys::clock::Clock;
use crate::sys::tty;
use crate::wire::paint;
use crate::wire::record::Record;
use crate::wire::stamp;
use crate::wire::words::{Tone, describe};

use super::output::print;
use super::{EXIT_FAILED, Failure, Outcome, agents};

/// Text that is collected before it is printed, in bytes: a journal may be larger than our memory.
const CHUNK: usize = 64 * 1024;

/// The widest event name that is aligned.
const EVENT_WIDTH: usize = 18;

/// The definition.
pub fn command() -> Command {
    Command::new("events")
        .about("Show what happened, from the journal")
        .arg(agents::name_arg())
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print the journal's own lines, with the agent's name added"),
        )
        .args(config::state_dir_flags())
        .after_help(
            "Example:\n  agentwatch events crawler\n  \
             agentwatch events crawler --json | jq 'select(.event == \"exited\")'",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let state_dir = super::run::state_dir(matches)?;
    let names = agents::chosen(matches, &state_dir)?;
    let mut printer = Printer {
        json: matches.get_flag("json"),
        colour: tty::colour(1),
        names: 1 < names.len(),
        clock: Clock::new(),
        text: String::new(),
    };
    for name in &names {
        let paths = Paths::new(&state_dir, name);
        let failed = |error| Failure::new(EXIT_FAILED, format_args!("{name}: journal: {error}"));
        for (_, path) in read::days(&paths.journal()).map_err(failed)? {
            let mut outcome = Ok(());
            read::file(&path, 0, &mut |record| {
                if outcome.is_ok() {
                    outcome = printer.add(name, &record);
                }
            })
            .map_err(failed)?;
            outcome?;
        }
    }
    print(&printer.text)?;
    Ok(0)
}

struct Printer {
    json: bool,
    colour: bool,
    names: bool,
    clock: Clock,
    text: String,
}

impl Printer {
    fn add(&mut self, name: &str, record: &Record) -> Result<(), Failure> {
        if self.json {
            // The line is an object of ours: the name goes in front of its first key.
            let rest = record.line.trim_start().strip_prefix('{').unwrap_or(&record.line);
            let _ = writeln!(self.text, "{{\"agent_name\":\"{name}\",{rest}");
        } else {
            let line = self.line(name, record);
            self.text.push_str(&line);
        }
        if CHUNK < self.text.len() {
            print(&std::mem::take(&mut self.text))?;
        }
        Ok(())
    }

    fn line(&mut self, name: &str, record: &Record) -> String {
        let at = stamp::local(record.ts, self.clock.offset_at(record.ts));
        let (tone, words) = match &record.fact {
            Some(fact) => describe(fact),
            None => (Tone::Plain, record.line.clone()),
        };
        let event = format!("{:EVENT_WIDTH$}", record.event);
        let name = if self.names { format!("{name}  ") } else { String::new() };
        let at = paint::dim(&at, self.colour);
        let event = paint::paint(tone, &event, self.colour);
        format!("{at}  {name}{event}  {words}\n")
    }
}
