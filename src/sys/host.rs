//! Who and where we are: machine, boot, user, process, terminal.

use std::ffi::CStr;
use std::path::PathBuf;

use nix::libc;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::unistd::{getpid, getuid};

use super::os;

/// What tells this boot of the machine from any other, so that a recorded pid is not looked for
/// after a reboot. Linux: the kernel's random id; macOS: the second of the boot, which an adjusted
/// clock may move.
pub fn boot_id() -> Option<String> {
    os::boot_id()
}

/// The real user id.
pub fn uid() -> u32 {
    getuid().as_raw()
}

/// Whose a process is, by its effective user; `None` if it is gone or nothing tells (not Linux).
pub fn owner(pid: i32) -> Option<u32> {
    os::owner(pid)
}

/// Whether this is macOS, whose customary folders and signal numbers differ.
pub const IS_MACOS: bool = os::IS_MACOS;

/// Our home: `$HOME`, or what the user database says.
pub fn home() -> Option<PathBuf> {
    let set = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    set.or_else(|| nix::unistd::User::from_uid(getuid()).ok().flatten().map(|user| user.dir))
}

/// The name of our user, as the user database has it.
pub fn user_name() -> Option<String> {
    nix::unistd::User::from_uid(getuid()).ok().flatten().map(|user| user.name)
}

/// How many descriptors this process may have, if that is limited.
pub fn descriptors_max() -> Option<u64> {
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    (soft != RLIM_INFINITY).then_some(soft)
}

/// The program that runs, to be started once more: where the system allows it the very same file, also when
/// another was installed in its place meanwhile.
pub fn own_program() -> std::ffi::OsString {
    os::OWN_PROGRAM.map_or_else(
        || std::env::current_exe().map_or_else(|_| "agentwatch".into(), PathBuf::into_os_string),
        Into::into,
    )
}

/// Lets everybody else go first: what this process does can wait.
pub fn be_nice() {
    /// As much as `nice` itself takes by default.
    const NICE: i32 = 10;
    #[expect(unsafe_code, reason = "nix has no wrapper for nice")]
    // SAFETY: it takes a number and touches no memory; that it failed changes nothing.
    let _ = unsafe { libc::nice(NICE) };
}

/// Our process id.
pub fn pid() -> i32 {
    getpid().as_raw()
}

/// Whether a process was stopped by a signal (state `T`), as far as the system tells: Linux only.
#[must_use]
pub fn is_stopped(pid: i32) -> bool {
    os::is_stopped(pid)
}

/// Whether the program that a process runs was replaced or removed since it began, as an upgrade does it; as far
/// as the system tells: Linux only.
#[must_use]
pub fn runs_what_is_gone(pid: i32) -> bool {
    os::runs_what_is_gone(pid)
}

/// Lets go of the code that only the start needed, most of the memory of this process: two hundred agents
/// share it anyway, but one alone is charged for all of it. Linux only.
pub fn give_back_code() {
    os::give_back_code();
}

/// Lets go of memory that was used once and freed: the C library keeps it for the next who needs as much, and
/// there is none. Linux with glibc only; others give back what is large by themselves.
pub fn give_back_heap() {
    os::give_back_heap();
}

/// A random number: two runs never have the same.
pub fn random() -> u64 {
    // What keeps the standard library's maps from being predictable comes from the kernel.
    std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), pid())
}

/// Whether somebody keeps the clock of this machine right; `None` where the system does not say.
pub fn clock_is_kept() -> Option<bool> {
    os::clock_is_kept()
}

/// Whether we are the init of a container or machine.
pub fn is_pid1() -> bool {
    pid() == 1
}

/// The name of the machine, as `gethostname` has it; `None` if it has none.
pub fn hostname() -> Option<String> {
    // POSIX names are at most 255 bytes; the last byte stays NUL, since a cut name may have none.
    let mut name = [0_u8; 257];
    #[expect(unsafe_code, reason = "nix has it behind a feature of its own")]
    // SAFETY: the kernel writes at most one byte less than the buffer holds.
    let result = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let name = CStr::from_bytes_until_nul(&name).ok().filter(|_| result == 0)?;
    Some(name.to_string_lossy().into_owned()).filter(|name| !name.is_empty())
}

/// Lets this process, and what it starts, have no more data than this: who talks to strangers may be told
/// more than there is memory for. What the system does not limit stays as it is.
pub fn limit_data(bytes: u64) {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_DATA) {
        let _ = setrlimit(Resource::RLIMIT_DATA, bytes.min(hard), hard);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_known_and_stays_the_same() {
        assert_eq!(u32::try_from(pid()).unwrap(), std::process::id());
        assert_eq!(boot_id(), boot_id());
        assert!(boot_id().is_some_and(|id| !id.contains('\n')));
        assert!(hostname().is_some_and(|name| !name.contains('\0')));
    }

    #[test]
    fn a_session_of_its_own_has_no_terminal() {
        if crate::sys::testing::inner().is_none() {
            return crate::sys::testing::rerun(
                "sys::host::tests::a_session_of_its_own_has_no_terminal",
                &[],
            );
        }
        nix::unistd::setsid().unwrap();
        assert!(crate::sys::tty::Terminal::open().is_none());
    }
}
