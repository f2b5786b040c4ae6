//! Other people's clients, by the real binary: what they send is a beat, and nobody else is heard.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use agentwatch::core::fact::Fact;

use super::harness::{World, has, until};
use super::http::Listener;

fn listener(world: &World, flags: &[&str]) -> Listener {
    Listener::new(world, &[&["listen", "--address", "127.0.0.1:0"], flags].concat())
}

const AGENT: &[&str] = &["sh", "-c", "exec sleep 1000"];

/// The beats heard so far: status, message, tokens.
fn beats(world: &World) -> Vec<(String, String, Option<u64>)> {
    let beat = |fact: &Fact| match fact {
        Fact::Beat(beat) => Some((
            beat.status.clone().into_owned(),
            beat.message.as_deref().unwrap_or_default().to_owned(),
            beat.tokens,
        )),
        _ => None,
    };
    world.facts().iter().filter_map(beat).collect()
}

#[test]
fn what_clients_of_others_send_is_a_beat() {
    let world = World::new();
    let run = world.run(&[], AGENT);
    run.started(1);
    let uuid = "5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278";
    let listener = listener(&world, &["--map", &format!("{uuid}=t")]);
    let body = r#"{"agent":"t","status":"ok","message":"page 7","tokens_used":1234,"memory_mb":12.5,"tool_call_log":[]}"#;
    let answer = listener.post("/api/v1/heartbeat", "X-API-Key: theirs\r\n", body);
    assert_eq!(answer, (200, r#"{"agent_id":"t","status":"ok"}"#.to_owned()));
    run.beat(1);
    for path in [format!("/{uuid}/start"), format!("/{uuid}"), "/some-key/t/7".to_owned()] {
        assert_eq!(listener.get(&path), (200, "OK".to_owned()), "{path}");
    }
    assert_eq!(listener.post(&format!("/{uuid}/fail"), "", "no disk\n").0, 200);
    run.beat(5);
    let heard = beats(&world);
    let of = |status: &str, message: &str, tokens| (status.to_owned(), message.to_owned(), tokens);
    assert_eq!(heard[0], of("ok", "page 7", Some(1234)));
    assert_eq!(heard[1].0, "busy");
    assert_eq!(heard[3], of("error", "exit 7", None));
    assert_eq!(heard[4], of("error", "failed: no disk", None));
    // HEAD has no body.
    let answer = listener.send("HEAD /t HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(answer, (200, String::new()));
}

#[test]
fn clients_as_people_have_them_are_heard() {
    let world = World::new();
    let run = world.run(&[], AGENT);
    run.started(1);
    let listener = listener(&world, &[]);
    let url = format!("http://{}/t", listener.address);
    let mut beats = 0;
    if has("curl") {
        let log = world.path("log");
        fs::write(&log, "x".repeat(3_000_000)).unwrap();
        // From a megabyte on curl waits for a word before it sends.
        for data in ["short", &format!("@{}", log.display())] {
            let mut curl = Command::new("curl");
            curl.args(["-fsS", "-m", "20", "--noproxy", "*", "--data-binary", data, &url]);
            let output = curl.output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), "OK", "{output:?}");
            beats += 1;
        }
        let mut curl = Command::new("curl");
        curl.args(["-fsS", "-m", "20", "--noproxy", "*", "-H", "Transfer-Encoding: chunked"]);
        let output = curl.args(["-d", "chunks", &url]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        beats += 1;
    }
    if has("python3") {
        let script = "import json,sys,urllib.request as u; u.urlopen(u.Request(sys.argv[1], \
            json.dumps({'agent':'t','status':'warning'}).encode(), {'X-API-Key':'k'}), timeout=20)";
        let at = format!("http://{}/api/v1/heartbeat", listener.address);
        let mut python = Command::new("python3");
        let output = python.args(["-c", script, &at]).env("no_proxy", "*").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        beats += 1;
    }
    if beats > 0 {
        run.beat(beats);
    }
}

#[test]
fn who_is_not_meant_or_makes_no_sense_is_told_why() {
    let world = World::new();
    let run = world.run(&[], AGENT);
    run.started(1);
    let listener = listener(&world, &[]);
    let heartbeat = "/api/v1/heartbeat";
    let cases = [
        (listener.get("/nobody"), 404, "--map \"nobody\"=NAME"),
        (listener.get("/..%2f..%2fetc"), 404, "no agent"),
        (listener.get("/a/b/c/d"), 404, "no such path"),
        (listener.get(heartbeat), 405, "GET is not for this path"),
        (listener.post(heartbeat, "", "{"), 400, "not JSON"),
        (listener.post(heartbeat, "", r#"{"status":"ok"}"#), 400, "no \\\"agent\\\""),
        (listener.post(heartbeat, "", r#"{"agent":"t","tokens_used":-3}"#), 400, "tokens_used"),
        (listener.post("/t", "Origin: https://evil.example\r\n", ""), 403, "browser"),
        (listener.send("GET /t HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403, "Host"),
        (listener.send("\x16\x03\x01\x02\r\n\r\n"), 400, "no HTTP/1"),
        (listener.post("/t", "Content-Length: 4\r\n", "abc"), 400, "twice"),
        (listener.post("/t", "Transfer-Encoding: chunked\r\n", "abc"), 400, "both"),
        (listener.send("POST /t HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n"), 413, "body"),
        (listener.send(&format!("GET /{} HTTP/1.1\r\n", "x".repeat(20_000))), 400, "head"),
    ];
    for (number, ((code, body), want, words)) in cases.into_iter().enumerate() {
        assert_eq!(code, want, "{number}: {body}");
        assert!(body.contains(words), "{number}: {body}");
    }
    assert!(beats(&world).is_empty(), "{:?}", beats(&world));
    // Each trouble once, however often it comes.
    listener.get("/nobody");
    let said = listener.run.stderr();
    assert_eq!(said.lines().filter(|line| line.contains("nobody")).count(), 1, "{said}");
    let mut run = run;
    run.signal("TERM");
    run.wait();
    assert_eq!(listener.get("/t").0, 503);
}

#[test]
fn a_token_keeps_others_out_and_is_not_repeated() {
    let world = World::new();
    let run = world.run(&[], AGENT);
    run.started(1);
    let listener = listener(&world, &["--token", "${TOKEN}"]);
    assert_eq!(listener.get("/t").0, 401);
    assert_eq!(listener.get("/0123456789abcdef-tokem/t").0, 401);
    assert_eq!(listener.get("/0123456789abcdef-token/nobody").0, 404);
    assert_eq!(listener.get("/0123456789abcdef-token/t").0, 200);
    let headers = "Authorization: Bearer 0123456789abcdef-token\r\n";
    assert_eq!(listener.post("/t", headers, "").0, 200);
    run.beat(2);
    let said = listener.run.stderr();
    assert!(!said.contains("abcdef-token"), "{said}");
    for (flags, words) in [
        (vec!["--token", "0123456789abcdef-token"], "command line"),
        (vec!["--token", "${NO_SUCH_VARIABLE}"], "NO_SUCH_VARIABLE"),
        (vec!["--address", "0.0.0.0:0"], "needs a token"),
        (vec!["--address", "nowhere"], "127.0.0.1:8642"),
        (vec!["--address", &listener.address], "--address 127.0.0.1:PORT"),
        (vec!["--map", "t"], "KEY=NAME"),
        (vec!["--map", "t=../x"], "no name of an agent"),
    ] {
        let output = world.output(&[&["listen"], flags.as_slice()].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{flags:?}: {said}");
    }
}

#[test]
fn slow_clients_keep_nobody_waiting() {
    let world = World::new();
    let run = world.run(&[], AGENT);
    run.started(1);
    let listener = listener(&world, &[]);
    let slowly = |_| {
        let mut stream = listener.connect();
        stream.write_all(b"POST /t HTTP/1.1\r\nContent-Length: 100\r\n\r\nx").unwrap();
        stream
    };
    let mut slow: Vec<TcpStream> = (0..60).map(slowly).collect();
    let begin = Instant::now();
    assert_eq!(listener.get("/t").0, 200);
    assert!(begin.elapsed() < Duration::from_secs(5), "waited for others");
    run.beat(1);
    // More than it takes at once are told to come again; when the slow ones had their time, there is room.
    // Who is met before its head was read makes room for us: so there is always one more of them.
    let mut more: Vec<TcpStream> = Vec::new();
    until("a crowd", || {
        more.push(slowly(0));
        (listener.get("/t").0 == 503).then_some(())
    });
    drop(more);
    let mut answer = String::new();
    slow[0].read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    until("room", || (listener.get("/t").0 == 200).then_some(()));
}
