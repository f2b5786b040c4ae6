//! Letters and their delivery in the simulated world, and what must be true of them: none is skipped, none
//! comes after the last one of its incident, and every incident ends.

use std::collections::BTreeMap;
use std::time::Duration;

use agentwatch::core::event::Event;
use agentwatch::core::fact::Severity;
use agentwatch::core::incident::{Alert, Alerting, Part, Trouble};
use agentwatch::core::supervisor::{Phase, Supervisor};
use agentwatch::core::time::{Up, Wall};

use crate::invariants::Verdict;
use crate::rng::Rng;
use crate::run::{check, fail};
use crate::world::World;

/// The last letter of an incident.
#[derive(Clone, Copy, Debug)]
struct Told {
    number: u32,
    severity: Severity,
    closed: bool,
}

/// Outbox and courier.
#[derive(Clone, Debug, Default)]
pub struct Post {
    /// By incident.
    told: BTreeMap<(Trouble, Wall), Told>,
    /// The courier is at home again then.
    courier: Option<Up>,
    /// What was told last may be told again: that was another life.
    again: bool,
    /// A memory was lost, and with it who was told what.
    lost: bool,
    pub letters: u64,
}

impl Post {
    /// agentwatch was killed; a memory may be lost with it.
    pub fn crash(&mut self) {
        (self.courier, self.again) = (None, true);
    }

    /// agentwatch leaves; its courier goes on without it.
    pub fn leave(&mut self) {
        // Where nothing could be written the next life tells some of it again.
        (self.courier, self.again) = (None, true);
    }

    /// A new life begins.
    pub fn anew(&mut self, memory_lost: bool) {
        if memory_lost {
            // Nobody knows what was told.
            self.told.clear();
            self.lost = true;
        }
    }

    /// Whoever resumed it believes that it runs, and is told when it is given up again.
    pub fn resumed(&mut self) {
        for told in self.told.values_mut().filter(|told| !told.closed) {
            told.severity = told.severity.min(Severity::Warning);
        }
    }

    /// When the courier is back.
    pub fn next(&self) -> Option<Up> {
        self.courier
    }

    pub fn alert(&mut self, alert: &Alert, how: &Alerting) -> Verdict {
        let rule = |holds: bool, words: &str| {
            if holds { Ok(()) } else { Err((9, format!("{words}: {alert:?}"))) }
        };
        self.letters += 1;
        let one = &alert.incident;
        rule(how.sinks && how.least <= one.severity, "a letter that nobody wants")?;
        let before = self.told.get(&(one.trouble, one.since)).copied();
        let last = before.map_or(0, |told| told.number);
        let repeats =
            self.again && one.letters <= last || self.lost && before.is_none() && 0 < one.letters;
        rule(one.letters == last + 1 || repeats, "letters are skipped")?;
        if !repeats {
            rule(before.is_none_or(|told| !told.closed), "a letter after the last one")?;
            rule((alert.part == Part::Opened) == (last == 0), "an incident begins once")?;
            if alert.part == Part::Worse {
                rule(before.is_some_and(|told| told.severity < one.severity), "is no worse")?;
            }
        }
        rule(one.facts.len() <= 4, "keeps too much")?;
        // A letter may follow the word that it was resumed, where both were found after a crash.
        let believed = if one.resumed { Severity::Warning } else { Severity::Critical };
        let (closed, severity) = (alert.part == Part::Closed, one.severity.min(believed));
        self.told.insert((one.trouble, one.since), Told { number: one.letters, severity, closed });
        if 200 < self.told.len() {
            self.told.retain(|_, told| !told.closed);
        }
        Ok(())
    }

    /// At the end of a kind world: of what ends by itself nothing is left.
    pub fn is_settled(sut: Option<&Supervisor>) -> Verdict {
        let Some(sut) = sut else { return Ok(()) };
        let open = sut.memory().incidents.all.iter().find(|one| {
            one.over.is_none()
                && match one.trouble {
                    Trouble::Failing
                    | Trouble::Silent
                    | Trouble::Parked
                    | Trouble::State
                    | Trouble::Stuck
                    | Trouble::Deaf
                    | Trouble::Store => true,
                    Trouble::Loop | Trouble::Budget | Trouble::Idle | Trouble::Snapshots => false,
                }
        });
        match open {
            Some(one) => Err((0, format!("an incident that never ends: {one:?}"))),
            None => Ok(()),
        }
    }
}

/// How people are told: half of the agents have nobody to tell.
pub fn alerting(rng: &mut Rng) -> Alerting {
    let s = Duration::from_secs;
    Alerting {
        sinks: rng.one_in(2),
        least: rng.pick(&[
            Severity::Warning,
            Severity::Warning,
            Severity::Info,
            Severity::Critical,
        ]),
        remind: rng.pick(&[s(14_400), s(14_400), s(60)]),
        quiet: None,
        exit_wait: rng.pick(&[s(15), s(15), s(0)]),
        ping: rng.one_in(4),
    }
}

impl World {
    /// A letter is put into the outbox.
    pub fn post(&mut self, alert: &Alert) {
        check(self.post.alert(alert, &self.settings.alerting));
        let (trouble, since) = (alert.incident.trouble, alert.incident.since);
        self.step(Event::Posted { trouble, since });
    }

    /// The courier leaves.
    pub fn deliver(&mut self) {
        if self.post.courier.is_some() {
            fail(9, "two couriers");
        }
        let hangs = self.rng.one_in(60);
        let takes = if hangs { self.rng.secs(1_000, 9_000) } else { self.rng.secs(0, 40) };
        self.post.courier = Some(self.now.up.plus(takes));
    }

    /// The courier is killed.
    pub fn drop_delivery(&mut self) {
        if self.post.courier.take().is_none() {
            fail(9, "nobody to be killed");
        }
    }

    /// The courier is back.
    pub fn tell_post(&mut self) {
        if self.post.courier.take_if(|at| *at <= self.now.up).is_some() {
            let again = self.rng.one_in(5);
            let next = again.then(|| self.rng.secs(1, 3_000));
            self.step(Event::Delivered { next });
        }
    }

    /// Whoever leaves because a human is needed has told it, or has waited for that.
    pub fn leaves_in_time(&self) {
        if self.phase() == Phase::Leaving && self.settings.alerting.exit_wait.is_zero() {
            fail(8, "waits longer than it may");
        }
    }
}
