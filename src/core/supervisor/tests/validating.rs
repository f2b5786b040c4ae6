//! Nothing starts on state that is not valid (SPEC §5).

use super::story::{Story, defaults, min, s};
use crate::core::beat::Beat;
use crate::core::command::{Command, Needless, Reply};
use crate::core::effect::Effect;
use crate::core::ending::Ending;
use crate::core::event::{By, Event};
use crate::core::fact::Fact;
use crate::core::settings::{OnEscalate, Settings};
use crate::core::signal::Signal;
use crate::core::supervisor::Phase;
use crate::core::validation::{
    Checked, Done, Fault, FaultKind, HookEnd, OnInvalid, Restored, Taken, Task, Validation,
};

impl Story {
    /// The errand that is out is answered.
    pub fn answer(&mut self, done: Done) -> &mut Self {
        let (number, _) = self.errand.take().expect("no errand is out");
        self.step(Event::ErrandDone { number, done: Box::new(done) })
    }

    /// The hook that runs ends.
    pub fn hook_ends(&mut self, end: HookEnd) -> &mut Self {
        let incarnation = self.hook.take().expect("no hook runs");
        self.step(Event::HookEnded { incarnation, end: Box::new(end) })
    }

    pub fn custody(&mut self, effect: Effect) {
        match effect {
            Effect::Errand { number, task } => {
                assert_eq!(self.errand, None, "one errand at a time");
                self.told.push(format!("errand {}", super::telling::word(&task)));
                self.errand = Some((number, task));
                if let Some(done) = self.answers.pop_front() {
                    self.answer(done);
                }
            }
            Effect::DropErrand { number } => {
                assert_eq!(self.errand.take().map(|(own, _)| own), Some(number));
                self.told.push("drop errand".to_owned());
            }
            Effect::Hook { incarnation, .. } => {
                assert_eq!(self.hook.replace(incarnation), None, "one hook at a time");
                self.told.push("hook".to_owned());
                self.step(Event::HookStarted { incarnation, pid: 90, start_time: Some(5) });
                if let Some(end) = self.hooks.pop_front() {
                    self.hook_ends(end);
                }
            }
            Effect::Record(_)
            | Effect::Persist { .. }
            | Effect::Spawn { .. }
            | Effect::Examine { .. }
            | Effect::Measure { .. }
            | Effect::Stop { .. }
            | Effect::Pass { .. }
            | Effect::Suspend { .. }
            | Effect::Freeze { .. }
            | Effect::Thaw { .. }
            | Effect::Alert(_)
            | Effect::Deliver
            | Effect::DropDelivery
            | Effect::Report { .. }
            | Effect::DropReport
            | Effect::Ping { .. }
            | Effect::Answer(_)
            | Effect::EndTree { .. }
            | Effect::Exit { .. } => panic!("{effect:?}"),
        }
    }

    fn task(&self) -> &Task {
        &self.errand.as_ref().expect("no errand is out").1
    }
}

fn how(validation: Validation) -> Settings {
    let validation = Some(validation);
    Settings { validation, max_failures: 9, ..defaults() }
}

fn files() -> Validation {
    Validation {
        files: true,
        hook: false,
        on_start: false,
        on_invalid: OnInvalid::Restore,
        hook_timeout: s(60),
        errand_timeout: min(10),
        snapshot_every: min(10),
    }
}

fn both() -> Validation {
    Validation { hook: true, ..files() }
}

fn hook_alone() -> Validation {
    Validation { files: false, hook: true, ..files() }
}

/// An agent that crashed and whose cooldown is over.
fn crashed(validation: Validation) -> Story {
    let mut story = Story::new(how(validation));
    story.launch().exit(1).advance(min(5));
    let told = story.take();
    assert!(told.contains(&"Validating".to_owned()), "{told:?}");
    story.is(Phase::Validating);
    story
}

fn good() -> Done {
    Done::Checked(Checked { valid: 2, bytes: 10, ..Checked::default() })
}

fn torn(fault: FaultKind) -> Done {
    let fault = Fault { path: "/m.json".to_owned(), fault, offset: Some(8), words: "t".to_owned() };
    Done::Checked(Checked { valid: 1, faults: vec![fault], ..Checked::default() })
}

fn restored(set: &str) -> Done {
    Done::Restored(Restored {
        set: set.to_owned(),
        age_ms: 1,
        files: 1,
        quarantine: Some(format!("q-{set}")),
        unfit: Vec::new(),
    })
}

fn no_set() -> Done {
    Done::NoSet { sets: 0, unfit: Vec::new() }
}

fn says(code: i32) -> HookEnd {
    HookEnd { ending: Ok(Ending::Exit { code }), output: vec!["why".to_owned()] }
}

#[test]
fn a_restart_waits_for_the_check_and_then_for_the_hook() {
    let mut story = crashed(both());
    assert_eq!(story.task(), &Task::Check { repair: true });
    assert_eq!(story.alive(), None);
    story.answer(good()).tells(&["hook"]);
    assert_eq!((story.alive(), story.phase()), (None, Phase::Validating));
    story.hook_ends(says(0)).tells(&["kill", "Validated", "started 2"]);
}

#[test]
fn the_first_start_is_validated_only_if_told() {
    let mut story = Story::new(how(both()));
    story.launch().tells(&["started 1"]);
    let mut story = Story::new(how(Validation { on_start: true, ..both() }));
    story.launch().tells(&["Validating", "errand Check"]);
    story.answer(good()).hook_ends(says(0));
    assert_eq!(story.alive(), Some(1));
}

#[test]
fn a_run_that_goes_on_after_a_crash_of_agentwatch_is_a_restart() {
    let mut story = Story::healthy(how(files()));
    story.relaunch(None, false).advance(min(5));
    assert_eq!(story.task(), &Task::Check { repair: true });
}

#[test]
fn torn_state_goes_back_to_a_snapshot_and_the_hook_is_asked_of_that() {
    let mut story = crashed(both());
    story.answer(torn(FaultKind::TornEnd)).tells(&["invalid: Restore", "errand Restore"]);
    assert!(story.persisted.custody.restoring, "known to the next life");
    story.answer(restored("b")).tells(&["restored b", "hook"]);
    assert!(!story.persisted.custody.restoring);
    // It says no: the next older one.
    story.hook_ends(says(1)).tells(&["kill", "invalid: Restore", "errand Restore"]);
    assert!(matches!(story.task(), Task::Restore { before: Some(before), .. } if before == "b"));
    story.answer(restored("a")).hook_ends(says(0));
    story.tells(&["restored a", "hook", "kill", "Validated", "started 2"]);
}

#[test]
fn where_no_snapshot_helps_a_human_is_called_and_finds_what_was_there() {
    let mut story = crashed(both());
    story.answer(good()).hook_ends(says(1)).answer(restored("b")).hook_ends(says(1));
    story.take();
    story.answer(no_set()).tells(&["RestoreFailed", "errand PutBack"]);
    assert_eq!(story.task(), &Task::PutBack { quarantine: "q-b".to_owned() });
    story.answer(Done::PutBack).tells(&["escalated State 1", "SupervisorStopped", "exit 69"]);
}

#[test]
fn without_any_snapshot_a_human_is_called_at_once() {
    let mut story = crashed(files());
    story.answer(torn(FaultKind::Corrupt)).take();
    story.answer(no_set()).tells(&[
        "RestoreFailed",
        "escalated State 1",
        "SupervisorStopped",
        "exit 69",
    ]);
    // Who resumes has it looked at again.
    story.relaunch(Some(By::Flag), false);
    assert_eq!(story.task(), &Task::Check { repair: true });
}

#[test]
fn what_nobody_can_read_is_left_alone() {
    for fault in [FaultKind::Unreadable, FaultKind::Unfit] {
        for on_invalid in [OnInvalid::Restore, OnInvalid::Quarantine, OnInvalid::Escalate] {
            let mut story = crashed(Validation { on_invalid, ..files() });
            story.answer(torn(fault));
            assert_eq!((story.exit, story.errand.clone()), (Some(69), None), "{fault:?}");
        }
    }
}

#[test]
fn quarantine_moves_what_is_wrong_and_starts_without_it() {
    let quarantine = Validation { on_invalid: OnInvalid::Quarantine, ..both() };
    let mut story = crashed(quarantine);
    story.answer(torn(FaultKind::TornEnd)).take();
    let Task::Quarantine { paths, .. } = story.task() else { panic!("{:?}", story.task()) };
    assert_eq!(paths, &["/m.json"]);
    let moved = |to: Option<&str>| Done::Quarantined {
        quarantine: to.map(str::to_owned),
        paths: vec!["/m.json".to_owned()],
    };
    story.answer(moved(Some("q"))).tells(&["StateQuarantined", "started 2"]);
    // What the hook finds wrong nobody can point at: all of it goes.
    let mut story = crashed(quarantine);
    story.answer(good()).hook_ends(says(3)).take();
    assert!(matches!(story.task(), Task::Quarantine { paths, .. } if paths.is_empty()));
    story.answer(moved(None));
    assert_eq!(story.exit, Some(69), "nothing was there that could go");
    // A required file that is not there cannot be moved.
    let mut story = crashed(quarantine);
    story.answer(torn(FaultKind::Missing));
    assert_eq!((story.exit, story.errand.clone()), (Some(69), None));
}

#[test]
fn a_hook_without_files_can_only_call_a_human() {
    let mut story = crashed(hook_alone());
    story.hook_ends(says(1)).tells(&[
        "kill",
        "invalid: Escalate",
        "escalated State 1",
        "SupervisorStopped",
        "exit 69",
    ]);
}

#[test]
fn a_hook_that_hangs_is_killed_and_counts_as_no() {
    let mut story = crashed(hook_alone());
    story.advance(s(59)).is(Phase::Validating).advance(s(1));
    assert_eq!(story.exit, Some(69));
    let timed_out = |fact: &Fact| matches!(fact, Fact::StateInvalid(fact) if fact.hook.as_ref().unwrap().timeout_ms == Some(60_000));
    assert_eq!(story.count(timed_out), 1);
}

#[test]
fn a_hook_that_cannot_be_started_counts_as_no() {
    let mut story = Story::new(how(hook_alone()));
    story.hooks.push_back(HookEnd { ending: Err("gone".to_owned()), output: Vec::new() });
    story.launch().exit(1).advance(min(5));
    assert_eq!(story.exit, Some(69));
}

#[test]
fn an_errand_that_fails_or_hangs_starts_nothing() {
    let mut story = crashed(files());
    let failed = || Done::Failed { error: "no".to_owned() };
    story.answer(failed()).tells(&["errand Check"]);
    story.answer(failed());
    assert_eq!(story.exit, Some(69));
    let mut story = crashed(files());
    story.advance(min(20));
    assert_eq!(story.exit, Some(69));
    story.tells(&[
        "drop errand",
        "errand Check",
        "drop errand",
        "invalid: Escalate",
        "escalated State 1",
        "SupervisorStopped",
        "exit 69",
    ]);
}

#[test]
fn a_stop_ends_each_step_and_nothing_starts() {
    let mut story = crashed(both());
    story.stop(Signal::TERM).tells(&["drop errand", "stopped 0", "SupervisorStopped", "exit 0"]);
    let mut story = crashed(both());
    story.answer(good()).stop(Signal::TERM);
    assert_eq!((story.exit, story.hook), (Some(0), None));
    let mut story = crashed(both());
    story.answer(torn(FaultKind::TornEnd)).stop(Signal::TERM);
    assert_eq!(story.exit, Some(0));
    assert!(story.persisted.custody.restoring, "what was interrupted is known");
    // And taken up, although a stop leaves nothing else undone.
    story.relaunch(None, false);
    assert_eq!(story.task(), &Task::Check { repair: true });
}

#[test]
fn commands_are_answered_while_it_validates() {
    let mut story = crashed(both());
    let validating = Reply::Needless(Needless::IsValidating);
    assert_eq!(story.command(Command::RESUME), validating);
    assert_eq!(story.command(Command::Restart { at_beat: false }), validating);
    assert!(!story.command(Command::Pause).is_ok());
    story.answer(good()).hook_ends(says(0));
    assert_eq!(story.alive(), Some(2));
}

#[test]
fn stop_and_stay_holds_from_within_a_validation() {
    let hold = Settings { on_escalate: OnEscalate::Hold, ..how(files()) };
    let mut story = Story::new(hold);
    story.launch().exit(1).advance(min(5));
    story.command(Command::Stop { now: false, stay: true });
    story.is(Phase::Escalated).resume();
    assert_eq!(story.task(), &Task::Check { repair: true });
}

#[test]
fn a_set_that_crashes_the_agent_twice_is_passed_over_for_an_older_one() {
    let mut story = crashed(files());
    story.answer(torn(FaultKind::TornEnd)).answer(restored("b"));
    story.exit(1).advance(min(5)).answer(good()).take();
    assert_eq!(story.alive(), Some(3), "once is no proof");
    story.exit(1).advance(min(5)).answer(good());
    let told = story.take();
    assert!(told.ends_with(&["errand Restore".to_owned()]), "{told:?}");
    let Task::Restore { before, not, .. } = story.task().clone() else { panic!() };
    assert_eq!((before.as_deref(), not), (Some("b"), vec!["b".to_owned()]));
    story.answer(restored("a")).tells(&[
        "passed over b for a",
        "restored a",
        "Validated",
        "started 4",
    ]);
}

#[test]
fn without_an_older_one_it_starts_all_the_same() {
    let mut story = crashed(files());
    story.answer(torn(FaultKind::TornEnd)).answer(restored("b"));
    story.exit(1).advance(min(5)).answer(good()).exit(1).advance(min(5)).answer(good()).take();
    story.answer(no_set()).tells(&["passed over b for none", "Validated", "started 4"]);
}

#[test]
fn a_set_that_has_proven_itself_is_trusted() {
    let mut story = crashed(files());
    story.answer(torn(FaultKind::TornEnd)).answer(restored("b"));
    story.exit(1).advance(min(5)).answer(good());
    story.answers.extend([good(), good(), good()]);
    story.beats_for(min(11)).take();
    assert_eq!(story.sut.memory().custody.trial, None);
}

#[test]
fn a_restore_that_was_finished_first_is_told_and_on_trial() {
    let mut story = crashed(files());
    let Done::Restored(finished) = restored("b") else { panic!() };
    let checked = Checked { valid: 1, finished: Some(finished), ..Checked::default() };
    story.answer(Done::Checked(checked)).tells(&["restored b", "Validated", "started 2"]);
    assert_eq!(story.sut.memory().custody.trial.as_ref().unwrap().set, "b");
}

fn taken(unchanged: bool) -> Done {
    Done::Taken(Taken { set: "s".to_owned(), files: 1, bytes: 1, unchanged, apart: false })
}

#[test]
fn snapshots_are_taken_at_beats_and_not_too_often() {
    let mut story = Story::new(how(files()));
    story.launch().beat().tells(&["started 1", "errand Snapshot"]);
    story.answer(taken(false)).tells(&["SnapshotTaken"]);
    story.beats_for(s(570)).tells(&[]);
    story.beats_for(s(30)).tells(&["errand Snapshot"]);
    story.answer(taken(true)).tells(&[]);
    // A beat may ask for one, but not at every turn of a quick loop.
    let ask = || Beat { checkpoint: true, ..Beat::default() };
    story.advance(s(30)).beat_with(ask()).tells(&["errand Snapshot"]);
    story.answer(taken(false)).tells(&["SnapshotTaken"]).advance(s(5)).beat_with(ask()).tells(&[]);
    story.advance(s(5)).beat().tells(&["errand Snapshot"]);
}

#[test]
fn the_next_life_does_not_begin_with_a_snapshot_of_the_same() {
    let mut story = Story::new(how(files()));
    story.launch().beat().answer(taken(false)).stop(Signal::TERM).exit(0);
    story.relaunch(None, false).beat();
    assert_eq!(story.errand, None);
    story.beats_for(min(10));
    assert!(matches!(story.task(), Task::Snapshot { incarnation: 2 }));
}

#[test]
fn what_keeps_snapshots_from_being_taken_is_said_once() {
    let mut story = Story::new(how(files()));
    let failed = || Done::Failed { error: "the disk is full".to_owned() };
    story.launch().beat().answer(failed()).tells(&[
        "started 1",
        "errand Snapshot",
        "SnapshotFailed",
    ]);
    // Sooner than usual.
    story.beats_for(min(1)).answer(failed()).tells(&["errand Snapshot"]);
    story.beats_for(min(1)).answer(taken(false));
    story.tells(&["errand Snapshot", "SnapshotTaken", "SnapshotWorks"]);
}

#[test]
fn files_that_are_not_there_yet_are_news_at_the_second_try() {
    let mut story = Story::new(how(files()));
    story.launch().beat().answer(Done::NothingThere).tells(&["started 1", "errand Snapshot"]);
    story.beats_for(min(1)).answer(Done::NothingThere);
    story.tells(&["errand Snapshot", "SnapshotFailed"]);
    story.beats_for(min(1)).answer(taken(false));
    story.tells(&["errand Snapshot", "SnapshotTaken", "SnapshotWorks"]);
}

#[test]
fn who_is_unwell_or_leaves_is_not_copied() {
    use crate::core::beat::Status;
    let mut story = Story::new(how(files()));
    story.launch().say(Status::Error).tells(&["started 1"]);
    story.say(Status::ShuttingDown);
    assert_eq!(story.errand, None);
}

#[test]
fn a_snapshot_gives_way_to_the_validation_and_to_the_end() {
    let mut story = Story::new(how(files()));
    story.launch().beat().take();
    story.exit(1).advance(min(5));
    let told = story.take();
    let tail = ["drop errand", "Validating", "errand Check"].map(str::to_owned);
    assert!(told.ends_with(&tail), "{told:?}");
    let mut story = Story::new(how(files()));
    story.launch().beat().stop(Signal::TERM).exit(0);
    assert_eq!((story.exit, story.errand.clone()), (Some(0), None));
    // One that takes too long is given up.
    let mut story = Story::new(how(files()));
    story.launch().beat().take();
    story.beats_for(min(10));
    let told = story.take();
    assert!(told.starts_with(&["drop errand".to_owned(), "SnapshotFailed".to_owned()]), "{told:?}");
}
