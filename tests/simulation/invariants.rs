//! What must hold after every step, by the numbers of SPEC §2's rules.
//!
//! The checker believes only what it sees: effects, beats as delivered, and the true clock.

use std::time::Duration;

use agentwatch::core::beat::Beat;
use agentwatch::core::effect::Effect;
use agentwatch::core::fact::{Fact, Outcome};
use agentwatch::core::memory::Memory;
use agentwatch::core::notice::Extended;
use agentwatch::core::settings::{Policy, Settings};
use agentwatch::core::supervisor::{Phase, Supervisor};

use crate::costs::Costs;
use crate::disk::Disk;

/// Wall time is whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(5);

#[derive(Clone, Debug, Default)]
pub struct Checker {
    /// Time that passed, whatever the clocks say.
    pub real: Duration,
    pub last_start: Option<Duration>,
    /// The last end was a failure or unknown and nobody lifted the cooldown.
    owed: bool,
    failures: u32,
    /// The least and the most failures that a crash now may leave.
    streak: (u32, u32),
    /// What is on the platter: a latch, or a streak.
    saved_latch: bool,
    saved_failures: u32,
    /// The incarnation that was started last, if its end has to be in the journal before the next start.
    pub open: Option<u32>,
    /// Something survived KILL, and that was said.
    pub stuck: bool,
    /// The stop that is under way was given more time.
    extended: bool,
    pub highest: u32,
    /// The incarnation that a hook was asked about.
    hook: Option<u32>,
    /// Time in which the agent was silent and could have been heard.
    pub audible_silence: Duration,
    /// Such time that nobody gives back: after so much of it a hang must have been noticed.
    unnoticed: Duration,
    /// How long it may be silent since its last beat.
    patience: Duration,
    /// Such time since its cycle grew, and that cycle.
    audible_standing: Duration,
    cycle: Option<u64>,
    /// Awake time since somebody asked to stop.
    pub stopping_for: Option<Duration>,
    /// Unbroken health began then at the earliest: at the start, or when it was unhealthy last.
    health_from: Duration,
    last_beat: Duration,
    /// The last end was a run that did something.
    completed: bool,
    /// Nothing is to be started before then, although nothing has failed.
    not_before: Option<Duration>,
    /// A human wants the next start without any wait.
    lifted: bool,
    pub beaten: bool,
    persisted_just_now: bool,
    pub exited: bool,
    /// The wall clock was stepped, or something could not be written, since the last start.
    pub clock_stepped: bool,
    pub memory_lost: bool,
    memory_lost_before_start: bool,
    relaunched: bool,
    pub starts: u64,
    pub escalations: u64,
    pub recoveries: u64,
    pub stalls: u64,
    pub costs: Costs,
}

pub type Verdict = Result<(), (u8, String)>;

fn rule(number: u8, holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err((number, what())) }
}

impl Checker {
    /// Time passed; `awake` unless agentwatch could not run, `hears` unless it could not hear.
    pub fn pass(&mut self, time: Duration, awake: bool, hears: bool) {
        if awake && hears {
            self.audible_silence += time;
            self.unnoticed += time;
            self.audible_standing += time;
        }
        if let Some(stopping) = self.stopping_for.as_mut().filter(|_| awake) {
            *stopping += time;
        }
    }

    pub fn heard(&mut self, beat: &Beat, settings: &Settings) {
        let asked = beat.expect_next.unwrap_or_default().min(settings.max_expect);
        self.patience = settings.interval.max(asked) + settings.interval * (settings.misses - 1);
        self.unnoticed = Duration::ZERO;
        if let Some(cycle) = beat.cycle {
            if self.cycle.is_none_or(|before| before < cycle) {
                self.audible_standing = Duration::ZERO;
            }
            self.cycle = Some(cycle);
        }
        self.audible_silence = Duration::ZERO;
        self.beaten = true;
        self.last_beat = self.real;
    }

    /// Silence begins anew after a pause.
    pub fn heard_nothing_wrong(&mut self) {
        (self.audible_silence, self.unnoticed) = (Duration::ZERO, Duration::ZERO);
    }

    /// We hear again: what was silent meanwhile is judged from now on.
    pub fn heard_nothing_new(&mut self) {
        self.unnoticed = Duration::ZERO;
    }

    /// Time is given back that could have been the agent's.
    pub fn excused(&mut self) {
        self.unnoticed = Duration::ZERO;
        // The child gets back the time since the last look, in which it may have been stopped too.
        self.stopping_for = self.stopping_for.map(|_| Duration::ZERO);
    }

    /// Whether what a new life begins with is what the last one knew.
    pub fn survived(&self, memory: &Memory, power_cut: bool, sound: bool) -> Verdict {
        if self.memory_lost {
            return Ok(());
        }
        let failures = memory.streak.failures;
        if power_cut {
            rule(3, memory.latch.is_some() || !self.saved_latch, || {
                "the latch is lost".to_owned()
            })?;
            // What a journal tells may be newer than what a power cut has left: a streak that is forgotten.
            return rule(3, !sound || self.saved_failures <= failures, || {
                format!("{failures} failures after a power cut, not {}", self.saved_failures)
            });
        }
        let (least, most) = self.streak;
        let holds = !sound || least <= failures && failures <= most;
        rule(3, holds, || format!("{failures} failures survived, not {least} to {most}"))
    }

    /// A new life begins with that.
    pub fn relaunched(&mut self, memory: &Memory, crashed: bool) {
        self.failures = memory.streak.failures;
        self.streak = (self.failures, self.failures);
        self.relaunched = true;
        (self.exited, self.stuck, self.extended) = (false, false, false);
        self.stopping_for = None;
        self.owed |= crashed;
    }

    /// After every step.
    pub fn moved(&mut self, sut: &Supervisor) {
        let failures = sut.memory().streak.failures;
        self.streak = (self.streak.0.min(failures), self.streak.1.max(failures));
    }

    /// The memory is on disk.
    pub fn saved(&mut self, memory: &Memory) {
        let failures = memory.streak.failures;
        self.streak = (failures, failures);
        (self.saved_latch, self.saved_failures) = (memory.latch.is_some(), failures);
    }

    /// The journal is on disk, and may tell of what is not in the memory there yet: that a latch was lifted.
    pub fn journaled(&mut self, memory: &Memory) {
        self.saved_latch &= memory.latch.is_some();
    }

    /// Before a start, by the journal: the end of the one before it is there, once (rule 4), and no word
    /// of a human or an escalation stands against it (rule 3).
    pub fn ends_are_known(&mut self, disk: &mut Disk) -> Verdict {
        let lost = self.memory_lost_before_start || !disk.journal_works;
        rule(3, lost || !disk.halted, || "what was halted starts by itself".to_owned())?;
        let ends = std::mem::take(&mut disk.ends);
        let Some(open) = self.open.take().filter(|_| !lost) else { return Ok(()) };
        // One that was never spawned, as agentwatch was killed right before it, has an unknown end too.
        rule(4, ends.values().all(|count| *count == 1) && ends.contains_key(&open), || {
            format!("after {open} these ends are in the journal: {ends:?}")
        })
    }

    /// After every turn: nobody waits for ever, unless a human is awaited.
    pub fn on_time(phase: Phase, wakes: bool, deaf: bool) -> Verdict {
        let waits = match phase {
            Phase::Stopping
            | Phase::Failed
            | Phase::Cooldown
            | Phase::Parked
            | Phase::Waiting
            | Phase::Validating
            | Phase::Leaving
            | Phase::ShuttingDown => true,
            Phase::Starting | Phase::Healthy | Phase::Late => !deaf,
            Phase::New
            | Phase::Running
            | Phase::Unhealthy
            | Phase::Paused
            | Phase::Escalated
            | Phase::Done => false,
        };
        rule(8, !waits || wakes, || format!("waits for ever: {phase:?}"))
    }

    pub fn effect(&mut self, effect: &Effect, settings: &Settings, latched: bool) -> Verdict {
        // That something cannot be written is all that may still be said.
        let last_words =
            matches!(effect, Effect::Record(Fact::StoreFailed { .. } | Fact::StoreWorks { .. }));
        rule(0, !self.exited || last_words, || format!("{effect:?} after the exit"))?;
        match effect {
            Effect::Record(fact) => self.fact(fact, settings)?,
            Effect::Spawn { incarnation, .. } => self.spawn(*incarnation, settings, latched)?,
            Effect::Exit { .. } => self.exited = true,
            // All that is done to a child is done to the last one.
            Effect::Stop { incarnation, .. }
            | Effect::Examine { incarnation }
            | Effect::Measure { incarnation }
            | Effect::Pass { incarnation, .. }
            | Effect::Freeze { incarnation }
            | Effect::Thaw { incarnation }
            | Effect::EndTree { incarnation, .. } => {
                let known = *incarnation == self.highest || self.hook == Some(*incarnation);
                rule(7, known || self.memory_lost, || {
                    format!("{effect:?}, but {} was started last", self.highest)
                })?;
            }
            Effect::Hook { incarnation, .. } => {
                rule(2, self.persisted_just_now, || "a hook without a persist".to_owned())?;
                let told = self.hook == Some(*incarnation);
                rule(4, told, || "a hook that nobody was told of".to_owned())?;
            }
            Effect::Persist { .. }
            | Effect::Suspend { .. }
            | Effect::Errand { .. }
            | Effect::DropErrand { .. }
            | Effect::Alert(_)
            | Effect::Deliver
            | Effect::DropDelivery
            | Effect::Report { .. }
            | Effect::DropReport
            | Effect::Ping { .. }
            | Effect::Answer(_) => {}
        }
        // Between the two only the word that the disk is full may come.
        if !matches!(effect, Effect::Record(_)) {
            self.persisted_just_now = matches!(effect, Effect::Persist { .. });
        }
        Ok(())
    }

    /// The spawn failed: there is no child whose end must be recorded.
    pub fn never_ran(&mut self) {
        self.open = None;
    }

    fn spawn(&mut self, incarnation: u32, settings: &Settings, latched: bool) -> Verdict {
        rule(2, self.persisted_just_now, || "a spawn without a persist before it".to_owned())?;
        let since = self.last_start.map(|last| self.real.saturating_sub(last));
        let excused = self.memory_lost
            || self.lifted
            || self.relaunched && self.clock_stepped
            || settings.policy == Policy::Never;
        let early = since.is_some_and(|since| since + ROUNDING < settings.cooldown);
        rule(2, excused || !self.owed || !early, || format!("started again after {since:?}"))?;
        let early = self.not_before.is_some_and(|until| self.real + ROUNDING < until);
        rule(2, excused || !early, || format!("started before {:?}", self.not_before))?;
        rule(3, !latched, || "started while latched".to_owned())?;
        rule(3, self.failures < settings.max_failures, || {
            format!("started after failure {}", self.failures)
        })?;
        rule(7, self.highest < incarnation, || format!("{incarnation} after {}", self.highest))?;
        self.highest = incarnation;
        self.memory_lost_before_start = self.memory_lost;
        self.extended = false;
        self.last_start = Some(self.real);
        (self.audible_silence, self.unnoticed) = (Duration::ZERO, Duration::ZERO);
        (self.owed, self.lifted, self.not_before) = (false, false, None);
        (self.health_from, self.beaten) = (self.real, false);
        (self.audible_standing, self.cycle) = (Duration::ZERO, None);
        (self.clock_stepped, self.memory_lost, self.relaunched) = (false, false, false);
        self.starts += 1;
        rule(8, self.stopping_for.is_none(), || "started while asked to stop".to_owned())
    }

    #[expect(clippy::too_many_lines, reason = "a table: one arm a fact, no steps")]
    fn fact(&mut self, fact: &Fact, settings: &Settings) -> Verdict {
        self.costs.fact(fact, settings).map_err(|words| (4, words))?;
        match fact {
            Fact::Exited { outcome, .. } => {
                self.owed = matches!(
                    outcome,
                    Outcome::Failure { .. }
                        | Outcome::NoFault
                        | Outcome::Signalled
                        | Outcome::Parked
                );
                self.completed = *outcome == Outcome::Completed { idle: false };
                self.not_before = None;
                if let Outcome::Failure { streak, .. } = outcome {
                    self.failures += 1;
                    rule(3, *streak == self.failures || self.memory_lost, || {
                        format!("failure {streak} called, {} counted", self.failures)
                    })?;
                }
            }
            Fact::Unhealthy { triggered: true, .. } => self.health_from = self.real,
            Fact::Unhealthy { .. } => {
                self.health_from = self.real;
                let limit = if self.beaten {
                    settings.interval * settings.misses
                } else {
                    settings.start_grace.unwrap_or(Duration::from_mins(2))
                };
                let heard = self.audible_silence + ROUNDING;
                rule(6, limit <= heard, || format!("unhealthy after {heard:?} of {limit:?}"))?;
            }
            Fact::Late { .. } => {
                let heard = self.audible_silence + ROUNDING;
                rule(6, settings.interval <= heard, || format!("late after {heard:?}"))?;
            }
            Fact::Stalled { .. } => {
                self.stalls += 1;
                let stood = self.audible_standing + ROUNDING;
                rule(6, settings.progress_within.is_some_and(|within| within <= stood), || {
                    format!("stalled after {stood:?}")
                })?;
            }
            Fact::StreakForgotten { .. } => {
                self.failures = 0;
                // Silence proves no health: who beats is healthy up to its last beat.
                let until = if self.beaten { self.last_beat } else { self.real };
                let health = until.saturating_sub(self.health_from);
                rule(3, self.completed || settings.reset_after <= health + ROUNDING, || {
                    format!("forgotten after {health:?} of health")
                })?;
            }
            Fact::Resumed { .. } => {
                (self.failures, self.owed, self.not_before) = (0, false, None);
                // Who was only to stay down is not to stop any more.
                self.stopping_for = None;
            }
            Fact::Released { .. } => self.failures = 0,
            Fact::Stopped { .. } | Fact::Finished { .. } => {
                (self.owed, self.not_before) = (false, None);
            }
            // For what is owed now, and for the end that may still come of a child that is being ended.
            Fact::RestartAsked { at_beat } => self.lifted |= !at_beat,
            Fact::Parked { wait_ms, .. } | Fact::Waiting { wait_ms, .. } => {
                self.not_before = Some(self.real + Duration::from_millis(*wait_ms));
            }
            // A hook may run from now on.
            Fact::Validating { incarnation } => self.hook = Some(*incarnation),
            Fact::Escalated { .. } => self.escalations += 1,
            Fact::Recovered { alive_only, .. } => {
                self.recoveries += 1;
                rule(3, self.beaten || *alive_only, || "recovered without a beat".to_owned())?;
            }
            Fact::TreeStuck { .. } => self.stuck = true,
            Fact::Extended { what: Extended::Stop, .. } => self.extended = true,
            Fact::Bug { what } => return Err((0, format!("bug: {what}"))),
            Fact::SupervisorStarted { .. }
            | Fact::SupervisorStopped { .. }
            | Fact::Started { .. }
            | Fact::SpawnFailed { .. }
            | Fact::Beat(_)
            | Fact::BadBeat { .. }
            | Fact::Notified { .. }
            | Fact::Recognised { .. }
            | Fact::Extended { .. }
            | Fact::SourceOff { .. }
            | Fact::Unwatched { .. }
            | Fact::OutputBlocked { .. }
            | Fact::OutputUnblocked { .. }
            | Fact::SignalPassed { .. }
            | Fact::Evidence { .. }
            | Fact::Memory(_)
            | Fact::Progressing { .. }
            | Fact::Strays { .. }
            | Fact::Cooldown { .. }
            | Fact::Idle { .. }
            | Fact::Held
            | Fact::Paused { .. }
            | Fact::Continued { .. }
            | Fact::ShutdownAnnounced { .. }
            | Fact::Stopping { .. }
            | Fact::Latched { .. }
            | Fact::LoopSuspected { .. }
            | Fact::LoopCleared { .. }
            | Fact::LoopSettled { .. }
            | Fact::BudgetWarning { .. }
            | Fact::BudgetExceeded { .. }
            | Fact::Rebaselined { .. }
            | Fact::Validated(_)
            | Fact::StateInvalid(_)
            | Fact::StateRepaired(_)
            | Fact::StateRestored(_)
            | Fact::RestoreFailed(_)
            | Fact::StatePassedOver(_)
            | Fact::StateQuarantined(_)
            | Fact::SnapshotTaken(_)
            | Fact::SnapshotFailed { .. }
            | Fact::SnapshotWorks
            | Fact::IncidentOpened(_)
            | Fact::IncidentWorsened(_)
            | Fact::IncidentClosed(_)
            | Fact::Acknowledged(_)
            | Fact::Snoozed(_)
            | Fact::AlertSent(_)
            | Fact::AlertFailed(_)
            | Fact::ReportSent(_)
            | Fact::ReportFailed(_)
            | Fact::StoreFailed { .. }
            | Fact::StoreWorks { .. }
            | Fact::StateRebuilt(_) => {}
        }
        Ok(())
    }

    /// After all that was to be done was done.
    pub fn after(&mut self, sut: &Supervisor, settings: &Settings) -> Verdict {
        self.costs.after(sut).map_err(|words| (4, words))?;
        let escalated = sut.memory().latch.is_some() || self.failures < settings.max_failures;
        rule(3, escalated, || format!("failure {} and no latch", self.failures))?;
        if matches!(sut.phase(), Phase::Done | Phase::Escalated) {
            self.stopping_for = None;
        }
        let watched = matches!(sut.phase(), Phase::Healthy | Phase::Late) && self.beaten;
        rule(6, !watched || self.unnoticed <= self.patience + ROUNDING, || {
            format!("nobody noticed a hang of {:?}", self.unnoticed)
        })?;
        let Some(so_far) = self.stopping_for else { return Ok(()) };
        let patience = settings.stop_timeout;
        let extended = if self.extended { settings.shutdown_grace } else { Duration::ZERO };
        // The stop, the wait for a child that survives KILL, the tree, and the rounds between.
        let limit = patience.max(extended) + Duration::from_secs(10 + 5 + 10 + 10);
        rule(8, so_far <= limit, || format!("still stopping after {so_far:?}"))
    }
}
