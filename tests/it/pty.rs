//! A terminal for one test: a pty whose other side is a session of its own, typed into and read.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};

use agentwatch::core::fact::Fact;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::libc;
use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use nix::unistd::{setsid, tcgetpgrp};

use crate::harness::{World, code, facts, until};

/// The prompt of [`Terminal::bash`].
const PROMPT: &str = "bash-in-test> ";

/// Notes every signal that it can catch in the file `signals` (or `signals-ARGUMENT`), and leaves with
/// code 3 once the file `leave` is there. It waits for them instead of handling them: handlers of Python
/// interrupt each other, and what came second would be noted first.
pub const NOTES_SIGNALS: &str = r"
import os, signal, sys
log = 'signals' + ''.join('-' + word for word in sys.argv[1:])
all = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}
signal.pthread_sigmask(signal.SIG_BLOCK, all)
open(log, 'a').close()
os.write(1, ' '.join(['up', *sys.argv[1:]]).encode() + b'\n')
while not os.path.exists('leave'):
    if not (came := signal.sigtimedwait(all, 0.01)): continue
    try: name = signal.Signals(came.si_signo).name
    except ValueError: name = str(came.si_signo)
    with open(log, 'a') as file: file.write(name + '\n')
sys.exit(3)
";

/// The signals that the program above has noted so far.
pub fn noted(world: &World, log: &str) -> Vec<String> {
    let text = std::fs::read_to_string(world.path(log)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// A session at a terminal of its own.
pub struct Terminal {
    /// Our side; gone after a hangup.
    master: Option<File>,
    leader: Child,
    screen: Vec<u8>,
    /// How much of the screen [`Terminal::shows`] has gone past.
    read: usize,
}

impl Terminal {
    /// `agentwatch run` of the agent `t` as the leader of the session, as `ssh -t` starts it.
    pub fn run(world: &World, options: &[&str], command: &[&str]) -> Self {
        let mut args = vec!["run", "--name", "t"];
        args.extend(options);
        args.push("--");
        args.extend(command);
        Self::start(world.command(&args))
    }

    /// A shell script as the leader; agentwatch is `$AW`.
    pub fn script(world: &World, script: &str) -> Self {
        Self::start(with_environment(world, &["sh", "-c", script]))
    }

    /// A shell with job control at which somebody sits; agentwatch is `$AW`.
    pub fn bash(world: &World) -> Self {
        let mut command = with_environment(world, &["bash", "--norc", "-i"]);
        command.env("PS1", PROMPT).env("TERM", "dumb");
        let mut terminal = Self::start(command);
        terminal.shows(PROMPT);
        terminal
    }

    /// Any command as the leader.
    pub fn start(mut command: Command) -> Self {
        let size = Winsize { ws_row: 31, ws_col: 97, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(&size, None).unwrap();
        // A program that another test starts would keep the terminal from hanging up.
        for fd in [&master, &slave] {
            fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
        }
        fcntl(&master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let again = || slave.try_clone().unwrap();
        command.stdin(again()).stdout(again()).stderr(again());
        #[expect(unsafe_code, reason = "a session is made between fork and exec")]
        // SAFETY: two system calls, which touch no memory; 0 is the terminal by then.
        unsafe {
            command.pre_exec(|| {
                setsid()?;
                Errno::result(libc::ioctl(0, libc::TIOCSCTTY as _, 0))?;
                Ok(())
            });
        }
        let leader = command.spawn().unwrap();
        Self { master: Some(master.into()), leader, screen: Vec::new(), read: 0 }
    }

    pub fn leader(&self) -> i32 {
        i32::try_from(self.leader.id()).unwrap()
    }

    fn master(&self) -> &File {
        self.master.as_ref().expect("no hangup yet")
    }

    pub fn types(&mut self, text: &str) {
        self.master().write_all(text.as_bytes()).unwrap();
    }

    /// Types a line at the prompt of the shell.
    pub fn enters(&mut self, line: &str) {
        self.types(line);
        self.types("\n");
    }

    /// Everything that was printed so far.
    pub fn screen(&mut self) -> String {
        let mut buffer = [0; 4096];
        // Ends: at what was not printed yet, or at a terminal that nobody has open.
        while let Some(n) = self.master.as_mut().and_then(|master| master.read(&mut buffer).ok()) {
            if n == 0 {
                break;
            }
            self.screen.extend(&buffer[..n]);
        }
        String::from_utf8_lossy(&self.screen).into_owned()
    }

    /// Waits for a condition while reading what is printed, so that nobody is held up.
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        until(what, || {
            self.screen();
            look()
        })
    }

    /// Waits until `text` is printed, after what was waited for before.
    pub fn shows(&mut self, text: &str) {
        self.read = until(&format!("{text:?} on the screen"), || {
            let screen = self.screen();
            screen[self.read..].find(text).map(|at| self.read + at + text.len())
        });
    }

    /// Waits for the prompt of the shell.
    pub fn prompts(&mut self) {
        self.shows(PROMPT);
    }

    /// The process group that has the terminal.
    pub fn foreground(&self) -> i32 {
        tcgetpgrp(self.master()).map_or(0, nix::unistd::Pid::as_raw)
    }

    /// Waits until the group in the foreground is as wanted.
    pub fn in_foreground(&mut self, wanted: impl Fn(i32) -> bool) {
        until("another foreground", || {
            self.screen();
            wanted(self.foreground()).then_some(())
        });
    }

    pub fn modes(&self) -> Termios {
        tcgetattr(self.master()).unwrap()
    }

    pub fn echoes(&self) -> bool {
        self.modes().local_flags.contains(LocalFlags::ECHO)
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        #[expect(unsafe_code, reason = "nix knows no call for it")]
        // SAFETY: TIOCSWINSZ reads one size, which lives here.
        let result =
            unsafe { libc::ioctl(self.master().as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        Errno::result(result).unwrap();
    }

    /// Closes our side, as an emulator does when its window is closed.
    pub fn hang_up(&mut self) {
        self.screen();
        self.master = None;
    }

    /// Waits for the end of the leader; gives its exit code, 128+N for a signal.
    pub fn wait(&mut self) -> i32 {
        let status = until("the end of the session's leader", || {
            self.screen();
            self.leader.try_wait().unwrap()
        });
        self.screen();
        code(status)
    }

    pub fn is_running(&mut self) -> bool {
        self.leader.try_wait().unwrap().is_none()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("on the screen: {:?}", self.screen());
        }
        // The hangup ends whatever the leader leaves in the foreground.
        self.master = None;
        let _ = self.leader.kill();
        let _ = self.leader.wait();
    }
}

/// Any command in the surroundings of [`World::command`].
pub fn with_environment(world: &World, command: &[&str]) -> Command {
    let ours = world.command(&[]);
    let mut other = Command::new(command[0]);
    other.args(&command[1..]).current_dir(&world.dir).env("AW", ours.get_program());
    for (name, value) in ours.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    other
}

/// The pid of the `n`th child (from 1) of the agent `t`, once it is started.
pub fn started(world: &World, n: usize) -> i32 {
    nth(world, "started", n, |fact| match fact {
        Fact::Started { pid, .. } => Some(*pid),
        _ => None,
    })
}

/// The pid of the `n`th agentwatch (from 1) of the agent `t`.
pub fn supervisor(world: &World, n: usize) -> i32 {
    nth(world, "supervisor_started", n, |fact| match fact {
        Fact::SupervisorStarted(began) => Some(began.pid),
        _ => None,
    })
}

fn nth<T>(world: &World, what: &str, n: usize, pick: impl Fn(&Fact) -> Option<T>) -> T {
    until(&format!("{what} (number {n})"), || {
        facts(&world.agent()).iter().filter_map(&pick).nth(n - 1)
    })
}
