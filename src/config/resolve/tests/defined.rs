//! Agents that a file defines, commands and rules of files, and what wins over what.

use super::*;

/// A definition of the agent `crawler`, as `files::read` gives it.
fn defined(text: &str) -> Found {
    let shown = "/etc/agentwatch/agents/crawler.toml".to_owned();
    let folder = "/etc/agentwatch/agents".into();
    let source = Source { shown, folder, text: text.into(), defines: true };
    Found { sources: vec![source], agent: Some("crawler".to_owned()), ..Found::default() }
}

#[test]
fn an_agent_is_what_its_file_says() {
    let text = "command = ['python', 'x.py']\ncwd = '../here'\nenv_file = 'c.env'\n[restart]\ncommand = 'a b'";
    let resolved = run_with(&matches(&["crawler"]), &around(&[]), defined(text)).unwrap();
    assert_eq!((resolved.name.as_str(), resolved.name_derived), ("crawler", false));
    assert_eq!(resolved.command, ["python", "x.py"]);
    assert_eq!(resolved.cwd.as_deref(), Some(Path::new("/etc/agentwatch/agents/../here")));
    assert_eq!(
        shown(&resolved, "env_file").split(' ').next(),
        Some("/etc/agentwatch/agents/c.env")
    );
    let again = ["/bin/sh", "-c", "a b"].map(OsString::from);
    assert_eq!(resolved.restart_command.as_deref(), Some(&again[..]));
    assert_eq!(shown(&resolved, "name"), "crawler (name of /etc/agentwatch/agents/crawler.toml)");
    // A flag is more than a file's name, a variable is less.
    let flag =
        run_with(&matches(&["--name", "b", "crawler"]), &around(&[]), defined(text)).unwrap();
    assert_eq!(flag.name, "b");
    let var = around(&[("AGENTWATCH_OPT_NAME", "b")]);
    assert_eq!(run_with(&matches(&["crawler"]), &var, defined(text)).unwrap().name, "crawler");
}

#[test]
fn a_definition_that_defines_nothing_or_elsewhere_is_refused() {
    for (text, words) in [
        ("", "/etc/agentwatch/agents/crawler.toml: no command; write command = ["),
        (
            "name = 'other'\ncommand = 'x'",
            "crawler.toml:1: name = \"other\" is not the name of this file",
        ),
        (
            "command = 'x'\nstate_dir = '/x'",
            "crawler.toml:2: state_dir = \"/x\" stands where no other",
        ),
        ("command = []", "crawler.toml:1: command = [] is empty; write a list such as"),
        ("command = ['']", "crawler.toml:1: command = [''] is empty; write a list such as"),
        ("command = ' '", "crawler.toml:1: command = ' ' is empty; write a list such as"),
        (
            "command = ['a', 1]",
            "crawler.toml:1: command = ['a', 1] is a list of more than texts; write",
        ),
        ("command = 5", "crawler.toml:1: command = 5 is an integer; write a list such as"),
        ("command = \"a\\u0000\"", "holds a NUL, which ends every text; take it out"),
        ("command = 'x'\ncwd = ''", "crawler.toml:2: cwd = '' is empty; write a path"),
    ] {
        let error = run_with(&matches(&["crawler"]), &around(&[]), defined(text)).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.is_usage());
    }
    let same = defined("name = 'crawler'\ncommand = 'x'");
    assert!(run_with(&matches(&["crawler"]), &around(&[]), same).is_ok());
}

#[test]
fn a_command_in_any_file_is_run_unless_another_is_typed() {
    let file = "command = ['./bot.py']\n[restart]\ncommand = ['./bot.py', '--again']";
    let stored = resolved(&[], file);
    assert_eq!((stored.command[0].to_str(), stored.name.as_str()), (Some("./bot.py"), "bot"));
    assert!(stored.restart_command.is_some());
    let typed = resolved(&["./cat.py"], file);
    assert_eq!((typed.command[0].to_str(), typed.name.as_str()), (Some("./cat.py"), "cat"));
    assert_eq!(typed.restart_command, None, "it goes with the command that is not run");
    assert_eq!(shown(&typed, "command"), "[\"./cat.py\"] (command line)");
    let only = resolved(&["./cat.py"], "[restart]\ncommand = 'x'");
    assert!(only.restart_command.is_some());
    let error = with(&[], &[], "command = 'x y'").unwrap_err();
    let words = "agentwatch.toml:1: command = sh -c gives no name to the agent; write name = ";
    assert!(error.starts_with(words), "{error}");
}

#[test]
fn a_value_remembers_what_it_won_over() {
    let mut found = local("[restart]\ncooldown = '3s'");
    let (shown_as, folder) = ("/etc/aw.toml".to_owned(), "/etc".into());
    let text = "[restart]\ncooldown = '9s'".into();
    found.sources.insert(0, Source { shown: shown_as, folder, text, defines: false });
    let resolved = run_with(&matches(&["--cooldown", "1s", "x"]), &around(&[]), found).unwrap();
    let one = resolved.values.iter().find(|one| one.key.path == "restart.cooldown").unwrap();
    let over: Vec<_> = one.over.iter().map(|(text, from)| format!("{text} {from}")).collect();
    assert_eq!(over, ["3s agentwatch.toml:2", "9s /etc/aw.toml:2"]);
}

#[test]
fn rules_of_the_nearest_file_are_asked_first() {
    let rule = |exit: u32| format!("[[restart.rule]]\nexit = {exit}\naction = 'finish'\n");
    let mut found = local(&(rule(1) + &rule(2)));
    let (shown_as, folder) = ("/etc/aw.toml".to_owned(), "/etc".into());
    let source = Source { shown: shown_as, folder, text: rule(3), defines: false };
    found.sources.insert(0, source);
    let resolved = run_with(&matches(&["x"]), &around(&[]), found.clone()).unwrap();
    let exits: Vec<u8> = resolved.settings.rules.iter().map(|rule| rule.exits[0]).collect();
    assert_eq!(exits, [1, 2, 3]);
    found.sources[0].text = rule(3).repeat(99);
    let error = run_with(&matches(&["x"]), &around(&[]), found).unwrap_err().to_string();
    assert!(error.contains("restart.rule number 101 is one too many"), "{error}");
}

#[test]
fn agents_are_defined_beside_the_files_for_all() {
    let places = |vars: &[(&str, &str)], macos| {
        let around = Surroundings { macos, ..around(vars) };
        let wanted = layers::wanted(&matches(&["x"]), &around).unwrap();
        let definitions = layers::definitions(&wanted, "x");
        definitions.iter().map(|one| one.shown.clone()).collect::<Vec<_>>()
    };
    let (etc, home) =
        ("/etc/agentwatch/agents/x.toml", "/home/me/.config/agentwatch/agents/x.toml");
    let library = "/home/me/Library/Application Support/agentwatch/agents/x.toml";
    assert_eq!(places(&[], false), [etc, home]);
    assert_eq!(places(&[], true), [etc, library, home]);
    assert_eq!(places(&[("AGENTWATCH_CONFIG", "/f/a.toml")], false), ["/f/agents/x.toml"]);
}
