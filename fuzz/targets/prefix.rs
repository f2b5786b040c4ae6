//! libFuzzer over `agentwatch_fuzz::prefix`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::prefix::check(data));
