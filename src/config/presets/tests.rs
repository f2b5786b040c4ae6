//! The rows that come with agentwatch over real streams of agents; rows of a user's own; mistakes in them.

use std::sync::Arc;

use super::*;
use crate::core::beat::{Beat, Turn};
use crate::core::counters::Counters;
use crate::core::time::Wall;
use crate::core::usage::{Counter, Totals};
use crate::wire::lines;
use crate::wire::preset::reader::{Choice, Heard, Reader};

const CLAUDE_OK: &str = include_str!("../../../tests/transcripts/claude-ok.jsonl");
const CLAUDE_TOOL: &str = include_str!("../../../tests/transcripts/claude-tool-3-turns.jsonl");
const CLAUDE_500: &str = include_str!("../../../tests/transcripts/claude-api-500.jsonl");
const CODEX_OK: &str = include_str!("../../../tests/transcripts/codex-ok.jsonl");
const CODEX_TOOL: &str = include_str!("../../../tests/transcripts/codex-tool.jsonl");
const CODEX_401: &str = include_str!("../../../tests/transcripts/codex-api-401.jsonl");
const GEMINI_OK: &str = include_str!("../../../tests/transcripts/gemini-ok.jsonl");
const OPENCODE_OK: &str = include_str!("../../../tests/transcripts/opencode-ok.jsonl");

/// An agent's life as the core would see it.
#[derive(Default)]
struct Seen {
    preset: Vec<String>,
    alive: usize,
    bad: Vec<String>,
    beats: Vec<Beat>,
    totals: Totals,
    cost: f64,
    counters: Counters,
    counter: Counter,
    incarnation: u32,
    started: Wall,
}

impl Seen {
    /// One incarnation that prints `text`.
    fn live(&mut self, choice: &Choice, text: &str) -> &mut Self {
        self.live_in(choice, text, 4096)
    }

    fn live_in(&mut self, choice: &Choice, text: &str, piece: usize) -> &mut Self {
        self.incarnation += 1;
        let (mut lines, mut reader) = (lines::Lines::new(), Reader::new(choice.clone(), builtin));
        let mut heard = Vec::new();
        for bytes in text.as_bytes().chunks(piece) {
            lines.feed(bytes, &mut |line| reader.line(line, &mut |told| heard.push(told)));
            reader.bytes(bytes, &mut |told| heard.push(told));
        }
        lines.end(&mut |line| reader.line(line, &mut |told| heard.push(told)));
        for told in heard {
            match told {
                Heard::Recognised(preset) => self.preset.push(preset.name.clone()),
                Heard::Alive => self.alive += 1,
                Heard::Bad(reason) => self.bad.push(reason),
                Heard::Beat(mut beat) => {
                    self.counters.settle(self.incarnation, self.started, &mut beat);
                    let tokens = self.counter.tokens(&beat, false);
                    self.totals.add(&beat, tokens, None);
                    self.cost += beat.cost_usd.unwrap_or(0.0);
                    self.beats.push(*beat);
                }
            }
        }
        self
    }

    fn words(&self) -> Vec<&str> {
        self.beats.iter().map(|beat| beat.status.word()).collect()
    }
}

fn seen(text: &str) -> Seen {
    let mut seen = Seen::default();
    seen.live(&Choice::Auto, text);
    assert_eq!(seen.bad, Vec::<String>::new());
    seen
}

fn named(name: &str) -> Choice {
    Choice::Named(Arc::clone(builtin().find(name).unwrap()))
}

#[test]
fn real_streams_are_recognised_and_counted_to_the_token() {
    for (text, preset, cycles, tokens, cost, last) in [
        (CLAUDE_OK, "claude", 1, 1_050, 0.00625, "ok"),
        (CLAUDE_TOOL, "claude", 1, 3_150, 0.01935, "ok"),
        (CLAUDE_500, "claude", 1, 0, 0.0, "overloaded"),
        (CODEX_OK, "codex", 1, 1_050, 0.0, "ok"),
        (CODEX_TOOL, "codex", 1, 1_950, 0.0, "ok"),
        (CODEX_401, "codex", 1, 0, 0.0, "auth_error"),
        (GEMINI_OK, "gemini", 1, 1_050, 0.0, "ok"),
        (OPENCODE_OK, "opencode", 1, 1_050, 0.0, "ok"),
    ] {
        for piece in [1, 100, 65_536] {
            let mut seen = Seen::default();
            seen.live_in(&Choice::Auto, text, piece);
            assert_eq!(seen.bad, Vec::<String>::new(), "{preset}");
            assert_eq!(seen.preset, [preset]);
            assert_eq!((seen.totals.cycles, seen.totals.tokens), (cycles, tokens), "{preset}");
            assert!((seen.cost - cost).abs() < 1e-9, "{preset}: {}", seen.cost);
            let end = seen.beats.last().unwrap();
            assert_eq!(
                (end.status.word(), end.turn),
                (last, Some(Turn::Ends { well: last == "ok" }))
            );
            // Every line is a sign of life.
            assert_eq!(seen.alive + seen.beats.len(), text.lines().count(), "{preset}");
        }
        // The same by name.
        let mut by_name = Seen::default();
        by_name.live(&named(preset), text);
        assert_eq!((by_name.totals.cycles, by_name.totals.tokens), (cycles, tokens), "{preset}");
    }
}

#[test]
fn parts_models_and_troubles_are_told() {
    let tool = seen(CLAUDE_TOOL);
    let end = tool.beats.last().unwrap();
    assert_eq!((end.input_tokens, end.output_tokens), (Some(3000), Some(150)));
    assert_eq!(
        (end.cache_read_tokens, end.model.as_deref()),
        (Some(1200), Some("claude-opus-4-8[1m]"))
    );
    assert_eq!(tool.beats.iter().filter_map(|beat| beat.tool_calls).sum::<u64>(), 2);
    let codex = seen(CODEX_TOOL);
    let end = codex.beats.last().unwrap();
    assert_eq!(
        (end.input_tokens, end.cache_read_tokens, end.output_tokens),
        (Some(1800), Some(1200), Some(150))
    );
    assert_eq!(seen(GEMINI_OK).beats.last().unwrap().model.as_deref(), Some("mock-1"));
    assert_eq!(seen(OPENCODE_OK).beats.last().unwrap().cost_usd, None, "0 is no price");

    let failing = seen(CLAUDE_500);
    assert_eq!(failing.words(), [&["busy"][..], &["warning"; 10], &["overloaded"]].concat());
    assert!(
        failing.beats.last().unwrap().message.as_deref().unwrap().starts_with("API Error: 500")
    );
    let failing = seen(CODEX_401);
    assert_eq!(failing.words(), [&["busy"; 2][..], &["warning"; 6], &["auth_error"]].concat());
    assert!(
        failing.beats.iter().all(|beat| beat.ends_cycle() == (beat.status.word() == "auth_error"))
    );
}

fn result(session: &str, turn: u64, all: u64, cost: f64) -> String {
    format!(
        r#"{{"type":"result","subtype":"success","is_error":false,"num_turns":1,"session_id":"{session}","total_cost_usd":{cost},"usage":{{"input_tokens":{turn},"output_tokens":0}},"modelUsage":{{"m":{{"inputTokens":{all},"outputTokens":0}},"sub":{{"inputTokens":5,"outputTokens":5}}}}}}"#
    ) + "\n"
}

#[test]
fn claude_counts_per_process_with_its_subagents() {
    let init = CLAUDE_OK.lines().next().unwrap().to_owned() + "\n";
    let long =
        [init.clone(), result("s", 1000, 1000, 0.25), init.clone(), result("s", 1000, 3000, 0.75)]
            .concat();
    let mut life = Seen::default();
    life.live(&Choice::Auto, &long);
    assert_eq!((life.totals.cycles, life.totals.tokens), (2, 3_010));
    assert_eq!(life.beats.iter().filter_map(|beat| beat.cost_usd).collect::<Vec<_>>(), [0.25, 0.5]);
    // A new process goes on with the same session, and with figures from 0.
    life.live(&Choice::Auto, &[&init, &result("s", 3500, 3500, 0.5)[..]].concat());
    assert_eq!(life.totals.tokens, 3_010 + 3_510);
    // In a loop of a shell there is a new one with each cycle, and a new session mostly.
    let looped: String =
        (0..5).map(|n| init.clone() + &result(&format!("n{n}"), 700, 700, 0.1)).collect();
    let mut life = Seen::default();
    life.live(&Choice::Auto, &looped);
    assert_eq!((life.totals.cycles, life.totals.tokens), (5, 5 * 710));
    let same: String = (0..5).map(|_| init.clone() + &result("same", 710, 700, 0.1)).collect();
    let mut life = Seen::default();
    life.live(&Choice::Auto, &same);
    assert_eq!(life.totals.tokens, 5 * 710);
    // Of one that does not know modelUsage.
    let old = r#"{"type":"result","is_error":false,"num_turns":1,"session_id":"s","total_cost_usd":0.5,"usage":{"input_tokens":10,"output_tokens":5,"cache_creation_input_tokens":2,"cache_read_input_tokens":900}}"#;
    let twice = format!("{old}\n{}\n", old.replace("0.5", "0.75"));
    let old = seen(&twice);
    assert_eq!((old.totals.cycles, old.totals.tokens), (2, 34));
    assert!((old.cost - 0.75).abs() < 1e-9);
}

#[test]
fn codex_counts_per_thread_and_a_resume_is_no_runaway() {
    let born = 0x01a2_05aa_b1ef;
    let resumed = CODEX_TOOL.replace("3000", "4000").replace("1200", "1600").replace("150", "200");
    let mut life = Seen { started: Wall(born - 400), ..Seen::default() };
    life.live(&Choice::Auto, CODEX_TOOL);
    assert_eq!(life.totals.tokens, 1_950);
    life.started = Wall(born + 60_000);
    life.live(&Choice::Auto, &resumed);
    assert_eq!(life.totals.tokens, 1_950 + 650);
    // Of a thread that nobody has seen, what it used before is no cycle.
    let mut stranger = Seen { started: Wall(born + 60_000), ..Seen::default() };
    stranger.live(&Choice::Auto, CODEX_TOOL);
    assert_eq!((stranger.totals.cycles, stranger.totals.tokens), (1, 0));
    stranger.live(&Choice::Auto, &resumed);
    assert_eq!(stranger.totals.tokens, 650);
}

#[test]
fn steps_of_one_cycle_are_added_up() {
    let line = OPENCODE_OK.lines().last().unwrap();
    let step = line.replace(r#""reason":"stop""#, r#""reason":"tool-calls""#);
    let text = OPENCODE_OK.replace(line, &format!("{step}\n{step}\n{line}"));
    let seen = seen(&text.replace(r#""cost":0"#, r#""cost":0.5"#));
    assert_eq!((seen.totals.cycles, seen.totals.tokens), (1, 3_150));
    assert!((seen.cost - 1.5).abs() < 1e-9);
}

#[test]
fn usage_lines_of_libraries_are_beats() {
    for (line, preset, tokens) in [
        (
            r#"{"model":"m","usage":{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050,"prompt_tokens_details":{"cached_tokens":400}}}"#,
            "openai-usage",
            650,
        ),
        (
            r#"{"usage":{"input_tokens":1000,"output_tokens":50,"total_tokens":1050,"input_tokens_details":{"cached_tokens":400}}}"#,
            "openai-usage",
            650,
        ),
        (r#"{"usage":{"total_tokens":1050}}"#, "openai-usage", 1050),
        (
            r#"{"usage":{"input_tokens":600,"output_tokens":50,"cache_read_input_tokens":400,"cache_creation_input_tokens":7}}"#,
            "anthropic-usage",
            657,
        ),
        (
            r#"{"type":"message","role":"assistant","usage":{"input_tokens":600,"output_tokens":50,"cache_read_input_tokens":null}}"#,
            "anthropic-usage",
            650,
        ),
        (
            r#"{"content":"x","usage_metadata":{"input_tokens":1000,"output_tokens":50,"total_tokens":1050,"input_token_details":{"cache_read":400}}}"#,
            "langchain",
            650,
        ),
        (
            r#"{"usageMetadata":{"promptTokenCount":1000,"candidatesTokenCount":50,"thoughtsTokenCount":200,"totalTokenCount":1250,"cachedContentTokenCount":400}}"#,
            "gemini-api",
            850,
        ),
        (
            r#"{"usage_metadata":{"prompt_token_count":1000,"candidates_token_count":50,"total_token_count":1050}}"#,
            "gemini-api",
            1050,
        ),
        (
            r#"{"name":"chat m","status":{"status_code":"UNSET"},"attributes":{"gen_ai.operation.name":"chat","gen_ai.usage.input_tokens":1000,"gen_ai.usage.output_tokens":50}}"#,
            "otel",
            1050,
        ),
    ] {
        let text =
            format!("{{\"level\":\"info\",\"msg\":\"hi\"}}\nhello\n{line}\nINFO:root:{line}\n");
        let seen = seen(&text);
        assert_eq!(seen.preset, [preset], "{line}");
        assert_eq!((seen.totals.cycles, seen.totals.tokens), (2, 2 * tokens), "{line}");
        assert_eq!(seen.words(), ["ok", "ok"]);
    }
}

#[test]
fn a_streamed_answer_that_repeats_its_sum_counts_once() {
    let piece = |id: &str, out: u64, end: &str| {
        format!(
            r#"{{"candidates":[{{"content":{{}}{end}}}],"responseId":"{id}","usageMetadata":{{"promptTokenCount":1000,"candidatesTokenCount":{out},"totalTokenCount":{}}}}}"#,
            1000 + out
        ) + "\n"
    };
    let end = r#","finishReason":"STOP""#;
    let text =
        [piece("a", 10, ""), piece("a", 30, ""), piece("a", 50, end), piece("b", 50, end)].concat();
    let seen = seen(&text);
    assert_eq!((seen.totals.cycles, seen.totals.tokens), (2, 2_100));
}

#[test]
fn aider_is_read_as_text() {
    let text = "\x1b[32mAider v0.86.2\x1b[0m\nModel: gpt-4o\n\nhello\nTokens: 1.2k sent, 50 received. Cost: $0.0040 message, $0.0080 session.\nTokens: 2,000 sent, 10 received.\n";
    for piece in [1, 7, 4096] {
        let mut seen = Seen::default();
        seen.live_in(&Choice::Auto, text, piece);
        assert_eq!(seen.preset, ["aider"]);
        assert_eq!((seen.totals.cycles, seen.totals.tokens), (2, 3_260));
        assert!((seen.cost - 0.004).abs() < 1e-9 && seen.alive > 0);
    }
    assert!(seen("I use Aider v1 sometimes\nTokens: 5 sent, 5 received\n").preset.is_empty());
}

#[test]
fn what_is_unknown_or_spoilt_is_a_sign_of_life_and_no_figure() {
    let long = format!("{{\"type\":\"user\",\"x\":\"{}\"}}", "x".repeat(lines::LINE_MAX));
    for line in [
        r#"{"type":"never-seen","tokens_used":900,"agent":"x","status":"ok"}"#,
        r#"{"type":"assistant","message":{"content":[{"type":"text","text":"{\"agent\":\"x\",\"tokens_used\":9}"}]}}"#,
        r#"{"type":"user","tool_use_result":{"agent":"x","tokens_used":9000000,"status":"error"}}"#,
        r#"{"type":"assistant","message":{"agent":"x","tokens_used"#,
        long.as_str(),
    ] {
        let seen =
            seen(&format!("{}{line}\n{}", CLAUDE_OK.lines().next().unwrap().to_owned() + "\n", ""));
        assert_eq!((seen.beats.len(), seen.alive, seen.totals.tokens), (1, 1, 0), "{line:.80}");
    }
    // A figure that is none is named, and what the line means besides it holds.
    for bad in ["-5", "1.5", "\"7\"", "1e300", "99999999999999"] {
        let line = result("s", 5, 5, 0.1)
            .replace("\"inputTokens\":5,", &format!("\"inputTokens\":{bad},"));
        let mut seen = Seen::default();
        seen.live(&Choice::Auto, &line);
        assert_eq!((seen.totals.cycles, seen.totals.tokens, seen.bad.len()), (1, 0, 1), "{bad}");
        assert!(seen.bad[0].starts_with("modelUsage.*.inputTokens is "), "{}", seen.bad[0]);
    }
}

#[test]
fn usage_of_others_is_not_that_of_a_known_agent_and_scripts_may_run_several() {
    let other = r#"{"usage":{"prompt_tokens":9000,"completion_tokens":9,"total_tokens":9009}}"#;
    let text = format!("{CLAUDE_OK}{other}\n{CODEX_OK}");
    let mut seen = Seen::default();
    seen.live(&Choice::Auto, &text);
    assert_eq!(seen.preset, ["claude", "codex"]);
    assert_eq!((seen.totals.cycles, seen.totals.tokens), (2, 2_100));
    // What says itself what it is comes first.
    let text = format!(
        "{{\"agent\":\"a\",\"tokens_used\":5,\"usage\":{{\"total_tokens\":7}}}}\n{other}\n"
    );
    let mut seen = Seen::default();
    seen.live(&Choice::Auto, &text);
    assert_eq!(seen.totals.tokens, 5 + 9_009);
    seen.live(&Choice::None, CLAUDE_OK);
    assert_eq!(seen.totals.tokens, 5 + 9_009);
}

#[test]
fn near_json_and_logs_are_nobodys() {
    // But for an answer of a library that is printed as it came.
    let strangers = include_str!("../../../tests/corpus/strangers.txt");
    let strangers: Vec<&str> =
        strangers.lines().filter(|line| !line.contains("\"usage\"")).collect();
    let strangers = strangers.join("\n");
    for text in [&strangers, include_str!("../../../tests/corpus/loggers.jsonl")] {
        let mut seen = Seen::default();
        assert_eq!(seen.live(&Choice::Auto, text).preset, Vec::<String>::new());
    }
    // The type alone says nothing.
    for line in ["init", "result", "error", "message", "system"] {
        assert!(seen(&format!("{{\"type\":\"{line}\",\"message\":\"x\"}}\n")).preset.is_empty());
    }
}

const OWN: &str = r#"
[[preset]]
name = "mine"
interval = "3m"
typed = "kind"
detect = [{ kind = "hello", mine = true }]
[[preset.line]]
when = { kind = "bye" }
is = "end"
[[preset.usage]]
input = "n.in"
output = "n.out"
[[preset.rule]]
exit = 9
action = "finish"
"#;

#[test]
fn a_preset_of_ones_own_is_read_like_any() {
    let own = crate::config::document::parse(OWN, "own").unwrap().presets;
    let choice = Choice::AutoOf(with(&own, false));
    let text = "{\"kind\":\"hello\",\"mine\":true}\n{\"kind\":\"x\"}\n{\"kind\":\"bye\",\"n\":{\"in\":5,\"out\":2}}\n";
    let mut seen = Seen::default();
    seen.live(&choice, text).live(&choice, CLAUDE_OK);
    assert_eq!(seen.preset, ["mine", "claude"]);
    assert_eq!((seen.totals.cycles, seen.totals.tokens, seen.alive), (2, 1_057, 3));
    let mine = with(&own, false);
    assert_eq!(mine.find("mine").unwrap().rules.len(), 1);
    assert_eq!(mine.find("mine").unwrap().interval, Some(Duration::from_mins(3)));
}

#[test]
fn mistakes_are_named_with_place_key_and_value() {
    for (from, to, words) in [
        (
            "name = \"mine\"",
            "name = \"auto\"",
            "own:3: preset.name = \"auto\" is a word of --preset",
        ),
        ("name = \"mine\"", "", "own:2: preset has no name"),
        (
            "name = \"mine\"",
            "nam = \"mine\"",
            "own:3: unknown key preset.nam; did you mean preset.name?",
        ),
        ("\"3m\"", "3", "own:4: preset.interval = 3 has no unit"),
        ("\"n.in\"", "\"n..in\"", "preset.usage.input = \"n..in\" is no path"),
        ("\"n.in\"", "7", "preset.usage.input = 7 is an integer; write text in quotes"),
        (
            "is = \"end\"",
            "is = \"ende\"",
            "preset.line.is = \"ende\" is none of begin, end, within; did you mean end?",
        ),
        ("is = \"end\"", "is = \"within\"", "own:2: preset has no end of a cycle"),
        ("{ kind = \"bye\" }", "{}", "preset.line.when = {} is empty"),
        (
            "{ kind = \"bye\" }",
            "{ kind = -1 }",
            "preset.line.when = -1 is an integer; write a whole number",
        ),
        ("exit = 9", "exit = 999", "restart.rule.exit = 999"),
        ("[[preset.rule]]", "[preset.rule]", "preset.rule = "),
    ] {
        let text = OWN.replace(from, to);
        let error = crate::config::document::parse(&text, "own").unwrap_err().to_string();
        assert!(error.contains(words), "{error} lacks {words}");
    }
    let twice = [OWN, OWN].concat();
    let error = crate::config::document::parse(&twice, "own").unwrap_err().to_string();
    assert!(error.contains("\"mine\" is given twice"), "{error}");
    let error =
        crate::config::document::parse("preset = \"claude\"", "own").unwrap_err().to_string();
    assert!(error.contains("own:1: preset is a list of tables"), "{error}");
}

#[test]
fn what_comes_with_agentwatch_is_whole() {
    let all = crate::config::document::parse(TEXT, "presets.toml").unwrap();
    assert!(all.entries.is_empty() && all.rules.is_empty());
    let names: Vec<&str> = all.presets.iter().map(Written::name).collect();
    let want = [
        "claude",
        "codex",
        "gemini",
        "opencode",
        "aider",
        "openai-usage",
        "anthropic-usage",
        "langchain",
        "gemini-api",
        "otel",
    ];
    assert_eq!(names, want);
    let catalog = builtin();
    for preset in catalog.presets() {
        assert!(preset.interval.is_some(), "{}", preset.name);
    }
    let rows: usize = all.presets.iter().map(|one| one.detect.len()).sum();
    assert_eq!(rows, 15, "every condition is kept");
}
