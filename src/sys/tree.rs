//! The processes of an incarnation: whether any is left, which, and whether it is the same one.

use nix::errno::Errno;

use super::os;
use super::signals::{Sent, probe_group};

/// When a process started, in clock ticks since boot: with the pid, its identity until a reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StartTime(pub u64);

/// A process of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its process id.
    pub pid: i32,
    /// Its name as the kernel has it, cut at 15 bytes.
    pub comm: String,
    /// When it started.
    pub start: StartTime,
    /// It is dead and only waits for its parent to notice.
    pub zombie: bool,
}

/// Whether any process of the group is left, zombies included: reap first.
///
/// A process that may not be signalled counts as alive. 1 and less name no group and are not alive.
/// A zombie whose parent is alive outside the group counts too; [`group_members`] tells.
pub fn group_alive(pgid: i32) -> bool {
    match probe_group(pgid) {
        Ok(Sent::Delivered) => true,
        Ok(Sent::NoSuchProcess) => false,
        Err(error) => error.raw_os_error() == Some(Errno::EPERM as i32),
    }
}

/// When the process with this pid started, so that a pid that was reused is never signalled.
///
/// `None` when there is no such process, and always on systems other than Linux: there a recorded
/// pid of an earlier run cannot be told from a stranger's and must not be signalled.
pub fn identity(pid: i32) -> Option<StartTime> {
    os::identity(pid)
}

/// The processes of a group, at most 1024, in no order.
///
/// Reads the whole of /proc, so only when something is left. Empty on systems other than Linux.
pub fn group_members(pgid: i32) -> Vec<Member> {
    os::group_members(pgid)
}

/// Whether [`group_members`] and [`bears`] see anything on this system.
pub const SEES_MEMBERS: bool = os::SEES_MEMBERS;

/// Whether the environment that a process was started with holds all of `variables` (`NAME=value`).
///
/// False if it may not be read, and always on systems other than Linux.
pub fn bears(pid: i32, variables: &[Vec<u8>]) -> bool {
    os::environment(pid).is_some_and(|environment| {
        let held: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
        variables.iter().all(|variable| held.contains(&variable.as_slice()))
    })
}

/// Makes orphaned descendants children of agentwatch, so that they can be seen and reaped.
///
/// Returns whether it is so: Linux only.
pub fn become_subreaper() -> bool {
    os::become_subreaper()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::signal::Signal;
    use crate::sys::signals::send_group;
    use crate::sys::testing::{eventually, start, wait_for};

    #[test]
    fn a_group_outlives_its_leader_until_the_last_member_ends() {
        // The shell leaves a member behind that shares nothing but the group.
        let child = start(&["sh", "-c", "sleep 600 >&- 2>&- & exit 0"]);
        let group = child.pid;
        assert!(group_alive(group));
        wait_for(group);
        assert!(group_alive(group));
        assert_eq!(send_group(group, Signal::KILL).unwrap(), Sent::Delivered);
        // Reaped by whoever adopted it; where nobody does, a zombie stays.
        eventually("the end of the group", || {
            let members = group_members(group);
            !group_alive(group) || (!members.is_empty() && members.iter().all(|m| m.zombie))
        });
    }

    #[test]
    fn what_names_no_group_is_not_alive() {
        for pgid in [1, 0, -1, i32::MIN, i32::MAX] {
            assert!(!group_alive(pgid), "{pgid}");
        }
    }
}
