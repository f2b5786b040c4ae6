//! Made-up agents: a quiet one, one with a night of failures, one that was given up.

use super::super::{
    Agent, Bucket, Budget, Cause, Day, Event, Failed, Flag, Gap, Incident, Mark, Memory, Span,
    Usage,
};
use super::series::{
    HOUR, MIDNIGHT, MINUTE, cycles, history, hours, long_day, ms, noise, spans, sum,
};

fn event(at_ms: i64, event: &str, mark: Mark, words: &str) -> Event {
    Event { at_ms, event: event.into(), mark, words: words.into() }
}

/// Nothing is to be said of it.
pub(super) fn quiet(name: &str, days: &[Day], seed: i64) -> Agent {
    let (from, until) =
        days.first().zip(days.last()).map_or((0, 0), |(a, b)| (a.from_ms, b.until_ms));
    let usual = 900 + noise(seed, 800);
    let hours = hours(days, |at| {
        let cycles = 58 + noise(at / HOUR + seed, 4);
        (cycles, cycles * (usual - 30 + noise(at / MINUTE + seed, 60)), 0)
    });
    let memory = (0..96).map(|n| Memory {
        at_ms: from + n * (until - from) / 96,
        incarnation: 1,
        kib: 180_000 + noise(n + seed, 9_000),
        peak: false,
    });
    let usage = sum(&hours);
    Agent {
        name: name.into(),
        host: "vps2".into(),
        state: "healthy",
        mark: Mark::Good,
        headline: "up the whole day, nothing out of the usual".into(),
        up_ms: ms(until - from),
        due_ms: ms(until - from),
        up_share: Some(10_000),
        spans: vec![Span { state: "healthy", from_ms: from, until_ms: until }],
        beats: usage.cycles,
        longest_gap_ms: Some(64_000),
        usage,
        usual: Some(usual),
        hours,
        cycles: cycles(days, usual, seed),
        memory: memory.collect(),
        history: history(usual, 0, |_| 0),
        alerts_sent: 0,
        events: vec![event(
            from + HOUR,
            "state_saved",
            Mark::Quiet,
            "3 files, 1.2 MB, as it asked",
        )],
        ..Agent::default()
    }
}

/// So many minutes into the day.
fn at(minutes: i64) -> i64 {
    MIDNIGHT + minutes * MINUTE
}

fn states() -> Vec<Span> {
    let mut parts = vec![("healthy", 134)];
    for _ in 0..4 {
        parts.extend([
            ("late", 1),
            ("unhealthy", 1),
            ("failed", 1),
            ("cooldown", 5),
            ("starting", 1),
        ]);
        parts.push(("healthy", 14));
    }
    parts.extend([
        ("late", 2),
        ("unhealthy", 2),
        ("stopping", 1),
        ("cooldown", 38),
        ("starting", 2),
    ]);
    let so_far: i64 = parts.iter().map(|(_, minutes)| minutes).sum();
    parts.extend([("healthy", 700), ("paused", 45)]);
    parts.push(("healthy", 25 * 60 - so_far - 745));
    spans(MIDNIGHT, &parts)
}

fn gaps() -> Vec<Gap> {
    let gap = |from: i64, minutes: i64, cause: &str| Gap {
        from_ms: at(from),
        until_ms: at(from + minutes),
        open: false,
        cause: cause.into(),
    };
    vec![
        gap(136, 7, "silent for 2m; process stopped (state T), no CPU used"),
        gap(159, 7, "exit 1 after 14m: sqlite3.OperationalError: database is locked"),
        gap(182, 7, "exit 1 after 14m: sqlite3.OperationalError: database is locked"),
        gap(205, 7, "exit 1 after 14m: sqlite3.OperationalError: database is locked"),
        gap(230, 41, "silent for 2m; then the rate limit of its API"),
    ]
}

fn runaway() -> Vec<Bucket> {
    let mut cycles = cycles(&[long_day()], 1_210, 5);
    cycles.retain(|bucket| !(14..17).contains(&((bucket.from_ms - MIDNIGHT) / (15 * MINUTE))));
    for bucket in &mut cycles {
        let hour = (bucket.from_ms - MIDNIGHT) / HOUR;
        if (15..17).contains(&hour) {
            (bucket.mean, bucket.most, bucket.flagged) = (bucket.mean * 14, 64_300, true);
        }
    }
    cycles
}

fn growth() -> Vec<Memory> {
    let grows = (0..250).map(|n| {
        let run = if n < 23 {
            1
        } else if n < 46 {
            4
        } else {
            6
        };
        let since = ms(if n < 46 { n % 23 } else { n - 46 });
        let kib = 210_000 + since * 3_400 + noise(n, 6_000);
        Memory { at_ms: at(n * 6), incarnation: run, kib, peak: false }
    });
    let mut memory: Vec<Memory> = grows.collect();
    memory.insert(23, Memory { at_ms: at(136), incarnation: 1, kib: 331_000, peak: true });
    memory
}

fn events() -> Vec<Event> {
    vec![
        event(at(135), "late", Mark::Warning, "silent for 1m"),
        event(at(136), "unhealthy", Mark::Bad, "silent for 2m; stopping it"),
        event(at(137), "exited", Mark::Bad, "failure 1 of 6: killed by SIGKILL after 3h4m"),
        event(at(143), "started", Mark::Quiet, "incarnation 2, pid 4790"),
        event(at(144), "recovered", Mark::Good, "beats are back after 11s"),
        event(at(904), "loop_suspected", Mark::Warning, "64,300 tokens in a cycle, 53 × the usual"),
        event(at(1_016), "loop_cleared", Mark::Good, "tokens are usual again after 1h52m"),
    ]
}

/// A night of failures, a runaway in the afternoon, memory that grows, alerts that nobody got.
pub(super) fn troubled() -> Agent {
    let night = |at: i64| (2..5).contains(&((at - MIDNIGHT) / HOUR));
    let hours = hours(&[long_day()], |at| {
        let runaway = (15..17).contains(&((at - MIDNIGHT) / HOUR));
        let cycles = if night(at) { 31 } else { 60 };
        let tokens = cycles * (1_180 + noise(at / HOUR, 70)) * if runaway { 14 } else { 1 };
        (cycles, tokens, if night(at) { 2 } else { 0 })
    });
    let mut failures_by_hour = [0; 24];
    (failures_by_hour[2], failures_by_hour[3], failures_by_hour[14]) = (11, 23, 1);
    let usage = sum(&hours);
    Agent {
        name: "crawler".into(),
        host: "vps2".into(),
        state: "healthy",
        mark: Mark::Warning,
        headline: "5 failures in the night, all recovered; a runaway of 1h52m; memory grows".into(),
        up_ms: 82_920_000,
        due_ms: 87_300_000,
        up_share: Some(9_498),
        spans: states(),
        gaps: gaps(),
        starts: 5,
        restarts: 5,
        failures: 5,
        causes: vec![
            Cause { words: "exit 1: database is locked".into(), count: 3 },
            Cause { words: "silent".into(), count: 2 },
        ],
        recovered: 5,
        cooldowns: 5,
        beats: usage.cycles,
        bad_beats: 3,
        longest_gap_ms: Some(118_000),
        usage,
        usual: Some(1_210),
        flags: vec![Flag {
            kind: "tokens",
            at_ms: at(15 * 60 + 4),
            for_ms: Some(6_720_000),
            words: "64,300 tokens in a cycle, 53 × the usual 1,210".into(),
        }],
        hours,
        cycles: runaway(),
        memory: growth(),
        failures_by_hour,
        history: history(1_050, 6, |back| if back < 14 { 2 } else { 0 }),
        incidents: vec![Incident {
            words: "runaway".into(),
            mark: Mark::Warning,
            since_ms: at(15 * 60 + 4),
            lasted_ms: Some(6_720_000),
        }],
        alerts_sent: 6,
        alerts_failed: vec![Failed {
            at_ms: at(4 * 60 + 10),
            sink: "slack:…".into(),
            error: "404 no_service: the webhook is gone; given up after 12 tries in 2h".into(),
        }],
        budgets: vec![
            Budget { budget: "usd_per_day", spent: 9.74, limit: 10.0 },
            Budget { budget: "tokens_per_day", spent: 3_246_000.0, limit: 5_000_000.0 },
        ],
        events: events(),
        events_more: 38,
        ..Agent::default()
    }
}

/// Given up in the evening.
pub(super) fn given_up() -> Agent {
    let mut agent = quiet("trader", &[long_day()], 40);
    let end = MIDNIGHT + 21 * HOUR + 48 * MINUTE;
    agent.state = "escalated";
    agent.mark = Mark::Bad;
    agent.headline = "gave up 3h12m ago: 3 failures in 10m, same last line".into();
    agent.up_ms = ms(end - MIDNIGHT) - 600_000;
    agent.up_share = Some(8_653);
    agent.spans = spans(
        MIDNIGHT,
        &[("healthy", 1_298), ("cooldown", 5), ("failed", 1), ("cooldown", 4), ("escalated", 192)],
    );
    let cause = "exit 1 after 0.2s; last line: KeyError: 'BROKER_TOKEN'";
    agent.gaps = vec![Gap {
        from_ms: end - 10 * MINUTE,
        until_ms: MIDNIGHT + 25 * HOUR,
        open: true,
        cause: cause.into(),
    }];
    (agent.starts, agent.restarts, agent.failures, agent.escalated, agent.cooldowns) =
        (3, 2, 3, 1, 2);
    agent.causes = vec![Cause { words: "exit 1: KeyError: 'BROKER_TOKEN'".into(), count: 3 }];
    agent.cycles.retain(|bucket| bucket.from_ms < end - 15 * MINUTE);
    agent.memory.retain(|memory| memory.at_ms < end);
    for hour in agent.hours.iter_mut().filter(|hour| end <= hour.from_ms) {
        hour.usage = Usage::default();
    }
    agent.usage = sum(&agent.hours);
    agent.beats = agent.usage.cycles;
    agent.incidents = vec![Incident {
        words: "given up: 3 failures in 10m, same last line".into(),
        mark: Mark::Bad,
        since_ms: end,
        lasted_ms: None,
    }];
    agent.alerts_sent = 2;
    agent.events = vec![
        event(end - 10 * MINUTE, "exited", Mark::Bad, cause),
        event(end, "escalated", Mark::Bad, "3 failures in 10m, same last line"),
    ];
    agent
}
