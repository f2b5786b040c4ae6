//! Lines as real loggers and real agents print them: which are beats, and that no other is.

use agentwatch::core::fact::Fact;
use agentwatch::wire::beat::{self, Parsed};
use agentwatch::wire::lines::{Line, Lines};

use crate::harness::World;

const LOGGERS: &str = include_str!("../corpus/loggers.jsonl");
const STRANGERS: &str = include_str!("../corpus/strangers.txt");

/// Streams of real command lines, as captured.
const TRANSCRIPTS: [(&str, &str); 8] = [
    ("claude-api-500", include_str!("../transcripts/claude-api-500.jsonl")),
    ("claude-ok", include_str!("../transcripts/claude-ok.jsonl")),
    ("claude-tool-3-turns", include_str!("../transcripts/claude-tool-3-turns.jsonl")),
    ("codex-api-401", include_str!("../transcripts/codex-api-401.jsonl")),
    ("codex-ok", include_str!("../transcripts/codex-ok.jsonl")),
    ("codex-tool", include_str!("../transcripts/codex-tool.jsonl")),
    ("gemini-ok", include_str!("../transcripts/gemini-ok.jsonl")),
    ("opencode-ok", include_str!("../transcripts/opencode-ok.jsonl")),
];

/// What each candidate in a stream is.
fn heard(stream: &str) -> Vec<Parsed> {
    let (mut lines, mut heard) = (Lines::new(), Vec::new());
    let mut on = |line: Line<'_>| {
        heard.push(match line {
            Line::Whole(line) => beat::parse(line),
            Line::TooLong { start } => beat::too_long(start),
        });
    };
    lines.feed(stream.as_bytes(), &mut on);
    lines.end(&mut on);
    heard
}

/// One line of the corpus: who printed it, whether it is a beat, and the line.
fn logged() -> Vec<(String, bool, String)> {
    let read = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        let who = format!("{} ({})", text("logger"), text("version"));
        (who, text("is") == "beat", text("line"))
    };
    LOGGERS.lines().map(read).collect()
}

#[test]
fn lines_of_real_loggers_are_what_the_docs_say() {
    let mut beats = 0;
    for (who, is_beat, line) in logged() {
        let seen = heard(&line);
        match seen.iter().find(|parsed| **parsed != Parsed::Stranger) {
            Some(Parsed::Beat(beat)) if is_beat => {
                assert!(matches!(beat.tokens_used, Some(1234 | 12)), "{who}: {beat:?}");
                beats += 1;
            }
            None if !is_beat => {}
            other => panic!("{who}: {other:?} from {line}"),
        }
    }
    assert!(50 < beats, "{beats} beats");
}

#[test]
fn the_whole_of_the_corpus_reads_the_same_in_any_pieces() {
    let stream: String = logged().into_iter().map(|(_, _, line)| line + "\n").collect();
    let stream = stream + STRANGERS;
    let whole = heard(&stream);
    for size in [1, 3, 64, 255, 256, 257, 4096] {
        let (mut lines, mut seen) = (Lines::new(), Vec::new());
        for chunk in stream.as_bytes().chunks(size) {
            lines.feed(chunk, &mut |line| {
                let Line::Whole(line) = line else { panic!("too long") };
                seen.push(beat::parse(line));
            });
        }
        assert_eq!(seen, whole, "in pieces of {size}");
    }
}

#[test]
fn strangers_are_strangers() {
    for line in STRANGERS.lines() {
        for parsed in heard(line) {
            assert_eq!(parsed, Parsed::Stranger, "{line}");
        }
    }
}

#[test]
fn no_line_of_a_real_agent_is_taken_for_a_beat() {
    for (name, transcript) in TRANSCRIPTS {
        for parsed in heard(transcript) {
            assert_eq!(parsed, Parsed::Stranger, "{name}");
        }
    }
}

#[test]
fn a_log_is_passed_through_and_its_beats_are_heard() {
    let world = World::new();
    let lines = logged();
    let text: String = lines.iter().map(|(_, _, line)| line.clone() + "\n").collect();
    std::fs::write(world.path("text"), &text).unwrap();
    let mut run = world.script(&["--restart", "never"], "cat text");
    assert_eq!(run.wait(), 0);
    assert_eq!(run.stdout(), text);
    let heard = |fact: &Fact| match fact {
        Fact::Beat(beat) => usize::try_from(beat.beats).unwrap(),
        _ => 0,
    };
    let facts = world.facts();
    let want = lines.iter().filter(|(_, is_beat, _)| *is_beat).count();
    assert_eq!(facts.iter().map(heard).sum::<usize>(), want);
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::BadBeat { .. })));
}
