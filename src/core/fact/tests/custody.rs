//! Facts of state files.

use super::*;
use crate::core::fact::{PassedOver, Quarantined, RestoreFailed, StateInvalid, Validated};
use crate::core::validation::{Cut, Fault, FaultKind, HookFailure, OnInvalid, Restored, Taken};

#[expect(clippy::too_many_lines, reason = "a list")]
pub fn custody() -> Vec<Fact> {
    let path = || "/srv/memory.json".to_owned();
    let set = || "20261123T174501Z".to_owned();
    let fault =
        |fault, offset, words: &str| Fault { path: path(), fault, offset, words: words.to_owned() };
    let invalid = |action| StateInvalid {
        incarnation: 2,
        faults: Vec::new(),
        more: 0,
        hook: None,
        error: None,
        action,
    };
    let hook = |ending, error, timeout_ms| HookFailure {
        ending,
        error,
        timeout_ms,
        output: vec!["no index".to_owned()],
    };
    let exit = Some(Ending::Exit { code: 1 });
    let said = |hook| StateInvalid { hook: Some(hook), ..invalid(OnInvalid::Quarantine) };
    let torn = fault(FaultKind::TornEnd, Some(812), "ends inside a string");
    let missing = fault(FaultKind::Missing, None, "is not there, and is required");
    let restored = Restored {
        set: set(),
        age_ms: 360_000,
        files: 3,
        quarantine: Some("20261123T175101Z".to_owned()),
        unfit: vec!["20261123T175000Z: 1.json: was changed".to_owned()],
    };
    let taken = Taken { set: set(), files: 3, bytes: 4_096, unchanged: false, apart: false };
    let failed =
        |sets, unfit: &[String], error| RestoreFailed { sets, unfit: unfit.to_vec(), error };
    vec![
        Fact::Validating { incarnation: 2 },
        Fact::Validated(Validated {
            incarnation: 2,
            files: 3,
            missing: 1,
            bytes: 4_096,
            hook: true,
            took_ms: 40,
            notes: vec!["a.db: locked by somebody, not checked".to_owned()],
        }),
        Fact::Validated(Validated {
            incarnation: 2,
            files: 0,
            missing: 0,
            bytes: 0,
            hook: true,
            took_ms: 4,
            notes: Vec::new(),
        }),
        Fact::StateInvalid(StateInvalid {
            faults: vec![torn, missing],
            more: 1,
            ..invalid(OnInvalid::Restore)
        }),
        Fact::StateInvalid(said(hook(exit, None, None))),
        Fact::StateInvalid(said(hook(None, Some("./check: not found".to_owned()), None))),
        Fact::StateInvalid(said(hook(exit, None, Some(60_000)))),
        Fact::StateInvalid(StateInvalid {
            error: Some("no process left".to_owned()),
            ..invalid(OnInvalid::Escalate)
        }),
        Fact::StateRepaired(Cut { path: path(), offset: 800, bytes: 12 }),
        Fact::StateRestored(restored.clone()),
        Fact::StateRestored(Restored { quarantine: None, unfit: Vec::new(), ..restored }),
        Fact::RestoreFailed(failed(0, &[], None)),
        Fact::RestoreFailed(failed(2, &["a: torn".to_owned(), "b: torn".to_owned()], None)),
        Fact::RestoreFailed(failed(0, &[], Some("no space left".to_owned()))),
        Fact::StatePassedOver(PassedOver { set: set(), crashes: 2, older: Some("o".to_owned()) }),
        Fact::StatePassedOver(PassedOver { set: set(), crashes: 2, older: None }),
        Fact::StateQuarantined(Quarantined { quarantine: set(), paths: vec![path()] }),
        Fact::SnapshotTaken(taken.clone()),
        Fact::SnapshotTaken(Taken { apart: true, ..taken }),
        Fact::SnapshotFailed { reason: "the disk is full".to_owned() },
        Fact::SnapshotWorks,
        Fact::Escalated { reason: Excess::State, failures: 1, within_ms: None, same_line: false },
    ]
}
