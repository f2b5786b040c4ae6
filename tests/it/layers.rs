//! Files in layers on the real binary: who wins, what an agent's own file gives it, and its secrets.

use std::fs;
use std::path::Path;

use crate::harness::World;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Writes the definition of an agent beside the user's file.
fn define(world: &World, name: &str, definition: &str) {
    let folder = world.path("config/agentwatch/agents");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{name}.toml")), definition).unwrap();
}

#[test]
fn an_agent_is_started_by_its_name_from_anywhere() {
    let world = World::new();
    fs::create_dir_all(world.path("home/agent")).unwrap();
    let home = world.path("home/agent").canonicalize().unwrap();
    define(
        &world,
        "crawler",
        &format!(
            "command = 'pwd; echo $KEY-$AGENTWATCH_NAME > kept'\ncwd = {home:?}\nenv_file = 'crawler.env'\n"
        ),
    );
    let file = world.path("config/agentwatch/agents/crawler.env");
    fs::write(file, "export KEY='s3cret'\nAGENTWATCH_NAME=forged\n").unwrap();
    // What lies where it happens to be started does not count.
    fs::write(world.path("agentwatch.toml"), "command = 'echo wrong'\n").unwrap();
    let output = world.output(&["run", "crawler"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(text(&output.stdout), format!("{}\n", home.display()));
    assert_eq!(fs::read_to_string(home.join("kept")).unwrap(), "s3cret-crawler\n");
    assert!(world.path("state/crawler/state.json").exists());
    for file in ["state/crawler/state.json", "state/crawler/journal"] {
        let path = world.path(file);
        let files = if path.is_dir() {
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
        } else {
            vec![path]
        };
        for file in files {
            assert!(!fs::read_to_string(&file).unwrap().contains("s3cret"), "{file:?}");
        }
    }
    assert!(!text(&output.stderr).contains("s3cret"));
    for args in [&["check", "crawler"][..], &["check", "--json", "crawler"]] {
        let output = world.output(args);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(text(&output.stdout).contains("KEY"), "{output:?}");
        assert!(!text(&output.stdout).contains("s3cret"), "{output:?}");
    }
}

#[test]
fn every_layer_wins_over_the_one_below() {
    let world = World::new();
    define(
        &world,
        "t",
        "command = ['true']\n[heartbeat]\nmisses = 4\n[restart]\ncooldown = '4m'\n",
    );
    let user = "[heartbeat]\nmisses = 3\ninterval = '3m'\n[restart]\nmax_failures = 7\n";
    fs::write(world.path("config/agentwatch/agentwatch.toml"), user).unwrap();
    let mut command = world.command(&["check", "--cooldown", "5m", "t"]);
    let output = command.env("AGENTWATCH_OPT_MISSES", "5").output().unwrap();
    let table = text(&output.stdout);
    let line = |key: &str| {
        let line = table.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (user, own) = ("config/agentwatch/agentwatch.toml", "config/agentwatch/agents/t.toml");
    let place = |file: &str, line: u32| format!("{}:{line}", world.path(file).display());
    assert_eq!(line("restart.max_failures "), format!("restart.max_failures 7 {}", place(user, 5)));
    assert_eq!(line("heartbeat.interval"), format!("heartbeat.interval 3m {}", place(user, 3)));
    assert_eq!(
        line("heartbeat.misses"),
        format!(
            "heartbeat.misses 5 AGENTWATCH_OPT_MISSES, over 4 ({}), over 3 ({})",
            place(own, 3),
            place(user, 2)
        )
    );
    assert!(line("restart.cooldown").starts_with("restart.cooldown 5m --cooldown, over 4m"));
    assert!(table.contains(&format!("file {}: read\n", world.path(own).display())), "{table}");
    // One file in place of all has its agents beside it.
    fs::create_dir_all(world.path("other/agents")).unwrap();
    fs::write(world.path("other/aw.toml"), "[heartbeat]\nmisses = 9\n").unwrap();
    fs::write(world.path("other/agents/t.toml"), "command = 'echo other'\n").unwrap();
    let mut command = world.command(&["run", "t"]);
    let output = command.env("AGENTWATCH_CONFIG", "other/aw.toml").output().unwrap();
    assert_eq!(text(&output.stdout), "other\n", "{output:?}");
}

#[test]
fn a_bare_word_is_an_agent_a_program_or_neither() {
    let world = World::new();
    define(&world, "ls", "command = 'echo the agent'\n");
    define(&world, "crawler", "command = 'echo the crawler'\n");
    let run = |args: &[&str]| {
        let output = world.output(args);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, err) = run(&["run", "ls"]);
    assert_eq!((code, out.as_str()), (Some(0), "the agent\n"));
    assert!(err.contains("ls.toml") && err.contains("agentwatch run -- ls"), "{err}");
    let (_, out, err) = run(&["run", "--name", "other", "--", "ls"]);
    assert!(out.contains("config\n") && !err.contains("ls.toml"), "{out}{err}");
    let (_, _, err) = run(&["run", "crawler"]);
    assert!(!err.contains("agentwatch run --"), "nothing to be mistaken: {err}");
    let (code, _, err) = run(&["run", "crawlr"]);
    assert_eq!(code, Some(127), "{err}");
    for part in ["crawlr: not found", "crawlr.toml", "did you mean crawler?"] {
        assert!(err.contains(part), "{part}: {err}");
    }
    assert_eq!(err.lines().count(), 1);
    let (code, _, err) = run(&["run", "crawler", "--fast"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("crawler.toml") && err.contains("options go before its name"), "{err}");
    assert_eq!(run(&["run", "--name", "x", "--", "crawler"]).0, Some(127));
    let (code, _, err) = run(&["run"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("nothing to run") && err.contains("NAME"), "{err}");
}

#[test]
fn a_local_file_may_say_what_is_run_here() {
    let world = World::new();
    fs::create_dir(world.path("bot")).unwrap();
    let file = "name = 'here'\ncommand = ['sh', '-c', 'pwd']\ncwd = 'bot'\n";
    fs::write(world.path("agentwatch.toml"), file).unwrap();
    let output = world.output(&["run"]);
    let here = world.path("bot").canonicalize().unwrap();
    assert_eq!(text(&output.stdout), format!("{}\n", here.display()), "{output:?}");
    assert!(text(&output.stderr).contains("settings from ./agentwatch.toml"), "{output:?}");
    let gone = file.replace("'bot'", "'gone'");
    fs::write(world.path("agentwatch.toml"), gone).unwrap();
    let output = world.output(&["run"]);
    assert_eq!(output.status.code(), Some(78));
    let err = text(&output.stderr);
    assert!(err.contains("agentwatch.toml:3: cwd = ") && err.contains("name a folder"), "{err}");
}

#[test]
fn variables_that_cannot_be_read_stop_the_start_and_stay_secret() {
    for (variables, line) in [
        (Some("A=1\nhunter2\n"), ":2: "),
        (Some("A=\"hunter2\n"), ":1: "),
        (Some("A='hunter2'x\n"), ":1: "),
        (Some("1A=hunter2\n"), ":1: "),
        (None, ": no such file"),
    ] {
        let world = World::new();
        define(&world, "t", "command = 'touch started'\nenv_file = 't.env'\n");
        let file = world.path("config/agentwatch/agents/t.env");
        if let Some(variables) = variables {
            fs::write(&file, variables).unwrap();
        }
        for command in ["run", "check"] {
            let output = world.output(&[command, "t"]);
            let err = text(&output.stderr);
            assert_eq!(output.status.code(), Some(78), "{err}");
            assert!(err.contains(&format!("{}{line}", file.display())), "{err}");
            assert!(err.contains("t.toml:2") && !err.contains("hunter2"), "{err}");
            assert_eq!(err.lines().count(), 1, "{err}");
        }
        assert!(!world.path("started").exists());
    }
}

#[test]
fn variables_reach_every_start_and_win_over_the_surroundings() {
    let world = World::new();
    define(
        &world,
        "t",
        "command = 'echo $A $PYTHONUNBUFFERED; exit 1'\nenv_file = 't.env'\n\
         [restart]\ncooldown = '10ms'\nmax_failures = 2\n",
    );
    let file = world.path("config/agentwatch/agents/t.env");
    fs::write(&file, "A=file\nPYTHONUNBUFFERED=\n").unwrap();
    let output = world.command(&["run", "t"]).env("A", "shell").output().unwrap();
    assert_eq!(text(&output.stdout), "file\nfile\n", "{output:?}");
    assert_eq!(output.status.code(), Some(69));
}

#[test]
fn the_documentation_lists_every_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    for key in agentwatch::config::keys::KEYS {
        let named = docs.contains(&format!("| `{}` |", key.path));
        assert!(named, "docs/configuration.md misses {}", key.path);
    }
    for field in agentwatch::config::rules::FIELDS {
        assert!(
            docs.contains(&format!("`{field}`")),
            "docs/configuration.md misses {field} of rules"
        );
    }
}
