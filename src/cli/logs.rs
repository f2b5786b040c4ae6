//! `agentwatch logs`: what `--log` kept of the output of agents.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::core::time::Wall;
use crate::store::backward::Backward;
use crate::store::growing::{self, Growing};
use crate::store::log::older;
use crate::store::memory;
use crate::sys::clock::Clock;
use crate::sys::poll::pause;
use crate::sys::tty;
use crate::wire::{moment, paint};

use super::agents::{self, Agent};
use super::output::{columns, complain, pad, print_bytes, reader_is_gone};
use super::{EXIT_FAILED, EXIT_USAGE, Failure, Outcome};

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

/// How the lines of agentwatch itself begin, which alone bear a time.
const OURS: &[u8] = b"agentwatch: ";

/// How long that time is: `2026-11-22 09:00:00`.
const STAMP: usize = 19;

/// The definition.
pub fn command() -> Command {
    Command::new("logs")
        .about("Print the output of agents that --log kept")
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
                .visible_alias("tail")
                .value_name("LINES")
                .value_parser(value_parser!(u64))
                .help("Only the last lines of each [default: all that is kept, with --follow 10]"),
        )
        .arg(
            Arg::new("since")
                .long("since")
                .value_name("WHEN")
                .help("From agentwatch's last line before then on: 1h (ago), 09:00, 2026-11-22"),
        )
        .args(agents::many_args())
        .after_help(
            "Example:\n  agentwatch logs crawler -n 100\n  agentwatch logs crawler -f\n  \
             agentwatch logs crawler --since 03:00\n  agentwatch logs -f",
        )
}

/// The log of an agent, as it is read.
struct Kept {
    name: String,
    path: PathBuf,
    file: Growing,
    /// How many logs ago that is.
    age: u32,
    looks: u32,
    failing: bool,
    /// What stands in front of each line, where several agents are printed.
    label: Option<String>,
    /// The beginning of a line whose end is still to come, where it must not be mixed with others.
    part: Vec<u8>,
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let dirs = agents::state_dirs(matches)?;
    let (agents, unreadable) = agents::chosen_of(matches, &dirs)?;
    let follow = matches.get_flag("follow");
    let since = since(matches)?;
    // As of tail -f; but who says since when wants all that came since.
    let lines = matches.get_one::<u64>("lines").copied();
    let lines = lines.or((follow && since.is_none()).then_some(BEFORE));
    let mut failed = unreadable;
    let mut kept = Vec::new();
    let named = matches.contains_id("name");
    for agent in &agents {
        match open(agent, lines, since, follow) {
            Ok(Some(one)) => kept.push(one),
            Ok(None) if named => {
                let words = format!("{} keeps no log; start it with --log FILE", agent.name);
                if agents.len() == 1 {
                    return Err(Failure::new(EXIT_FAILED, words));
                }
                failed = true;
                complain(&words);
            }
            Ok(None) => {}
            Err(failure) if agents.len() == 1 => return Err(failure),
            Err(failure) => {
                failed = true;
                complain(&failure.words);
            }
        }
    }
    if kept.is_empty() && !failed {
        let words = "no agent keeps a log; start one with agentwatch run --log FILE -- COMMAND";
        return Err(Failure::new(EXIT_FAILED, words));
    }
    if 1 < agents.len() {
        label(&mut kept);
    }
    for one in &mut kept {
        match one.stored() {
            Ok(printed) => printed?,
            Err(error) if agents.len() == 1 => return Err(one.failed(&error)),
            // What cannot be read hides no other.
            Err(error) => {
                failed = true;
                complain(&one.failed(&error).words);
            }
        }
        if !follow {
            one.end()?;
        }
    }
    if follow && !kept.is_empty() {
        return self::follow(&mut kept);
    }
    Ok(if failed { EXIT_FAILED } else { 0 })
}

fn since(matches: &ArgMatches) -> Result<Option<Wall>, Failure> {
    let Some(text) = matches.get_one::<String>("since") else { return Ok(None) };
    let mut clock = Clock::new();
    let now = clock.now().wall;
    let found = moment::parse(text, now, &|at| clock.offset_at(at));
    found
        .map(Some)
        .map_err(|words| Failure::new(EXIT_USAGE, format_args!("--since: \"{text}\" {words}")))
}

/// Whose line it is, as it stands in front of it.
fn label(kept: &mut [Kept]) {
    let widest = kept.iter().map(|one| columns(&one.name)).max().unwrap_or(0);
    let colour = tty::colour(1);
    for one in kept {
        one.label = Some(paint::dim(&format!("{} | ", pad(&one.name, widest)), colour));
    }
}

/// The log of an agent, where its wanted lines begin; none if it keeps none.
fn open(
    agent: &Agent,
    lines: Option<u64>,
    since: Option<Wall>,
    follow: bool,
) -> Result<Option<Kept>, Failure> {
    let name = &agent.name;
    let failed =
        |words: &dyn std::fmt::Display| Failure::new(EXIT_FAILED, format_args!("{name}: {words}"));
    let known = memory::look(&agent.paths())
        .map_err(|error| failed(&format_args!("state.json: {error}")))?;
    let Some(path) = known.and_then(|(identity, _)| identity.log).map(PathBuf::from) else {
        return Ok(None);
    };
    let named = |error| failed(&format_args!("{}: {error}", path.display()));
    let by_lines = begin(&path, lines).map_err(named)?;
    let by_time = since.map(|since| begin_since(&path, since)).transpose().map_err(named)?;
    // The later of both: of fewer logs ago, or further on.
    let later = |one: &(u32, u64)| (std::cmp::Reverse(one.0), one.1);
    let (age, at) = by_time.into_iter().chain([by_lines]).max_by_key(later).unwrap_or(by_lines);
    if !follow && growing::id_at(&path).is_none() && age == 0 {
        return Err(failed(&format_args!("nothing was written to {} yet", path.display())));
    }
    let file = Growing::new(older(&path, age), at);
    Ok(Some(Kept {
        name: name.clone(),
        path,
        file,
        age,
        looks: 0,
        failing: false,
        label: None,
        part: Vec::new(),
    }))
}

/// The logs that are there, the newest first.
fn ages(path: &Path) -> impl Iterator<Item = u32> {
    // The newest may just be on its way.
    (0..=OLDER_MAX).take_while(|age| *age == 0 || growing::id_at(&older(path, *age)).is_some())
}

/// Where the last `lines` begin: how many logs ago, and at which byte of that.
fn begin(path: &Path, lines: Option<u64>) -> io::Result<(u32, u64)> {
    let Some(mut left) = lines else { return Ok((ages(path).last().unwrap_or(0), 0)) };
    let mut begin = (0, 0);
    if left == 0 {
        return Ok((0, std::fs::metadata(path).map_or(0, |metadata| metadata.len())));
    }
    for age in ages(path) {
        match growing::last_lines(&older(path, age), left) {
            Ok((at, found)) => {
                begin = (age, at);
                left = left.saturating_sub(found);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if left == 0 {
            break;
        }
    }
    Ok(begin)
}

/// Where agentwatch's last line before `since` stands: the agent's own lines bear no time, so what came
/// since begins there or later. A log that was last written before then holds nothing of it.
fn begin_since(path: &Path, since: Wall) -> io::Result<(u32, u64)> {
    let mut clock = Clock::new();
    let now = clock.now().wall;
    let mut begin = (0, 0);
    for age in ages(path) {
        let path = older(path, age);
        let found = match std::fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            found => found?,
        };
        let written = found.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        if i64::try_from(written.as_millis()).is_ok_and(|written| written < since.0) {
            // Of the newest what comes now is wanted, if anything does.
            return Ok(if age == 0 { (0, found.len()) } else { begin });
        }
        begin = (age, 0);
        let mut file = Backward::open(&path)?;
        while let Some(line) = file.line_before()? {
            let at = line.strip_prefix(OURS).and_then(|line| line.get(..STAMP));
            let at = at.and_then(|text| std::str::from_utf8(text).ok());
            let at = at.and_then(|text| moment::parse(text, now, &|at| clock.offset_at(at)).ok());
            if at.is_some_and(|at| at < since) {
                return Ok((age, file.at()));
            }
        }
    }
    Ok(begin)
}

impl Kept {
    fn failed(&self, error: &io::Error) -> Failure {
        Failure::new(EXIT_FAILED, format_args!("{}: {error}", self.path.display()))
    }

    /// Prints what was kept up to now. Outside, as with the others here, that it cannot be read; inside,
    /// that it cannot be printed.
    fn stored(&mut self) -> io::Result<Result<(), Failure>> {
        loop {
            if let Err(failure) = self.copy()? {
                return Ok(Err(failure));
            }
            if self.age == 0 {
                return Ok(Ok(()));
            }
            self.age -= 1;
            self.file.turn_to(older(&self.path, self.age));
        }
    }

    /// Prints what is there; false if that is nothing.
    fn copy(&mut self) -> io::Result<Result<bool, Failure>> {
        let mut bytes = Vec::with_capacity(CHUNK);
        let mut any = false;
        loop {
            bytes.clear();
            if self.file.read(&mut bytes, CHUNK)? == 0 {
                return Ok(Ok(any));
            }
            any = true;
            let printed = match self.label {
                None => print_bytes(&bytes),
                Some(_) => self.labelled(&bytes),
            };
            if let Err(failure) = printed {
                return Ok(Err(failure));
            }
        }
    }

    /// Prints whole lines with whose they are. One that is longer than what is read at once is printed in
    /// parts.
    fn labelled(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.part.extend_from_slice(bytes);
        let whole = memchr::memrchr(b'\n', &self.part).map_or(0, |at| at + 1);
        let label = self.label.as_deref().unwrap_or_default().as_bytes();
        let mut text = Vec::with_capacity(2 * self.part.len());
        for line in self.part[..whole].split_inclusive(|byte| *byte == b'\n') {
            text.extend_from_slice(label);
            text.extend_from_slice(line);
        }
        self.part.drain(..whole);
        print_bytes(&text)?;
        if CHUNK < self.part.len() { self.end() } else { Ok(()) }
    }

    /// Prints what has no end.
    fn end(&mut self) -> Result<(), Failure> {
        if self.part.is_empty() { Ok(()) } else { self.labelled(b"\n") }
    }

    /// Prints what came, over a turn of the log; false if that is nothing.
    fn look(&mut self) -> io::Result<Result<bool, Failure>> {
        let copied = self.copy()?;
        if !matches!(copied, Ok(false)) {
            return Ok(copied);
        }
        self.looks += 1;
        if self.looks < LOOKS {
            return Ok(copied);
        }
        self.looks = 0;
        if self.file.is_replaced() || self.file.path() != self.path {
            // What was written before it was put aside, then what came after it.
            if let Err(failure) = self.copy()? {
                return Ok(Err(failure));
            }
            self.file.turn_to(after(&self.path, &self.file));
            return Ok(Ok(true));
        }
        Ok(copied)
    }
}

/// Prints what comes, over every turn of the logs, until nobody reads it any more.
fn follow(kept: &mut [Kept]) -> Outcome {
    let alone = kept.len() == 1;
    loop {
        let mut any = false;
        for one in kept.iter_mut() {
            match one.look() {
                Ok(printed) => {
                    any |= printed?;
                    one.failing = false;
                }
                Err(error) if alone => return Err(one.failed(&error)),
                Err(error) if !std::mem::replace(&mut one.failing, true) => {
                    complain(&one.failed(&error).words);
                }
                Err(_) => {}
            }
        }
        if any {
            continue;
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
