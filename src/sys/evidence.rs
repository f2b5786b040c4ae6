//! A look at a child that is not well, before anything is done to it.

use super::os;
use crate::core::evidence::Evidence;

/// What the child `pid` and its tree are doing right now. Nothing is signalled, stopped or traced.
///
/// Where `pid` only waits for what it started (`uv run`, `sh -c`), that is what is looked at. Reads
/// some files for each process of the tree, so only when something is wrong. `None` when there is
/// no such process, and always on systems other than Linux.
pub fn look(pid: i32) -> Option<Evidence> {
    os::look(pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::signal::Signal;
    use crate::sys::signals::send;
    use crate::sys::testing::wait_for;

    #[test]
    fn who_is_not_there_is_not_seen() {
        for pid in [0, -1, i32::MIN, i32::MAX] {
            assert_eq!(look(pid), None, "{pid}");
        }
        let child = crate::sys::testing::start(&["sleep", "600"]);
        send(child.pid, Signal::KILL).unwrap();
        wait_for(child.pid);
        assert_eq!(look(child.pid), None);
    }
}
