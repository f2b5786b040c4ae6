//! How much a fact matters to a person.

use crate::core::fact::{Fact, IncidentFact, Outcome, Severity};

/// How much something matters to the person who reads it; a terminal shows it as a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing to do.
    Plain,
    /// Good news.
    Good,
    /// Worth a look.
    Warning,
    /// Needs a human.
    Bad,
}

/// How much a fact matters.
#[must_use]
#[expect(clippy::too_many_lines, reason = "a table: one arm a fact, no steps")]
pub fn tone(fact: &Fact) -> Tone {
    match fact {
        // The last of a streak needs a human, those before it were dealt with.
        Fact::Exited { outcome: Outcome::Failure { streak, max, .. }, .. } => {
            if streak < max {
                Tone::Warning
            } else {
                Tone::Bad
            }
        }
        Fact::Escalated { .. }
        | Fact::Latched { .. }
        | Fact::TreeStuck { .. }
        | Fact::BudgetExceeded { .. }
        | Fact::RestoreFailed(_)
        | Fact::SpawnFailed { .. }
        | Fact::IncidentOpened(IncidentFact { severity: Severity::Critical, .. })
        | Fact::Bug { .. } => Tone::Bad,
        Fact::BadBeat { .. }
        | Fact::SourceOff { .. }
        | Fact::Unwatched { .. }
        | Fact::Late { .. }
        | Fact::Unhealthy { .. }
        | Fact::Stalled { .. }
        | Fact::LoopSuspected { .. }
        | Fact::LoopSettled { .. }
        | Fact::BudgetWarning { .. }
        | Fact::Evidence { .. }
        | Fact::OutputBlocked { .. }
        | Fact::Strays { .. }
        | Fact::Cooldown { .. }
        | Fact::Parked { .. }
        | Fact::StateInvalid(_)
        | Fact::StateRepaired(_)
        | Fact::StateRestored(_)
        | Fact::StatePassedOver(_)
        | Fact::StateQuarantined(_)
        | Fact::SnapshotFailed { .. }
        | Fact::Idle { .. }
        | Fact::Held
        | Fact::Paused { .. }
        | Fact::IncidentOpened(_)
        | Fact::IncidentWorsened(_)
        | Fact::AlertFailed(_)
        | Fact::ReportFailed(_)
        | Fact::StoreFailed { .. }
        | Fact::StateRebuilt(_) => Tone::Warning,
        Fact::Recovered { .. }
        | Fact::IncidentClosed(_)
        | Fact::LoopCleared { .. }
        | Fact::Progressing { .. }
        | Fact::Resumed { .. }
        | Fact::Continued { .. }
        | Fact::StreakForgotten { .. }
        | Fact::StoreWorks { .. }
        | Fact::SnapshotWorks
        | Fact::OutputUnblocked { .. } => Tone::Good,
        Fact::SupervisorStarted { .. }
        | Fact::SupervisorStopped { .. }
        | Fact::Started { .. }
        | Fact::Beat(_)
        | Fact::Memory(_)
        | Fact::Notified { .. }
        | Fact::Recognised { .. }
        | Fact::Extended { .. }
        | Fact::SignalPassed { .. }
        | Fact::Exited {
            outcome:
                Outcome::Finished
                | Outcome::Stopped
                | Outcome::Restarting
                | Outcome::Completed { .. }
                | Outcome::Parked
                | Outcome::NoFault
                | Outcome::Signalled
                | Outcome::Passed,
            ..
        }
        | Fact::Validating { .. }
        | Fact::Validated(_)
        | Fact::SnapshotTaken(_)
        | Fact::Waiting { .. }
        | Fact::RestartAsked { .. }
        | Fact::Rebaselined { .. }
        | Fact::Released { .. }
        | Fact::ShutdownAnnounced { .. }
        | Fact::Stopping { .. }
        | Fact::Acknowledged(_)
        | Fact::Snoozed(_)
        | Fact::AlertSent(_)
        | Fact::ReportSent(_)
        | Fact::Stopped { .. }
        | Fact::Finished { .. } => Tone::Plain,
    }
}
