//! What can happen to a world, one thing at a time: machines, disks, humans, and the child itself.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use agentwatch::core::beat::Status;
use agentwatch::core::command::Command;
use agentwatch::core::event::SpawnFailureKind;
use agentwatch::core::signal::Signal;
use agentwatch::core::time::Up;

use crate::rng::Rng;

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// agentwatch is killed before it has done so many more things.
    Kill { after: u32 },
    /// The machine goes down and comes up again; after a power cut what was not synced may be gone.
    Reboot { down: Duration, power_cut: bool },
    /// The machine sleeps.
    Suspend(Duration),
    /// SIGSTOP of agentwatch, alone or with its agent.
    Freeze { time: Duration, both: bool },
    /// Nobody reads our stdout.
    Block(Duration),
    /// The calendar clock jumps by so many milliseconds.
    StepClock(i64),
    /// What of the disk can be written from now on.
    Disk { state: bool, journal: bool },
    /// `state.json` is torn.
    Tear,
    /// The next spawn fails.
    SpawnFails(SpawnFailureKind),
    /// Somebody sends agentwatch a signal.
    Signal { signal: Signal, reached: bool },
    /// A human types a command.
    Order(Command),
    /// A human resumes, on the command line if need be.
    Help,
    /// Somebody kills the child: the kernel for want of memory, say.
    Oom,
    /// Reports of incarnations that are no more.
    Voices,
    /// Another release is to be run from the next launch on.
    Release(u32),
    /// The child beats.
    Beat(Status),
    /// The child ends; something of it may stay, and may need a KILL.
    Exit { code: i32, leaves: Option<bool> },
    /// Time goes on until something is due.
    Wait,
}

/// How bad a world is, and what happens in it: drawn from the seed, or a part of that.
#[derive(Clone, Debug)]
pub struct Plan {
    seed: u64,
    /// When the next thing happens.
    pub next: Up,
    mean_secs: u64,
    /// How often, in 20 things, agentwatch is killed.
    kills: u64,
    drawn: u32,
    /// Only these happen, by their numbers.
    only: Option<Rc<BTreeSet<u32>>>,
}

impl Plan {
    pub fn new(seed: u64, now: Up, only: Option<Rc<BTreeSet<u32>>>) -> Self {
        let mut rng = Rng::of(seed, "plan", 0);
        let mean_secs = rng.pick(&[300, 3_600, 20_000, 100_000]);
        let next = now.plus(rng.secs(0, mean_secs));
        Self { seed, next, mean_secs, kills: rng.pick(&[0, 1, 4, 12]), drawn: 0, only }
    }

    /// A kind world: nothing happens.
    pub fn none() -> Self {
        let next = Up(Duration::MAX);
        Self { seed: 0, next, mean_secs: 0, kills: 0, drawn: 0, only: None }
    }

    /// What happens now, with its number.
    pub fn draw(&mut self, now: Up) -> Option<(u32, Act)> {
        let number = self.drawn;
        self.drawn += 1;
        let mut rng = Rng::of(self.seed, "act", u64::from(number));
        let wait = if rng.one_in(8) {
            // Trouble comes in company.
            rng.secs(0, 2)
        } else {
            rng.secs(0, 2 * self.mean_secs)
        };
        self.next = now.plus(wait);
        let act = if rng.below(20) < self.kills {
            Act::Kill { after: u32::try_from(rng.below(12)).unwrap_or(0) }
        } else {
            act(&mut rng)
        };
        let wanted = self.only.as_ref().is_none_or(|only| only.contains(&number));
        wanted.then_some((number, act))
    }
}

fn act(rng: &mut Rng) -> Act {
    let works = |rng: &mut Rng| !rng.one_in(2);
    match rng.below(26) {
        0 => Act::Kill { after: 0 },
        1 => Act::Reboot { down: rng.secs(10, 2_000), power_cut: rng.one_in(2) },
        2 => Act::Suspend(rng.secs(1, 40_000)),
        3 | 4 => Act::Freeze { time: rng.secs(0, 4_000), both: rng.one_in(2) },
        5 | 6 => Act::Block(rng.secs(1, 2_000)),
        7 => {
            let step = i64::try_from(rng.below(200_000_000)).unwrap_or(0);
            Act::StepClock(step - 100_000_000)
        }
        8 => Act::Disk { state: works(rng), journal: works(rng) },
        9 | 10 => Act::Disk { state: true, journal: true },
        11 => Act::Tear,
        12 => Act::SpawnFails(rng.pick(&[
            SpawnFailureKind::System,
            SpawnFailureKind::NotFound,
            SpawnFailureKind::NotExecutable,
        ])),
        13 | 14 => {
            let signal = rng.pick(&[Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT]);
            Act::Signal { signal, reached: rng.one_in(2) }
        }
        15 => Act::Help,
        23 => Act::Oom,
        16 => Act::Release(u32::try_from(rng.below(4)).unwrap_or(0)),
        17..=22 => Act::Order(order(rng)),
        _ => Act::Voices,
    }
}

fn order(rng: &mut Rng) -> Command {
    rng.pick(&[
        Command::Ack,
        Command::Snooze { time: Duration::from_hours(2) },
        Command::Pause,
        Command::Pause,
        Command::RESUME,
        Command::RESUME,
        Command::Restart { at_beat: false },
        Command::Restart { at_beat: false },
        Command::Restart { at_beat: true },
        Command::Stop { now: false, stay: true },
        Command::Stop { now: true, stay: false },
    ])
}
