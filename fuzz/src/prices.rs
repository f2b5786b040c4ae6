//! A table of prices: a good one gives prices that saturate, and an error is one line that says where.

use agentwatch::core::cost::price::Usage;
use agentwatch::wire::prices::{check as whole, look_up};

use super::assert_words;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let models = ["claude-x", "us.anthropic.claude-x-20250929-v1:0", "a", "gemini-2.5-pro", ""];
    let all = whole(text);
    if let Err(wrong) = &all {
        assert!(wrong.line.is_none_or(|line| (1..=text.lines().count() + 1).contains(&line)));
        assert_words(&wrong.words);
    }
    for model in models {
        match look_up(text, model) {
            Ok(Some(price)) => {
                let most = Some(u64::MAX);
                let usage = Usage { input: most, output: most, ..Usage::default() };
                assert!(price.cost(&usage).is_some());
                assert!(price.cost(&Usage::default()).is_none());
                assert!(price.tiers.is_sorted_by_key(|tier| tier.above));
            }
            Ok(None) => {}
            // What is wrong with one is wrong with the whole.
            Err(wrong) => {
                assert!(all.is_err(), "{wrong}");
                assert_words(&wrong.words);
            }
        }
    }
}
