//! `agentwatch backtest`: what other settings would have said of the past.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::core::cost::runaway::{Kind, Rule};
use crate::core::time::{Now, Wall, millis};
use crate::report::backtest::{Backtest, Replay};
use crate::report::gaps::Gaps;
use crate::store::{history, memory};
use crate::sys::clock::Clock;
use crate::sys::tty;
use crate::wire::{decimal, duration, record};

use super::agents::{self, Agent};
use super::output::{complain, print};
use super::{EXIT_FAILED, EXIT_USAGE, Failure, Outcome};

mod render;

/// Columns of the plot: with its axis it fits 80.
const WIDTH: usize = 64;

/// The events that say something about cycles or silence.
const EVENTS: [&str; 15] = [
    "beat",
    "started",
    "exited",
    "paused",
    "continued",
    "shutdown_announced",
    "output_blocked",
    "output_unblocked",
    "unhealthy",
    "supervisor_started",
    "loop_suspected",
    "loop_cleared",
    "rebaselined",
    "resumed",
    "released",
];

/// The definition.
pub fn command() -> Command {
    let value = |name: &'static str, what: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(what).help(help)
    };
    Command::new("backtest")
        .about("Replay the journal against other settings of runaways and silence")
        .arg(value("days", "DAYS", "So many days up to now [default: 30]"))
        .arg(value("loop-factor", "FACTOR", "As in run; else what the agent ran with"))
        .arg(value("loop-window", "CYCLES", "The same"))
        .arg(value("loop-warmup", "CYCLES", "The same"))
        .arg(value("loop-floor", "TOKENS", "The same"))
        .arg(
            value("rule", "record|mean", "Whether it must also beat its own record of 30 days")
                .value_parser(["record", "mean"])
                .hide_possible_values(true),
        )
        .arg(value("interval", "DURATION", "As in run: how much silence is too much"))
        .arg(value("misses", "COUNT", "The same"))
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON, one array"))
        .args(agents::many_args())
        .after_help(
            "Example:\n  agentwatch backtest crawler --loop-factor 6\n  \
             agentwatch backtest crawler --days 7 --interval 90s\n  \
             agentwatch backtest --json | jq '.[].found'",
        )
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let asked = Asked::of(matches)?;
    let dirs = agents::state_dirs(matches)?;
    let (agents, mut failed) = agents::chosen_of(matches, &dirs)?;
    if agents.is_empty() {
        let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        print(&format!(
            "no agents in {}; start one: agentwatch run -- COMMAND\n",
            dirs.join(", ")
        ))?;
        return Ok(if failed { EXIT_FAILED } else { 0 });
    }
    let mut clock = Clock::new();
    let now = clock.now();
    let mut all = Vec::new();
    for agent in &agents {
        match replay(agent, &asked, &now) {
            Ok(told) => all.push(told),
            Err(words) => {
                complain(&format!("{}: {words}", agent.name));
                failed = true;
            }
        }
    }
    if matches.get_flag("json") {
        let text =
            serde_json::to_string_pretty(&all).map_err(|error| Failure::new(EXIT_FAILED, error))?;
        print(&format!("{text}\n"))?;
    } else {
        let screen = render::Screen {
            colour: tty::colour(1),
            unicode: tty::speaks_unicode(),
            offset_s: clock.offset_at(now.wall),
            days: asked.days,
        };
        for told in &all {
            print(&screen.text(told))?;
        }
    }
    Ok(if failed { EXIT_FAILED } else { 0 })
}

/// What was asked for; where nothing was, what the agent ran with.
#[derive(Clone, Copy, Debug)]
struct Asked {
    days: u32,
    factor: Option<u64>,
    window: Option<u64>,
    warmup: Option<u64>,
    floor: Option<u64>,
    kind: Option<Kind>,
    interval_ms: Option<u64>,
    misses: Option<u64>,
}

impl Asked {
    fn of(matches: &ArgMatches) -> Result<Self, Failure> {
        let number = |name: &str, places: u32, min: u64, max: u64| {
            let Some(text) = matches.get_one::<String>(name) else { return Ok(None) };
            let found = decimal::parse(text, places).ok();
            found.filter(|found| (min..=max).contains(found)).map(Some).ok_or_else(|| {
                let (min, max) = (decimal::exact(min, places), decimal::exact(max, places));
                let words = format!("--{name}: \"{text}\" will not do; write {min} to {max}");
                Failure::new(EXIT_USAGE, words)
            })
        };
        let interval = match matches.get_one::<String>("interval") {
            None => None,
            Some(text) => Some(duration::parse(text).map_err(|error| {
                Failure::new(EXIT_USAGE, format!("--interval: \"{text}\" {error}"))
            })?),
        };
        let days = number("days", 0, 1, 3_650)?.unwrap_or(30);
        Ok(Self {
            days: u32::try_from(days).unwrap_or(30),
            factor: number("loop-factor", 2, 110, 100_000_000)?,
            window: number("loop-window", 0, 1, 1_000)?,
            warmup: number("loop-warmup", 0, 1, 1_000)?,
            floor: number("loop-floor", 0, 0, 1_000_000_000_000)?,
            kind: matches
                .get_one::<String>("rule")
                .map(|rule| if rule == "mean" { Kind::Mean } else { Kind::Record }),
            interval_ms: interval.map(millis).map(|ms| ms.max(1)),
            misses: number("misses", 0, 1, 1_000)?,
        })
    }

    fn rule(&self, ran: Rule) -> Rule {
        let cycles = |asked: Option<u64>, ran| {
            asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(ran)
        };
        Rule {
            kind: self.kind.unwrap_or(ran.kind),
            factor: self.factor.unwrap_or(ran.factor),
            window: cycles(self.window, ran.window),
            warmup: cycles(self.warmup, ran.warmup),
            floor: self.floor.unwrap_or(ran.floor),
        }
    }
}

/// Reads all of an agent's journal once, in bounded memory.
fn replay(agent: &Agent, asked: &Asked, now: &Now) -> Result<Backtest, String> {
    let paths = agent.paths();
    // Without a state the defaults hold: a directory may have been copied from elsewhere.
    let state = memory::look(&paths).unwrap_or(None);
    let ran = state.as_ref().map(|(_, memory)| memory.ledger.limits().rule).unwrap_or_default();
    let (interval_ms, misses) =
        state.map_or((60_000, 2), |(identity, _)| (identity.interval_ms, identity.misses));
    let misses = asked.misses.and_then(|misses| u32::try_from(misses).ok()).unwrap_or(misses);
    let gaps = Gaps::new(asked.interval_ms.unwrap_or(interval_ms), misses);
    let since = Wall(now.wall.0.saturating_sub(i64::from(asked.days) * 86_400_000));
    let mut replay = Replay::new(&agent.name, asked.rule(ran), gaps, since, now.wall, WIDTH);
    let events = EVENTS.iter().map(|event| (*event).to_owned()).collect();
    let wanted = history::Wanted::new(None, None, events);
    let read = history::read(&[paths.journal()], &wanted, |_, at, line| {
        if let Some(fact) = record::read(line).and_then(|record| record.fact) {
            replay.learn(at, &fact);
        }
        Ok::<(), std::convert::Infallible>(())
    });
    let Ok((_, troubles)) = read;
    match troubles.first() {
        Some((_, error)) => Err(format!("journal: {error}")),
        None => Ok(replay.end()),
    }
}
