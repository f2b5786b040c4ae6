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
        defined: None,
        cwd: "/srv/my agents/100%".to_owned(),
        folder: None,
        files: Vec::new(),
        state_dir: None,
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

/// An agent that is defined in a file.
fn defined() -> Agent {
    let defined = Some("slow".to_owned());
    Agent { name: "slow".to_owned(), command: Vec::new(), options: Vec::new(), defined, ..odd() }
}

/// Agents to try things with.
pub(super) fn agents() -> [Agent; 2] {
    [odd(), plain()]
}

#[test]
fn what_is_written_is_what_was_accepted() {
    let bless = std::env::var_os("AGENTWATCH_BLESS").is_some();
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/homes");
    let mut cases: Vec<(String, Written)> = Vec::new();
    for (home, write) in HOMES {
        cases.push((format!("{home}-odd"), write(&odd())));
        cases.push((format!("{home}-plain"), write(&plain())));
    }
    let for_all =
        Agent { name: "NAME".to_owned(), command: Vec::new(), options: Vec::new(), ..odd() };
    cases.push(("systemd-for-all".to_owned(), systemd::unit(&for_all)));
    cases.push(("systemd-defined".to_owned(), systemd::unit(&defined())));
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
        "RestartPreventExitStatus=2 69 75 78 126 127",
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
    for (name, fit) in [
        ("My_agent.2", "my-agent-2"),
        ("__", "agent"),
        ("a..b-", "a-b"),
        ("123", "agent-123"),
        ("0x10", "agent-0x10"),
        ("1.5", "agent-1-5"),
    ] {
        assert_eq!(docker::label(name), fit);
    }
    // What YAML would take for something else stands in quotes everywhere.
    for name in ["null", "on", "off"] {
        let agent = Agent { name: name.to_owned(), ..plain() };
        for text in [kubernetes::manifest(&agent).text, docker::compose(&agent).text] {
            let bare = |line: &&str| {
                let line = line.trim();
                let value =
                    line.contains(&format!(": {name}")) || line.contains(&format!("- {name}"));
                !line.starts_with('#') && (value || line.starts_with(name))
            };
            assert_eq!(text.lines().find(bare), None, "{name}");
        }
    }
}

fn refused(home: &str, agent: &Agent) -> String {
    fits::refusal(home, agent).unwrap_or_default()
}

#[test]
fn an_agent_of_a_file_is_started_by_its_name() {
    let text = systemd::unit(&defined()).text;
    assert!(text.contains("\nExecStart=/opt/agentwatch/bin/agentwatch run slow\n"), "{text}");
    assert!(text.contains("\nWorkingDirectory=/srv/my agents/100%%\n"), "{text}");
    let other = Agent { name: "other".to_owned(), ..defined() };
    assert!(systemd::unit(&other).text.contains("agentwatch run --name other slow\n"));
    assert!(launchd::plist(&defined()).text.contains("<string>hold</string>\n    <string>slow<"));
}

#[test]
fn a_unit_of_the_system_runs_as_who_asked_for_it_and_with_their_path() {
    for agent in [odd(), defined()] {
        let text = systemd::unit(&agent).text;
        assert!(text.contains("\nUser=ann\n"), "{text}");
        assert!(text.contains("\nEnvironment=PATH=/opt/bin:/usr/bin:/bin\n"), "{text}");
    }
    let root = Agent { own: false, ..plain() };
    let text = systemd::unit(&root).text;
    assert!(text.contains("\n#User=agent\n") && text.contains("\n#Environment=PATH="), "{text}");
    assert!(launchd::plist(&odd()).text.contains("<key>UserName</key>\n  <string>ann</string>"));
    assert!(launchd::plist(&root).text.contains("<!-- It runs as root. As another: <key>UserName"));
    let odd_path = Agent { path: "/a b/100%:$X".to_owned(), ..odd() };
    let text = systemd::unit(&odd_path).text;
    assert!(text.contains("\nEnvironment=\"PATH=/a b/100%%:$X\"\n"), "{text}");
}

#[test]
fn a_folder_that_the_unit_does_not_see_is_said() {
    let warnings = |cwd: &str, own| {
        systemd::unit(&Agent { cwd: cwd.to_owned(), own, ..odd() }).warnings.join("\n")
    };
    assert!(warnings("/tmp/agent", false).starts_with("/tmp/agent is not there for the unit"));
    for (cwd, own) in [("/tmp/agent", true), ("/tmpagent", false), ("/srv/tmp", false)] {
        assert_eq!(warnings(cwd, own), "");
    }
}

#[test]
fn a_state_directory_of_ones_own_is_followed() {
    let with = |dir: &str, agent: Agent| Agent { state_dir: Some(dir.to_owned()), ..agent };
    let text = systemd::unit(&with("/srv/state", odd())).text;
    assert!(text.contains("\nReadWritePaths=\"/srv/my agents/100%%\" /srv/state\n"), "{text}");
    assert!(!text.contains("StateDirectory") && text.contains("--state-dir /srv/state"), "{text}");
    let written = systemd::unit(&with("/srv/state", odd()));
    assert_eq!(written.steps[0], "sudo install -d -m 700 -o ann /srv/state");
    let text = systemd::unit(&with("/var/lib/mine", odd())).text;
    assert!(text.contains("\nStateDirectory=mine\n"), "{text}");
    let text = docker::image(&with("/data", plain())).text;
    for line in ["VOLUME [\"/data\"]", "AGENTWATCH_STATE_DIR=/data", " /var/lib/agentwatch /data\n"]
    {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(docker::compose(&with("/data", plain())).text.contains("- \"agent-state:/data\""));
    assert!(kubernetes::manifest(&with("/data", plain())).text.contains("mountPath: /data}"));
    let words = refused("docker", &with("data", Agent { own: false, ..plain() }));
    assert!(words.contains("--state-dir \"data\"") && words.contains("absolute"), "{words}");
}

#[test]
fn probes_ask_for_the_agent_and_no_other() {
    for text in [docker::image(&odd()).text, docker::compose(&odd()).text] {
        assert!(text.contains("\"--check\", \"healthy\", \"My_agent.2\"]"), "{text}");
    }
    let text = kubernetes::manifest(&odd()).text;
    assert!(text.contains("--check, live, \"My_agent.2\"]"), "{text}");
    assert!(text.contains("--check, healthy, \"My_agent.2\"]"), "{text}");
}

#[test]
fn what_kubernetes_makes_of_a_word_is_the_word() {
    // As its expansion does it: $$ is a dollar, $(NAME) a variable, any other dollar itself.
    let expanded = |word: &str| {
        assert!(!word.replace("$$", "").contains('$'), "{word}");
        word.replace("$$", "$")
    };
    for word in ["$(id)", "$$", "$$(X)", "$HOME", "$", "a$$$b"] {
        let command = vec!["sh".to_owned(), word.to_owned()];
        let text = kubernetes::manifest(&Agent { command, ..plain() }).text;
        let line = text.lines().find_map(|line| line.trim().strip_prefix("args: ")).unwrap();
        let words: Vec<String> = serde_json::from_str(line).unwrap();
        assert_eq!(expanded(&words[1]), word);
    }
}

#[test]
fn options_act_in_a_service_of_compose() {
    let text = docker::compose(&odd()).text;
    assert!(text.contains("entrypoint: [\"/usr/local/bin/agentwatch\", \"run\", \"--name\", \"My_agent.2\", \"--interval\", \"5m\""), "{text}");
    assert!(
        docker::compose(&odd()).steps[1].contains("init docker --name My_agent.2 --interval 5m")
    );
}

#[test]
fn an_image_installs_what_the_project_says_it_needs() {
    let image = |files: &[&'static str], command: &[&str]| {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        docker::image(&Agent { files: files.to_vec(), command, ..plain() })
    };
    for (files, command, base, line) in [
        (&["requirements.txt"][..], &["python", "a.py"][..], "python:3-slim", "RUN pip install "),
        (&["pyproject.toml"], &["python", "a.py"], "python:3-slim", "#RUN pip install "),
        (
            &["pyproject.toml", "uv.lock"],
            &["python", "a.py"],
            "ghcr.io/astral-sh/uv",
            "RUN uv sync",
        ),
        (
            &["pyproject.toml", "uv.lock"],
            &["uv", "run", "a"],
            "ghcr.io/astral-sh/uv",
            "RUN uv sync",
        ),
        (&["package.json"], &["node", "a.js"], "node:24-slim", "RUN npm install --omit=dev"),
        (&["package.json", "package-lock.json"], &["npm", "start"], "node:24-slim", "RUN npm ci"),
        (
            &[],
            &["claude", "-p", "x"],
            "node:24-slim",
            "RUN npm install -g @anthropic-ai/claude-code",
        ),
        (&[], &["npx", "a"], "node:24-slim", "COPY . /app"),
    ] {
        let text = image(files, command).text;
        assert!(text.contains(&format!("ARG BASE={base}")), "{command:?}: {text}");
        assert!(text.contains(&format!("\n{line}")), "{command:?}: {text}");
    }
    assert!(image(&[], &["npx", "a"]).beside.is_some_and(|(name, _)| name == ".dockerignore"));
}

#[test]
fn paths_of_this_machine_are_not_taken_for_those_of_the_image() {
    let image = |command: &[&str]| {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        let written = docker::image(&Agent { command, ..plain() });
        let line = written.text.lines().find_map(|line| line.strip_prefix("CMD ")).unwrap();
        (line.to_owned(), written.warnings.join("\n"))
    };
    for python in [".venv/bin/python", "/srv/agent/.venv/bin/python3.12", "/home/a/venv/bin/python"]
    {
        let (line, warning) = image(&[python, "/srv/agent/a.py"]);
        assert_eq!(line, "[\"python3\", \"/app/a.py\"]", "{python}");
        assert!(warning.contains(python) && warning.contains("written as python3"), "{warning}");
    }
    let (line, warning) = image(&["/home/ann/bin/run"]);
    assert_eq!(line, "[\"/home/ann/bin/run\"]");
    assert!(warning.contains("is a path of this machine"), "{warning}");
    assert_eq!(image(&["/srv/agent/run"]), ("[\"/app/run\"]".to_owned(), String::new()));
}

#[test]
fn steps_name_the_folder_that_was_written_to() {
    let folder = Some("/tmp/my units".to_owned());
    for (home, write) in HOMES {
        let steps = write(&Agent { folder: folder.clone(), ..plain() }).steps;
        assert!(steps.iter().any(|step| step.contains("'/tmp/my units/")), "{home}: {steps:?}");
    }
    let steps = docker::image(&plain()).steps;
    assert!(
        steps.iter().any(|step| step == "cd /srv/agent && docker build -t agent ."),
        "{steps:?}"
    );
    let torn = Agent { command: vec!["sh".to_owned(), "a\nrm -r x".to_owned()], ..plain() };
    for (home, write) in HOMES {
        for step in write(&torn).steps {
            assert!(!(step.starts_with('#') && step.contains('\n')), "{home}: {step}");
        }
    }
}
