//! Starting a child: its group, our pipes, and an error that says what was wrong and how far it came.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::unistd::{Pid, getpid, getppid, setpgid};

use super::program::{self, Program};
use super::{os, signals};

/// Where a stream of the child goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Into a pipe whose other end is [`Child::stdout`] or [`Child::stderr`].
    Pipe,
    /// To wherever agentwatch's own goes.
    Inherit,
}

/// Which process group the child belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// One of its own, which it leads.
    Own,
    /// Ours, so that a terminal reaches both.
    Shared,
}

/// What to start.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it holds a closure")]
pub struct Spawn<'a> {
    /// The program, looked up in the child's `PATH` unless it holds a slash, and its arguments.
    pub argv: &'a [OsString],
    /// Variables to set, after the removals.
    pub env_set: &'a [(OsString, OsString)],
    /// Whether a variable of our environment is kept from the child.
    pub env_hidden: &'a dyn Fn(&OsStr) -> bool,
    /// Its standard input; `None` is our own.
    pub stdin: Option<&'a File>,
    /// Where its standard output goes.
    pub stdout: Output,
    /// Where its standard error goes.
    pub stderr: Output,
    /// Its process group.
    pub group: Group,
    /// Its working directory; `None` is our own.
    pub directory: Option<&'a Path>,
    /// It may live on when agentwatch is gone.
    pub outlives: bool,
}

impl<'a> Spawn<'a> {
    /// A start that inherits everything and leads a group of its own.
    pub fn new(argv: &'a [OsString]) -> Self {
        let (stdout, stderr) = (Output::Inherit, Output::Inherit);
        let (group, env_hidden): (_, &dyn Fn(&OsStr) -> bool) = (Group::Own, &|_| false);
        let (stdin, directory, outlives) = (None, None, false);
        Self { argv, env_set: &[], env_hidden, stdin, stdout, stderr, group, directory, outlives }
    }
}

/// A child that was started. Dropping it closes our ends; its status is [`super::reap`]'s.
#[derive(Debug)]
pub struct Child {
    /// Its process id, and that of the group it leads, if it does.
    pub pid: i32,
    /// Our end of its standard output, non-blocking.
    pub stdout: Option<OwnedFd>,
    /// Our end of its standard error, non-blocking.
    pub stderr: Option<OwnedFd>,
}

/// How far a start came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There was no new process (or it could not be set up).
    Fork,
    /// Its working directory could not be entered.
    Chdir,
    /// The program could not be executed.
    Exec,
}

/// What stopped a child before it executed its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Where.
    pub stage: Stage,
    /// Why, by errno.
    pub errno: i32,
}

impl Stopped {
    /// It was not even made, or not set up.
    pub fn fork(errno: Errno) -> Self {
        Self { stage: Stage::Fork, errno: errno as i32 }
    }
}

/// What a failed start means for the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is no such program: 127.
    NotFound,
    /// It is there and cannot be executed: 126.
    NotExecutable,
    /// Something that may pass (no memory, too many processes, a file being written): 125.
    Other,
}

/// A start that failed. Displayed as `python: not found (looked in PATH)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnError {
    /// How far it came.
    pub stage: Stage,
    /// The error number of the system call.
    pub errno: i32,
    /// What it means.
    pub kind: Kind,
    text: String,
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for SpawnError {}

/// Starts a child. Returns when it has executed its program.
///
/// It begins with the signal mask and the dispositions that agentwatch was started with, and on Linux
/// with SIGKILL at the death of agentwatch, more exactly of the calling thread, unless it `outlives` it.
///
/// # Errors
/// See [`SpawnError`]. No process is left behind.
pub fn spawn(spawn: &Spawn<'_>) -> Result<Child, SpawnError> {
    let explained = |stopped| explain(spawn, stopped);
    let plan = Plan::new(spawn).map_err(|errno| explained(Stopped::fork(errno)))?;
    // Nothing may interrupt the child before it is what it is going to be.
    let before = SigSet::all()
        .thread_swap_mask(SigmaskHow::SIG_SETMASK)
        .map_err(|errno| explained(Stopped::fork(errno)))?;
    let mask = signals::start_mask().unwrap_or(before);
    let parent = getpid();
    let started = os::start(&mut || plan.run(parent, &mask));
    // Cannot fail: the mask was the current one, and setting it is all that is asked.
    let _ = before.thread_set_mask();
    let pid = started.map_err(explained)?;
    let ours = |pipe: Option<Pipe>| pipe.map(|pipe| pipe.ours);
    Ok(Child { pid, stdout: ours(plan.stdout), stderr: ours(plan.stderr) })
}

/// A pipe from the child to us.
#[derive(Debug)]
struct Pipe {
    ours: OwnedFd,
    theirs: OwnedFd,
}

impl Pipe {
    fn new() -> nix::Result<Self> {
        let (ours, theirs) = io::pipe()
            .map_err(|error| error.raw_os_error().map_or(Errno::EMFILE, Errno::from_raw))?;
        let (ours, theirs) = (OwnedFd::from(ours), OwnedFd::from(theirs));
        // Each end of a pipe has flags of its own: the child's stays blocking.
        fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self { ours, theirs })
    }
}

/// Everything that the child needs, made before it is there: in it, nothing may be allocated.
struct Plan<'a> {
    spawn: &'a Spawn<'a>,
    program: Program,
    directory: Option<CString>,
    stdout: Option<Pipe>,
    stderr: Option<Pipe>,
}

impl<'a> Plan<'a> {
    fn new(spawn: &'a Spawn<'a>) -> nix::Result<Self> {
        let pipe = |output| match output {
            Output::Pipe => Pipe::new().map(Some),
            Output::Inherit => Ok(None),
        };
        let path = |path: &Path| CString::new(path.as_os_str().as_bytes());
        Ok(Self {
            spawn,
            program: Program::new(spawn)?,
            directory: spawn.directory.map(path).transpose().map_err(|_| Errno::EINVAL)?,
            stdout: pipe(spawn.stdout)?,
            stderr: pipe(spawn.stderr)?,
        })
    }

    /// In the child: becomes the program, or says what stopped it. System calls only.
    fn run(&self, parent: Pid, mask: &SigSet) -> Stopped {
        if let Err(errno) = self.set_up(parent) {
            return Stopped::fork(errno);
        }
        if let Some(Err(errno)) = self.directory.as_deref().map(nix::unistd::chdir::<CStr>) {
            return Stopped { stage: Stage::Chdir, errno: errno as i32 };
        }
        if let Err(errno) = mask.thread_set_mask() {
            return Stopped::fork(errno);
        }
        Stopped { stage: Stage::Exec, errno: self.program.exec() as i32 }
    }

    fn set_up(&self, parent: Pid) -> nix::Result<()> {
        if self.spawn.group == Group::Own {
            setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
        }
        if let Some(file) = self.spawn.stdin {
            become_descriptor(file.as_raw_fd(), 0)?;
        }
        for (pipe, number) in [(&self.stdout, 1), (&self.stderr, 2)] {
            if let Some(pipe) = pipe {
                become_descriptor(pipe.theirs.as_raw_fd(), number)?;
            }
        }
        signals::restore_in_child()?;
        if self.spawn.outlives {
            return Ok(());
        }
        os::die_with_parent()?;
        // It may have died before that was set, and then no signal comes.
        if getppid() == parent { Ok(()) } else { Err(Errno::ESRCH) }
    }
}

/// 0, 1 and 2 are always open (`entry`), so `from` is another one and the copy loses its close-on-exec.
fn become_descriptor(from: i32, number: i32) -> nix::Result<()> {
    #[expect(unsafe_code, reason = "nix wants to own what it replaces")]
    // SAFETY: dup2 takes two integers; 0, 1 and 2 are not owned by anything in the child.
    let result = unsafe { libc::dup2(from, number) };
    Errno::result(result).map(drop)
}

/// What stopped a start, in the words of who has to mend it.
fn explain(spawn: &Spawn<'_>, stopped: Stopped) -> SpawnError {
    let program = spawn.argv.first().map_or(OsStr::new(""), OsString::as_os_str);
    let name = program.to_string_lossy();
    let Stopped { stage, errno } = stopped;
    let system = io::Error::from_raw_os_error(errno);
    let (kind, text) = match (stage, Errno::from_raw(errno)) {
        (Stage::Fork, Errno::EINVAL) => {
            (Kind::Other, format!("{name:?}: an empty command, or a NUL byte in it"))
        }
        (Stage::Fork, _) => (Kind::Other, format!("{name}: cannot make a process: {system}")),
        (Stage::Chdir, _) => {
            let directory = spawn.directory.unwrap_or(Path::new("")).display();
            (Kind::Other, format!("{directory}: cannot enter the working directory: {system}"))
        }
        (Stage::Exec, Errno::ENOENT) => match program::locate(spawn, program) {
            Some(file) => {
                (Kind::NotExecutable, format!("{name}: {}", program::missing_interpreter(&file)))
            }
            None if program::has_slash(program) => (Kind::NotFound, format!("{name}: not found")),
            None => (Kind::NotFound, format!("{name}: not found (looked in PATH)")),
        },
        (Stage::Exec, Errno::EACCES) => {
            let why = match program::locate(spawn, program) {
                _ if Path::new(program).is_dir() && program::has_slash(program) => {
                    "it is a directory"
                }
                Some(_) => "permission denied (is it executable? chmod +x)",
                None => "permission denied",
            };
            (Kind::NotExecutable, format!("{name}: {why}"))
        }
        // These may be over at the next try.
        (
            Stage::Exec,
            Errno::EAGAIN
            | Errno::ENOMEM
            | Errno::EMFILE
            | Errno::ENFILE
            | Errno::EIO
            | Errno::EINTR
            | Errno::ETXTBSY,
        ) => (Kind::Other, format!("{name}: {system}")),
        (Stage::Exec, _) => (Kind::NotExecutable, format!("{name}: {system}")),
    };
    SpawnError { stage, errno, kind, text }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;
    use crate::core::ending::Ending;
    use crate::core::signal::Signal;
    use crate::sys::pending::{ReadResult, read};
    use crate::sys::testing::{Scratch, eventually, read_all, start, start_piped, wait_for, words};

    fn error(argv: &[&OsStr]) -> SpawnError {
        spawn(&Spawn::new(&words(argv))).unwrap_err()
    }

    /// A file with that mode; written by a child, since a file that any process of this test
    /// binary holds open for writing at a fork elsewhere cannot be executed.
    fn executable(scratch: &Scratch, name: &str, content: &str, mode: u32) -> PathBuf {
        let path = scratch.path(name);
        let argv = [OsStr::new("sh"), OsStr::new("-c"), OsStr::new("printf %b \"$1\" > \"$0\"")];
        let argv: Vec<_> =
            argv.into_iter().chain([path.as_os_str(), OsStr::new(content)]).collect();
        let child = start(&argv);
        assert_eq!(wait_for(child.pid), Ending::Exit { code: 0 });
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn streams_are_separate_and_end_with_the_child() {
        let argv = ["sh", "-c", "printf out; printf err >&2; exit 3"];
        let (stdout, stderr) = (Output::Pipe, Output::Pipe);
        let child = spawn(&Spawn { stdout, stderr, ..Spawn::new(&words(&argv)) }).unwrap();
        assert_eq!(read_all(child.stdout.as_ref().unwrap()), b"out");
        assert_eq!(read_all(child.stderr.as_ref().unwrap()), b"err");
        assert_eq!(wait_for(child.pid), Ending::Exit { code: 3 });
    }

    #[test]
    fn our_end_does_not_block_and_is_closed_on_exec() {
        let (pid, stdout) = start_piped(&["sleep", "600"]);
        assert_eq!(read(&stdout, &mut [0; 8]), ReadResult::Empty);
        assert_eq!(fcntl(&stdout, FcntlArg::F_GETFD).unwrap() & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
        assert!(stdout.as_raw_fd() > 2);
        signals::send_group(pid, Signal::KILL).unwrap();
        assert_eq!(wait_for(pid), Ending::Signal { signal: Signal::KILL, core: false });
    }

    #[test]
    fn the_environment_is_ours_less_the_removed_and_with_the_set() {
        let argv = words(&["sh", "-c", "echo \"$AW_SET:${HOME-none}:${PATH:+path}\""]);
        let home = [("AW_SET".into(), "a b".into()), ("HOME".into(), "/h".into())];
        for (env_set, wanted) in [(&home[..], "a b:/h:path\n"), (&[], ":none:path\n")] {
            let env_hidden = &|name: &OsStr| name == "HOME";
            let stdout = Output::Pipe;
            let child = spawn(&Spawn { env_set, env_hidden, stdout, ..Spawn::new(&argv) }).unwrap();
            assert_eq!(read_all(child.stdout.as_ref().unwrap()), wanted.as_bytes());
            wait_for(child.pid);
        }
    }

    #[test]
    fn a_working_directory_and_a_stdin_can_be_given() {
        let scratch = Scratch::new();
        fs::write(scratch.path("input"), "from the file").unwrap();
        let argv = words(&["sh", "-c", "pwd; cat"]);
        let directory = fs::canonicalize(scratch.path("")).unwrap();
        let input = File::open(scratch.path("input")).unwrap();
        let (stdout, stdin) = (Output::Pipe, Some(&input));
        let request = Spawn { stdin, stdout, directory: Some(&directory), ..Spawn::new(&argv) };
        let child = spawn(&request).unwrap();
        let wanted = format!("{}\nfrom the file", directory.display());
        assert_eq!(read_all(child.stdout.as_ref().unwrap()), wanted.as_bytes());
        wait_for(child.pid);

        let gone = scratch.path("gone");
        let error = spawn(&Spawn { directory: Some(&gone), ..request }).unwrap_err();
        assert_eq!((error.stage, error.kind, error.errno), (Stage::Chdir, Kind::Other, 2));
        assert!(error.to_string().contains("gone: cannot enter the working directory"), "{error}");
    }

    #[test]
    fn a_script_without_an_interpreter_line_is_the_shells() {
        let scratch = Scratch::new();
        let script = executable(&scratch, "script", "echo \"$0 $1\"", 0o755);
        let (pid, stdout) = start_piped(&[script.as_os_str(), OsStr::new("one")]);
        let wanted = format!("{} one\n", script.display());
        assert_eq!(String::from_utf8(read_all(&stdout)).unwrap(), wanted);
        wait_for(pid);
    }

    #[test]
    fn the_child_can_share_our_group() {
        let argv = words(&["sleep", "600"]);
        let child = spawn(&Spawn { group: Group::Shared, ..Spawn::new(&argv) }).unwrap();
        let group = nix::unistd::getpgid(Some(Pid::from_raw(child.pid))).unwrap();
        signals::send(child.pid, Signal::KILL).unwrap();
        wait_for(child.pid);
        assert_eq!(group, nix::unistd::getpgrp());
    }

    #[test]
    fn the_child_leads_a_group_of_its_own() {
        let child = start(&["sleep", "600"]);
        eventually("the group", || crate::sys::tree::group_alive(child.pid));
        signals::send_group(child.pid, Signal::TERM).unwrap();
        assert_eq!(wait_for(child.pid), Ending::Signal { signal: Signal::TERM, core: false });
    }

    #[test]
    fn a_program_that_is_not_there_is_127() {
        let missing = error(&["agentwatch-no-such".as_ref()]);
        assert_eq!((missing.stage, missing.kind), (Stage::Exec, Kind::NotFound));
        assert_eq!(missing.errno, libc::ENOENT);
        assert_eq!(missing.to_string(), "agentwatch-no-such: not found (looked in PATH)");
        assert_eq!(error(&["./no/such".as_ref()]).to_string(), "./no/such: not found");
        assert_eq!(error(&["./no/such".as_ref()]).kind, Kind::NotFound);
    }

    #[test]
    fn a_program_that_cannot_be_executed_is_126_and_says_why() {
        let scratch = Scratch::new();
        let folder = scratch.path("");
        let script = "#!/no/such/python3 -u\\nprint()\\n";
        let dos = "#!/bin/sh\\r\\nexit\\r\\n";
        for (path, why) in [
            (
                executable(&scratch, "plain", "exit 0", 0o644),
                "permission denied (is it executable?",
            ),
            (executable(&scratch, "script", script, 0o755), "its interpreter /no/such/python3 is"),
            (executable(&scratch, "dos", dos, 0o755), "its interpreter \"/bin/sh\" is followed by"),
            (folder, "it is a directory"),
        ] {
            let error = error(&[path.as_os_str()]);
            assert_eq!((error.stage, error.kind), (Stage::Exec, Kind::NotExecutable), "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
        // Found in PATH, although its interpreter is not.
        let env_set = &[("PATH".into(), scratch.path("").into_os_string())];
        let error = spawn(&Spawn { env_set, ..Spawn::new(&words(&["script"])) });
        assert_eq!(error.unwrap_err().kind, Kind::NotExecutable);
    }

    #[test]
    fn an_impossible_command_starts_nothing() {
        let none: [&OsStr; 0] = [];
        for argv in [&none[..], &["a\0b".as_ref()]] {
            let error = error(argv);
            assert_eq!((error.stage, error.kind, error.errno), (Stage::Fork, Kind::Other, 22));
        }
        assert_eq!(error(&["".as_ref()]).kind, Kind::NotFound);
    }
}
