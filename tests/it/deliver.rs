//! Delivery by the real binary: killed, doubled, delayed, overfull, nothing is lost, and nobody waits for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agentwatch::core::fact::{Fact, Severity};
use agentwatch::store::outbox::Outbox;
use agentwatch::store::secrets::proof;
use agentwatch::sys::clock;
use agentwatch::wire::letter::{Kind, Letter, Route, Way};

use super::harness::{World, until};
use super::server::{Act, Asked, BUSY, OK, Server};

/// Waits are three thousandths of what they are for people: the longest, 2.7 s, is just too long for one process.
const PACE: (&str, &str) = ("AGENTWATCH_DELIVER_PACE", "0.003");

fn configure(world: &World, sinks: &[&str], more: &str) {
    let list: Vec<String> = sinks.iter().map(|sink| format!("{sink:?}")).collect();
    let text = format!("[alert]\nsinks = [{}]\n{more}\n", list.join(", "));
    fs::write(world.path("agentwatch.toml"), text).unwrap();
}

/// A letter of an incident of the agent `t`.
fn letter(incident: i64, number: u32) -> Letter {
    let id = format!("{incident:06}");
    Letter {
        v: 1,
        id: format!("{id}/{number}"),
        incident: id,
        number,
        kind: if number == 1 { Kind::Opened } else { Kind::Updated },
        severity: Severity::Critical,
        cause: "gave_up".to_owned(),
        group: None,
        agent: "t".to_owned(),
        host: "vps2".to_owned(),
        at: clock::wall_ms(),
        offset: 0,
        since: clock::wall_ms() - 1_000_000 + incident,
        not_before: None,
        headline: "gave up: 3 failures in 10m".to_owned(),
        lines: vec!["Down, stays down until resumed.".to_owned()],
        output: None,
        steps: Vec::new(),
        runbook: None,
        report: None,
    }
}

/// An outbox of the agent `name` whose letters go to `url`.
fn outbox(world: &World, name: &str, url: &str) -> Outbox {
    let outbox = Outbox::new(&world.path("state").join(name));
    let way = Way {
        url: url.to_owned(),
        min_severity: Severity::Warning,
        fallback: false,
        proof: proof(url),
    };
    fs::create_dir_all(world.path("state").join(name)).unwrap();
    outbox.keep_route(&Route { ways: vec![way], ca_file: None }).unwrap();
    outbox
}

fn deliver(world: &World) -> Command {
    let mut command = world.command(&["deliver", "--agent", "t"]);
    command.env(PACE.0, PACE.1).stdout(Stdio::null());
    command
}

/// Delivers until nothing is left.
fn deliver_all(world: &World, outbox: &Outbox) {
    until("an empty outbox", || {
        assert!(deliver(world).status().unwrap().success());
        (!outbox.has_letters()).then_some(())
    });
}

/// Holds what was asked of a server to its promises: all letters, those of an incident in their order, and what
/// came twice with the same key.
fn assert_all(asked: &[Asked], incidents: i64, numbers: u32) {
    let mut last: BTreeMap<String, u32> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for one in asked {
        let body: serde_json::Value = serde_json::from_str(&one.body).unwrap();
        assert_eq!(body["id"], one.key.as_str());
        let number = u32::try_from(body["number"].as_u64().unwrap()).unwrap();
        let incident = body["incident"].as_str().unwrap().to_owned();
        let before = last.insert(incident, number).unwrap_or(0);
        assert!(number == before || number == before + 1, "{number} after {before}");
        keys.insert(one.key.clone());
    }
    assert_eq!(keys.len(), usize::try_from(incidents).unwrap() * numbers as usize);
}

fn post(outbox: &Outbox, incidents: i64, numbers: u32) {
    for incident in 0..incidents {
        for number in 1..=numbers {
            outbox.put(&letter(incident, number)).unwrap();
        }
    }
}

#[test]
fn after_an_outage_all_letters_come_in_their_order() {
    let world = World::new();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let outbox = outbox(&world, "t", &format!("http://{address}/hook"));
    post(&outbox, 20, 3);
    for _ in 0..3 {
        assert!(deliver(&world).status().unwrap().success());
    }
    let server = Server::at(&address, &[BUSY, Act::Close, BUSY, OK]);
    deliver_all(&world, &outbox);
    assert_all(&server.asked(), 20, 3);
    let receipts = outbox.take_receipts().unwrap();
    assert_eq!(receipts.len(), 60);
    assert!(receipts.iter().all(|receipt| receipt.error.is_none()), "{receipts:?}");
}

#[test]
fn a_sink_that_says_when_is_asked_then() {
    let world = World::new();
    let later = Act::Say("HTTP/1.1 429 Later\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n");
    let server = Server::new(&[later, OK]);
    let outbox = outbox(&world, "t", &server.url);
    post(&outbox, 3, 1);
    deliver_all(&world, &outbox);
    let asked = server.asked();
    assert_all(&asked, 3, 1);
    let waited = asked[1].at - asked[0].at;
    assert!(Duration::from_millis(1_900) <= waited, "asked again after {waited:?}");
}

#[test]
fn two_at_once_send_nothing_twice() {
    let world = World::new();
    let server = Server::new(&[OK]);
    let outbox = outbox(&world, "t", &server.url);
    post(&outbox, 50, 2);
    let mut all: Vec<_> = (0..4).map(|_| deliver(&world).spawn().unwrap()).collect();
    for one in &mut all {
        assert!(one.wait().unwrap().success());
    }
    assert!(!outbox.has_letters());
    assert_all(&server.asked(), 50, 2);
    assert_eq!(server.asked().len(), 100);
}

#[test]
fn a_delivery_that_is_killed_anywhere_loses_nothing() {
    let world = World::new();
    let server = Server::new(&[OK]);
    let outbox = outbox(&world, "t", &server.url);
    let (rounds, incidents) = (30, 300);
    post(&outbox, incidents, 2);
    let mut killed = 0;
    for round in 0..rounds {
        let mut one = deliver(&world).spawn().unwrap();
        // Later each time: it dies while it reads, sends, remembers, removes.
        std::thread::sleep(Duration::from_millis(5 + 7 * round));
        killed += i32::from(one.try_wait().unwrap().is_none());
        let _ = one.kill();
        one.wait().unwrap();
    }
    deliver_all(&world, &outbox);
    let asked = server.asked();
    assert_all(&asked, incidents, 2);
    // One connection at a time: a kill repeats one letter at most.
    let twice = asked.len() - 600;
    assert!(twice <= usize::try_from(killed).unwrap(), "{twice} came twice in {killed} kills");
    let receipts = outbox.take_receipts().unwrap();
    let told: BTreeSet<_> = receipts.iter().map(|receipt| &receipt.letter).collect();
    assert_eq!(told.len(), 600);
}

#[test]
fn ten_thousand_letters_arrive() {
    let world = World::new();
    let server = Server::new(&[OK]);
    let outbox = outbox(&world, "t", &server.url);
    post(&outbox, 10_000, 1);
    let begin = Instant::now();
    deliver_all(&world, &outbox);
    assert_all(&server.asked(), 10_000, 1);
    eprintln!("10,000 letters in {:?}", begin.elapsed());
}

#[test]
fn what_looks_like_a_letter_and_is_none_stops_nobody() {
    let world = World::new();
    let server = Server::new(&[OK]);
    let outbox = outbox(&world, "t", &server.url);
    post(&outbox, 2, 1);
    let deep = "[".repeat(100_000);
    for (number, torn) in ["", "{", "{\"v\":1}", "\0\0\0", &deep].iter().enumerate() {
        fs::write(outbox.dir().join(format!("{number:020}-x-000001.json")), torn).unwrap();
    }
    fs::create_dir(outbox.dir().join("00000000000000000009-x-000001.json")).unwrap();
    until("both letters", || {
        assert!(deliver(&world).status().unwrap().success());
        (server.asked().len() == 2).then_some(())
    });
}

#[test]
fn one_trouble_of_many_agents_is_one_message_where_people_read() {
    let world = World::new();
    let server = Server::new(&[Act::Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]);
    for number in 0..7 {
        let name = format!("agent{number}");
        let outbox = outbox(&world, &name, &format!("ntfy:{}/topic", server.url));
        outbox.put(&Letter { agent: name, ..letter(number, 1) }).unwrap();
    }
    assert!(deliver(&world).status().unwrap().success());
    let asked = server.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    for text in ["7 agents on vps2", "agent0", "agent6"] {
        assert!(asked[0].body.contains(text), "{text}: {}", asked[0].body);
    }
}

#[test]
fn a_sink_that_hangs_keeps_neither_another_sink_nor_the_agent_waiting() {
    let world = World::new();
    let (hangs, takes) = (Server::new(&[Act::Hang]), Server::new(&[OK]));
    configure(&world, &[&hangs.url, &takes.url], "exit_wait = \"0s\"");
    let options = ["--interval", "1s", "--cooldown", "10ms", "--max-failures", "50"];
    // A beat, and then silence: each start is ended and made anew.
    let script = "echo '{\"agent\":\"t\",\"tokens_used\":1}'; exec sleep 1000";
    let mut run = world.script(&options, script);
    run.started(4);
    until("the other sink", || (!takes.asked().is_empty()).then_some(()));
    assert!(!hangs.asked().is_empty());
    let begin = Instant::now();
    run.signal("TERM");
    run.wait();
    assert!(begin.elapsed() < Duration::from_secs(15), "it took {:?} to stop", begin.elapsed());
}

/// A delivery with the waits that people have, which ends with the test.
struct Slow(std::process::Child);

impl Drop for Slow {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether that came long before the sink that hangs is given up, after 30 s.
fn soon<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    let found = until(what, look);
    assert!(begin.elapsed() < Duration::from_secs(20), "{what} after {:?}", begin.elapsed());
    found
}

#[test]
fn while_one_sink_hangs_the_others_get_what_comes_and_what_is_due() {
    let world = World::new();
    let later = Act::Say("HTTP/1.1 429 Later\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n");
    let (hangs, takes) = (Server::new(&[Act::Hang]), Server::new(&[OK]));
    let busy = Server::new(&[later, OK]);
    let outbox = outbox(&world, "t", &hangs.url);
    let way = |url: &str, seen: &str| Way {
        url: url.to_owned(),
        min_severity: Severity::Warning,
        fallback: false,
        proof: proof(seen),
    };
    let ways = [&hangs.url, &takes.url, &busy.url].map(|url| way(url, url)).to_vec();
    outbox.keep_route(&Route { ways, ca_file: None }).unwrap();
    outbox.put(&letter(1, 1)).unwrap();
    let _delivery = Slow(world.command(&["deliver", "--agent", "t"]).spawn().unwrap());
    until("the first letter", || (takes.asked().len() == 1).then_some(()));
    until("a sink that hangs", || (!hangs.asked().is_empty()).then_some(()));
    outbox.put(&letter(1, 2)).unwrap();
    outbox.put(&letter(2, 1)).unwrap();
    soon("what came meanwhile", || (takes.asked().len() == 3).then_some(()));
    soon("what was asked to wait 3 s", || (busy.asked().len() == 4).then_some(()));
    // What only another process can send, as the secret is in its environment alone.
    let other = Outbox::new(&world.path("state/u"));
    fs::create_dir_all(world.path("state/u")).unwrap();
    let ways = vec![way(&format!("{}/${{KEY_OF_U}}", takes.url), &format!("{}/k", takes.url))];
    other.keep_route(&Route { ways, ca_file: None }).unwrap();
    other.put(&letter(3, 1)).unwrap();
    let mut deliver = world.command(&["deliver", "--agent", "u"]);
    let _second = Slow(deliver.env("KEY_OF_U", "k").spawn().unwrap());
    soon("what another one sends", || {
        takes.asked().iter().any(|asked| asked.path == "/k").then_some(())
    });
    assert_eq!(hangs.asked().len(), 1, "it is asked by one of them, and once");
    assert_eq!(takes.asked().len(), 4);
}

#[test]
fn agentwatch_killed_anywhere_still_tells_of_every_incident() {
    let world = World::new();
    let server = Server::new(&[OK]);
    configure(&world, &[&server.url], "exit_wait = \"0s\"");
    let agent = ["--cooldown", "10ms", "--max-failures", "4", "--", "sh", "-c", "echo E; exit 1"];
    let args: Vec<&str> = ["run", "--name", "t"].into_iter().chain(agent).collect();
    let start = || {
        let mut command = world.command(&args);
        command.env(PACE.0, PACE.1).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let mut given_up = 0;
    for round in 0..40 {
        let mut run = start();
        std::thread::sleep(Duration::from_millis(3 + 11 * (round % 20)));
        if run.try_wait().unwrap().is_some() {
            given_up += 1;
            world.output(&["resume", "t"]);
        }
        let _ = run.kill();
        run.wait().unwrap();
    }
    // One life that nobody kills tells what those before it could not.
    assert_eq!(start().wait().unwrap().code(), Some(69));
    deliver_all(&world, &Outbox::new(&world.agent()));
    let told: BTreeSet<String> = server
        .asked()
        .iter()
        .map(|one| serde_json::from_str::<serde_json::Value>(&one.body).unwrap())
        .map(|body| body["incident"].as_str().unwrap().to_owned())
        .collect();
    let mut opened = 0;
    for fact in world.facts() {
        if let Fact::IncidentOpened(fact) = fact
            && fact.severity >= Severity::Warning
        {
            opened += 1;
            let name = format!("/{}-{}", fact.trouble.word(), fact.since.0);
            assert!(told.iter().any(|id| id.ends_with(&name)), "{name}: {told:?}");
        }
    }
    assert!(opened > 0, "{opened} incidents, given up {given_up} times");
}
