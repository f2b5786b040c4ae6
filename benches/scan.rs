//! What it costs to look for beats in an agent's output, beside the least that any reader pays.
//!
//! `copy` and `newlines` are the references: what forwarding costs in memory alone, and what it
//! costs to know where lines end. Everything else reads as a multiple of them, on any machine.

use agentwatch::config::presets;
use agentwatch::wire::lines::Lines;
use agentwatch::wire::preset::reader::{Choice, Heard, Reader};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};

/// What a pipe holds, so what is read at once.
const CHUNK: usize = 64 * 1024;

/// The chunks that are fed in turn, so that lines cross their ends as they do in life.
const CHUNKS: usize = 16;

/// What an agent may print all day.
#[derive(Clone, Copy, Debug)]
enum Stream {
    /// Log lines of a hundred bytes that nobody takes for a beat.
    Plain,
    /// The same with blanks before every other one, as a pretty-printer or a traceback has them.
    Indented,
    /// JSON behind the prefix of a logger: each is a candidate, none a beat.
    Prefixed,
    /// JSON behind a text: braces that open nothing.
    Braces,
    /// JSON log lines of a hundred bytes: each is a candidate, none a beat.
    JsonLog,
    /// JSON log lines that share two fields with a beat and are none.
    LikeBeats,
    /// Nothing but beats.
    Beats,
    /// One line without an end.
    Endless,
}

const STREAMS: [Stream; 8] = [
    Stream::Plain,
    Stream::Indented,
    Stream::Prefixed,
    Stream::Braces,
    Stream::JsonLog,
    Stream::LikeBeats,
    Stream::Beats,
    Stream::Endless,
];

impl Stream {
    fn line(self, number: usize) -> String {
        let line = match self {
            Self::Plain => {
                format!(
                    "2026-11-23 00:11:05,964 INFO  worker.tools: call {number:08} took 12.5 ms and"
                )
            }
            Self::Indented if number.is_multiple_of(2) => {
                format!("    result = self.call({number})")
            }
            Self::Indented => format!("  File \"worker/tools.py\", line {number}, in call"),
            Self::Prefixed => {
                format!(
                    r#"2026-11-23 00:11:{:02},964 INFO tools: {{"n":{number},"args":{{"cmd":"ls"}},"env":{{"#,
                    number % 60
                )
            }
            Self::Braces if number.is_multiple_of(2) => {
                format!(r#"    call(args={{"cmd":"ls","n":{number}}}, env={{}})"#)
            }
            Self::Braces => format!(r#"Calling the tool {number} with {{"cmd":"ls"}} in {{}}"#),
            Self::JsonLog => {
                format!(
                    r#"{{"level":"info","time":1795392667887,"pid":79,"n":{number},"msg":"handled"#
                )
            }
            Self::LikeBeats => {
                format!(r#"{{"ts":1790000000.5,"status":200,"method":"GET","n":{number},"path":"/"#)
            }
            Self::Beats => {
                format!(
                    r#"{{"agent":"a","status":"ok","tokens_used":{number},"ts":1790000000.5,"message":""#
                )
            }
            Self::Endless => return "x".repeat(100),
        };
        let end = if line.starts_with('{') { "\"}\n" } else { "\n" };
        let width = 100 - end.len();
        format!("{line:x<width$}{end}")
    }

    fn bytes(self) -> Vec<u8> {
        (0..).flat_map(|number| self.line(number).into_bytes()).take(CHUNK * CHUNKS).collect()
    }
}

fn main() {
    divan::main();
}

/// Runs `each` over a chunk at a time and counts its bytes.
fn over_chunks(bencher: Bencher<'_, '_>, stream: Stream, mut each: impl FnMut(&[u8])) {
    let bytes = stream.bytes();
    bencher.counter(BytesCount::new(bytes.len())).bench_local(|| {
        for chunk in black_box(&bytes).chunks(CHUNK) {
            each(chunk);
        }
    });
}

#[divan::bench]
fn copy(bencher: Bencher<'_, '_>) {
    let mut to = vec![0; CHUNK];
    over_chunks(bencher, Stream::Plain, |chunk| {
        to.copy_from_slice(black_box(chunk));
        black_box(&mut to);
    });
}

#[divan::bench]
fn newlines(bencher: Bencher<'_, '_>) {
    over_chunks(bencher, Stream::Plain, |chunk| {
        black_box(memchr::memchr_iter(b'\n', chunk).count());
    });
}

#[divan::bench(args = STREAMS)]
fn lines(bencher: Bencher<'_, '_>, stream: Stream) {
    let mut lines = Lines::new();
    over_chunks(bencher, stream, |chunk| {
        lines.feed(chunk, &mut |line| {
            black_box(line);
        });
    });
}

/// As the shell does it: lines, and what each of them is, for an agent that no preset knows.
#[divan::bench(args = STREAMS)]
fn lines_and_beats(bencher: Bencher<'_, '_>, stream: Stream) {
    let (mut lines, mut reader) = (Lines::new(), Reader::new(Choice::Auto, presets::builtin));
    let mut beats = 0_usize;
    over_chunks(bencher, stream, |chunk| {
        lines.feed(chunk, &mut |line| {
            reader.line(line, &mut |heard| {
                beats += usize::from(matches!(black_box(heard), Heard::Beat(_)));
            });
        });
        reader.bytes(chunk, &mut |heard| {
            black_box(heard);
        });
    });
    black_box(beats);
}

/// Lines of an agent that a preset knows, each of the same length: most show no more than that it lives.
#[divan::bench]
fn preset(bencher: Bencher<'_, '_>) {
    let init =
        include_str!("../tests/transcripts/claude-ok.jsonl").lines().next().unwrap_or_default();
    let text = "x".repeat(500);
    let text = format!(r#"{{"type":"text","text":"{text}"}}"#);
    let message = format!(r#"{{"id":"m","content":[{text}]}}"#);
    let line = format!("{{\"type\":\"assistant\",\"message\":{message}}}\n");
    let bytes = line.repeat(CHUNK * CHUNKS / line.len());
    let (mut lines, mut reader) = (Lines::new(), Reader::new(Choice::Auto, presets::builtin));
    lines.feed(format!("{init}\n").as_bytes(), &mut |line| reader.line(line, &mut |_| {}));
    bencher.counter(BytesCount::new(bytes.len())).bench_local(|| {
        for chunk in black_box(bytes.as_bytes()).chunks(CHUNK) {
            lines.feed(chunk, &mut |line| {
                reader.line(line, &mut |heard| {
                    black_box(heard);
                });
            });
        }
    });
}
