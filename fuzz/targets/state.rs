//! libFuzzer over `agentwatch_fuzz::state`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::state::check(data));
