//! What is said of state files.

use crate::core::ending::Ending;
use crate::core::fact::{Fact, PassedOver, Quarantined, RestoreFailed, StateInvalid, Validated};
use crate::core::validation::{HookFailure, OnInvalid, Restored, Taken};

use super::ending::{bytes_of, ending};
use super::words::{count, span};

/// A fact about state files in one line.
#[must_use]
pub fn words(fact: &Fact) -> String {
    match fact {
        Fact::Validating { incarnation } => format!("before incarnation {incarnation}"),
        Fact::Validated(fact) => validated(fact),
        Fact::StateInvalid(fact) => invalid(fact),
        Fact::StateRepaired(cut) => format!(
            "{}: a torn last line of {} was cut off; it is kept in quarantine/",
            cut.path,
            count(cut.bytes, "byte")
        ),
        Fact::StateRestored(fact) => restored(fact),
        Fact::RestoreFailed(fact) => not_restored(fact),
        Fact::StatePassedOver(PassedOver { set, crashes, older }) => {
            let follows = match older {
                Some(older) => format!("going back to {older}"),
                None => "there is no older one, so it starts with it all the same".to_owned(),
            };
            format!(
                "snapshot {set} is valid, but the agent failed {crashes} times with it; {follows}"
            )
        }
        Fact::StateQuarantined(Quarantined { quarantine, paths }) => {
            let files = count(u64::try_from(paths.len()).unwrap_or(u64::MAX), "file");
            let (named, more) = list(paths);
            format!("{files} moved to quarantine/{quarantine}: {named}{more}; starting without")
        }
        Fact::SnapshotTaken(taken) => snapshot(taken),
        Fact::SnapshotFailed { reason } => format!("no snapshot of the state: {reason}"),
        Fact::SnapshotWorks => "snapshots of the state can be taken again".to_owned(),
        _ => String::new(),
    }
}

/// What is said of invalid state at once: the verdict, and under it the last lines of the hook.
#[must_use]
pub fn lines(fact: &Fact) -> Vec<String> {
    /// More of a hook's output is in the journal.
    const OUTPUT_SAID: usize = 5;
    let Fact::StateInvalid(StateInvalid { hook, .. }) = fact else { return Vec::new() };
    let output = hook.as_ref().map(|hook| hook.output.as_slice()).unwrap_or_default();
    let last = output.iter().skip(output.len().saturating_sub(OUTPUT_SAID));
    std::iter::once(format!("state not valid: {}", words(fact)))
        .chain(last.map(|line| format!("  | {line}")))
        .collect()
}

/// What a validation noticed that is no fault.
#[must_use]
pub fn notes(fact: &Fact) -> Vec<String> {
    let Fact::Validated(Validated { notes, .. }) = fact else { return Vec::new() };
    notes.clone()
}

/// The first of a list, and how many more there are.
fn list(all: &[String]) -> (String, String) {
    const NAMED: usize = 3;
    let named = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match all.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (named, more)
}

fn validated(fact: &Validated) -> String {
    let took = span(fact.took_ms);
    let hook = match (fact.hook, fact.files) {
        (true, 0) => return format!("valid, says the hook after {took}"),
        (false, 0) if fact.missing == 0 => return format!("valid, after {took}"),
        (true, _) => ", and so says the hook",
        (false, _) => "",
    };
    let files = count(u64::from(fact.files), "file");
    let missing = match fact.missing {
        0 => String::new(),
        missing => format!(", {missing} not there"),
    };
    format!("valid: {files}, {}{missing}, in {took}{hook}", bytes_of(fact.bytes))
}

fn invalid(fact: &StateInvalid) -> String {
    let follows = match fact.action {
        OnInvalid::Restore => "; going back to a snapshot",
        OnInvalid::Quarantine => "; moving it aside",
        OnInvalid::Escalate => "",
    };
    let what = match (&fact.faults[..], &fact.hook, &fact.error) {
        ([first, ..], _, _) => {
            let others = u64::from(fact.more)
                .saturating_add(u64::try_from(fact.faults.len() - 1).unwrap_or(0));
            let more = match others {
                0 => String::new(),
                more => format!(" (and {} more)", count(more, "file")),
            };
            let at = first.offset.map(|offset| format!(" at byte {offset}")).unwrap_or_default();
            format!("{}{at}: {}{more}", first.path, first.words)
        }
        (_, Some(hook), _) => hook_words(hook),
        (_, _, Some(error)) => format!("it cannot be told: {error}"),
        _ => "it is not valid".to_owned(),
    };
    format!("{what}{follows}")
}

fn hook_words(hook: &HookFailure) -> String {
    let last = hook.output.last().map(|line| format!(": {line}")).unwrap_or_default();
    if let Some(error) = &hook.error {
        return format!("the hook (state.validate) cannot be started: {error}");
    }
    if let Some(ms) = hook.timeout_ms {
        return format!(
            "the hook (state.validate) did not end in {} and was killed{last}",
            span(ms)
        );
    }
    let how = ending(hook.ending.unwrap_or(Ending::Unknown));
    format!("the hook (state.validate) says no: {how}{last}")
}

fn restored(fact: &Restored) -> String {
    let Restored { set, age_ms, files, quarantine, unfit } = fact;
    let files = count(u64::from(*files), "file");
    let aside = match quarantine {
        Some(quarantine) => format!("; what was there is in quarantine/{quarantine}"),
        None => String::new(),
    };
    let newer = match unfit.first() {
        Some(first) => {
            let newer = u64::try_from(unfit.len()).unwrap_or(u64::MAX);
            format!("; {} passed over: {first}", count(newer, "newer one"))
        }
        None => String::new(),
    };
    format!("{files} from snapshot {set}, {} old{aside}{newer}", span(*age_ms))
}

fn not_restored(fact: &RestoreFailed) -> String {
    match (&fact.error, fact.sets, fact.unfit.first()) {
        (Some(error), _, _) => format!("cannot be put back: {error}"),
        (None, 0, _) => "there is no snapshot to go back to".to_owned(),
        (None, _, None) => "there is no older snapshot to go back to".to_owned(),
        (None, _, Some(first)) => {
            let unfit = u64::try_from(fact.unfit.len()).unwrap_or(u64::MAX);
            format!("none of {} can be put in place: {first}", count(unfit, "snapshot"))
        }
    }
}

fn snapshot(taken: &Taken) -> String {
    let apart = if taken.apart { ", not all of one moment" } else { "" };
    let files = count(u64::from(taken.files), "file");
    format!("{}: {files}, {}{apart}", taken.set, bytes_of(taken.bytes))
}
