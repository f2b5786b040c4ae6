//! Before a start: the state files are checked, the hook is asked, and what is not valid is mended, moved
//! aside, or left to a human (SPEC §5).

use std::time::Duration;

use crate::core::effect::{Effect, Force};
use crate::core::fact::{
    Excess, Fact, PassedOver, Quarantined, RestoreFailed, StateInvalid, StopBy, Validated,
};
use crate::core::sweep::{Due, STUCK_AFTER, Sweep};
use crate::core::time::{Up, millis};
use crate::core::validation::{
    CRASHES_MAX, Checked, Done, FaultKind, HookFailure, OnInvalid, Restored, Task, Trial,
    Validation,
};

use super::{State, Supervisor, Why};

/// A start that waits for the word that the state is valid.
#[derive(Clone, Debug)]
pub(super) struct Validating {
    /// What is to be started.
    pub(super) incarnation: u32,
    pub(super) since: Up,
    pub(super) step: Step,
    pub(super) checked: Checked,
    /// Where the state as it was found has gone, if anywhere.
    pub(super) origin: Option<String>,
    /// The set that was put in place.
    pub(super) restored: Option<String>,
    /// The set that is to be passed over, with its failures.
    pub(super) passing: Option<Trial>,
    /// A stop was asked for while the hook is being ended.
    pub(super) requested: Option<StopBy>,
    /// The process that was to look has failed before.
    pub(super) failed: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The process that looks after the files is at work.
    Errand { number: u32, until: Up },
    /// The hook runs, or is being killed.
    Hook { until: Up, killed: bool, timed_out: bool },
    /// Whatever the hook left behind is being ended.
    Sweep { sweep: Sweep, failure: Option<HookFailure>, told_stuck: bool },
}

impl Supervisor {
    /// Whether the next start has to wait for a validation.
    pub(super) fn to_validate(&self) -> Option<Validation> {
        let again = self.starts > 0 || self.memory.unfinished || self.memory.custody.restoring;
        self.settings
            .validation
            .filter(|validation| validation.files || validation.hook)
            .filter(|validation| validation.on_start || again)
    }

    /// Begins to validate; the start follows, or not.
    pub(super) fn validate(&mut self, validation: Validation, out: &mut Vec<Effect>) {
        let incarnation = self.memory.incarnation.saturating_add(1);
        self.drop_snapshot(out);
        out.push(Effect::Record(Fact::Validating { incarnation }));
        self.state = State::Validating(Validating {
            incarnation,
            since: self.now.up,
            // Replaced at once by the first step.
            step: Step::Errand { number: 0, until: self.now.up },
            checked: Checked::default(),
            origin: None,
            restored: None,
            passing: None,
            requested: None,
            failed: false,
        });
        if validation.files {
            self.errand(Task::Check { repair: true }, out);
        } else {
            self.hook(out);
        }
    }

    pub(super) fn validating(&mut self) -> Option<&mut Validating> {
        match &mut self.state {
            State::Validating(validating) => Some(validating),
            State::New
            | State::Live(_)
            | State::Stopping(_)
            | State::Sweeping(_)
            | State::Paused(_)
            | State::Down { .. }
            | State::Escalated
            | State::Leaving(_)
            | State::Done => None,
        }
    }

    /// The settings of a validation that is under way.
    pub(super) fn how(&self) -> Validation {
        self.settings.validation.unwrap_or(Validation {
            files: false,
            hook: false,
            on_start: false,
            on_invalid: OnInvalid::Escalate,
            hook_timeout: Duration::ZERO,
            errand_timeout: Duration::ZERO,
            snapshot_every: Duration::MAX,
        })
    }

    /// Sends the process that looks after the files.
    fn errand(&mut self, task: Task, out: &mut Vec<Effect>) {
        let until = self.now.up.plus(self.how().errand_timeout);
        // What a power cut may interrupt must be known to the next life.
        if matches!(task, Task::Restore { .. } | Task::PutBack { .. } | Task::Quarantine { .. }) {
            self.memory.custody.restoring = true;
            self.persist(out);
        }
        let number = self.next_errand();
        let Some(validating) = self.validating() else { return };
        validating.step = Step::Errand { number, until };
        out.push(Effect::Errand { number, task });
    }

    /// What became of an errand.
    pub(super) fn errand_done(&mut self, number: u32, done: Done, out: &mut Vec<Effect>) {
        if self.snapshot_done(number, &done, out) {
            return;
        }
        let Some(validating) = self.validating() else { return };
        let expected = matches!(validating.step, Step::Errand { number: own, .. } if own == number);
        if !expected {
            return;
        }
        match done {
            Done::Checked(checked) => self.checked(checked, out),
            Done::Restored(restored) => self.restored(restored, out),
            Done::NoSet { sets, unfit } => {
                self.memory.custody.restoring = false;
                self.no_set(RestoreFailed { sets, unfit, error: None }, out);
            }
            Done::Quarantined { quarantine, paths } => {
                self.memory.custody.restoring = false;
                match quarantine {
                    Some(quarantine) => {
                        // Whoever starts clean is not on the set that was in place before.
                        self.memory.custody.trial = None;
                        let fact = Quarantined { quarantine, paths };
                        out.push(Effect::Record(Fact::StateQuarantined(fact)));
                        self.persist(out);
                        self.spawn_next(out);
                    }
                    // Nothing was there that could go, so another start would find the same.
                    None => self.call_a_human(out),
                }
            }
            Done::PutBack => {
                self.memory.custody.restoring = false;
                self.memory.custody.trial = None;
                self.call_a_human(out);
            }
            Done::Failed { error } => self.errand_failed(error, out),
            Done::Taken(_) | Done::NotValid(_) | Done::NothingThere => {
                Self::bug("a snapshot was answered where none was asked for", out);
                self.errand_failed("answered something else than was asked".to_owned(), out);
            }
        }
    }

    /// It could not be done: nobody can say that the state is valid, so nothing starts on it.
    fn errand_failed(&mut self, error: String, out: &mut Vec<Effect>) {
        let restoring = std::mem::take(&mut self.memory.custody.restoring);
        let Some(validating) = self.validating() else { return };
        if !restoring && !std::mem::replace(&mut validating.failed, true) {
            // Whatever befell the process that looks, a human need not be woken for it.
            self.errand(Task::Check { repair: true }, out);
            return;
        }
        if restoring {
            let failed = RestoreFailed { error: Some(error), ..RestoreFailed::default() };
            out.push(Effect::Record(Fact::RestoreFailed(failed)));
        } else {
            let incarnation = validating.incarnation;
            out.push(Effect::Record(Fact::StateInvalid(StateInvalid {
                error: Some(error),
                ..StateInvalid::new(incarnation, OnInvalid::Escalate)
            })));
        }
        self.call_a_human(out);
    }

    fn checked(&mut self, mut checked: Checked, out: &mut Vec<Effect>) {
        self.memory.custody.restoring = false;
        for cut in std::mem::take(&mut checked.cut) {
            out.push(Effect::Record(Fact::StateRepaired(cut)));
        }
        if let Some(finished) = checked.finished.take() {
            self.in_place(finished, out);
        }
        let how = self.how();
        let worn =
            self.memory.custody.trial.clone().filter(|trial| {
                CRASHES_MAX <= trial.crashes && how.on_invalid == OnInvalid::Restore
            });
        let Some(validating) = self.validating() else { return };
        validating.checked = checked;
        if !validating.checked.faults.is_empty() {
            self.invalid(None, out);
        } else if let Some(trial) = worn {
            validating.passing = Some(trial.clone());
            self.memory.custody.pass_over(&trial.set);
            let why = format!("{} crashed the agent {} times in a row", trial.set, trial.crashes);
            self.restore(Some(trial.set), why, out);
        } else {
            self.ask_hook(out);
        }
    }

    /// The state is valid: the start follows.
    pub(super) fn valid(&mut self, hook: bool, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let Some(validating) = self.validating() else { return };
        let checked = std::mem::take(&mut validating.checked);
        out.push(Effect::Record(Fact::Validated(Validated {
            incarnation: validating.incarnation,
            files: checked.valid,
            missing: checked.missing,
            bytes: checked.bytes,
            hook,
            took_ms: millis(now.since(validating.since)),
            notes: checked.notes,
        })));
        self.spawn_next(out);
    }

    /// The state is not valid, as the files show or as the hook says.
    pub(super) fn invalid(&mut self, hook: Option<HookFailure>, out: &mut Vec<Effect>) {
        let how = self.how();
        let Some(validating) = self.validating() else { return };
        let incarnation = validating.incarnation;
        let from_hook = hook.is_some();
        // A second look would find the same: the faults belong to the first word on them.
        let checked = std::mem::take(&mut validating.checked);
        let alone = checked.faults.iter().any(|fault| !fault.fault.is_mendable());
        let movable = |fault: &FaultKind| *fault != FaultKind::Missing;
        let paths: Vec<String> = checked
            .faults
            .iter()
            .filter(|fault| movable(&fault.fault))
            .map(|fault| fault.path.clone())
            .collect();
        let action = match how.on_invalid {
            _ if alone || !how.files => OnInvalid::Escalate,
            OnInvalid::Quarantine if !from_hook && paths.is_empty() => OnInvalid::Escalate,
            OnInvalid::Quarantine if validating.restored.is_some() => OnInvalid::Escalate,
            action @ (OnInvalid::Restore | OnInvalid::Quarantine | OnInvalid::Escalate) => action,
        };
        let why = why_of(&checked, hook.as_ref());
        let before = validating.restored.clone();
        out.push(Effect::Record(Fact::StateInvalid(StateInvalid {
            more: checked.more_faults,
            faults: checked.faults,
            hook,
            ..StateInvalid::new(incarnation, action)
        })));
        match action {
            OnInvalid::Restore => self.restore(before, why, out),
            OnInvalid::Quarantine => {
                // What the hook finds wrong nobody can point at, and of too many faults not all are listed.
                let all = from_hook || checked.more_faults > 0;
                let paths = if all { Vec::new() } else { paths };
                self.errand(Task::Quarantine { paths, why }, out);
            }
            OnInvalid::Escalate => self.call_a_human(out),
        }
    }

    /// Puts the newest set in place that is older than `before`.
    fn restore(&mut self, before: Option<String>, why: String, out: &mut Vec<Effect>) {
        let not = self.memory.custody.passed_over.clone();
        self.errand(Task::Restore { set: None, before, not, why }, out);
    }

    /// A set is in place: it is on trial from now on.
    fn in_place(&mut self, restored: Restored, out: &mut Vec<Effect>) {
        let custody = &mut self.memory.custody;
        custody.restoring = false;
        custody.trial = Some(Trial { set: restored.set.clone(), crashes: 0 });
        if let Some(validating) = self.validating() {
            validating.restored = Some(restored.set.clone());
            if validating.origin.is_none() {
                validating.origin.clone_from(&restored.quarantine);
            }
        }
        out.push(Effect::Record(Fact::StateRestored(restored)));
        self.persist(out);
    }

    fn restored(&mut self, restored: Restored, out: &mut Vec<Effect>) {
        let Some(validating) = self.validating() else { return };
        if let Some(Trial { set, crashes }) = validating.passing.take() {
            let older = Some(restored.set.clone());
            out.push(Effect::Record(Fact::StatePassedOver(PassedOver { set, crashes, older })));
        }
        // Each of them was looked at before it was put in place.
        validating.checked.valid = restored.files;
        self.in_place(restored, out);
        self.ask_hook(out);
    }

    /// There is no set to put in place.
    fn no_set(&mut self, failed: RestoreFailed, out: &mut Vec<Effect>) {
        let Some(validating) = self.validating() else { return };
        if let Some(Trial { set, crashes }) = validating.passing.take() {
            // It is valid all the same, and the streak will end it if it crashes on.
            self.memory.custody.trial = None;
            let fact = PassedOver { set, crashes, older: None };
            out.push(Effect::Record(Fact::StatePassedOver(fact)));
            self.ask_hook(out);
            return;
        }
        let origin = validating.origin.take();
        out.push(Effect::Record(Fact::RestoreFailed(failed)));
        match origin {
            // No set was good enough for the hook: whoever comes should find what was there.
            Some(quarantine) => self.errand(Task::PutBack { quarantine }, out),
            None => self.call_a_human(out),
        }
    }

    /// Nothing starts on this state until a human has looked.
    fn call_a_human(&mut self, out: &mut Vec<Effect>) {
        self.memory.unfinished = true;
        self.latch(Excess::State, out);
        self.stay_down(out);
    }

    /// When something about a validation is due.
    pub(super) fn validating_deadline(validating: &Validating) -> (Up, Why) {
        match &validating.step {
            Step::Errand { until, .. } | Step::Hook { until, .. } => (*until, Why::Validation),
            Step::Sweep { sweep, .. } => (sweep.deadline(), Why::Tree),
        }
    }

    /// Does what is due for a validation.
    pub(super) fn tick_validating(&mut self, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let errand_ms = millis(self.how().errand_timeout);
        let Some(validating) = self.validating() else { return };
        let incarnation = validating.incarnation;
        match &mut validating.step {
            Step::Errand { number, until } if *until <= now => {
                out.push(Effect::DropErrand { number: *number });
                let error = format!("not done after {}s", errand_ms / 1000);
                self.errand_failed(error, out);
            }
            Step::Hook { until, killed, timed_out } if *until <= now => {
                *timed_out |= !*killed;
                *killed = true;
                // Once more if need be: a fork may have escaped.
                *until = now.plus(STUCK_AFTER);
                out.push(Effect::EndTree { incarnation, how: Force::Kill });
            }
            Step::Errand { .. } | Step::Hook { .. } => {}
            Step::Sweep { sweep, .. } => match sweep.due(now) {
                None => {}
                Some(Due::Push(how)) => out.push(Effect::EndTree { incarnation, how }),
                Some(Due::Stuck) => out.push(Effect::EndTree { incarnation, how: Force::Kill }),
            },
        }
    }

    /// A stop while the state is being validated: nothing is started any more. What is interrupted the
    /// next validation takes up.
    pub(super) fn stop_validating(&mut self, by: StopBy, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let next = self.next_of_stop(by, 0);
        let Some(validating) = self.validating() else { return };
        let incarnation = validating.incarnation;
        let asked = validating.requested.replace(by).is_some();
        match &mut validating.step {
            Step::Errand { number, .. } => {
                out.push(Effect::DropErrand { number: *number });
                self.follow(next, out);
            }
            Step::Hook { until, killed, .. } => {
                if !std::mem::replace(killed, true) {
                    *until = now.plus(STUCK_AFTER);
                    out.push(Effect::EndTree { incarnation, how: Force::Kill });
                } else if asked {
                    // It survives KILL, and whoever asks twice is not to wait for that.
                    self.follow(next, out);
                }
            }
            Step::Sweep { sweep, .. } => {
                if sweep.stuck() {
                    self.follow(next, out);
                }
            }
        }
    }
}

impl Validating {
    /// We were stopped, or the machine was: that is no time in which anybody could have answered.
    pub(super) fn excuse(&mut self, gap: Duration) {
        match &mut self.step {
            Step::Errand { until, .. } | Step::Hook { until, .. } => *until = until.plus(gap),
            Step::Sweep { .. } => {}
        }
    }
}

impl StateInvalid {
    fn new(incarnation: u32, action: OnInvalid) -> Self {
        Self { incarnation, faults: Vec::new(), more: 0, hook: None, error: None, action }
    }
}

/// Why, in one line, for the note beside what is moved aside.
fn why_of(checked: &Checked, hook: Option<&HookFailure>) -> String {
    match (checked.faults.first(), hook) {
        (Some(fault), _) => format!("{}: {}", fault.path, fault.words),
        (None, Some(_)) => "the hook (state.validate) says that the state is not valid".to_owned(),
        (None, None) => "not valid".to_owned(),
    }
}
