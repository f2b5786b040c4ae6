//! libFuzzer over `agentwatch_fuzz::env_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::env_file::check(data));
