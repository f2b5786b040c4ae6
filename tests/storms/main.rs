//! Storms on the real binary: what people will put agentwatch through, and worse.
//!
//! `cargo test --release --test storms -- --nocapture` takes a minute or two and prints its figures;
//! `AGENTWATCH_STORM=100` in front makes everything that is repeated a hundred times as long.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![allow(clippy::print_stderr, reason = "a test that does less says so")]
#![allow(clippy::disallowed_methods, reason = "storms wait for real time, with a deadline")]
#![allow(missing_docs, reason = "names of tests are sentences")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks for --nocapture")]

mod clocks;
mod container;
mod crowd;
#[path = "../it/harness.rs"]
#[expect(dead_code, reason = "the storms need less of it than the integration tests")]
mod harness;
mod kernel;
mod killed;
mod memory;
#[path = "../simulation/rng.rs"]
#[expect(dead_code, reason = "the storms need less of it than the simulator")]
mod rng;
mod statefiles;
mod streams;
mod tree;

/// How many rounds to do of what does `few` of them in CI.
pub fn rounds(few: u32) -> u32 {
    let text = std::env::var("AGENTWATCH_STORM").unwrap_or_default();
    few * text.parse::<u32>().unwrap_or(1)
}
