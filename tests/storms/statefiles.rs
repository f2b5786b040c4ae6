//! State files under writers that are killed in the middle of a write: what is torn is found and mended, and
//! nothing that is whole is touched. The word of Python's own readers decides what is torn.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use agentwatch::core::validation::{Checked, Done, FaultKind, FileKind, StateFile, Task};
use agentwatch::wire::errand::Errand;

use crate::harness::World;
use crate::rng::Rng;
use crate::rounds;

/// A JSON memory that is written in place, a session log that is appended to through a buffer.
const JSON: &str = r#"
import json, sys
memory = json.load(open("memory.json"))
print("ready", flush=True)
while True:
    memory["n"] += 1
    json.dump(memory, open("memory.json", "w"))
"#;

const JSONL: &str = r#"
import json
log = open("session.jsonl", "a")
print("ready", flush=True)
i = 0
while True:
    i += 1
    json.dump({"i": i, "text": "x" * (i % 300)}, log)
    log.write("\n")
"#;

/// A LangGraph checkpointer if there is one (`AGENTWATCH_PYTHON` may name a Python that has it), else a database
/// of the same tables.
const SQLITE: &str = r#"
import os, sqlite3
db = sqlite3.connect("graph.sqlite", check_same_thread=False)
try:
    from typing import TypedDict
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import StateGraph, START, END
    class State(TypedDict):
        n: int
        text: str
    graph = StateGraph(State)
    graph.add_node("work", lambda state: {"n": state["n"] + 1, "text": "y" * (state["n"] % 5000)})
    graph.add_edge(START, "work")
    graph.add_edge("work", END)
    app = graph.compile(checkpointer=SqliteSaver(db))
    print("ready", flush=True)
    n = 0
    while True:
        n += 1
        app.invoke({"n": n, "text": ""}, {"configurable": {"thread_id": "t"}})
except ImportError:
    db.execute("pragma journal_mode=wal")
    db.execute("create table if not exists checkpoints(thread_id, id integer primary key, checkpoint blob)")
    db.commit()
    print("ready", flush=True)
    while True:
        db.execute("insert into checkpoints(thread_id, checkpoint) values('t', ?)", (os.urandom(3000),))
        db.commit()
"#;

/// What Python's own readers say: whether the memory is whole, the log, and the database.
const ORACLE: &str = r#"
import json, shutil, sqlite3, os
def whole(read):
    try:
        read()
        return 1
    except Exception:
        return 0
def lines():
    for line in open("session.jsonl"):
        if line.strip():
            json.loads(line)
def database():
    for end in ["", "-wal", "-journal"]:
        if os.path.exists("copy" + end):
            os.remove("copy" + end)
        if os.path.exists("graph.sqlite" + end):
            shutil.copy("graph.sqlite" + end, "copy" + end)
    word = sqlite3.connect("copy").execute("pragma integrity_check").fetchone()[0]
    assert word == "ok", word
print(whole(lambda: json.load(open("memory.json"))), whole(lines), whole(database))
"#;

const NAMES: [(&str, FileKind); 3] = [
    ("memory.json", FileKind::Json),
    ("session.jsonl", FileKind::Jsonl),
    ("graph.sqlite", FileKind::Sqlite),
];

fn python() -> String {
    std::env::var("AGENTWATCH_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn send(world: &World, task: Task) -> Done {
    let file = |(name, kind): &(&str, FileKind)| StateFile {
        path: world.path(name).display().to_string(),
        glob: false,
        kind: *kind,
        required: false,
        repair: true,
    };
    let files = NAMES.iter().map(file).collect();
    let dir = world.path("agent").display().to_string();
    let errand = Errand { files, dir, keep: 3, max_bytes: 1 << 40, task };
    let mut child =
        world.command(&["errand"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(&errand).unwrap()).unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

fn check(world: &World) -> Checked {
    match send(world, Task::Check { repair: true }) {
        Done::Checked(checked) => checked,
        other => panic!("{other:?}"),
    }
}

/// Starts a writer and waits until it writes.
fn writer(world: &World, script: &str) -> Child {
    let mut child = Command::new(python())
        .args(["-c", script])
        .current_dir(&world.dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

fn oracle(world: &World) -> Vec<bool> {
    let output =
        Command::new("python3").args(["-c", ORACLE]).current_dir(&world.dir).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().map(|word| word == "1").collect()
}

fn lines(path: &Path) -> usize {
    fs::read(path).unwrap().iter().filter(|byte| **byte == b'\n').count()
}

#[test]
fn what_a_killed_writer_tears_is_found_and_mended_and_nothing_else_is_touched() {
    let world = World::new();
    let memory = serde_json::json!({ "n": 0, "facts": vec!["something learned"; 20_000] });
    fs::write(world.path("memory.json"), memory.to_string()).unwrap();
    fs::write(world.path("session.jsonl"), "").unwrap();
    let rng = &mut Rng::of(7, "state files", 0);
    let (begin, count) = (Instant::now(), rounds(10));
    let (mut torn, mut restored, mut cut) = ([0; 3], 0, 0);
    for round in 0..count {
        // A long log takes long to look through, and shows nothing more.
        fs::write(world.path("session.jsonl"), "").unwrap();
        let mut writers = [JSON, JSONL, SQLITE].map(|script| writer(&world, script));
        for writer in &mut writers {
            let wait = Duration::from_millis(rng.below(15));
            std::thread::sleep(wait);
            writer.kill().unwrap();
            writer.wait().unwrap();
        }
        let (truth, complete) = (oracle(&world), lines(&world.path("session.jsonl")));
        for (torn, whole) in torn.iter_mut().zip(&truth) {
            *torn += u32::from(!whole);
        }
        let checked = check(&world);
        // A torn last line is mended at once, and no complete one is lost with it.
        assert_eq!(checked.cut.len(), usize::from(!truth[1]), "round {round}: {checked:?}");
        assert_eq!(lines(&world.path("session.jsonl")), complete, "round {round}");
        cut += checked.cut.len();
        let wrong: Vec<_> =
            checked.faults.iter().map(|fault| (fault.path.clone(), fault.fault)).collect();
        let of = |name: &str| wrong.iter().any(|(path, _)| path.ends_with(name));
        assert_eq!(
            (of("memory.json"), of("graph.sqlite")),
            (!truth[0], !truth[2]),
            "{round}: {checked:?}"
        );
        let ends = |fault| matches!(fault, FaultKind::TornEnd | FaultKind::Empty);
        assert!(wrong.iter().all(|(_, fault)| ends(*fault)), "a cut write is torn: {checked:?}");
        if !wrong.is_empty() {
            let task =
                Task::Restore { set: None, before: None, not: vec![], why: "a storm".into() };
            let done = send(&world, task);
            if round > 0 || !matches!(done, Done::NoSet { .. }) {
                assert!(matches!(done, Done::Restored(_)), "round {round}: {done:?}");
                restored += 1;
            } else {
                fs::write(world.path("memory.json"), memory.to_string()).unwrap();
            }
        }
        assert_eq!(oracle(&world), [true; 3], "round {round}: what is in place is whole");
        let done = send(&world, Task::Snapshot { incarnation: round });
        assert!(matches!(done, Done::Taken(_)), "round {round}: {done:?}");
    }
    println!(
        "{count} kills of each writer: torn {torn:?} (JSON, JSONL, SQLite), {cut} last lines cut off, \
         {restored} sets restored, 0 wrong, in {:.1?}",
        begin.elapsed()
    );
    assert!(count / 4 <= torn[0], "{torn:?}: most writes in place are torn");
}
