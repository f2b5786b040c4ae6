//! Launch, start and resume: everything that leads to a spawn.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::core::cost::signs::Signs;
use crate::core::effect::{Effect, Force};
use crate::core::ending::Ending;
use crate::core::event::{By, Launch, SpawnFailure, SpawnFailureKind, Traces};
use crate::core::fact::{Cause, Fact, FinishedWhy, Outcome, Released};
use crate::core::memory::{Delay, Latch, LatchWhy, Streak, Tree};
use crate::core::progress::Progress;
use crate::core::pulse::{Pulse, first_beat_limit};
use crate::core::settings::Policy;
use crate::core::sweep::Sweep;
use crate::core::time::{Up, Wall, millis};

use super::{
    Child, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND, EXIT_SELF, Next, State, Stopping, Supervisor,
    Sweeping, Wait,
};

impl Supervisor {
    /// The first step: settles what the last life left open, then starts, waits or stays down.
    pub(super) fn launch(&mut self, launch: Launch, out: &mut Vec<Effect>) {
        let Launch { resume, rebooted, run, terminal } = launch;
        if !matches!(self.state, State::New) {
            Self::bug("launched twice", out);
            return;
        }
        self.launched = self.now;
        (self.run, self.terminal) = (run, terminal);
        self.latched_before = self.memory.latch.is_some();
        let tree = self.memory.tree.clone();
        let open = tree.as_ref().is_some_and(|tree| !tree.ended);
        if let Some(tree) = tree.as_ref().filter(|tree| !tree.ended) {
            self.lost(tree.incarnation, rebooted, out);
        }
        // After the lost end was counted: the human who resumes knows of everything until now.
        if let Some(by) =
            resume.filter(|_| self.memory.latch.is_some() || self.memory.cooldown_owed)
        {
            self.forgive(by, out);
        }
        self.release(out);
        match tree {
            // No process survives a boot, and a pid from before it names a stranger now.
            Some(_) if rebooted => self.memory.tree = None,
            Some(tree) => {
                let next = self.next_at_launch();
                self.persist(out);
                self.sweep(tree.incarnation, next, None, out);
                return;
            }
            None => {}
        }
        if open {
            self.persist(out);
        }
        let next = self.next_at_launch();
        self.follow(next, out);
    }

    /// What follows at launch once no old process is left.
    fn next_at_launch(&self) -> Next {
        if self.memory.latch.is_some() {
            return Next::Escalate;
        }
        // A plain wrapper starts nothing by itself, so there is nothing to slow down.
        if self.settings.policy == Policy::Never {
            return Next::AT_ONCE;
        }
        // A clock set back makes the past lie ahead: then all of the wait remains.
        let left = |since: Wall, wait: Duration| {
            self.now.boot.plus(wait.saturating_sub(self.now.wall.since(since).min(wait)))
        };
        let cooldown = match self.memory.last_start.filter(|_| self.memory.cooldown_owed) {
            Some(last) => left(last, self.settings.cooldown),
            None => self.now.boot,
        };
        match self.memory.delay {
            Some(Delay { why, since, wait }) => {
                Next::Restart { from: left(since, wait).max(cooldown), wait: Wait::Delay(why) }
            }
            None => Next::Restart { from: cooldown, wait: Wait::Cooldown },
        }
    }

    /// Another release than before: what its predecessor did says nothing about it (SPEC §2). The
    /// cooldown stays, as rule 2 knows of no exception for it.
    fn release(&mut self, out: &mut Vec<Effect>) {
        let Some(release) = self.settings.release.clone() else { return };
        if self.memory.release.as_ref() == Some(&release) {
            return;
        }
        let before = self.memory.release.replace(release.clone());
        self.memory.latch = None;
        self.memory.streak = Streak::default();
        self.memory.failures_of_day = 0;
        self.latched_before = false;
        self.memory.ledger.released();
        out.push(Effect::Record(Fact::Released(Released { release, before })));
        self.persist(out);
    }

    /// Records the end that nobody saw (SPEC rule 4).
    fn lost(&mut self, incarnation: u32, rebooted: bool, out: &mut Vec<Effect>) {
        if let Some(tree) = &mut self.memory.tree {
            tree.ended = true;
        }
        self.memory.last_ending = Some(Ending::Unknown);
        self.memory.cooldown_owed = true;
        self.memory.unfinished = true;
        let paused = std::mem::take(&mut self.memory.paused);
        let outcome = if self.settings.policy == Policy::Never {
            Outcome::Passed
        } else if rebooted {
            Outcome::NoFault
        } else {
            self.strike(Cause::Lost, None)
        };
        out.push(Effect::Record(Fact::Exited {
            incarnation,
            ending: Ending::Unknown,
            ran_ms: None,
            outcome,
            rule: None,
            last_line: None,
            traces: Traces::default(),
        }));
        if matches!(outcome, Outcome::Failure { .. }) {
            self.latch_if_too_many(out);
        }
        // Whoever paused it, for what it spent maybe, did not mean it to start again by itself.
        if paused && self.memory.latch.is_none() && self.settings.policy != Policy::Never {
            let (since, failures, why) = (self.now.wall, 0, LatchWhy::Paused);
            self.memory.latch = Some(Latch { since, failures, why });
            self.latched_before = true;
        }
    }

    /// A human knows: latch, streak and cooldown are lifted.
    pub(super) fn forgive(&mut self, by: By, out: &mut Vec<Effect>) {
        self.memory.forgive();
        self.allowed(out);
        out.push(Effect::Record(Fact::Resumed { by }));
    }

    /// Starts the next incarnation, as soon as its state is known to be valid.
    pub(super) fn start(&mut self, out: &mut Vec<Effect>) {
        match self.to_validate() {
            Some(validation) => self.validate(validation, out),
            None => self.spawn_next(out),
        }
    }

    /// Starts the next incarnation, now.
    pub(super) fn spawn_next(&mut self, out: &mut Vec<Effect>) {
        let incarnation = self.memory.incarnation.saturating_add(1);
        self.memory.incarnation = incarnation;
        self.memory.delay = None;
        let again = self.memory.unfinished;
        self.restarted(out);
        self.memory.last_start = Some(self.now.wall);
        let run = Some(self.run);
        self.memory.tree =
            Some(Tree { incarnation, run, pid: None, start_time: None, ended: false });
        self.starts = self.starts.saturating_add(1);
        let first_limit = first_beat_limit(&self.settings, self.memory.slowest_first_beat);
        self.state = State::Live(Child {
            incarnation,
            started: self.now,
            spawned: false,
            pulse: self.fresh_pulse(first_limit),
            progress: self.fresh_progress(),
            first_limit,
            // Where no beat is expected, alive is healthy.
            healthy_since: first_limit.is_none().then_some(self.now.up),
            last_beat: None,
            output_at: None,
            announced: None,
            looked: None,
            measured: None,
            passed: 0,
            status: None,
            read: false,
            turn: None,
            retry_at: None,
            restart_at_beat: false,
            run_until: self.settings.max_run.map(|max| self.now.up.plus(max)),
            signs: Signs::default(),
        });
        // First on disk: a crash between the two must not forget this start (SPEC rules 2 and 4).
        self.persist(out);
        out.push(Effect::Spawn { incarnation, again });
    }

    /// A pulse that begins now, deaf if our stdout is blocked already.
    fn fresh_pulse(&self, first_limit: Option<Duration>) -> Pulse {
        let mut pulse = Pulse::new(self.now.up, first_limit);
        if self.blocked.is_some() {
            pulse.deafen(self.now.up);
        }
        pulse
    }

    /// Its progress, as deaf as its pulse.
    fn fresh_progress(&self) -> Progress {
        let mut progress = Progress::default();
        if self.blocked.is_some() {
            progress.deafen(self.now.up);
        }
        progress
    }

    /// The child whose spawn is under way; a stop may have been asked for since.
    fn awaited(&mut self, incarnation: u32) -> Option<&mut Child> {
        let child = self.state.child_mut()?;
        (child.incarnation == incarnation && !child.spawned).then_some(child)
    }

    /// The child runs.
    pub(super) fn spawned(
        &mut self,
        incarnation: u32,
        pid: i32,
        start_time: Option<u64>,
        out: &mut Vec<Effect>,
    ) {
        let Some(limit) = self.awaited(incarnation).map(|child| child.first_limit) else {
            Self::bug("spawned without a start", out);
            return;
        };
        // What the spawn itself took (a slow disk before it) is no silence of the child (SPEC rule 7).
        let pulse = self.fresh_pulse(limit);
        let now = self.now.up;
        let Some(child) = self.awaited(incarnation) else { return };
        child.spawned = true;
        child.pulse = pulse;
        child.healthy_since = child.healthy_since.map(|_| now);
        let first_beat_ms = child.first_limit.map(millis);
        let (run, pid_) = (Some(self.run), Some(pid));
        self.memory.tree = Some(Tree { incarnation, run, pid: pid_, start_time, ended: false });
        self.persist(out);
        out.push(Effect::Record(Fact::Started { incarnation, pid, first_beat_ms }));
    }

    /// Nothing was started.
    pub(super) fn spawn_failed(
        &mut self,
        incarnation: u32,
        failure: SpawnFailure,
        out: &mut Vec<Effect>,
    ) {
        let Some(started) = self.awaited(incarnation).map(|child| child.started) else {
            Self::bug("spawn failed without a start", out);
            return;
        };
        let kind = failure.kind;
        let error = failure.error.clone();
        self.memory.tree = None;
        out.push(Effect::Record(Fact::SpawnFailed { incarnation, failure }));
        if let State::Stopping(Stopping { requested: Some((_, by)), .. }) = &self.state {
            let next = self.next_of_stop(*by, 0);
            self.follow(next, out);
            return;
        }
        let code = match kind {
            SpawnFailureKind::NotFound => EXIT_NOT_FOUND,
            SpawnFailureKind::NotExecutable => EXIT_NOT_EXECUTABLE,
            SpawnFailureKind::System => EXIT_SELF,
        };
        // A command that is not there at the very first start is a typing mistake, not a failing agent.
        let typo = self.starts == 1 && kind != SpawnFailureKind::System;
        if typo || self.settings.policy == Policy::Never {
            self.memory.cooldown_owed = false;
            self.follow(Next::Finished { reason: FinishedWhy::NotStarted, code }, out);
            return;
        }
        let outcome = self.strike(Cause::NotStarted, Some(error));
        out.push(Effect::Record(Fact::Exited {
            incarnation,
            ending: Ending::Exit { code: i32::from(code) },
            ran_ms: Some(0),
            outcome,
            rule: None,
            last_line: None,
            traces: Traces::default(),
        }));
        let next = self.next_after_failure(started.boot, out);
        self.persist(out);
        self.follow(next, out);
    }

    /// Signals what is left of a tree and remembers what follows.
    pub(super) fn sweep(
        &mut self,
        incarnation: u32,
        next: Next,
        requested: Option<Up>,
        out: &mut Vec<Effect>,
    ) {
        self.state = State::Sweeping(Sweeping {
            incarnation,
            sweep: Sweep::new(self.now.up, false),
            next,
            requested,
            found: BTreeMap::new(),
            told_stuck: false,
        });
        out.push(Effect::EndTree { incarnation, how: Force::Term });
    }
}
