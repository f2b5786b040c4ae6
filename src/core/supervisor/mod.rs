//! The state machine of one agent: what is, what happens, what follows.
//!
//! The contract of the shell: call [`Supervisor::step`] with the events of a turn in the order of
//! DESIGN's turn (beats, endings, then one `Tick`), all with the same `now`; perform the effects in
//! order; sleep until [`Supervisor::deadline`] or until something happens.

mod alerting;
mod commands;
mod ended;
mod hearing;
mod hook;
mod live;
mod meaning;
mod measuring;
mod morning;
mod notices;
mod paused;
mod reading;
mod signals;
mod snapshots;
mod spending;
mod standing;
mod start;
mod state;
mod stop;
mod validating;

#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use super::effect::Effect;
use super::ending::Ending;
use super::event::Event;
use super::fact::{Cause, Fact};
use super::incident::Trouble;
use super::memory::{DelayWhy, Memory};
use super::notice::Road;
use super::pulse::Silence;
use super::recording::Recording;
use super::settings::{OnEscalate, Settings};
use super::time::{Now, Up, When};
use super::usage::Totals;

pub use hearing::{BLOCKED_AFTER, OVERSLEPT};
pub use state::Phase;
use state::{Child, Next, Paused, State, StopCause, Stopping, Sweeping, Wait};

/// An agent that has never beaten and is not held to it: after this long it is said once that a hang
/// would go unseen (SPEC §2).
pub const NOTICE_AFTER: Duration = Duration::from_mins(2);

/// Exit code: escalated, or started while the latch is set.
pub const EXIT_ESCALATED: u8 = 69;
/// Exit code: agentwatch itself failed.
pub const EXIT_SELF: u8 = 125;
/// Exit code: the command cannot be executed.
pub const EXIT_NOT_EXECUTABLE: u8 = 126;
/// Exit code: there is no such command.
pub const EXIT_NOT_FOUND: u8 = 127;

/// Why the core wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// A silence becomes late.
    Late,
    /// A silence becomes unhealthy, or a first beat is overdue.
    Unhealthy,
    /// A cycle has stood still for too long.
    Stalled,
    /// An agent that never beat is to be told of once.
    Notice,
    /// The streak is to be forgotten.
    ForgetStreak,
    /// An announced shutdown has taken too long.
    ShutdownGrace,
    /// A stop has taken too long.
    StopTimeout,
    /// A tree that is being ended wants a look or a push.
    Tree,
    /// The next start is due.
    Start,
    /// A run has lasted long enough.
    MaxRun,
    /// A paused tree is to be looked at once more.
    Freeze,
    /// A validation or a snapshot has taken too long.
    Validation,
    /// Beats that were added up are to be recorded.
    Recording,
    /// Our stdout has been blocked for long.
    Blocked,
    /// People are to be told, or a letter is to be tried again.
    Alert,
    /// The report of the day before is to be made.
    Report,
    /// The time is over in which the worst could be told before we leave.
    Leave,
}

/// The sooner of two moments; the first where they are one.
fn sooner(one: Option<(Up, Why)>, other: Option<(Up, Why)>) -> Option<(Up, Why)> {
    match (one, other) {
        (Some(one), Some(other)) if other.0 < one.0 => Some(other),
        (one, other) => one.or(other),
    }
}

/// The supervisor of one agent: every decision, no IO.
#[derive(Clone, Debug)]
pub struct Supervisor {
    settings: Settings,
    memory: Memory,
    state: State,
    recording: Recording,
    /// The random number that marks what this agentwatch starts.
    run: u64,
    /// There is a controlling terminal.
    terminal: bool,
    /// The clocks at the last step.
    now: Now,
    /// How long before that we last looked, if that time is not excused yet.
    gap: Duration,
    launched: Now,
    totals: Totals,
    /// Starts by this agentwatch.
    starts: u32,
    /// Failures seen by this agentwatch.
    failures: u32,
    /// Runs in a row that did nothing.
    idle_runs: u32,
    /// The latch was set before this agentwatch was launched.
    latched_before: bool,
    /// The hour since 1970 in which what is known of its tokens was last saved for its own sake.
    saved_hour: i64,
    /// When we last woke much later than promised.
    late_at: Option<Up>,
    /// The notice about beats has been given.
    noticed: bool,
    /// Our stdout is blocked since then, and whether that was said.
    blocked: Option<(Up, bool)>,
    /// What cannot be written at present.
    failing: Vec<super::event::Kept>,
    /// The roads of which it was said that they are off.
    off: Vec<Road>,
    /// The preset that was recognised last.
    reading: reading::Reading,
    /// The last failure that this agentwatch has seen.
    last_cause: Option<Cause>,
    snapshots: snapshots::Snapshots,
    alerts: alerting::Alerts,
    morning: morning::State,
}

impl Supervisor {
    /// A supervisor that goes on where `memory` stopped.
    #[must_use]
    pub fn new(settings: Settings, mut memory: Memory) -> Self {
        memory.ledger.limit(&settings.limits);
        Self {
            settings,
            memory,
            state: State::New,
            recording: Recording::default(),
            run: 0,
            terminal: false,
            now: Now::default(),
            gap: Duration::ZERO,
            launched: Now::default(),
            totals: Totals::default(),
            starts: 0,
            failures: 0,
            idle_runs: 0,
            latched_before: false,
            saved_hour: 0,
            late_at: None,
            noticed: false,
            blocked: None,
            failing: Vec::new(),
            off: Vec::new(),
            reading: reading::Reading::default(),
            last_cause: None,
            snapshots: snapshots::Snapshots::default(),
            alerts: alerting::Alerts::default(),
            morning: morning::State::default(),
        }
    }

    /// What must be on disk after a `Persist` effect.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What it decides by.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the agent stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::New => Phase::New,
            State::Live(child) if child.announced.is_some() => Phase::ShuttingDown,
            State::Live(child) => match (child.pulse.said(), child.pulse.beaten()) {
                (Silence::Unhealthy, _) => Phase::Unhealthy,
                (Silence::Late, _) => Phase::Late,
                (Silence::None, true) => Phase::Healthy,
                (Silence::None, false) if child.first_limit.is_some() => Phase::Starting,
                (Silence::None, false) => Phase::Running,
            },
            State::Stopping(_) => Phase::Stopping,
            State::Sweeping(_) => Phase::Failed,
            State::Paused(_) => Phase::Paused,
            State::Validating(_) => Phase::Validating,
            State::Down { wait, .. } => match wait {
                Wait::Cooldown => Phase::Cooldown,
                Wait::Delay(DelayWhy::Park { .. } | DelayWhy::Budget { .. }) => Phase::Parked,
                Wait::Delay(DelayWhy::Repeat) => Phase::Waiting,
            },
            State::Escalated => Phase::Escalated,
            State::Leaving(_) => Phase::Leaving,
            State::Done => Phase::Done,
        }
    }

    /// Takes one event and appends what follows from it to `out`.
    pub fn step(&mut self, now: Now, event: Event, out: &mut Vec<Effect>) {
        self.wake(now);
        // Whatever comes after the word to leave is too late, but for what could not be written of it.
        if matches!(self.state, State::Done)
            && !matches!(
                event,
                Event::StoreFailed { .. } | Event::StoreWorks { .. } | Event::Posted { .. }
            )
        {
            return;
        }
        let (from, ends) = (out.len(), matches!(event, Event::Tick { .. }));
        self.take(event, out);
        self.attend(from, ends, out);
        self.settle_leaving(out);
    }

    fn take(&mut self, event: Event, out: &mut Vec<Effect>) {
        let now = self.now;
        match event {
            Event::Launch(launch) => {
                self.launch_alerts();
                self.launch(launch, out);
            }
            Event::Posted { trouble, since } => {
                self.memory.incidents.posted(now.wall, trouble, since);
                // Who leaves saves it once more.
                if !matches!(self.state, State::Done) {
                    self.persist(out);
                }
            }
            Event::Delivered { next } => self.delivered(next, out),
            Event::Receipt(delivery) => Self::receipt(*delivery, out),
            Event::ReportEnded(end) => self.report_ended(end, out),
            Event::ReportReceipt(fact) => Self::report_receipt(*fact, out),
            Event::Spawned { incarnation, pid, start_time } => {
                self.spawned(incarnation, pid, start_time, out);
            }
            Event::SpawnFailed { incarnation, failure } => {
                self.spawn_failed(incarnation, failure, out);
            }
            Event::Beat { incarnation, beat } => self.beat(incarnation, &beat, out),
            Event::BadBeat { incarnation, reason } => {
                out.extend(self.recording.bad(now.up, incarnation, reason).map(Effect::Record));
            }
            Event::Recognised { incarnation, preset, interval, rules } => {
                self.recognised(incarnation, preset, interval, rules, out);
            }
            Event::Notice { incarnation, notice } => self.notice(incarnation, notice, out),
            Event::SourceOff { source, error, deaf } => self.source_off(source, error, deaf, out),
            Event::Examined { incarnation, evidence } => self.examined(incarnation, *evidence, out),
            Event::Measured { incarnation, rss_kib, processes } => {
                self.measured(incarnation, rss_kib, processes, out);
            }
            Event::Exited { incarnation, ending, last } => {
                self.exited(incarnation, ending, last, out);
            }
            Event::TreeLeft { incarnation, left } => self.tree_left(incarnation, left, out),
            Event::TreeGone { incarnation } => self.tree_gone(incarnation, out),
            Event::Signal { signal, request, reached_child } => {
                self.signal(signal, request, reached_child, out);
            }
            Event::ErrandDone { number, done } => self.errand_done(number, *done, out),
            Event::HookStarted { incarnation, pid, start_time } => {
                self.hook_started(incarnation, pid, start_time, out);
            }
            Event::HookEnded { incarnation, end } => self.hook_ended(incarnation, *end, out),
            Event::Command(command) => self.command(command, out),
            Event::Frozen { incarnation, fresh } => self.frozen(incarnation, fresh),
            Event::StoreFailed { what, error } => {
                if !self.failing.contains(&what) {
                    self.failing.push(what);
                    out.push(Effect::Record(Fact::StoreFailed { what, error }));
                }
            }
            Event::StoreWorks { what } => {
                // The life that could not write may have been another one.
                let before =
                    self.failing.is_empty() && self.memory.incidents.open(Trouble::Store).is_some();
                if self.failing.contains(&what) || before {
                    self.failing.retain(|failing| *failing != what);
                    out.push(Effect::Record(Fact::StoreWorks { what }));
                }
            }
            Event::Tick { drained } => self.tick(drained, out),
        }
    }

    /// When to wake the supervisor, and why. `None`: only if something happens.
    #[must_use]
    pub fn deadline(&self) -> Option<(When, Why)> {
        let state = match &self.state {
            State::Done => return None,
            State::New | State::Escalated | State::Down { .. } => None,
            State::Live(child) => self.live_deadline(child),
            State::Stopping(stopping) => {
                let at =
                    if stopping.killed.is_some() { stopping.again_at } else { stopping.kill_at };
                Some((at, Why::StopTimeout))
            }
            State::Sweeping(sweeping) => Some((sweeping.sweep.deadline(), Why::Tree)),
            State::Paused(paused) => paused.look_at.map(|at| (at, Why::Freeze)),
            State::Validating(validating) => Some(Self::validating_deadline(validating)),
            State::Leaving(leaving) => Some((leaving.until, Why::Leave)),
        };
        let snapshot = self.snapshot_deadline().map(|at| (at, Why::Validation));
        let recording = self.recording.deadline().map(|at| (at, Why::Recording));
        let blocked = self.blocked_deadline().map(|at| (at, Why::Blocked));
        let up = sooner(sooner(sooner(state, snapshot), recording), blocked);
        let mut start = None;
        if let State::Down { until, .. } = &self.state {
            start = Some((When::Boot(*until), Why::Start));
        }
        let alerts = self.alerts_deadline().map(|at| (When::Boot(at), Why::Alert));
        let report = self.report_deadline().map(|at| (When::Boot(at), Why::Report));
        let up = up.map(|(at, why)| (When::Up(at), why));
        // The first of those that are due at once.
        [start, up, alerts, report].into_iter().flatten().min_by_key(|(at, _)| at.wait(&self.now))
    }

    /// The end of a turn: whatever is due now is done.
    fn tick(&mut self, drained: bool, out: &mut Vec<Effect>) {
        self.hear(drained, out);
        out.extend(self.recording.due(self.now.up).map(Effect::Record));
        self.tick_snapshot(out);
        self.tick_alerts(out);
        self.tick_report(out);
        match &self.state {
            State::New | State::Escalated | State::Leaving(_) | State::Done => {}
            State::Live(_) => self.tick_live(out),
            State::Stopping(_) => self.tick_stopping(out),
            State::Sweeping(_) => self.tick_sweeping(out),
            State::Paused(_) => self.tick_paused(out),
            State::Validating(_) => self.tick_validating(out),
            State::Down { until, .. } => {
                if *until <= self.now.boot {
                    self.start(out);
                }
            }
        }
        self.measure(out);
    }

    fn persist(&self, out: &mut Vec<Effect>) {
        out.push(Effect::Persist { sync: self.memory.is_grave() });
    }

    /// Leaves with `code`; nothing follows.
    fn leave(&mut self, code: u8, out: &mut Vec<Effect>) {
        out.extend(self.recording.flush().map(Effect::Record));
        self.drop_snapshot(out);
        self.state = State::Leaving(alerting::Leaving { code, until: self.now.up });
    }

    /// What cannot happen did: loud in tests and simulator, recorded and survived in release.
    fn bug(what: &str, out: &mut Vec<Effect>) {
        debug_assert!(false, "bug: {what}");
        out.push(Effect::Record(Fact::Bug { what: what.to_owned() }));
    }

    /// The latch is set: hold or leave, as configured.
    fn stay_down(&mut self, out: &mut Vec<Effect>) {
        match self.settings.on_escalate {
            OnEscalate::Exit => {
                self.leave(EXIT_ESCALATED, out);
                // Whoever is to resume it is to hear of it first.
                self.linger();
            }
            OnEscalate::Hold => {
                self.persist(out);
                self.state = State::Escalated;
            }
        }
    }

    /// How the last incarnation ended, for the next one to know.
    #[must_use]
    pub fn last_ending(&self) -> Option<Ending> {
        self.memory.last_ending
    }
}
