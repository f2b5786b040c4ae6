//! libFuzzer over `agentwatch_fuzz::prices`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::prices::check(data));
