//! The processes of an incarnation: which they are, and a signal that reaches no one else.
//!
//! They are found by ancestry (agentwatch is a subreaper or PID 1, so orphans stay below it), by the
//! process group and session of the child, and by a mark in their environment (SPEC §10, the tree).

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::os;
use super::signals::{Sent, probe_group};
use crate::core::signal::Signal;

/// When a process started, in clock ticks since boot: with the pid, its identity until a reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StartTime(pub u64);

/// A process, as it was when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its process id.
    pub pid: i32,
    /// Its parent, or whoever adopted it.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// When it started.
    pub start: StartTime,
    /// Its name as the kernel has it, cut at 15 bytes.
    pub comm: String,
    /// It is dead and only waits for its parent to notice.
    pub zombie: bool,
    /// Memory of it that is resident.
    pub rss_kib: u64,
}

/// What the processes of an incarnation are known by.
#[derive(Clone, Copy, Debug)]
pub struct Kin<'a> {
    /// The child, if it is known.
    pub child: Option<i32>,
    /// When the child started.
    pub start: Option<StartTime>,
    /// The child led a process group of its own.
    pub led_group: bool,
    /// This process started it; else an earlier agentwatch did.
    pub ours: bool,
    /// Children that this process did not start, but was given at its start.
    pub inherited: &'a [(i32, StartTime)],
    /// We are the init of a container or machine: strangers are re-parented to us too.
    pub init: bool,
}

/// Whether any process of the group is left, zombies included: reap first.
///
/// A process that may not be signalled counts as alive. 1 and less name no group and are not alive.
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

/// Whether processes other than our own children can be seen on this system, and orphaned descendants
/// come to us: then no child is proof of an empty tree.
pub const SEES_ALL: bool = os::SEES_ALL;

/// The processes of an incarnation that are alive, in no order. `marked` says whether an environment
/// variable (`NAME=value`) is the mark of it. Reads all of /proc, so only when something may be left.
///
/// Empty on systems other than Linux.
///
/// # Errors
/// No descriptor or memory left to look with: then nobody knows what is there.
pub fn members(kin: &Kin<'_>, marked: &dyn Fn(&[u8]) -> bool) -> io::Result<Vec<Process>> {
    let all = os::processes()?;
    let blind = Cell::new(None);
    let bears = |pid| match bears(pid, marked) {
        Ok(bears) => bears,
        Err(error) => {
            blind.set(Some(error));
            false
        }
    };
    let found = select(&all, super::host::pid(), kin, &bears);
    if let Some(error) = blind.take() {
        return Err(error);
    }
    let mut left = all;
    left.retain(|process| !process.zombie && found.contains(&process.pid));
    Ok(left)
}

/// The children that this process has: before the first start, those that it was given.
pub fn own_children() -> Vec<(i32, StartTime)> {
    let me = super::host::pid();
    let all = os::processes().unwrap_or_default().into_iter();
    let children = all.filter(|process| process.parent == me);
    children.map(|process| (process.pid, process.start)).collect()
}

/// Sends a signal to exactly this process: not to one that was given its pid since.
///
/// # Errors
/// EPERM: it is another user's.
pub fn signal(process: &Process, signal: Signal) -> io::Result<Sent> {
    if process.pid <= 1 {
        return Ok(Sent::NoSuchProcess);
    }
    os::signal(process.pid, process.start, signal)
}

/// Whether a process is in another group than it was seen in: then no signal to that one reached it.
pub fn has_moved(process: &Process) -> bool {
    let now = nix::unistd::getpgid(Some(Pid::from_raw(process.pid)));
    now.is_ok_and(|group| group.as_raw() != process.group)
}

/// The arguments of a process, each ended by a NUL; empty if they may not be read.
pub fn command_line(pid: i32) -> Vec<u8> {
    os::command_line(pid).unwrap_or_default()
}

/// Whether a process bears a mark in the environment it was started with; false if it may not be read.
fn bears(pid: i32, marked: &dyn Fn(&[u8]) -> bool) -> io::Result<bool> {
    match os::environment(pid) {
        Ok(environment) => Ok(environment.split(|byte| *byte == 0).any(marked)),
        Err(error) if os::lacks_means(&error) => Err(error),
        Err(_) => Ok(false),
    }
}

/// Makes orphaned descendants children of agentwatch, so that they can be seen and reaped.
///
/// Returns whether it is so: Linux only.
pub fn become_subreaper() -> bool {
    os::become_subreaper()
}

/// Which of `all` belong to the incarnation. Pure, so that every case can be tried.
fn select(all: &[Process], me: i32, kin: &Kin<'_>, bears: &dyn Fn(i32) -> bool) -> BTreeSet<i32> {
    let family = Family::new(all);
    if !kin.ours {
        // It may be that we were started from within that very tree.
        let spared = family.ancestors(me);
        let seeds = all.iter().filter(|process| {
            !spared.contains(&process.pid) && (of_recorded(all, process, kin) || bears(process.pid))
        });
        let mut found = family.descendants(seeds.map(|process| process.pid));
        found.retain(|pid| !spared.contains(pid));
        return found;
    }
    let given = kin.inherited.iter().filter(|(pid, start)| {
        all.iter().any(|process| process.pid == *pid && process.start == *start)
    });
    let strangers = family.descendants(given.map(|(pid, _)| *pid));
    let mut below = family.descendants(std::iter::once(me));
    below.retain(|pid| *pid != me && !strangers.contains(pid));
    if !kin.init && kin.inherited.is_empty() {
        // Nobody but what we started can have descendants that come to us.
        return below;
    }
    // What was re-parented to us may be a stranger's: it must show whose it is.
    let seeds = all.iter().filter(|process| {
        let of_child = |id| kin.child == Some(id);
        below.contains(&process.pid)
            && (of_child(process.pid)
                || kin.led_group && of_child(process.group)
                || of_child(process.session)
                || bears(process.pid))
    });
    let mut found = family.descendants(seeds.map(|process| process.pid));
    found.retain(|pid| below.contains(pid));
    found
}

/// Whether a process is in the recorded group or session, which must still be that of the child: its
/// number may have been given away since, but not as long as its leader lives.
fn of_recorded(all: &[Process], process: &Process, kin: &Kin<'_>) -> bool {
    let (Some(child), Some(start)) = (kin.child, kin.start) else { return false };
    let leader_lives = all.iter().any(|other| other.pid == child && other.start == start);
    let in_group = kin.led_group && process.group == child;
    leader_lives && (process.pid == child || in_group || process.session == child)
}

/// Who descends from whom.
struct Family {
    children: BTreeMap<i32, Vec<i32>>,
    parents: BTreeMap<i32, i32>,
}

impl Family {
    fn new(all: &[Process]) -> Self {
        let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for process in all {
            children.entry(process.parent).or_default().push(process.pid);
        }
        let parents = all.iter().map(|process| (process.pid, process.parent)).collect();
        Self { children, parents }
    }

    /// With the roots themselves. Ends: a pid is added once.
    fn descendants(&self, roots: impl Iterator<Item = i32>) -> BTreeSet<i32> {
        let mut found = BTreeSet::new();
        let mut open: Vec<i32> = roots.collect();
        while let Some(pid) = open.pop() {
            if found.insert(pid) {
                open.extend(self.children.get(&pid).into_iter().flatten());
            }
        }
        found
    }

    /// With `pid` itself. Ends: a pid is added once.
    fn ancestors(&self, pid: i32) -> BTreeSet<i32> {
        let mut found = BTreeSet::new();
        let mut next = Some(pid);
        while let Some(pid) = next.filter(|pid| found.insert(*pid)) {
            next = self.parents.get(&pid).copied();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::signals::send_group;
    use crate::sys::testing::{eventually, start, wait_for};

    /// agentwatch in these tables.
    const ME: i32 = 10;

    fn process(pid: i32, parent: i32, group: i32, session: i32) -> Process {
        let start = StartTime(u64::try_from(pid).unwrap());
        Process { pid, parent, group, session, start, comm: "x".into(), zombie: false, rss_kib: 0 }
    }

    fn kin(child: i32) -> Kin<'static> {
        Kin {
            child: Some(child),
            start: Some(StartTime(u64::try_from(child).unwrap())),
            led_group: true,
            ours: true,
            inherited: &[],
            init: false,
        }
    }

    fn found(all: &[Process], kin: &Kin<'_>, marked: &[i32]) -> Vec<i32> {
        select(all, ME, kin, &|pid| marked.contains(&pid)).into_iter().collect()
    }

    /// A child 20 with: a tool in a session of its own 21 and its child 22, an orphan 23 that came to
    /// us; a stranger 90 beside us.
    fn tree() -> Vec<Process> {
        vec![
            process(1, 0, 1, 1),
            process(ME, 1, 10, 5),
            process(20, ME, 20, 5),
            process(21, 20, 21, 21),
            process(22, 21, 21, 21),
            process(23, ME, 23, 23),
            process(90, 1, 90, 90),
        ]
    }

    #[test]
    fn whatever_descends_from_us_is_of_the_child() {
        assert_eq!(found(&tree(), &kin(20), &[]), [20, 21, 22, 23]);
    }

    #[test]
    fn what_we_were_given_at_start_is_spared_and_so_are_its_orphans() {
        let mut all = tree();
        // A background job 30 of the shell that became agentwatch, its child 31; an orphan of it: 32.
        all.extend([process(30, ME, 30, 5), process(31, 30, 30, 5), process(32, ME, 30, 5)]);
        let inherited = [(30, StartTime(30))];
        let kin = Kin { inherited: &inherited, ..kin(20) };
        assert_eq!(found(&all, &kin, &[]), [20, 21, 22], "23 cannot show whose it is");
        assert_eq!(found(&all, &kin, &[23]), [20, 21, 22, 23]);
        // The number was given away: that is no job of the shell any more.
        let reused = [(30, StartTime(7))];
        let kin = Kin { inherited: &reused, ..kin };
        assert_eq!(found(&all, &kin, &[30]), [20, 21, 22, 30, 31]);
    }

    #[test]
    fn an_init_spares_what_bears_no_mark() {
        let mut all = tree();
        all.retain(|process| process.pid != 20);
        let kin = Kin { init: true, ..kin(20) };
        // 24 was left in the group of the dead child, 25 in its session.
        all.extend([process(24, ME, 20, 5), process(25, ME, 25, 20)]);
        all.retain(|process| process.pid != 21);
        let all: Vec<Process> = all
            .into_iter()
            .map(
                |process| {
                    if process.pid == 22 { Process { parent: ME, ..process } } else { process }
                },
            )
            .collect();
        assert_eq!(found(&all, &kin, &[22]), [22, 24, 25], "23 may be somebody's `docker exec`");
    }

    #[test]
    fn of_an_earlier_life_only_what_is_proven_is_ended() {
        let mut all = tree();
        all.retain(|process| process.pid != 20);
        for process in &mut all {
            if [21, 23].contains(&process.pid) {
                process.parent = 1;
            }
        }
        let earlier = Kin { ours: false, ..kin(20) };
        assert_eq!(found(&all, &earlier, &[]), [0; 0]);
        assert_eq!(found(&all, &earlier, &[21]), [21, 22], "descendants need no mark");
        // Its leader lives, so its number is still its own.
        all.extend([process(20, 1, 20, 5), process(26, 1, 20, 5)]);
        assert_eq!(found(&all, &earlier, &[]), [20, 26]);
        let reused = Kin { start: Some(StartTime(3)), ..earlier };
        assert_eq!(found(&all, &reused, &[]), [0; 0], "the number was given away");
    }

    #[test]
    fn started_from_within_the_old_tree_we_do_not_end_ourselves() {
        let mut all = tree();
        // 40 is a child of the old incarnation that started us.
        all.extend([process(40, 1, 40, 40), process(41, 40, 40, 40)]);
        all[1].parent = 40;
        let earlier = Kin { ours: false, ..kin(20) };
        assert_eq!(found(&all, &earlier, &[ME, 40, 41]), [20, 21, 22, 41]);
    }

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
            let mut left = os::processes().unwrap();
            left.retain(|process| process.group == group);
            !group_alive(group) || (!left.is_empty() && left.iter().all(|one| one.zombie))
        });
    }

    #[test]
    fn what_names_no_group_is_not_alive() {
        for pgid in [1, 0, -1, i32::MIN, i32::MAX] {
            assert!(!group_alive(pgid), "{pgid}");
        }
    }
}
