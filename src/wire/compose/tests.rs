//! What a letter says, from what is known.

use super::*;
use crate::core::ending::Ending;
use crate::core::event::Traces;
use crate::core::evidence::Evidence;
use crate::core::fact::{Cause, EvidenceFact, Excess};
use crate::core::memory::Streak;
use crate::core::supervisor::tests::defaults;
use crate::core::time::{Boot, Up};
use crate::core::validation::Restored;
use crate::wire::letter::sheet::Sheet;

/// 03:14:00 on 2026-11-23, in UTC.
const NOW: i64 = 1_795_403_640_000;

fn failure(streak: u32, cause: Cause, line: Option<&str>) -> Fact {
    Fact::Exited {
        incarnation: streak,
        ending: Ending::Exit { code: 1 },
        ran_ms: Some(2_000),
        outcome: Outcome::Failure { cause, streak, max: 3 },
        rule: None,
        last_line: line.map(str::to_owned),
        traces: Traces::default(),
    }
}

struct Night {
    memory: Memory,
    settings: Settings,
    phase: Phase,
    now: Wall,
    next_start: Option<Wall>,
}

impl Night {
    fn new(facts: &[(i64, Fact)]) -> Self {
        let mut memory = Memory::default();
        for (before, fact) in facts {
            memory.incidents.hear(Wall(NOW - before), fact);
            if let Fact::Exited { outcome: Outcome::Failure { streak, .. }, .. } = fact {
                memory.streak = Streak { failures: *streak, ..Streak::default() };
            }
        }
        let settings = defaults();
        let (phase, now) = (Phase::Cooldown, Wall(NOW));
        Self { memory, settings, phase, now, next_start: None }
    }

    fn letter(&self, part: Part) -> Letter {
        let incident = self.memory.incidents.all.last().unwrap().clone();
        let (not_before, output, next_start) = (None, Vec::new(), self.next_start);
        let alert = Alert { incident, part, not_before, output, next_start };
        let (up, boot) = (Up(Duration::ZERO), Boot(Duration::ZERO));
        let now = Now { up, boot, wall: self.now, ..Now::default() };
        let about = About {
            agent: "trader",
            host: "vps2",
            options: "",
            reach: Some("ssh vps2"),
            runbook: None,
            settings: &self.settings,
            memory: &self.memory,
            phase: self.phase,
            now,
            offset: 0,
        };
        letter(&alert, &about)
    }

    fn text(&self, part: Part) -> String {
        crate::wire::letter::text::text(&Sheet::one(&self.letter(part)), true)
    }
}

fn beat() -> Fact {
    Fact::Beat(crate::core::fact::BeatFact::default())
}

#[test]
fn state_that_was_put_back_is_said_to_be() {
    let restored = Restored {
        set: "20261123T031000Z".to_owned(),
        age_ms: 240_000,
        files: 1,
        quarantine: Some("20261123T031400Z".to_owned()),
        unfit: Vec::new(),
    };
    let text = Night::new(&[(0, Fact::StateRestored(restored))]).text(Part::Opened);
    assert!(text.contains(" restored 1 file from snapshot 20261123T031000Z, 4m old"), "{text}");
}

#[test]
fn a_failure_says_when_it_is_started_again_and_nothing_of_tokens_that_were_never_told() {
    let mut night = Night::new(&[
        (900_000, beat()),
        (300_000, failure(1, Cause::Exited, None)),
        (0, failure(2, Cause::Exited, Some("KeyError: 'A'"))),
    ]);
    night.next_start = Some(Wall(NOW + 19_000));
    let text = night.text(Part::Opened);
    let want = "WARNING trader@vps2 failure 2 of 3: exit 1 after 2s (03:14)

Down; next start 03:14:19, in 19s. Since 03:09:00. Streak 2 of 3. Last healthy 02:59:00.
Why: exit 1 after 2s. KeyError: 'A'
It is started again; after 1 failure more it is given up.

Start it anew now:  ssh vps2 agentwatch restart trader
Look:               ssh vps2 agentwatch events trader --since 1h
Silence:            ssh vps2 agentwatch snooze trader 6h";
    assert_eq!(text, want);
}

#[test]
fn a_hang_is_told_with_what_it_was_seen_to_do() {
    let evidence = Evidence {
        pid: 7,
        name: "python".into(),
        state: 'S',
        wchan: Some("hrtimer_nanosleep".into()),
        cpu_ms: 5,
        rss_kib: 1,
        processes: 1,
        tcp: Vec::new(),
        tcp_count: 0,
        pressure: None,
    };
    let evidence =
        EvidenceFact { incarnation: 2, evidence, cpu_used_ms: Some(0), cpu_over_ms: Some(60_000) };
    let silent = Cause::Silent { silent_ms: 120_000 };
    let night = Night::new(&[
        (300_000, failure(1, Cause::Exited, None)),
        (1_000, Fact::Evidence(evidence)),
        (0, failure(2, silent, None)),
    ]);
    let text = night.text(Part::Opened);
    assert!(text.contains("\nSeen: sleeping (nanosleep), no CPU used"), "{text}");
}

#[test]
fn a_reminder_of_one_that_is_up_again_is_true() {
    let mut night = Night::new(&[
        (900_000, failure(1, Cause::Exited, None)),
        (890_000, Fact::Recovered { incarnation: 1, after_ms: 1, alive_only: false }),
        (600_000, failure(2, Cause::Exited, None)),
    ]);
    night.phase = Phase::Healthy;
    let letter = night.letter(Part::Reminder);
    assert_eq!(letter.headline, "failure 2 of 3, after it had recovered: exit 1 after 2s");
    let text = night.text(Part::Reminder);
    assert!(text.contains("It runs again; after 1 failure more it is given up."), "{text}");
    assert_eq!(letter.steps[0].label, "Look", "{text}");
    assert!(!text.contains("started again"), "{text}");
}

#[test]
fn what_was_spent_is_told_against_its_budget() {
    let mut night = Night::new(&[
        (300_000, failure(2, Cause::Exited, None)),
        (
            0,
            Fact::Escalated {
                reason: Excess::Streak,
                failures: 3,
                within_ms: Some(300_000),
                same_line: true,
            },
        ),
    ]);
    night.phase = Phase::Leaving;
    let spend = night.memory.ledger.spend_mut();
    spend.roll(Wall(NOW), Wall(NOW + 1_000_000));
    spend.add(14_530, 4_100_000_000);
    night.settings.limits.nano_usd_per_day = Some(20_000_000_000);
    let text = night.text(Part::Worse);
    let want = "Today: 14,530 tokens, $4.10 of $20.00. No more is spent while it is down.";
    assert!(text.contains(want), "{text}");
    night.settings.limits.tokens_per_day = Some(100_000);
    let text = night.text(Part::Worse);
    assert!(text.contains("Today: 14,530 of 100,000 tokens, $4.10"), "{text}");
}

#[test]
fn agents_that_only_share_a_harmless_warning_have_nothing_in_common() {
    let night =
        Night::new(&[(0, failure(2, Cause::Exited, Some("x.py:3: DeprecationWarning: old")))]);
    assert_eq!(night.letter(Part::Opened).group, None);
    let night =
        Night::new(&[(0, failure(2, Cause::Exited, Some("API 529 overloaded, request 8812")))]);
    let group = night.letter(Part::Opened).group;
    assert_eq!(group.as_deref(), Some("failing: API 529 overloaded, request #"));
}

#[test]
fn many_letters_are_one_that_mixes_nothing() {
    let line = |n: u32| format!("API 529 overloaded, request {n}");
    let letters: Vec<Letter> = ["crawler", "mailer", "scout", "trader"]
        .iter()
        .zip(8812..)
        .map(|(name, n)| {
            let night = Night::new(&[
                (300_000, failure(2, Cause::Exited, Some(&line(n)))),
                (
                    0,
                    Fact::Escalated {
                        reason: Excess::Streak,
                        failures: 2,
                        within_ms: Some(300_000),
                        same_line: true,
                    },
                ),
            ]);
            let letter = night.letter(Part::Worse);
            let name = (*name).to_owned();
            let steps = letter.steps.iter().map(|step| Step {
                command: step.command.replace("trader", &name),
                ..step.clone()
            });
            Letter { steps: steps.collect(), incident: name.clone(), agent: name, ..letter }
        })
        .collect();
    let sheet = Sheet::many(&letters.iter().collect::<Vec<_>>()).unwrap();
    let text = crate::wire::letter::text::text(&sheet, true);
    let want = "CRITICAL 4 agents on vps2: API 529 overloaded, request … since 03:09, all gave up

Nothing will be tried again until somebody resumes it.
crawler gave up: 2 failures in 5m, same last line (since 03:09)
mailer gave up: 2 failures in 5m, same last line (since 03:09)
scout gave up: 2 failures in 5m, same last line (since 03:09)
trader gave up: 2 failures in 5m, same last line (since 03:09)

Try again:   ssh vps2 agentwatch resume crawler mailer scout trader
Look:        ssh vps2 agentwatch events crawler mailer scout trader --since 1h
I am on it:  ssh vps2 agentwatch ack crawler mailer scout trader
Silence:     ssh vps2 agentwatch snooze crawler mailer scout trader 6h";
    assert_eq!(text, want);
}
