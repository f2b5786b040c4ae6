//! libFuzzer over `agentwatch_fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::config::check(data));
