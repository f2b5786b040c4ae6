//! The beats of the README, as they stand there, run in their languages.

use std::path::Path;
use std::process::Command;

use agentwatch::core::fact::Fact;

use crate::harness::{World, story};

const README: &str = include_str!("../../README.md");

/// The block of `language` below the heading about beats.
fn snippet(language: &str) -> &'static str {
    let section = README.split("\n## A beat\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let fence = format!("\n```{language}\n");
    let block = section.split(&fence).nth(1).unwrap_or_else(|| panic!("README has no {language}"));
    let block = block.split("```").next().unwrap();
    assert!(block.lines().count() <= 5, "{language}: more than five lines");
    block
}

/// Whether there is such a program; some languages are not on every machine.
fn there_is(program: &str, version: &str) -> bool {
    let found = Command::new(program).arg(version).output().is_ok_and(|out| out.status.success());
    if !found {
        eprintln!("{program} is not installed: its beat of the README was not tried");
    }
    found
}

/// Runs `command` and looks for the one beat, of 1234 tokens.
fn beats(world: &World, command: &[&str]) {
    let mut run = world.run(&["--restart", "never"], command);
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    let facts = world.facts();
    let beat = |fact: &Fact| match fact {
        Fact::Beat(beat) => Some((beat.tokens, beat.agent.clone(), beat.status.clone())),
        _ => None,
    };
    let beats: Vec<_> = facts.iter().filter_map(beat).collect();
    let want = (Some(1234), Some("my-agent".to_owned()), "ok".into());
    assert_eq!(beats, [want], "{}", story(&facts));
}

fn build(world: &World, program: &str, args: &[&str], source: &Path) {
    let out = Command::new(program).args(args).arg(source).current_dir(world.path("")).output();
    let out = out.unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn python() {
    let program = format!("import time\nfor n in [1234]:\n    {}", snippet("python"));
    beats(&World::new(), &["python3", "-c", &program]);
}

#[test]
fn shell() {
    let program = format!("for n in 1234; do {}\ndone", snippet("sh").trim_end());
    beats(&World::new(), &["sh", "-c", &program]);
}

#[test]
fn node() {
    if there_is("node", "--version") {
        let program = format!("for (const n of [1234]) {{ {} }}", snippet("js"));
        beats(&World::new(), &["node", "-e", &program]);
    }
}

#[test]
fn rust() {
    let world = World::new();
    let source = world.path("beat.rs");
    let body = snippet("rust");
    std::fs::write(&source, format!("fn main() {{ for n in [1234] {{ {body} }} }}")).unwrap();
    // Whoever runs these tests has it.
    build(&world, "rustc", &["-o", "beat"], &source);
    beats(&world, &[world.path("beat").to_str().unwrap()]);
}

#[test]
fn go() {
    if there_is("go", "version") {
        let world = World::new();
        let source = world.path("beat.go");
        let body = snippet("go");
        let text = format!("package main\nimport \"fmt\"\nfunc main() {{ n := 1234; {body} }}\n");
        std::fs::write(&source, text).unwrap();
        build(&world, "go", &["build", "-o", "beat"], &source);
        beats(&world, &[world.path("beat").to_str().unwrap()]);
    }
}
