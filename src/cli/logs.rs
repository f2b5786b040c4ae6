//! `agentwatch logs`: what `--log` kept of an agent's output.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::config;
use crate::store::growing::{self, Growing};
use crate::store::log::older;
use crate::store::memory;
use crate::store::paths::Paths;
use crate::sys::poll::pause;

use super::output::{print_bytes, reader_is_gone};
use super::{EXIT_FAILED, Failure, Outcome, agents};

/// How often it is looked for more: nobody sees the difference, and no CPU time is spent on it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks until the file's name is looked up again: it is turned over rarely.
const LOOKS: u32 = 5;

/// How much is read and printed at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// The most older logs that are looked for; the setting allows no more.
const OLDER_MAX: u32 = 1_000;

/// Lines shown before those that `--follow` waits for, as `tail -f` does it.
const BEFORE: u64 = 10;

/// The definition.
pub fn command() -> Command {
    Command::new("logs")
        .about("Print the output of an agent that --log kept")
        .arg(agents::name_arg().required(true).help("The agent"))
        .arg(
            Arg::new("follow")
                .short('f')
                .long("follow")
                .action(ArgAction::SetTrue)
                .help("Go on with what comes, until Ctrl-C"),
        )
        .arg(
            Arg::new("lines")
                .short('n')
                .long("lines")
                .value_name("LINES")
                .value_parser(value_parser!(u64))
                .help("Only the last lines [default: all that is kept, with --follow 10]"),
        )
        .args(config::state_dir_flags())
        .after_help("Example:\n  agentwatch logs crawler -n 100\n  agentwatch logs crawler -f")
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let state_dir = super::run::state_dir(matches)?;
    let name = agents::chosen(matches, &state_dir)?.remove(0);
    let failed =
        |words: &dyn std::fmt::Display| Failure::new(EXIT_FAILED, format_args!("{name}: {words}"));
    let known = memory::look(&Paths::new(&state_dir, &name))
        .map_err(|error| failed(&format_args!("state.json: {error}")))?;
    let Some(path) = known.and_then(|(identity, _)| identity.log).map(PathBuf::from) else {
        let words = format!("{name} keeps no log; start it with --log FILE");
        return Err(Failure::new(EXIT_FAILED, words));
    };
    let follow = matches.get_flag("follow");
    let lines = matches.get_one::<u64>("lines").copied().or(follow.then_some(BEFORE));
    let named = |error| failed(&format_args!("{}: {error}", path.display()));
    let (age, at) = begin(&path, lines).map_err(named)?;
    if !follow && growing::id_at(&path).is_none() && age == 0 {
        return Err(failed(&format_args!("nothing was written to {} yet", path.display())));
    }
    let mut file = Growing::new(older(&path, age), at);
    for age in (0..age).rev() {
        copy(&mut file).map_err(named)??;
        file.turn_to(older(&path, age));
    }
    copy(&mut file).map_err(named)??;
    if follow { self::follow(&path, file) } else { Ok(0) }
}

/// Where the last `lines` begin: how many logs ago, and at which byte of that.
fn begin(path: &Path, lines: Option<u64>) -> std::io::Result<(u32, u64)> {
    let ages = (0..=OLDER_MAX).take_while(|age| {
        // The newest may just be on its way.
        *age == 0 || growing::id_at(&older(path, *age)).is_some()
    });
    let Some(mut left) = lines else { return Ok((ages.last().unwrap_or(0), 0)) };
    let mut begin = (0, 0);
    if left == 0 {
        return Ok((0, std::fs::metadata(path).map_or(0, |metadata| metadata.len())));
    }
    for age in ages {
        match growing::last_lines(&older(path, age), left) {
            Ok((at, found)) => {
                begin = (age, at);
                left = left.saturating_sub(found);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if left == 0 {
            break;
        }
    }
    Ok(begin)
}

/// Prints what is there.
fn copy(file: &mut Growing) -> std::io::Result<Result<bool, Failure>> {
    let mut bytes = Vec::with_capacity(CHUNK);
    let mut any = false;
    loop {
        bytes.clear();
        if file.read(&mut bytes, CHUNK)? == 0 {
            return Ok(Ok(any));
        }
        any = true;
        if let Err(failure) = print_bytes(&bytes) {
            return Ok(Err(failure));
        }
    }
}

/// Prints what comes, over every turn of the log, until nobody reads it any more.
fn follow(path: &Path, mut file: Growing) -> Outcome {
    let mut looks = 0;
    loop {
        let failed = |error| Failure::new(EXIT_FAILED, format_args!("{}: {error}", path.display()));
        if copy(&mut file).map_err(failed)?? {
            continue;
        }
        looks += 1;
        if LOOKS <= looks {
            looks = 0;
            if file.is_replaced() || file.path() != path {
                // What was written before it was put aside, then what came after it.
                copy(&mut file).map_err(failed)??;
                file.turn_to(after(path, &file));
                continue;
            }
        }
        if reader_is_gone() {
            return Ok(0);
        }
        pause(LOOK_EVERY);
    }
}

/// The log that follows the one being read: it is found by what it is, whatever it is called by now.
fn after(path: &Path, file: &Growing) -> PathBuf {
    let age = (0..=OLDER_MAX).find(|age| growing::id_at(&older(path, *age)) == file.id());
    older(path, age.map_or(0, |age| age.saturating_sub(1)))
}
