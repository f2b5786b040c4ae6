//! What was written is read, and what is torn, of another format or hostile is refused in words.

use super::*;
use crate::core::validation::{FileKind, Trial};

fn full() -> (Identity, Memory) {
    let identity = Identity {
        agentwatch: "0.1.0".into(),
        name: "crawler".into(),
        directory: "/srv".into(),
        command: vec!["python".into(), "crawler.py".into()],
        boot_id: Some("b".into()),
        control: Some("/run/agentwatch/1.sock".into()),
        interval_ms: 60_000,
        misses: 2,
        max_failures: 3,
        journal_seq: 12,
        watch: Watch {
            beats: true,
            interval_from: "--interval".into(),
            misses_from: "default".into(),
            start_grace_ms: Some(5_000),
            alert_only: false,
            max_expect_ms: 3_600_000,
        },
        log: Some("/var/log/crawler.log".into()),
        state_files: Custodian {
            files: vec![StateFile {
                path: "/srv/*.json".into(),
                glob: true,
                kind: FileKind::Json,
                required: true,
                repair: false,
            }],
            keep: 5,
            max_bytes: 9,
        },
    };
    let mut ledger = crate::core::cost::ledger::Ledger::default();
    let now = crate::core::time::Now { wall: Wall(9_000_000), ..Default::default() };
    for tokens in [700, 900] {
        ledger.beat(&now, Some(tokens), Some(0.5), true);
    }
    // What is about the running process alone is not kept.
    let ledger = serde_json::to_string(&ledger).unwrap();
    let ledger = serde_json::from_str(&ledger).unwrap();
    let mut counters = crate::core::counters::Counters::default();
    let shown = crate::core::counters::Cumulative { key: "k".into(), ..Default::default() };
    counters.read(7, Wall(1), &shown);
    let memory = Memory {
        counters,
        incarnation: 7,
        tree: Some(Tree {
            incarnation: 7,
            run: Some(0x9f),
            pid: Some(42),
            start_time: Some(9),
            ended: false,
        }),
        last_start: Some(Wall(1)),
        cooldown_owed: true,
        last_ending: Some(Ending::Exit { code: 3 }),
        streak: Streak {
            failures: 2,
            since: Some(Wall(2)),
            last_line: Some("KeyError".into()),
            same_line: true,
        },
        day: LocalDay(20_000),
        failures_of_day: 4,
        latch: Some(Latch { since: Wall(3), failures: 3, why: LatchWhy::Rule }),
        slowest_first_beat: Some(Duration::from_millis(400)),
        trouble_since: Some(Wall(4)),
        tokens: Counter(Some(5_000_000)),
        delay: Some(Delay {
            why: DelayWhy::Park { asked: true },
            since: Wall(5),
            wait: Duration::from_secs(6),
        }),
        unfinished: true,
        paused: true,
        release: Some("v2".into()),
        ledger,
        custody: Custody {
            restoring: true,
            trial: Some(Trial { set: "s".into(), crashes: 1 }),
            passed_over: vec!["r".into()],
            snapshot_ms: Some(7),
        },
        incidents: crate::core::incident::Incidents { flaps: true, ..Incidents::default() },
    };
    (identity, memory)
}

#[test]
fn a_memory_reads_back_as_it_was_written() {
    let (identity, memory) = full();
    let bytes = write(&identity, &memory).unwrap();
    assert_eq!(read(&bytes).unwrap(), (identity, memory));
}

#[test]
fn every_torn_half_is_refused_and_none_panics() {
    let (identity, memory) = full();
    let bytes = write(&identity, &memory).unwrap();
    // The last two bytes are the closing brace and the newline.
    for end in 0..bytes.len() - 1 {
        assert!(read(&bytes[..end]).is_err(), "{end} bytes");
    }
}

#[test]
fn another_format_is_refused_in_words() {
    let (identity, memory) = full();
    let text = String::from_utf8(write(&identity, &memory).unwrap()).unwrap();
    let error = read(text.replace("\"version\": 1", "\"version\": 9").as_bytes()).unwrap_err();
    let words = format!(
        "state.json is of agentwatch 0.1.0, in format 9; this is {}, which knows formats up to 1: use the newer one",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(error, Unfit::Newer(words));
    let hostile = r#""how":"\u001b[31m\n\u009b""#;
    let error = read(text.replace("\"how\": \"exit\"", hostile).as_bytes()).unwrap_err();
    let Unfit::Torn(words) = error else { panic!("{error}") };
    assert!(!words.contains(char::is_control) && words.contains("variant"), "{words}");
    let error = read(b"{\"version\":9,\"agentwatch\":\"\\u001b[2J\"}").unwrap_err();
    let Unfit::Newer(words) = error else { panic!("{error}") };
    assert!(!words.contains(char::is_control) && words.contains("in format 9"), "{words}");
    let error = read(b"{\"version\":9}").unwrap_err();
    assert!(matches!(&error, Unfit::Newer(words) if words.contains("of a newer agentwatch")));
    assert!(matches!(read(b"{\"version\":0}"), Err(Unfit::Torn(_))));
}
