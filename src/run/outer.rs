//! Tells a supervisor above us (`$NOTIFY_SOCKET`) what it should know, at the end of a turn, without waiting.

use std::time::Duration;

use crate::core::outer::{Outer, ReadyAt, Word};
use crate::core::time::Up;
use crate::sys::host;
use crate::sys::outer::{Notifier, Sent};
use crate::wire::outer::{datagram, watchdog};

use super::Shell;

/// A supervisor that is too busy to be told is tried again after this time.
const AGAIN: Duration = Duration::from_millis(250);

/// Words that may wait for it; what is said again anyway is dropped beyond that.
const WAITING_MAX: usize = 16;

/// The supervisor above us.
#[derive(Debug)]
pub(super) struct Above {
    outer: Outer,
    notifier: Notifier,
    /// What it could not be told yet.
    waiting: Vec<Word>,
    /// When it is tried again.
    again_at: Option<Up>,
}

impl Above {
    /// The supervisor that started us, if there is one; or why it cannot be told anything.
    ///
    /// # Errors
    /// One line for the person.
    pub(super) fn find(ready_at: ReadyAt) -> Result<Option<Self>, String> {
        let Some(address) = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())
        else {
            return Ok(None);
        };
        let notifier = Notifier::new(&address).map_err(|error| {
            let address = address.to_string_lossy();
            format!("NOTIFY_SOCKET={address}: {error}; systemd hears nothing of this agent")
        })?;
        let variable = |name: &str| std::env::var(name).ok();
        let (usec, pid) = (variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"));
        let watchdog = watchdog(usec.as_deref(), pid.as_deref(), host::pid());
        let outer = Outer::new(ready_at, watchdog);
        Ok(Some(Self { outer, notifier, waiting: Vec::new(), again_at: None }))
    }

    /// When it is to be told something although nothing happens.
    pub(super) fn deadline(&self) -> Option<Up> {
        [self.outer.deadline(), self.again_at].into_iter().flatten().min()
    }

    fn tell(&mut self, now: Up, words: Vec<Word>) {
        self.waiting.extend(words);
        if self.waiting.is_empty() || self.again_at.is_some_and(|at| now < at) {
            return;
        }
        self.again_at = None;
        match self.notifier.send(&datagram(&self.waiting)) {
            Sent::Yes | Sent::Lost => self.waiting.clear(),
            Sent::Later => {
                self.again_at = Some(now.plus(AGAIN));
                if WAITING_MAX < self.waiting.len() {
                    self.waiting.retain(|word| !matches!(word, Word::Status(_) | Word::Alive));
                }
            }
        }
    }
}

impl Shell {
    /// Tells the supervisor above us what it should know by now.
    pub(super) fn tell_above(&mut self) {
        let now = self.now.up;
        if let Some(above) = &mut self.above {
            let words = above.outer.look(now, &self.supervisor);
            above.tell(now, words);
        }
    }
}
