//! The roads for beats beside stdout: a FIFO and a notify socket for each incarnation (SPEC §3, §10).
//!
//! What is read in one turn is bounded, so that a flood postpones neither a signal nor a stop; before
//! silence is judged all that was readable is read, as far as the kernel's own buffers go.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use crate::core::beat::Beat;
use crate::core::event::Event;
use crate::core::notice::Road;
use crate::sys::datagram::{Datagrams, Received, Sender};
use crate::sys::fifo::Fifo;
use crate::sys::pending::{self, ReadResult};
use crate::sys::socket::short_name;
use crate::sys::{host, runtime};
use crate::wire::beat::{self, Parsed};
use crate::wire::notify::{self, DATAGRAM_MAX};
use crate::wire::pipe::Cutter;

use super::Shell;
use super::child::READ_MAX;

/// The most that is read of the FIFO in one turn, in bytes: two pipes full, some milliseconds of work.
const TURN_BYTES: usize = 2 * READ_MAX;

/// The same before silence is judged: the largest pipe that a child may make of it.
const TURN_BYTES_DUE: usize = 1024 * 1024;

/// The most datagrams that are read in one turn.
const TURN_DATAGRAMS: usize = 128;

/// The same before silence is judged: more than kernels keep for a socket (`net.unix.max_dgram_qlen`).
const TURN_DATAGRAMS_DUE: usize = 1024;

/// The roads of one incarnation; they are gone with its tree.
#[derive(Debug)]
pub struct Roads {
    /// Of which incarnation.
    pub incarnation: u32,
    fifo: Option<Fifo>,
    cutter: Cutter,
    notify: Option<Datagrams>,
}

impl Roads {
    /// What to poll for reading.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.fifo_fd().into_iter().chain(self.notify_fd())
    }

    fn fifo_fd(&self) -> Option<BorrowedFd<'_>> {
        self.fifo.as_ref().map(Fifo::fd)
    }

    fn notify_fd(&self) -> Option<BorrowedFd<'_>> {
        self.notify.as_ref().map(Datagrams::fd)
    }

    /// Reads lines of the FIFO, at most `most` bytes.
    fn read_fifo(&mut self, buffer: &mut Vec<u8>, most: usize, on: &mut impl FnMut(Event)) {
        let Some(fifo) = &self.fifo else { return };
        let incarnation = self.incarnation;
        let mut left = most;
        while left > 0 {
            let ReadResult::Data(n) = pending::read(fifo.fd(), buffer) else { return };
            self.cutter.feed(&buffer[..n], &mut |line| {
                let parsed = line.map_or_else(beat::too_long_for_any, beat::parse_any);
                match parsed {
                    Parsed::Beat(beat) => on(Event::Beat { incarnation, beat }),
                    Parsed::Bad(reason) => {
                        let reason = format!("$AGENTWATCH_PIPE: {reason}");
                        on(Event::BadBeat { incarnation, reason });
                    }
                    Parsed::Stranger => {}
                }
            });
            if n < buffer.len() {
                return;
            }
            // Few agents ever say so much at once; who does has room for it from now on.
            buffer.resize(READ_MAX, 0);
            left = left.saturating_sub(n);
        }
    }

    /// Reads datagrams, at most `most`; `child` is who may send them besides us and root.
    fn read_notify(
        &mut self,
        buffer: &mut [u8],
        most: usize,
        child: Option<i32>,
        on: &mut impl FnMut(Event),
    ) {
        let Some(socket) = &self.notify else { return };
        let incarnation = self.incarnation;
        let room = buffer.len().min(DATAGRAM_MAX);
        for _ in 0..most {
            let Received::Data { length, cut, sender } = socket.receive(&mut buffer[..room]) else {
                return;
            };
            let refused = match sender {
                Sender::User(uid) if may_tell(uid, child) => None,
                Sender::User(uid) => Some(notify::refused(Some(uid))),
                Sender::Unknown => Some(notify::refused(None)),
                Sender::Untold => None,
            };
            if let Some(reason) = refused.or_else(|| cut.then(|| notify::TOO_LONG.to_owned())) {
                on(Event::BadBeat { incarnation, reason });
                continue;
            }
            let told = notify::parse(&buffer[..length]);
            if let Some(beat) = told.beat {
                on(Event::Beat { incarnation, beat });
            }
            for notice in [told.word, told.extend, told.trigger].into_iter().flatten() {
                on(Event::Notice { incarnation, notice });
            }
            if let Some(reason) = told.bad {
                let reason = format!("$NOTIFY_SOCKET: {reason}");
                on(Event::BadBeat { incarnation, reason });
            }
        }
    }
}

/// Root, we, and whoever the child has become since its start.
fn may_tell(uid: u32, child: Option<i32>) -> bool {
    uid == 0 || uid == host::uid() || child.and_then(host::owner) == Some(uid)
}

impl Shell {
    /// Where the sockets and FIFOs of this agent begin: a folder and a name that is short, as socket paths
    /// must be, and its own.
    fn road_path(&self, incarnation: u32, ending: &str) -> PathBuf {
        // Found again by `road_of`.
        let name = short_name(self.paths.dir());
        runtime::dir().join(format!("{name}-{incarnation}.{ending}"))
    }

    /// Sets up the roads of the incarnation that is about to be spawned. One that cannot be is off, and
    /// that is said.
    pub(super) fn open_roads(&mut self, incarnation: u32) {
        self.roads = None;
        let source = self.plan.resolved.source;
        if !source.has_roads() {
            return;
        }
        let (pipe, socket) =
            (self.road_path(incarnation, "pipe"), self.road_path(incarnation, "notify"));
        let claimed = runtime::claim(pipe.parent().unwrap_or(Path::new("/")));
        let (fifo, notify) = match claimed {
            Ok(()) => (
                Fifo::make(&pipe).map_err(|error| named(&pipe, &error)),
                Datagrams::bind(&socket).map_err(|error| named(&socket, &error)),
            ),
            Err(error) => (Err(error.to_string()), Err(error.to_string())),
        };
        let deaf = !source.scans_stdout() && fifo.is_err() && notify.is_err();
        let (fifo_error, notify_error) = (fifo.as_ref().err(), notify.as_ref().err());
        let errors = [(Road::Pipe, fifo_error), (Road::NotifySocket, notify_error)];
        let off: Vec<Event> = errors
            .into_iter()
            .filter_map(|(source, error)| {
                Some(Event::SourceOff { source, error: error?.clone(), deaf })
            })
            .collect();
        for event in off {
            self.step(event);
        }
        let (fifo, notify) = (fifo.ok(), notify.ok());
        self.roads = Some(Roads { incarnation, fifo, cutter: Cutter::default(), notify });
    }

    /// Of that incarnation nothing is left, so nothing more is heard of it.
    pub(super) fn close_roads(&mut self, incarnation: u32) {
        if self.roads.as_ref().is_some_and(|roads| roads.incarnation == incarnation) {
            self.roads = None;
        }
    }

    /// What agentwatches that were killed have left lying about: many of them, where none came as far as
    /// this. Without the lock it may be somebody's who lives.
    pub(super) fn clear_roads(&self) {
        if self.plan.lock.is_err() {
            return;
        }
        let name = short_name(self.paths.dir());
        let current = self.roads.as_ref().map(|roads| roads.incarnation);
        for entry in std::fs::read_dir(runtime::dir()).into_iter().flatten().flatten() {
            let stale = road_of(&entry.file_name(), &name).filter(|of| Some(*of) != current);
            if stale.is_some() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// The variables by which the child finds its roads.
    ///
    /// `WATCHDOG_USEC` is one interval: libraries ping twice in it, so that such an agent is never late.
    /// `WATCHDOG_PID` is not set: the environment is made before there is a process, and without it the
    /// client that reads the rest knows that it is meant.
    pub(super) fn road_variables(&self) -> Vec<(OsString, OsString)> {
        let Some(roads) = &self.roads else { return Vec::new() };
        let pipe = roads.fifo.as_ref().map(|fifo| ("AGENTWATCH_PIPE", fifo.path().into()));
        let socket = roads.notify.as_ref().map(|socket| ("NOTIFY_SOCKET", socket.path().into()));
        let micros = self.supervisor.settings().interval.as_micros().to_string();
        let watchdog = socket.as_ref().map(|_| ("WATCHDOG_USEC", OsString::from(micros)));
        let set = [pipe, socket, watchdog].into_iter().flatten();
        set.map(|(name, value)| (name.into(), value)).collect()
    }

    /// Reads what came by these roads and tells the core; all of it before something is judged.
    pub(super) fn read_roads(&mut self, due: bool) {
        let Some(mut roads) = self.roads.take() else { return };
        let all = due || !self.endings.is_empty();
        let ready = |fd: Option<BorrowedFd<'_>>| fd.is_some_and(|fd| self.is_ready(fd));
        let (fifo, notify) = (ready(roads.fifo_fd()), ready(roads.notify_fd()));
        let (bytes, datagrams) =
            if all { (TURN_BYTES_DUE, TURN_DATAGRAMS_DUE) } else { (TURN_BYTES, TURN_DATAGRAMS) };
        let child = self.child.map(|child| child.pid);
        let (supervisor, effects, now) = (&mut self.supervisor, &mut self.effects, self.now);
        let prices = &mut self.prices;
        let mut out = Vec::new();
        // One by one: all of a flood at once would take more memory than the flood.
        let mut on = |mut event| {
            if let Event::Beat { beat, .. } = &mut event {
                prices.price(now.up, beat);
            }
            supervisor.step(now, event, &mut out);
            effects.extend(out.drain(..));
        };
        if all || fifo {
            roads.read_fifo(&mut self.buffer, bytes, &mut on);
        }
        if all || notify {
            roads.read_notify(&mut self.buffer, datagrams, child, &mut on);
        }
        self.roads = Some(roads);
    }

    /// A beat that a command brought, in words what became of it.
    ///
    /// # Errors
    /// Why it counts for nothing.
    pub(super) fn take_beat(&mut self, from: Option<u32>, line: &str) -> Result<String, String> {
        let name = self.identity.name.clone();
        if !self.supervisor.settings().beats {
            return Err(format!("{name}: only its exits are watched (--beats none)"));
        }
        let Some(child) = self.child else {
            return Err(format!("{name} is not up, so nobody is there to beat"));
        };
        let incarnation = child.incarnation;
        if from.is_some_and(|from| from != incarnation) {
            return Err(format!("{name}: that incarnation is over, {incarnation} is up"));
        }
        let mut beat: Box<Beat> = match beat::parse_any(line.as_bytes()) {
            Parsed::Beat(beat) => beat,
            Parsed::Bad(reason) => return Err(format!("{name}: {reason}")),
            Parsed::Stranger => return Err(format!("{name}: that is no beat")),
        };
        self.prices.price(self.now.up, &mut beat);
        self.step(Event::Beat { incarnation, beat });
        Ok(format!("{name}: beat heard"))
    }
}

/// The incarnation of the agent with this short name whose road a file is.
fn road_of(file: &OsStr, name: &str) -> Option<u32> {
    let rest = file.to_str()?.strip_prefix(name)?.strip_prefix('-')?;
    let (incarnation, ending) = rest.split_once('.')?;
    matches!(ending, "pipe" | "notify").then(|| incarnation.parse().ok()).flatten()
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
