//! Alerts by the real binary, to a real server on loopback that answers well, badly, or not at all.

use std::fs;

use agentwatch::core::fact::{Fact, Severity};

use super::harness::{World, code, until};
use super::server::{Act, BUSY, OK, Server};

const LIES: Act =
    Act::Say("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\nConnection: close\r\n\r\nok");
const GONE: Act =
    Act::Say("HTTP/1.1 404 Gone\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngone");

const FAILS: &str = "echo 'token=abcdef''123456'; echo \"x=$HOOK_KEY\"; echo KeyError; exit 1";

fn world(sinks: &str) -> World {
    let world = World::new();
    fs::write(world.path("agentwatch.toml"), format!("[alert]\nsinks = [{sinks}]\n")).unwrap();
    world
}

fn letters(world: &World) -> usize {
    let Ok(entries) = fs::read_dir(world.agent().join("outbox")) else { return 0 };
    entries
        .flatten()
        .filter(|entry| {
            entry.file_name().to_string_lossy().starts_with(|c: char| c.is_ascii_digit())
        })
        .count()
}

/// Runs an agent that fails until it is given up.
fn give_up(world: &World, key: &str) -> (i32, String) {
    let mut command =
        world.command(&["run", "--name", "t", "--cooldown", "10ms", "--", "sh", "-c", FAILS]);
    command.env("HOOK_KEY", key).env("AGENTWATCH_DELIVER_PACE", "0.01");
    let output = command.output().unwrap();
    (code(output.status), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn giving_up_is_told_before_agentwatch_leaves_and_nothing_secret_with_it() {
    let server = Server::new(&[OK]);
    let world = world(&format!("\"{}/hook/${{HOOK_KEY}}\"", server.url));
    let (code, stdout) = give_up(&world, "s3cretkey");
    assert_eq!(code, 69);
    assert!(!stdout.contains("s3cretkey"), "the agent was given the key of a sink");
    let asked = server.asked();
    let last = asked.last().expect("nothing was told");
    assert_eq!(last.path, "/hook/s3cretkey");
    assert!(last.body.contains("gave up: 3 failures"), "{}", last.body);
    assert!(last.body.contains("agentwatch resume t"), "{}", last.body);
    assert!(
        last.body.contains("token=[masked]") && !last.body.contains("abcdef123456"),
        "{}",
        last.body
    );
    let sent = |fact: &Fact| matches!(fact, Fact::AlertSent(sent) if sent.sink.starts_with("http"));
    assert_eq!(world.facts().iter().filter(|fact| sent(fact)).count(), asked.len());
    let opened = |fact: &&Fact| matches!(fact, Fact::IncidentWorsened(fact) if fact.severity == Severity::Critical);
    assert_eq!(world.facts().iter().filter(opened).count(), 1);
    assert_eq!(letters(&world), 0);
    let journal = fs::read_dir(world.agent().join("journal")).unwrap().next().unwrap().unwrap();
    let kept = fs::read_to_string(journal.path()).unwrap()
        + &fs::read_to_string(world.agent().join("state.json")).unwrap()
        + &fs::read_to_string(world.agent().join("outbox/route.json")).unwrap_or_default();
    assert!(!kept.contains("s3cretkey") && !kept.contains("abcdef123456"), "{kept}");
}

#[test]
fn a_sink_that_is_busy_or_lies_is_tried_again_with_the_same_key() {
    let server = Server::new(&[BUSY, Act::Say(""), LIES, OK]);
    let world = world(&format!("\"critical@{}/hook\"", server.url));
    assert_eq!(give_up(&world, "k").0, 69);
    until("delivered", || {
        if letters(&world) > 0 {
            let mut deliver = world.command(&["deliver", "--agent", "t"]);
            deliver.env("AGENTWATCH_DELIVER_PACE", "0.01").output().unwrap();
        }
        (letters(&world) == 0).then_some(())
    });
    let asked = server.asked();
    // A lie about the length is an answer all the same.
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.iter().all(|one| one.key == asked[0].key && !one.key.is_empty()), "{asked:?}");
}

#[test]
fn what_one_sink_refuses_a_fallback_gets() {
    let (refuses, takes) = (Server::new(&[GONE]), Server::new(&[OK]));
    let sinks = format!("\"critical@{}/a\", \"critical+fallback@{}/b\"", refuses.url, takes.url);
    let world = world(&sinks);
    assert_eq!(give_up(&world, "k").0, 69);
    until("the fallback", || (!takes.asked().is_empty()).then_some(()));
    assert_eq!(refuses.asked().len(), 1, "what is refused is refused");
    assert_eq!(takes.asked().len(), 1);
}

#[test]
fn a_command_is_a_sink_and_its_directory_is_ours() {
    let world = world("\"exec:cat >>told\"");
    assert_eq!(give_up(&world, "k").0, 69);
    let told = fs::read_to_string(world.path("told")).unwrap();
    assert!(told.contains("\"severity\":\"critical\""), "{told}");
    for line in told.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn a_hanging_sink_holds_nothing_up_and_a_second_life_delivers_what_is_left() {
    let world = world("\"critical@http://127.0.0.1:9/closed\"");
    fs::write(
        world.path("agentwatch.toml"),
        "[alert]\nexit_wait = \"100ms\"\nsinks = [\"critical@exec:sleep 100\"]\n",
    )
    .unwrap();
    assert_eq!(give_up(&world, "k").0, 69);
    assert_eq!(letters(&world), 1, "it waits");
    let said = world.output(&["ack", "t"]);
    assert_eq!(code(said.status), 0);
    assert!(String::from_utf8_lossy(&said.stdout).contains("1 open incident acknowledged"));
    let said = world.output(&["snooze", "t", "2h"]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("snoozed for 2h"));
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_starts() {
    let world = World::new();
    for (sink, words) in [
        ("slak:T0/B0/x", "did you mean slack:?"),
        ("slack:${NO_SUCH_VARIABLE_HERE}", "NO_SUCH_VARIABLE_HERE"),
        ("slack:file:/no/such/file", "/no/such/file"),
        ("mailto:a@b.org", "alert.smtp"),
        ("pagerduty:tooshort", "32 letters and digits"),
    ] {
        let output =
            world.output(&["run", "--name", "t", "--alert", sink, "--", "touch", "started"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!([2, 78].contains(&code(output.status)), "{said}");
        assert!(said.contains(words), "{sink}: {said}");
        assert!(!world.path("started").exists());
    }
}
