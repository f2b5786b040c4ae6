//! What is made from the definitions: help, manual pages, completions.

use std::fs;
use std::process::Command;

use crate::harness::{World, has};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// All commands, as the help lists them.
fn commands(world: &World) -> Vec<String> {
    let help = text(&world.output(&["--help"]).stdout);
    let listed = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    // What a command is about may go on in the next line, further in.
    let lines = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names: Vec<String> =
        lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert!(names.contains(&"run".to_owned()) && names.contains(&"man".to_owned()), "{help}");
    names
}

#[test]
fn the_help_of_every_command_ends_with_an_example() {
    let world = World::new();
    for name in commands(&world) {
        let output = world.output(&[&name, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{name}");
        let help = text(&output.stdout);
        let example = help.split("\nExample:\n").nth(1).unwrap_or_else(|| panic!("{name}: {help}"));
        for line in example.lines() {
            assert!(line.starts_with("  agentwatch "), "{name}: {line}");
        }
        assert!(example.contains(&format!("agentwatch {name}")), "{name}: {example}");
    }
}

#[test]
fn every_manual_page_renders_without_a_warning() {
    let world = World::new();
    let mut names: Vec<String> = commands(&world);
    names.push(String::new());
    for name in &names {
        let args: Vec<&str> = ["man", name].into_iter().filter(|word| !word.is_empty()).collect();
        let output = world.output(&args);
        assert_eq!(output.status.code(), Some(0), "{name}: {output:?}");
        let page = world.path("page.1");
        fs::write(&page, &output.stdout).unwrap();
        let page = page.to_str().unwrap();
        for section in ["NAME", "SYNOPSIS", "EXAMPLES"] {
            assert!(text(&output.stdout).contains(section), "{name}: {section}");
        }
        if has("groff") {
            let output =
                Command::new("groff").args(["-ww", "-man", "-Tascii", "-z", page]).output();
            assert_eq!(text(&output.unwrap().stderr), "", "{name}");
        }
        if has("mandoc") {
            let lint = ["-Tlint", "-Wwarning", page];
            let output = Command::new("mandoc").args(lint).output().unwrap();
            assert_eq!(text(&output.stdout), "", "{name}");
        }
    }
    assert_eq!(world.output(&["man", "nonsense"]).status.code(), Some(2));
}

#[test]
fn completions_are_read_by_their_shells_and_know_the_agents() {
    let world = World::new();
    assert_eq!(world.output(&["run", "--name", "trader", "--", "true"]).status.code(), Some(0));
    let agents = world.path("config/agentwatch/agents");
    fs::create_dir_all(&agents).unwrap();
    fs::write(agents.join("crawler.toml"), "command = 'true'\n").unwrap();
    fs::write(agents.join("crawler.env"), "A=1\n").unwrap();
    let names = text(&world.output(&["completions", "--agents"]).stdout);
    assert_eq!(names, "crawler\ntrader\n");
    for shell in ["bash", "zsh", "fish"] {
        let output = world.output(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        fs::write(world.path(shell), &output.stdout).unwrap();
        if has(shell) {
            let output = Command::new(shell).arg("-n").arg(world.path(shell)).output().unwrap();
            assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
        }
    }
    assert_eq!(world.output(&["completions", "tcsh"]).status.code(), Some(2));
    if !has("bash") {
        return;
    }
    let complete = |words: &str| {
        let script = format!(
            "source ./bash; agentwatch() {{ \"$AGENTWATCH\" \"$@\"; }}\n\
             COMP_WORDS=(agentwatch {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _agentwatch_with_agents agentwatch \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
             echo \"${{COMPREPLY[@]}}\""
        );
        let mut command = world.within(&["bash", "-c", &script], &[]);
        text(&command.env("AGENTWATCH", env!("CARGO_BIN_EXE_agentwatch")).output().unwrap().stdout)
    };
    assert_eq!(complete("status tr"), "trader\n");
    assert_eq!(complete("run --beats no"), "none\n");
    assert_eq!(complete("resume --state-d"), "--state-dir\n");
    assert!(complete("run cr").contains("crawler"));
    assert_eq!(complete("comp"), "completions\n");
}
