//! What `init` writes, judged by those who are to read it: systemd, launchd's format, Kubernetes' schemas.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::harness::{World, has};

const COMMAND: [&str; 4] = ["--", "python3", "a b.py", "100% \"$HOME\" $(id)"];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes a file for an agent into the world; gives its path.
fn init(world: &World, args: &[&str], name: &str) -> PathBuf {
    let folder = world.path("written");
    fs::create_dir_all(&folder).unwrap();
    let mut all = vec!["init"];
    all.extend(args);
    all.extend(["--output", folder.to_str().unwrap(), "--name", "t"]);
    all.extend(COMMAND);
    let output = world.output(&all);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    folder.join(name)
}

fn good(output: &Output) {
    let words = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{words}");
}

#[test]
fn systemd_finds_no_fault_with_any_unit() {
    if !has("systemd-analyze") {
        return;
    }
    let world = World::new();
    let system = init(&world, &["systemd"], "t.service");
    fs::create_dir_all(world.path("run")).unwrap();
    let verify = |path: &Path, user: bool| {
        let mut command = Command::new("systemd-analyze");
        // What the machine's own units lack is nobody's business here.
        command.args(["verify", "--man=no", "--recursive-errors=no"]);
        if user {
            command.arg("--user").env("XDG_RUNTIME_DIR", world.path("run"));
        }
        let output = command.arg(path).output().unwrap();
        let named = path.file_name().unwrap().to_str().unwrap();
        let words = format!("{}{}", text(&output.stdout), text(&output.stderr));
        let of_it: Vec<&str> = words.lines().filter(|line| line.contains(named)).collect();
        assert!(output.status.success() && of_it.is_empty(), "{words}");
    };
    verify(&system, false);
    let security = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=35", "--no-pager"])
        .arg(&system)
        .output()
        .unwrap();
    good(&security);
    let unit = fs::read_to_string(&system).unwrap();
    let exec = unit.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
    assert!(exec.ends_with(r#"python3 "a b.py" "100%% \"$$HOME\" $$(id)""#), "{exec}");
    fs::remove_file(&system).unwrap();
    verify(&init(&world, &["systemd", "--user"], "t.service"), true);
    let template = world.path("agentwatch@.service");
    let output = world.output(&["init", "systemd"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    verify(&template, false);
}

/// Keys of launchd.plist(5) that are written, with their types.
const PLIST: &str = r#"
import plistlib, sys
types = {
    "Label": str, "ProgramArguments": list, "WorkingDirectory": str, "EnvironmentVariables": dict,
    "UserName": str, "RunAtLoad": bool, "KeepAlive": dict, "ThrottleInterval": int, "ExitTimeOut": int,
    "ProcessType": str, "StandardOutPath": str, "StandardErrorPath": str,
}
for path in sys.argv[1:]:
    plist = plistlib.load(open(path, "rb"))
    for key, value in plist.items():
        assert type(value) is types[key], (key, value)
    for key in set(types) - {"UserName"}:
        assert key in plist, key
    words = plist["ProgramArguments"]
    assert all(type(word) is str for word in words) and words[0].startswith("/"), words
    assert words[-2:] == ["a b.py", '100% "$HOME" $(id)'], words
    hold = words.index("--on-escalate")
    assert words[hold + 1] == "hold" and hold < words.index("--"), words
    assert plist["KeepAlive"] == {"SuccessfulExit": False}
    assert plist["ExitTimeOut"] > 30 and plist["ProcessType"] == "Standard"
    assert plist["WorkingDirectory"].startswith("/") and plist["StandardOutPath"].startswith("/")
"#;

#[test]
fn property_lists_are_what_launchd_reads() {
    if !has("python3") {
        return;
    }
    let world = World::new();
    let daemon = init(&world, &["launchd"], "dev.agentwatch.t.plist");
    let agent = world.path("agent.plist");
    fs::rename(&daemon, &agent).unwrap();
    let of_user = init(&world, &["launchd", "--user"], "dev.agentwatch.t.plist");
    good(&Command::new("python3").args(["-c", PLIST]).args([agent, of_user]).output().unwrap());
    let output = world.output(&["init", "launchd", "--user", "--install", "--output", "-", "true"]);
    let said = text(&output.stdout);
    assert!(said.contains("launchctl bootstrap gui/"), "{said}");
    let output = world.output(&["init", "launchd", "--install", "--output", "-", "true"]);
    assert!(
        text(&output.stdout).contains("sudo launchctl bootstrap system /Library/LaunchDaemons/")
    );
}

#[test]
fn the_manifest_holds_to_the_schemas() {
    if !has("kubernetes-validate") {
        return;
    }
    let world = World::new();
    let path = init(&world, &["kubernetes"], "t.yaml");
    good(&Command::new("kubernetes-validate").arg("--strict").arg(&path).output().unwrap());
    // It would have noticed.
    let broken = fs::read_to_string(&path).unwrap().replace("livenessProbe", "livnessProbe");
    fs::write(&path, broken).unwrap();
    let output = Command::new("kubernetes-validate").arg("--strict").arg(&path).output().unwrap();
    assert!(!output.status.success());
}

/// Compose, as a command of its own or of docker.
fn composes() -> Option<Command> {
    let mut of_docker = Command::new("docker");
    of_docker.arg("compose");
    let mut tried = Command::new("docker");
    if tried.args(["compose", "version"]).output().is_ok_and(|output| output.status.success()) {
        return Some(of_docker);
    }
    has("docker-compose").then(|| Command::new("docker-compose"))
}

#[test]
fn compose_reads_its_file() {
    if composes().is_none() {
        return;
    }
    let world = World::new();
    let path = init(&world, &["compose"], "compose.yaml");
    let output = composes().unwrap().arg("-f").arg(&path).arg("config").output().unwrap();
    good(&output);
    assert!(text(&output.stdout).contains("$$(id)"), "{}", text(&output.stdout));
    for name in ["123", "true", "null", "on", "0x10", "1agent", "1.5"] {
        fs::remove_file(&path).unwrap();
        let args = ["init", "compose", "--interval", "5m", "--name", name, "--output"];
        let folder = path.parent().unwrap().to_str().unwrap();
        let written = world.output(&[&args[..], &[folder, "--", "true"]].concat());
        good(&written);
        let output = composes().unwrap().arg("-f").arg(&path).arg("config").output().unwrap();
        good(&output);
        assert!(text(&output.stdout).contains("- 5m"), "{}", text(&output.stdout));
    }
}

/// Writes the definition of an agent where `agentwatch run` finds it.
fn define(world: &World, name: &str, definition: &str) {
    let folder = world.path("config/agentwatch/agents");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.toml")), definition).unwrap();
}

#[test]
fn an_agent_of_a_file_is_written_as_it_is_defined() {
    let world = World::new();
    let slow = "command = [\"sh\", \"a b.sh\"]\ncwd = \"/tmp\"\n[stop]\ntimeout = \"2m\"\n";
    define(&world, "slow", slow);
    for args in [&["slow"][..], &["--", "slow"]] {
        let output = world.output(&[&["init", "systemd", "--output", "-"], args].concat());
        let unit = text(&output.stdout);
        good(&output);
        for line in [" run slow\n", "\nWorkingDirectory=/tmp\n", "\nTimeoutStopSec=150\n"] {
            assert!(unit.contains(line), "{line}: {unit}");
        }
    }
    for home in ["docker", "compose", "kubernetes"] {
        let output = world.output(&["init", home, "--", "slow"]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let way = format!(
            "cd /tmp && agentwatch init {home} --name slow --stop-timeout 2m -- sh 'a b.sh'"
        );
        assert!(text(&output.stderr).contains(&way), "{output:?}");
    }
    // Behind -- a program stays one.
    define(&world, "true", slow);
    let output = world.output(&["init", "systemd", "--output", "-", "--", "true"]);
    assert!(text(&output.stdout).contains(" run --name true -- /"), "{output:?}");
}

#[test]
fn what_will_not_start_is_said_and_written_all_the_same() {
    let world = World::new();
    for (command, words) in [
        (&["no-such-program", "x"][..], "no-such-program: not found in PATH"),
        (&["./not-there"], "./not-there: no such file"),
        (&["FOO=bar", "true"], "write env FOO=bar"),
    ] {
        for home in ["systemd", "launchd"] {
            let args = ["init", home, "--name", "t", "--output", "-", "--"];
            let output = world.output(&[&args[..], command].concat());
            good(&output);
            let said = text(&output.stderr);
            assert!(said.contains("warning") && said.contains(words), "{command:?}: {said}");
        }
    }
    let output = world.output(&["init", "systemd", "--user", "--output", "-", "--", "true"]);
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_secret_is_refused_and_not_repeated() {
    let world = World::new();
    let secret = "slack:https://hooks.slack.com/services/T00000000/B00000000/abcdefSECRETxyz";
    let output = world.output(&["init", "systemd", "--alert", secret, "--", "true"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("${NAME}") && said.contains("EnvironmentFile="), "{said}");
    assert!(!said.contains("SECRET") && !world.path("true.service").exists(), "{said}");
    good(&world.output(&["init", "systemd", "--alert", "slack:${HOOK}", "--", "true"]));
    assert!(fs::read_to_string(world.path("true.service")).unwrap().contains("slack:$${HOOK}"));
}

#[test]
fn a_system_unit_runs_as_who_asked_for_it() {
    let world = World::new();
    let args = ["init", "systemd", "--output", "-", "--", "true"];
    let as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let can = Command::new("setpriv").args(&as_nobody[1..]).arg("true").output();
    if !can.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: only root becomes another user");
        return;
    }
    let by_other = world.within(&as_nobody, &args).env("PATH", "/opt/mine:/usr/bin:/bin").output();
    let unit = text(&by_other.unwrap().stdout);
    assert!(unit.contains("\nUser=nobody\n"), "{unit}");
    assert!(unit.contains("\nEnvironment=PATH=/opt/mine:/usr/bin:/bin\n"), "{unit}");
    let by_sudo = || {
        let mut command = world.command(&args);
        command.env("SUDO_USER", "nobody").env("SUDO_UID", "65534");
        text(&command.output().unwrap().stdout)
    };
    assert!(by_sudo().contains("\n#User=agent\n"), "not in a folder of root's");
    std::os::unix::fs::chown(&world.dir, Some(65534), None).unwrap();
    assert!(by_sudo().contains("\nUser=nobody\n"));
    let by_root = text(&world.output(&args).stdout);
    assert!(by_root.contains("\n#User=agent\n") && by_root.contains("\n#Environment=PATH="));
}

#[test]
fn an_image_comes_with_what_it_leaves_out() {
    let world = World::new();
    let folder = world.path("my images");
    fs::create_dir_all(&folder).unwrap();
    let args = ["init", "docker", "--install", "--", "python3", "a.py"];
    good(&world.output(&args));
    let ignored = fs::read_to_string(world.path(".dockerignore")).unwrap();
    assert!(ignored.lines().any(|line| line == "**/.env*") && ignored.contains(".git\n"));
    fs::write(world.path(".dockerignore"), "mine").unwrap();
    good(&world.output(&args));
    assert_eq!(fs::read_to_string(world.path(".dockerignore")).unwrap(), "mine");
    let output = world.output(&[
        "init",
        "docker",
        "--install",
        "--output",
        "my images",
        "--",
        "python3",
        "a.py",
    ]);
    let said = text(&output.stdout);
    assert!(folder.join("Dockerfile.dockerignore").exists(), "{said}");
    assert!(said.contains("/my images/Dockerfile' .\n") && said.contains("  cd "), "{said}");
}

#[test]
fn the_help_fits_a_terminal_of_80_columns() {
    let world = World::new();
    let help = text(&world.output(&["init", "--help"]).stdout);
    assert!(help.contains("--output <DIR>") && help.contains("agentwatch run --help"), "{help}");
    assert_eq!(help.lines().find(|line| 80 < line.chars().count()), None);
    // Where there is room for all of them, they are.
    assert!(text(&world.output(&["man", "init"]).stdout).contains("stop\\-timeout"));
}

#[test]
fn what_is_there_is_never_overwritten_unasked() {
    let world = World::new();
    let args = ["init", "systemd", "--name", "t", "--", "true"];
    let first = world.output(&args);
    assert!(text(&first.stdout).starts_with("wrote t.service; --install says"), "{first:?}");
    let again = world.output(&args);
    assert!(text(&again.stdout).contains("there already, just so"), "{again:?}");
    fs::write(world.path("t.service"), "mine").unwrap();
    let refused = world.output(&args);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--force overwrites it"), "{refused:?}");
    assert_eq!(fs::read_to_string(world.path("t.service")).unwrap(), "mine");
    let forced = world.output(&["init", "systemd", "--force", "--name", "t", "--", "true"]);
    assert_eq!(forced.status.code(), Some(0));
    assert!(fs::read_to_string(world.path("t.service")).unwrap().contains("[Service]"));
    let printed = world.output(&["init", "docker", "--output", "-", "--", "python", "agent.py"]);
    assert!(text(&printed.stdout).contains("ARG BASE=python:3-slim\n"), "{printed:?}");
    assert!(!world.path("Dockerfile").exists());
}

#[test]
fn what_cannot_be_written_is_said_in_a_line() {
    let world = World::new();
    fs::write(world.path("x.toml"), "").unwrap();
    for (args, code, words) in [
        (&["init", "podman"][..], 2, "systemd"),
        (&["init", "docker"], 2, "docker: which command?"),
        (&["init", "systemd", "--interval", "soon", "--", "true"], 2, "soon"),
        (
            &["init", "systemd", "--output", "no/such", "--", "true"],
            1,
            "no/such: no such folder; mkdir",
        ),
        (&["init", "docker", "--user", "--", "true"], 2, "--user is for systemd and launchd"),
        (&["init", "compose", "--config", "x.toml", "--", "true"], 2, "agentwatch.toml"),
        (&["init", "systemd", "--interval", "5m"], 2, "agentwatch init config"),
    ] {
        let output = world.output(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn a_written_definition_is_read_as_it_was_meant() {
    let world = World::new();
    let folder = world.path("config/agentwatch/agents");
    fs::create_dir_all(&folder).unwrap();
    let folder = folder.to_str().unwrap();
    let args = [
        "init",
        "config",
        "--output",
        folder,
        "--interval",
        "7m",
        "--name",
        "t",
        "--",
        "true",
        "x y",
    ];
    assert_eq!(world.output(&args).status.code(), Some(0));
    let checked = world.output(&["check", "--json", "t"]);
    let said = text(&checked.stdout);
    assert!(said.contains("7m") && said.contains("x y"), "{said}{}", text(&checked.stderr));
    assert_eq!(world.output(&["run", "t"]).status.code(), Some(0));
}
