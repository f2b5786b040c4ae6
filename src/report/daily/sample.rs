//! Made-up reports, for the tests of all renderings: a quiet agent, one with a night of failures on a day
//! of 25 hours, one that was given up; a week, a crowd, and what hostile agents write.

mod agents;
mod series;

use super::{Answer, Budget, Finding, Mark, Need, Report, Span, VERSION, Verdict};
use agents::{given_up, quiet, troubled};
use series::{HOUR, long_day, plain_days};

fn answer(key: &'static str, mark: Mark, number: u64, words: &str) -> Answer {
    let question = match key {
        "alive" => "Alive the whole day?",
        "restarts" => "How many restarts?",
        "tokens" => "Tokens as usual?",
        "loops" => "Loops or cooldowns?",
        _ => "What needs a human?",
    };
    Answer { key, question, mark, words: words.into(), number }
}

/// Three agents on the day of 25 hours, all but one part of which is over.
pub(crate) fn report() -> Report {
    let day = long_day();
    let finding = |agent: &str, kind, mark, words: &str, method| Finding {
        agent: agent.into(),
        kind,
        mark,
        words: words.into(),
        method,
    };
    Report {
        v: VERSION,
        until_ms: day.until_ms,
        verdict: Verdict {
            subject: "vps2: 1 fine, 1 worth a look, trader needs you".into(),
            mark: Mark::Bad,
            fine: 1,
            needs: vec![Need {
                agent: "trader".into(),
                host: "vps2".into(),
                words: "gave up 3h12m ago: 3 failures in 10m, same last line".into(),
                command: Some("agentwatch resume trader".into()),
            }],
        },
        answers: vec![
            answer(
                "alive",
                Mark::Warning,
                9_384,
                "93.84 % of the day; the longest gap 3h22m, trader",
            ),
            answer("restarts", Mark::Warning, 7, "7, of which crawler 5 and trader 2"),
            answer(
                "tokens",
                Mark::Warning,
                1,
                "1 agent left its baseline: crawler, 53 × the usual",
            ),
            answer("loops", Mark::Warning, 1, "1 runaway of 1h52m, 7 cooldowns"),
            answer("recovered", Mark::Bad, 5, "5 failures recovered by themselves, trader did not"),
        ],
        findings: vec![
            finding(
                "crawler",
                "clash",
                Mark::Warning,
                "23 of 35 failures in two weeks were between 03:00 and 04:00; by chance once in 10¹⁹",
                "scan statistic over hours of the day",
            ),
            finding(
                "crawler",
                "growth",
                Mark::Warning,
                "memory grew by 34 MiB an hour in its last incarnation, from 205 to 880 MiB",
                "Theil–Sen slope",
            ),
            finding(
                "crawler",
                "drift",
                Mark::Good,
                "tokens a cycle grew by 14 % in four weeks, 1,062 to 1,210",
                "Mann–Kendall trend test",
            ),
        ],
        agents: vec![given_up(), troubled(), quiet("scribe", std::slice::from_ref(&day), 1)],
        silent: vec!["old-mailer".into()],
        notes: vec!["crawler: 2 lines of 2026-10-25.jsonl were torn and left out".into()],
        days: vec![day],
    }
}

/// The shortest that has all of it: an agent that was given up, and little of each series.
pub(crate) fn small() -> Report {
    let mut report = report();
    report.agents.truncate(1);
    report.findings.truncate(1);
    for agent in &mut report.agents {
        agent.cycles.truncate(5);
        agent.cycles[3].flagged = true;
        agent.hours.truncate(4);
        agent.memory.truncate(6);
        agent.history.drain(..24);
        agent.failures_by_hour[20] = 3;
        agent.budgets = vec![Budget { budget: "usd_per_day", spent: 5.52, limit: 20.0 }];
    }
    report
}

/// A week of one agent.
pub(crate) fn week() -> Report {
    let days = plain_days(7);
    let mut agent = quiet("scribe", &days, 9);
    let down = days[3].from_ms + 9 * HOUR;
    agent.spans = vec![
        Span { state: "healthy", from_ms: days[0].from_ms, until_ms: down },
        Span { state: "stopped", from_ms: down, until_ms: down + 7 * HOUR },
        Span { state: "healthy", from_ms: down + 7 * HOUR, until_ms: days[6].until_ms },
    ];
    agent.headline = "up the whole week but for 7h in which it was stopped".into();
    let verdict =
        Verdict { subject: "vps2: all fine".into(), mark: Mark::Good, fine: 1, needs: vec![] };
    let until_ms = days[6].until_ms;
    Report { v: VERSION, until_ms, days, verdict, agents: vec![agent], ..Report::default() }
}

/// A crowd: the three, and so many that are fine.
pub(crate) fn crowd(fine: usize) -> Report {
    let mut report = report();
    for number in 0..fine {
        let seed = i64::try_from(number).unwrap_or(0) * 1_000;
        report.agents.push(quiet(&format!("worker-{number:03}"), &report.days.clone(), seed));
    }
    report.verdict.subject = format!("vps2: {} fine, trader needs you", fine + 1);
    report
}

/// What is meant to break out of wherever it stands.
const EVIL: &str = "</style></title></text><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\
                    \n\r\t\0\x1b[31m\u{202e}kcab\u{2066}&amp;\u{2028}]]>--><!--\u{ffff}";

/// As agents, machines and people write it who mean harm.
pub(crate) fn hostile() -> Report {
    spoken(EVIL)
}

/// With these words wherever an agent, a machine or a person has the word.
pub(crate) fn spoken(words: &str) -> Report {
    let said = || words.to_owned();
    let mut report = report();
    report.verdict.subject = said();
    report.silent = vec![said()];
    report.notes = vec![said()];
    for need in &mut report.verdict.needs {
        (need.agent, need.host, need.words, need.command) = (said(), said(), said(), Some(said()));
    }
    report.answers.iter_mut().for_each(|answer| answer.words = said());
    report.findings.iter_mut().for_each(|f| (f.agent, f.words) = (said(), said()));
    for agent in &mut report.agents {
        (agent.name, agent.host, agent.headline) = (said(), said(), said());
        agent.gaps.iter_mut().for_each(|gap| gap.cause = said());
        agent.causes.iter_mut().for_each(|cause| cause.words = said());
        agent.flags.iter_mut().for_each(|flag| flag.words = said());
        agent.incidents.iter_mut().for_each(|incident| incident.words = said());
        agent.alerts_failed.iter_mut().for_each(|f| (f.sink, f.error) = (said(), said()));
        agent.events.iter_mut().for_each(|e| (e.event, e.words) = (said(), said()));
        agent.notes = vec![said()];
    }
    report
}
