//! `agentwatch snooze NAME 2h`: nobody is told of what is open for a while, unless it gets worse.

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgMatches, Command};

use crate::config;
use crate::core::command::{Needless, Reply};
use crate::core::fact::{Fact, Seen};
use crate::core::time::millis;
use crate::store::paths::Paths;
use crate::wire::control::{self, Request};
use crate::wire::duration;

use super::asking::{self, Asked};
use super::output::print;
use super::{EXIT_USAGE, Failure, Outcome, agents, files};

/// Longer is no snooze: who wants to hear nothing for good has `ack`.
const MAX_DAYS: u64 = 30;

/// The definition.
pub fn command() -> Command {
    Command::new("snooze")
        .about("Be told nothing of what is open for a while, unless it gets worse")
        .arg(agents::names_arg().required(true))
        .arg(
            Arg::new("time")
                .value_name("DURATION")
                .required(true)
                .value_parser(NonEmptyStringValueParser::new())
                .help("For how long: 30m, 2h, 1d"),
        )
        .args(config::state_dir_flags())
        .after_help("Example:\n  agentwatch snooze crawler 2h")
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let text = matches.get_one::<String>("time").map(String::as_str).unwrap_or_default();
    let time = duration::parse(text)
        .map_err(|error| Failure::new(EXIT_USAGE, format_args!("snooze {text:?}: {error}")))?;
    if time.is_zero() || time.as_secs() > MAX_DAYS * 24 * 3600 {
        let words = format!("snooze {text:?}: must be more than nothing and at most {MAX_DAYS}d");
        return Err(Failure::new(EXIT_USAGE, words));
    }
    let state_dir = super::run::state_dir(matches)?;
    for name in agents::chosen(matches, &state_dir)? {
        let paths = Paths::new(&state_dir, &name);
        let request = Request::Snooze { for_ms: millis(time) };
        let words = match asking::ask(&name, &paths, &request)? {
            Asked::Done(answer) => answer.words,
            Asked::Nobody(lock) => {
                let mut incidents = 0;
                files::change(&name, &paths, &lock, |memory, now| {
                    let until = now.wall.plus(time);
                    incidents = memory.incidents.snooze(until);
                    let seen = Seen { incidents, until: Some(until) };
                    (0 < incidents).then_some(Fact::Snoozed(seen))
                })?;
                let reply = match incidents {
                    0 => Reply::Needless(Needless::NothingOpen),
                    incidents => Reply::Snoozed { incidents, time },
                };
                control::answer(&name, reply, None).words
            }
        };
        print(&format!("{words}\n"))?;
    }
    Ok(0)
}
