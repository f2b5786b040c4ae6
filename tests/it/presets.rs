//! Agents that print streams of their own, read by presets: what is counted, and what an end means.

use std::fs;
use std::process::Stdio;

use agentwatch::core::fact::{BeatFact, Fact, Outcome};

use crate::harness::World;

const CLAUDE_OK: &str = include_str!("../transcripts/claude-ok.jsonl");
const CLAUDE_500: &str = include_str!("../transcripts/claude-api-500.jsonl");
const CODEX_OK: &str = include_str!("../transcripts/codex-ok.jsonl");
const CODEX_401: &str = include_str!("../transcripts/codex-api-401.jsonl");

fn beats(world: &World) -> Vec<BeatFact> {
    let facts = world.facts().into_iter();
    facts.filter_map(|fact| if let Fact::Beat(beat) = fact { Some(beat) } else { None }).collect()
}

fn tokens(world: &World) -> u64 {
    beats(world).iter().filter_map(|beat| beat.tokens).sum()
}

fn outcomes(world: &World) -> Vec<Outcome> {
    let facts = world.facts().into_iter();
    facts
        .filter_map(
            |fact| if let Fact::Exited { outcome, .. } = fact { Some(outcome) } else { None },
        )
        .collect()
}

fn recognised(world: &World) -> Vec<(String, u64)> {
    let facts = world.facts().into_iter();
    facts
        .filter_map(|fact| match fact {
            Fact::Recognised(one) => Some((one.preset, one.interval_ms)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_finished_run_of_claude_is_counted_and_no_failure() {
    let world = World::new();
    fs::write(world.path("lines"), CLAUDE_OK).unwrap();
    let mut run = world.script(&[], "cat lines");
    assert_eq!(run.wait(), 0);
    assert_eq!(run.stdout(), CLAUDE_OK, "byte for byte");
    assert_eq!(recognised(&world), [("claude".to_owned(), 600_000)]);
    assert_eq!((tokens(&world), outcomes(&world)), (1_050, vec![Outcome::Finished]));
    let end = beats(&world).pop().unwrap();
    assert_eq!(
        (end.cycles, end.cost_usd, end.model.as_deref()),
        (1, Some(0.00625), Some("claude-opus-4-8[1m]"))
    );
}

#[test]
fn exit_0_without_the_end_of_the_work_is_a_failure() {
    for options in [&["--max-failures", "1"][..], &["--repeat", "0s", "--max-failures", "1"]] {
        let world = World::new();
        // What SIGINT makes of Claude Code, and SIGTERM of Gemini CLI: 0, and no last line.
        fs::write(world.path("lines"), CLAUDE_OK.lines().take(2).collect::<Vec<_>>().join("\n"))
            .unwrap();
        assert_eq!(world.script(options, "cat lines").wait(), 69);
        assert!(matches!(outcomes(&world)[..], [Outcome::Failure { .. }]));
        // Named, it need not have said anything.
        let world = World::new();
        let options = [options, &["--preset", "gemini"]].concat();
        let code = world.script(&options, "echo hi").wait();
        assert_eq!(code, if options.contains(&"--repeat") { 69 } else { 0 });
    }
}

#[test]
fn runs_of_many_are_counted_each_from_zero() {
    let world = World::new();
    fs::write(world.path("lines"), CLAUDE_OK).unwrap();
    let script = "cat lines; echo x >>n; [ $(wc -l <n) -lt 3 ] || kill -TERM $PPID";
    let mut run = world.script(&["--repeat", "0s", "--cooldown", "0s"], script);
    run.wait();
    assert_eq!(tokens(&world), 3 * 1_050);
    assert_eq!(recognised(&world).len(), 1, "said once");
}

#[test]
fn a_provider_that_refuses_escalates_and_one_that_is_overloaded_parks() {
    let world = World::new();
    fs::write(world.path("lines"), CODEX_401).unwrap();
    assert_eq!(world.script(&[], "cat lines; exit 1").wait(), 69);
    let rule = world.facts().into_iter().find_map(|fact| match fact {
        Fact::Exited { rule, .. } => Some(rule),
        _ => None,
    });
    assert_eq!(rule, Some(Some(1)));

    let world = World::new();
    fs::write(world.path("lines"), CLAUDE_500).unwrap();
    let run = world.script(&[], "cat lines; exit 1");
    let waits = run.fact("parked", 1, |fact| match fact {
        Fact::Parked { wait_ms, .. } => Some(*wait_ms),
        _ => None,
    });
    assert!((290_000..=300_000).contains(&waits), "{waits}");
    // Somebody's own rule comes first.
    let world = World::new();
    fs::write(world.path("lines"), CLAUDE_500).unwrap();
    fs::write(world.path("aw.toml"), "[[restart.rule]]\nexit = 1\naction = \"finish\"\n").unwrap();
    assert_eq!(world.script(&["--config", "aw.toml"], "cat lines; exit 1").wait(), 1);
}

/// A turn of a thread of Codex that begins now, and a resume of it.
const CODEX: &str = r#"
[ -e id ] || printf '%012x' $(date +%s%3N) | sed 's/\(........\)\(....\)/\1-\2-7000-8000-000000000000/' >id
printf '{"type":"thread.started","thread_id":"%s"}\n{"type":"turn.started"}\n' $(cat id)
printf '{"type":"turn.completed","usage":{"input_tokens":%s,"cached_input_tokens":400,"output_tokens":50}}\n' $IN
"#;

#[test]
fn a_thread_goes_on_across_restarts_of_the_child_and_of_agentwatch() {
    let world = World::new();
    let run = |input: &str| {
        let mut command = world.command(&["run", "--name", "t", "--", "sh", "-c", CODEX]);
        command.env("IN", input);
        assert_eq!(world.spawn(command).wait(), 0);
    };
    run("1000");
    assert_eq!(tokens(&world), 650);
    run("5000");
    assert_eq!(tokens(&world), 650 + 4_000);
    // The journal alone is enough.
    fs::remove_file(world.agent().join("state.json")).unwrap();
    run("5500");
    assert_eq!(tokens(&world), 650 + 4_000 + 500);
    // What is told in parts is the turn's, and not the thread's.
    let end = beats(&world).pop().unwrap();
    assert_eq!(
        (end.input_tokens, end.cache_read_tokens, end.output_tokens),
        (Some(500), Some(0), Some(0))
    );
}

#[test]
fn a_thread_from_before_is_no_runaway() {
    let world = World::new();
    fs::write(world.path("id"), "01a205aa-b1ef-71a2-ad4f-dc2144a75351").unwrap();
    for (input, all) in [("900000", 0), ("901000", 1_000)] {
        let mut command = world.command(&["run", "--name", "t", "--", "sh", "-c", CODEX]);
        command.env("IN", input);
        assert_eq!(world.spawn(command).wait(), 0);
        assert_eq!(tokens(&world), all);
    }
}

const OWN: &str = r#"
[[preset]]
name = "mine"
interval = "200ms"
typed = "kind"
detect = [{ kind = "hello" }]
[[preset.line]]
when = { kind = "bye" }
is = "end"
[[preset.usage]]
total = "n"
"#;

#[test]
fn who_is_recognised_is_watched_at_the_interval_that_fits() {
    let world = World::new();
    fs::write(world.path("aw.toml"), OWN).unwrap();
    let script = r#"echo '{"kind":"hello"}'; echo '{"kind":"bye","n":7}'; exec sleep 100"#;
    let run = world.script(&["--config", "aw.toml", "--max-failures", "1"], script);
    run.fact("unhealthy", 1, |fact| matches!(fact, Fact::Unhealthy { .. }).then_some(()));
    assert_eq!((recognised(&world), tokens(&world)), (vec![("mine".to_owned(), 200)], 7));
    drop(run);
    // The next life begins with it: the first line may be long in coming.
    let state = world.agent().join("state.json");
    let state = fs::read_to_string(state).unwrap();
    assert!(state.contains("\"interval_from\": \"preset mine\""), "{state}");
    let mut run = world.script(&["--config", "aw.toml", "--max-failures", "1", "--resume"], script);
    run.fact("unhealthy", 2, |fact| matches!(fact, Fact::Unhealthy { .. }).then_some(()));
    assert_eq!(run.wait(), 69);
    let intervals = world.facts().into_iter().filter_map(|fact| match fact {
        Fact::SupervisorStarted(began) => Some(began.interval_ms),
        _ => None,
    });
    assert_eq!(intervals.collect::<Vec<_>>(), [60_000, 200]);
    // Whoever has set one knows better.
    let world = World::new();
    fs::write(world.path("aw.toml"), OWN).unwrap();
    let mut run = world.script(
        &["--config", "aw.toml", "--interval", "5m"],
        r#"echo '{"kind":"hello"}'; echo '{"kind":"bye"}'"#,
    );
    assert_eq!(run.wait(), 0);
    assert_eq!(recognised(&world), [("mine".to_owned(), 300_000)]);
}

#[test]
fn a_preset_that_is_named_brings_its_interval_and_no_stdin() {
    let world = World::new();
    let mut command = world.command(&[
        "run",
        "--name",
        "t",
        "--preset",
        "codex",
        "--",
        "sh",
        "-c",
        "cat; echo read",
    ]);
    // An open pipe that nobody writes to: Codex would wait on it for ever.
    command.stdin(Stdio::piped());
    let mut run = world.spawn(command);
    run.says("finished");
    assert_eq!((run.wait(), run.stdout().as_str()), (0, "read\n"));
    let shown = world.output(&["check", "--preset", "codex", "--", "x"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "interval 10m default, by preset codex",
        "stdin null default, by preset codex",
        "auth_error, escalate",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let shown = world.output(&[
        "check",
        "--preset",
        "codex",
        "--interval",
        "7s",
        "--stdin",
        "inherit",
        "--",
        "x",
    ]);
    assert!(!String::from_utf8(shown.stdout).unwrap().contains("by preset codex"));
}

#[test]
fn a_wrong_preset_is_refused_before_anything_starts() {
    let world = World::new();
    for (options, toml, words) in [
        (
            &["--preset", "clade"][..],
            "",
            "--preset clade: is no preset; write one of auto, none, claude, codex",
        ),
        (&[], "[heartbeat]\npreset = \"x\"", "aw.toml:2: heartbeat.preset = x is no preset"),
        (
            &[],
            "[[preset]]\nname = \"x\"\nline = 7",
            "aw.toml:3: preset.line = 7 is an integer; write a list of tables",
        ),
    ] {
        fs::write(world.path("aw.toml"), toml).unwrap();
        let options = [&["--config", "aw.toml"][..], options].concat();
        let mut run = world.script(&options, "touch started");
        assert!(matches!(run.wait(), 2 | 78));
        assert!(run.stderr().contains(words), "{}", run.stderr());
        assert!(!world.path("started").exists());
    }
    // Its own preset by name, and none at all.
    fs::write(world.path("aw.toml"), OWN).unwrap();
    fs::write(world.path("lines"), CODEX_OK).unwrap();
    let mut run = world.script(&["--config", "aw.toml", "--preset", "none"], "cat lines");
    assert_eq!((run.wait(), tokens(&world), recognised(&world).len()), (0, 0, 0));
    let mut run = world.script(
        &["--config", "aw.toml", "--preset", "mine"],
        r#"cat lines; echo '{"kind":"bye","n":7}'"#,
    );
    assert_eq!((run.wait(), tokens(&world)), (0, 7));
}

#[test]
fn what_codex_says_of_a_failed_turn_tells_its_cause() {
    // Printed by 0.171 for 500, 503, 529, 429 and 403; of the last nobody knows the cause.
    let said = [
        (
            "We’re currently experiencing high demand, which may cause temporary errors.",
            "overloaded",
        ),
        (
            "unexpected status 503 Service Unavailable: mock error 503, url: http://h/v1",
            "overloaded",
        ),
        (
            "unexpected status 529 <unknown status code>: mock error 529, url: http://h",
            "overloaded",
        ),
        ("exceeded retry limit, last status: 429 Too Many Requests", "rate_limited"),
        ("unexpected status 403 Forbidden: mock error 403, url: http://h/v1", "auth_error"),
        ("stream disconnected before completion: stream closed", "error"),
    ];
    let world = World::new();
    let ends = said.map(|(message, _)| {
        format!("{{\"type\":\"turn.failed\",\"error\":{{\"message\":\"{message}\"}}}}\n")
    });
    let begin = CODEX_401.lines().next().unwrap();
    fs::write(world.path("lines"), format!("{begin}\n{}", ends.concat())).unwrap();
    world.script(&["--restart", "never"], "cat lines").wait();
    let heard: Vec<_> = beats(&world).into_iter().map(|beat| beat.status).collect();
    let want: Vec<_> = said.iter().map(|(_, status)| *status).collect();
    assert_eq!(heard[1..], want, "{heard:?}");
}
