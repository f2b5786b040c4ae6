//! What a message says, of one letter and of many.

use super::super::{Severity, sample};
use super::*;

fn many(letters: &[Letter]) -> Sheet {
    Sheet::many(&letters.iter().collect::<Vec<_>>()).unwrap()
}

fn rows(sheet: &Sheet) -> Vec<String> {
    sheet.lines.iter().map(Line::text).collect()
}

#[test]
fn a_storm_is_one_message_with_a_line_an_agent() {
    let sheet = many(&sample::storm());
    assert_eq!(sheet.title, "WARNING 7 agents on vps2: API 529 since 03:02, all parked");
    assert_eq!(sheet.footer, "since 2026-11-23 03:02, as of 03:14 +01:00");
    let rows = rows(&sheet);
    assert_eq!(rows.len(), 8, "what all say, and a line each");
    assert!(rows[0].starts_with("Can it wait? Nothing is spent"), "{rows:#?}");
    assert_eq!(rows[1], "trader parked: status 529 of the API, tried again at 03:17 (since 03:02)");
    let [all, look] = sheet.steps.as_slice() else { panic!("{:?}", sheet.steps) };
    let names = "trader crawler mailer scout clerk indexer judge";
    assert_eq!(all.command, format!("ssh vps2 agentwatch restart {names}"));
    assert_eq!(look.command, "ssh vps2 agentwatch status");
}

#[test]
fn the_title_names_what_they_have_in_common() {
    let mut storm = sample::storm();
    for letter in &mut storm {
        letter.group = Some("parked: overloaded".to_owned());
        letter.headline = "failure 2 of 3: exit 1".to_owned();
    }
    assert_eq!(many(&storm).title, "WARNING 7 agents on vps2: overloaded since 03:02");
    storm[3].group = None;
    assert_eq!(many(&storm).title, "WARNING 7 agents on vps2: failure 2 of 3: exit 1 since 03:02");
    storm[3].headline = "silent for 10s".to_owned();
    storm[4].host = "vps3".to_owned();
    storm[4].severity = Severity::Critical;
    storm[4].cause = "gave_up".to_owned();
    let sheet = many(&storm);
    assert_eq!(sheet.title, "CRITICAL 7 agents on 2 machines: gave up since 03:02");
    assert_eq!(sheet.mark, Mark::Critical);
    let rows = rows(&sheet);
    assert!(rows[5].starts_with("🔴 clerk@vps3 failure 2"), "{rows:#?}");
    assert!(rows[1].starts_with("🟠 trader@vps2 "), "{rows:#?}");
}

#[test]
fn what_is_over_is_told_apart_and_the_last_letter_of_an_incident_counts() {
    let mut storm = sample::storm();
    let mut over = storm[0].clone();
    over.kind = Kind::Closed;
    over.number = 2;
    over.at += 60_000;
    // In whatever order they come.
    storm.insert(0, over.clone());
    let sheet = many(&storm);
    assert_eq!(
        sheet.title,
        "WARNING 6 agents on vps2: API 529 since 03:02, all parked; 1 recovered"
    );
    assert!(rows(&sheet)[1].starts_with("✅ trader recovered after 13m"), "{:#?}", rows(&sheet));
    for letter in &mut storm {
        letter.kind = Kind::Closed;
        letter.steps.clear();
    }
    let sheet = many(&storm);
    assert_eq!(sheet.title, "RECOVERED 7 agents on vps2 after 13m: API 529");
    assert_eq!((sheet.mark, sheet.runbook), (Mark::Good, None));
    for letter in &mut storm {
        letter.kind = Kind::Reminder;
    }
    assert!(many(&storm).title.starts_with("STILL WARNING 7 agents"), "{}", many(&storm).title);
}

#[test]
fn one_agent_with_many_incidents_and_one_letter_alone_are_said_as_such() {
    let mut storm = sample::storm();
    for letter in &mut storm {
        letter.agent = "trader".to_owned();
    }
    assert!(many(&storm).title.starts_with("WARNING 7 incidents of trader@vps2: API 529 since"));
    let letter = sample::letter();
    assert_eq!(many(std::slice::from_ref(&letter)), Sheet::one(&letter));
    assert_eq!(many(&[letter.clone(), letter.clone()]), Sheet::one(&letter));
    assert_eq!(Sheet::many(&[]), None);
}

#[test]
fn a_hundred_agents_are_counted_and_not_listed() {
    let mut storm = Vec::new();
    for at in 0..100 {
        let mut letter = sample::storm().swap_remove(0);
        letter.incident = at.to_string();
        letter.agent = format!("agent-{at}");
        letter.steps[0].command = format!("agentwatch restart agent-{at}");
        storm.push(letter);
    }
    let sheet = many(&storm);
    assert!(sheet.title.starts_with("WARNING 100 agents on vps2"), "{}", sheet.title);
    assert_eq!(rows(&sheet).last().unwrap(), "… and 80 more");
    assert!(sheet.steps[0].command.len() <= COMMAND_MAX);
}

#[test]
fn words_in_front_are_bold_only_where_they_are_a_label() {
    let table = [
        ("Why: exit 1", Some(("Why:", "exit 1"))),
        ("Can it wait? No.", Some(("Can it wait?", "No."))),
        ("Down, stays down: yes", None),
        ("KeyError: 'X'", Some(("KeyError:", "'X'"))),
        ("http://x", None),
        ("At 03:14 it fell", None),
        (": x", None),
        ("A very long beginning of a line: x", None),
    ];
    for (line, want) in table {
        assert_eq!(split_label(line), want, "{line}");
    }
}

#[test]
fn a_command_is_whole_or_left_out() {
    let mut letter = sample::letter();
    letter.steps[1].command = format!("echo {}", "x".repeat(300));
    letter.lines = vec!["words ".repeat(60); 8];
    letter.output = Some("line\n".repeat(2000));
    for max in (0..4000).step_by(97) {
        let sheet = Sheet::one(&letter).fit(max, 1000, units, units);
        assert!(sheet.steps.iter().all(|step| letter.steps.contains(step)));
        let mut cost = sheet.output.as_deref().map_or(0, |text| cost_of(text, units));
        cost += sheet.lines.iter().map(|line| cost_of(&line.text(), units)).sum::<usize>();
        cost += sheet.steps.iter().map(|step| cost_of(&step.command, units)).sum::<usize>();
        assert!(cost <= max.max(100), "{max}: {cost}");
    }
    let whole = Sheet::one(&letter).fit(100_000, 100_000, units, units);
    assert_eq!(whole, Sheet::one(&letter), "what fits is not touched");
    letter.steps[0].command.push('\u{202e}');
    assert_eq!(Sheet::one(&letter).steps.len(), 2, "cleaned, it would be another command");
}

#[test]
fn only_addresses_are_links() {
    for good in ["https://a.b/c?d=e&f#g", "http://[::1]/x"] {
        assert!(is_link(good), "{good}");
    }
    for bad in
        ["javascript:alert(1)", "https://", "https://a b", "https://a\"b", "x", "https://é.example"]
    {
        assert!(!is_link(bad), "{bad}");
    }
}
