//! What the parts cost that one beat passes through: reading it, deciding on it, recording it.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::path::PathBuf;
use std::time::Duration;

use agentwatch::config::files::Found;
use agentwatch::config::flags;
use agentwatch::config::layers::Surroundings;
use agentwatch::config::resolve;
use agentwatch::core::event::{Event, Launch};
use agentwatch::core::fact::Fact;
use agentwatch::core::memory::Memory;
use agentwatch::core::settings::Settings;
use agentwatch::core::supervisor::{Phase, Supervisor};
use agentwatch::core::time::{LocalDay, Now, Wall};
use agentwatch::core::validation::FileKind;
use agentwatch::store::journal::Journal;
use agentwatch::wire::beat::{self, Parsed};
use agentwatch::wire::check::Checker;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use serde::de::IgnoredAny;

const BEAT: &str = r#"{"agent":"my-agent","status":"ok","tokens_used":1234,"ts":1790000000.5}"#;

/// Lines as agents print them, by what they are.
const LINES: [(&str, &str); 7] = [
    ("json beat", BEAT),
    ("dict beat", "{'agent': 'my-agent', 'status': 'ok', 'tokens_used': 1234, 'ts': 1790000000.5}"),
    ("bad beat", r#"{"agent":"my-agent","status":"ok","tokens_used":-1234,"ts":1790000000.5}"#),
    ("torn beat", r#"{"agent":"my-agent","status":"ok","tokens_used":1234,"ts":17900"#),
    (
        "json log",
        r#"{"level":30,"time":1795392667887,"pid":7935,"hostname":"vm","msg":"listening"}"#,
    ),
    (
        "access log",
        r#"{"ts":1790000000.5,"status":200,"method":"GET","path":"/healthz","size":12}"#,
    ),
    ("dict log", "{'role': 'assistant', 'content': 'Let me look at that file', 'stop': None}"),
];

fn main() {
    divan::main();
}

#[divan::bench(args = LINES.map(|(name, _)| name))]
fn parse(bencher: Bencher<'_, '_>, name: &str) {
    let (_, line) = LINES.into_iter().find(|(known, _)| *known == name).unwrap_or_default();
    bencher
        .counter(BytesCount::of_str(line))
        .bench_local(|| beat::parse(black_box(line.as_bytes())));
}

/// How much of a state file is made, in bytes: more than any cache holds.
const FILE: usize = 32 << 20;

/// State files by their kind and what stands in them over and over; a pickle is one of a dict of its own.
const FILES: [(&str, FileKind, &str, &[u8], &str); 4] = [
    ("json text", FileKind::Json, "[", CONVERSATION, "null]"),
    ("json numbers", FileKind::Json, "[", br#"{"a":12,"b":[1,2.5e-3,0],"c":null,"d":""},"#, "0]"),
    ("jsonl", FileKind::Jsonl, "", CONVERSATION_LINE, ""),
    ("pickle", FileKind::Pickle, "", PICKLE, ""),
];

const CONVERSATION: &[u8] = concat!(
    r#"{"id": "msg_0000002a", "role": "assistant", "ts": 1790000000.37, "#,
    r#""tokens": {"input": 81234, "output": 512}, "content": [{"type": "text", "text": "#,
    r#""Let me look at that file first, and then at the \"tests\" which call it:\n"#,
    r#"there may be more than one place where the value is read before it is written, "#,
    r#"as we have seen."}], "ok": true}, "#
)
.as_bytes();

const CONVERSATION_LINE: &[u8] = concat!(
    r#"{"type": "user", "uuid": "0b1c2d3e-1111-2222-3333-444455556666", "message": "#,
    r#"{"role": "user", "content": "Please look at that file first, and then at the tests "#,
    r#"which call it."}, "timestamp": "2026-11-23T19:00:00Z"}"#,
    "\n"
)
.as_bytes();

/// `pickle.dumps({"step": 812, "done": False, "notes": ["a longer piece of text", 2.5]}, 4)`.
const PICKLE: &[u8] = b"\
    \x80\x04\x95E\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x04step\x94M,\x03\x8c\x04done\x94\
    \x89\x8c\x05notes\x94]\x94(\x8c\x16a longer piece of text\x94G@\x04\x00\x00\x00\x00\x00\
    \x00eu.";

/// Reads a state file as it is read before a restart; beside it, what a copy and a library take.
#[divan::bench(args = FILES.map(|(name, ..)| name))]
fn check(bencher: Bencher<'_, '_>, name: &str) {
    let (kind, file) = file(name);
    bencher.counter(BytesCount::of_slice(&file)).bench_local(|| {
        let mut checker = Checker::new(kind)?;
        file.chunks(64 << 10).for_each(|piece| checker.feed(black_box(piece)));
        Some(checker.end())
    });
}

#[divan::bench(args = ["json text", "json numbers"])]
fn check_by_serde_json(bencher: Bencher<'_, '_>, name: &str) {
    let (_, file) = file(name);
    bencher
        .counter(BytesCount::of_slice(&file))
        .bench_local(|| serde_json::from_slice::<IgnoredAny>(black_box(&file)).is_ok());
}

#[divan::bench]
fn check_copy(bencher: Bencher<'_, '_>) {
    let (_, file) = file("json text");
    let mut to = file.clone();
    bencher
        .counter(BytesCount::of_slice(&file))
        .bench_local(|| black_box(&mut to).copy_from_slice(black_box(&file)));
}

fn file(name: &str) -> (FileKind, Vec<u8>) {
    let made = FILES.into_iter().find(|(known, ..)| *known == name);
    let (_, kind, before, over, behind) = made.expect("one of the table");
    let file = [before.as_bytes(), &over.repeat(FILE / over.len()), behind.as_bytes()].concat();
    let mut checker = Checker::new(kind).expect("a kind that is read");
    checker.feed(&file);
    assert_eq!(checker.end().wrong, None, "{name}");
    (kind, file)
}

/// The settings of an agent of which nobody said anything.
fn settings() -> Settings {
    let matches = clap::Command::new("run")
        .no_binary_name(true)
        .args(flags::run_flags())
        .arg(flags::command_arg())
        .get_matches_from(["agent"]);
    let home = Some("/home/me".into());
    let around = Surroundings { cwd: "/".into(), home, ..Surroundings::default() };
    let resolved = resolve::run_with(&matches, &around, Found::default());
    resolved.expect("the defaults are valid").settings
}

fn now() -> Now {
    Now { wall: Wall(1_790_000_000_000), day: LocalDay(20_717), ..Now::default() }
}

fn later(now: &mut Now, by: Duration) {
    now.up = now.up.plus(by);
    now.boot = now.boot.plus(by);
    now.wall = now.wall.plus(by);
}

/// A turn with one beat in it, of an agent that beats once so many milliseconds: slower than what
/// the journal takes line by line, and faster.
#[divan::bench(args = [1_000, 1])]
fn step(bencher: Bencher<'_, '_>, every_ms: u64) {
    let mut supervisor = Supervisor::new(settings(), Memory::default());
    let (mut now, mut effects) = (now(), Vec::new());
    supervisor.step(now, Event::Launch(Launch::default()), &mut effects);
    let incarnation = supervisor.memory().incarnation;
    let spawned = Event::Spawned { incarnation, pid: 42, start_time: Some(7) };
    supervisor.step(now, spawned, &mut effects);
    let Parsed::Beat(beat) = beat::parse(BEAT.as_bytes()) else { return };
    bencher.counter(ItemsCount::new(1_usize)).bench_local(|| {
        effects.clear();
        later(&mut now, Duration::from_millis(every_ms));
        supervisor.step(now, Event::Beat { incarnation, beat: beat.clone() }, &mut effects);
        supervisor.step(now, Event::Tick { drained: true }, &mut effects);
        black_box(&effects);
    });
    assert_eq!(supervisor.phase(), Phase::Healthy);
}

/// A folder of its own below the temporary one, removed again.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[divan::bench]
fn append(bencher: Bencher<'_, '_>) {
    let folder = Folder(std::env::temp_dir().join(format!("aw-bench-{}", std::process::id())));
    let mut journal = Journal::new(&folder.0, 90, None, 0);
    let (now, fact) = (now(), Fact::Late { incarnation: 1, silent_ms: 60_000 });
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| journal.append(black_box(&now), black_box(&fact)));
    assert_eq!(journal.append(&now, &fact), Ok(()));
}
