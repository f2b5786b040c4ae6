//! The shell of `agentwatch run`: it does IO and decides nothing.
//!
//! One thread, one poll. A turn (`turn.rs`) reads what happened and feeds it to the core; the core's
//! effects are performed in order (`perform.rs`); what they led to goes back as events.

mod child;
mod chores;
mod control;
mod custody;
mod forward;
mod letters;
mod mornings;
mod outer;
mod perform;
pub mod prices;
mod reading;
mod roads;
mod speak;
pub mod tail;
mod tree;
mod turn;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use crate::config::Resolved;
use crate::core::command::Reply;
use crate::core::cost::money::Usd;
use crate::core::effect::Effect;
use crate::core::event::{By, Event, Kept, Launch};
use crate::core::fact::{Began, Fact, Rebuilt};
use crate::core::settings::{OnMissed, Settings};
use crate::core::signal::Signal;
use crate::core::supervisor::{EXIT_SELF, Supervisor};
use crate::core::time::{Now, Wall, millis};
use crate::store::journal::Journal;
use crate::store::log::Log;
use crate::store::paths::Paths;
use crate::store::{memory, read};
use crate::sys::clock::Clock;
use crate::sys::lock::Lock;
use crate::sys::oom::OomWatch;
use crate::sys::poll::BootTimer;
use crate::sys::reap::Ended;
use crate::sys::signals::Signals;
use crate::sys::tree::StartTime;
use crate::sys::tty::Terminal;
use crate::sys::{self, host, signals};
use crate::wire::letter::Route;
use crate::wire::mask::masked_command;
use crate::wire::state::{Custodian, Identity, Watch};
use crate::wire::words;

use child::Source;
use chores::Chores;
use control::Control;
use forward::Forward;
use prices::Prices;
use roads::Roads;
use speak::Speaker;

/// Everything that is settled before the first turn.
#[derive(Debug)]
pub struct Plan {
    /// The configuration.
    pub resolved: Resolved,
    /// The lock of this agent, or why there is none.
    pub lock: Result<Lock, String>,
    /// What is known from before, or why nothing is.
    pub found: Result<memory::Found, String>,
    /// A human said to resume.
    pub resume: Option<By>,
    /// Where people are told, if anywhere.
    pub route: Option<Route>,
    /// Where reports are sent, if anywhere.
    pub report_route: Option<Route>,
}

/// The shell of one `run`.
struct Shell {
    plan: Plan,
    paths: Paths,
    identity: Identity,
    supervisor: Supervisor,
    clock: Clock,
    now: Now,
    signals: Signals,
    boot_timer: BootTimer,
    journal: Option<Journal>,
    speaker: Speaker,
    out: Forward,
    err: Forward,
    /// The copy of the output, if one is kept.
    log: Option<Box<Log>>,
    child: Option<child::Running>,
    /// The last child that this agentwatch started, whose tree may outlive it.
    own: Option<child::Running>,
    /// Children that this process had before it started any.
    inherited: Vec<(i32, StartTime)>,
    /// At the last look there was no child at all, neither alive nor dead.
    childless: bool,
    /// Processes of a paused tree that are stopped.
    frozen: Vec<(i32, StartTime)>,
    /// A random number that marks what this agentwatch starts.
    run: u64,
    /// The kernel's count of what it killed for want of memory.
    oom: Option<OomWatch>,
    /// The controlling terminal.
    terminal: Option<Terminal>,
    /// The working directory of the child, once it is not ours any more.
    directory: Option<PathBuf>,
    sources: Vec<Source>,
    /// Which stream of which incarnation spoke last, and the number of what it said.
    spoke: ((u32, child::Stream), u64),
    prices: Prices,
    /// The other roads for beats of the child that runs.
    roads: Option<Roads>,
    /// Endings that were collected and not told yet.
    endings: Vec<Ended>,
    /// There may be more of them than were collected.
    unreaped: bool,
    effects: VecDeque<Effect>,
    chores: Chores,
    control: Option<Control>,
    /// The processes around the state files, while there are any.
    helpers: custody::Helpers,
    /// The supervisor above us.
    above: Option<outer::Above>,
    /// Letters to people, and who delivers them.
    letters: letters::Letters,
    /// What became of the command that is being performed.
    reply: Option<Reply>,
    /// What can be read, as the last wait told.
    ready: Vec<i32>,
    /// One buffer for everything that is read.
    buffer: Vec<u8>,
    /// A stop was asked for: from now on nobody waits for a slow reader of our output.
    stop_seen: bool,
}

/// Supervises until the agent is finished, stopped or given up; gives the exit code.
///
/// # Errors
/// What agentwatch cannot do without: its signals or its poll.
pub fn run(plan: Plan, clock: Clock, signals: Signals) -> anyhow::Result<u8> {
    let mut shell = Shell::new(plan, clock, signals);
    // A bug of ours must not leave an agent without supervision: its tree goes with us.
    let ended = catch_unwind(AssertUnwindSafe(|| shell.supervise()));
    if !matches!(ended, Ok(Ok(_)))
        && let Some(child) = &shell.child
    {
        let _ = signals::send_group(child.pid, Signal::KILL);
        let _ = signals::send(child.pid, Signal::KILL);
    }
    ended.unwrap_or(Ok(EXIT_SELF))
}

impl Shell {
    fn new(plan: Plan, mut clock: Clock, signals: Signals) -> Self {
        let resolved = &plan.resolved;
        let paths = Paths::new(&resolved.state_dir, &resolved.name);
        let mut identity = identity(resolved);
        let memory = plan.found.as_ref().map(|found| found.memory.clone()).unwrap_or_default();
        let before = plan.found.as_ref().ok().and_then(|found| found.identity.as_ref());
        let interval = reading::inherit(resolved, before, &mut identity);
        let settings = Settings { interval, ..resolved.settings.clone() };
        let speaker = Speaker::new(resolved);
        sys::tree::become_subreaper();
        Self {
            supervisor: Supervisor::new(settings, memory),
            paths,
            identity,
            now: clock.now(),
            clock,
            signals,
            boot_timer: BootTimer::default(),
            journal: None,
            speaker,
            out: Forward::stdout(),
            err: Forward::stderr(),
            log: resolved
                .log
                .as_ref()
                .map(|log| Box::new(Log::new(log.file.clone(), log.max_size, log.keep))),
            child: None,
            own: None,
            inherited: Vec::new(),
            childless: false,
            frozen: Vec::new(),
            run: host::random(),
            oom: None,
            terminal: Terminal::open(),
            directory: None,
            sources: Vec::new(),
            spoke: ((0, child::Stream::Out), 0),
            prices: Prices::new(resolved.prices.clone()),
            roads: None,
            endings: Vec::new(),
            unreaped: false,
            effects: VecDeque::new(),
            chores: Chores::default(),
            control: None,
            helpers: custody::Helpers::default(),
            above: None,
            letters: letters::Letters::default(),
            reply: None,
            ready: Vec::new(),
            buffer: vec![0; child::READ_FIRST],
            stop_seen: false,
            plan,
        }
    }

    fn supervise(&mut self) -> anyhow::Result<u8> {
        if let ControlFlow::Break(code) = self.begin() {
            return Ok(code);
        }
        loop {
            if let ControlFlow::Break(code) = self.turn()? {
                return Ok(code);
            }
        }
    }

    /// Says what was found, then launches the core.
    fn begin(&mut self) -> ControlFlow<u8> {
        for note in std::mem::take(&mut self.plan.resolved.notes) {
            self.say_plain(&note);
        }
        match outer::Above::find(self.plan.resolved.ready_at) {
            Ok(above) => self.above = above,
            Err(words) => self.say_plain(&words),
        }
        self.open_journal();
        let began = self.began();
        self.effects.push_back(Effect::Record(Fact::SupervisorStarted(began)));
        let lock_error = self.plan.lock.as_ref().err().cloned();
        let load_error = self.plan.found.as_ref().err().cloned();
        if let Some(error) = lock_error.or(load_error) {
            self.step(Event::StoreFailed { what: Kept::State, error });
        }
        let newest = self.plan.found.as_ref().ok().and_then(|found| found.newest);
        if let Some(day) = newest.filter(|day| day.is_ahead_of(self.now.day)) {
            let line = words::journal_ahead(&self.identity.name, day);
            self.say_line(&line);
        }
        let mut rebooted = false;
        if let Ok(found) = &self.plan.found {
            if let Some((error, kept_as)) = &found.torn {
                let (error, kept_as) = (error.clone(), kept_as.display().to_string());
                self.effects
                    .push_back(Effect::Record(Fact::StateRebuilt(Rebuilt { error, kept_as })));
            }
            let before = found.identity.as_ref().and_then(|identity| identity.boot_id.as_ref());
            let boots = (before, self.identity.boot_id.as_ref());
            rebooted = matches!(boots, (Some(before), Some(now)) if before != now);
        }
        self.look_for_children();
        let (resume, run, terminal) = (self.plan.resume, self.run, self.terminal.is_some());
        self.step(Event::Launch(Launch { resume, rebooted, run, terminal }));
        self.identity.control = Some(self.control_path().display().to_string());
        self.perform_all()?;
        self.tell_above();
        ControlFlow::Continue(())
    }

    /// What we are, for who reads the journal: on another machine it may be all there is.
    fn began(&self) -> Began {
        let settings = self.supervisor.settings();
        let limits = &settings.limits;
        let usd = |nano: u64| Usd::from_pico(u128::from(nano).saturating_mul(1_000));
        Began {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: host::pid(),
            command: self.identity.command.clone(),
            directory: self.identity.directory.clone(),
            interval_ms: millis(settings.interval),
            misses: settings.misses,
            host: host::hostname(),
            release: settings.release.clone(),
            max_tokens_per_hour: limits.tokens_per_hour,
            max_tokens_per_day: limits.tokens_per_day,
            max_usd_per_day: limits.nano_usd_per_day.map(usd),
        }
    }

    fn open_journal(&mut self) {
        let dir = self.paths.journal();
        // State that cannot be read says nothing about where the journal stands.
        let stands = match &self.plan.found {
            Ok(found) => Ok((found.newest, found.seq)),
            Err(_) => read::since(&dir, u64::MAX).map(|news| (news.newest, news.seq)),
        };
        match stands {
            Ok((newest, seq)) => {
                let keep_days = self.plan.resolved.keep_days;
                self.journal = Some(Journal::new(&dir, keep_days, newest, seq));
            }
            Err(error) => {
                let error = format!("{}: {error}", dir.display());
                self.step(Event::StoreFailed { what: Kept::Journal, error });
            }
        }
    }

    /// Whoever executed agentwatch in its own place may have left it children: they are not ours to end.
    fn look_for_children(&mut self) {
        // What has ended by now is reaped, and told to nobody.
        if self.reap().is_ok() && !self.childless {
            self.inherited = sys::tree::own_children();
        }
        self.endings.clear();
    }

    /// Feeds one event; its effects join the queue.
    fn step(&mut self, event: Event) {
        let mut out = Vec::new();
        self.supervisor.step(self.now, event, &mut out);
        self.effects.extend(out);
    }
}

/// Who writes this state.
fn identity(resolved: &Resolved) -> Identity {
    let directory =
        std::env::current_dir().map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
    let settings = &resolved.settings;
    Identity {
        agentwatch: env!("CARGO_PKG_VERSION").to_owned(),
        name: resolved.name.clone(),
        directory,
        command: masked_command(
            &resolved
                .command
                .iter()
                .map(|arg| arg.to_string_lossy().into_owned())
                .collect::<Vec<_>>(),
        ),
        boot_id: host::boot_id(),
        control: None,
        interval_ms: millis(settings.interval),
        misses: settings.misses,
        max_failures: settings.max_failures,
        journal_seq: 0,
        watch: watch(resolved),
        log: resolved.log.as_ref().map(|log| log.file.display().to_string()),
        state_files: Custodian {
            files: resolved.state_files.clone(),
            keep: resolved.keep_snapshots,
            max_bytes: resolved.max_snapshot_bytes,
        },
    }
}

/// What silence is judged by, for who looks.
fn watch(resolved: &Resolved) -> Watch {
    let from = |path: &str| {
        let value = resolved.values.iter().find(|value| value.key.path == path);
        value.map(|value| value.origin.to_string()).unwrap_or_default()
    };
    let settings = &resolved.settings;
    Watch {
        beats: settings.beats,
        interval_from: from("heartbeat.interval"),
        misses_from: from("heartbeat.misses"),
        start_grace_ms: settings.start_grace.map(millis),
        alert_only: settings.on_missed == OnMissed::Alert,
        max_expect_ms: millis(settings.max_expect),
    }
}

/// The offset of local time at `wall`, in seconds east of UTC.
fn offset(clock: &Clock, wall: Wall) -> i32 {
    clock.offset_at(wall)
}
