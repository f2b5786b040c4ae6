//! libFuzzer over `agentwatch_fuzz::control`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::control::check(data));
