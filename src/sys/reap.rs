//! Collecting the dead: every child that ended, whoever started it.

use std::io;
use std::mem::MaybeUninit;

use nix::errno::Errno;
use nix::libc;

use super::os;
use crate::core::ending::{Ending, Spent};
use crate::core::signal::Signal;

/// The most endings of one call: a fork bomb must not hold up the turn.
pub const AT_ONCE: usize = 1024;

/// A child that ended, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its process id, free for reuse from now on.
    pub pid: i32,
    /// By exit code or signal.
    pub ending: Ending,
    /// What it and the descendants that it had waited for have used.
    pub spent: Spent,
}

/// The endings of one [`reap`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// In the order the kernel gave them.
    pub ended: Vec<Ended>,
    /// There may be more; call again soon, no signal will tell.
    pub more: bool,
    /// There is no child at all, neither alive nor dead.
    pub childless: bool,
}

/// Takes the status of every child that has ended, without waiting for any.
///
/// That includes children that were adopted. Having no child is no error.
///
/// # Errors
/// Those of waitpid(2) but ECHILD and EINTR, which no kernel is known to give.
pub fn reap() -> io::Result<Reaped> {
    let mut ended = Vec::new();
    while ended.len() < AT_ONCE {
        match wait_any() {
            Ok(Some(one)) => ended.push(one),
            Ok(None) => return Ok(Reaped { ended, more: false, childless: false }),
            Err(Errno::ECHILD) => return Ok(Reaped { ended, more: false, childless: true }),
            Err(Errno::EINTR) => {}
            Err(errno) if ended.is_empty() => return Err(errno.into()),
            // What was reaped must be told; the error comes back with the next call.
            Err(_) => break,
        }
    }
    Ok(Reaped { ended, more: true, childless: false })
}

/// Not nix's `waitpid`: it takes the status of a child that a real-time signal ended, then fails.
fn wait_any() -> nix::Result<Option<Ended>> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    #[expect(unsafe_code, reason = "nix loses the endings by real-time signals")]
    // SAFETY: wait4 writes one int into `status` and one rusage into `usage`, for which all zeroes is a
    // value too, and touches nothing else of ours.
    let (pid, usage) = unsafe {
        let pid = libc::wait4(-1, &raw mut status, libc::WNOHANG, usage.as_mut_ptr());
        (pid, usage.assume_init())
    };
    match Errno::result(pid)? {
        0 => Ok(None),
        pid => Ok(Some(Ended { pid, ending: ending(status), spent: spent(&usage) })),
    }
}

fn spent(usage: &libc::rusage) -> Spent {
    let ms = |time: libc::timeval| {
        let part = |n: i128| u64::try_from(n).unwrap_or(0);
        part(i128::from(time.tv_sec) * 1000 + i128::from(time.tv_usec) / 1000)
    };
    let peak = u64::try_from(usage.ru_maxrss).unwrap_or(0);
    Spent {
        cpu_ms: ms(usage.ru_utime).saturating_add(ms(usage.ru_stime)),
        peak_rss_kib: peak.saturating_mul(os::RUSAGE_UNIT) / 1024,
    }
}

fn ending(status: i32) -> Ending {
    if libc::WIFEXITED(status) {
        return Ending::Exit { code: libc::WEXITSTATUS(status) };
    }
    // Neither WUNTRACED nor WCONTINUED was asked for, so nothing else is left.
    Ending::Signal { signal: Signal(libc::WTERMSIG(status)), core: libc::WCOREDUMP(status) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::testing::{eventually, inner, rerun, start};

    #[test]
    fn every_child_is_reaped_once_with_its_ending() {
        // A process of its own: waitpid(-1) would take the children of other tests.
        if inner().is_none() {
            return rerun("sys::reap::tests::every_child_is_reaped_once_with_its_ending", &[]);
        }
        assert_eq!(reap().unwrap(), Reaped { childless: true, ..Reaped::default() });

        let alive = start(&["sleep", "600"]);
        assert_eq!(reap().unwrap(), Reaped::default());

        let by = |signal| Ending::Signal { signal: Signal(signal), core: false };
        let mut wanted = Vec::new();
        for (script, ending) in [
            ("exit 0", Ending::Exit { code: 0 }),
            ("exit 255", Ending::Exit { code: 255 }),
            ("kill -KILL $$", by(9)),
            ("kill -TERM $$", by(15)),
        ] {
            let child = start(&["sh", "-c", script]);
            wanted.push((child.pid, ending));
        }
        let mut ended = Vec::new();
        eventually("four endings", || {
            let reaped = reap().unwrap();
            assert!(!reaped.more);
            ended.extend(reaped.ended);
            ended.len() >= wanted.len()
        });
        let mut ended: Vec<_> = ended.into_iter().map(|one: Ended| (one.pid, one.ending)).collect();
        ended.sort_by_key(|one| one.0);
        wanted.sort_by_key(|one| one.0);
        assert_eq!(ended, wanted);

        crate::sys::signals::send(alive.pid, Signal::TERM).unwrap();
        eventually("the last ending", || !reap().unwrap().ended.is_empty());
    }

    #[test]
    fn what_a_child_used_is_told() {
        if inner().is_none() {
            return rerun("sys::reap::tests::what_a_child_used_is_told", &[]);
        }
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        start(&["sh", "-c", script]);
        let mut ended = Vec::new();
        eventually("its end", || {
            ended = reap().unwrap().ended;
            !ended.is_empty()
        });
        let Spent { cpu_ms, peak_rss_kib } = ended[0].spent;
        assert!(cpu_ms > 0 && peak_rss_kib > 256, "{cpu_ms} ms, {peak_rss_kib} KiB");
    }

    #[test]
    fn a_core_dump_and_a_real_time_signal_are_told() {
        assert_eq!(ending(0x28), Ending::Signal { signal: Signal(40), core: false });
        assert_eq!(ending(0x86), Ending::Signal { signal: Signal(6), core: true });
        assert_eq!(ending(0x0b), Ending::Signal { signal: Signal(11), core: false });
    }
}
