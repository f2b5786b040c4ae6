//! Helpers of this floor's tests: scratch folders, deadlines, and tests that need a process of
//! their own (a re-run of the test binary).

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs};

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::pending::{ReadResult, read};
use super::poll::{Interest, pause, wait};
use super::spawn::{Child, Output, Spawn, spawn};
use crate::core::ending::Ending;
use crate::core::signal::Signal;

/// Says to a test that it is the re-run one; the value is an argument for it.
const INNER: &str = "AGENTWATCH_INNER";

/// A folder of this test alone, gone with the value.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("agentwatch-sys-{}-{count}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Asks until it is so; fails after 20 s.
pub fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if so() {
            return;
        }
        pause(Duration::from_millis(2));
    }
    panic!("still no {what}");
}

/// The argument, if this test is the re-run one.
pub fn inner() -> Option<PathBuf> {
    env::var_os(INNER).map(PathBuf::from)
}

/// Runs one test by itself in a fresh process (on a second thread of it, as libtest does).
pub fn rerun_command(test: &str, argument: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--test-threads=1"]).env(INNER, argument);
    command.stdout(Stdio::null());
    command
}

/// Runs one test by itself and demands that it passes.
pub fn rerun(name: &str, env: &[(&str, &str)]) {
    let output = rerun_command(name, Path::new("1"))
        .envs(env.iter().copied())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// An argument vector.
pub fn words(argv: &[impl AsRef<OsStr>]) -> Vec<OsString> {
    argv.iter().map(|word| word.as_ref().to_owned()).collect()
}

/// A child that inherits everything.
pub fn start(argv: &[impl AsRef<OsStr>]) -> Child {
    spawn(&Spawn::new(&words(argv))).unwrap()
}

/// A child whose standard output comes to us, and our end of it.
pub fn start_piped(argv: &[impl AsRef<OsStr>]) -> (i32, OwnedFd) {
    let spawned = spawn(&Spawn { stdout: Output::Pipe, ..Spawn::new(&words(argv)) });
    let child = spawned.unwrap();
    (child.pid, child.stdout.unwrap())
}

/// Everything up to the end of file; fails when nothing comes for 20 s.
pub fn read_all(fd: impl AsFd) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match read(fd.as_fd(), &mut buffer) {
            ReadResult::Data(n) => all.extend_from_slice(&buffer[..n]),
            ReadResult::Empty => {
                let mut fds = [Interest::read(fd.as_fd())];
                wait(&mut fds, Some(Duration::from_secs(20))).unwrap();
                assert!(fds[0].ready.readable, "no end of file after {} bytes", all.len());
            }
            ReadResult::End => return all,
            ReadResult::Failed(errno) => panic!("read: errno {errno}"),
        }
    }
}

/// Waits for one child, so that the tests of other threads keep theirs.
pub fn wait_for(pid: i32) -> Ending {
    match waitpid(Pid::from_raw(pid), None).unwrap() {
        WaitStatus::Exited(_, code) => Ending::Exit { code },
        WaitStatus::Signaled(_, signal, core) => {
            Ending::Signal { signal: Signal(signal as i32), core }
        }
        other => panic!("{other:?}"),
    }
}
