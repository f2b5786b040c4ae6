//! The shell of the simulated agentwatch: feeds the core, performs its effects, answers at once.

use agentwatch::core::effect::{Effect, Force};
use agentwatch::core::event::{
    By, Event, Kept, Launch, SpawnFailure, SpawnFailureKind, SpawnStage, Stray,
};
use agentwatch::core::fact::Fact;
use agentwatch::core::supervisor::Supervisor;

use crate::agent::{Agent, Strays};
use crate::world::World;

impl World {
    pub fn launch(&mut self) {
        if self.checker.memory_lost {
            // What the shell does about a lost memory: the journal knows the incarnation.
            self.disk.incarnation = self.disk.incarnation.max(self.checker.highest);
        }
        self.checker.relaunched(&self.disk, self.crashed);
        let resume = std::mem::take(&mut self.resume).then_some(By::Flag);
        let rebooted = std::mem::take(&mut self.rebooted);
        self.crashed = false;
        if self.rng.one_in(20) {
            self.settings.release = Some(self.rng.below(100).to_string());
        }
        self.sut = Some(Supervisor::new(self.settings.clone(), self.disk.clone()));
        let run = u64::from(self.checker.highest);
        self.feed(Event::Launch(Launch { resume, rebooted, run, terminal: true }));
    }

    /// The agent goes on where it was.
    fn thaw(&mut self) {
        let Some(since) = self.frozen.take() else { return };
        let time = self.now.up.since(since);
        if let Some(agent) = &mut self.agent {
            agent.freeze(time);
        }
        self.checker.heard_nothing_wrong();
    }

    /// agentwatch is killed; its child dies with it (Linux), strays may stay.
    pub fn crash(&mut self) {
        if self.sut.take().is_none() {
            return;
        }
        self.tell(|_| "agentwatch is killed".to_owned());
        self.crashes += 1;
        self.checker.memory_lost |= std::mem::take(&mut self.unsaved);
        self.crashed = self.agent.is_some();
        self.frozen = None;
        if let Some(agent) = self.agent.take()
            && self.rng.one_in(3)
        {
            self.strays = Some(Strays::new(&mut self.rng, agent.incarnation));
        }
        self.pipe.clear();
        self.forget_strays();
        self.relaunch_at = self.now.up.plus(self.rng.secs(0, 600));
    }

    /// Of a tree that could not be written down the core cannot know (SPEC rule 9): the shell's sweep by
    /// the marker in the environment finds it.
    fn forget_strays(&mut self) {
        if self.checker.memory_lost {
            self.strays = None;
        }
    }

    /// Gives one event to the core and performs what follows; answers are given at once.
    pub fn feed(&mut self, event: Event) {
        let Some(mut sut) = self.sut.take() else { return };
        self.steps += 1;
        if !matches!(event, Event::Beat { .. } | Event::Tick { .. }) {
            self.tell(|_| format!("  event {event:?}"));
        }
        let mut effects = Vec::new();
        sut.step(self.now, event, &mut effects);
        let (phase, latched) = (sut.phase(), sut.memory().latch.is_some());
        self.sut = Some(sut);
        let mut told = Vec::new();
        for effect in &effects {
            if !matches!(effect, Effect::Record(Fact::Beat(_)) | Effect::Persist { .. }) {
                told.push(format!("    {effect:?}"));
            }
        }
        for line in told {
            self.tell(|_| line);
        }
        let count = effects.len();
        for effect in effects {
            if self.sut.is_none() {
                return;
            }
            if self.chaos.kills(&mut self.rng) {
                self.crash();
                return;
            }
            let verdict = self.checker.effect(&effect, &self.settings, latched);
            self.check(verdict);
            self.perform(&effect);
        }
        if let Some(sut) = &self.sut {
            let latched = sut.memory().latch.is_some();
            let verdict = self.checker.after(count, phase, latched, &self.settings);
            self.check(verdict);
        }
    }

    fn perform(&mut self, effect: &Effect) {
        match *effect {
            // What a passed signal does to an agent, and our own suspension, are the world's affair.
            Effect::Record(_)
            | Effect::Examine { .. }
            | Effect::Pass { .. }
            | Effect::Suspend { .. } => {}
            Effect::Persist { .. } => self.persist(),
            Effect::Spawn { incarnation, .. } => self.spawn(incarnation),
            Effect::Stop { incarnation, .. } => {
                let now = self.now.up;
                if let Some(agent) = self.agent.as_mut().filter(|a| a.incarnation == incarnation) {
                    agent.asked(&mut self.rng, now);
                }
            }
            Effect::EndTree { incarnation, how } => self.end_tree(incarnation, how),
            Effect::Freeze { incarnation } => {
                self.frozen.get_or_insert(self.now.up);
                let fresh = u32::from(self.rng.one_in(3));
                self.feed(Event::Frozen { incarnation, fresh });
            }
            Effect::Thaw { .. } => self.thaw(),
            Effect::Answer(_) => self.answers += 1,
            Effect::Exit { code } => self.exit(code),
        }
    }

    fn persist(&mut self) {
        let Some(sut) = &self.sut else { return };
        if self.disk_works {
            self.disk = sut.memory().clone();
            self.unsaved = false;
            self.checker.persisted();
            self.feed(Event::StoreWorks { what: Kept::State });
        } else {
            self.unsaved = true;
            let error = "disk full".to_owned();
            self.feed(Event::StoreFailed { what: Kept::State, error });
        }
    }

    fn spawn(&mut self, incarnation: u32) {
        if self.agent.is_some() {
            self.fail(1, "a second child");
        }
        if self.strays.is_some() && !self.rebooted {
            self.fail(5, &format!("started beside {:?}", self.strays));
        }
        let memory = self.sut.as_ref().map(Supervisor::memory);
        if self.disk_works && memory != Some(&self.disk) {
            self.fail(2, "what is on disk does not know of this start");
        }
        if self.chaos.breaks_spawn(&mut self.rng) {
            let kind = self.rng.pick(&[
                SpawnFailureKind::System,
                SpawnFailureKind::NotFound,
                SpawnFailureKind::NotExecutable,
            ]);
            self.checker.never_ran(incarnation);
            let failure = SpawnFailure { kind, stage: SpawnStage::Exec, error: "no".to_owned() };
            self.feed(Event::SpawnFailed { incarnation, failure });
            return;
        }
        let interval = self.settings.interval;
        let agent = Agent::new(&mut self.rng, incarnation, self.kind, self.now.up, interval);
        self.agent = Some(agent);
        let pid = i32::try_from(incarnation).unwrap_or(i32::MAX);
        self.feed(Event::Spawned { incarnation, pid, start_time: None });
    }

    fn end_tree(&mut self, incarnation: u32, how: Force) {
        let now = self.now.up;
        let mut left = Vec::new();
        if let Some(agent) = self.agent.as_mut().filter(|agent| agent.incarnation == incarnation) {
            if how == Force::Kill {
                agent.killed(now);
            }
            left.push(Stray { pid: 1, name: "agent".to_owned() });
        }
        if let Some(strays) = self.strays.as_mut().filter(|strays| strays.of == incarnation) {
            match how {
                Force::Look => {}
                Force::Term => strays.signal(now, false),
                Force::Kill => strays.signal(now, true),
            }
            if strays.gone_at.is_some_and(|at| at <= now) {
                self.strays = None;
            } else {
                left.push(Stray { pid: 2, name: "stray".to_owned() });
            }
        }
        self.feed(if left.is_empty() {
            Event::TreeGone { incarnation }
        } else {
            Event::TreeLeft { incarnation, left }
        });
    }

    /// It left; the outer supervisor starts it again, or a human does so later.
    fn exit(&mut self, code: u8) {
        self.tell(|_| format!("agentwatch left with {code}"));
        self.sut = None;
        self.checker.memory_lost |= std::mem::take(&mut self.unsaved);
        if let Some(agent) = self.agent.take() {
            // Left behind stuck in the kernel; it dies with us as soon as it can die.
            self.strays = Some(Strays::new(&mut self.rng, agent.incarnation));
        }
        self.forget_strays();
        let wait = if code == 69 { self.rng.secs(600, 40_000) } else { self.rng.secs(1, 3_600) };
        self.resume = code == 69 && !self.rng.one_in(3);
        self.relaunch_at = self.now.up.plus(wait);
        self.pipe.clear();
    }
}
