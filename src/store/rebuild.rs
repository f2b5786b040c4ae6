//! What can be known of a lost `state.json` from the journal alone. Pure.

use crate::core::ending::Ending;
use crate::core::fact::{BeatFact, Excess, Fact, Outcome, Released};
use crate::core::memory::{Delay, DelayWhy, Latch, LatchWhy, Memory, Streak, Tree};
use crate::core::time::Wall;
use crate::core::validation::{OnInvalid, Trial};
use crate::wire::record::Record;

/// Adds one record, in the order they were written, to what is known.
pub fn learn(memory: &mut Memory, record: &Record) {
    learn_of(memory, record);
    if let Some(fact) = &record.fact {
        memory.incidents.hear(record.ts, fact);
    }
}

/// All but incidents: what the memory knows already does no harm twice.
fn learn_of(memory: &mut Memory, record: &Record) {
    let Some(fact) = &record.fact else { return };
    memory.ledger.relearn(record.ts, fact);
    match fact {
        Fact::Started { incarnation, pid, .. } => {
            let (incarnation, pid) = (*incarnation, Some(*pid));
            memory.incarnation = memory.incarnation.max(incarnation);
            memory.last_start = Some(record.ts);
            memory.delay = None;
            // The journal does not tell the marks of a process; a memory that knows its start does.
            let known = memory.tree.take().filter(|tree| tree.incarnation == incarnation);
            let (run, start_time) = known.map_or((None, None), |tree| (tree.run, tree.start_time));
            memory.tree = Some(Tree { incarnation, run, pid, start_time, ended: false });
        }
        Fact::SpawnFailed { incarnation, .. } => {
            memory.incarnation = memory.incarnation.max(*incarnation);
            memory.last_start = Some(record.ts);
            // Nothing is started before the tree of the one before is gone.
            memory.tree = None;
        }
        Fact::Exited { incarnation, ending, outcome, last_line, .. } => {
            memory.incarnation = memory.incarnation.max(*incarnation);
            let halted = memory.paused && *ending == Ending::Unknown && *outcome != Outcome::Passed;
            exited(memory, record.ts, *ending, *outcome, last_line.as_deref());
            // What a human has halted stays down when agentwatch died over it.
            if halted && memory.latch.is_none() {
                let why = LatchWhy::Paused;
                memory.latch = Some(Latch { since: record.ts, failures: 0, why });
            }
        }
        Fact::Beat(beat) => beaten(memory, record.ts, beat),
        Fact::Escalated { failures, reason, .. } => {
            let (failures, why) = (*failures, latch_of(*reason));
            memory.unfinished |= why == LatchWhy::State;
            memory.latch = Some(Latch { since: record.ts, failures, why });
        }
        Fact::Latched { since, failures, why } => {
            memory.latch = Some(Latch { since: *since, failures: *failures, why: *why });
        }
        Fact::Held => {
            memory.latch = Some(Latch { since: record.ts, failures: 0, why: LatchWhy::Stay });
        }
        Fact::Parked { wait_ms, asked, budget, .. } => {
            let park = DelayWhy::Park { asked: *asked };
            let why = budget.map_or(park, |budget| DelayWhy::Budget { budget });
            put_off(memory, why, record.ts, *wait_ms);
        }
        Fact::Waiting { wait_ms, .. } => {
            put_off(memory, DelayWhy::Repeat, record.ts, *wait_ms);
        }
        Fact::Paused { .. } => memory.paused = true,
        Fact::Continued { .. } => memory.paused = false,
        Fact::RestartAsked { .. } => memory.cooldown_owed = false,
        Fact::Released(Released { release, .. }) => {
            memory.release = Some(release.clone());
            (memory.latch, memory.streak) = (None, Streak::default());
        }
        Fact::Resumed { .. } => memory.forgive(),
        Fact::Stopped { .. } | Fact::Finished { .. } => {
            (memory.cooldown_owed, memory.unfinished, memory.delay) = (false, false, None);
        }
        Fact::Recovered { .. } => memory.trouble_since = None,
        Fact::Validating { .. }
        | Fact::Validated(_)
        | Fact::StateInvalid(_)
        | Fact::StateRestored(_)
        | Fact::StatePassedOver(_)
        | Fact::StateQuarantined(_) => validated(memory, fact),
        Fact::StreakForgotten { .. } => memory.streak = Streak::default(),
        _ => {}
    }
}

fn latch_of(reason: Excess) -> LatchWhy {
    match reason {
        Excess::Streak | Excess::Day => LatchWhy::Failures,
        Excess::Rule => LatchWhy::Rule,
        Excess::Loop => LatchWhy::Loop,
        Excess::Budget => LatchWhy::Budget,
        Excess::State => LatchWhy::State,
    }
}

/// What is known of the state files and of the hook.
fn validated(memory: &mut Memory, fact: &Fact) {
    let custody = &mut memory.custody;
    match fact {
        Fact::Validating { incarnation } => {
            // A hook may run from now on, and whatever it leaves is marked with this incarnation.
            let incarnation = *incarnation;
            let known = memory.tree.take().filter(|tree| tree.incarnation == incarnation);
            let unknown = Tree { incarnation, run: None, pid: None, start_time: None, ended: true };
            memory.tree = Some(known.unwrap_or(unknown));
        }
        Fact::StateInvalid(fact) => custody.restoring = fact.action != OnInvalid::Escalate,
        Fact::StateRestored(restored) => {
            custody.restoring = false;
            custody.trial = Some(Trial { set: restored.set.clone(), crashes: 0 });
        }
        Fact::StatePassedOver(passed) => {
            custody.pass_over(&passed.set);
            custody.trial = None;
        }
        Fact::StateQuarantined(_) => (custody.restoring, custody.trial) = (false, None),
        Fact::Validated(_) => {
            custody.restoring = false;
            memory.tree = None;
        }
        _ => {}
    }
}

fn beaten(memory: &mut Memory, ts: Wall, beat: &BeatFact) {
    if let Some(first) = beat.first_after_ms {
        let first = std::time::Duration::from_millis(first);
        let slowest = memory.slowest_first_beat.unwrap_or_default();
        memory.slowest_first_beat = Some(slowest.max(first));
    }
    // What was counted before is not counted again.
    memory.tokens.0 = beat.tokens_total.or(memory.tokens.0);
    if let Some(counter) = &beat.counter {
        let started = memory.last_start.unwrap_or(ts);
        memory.counters.read(beat.incarnation, started, counter);
    }
}

/// Learns what was recorded after `memory` was saved: agentwatch was killed before it could save again,
/// or the disk took the journal and not the state. What the memory knows already does no harm twice.
pub fn catch_up(memory: &mut Memory, records: &[Record]) {
    for record in records {
        // By their numbers, for the clock may have been set back: what follows the state is in no incident yet.
        if let Some(fact) = &record.fact {
            memory.incidents.hear(record.ts, fact);
        }
        match &record.fact {
            // Of an earlier one the memory knows more than its end.
            Some(Fact::Exited { incarnation, .. }) if *incarnation < memory.incarnation => {}
            Some(_) | None => learn_of(memory, record),
        }
    }
}

/// What a lost state leaves unknown is taken at its worst: a cooldown begins now. Where there never was
/// a state (`torn` is false) nothing is owed that the journal does not tell of.
pub fn after_loss(memory: &mut Memory, torn: bool, now: Wall) {
    if torn || memory.incarnation > 0 {
        memory.last_start = Some(now);
    }
    memory.cooldown_owed |= torn;
}

fn put_off(memory: &mut Memory, why: DelayWhy, since: Wall, wait_ms: u64) {
    let wait = std::time::Duration::from_millis(wait_ms);
    memory.delay = Some(Delay { why, since, wait });
}

fn exited(memory: &mut Memory, ts: Wall, ending: Ending, outcome: Outcome, last: Option<&str>) {
    if let Some(tree) = &mut memory.tree {
        tree.ended = true;
    }
    memory.last_ending = Some(ending);
    memory.cooldown_owed = matches!(
        outcome,
        Outcome::Failure { .. } | Outcome::NoFault | Outcome::Signalled | Outcome::Parked
    );
    memory.unfinished = memory.cooldown_owed || outcome == Outcome::Restarting;
    memory.paused = false;
    if let Outcome::Failure { streak, .. } = outcome {
        memory.custody.crashed();
        memory.streak.failures = streak;
        memory.streak.since.get_or_insert(ts);
        memory.streak.last_line = last.map(str::to_owned);
        memory.trouble_since.get_or_insert(ts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::event::Traces;
    use crate::core::fact::Cause;
    use crate::core::usage::Counter;

    fn learn_all(facts: &[Fact]) -> Memory {
        let mut memory = Memory::default();
        for (seq, fact) in facts.iter().enumerate() {
            let seq = seq as u64;
            let record = Record {
                ts: Wall(1000),
                seq,
                fact: Some(fact.clone()),
                event: String::new(),
                line: String::new(),
            };
            learn(&mut memory, &record);
        }
        memory
    }

    fn failure(incarnation: u32, streak: u32) -> Fact {
        Fact::Exited {
            incarnation,
            ending: Ending::Exit { code: 1 },
            ran_ms: Some(5),
            outcome: Outcome::Failure { cause: Cause::Exited, streak, max: 3 },
            rule: None,
            last_line: None,
            traces: Traces::default(),
        }
    }

    #[test]
    fn streak_latch_and_incarnation_are_learnt_from_the_journal() {
        let started = |incarnation| Fact::Started { incarnation, pid: 42, first_beat_ms: None };
        let mut facts = vec![started(4), failure(4, 1), started(5), failure(5, 2)];
        let memory = learn_all(&facts);
        assert_eq!((memory.incarnation, memory.streak.failures), (5, 2));
        assert!(memory.cooldown_owed && memory.latch.is_none());
        facts.push(Fact::Escalated {
            reason: crate::core::fact::Excess::Streak,
            failures: 3,
            within_ms: Some(1),
            same_line: false,
        });
        assert!(learn_all(&facts).latch.is_some());
        facts.push(Fact::Resumed { by: crate::core::event::By::Command });
        let memory = learn_all(&facts);
        assert!(memory.latch.is_none() && memory.streak.failures == 0);
    }

    #[test]
    fn a_start_without_an_end_is_still_open() {
        let memory = learn_all(&[Fact::Started { incarnation: 9, pid: 42, first_beat_ms: None }]);
        assert_eq!(memory.tree.map(|tree| (tree.incarnation, tree.ended)), Some((9, false)));
    }

    #[test]
    fn what_waits_and_what_a_human_has_halted_is_learnt_too() {
        let ended = |outcome| Fact::Exited {
            incarnation: 1,
            ending: Ending::Exit { code: 75 },
            ran_ms: Some(5),
            outcome,
            rule: Some(1),
            last_line: None,
            traces: Traces::default(),
        };
        let started = Fact::Started { incarnation: 1, pid: 42, first_beat_ms: None };
        let parked = Fact::Parked { wait_ms: 9, until: Wall(9), asked: true, budget: None };
        let memory = learn_all(&[started.clone(), ended(Outcome::Parked), parked.clone()]);
        let why = DelayWhy::Park { asked: true };
        assert_eq!(memory.delay.map(|delay| (delay.why, delay.since)), Some((why, Wall(1000))));
        assert!(memory.cooldown_owed && memory.unfinished && memory.streak.failures == 0);
        let waiting = Fact::Waiting { wait_ms: 9, until: Wall(9) };
        let completed = ended(Outcome::Completed { idle: false });
        let memory = learn_all(&[started.clone(), completed, waiting]);
        assert_eq!(memory.delay.map(|delay| delay.why), Some(DelayWhy::Repeat));
        assert!(!memory.cooldown_owed && !memory.unfinished);
        assert!(learn_all(&[parked, started.clone()]).delay.is_none(), "it was started since");

        let paused = Fact::Paused { incarnation: 1 };
        assert!(learn_all(&[started.clone(), paused.clone()]).paused);
        let goes_on = Fact::Continued { incarnation: 1, paused_ms: 1 };
        assert!(!learn_all(&[started.clone(), paused.clone(), goes_on]).paused);
        assert!(!learn_all(&[started.clone(), paused.clone(), ended(Outcome::Stopped)]).paused);
        let latch = |facts: &[Fact]| learn_all(facts).latch.map(|latch| latch.why);
        assert_eq!(latch(&[Fact::Held]), Some(LatchWhy::Stay));
        let mut lost = failure(1, 1);
        if let Fact::Exited { ending, .. } = &mut lost {
            *ending = Ending::Unknown;
        }
        assert_eq!(latch(&[started, paused, lost]), Some(LatchWhy::Paused));
        let told = Fact::Latched { since: Wall(5), failures: 2, why: LatchWhy::Rule };
        assert_eq!(latch(&[told]), Some(LatchWhy::Rule));
        let released = Fact::Released(Released { release: "v2".into(), before: None });
        let memory = learn_all(&[failure(1, 2), Fact::Held, released]);
        assert_eq!((memory.latch, memory.streak.failures), (None, 0));
        assert_eq!(memory.release.as_deref(), Some("v2"));
    }

    fn ended(incarnation: u32) -> Vec<Record> {
        let fact = Fact::Exited {
            incarnation,
            ending: Ending::Exit { code: 1 },
            ran_ms: Some(5),
            outcome: Outcome::Failure { cause: Cause::Exited, streak: 2, max: 3 },
            rule: None,
            last_line: None,
            traces: Traces::default(),
        };
        let (event, line) = (String::new(), String::new());
        vec![Record { ts: Wall(9), seq: 1, fact: Some(fact), event, line }]
    }

    fn running() -> Memory {
        let tree =
            Tree { incarnation: 7, run: None, pid: Some(42), start_time: None, ended: false };
        let mut memory = Memory { incarnation: 7, tree: Some(tree), ..Memory::default() };
        memory.streak.failures = 1;
        memory
    }

    #[test]
    fn an_end_that_was_recorded_and_not_saved_is_not_lost_and_not_counted_twice() {
        let mut memory = running();
        catch_up(&mut memory, &ended(7));
        assert_eq!(memory.tree.map(|tree| tree.ended), Some(true));
        assert_eq!((memory.streak.failures, memory.cooldown_owed), (2, true));
    }

    #[test]
    fn a_clock_that_was_set_back_hides_nothing_from_the_incidents() {
        let mut memory = running();
        memory.incidents.hear(Wall(5000), &failure(7, 2));
        let resumed = Fact::Resumed { by: crate::core::event::By::Command };
        let (event, line) = (String::new(), String::new());
        let record = Record { ts: Wall(9), seq: 2, fact: Some(resumed), event, line };
        memory.incidents.all[0].told = Some(crate::core::fact::Severity::Warning);
        catch_up(&mut memory, &[record]);
        assert!(memory.incidents.all[0].resumed);
    }

    #[test]
    fn what_a_counter_showed_last_is_learnt_though_nothing_ended() {
        let beat = |seq: u64, total: Option<u64>| Record {
            ts: Wall(1000),
            seq,
            fact: Some(Fact::Beat(BeatFact { tokens_total: total, ..BeatFact::default() })),
            event: String::new(),
            line: String::new(),
        };
        let mut memory = Memory { tokens: Counter(Some(5)), ..running() };
        catch_up(&mut memory, &[beat(7, Some(900)), beat(8, None)]);
        assert_eq!(memory.tokens, Counter(Some(900)));
        catch_up(&mut memory, &[beat(9, None)]);
        assert_eq!(memory.tokens, Counter(Some(900)));
    }

    #[test]
    fn the_end_of_an_earlier_incarnation_is_old_news() {
        let mut memory = running();
        catch_up(&mut memory, &ended(6));
        assert_eq!((memory.tree.map(|tree| tree.ended), memory.streak.failures), (Some(false), 1));
    }
}
