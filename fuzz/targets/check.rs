//! libFuzzer over `agentwatch_fuzz::check`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::check::check(data));
