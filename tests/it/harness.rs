//! A world for one test: a state directory of its own, and waiting for events with a deadline.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use agentwatch::core::fact::Fact;
use agentwatch::store::read;
use agentwatch::wire::record::Record;

/// How long anything may take on a loaded machine of two cores before a test calls it missing.
pub const DEADLINE: Duration = Duration::from_secs(40);

/// How often a condition is looked at while waiting for it.
const LOOK: Duration = Duration::from_millis(5);

/// A folder that goes away with the test.
pub struct World {
    pub dir: PathBuf,
}

impl World {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("aw-it-{}-{number}", std::process::id()));
        // A test that was killed leaves its world, and numbers of processes come again.
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The folder of the agent `t`.
    pub fn agent(&self) -> PathBuf {
        self.dir.join("state/t")
    }

    /// agentwatch with `args`, its environment and directories those of this world alone.
    pub fn command(&self, args: &[&str]) -> Command {
        self.within(&[], args)
    }

    /// The same, started by a program that is given agentwatch and `args` as its last arguments.
    pub fn within(&self, program: &[&str], args: &[&str]) -> Command {
        let mut words = program.iter().copied().chain([env!("CARGO_BIN_EXE_agentwatch")]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(args)
            .current_dir(&self.dir)
            .env_remove("RUST_BACKTRACE")
            .env("HOME", &self.dir)
            .env("XDG_CONFIG_HOME", self.dir.join("config"))
            .env("AGENTWATCH_STATE_DIR", self.dir.join("state"))
            // Whoever is killed leaves its sockets behind, here and nowhere else.
            .env("RUNTIME_DIRECTORY", self.dir.join("run"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command of agentwatch to its end.
    pub fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// `agentwatch run` of an agent named `t`, with `options`, over a shell script.
    pub fn script(&self, options: &[&str], script: &str) -> Run {
        self.run(options, &["sh", "-c", script])
    }

    /// `agentwatch run` of an agent named `t`, with `options`, over `command`.
    pub fn run(&self, options: &[&str], command: &[&str]) -> Run {
        let mut args = vec!["run", "--name", "t"];
        args.extend(options);
        args.push("--");
        args.extend(command);
        self.spawn(self.command(&args))
    }

    /// Starts a prepared command with its output going to files, so that it is never blocked.
    pub fn spawn(&self, mut command: Command) -> Run {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let (out, err) = (self.path(&format!("out-{number}")), self.path(&format!("err-{number}")));
        let child = command
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Run { child, out, err, agent: self.agent() }
    }

    /// All facts in the journal of the agent `t`, oldest first.
    pub fn facts(&self) -> Vec<Fact> {
        facts(&self.agent())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

pub fn records(agent: &Path) -> Vec<Record> {
    let mut records = Vec::new();
    for (_, path) in read::days(&agent.join("journal")).unwrap_or_default() {
        let _ = read::file(&path, 0, &mut |record| records.push(record));
    }
    records
}

pub fn facts(agent: &Path) -> Vec<Fact> {
    records(agent).into_iter().filter_map(|record| record.fact).collect()
}

/// Waits until `look` finds something; panics with `what` after the deadline.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(LOOK);
    }
}

/// A running agentwatch.
pub struct Run {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    agent: PathBuf,
}

impl Run {
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.out).unwrap()).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.err).unwrap()).into_owned()
    }

    /// Sends a signal to agentwatch itself.
    pub fn signal(&self, name: &str) {
        kill(self.pid(), name);
    }

    /// Waits for its end; gives its exit code, 128+N for a signal.
    pub fn wait(&mut self) -> i32 {
        let status = until("the end of agentwatch", || self.child.try_wait().unwrap());
        code(status)
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the `n`th fact (from 1) for which `pick` finds something.
    pub fn fact<T>(&self, what: &str, n: usize, pick: impl Fn(&Fact) -> Option<T>) -> T {
        let end = Instant::now() + DEADLINE;
        loop {
            let facts = facts(&self.agent);
            if let Some(found) = facts.iter().filter_map(&pick).nth(n - 1) {
                return found;
            }
            let (said, told) = (self.stderr(), story(&facts));
            assert!(Instant::now() < end, "waited in vain for {what} (number {n})\n{said}\n{told}");
            std::thread::sleep(LOOK);
        }
    }

    /// The pid of the `n`th child (from 1).
    pub fn started(&self, n: usize) -> i32 {
        self.fact("started", n, |fact| match fact {
            Fact::Started { pid, .. } => Some(*pid),
            _ => None,
        })
    }

    /// Waits for the `n`th beat.
    pub fn beat(&self, n: usize) {
        self.fact("beat", n, |fact| matches!(fact, Fact::Beat(_)).then_some(()));
    }

    /// Waits until its stderr holds `text`.
    pub fn says(&self, text: &str) {
        until(&format!("{text:?} in {:?}", self.stderr()), || {
            self.stderr().contains(text).then_some(())
        });
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // However the test ended: no agentwatch stays, and its child dies with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

pub fn kill(pid: i32, signal: &str) {
    // The shell's own: the program of that name is not on every small machine.
    let done = Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).output();
    assert!(done.unwrap().status.success(), "kill -{signal} {pid}");
}

/// Whether a process exists and is no zombie.
pub fn alive(pid: i32) -> bool {
    !matches!(state(pid), None | Some('Z'))
}

/// What a process does, in the letter of `ps`: `T` is stopped, `Z` a zombie; `None` is no such process.
pub fn state(pid: i32) -> Option<char> {
    if Path::new("/proc/self/stat").exists() {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        return stat.rsplit_once(')')?.1.trim_start().chars().next();
    }
    let output = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().chars().next()
}

/// Whether a command is there; says loudly when a test does less without it.
pub fn has(command: &str) -> bool {
    let there = Command::new("sh")
        .args(["-c", &format!("command -v {command}")])
        .output()
        .unwrap()
        .status
        .success();
    if !there {
        eprintln!("SKIPPED: {command} is not installed");
    }
    there
}

/// A short text of all events, for messages of failed assertions.
pub fn story(facts: &[Fact]) -> String {
    facts.iter().map(|fact| format!("{fact:?}")).collect::<Vec<_>>().join("\n")
}
