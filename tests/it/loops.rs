//! The whole loops of docs/beats.md, as they stand there, run in their languages.

use std::path::Path;
use std::process::Command;

use agentwatch::core::fact::{Fact, FinishedWhy};

use crate::harness::{World, has, kill, story};

const PAGE: &str = include_str!("../../docs/beats.md");

fn snippet(language: &str) -> &'static str {
    let section = PAGE.split("\n## A loop, whole\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let block = section.split(&format!("\n```{language}\n")).nth(1);
    block.unwrap_or_else(|| panic!("no {language}")).split("```").next().unwrap()
}

/// Writes the snippet of `language` into the world as `name`.
fn write(world: &World, language: &str, name: &str) -> String {
    let path = world.path(name);
    std::fs::write(&path, snippet(language)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn build(program: &str, args: &[&str], folder: &Path) {
    let out = Command::new(program).args(args).current_dir(folder).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// Its calls take longer than the silence that it is allowed, and it says so; then it is asked to leave.
fn lives_and_leaves(world: &World, command: &[&str], tokens: u64) {
    let mut run = world.run(&["--interval", "450ms", "--cooldown", "1h"], command);
    let cycle = |fact: &Fact| match fact {
        Fact::Beat(beat) if beat.status == "ok" => Some(beat.cycle),
        _ => None,
    };
    for number in 1..=3 {
        assert_eq!(run.fact("a cycle", number, cycle), Some(number as u64));
    }
    kill(run.started(1), "TERM");
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    let facts = world.facts();
    let told = story(&facts);
    let beats = facts.iter().filter_map(|fact| match fact {
        Fact::Beat(beat) if beat.status == "ok" => beat.tokens,
        _ => None,
    });
    assert!(beats.clone().all(|used| used == tokens) && 3 <= beats.count(), "{told}");
    assert!(facts.iter().any(|fact| matches!(fact, Fact::ShutdownAnnounced { .. })), "{told}");
    let finished = |fact: &Fact| {
        matches!(fact, Fact::Finished { reason: FinishedWhy::Announced, code: 0, .. })
    };
    assert!(facts.iter().any(finished), "{told}");
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::BadBeat { .. })), "{told}");
}

#[test]
fn python() {
    let world = World::new();
    let file = write(&world, "python", "agent.py");
    lives_and_leaves(&world, &["python3", &file], 1234);
}

#[test]
fn typescript() {
    if has("node") {
        let world = World::new();
        // It says of itself that it is JavaScript, too; not every node takes types away.
        let file = write(&world, "ts", "agent.mjs");
        lives_and_leaves(&world, &["node", &file], 1234);
    }
}

#[test]
fn typescript_is_typescript() {
    if has("tsc") {
        let world = World::new();
        write(&world, "ts", "agent.ts");
        std::fs::write(world.path("package.json"), r#"{"type":"module"}"#).unwrap();
        // What node offers comes from @types/node, which may not be there.
        let node = "declare module 'node:fs' { export function appendFileSync(a: string, b: string): void }\n\
                    declare module 'node:timers/promises' { export function setTimeout(ms: number): Promise<void> }\n\
                    declare const process: { env: Record<string, string | undefined>, on(a: string, b: () => void): void, exit(code: number): never };\n";
        std::fs::write(world.path("node.d.ts"), node).unwrap();
        let args =
            ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", ""];
        build("tsc", &[&args[..], &["node.d.ts", "agent.ts"]].concat(), &world.dir);
    }
}

#[test]
fn go() {
    if has("go") {
        let world = World::new();
        write(&world, "go", "agent.go");
        build("go", &["build", "-o", "agent", "agent.go"], &world.dir);
        lives_and_leaves(&world, &[world.path("agent").to_str().unwrap()], 1234);
    }
}

#[test]
fn rust() {
    let world = World::new();
    write(&world, "rust", "agent.rs");
    build("rustc", &["--edition", "2024", "-D", "warnings", "-o", "agent", "agent.rs"], &world.dir);
    lives_and_leaves(&world, &[world.path("agent").to_str().unwrap()], 1234);
}

#[test]
fn shell() {
    let world = World::new();
    let file = write(&world, "sh", "agent.sh");
    lives_and_leaves(&world, &["sh", &file], 1234);
}
