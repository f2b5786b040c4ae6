//! Starting a child: its own process group, our pipes, and an error that says what was wrong.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, signal};
use nix::unistd::{getpid, getppid, write};

use super::{os, pending, signals};

/// Where a stream of the child goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Into a pipe whose other end is [`Child::stdout`] or [`Child::stderr`].
    Pipe,
    /// To wherever agentwatch's own goes.
    Inherit,
}

/// What to start. The working directory and stdin are agentwatch's own.
#[derive(Clone, Copy, Debug)]
pub struct Spawn<'a> {
    /// The program, looked up in the child's `PATH` unless it holds a slash, and its arguments.
    pub argv: &'a [OsString],
    /// Variables to set, after the removals.
    pub env_set: &'a [(OsString, OsString)],
    /// Variables of our environment that the child does not get.
    pub env_remove: &'a [OsString],
    /// Where its standard output goes.
    pub stdout: Output,
    /// Where its standard error goes.
    pub stderr: Output,
}

impl<'a> Spawn<'a> {
    /// A start that inherits everything.
    pub fn new(argv: &'a [OsString]) -> Self {
        let (stdout, stderr) = (Output::Inherit, Output::Inherit);
        Self { argv, env_set: &[], env_remove: &[], stdout, stderr }
    }
}

/// A child that was started. Dropping it closes our ends; its status is [`super::reap`]'s.
#[derive(Debug)]
pub struct Child {
    /// Its process id, and that of the group it leads.
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
    /// The program could not be executed.
    Exec,
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

/// Starts a child in a process group of its own. Returns when it has executed its program.
///
/// It begins with the signal mask that agentwatch was started with, every signal that agentwatch
/// catches at its default (CHLD and PIPE included; what was ignored stays so, except these two),
/// and on Linux with SIGKILL at the death of agentwatch, more exactly of the calling thread.
///
/// # Errors
/// See [`SpawnError`]. No process is left behind.
pub fn spawn(spawn: &Spawn<'_>) -> Result<Child, SpawnError> {
    let Some((program, arguments)) = spawn.argv.split_first() else {
        return Err(explain(spawn, OsStr::new(""), Stage::Fork, libc::EINVAL));
    };
    let failed = |stage, error: &io::Error| {
        explain(spawn, program, stage, error.raw_os_error().unwrap_or(libc::EINVAL))
    };
    // The child writes one byte right before exec: whether it is there tells the stage.
    let (reached, marker) = io::pipe().map_err(|error| failed(Stage::Fork, &error))?;

    let mut command = Command::new(program);
    command.args(arguments).process_group(0);
    for name in spawn.env_remove {
        command.env_remove(name);
    }
    command.envs(spawn.env_set.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::inherit()).stdout(stdio(spawn.stdout)).stderr(stdio(spawn.stderr));

    // A signal between fork and exec would run our handler in the child, which writes into our own
    // pipe: we would hear a signal that nobody sent us.
    let before = SigSet::all()
        .thread_swap_mask(SigmaskHow::SIG_SETMASK)
        .map_err(|errno| failed(Stage::Fork, &errno.into()))?;
    let mask = signals::start_mask().unwrap_or(before);
    let parent = getpid();
    let prepare = move || {
        for caught in signals::CAUGHT {
            if signals::disposition(caught) != Some(libc::SIG_IGN) {
                #[expect(unsafe_code, reason = "nix marks it so for the sake of handlers")]
                // SAFETY: the default disposition runs no code of ours.
                unsafe { signal(caught, SigHandler::SigDfl) }?;
            }
        }
        os::die_with_parent()?;
        // It may have died before that was set, and then no signal comes.
        if getppid() != parent {
            return Err(Errno::ESRCH.into());
        }
        write(&marker, b"x")?;
        mask.thread_set_mask()?;
        Ok(())
    };
    #[expect(unsafe_code, reason = "the child is prepared between fork and exec")]
    // SAFETY: `prepare` makes async-signal-safe system calls only and allocates nothing.
    unsafe {
        command.pre_exec(prepare)
    };
    let spawned = command.spawn();
    // Cannot fail: the mask was the current one, and setting it is all that is asked.
    let _ = before.thread_set_mask();

    match spawned {
        Ok(child) => Ok(adopt(child)),
        Err(error) => {
            let reached = pending::pending(&reached) > 0;
            Err(failed(if reached { Stage::Exec } else { Stage::Fork }, &error))
        }
    }
}

fn stdio(output: Output) -> Stdio {
    match output {
        Output::Pipe => Stdio::piped(),
        Output::Inherit => Stdio::inherit(),
    }
}

fn adopt(child: std::process::Child) -> Child {
    let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
    let stdout = child.stdout.map(OwnedFd::from);
    let stderr = child.stderr.map(OwnedFd::from);
    for ours in [&stdout, &stderr].into_iter().flatten() {
        // Each end of a pipe has flags of its own: the child's stays blocking. Should it fail (it
        // has no reason to), reading no more than what is pending does not block either.
        let _ = set_nonblocking(ours);
    }
    Child { pid, stdout, stderr }
}

fn set_nonblocking(fd: impl AsFd) -> nix::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd.as_fd(), FcntlArg::F_GETFL)?);
    fcntl(fd.as_fd(), FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).map(drop)
}

/// What an error number means, in the words of who has to mend it.
fn explain(spawn: &Spawn<'_>, program: &OsStr, stage: Stage, errno: i32) -> SpawnError {
    let name = program.to_string_lossy();
    let system = io::Error::from_raw_os_error(errno);
    let (kind, text) = match (stage, Errno::from_raw(errno)) {
        (Stage::Fork, Errno::EINVAL) => {
            (Kind::Other, format!("{name:?}: an empty command, or a NUL byte in it"))
        }
        (Stage::Fork, _) => (Kind::Other, format!("{name}: cannot make a process: {system}")),
        (Stage::Exec, Errno::ENOENT) => match locate(spawn, program) {
            Some(file) => (Kind::NotExecutable, format!("{name}: {}", missing_interpreter(&file))),
            None if has_slash(program) => (Kind::NotFound, format!("{name}: not found")),
            None => (Kind::NotFound, format!("{name}: not found (looked in PATH)")),
        },
        (Stage::Exec, Errno::EACCES) => {
            let why = match locate(spawn, program) {
                _ if Path::new(program).is_dir() && has_slash(program) => "it is a directory",
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

fn has_slash(program: &OsStr) -> bool {
    program.as_encoded_bytes().contains(&b'/')
}

/// The file that was to be executed, if there is one, by the child's `PATH`.
fn locate(spawn: &Spawn<'_>, program: &OsStr) -> Option<PathBuf> {
    let is_file = |path: &PathBuf| path.is_file();
    if has_slash(program) {
        return Some(PathBuf::from(program)).filter(is_file);
    }
    let set = spawn.env_set.iter().rev().find(|(name, _)| name == "PATH");
    let path = match set {
        Some((_, path)) => path.clone(),
        None if spawn.env_remove.iter().any(|name| name == "PATH") => return None,
        None => std::env::var_os("PATH")?,
    };
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(is_file)
}

/// Why a file that is there was "not found": what it asks for is not.
fn missing_interpreter(file: &Path) -> String {
    let mut head = Vec::new();
    // As much of the first line as any kernel looks at.
    let read = File::open(file).and_then(|file| file.take(256).read_to_end(&mut head));
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(asked) = line.strip_prefix(b"#!").filter(|_| read.is_ok()) else {
        return "it is there, but its loader is not (made for another system or libc?)".into();
    };
    let asked = String::from_utf8_lossy(asked);
    let asked = asked.trim_matches([' ', '\t']);
    let interpreter = asked.split([' ', '\t']).next().unwrap_or_default();
    match interpreter.strip_suffix('\r') {
        Some(bare) => {
            format!("its interpreter {bare:?} is followed by a carriage return (dos2unix helps)")
        }
        None => format!("its interpreter {interpreter} is not found"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::PermissionsExt;

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
            let env_remove = &["HOME".into()];
            let stdout = Output::Pipe;
            let child = spawn(&Spawn { env_set, env_remove, stdout, ..Spawn::new(&argv) }).unwrap();
            assert_eq!(read_all(child.stdout.as_ref().unwrap()), wanted.as_bytes());
            wait_for(child.pid);
        }
    }

    #[test]
    fn a_closed_pipe_kills_the_child_as_it_would_without_us() {
        let (pid, stdout) = start_piped(&["sh", "-c", "while :; do echo x; done"]);
        drop(stdout);
        let sigpipe = Signal(nix::sys::signal::Signal::SIGPIPE as i32);
        assert_eq!(wait_for(pid), Ending::Signal { signal: sigpipe, core: false });
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
