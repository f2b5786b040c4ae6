//! `doctor` looks at real files and says what would bite.

use std::fs;

use serde_json::Value;

use crate::harness::{World, until};

/// What is found besides what is good: check, verdict, words.
fn findings(world: &World, code: i32) -> Vec<(String, String, String)> {
    let output = world.output(&["doctor", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = found.as_array().unwrap().iter();
    all.map(|one| (text(&one["check"]), text(&one["verdict"]), text(&one["words"]))).collect()
}

#[test]
fn a_unit_with_its_drop_ins_and_a_file_of_compose_are_judged() {
    let world = World::new();
    let folder = world.path("config/systemd/user");
    fs::create_dir_all(folder.join("t.service.d")).unwrap();
    fs::write(
        folder.join("t.service"),
        "[Service]\nExecStart=/opt/agentwatch run --name t -- a\nRestart=always\nRestartSec=1\n",
    )
    .unwrap();
    fs::write(folder.join("other.service"), "[Service]\nExecStart=/bin/other\n").unwrap();
    fs::write(world.path("compose.yaml"), "command: [agentwatch, run]\nrestart: always\n").unwrap();
    let all = findings(&world, 1);
    let finds = |check: &str, words: &str| {
        all.iter().any(|one| one.0 == check && one.1 == "bites" && one.2.contains(words))
    };
    assert!(finds("systemd", "given-up agent again and again (code 69)"), "{all:?}");
    assert!(finds("docker", "Docker kills after 10s, the agent may take 30s"), "{all:?}");
    assert!(finds("sinks", "nobody is told"), "{all:?}");
    assert!(!all.iter().any(|one| one.2.contains("other.service")), "{all:?}");
    // What is dropped in behind it counts.
    let drop_in =
        "[Service]\nRestart=on-failure\nRestartPreventExitStatus=2 69 75 78\nKillMode=mixed\n";
    fs::write(folder.join("t.service.d/fix.conf"), drop_in).unwrap();
    let all = findings(&world, 1);
    let fits = |one: &(String, String, String)| one.1 == "good" && one.2.contains("t.service fits");
    assert!(all.iter().any(fits), "{all:?}");
}

#[test]
fn what_init_writes_is_found_good() {
    let world = World::new();
    let folder = world.path("config/systemd/user");
    fs::create_dir_all(&folder).unwrap();
    let folder = folder.to_str().unwrap();
    let args = ["init", "systemd", "--user", "--output", folder, "--name", "t", "--", "true"];
    assert_eq!(world.output(&args).status.code(), Some(0));
    let args = ["init", "compose", "--name", "t", "--", "true"];
    assert_eq!(world.output(&args).status.code(), Some(0));
    let all = findings(&world, 1);
    let good = all.iter().filter(|one| matches!(&*one.0, "systemd" | "docker") && one.1 == "good");
    assert_eq!(good.count(), 2, "{all:?}");
}

#[test]
fn an_agent_that_is_run_by_another_supervisor_is_found() {
    let world = World::new();
    fs::write(world.path("nohup"), "#!/bin/sh\nexec sleep 1000\n").unwrap();
    std::process::Command::new("chmod")
        .args(["+x", "nohup"])
        .current_dir(&world.dir)
        .status()
        .unwrap();
    let run = world.run(&[], &["./nohup"]);
    run.started(1);
    until("the doctor to see it", || {
        let all = findings(&world, 1);
        all.iter()
            .any(|one| one.0 == "supervisors" && one.2.contains("t is run by nohup"))
            .then_some(())
    });
}

#[test]
fn people_get_a_fix_with_each() {
    let world = World::new();
    let output = world.output(&["doctor", "--state-dir", "/dev/null/agentwatch"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("bites  "), "{said}");
    assert!(said.contains("bites  state: /dev/null/agentwatch cannot be written"), "{said}");
    let wrong = said.lines().filter(|line| line.starts_with("bites") || line.starts_with("look"));
    assert_eq!(wrong.count(), said.matches("       fix: ").count(), "{said}");
}
