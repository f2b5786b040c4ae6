//! What people and journals are told of alerts by the real binary, and when.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use agentwatch::core::fact::Fact;
use agentwatch::store::outbox::Outbox;

use super::harness::{World, code, until};
use super::server::{Act, OK, Server, tls_file};

/// Waits are a hundredth of what they are for people.
const PACE: (&str, &str) = ("AGENTWATCH_DELIVER_PACE", "0.01");

fn configure(world: &World, sinks: &[&str], more: &str) {
    let list: Vec<String> = sinks.iter().map(|sink| format!("{sink:?}")).collect();
    let text = format!("[alert]\nsinks = [{}]\n{more}\n", list.join(", "));
    fs::write(world.path("agentwatch.toml"), text).unwrap();
}

/// Runs an agent that fails at once and is given up; what agentwatch said on stderr.
fn give_up(world: &World, script: &str) -> String {
    let args = ["run", "--name", "t", "--max-failures", "1", "--", "sh", "-c", script];
    let mut command = world.command(&args);
    let output = command.env(PACE.0, PACE.1).env("NO_PROXY", "*").output().unwrap();
    assert_eq!(code(output.status), 69);
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn output(world: &World, args: &[&str]) -> String {
    let output = world.output(args);
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn what_nobody_took_before_agentwatch_left_is_delivered_by_who_stays_behind() {
    let world = World::new();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    configure(&world, &[&format!("http://{address}/s3cret")], "exit_wait = \"2s\"");
    let said = give_up(&world, "exit 1");
    for words in [
        "telling people; waits up to 2s",
        "nobody was told yet, 1 letter waits (http://127.0.0.1",
        "Connection refused); a process stays behind",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
    for args in [&["status"][..], &["status", "t"]] {
        let status = output(&world, args);
        let words = "t: 1 letter waits to be delivered: http://127.0.0.1";
        assert!(status.contains(words) && status.contains("refused"), "{status}");
    }
    // Longer than one process tries without a pause, and nobody starts another one.
    std::thread::sleep(Duration::from_millis(500));
    let server = Server::at(&address, &[OK]);
    let asked = until("the letter", || server.asked().pop());
    assert!(asked.body.contains("gave up"), "{}", asked.body);
    // Who stayed goes when nothing is left, and what may hold secrets with it.
    let outbox = Outbox::new(&world.agent());
    until("nothing left", || (!outbox.has_letters() && !outbox.route().exists()).then_some(()));
    until("nobody who stays", || (!outbox.dir().join("stays").exists()).then_some(()));
}

#[test]
fn where_all_was_told_nothing_secret_is_kept() {
    let world = World::new();
    let server = Server::new(&[OK]);
    configure(&world, &[&format!("{}/s3cret", server.url)], "");
    let said = give_up(&world, "exit 1");
    assert_eq!(server.asked().len(), 1, "{said}");
    assert!(!said.contains("nobody was told"), "{said}");
    let outbox = Outbox::new(&world.agent());
    assert!(!outbox.route().exists() && outbox.dir().exists());
}

#[test]
fn what_it_said_on_stdout_is_not_hidden_by_a_warning_on_stderr() {
    let world = World::new();
    configure(&world, &["exec:cat >>told"], "");
    // Each line is read before the next one comes: so their order is known.
    let script = "echo 'x.py:3: DeprecationWarning: old' >&2; sleep 0.3; \
                  echo '{\"agent\":\"t\",\"tokens_used\":5}'; \
                  echo 'FATAL: cannot reach broker'; sleep 0.3; echo 'bye warning' >&2; exit 1";
    give_up(&world, script);
    let told = fs::read_to_string(world.path("told")).unwrap();
    let letter: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let want = "x.py:3: DeprecationWarning: old\nFATAL: cannot reach broker\nbye warning";
    assert_eq!(letter["output"], want);
    let why =
        letter["lines"].as_array().unwrap().iter().find_map(|line| {
            line.as_str().filter(|line| line.starts_with("Why:")).map(str::to_owned)
        });
    assert!(why.as_ref().is_some_and(|why| why.ends_with("FATAL: cannot reach broker")), "{why:?}");
}

#[test]
fn that_an_alert_arrived_is_recorded_while_another_sink_hangs() {
    let world = World::new();
    let (hangs, takes) = (Server::new(&[Act::Hang]), Server::new(&[OK]));
    configure(&world, &[&hangs.url, &takes.url], "");
    let args = ["--max-failures", "1", "--on-escalate", "hold"];
    let run = world.script(&args, "exit 1");
    let begin = Instant::now();
    let about = run.fact("alert_sent", 1, |fact| match fact {
        Fact::AlertSent(sent) => Some(sent.about.clone()),
        _ => None,
    });
    assert!(begin.elapsed() < Duration::from_secs(20), "after {:?}", begin.elapsed());
    assert!(about.starts_with("gave up: 1 failure"), "{about}");
    let events = output(&world, &["events", "t", "--event", "alert_sent"]);
    assert!(events.contains("the alert \"gave up: 1 failure"), "{events}");
}

#[test]
fn a_sink_that_refuses_everything_is_named_by_status() {
    let world = World::new();
    let gone = "HTTP/1.1 404 Gone\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngone";
    let server = Server::new(&[Act::Say(gone)]);
    configure(&world, &[&format!("{}/a", server.url), &format!("{}/b", server.url)], "");
    let said = give_up(&world, "exit 1");
    let words = "the alert \"gave up: 1 failure in 0s\" was not delivered to http://127.0.0.1";
    let words = words.split(" in ").next().unwrap();
    assert!(said.contains(words), "{said}");
    let status = output(&world, &["status", "t"]);
    for words in ["no alert arrives at http://127.0.0.1", "… (2) since", "answered 404: gone"] {
        assert!(status.contains(words), "{words}: {status}");
    }
}

#[test]
fn a_command_is_kept_without_what_is_secret_in_it() {
    let world = World::new();
    let secret = "sk-proj-abcdefghijklmnop1234";
    let mut run = world.run(&[], &["sh", "-c", "exit 0", "x", "--api-key", secret]);
    assert_eq!(run.wait(), 0);
    let journal = fs::read_dir(world.agent().join("journal")).unwrap().next().unwrap().unwrap();
    let kept = fs::read_to_string(journal.path()).unwrap()
        + &fs::read_to_string(world.agent().join("state.json")).unwrap()
        + &output(&world, &["status", "t"]);
    assert!(!kept.contains(secret), "{kept}");
    assert!(kept.contains("--api-key [masked]"), "{kept}");
}

#[test]
fn what_is_wrong_with_a_sink_says_with_which() {
    let world = World::new();
    let key = tls_file("key.pem").display().to_string();
    let refused = |sinks: &[&str], more: &str| {
        configure(&world, sinks, more);
        let mut command = world.command(&["run", "--name", "t", "--", "touch", "started"]);
        let output = command.env("HOOK", "my topic").output().unwrap();
        assert_eq!(code(output.status), 78);
        assert!(!world.path("started").exists());
        String::from_utf8(output.stderr).unwrap()
    };
    for (sinks, more, words) in [
        (&["ntfy:a", "ntfy:${HOOK}"][..], "", "number 2, ntfy with ${HOOK} makes no sense"),
        (&["${HOOK}"], "", "number 1 with ${HOOK} is no sink; write one of"),
        (&["ntfy:a"], &format!("ca_file = {key:?}"), "holds no certificate"),
    ] {
        let said = refused(sinks, more);
        assert!(said.contains(words), "{words}: {said}");
    }
}
