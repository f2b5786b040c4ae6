//! libFuzzer over `agentwatch_fuzz::record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::record::check(data));
