//! What is told of the end when agentwatch itself leaves at once.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use super::harness::{World, code, until};

#[test]
fn that_somebody_stopped_it_is_told_although_agentwatch_leaves_at_once() {
    let world = World::new();
    fs::write(world.path("agentwatch.toml"), "[alert]\nsinks = [\"exec:cat >>told\"]\n").unwrap();
    let told = || fs::read_to_string(world.path("told")).unwrap_or_default();
    let args =
        ["run", "--name", "t", "--max-failures", "1", "--on-escalate", "hold", "--", "false"];
    let mut run = world.command(&args);
    let mut run = run.env("AGENTWATCH_DELIVER_PACE", "0.01").spawn().unwrap();
    until("told that it gave up", || told().contains("gave up").then_some(()));
    assert_eq!(code(world.output(&["stop", "t"]).status), 0);
    run.wait().unwrap();
    until("told that it is over", || told().contains("\"kind\":\"closed\"").then_some(()));
}

#[test]
fn the_dead_mans_switch_hears_that_it_gave_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::new();
    let url = format!("http://{}/key", listener.local_addr().unwrap());
    fs::write(world.path("agentwatch.toml"), format!("[alert]\nping_url = \"{url}\"\n")).unwrap();
    let args = ["run", "--name", "t", "--max-failures", "1", "--", "false"];
    assert_eq!(code(world.output(&args).status), 69);
    let heard = listener.incoming().flatten().find_map(|mut stream| {
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        line.starts_with("GET /key/fail ").then_some(line)
    });
    assert!(heard.is_some());
}
