//! libFuzzer over `agentwatch_fuzz::python`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| agentwatch_fuzz::python::check(data));
