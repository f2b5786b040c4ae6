//! docs/recipes.md: its files are read, its programs run where their libraries are, against the mock server.

use std::fs;
use std::process::{Child, Command, Stdio};

use agentwatch::core::fact::{Fact, FinishedWhy};

use crate::harness::{World, code, kill, story, until};

const PAGE: &str = include_str!("../../docs/recipes.md");

/// The block of `language` in the section below `heading`.
fn block(heading: &str, language: &str) -> &'static str {
    let section = PAGE.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let block = section.split(&format!("\n```{language}\n")).nth(1).unwrap();
    block.split("\n```").next().unwrap()
}

#[test]
fn every_file_of_a_recipe_is_understood() {
    let world = World::new();
    let agents = world.path("config/agentwatch/agents");
    fs::create_dir_all(&agents).unwrap();
    let mut seen = 0;
    for part in PAGE.split("\n`agents/").skip(1) {
        let (name, rest) = part.split_once(".toml`:\n\n```toml\n").unwrap();
        let text = rest.split("\n```").next().unwrap();
        let text = text.replace("/srv/", &format!("{}/", world.dir.display()));
        fs::create_dir_all(world.path(name)).unwrap();
        fs::create_dir_all(world.path("project")).unwrap();
        fs::write(agents.join(format!("{name}.toml")), text).unwrap();
        fs::write(agents.join(format!("{name}.env")), "OPENAI_API_KEY=dummy\n").unwrap();
        let out = world.output(&["check", name]);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!((code(out.status), said.as_str()), (0, ""), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 4);
}

/// A server that bills nobody.
struct Mock {
    child: Child,
    url: String,
}

impl Mock {
    fn new(world: &World) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agents/mock_llm.py");
        let port = world.path("port");
        let child = Command::new("python3")
            .args([script, "--port", "0", "--tokens-cached", "400", "--port-file"])
            .arg(&port)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let port = until("the port of the mock server", || {
            fs::read_to_string(&port).ok().filter(|port| !port.trim().is_empty())
        });
        Self { child, url: format!("http://127.0.0.1:{}/v1", port.trim()) }
    }

    /// How many answers it has billed.
    fn replies(&self) -> u64 {
        let script = "import json, sys, urllib.request as r\n\
                      print(json.load(r.urlopen(sys.argv[1]))['replies'])";
        let url = self.url.replace("/v1", "/_stats");
        let out = Command::new("python3").args(["-c", script, &url]).output().unwrap();
        String::from_utf8_lossy(&out.stdout).trim().parse().unwrap()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program of a section, and leaves as a deployment makes it leave.
fn counts_and_leaves(heading: &str, imports: &str) {
    let there = Command::new("python3").args(["-c", imports]).output().unwrap().status.success();
    if !there {
        eprintln!("SKIPPED: python3 cannot {imports}: the program of {heading} was not run");
        return;
    }
    let world = World::new();
    let mock = Mock::new(&world);
    fs::write(world.path("agent.py"), block(heading, "python")).unwrap();
    let args = ["run", "--name", "t", "--interval", "60s", "--", "python3", "agent.py"];
    let mut command = world.command(&args);
    command
        .env("OPENAI_BASE_URL", &mock.url)
        .env("OPENAI_API_KEY", "dummy")
        .env("OPENAI_AGENTS_DISABLE_TRACING", "1")
        .env("LANGSMITH_TRACING", "false")
        .env("MODEL", "mock-1")
        .env("PAUSE", "1");
    let mut run = world.spawn(command);
    for number in 1..=3 {
        let cycle = run.fact("a cycle", number, |fact| match fact {
            Fact::Beat(beat) if beat.status == "ok" => Some(beat.cycle),
            _ => None,
        });
        assert_eq!(cycle, Some(number as u64));
    }
    kill(run.started(1), "TERM");
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    let facts = world.facts();
    let announced = |fact: &Fact| {
        matches!(fact, Fact::Finished { reason: FinishedWhy::Announced, code: 0, .. })
    };
    assert!(facts.iter().any(announced), "{}", story(&facts));
    // 1,000 in, of which 400 were cached, and 50 out.
    let counted: u64 = facts.iter().filter_map(tokens).sum();
    assert_eq!(counted, 650 * mock.replies(), "{}", story(&facts));
}

fn tokens(fact: &Fact) -> Option<u64> {
    if let Fact::Beat(beat) = fact { beat.tokens } else { None }
}

#[test]
fn langgraph_is_counted_by_cycle_and_leaves_announced() {
    let imports = "import langgraph.checkpoint.sqlite, langchain_openai";
    counts_and_leaves("LangGraph", imports);
}

#[test]
fn the_agents_sdk_is_counted_by_cycle_and_leaves_announced() {
    counts_and_leaves("OpenAI Agents SDK", "import agents, openai; agents.SQLiteSession");
}
