//! Readers and writers that are slow.

use std::io::Read as _;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use agentwatch::core::fact::Fact;

use crate::harness::{World, kill, until};
use crate::killed::can_storm;

#[test]
fn a_reader_of_a_byte_at_a_time_gets_all_in_order_and_blames_nobody() {
    if !can_storm() {
        return;
    }
    let world = World::new();
    // Beats go by the pipe, and stdout is flooded with numbers.
    let script =
        r"(while :; do echo '{}' >$AGENTWATCH_PIPE; sleep 0.02; done) & exec seq 1 100000000";
    let args =
        ["run", "--name", "t", "--interval", "300ms", "--misses", "2", "--", "sh", "-c", script];
    let mut child =
        world.command(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut stdout, mut read) = (child.stdout.take().unwrap(), Vec::new());
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(3) {
        let mut byte = [0];
        stdout.read_exact(&mut byte).unwrap();
        read.push(byte[0]);
        sleep(Duration::from_millis(5));
    }
    kill(i32::try_from(child.id()).unwrap(), "TERM");
    until("the end", || child.try_wait().unwrap());
    stdout.read_to_end(&mut read).unwrap();
    let wanted: Vec<u8> =
        (1..=read.len()).flat_map(|n| format!("{n}\n").into_bytes()).take(read.len()).collect();
    assert!(read == wanted, "a byte is missing or has changed its place");
    let blamed = |fact: &Fact| matches!(fact, Fact::Unhealthy { .. } | Fact::Late { .. });
    assert!(!world.facts().iter().any(blamed));
}

#[test]
fn a_writer_that_dribbles_is_heard_byte_by_byte() {
    if !can_storm() {
        return;
    }
    let world = World::new();
    let script = r#"exec python3 -uc '
import sys, time, os
line = b"{\"agent\":\"a\",\"status\":\"ok\",\"tokens_used\":%d,\"message\":\"\xc3\xa9\"}\n"
pipe = os.open(os.environ["AGENTWATCH_PIPE"], os.O_WRONLY)
for n in range(1, 9):
    for at, byte in enumerate(line % n):
        os.write(1, bytes([byte]))
        os.write(pipe, bytes([(line % (100 * n))[at]]))
        if at % 9 == 0: time.sleep(0.002)
    os.write(pipe, (line % (100 * n))[len(line % n):])
'"#;
    let mut run = world.script(&["--restart", "on-failure"], script);
    assert_eq!(run.wait(), 0, "{}", run.stderr());
    let mut tokens: u64 = 0;
    for fact in world.facts() {
        match fact {
            Fact::Beat(beat) => tokens += beat.tokens.unwrap_or_default(),
            Fact::BadBeat { reason, .. } => panic!("{reason}"),
            _ => {}
        }
    }
    assert_eq!(tokens, 36 + 3600);
}
