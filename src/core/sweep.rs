//! Ending what a child left behind: TERM, five seconds, KILL, and the word when even that fails.

use std::collections::BTreeMap;
use std::time::Duration;

use super::effect::Force;
use super::event::Stray;
use super::time::Up;

/// How long leftovers have between TERM and KILL (SPEC §10).
pub const TERM_TIME: Duration = Duration::from_secs(5);

/// How long a process may survive KILL before nothing is started any more (SPEC rule 5).
pub const STUCK_AFTER: Duration = Duration::from_secs(10);

/// The most names of a list: enough to see what it is about.
const NAMES_MAX: usize = 8;

/// The most processes of a tree that are remembered by name; more are a storm of the same.
pub const FOUND_MAX: usize = 1024;

/// The first look after a signal, doubled each time: most leftovers are gone within milliseconds, and
/// not every system tells us when a process that is not our child ends.
const LOOK_FIRST: Duration = Duration::from_millis(5);

/// The longest wait between two looks while a tree is being ended.
const LOOK_MAX: Duration = Duration::from_millis(500);

/// The wait between two looks at a tree that is stuck: bounded work for something that may take days.
pub const LOOK_STUCK: Duration = Duration::from_secs(30);

/// Names with how often each occurs, in order: `node mcp ×2`, `git`.
#[must_use]
pub fn counted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    // The most frequent first: they are what a person should look at.
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let words = |(name, count)| if count == 1 { name } else { format!("{name} ×{count}") };
    counts.into_iter().map(words).take(NAMES_MAX).collect()
}

/// What is left, in words; of a machine that has no means left to look, only that.
#[must_use]
pub fn names_of(left: Vec<Stray>) -> Vec<String> {
    if left.is_empty() {
        return vec!["processes that cannot be looked for now (open files, memory)".to_owned()];
    }
    counted(left.into_iter().map(|stray| stray.name))
}

/// The ending of one tree.
#[derive(Clone, Debug)]
pub struct Sweep {
    kill_at: Up,
    killed: bool,
    stuck_at: Up,
    stuck: bool,
    next_look: Up,
    wait: Duration,
}

/// What is due in a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Look or signal.
    Push(Force),
    /// Say that it is stuck, and look.
    Stuck,
}

impl Sweep {
    /// A sweep that has just sent TERM, or, if `killed`, KILL.
    #[must_use]
    pub fn new(now: Up, killed: bool) -> Self {
        let kill_at = if killed { now } else { now.plus(TERM_TIME) };
        Self {
            kill_at,
            killed,
            stuck_at: kill_at.plus(STUCK_AFTER),
            stuck: false,
            next_look: now.plus(LOOK_FIRST),
            wait: LOOK_FIRST,
        }
    }

    /// A human wants it over at once.
    pub fn hurry(&mut self, now: Up) {
        if !self.killed {
            self.kill_at = now;
            self.stuck_at = now.plus(STUCK_AFTER);
        }
    }

    /// Whether a process has survived KILL for too long.
    #[must_use]
    pub fn stuck(&self) -> bool {
        self.stuck
    }

    /// What is due at `now`; each thing once.
    pub fn due(&mut self, now: Up) -> Option<Due> {
        if !self.killed && self.kill_at <= now {
            self.killed = true;
            // From the signal as sent, not as planned: we may have overslept the plan.
            self.stuck_at = now.plus(STUCK_AFTER);
            self.wait = LOOK_FIRST;
            self.next_look = now.plus(self.wait);
            return Some(Due::Push(Force::Kill));
        }
        if self.killed && !self.stuck && self.stuck_at <= now {
            self.stuck = true;
            self.next_look = now.plus(LOOK_STUCK);
            return Some(Due::Stuck);
        }
        if self.next_look <= now {
            self.wait =
                if self.stuck { LOOK_STUCK } else { self.wait.saturating_mul(2).min(LOOK_MAX) };
            self.next_look = now.plus(self.wait);
            // A child that a leftover forks while it is being killed must not get away.
            return Some(Due::Push(if self.killed { Force::Kill } else { Force::Look }));
        }
        None
    }

    /// When something is due next.
    #[must_use]
    pub fn deadline(&self) -> Up {
        let next = if self.killed { self.stuck_at } else { self.kill_at };
        if self.stuck { self.next_look } else { self.next_look.min(next) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_get_term_five_seconds_kill_and_after_ten_more_are_called_stuck() {
        let mut sweep = Sweep::new(Up::default(), false);
        let mut story = Vec::new();
        while story.len() < 2 {
            let now = sweep.deadline();
            match sweep.due(now).unwrap() {
                Due::Push(Force::Kill) if story.is_empty() => story.push(("kill", now.0.as_secs())),
                Due::Stuck => story.push(("stuck", now.0.as_secs())),
                Due::Push(_) => {}
            }
        }
        assert_eq!(story, [("kill", 5), ("stuck", 15)]);
        assert_eq!(
            sweep.deadline(),
            Up(Duration::from_secs(45)),
            "a stuck tree is looked at rarely"
        );
    }

    #[test]
    fn names_are_counted_and_few() {
        let names = |list: &[&str]| counted(list.iter().map(|name| (*name).to_owned()));
        assert_eq!(names(&["git", "node mcp", "node mcp"]), ["node mcp ×2", "git"]);
        assert_eq!(counted((0..100).map(|n| format!("x{n}"))).len(), NAMES_MAX);
    }

    #[test]
    fn looking_costs_a_bounded_number_of_wakes() {
        let mut sweep = Sweep::new(Up::default(), false);
        let wakes = std::iter::from_fn(|| sweep.due(sweep.deadline()))
            .take_while(|due| *due != Due::Stuck)
            .count();
        assert!(wakes < 60, "{wakes} wakes in 15 s");
    }
}
