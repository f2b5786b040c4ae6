//! The agents that are served: looked at again and again, counted up, and their counts kept.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::cli::output::complain;
use crate::core::time::{Now, Up, millis};
use crate::look::{self, Agent, GLANCE, Watch};
use crate::serve::counter::Counter;
use crate::serve::metrics::{Fleet, Seen, open};
use crate::sys::clock::Clock;
use crate::sys::lock::{Lock, LockError};

/// Counts are kept so often: what is lost of them is read from the journal once more.
const KEEP_EVERY: Duration = Duration::from_hours(1);

/// Who was not looked at for this long, in ms, may have used what its watch does not know of.
const RECKON_MS: u64 = 50_000;

/// Whoever keeps the counts of a state directory holds it: two processes would write each other's files.
const LOCK: &str = ".serve.lock";

/// The agents that are served.
#[derive(Debug)]
pub struct Gather {
    dirs: Vec<PathBuf>,
    /// Those that were named; none are all.
    names: Option<Vec<String>>,
    clock: Clock,
    agents: BTreeMap<Agent, One>,
    looked: Option<Now>,
    kept: Option<Up>,
    locks: BTreeMap<PathBuf, Lock>,
    complained: bool,
}

#[derive(Debug)]
struct One {
    watch: Watch,
    counter: Counter,
}

impl Gather {
    /// Nothing was looked at yet.
    #[must_use]
    pub fn new(dirs: Vec<PathBuf>, names: Option<Vec<String>>) -> Self {
        Self {
            dirs,
            names,
            clock: Clock::new(),
            agents: BTreeMap::new(),
            looked: None,
            kept: None,
            locks: BTreeMap::new(),
            complained: false,
        }
    }

    /// Reads what is new, of agents that are new too.
    pub fn look(&mut self) -> Fleet {
        let now = self.clock.now();
        let away = |before: Now| {
            millis(now.wall.since(before.wall)).max(millis(before.wall.since(now.wall)))
        };
        let is_late = self.looked.is_some_and(|before| RECKON_MS < away(before));
        self.looked = Some(now);
        let (mut agents, unreadable) = look::all_of(&self.dirs);
        if let Some(names) = &self.names {
            agents.retain(|agent| names.contains(&agent.name));
        }
        self.agents.retain(|agent, _| agents.binary_search(agent).is_ok());
        let mut fleet = Fleet {
            agents: Vec::with_capacity(agents.len()),
            unreadable: unreadable.len(),
            several: 1 < self.dirs.len(),
        };
        for agent in agents {
            let one = self.agents.entry(agent).or_insert_with_key(|agent| One {
                watch: Watch::new(agent.clone()),
                counter: Counter::open(&agent.paths()),
            });
            fleet.agents.push(one.look(&now, is_late));
        }
        fleet
    }

    /// Keeps the counts, now or when it is time again. What cannot be kept is said once.
    pub fn keep(&mut self, at_once: bool) {
        let now = self.clock.now().up;
        if !at_once && self.kept.is_some_and(|kept| now.since(kept) < KEEP_EVERY) {
            return;
        }
        self.kept = Some(now);
        for dir in &self.dirs {
            let path = dir.join(LOCK);
            if self.locks.get(dir).is_some_and(|lock| lock.is_at(&path)) {
                continue;
            }
            self.locks.remove(dir);
            match Lock::retake(&path) {
                Ok(lock) => _ = self.locks.insert(dir.clone(), lock),
                // Another one keeps the same counts.
                Err(LockError::Held { .. }) => {}
                // Where no agent has run yet there is nothing to be kept.
                Err(LockError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(LockError::Io(error)) => {
                    once(&mut self.complained, &format!("{}: {error}", path.display()));
                }
            }
        }
        for (agent, one) in &mut self.agents {
            if self.locks.contains_key(&agent.state_dir)
                && let Err(words) = one.counter.keep()
            {
                once(&mut self.complained, &words);
            }
        }
    }
}

fn once(complained: &mut bool, words: &str) {
    if !std::mem::replace(complained, true) {
        complain(&format!(
            "serve: {words}; counters are not kept: they will shrink when this is started again after \
             old days of a journal were deleted"
        ));
    }
}

impl One {
    fn look(&mut self, now: &Now, is_late: bool) -> Seen {
        let Self { watch, counter } = self;
        watch.refresh(GLANCE, now);
        if is_late || !watch.is_reckoned() {
            watch.reckon();
        }
        let failed = counter.look().err();
        let mut status = watch.status("", now);
        status.error = status.error.take().or(failed.map(|error| error.to_string()));
        let open = watch.memory().map(|memory| open(&memory.incidents, now.wall));
        Seen { status, counts: counter.counts().clone(), open: open.unwrap_or_default() }
    }
}
