//! The program of a child: where it may be, its arguments and environment, as `execve` wants them.

use std::ffi::{CStr, CString, OsStr, OsString, c_char};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;

use super::spawn::Spawn;

/// Where programs are when `PATH` is not set at all, as the C library has it.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// What executes a script without an interpreter line, as the C library has it.
const SHELL: &CStr = c"/bin/sh";

/// A program with all that it is given. Nothing is allocated when it is executed.
pub(super) struct Program {
    /// The files to try, in order.
    files: Vec<CString>,
    /// The arguments, and their pointers with a place before and a null after them.
    _argv: Vec<CString>,
    argv: Vec<*const c_char>,
    /// The same for the environment.
    _env: Vec<CString>,
    env: Vec<*const c_char>,
}

impl Program {
    /// # Errors
    /// `EINVAL`: an empty command, or a NUL byte in it.
    pub(super) fn new(spawn: &Spawn<'_>) -> nix::Result<Self> {
        let program = spawn.argv.first().ok_or(Errno::EINVAL)?;
        let argv = strings(spawn.argv.iter().map(|argument| argument.as_bytes().to_vec()))?;
        let env = strings(environment(spawn).into_iter())?;
        let files = if has_slash(program) || program.is_empty() {
            strings(std::iter::once(program.as_bytes().to_vec()))?
        } else {
            let path = path(spawn).unwrap_or_else(|| DEFAULT_PATH.into());
            let files = std::env::split_paths(&path).map(|folder| folder.join(program));
            strings(files.map(|file| file.into_os_string().into_vec()))?
        };
        Ok(Self {
            files,
            argv: pointers(SHELL.as_ptr(), &argv),
            _argv: argv,
            env: pointers(std::ptr::null(), &env),
            _env: env,
        })
    }

    /// Becomes the program; the reason if that is not possible. System calls only.
    pub(super) fn exec(&self) -> Errno {
        let mut denied = None;
        for file in &self.files {
            match self.exec_file(file) {
                // As a shell does it: a file that may not be executed hides none further down.
                Errno::EACCES => denied = Some(Errno::EACCES),
                Errno::ENOENT | Errno::ENOTDIR => {}
                errno => return errno,
            }
        }
        denied.unwrap_or(Errno::ENOENT)
    }

    fn exec_file(&self, file: &CString) -> Errno {
        // The first place is kept for the shell, the first of the environment is empty.
        let (argv, env) = (&self.argv[1..], &self.env[1..]);
        #[expect(unsafe_code, reason = "nix collects its arguments anew, which allocates")]
        // SAFETY: both lists end in a null pointer, and what they point to lives as long as `self`.
        unsafe {
            libc::execve(file.as_ptr(), argv.as_ptr(), env.as_ptr());
        }
        match Errno::last() {
            Errno::ENOEXEC => self.exec_script(file),
            errno => errno,
        }
    }

    /// A script without an interpreter line: the shell takes it, as everywhere.
    fn exec_script(&self, file: &CString) -> Errno {
        // Room for `sh`, the file, the arguments and the null; more of them than that stay without.
        let mut argv = [std::ptr::null::<c_char>(); SCRIPT_ARGS_MAX];
        if SCRIPT_ARGS_MAX < self.argv.len() {
            return Errno::ENOEXEC;
        }
        argv[..self.argv.len()].copy_from_slice(&self.argv);
        argv[1] = file.as_ptr();
        #[expect(unsafe_code, reason = "nix collects its arguments anew, which allocates")]
        // SAFETY: both lists end in a null pointer, and what they point to lives as long as `self`.
        unsafe {
            libc::execve(SHELL.as_ptr(), argv.as_ptr(), self.env[1..].as_ptr());
        }
        Errno::last()
    }
}

/// The arguments that a script without an interpreter line may have: the stack of the child is small.
const SCRIPT_ARGS_MAX: usize = 256;

fn strings(texts: impl Iterator<Item = Vec<u8>>) -> nix::Result<Vec<CString>> {
    texts.map(CString::new).collect::<Result<_, _>>().map_err(|_| Errno::EINVAL)
}

fn pointers(first: *const c_char, strings: &[CString]) -> Vec<*const c_char> {
    let mut pointers = Vec::with_capacity(strings.len() + 2);
    pointers.push(first);
    pointers.extend(strings.iter().map(|string| string.as_ptr()));
    pointers.push(std::ptr::null());
    pointers
}

/// Our environment less what is hidden, with what is set.
fn environment(spawn: &Spawn<'_>) -> Vec<Vec<u8>> {
    let set = |name: &OsStr| spawn.env_set.iter().any(|(other, _)| other == name);
    let line = |name: &OsStr, value: &OsStr| [name.as_bytes(), b"=", value.as_bytes()].concat();
    let kept = std::env::vars_os().filter(|(name, _)| !(spawn.env_hidden)(name) && !set(name));
    let mut lines: Vec<Vec<u8>> = kept.map(|(name, value)| line(&name, &value)).collect();
    lines.extend(spawn.env_set.iter().map(|(name, value)| line(name, value)));
    lines
}

fn path(spawn: &Spawn<'_>) -> Option<OsString> {
    let set = spawn.env_set.iter().rev().find(|(name, _)| name == "PATH");
    match set {
        Some((_, path)) => Some(path.clone()),
        None if (spawn.env_hidden)(OsStr::new("PATH")) => None,
        None => std::env::var_os("PATH"),
    }
}

pub(super) fn has_slash(program: &OsStr) -> bool {
    program.as_encoded_bytes().contains(&b'/')
}

/// The file that was to be executed, if there is one, by the child's `PATH`.
pub(super) fn locate(spawn: &Spawn<'_>, program: &OsStr) -> Option<PathBuf> {
    let is_file = |path: &PathBuf| path.is_file();
    if has_slash(program) {
        return Some(PathBuf::from(program)).filter(is_file);
    }
    let path = path(spawn)?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(is_file)
}

/// Finds a program as a child would, started in `directory`.
///
/// # Errors
/// That it is not there or cannot be executed, with the way out.
pub fn look_up(program: &OsStr, directory: Option<&Path>) -> Result<PathBuf, String> {
    let shown = program.to_string_lossy();
    let found = if has_slash(program) {
        let path = directory.map_or_else(|| program.into(), |directory| directory.join(program));
        Some(path).filter(|path| path.exists())
    } else {
        let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
        std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
    };
    let Some(path) = found else {
        let place = if has_slash(program) { "no such file" } else { "not found in PATH" };
        return Err(format!("{shown}: {place}; name a program"));
    };
    if !path.is_file() {
        return Err(format!("{shown}: is no file; name a program"));
    }
    if nix::unistd::access(&path, nix::unistd::AccessFlags::X_OK).is_err() {
        return Err(format!("{shown}: cannot be executed; chmod +x {}", path.display()));
    }
    Ok(path)
}

/// Why a file that is there was "not found": what it asks for is not.
pub(super) fn missing_interpreter(file: &Path) -> String {
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
