//! The world of one agent: its clocks, its processes, its disk, and how time passes in it.

use std::cell::RefCell;
use std::time::Duration;

use agentwatch::core::effect::Effect;
use agentwatch::core::ending::Ending;
use agentwatch::core::event::{Event, Last, SpawnFailureKind};
use agentwatch::core::notice::Notice;
use agentwatch::core::settings::Settings;
use agentwatch::core::supervisor::{OVERSLEPT, Phase, Supervisor};
use agentwatch::core::time::{Boot, LocalDay, Now, Up};

use crate::act::{Act, Plan};
use crate::agent::{Agent, KINDS, Kind, Strays};
use crate::books::Books;
use crate::custody::Files;
use crate::diagram::Diagram;
use crate::disk::Disk;
use crate::invariants::Checker;
use crate::looks::Looks;
use crate::post::Post;
use crate::reporter::{self, Reporter};
use crate::rng::Rng;
use crate::run::{Story, check, fail};

/// How often a deadline may be due and nothing come of it: never twice.
const IDLE_MAX: u32 = 2;

/// What a pipe holds: a full one blocks the agent.
const PIPE_MAX: usize = 300;

#[derive(Clone)]
pub struct World {
    pub seed: u64,
    pub rng: Rng,
    pub now: Now,
    pub settings: Settings,
    /// `None` while agentwatch is not running.
    pub sut: Option<Supervisor>,
    /// When it is started again.
    pub relaunch_at: Up,
    pub disk: Disk,
    pub agent: Option<Agent>,
    pub strays: Option<Strays>,
    pub files: Files,
    pub kind: Kind,
    pub plan: Plan,
    pub spawn_fails: Option<SpawnFailureKind>,
    /// agentwatch is killed before it has done so many more things.
    pub kill_in: Option<u32>,
    /// Our stdout is blocked until then; beats wait in the pipe.
    pub blocked_until: Option<Up>,
    /// agentwatch knows that it cannot hear.
    deaf: bool,
    pub pipe: Vec<Event>,
    pub rebooted: bool,
    pub power_cut: bool,
    pub resume: bool,
    pub crashed: bool,
    /// The agent is stopped where it is, since then.
    pub frozen: Option<Up>,
    /// What agentwatch still has to do, in order.
    pub effects: Vec<Effect>,
    /// How many of them are done.
    pub performed: usize,
    pub release: u32,
    pub looks: Looks,
    /// Turns in a row in which no time passed.
    idle: u32,
    /// Commands that were answered.
    pub answers: u64,
    pub books: Books,
    pub post: Post,
    pub reporter: Reporter,
    pub checker: Checker,
    pub diagram: Diagram,
    pub steps: u64,
    pub crashes: u64,
    pub story: Option<Story>,
}

impl World {
    /// A world where nothing happens unless `plan` says so.
    pub fn new(
        seed: u64,
        settings: Settings,
        kind: Kind,
        plan: Plan,
        story: Option<Story>,
    ) -> Self {
        let start = Duration::from_secs(1_000);
        let mut world = Self {
            seed,
            rng: Rng::of(seed, "world", 0),
            now: Now { up: Up(start), boot: Boot(start), ..Now::default() },
            settings,
            sut: None,
            relaunch_at: Up(start),
            disk: Disk::new(),
            agent: None,
            strays: None,
            files: Files::default(),
            kind,
            plan,
            spawn_fails: None,
            kill_in: None,
            blocked_until: None,
            deaf: false,
            pipe: Vec::new(),
            rebooted: false,
            power_cut: false,
            resume: false,
            crashed: false,
            frozen: None,
            effects: Vec::new(),
            performed: 0,
            release: 0,
            looks: Looks::default(),
            idle: 0,
            answers: 0,
            books: Books::default(),
            post: Post::default(),
            reporter: Reporter::default(),
            checker: Checker::default(),
            diagram: Diagram::default(),
            steps: 0,
            crashes: 0,
            story,
        };
        world.now.wall.0 = 1_790_000_000_000;
        world.suspend(Duration::ZERO);
        world.tell(|w| format!("{:?} under {:?}", w.kind, w.settings));
        world
    }

    /// The kind of agent that lives in the world of a seed.
    pub fn kind_of(seed: u64) -> Kind {
        Rng::of(seed, "kind", 0).pick(&KINDS)
    }

    /// Adds a line to the story, if anybody listens.
    pub fn tell(&self, line: impl FnOnce(&Self) -> String) {
        if let Some(story) = &self.story {
            let at = self.now.up.0.as_secs_f64();
            RefCell::borrow_mut(story).push(format!("{at:>13.3} {}", line(self)));
        }
    }

    /// Lives for `time`.
    pub fn live(&mut self, time: Duration) {
        let end = self.now.up.plus(time);
        while self.now.up < end {
            self.advance(end);
        }
    }

    /// Goes to the next moment, `end` at the latest, and does what is due then.
    pub fn advance(&mut self, end: Up) {
        if self.now.up < self.next_moment() {
            // What it leads to may be due sooner.
            self.chores(true);
        }
        let next = self.next_moment().min(end);
        self.looks.only_due = next < self.next_happening() && self.next_due() == Some(next);
        self.pass(next.since(self.now.up), true);
        self.turn();
    }

    /// The world turns kind: after a while the agent has to be healthy.
    pub fn must_become_healthy(&mut self) {
        self.tell(|_| "the world turns kind".to_owned());
        self.plan = Plan::none();
        self.kind = Kind::Steady;
        self.files.kind = true;
        (self.kill_in, self.spawn_fails) = (None, None);
        self.blocked_until = self.blocked_until.map(|_| self.now.up);
        self.apply(Act::Disk { state: true, journal: true });
        if self.phase() == Phase::Paused {
            self.apply(Act::Help);
        }
        if let Some(agent) = &mut self.agent {
            agent.exit = Some((self.now.up, Ending::Exit { code: 1 }));
        }
        for _ in 0..12 {
            self.live(Duration::from_hours(1));
            let down = matches!(self.phase(), Phase::Escalated | Phase::Paused | Phase::Parked);
            if self.sut.is_none() || down {
                self.apply(Act::Help);
            }
        }
        let mut healthy = false;
        // What looks like a loop and is none may come at the very end: a human says so.
        for _ in 0..3 {
            self.live(Duration::from_mins(20));
            healthy = matches!(self.phase(), Phase::Healthy | Phase::Late);
            if healthy {
                break;
            }
            self.apply(Act::Help);
        }
        if !healthy {
            fail(0, &format!("liveness: a steady agent is still {:?}", self.phase()));
        }
        check(self.books.match_up(self.sut.as_ref()));
        // A streak is forgotten a little later.
        self.live(Duration::from_hours(2));
        if matches!(self.phase(), Phase::Healthy | Phase::Late) {
            check(Post::is_settled(self.sut.as_ref()));
        }
    }

    pub fn phase(&self) -> Phase {
        self.sut.as_ref().map_or(Phase::Done, Supervisor::phase)
    }

    /// When something happens or is due next.
    pub fn next_moment(&self) -> Up {
        let happens = self.next_happening();
        self.next_due().map_or(happens, |due| due.min(happens)).max(self.now.up)
    }

    /// When agentwatch wants to be woken.
    fn next_due(&self) -> Option<Up> {
        let sut = self.sut.as_ref()?;
        let deadline = sut.deadline();
        let deaf = self.blocked_until.is_some();
        check(Checker::on_time(sut.phase(), deadline.is_some(), deaf));
        deadline.map(|(when, _)| self.now.up.plus(when.wait(&self.now)))
    }

    /// When something happens next, whatever agentwatch wants.
    fn next_happening(&self) -> Up {
        let now = self.now.up;
        if !self.effects.is_empty() {
            return now;
        }
        let mut next = self.plan.next;
        if self.sut.is_none() {
            next = next.min(self.relaunch_at);
        }
        if let Some(until) = self.blocked_until {
            next = next.min(until);
        }
        for at in [self.files.next(), self.post.next(), self.reporter.next()].into_iter().flatten()
        {
            next = next.min(at);
        }
        let frozen = self.frozen.is_some();
        if let Some(agent) = &self.agent {
            if let Some(at) = agent.next_beat.filter(|_| !frozen) {
                next = next.min(at);
            }
            if let Some((at, _)) = agent.ends(frozen) {
                next = next.min(at);
            }
        }
        next.max(now)
    }

    /// Time passes; `awake` unless agentwatch is stopped.
    pub fn pass(&mut self, time: Duration, awake: bool) {
        if time.is_zero() {
            self.idle += 1;
            if IDLE_MAX < self.idle && self.plan.next != self.now.up {
                let due = self.sut.as_ref().map(Supervisor::deadline);
                fail(0, &format!("a hot loop at {due:?}"));
            }
            return;
        }
        self.idle = 0;
        // Nobody sleeps on what is still to be written.
        self.chores(true);
        self.now.up = self.now.up.plus(time);
        let hears = self.blocked_until.is_none() && !self.deaf;
        self.checker.pass(time, awake && self.sut.is_some(), hears);
        self.suspend(time);
    }

    /// Time passes for all clocks but the one that stands still.
    pub fn suspend(&mut self, time: Duration) {
        self.now.boot = self.now.boot.plus(time);
        self.now.wall = self.now.wall.plus(time);
        self.checker.real += time;
        let day = reporter::local_day(self.now.wall);
        self.now.day = LocalDay(i32::try_from(day).unwrap_or_default());
        self.now.today = reporter::day(day);
        self.now.tomorrow = reporter::day(day + 1);
    }

    /// agentwatch is stopped for `time`, alone or with its agent.
    pub fn freeze(&mut self, time: Duration, both: bool) {
        let promised = self.sut.as_ref().and_then(Supervisor::deadline);
        let wait = promised.map(|(when, _)| when.wait(&self.now));
        let late = wait.map_or(Duration::ZERO, |wait| time.saturating_sub(wait));
        // A stop that ends before the promised wake leaves no trace: nobody can excuse it.
        self.pass(time, late < OVERSLEPT);
        if OVERSLEPT <= late {
            self.checker.excused();
        } else if promised.is_none() {
            // Nobody can tell, and the next thing that happens is not judged.
            self.checker.heard_nothing_new();
        }
        if let Some(agent) = self.agent.as_mut().filter(|_| both) {
            agent.freeze(time);
        }
    }

    /// One turn of the shell: read, tell endings, tick, perform.
    pub fn turn(&mut self) {
        let now = self.now.up;
        if self.blocked_until.is_some_and(|until| until <= now) {
            self.blocked_until = None;
            self.checker.heard_nothing_new();
        }
        if self.plan.next <= now
            && let Some((number, act)) = self.plan.draw(now)
        {
            self.tell(|_| format!("act {number}: {act:?}"));
            self.apply(act);
        }
        if self.sut.is_none() {
            if now < self.relaunch_at {
                return;
            }
            self.launch();
        }
        self.agent_writes();
        self.read();
        if let Some((at, ending)) = self.agent.as_ref().and_then(|a| a.ends(self.frozen.is_some()))
            && at <= now
        {
            self.child_ends(ending);
        }
        self.tell_files();
        self.tell_post();
        self.tell_reporter();
        self.deaf = self.blocked_until.is_some();
        let before = self.effects.len();
        self.step(Event::Tick { drained: !self.deaf });
        self.looks.judge(&self.effects[before..]);
        self.perform_all();
        self.misses_no_morning();
        self.chores(false);
    }

    /// Hears what the agent has written, unless our reader keeps us from it.
    pub fn read(&mut self) {
        if self.blocked_until.is_some() || self.pipe.is_empty() {
            return;
        }
        let mut pipe = std::mem::take(&mut self.pipe);
        for event in pipe.drain(..) {
            if let Event::Beat { beat, .. } = &event {
                self.checker.heard(beat, &self.settings);
            }
            self.step(event);
        }
        self.pipe = pipe;
    }

    pub fn child_ends(&mut self, ending: Ending) {
        let Some(mut agent) = self.agent.take() else { return };
        let incarnation = agent.incarnation;
        self.tell(|_| format!("child {incarnation} ends: {ending:?}"));
        self.pipe.clear();
        self.frozen = None;
        self.files.tear(&mut self.rng);
        if let Some(strays) = agent.leaves(4) {
            self.strays = Some(strays);
        }
        let last = Last { line: Some("bye".to_owned()), ..Last::default() };
        self.step(Event::Exited { incarnation, ending, last });
    }

    fn agent_writes(&mut self) {
        let now = self.now.up;
        let due = |agent: &&mut Agent| agent.next_beat.is_some_and(|at| at <= now);
        let running = self.agent.as_mut().filter(|_| self.frozen.is_none());
        let Some(agent) = running.filter(due) else { return };
        let incarnation = agent.incarnation;
        let (beat, count) = agent.beat(now);
        if 1 < count {
            self.pipe.push(Event::BadBeat { incarnation, reason: "torn".to_owned() });
            let by = Duration::from_secs(self.rng.below(600));
            self.pipe.push(Event::Notice { incarnation, notice: Notice::Extend { by } });
            if self.rng.one_in(8) {
                self.pipe.push(Event::Notice { incarnation, notice: Notice::Trigger });
            }
        }
        for _ in 1..count {
            if self.pipe.len() < PIPE_MAX {
                self.pipe.push(Event::Beat { incarnation, beat: beat.clone() });
            }
        }
        if self.pipe.len() < PIPE_MAX {
            self.pipe.push(Event::Beat { incarnation, beat });
        }
    }
}
