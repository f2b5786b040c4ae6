//! What is written, against `tests/golden/homes/`; accepted anew by `AGENTWATCH_BLESS=1 cargo test --lib homes`.

use std::path::PathBuf;
use std::time::Duration;

use super::*;

/// An agent whose words are hard to write.
fn odd() -> Agent {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Agent {
        name: "My_agent.2".to_owned(),
        command: words(&[
            "python3",
            "a b.py",
            "--say",
            "100% %i \"$HOME\" $(id) {{name}} <&'--'>\\",
        ]),
        options: words(&["--interval", "5m", "--alert", "exec:notify me"]),
        settings: vec![
            ("heartbeat.interval", words(&["5m"])),
            ("restart.max_failures", words(&["5"])),
            ("alert.sinks", words(&["exec:notify me"])),
        ],
        cwd: "/srv/my agents/100%".to_owned(),
        program: "/opt/agentwatch/bin/agentwatch".to_owned(),
        found: Some("/usr/bin/python3".to_owned()),
        path: "/opt/bin:/usr/bin:/bin".to_owned(),
        user: Some("ann".to_owned()),
        uid: 501,
        home: "/Users/ann".to_owned(),
        own: false,
        stop_timeout: Duration::from_millis(90_500),
    }
}

fn plain() -> Agent {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Agent {
        name: "agent".to_owned(),
        command: words(&["python", "agent.py"]),
        options: Vec::new(),
        settings: Vec::new(),
        cwd: "/srv/agent".to_owned(),
        user: None,
        uid: 0,
        own: true,
        stop_timeout: Duration::from_secs(30),
        ..odd()
    }
}

/// Agents to try things with.
pub(super) fn agents() -> [Agent; 2] {
    [odd(), plain()]
}

type Write = fn(&Agent) -> Written;

const HOMES: [(&str, Write); 6] = [
    ("systemd", systemd::unit),
    ("docker", docker::image),
    ("compose", docker::compose),
    ("launchd", launchd::plist),
    ("kubernetes", kubernetes::manifest),
    ("config", definition::file),
];

#[test]
fn what_is_written_is_what_was_accepted() {
    let bless = std::env::var_os("AGENTWATCH_BLESS").is_some();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/homes");
    let mut cases: Vec<(String, Written)> = Vec::new();
    for (home, write) in HOMES {
        cases.push((format!("{home}-odd"), write(&odd())));
        cases.push((format!("{home}-plain"), write(&plain())));
    }
    let defined = Agent { command: Vec::new(), own: false, ..odd() };
    cases.push(("systemd-defined".to_owned(), systemd::unit(&defined)));
    for (case, mut written) in cases {
        if case.starts_with("config") {
            // What is commented out is the template, which grows with every key.
            let set =
                written.text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
            written.text = set.flat_map(|line| [line, "\n"]).collect();
        }
        let steps: String = written.steps.iter().flat_map(|step| ["# $ ", step, "\n"]).collect();
        let text = format!("# {}\n{steps}{}", written.name, written.text);
        let path = folder.join(format!("{case}.txt"));
        if bless {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let wanted = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, wanted, "{}: AGENTWATCH_BLESS=1 accepts it", path.display());
    }
}

#[test]
fn no_placeholder_is_left_and_none_is_found_in_what_was_put_in() {
    for (home, write) in HOMES {
        let text = write(&plain()).text;
        assert!(!text.contains("{{"), "{home}");
        let text = write(&odd()).text;
        assert_eq!(text.matches("{{name}}").count(), 1, "{home}: the word of the command itself");
    }
}

#[test]
fn every_setting_of_the_templates_has_its_reason() {
    // A setting without one is one more of those that stand before it under a remark.
    for template in [systemd::SYSTEM, systemd::USER] {
        let mut remark = false;
        for line in template.lines() {
            match line {
                line if line.starts_with("# ") => remark = true,
                "" => remark = false,
                line if line.starts_with('[') => {}
                line if line.contains("By=") || line.starts_with("Description") => {}
                line => assert!(remark, "{line}"),
            }
        }
    }
}

#[test]
fn both_units_agree_on_what_a_supervisor_above_must_know() {
    for line in [
        "Type=notify",
        "NotifyAccess=main",
        "WatchdogSec=30",
        "Restart=on-failure",
        "RestartPreventExitStatus=2 69 75 78",
        "SuccessExitStatus=129 130 131 143",
        "KillMode=mixed",
        "TimeoutStopSec=90",
        "OOMPolicy=continue",
        "NoNewPrivileges=yes",
    ] {
        for template in [systemd::SYSTEM, systemd::USER] {
            assert!(template.lines().any(|have| have == line), "{line}");
        }
    }
}

#[test]
fn who_stops_agentwatch_waits_for_longer_than_agentwatch_does() {
    assert_eq!((plain().stop_seconds(), odd().stop_seconds()), (60, 121));
    assert!(systemd::unit(&odd()).text.contains("TimeoutStopSec=121\n"));
    assert!(docker::compose(&odd()).text.contains("stop_grace_period: 121s"));
    assert!(kubernetes::manifest(&odd()).text.contains("terminationGracePeriodSeconds: 121\n"));
    assert!(launchd::plist(&odd()).text.contains("<integer>121</integer>"));
}

#[test]
fn a_written_definition_says_what_was_typed() {
    let written = definition::file(&odd());
    assert_eq!(written.name, "My_agent.2.toml");
    let table: toml::Table = written.text.parse().unwrap();
    assert_eq!(table["heartbeat"]["interval"].as_str(), Some("5m"));
    assert_eq!(table["restart"]["max_failures"].as_integer(), Some(5));
    assert_eq!(table["alert"]["sinks"].as_array().unwrap().len(), 1);
    let command: Vec<&str> =
        table["command"].as_array().unwrap().iter().filter_map(toml::Value::as_str).collect();
    assert_eq!(command, odd().command);
    assert_eq!(table["cwd"].as_str(), Some("/srv/my agents/100%"));
}

#[test]
fn names_fit_what_images_and_pods_may_be_called() {
    for (name, fit) in [("My_agent.2", "my-agent-2"), ("__", "agent"), ("a..b-", "a-b")] {
        assert_eq!(docker::image_name(name), fit);
    }
}
