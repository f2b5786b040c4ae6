//! libFuzzer over `agentwatch_fuzz::name`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::name::check(data));
