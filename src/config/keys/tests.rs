//! The table of settings holds what it promises.

use std::collections::BTreeSet;

use super::*;
use crate::config::value;

#[test]
fn paths_and_flags_are_unique_and_spelled_alike() {
    let mut seen = BTreeSet::new();
    for key in KEYS {
        assert!(seen.insert(key.path), "{} twice", key.path);
        assert!(key.path.chars().all(|c| matches!(c, 'a'..='z' | '_' | '.')), "{}", key.path);
        if let Some(flag) = key.flag {
            assert!(seen.insert(flag) || flag == key.path, "--{flag} twice");
            assert!(flag.chars().all(|c| matches!(c, 'a'..='z' | '-')), "--{flag}");
        }
        assert!(!key.help.ends_with('.') && !key.help.contains('\n'), "{}", key.path);
    }
}

#[test]
fn every_default_and_example_is_a_value_that_may_be_written() {
    for key in KEYS {
        let texts = match key.fallback {
            Fallback::Value(text) => vec![text],
            Fallback::ByPid { usual, as_pid1 } => vec![usual, as_pid1],
            Fallback::Open { example, .. } => vec![example],
        };
        for text in texts {
            let read = value::from_text(key.kind, text.as_ref());
            assert!(read.is_ok(), "{} = {text}: {read:?}", key.path);
        }
    }
}

#[test]
fn the_variable_of_a_flag_is_its_capitals() {
    assert_eq!(opt_variable("stop-timeout"), "AGENTWATCH_OPT_STOP_TIMEOUT");
}
