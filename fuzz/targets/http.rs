//! libFuzzer over `agentwatch_fuzz::http`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::http::check(data));
