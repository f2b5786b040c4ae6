//! Everything that agents leave behind, in random mixtures: nothing of it is there at the next start.

use std::fs;
use std::path::Path;

use agentwatch::core::fact::Fact;

use crate::harness::{World, has, kill, story, until};
use crate::rng::Rng;
use crate::rounds;

/// Ways to leave a process behind that sleeps for `$M` seconds, by which it is known.
const LEAVERS: [&str; 10] = [
    // In its own group or session, as tools of agents are.
    "setsid sleep $M &",
    "setsid sh -c 'sleep '$M' & exec sleep '$M &",
    // A daemon: its parent is gone at once.
    "( ( sleep $M & ) & )",
    "( ( setsid sleep $M & ) & )",
    // Nothing of its environment is left.
    "env -i setsid sleep $M &",
    "( ( env -i setsid sleep $M & ) & )",
    // It wants no TERM.
    "setsid sh -c 'trap \"\" TERM HUP INT; sleep '$M'; sleep '$M &",
    // A chain of launchers.
    "sh -c 'sh -c \"sh -c \\\"sleep '$M' & wait\\\" & wait\" & wait' &",
    // It changes its session again and again.
    "setsid setsid setsid sleep $M &",
    // Stopped where it is.
    "setsid sh -c 'kill -STOP $$; sleep '$M &",
];

/// How a round ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stop,
    Crash,
    Hang,
    Exit,
    Killed,
}

const ENDS: [End; 5] = [End::Stop, End::Crash, End::Hang, End::Exit, End::Killed];

/// Who sleeps for so many seconds, or is a shell that will.
fn alive(mark: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let is_pid = entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let ours = line.contains(mark) && !line.contains("agentwatch");
        if is_pid && ours && !line.is_empty() {
            found.push(format!("{}: {line}", entry.file_name().to_string_lossy()));
        }
    }
    found
}

fn script(rng: &mut Rng, end: End, mark: &str) -> (String, usize) {
    let count = 1 + usize::try_from(rng.below(6)).unwrap();
    let mut text = format!("[ $AGENTWATCH_INCARNATION = 1 ] || exec sleep 1000\nM={mark}\n");
    for _ in 0..count {
        let leaver = rng.pick(&LEAVERS);
        // agentwatch cannot know them again who threw away their mark and their session.
        let known = end != End::Killed || !leaver.contains("env -i");
        text += if known { leaver } else { LEAVERS[0] };
        text.push('\n');
    }
    // Who is stopped before it sleeps has its mark in its command line all the same.
    text += "echo '{\"agent\":\"t\",\"tokens_used\":1}'\necho ready > ready\n";
    text += match end {
        End::Stop | End::Killed => "sleep 1000",
        End::Crash => "while [ ! -e go ]; do sleep 0.01; done; exit 3",
        End::Exit => "while [ ! -e go ]; do sleep 0.01; done; exit 0",
        End::Hang => "trap '' TERM; while :; do sleep 1; done",
    };
    (text, count)
}

fn round(rng: &mut Rng, number: u32) -> usize {
    let world = World::new();
    let end = rng.pick(&ENDS);
    let mark = format!("97{}.{number:05}", std::process::id());
    let (text, count) = script(rng, end, &mark);
    fs::write(world.path("agent.sh"), &text).unwrap();
    let silence = if end == End::Hang { "1s" } else { "10m" };
    let options = ["--interval", silence, "--cooldown", "0s", "--stop-timeout", "1s"];
    let mut run = world.run(&options, &["sh", "agent.sh"]);
    // What is killed within the first milliseconds leaves no word of its start, and the next one is number one.
    run.started(1);
    until("the agent to be ready", || world.path("ready").exists().then_some(()));
    until("its leftovers", || (count <= alive(&mark).len()).then_some(()));
    let shown = alive(&mark).join("\n");
    fs::write(world.path("go"), "").unwrap();
    match end {
        End::Stop => {
            run.signal("TERM");
            run.wait();
        }
        End::Killed => {
            kill(run.pid(), "KILL");
            run.wait();
            run = world.run(&options, &["sh", "agent.sh"]);
            run.started(2);
        }
        End::Crash | End::Hang | End::Exit => drop(run.started(2)),
    }
    let left = alive(&mark);
    let facts = world.facts();
    assert!(
        left.is_empty(),
        "round {number}, {end:?}: left behind\n{}\nof\n{shown}\n{text}\n{}",
        left.join("\n"),
        story(&facts)
    );
    let starts = facts.iter().filter(|fact| matches!(fact, Fact::Started { .. })).count();
    assert_eq!(starts, if end == End::Stop { 1 } else { 2 }, "{}", story(&facts));
    if end != End::Stop {
        run.signal("TERM");
        run.wait();
    }
    count
}

#[test]
fn nothing_that_agents_leave_behind_lives_to_see_the_next_start() {
    if !Path::new("/proc/self/stat").exists() {
        return;
    }
    let seed = std::env::var("AGENTWATCH_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or(u64::from(std::process::id()));
    println!("AGENTWATCH_SEED={seed}");
    let mut rng = Rng::of(seed, "tree", 0);
    let total: usize = (0..rounds(25)).map(|number| round(&mut rng, number)).sum();
    println!("{} mixtures of {total} leavers, none was left", rounds(25));
}

#[test]
fn a_chain_of_npm_exec_is_ended_to_its_last_link() {
    if !has("npm") {
        return;
    }
    let world = World::new();
    let package = r#"{"name":"tool","version":"1.0.0","bin":{"tool":"tool.js"}}"#;
    // The tool starts a server of its own, as an MCP server is started, in a session of its own.
    let mark = format!("98{}", std::process::id());
    let tool = format!(
        "#!/usr/bin/env node\nconst {{spawn}} = require('child_process');\n\
         spawn('sleep', ['{mark}'], {{detached: true, stdio: 'ignore'}}).unref();\n\
         process.on('SIGTERM', () => {{}});\n\
         require('fs').writeFileSync('ready', '');\nsetInterval(() => {{}}, 1000);\n"
    );
    fs::write(world.path("package.json"), package).unwrap();
    fs::write(world.path("tool.js"), tool).unwrap();
    for round in 0..rounds(2) {
        let _ = fs::remove_file(world.path("ready"));
        let options = ["--stop-timeout", "1s", "--cooldown", "0s", "--resume"];
        let command = ["npm", "exec", "--offline", "--call", "node tool.js"];
        let mut run = world.run(&options, &command);
        until("the tool", || world.path("ready").exists().then_some(()));
        until("its server", || (!alive(&mark).is_empty()).then_some(()));
        run.signal("TERM");
        run.wait();
        assert!(alive(&mark).is_empty(), "round {round}: {:?}", alive(&mark));
        assert!(
            alive("tool.js").iter().all(|line| !line.contains("node")),
            "{:?}",
            alive("tool.js")
        );
    }
}
