//! What goes wrong, and who meddles: drawn at random moments.

use std::time::Duration;

use agentwatch::core::beat::Beat;
use agentwatch::core::command::Command;
use agentwatch::core::ending::Ending;
use agentwatch::core::event::{Event, Last};
use agentwatch::core::notice::Notice;
use agentwatch::core::settings::Policy;
use agentwatch::core::signal::{Request, Signal};
use agentwatch::core::supervisor::Phase;
use agentwatch::core::time::{Boot, Up};

use crate::rng::Rng;
use crate::world::World;

/// How bad a world is.
#[derive(Clone, Debug)]
pub struct Chaos {
    /// The next disturbance.
    pub next: Up,
    mean_secs: u64,
    /// agentwatch is killed before one in so many effects.
    kill_one_in: u64,
    spawn_fails_one_in: u64,
}

impl Chaos {
    pub fn new(rng: &mut Rng, now: Up) -> Self {
        let mean_secs = rng.pick(&[300, 3_600, 20_000, 100_000]);
        Self {
            next: now.plus(rng.secs(0, mean_secs)),
            mean_secs,
            kill_one_in: rng.pick(&[0, 50, 1_000, 10_000]),
            spawn_fails_one_in: rng.pick(&[0, 10, 100]),
        }
    }

    /// A kind world.
    pub fn none() -> Self {
        Self { next: Up(Duration::MAX), mean_secs: 0, kill_one_in: 0, spawn_fails_one_in: 0 }
    }

    pub fn kills(&self, rng: &mut Rng) -> bool {
        rng.one_in(self.kill_one_in)
    }

    pub fn breaks_spawn(&self, rng: &mut Rng) -> bool {
        rng.one_in(self.spawn_fails_one_in)
    }
}

impl World {
    /// One disturbance.
    pub fn disturb(&mut self) {
        let wait = self.rng.secs(0, 2 * self.chaos.mean_secs);
        self.chaos.next = self.now.up.plus(wait);
        match self.rng.below(18) {
            0 => self.crash(),
            1 => self.reboot(),
            2 => {
                let night = self.rng.secs(1, 40_000);
                self.suspend(night);
            }
            3 | 4 => {
                let time = self.rng.secs(0, 4_000);
                let both = self.rng.one_in(2);
                self.freeze(time, both);
            }
            5 | 6 => {
                let time = self.rng.secs(1, 2_000);
                self.blocked_until = Some(self.now.up.plus(time));
            }
            7 => self.step_the_clock(),
            8 => self.disk_works = !self.disk_works,
            9 => self.stop_it(),
            10 => {
                if self.phase() == Phase::Escalated || self.rng.one_in(10) {
                    self.help();
                }
            }
            11 => self.disk_works = true,
            12..=15 => self.order(),
            _ => self.voices_of_the_dead(),
        }
    }

    fn reboot(&mut self) {
        self.crash();
        self.strays = None;
        self.rebooted = true;
        let down = self.rng.secs(10, 2_000);
        self.suspend(down);
        self.now.boot = Boot(self.rng.secs(5, 60));
        self.relaunch_at = self.now.up.plus(Duration::from_secs(1));
    }

    fn step_the_clock(&mut self) {
        let step = i64::try_from(self.rng.below(200_000_000)).unwrap_or(0) - 100_000_000;
        self.now.wall.0 += step;
        self.checker.clock_stepped = true;
    }

    /// A human asks to stop, maybe twice.
    fn stop_it(&mut self) {
        if self.sut.is_none() {
            return;
        }
        let signal = self.rng.pick(&[Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT]);
        self.checker.stopping_for.get_or_insert(Duration::ZERO);
        let request = if signal == Signal::HUP { Request::Hangup } else { Request::Stop };
        // To a plain wrapper what a terminal sends is no stop, but the child's affair.
        let reached_child = self.rng.one_in(2) && self.settings.policy != Policy::Never;
        self.feed(Event::Signal { signal, request, reached_child });
        if self.rng.one_in(3) {
            self.chaos.next = self.now.up;
        }
    }

    /// A human types a command, whatever the state; it is answered.
    fn order(&mut self) {
        if self.sut.is_none() {
            return;
        }
        let command = self.rng.pick(&[
            Command::Pause,
            Command::Pause,
            Command::Resume,
            Command::Restart { at_beat: false },
            Command::Restart { at_beat: true },
            Command::Stop { now: false, stay: true },
            Command::Stop { now: true, stay: false },
        ]);
        if matches!(command, Command::Stop { .. }) {
            if !self.rng.one_in(4) {
                return;
            }
            self.checker.stopping_for.get_or_insert(Duration::ZERO);
        }
        let answers = self.answers;
        let crashes = self.crashes;
        self.feed(Event::Command(command));
        if self.answers != answers + 1 && self.crashes == crashes && self.sut.is_some() {
            self.fail(0, &format!("{command:?} was not answered"));
        }
        if self.phase() == Phase::Escalated {
            self.checker.stopping_for = None;
        }
    }

    /// Reports of incarnations that are no more: nothing may follow (SPEC rule 7).
    fn voices_of_the_dead(&mut self) {
        let Some(sut) = &self.sut else { return };
        let current = sut.memory().tree.as_ref().map(|tree| tree.incarnation);
        let old = sut.memory().incarnation.saturating_sub(1);
        if current == Some(old) || old == 0 {
            return;
        }
        let before = sut.deadline();
        let mut sut = sut.clone();
        let mut out = Vec::new();
        let ending = Ending::Exit { code: 9 };
        for event in [
            Event::Beat { incarnation: old, beat: Box::new(Beat::default()) },
            Event::Notice { incarnation: old, notice: Notice::Trigger },
            Event::Notice { incarnation: old, notice: Notice::Output },
            Event::Notice { incarnation: old, notice: Notice::Word { ready: true, text: None } },
            Event::Notice { incarnation: old, notice: Notice::Extend { by: Duration::MAX } },
            Event::Exited { incarnation: old, ending, last: Last::default() },
            Event::TreeLeft { incarnation: old, left: Vec::new() },
            Event::TreeGone { incarnation: old },
        ] {
            sut.step(self.now, event, &mut out);
        }
        assert!(out.is_empty() && before == sut.deadline(), "rule 7: {out:?} of the dead {old}");
    }
}
