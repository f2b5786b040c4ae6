//! The world of one agent: its clocks, its processes, its disk, and how time passes in it.

use std::collections::VecDeque;
use std::time::Duration;

use agentwatch::core::command::Command;
use agentwatch::core::ending::Ending;
use agentwatch::core::event::{Event, Last};
use agentwatch::core::memory::Memory;
use agentwatch::core::notice::Notice;
use agentwatch::core::rule::{Rule, RuleAction};
use agentwatch::core::settings::{OnEscalate, OnMissed, Policy, Settings, StopScope};
use agentwatch::core::signal::Signal;
use agentwatch::core::supervisor::{OVERSLEPT, Phase, Supervisor};
use agentwatch::core::time::{Boot, LocalDay, Now, Up, When};

use crate::agent::{Agent, KINDS, Kind, Strays};
use crate::faults::Chaos;
use crate::invariants::Checker;
use crate::rng::Rng;

/// The last steps that a failing seed tells.
const STORY: usize = 60;

/// A tree that is ended needs a few looks; more wakes without time passing are a hot loop.
const IDLE_MAX: u32 = 5;

pub struct World {
    pub seed: u64,
    pub rng: Rng,
    pub now: Now,
    pub settings: Settings,
    /// `None` while agentwatch is not running.
    pub sut: Option<Supervisor>,
    /// When it is started again.
    pub relaunch_at: Up,
    pub disk: Memory,
    pub disk_works: bool,
    pub agent: Option<Agent>,
    pub strays: Option<Strays>,
    pub kind: Kind,
    pub chaos: Chaos,
    /// Our stdout is blocked until then; beats wait in the pipe.
    pub blocked_until: Option<Up>,
    pub pipe: Vec<Event>,
    pub rebooted: bool,
    pub resume: bool,
    pub crashed: bool,
    /// The agent is stopped where it is, since then.
    pub frozen: Option<Up>,
    /// The disk does not know what the core knows.
    pub unsaved: bool,
    idle: u32,
    /// Commands that were answered.
    pub answers: u64,
    pub checker: Checker,
    pub story: VecDeque<String>,
    pub steps: u64,
    pub crashes: u64,
}

fn settings(rng: &mut Rng) -> Settings {
    let s = Duration::from_secs;
    Settings {
        beats: true,
        interval: rng.pick(&[s(60), s(300), s(300), s(1_800)]),
        misses: rng.pick(&[1, 2, 2, 4]),
        start_grace: rng.pick(&[None, None, Some(s(45)), Some(s(600))]),
        on_missed: rng.pick(&[OnMissed::Restart, OnMissed::Restart, OnMissed::Alert]),
        max_expect: s(3_600),
        progress_within: rng.pick(&[None, Some(s(3_600)), Some(s(600))]),
        on_stalled: rng.pick(&[OnMissed::Restart, OnMissed::Alert]),
        policy: rng.pick(&[
            Policy::Auto,
            Policy::Auto,
            Policy::Always,
            Policy::OnFailure,
            Policy::Never,
        ]),
        cooldown: rng.pick(&[s(300), s(300), s(10), s(3_600)]),
        max_failures: rng.pick(&[3, 3, 1, 7]),
        max_failures_per_day: rng.pick(&[10, 10, 3]),
        reset_after: rng.pick(&[s(600), s(600), s(60)]),
        on_escalate: rng.pick(&[OnEscalate::Exit, OnEscalate::Hold]),
        stop_signal: Signal::TERM,
        stop_scope: StopScope::Group,
        stop_timeout: rng.pick(&[s(30), s(30), s(1)]),
        shutdown_grace: rng.pick(&[s(300), s(20)]),
        rules: rules(rng),
        repeat: rng.pick(&[None, None, None, Some(s(900)), Some(s(0))]),
        // Longer than the kind end of a world, or no agent would be healthy then.
        max_run: rng.pick(&[None, None, Some(s(200_000))]),
        release: None,
    }
}

fn rules(rng: &mut Rng) -> Vec<Rule> {
    let rule = |exits: std::ops::Range<u8>, action| Rule {
        exits: exits.collect(),
        signals: Vec::new(),
        output: None,
        statuses: Vec::new(),
        action,
    };
    if rng.one_in(2) {
        return Vec::new();
    }
    let after = rng.secs(0, 4_000);
    vec![
        rule(1..90, RuleAction::Park { after }),
        rule(90..100, RuleAction::Escalate),
        rule(100..105, RuleAction::Finish),
        rule(0..200, RuleAction::Restart),
    ]
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let settings = settings(&mut rng);
        let kind = rng.pick(&KINDS);
        let start = Duration::from_secs(1_000);
        let mut world = Self {
            seed,
            now: Now { up: Up(start), boot: Boot(start), ..Now::default() },
            settings,
            sut: None,
            relaunch_at: Up(start),
            disk: Memory::default(),
            disk_works: true,
            agent: None,
            strays: None,
            kind,
            chaos: Chaos::new(&mut rng, Up(start)),
            blocked_until: None,
            pipe: Vec::new(),
            rebooted: false,
            resume: false,
            crashed: false,
            frozen: None,
            unsaved: false,
            idle: 0,
            answers: 0,
            checker: Checker::default(),
            story: VecDeque::new(),
            steps: 0,
            crashes: 0,
            rng,
        };
        world.now.wall.0 = 1_790_000_000_000;
        world.tell(|w| format!("{:?} under {:?}", w.kind, w.settings));
        world
    }

    pub fn tell(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.story.len() == STORY {
            self.story.pop_front();
        }
        let line = format!("{:>12.3} {}", self.now.up.0.as_secs_f64(), line(self));
        self.story.push_back(line);
    }

    pub fn fail(&self, number: u8, what: &str) -> ! {
        let story = self.story.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
        panic!(
            "rule {number}: {what}\n\n{story}\n\nreplay: AGENTWATCH_SEED={} cargo test --test \
             simulation -- --nocapture",
            self.seed
        );
    }

    pub fn check(&self, verdict: Result<(), (u8, String)>) {
        if let Err((number, what)) = verdict {
            self.fail(number, &what);
        }
    }

    /// Lives for `time`.
    pub fn live(&mut self, time: Duration) {
        let end = self.now.up.plus(time);
        while self.now.up < end {
            let next = self.next_moment().min(end);
            self.pass(next.since(self.now.up), true);
            self.turn();
        }
    }

    /// The world turns kind: after a while the agent has to be healthy.
    pub fn must_become_healthy(&mut self) {
        self.tell(|_| "the world turns kind".to_owned());
        self.chaos = Chaos::none();
        self.kind = Kind::Steady;
        self.disk_works = true;
        self.blocked_until = None;
        if self.phase() == Phase::Paused {
            self.help();
        }
        if let Some(agent) = &mut self.agent {
            agent.exit = Some((self.now.up, Ending::Exit { code: 1 }));
        }
        for _ in 0..12 {
            self.live(Duration::from_hours(1));
            let down = matches!(self.phase(), Phase::Escalated | Phase::Paused | Phase::Parked);
            if self.sut.is_none() || down {
                self.help();
            }
        }
        self.live(Duration::from_mins(20));
        if !matches!(self.phase(), Phase::Healthy | Phase::Late) {
            self.fail(0, &format!("liveness: a steady agent is still {:?}", self.phase()));
        }
    }

    /// A human comes and resumes.
    pub fn help(&mut self) {
        self.tell(|_| "a human resumes".to_owned());
        if self.sut.is_some() {
            self.feed(Event::Command(Command::Resume));
        } else {
            self.resume = true;
            self.relaunch_at = self.now.up;
        }
    }

    pub fn phase(&self) -> Phase {
        self.sut.as_ref().map_or(Phase::Done, Supervisor::phase)
    }

    fn next_moment(&self) -> Up {
        let now = self.now.up;
        let agent = self.agent.as_ref().filter(|_| self.frozen.is_none());
        let wake = match (&self.sut, self.sut.as_ref().and_then(Supervisor::deadline)) {
            (None, _) => Some(self.relaunch_at),
            (Some(_), Some((when @ (When::Up(_) | When::Boot(_)), _))) => {
                Some(now.plus(when.wait(&self.now)))
            }
            (Some(_), None) => None,
        };
        [
            Some(self.chaos.next),
            wake,
            self.blocked_until,
            agent.and_then(|agent| agent.next_beat),
            agent.and_then(|agent| agent.exit).map(|(at, _)| at),
        ]
        .into_iter()
        .flatten()
        .map(|at| at.max(now))
        .min()
        .unwrap_or(now)
    }

    /// Time passes; `awake` unless agentwatch is stopped.
    pub fn pass(&mut self, time: Duration, awake: bool) {
        self.now.up = self.now.up.plus(time);
        self.checker.pass(time, awake && self.sut.is_some(), self.blocked_until.is_none());
        self.suspend(time);
        self.idle = if time.is_zero() { self.idle + 1 } else { 0 };
        if IDLE_MAX < self.idle && self.chaos.next != self.now.up {
            self.fail(
                0,
                &format!("a hot loop at {:?}", self.sut.as_ref().map(Supervisor::deadline)),
            );
        }
    }

    /// Time passes for all clocks but the one that stands still.
    pub fn suspend(&mut self, time: Duration) {
        self.now.boot = self.now.boot.plus(time);
        self.now.wall = self.now.wall.plus(time);
        self.checker.real += time;
        let day = self.now.wall.0.div_euclid(86_400_000);
        self.now.day = LocalDay(i32::try_from(day).unwrap_or_default());
    }

    /// agentwatch is stopped for `time`, alone or with its agent.
    pub fn freeze(&mut self, time: Duration, both: bool) {
        self.tell(|_| format!("SIGSTOP for {time:?}, the agent too: {both}"));
        let promised = self.sut.as_ref().and_then(Supervisor::deadline);
        let end = self.now.up.plus(time);
        let late = match promised {
            Some((When::Up(at), _)) => end.since(at.max(self.now.up)),
            Some((When::Boot(_), _)) | None => Duration::ZERO,
        };
        // A stop that ends before the promised wake leaves no trace: nobody can excuse it.
        self.pass(time, late < OVERSLEPT);
        if OVERSLEPT <= late {
            // The child gets back the time since the last look, in which it may have been stopped too.
            self.checker.stopping_for = self.checker.stopping_for.map(|_| Duration::ZERO);
        }
        if let Some(agent) = self.agent.as_mut().filter(|_| both) {
            agent.freeze(time);
        }
    }

    /// One turn of the shell: read, reap, tick, perform.
    pub fn turn(&mut self) {
        let now = self.now.up;
        if self.blocked_until.is_some_and(|until| until <= now) {
            self.blocked_until = None;
        }
        if self.chaos.next <= now {
            self.disturb();
        }
        if self.sut.is_none() {
            if now < self.relaunch_at {
                return;
            }
            self.launch();
        }
        self.agent_writes();
        if self.blocked_until.is_none() {
            for event in std::mem::take(&mut self.pipe) {
                if let Event::Beat { beat, .. } = &event {
                    self.checker.heard(beat);
                }
                self.feed(event);
            }
        }
        if let Some(agent) = self.agent.as_ref().filter(|_| self.frozen.is_none())
            && let Some((at, ending)) = agent.exit
            && at <= now
        {
            let incarnation = agent.incarnation;
            self.tell(|_| format!("child {incarnation} ends: {ending:?}"));
            self.agent = None;
            self.pipe.clear();
            if self.rng.one_in(4) {
                self.strays = Some(Strays::new(&mut self.rng, incarnation));
            }
            let last = Last { line: Some("bye".to_owned()), ..Last::default() };
            self.feed(Event::Exited { incarnation, ending, last });
        }
        self.feed(Event::Tick { drained: self.blocked_until.is_none() });
    }

    fn agent_writes(&mut self) {
        let now = self.now.up;
        let due = |agent: &&mut Agent| agent.next_beat.is_some_and(|at| at <= now);
        let running = self.agent.as_mut().filter(|_| self.frozen.is_none());
        let Some(agent) = running.filter(due) else { return };
        let incarnation = agent.incarnation;
        let beats = agent.beat(&mut self.rng, now);
        if 1 < beats.len() {
            self.pipe.push(Event::BadBeat { incarnation, reason: "torn".to_owned() });
            let by = Duration::from_secs(self.rng.below(600));
            self.pipe.push(Event::Notice { incarnation, notice: Notice::Extend { by } });
            if self.rng.one_in(8) {
                self.pipe.push(Event::Notice { incarnation, notice: Notice::Trigger });
            }
        }
        // A full pipe blocks the agent: it holds no more than this.
        let room = 300_usize.saturating_sub(self.pipe.len());
        self.pipe.extend(
            beats.into_iter().take(room).map(|b| Event::Beat { incarnation, beat: Box::new(b) }),
        );
    }
}
