//! Short names of what went wrong, for counting and for lines of a report. Pure.

use crate::core::ending::Ending;
use crate::core::fact::{Cause, Fact};
use crate::core::incident::Trouble;
use crate::core::oom::{OomKill, Scope};
use crate::core::signal::Signal;
use crate::wire::costs;
use crate::wire::ending;

/// Why it failed, without what differs from one time to the next: `exit 1`, `silent`, `killed for memory`.
pub(super) fn short(cause: Cause, how: Ending, oom: Option<&OomKill>) -> String {
    let killed = matches!(how, Ending::Signal { signal: Signal::KILL, .. });
    let words = match cause {
        Cause::Exited if killed && oom.is_some_and(|oom| oom.scope == Scope::Cgroup) => {
            "killed for memory"
        }
        Cause::Exited => return ending::ending(how),
        Cause::Silent { .. } => "silent",
        Cause::NoFirstBeat { .. } => "no first beat",
        Cause::Stalled { .. } => "no progress",
        Cause::ShutdownOverrun { .. } => "announced shutdown took too long",
        Cause::MaxRun { .. } => "ran for too long",
        Cause::Triggered => "said itself that it hangs",
        Cause::Loop { sign } => return format!("loop: {}", costs::sign_kind(sign)),
        Cause::Budget { budget } => return format!("{} exceeded", costs::budget(budget)),
        Cause::NotStarted => "could not be started",
        Cause::Lost => "agentwatch was killed",
    };
    words.to_owned()
}

/// A kind of trouble in words.
pub(super) fn trouble(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Failing => "failing",
        Trouble::Silent => "silent, and left alone as the settings say",
        Trouble::Loop => "looks like a loop",
        Trouble::Budget => "budget",
        Trouble::State => "state not valid",
        Trouble::Parked => "parked for long",
        Trouble::Stuck => "processes that cannot be ended",
        Trouble::Deaf => "its output is not read, so its beats go unheard",
        Trouble::Idle => "runs that do nothing",
        Trouble::Store => "state or journal cannot be written",
        Trouble::Snapshots => "state files cannot be copied",
    }
}

/// The name of a fact in the journal.
pub(super) fn event(fact: &Fact) -> String {
    let value = serde_json::to_value(fact).ok();
    let name = value.as_ref().and_then(|value| value.get("event")?.as_str());
    name.unwrap_or_default().to_owned()
}
