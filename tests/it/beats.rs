//! Beats on stdout: what is one, what is a bad one, what is none.

use agentwatch::core::fact::{BeatFact, Fact};

use crate::harness::{World, story};

fn beats(facts: &[Fact]) -> Vec<BeatFact> {
    let beat = |fact: &Fact| match fact {
        Fact::Beat(beat) => Some(beat.clone()),
        _ => None,
    };
    facts.iter().filter_map(beat).collect()
}

/// Runs a script that prints and exits 0 after announcing it; gives what was recorded.
fn after_printing(text: &str) -> (World, Vec<Fact>, String) {
    let world = World::new();
    std::fs::write(world.path("text"), text).unwrap();
    let mut run = world.script(&["--restart", "never"], "cat text");
    assert_eq!(run.wait(), 0);
    assert_eq!(run.stdout(), text, "beats are passed through like any other line");
    let (facts, stderr) = (world.facts(), run.stderr());
    (world, facts, stderr)
}

#[test]
fn the_missions_own_snippet_is_a_beat() {
    let world = World::new();
    let snippet = "import time\nprint({'agent': 'my-agent', 'status': 'ok', 'tokens_used': 1234, 'ts': time.time()})";
    let mut run = world.run(&["--restart", "never"], &["python3", "-c", snippet]);
    assert_eq!(run.wait(), 0);
    let facts = world.facts();
    let beats = beats(&facts);
    assert_eq!(beats.len(), 1, "{}", story(&facts));
    assert_eq!((beats[0].tokens, beats[0].agent.as_deref()), (Some(1234), Some("my-agent")));
}

#[test]
fn a_json_line_is_a_beat_with_all_it_says() {
    let line = r#"{"agent":"a","status":"warning","tokens_used":10,"cycle":3,"model":"m","cost_usd":0.25,"tool_calls":2,"message":"hm","expect_next":90,"ts":5}"#;
    let (_, facts, _) = after_printing(&format!("{line}\n"));
    let beat = beats(&facts).remove(0);
    assert_eq!(beat.status, "warning");
    assert_eq!((beat.tokens, beat.cycle, beat.tool_calls), (Some(10), Some(3), Some(2)));
    assert_eq!((beat.cost_usd, beat.expect_next_ms), (Some(0.25), Some(90_000)));
    assert_eq!((beat.model.as_deref(), beat.message.as_deref()), (Some("m"), Some("hm")));
}

#[test]
fn a_last_line_without_an_end_is_heard_before_the_exit() {
    let (_, facts, _) = after_printing(r#"{"agent":"a","tokens_used":7}"#);
    let order: Vec<_> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Beat(_) => Some("beat"),
            Fact::Exited { .. } => Some("exited"),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["beat", "exited"], "{}", story(&facts));
}

#[test]
fn a_strangers_json_is_no_beat() {
    let strangers = concat!(
        r#"{"ts":1795392664,"status":200,"path":"/"}"#,
        "\n",
        r#"{"level":30,"time":1795392667887,"msg":"hello"}"#,
        "\n",
        r#"{"result":{"agent":"a","status":"ok","tokens_used":5}}"#,
        "\n",
        "{\n  \"agent\": \"a\",\n  \"status\": \"ok\"\n}\n",
        "{not json at all\n",
    );
    let (_, facts, stderr) = after_printing(strangers);
    assert!(beats(&facts).is_empty(), "{}", story(&facts));
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::BadBeat { .. })), "{}", story(&facts));
    assert_eq!(stderr, "");
}

#[test]
fn a_bad_beat_is_passed_on_counted_and_named() {
    let bad = concat!(
        r#"{"agent":"a","status":"ok","tokens_used":-5}"#,
        "\n",
        r#"{"agent":"a","status":"ok","tokens_used":NaN}"#,
        "\n",
        r#"{"agent":"a","status":"ok","tokens_used":1.5}"#,
        "\n",
        r#"{"agent":"a","status":"ok","tok"#,
        "\n",
    );
    let (_, facts, stderr) = after_printing(bad);
    assert!(beats(&facts).is_empty());
    let bad = |fact: &Fact| match fact {
        Fact::BadBeat { suppressed, .. } => Some(*suppressed),
        _ => None,
    };
    // Rate-limited: the first is recorded, the last at the end, those between are counted.
    assert_eq!(facts.iter().filter_map(bad).collect::<Vec<_>>(), [0, 2], "{}", story(&facts));
    assert!(stderr.contains("not a beat") && stderr.contains("-5"), "{stderr}");
}

#[test]
fn busy_is_a_sign_of_life_that_ends_no_cycle() {
    let world = World::new();
    let script = r#"
        trap 'exit 0' TERM
        echo '{"agent":"a","status":"busy","tokens_used":100}'
        echo '{"agent":"a","status":"busy","tokens_used":100}'
        echo '{"agent":"a","status":"ok","tokens_used":100}'
        while :; do sleep 0.05; done"#;
    let mut run = world.script(&[], script);
    run.beat(3);
    run.signal("TERM");
    run.wait();
    run.says("3 beats, 300 tokens (300 a cycle)");
}

#[test]
fn a_flood_of_beats_is_counted_to_the_token_in_few_lines() {
    let world = World::new();
    let script = r#"awk 'BEGIN { for (n = 0; n < 50000; n++) print "{\"agent\":\"a\",\"tokens_used\":3}" }'"#;
    let mut run = world.script(&["--restart", "never"], script);
    assert_eq!(run.wait(), 0);
    let beats = beats(&world.facts());
    let tokens: u64 = beats.iter().filter_map(|beat| beat.tokens).sum();
    let told: u64 = beats.iter().map(|beat| beat.beats).sum();
    assert_eq!((tokens, told), (150_000, 50_000));
    assert!(beats.len() < 1000, "{} lines", beats.len());
}

#[test]
fn beats_none_hands_stdout_over_untouched() {
    let world = World::new();
    let script = r#"readlink /proc/self/fd/1; echo '{"agent":"a","status":"ok"}'"#;
    let mut run = world.script(&["--restart", "never", "--beats", "none"], script);
    assert_eq!(run.wait(), 0);
    if std::path::Path::new("/proc/self/fd/1").exists() {
        assert!(run.stdout().contains("/out-"), "{}", run.stdout());
    }
    assert!(beats(&world.facts()).is_empty());
}
