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
use agentwatch::store::journal::Journal;
use agentwatch::wire::beat::{self, Parsed};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};

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
