//! What each act does to a world.

use std::time::Duration;

use agentwatch::core::beat::{Beat, Status};
use agentwatch::core::command::Command;
use agentwatch::core::ending::Ending;
use agentwatch::core::event::{Event, Last};
use agentwatch::core::notice::Notice;
use agentwatch::core::settings::Policy;
use agentwatch::core::signal::{Request, Signal};
use agentwatch::core::supervisor::Phase;
use agentwatch::core::time::Boot;

use crate::act::Act;
use crate::agent::Strays;
use crate::run::fail;
use crate::world::World;

impl World {
    /// Lets it happen.
    pub fn apply(&mut self, act: Act) {
        match act {
            Act::Kill { after: 0 } => self.crash(),
            Act::Kill { after } => {
                if self.sut.is_some() {
                    self.kill_in = Some(after - 1);
                }
            }
            Act::Reboot { down, power_cut } => self.reboot(down, power_cut),
            Act::Suspend(time) => self.suspend(time),
            Act::Freeze { time, both } => self.freeze(time, both),
            Act::Block(time) => self.blocked_until = Some(self.now.up.plus(time)),
            Act::StepClock(ms) => {
                self.now.wall.0 += ms;
                self.suspend(Duration::ZERO);
                self.checker.clock_stepped = true;
                self.checker.costs.clock_stepped();
            }
            Act::Disk { state, journal } => {
                (self.disk.state_works, self.disk.journal_works) = (state, journal);
            }
            Act::Tear => self.disk.tear(),
            Act::SpawnFails(kind) => self.spawn_fails = Some(kind),
            Act::Signal { signal, reached } => self.signal(signal, reached),
            Act::Order(command) => self.order(command),
            Act::Help => {
                self.files.mend();
                if self.sut.is_some() {
                    self.order(Command::RESUME);
                } else {
                    self.resume = true;
                    self.relaunch_at = self.now.up;
                }
            }
            Act::Oom => {
                if let Some(agent) = &mut self.agent {
                    agent.killed(self.now.up);
                }
            }
            Act::Voices => self.voices_of_the_dead(),
            Act::Release(release) => self.release = release,
            Act::Beat(status) => self.child_beats(status),
            Act::Exit { code, leaves } => self.child_exits(code, leaves),
            Act::Wait => {
                // Where nothing is due nothing comes of waiting.
                let far = self.now.up.plus(Duration::from_hours(24 * 365));
                if self.next_moment() < far {
                    self.advance(far);
                }
            }
        }
    }

    fn child_beats(&mut self, status: Status) {
        let Some(agent) = self.agent.as_ref().filter(|_| self.frozen.is_none()) else { return };
        let beat = Box::new(Beat { status, tokens_used: Some(7), ..Beat::default() });
        self.pipe.push(Event::Beat { incarnation: agent.incarnation, beat });
        self.read();
    }

    fn child_exits(&mut self, code: i32, leaves: Option<bool>) {
        let Some(agent) = self.agent.as_ref().filter(|_| self.frozen.is_none()) else { return };
        let of = agent.incarnation;
        self.child_ends(Ending::Exit { code });
        self.strays = leaves.map(|needs_kill| Strays {
            of,
            needs_kill,
            takes: Duration::ZERO,
            gone_at: None,
        });
    }

    fn reboot(&mut self, down: Duration, power_cut: bool) {
        self.crash();
        self.strays = None;
        self.rebooted = true;
        if power_cut {
            self.power_cut = true;
            self.disk.cut_power();
        }
        self.suspend(down);
        self.now.boot = Boot(Duration::from_secs(20));
        self.relaunch_at = self.now.up.plus(Duration::from_secs(1));
    }

    /// Somebody asks to stop.
    fn signal(&mut self, signal: Signal, reached: bool) {
        if self.sut.is_none() {
            return;
        }
        self.checker.stopping_for.get_or_insert(Duration::ZERO);
        let request = if signal == Signal::HUP { Request::Hangup } else { Request::Stop };
        // To a plain wrapper what a terminal sends is no stop, but the child's affair.
        let reached_child = reached && self.settings.policy != Policy::Never;
        self.step(Event::Signal { signal, request, reached_child });
    }

    /// A human types a command, whatever the state; it is answered, once.
    fn order(&mut self, command: Command) {
        if self.sut.is_none() {
            return;
        }
        if matches!(command, Command::Stop { .. }) {
            self.checker.stopping_for.get_or_insert(Duration::ZERO);
        }
        let (answers, crashes) = (self.answers, self.crashes);
        self.step(Event::Command(command));
        self.perform_all();
        let given = self.answers - answers;
        if given != 1 && self.crashes == crashes {
            fail(0, &format!("{command:?} was answered {given} times"));
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
        let mut sut = sut.clone();
        let mut out = Vec::new();
        // A deadline by the calendar is another moment of its clock when that was set meanwhile.
        sut.step(self.now, Event::TreeGone { incarnation: old }, &mut out);
        let before = sut.deadline();
        let ending = Ending::Exit { code: 9 };
        for event in [
            Event::Beat { incarnation: old, beat: Box::new(Beat::default()) },
            Event::Notice { incarnation: old, notice: Notice::Trigger },
            Event::Notice { incarnation: old, notice: Notice::Output },
            Event::Notice { incarnation: old, notice: Notice::Word { ready: true, text: None } },
            Event::Notice { incarnation: old, notice: Notice::Extend { by: Duration::MAX } },
            Event::Frozen { incarnation: old, fresh: 0 },
            Event::Exited { incarnation: old, ending, last: Last::default() },
            Event::TreeLeft { incarnation: old, left: Vec::new() },
            Event::TreeGone { incarnation: old },
        ] {
            sut.step(self.now, event, &mut out);
        }
        if !out.is_empty() || before != sut.deadline() {
            fail(7, &format!("{out:?} of the dead {old}"));
        }
    }
}
