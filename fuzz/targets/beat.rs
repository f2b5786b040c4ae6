//! libFuzzer over `agentwatch_fuzz::beat`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::beat::check(data));
