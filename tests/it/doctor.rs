//! `doctor` looks at real files and says what would bite.

use std::fs;

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Output;

use serde_json::Value;

use crate::harness::{World, until};

/// All that is found: check, verdict, file and words.
type Found = Vec<(String, String, String)>;

fn findings(world: &World, code: i32) -> Found {
    judged(&world.output(&["doctor", "--json"]), code)
}

fn judged(output: &Output, code: i32) -> Found {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = found.as_array().unwrap().iter();
    all.map(|one| {
        let words = format!("{}: {}", text(&one["file"]), text(&one["words"]));
        (text(&one["check"]), text(&one["verdict"]), words)
    })
    .collect()
}

#[track_caller]
fn says(all: &Found, check: &str, verdict: &str, words: &str) {
    let it = |one: &(String, String, String)| {
        one.0 == check && one.1 == verdict && one.2.contains(words)
    };
    assert!(all.iter().any(it), "{check} {verdict} {words}: {all:#?}");
}

/// The folder of the user's units, made.
fn units(world: &World) -> std::path::PathBuf {
    let folder = world.path("config/systemd/user");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A unit without a fault but for what `lines` say.
fn unit(exec: &str, lines: &str) -> String {
    format!(
        "[Service]\nExecStart={exec}\nRestart=on-failure\nRestartSec=5\nKillMode=mixed\n\
         RestartPreventExitStatus=2 69 75 78\n{lines}\n"
    )
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
    fs::write(
        world.path("compose.yaml"),
        "services:\n  one:\n    command: [agentwatch, run, a]\n    restart: always\n",
    )
    .unwrap();
    let all = findings(&world, 1);
    let finds = |check: &str, words: &str| {
        all.iter().any(|one| one.0 == check && one.1 == "bites" && one.2.contains(words))
    };
    assert!(finds("systemd", "given-up agent again and again (code 69)"), "{all:?}");
    assert!(
        finds(
            "docker",
            "compose.yaml: one: stops are nested wrongly: killed after 10s, the agent may take 30s"
        ),
        "{all:?}"
    );
    assert!(finds("sinks", "nobody is told"), "{all:?}");
    assert!(!all.iter().any(|one| one.2.contains("other.service")), "{all:?}");
    // What is dropped in behind it counts.
    let drop_in =
        "[Service]\nRestart=on-failure\nRestartPreventExitStatus=2 69 75 78\nKillMode=mixed\n";
    fs::write(folder.join("t.service.d/fix.conf"), drop_in).unwrap();
    let all = findings(&world, 1);
    says(&all, "systemd", "bites", "/opt/agentwatch is not there");
    let text = fs::read_to_string(folder.join("t.service")).unwrap();
    let own = text.replace("/opt/agentwatch", env!("CARGO_BIN_EXE_agentwatch"));
    fs::write(folder.join("t.service"), own).unwrap();
    says(&findings(&world, 1), "systemd", "good", "t.service: fits agentwatch");
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

#[test]
fn a_definition_counts_for_the_units_that_run_it_and_for_no_other() {
    let world = World::new();
    let (folder, agents) = (units(&world), world.path("config/agentwatch/agents"));
    fs::create_dir_all(&agents).unwrap();
    let definition =
        "command = [\"true\"]\n[stop]\ntimeout = \"5m\"\n[alert]\nsinks = [\"exec:true\"]\n";
    fs::write(agents.join("slow.toml"), definition).unwrap();
    let own = env!("CARGO_BIN_EXE_agentwatch");
    fs::write(folder.join("slow.service"), unit(&format!("{own} run slow"), "")).unwrap();
    fs::write(folder.join("fast.service"), unit(&format!("{own} run --name fast -- true"), ""))
        .unwrap();
    for args in [&["doctor", "--json"][..], &["doctor", "--json", "slow"]] {
        let all = judged(&world.output(args), 1);
        says(
            &all,
            "systemd",
            "bites",
            "slow.service: stops are nested wrongly: killed after 1m30s, the agent may take 5m",
        );
        says(&all, "systemd", "good", "fast.service: fits agentwatch");
    }
    // Of one of the two somebody is told.
    says(
        &findings(&world, 1),
        "sinks",
        "bites",
        "nobody is told when fast.service is given up; of slow.service",
    );
    // A template is as slow as its slowest instance.
    fs::remove_file(folder.join("slow.service")).unwrap();
    fs::write(folder.join("agentwatch@.service"), unit(&format!("{own} run %i"), "")).unwrap();
    says(&findings(&world, 1), "systemd", "good", "agentwatch@.service: fits");
    fs::create_dir(folder.join("default.target.wants")).unwrap();
    symlink(
        folder.join("agentwatch@.service"),
        folder.join("default.target.wants/agentwatch@slow.service"),
    )
    .unwrap();
    says(&findings(&world, 1), "systemd", "bites", "agentwatch@.service: stops are nested wrongly");
    fs::write(folder.join("slow.service"), unit(&format!("{own} run --name slow -- a"), ""))
        .unwrap();
    says(&findings(&world, 1), "supervisors", "bites", "both start slow");
}

#[test]
fn a_dockerfile_beside_it_and_a_file_that_cannot_be_read() {
    let world = World::new();
    let text = "services:\n  one:\n    build: .\n    restart: always\n    stop_grace_period: 60s\n    \
                volumes: [x:/var/lib/agentwatch]\n";
    fs::write(world.path("compose.yaml"), text).unwrap();
    let image = "FROM x\nENTRYPOINT [\"agentwatch\", \"run\", \"--on-escalate\", \"exit\", \"--\"]\nCMD [\"a\"]\n";
    fs::write(world.path("Dockerfile"), image).unwrap();
    says(
        &findings(&world, 1),
        "docker",
        "bites",
        "compose.yaml: one: restart: always starts a given-up agent",
    );
    fs::write(world.path("Dockerfile"), image.replace("exit", "hold")).unwrap();
    says(&findings(&world, 1), "docker", "good", "compose.yaml: fits agentwatch");
    fs::create_dir(world.path("compose.yml")).unwrap();
    says(&findings(&world, 1), "docker", "look", "compose.yml: cannot be read");
    fs::write(world.path("compose.yaml"), "services:\n\tone: agentwatch\n").unwrap();
    says(&findings(&world, 1), "docker", "look", "line 2: ");
}

#[test]
fn a_state_that_cannot_be_made_or_that_a_newer_one_wrote() {
    let world = World::new();
    let output = world.output(&["doctor", "--json", "--state-dir", "/proc/foo"]);
    says(&judged(&output, 1), "state", "bites", "/proc/foo cannot be written");
    let mut run = world.run(&[], &["true"]);
    run.wait();
    let path = world.agent().join("state.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    state["version"] = 99.into();
    fs::write(&path, state.to_string()).unwrap();
    says(&findings(&world, 1), "program", "bites", "t: its state is refused (code 78)");
}

#[test]
fn the_agentwatch_that_path_finds() {
    let world = World::new();
    let with = |path: &std::path::Path| {
        let mut command = world.command(&["doctor", "--json"]);
        judged(&command.env("PATH", path).output().unwrap(), 1)
    };
    let (own, bin) = (env!("CARGO_BIN_EXE_agentwatch"), world.path("bin"));
    fs::create_dir(&bin).unwrap();
    says(&with(&bin), "program", "look", "PATH finds no agentwatch");
    fs::copy(own, bin.join("agentwatch")).unwrap();
    says(&with(&bin), "program", "look", "a second copy of");
    fs::write(bin.join("agentwatch"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(bin.join("agentwatch"), fs::Permissions::from_mode(0o755)).unwrap();
    says(&with(&bin), "program", "bites", "another product of that name");
    says(&with(std::path::Path::new(own).parent().unwrap()), "program", "good", "is this one");
}

#[test]
fn an_agent_of_whom_somebody_is_told_is_not_deaf() {
    let world = World::new();
    let run = world.run(&["--alert", "exec:true"], &["sleep", "1000"]);
    run.started(1);
    until("its sinks to be written down", || {
        let all = findings(&world, 0);
        all.iter()
            .any(|one| one.0 == "sinks" && one.1 == "good" && one.2.contains("told of t;"))
            .then_some(())
    });
}

#[test]
fn beats_that_came_in_bursts_are_read_out_of_the_journal() {
    let world = World::new();
    let mut run = world.run(&[], &["true"]);
    run.wait();
    let journal =
        fs::read_dir(world.agent().join("journal")).unwrap().next().unwrap().unwrap().path();
    let mut text = fs::read_to_string(&journal).unwrap();
    let day = journal.file_stem().unwrap().to_str().unwrap().to_owned();
    let lines = [
        ("00:00:00", "\"event\":\"started\",\"incarnation\":2,\"pid\":9"),
        (
            "00:02:31",
            "\"event\":\"beat\",\"incarnation\":2,\"status\":\"ok\",\"beats\":157,\"cycles\":157",
        ),
        (
            "00:03:31",
            "\"event\":\"unhealthy\",\"incarnation\":2,\"silent_ms\":60000,\"action\":\"restart\"",
        ),
    ];
    for (at, (time, fact)) in lines.iter().enumerate() {
        let line = format!("{{\"ts\":\"{day}T{time}.000Z\",\"seq\":{},{fact}}}\n", 900 + at);
        text.push_str(&line);
    }
    fs::write(&journal, text).unwrap();
    let words = "t holds its beats back: once many came in one second, 157 after 2m31s of silence, and it was taken";
    says(&findings(&world, 1), "stdout", "bites", words);
}

#[test]
fn a_file_is_named_once_and_the_verdict_comes_last() {
    let world = World::new();
    let folder = units(&world);
    fs::write(folder.join("t.service"), "[Service]\nExecStart=/opt/agentwatch run --name t -- a\n")
        .unwrap();
    let output = world.output(&["doctor"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said.matches("t.service\n").count(), 1, "{said}");
    assert!(said.contains("\nbites  no Restart=, so a crash"), "{said}");
    let last = said.lines().last().unwrap();
    assert!(
        last.contains(" bite, ") && last.contains(" worth a look, ") && last.ends_with(" fine"),
        "{said}"
    );
}

#[test]
fn units_that_are_linked_are_seen_and_instances_are_their_template() {
    let world = World::new();
    let folder = units(&world);
    fs::write(world.path("t.service"), "[Service]\nExecStart=/opt/agentwatch run --name t -- a\n")
        .unwrap();
    symlink(world.path("t.service"), folder.join("t.service")).unwrap();
    symlink(world.path("t.service"), folder.join("alias.service")).unwrap();
    symlink("/dev/null", folder.join("masked.service")).unwrap();
    let all = findings(&world, 1);
    says(&all, "systemd", "bites", "/t.service: no Restart=");
    assert!(
        !all.iter().any(|one| one.2.contains("alias.service") || one.2.contains("masked")),
        "{all:#?}"
    );
}
