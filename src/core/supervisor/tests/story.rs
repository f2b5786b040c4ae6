//! A supervisor, a virtual clock and a scripted shell that answers as the real one does.

use std::collections::VecDeque;
use std::time::Duration;

use crate::core::beat::{Beat, Status};
use crate::core::command::{Command, Reply};
use crate::core::cost::limits::Limits;
use crate::core::effect::{Effect, Force};
use crate::core::ending::Ending;
use crate::core::event::{
    By, Event, Last, Launch, SpawnFailure, SpawnFailureKind, SpawnStage, Stray,
};
use crate::core::evidence::Evidence;
use crate::core::fact::Fact;
use crate::core::incident::Alert;
use crate::core::memory::Memory;
use crate::core::settings::{OnEscalate, OnMissed, Policy, Settings, StopScope};
use crate::core::signal::{Request, Signal};
use crate::core::supervisor::{Phase, Supervisor, Why};
use crate::core::time::{Boot, Day, LocalDay, Now, Up, Wall};
use crate::core::validation::{Done, HookEnd, Task};

use super::telling::{brief, is_aside, seen, tell};

pub const DAY: Duration = Duration::from_hours(24);

pub fn s(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub fn min(mins: u64) -> Duration {
    Duration::from_mins(mins)
}

/// SPEC §2's defaults.
pub fn defaults() -> Settings {
    Settings {
        beats: true,
        interval: s(60),
        misses: 2,
        start_grace: None,
        on_missed: OnMissed::Restart,
        max_expect: Duration::from_hours(1),
        progress_within: None,
        on_stalled: OnMissed::Alert,
        policy: Policy::Auto,
        cooldown: min(5),
        max_failures: 3,
        max_failures_per_day: 10,
        reset_after: min(10),
        on_escalate: OnEscalate::Exit,
        stop_signal: Signal::TERM,
        stop_scope: StopScope::Group,
        stop_timeout: s(30),
        shutdown_grace: min(5),
        rules: Vec::new(),
        repeat: None,
        max_run: None,
        release: None,
        preset: None,
        limits: Limits::default(),
        validation: None,
        alerting: crate::core::incident::Alerting::default(),
        morning: None,
    }
}

/// What an ended child leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strays {
    None,
    /// Gone at the first look after TERM.
    NeedTerm,
    NeedKill,
    Stuck,
}

#[expect(clippy::struct_excessive_bools, reason = "each is about something else")]
pub struct Story {
    pub sut: Supervisor,
    /// Letters, each with the phase in which it was written.
    pub alerts: Vec<(Phase, Alert)>,
    pub now: Now,
    pub strays: Strays,
    /// False: the child survives KILL.
    pub killable: bool,
    pub drained: bool,
    /// The CPU time that the child uses between two looks.
    pub burns_ms: u64,
    /// What is seen of a silent child.
    pub evidence: Evidence,
    pub spawn_failures: VecDeque<SpawnFailureKind>,
    pub persisted: Memory,
    pub facts: Vec<Fact>,
    /// Every effect, in brief.
    pub effects: Vec<String>,
    /// What of them is worth telling and was not taken yet.
    pub told: Vec<String>,
    pub exit: Option<u8>,
    /// The last start went on with what an earlier one had left undone.
    pub again: bool,
    /// The tree is stopped where it is.
    pub frozen: bool,
    /// Processes that escape the next freeze.
    pub escaped: u32,
    /// What the next errands answer; without one they go on.
    pub answers: VecDeque<Done>,
    /// How the next hooks end; without one they go on.
    pub hooks: VecDeque<HookEnd>,
    pub errand: Option<(u32, Task)>,
    pub hook: Option<u32>,
    reply: Option<Reply>,
    alive: Option<u32>,
}

impl Story {
    pub fn new(settings: Settings) -> Self {
        Self::with(settings, Memory::default())
    }

    pub fn with(settings: Settings, memory: Memory) -> Self {
        let wall = 1_700_000_000_000;
        Self {
            sut: Supervisor::new(settings, memory.clone()),
            now: Now {
                up: Up(s(1_000)),
                boot: Boot(s(5_000)),
                wall: Wall(wall),
                day: LocalDay(19_675),
                today: Day::plain(Wall(wall.div_euclid(86_400_000) * 86_400_000)),
                tomorrow: Day::plain(Wall((wall.div_euclid(86_400_000) + 1) * 86_400_000)),
            },
            strays: Strays::None,
            killable: true,
            drained: true,
            burns_ms: 0,
            evidence: seen(0),
            spawn_failures: VecDeque::new(),
            persisted: memory,
            facts: Vec::new(),
            effects: Vec::new(),
            told: Vec::new(),
            exit: None,
            again: false,
            frozen: false,
            escaped: 0,
            answers: VecDeque::new(),
            alerts: Vec::new(),
            hooks: VecDeque::new(),
            errand: None,
            hook: None,
            reply: None,
            alive: None,
        }
    }

    /// A launched agent that has beaten once: healthy.
    pub fn healthy(settings: Settings) -> Self {
        let mut story = Self::new(settings);
        story.launch().beat();
        story.take();
        story
    }

    pub fn step(&mut self, event: Event) -> &mut Self {
        let mut effects = Vec::new();
        self.sut.step(self.now, event, &mut effects);
        for effect in effects {
            self.perform(effect);
        }
        self
    }

    fn perform(&mut self, effect: Effect) {
        assert_eq!(self.exit, None, "{effect:?} after the exit");
        self.effects.push(brief(&effect));
        match effect {
            Effect::Record(fact) => {
                if !is_aside(&fact) {
                    self.told.push(tell(&fact));
                }
                self.facts.push(fact);
            }
            Effect::Persist { .. } => self.persisted = self.sut.memory().clone(),
            Effect::Spawn { incarnation, again } => {
                self.again = again;
                self.spawn(incarnation);
            }
            Effect::Stop { reached: true, .. } => self.told.push("only CONT".to_owned()),
            Effect::Stop { signal, scope, .. } => {
                self.told.push(format!("signal {} {scope:?}", signal.0));
            }
            Effect::Pass { signal, scope, .. } => {
                self.told.push(format!("pass {} {scope:?}", signal.0));
            }
            Effect::Examine { incarnation } => {
                let evidence = Box::new(self.evidence.clone());
                self.evidence.cpu_ms += self.burns_ms;
                self.step(Event::Examined { incarnation, evidence });
            }
            Effect::Measure { incarnation } => {
                self.step(Event::Measured { incarnation, rss_kib: 2048, processes: 2 });
            }
            Effect::Suspend { firmly } => self.told.push(format!("suspend {firmly}")),
            Effect::EndTree { incarnation, how } => self.end_tree(incarnation, how),
            Effect::Freeze { incarnation } => {
                self.told.push("freeze".to_owned());
                let fresh = std::mem::take(&mut self.escaped);
                self.frozen = true;
                self.step(Event::Frozen { incarnation, fresh });
            }
            Effect::Thaw { .. } => {
                self.told.push("thaw".to_owned());
                self.frozen = false;
            }
            Effect::Alert(alert) => self.post(&alert),
            Effect::Deliver
            | Effect::DropDelivery
            | Effect::Report { .. }
            | Effect::DropReport
            | Effect::Ping { .. } => {
                self.told.push(brief(&effect));
            }
            Effect::Errand { .. } | Effect::DropErrand { .. } | Effect::Hook { .. } => {
                self.custody(effect);
            }
            Effect::Answer(reply) => self.reply = Some(reply),
            Effect::Exit { code } => {
                self.told.push(format!("exit {code}"));
                self.exit = Some(code);
            }
        }
    }

    fn spawn(&mut self, incarnation: u32) {
        assert_eq!(self.alive, None, "rule 1");
        assert_eq!((self.hook, &self.errand), (None, &None), "validated before");
        if let Some(kind) = self.spawn_failures.pop_front() {
            let (stage, error) = (SpawnStage::Exec, "agent: no".to_owned());
            let failure = SpawnFailure { kind, stage, error };
            self.step(Event::SpawnFailed { incarnation, failure });
        } else {
            self.alive = Some(incarnation);
            let pid = 100 + i32::try_from(incarnation).unwrap();
            self.step(Event::Spawned { incarnation, pid, start_time: Some(7) });
        }
    }

    fn end_tree(&mut self, incarnation: u32, how: Force) {
        if how == Force::Kill {
            self.told.push("kill".to_owned());
        }
        if how == Force::Kill && self.hook == Some(incarnation) {
            let killed = Ending::Signal { signal: Signal::KILL, core: false };
            self.hook_ends(HookEnd { ending: Ok(killed), output: Vec::new() });
            return;
        }
        if self.alive == Some(incarnation) {
            assert_eq!(how, Force::Kill, "only KILL is for a tree whose child lives");
            if self.killable {
                self.exited(Ending::Signal { signal: Signal::KILL, core: false });
            } else {
                self.step(Event::TreeLeft { incarnation, left: left("agent") });
            }
            return;
        }
        match (self.strays, how) {
            (Strays::None, _) | (Strays::NeedTerm, Force::Look) | (_, Force::Kill)
                if self.strays != Strays::Stuck =>
            {
                self.step(Event::TreeGone { incarnation });
            }
            _ => {
                self.step(Event::TreeLeft { incarnation, left: left("stray") });
            }
        }
    }

    pub fn launch_without_terminal(&mut self) -> &mut Self {
        self.step(Event::Launch(Launch { run: 1, ..Launch::default() }))
    }

    pub fn launch(&mut self) -> &mut Self {
        self.step(Event::Launch(Launch { run: 1, terminal: true, ..Launch::default() }))
    }

    /// The next agentwatch, from what the last one had persisted; its child died with it.
    pub fn relaunch(&mut self, resume: Option<By>, rebooted: bool) -> &mut Self {
        self.sut = Supervisor::new(self.sut.settings().clone(), self.persisted.clone());
        self.exit = None;
        self.alive = None;
        (self.errand, self.hook) = (None, None);
        self.take();
        self.step(Event::Launch(Launch { resume, rebooted, run: 2, terminal: true }))
    }

    pub fn beat(&mut self) -> &mut Self {
        self.beat_with(Beat::default())
    }

    pub fn say(&mut self, status: Status) -> &mut Self {
        self.beat_with(Beat { status, ..Beat::default() })
    }

    pub fn beat_with(&mut self, beat: Beat) -> &mut Self {
        let incarnation = self.alive.expect("nobody is there to beat");
        self.beat_of(incarnation, beat)
    }

    pub fn beat_of(&mut self, incarnation: u32, beat: Beat) -> &mut Self {
        self.step(Event::Beat { incarnation, beat: Box::new(beat) });
        self.tick()
    }

    pub fn exited(&mut self, ending: Ending) -> &mut Self {
        self.exited_saying(ending, "last words")
    }

    pub fn exited_saying(&mut self, ending: Ending, last_line: &str) -> &mut Self {
        let incarnation = self.alive.take().expect("nobody is there to exit");
        let last = Last { line: Some(last_line.to_owned()), ..Last::default() };
        self.step(Event::Exited { incarnation, ending, last })
    }

    pub fn exited_without_a_word(&mut self, ending: Ending) -> &mut Self {
        let incarnation = self.alive.take().expect("nobody is there to exit");
        self.step(Event::Exited { incarnation, ending, last: Last::default() })
    }

    pub fn exit(&mut self, code: i32) -> &mut Self {
        self.exited(Ending::Exit { code })
    }

    pub fn stop(&mut self, signal: Signal) -> &mut Self {
        let request = if signal == Signal::HUP { Request::Hangup } else { Request::Stop };
        self.signal(signal, request, false)
    }

    pub fn signal(&mut self, signal: Signal, request: Request, reached_child: bool) -> &mut Self {
        self.step(Event::Signal { signal, request, reached_child });
        self.tick()
    }

    pub fn resume(&mut self) -> &mut Self {
        self.command(Command::RESUME);
        self
    }

    /// Gives a command and returns the answer.
    pub fn command(&mut self, command: Command) -> Reply {
        self.reply = None;
        self.step(Event::Command(command));
        let reply = self.reply.take().expect("every command is answered");
        if self.exit.is_none() {
            self.tick();
        }
        reply
    }

    pub fn tick(&mut self) -> &mut Self {
        let drained = self.drained;
        self.step(Event::Tick { drained })
    }

    /// Lives on for `time`, awake at each deadline.
    pub fn advance(&mut self, time: Duration) -> &mut Self {
        let end = self.now.up.plus(time);
        let mut idle = 0;
        while self.exit.is_none()
            && let Some((when, why)) = self.sut.deadline()
            && when.wait(&self.now) <= end.since(self.now.up)
        {
            let wait = when.wait(&self.now);
            idle = if wait.is_zero() { idle + 1 } else { 0 };
            assert!(idle < 3, "woken for {why:?} and nothing came of it");
            self.pass(wait);
            self.tick();
        }
        self.pass(end.since(self.now.up));
        self
    }

    /// Beats every half minute for `time`.
    pub fn beats_for(&mut self, time: Duration) -> &mut Self {
        for _ in 0..time.as_secs() / 30 {
            self.advance(s(30)).beat();
        }
        self
    }

    /// Only the clocks move.
    pub fn pass(&mut self, time: Duration) -> &mut Self {
        self.now.up = self.now.up.plus(time);
        self.suspend(time)
    }

    /// The machine is suspended.
    pub fn suspend(&mut self, time: Duration) -> &mut Self {
        self.now.boot = self.now.boot.plus(time);
        self.now.wall = self.now.wall.plus(time);
        self
    }

    /// agentwatch is stopped for `time` and wakes late.
    pub fn oversleep(&mut self, time: Duration) -> &mut Self {
        self.pass(time);
        self.tick()
    }

    pub fn alive(&self) -> Option<u32> {
        self.alive
    }

    pub fn phase(&self) -> Phase {
        self.sut.phase()
    }

    pub fn why(&self) -> Option<Why> {
        self.sut.deadline().map(|(_, why)| why)
    }

    /// What was told since the last call.
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    #[track_caller]
    pub fn tells(&mut self, expected: &[&str]) -> &mut Self {
        assert_eq!(self.take(), expected);
        self
    }

    #[track_caller]
    pub fn is(&mut self, phase: Phase) -> &mut Self {
        assert_eq!(self.phase(), phase);
        self
    }

    pub fn count(&self, is: impl Fn(&Fact) -> bool) -> usize {
        self.facts.iter().filter(|fact| is(fact)).count()
    }
}

fn left(name: &str) -> Vec<Stray> {
    vec![Stray { pid: 9, name: name.to_owned() }]
}
