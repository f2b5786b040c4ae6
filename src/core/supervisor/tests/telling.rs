//! Effects and facts in a few words, for stories to compare.

use std::fmt::Debug;

use crate::core::cost::sign::LoopOver;
use crate::core::effect::Effect;
use crate::core::event::Event;
use crate::core::evidence::Evidence;
use crate::core::fact::{EvidenceFact, Fact, Outcome};
use crate::core::incident::Alert;

pub fn brief(effect: &Effect) -> String {
    match effect {
        Effect::Record(fact) => format!("record {}", tell(fact)),
        Effect::Persist { .. } => "persist".to_owned(),
        Effect::Spawn { incarnation, .. } => format!("spawn {incarnation}"),
        Effect::Stop { incarnation, .. } => format!("stop {incarnation}"),
        Effect::Examine { incarnation } => format!("examine {incarnation}"),
        Effect::Measure { incarnation } => format!("measure {incarnation}"),
        Effect::Pass { incarnation, .. } => format!("pass {incarnation}"),
        Effect::Suspend { .. } => "suspend".to_owned(),
        Effect::EndTree { incarnation, how } => format!("end tree {incarnation} {how:?}"),
        Effect::Freeze { incarnation } => format!("freeze {incarnation}"),
        Effect::Thaw { incarnation } => format!("thaw {incarnation}"),
        Effect::Errand { task, .. } => format!("errand {}", word(task)),
        Effect::DropErrand { .. } => "drop errand".to_owned(),
        Effect::Hook { incarnation, .. } => format!("hook {incarnation}"),
        Effect::Alert(alert) => format!("alert {:?} {:?}", alert.part, alert.incident.trouble),
        Effect::Deliver => "deliver".to_owned(),
        Effect::DropDelivery => "drop delivery".to_owned(),
        Effect::Report { day } => format!("report {day}"),
        Effect::DropReport => "drop report".to_owned(),
        Effect::Ping { fail } => format!("ping{}", if *fail { " fail" } else { "" }),
        Effect::Answer(_) => "answer".to_owned(),
        Effect::Exit { code } => format!("exit {code}"),
    }
}

impl super::story::Story {
    /// A letter lies in the outbox at once.
    pub fn post(&mut self, alert: &Alert) {
        let (trouble, since) = (alert.incident.trouble, alert.incident.since);
        self.told.push(format!("alert {:?} {trouble:?}", alert.part));
        self.alerts.push((self.sut.phase(), alert.clone()));
        self.step(Event::Posted { trouble, since });
    }
}

/// Whether stories pass over a fact: others tell of it.
pub fn is_aside(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Beat(_)
            | Fact::Memory(_)
            | Fact::IncidentOpened(_)
            | Fact::IncidentWorsened(_)
            | Fact::IncidentClosed(_)
    )
}

/// A fact in a few words.
#[expect(clippy::too_many_lines, reason = "a table: one arm a fact, no steps")]
pub fn tell(fact: &Fact) -> String {
    match fact {
        Fact::Started { incarnation, .. } => format!("started {incarnation}"),
        Fact::Late { silent_ms, .. } => format!("late {}s", silent_ms / 1000),
        Fact::Evidence(EvidenceFact { cpu_used_ms, cpu_over_ms, .. }) => {
            match (cpu_used_ms, cpu_over_ms) {
                (Some(used), Some(over)) => format!("seen: {used}ms CPU in {}s", over / 1000),
                _ => "seen".to_owned(),
            }
        }
        Fact::Extended { what, by_ms, .. } => format!("extended {what:?} {}s", by_ms / 1000),
        Fact::Unhealthy { triggered: true, .. } => "triggered".to_owned(),
        Fact::Unhealthy { silent_ms, .. } => format!("unhealthy {}s", silent_ms / 1000),
        Fact::Stalled { cycle, for_ms, beats, .. } => {
            format!("stalled at {cycle} for {}s, {beats} beats", for_ms / 1000)
        }
        Fact::Progressing { cycle, for_ms, .. } => {
            format!("progressing to {cycle} after {}s", for_ms / 1000)
        }
        Fact::Exited { incarnation, ending, outcome, .. } => {
            let what = match outcome {
                Outcome::Failure { cause, streak, .. } => {
                    format!("failure {streak} {}", word(cause))
                }
                other @ (Outcome::Finished
                | Outcome::Stopped
                | Outcome::Restarting
                | Outcome::Completed { .. }
                | Outcome::Parked
                | Outcome::NoFault
                | Outcome::Signalled
                | Outcome::Passed) => word(other),
            };
            format!("exited {incarnation} {}: {what}", ending.code())
        }
        Fact::Cooldown { wait_ms, .. } => format!("cooldown {}s", wait_ms / 1000),
        Fact::Parked { wait_ms, asked, .. } => {
            format!("parked {}s{}", wait_ms / 1000, if *asked { " asked" } else { "" })
        }
        Fact::LoopSuspected { sign, action, .. } => {
            format!("loop? {:?}: {}", sign.kind(), word(action))
        }
        Fact::LoopCleared(LoopOver { sign, cycles, why, .. }) => {
            format!("no loop {sign:?}, {cycles} cycles: {}", word(why))
        }
        Fact::LoopSettled { cycles, times } => format!("settled x{} after {cycles}", times / 100),
        Fact::BudgetWarning { spent, .. } => format!("most of {:?}", spent.budget()),
        Fact::BudgetExceeded { spent, action, .. } => {
            format!("too much of {:?}: {}", spent.budget(), word(action))
        }
        Fact::Rebaselined { usual } => format!("rebaselined to {}", usual.unwrap_or(0)),
        Fact::Waiting { wait_ms, .. } => format!("waiting {}s", wait_ms / 1000),
        Fact::Continued { paused_ms, .. } => format!("continued after {}s", paused_ms / 1000),
        Fact::Stopping { why, signal, .. } => format!("stopping {} {}", signal.0, word(why)),
        Fact::Escalated { reason, failures, .. } => format!("escalated {reason:?} {failures}"),
        Fact::Stopped { code, .. } => format!("stopped {code}"),
        Fact::Finished { reason, code, .. } => format!("finished {reason:?} {code}"),
        Fact::Recovered { after_ms, alive_only, .. } => {
            format!(
                "recovered after {}s{}",
                after_ms / 1000,
                if *alive_only { " alive" } else { "" }
            )
        }
        Fact::StateInvalid(fact) => format!("invalid: {:?}", fact.action),
        Fact::StateRestored(fact) => format!("restored {}", fact.set),
        Fact::StatePassedOver(fact) => {
            format!("passed over {} for {}", fact.set, fact.older.as_deref().unwrap_or("none"))
        }
        Fact::StreakForgotten { failures } => format!("forgotten {failures}"),
        Fact::SupervisorStarted { .. }
        | Fact::SupervisorStopped { .. }
        | Fact::SpawnFailed { .. }
        | Fact::Beat(_)
        | Fact::BadBeat { .. }
        | Fact::Memory(_)
        | Fact::Notified { .. }
        | Fact::Recognised { .. }
        | Fact::SourceOff { .. }
        | Fact::Unwatched { .. }
        | Fact::OutputBlocked { .. }
        | Fact::OutputUnblocked { .. }
        | Fact::SignalPassed { .. }
        | Fact::Strays { .. }
        | Fact::TreeStuck { .. }
        | Fact::Validating { .. }
        | Fact::Validated(_)
        | Fact::StateRepaired(_)
        | Fact::RestoreFailed(_)
        | Fact::SnapshotTaken(_)
        | Fact::SnapshotFailed { .. }
        | Fact::SnapshotWorks
        | Fact::StateQuarantined(_)
        | Fact::Idle { .. }
        | Fact::RestartAsked { .. }
        | Fact::Held
        | Fact::Paused { .. }
        | Fact::Released { .. }
        | Fact::ShutdownAnnounced { .. }
        | Fact::Latched { .. }
        | Fact::Resumed { .. }
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
        | Fact::StateRebuilt(_)
        | Fact::Bug { .. } => word(fact),
    }
}

/// The name of a variant.
pub fn word(what: &impl Debug) -> String {
    format!("{what:?}").split([' ', '(', '{']).next().unwrap().to_owned()
}

/// A sleeping child whose tree has used so much CPU.
pub fn seen(cpu_ms: u64) -> Evidence {
    Evidence {
        pid: 101,
        name: "agent".to_owned(),
        state: 'S',
        wchan: None,
        cpu_ms,
        rss_kib: 1,
        processes: 1,
        tcp: Vec::new(),
        tcp_count: 0,
        pressure: None,
    }
}
