//! What is to be sent where, and when again: letters, what was tried of them, and the time give the next
//! things to do. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::wire::letter::{Kind, Letter, Tried, Way};

/// A letter that no try got through for this long is given up, in milliseconds (SPEC §8: a day).
pub const GIVE_UP: i64 = 24 * 3600 * 1000;

/// The first wait after a try that failed, in milliseconds; each further one is twice as long.
const FIRST: u64 = 5_000;
/// The longest wait between two tries, in milliseconds: an outage that ends is over for us soon after.
const LONGEST: u64 = 15 * 60 * 1000;

/// After so many tries that failed a fallback takes over; the sink itself is tried on.
const FALLBACK_AFTER: u32 = 3;

/// From so many agents on one thing is said once for all of them.
const MANY: usize = 3;

/// A letter that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Whose: its place in the list of outboxes.
    pub outbox: usize,
    /// The letter.
    pub letter: Letter,
    /// What was tried of it.
    pub tried: Tried,
}

/// What is to be done next at a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Send these: one, or many as one message.
    Send(Vec<usize>),
    /// Give it up, for this reason.
    GiveUp(usize, &'static str),
    /// Nobody needs it any more: it was over before it could be sent, and that is said in one.
    Skip(usize),
}

/// What is to be done now, by sink; and when something is due next, in milliseconds from now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// By the proof of the sink, in order.
    pub jobs: BTreeMap<String, Vec<Job>>,
    /// The next moment.
    pub next: Option<u64>,
}

/// A way that may be used: its outbox, itself, and whether people read there.
#[derive(Clone, Debug)]
pub struct Road {
    /// Whose: its place in the list of outboxes.
    pub outbox: usize,
    /// The way.
    pub way: Way,
    /// Many letters may become one.
    pub chat: bool,
}

/// How long to wait after so many tries, in milliseconds; `dice` is any number.
#[must_use]
pub fn backoff(tries: u32, dice: u64) -> u64 {
    let doubled =
        FIRST.saturating_mul(1_u64.checked_shl(tries.saturating_sub(1)).unwrap_or(u64::MAX));
    let most = doubled.min(LONGEST);
    // A quarter less or more, so that many who failed together do not come again together.
    most - most / 4 + dice % (most / 2).max(1)
}

/// Whether a letter is for a way at all.
fn admits(way: &Way, letter: &Letter) -> bool {
    // A report is for everybody who asked for reports.
    way.min_severity <= letter.severity || matches!(letter.kind, Kind::Test | Kind::Report)
}

/// Whether every sink that should take a letter has failed so often that a fallback is to.
fn is_lost_elsewhere(waiting: &Waiting, roads: &[Road]) -> bool {
    let usual = roads.iter().filter(|road| {
        road.outbox == waiting.outbox && !road.way.fallback && admits(&road.way, &waiting.letter)
    });
    let mut any = false;
    for road in usual {
        any = true;
        let failed = waiting.tried.get(&road.way.proof).is_some_and(|one| {
            FALLBACK_AFTER <= one.tries && !one.done || one.done && one.error.is_some()
        });
        if !failed {
            return false;
        }
    }
    any
}

/// Whether nothing is left to be done about a letter.
#[must_use]
pub fn is_done(waiting: &Waiting, roads: &[Road]) -> bool {
    roads
        .iter()
        .filter(|road| road.outbox == waiting.outbox && admits(&road.way, &waiting.letter))
        .filter(|road| !road.way.fallback || is_lost_elsewhere(waiting, roads))
        .all(|road| waiting.tried.get(&road.way.proof).is_some_and(|one| one.done))
}

/// What is to be done now. Letters are in the order in which each outbox has them.
#[must_use]
pub fn plan(all: &[Waiting], roads: &[Road], now: i64) -> Plan {
    let mut plan = Plan::default();
    let mut later = |at: i64| {
        let wait = u64::try_from(at.saturating_sub(now)).unwrap_or(0);
        plan.next = Some(plan.next.map_or(wait, |next| next.min(wait)));
    };
    let mut jobs: BTreeMap<String, Vec<Job>> = BTreeMap::new();
    let threads = threads(all);
    for road in roads {
        let proof = &road.way.proof;
        // A sink that failed rests as a whole.
        let rests = all
            .iter()
            .filter_map(|waiting| waiting.tried.get(proof))
            .filter(|one| !one.done)
            .map(|one| one.next)
            .max()
            .unwrap_or(0);
        let mut held = BTreeSet::new();
        for (at, waiting) in all.iter().enumerate().filter(|(_, one)| one.outbox == road.outbox) {
            let letter = &waiting.letter;
            let known = waiting.tried.get(proof);
            let wanted = admits(&road.way, letter) && !known.is_some_and(|one| one.done);
            if !wanted || road.way.fallback && !is_lost_elsewhere(waiting, roads) {
                continue;
            }
            let mine = jobs.entry(proof.clone()).or_default();
            if letter.at.saturating_add(GIVE_UP) <= now
                && letter.not_before.is_none_or(|at| at <= now)
            {
                mine.push(Job::GiveUp(at, "nobody took it for a day"));
                continue;
            }
            // Later letters of an incident never come before earlier ones.
            if held.contains(&letter.incident) {
                continue;
            }
            let untried = known.is_none_or(|one| one.tries == 0);
            if road.chat && untried && is_over(all, waiting, &threads) {
                mine.push(Job::Skip(at));
                continue;
            }
            let due = held_until(all, waiting, &road.way, now, &threads).max(rests);
            if now < due {
                later(due);
                held.insert(letter.incident.clone());
                continue;
            }
            held.insert(letter.incident.clone());
            mine.push(Job::Send(vec![at]));
        }
    }
    for (proof, list) in &mut jobs {
        if roads.iter().any(|road| road.way.proof == *proof && road.chat) {
            *list = rolled_up(all, std::mem::take(list));
        }
    }
    jobs.retain(|_, list| !list.is_empty());
    plan.jobs = jobs;
    plan
}

/// The letters of each incident, by its outbox and name.
type Threads<'a> = HashMap<(usize, &'a str), Vec<usize>>;

fn threads(all: &[Waiting]) -> Threads<'_> {
    let mut threads = Threads::new();
    for (at, one) in all.iter().enumerate() {
        threads.entry((one.outbox, one.letter.incident.as_str())).or_default().push(at);
    }
    threads
}

/// All letters of the same incident.
fn same<'a>(
    all: &'a [Waiting],
    one: &'a Waiting,
    threads: &'a Threads<'_>,
) -> impl Iterator<Item = &'a Letter> {
    let of = threads.get(&(one.outbox, one.letter.incident.as_str()));
    of.into_iter().flatten().filter_map(|at| Some(&all.get(*at)?.letter))
}

/// Until when a letter is held: no longer than what stands behind it in its incident, which may have become
/// critical in the night.
fn held_until(all: &[Waiting], one: &Waiting, way: &Way, now: i64, threads: &Threads<'_>) -> i64 {
    let own = one.letter.not_before.unwrap_or(0);
    if own <= now {
        return own;
    }
    let behind = same(all, one, threads)
        .filter(|other| one.letter.number < other.number && admits(way, other));
    behind.map(|other| other.not_before.unwrap_or(0)).fold(own, i64::min)
}

/// Whether the letter that closes the incident of this one waits behind it.
fn is_over(all: &[Waiting], one: &Waiting, threads: &Threads<'_>) -> bool {
    one.letter.kind != Kind::Closed
        && same(all, one, threads).any(|other| other.kind == Kind::Closed)
}

/// Letters about one thing from many agents become one message, at the place of the first.
fn rolled_up(all: &[Waiting], jobs: Vec<Job>) -> Vec<Job> {
    let key = |at: usize| {
        let letter = &all.get(at)?.letter;
        if letter.kind == Kind::Report {
            return None;
        }
        let same = letter.group.clone().unwrap_or_else(|| letter.cause.clone());
        Some((letter.host.clone(), same, letter.kind == Kind::Closed))
    };
    let mut agents: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    for job in &jobs {
        if let Job::Send(list) = job
            && let Some(&at) = list.first()
            && let (Some(key), Some(waiting)) = (key(at), all.get(at))
        {
            agents.entry(key).or_default().insert(waiting.letter.agent.as_str());
        }
    }
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    let mut rolled: Vec<Job> = Vec::new();
    for job in jobs {
        let Job::Send(list) = &job else {
            rolled.push(job);
            continue;
        };
        let same = list.first().and_then(|at| key(*at));
        let Some(same) =
            same.filter(|same| agents.get(same).is_some_and(|them| MANY <= them.len()))
        else {
            rolled.push(job);
            continue;
        };
        let first = places.get(&same).and_then(|place| rolled.get_mut(*place));
        if let Some(Job::Send(first)) = first {
            first.extend(list);
        } else {
            places.insert(same, rolled.len());
            rolled.push(job);
        }
    }
    rolled
}

#[cfg(test)]
mod tests;
