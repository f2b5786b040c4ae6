//! libFuzzer over `agentwatch_fuzz::pipe`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::pipe::check(data));
