//! Sinks by the real binary: servers and commands that are hostile, slow or gone are ended and named.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::harness::{World, code};
use super::server::{Act, Manners, OK, PostOffice, Server, tls_file};

/// Waits are a hundredth of what they are for people.
const PACE: (&str, &str) = ("AGENTWATCH_DELIVER_PACE", "0.01");

fn configure(world: &World, sinks: &[&str], more: &str) {
    let list: Vec<String> = sinks.iter().map(|sink| format!("{sink:?}")).collect();
    let text = format!("[alert]\nsinks = [{}]\n{more}\n", list.join(", "));
    fs::write(world.path("agentwatch.toml"), text).unwrap();
}

/// What `doctor --alert` says of these sinks, and how long it took.
fn doctor(sinks: &[&str], more: &str) -> (i32, String, Duration) {
    let world = World::new();
    configure(&world, sinks, more);
    let begin = Instant::now();
    let mut command = world.command(&["doctor", "--alert"]);
    let output = command.env(PACE.0, PACE.1).env("NO_PROXY", "*").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (code(output.status), said, begin.elapsed())
}

const HEAD: &str = "HTTP/1.1 200 OK\r\n";

#[test]
fn what_a_bad_server_does_is_said_in_words_and_costs_no_time() {
    let other = Server::new(&[OK]);
    let elsewhere: &'static str = Box::leak(
        format!("HTTP/1.1 307 There\r\nLocation: {}/x\r\nContent-Length: 0\r\n\r\n", other.url)
            .into_boxed_str(),
    );
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases: Vec<(Act, &str)> = vec![
        (Act::Hang, "no answer in time"),
        (
            Act::Drip(
                "HTTP/1.1 200 OK\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n",
            ),
            "no answer in time",
        ),
        (Act::Close, "onnect"),
        (Act::Say("hello\r\n\r\n"), "HTTP"),
        (Act::Pour(HEAD, "A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n"), ""),
        (Act::Pour(HEAD, "A"), ""),
        (Act::Say(elsewhere), "answered 307: leads elsewhere"),
        (Act::Say("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno"), "answered 401: no"),
        (Act::Say("HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n"), "answered 429"),
        (Act::Say("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), "answered 500"),
    ];
    std::thread::scope(|scope| {
        for (act, words) in cases {
            scope.spawn(move || {
                let server = Server::new(&[act]);
                let (code, said, took) = doctor(&[&format!("{}/s3cretpath", server.url)], "");
                assert_eq!(code, 1, "{act:?}: {said}");
                assert!(said.contains(words), "{act:?}: {said}");
                assert!(!said.contains("s3cretpath") && !said.contains("io:"), "{act:?}: {said}");
                assert!(took < Duration::from_secs(30), "{act:?}: {took:?}");
                eprintln!("{act:?}: {said}");
            });
        }
        // An answer without an end is an answer all the same: what is behind 64 kB is not read.
        for act in [Act::Pour("HTTP/1.1 200 OK\r\n\r\n", "x"), Act::Drip("HTTP/1.1 200 OK\r\n\r\n")]
        {
            scope.spawn(move || {
                let server = Server::new(&[act]);
                let (_, said, took) = doctor(&[&format!("{}/x", server.url)], "");
                assert!(took < Duration::from_secs(30), "{act:?}: {took:?} {said}");
                eprintln!("{act:?}: {said}");
            });
        }
        scope.spawn(move || {
            let (code, said, _) = doctor(&[&format!("http://{closed}/s3cretpath")], "");
            assert!(code == 1 && said.contains("refused") && !said.contains("io:"), "{said}");
            eprintln!("{said}");
        });
        scope.spawn(|| {
            let (code, said, _) = doctor(&["http://no-such-host.invalid/s3cretpath"], "");
            assert!(code == 1 && said.contains("no such host"), "{said}");
            eprintln!("{said}");
        });
    });
    assert!(other.asked().is_empty(), "a redirect was followed");
}

#[test]
fn a_private_authority_is_trusted_where_it_is_named_and_nowhere_else() {
    let server = Server::tls(&[OK]);
    let url = format!("{}/s3cretpath", server.url);
    let file = |name: &str| format!("ca_file = {:?}", tls_file(name).display().to_string());
    let (status, said, _) = doctor(&[&url], "");
    assert!(status == 1 && said.contains("certificate"), "{said}");
    let (status, said, _) = doctor(&[&url], &file("other.pem"));
    assert!(status == 1 && said.contains("certificate"), "{said}");
    let (status, said, _) = doctor(&[&url], &file("key.pem"));
    assert!(status != 0 && said.contains("no certificate"), "{said}");
    assert!(server.asked().is_empty(), "something was sent to a stranger");
    let (status, said, _) = doctor(&[&url], &file("ca.pem"));
    assert_eq!(status, 0, "{said}");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn mail_arrives_whole_with_tls_of_both_kinds_and_what_is_wrong_is_said() {
    let ca = format!("ca_file = {:?}", tls_file("ca.pem").display().to_string());
    let mail = |scheme: &str, office: &PostOffice| {
        format!(
            "mailto:ann@example.org?smtp={scheme}://bob:s3cretword@{}&from=aw@example.org",
            office.address
        )
    };
    let plain = PostOffice::new(Manners::default());
    let (status, said, _) = doctor(&[&mail("smtp", &plain)], "");
    assert_eq!(status, 0, "{said}");
    let mails = plain.mails();
    assert_eq!(mails.len(), 1);
    for part in ["To: ann@example.org", "Subject: ", "Message-ID: <", "text/plain", "text/html"] {
        assert!(mails[0].contains(part), "{part}: {}", mails[0]);
    }
    let secure = PostOffice::new(Manners { tls: Some(true), ..Manners::default() });
    let (status, said, _) = doctor(&[&mail("smtps", &secure)], &ca);
    assert_eq!((status, secure.mails().len()), (0, 1), "{said}");
    let upgraded = PostOffice::new(Manners { tls: Some(false), ..Manners::default() });
    let required = format!("{}&tls=required", upgraded.address);
    let sink = format!("mailto:ann@example.org?smtp=smtp://{required}");
    let (status, said, _) = doctor(&[&sink], &ca);
    assert_eq!((status, upgraded.mails().len()), (0, 1), "{said} {}", upgraded.heard());
    // A password goes to nobody who cannot show who he is.
    let (status, said, _) = doctor(&[&mail("smtps", &secure)], "");
    assert!(status == 1 && said.contains("certificate"), "{said}");
    assert_eq!(secure.mails().len(), 1);
    let manners = |greeting, recipient, data| Manners { greeting, recipient, data, tls: None };
    std::thread::scope(|scope| {
        for (manners, words) in [
            (manners(Some(Act::Say("421 later\r\n")), None, None), "421"),
            (manners(None, Some(Act::Say("550 no such box\r\n")), None), "no such box"),
            (manners(None, None, Some(Act::Say("451 try again\r\n"))), "try again"),
            (manners(None, None, Some(Act::Close)), ""),
            (manners(Some(Act::Hang), None, None), "in time"),
            (manners(None, None, Some(Act::Hang)), "in time"),
            (manners(Some(Act::Drip("220-post office\r\n")), None, None), "in time"),
            (manners(Some(Act::Pour("220-", "x")), None, None), ""),
            (manners(Some(Act::Say("HTTP/1.1 400 no\r\n")), None, None), ""),
        ] {
            scope.spawn(move || {
                let office = PostOffice::new(manners);
                let (status, said, took) = doctor(&[&mail("smtp", &office)], "");
                assert!(status == 1 && said.contains(words), "{manners:?}: {said}");
                assert!(!said.contains("s3cretword"), "{said}");
                assert!(took < Duration::from_secs(30), "{manners:?}: {took:?}");
                eprintln!("{manners:?}: {said}");
            });
        }
    });
}

#[test]
fn commands_that_misbehave_are_ended_and_named() {
    let world = World::new();
    let mark = world.path("left").display().to_string();
    std::thread::scope(|scope| {
        for (command, want, words) in [
            ("exec:sleep 100".to_owned(), 1, "did not end in 3s; killed"),
            ("exec:exit 3".to_owned(), 1, "exit 3"),
            ("exec:echo no disk >&2; exit 3".to_owned(), 1, "exit 3: no disk"),
            ("exec:kill -TERM $$".to_owned(), 1, "signal 15"),
            ("exec:exec 0<&-; true".to_owned(), 0, ""),
            ("exec:head -c 30000000 /dev/zero | tr '\\\\0' x; exit 4".to_owned(), 1, "exit 4"),
            ("exec:setsid sleep 20 & exit 5".to_owned(), 1, "exit 5"),
            (format!("exec:(sleep 8; touch {mark}) & exit 0"), 0, ""),
            ("exec:no-such-command-here".to_owned(), 1, "not found"),
        ] {
            scope.spawn(move || {
                let (status, said, took) = doctor(&[&command], "");
                assert!(status == want && said.contains(words), "{command}: {status} {said}");
                assert!(took < Duration::from_secs(15), "{command}: {took:?}");
                eprintln!("{command}: {said}");
            });
        }
    });
    assert!(!world.path("left").exists(), "what a command leaves behind is ended");
}
