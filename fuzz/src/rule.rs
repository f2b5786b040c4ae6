//! A restart rule over output: the first line is the pattern, the others are what was printed.

use agentwatch::core::ending::Ending;
use agentwatch::core::rule::{End, Pattern, Rule, RuleAction, first_match};
use agentwatch::run::tail::Tail;

use super::assert_words;

pub fn check(data: &[u8]) {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (pattern, output) = data.split_at(at);
    let Ok(pattern) = std::str::from_utf8(pattern) else { return };
    let pattern = match Pattern::new(pattern) {
        Ok(pattern) => pattern,
        Err(words) => return assert_words(&words),
    };
    assert_eq!(Pattern::new(pattern.as_str()).as_ref(), Ok(&pattern));
    let mut tail = Tail::default();
    tail.push(output);
    let (output, line) = (tail.lines(), tail.last_line());
    let rule = Rule {
        exits: Vec::new(),
        signals: Vec::new(),
        output: Some(pattern),
        statuses: Vec::new(),
        action: RuleAction::Escalate,
    };
    let end = |output| End {
        ending: Ending::Exit { code: 1 },
        line: line.as_deref(),
        output,
        status: None,
    };
    let found = first_match(std::slice::from_ref(&rule), end(&output));
    assert!(matches!(found, None | Some((1, RuleAction::Escalate))));
    // More output hides nothing.
    let more = [output.as_slice(), &["more".to_owned()]].concat();
    assert!(found.is_none() || first_match(&[rule], end(&more)) == found);
}
