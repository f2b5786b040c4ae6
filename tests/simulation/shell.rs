//! The shell of the simulated agentwatch: feeds the core, performs its effects in order, writes when it
//! is quiet. As the real one does it, and it can be killed between any two things.

use agentwatch::core::effect::{Effect, Force};
use agentwatch::core::event::{By, Event, Kept, Launch, SpawnFailure, SpawnStage, Stray};
use agentwatch::core::fact::Fact;
use agentwatch::core::incident::Incidents;
use agentwatch::core::memory::Memory;
use agentwatch::core::supervisor::{Phase, Supervisor};
use agentwatch::core::validation::Task;

use crate::agent::{Agent, Strays};
use crate::disk::{Disk, Written, is_dull};
use crate::run::{check, fail};
use crate::world::World;

/// The most that one step may ask for: twelve, and a fact and a letter for each kind of trouble that ends.
const EFFECTS_MAX: usize = 12 + 2 * 11;

/// What a supervisor may weigh, as text: its lists have limits.
const WEIGHT_MAX: usize = 64 * 1024;

/// Weighing takes as long as a thousand steps.
const WEIGH_EVERY: u64 = 16;

impl World {
    pub fn launch(&mut self) {
        let (mut memory, sound) = self.disk.load(self.now.wall);
        let power_cut = std::mem::take(&mut self.power_cut);
        check(self.checker.survived(&memory, power_cut, sound));
        self.checker.memory_lost |= power_cut || !sound;
        if self.checker.memory_lost {
            // What the journal does about a lost memory: it knows the numbers that were given out.
            memory.incarnation = memory.incarnation.max(self.checker.highest);
            self.strays = None;
        }
        self.checker.relaunched(&memory, self.crashed);
        // What was told in the moment of a crash may be told again.
        self.checker.costs.anew(self.checker.memory_lost || self.crashed);
        self.books.anew();
        self.post.anew(self.checker.memory_lost);
        self.reporter.anew(self.now.boot);
        let resume = std::mem::take(&mut self.resume).then_some(By::Flag);
        let rebooted = std::mem::take(&mut self.rebooted);
        self.crashed = false;
        if 0 < self.release {
            self.settings.release = Some(self.release.to_string());
        }
        self.sut = Some(Supervisor::new(self.settings.clone(), memory));
        let run = u64::from(self.checker.highest);
        self.step(Event::Launch(Launch { resume, rebooted, run, terminal: true }));
        self.perform_all();
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
        self.kill_in = None;
        let Some(sut) = self.sut.take() else { return };
        self.tell(|_| "agentwatch is killed".to_owned());
        self.crashes += 1;
        if self.crashes % WEIGH_EVERY == 1 {
            Self::weigh(&sut);
        }
        let more = self.performed < self.effects.len();
        self.forget_effects();
        self.checker.memory_lost |= self.disk.lose(more);
        self.crashed = self.agent.is_some();
        self.frozen = None;
        if let Some(mut agent) = self.agent.take()
            && let Some(strays) = agent.leaves(3)
        {
            self.strays = Some(strays);
        }
        if self.crashed {
            self.files.tear(&mut self.rng);
        }
        if let Some(strays) = self.files.crash(&mut self.rng) {
            self.strays = Some(strays);
        }
        self.post.crash();
        self.reporter.leave();
        self.pipe.clear();
        self.relaunch_at = self.now.up.plus(self.rng.secs(0, 600));
    }

    fn weigh(sut: &Supervisor) {
        let weight = format!("{sut:?}").len();
        if WEIGHT_MAX < weight {
            fail(10, &format!("the supervisor weighs {weight}"));
        }
    }

    /// True if agentwatch is killed right now.
    fn dies(&mut self) -> bool {
        match &mut self.kill_in {
            None => false,
            Some(0) => {
                self.crash();
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }

    /// Gives one event to the core; what follows is performed in its turn.
    pub fn step(&mut self, event: Event) {
        let Some(sut) = &mut self.sut else { return };
        self.steps += 1;
        self.books.hear(sut, &event);
        let told = !matches!(event, Event::Beat { .. } | Event::Tick { .. });
        let words = (told && self.story.is_some()).then(|| format!("  event {event:?}"));
        let before = sut.phase();
        let queued = self.effects.len();
        sut.step(self.now, event, &mut self.effects);
        self.diagram.take(before, sut.phase());
        self.checker.moved(sut);
        if let Some(words) = words {
            self.tell(|_| words);
        }
        let new = &self.effects[queued..];
        if EFFECTS_MAX < new.len() {
            fail(10, &format!("{} effects in one step", new.len()));
        }
        if self.story.is_some() {
            for effect in new.iter().filter(|effect| !is_dull(effect)) {
                self.tell(|_| format!("    {effect:?}"));
            }
        }
    }

    /// What is to be done next, if anything is.
    fn next_effect(&mut self) -> Option<Effect> {
        let effect = self.effects.get_mut(self.performed)?;
        self.performed += 1;
        Some(std::mem::replace(effect, Effect::Exit { code: 0 }))
    }

    fn forget_effects(&mut self) {
        self.effects.clear();
        self.performed = 0;
    }

    /// Performs everything that is to be done.
    pub fn perform_all(&mut self) {
        while self.performed < self.effects.len() {
            if self.kill_in.is_some() && self.dies() {
                return;
            }
            // Most effects are the record of a beat, and there is no more to it.
            if let Effect::Record(fact @ Fact::Beat(beat)) = &self.effects[self.performed]
                && Disk::is_dull(beat)
            {
                self.performed += 1;
                self.books.record(fact, self.now.up.0);
                continue;
            }
            if let Some(effect) = self.next_effect() {
                self.perform(effect);
            }
            if self.sut.is_none() {
                break;
            }
        }
        self.forget_effects();
        check(self.books.is_calm());
        self.leaves_in_time();
        if let Some(sut) = &self.sut {
            check(self.checker.after(sut, &self.settings));
            if sut.phase() == Phase::Failed {
                check(self.books.close());
            }
        }
    }

    fn perform(&mut self, effect: Effect) {
        if matches!(effect, Effect::Spawn { .. }) && !self.before_start() {
            return;
        }
        let latched = self.sut.as_ref().is_some_and(|sut| sut.memory().latch.is_some());
        check(self.checker.effect(&effect, &self.settings, latched));
        match effect {
            Effect::Record(fact) => {
                if matches!(fact, Fact::Resumed { .. } | Fact::Released(_)) {
                    self.post.resumed();
                }
                self.books.record(&fact, self.now.up.0);
                self.disk.note(self.now.wall, fact);
            }
            // What a passed signal does to an agent, and our own suspension, are the world's affair.
            Effect::Examine { .. }
            | Effect::Pass { .. }
            | Effect::Suspend { .. }
            | Effect::Ping { .. } => {}
            Effect::Measure { incarnation } => self.measure(incarnation),
            Effect::Persist { sync } => self.disk.is_unsaved(sync),
            Effect::Spawn { incarnation, .. } => self.spawn(incarnation),
            Effect::Stop { incarnation, .. } => {
                let now = self.now.up;
                if let Some(agent) = self.agent.as_mut().filter(|a| a.incarnation == incarnation) {
                    agent.asked(now);
                }
            }
            Effect::EndTree { incarnation, how } => self.end_tree(incarnation, how),
            Effect::Freeze { incarnation } => self.freeze_child(incarnation),
            Effect::Thaw { .. } => self.thaw(),
            Effect::Errand { number, task } => {
                let grave = !matches!(task, Task::Snapshot { .. });
                if !grave || self.before_start() {
                    self.errand(number, task);
                }
            }
            Effect::DropErrand { .. } => self.files.drop_errand(&mut self.rng),
            Effect::Hook { incarnation, .. } => {
                if self.before_start() {
                    self.hook(incarnation);
                }
            }
            Effect::Alert(alert) => self.post(&alert),
            Effect::Deliver => self.deliver(),
            Effect::DropDelivery => self.drop_delivery(),
            Effect::Report { day } => self.report(day),
            Effect::DropReport => self.drop_report(),
            Effect::Answer(_) => self.answers += 1,
            Effect::Exit { code } => self.exit(code),
        }
    }

    fn freeze_child(&mut self, incarnation: u32) {
        if !self.write_journal() || !self.save() {
            return;
        }
        if self.agent.as_ref().is_some_and(|agent| agent.incarnation == incarnation) {
            self.frozen.get_or_insert(self.now.up);
        }
        let fresh = u32::from(self.rng.one_in(3));
        self.step(Event::Frozen { incarnation, fresh });
    }

    /// What can wait for a quiet moment; put off once at most.
    pub fn chores(&mut self, quiet: bool) {
        if self.sut.is_none() || !self.disk.has_chores() {
            return;
        }
        if !quiet && !self.disk.put_off && self.rng.one_in(4) {
            self.disk.put_off = true;
            return;
        }
        self.disk.put_off = false;
        if self.write_journal() && self.save() {
            self.perform_all();
        }
    }

    /// What must be on disk before a child is started; false if agentwatch was killed meanwhile.
    fn before_start(&mut self) -> bool {
        (!self.disk.is_weighty() || self.write_journal()) && self.save()
    }

    fn write_journal(&mut self) -> bool {
        if self.dies() {
            return false;
        }
        let written = self.disk.write_journal();
        if let Some(sut) = self.sut.as_ref().filter(|_| written == Some((Kept::Journal, true))) {
            self.checker.journaled(sut.memory());
        }
        self.wrote(written);
        true
    }

    fn save(&mut self) -> bool {
        if self.dies() {
            return false;
        }
        let Some(sut) = &self.sut else { return false };
        let written = self.disk.save(sut.memory());
        if written == Some((Kept::State, true)) {
            self.checker.saved(sut.memory());
        }
        self.wrote(written);
        true
    }

    fn wrote(&mut self, written: Written) {
        match written {
            None => {}
            Some((what, true)) => self.step(Event::StoreWorks { what }),
            Some((what, false)) => {
                let error = "disk full".to_owned();
                self.step(Event::StoreFailed { what, error });
            }
        }
    }

    fn spawn(&mut self, incarnation: u32) {
        if self.agent.is_some() {
            fail(1, "a second child");
        }
        if let Some(strays) = &self.strays {
            fail(5, &format!("started beside {strays:?}"));
        }
        let memory = self.sut.as_ref().map(Supervisor::memory);
        // What people are to be told may follow: the journal knows it.
        let known = |memory: &Memory| Memory { incidents: Incidents::default(), ..memory.clone() };
        if self.disk.state_works && memory.map(known) != self.disk.state().map(known) {
            fail(2, "what is on disk does not know of this start");
        }
        let again = memory.is_some_and(|memory| memory.unfinished || memory.custody.restoring);
        if let Some(why) = self.files.forbids(self.settings.validation.as_ref(), again) {
            fail(5, &why);
        }
        check(self.checker.ends_are_known(&mut self.disk));
        let fails = self.spawn_fails.take();
        if let Some(kind) = fails {
            self.checker.never_ran();
            let failure = SpawnFailure { kind, stage: SpawnStage::Exec, error: "no".to_owned() };
            self.step(Event::SpawnFailed { incarnation, failure });
            return;
        }
        self.checker.open = Some(incarnation);
        let interval = self.settings.interval;
        let agent = Agent::new(self.seed, incarnation, self.kind, self.now.up, interval);
        self.agent = Some(agent);
        let pid = i32::try_from(incarnation).unwrap_or(i32::MAX);
        self.step(Event::Spawned { incarnation, pid, start_time: None });
    }

    fn end_tree(&mut self, incarnation: u32, how: Force) {
        let now = self.now.up;
        let mut left = Vec::new();
        if how == Force::Kill && self.kill_hook(incarnation) {
            left.push(Stray { pid: 3, name: "hook".to_owned() });
        }
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
        self.step(if left.is_empty() {
            Event::TreeGone { incarnation }
        } else {
            Event::TreeLeft { incarnation, left }
        });
    }

    /// It left; the outer supervisor starts it again, or a human does so later.
    fn exit(&mut self, code: u8) {
        self.tell(|_| format!("agentwatch left with {code}"));
        self.post.leave();
        self.reporter.leave();
        if !self.write_journal() || !self.save() {
            return;
        }
        while let Some(effect) = self.next_effect() {
            self.perform(effect);
        }
        if !self.write_journal() {
            return;
        }
        check(self.books.close());
        let left = self.agent.is_some() || self.strays.is_some();
        if left && !self.checker.stuck {
            fail(5, "left while something of the tree was there");
        }
        self.sut = None;
        if let Some(strays) = self.files.crash(&mut self.rng) {
            self.strays = Some(strays);
        }
        self.kill_in = None;
        self.checker.memory_lost |= self.disk.lose(false);
        if let Some(agent) = self.agent.take() {
            // Left behind stuck in the kernel; it dies with us as soon as it can die.
            self.strays = Some(Strays::new(&mut self.rng, agent.incarnation));
        }
        let wait = if code == 69 { self.rng.secs(600, 40_000) } else { self.rng.secs(1, 3_600) };
        self.resume = code == 69 && !self.rng.one_in(3);
        self.relaunch_at = self.now.up.plus(wait);
        self.pipe.clear();
    }
}
