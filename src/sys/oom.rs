//! Kills by the kernel's memory killer, told from other SIGKILLs by the kernel's own counts.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use nix::libc;

use super::head::read_head;
use crate::core::oom::{OomKill, Scope};

/// The most of the kernel's log that is read; its buffer is rarely larger than 1 MiB.
const LOG_MAX: usize = 4 << 20;

/// The most records of it: they are read one by one, and a test's file might never end.
const RECORDS_MAX: usize = 1 << 16;

/// How far up a cgroup is followed for limits; the kernel allows deeper ones, nobody has them.
const DEPTH_MAX: usize = 32;

/// A cgroup of version 1 without a limit has the largest number of pages; more than an exbibyte
/// is nobody's limit.
const UNLIMITED_FROM: u64 = 1 << 60;

/// Watches the kernel's counts of processes that it killed for want of memory.
///
/// On systems other than Linux there are no such counts, and nothing is ever seen.
#[derive(Debug)]
pub struct OomWatch {
    roots: Roots,
    group: Option<Group>,
    /// The count of our cgroup at the last look.
    here: Option<u64>,
    /// The count of the machine at the last look.
    anywhere: Option<u64>,
    /// The record of the kernel's log that told of the last victim.
    told: Option<u64>,
}

impl OomWatch {
    /// Takes the counts as they are now. Reads three small files.
    pub fn begin() -> Self {
        Self::begin_in(Roots {
            proc: "/proc".into(),
            cgroup: "/sys/fs/cgroup".into(),
            log: "/dev/kmsg".into(),
        })
    }

    fn begin_in(roots: Roots) -> Self {
        let group = Group::find(&roots);
        let here = group.as_ref().and_then(Group::kills);
        let anywhere = roots.kills();
        Self { roots, group, here, anywhere, told: None }
    }

    /// The kills since the last call, or since the watch began.
    ///
    /// The kernel counts before it kills: a child that was reaped with SIGKILL is already counted.
    /// Where our cgroup's count can be read and stood still, the victim was not one of ours unless
    /// it has a cgroup of its own; [`Scope`] tells. `None` also where nothing can be read.
    pub fn since(&mut self) -> Option<OomKill> {
        let here = rise(&mut self.here, self.group.as_ref().and_then(Group::kills));
        // Both move on, or the same kill would be told twice.
        let anywhere = rise(&mut self.anywhere, self.roots.kills());
        let (scope, count) = match (here, anywhere) {
            (0, 0) => return None,
            (0, count) => (Scope::Machine, count),
            (count, _) => (Scope::Cgroup, count),
        };
        let group = self.group.as_ref().filter(|_| scope == Scope::Cgroup);
        Some(OomKill {
            scope,
            count,
            limit_bytes: group.and_then(Group::limit),
            victim: self.victim(),
        })
    }

    /// The newest victim that the kernel's log tells of, unless it is the one of the last time.
    fn victim(&mut self) -> Option<(i32, String)> {
        let newest = newest_victim(&self.roots.log)?;
        if self.told.replace(newest.record) == Some(newest.record) {
            return None;
        }
        Some((newest.pid, newest.name))
    }
}

/// By how much a count rose. One that went away keeps its old value, in case it comes back.
fn rise(before: &mut Option<u64>, now: Option<u64>) -> u64 {
    let rise = match (*before, now) {
        (Some(before), Some(now)) => now.saturating_sub(before),
        _ => 0,
    };
    *before = now.or(*before);
    rise
}

/// Where the kernel shows its things.
#[derive(Debug)]
struct Roots {
    proc: PathBuf,
    cgroup: PathBuf,
    log: PathBuf,
}

impl Roots {
    /// All kills of the machine since it booted.
    fn kills(&self) -> Option<u64> {
        field(&self.proc.join("vmstat"), "oom_kill")
    }
}

/// Our memory cgroup.
#[derive(Debug)]
struct Group {
    /// Its folder, and the mount that it is below.
    folder: PathBuf,
    mount: PathBuf,
    version: Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Version {
    const fn counts(self) -> &'static str {
        match self {
            Self::One => "memory.oom_control",
            Self::Two => "memory.events",
        }
    }

    const fn limit(self) -> &'static str {
        match self {
            Self::One => "memory.limit_in_bytes",
            Self::Two => "memory.max",
        }
    }
}

impl Group {
    fn find(roots: &Roots) -> Option<Self> {
        let text = read_head(&roots.proc.join("self/cgroup"))?;
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            Some((parts.next()?, parts.next()?, parts.next()?))
        });
        let mut second = None;
        for (number, controllers, path) in lines {
            if controllers.split(',').any(|controller| controller == "memory") {
                // Mounted by its own name, or with its fellows and a link by its own name.
                let mounts = ["memory", controllers].map(|mount| roots.cgroup.join(mount));
                if let Some(group) = Self::below(&mounts, path, Version::One) {
                    return Some(group);
                }
            } else if number == "0" && controllers.is_empty() {
                second = Some(path);
            }
        }
        // Beside version 1, version 2 is mounted one deeper; its memory controller may be in use.
        let mounts = [roots.cgroup.clone(), roots.cgroup.join("unified")];
        Self::below(&mounts, second?, Version::Two)
    }

    /// The folder of `path` below the first of `mounts` that has one with counts.
    ///
    /// The memory of a cgroup without counts is charged to the next above it that has them. A
    /// container may show us a path that is not that of its mount: the mount is then our own group.
    fn below(mounts: &[PathBuf], path: &str, version: Version) -> Option<Self> {
        let path = Path::new(path.trim_start_matches('/'));
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        mounts.iter().find_map(|mount| {
            let start = if plain { mount.join(path) } else { mount.clone() };
            let start = if start.is_dir() { start } else { mount.clone() };
            let mut folders = upwards(&start, mount);
            let folder = folders.find(|folder| folder.join(version.counts()).is_file())?;
            Some(Self { folder: folder.to_owned(), mount: mount.clone(), version })
        })
    }

    fn kills(&self) -> Option<u64> {
        field(&self.folder.join(self.version.counts()), "oom_kill")
    }

    fn limit(&self) -> Option<u64> {
        let limits = upwards(&self.folder, &self.mount).filter_map(|folder| {
            let text = String::from_utf8(read_head(&folder.join(self.version.limit()))?).ok()?;
            text.trim().parse().ok()
        });
        limits.filter(|limit| *limit < UNLIMITED_FROM).min()
    }
}

/// A folder and those above it, up to the mount.
fn upwards<'a>(folder: &'a Path, mount: &'a Path) -> impl Iterator<Item = &'a Path> {
    folder.ancestors().take_while(move |folder| folder.starts_with(mount)).take(DEPTH_MAX)
}

/// The number behind `name ` in a file of such lines.
fn field(path: &Path, name: &str) -> Option<u64> {
    let text = String::from_utf8(read_head(path)?).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(key, _)| *key == name)?.1.trim().parse().ok()
}

/// What a record of the kernel's log tells.
struct Victim {
    record: u64,
    pid: i32,
    name: String,
}

impl Victim {
    /// `3,1042,987654321,-;Memory cgroup out of memory: Killed process 4711 (python3) total-vm:…`
    fn parse(line: &str) -> Option<Self> {
        let (head, message) = line.split_once(';')?;
        let record = head.split(',').nth(1)?.parse().ok()?;
        let (_, killed) = message.split_once("Killed process ")?;
        let (pid, rest) = killed.split_once(" (")?;
        // The name may hold parentheses itself; what follows it never does at its beginning.
        let name = rest.split_once(") total-vm").or_else(|| rest.rsplit_once(')'))?.0;
        Some(Self { record, pid: pid.parse().ok()?, name: name.to_owned() })
    }
}

/// `None` also if the log may not be read, as is usual in containers and for ordinary users.
fn newest_victim(log: &Path) -> Option<Victim> {
    let mut options = OpenOptions::new();
    let mut log = options.read(true).custom_flags(libc::O_NONBLOCK).open(log).ok()?;
    // A record is refused if it does not fit; the longest has 8 KiB.
    let (mut text, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    for _ in 0..RECORDS_MAX {
        match log.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => text.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            // Overtaken by new records: the next read goes on with the oldest that is left.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
        if LOG_MAX <= text.len() {
            break;
        }
    }
    String::from_utf8_lossy(&text).lines().rev().find_map(Victim::parse)
}

#[cfg(test)]
mod tests;
