//! libFuzzer over `agentwatch_fuzz::doctor`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::doctor::check(data));
