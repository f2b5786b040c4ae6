//! Evidence in words: what goes behind "silent for 10s; ".

use crate::core::evidence::{Evidence, Pressure};
use crate::core::fact::MemoryFact;

use super::ending::bytes_of;
use super::words::span;

/// From these shares of ten seconds on, in percent, a shortage is worth a word. Some waiting for
/// processors and disks is what a busy machine looks like; waiting for memory never is.
const SHORT_OF_MEMORY: f64 = 10.0;
const SHORT_OF_DISK: f64 = 20.0;
const SHORT_OF_CPU: f64 = 50.0;

/// Below this, seconds are easier to compare with seconds of CPU than minutes would be.
const SECONDS_BELOW_MS: u64 = 120_000;

/// What the tree of a child has, in words: `64 MiB in 2 processes, 1h after its start`.
#[must_use]
pub fn memory(fact: &MemoryFact) -> String {
    let size = bytes_of(fact.rss_kib.saturating_mul(1024));
    let processes = u64::from(fact.processes);
    let many =
        if processes == 1 { "1 process".to_owned() } else { format!("{processes} processes") };
    format!("{size} in {many}, {} after its start", span(fact.age_ms))
}

impl Evidence {
    /// What the process does, what its tree used of processors, and what the machine lacks:
    /// `blocked reading a TCP connection to 10.0.0.7:443, no CPU used`.
    ///
    /// `earlier` is `cpu_ms` of an earlier look and the milliseconds between the two; without it
    /// nothing is said of processors.
    #[must_use]
    pub fn words(&self, earlier: Option<(u64, u64)>) -> String {
        let mut text = self.doing();
        // The dead use nothing, and lack nothing.
        if is_dead(self.state) {
            return text;
        }
        if let Some((before_ms, between_ms)) = earlier {
            text.push_str(", ");
            text.push_str(&used(self.cpu_ms.saturating_sub(before_ms), between_ms));
        }
        if let Some(short) = self.pressure.as_ref().and_then(short_of) {
            text.push_str("; the machine is short of ");
            text.push_str(&short);
        }
        text
    }

    fn doing(&self) -> String {
        // "0" is how the kernel says none, and that we may not know.
        let wchan = self.wchan.as_deref().filter(|wchan| !matches!(*wchan, "" | "0"));
        match (self.state, wchan) {
            ('R', _) => "running".to_owned(),
            ('S', Some(wchan)) => self.waiting(wchan),
            ('S', None) => "waiting in the kernel (state S)".to_owned(),
            ('D', Some(wchan)) => format!("uninterruptible in the kernel (state D, {wchan})"),
            ('D', None) => "uninterruptible in the kernel (state D)".to_owned(),
            ('T', _) => "process stopped (state T)".to_owned(),
            ('t', _) => "stopped by a debugger (state t)".to_owned(),
            (state, _) if is_dead(state) => {
                "zombie (it ended and its parent does not notice)".to_owned()
            }
            (state, _) => format!("in state {state}"),
        }
    }

    fn waiting(&self, wchan: &str) -> String {
        // Compilers clone functions and mark the copies: `poll_schedule_timeout.constprop.0`.
        let function = wchan.split('.').next().unwrap_or_default();
        match function {
            "sk_wait_data" | "tcp_recvmsg" | "tcp_recvmsg_locked" => self.blocked("reading"),
            // One function for TCP and terminals; who looks tells them apart where it may.
            "wait_woken" if self.tcp_count > 0 => self.blocked("reading"),
            "wait_woken" => "blocked on a socket or a terminal".to_owned(),
            "sk_stream_wait_memory" => self.blocked("writing"),
            "do_epoll_wait" | "ep_poll" => self.events("epoll"),
            "do_poll" | "do_sys_poll" | "poll_schedule_timeout" => self.events("poll"),
            "do_select" | "core_sys_select" => self.events("select"),
            "io_cqring_wait" => self.events("io_uring"),
            _ => match plainly(function) {
                Some(text) => text.to_owned(),
                None => format!("waiting in the kernel ({wchan})"),
            },
        }
    }

    fn blocked(&self, how: &str) -> String {
        match (self.tcp.first(), self.tcp_count) {
            (Some(remote), 0 | 1) => format!("blocked {how} a TCP connection to {remote}"),
            (Some(remote), count) => {
                format!("blocked {how} one of {count} TCP connections, such as to {remote}")
            }
            (None, _) => format!("blocked {how} a TCP connection"),
        }
    }

    fn events(&self, call: &str) -> String {
        match (self.tcp.first(), self.tcp_count) {
            (Some(remote), 0 | 1) => {
                format!("waiting for events ({call}) with a TCP connection to {remote}")
            }
            (Some(_), count) => {
                let named = self.tcp.join(", ");
                format!("waiting for events ({call}) with {count} TCP connections ({named})")
            }
            (None, _) => format!("waiting for events ({call})"),
        }
    }
}

fn is_dead(state: char) -> bool {
    matches!(state, 'Z' | 'X' | 'x')
}

/// Where a process sleeps, for functions that say it all; the kernels of the last ten years.
fn plainly(function: &str) -> Option<&'static str> {
    Some(match function {
        "futex_wait_queue"
        | "futex_wait_queue_me"
        | "futex_do_wait"
        | "futex_wait"
        | "__futex_wait"
        | "futex_wait_multiple" => "waiting for a lock or another thread (futex)",
        "inet_csk_accept" | "inet_accept" | "unix_accept" | "vsock_accept" => {
            "waiting for somebody to connect (accept)"
        }
        "inet_wait_for_connect" | "inet_stream_connect" | "__inet_stream_connect" => {
            "waiting for a TCP connection to be made"
        }
        "pipe_read" | "anon_pipe_read" | "fifo_pipe_read" | "pipe_wait_readable" | "pipe_wait" => {
            "blocked reading a pipe"
        }
        "pipe_write" | "anon_pipe_write" | "fifo_pipe_write" | "pipe_wait_writable" => {
            "blocked writing to a full pipe"
        }
        "wait_for_partner" | "fifo_open" => "waiting for the other end of a named pipe",
        "unix_stream_read_generic" | "unix_stream_data_wait" => "blocked reading a local socket",
        "sock_alloc_send_pskb" | "unix_wait_for_peer" => "blocked writing to a local socket",
        "__skb_wait_for_more_packets" | "skb_wait_for_more_packets" => {
            "waiting for a datagram (UDP, netlink or local)"
        }
        "n_tty_read" => "blocked reading a terminal",
        "n_tty_write" | "tty_write" => "blocked writing to a terminal",
        "hrtimer_nanosleep" | "do_nanosleep" | "common_nsleep" => "sleeping (nanosleep)",
        "do_wait" | "kernel_wait4" | "kernel_waitid" => "waiting for a child process",
        "do_sigtimedwait" | "sigsuspend" | "__do_sys_pause" | "sys_pause" => "waiting for a signal",
        "locks_lock_inode_wait"
        | "flock_lock_inode_wait"
        | "posix_lock_inode_wait"
        | "fcntl_setlk"
        | "do_lock_file_wait" => "waiting for the lock of a file",
        "eventfd_read" => "blocked reading an eventfd",
        "timerfd_read" | "timerfd_read_iter" => "waiting for a timer",
        "inotify_read" => "waiting for a change of files (inotify)",
        "request_wait_answer" | "fuse_wait_answer" => "waiting for a FUSE file system",
        _ => return None,
    })
}

/// `no CPU used`, `4.9s CPU in 5s`.
fn used(cpu_ms: u64, between_ms: u64) -> String {
    let between = if (10_000..SECONDS_BELOW_MS).contains(&between_ms) {
        format!("{}s", between_ms / 1000)
    } else {
        span(between_ms)
    };
    match cpu_ms {
        0 => "no CPU used".to_owned(),
        // "0.0s" would read as nothing at all.
        1..100 => format!("under 0.1s CPU in {between}"),
        100..SECONDS_BELOW_MS => {
            format!("{}.{}s CPU in {between}", cpu_ms / 1000, cpu_ms / 100 % 10)
        }
        _ => format!("{} CPU in {between}", span(cpu_ms)),
    }
}

/// `memory (34 %) and CPU (80 %)`, or nothing if the machine has enough of all.
fn short_of(pressure: &Pressure) -> Option<String> {
    let lacks: Vec<String> = [
        ("memory", pressure.memory_percent, SHORT_OF_MEMORY),
        ("disk", pressure.io_percent, SHORT_OF_DISK),
        ("CPU", pressure.cpu_percent, SHORT_OF_CPU),
    ]
    .into_iter()
    .filter_map(|(what, percent, from)| {
        let percent = percent.filter(|percent| *percent >= from)?;
        Some(format!("{what} ({percent:.0} %)"))
    })
    .collect();
    let (last, rest) = lacks.split_last()?;
    Some(if rest.is_empty() { last.clone() } else { format!("{} and {last}", rest.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(state: char, wchan: &str) -> Evidence {
        Evidence {
            pid: 7,
            name: "python".into(),
            state,
            wchan: Some(wchan.to_owned()),
            cpu_ms: 10_000,
            rss_kib: 2048,
            processes: 1,
            tcp: Vec::new(),
            tcp_count: 0,
            pressure: None,
        }
    }

    fn connected(state: char, wchan: &str, tcp: &[&str], tcp_count: u32) -> Evidence {
        let tcp = tcp.iter().map(|remote| (*remote).to_owned()).collect();
        Evidence { tcp, tcp_count, ..seen(state, wchan) }
    }

    #[test]
    fn a_state_is_told_in_words() {
        for (state, wchan, words) in [
            ('R', "0", "running"),
            ('R', "", "running"),
            ('T', "do_signal_stop", "process stopped (state T)"),
            ('t', "ptrace_stop", "stopped by a debugger (state t)"),
            ('Z', "0", "zombie (it ended and its parent does not notice)"),
            ('X', "0", "zombie (it ended and its parent does not notice)"),
            ('D', "nfs_wait", "uninterruptible in the kernel (state D, nfs_wait)"),
            ('D', "0", "uninterruptible in the kernel (state D)"),
            ('S', "0", "waiting in the kernel (state S)"),
            ('S', "", "waiting in the kernel (state S)"),
            ('S', "brand_new_wait", "waiting in the kernel (brand_new_wait)"),
            ('S', "brand_new.isra.0", "waiting in the kernel (brand_new.isra.0)"),
            ('I', "0", "in state I"),
        ] {
            assert_eq!(seen(state, wchan).words(None), words);
        }
        assert_eq!(Evidence { wchan: None, ..seen('R', "") }.words(None), "running");
    }

    #[test]
    fn a_place_in_the_kernel_is_told_in_words() {
        let lock = "waiting for a lock or another thread (futex)";
        for (wchan, words) in [
            ("sk_wait_data", "blocked reading a TCP connection"),
            ("wait_woken", "blocked on a socket or a terminal"),
            ("sk_stream_wait_memory", "blocked writing a TCP connection"),
            ("inet_csk_accept", "waiting for somebody to connect (accept)"),
            ("do_epoll_wait", "waiting for events (epoll)"),
            ("ep_poll", "waiting for events (epoll)"),
            ("do_poll.constprop.0", "waiting for events (poll)"),
            ("poll_schedule_timeout.constprop.0", "waiting for events (poll)"),
            ("do_sys_poll", "waiting for events (poll)"),
            ("do_select", "waiting for events (select)"),
            ("io_cqring_wait", "waiting for events (io_uring)"),
            ("futex_wait_queue", lock),
            ("futex_wait_queue_me", lock),
            ("futex_do_wait", lock),
            ("pipe_read", "blocked reading a pipe"),
            ("anon_pipe_read", "blocked reading a pipe"),
            ("anon_pipe_write", "blocked writing to a full pipe"),
            ("wait_for_partner", "waiting for the other end of a named pipe"),
            ("hrtimer_nanosleep", "sleeping (nanosleep)"),
            ("do_wait", "waiting for a child process"),
            ("unix_stream_read_generic", "blocked reading a local socket"),
            ("sock_alloc_send_pskb", "blocked writing to a local socket"),
            ("__skb_wait_for_more_packets", "waiting for a datagram (UDP, netlink or local)"),
            ("n_tty_read", "blocked reading a terminal"),
            ("do_sigtimedwait.isra.0", "waiting for a signal"),
            ("locks_lock_inode_wait", "waiting for the lock of a file"),
        ] {
            assert_eq!(seen('S', wchan).words(None), words, "{wchan}");
        }
    }

    #[test]
    fn connections_are_named() {
        let (one, two) = (["10.0.0.7:443"], ["10.0.0.7:443", "[2001:db8::1]:8080"]);
        for (wchan, tcp, count, words) in [
            ("wait_woken", &one[..], 1, "blocked reading a TCP connection to 10.0.0.7:443"),
            (
                "sk_wait_data",
                &two[..],
                9,
                "blocked reading one of 9 TCP connections, such as to 10.0.0.7:443",
            ),
            (
                "ep_poll",
                &one[..],
                1,
                "waiting for events (epoll) with a TCP connection to 10.0.0.7:443",
            ),
            (
                "do_select",
                &two[..],
                2,
                "waiting for events (select) with 2 TCP connections (10.0.0.7:443, [2001:db8::1]:8080)",
            ),
            // What it does not wait for is not told.
            ("do_wait", &one[..], 1, "waiting for a child process"),
        ] {
            assert_eq!(connected('S', wchan, tcp, count).words(None), words);
        }
    }

    #[test]
    fn what_was_used_is_set_against_the_time_it_took() {
        for (cpu_ms, between_ms, words) in [
            (0, 5_000, "running, no CPU used"),
            (1, 5_000, "running, under 0.1s CPU in 5s"),
            (99, 500, "running, under 0.1s CPU in 0.5s"),
            (100, 60_000, "running, 0.1s CPU in 60s"),
            (4_990, 5_000, "running, 4.9s CPU in 5s"),
            (59_870, 60_400, "running, 59.8s CPU in 60s"),
            (119_999, 119_999, "running, 119.9s CPU in 119s"),
            (3_600_000, 1_800_000, "running, 1h CPU in 30m"),
            (200, 0, "running, 0.2s CPU in 0s"),
        ] {
            let evidence = Evidence { cpu_ms: 10_000 + cpu_ms, ..seen('R', "0") };
            assert_eq!(evidence.words(Some((10_000, between_ms))), words);
        }
        // A process of the tree ended and nobody waited for it: its time is gone from the sum.
        assert_eq!(seen('R', "0").words(Some((99_999, 5_000))), "running, no CPU used");
    }

    #[test]
    fn the_sentences_of_the_contract() {
        let earlier = |evidence: &Evidence, used, between| {
            evidence.words(Some((evidence.cpu_ms - used, between)))
        };
        let blocked = connected('S', "wait_woken", &["10.0.0.7:443"], 1);
        for (evidence, used, between, words) in [
            (seen('T', "0"), 0, 5_000, "process stopped (state T), no CPU used"),
            (blocked, 0, 5_000, "blocked reading a TCP connection to 10.0.0.7:443, no CPU used"),
            (seen('R', "0"), 4_900, 5_000, "running, 4.9s CPU in 5s"),
            (
                seen('S', "futex_wait_queue"),
                100,
                60_000,
                "waiting for a lock or another thread (futex), 0.1s CPU in 60s",
            ),
            (
                seen('D', "nfs_wait"),
                0,
                5_000,
                "uninterruptible in the kernel (state D, nfs_wait), no CPU used",
            ),
            (seen('Z', "0"), 0, 5_000, "zombie (it ended and its parent does not notice)"),
        ] {
            assert_eq!(earlier(&evidence, used, between), words);
        }
    }

    #[test]
    fn a_machine_that_is_short_of_something_is_named() {
        for (memory, io, cpu, words) in [
            (9.9, 19.9, 49.9, "running"),
            (34.2, 0.0, 0.0, "running; the machine is short of memory (34 %)"),
            (10.0, 20.0, 0.0, "running; the machine is short of memory (10 %) and disk (20 %)"),
            (0.0, 0.0, 50.0, "running; the machine is short of CPU (50 %)"),
            (
                99.6,
                25.0,
                80.4,
                "running; the machine is short of memory (100 %), disk (25 %) and CPU (80 %)",
            ),
        ] {
            let pressure = Some(Pressure {
                cpu_percent: Some(cpu),
                memory_percent: Some(memory),
                io_percent: Some(io),
            });
            assert_eq!(Evidence { pressure, ..seen('R', "0") }.words(None), words);
            let dead = Evidence { pressure, ..seen('Z', "0") };
            assert_eq!(dead.words(None), seen('Z', "0").words(None));
        }
        let unknown = Evidence { pressure: Some(Pressure::default()), ..seen('R', "0") };
        assert_eq!(unknown.words(Some((9_000, 5_000))), "running, 1.0s CPU in 5s");
    }
}
