//! Names from command lines: valid wherever one is given, and a process is called in one short line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use agentwatch::config::name::{derive, is_valid};
use agentwatch::wire::process;

use super::assert_plain;

/// The longest that a process is called, in characters.
const PROCESS_MAX: usize = 40;

pub fn check(data: &[u8]) {
    let words = data.split(|byte| *byte == 0);
    let command: Vec<OsString> = words.map(|word| OsStr::from_bytes(word).to_owned()).collect();
    match derive(&command) {
        Ok(derived) => assert!(is_valid(&derived.name), "{derived:?}"),
        Err(error) => assert_plain(&error.to_string()),
    }
    let called = process::name("comm", data);
    assert!(called.chars().count() <= PROCESS_MAX && !called.contains(char::is_control));
}
