//! Delivering on when agentwatch has left: an outage of some hours must not cost the word that it gave up.

use std::io;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::time::Duration;

use crate::store::outbox::Outbox;
use crate::store::paths::Paths;
use crate::sys::lock::{self, Probe};
use crate::sys::{clock, host, poll};

use super::desk::{Left, deliver};

/// How often it is looked whether another agentwatch has begun, which delivers itself.
const LOOK: Duration = Duration::from_secs(5);

/// The shortest that tests may have.
const LOOK_MIN: Duration = Duration::from_millis(50);

/// No letter is tried for longer than a day; what is held at night and then given up is over by then.
const LONGEST: Duration = Duration::from_hours(48);

/// Delivers the letters of an agent for as long as any waits, no agentwatch runs for it and nobody else has
/// taken over. The lock is held only while something is sent. `pace` as for [`deliver`].
///
/// # Errors
/// As [`deliver`].
pub fn stay(state_dir: &Path, agent: &str, pace: f64) -> io::Result<()> {
    let paths = Paths::new(state_dir, agent);
    let outbox = Outbox::new(paths.dir());
    let me = format!("{} {}\n", host::pid(), host::random());
    outbox.take_over(&me)?;
    // Whoever sent us is about to leave.
    let sender = i32::try_from(parent_id()).ok();
    let runs = || match lock::probe(&paths.lock()) {
        Ok(Probe::HeldBy(pid)) => pid != sender,
        Ok(Probe::Free | Probe::Missing) | Err(_) => false,
    };
    let goes_on = || outbox.has_letters() && outbox.is_taken_over_by(&me) && !runs();
    let look = LOOK.mul_f64(pace).max(LOOK_MIN);
    let begun = clock::instant();
    while goes_on() && begun.elapsed() < LONGEST {
        let Left { next, .. } = deliver(state_dir, Some(agent), pace, &mut || {})?;
        let wait = Duration::from_millis(next.unwrap_or(0)).max(look);
        let until = clock::instant() + wait.min(LONGEST);
        while clock::instant() < until && goes_on() {
            poll::pause(look.min(until.saturating_duration_since(clock::instant())));
        }
    }
    if outbox.is_taken_over_by(&me) && !runs() {
        outbox.leave();
        outbox.drop_route()?;
    }
    Ok(())
}
