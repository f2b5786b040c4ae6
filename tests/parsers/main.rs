//! Every parser with all that the fuzzer has found interesting, and with shapes that make bad ones slow.
//!
//! `fuzz/properties.rs` says what has to hold; `.ci/fuzz` looks for bytes that break it.
#![allow(clippy::expect_used, reason = "what is impossible is what is looked for")]

#[path = "../../fuzz/properties.rs"]
mod properties;

use std::path::Path;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

#[test]
fn the_kept_corpus_breaks_no_property() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, holds) in properties::ALL {
        let mut tried = 0;
        for entry in std::fs::read_dir(corpora.join(name)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            let held = std::panic::catch_unwind(|| holds(&bytes));
            assert!(held.is_ok(), "{}", path.display());
            tried += 1;
        }
        assert!(tried > 3, "the corpus of {name} has {tried} files");
    }
}

/// Shapes that are quadratic or deep for a careless parser, of about `n` bytes.
fn shapes(n: usize) -> Vec<(&'static str, Vec<u8>)> {
    let many = |part: &str| part.repeat(n / part.len());
    let object =
        |inside: String| format!("{{\"agent\":\"a\",\"tokens_used\":1,{inside}\"z\":0}}\n");
    let dict = |inside: String| format!("{{'agent': 'a', 'tokens_used': 1, {inside}'z': 0}}\n");
    let numbered = |write: fn(usize) -> String| (0..n / 12).map(write).collect::<Vec<_>>().concat();
    vec![
        ("open braces", many("{")),
        ("lines of open braces", many("{\n")),
        (
            "deep lists",
            object(format!(
                "\"l\":{}{},",
                many("[").split_at(n / 2).0,
                many("]").split_at(n / 2).0
            )),
        ),
        ("many keys", object(numbered(|i| format!("\"k{i:07}\":1,")))),
        ("one key again and again", object(many("\"agent\":\"b\","))),
        ("escapes", object(format!("\"s\":\"{}\",", many("\\u0041")))),
        ("lone surrogates", object(format!("\"s\":\"{}\",", many("\\ud800")))),
        ("a long number", object(format!("\"n\":{},", many("9")))),
        ("a long exponent", object(format!("\"n\":1e{},", many("9")))),
        ("a dict", dict(many("'k': 'v', "))),
        ("a dict of escapes", dict(format!("'s': '{}', ", many("\\x41")))),
        ("colours", format!("{}{{\"agent\":\"a\",\"tokens_used\":1}}\n", many("\x1b[31m"))),
        ("an open string", format!("{{\"agent\":\"{}", many("a"))),
        ("brackets of loggers", format!("{}{{\"agent\":\"a\"}}", many("[x] "))),
        ("blanks", format!("{}{{}}", many(" "))),
        ("assignments", numbered(|i| format!("K{i:07}=1\n"))),
        ("a list in TOML", format!("command = [{}]\n", many("\"a\", "))),
        ("tables in TOML", many("[[restart.rule]]\nexit = 1\naction = \"park\"\n")),
        ("a quoted value", format!("A=\"{}\"\n", many("a\n"))),
    ]
    .into_iter()
    .map(|(name, text)| (name, text.into_bytes()))
    .collect()
}

/// What this thread has used of a processor: other tests beside it change nothing.
fn used() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

/// The least of several times that `holds` takes.
fn takes(holds: fn(&[u8]), bytes: &[u8]) -> Duration {
    let once = || {
        let begin = used();
        holds(bytes);
        used().saturating_sub(begin)
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}

#[test]
fn no_shape_takes_more_than_linear_time() {
    // What is longer than a line may be is skipped; these are the longest that are read whole.
    const SMALL: usize = 4 * 1024;
    const TIMES: usize = 16;
    for ((shape, small), (_, large)) in shapes(SMALL).into_iter().zip(shapes(SMALL * TIMES)) {
        for (name, holds) in properties::ALL {
            // As one piece: the pieces of the property would be most of the time.
            let one = |bytes: &[u8]| [&[63], bytes].concat();
            let before = takes(holds, &one(&small));
            let after = takes(holds, &one(&large));
            // Five times as much as linear; quadratic would be sixteen times.
            let most = before.max(Duration::from_micros(200)) * u32::try_from(TIMES * 5).unwrap();
            assert!(after <= most, "{name}, {shape}: {before:?}, then {after:?}");
        }
    }
}
