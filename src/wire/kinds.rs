//! The names of all events, for those who ask for some of them.

/// Every event that this agentwatch records, by name. A test holds it to the golden journal.
pub const EVENTS: &[&str] = &[
    "supervisor_started",
    "supervisor_stopped",
    "started",
    "spawn_failed",
    "beat",
    "bad_beat",
    "recognised",
    "unwatched",
    "late",
    "unhealthy",
    "stalled",
    "progressing",
    "evidence",
    "memory",
    "output_blocked",
    "output_unblocked",
    "exited",
    "signal_passed",
    "strays",
    "tree_stuck",
    "cooldown",
    "parked",
    "waiting",
    "idle",
    "restart_asked",
    "held",
    "paused",
    "continued",
    "released",
    "notified",
    "extended",
    "source_off",
    "shutdown_announced",
    "stopping",
    "stopped",
    "finished",
    "escalated",
    "latched",
    "resumed",
    "recovered",
    "streak_forgotten",
    "store_failed",
    "store_works",
    "state_rebuilt",
    "bug",
    "incident_opened",
    "incident_worsened",
    "incident_closed",
    "acknowledged",
    "snoozed",
    "alert_sent",
    "alert_failed",
    "report_sent",
    "report_failed",
    "loop_suspected",
    "loop_cleared",
    "loop_settled",
    "budget_warning",
    "budget_exceeded",
    "rebaselined",
    "validating",
    "validated",
    "state_invalid",
    "state_repaired",
    "state_restored",
    "restore_failed",
    "state_passed_over",
    "state_quarantined",
    "snapshot_taken",
    "snapshot_failed",
    "snapshot_works",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_event_of_the_golden_journal_is_named_and_no_other() {
        let golden = include_str!("../../tests/golden/journal.jsonl");
        let event = |line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            value["event"].as_str().unwrap().to_owned()
        };
        let written: BTreeSet<String> = golden.lines().map(event).collect();
        let named: BTreeSet<String> = EVENTS.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(written, named, "name a new event in wire/kinds.rs");
        assert_eq!(named.len(), EVENTS.len());
    }
}
