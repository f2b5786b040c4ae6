//! Restart rules: which ends are no crash, or a worse one (SPEC §4, `[[restart.rule]]`).

use std::time::Duration;

use regex_lite::{Regex, RegexBuilder};

use super::ending::Ending;
use super::signal::Signal;

/// The most rules of an agent: who needs more has a program to write, not a table.
pub const RULES_MAX: usize = 100;

/// What a parked agent waits for when neither its rule nor its last words say how long.
pub const PARK_DEFAULT: Duration = Duration::from_mins(10);

/// What follows an end that a rule knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleAction {
    /// It is a failure, whatever the policy would say.
    Restart,
    /// No failure: started again after this long, or after what the agent itself asked for.
    Park {
        /// How long, unless the agent said `retry_after`.
        after: Duration,
    },
    /// A human is called at once: another start would not help.
    Escalate,
    /// The agent is done.
    Finish,
}

/// One rule. Every condition that it names must hold; each names at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// It exited with one of these codes; empty: not asked.
    pub exits: Vec<u8>,
    /// One of these signals ended it; empty: not asked.
    pub signals: Vec<Signal>,
    /// One of its last lines of output matches.
    pub output: Option<Pattern>,
    /// Its last beat said one of these words; empty: not asked.
    pub statuses: Vec<String>,
    /// What follows.
    pub action: RuleAction,
}

/// The longest pattern, in bytes: a screen full of alternatives.
pub const PATTERN_MAX: usize = 2048;

/// The most memory that a pattern takes, in bytes. It bounds the time, too: looking for one takes as long
/// as its size times the kept output's, and the supervisor waits for it; the worst of this size takes part
/// of a second.
const PROGRAM_MAX: usize = 128 * 1024;

/// A regular expression, with what was written.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Reads a regular expression in the syntax of the `regex` crate, without Unicode classes.
    ///
    /// # Errors
    /// What is wrong with it and the way out, as a predicate: the library's words, or that it is too large.
    pub fn new(text: &str) -> Result<Self, String> {
        let too_large =
            || "is too large a regular expression; ask for less, or write several rules".to_owned();
        if PATTERN_MAX < text.len() {
            return Err(too_large());
        }
        match RegexBuilder::new(text).size_limit(PROGRAM_MAX).build() {
            Ok(regex) => Ok(Self { text: text.to_owned(), regex }),
            // The library tells it by its words alone.
            Err(error) if error.to_string().contains("size limit") => Err(too_large()),
            Err(error) => Err(format!(
                "is no regular expression: {error}; write a \"\\\\\" before what is meant as it is"
            )),
        }
    }

    /// What was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

/// What is known of an end when the rules are asked.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// How it ended.
    pub ending: Ending,
    /// The very last line it printed.
    pub line: Option<&'a str>,
    /// The last lines it printed, as far as they were kept.
    pub output: &'a [String],
    /// The status word of its last beat.
    pub status: Option<&'a str>,
}

impl Rule {
    /// Whether everything that this rule asks for is so.
    #[must_use]
    pub fn matches(&self, end: End<'_>) -> bool {
        let exits = self.exits.is_empty()
            || matches!(end.ending, Ending::Exit { .. }) && self.exits.contains(&end.ending.code());
        let signals = self.signals.is_empty()
            || matches!(end.ending, Ending::Signal { signal, .. } if self.signals.contains(&signal));
        let statuses = self.statuses.is_empty()
            || end.status.is_some_and(|said| self.statuses.iter().any(|status| status == said));
        // Last: the only one that costs anything.
        exits
            && signals
            && statuses
            && self.output.as_ref().is_none_or(|pattern| pattern.is_in(end))
    }
}

impl Pattern {
    fn is_in(&self, end: End<'_>) -> bool {
        let lines = end.output.iter().map(String::as_str).chain(end.line);
        lines.into_iter().any(|line| self.regex.is_match(line))
    }
}

/// The first rule that knows this end, and its place in the file, counted from 1.
#[must_use]
pub fn first_match(rules: &[Rule], end: End<'_>) -> Option<(u32, RuleAction)> {
    let at = rules.iter().position(|rule| rule.matches(end))?;
    Some((u32::try_from(at + 1).unwrap_or(u32::MAX), rules[at].action))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(action: RuleAction) -> Rule {
        Rule { exits: vec![], signals: vec![], output: None, statuses: vec![], action }
    }

    fn exit(code: i32) -> Ending {
        Ending::Exit { code }
    }

    #[test]
    fn the_first_rule_that_holds_whole_decides() {
        let quota = Pattern::new("(?i)quota|429").unwrap();
        let park = RuleAction::Park { after: PARK_DEFAULT };
        let rules = [
            Rule { exits: vec![1], output: Some(quota), ..rule(park) },
            Rule { signals: vec![Signal::KILL], ..rule(RuleAction::Escalate) },
            Rule { statuses: vec!["revoked".into()], ..rule(RuleAction::Escalate) },
            Rule { exits: vec![1, 3], ..rule(RuleAction::Finish) },
        ];
        let killed = Ending::Signal { signal: Signal::KILL, core: false };
        for (ending, line, status, found) in [
            (exit(1), "Quota exceeded", None, Some((1, park))),
            (exit(2), "Quota exceeded", None, None),
            (exit(1), "KeyError", None, Some((4, RuleAction::Finish))),
            (exit(3), "", Some("revoked"), Some((3, RuleAction::Escalate))),
            (killed, "", Some("ok"), Some((2, RuleAction::Escalate))),
            // 137 is what a shell says of it; the child itself did not exit.
            (Ending::Unknown, "", None, None),
        ] {
            let output = [line.to_owned(), "the last".to_owned()];
            assert_eq!(
                first_match(&rules, End { ending, line: None, output: &output, status }),
                found
            );
        }
    }

    #[test]
    fn a_bad_pattern_is_refused_in_words() {
        assert!(Pattern::new("(unclosed").unwrap_err().starts_with("is no regular expression: "));
    }

    #[test]
    fn a_pattern_that_would_keep_the_supervisor_busy_is_refused() {
        let long = "x".repeat(PATTERN_MAX);
        assert!(Pattern::new(&long).is_ok());
        assert!(Pattern::new("(?i)(error|warning).{0,200}(quota|rate.?limit).{0,200}$").is_ok());
        for text in [&(long + "x"), "(.{0,1000}){10}x", "((a{50}){50}){50}", "(a{1000}){1000}"] {
            assert!(Pattern::new(text).unwrap_err().starts_with("is too large"), "{text:.50}");
        }
    }
}
