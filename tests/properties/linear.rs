//! Hostile shapes of every size take time in proportion to their size, and no more.

use std::hint::black_box;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use agentwatch::config::{presets, variables};
use agentwatch::core::rule::Pattern;
use agentwatch::core::validation::FileKind;
use agentwatch::run::tail::Tail;
use agentwatch::wire::beat::{parse, parse_any};
use agentwatch::wire::check::Checker;
use agentwatch::wire::lines::{Line, Lines};
use agentwatch::wire::mask::{mask_lines, masked};
use agentwatch::wire::pipe::Cutter;
use agentwatch::wire::plain::plain;
use agentwatch::wire::preset::reader::{Choice, Reader};
use agentwatch::wire::{
    ansi, control, duration, moment, notify, prices, python, record, size, state,
};

use crate::properties::config::resolve;

/// How an agent that a preset knows begins.
const CLAUDE: &str =
    "{\"type\":\"system\",\"subtype\":\"init\",\"claude_code_version\":\"2\",\"model\":\"m\"}\n";

/// The size of the smaller input, in bytes; the larger one has four times as much.
const SMALL: usize = 64 * 1024;

/// How much longer four times as much may take. Twice the fair share, for caches and neighbours; what is
/// quadratic takes sixteen times as long.
const RATIO: f64 = 8.0;

/// What is over faster than this says nothing about its growth.
const FLOOR: Duration = Duration::from_millis(5);

/// What is repeated to make an input: before it, over and over, and behind it.
type Shape = (&'static str, &'static str, &'static str);

const SHAPES: [Shape; 34] = [
    ("{\"type\":\"result\",\"modelUsage\":{", "\"m\":{\"inputTokens\":1},", "\"n\":{}}}"),
    ("{\"type\":\"result\"", ",\"modelUsage\":{\"m\":{}}", "}"),
    ("{\"type\":\"assistant\",\"message\":{\"content\":[", "{\"type\":\"text\"},", "{}]}}"),
    ("", "{\"type\":\"system\",\"subtype\":\"init\"}\n", ""),
    ("", "{", ""),
    ("", "[", ""),
    ("", "{\"a\":", ""),
    ("{\"agent\":", "[", ""),
    ("{'agent':", "(", ""),
    ("{\"agent\":\"", "\\u0061", "\",\"tokens_used\":1}"),
    ("{\"agent\":\"a\",\"message\":\"", "\\ud83d", "\",\"tokens_used\":1}"),
    ("{'agent':'", "\\x61", "','tokens_used':1}"),
    ("{\"agent\":\"a\",\"tokens_used\":", "9", "}"),
    ("{\"agent\":\"a\",\"cost_usd\":0.", "1", "}"),
    ("{\"agent\":\"a\",\"cost_usd\":1e", "9", "}"),
    ("{\"agent\":\"a\"", ",\"tokens_used\":1", "}"),
    ("{\"a\":0", ",\"\\u0061gent\":1", ""),
    ("{", "\"agent\" ", ""),
    ("", "\"", ""),
    ("", "\\", ""),
    ("", "\x1b[", ""),
    ("", "\x1b]0;", ""),
    ("", "\x1b[31m", ""),
    ("", "INFO ", "{\"agent\":\"a\"}"),
    ("", "INFO:a: {\"agent\":\n", ""),
    ("", "\n", ""),
    ("", "A=\"", ""),
    ("A=\"", "\\", ""),
    ("", "A=1 # x\n", ""),
    ("X_AGENTWATCH_TOKENS=", "9", ""),
    ("", "STATUS=x\n", ""),
    ("{\"command\":\"", "\\u001b", "\"}"),
    ("", "9", "s"),
    ("", " ", "{"),
];

/// Shapes of configuration files besides.
const TABLES: [Shape; 14] = [
    ("", "a.", "b = 1"),
    ("", "[a]\n", ""),
    ("", "[[restart.rule]]\n", ""),
    ("", "[", ""),
    ("x = ", "[", ""),
    ("x = ", "{a=", ""),
    ("x = [", "1,", "]"),
    ("name = \"", "a", "\""),
    ("", "a", " = 1"),
    ("[heartbeat]\ninterval = \"", "9", "s\""),
    ("command = [", "\"a\",", "]"),
    ("command = \"\"\"", "\\u0041", "\"\"\""),
    ("[[restart.rule]]\naction = \"finish\"\nexit = [", "1,", "]"),
    ("[[restart.rule]]\naction = \"finish\"\nstatus = [", "'a',", "]"),
];

/// As many names as fit, each another one.
fn names(before: &str, each: impl Fn(usize) -> String, size: usize) -> Vec<u8> {
    let mut text = before.to_owned();
    for at in 0.. {
        if size <= text.len() {
            break;
        }
        text += &each(at);
    }
    text.into_bytes()
}

fn made((before, over, behind): Shape, size: usize) -> Vec<u8> {
    [before, &over.repeat(size / over.len()), behind].concat().into_bytes()
}

/// How much of a CPU it takes: who else is at work on a loaded machine does not count.
fn time(run: impl Fn()) -> Duration {
    let clock = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let start = clock();
    run();
    clock().saturating_sub(start)
}

/// Holds a parser to linear time over inputs that `make` makes of any size.
fn grows(what: &str, parser: &str, make: impl Fn(usize) -> Vec<u8>, run: &dyn Fn(&[u8])) {
    let (small, large) = (make(SMALL), make(4 * SMALL));
    let mut seen = Vec::new();
    // Neighbours only ever add, and not each time; a square is one each time.
    while seen.len() < 5 {
        let (least, most) = (time(|| run(&small)).max(FLOOR), time(|| run(&large)));
        if most.as_secs_f64() <= RATIO * least.as_secs_f64() {
            return;
        }
        seen.push((least, most));
    }
    panic!("{parser} of {what}: {seen:?}");
}

type Parser = (&'static str, fn(&[u8]));

fn text(data: &[u8]) -> &str {
    std::str::from_utf8(data).unwrap()
}

/// Checks a state file as it is read.
fn check(kind: FileKind, data: &[u8]) {
    let mut checker = Checker::new(kind).unwrap();
    data.chunks(4096).for_each(|chunk| checker.feed(chunk));
    drop(black_box(checker.end()));
}

const PARSERS: [Parser; 22] = [
    ("JSON file", |data| check(FileKind::Json, data)),
    ("JSONL file", |data| check(FileKind::Jsonl, data)),
    ("TOML file", |data| check(FileKind::Toml, data)),
    ("pickle", |data| check(FileKind::Pickle, data)),
    ("preset", |data| {
        let (mut lines, mut reader) = (Lines::new(), Reader::new(Choice::Auto, presets::builtin));
        lines.feed(CLAUDE.as_bytes(), &mut |line| reader.line(line, &mut |_| {}));
        let mut on = |line: Line<'_>| reader.line(line, &mut |told| drop(black_box(told)));
        lines.feed(data, &mut on);
        lines.end(&mut on);
    }),
    ("beat", |data| drop(parse(data))),
    ("any beat", |data| drop(parse_any(data))),
    ("python", |data| {
        black_box(python::to_json(data, &mut Vec::new()));
    }),
    ("lines", |data| {
        let mut lines = Lines::new();
        for chunk in data.chunks(4096) {
            lines.feed(chunk, &mut |line| {
                black_box(line);
            });
        }
        lines.end(&mut |line| {
            black_box(line);
        });
    }),
    ("pipe", |data| {
        let mut cutter = Cutter::default();
        for chunk in data.chunks(4096) {
            cutter.feed(chunk, &mut |line| {
                black_box(line);
            });
        }
    }),
    ("notify", |data| drop(notify::parse(data))),
    ("plain", |data| drop(plain(data))),
    ("ansi", |data| drop(ansi::strip(data))),
    ("tail", |data| {
        let mut tail = Tail::default();
        data.chunks(100).for_each(|chunk| tail.push(chunk));
        drop(tail.lines());
    }),
    ("record", |data| drop((record::read(data), record::head(data).is_some()))),
    ("state", |data| drop(state::read(data))),
    ("control", |data| drop(control::read_request(data))),
    ("env file", |data| drop(variables::parse(text(data)))),
    ("amounts", |data| {
        drop((duration::parse(text(data)), size::parse(text(data))));
        drop(moment::parse(text(data), agentwatch::core::time::Wall(0), &|_| 0));
    }),
    ("pattern", |data| drop(Pattern::new(text(data)))),
    ("config", |data| drop(resolve(text(data), false))),
    ("prices", |data| drop((prices::check(text(data)), prices::look_up(text(data), "a")))),
];

#[test]
fn no_shape_takes_more_than_its_share() {
    for (parser, run) in PARSERS {
        for shape in SHAPES.into_iter().chain(TABLES) {
            grows(&format!("{shape:?}"), parser, |size| made(shape, size), &run);
        }
    }
}

#[test]
fn no_number_of_names_takes_more_than_its_share() {
    let line = |at| format!("key{at}=\"value\"\n");
    let table = |at| format!("[table{at}]\nkey=1\n");
    let field = |at| format!("\"key{at}\":{at},");
    for (parser, run) in PARSERS {
        grows("many lines", parser, |size| names("", line, size), &run);
        grows("many tables", parser, |size| names("", table, size), &run);
        grows("many fields", parser, |size| names("{", field, size), &run);
    }
}

/// What secrets look like, again and again, and what only begins like one.
const SECRETS: [Shape; 16] = [
    ("", "a_key://", ""),
    ("", "a://b:", "@c"),
    ("", "postgres://a:b/", "@c"),
    ("", "https://", "@c"),
    ("", "password=", ""),
    ("", "a_", "token=abcdef1"),
    ("", "--", "token abcdef1"),
    ("--", "a-", "token abcdef1"),
    ("", "--token abcdef1 ", ""),
    ("cookie: ", "a=b; ", ""),
    ("", "cookie: a", "=b"),
    ("", "-----BEGIN PRIVATE KEY-----", ""),
    ("-----BEGIN PRIVATE KEY-----\n", "MIIEowIBAAKCAQEA\n", ""),
    ("", "MIIEowIBAAKCAQEA\n", "-----END PRIVATE KEY-----"),
    ("", "x\n-----END PRIVATE KEY-----\n", ""),
    ("", "eyJabcdefgh.", ""),
];

#[test]
fn secrets_are_looked_for_in_linear_time() {
    let mask = |data: &[u8]| {
        let text = text(data);
        black_box(masked(text));
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        mask_lines(&mut lines, |line| line);
    };
    for shape in SECRETS {
        // Smaller ones than elsewhere: no more than some tens of kB is ever looked at.
        grows(&format!("{shape:?}"), "mask", |size| made(shape, size / 16), &mask);
    }
}

#[test]
fn a_table_of_any_number_of_prices_is_read_in_linear_time() {
    let json = |at| {
        format!("\"claude-{at}\":{{\"input_cost_per_token\":1e-6,\"output_cost_per_token\":2e-6}},")
    };
    let toml = |at| format!("\"claude-{at}\" = {{ input = 1, output = 2 }}\n");
    let model = "us.anthropic.claude-7-20250929-v1:0";
    let look_up =
        |data: &[u8]| drop((prices::look_up(text(data), model), prices::check(text(data))));
    grows("models in JSON", "prices", |size| names("{", json, size), &look_up);
    grows("models in TOML", "prices", |size| names("", toml, size), &look_up);
}
