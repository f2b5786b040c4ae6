//! What must hold of every parser, whatever it is given: the fuzzers' properties over their kept corpus,
//! and how long the worst of inputs may take.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod corpus;
mod linear;
#[path = "../../fuzz/src/lib.rs"]
mod properties;
