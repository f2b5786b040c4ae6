//! What `/proc` tells of a child and its tree; the face is `sys/evidence.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;

use nix::libc;

use super::linux_tcp::{self, Socket};
use crate::core::evidence::{Evidence, Pressure, TCP_MAX};
use crate::sys::head::read_head;

/// The most processes of a tree that are counted, and the most threads that are asked for their
/// children: a fork bomb is seen well enough.
const PROCESSES_MAX: usize = 1024;

/// The most processes of the machine that are read where the kernel lists no children.
const SCAN_MAX: usize = 32 * 1024;

/// How deep launchers may be nested; `npm exec` → `sh -c` → `uv run` → `python` are four.
const LAUNCHERS_MAX: usize = 8;

/// Programs that start another and have nothing to do themselves until it ends, by the first word
/// of the name the kernel has. Some wait for signals or events meanwhile, as agents do too.
const LAUNCHERS: &str = "bash bunx bwrap cargo catatonit dash direnv doas docker-init dumb-init fish go \
    hatch just make mise nix npm npx pdm pipenv pixi pnpm poetry rye script sh su sudo timeout tini uv \
    uvx yarn";

/// See `evidence::look`.
pub fn look(pid: i32) -> Option<Evidence> {
    let units = Units { ticks: sysconf(libc::_SC_CLK_TCK), page: sysconf(libc::_SC_PAGESIZE) };
    look_in(Path::new("/proc"), pid, units)
}

/// What `/proc` counts in.
#[derive(Clone, Copy)]
struct Units {
    /// Clock ticks in a second.
    ticks: u64,
    /// Bytes in a page.
    page: u64,
}

/// A number that the system knows of itself; 1 where it does not.
pub fn sysconf(name: libc::c_int) -> u64 {
    #[expect(unsafe_code, reason = "nix has it behind a feature of its own")]
    // SAFETY: takes a number, touches no memory of ours.
    let value = unsafe { libc::sysconf(name) };
    // Both are known on every Linux; 1 keeps the division whole.
    u64::try_from(value).unwrap_or(1).max(1)
}

fn look_in(proc: &Path, pid: i32, units: Units) -> Option<Evidence> {
    let tree = Tree::read(proc, pid)?;
    let at = tree.at_work(proc);
    let wchan = wchan(proc, at.pid);
    let sockets = linux_tcp::established(&proc.join(at.pid.to_string()));
    let call = Call::read(proc, at.pid);
    let ticks: u64 = tree.processes.values().map(|process| process.ticks).sum();
    let pages: u64 = tree.processes.values().map(|process| process.pages).sum();
    let living = tree.processes.values().filter(|process| process.lives()).count();
    Some(Evidence {
        pid: at.pid,
        name: at.name.clone(),
        state: at.state,
        wchan: wchan.map(|wchan| exact(wchan, call, &sockets)),
        cpu_ms: ticks.saturating_mul(1000) / units.ticks,
        rss_kib: pages.saturating_mul(units.page) / 1024,
        processes: u32::try_from(living).unwrap_or(u32::MAX),
        tcp_count: u32::try_from(sockets.len()).unwrap_or(u32::MAX),
        tcp: remotes(&sockets, call),
        pressure: pressure(proc),
    })
}

/// The remote ends, that of the connection in use first.
fn remotes(sockets: &[Socket], call: Option<Call>) -> Vec<String> {
    let used = |socket: &&Socket| call.is_some_and(|call| call.fd == socket.fd);
    let first = sockets.iter().filter(used);
    let rest = sockets.iter().filter(|socket| !used(socket));
    first.chain(rest).take(TCP_MAX).map(|socket| socket.remote.to_string()).collect()
}

/// A process as `/proc/PID/stat` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    pid: i32,
    parent: i32,
    name: String,
    state: char,
    /// CPU time in clock ticks: its own and that of the children it waited for.
    ticks: u64,
    /// Resident pages.
    pages: u64,
}

impl Process {
    fn read(proc: &Path, pid: i32) -> Option<Self> {
        // Not as text: the name of a process may be any bytes.
        let line = read_head(&proc.join(pid.to_string()).join("stat"))?;
        Self::parse(pid, &String::from_utf8_lossy(&line))
    }

    fn parse(pid: i32, line: &str) -> Option<Self> {
        // The name may itself hold spaces and parentheses: it ends at the last one.
        let (head, tail) = line.rsplit_once(')')?;
        let (_, name) = head.split_once('(')?;
        let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
        // proc_pid_stat(5) counts from 1, and the state is field 3.
        let field = |number: usize| fields.get(number - 3);
        // The children's times are signed there, as rss is.
        let number = |at: usize| -> Option<u64> {
            Some(u64::try_from(field(at)?.parse::<i64>().ok()?).unwrap_or(0))
        };
        let ticks = [14, 15, 16, 17].into_iter().map(number).sum::<Option<u64>>()?;
        Some(Self {
            pid,
            parent: field(4)?.parse().ok()?,
            name: name.to_owned(),
            state: field(3)?.chars().next()?,
            ticks,
            pages: number(24)?,
        })
    }

    fn lives(&self) -> bool {
        !matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// Whether it has nothing to do itself while `child` lives.
    ///
    /// An agent with a single helper (a language server, a tool) must not be taken for one: what
    /// the helper does is not what keeps the agent silent.
    fn launches(&self, proc: &Path, child: &Self) -> bool {
        // Stopped, running or stuck in the kernel itself, it is the one to look at.
        if self.state != 'S' && (self.state, child.state) != ('T', 'T') {
            return false;
        }
        let program = self.name.split_ascii_whitespace().next().unwrap_or_default();
        if LAUNCHERS.split(' ').any(|launcher| launcher == program) {
            return true;
        }
        match wchan(proc, self.pid).as_deref() {
            Some("do_wait" | "kernel_wait4" | "kernel_waitid") => true,
            // A node that runs a node (`tsx`, `pnpm exec`). One with connections is at work itself.
            Some("do_epoll_wait" | "ep_poll") if self.name == child.name => {
                linux_tcp::established(&proc.join(self.pid.to_string())).is_empty()
            }
            _ => false,
        }
    }
}

/// A process and its descendants.
struct Tree {
    root: Process,
    processes: BTreeMap<i32, Process>,
}

impl Tree {
    fn read(proc: &Path, pid: i32) -> Option<Self> {
        let root = Process::read(proc, pid).filter(|_| pid > 0)?;
        let mut families = Families::new(proc, pid);
        let mut processes = BTreeMap::from([(pid, root.clone())]);
        let mut next = VecDeque::from([pid]);
        while let Some(parent) = next.pop_front() {
            for child in families.children(proc, parent) {
                if processes.len() >= PROCESSES_MAX {
                    return Some(Self { root, processes });
                }
                // Between the list and the look it may have ended, and its pid gone to another.
                let read = Process::read(proc, child).filter(|child| child.parent == parent);
                if let Some(process) = read
                    && processes.insert(child, process).is_none()
                {
                    next.push_back(child);
                }
            }
        }
        Some(Self { root, processes })
    }

    /// The process behind the launchers.
    fn at_work(&self, proc: &Path) -> &Process {
        let mut at = &self.root;
        for _ in 0..LAUNCHERS_MAX {
            let children = self.processes.values().filter(|process| process.parent == at.pid);
            let mut living = children.filter(|process| process.lives());
            match (living.next(), living.next()) {
                (Some(only), None) if at.launches(proc, only) => at = only,
                _ => break,
            }
        }
        at
    }
}

/// Who is whose child.
enum Families {
    /// The kernel lists them with each thread, which costs what the tree is large.
    Listed,
    /// It was built without that: from all processes of the machine.
    Scanned(BTreeMap<i32, Vec<i32>>),
}

impl Families {
    fn new(proc: &Path, pid: i32) -> Self {
        if proc.join(format!("{pid}/task/{pid}/children")).exists() {
            return Self::Listed;
        }
        let mut families = BTreeMap::<i32, Vec<i32>>::new();
        for pid in numbers(proc).take(SCAN_MAX) {
            if let Some(process) = Process::read(proc, pid) {
                families.entry(process.parent).or_default().push(pid);
            }
        }
        Self::Scanned(families)
    }

    fn children(&mut self, proc: &Path, pid: i32) -> Vec<i32> {
        match self {
            Self::Scanned(families) => families.remove(&pid).unwrap_or_default(),
            Self::Listed => {
                let tasks = proc.join(pid.to_string()).join("task");
                let lists = numbers(&tasks).take(PROCESSES_MAX).filter_map(|thread| {
                    String::from_utf8(read_head(&tasks.join(format!("{thread}/children")))?).ok()
                });
                let children = lists.flat_map(|list| {
                    let pids = list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok());
                    pids.collect::<Vec<i32>>()
                });
                children.take(PROCESSES_MAX).collect()
            }
        }
    }
}

/// The entries of a folder that are numbers.
fn numbers(folder: &Path) -> impl Iterator<Item = i32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn wchan(proc: &Path, pid: i32) -> Option<String> {
    let text = read_head(&proc.join(pid.to_string()).join("wchan"))?;
    let text = String::from_utf8(text).ok()?;
    let name = text.trim();
    // "0": it does not sleep, or we may not know where.
    (!matches!(name, "" | "0")).then(|| name.to_owned())
}

/// The system call a process is in.
#[derive(Clone, Copy)]
struct Call {
    number: libc::c_long,
    /// Its first argument, as the file descriptor that it may be.
    fd: u32,
}

impl Call {
    fn read(proc: &Path, pid: i32) -> Option<Self> {
        let text = read_head(&proc.join(pid.to_string()).join("syscall"))?;
        let mut words = std::str::from_utf8(&text).ok()?.split_ascii_whitespace();
        let number = words.next()?.parse().ok()?;
        let argument = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
        // A pointer is no descriptor; -1 is how "no file" is passed.
        Some(Self { number, fd: u32::try_from(argument).ok().filter(|fd| *fd < 1 << 31)? })
    }
}

/// Recent kernels have one place of waiting for TCP in both directions and for terminals: which it
/// is, the call tells. The names are those that older kernels give.
fn exact(wchan: String, call: Option<Call>, sockets: &[Socket]) -> String {
    let Some(call) = call.filter(|_| wchan == "wait_woken") else { return wchan };
    let writes = [libc::SYS_write, libc::SYS_writev, libc::SYS_sendto, libc::SYS_sendmsg];
    let reads = [libc::SYS_read, libc::SYS_readv, libc::SYS_recvfrom, libc::SYS_recvmsg];
    let on_tcp = sockets.iter().any(|socket| socket.fd == call.fd);
    if on_tcp && writes.contains(&call.number) {
        "sk_stream_wait_memory".to_owned()
    } else if on_tcp && reads.contains(&call.number) {
        "sk_wait_data".to_owned()
    } else {
        wchan
    }
}

fn pressure(proc: &Path) -> Option<Pressure> {
    let read = |what: &str| -> Option<f64> {
        let text = String::from_utf8(read_head(&proc.join("pressure").join(what))?).ok()?;
        let some = text.lines().find_map(|line| line.strip_prefix("some avg10="))?;
        let percent: f64 = some.split_ascii_whitespace().next()?.parse().ok()?;
        // "nan" would parse, and could not be written to the journal.
        (0.0..=100.0).contains(&percent).then_some(percent)
    };
    let pressure = Pressure {
        cpu_percent: read("cpu"),
        memory_percent: read("memory"),
        io_percent: read("io"),
    };
    (pressure != Pressure::default()).then_some(pressure)
}

#[cfg(test)]
mod tests;
