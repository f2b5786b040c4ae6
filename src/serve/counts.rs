//! What a journal adds up to: the counters of an agent, which only ever grow. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::cost::money::Usd;
use crate::core::fact::{Cause, Fact, MemoryFact, Outcome};
use crate::wire::ending::cause_word;
use crate::wire::glance::{Glance, glance};
use crate::wire::record::{self, Head};

/// Every cause of a failure, so that each is there from the first scrape on: what appears with a 1 has not grown.
pub const CAUSES: [&str; 11] = [
    "exited",
    "silent",
    "no_first_beat",
    "stalled",
    "shutdown_overrun",
    "max_run",
    "triggered",
    "loop",
    "budget",
    "not_started",
    "lost",
];

/// The counters of one agent, and the little that its records tell and its state does not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Beats.
    pub beats: u64,
    /// Cycles that they ended.
    pub cycles: u64,
    /// Lines that meant to be beats and were none, as far as they were recorded.
    pub bad_beats: u64,
    /// Tokens.
    pub tokens: u64,
    /// What it cost, as far as that is known.
    pub cost: Usd,
    /// Beats with tokens of which the cost is unknown.
    pub unpriced: u64,
    /// Children that were started.
    pub starts: u64,
    /// Of these, those that took the place of another in the same life of agentwatch.
    pub restarts: u64,
    /// Failures by [cause](CAUSES).
    pub failures: BTreeMap<String, u64>,
    /// Times it was given up.
    pub escalations: u64,
    /// Times a loop was suspected.
    pub loops: u64,
    /// Times its beats were back after a failure.
    pub recoveries: u64,
    /// Letters that arrived at a sink.
    pub alerts_sent: u64,
    /// Letters that did not.
    pub alerts_failed: u64,
    /// What its tree had of memory when that was last recorded, in KiB.
    pub rss_kib: Option<u64>,
    /// A child was started in this life of agentwatch.
    pub had_child: bool,
}

impl Counts {
    /// Takes one record, which has this head; false if it cannot be read.
    pub fn line(&mut self, head: &Head<'_>, line: &[u8]) -> bool {
        if head.event == "beat" {
            return glance(line).map(|beat| self.beat(&beat)).is_some();
        }
        let Some(record) = record::read(line) else { return false };
        // Of an event of another version nothing is known but that it is one.
        if let Some(fact) = &record.fact {
            self.learn(fact);
        }
        true
    }

    fn beat(&mut self, beat: &Glance) {
        add(&mut self.beats, beat.beats);
        add(&mut self.cycles, beat.cycles);
        add(&mut self.tokens, beat.tokens.unwrap_or(0));
        add(&mut self.unpriced, beat.unpriced());
        self.cost = self.cost.plus(beat.cost_usd.map(Usd::from_f64).unwrap_or_default());
    }

    fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::BadBeat { suppressed, .. } => {
                add(&mut self.bad_beats, suppressed.saturating_add(1));
            }
            // Its child died with it: what is started next is started again.
            Fact::SupervisorStarted(_) => self.rss_kib = None,
            Fact::SupervisorStopped { .. } => (self.had_child, self.rss_kib) = (false, None),
            Fact::Started { .. } => {
                add(&mut self.starts, 1);
                add(&mut self.restarts, u64::from(self.had_child));
                (self.had_child, self.rss_kib) = (true, None);
            }
            Fact::Memory(MemoryFact { rss_kib, .. }) => self.rss_kib = Some(*rss_kib),
            Fact::Exited { outcome, .. } => {
                self.rss_kib = None;
                if let Outcome::Failure { cause, .. } = outcome {
                    add(self.failures.entry(cause_word(*cause).to_owned()).or_default(), 1);
                }
            }
            Fact::SpawnFailed { .. } => {
                add(self.failures.entry(cause_word(Cause::NotStarted).to_owned()).or_default(), 1);
            }
            Fact::Escalated { .. } => add(&mut self.escalations, 1),
            Fact::LoopSuspected { .. } => add(&mut self.loops, 1),
            Fact::Recovered { .. } => add(&mut self.recoveries, 1),
            Fact::AlertSent(_) => add(&mut self.alerts_sent, 1),
            Fact::AlertFailed(_) => add(&mut self.alerts_failed, 1),
            _ => {}
        }
    }
}

fn add(to: &mut u64, more: u64) {
    *to = to.saturating_add(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = include_str!("../../tests/golden/journal.jsonl");

    /// Every line that a journal can hold, numbered.
    fn golden() -> Counts {
        let mut counts = Counts::default();
        for (number, line) in GOLDEN.lines().enumerate() {
            let rest = line.strip_prefix('{').unwrap();
            let line = format!("{{\"ts\":\"2026-11-23T00:11:04.461Z\",\"seq\":{number},{rest}");
            let head = record::head(line.as_bytes()).unwrap();
            assert!(counts.line(&head, line.as_bytes()), "{line}");
        }
        counts
    }

    #[test]
    fn every_record_is_read_and_every_counter_counts() {
        let counts = golden();
        let value = serde_json::to_value(&counts).unwrap();
        for (key, value) in value.as_object().unwrap() {
            let nothing = value.as_f64() == Some(0.0) && key != "had_child";
            assert!(!nothing, "{key} counts nothing of a journal that holds everything");
        }
        assert!(counts.restarts < counts.starts);
        let known = |cause: &String| CAUSES.contains(&cause.as_str());
        assert!(counts.failures.keys().all(known), "{:?}", counts.failures);
    }

    #[test]
    fn every_cause_has_its_name_in_the_list_as_the_journal_has_it() {
        let causes = GOLDEN.lines().filter_map(|line| {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            (value["verdict"] == "failure").then(|| value["cause"].as_str().unwrap().to_owned())
        });
        let told = golden().failures;
        for cause in causes {
            assert!(told.contains_key(&cause), "{cause}");
        }
    }

    #[test]
    fn what_was_kept_goes_on_and_a_torn_record_counts_nothing() {
        let mut counts = golden();
        let text = serde_json::to_string(&counts).unwrap();
        assert_eq!(serde_json::from_str::<Counts>(&text).unwrap(), counts);
        let before = counts.clone();
        for event in ["beat", "exited"] {
            let line = format!(
                "{{\"ts\":\"2026-11-23T00:11:04.461Z\",\"seq\":7,\"event\":\"{event}\",\"inc"
            );
            let head = record::head(line.as_bytes()).unwrap();
            assert!(!counts.line(&head, line.as_bytes()));
        }
        assert_eq!(counts, before);
    }
}
