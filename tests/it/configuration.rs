//! Flags, environment, files: what wins, what is refused, and in which words.

use std::fs;

use crate::harness::{World, code};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn check_prints_every_value_with_its_origin() {
    let world = World::new();
    fs::write(world.path("aw.toml"), "[heartbeat]\ninterval = \"20s\"\nmisses = 4\n").unwrap();
    let mut command = world.command(&[
        "check",
        "--config",
        "aw.toml",
        "--stop-timeout",
        "9s",
        "--",
        "python3",
        "crawler.py",
    ]);
    let output = command.env("AGENTWATCH_OPT_MISSES", "5").output().unwrap();
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let line = |key: &str| {
        let found = table.lines().find(|line| line.split_whitespace().next() == Some(key));
        found.unwrap_or_else(|| panic!("{key} is missing in\n{table}")).to_owned()
    };
    assert!(line("name").contains("crawler"));
    assert!(line("heartbeat.interval").contains("20s"));
    assert!(line("heartbeat.interval").contains("aw.toml:2"));
    assert!(line("heartbeat.misses").contains('5'));
    assert!(line("heartbeat.misses").contains("AGENTWATCH_OPT_MISSES"));
    assert!(line("stop.timeout").contains("9s") && line("stop.timeout").contains("--stop-timeout"));
    assert!(
        line("restart.cooldown").contains("5m") && line("restart.cooldown").contains("default")
    );
}

#[test]
fn what_is_wrong_is_refused_before_anything_starts_and_named() {
    for (file, words) in [
        ("[heartbeat]\ninterval = \"60\"\n", ["aw.toml:2", "heartbeat.interval", "60s"]),
        ("[heartbeat]\nintervall = \"60s\"\n", ["aw.toml:2", "intervall", "heartbeat.interval"]),
        ("[restart]\npolicy = \"allways\"\n", ["aw.toml:2", "allways", "always"]),
        ("[restart]\nmax_failures = 0\n", ["aw.toml:2", "restart.max_failures", "0"]),
        ("[restart\n", ["aw.toml:1", "", ""]),
    ] {
        let world = World::new();
        fs::write(world.path("aw.toml"), file).unwrap();
        let output = world.output(&["run", "--config", "aw.toml", "--", "touch", "started"]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(78), "{file}: {stderr}");
        for word in words {
            assert!(stderr.contains(word), "{word:?} in {stderr}");
        }
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(!world.path("started").exists());
    }
}

#[test]
fn a_bad_flag_or_variable_is_refused_and_named() {
    let world = World::new();
    let output = world.output(&["run", "--cooldown", "5", "--", "true"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--cooldown") && text(&output.stderr).contains("5m"));
    let mut command = world.command(&["run", "--", "true"]);
    let output = command.env("AGENTWATCH_OPT_COOLDWN", "5m").output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("AGENTWATCH_OPT_COOLDOWN"), "{output:?}");
    let output = world.output(&["run", "--no-such-flag", "--", "true"]);
    assert_eq!(output.status.code(), Some(2));
    let output = world.output(&["run"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_file_in_the_directory_is_used_and_said_but_not_if_others_may_write_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let file = world.path("agentwatch.toml");
    fs::write(&file, "[restart]\npolicy = \"always\"\nmax_failures = 1\n").unwrap();
    let output = world.output(&["run", "--name", "t", "--", "true"]);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(text(&output.stderr).contains("agentwatch.toml"), "{output:?}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let output = world.output(&["run", "--name", "u", "--", "true"]);
    assert_eq!(output.status.code(), Some(0), "ignored: {output:?}");
    assert!(text(&output.stderr).contains("agentwatch.toml"), "and said: {output:?}");
}

#[test]
fn a_name_is_derived_from_the_script() {
    let world = World::new();
    fs::write(world.path("crawler.sh"), "exit 0\n").unwrap();
    let output = world.output(&["run", "--", "sh", "./crawler.sh"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(world.path("state/crawler/state.json").exists(), "{output:?}");
    let output = world.output(&["run", "--", "sh", "-c", "exit 0"]);
    assert!(text(&output.stderr).contains("--name"), "{output:?}");
    assert_ne!(output.status.code(), Some(0));
}

#[test]
fn what_an_alert_needs_beside_its_sink_is_looked_at_before_anything_starts() {
    let world = World::new();
    for (line, words) in [
        ("runbook = \"wiki\"", "alert.runbook is no URL"),
        ("runbook = \"javascript:alert(1)\"", "alert.runbook is no URL"),
        ("smtp = \"mail.example.org\"", "alert.smtp makes no sense"),
        ("smtp = \"smtps://u:secret99@mail.example.org:99999\"", "alert.smtp makes no sense"),
        ("smtp = \"smtps://u:${NO_SUCH_VARIABLE}@h\"", "alert.smtp needs ${NO_SUCH_VARIABLE}"),
    ] {
        fs::write(world.path("agentwatch.toml"), format!("[alert]\n{line}\n")).unwrap();
        let output = world.output(&["run", "--name", "t", "--", "true"]);
        assert_eq!(code(output.status), 78, "{line}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(words) && !said.contains("secret99"), "{line}: {said}");
    }
    let sinks = "[alert]\nsinks = [\"exec:touch told\"]\n";
    fs::write(world.path("agentwatch.toml"), sinks).unwrap();
    let args = ["run", "--name", "t", "--max-failures", "1", "--alert", "off", "--", "false"];
    assert_eq!(code(world.output(&args).status), 69);
    assert!(!world.path("told").exists());
}
