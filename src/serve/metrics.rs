//! What is known of agents as metrics: each family once, in the order in which people read them. Pure.

use crate::core::fact::Severity;
use crate::core::incident::Incidents;
use crate::core::time::Wall;
use crate::report::spend::Spend;
use crate::report::status::Status;
use crate::wire::stamp;

use super::counts::{CAUSES, Counts};
use super::text::{Format, Kind, Text};

/// Every state that an agent can be in, so that one is 1 and all others are 0.
pub const STATES: [&str; 17] = [
    "starting",
    "running",
    "healthy",
    "late",
    "unhealthy",
    "shutting_down",
    "stopping",
    "failed",
    "validating",
    "cooldown",
    "parked",
    "waiting",
    "paused",
    "escalated",
    "stopped",
    "finished",
    "unknown",
];

/// An agent as it was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Where it stands.
    pub status: Status,
    /// What it adds up to.
    pub counts: Counts,
    /// Incidents that are open: warnings, critical ones.
    pub open: [u64; 2],
}

/// All agents as they were seen.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    /// Those of which something could be read.
    pub agents: Vec<Seen>,
    /// Directories that could not be read.
    pub unreadable: usize,
    /// They are of several state directories, and one name may be in two of them.
    pub several: bool,
}

/// How many are open at `now`, of those that people are told of.
#[must_use]
pub fn open(incidents: &Incidents, now: Wall) -> [u64; 2] {
    let open = incidents.all.iter().filter(|one| one.over.is_none());
    let open = open.filter(|one| one.ends.is_none_or(|end| now < end));
    open.fold([0, 0], |[warnings, critical], one| match one.severity {
        Severity::Info => [warnings, critical],
        Severity::Warning => [warnings + 1, critical],
        Severity::Critical => [warnings, critical + 1],
    })
}

type Gauge = (&'static str, &'static str, &'static str, fn(&Seen) -> Option<f64>);

type Counter = (&'static str, &'static str, &'static str, fn(&Counts) -> f64);

/// Name, unit, help, value. What is not known has no sample.
const GAUGES: [Gauge; 15] = [
    ("agent_up", "", "1 while an agentwatch runs for the agent and its process runs.", |seen| {
        Some(flag(seen.status.pid.is_some()))
    }),
    ("supervised", "", "1 while an agentwatch runs for the agent.", |seen| {
        Some(flag(seen.status.supervised))
    }),
    ("healthy", "", "1 while `agentwatch status --check healthy` would say so.", |seen| {
        Some(flag(seen.status.healthy))
    }),
    ("escalated", "", "1 while it stays down until a person resumes it.", |seen| {
        Some(flag(seen.status.state == "escalated"))
    }),
    ("streak", "", "Failures in a row.", |seen| Some(f64::from(seen.status.streak))),
    ("max_failures", "", "The failure in a row that makes it give up.", |seen| {
        Some(f64::from(seen.status.max_failures)).filter(|max| *max > 0.0)
    }),
    ("last_beat_timestamp_seconds", "seconds", "When it last beat.", |seen| {
        at(seen.status.last_beat.as_ref())
    }),
    ("interval_seconds", "seconds", "A beat is expected every so often.", |seen| {
        ms(Some(seen.status.interval_ms).filter(|ms| *ms > 0))
    }),
    ("start_timestamp_seconds", "seconds", "When its process was started last.", |seen| {
        at(seen.status.started.as_ref())
    }),
    ("next_start_timestamp_seconds", "seconds", "When its next start is due.", |seen| {
        at(seen.status.next_start.as_ref())
    }),
    ("tokens_per_cycle", "", "The mean of the cycles at hand.", |seen| {
        seen.status.tokens_per_cycle.map(real)
    }),
    ("tokens_per_cycle_usual", "", "What a cycle usually takes: no runaways.", |seen| {
        spend(seen).and_then(|spend| spend.baseline).map(real)
    }),
    ("loop_suspected", "", "1 while it takes far more tokens than usual.", |seen| {
        spend(seen).map(|spend| flag(spend.loop_since.is_some()))
    }),
    ("memory_bytes", "bytes", "What its processes had resident when last recorded.", |seen| {
        seen.counts.rss_kib.filter(|_| seen.status.pid.is_some()).map(|kib| real(kib) * 1024.0)
    }),
    ("files_unreadable", "", "1 while a file of it cannot be read.", |seen| {
        Some(flag(seen.status.error.is_some()))
    }),
];

/// Name without `_total`, unit, help, value.
const COUNTERS: [Counter; 13] = [
    ("beats", "", "Beats.", |counts| real(counts.beats)),
    ("bad_beats", "", "Lines that meant to be beats and were none.", |counts| {
        real(counts.bad_beats)
    }),
    ("cycles", "", "Cycles that beats ended.", |counts| real(counts.cycles)),
    ("tokens", "", "Tokens.", |counts| real(counts.tokens)),
    ("cost_usd", "usd", "USD, as far as the cost is known.", |counts| counts.cost.to_f64()),
    ("unpriced_beats", "", "Beats with tokens of which the cost is unknown.", |counts| {
        real(counts.unpriced)
    }),
    ("starts", "", "Processes that were started.", |counts| real(counts.starts)),
    ("restarts", "", "Starts in the place of another process.", |counts| real(counts.restarts)),
    ("recoveries", "", "Times its beats were back after a failure.", |counts| {
        real(counts.recoveries)
    }),
    ("escalations", "", "Times it was given up.", |counts| real(counts.escalations)),
    ("loops_suspected", "", "Times a loop was suspected.", |counts| real(counts.loops)),
    ("alerts_sent", "", "Letters that arrived at a sink.", |counts| real(counts.alerts_sent)),
    ("alerts_failed", "", "Letters that did not arrive.", |counts| real(counts.alerts_failed)),
];

type Window = (&'static str, &'static str, &'static str, &'static [(&'static str, Reading)]);

type Reading = fn(&Spend) -> Option<f64>;

/// Name, unit, help, and the value of each window.
const WINDOWS: [Window; 4] = [
    (
        "spent_tokens",
        "",
        "Tokens in the hour of the clock, and on the local day, that run.",
        &[
            ("hour", |spend| Some(real(spend.tokens_this_hour))),
            ("day", |spend| Some(real(spend.tokens_today))),
        ],
    ),
    (
        "budget_tokens",
        "",
        "Tokens that it may use in an hour of the clock, and in a local day.",
        &[
            ("hour", |spend| spend.max_tokens_per_hour.map(real)),
            ("day", |spend| spend.max_tokens_per_day.map(real)),
        ],
    ),
    (
        "spent_usd",
        "usd",
        "USD on the local day that runs, as far as the cost is known.",
        &[("day", |spend| Some(spend.usd_today))],
    ),
    (
        "budget_usd",
        "usd",
        "USD that it may spend in a local day.",
        &[("day", |spend| spend.max_usd_per_day)],
    ),
];

/// All metrics of a fleet.
#[must_use]
pub fn metrics(fleet: &Fleet, format: Format) -> String {
    let mut text = Text::new(format);
    let out = &mut text;
    out.family("build", Kind::Info, "", "The agentwatch that tells this.");
    out.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    out.family("agents", Kind::Gauge, "", "Agents that are known.");
    out.sample(&[], real(fleet.agents.len() as u64));
    out.family("unreadable_directories", Kind::Gauge, "", "State directories nobody can read.");
    out.sample(&[], real(fleet.unreadable as u64));
    out.family("agent_state", Kind::Gauge, "", "1 for the state it is in, 0 for the others.");
    let is = |seen: &Seen, state: &str| Some(flag(seen.status.state == state));
    labelled(out, fleet, "state", &STATES, is);
    for (name, unit, help, value) in GAUGES {
        out.family(name, Kind::Gauge, unit, help);
        for seen in &fleet.agents {
            if let Some(value) = value(seen) {
                out.sample(&fleet.labels(seen), value);
            }
        }
    }
    for (name, unit, help, windows) in WINDOWS {
        out.family(name, Kind::Gauge, unit, help);
        for (window, value) in windows {
            labelled(out, fleet, "window", &[window], |seen, _| spend(seen).and_then(value));
        }
    }
    out.family(
        "incidents_open",
        Kind::Gauge,
        "",
        "Trouble that is open and that people are told of.",
    );
    labelled(out, fleet, "severity", &["warning", "critical"], |seen, severity| {
        Some(real(seen.open[usize::from(severity == "critical")]))
    });
    for (name, unit, help, value) in COUNTERS {
        out.family(name, Kind::Counter, unit, help);
        for seen in &fleet.agents {
            out.sample(&fleet.labels(seen), value(&seen.counts));
        }
    }
    out.family("failures", Kind::Counter, "", "Failures, by what was wrong.");
    labelled(out, fleet, "cause", &CAUSES, |seen, cause| {
        Some(real(seen.counts.failures.get(cause).copied().unwrap_or(0)))
    });
    text.end()
}

/// A sample of each agent for each value of a label.
fn labelled(
    out: &mut Text,
    fleet: &Fleet,
    name: &str,
    values: &[&str],
    read: impl Fn(&Seen, &str) -> Option<f64>,
) {
    for seen in &fleet.agents {
        for label in values {
            let mut labels = fleet.labels(seen);
            labels.push((name, label));
            if let Some(value) = read(seen, label) {
                out.sample(&labels, value);
            }
        }
    }
}

impl Fleet {
    fn labels<'a>(&self, seen: &'a Seen) -> Vec<(&'a str, &'a str)> {
        let mut labels = vec![("agent", seen.status.agent.as_str())];
        if self.several {
            labels.push(("state_dir", &seen.status.state_dir));
        }
        labels
    }
}

fn spend(seen: &Seen) -> Option<&Spend> {
    seen.status.spend.as_ref()
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

/// A moment as seconds since 1970.
fn at(text: Option<&String>) -> Option<f64> {
    text.and_then(|text| stamp::parse_utc(text)).map(|Wall(ms)| seconds(ms))
}

fn ms(ms: Option<u64>) -> Option<f64> {
    ms.map(|ms| real(ms) / 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "of milliseconds since 1970 nothing is lost")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "a sample is a float, whatever is counted")]
fn real(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> Fleet {
        let spend = Spend { tokens_today: 9, max_usd_per_day: Some(2.5), ..Spend::default() };
        let status = Status {
            agent: "a".into(),
            state: "late",
            state_dir: "/x".into(),
            last_beat: Some("1970-01-02T00:00:00.500Z".into()),
            spend: Some(spend),
            ..Status::default()
        };
        let counts = Counts { tokens: 7, ..Counts::default() };
        Fleet { agents: vec![Seen { status, counts, open: [1, 0] }], ..Fleet::default() }
    }

    fn has(text: &str, line: &str) {
        assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
    }

    #[test]
    fn what_is_known_is_told_and_what_is_not_is_left_out() {
        let text = metrics(&fleet(), Format::Open);
        for line in [
            "agentwatch_agents 1",
            "agentwatch_agent_state{agent=\"a\",state=\"late\"} 1",
            "agentwatch_agent_state{agent=\"a\",state=\"healthy\"} 0",
            "agentwatch_agent_up{agent=\"a\"} 0",
            "agentwatch_last_beat_timestamp_seconds{agent=\"a\"} 86400.5",
            "agentwatch_spent_tokens{agent=\"a\",window=\"day\"} 9",
            "agentwatch_budget_usd{agent=\"a\",window=\"day\"} 2.5",
            "agentwatch_incidents_open{agent=\"a\",severity=\"warning\"} 1",
            "agentwatch_tokens_total{agent=\"a\"} 7",
            "agentwatch_failures_total{agent=\"a\",cause=\"silent\"} 0",
        ] {
            has(&text, line);
        }
        for none in ["agentwatch_budget_tokens{", "agentwatch_next_start_timestamp_seconds{"] {
            assert!(!text.contains(none), "{none}");
        }
    }

    #[test]
    fn every_sample_stands_once_under_its_family_and_units_end_names() {
        for format in [Format::Open, Format::Plain] {
            let text = metrics(&fleet(), format);
            let mut families = std::collections::BTreeSet::new();
            let mut samples = std::collections::BTreeSet::new();
            let mut family = String::new();
            for line in text.lines() {
                let words: Vec<&str> = line.split(' ').collect();
                match (words[0], words[1]) {
                    ("#", "HELP") => {
                        family = words[2].to_owned();
                        assert!(words.len() > 3 && families.insert(family.clone()), "{line}");
                    }
                    ("#", "UNIT") => assert!(family.ends_with(&format!("_{}", words[3])), "{line}"),
                    ("#", _) => {}
                    (sample, _) => {
                        assert!(sample.starts_with(&family), "{line} under {family}");
                        assert!(samples.insert(sample.to_owned()), "{line} twice");
                    }
                }
            }
        }
    }

    #[test]
    fn one_name_in_two_directories_is_two_agents() {
        let text = metrics(&Fleet { several: true, ..fleet() }, Format::Plain);
        has(&text, "agentwatch_beats_total{agent=\"a\",state_dir=\"/x\"} 0");
    }

    #[test]
    fn every_state_that_people_are_told_is_in_the_list() {
        let source = include_str!("../report/status.rs");
        let words = source.split("`starting running").nth(1).unwrap().split('.').next().unwrap();
        let words = words.replace("///", " ").replace('`', " ");
        let listed: Vec<&str> =
            words.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).collect();
        let known = ["or", "if", "agentwatch", "was", "killed"];
        for word in listed.into_iter().map(|word| word.trim_matches(',')) {
            assert!(known.contains(&word) || STATES.contains(&word), "{word}");
        }
    }
}
