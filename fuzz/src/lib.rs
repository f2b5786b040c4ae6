//! What must hold of every parser, whatever bytes it is given: one function a parser.
//!
//! Two programs call them: libFuzzer (`fuzz/targets/`), and `tests/properties/`, which replays the kept
//! corpus in a plain `cargo test`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is what a fuzzer finds"
)]
#![allow(missing_docs, clippy::missing_panics_doc, reason = "each file says what it checks")]

pub mod amounts;
pub mod beat;
pub mod check;
pub mod config;
pub mod control;
pub mod doctor;
pub mod env_file;
pub mod http;
pub mod lines;
pub mod name;
pub mod notify;
pub mod pipe;
pub mod prefix;
pub mod preset;
pub mod prices;
pub mod python;
pub mod record;
pub mod rule;
pub mod sink;
pub mod state;
pub mod text;

/// Takes any bytes, and panics where a property does not hold of them.
pub type Check = fn(&[u8]);

/// Every target by its name, which is also that of its corpus and of its file in `targets/`.
pub const TARGETS: [(&str, Check); 21] = [
    ("amounts", amounts::check),
    ("beat", beat::check),
    ("check", check::check),
    ("config", config::check),
    ("control", control::check),
    ("doctor", doctor::check),
    ("env_file", env_file::check),
    ("http", http::check),
    ("lines", lines::check),
    ("name", name::check),
    ("notify", notify::check),
    ("pipe", pipe::check),
    ("prefix", prefix::check),
    ("preset", preset::check),
    ("prices", prices::check),
    ("python", python::check),
    ("record", record::check),
    ("rule", rule::check),
    ("sink", sink::check),
    ("state", state::check),
    ("text", text::check),
];

/// The bytes cut into chunks as a pipe might, of sizes that depend on nothing but the bytes: a finding
/// comes again, and the corpus stays plain text.
pub(crate) fn pieces(data: &[u8]) -> Vec<&[u8]> {
    // FNV-1a, then Knuth's generator.
    let hash = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let mut state = data.iter().fold(0xcbf2_9ce4_8422_2325, hash);
    let (mut pieces, mut rest) = (Vec::new(), data);
    while !rest.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // Mostly a few bytes, now and then more than any buffer keeps.
        let most = [1, 3, 17, 300, 5_000][usize::try_from(state >> 40).unwrap() % 5];
        let size = usize::try_from(state >> 33).unwrap() % most + 1;
        let (piece, left) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = left;
    }
    pieces
}

/// Holds a text to what may go to a terminal.
pub(crate) fn assert_plain(text: &str) {
    let bad = text.chars().find(|c| c.is_control() && *c != '\t');
    assert_eq!(bad, None, "{text:?}");
}

/// Holds an error to one line of bounded length.
pub(crate) fn assert_words(words: &str) {
    // The longest names every signal.
    const MAX: usize = 1000;
    assert_plain(words);
    assert!(!words.is_empty() && words.len() <= MAX, "{} bytes: {words:.200}", words.len());
}

/// Whether two numbers are one: a decimal that is read and printed may move by its last bit.
pub(crate) fn nearly(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(f64::MIN_POSITIVE),
        (a, b) => a.is_none() && b.is_none(),
    }
}
