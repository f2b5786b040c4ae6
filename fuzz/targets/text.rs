//! libFuzzer over `agentwatch_fuzz::text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::text::check(data));
