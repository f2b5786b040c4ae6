//! Metrics and live pages, by the real binary: what agents do is told, once and to whom it may be.
#![allow(clippy::float_cmp, reason = "what is counted is whole, and floats hold it exactly")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use agentwatch::core::fact::{BeatFact, Fact};
use agentwatch::core::time::{LocalDay, Wall};
use agentwatch::wire::record;

use super::harness::{World, has, until};
use super::http::Listener;

const AGENT: &[&str] = &[
    "sh",
    "-c",
    r#"while :; do echo '{"agent":"t","status":"ok","tokens_used":10}'; sleep 0.2; done"#,
];

/// The first of the days that are made up: long ago.
const DAY: i32 = 20_000;

fn serve(world: &World, flags: &[&str]) -> Listener {
    Listener::new(world, &[&["serve", "--listen", "127.0.0.1:0"], flags].concat())
}

/// Samples by name and labels.
type Samples = BTreeMap<String, f64>;

fn samples(text: &str) -> Samples {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

fn scrape(listener: &Listener) -> Samples {
    let (code, text) = listener.get("/metrics");
    assert_eq!(code, 200, "{text}");
    samples(&text)
}

fn of(samples: &Samples, name: &str) -> f64 {
    samples.get(&format!("agentwatch_{name}")).copied().unwrap_or(f64::NAN)
}

/// A day of an agent: so many beats of 100 tokens each, a minute apart.
fn day(world: &World, agent: &str, day: i32, beats: u64) {
    let dir = world.dir.join("state").join(agent).join("journal");
    fs::create_dir_all(&dir).unwrap();
    let mut bytes = Vec::new();
    for number in 0..beats {
        let minute = i64::try_from(number).unwrap();
        let at = Wall(i64::from(day) * 86_400_000 + minute * 60_000);
        let seq = u64::try_from(day - DAY).unwrap() * 100_000 + number + 1;
        let status = "ok".into();
        let tokens = Some(100);
        let beat =
            BeatFact { incarnation: 1, status, tokens, beats: 1, cycles: 1, ..BeatFact::default() };
        bytes.extend(record::write(at, seq, &Fact::Beat(beat)).unwrap());
    }
    fs::write(dir.join(format!("{}.jsonl", LocalDay(day))), bytes).unwrap();
}

#[test]
fn agents_that_come_and_go_are_told_as_they_are() {
    let world = World::new();
    let listener = serve(&world, &[]);
    assert_eq!(of(&scrape(&listener), "agents"), 0.0);
    let mut run = world.run(&["--interval", "30s"], AGENT);
    run.beat(3);
    let mut last = Samples::new();
    until("beats", || {
        last = scrape(&listener);
        (of(&last, "beats_total{agent=\"t\"}") >= 3.0).then_some(())
    });
    for (name, want) in [
        ("agents", 1.0),
        ("agent_up{agent=\"t\"}", 1.0),
        ("supervised{agent=\"t\"}", 1.0),
        ("agent_state{agent=\"t\",state=\"healthy\"}", 1.0),
        ("agent_state{agent=\"t\",state=\"escalated\"}", 0.0),
        ("escalated{agent=\"t\"}", 0.0),
        ("starts_total{agent=\"t\"}", 1.0),
        ("restarts_total{agent=\"t\"}", 0.0),
        ("failures_total{agent=\"t\",cause=\"exited\"}", 0.0),
        ("interval_seconds{agent=\"t\"}", 30.0),
        ("tokens_per_cycle{agent=\"t\"}", 10.0),
        ("files_unreadable{agent=\"t\"}", 0.0),
    ] {
        assert_eq!(of(&last, name), want, "{name}: {last:#?}");
    }
    let (beats, tokens) =
        (of(&last, "beats_total{agent=\"t\"}"), of(&last, "tokens_total{agent=\"t\"}"));
    assert_eq!(tokens, 10.0 * beats);
    assert!(of(&last, "spent_tokens{agent=\"t\",window=\"day\"}") > 0.0);
    // It is stopped, then gone, and another one is there.
    run.signal("TERM");
    run.wait();
    let stopped = scrape(&listener);
    assert_eq!(of(&stopped, "agent_up{agent=\"t\"}"), 0.0);
    assert_eq!(of(&stopped, "agent_state{agent=\"t\",state=\"stopped\"}"), 1.0);
    assert!(of(&stopped, "beats_total{agent=\"t\"}") >= beats);
    day(&world, "u", DAY, 5);
    fs::remove_dir_all(world.agent()).unwrap();
    let after = scrape(&listener);
    assert_eq!((of(&after, "agents"), of(&after, "beats_total{agent=\"u\"}")), (1.0, 5.0));
    assert!(!after.keys().any(|name| name.contains("agent=\"t\"")), "{after:#?}");
}

#[test]
fn failures_and_what_became_of_them_are_counted() {
    let world = World::new();
    let mut run =
        world.script(&["--cooldown", "10ms", "--restart", "always"], "echo broken; exit 3");
    assert_eq!(run.wait(), 69);
    let told = scrape(&serve(&world, &[]));
    for (name, want) in [
        ("failures_total{agent=\"t\",cause=\"exited\"}", 3.0),
        ("restarts_total{agent=\"t\"}", 2.0),
        ("escalations_total{agent=\"t\"}", 1.0),
        ("escalated{agent=\"t\"}", 1.0),
        ("streak{agent=\"t\"}", 3.0),
        ("max_failures{agent=\"t\"}", 3.0),
    ] {
        assert_eq!(of(&told, name), want, "{name}: {told:#?}");
    }
}

#[test]
fn a_counter_never_shrinks_when_old_days_are_deleted_and_it_starts_anew() {
    let world = World::new();
    (0..8).for_each(|n| day(&world, "t", DAY + n, 10));
    let journal = world.agent().join("journal");
    let total = |listener: &Listener| of(&scrape(listener), "tokens_total{agent=\"t\"}");
    let listener = serve(&world, &[]);
    assert_eq!(total(&listener), 8_000.0);
    until("counts", || world.agent().join("counts.json").exists().then_some(()));
    let delete = |n: i32| {
        fs::remove_file(journal.join(format!("{}.jsonl", LocalDay(DAY + n)))).unwrap();
    };
    delete(0);
    assert_eq!(total(&listener), 8_000.0);
    drop(listener);
    delete(1);
    day(&world, "t", DAY + 8, 10);
    let next = serve(&world, &[]);
    assert_eq!(total(&next), 9_000.0);
    // A file of it that is unreadable hides nothing else.
    day(&world, "t", DAY + 9, 10);
    let path = world.agent().join("state.json");
    fs::write(&path, "{torn").unwrap();
    let told = scrape(&next);
    assert_eq!(of(&told, "tokens_total{agent=\"t\"}"), 10_000.0);
    assert_eq!(of(&told, "files_unreadable{agent=\"t\"}"), 1.0);
}

#[test]
fn what_was_read_is_not_read_again() {
    let world = World::new();
    for agent in 0..40 {
        (0..4).for_each(|n| day(&world, &format!("a{agent}"), DAY + n, 1_440));
    }
    let listener = serve(&world, &[]);
    let first = scrape(&listener);
    assert_eq!(of(&first, "beats_total{agent=\"a7\"}"), 4.0 * 1_440.0);
    let io = format!("/proc/{}/io", listener.run.pid());
    let Ok(_) = fs::read(&io) else { return };
    let read = || -> u64 {
        let text = fs::read_to_string(&io).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("rchar: "));
        line.unwrap().parse().unwrap()
    };
    let before = read();
    assert_eq!(scrape(&listener).len(), first.len());
    // All journals have sixteen million bytes; the thread that looks by itself may have come between.
    let bytes = read() - before;
    assert!(bytes < 200_000, "{bytes} bytes were read for a scrape where nothing is new");
}

#[test]
fn the_report_is_a_page_that_asks_again_by_itself() {
    let world = World::new();
    let run = world.run(&[], AGENT);
    run.beat(1);
    day(&world, "u", DAY, 5);
    let listener = serve(&world, &[]);
    let page = listener.raw("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (head, body) = page.split_once("\r\n\r\n").unwrap();
    for line in [
        "HTTP/1.1 200 OK",
        "\r\nContent-Type: text/html; charset=utf-8\r\n",
        "\r\nRefresh: 60\r\n",
        "frame-ancestors 'none'",
    ] {
        assert!(head.contains(line), "{head}");
    }
    assert!(body.contains("<b>t</b>") || body.contains(">t<"), "{body}");
    assert!(body.contains("<a href=\"./metrics\">") && !body.contains("<script"), "{body}");
    let old = listener.raw("GET /report/2024-10-04 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(old.starts_with("HTTP/1.1 200 ") && !old.contains("\r\nRefresh:"), "{old}");
    assert!(old.contains("<a href=\"2024-10-03\">"), "{old}");
    for (path, want, words) in [
        ("/report/2999-01-01", 404, "yet to come"),
        ("/report/2024-13-01", 404, "no such path"),
        ("/report/../../etc/passwd", 404, "no such path"),
        ("/favicon.ico", 404, "/metrics"),
        ("/healthz", 200, "ok"),
    ] {
        let (code, body) = listener.get(path);
        assert!(code == want && body.contains(words), "{path}: {code} {body}");
    }
    let head = listener.raw("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(head.contains("version=0.0.4"), "{head}");
    let open = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\
                Accept: application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1\r\n\r\n";
    let open = listener.raw(open);
    assert!(open.contains("application/openmetrics-text; version=1.0.0"), "{open}");
    assert!(open.ends_with("\n# EOF\n"), "{open}");
}

#[test]
fn hostile_requests_are_refused_and_harm_nobody() {
    let world = World::new();
    day(&world, "t", DAY, 5);
    let listener = serve(&world, &[]);
    let cases = [
        (listener.send("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403, "Host"),
        (listener.send("GET / HTTP/1.1\r\nHost: evil.example:80\r\n\r\n"), 403, "Host"),
        (listener.send("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403, "Host"),
        // Whoever names no host is no browser.
        (listener.send("GET /healthz HTTP/1.0\r\n\r\n"), 200, "ok"),
        (listener.post("/metrics", "", "x"), 405, "POST is not for this path"),
        (listener.send("DELETE /report/2024-10-04 HTTP/1.1\r\nHost: [::1]\r\n\r\n"), 405, "DELETE"),
        (listener.send("\x16\x03\x01\x02\r\n\r\n"), 400, "no HTTP/1"),
        (listener.send(&format!("GET /{} HTTP/1.1\r\n", "x".repeat(20_000))), 400, "head"),
        (
            listener.send(&format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100))),
            400,
            "HTTP/1",
        ),
    ];
    for (number, ((code, body), want, words)) in cases.into_iter().enumerate() {
        assert!(code == want && body.contains(words), "{number}: {code} {body}");
    }
    let mut slow: Vec<TcpStream> = (0..60).map(|_| listener.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc").unwrap();
    }
    assert_eq!(listener.get("/healthz").0, 200, "waited for the slow ones");
    let mut answer = String::new();
    slow[0].read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    drop(slow);
    // A thousand at once: those that are beyond what it takes are told so, or let go.
    let crowd: Vec<_> =
        (0..1_000).filter_map(|_| TcpStream::connect(&listener.address).ok()).collect();
    assert!(crowd.len() > 500, "{}", crowd.len());
    drop(crowd);
    until("room", || (listener.get("/metrics").0 == 200).then_some(()));
}

#[test]
fn a_token_keeps_others_out_and_is_needed_where_others_are() {
    let world = World::new();
    day(&world, "t", DAY, 5);
    let path = world.path("token");
    fs::write(&path, "0123456789abcdef-token\n").unwrap();
    let file = path.display().to_string();
    for flags in [["--token", "${TOKEN}"], ["--token-file", &file]] {
        let listener = serve(&world, &flags);
        let ask = |header: &str| {
            listener.raw(&format!("GET /metrics HTTP/1.1\r\nHost: x.example\r\n{header}\r\n\r\n"))
        };
        assert!(ask("A: b").starts_with("HTTP/1.1 401 "));
        assert!(ask("A: b").contains("\r\nWWW-Authenticate: Bearer"));
        assert!(ask("Authorization: Bearer 0123456789abcdef-tokem").starts_with("HTTP/1.1 401 "));
        let told = ask("Authorization: Bearer 0123456789abcdef-token");
        assert!(told.contains("agentwatch_beats_total{agent=\"t\"} 5\n"), "{told}");
        assert_eq!(listener.get("/0123456789abcdef-token").0, 401);
        assert_eq!(listener.get("/").0, 401);
        assert_eq!(listener.get("/healthz").0, 200, "whether it is there anybody may ask");
        let said = listener.run.stderr();
        assert!(!said.contains("abcdef-token"), "{said}");
    }
    let listener = serve(&world, &[]);
    for (flags, words) in [
        (vec!["--listen", "0.0.0.0:0"], "--token-file"),
        (vec!["--listen", "[::]:0"], "--token-file"),
        (vec!["--listen", "nowhere"], "127.0.0.1:9464"),
        (vec!["--listen", &listener.address], "--listen 127.0.0.1:PORT"),
        (vec!["--listen", "0.0.0.0:0", "--token", "0123456789abcdef-token"], "command line"),
        (vec!["--token-file", "/no/such/file"], "/no/such/file"),
        (vec!["--token-file", "/dev/null"], "/dev/null"),
        (vec!["--once"], "--textfile"),
    ] {
        let output = world.output(&[&["serve"], flags.as_slice()].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{flags:?}: {said}");
    }
}

#[test]
fn a_file_of_metrics_is_whole_and_everybody_may_read_it() {
    let world = World::new();
    day(&world, "t", DAY, 5);
    let path = world.path("agentwatch.prom");
    let file = path.display().to_string();
    let once = || {
        let output = world.output(&["serve", "--textfile", &file, "--once"]);
        assert!(output.status.success(), "{output:?}");
        samples(&fs::read_to_string(&path).unwrap())
    };
    assert_eq!(of(&once(), "beats_total{agent=\"t\"}"), 5.0);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    // The days that were counted are gone, and the counter is not.
    fs::remove_file(world.agent().join("journal").join(format!("{}.jsonl", LocalDay(DAY))))
        .unwrap();
    day(&world, "t", DAY + 1, 2);
    assert_eq!(of(&once(), "beats_total{agent=\"t\"}"), 7.0);
    let run = world.spawn(world.command(&["serve", "--textfile", &file, "--every", "1s"]));
    day(&world, "t", DAY + 2, 2);
    until("the file, written anew", || {
        let text = fs::read_to_string(&path).unwrap();
        (of(&samples(&text), "beats_total{agent=\"t\"}") == 9.0).then_some(())
    });
    assert_eq!(run.stderr(), "");
    let output = world.output(&["serve", "--textfile", "/no/such/folder/x.prom", "--once"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.contains("/no/such/folder"), "{said}");
}

#[test]
fn promtool_finds_nothing_to_say() {
    if !has("promtool") {
        return;
    }
    let world = World::new();
    let run = world.run(&["--max-tokens-per-day", "1000000"], AGENT);
    run.beat(2);
    let text = serve(&world, &[]).get("/metrics").1;
    let path = world.path("metrics");
    fs::write(&path, &text).unwrap();
    let lint = format!("promtool check metrics < {}", path.display());
    let output = std::process::Command::new("sh").args(["-c", &lint]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}\n{text}");
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/prometheus");
    let output = std::process::Command::new("promtool")
        .args(["check", "rules"])
        .arg(rules.join("agentwatch.rules.yml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    // Every metric that a rule asks for is told.
    let rules = fs::read_to_string(rules.join("agentwatch.rules.yml")).unwrap();
    for word in rules.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
        if word.starts_with("agentwatch_") {
            assert!(text.contains(&format!("\n# TYPE {word} ")), "no metric {word}");
        }
    }
}

#[test]
fn a_crowd_that_says_nothing_keeps_no_scraper_out() {
    let world = World::new();
    let listener = serve(&world, &[]);
    let crowd: Vec<TcpStream> = (0..150)
        .map(|_| {
            let mut stream = listener.connect();
            stream.write_all(b"G").unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        let (code, text) = listener.get("/metrics");
        assert_eq!(code, 200, "{text}");
    }
    drop(crowd);
    let answer = listener.raw("PUT / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.contains("405") && answer.contains("Allow: GET, HEAD"), "{answer}");
    let answer = listener.raw("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(answer.ends_with("ok\n"), "{answer}");
}

#[test]
fn who_is_mistyped_or_open_to_all_is_said() {
    let world = World::new();
    let token = world.path("token");
    fs::write(&token, "0123456789abcdef").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    let listener = serve(&world, &["--token-file", token.to_str().unwrap(), "nosuch"]);
    until("what is said of it", || {
        let said = listener.run.stderr();
        let all = ["nosuch: there is no such agent yet", "no such directory yet", "chmod 600 "];
        all.iter().all(|words| said.contains(words)).then_some(())
    });
}
