//! Rules that are read, and the words for those that are refused.

use super::*;
use crate::config::document;

fn read(text: &str) -> Result<Vec<String>, String> {
    let parsed = document::parse(text, "f").map_err(|error| error.to_string())?;
    Ok(parsed.rules.iter().map(|rule| format!("{} {}", rule.origin, rule.text())).collect())
}

#[test]
fn rules_are_read_in_their_order_however_they_are_written() {
    let text = r#"
[[restart.rule]]
exit = [75, 78]
action = "park"

[[restart.rule]]
signal = ["KILL", "SIGSEGV", 12]
output = '(?i)out of memory'
action = "escalate"

[restart]
cooldown = "1m"
"#;
    let expected = [
        "f:2 exit 75 78, park 10m",
        "f:6 signal KILL SEGV 12, output \"(?i)out of memory\", escalate",
    ];
    assert_eq!(read(text).unwrap(), expected);
    let inline = "restart.rule = [{ exit = 0, action = 'finish' },\n{ status = 'rate_limited', exit = 0x4b, \
                  action = 'park', after = '90s' }]";
    let expected = ["f:1 exit 0, finish", "f:2 exit 75, status rate_limited, park 1m30s"];
    assert_eq!(read(inline).unwrap(), expected);
    assert_eq!(read("restart.rule = []").unwrap(), [""; 0]);
}

#[test]
fn signals_get_the_numbers_of_the_machine() {
    let text = "[[restart.rule]]\nsignal = ['BUS', 'USR1', 9]\naction = 'restart'";
    let rules = document::parse(text, "f").unwrap().rules;
    let numbers =
        |bsd| rules[0].here(bsd).signals.iter().map(|signal| signal.0).collect::<Vec<_>>();
    assert_eq!((numbers(false), numbers(true)), (vec![7, 10, 9], vec![10, 30, 9]));
    assert_eq!(rules[0].here(false).action, RuleAction::Restart);
}

#[test]
fn what_makes_no_sense_is_refused_with_the_way_out() {
    for (rule, words) in [
        ("exit = 75", "f:1: restart.rule has no action; write action ="),
        (
            "action = 'park'",
            "f:1: restart.rule has no condition and would match every end; write exit,",
        ),
        (
            "exit = 1\naction = 'stop'",
            "f:3: restart.rule.action = 'stop' is none of restart, park, escalate",
        ),
        (
            "exit = 1\naction = 'parc'",
            "f:3: restart.rule.action = 'parc' is none of restart, park, escalate, \
         finish; did you mean park?",
        ),
        (
            "exit = 256\naction = 'park'",
            "f:2: restart.rule.exit = 256 is out of range; write 0 to 255",
        ),
        ("exit = [1,\n-1]\naction = 'park'", "f:3: restart.rule.exit = -1 is out of range"),
        (
            "exit = '1'\naction = 'park'",
            "f:2: restart.rule.exit = '1' is text; write an exit code such as 75",
        ),
        ("exit = []\naction = 'park'", "f:2: restart.rule.exit = [] is empty; write at least one"),
        (
            "signal = 'CHOCOLATE'\naction = 'park'",
            "f:2: restart.rule.signal = 'CHOCOLATE' is no signal that",
        ),
        (
            "status = ' '\naction = 'park'",
            "f:2: restart.rule.status = ' ' is empty; write a status word",
        ),
        ("output = ''\naction = 'park'", "f:2: restart.rule.output = '' is empty; write a regular"),
        (
            "output = '(429'\naction = 'park'",
            "f:2: restart.rule.output = '(429' is no regular expression: ",
        ),
        (
            "exit = 1\naction = 'finish'\nafter = '1m'",
            "f:4: restart.rule has after, which only action",
        ),
        ("exit = 1\naction = 'park'\nafter = '10'", "f:4: restart.rule.after = '10' has no unit"),
        (
            "exit = 1\naction = 'park'\nafter = '31d'",
            "f:4: restart.rule.after = '31d' is out of range",
        ),
        (
            "exits = 1\naction = 'park'",
            "f:2: unknown key restart.rule.exits; did you mean restart.rule.exit?",
        ),
        ("[restart.rule.exit]\nx = 1", "f:2: restart.rule.exit = "),
    ] {
        let error = read(&format!("[[restart.rule]]\n{rule}")).unwrap_err();
        assert!(error.starts_with(words), "{rule}\n  {error}\n  {words}");
        assert!(!error.contains('\n'));
    }
    for text in ["[restart.rule]\nexit = 1", "[restart]\nrule = 1", "restart.rule = [1]"] {
        let error = read(text).unwrap_err();
        assert!(
            error.contains("restart.rule is a list of tables; write [[restart.rule]]"),
            "{error}"
        );
    }
}

#[test]
fn a_hundred_rules_are_enough() {
    let rule = "[[restart.rule]]\nexit = 1\naction = 'park'\n";
    assert_eq!(read(&rule.repeat(RULES_MAX)).unwrap().len(), RULES_MAX);
    let error = read(&rule.repeat(RULES_MAX + 1)).unwrap_err();
    assert!(error.starts_with("f:301: restart.rule number 101 is one too many"), "{error}");
}
