//! Changing what is kept of an agent while no agentwatch runs it.

use crate::core::fact::Fact;
use crate::core::memory::Memory;
use crate::core::time::Now;
use crate::store::journal::Journal;
use crate::store::memory;
use crate::store::paths::Paths;
use crate::sys::clock::Clock;
use crate::sys::lock::Lock;

use super::Failure;
use super::asking::failed;

/// Changes the memory and records why; `change` gives nothing if there is nothing to change. True if
/// there was. The lock is proof that nobody else writes here.
///
/// # Errors
/// The files cannot be read or written.
pub fn change(
    name: &str,
    paths: &Paths,
    _lock: &Lock,
    change: impl FnOnce(&mut Memory, &Now) -> Option<Fact>,
) -> Result<bool, Failure> {
    let now = Clock::new().now();
    let found = memory::load(paths, &now).map_err(|error| failed(name, &error))?;
    let Some(mut identity) = found.identity else {
        let words = "its state.json is unreadable; start it with: agentwatch run --resume";
        return Err(failed(name, &words));
    };
    let mut memory = found.memory;
    let Some(fact) = change(&mut memory, &now) else { return Ok(false) };
    identity.journal_seq = found.seq;
    memory::save(paths, &identity, &memory, true).map_err(|error| failed(name, &error))?;
    let mut journal = Journal::new(&paths.journal(), u32::MAX, found.newest, found.seq);
    journal.append(&now, &fact).map_err(|error| failed(name, &error))?;
    Ok(true)
}
