//! The table of commands and the names they give.

use std::os::unix::ffi::OsStringExt as _;

use super::*;

fn of(command: &str) -> Result<String, String> {
    let words: Vec<OsString> = command.split_whitespace().map(OsString::from).collect();
    derive(&words).map(|derived| derived.name).map_err(|error| error.to_string())
}

#[test]
fn a_command_is_named_by_what_its_author_wrote() {
    for (command, name) in [
        // The program itself.
        ("./agent", "agent"),
        ("/opt/bots/trader.sh", "trader"),
        ("claude -p hello", "claude"),
        ("docker ps", "docker"),
        ("docker run --rm --name trader image", "trader"),
        ("podman run --name=trader image", "trader"),
        ("agent-1.2", "agent-1.2"),
        ("./.hidden", "hidden"),
        ("./agent.test.py", "agent.test"),
        // A script behind an interpreter.
        ("python agent.py", "agent"),
        ("python3.11 -u agent.py --fast", "agent"),
        ("python3 -W ignore -X dev bots/trader.py", "trader"),
        ("python3 -Wignore -uOO trader.py", "trader"),
        ("/usr/bin/pypy3 -- trader.py", "trader"),
        ("python bots/", "bots"),
        ("python bots/__main__.py", "bots"),
        ("python", "python"),
        ("python3.11 -", "python3.11"),
        ("node dist/index.js", "index"),
        ("node --import tsx -r dotenv/config agent.ts", "agent"),
        ("node --max-old-space-size=4096 agent.mjs", "agent"),
        ("tsx watch agent.ts", "agent"),
        ("bun run agent.ts", "agent"),
        ("bun agent.ts", "agent"),
        ("deno run --allow-net https://example.org/x/agent.ts", "agent"),
        ("ruby -I lib agent.rb", "agent"),
        ("lua5.4 agent.lua", "agent"),
        ("bash -eu run-agent.sh", "run-agent"),
        ("bash -o pipefail run-agent.sh", "run-agent"),
        ("sh", "sh"),
        // Modules.
        ("python -m agent", "agent"),
        ("python -u -m pkg.mod --flag", "mod"),
        ("python -um pkg.mod", "mod"),
        ("python -mpkg.mod", "mod"),
        ("python -m pkg.__main__", "pkg"),
    ] {
        assert_eq!(of(command).as_deref(), Ok(name), "{command}");
    }
}

#[test]
fn what_gives_no_name_is_repeated_without_its_terminal_codes() {
    let error = NameError::Inline { what: "sh\x1b[2J -c".to_owned() };
    assert_eq!(error.to_string(), "sh\\u{1b}[2J -c gives no name to the agent");
}

#[test]
fn what_only_starts_something_else_gives_no_name_of_its_own() {
    for (command, name) in [
        ("env python agent.py", "agent"),
        ("/usr/bin/env -i -u HOME A=1 B=x=y python3 agent.py", "agent"),
        ("env --unset=HOME -C /tmp ./agent", "agent"),
        ("nice -n 5 nohup stdbuf -oL python agent.py", "agent"),
        ("nice -5 ./agent", "agent"),
        ("stdbuf -o L ./agent", "agent"),
        ("timeout -k 5s 1h ./agent", "agent"),
        ("sudo -u bot python agent.py", "agent"),
        ("tini -g -- python agent.py", "agent"),
        ("uv run agent.py", "agent"),
        ("uv run --with httpx --python 3.12 python agent.py", "agent"),
        ("uv run -m pkg.mod", "mod"),
        ("uv run --env-file .env --frozen -- trader", "trader"),
        ("uvx trader@1.2", "trader"),
        ("uv tool run trader", "trader"),
        ("poetry run python -m bot", "bot"),
        ("conda run -n x --no-capture-output python agent.py", "agent"),
        ("npx -y tsx agent.ts", "agent"),
        ("npx @scope/tool@1.2 run", "tool"),
        ("npx tsx@latest agent.ts", "agent"),
        ("npx -p some-pkg tool", "tool"),
        ("npm run crawler", "crawler"),
        ("npm exec --package x -- crawler", "crawler"),
        ("npm exec crawler", "crawler"),
        ("pipx run --spec git+x crawler", "crawler"),
        ("poetry run crawler", "crawler"),
        ("poetry -C x run", "poetry"),
        ("bun x tsx agent.ts", "agent"),
        ("bun run --bun agent.ts", "agent"),
        ("deno run -A agent.ts", "agent"),
        ("deno agent.ts", "agent"),
        ("setsid -w python agent.py", "agent"),
        ("timeout 5 python agent.py", "agent"),
        ("timeout --signal=KILL 5 ./agent", "agent"),
        ("op run --env-file=.env -- python agent.py", "agent"),
        ("dotenv -f .env run -- python agent.py", "run"),
        ("dotenv run -- python agent.py", "agent"),
        ("systemd-run --user -u x ./agent", "agent"),
        ("npm start", "npm"),
        ("uv sync", "uv"),
        ("env", "env"),
    ] {
        assert_eq!(of(command).as_deref(), Ok(name), "{command}");
    }
}

#[test]
fn signs_that_do_not_fit_give_way() {
    for (command, name) in
        [("./my+agent", "my-agent"), ("./größe", "gr--e"), ("./--agent--", "agent")]
    {
        assert_eq!(of(command).as_deref(), Ok(name), "{command}");
    }
}

#[test]
fn code_on_the_command_line_asks_for_a_name() {
    for (command, what) in [
        ("sh -c x", "sh -c"),
        ("/bin/bash -lc x", "bash -c"),
        ("zsh -c x", "zsh -c"),
        ("env A=1 sh -ec x", "sh -c"),
        ("python -c x", "python -c"),
        ("python3.11 -uc x", "python3.11 -c"),
        ("docker run --rm image", "docker run"),
        ("docker exec -it box ./agent", "docker exec"),
        ("podman compose up", "podman compose"),
        ("node --eval x", "node --eval"),
        ("node -e x", "node -e"),
        ("perl -we x", "perl -e"),
    ] {
        let words = format!("{what} gives no name to the agent");
        assert_eq!(of(command), Err(words), "{command}");
    }
}

#[test]
fn what_holds_no_letter_asks_for_a_name() {
    for command in ["./агент", "./---", "/", "..", "python ."] {
        assert!(
            of(command).is_err_and(|words| words.ends_with("gives no name to the agent")),
            "{command}"
        );
    }
    assert!(of("").is_err());
}

#[test]
fn a_long_name_is_cut_to_a_valid_one() {
    let name = of(&"x".repeat(500)).unwrap();
    assert_eq!(name.len(), 64);
    assert!(is_valid(&name));
    // Names that are not UTF-8 must not be cut inside of a character.
    assert!(derive(&[OsString::from_vec(vec![b'a', 0xff, b'b'])]).is_ok_and(|it| it.name == "a-b"));
}

#[test]
fn names_are_safe_folder_names() {
    for (name, valid) in [
        ("agent", true),
        ("_x", true),
        ("9", true),
        ("a.b-c_d", true),
        (&"x".repeat(64), true),
        (&"x".repeat(65), false),
        ("", false),
        (".", false),
        ("..", false),
        (".x", false),
        ("-x", false),
        ("a/b", false),
        ("a b", false),
        ("ä", false),
    ] {
        assert_eq!(is_valid(name), valid, "{name}");
    }
}

#[test]
fn the_subject_is_the_same_however_it_is_started() {
    for (command, subject) in [
        ("python agent.py --fast", "./agent"),
        ("uv run agent.py", "./agent"),
        ("python -um agent", "./agent"),
        ("python -m bots.agent", "./bots/agent"),
        ("python bots/agent/__main__.py", "bots/agent"),
        ("node ./agent.js", "./agent.js"),
        ("npx trader", "trader"),
        ("/opt/bin/trader -v", "/opt/bin/trader"),
    ] {
        let words: Vec<OsString> = command.split_whitespace().map(OsString::from).collect();
        assert_eq!(derive(&words).unwrap().subject, subject, "{command}");
    }
}
