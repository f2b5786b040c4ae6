//! libFuzzer over `agentwatch_fuzz::rule`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::rule::check(data));
