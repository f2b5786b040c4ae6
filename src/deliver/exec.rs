//! A command as a sink: it gets the letter on its stdin, and exit 0 means delivered.

use std::io::Write as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::core::signal::Signal;
use crate::sys::clock::Deadline;
use crate::sys::{poll, signals};

use super::send::{Came, WORDS_MAX, said};

/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(10);

/// How long its last words are waited for when it has ended.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// Gives a command its letter, and waits for it to end.
pub fn send(command: &str, stdin: &str, limit: Duration) -> Came {
    let later = |words: String| Came::Later { words, after: None };
    let spawned = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return later(error.to_string()),
    };
    let (tell, hear) = mpsc::channel();
    if let Some(mut pipe) = child.stdin.take() {
        let text = stdin.to_owned();
        // Who does not read must not keep us; the thread ends with this process.
        std::thread::spawn(move || pipe.write_all(text.as_bytes()));
    }
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let tell_too = tell.clone();
    std::thread::spawn(move || err.map(|mut pipe| tell.send(tail(&mut pipe))));
    std::thread::spawn(move || out.map(|mut pipe| tell_too.send(tail(&mut pipe))));
    let deadline = Deadline::after(limit);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if deadline.left().is_zero() => break Err(()),
            Ok(None) => poll::pause(LOOK),
            Err(_) => break Err(()),
        }
    };
    let pid = i32::try_from(child.id()).unwrap_or(0);
    if 0 < pid {
        // Whatever it leaves behind has had its time.
        let _ = signals::send_group(pid, Signal::KILL);
    }
    let Ok(status) = status else {
        let _ = child.wait();
        return later(format!("did not end in {}s; killed", limit.as_secs()));
    };
    if status.success() {
        return Came::Sent;
    }
    // Who left the group may hold the pipes for as long as it likes.
    let heard = std::iter::from_fn(|| hear.recv_timeout(AFTERWARDS).ok()).take(2);
    let words = heard.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or(0)),
    };
    later(format!("{how}{}", said(&words)))
}

/// The last of what somebody writes.
fn tail(pipe: &mut impl std::io::Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
        kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let over = kept.len().saturating_sub(WORDS_MAX);
        kept.drain(..over);
    }
    String::from_utf8_lossy(&kept).into_owned()
}
