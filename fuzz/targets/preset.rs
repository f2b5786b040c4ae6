//! libFuzzer over `agentwatch_fuzz::preset`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::preset::check(data));
