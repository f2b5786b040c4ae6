//! Settings and their lines in a text, and the words for what is wrong with it.

use super::*;

fn error(text: &str) -> String {
    parse(text, "agentwatch.toml").unwrap_err().to_string()
}

#[test]
fn settings_are_found_with_their_lines_however_tables_are_written() {
    let text = "name = 'a'\n\n[heartbeat]\ninterval = '5s'\nmisses = 3\n";
    let dotted = "\n\nheartbeat.interval = '5s'\nheartbeat.misses = 3\nname = 'a'";
    let inline = "heartbeat = { misses = 3, interval = '5s' }\r\nname = 'a'\r\n";
    let got = |text| {
        parse(text, "f")
            .unwrap()
            .entries
            .into_iter()
            .map(|entry| format!("{} {}={}", entry.origin, entry.key.path, entry.read.text))
            .collect::<Vec<_>>()
    };
    assert_eq!(got(text), ["f:1 name=a", "f:4 heartbeat.interval=5s", "f:5 heartbeat.misses=3"]);
    assert_eq!(got(dotted), ["f:3 heartbeat.interval=5s", "f:4 heartbeat.misses=3", "f:5 name=a"]);
    assert_eq!(got(inline), ["f:1 heartbeat.misses=3", "f:1 heartbeat.interval=5s", "f:2 name=a"]);
    assert!(got("").is_empty() && got("# nothing\n[heartbeat]\n[stop]").is_empty());
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list")]
fn what_is_wrong_is_said_with_line_key_value_and_way_out() {
    for (text, words) in [
        (
            "\n\n[heartbeat]\n\n\n\ninterval = \"60\"\n",
            "agentwatch.toml:7: heartbeat.interval = \"60\" has no unit; write \"60s\" or \"60m\"",
        ),
        (
            "[heartbeat]\ninterval = 60",
            "agentwatch.toml:2: heartbeat.interval = 60 has no unit; write \"60s\" or \"60m\"",
        ),
        (
            "[heartbeat]\n\nintervall = \"60s\"",
            "agentwatch.toml:3: unknown key heartbeat.intervall; did you mean heartbeat.interval?",
        ),
        (
            "interval = '5s'",
            "agentwatch.toml:1: unknown key interval; did you mean heartbeat.interval?",
        ),
        (
            "stop-timeout = '5s'",
            "agentwatch.toml:1: unknown key stop-timeout; did you mean stop.timeout?",
        ),
        (
            "[restart]\nstart_grace = '5s'",
            "agentwatch.toml:2: unknown key restart.start_grace; did you mean heartbeat.start_grace?",
        ),
        (
            "colldown = '5s'",
            "agentwatch.toml:1: unknown key colldown; did you mean restart.cooldown?",
        ),
        ("banana = 1", "agentwatch.toml:1: unknown key banana"),
        (
            "[[alert]]\nurl = 'x'",
            "agentwatch.toml:1: alert.sinks = … is no sink; write one of exec: https: http: slack: \
             discord: telegram: pagerduty: ntfy: mailto:",
        ),
        (
            "[alert]\nsinks = [{ url = 'ntfy:t', min_severty = 'info' }]",
            "agentwatch.toml:2: alert.sinks = … has a sink with \"min_severty\", and a sink has url, \
             min_severity, fallback; did you mean min_severity?",
        ),
        (
            "[alert]\nquiet = '23-7'\nquiets = 1",
            "agentwatch.toml:3: unknown key alert.quiets; did you mean alert.quiet?",
        ),
        (
            "\n[heartbeats]\n",
            "agentwatch.toml:2: unknown table heartbeats; did you mean heartbeat?",
        ),
        ("[heartbeat.deep]\nx = 1", "agentwatch.toml:1: unknown table heartbeat.deep"),
        (
            "heartbeat = '60s'",
            "agentwatch.toml:1: heartbeat is a table; write [heartbeat] and under it interval = \"60s\"",
        ),
        ("[name]", "agentwatch.toml:1: name = [name] is a table; write text in quotes"),
        (
            "[restart]\npolicy = 'onfailure'",
            "agentwatch.toml:2: restart.policy = 'onfailure' is none of auto, always, on-failure, \
             never; did you mean on-failure?",
        ),
        (
            "[restart]\nmax_failures = 0",
            "agentwatch.toml:2: restart.max_failures = 0 is out of range; write 1 to 1000",
        ),
        (
            "[output]\ncapture_stderr = 'no'",
            "agentwatch.toml:2: output.capture_stderr = 'no' is text; \
             write true or false without quotes",
        ),
        (
            "name = \"\"\"a\nb\"\"\"",
            "agentwatch.toml:1: name = \"\"\"a\\nb\"\"\" is no name; write 1 to 64 letters, digits, \
             \".\", \"_\" and \"-\", beginning with a letter, digit or \"_\"",
        ),
    ] {
        assert_eq!(error(text), words);
    }
}

#[test]
fn the_first_thing_from_the_top_is_reported() {
    assert!(error("zebra = 1\napple = 1").contains(":1: unknown key zebra"));
}

#[test]
fn broken_toml_is_placed_in_the_parsers_words_on_one_line() {
    for (text, start) in [
        ("a = ", "agentwatch.toml:1: not TOML: "),
        ("\n[heartbeat\n", "agentwatch.toml:2: not TOML: "),
        ("[stop]\ntimeout = 30s\n", "agentwatch.toml:2: not TOML: "),
        ("name = 'a'\nname = 'b'", "agentwatch.toml:2: not TOML: duplicate key"),
        ("[stop]\n[stop]", "agentwatch.toml:2: not TOML: duplicate key"),
        ("name = \"\u{1}\"", "agentwatch.toml:1: not TOML: "),
    ] {
        let words = error(text);
        assert!(words.starts_with(start), "{words}");
        assert!(!words.contains('\n'), "{words}");
    }
}
