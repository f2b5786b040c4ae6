//! What becomes an incident, what is told of it, and what is not.

use super::*;
use crate::core::ending::Ending;
use crate::core::event::{By, Traces};
use crate::core::fact::{BeatFact, Cause, Excess, FinishedWhy, Outcome, StopBy, Summary};
use crate::core::memory::LatchWhy;
use crate::core::time::{Boot, Day, LocalDay, Now, Up};

const HOUR: i64 = 3_600_000;

struct Night {
    incidents: Incidents,
    how: Alerting,
    at: i64,
}

impl Night {
    fn new() -> Self {
        let how = Alerting { sinks: true, ..Alerting::default() };
        // Five hours after a midnight.
        Self { incidents: Incidents::default(), how, at: 5 * HOUR }
    }

    fn now(&self) -> Now {
        let day = 24 * HOUR;
        Now {
            up: Up(Duration::ZERO),
            boot: Boot(Duration::ZERO),
            wall: Wall(self.at),
            day: LocalDay(0),
            today: Day::plain(Wall(self.at / day * day)),
            tomorrow: Day::plain(Wall((self.at / day + 1) * day)),
        }
    }

    /// What is told after a fact, a second later.
    fn told(&mut self, fact: &Fact) -> Vec<(Part, Trouble, Severity)> {
        self.at += 1000;
        self.incidents.hear(Wall(self.at), fact);
        self.look()
    }

    fn look(&mut self) -> Vec<(Part, Trouble, Severity)> {
        let now = self.now();
        self.incidents.pass(now.wall);
        let mut told = Vec::new();
        loop {
            let letters = self.incidents.tell(&now, &self.how, true, true);
            if letters.is_empty() {
                return told;
            }
            for (part, one, _) in letters {
                told.push((part, one.trouble, one.severity));
                self.incidents.posted(now.wall, one.trouble, one.since);
            }
        }
    }

    fn after(&mut self, ms: i64) -> Vec<(Part, Trouble, Severity)> {
        self.at += ms;
        self.look()
    }
}

fn failure(streak: u32) -> Fact {
    Fact::Exited {
        incarnation: streak,
        ending: Ending::Exit { code: 1 },
        ran_ms: Some(5),
        outcome: Outcome::Failure { cause: Cause::Exited, streak, max: 3 },
        rule: None,
        last_line: None,
        traces: Traces { output: vec!["x".repeat(100)], ..Traces::default() },
    }
}

fn escalated(reason: Excess) -> Fact {
    Fact::Escalated { reason, failures: 3, within_ms: Some(5), same_line: false }
}

fn recovered() -> Fact {
    Fact::Recovered { incarnation: 1, after_ms: 5, alive_only: false }
}

fn beat() -> Fact {
    Fact::Beat(BeatFact { incarnation: 9, ..BeatFact::default() })
}

#[test]
fn one_failure_is_for_the_report_and_the_second_is_told() {
    let mut night = Night::new();
    assert_eq!(night.told(&failure(1)), []);
    assert_eq!(night.told(&recovered()), []);
    assert!(night.incidents.all.is_empty(), "nobody knew, so nobody is told that it is over");
    let mut night = Night::new();
    night.told(&failure(1));
    let opened = [(Part::Opened, Trouble::Failing, Severity::Warning)];
    assert_eq!(night.told(&failure(2)), opened);
    assert_eq!(night.told(&recovered()), [(Part::Closed, Trouble::Failing, Severity::Warning)]);
    assert!(night.incidents.all.is_empty());
}

#[test]
fn giving_up_is_another_message_and_is_over_when_it_runs_again() {
    let mut night = Night::new();
    night.told(&failure(1));
    night.told(&failure(2));
    assert_eq!(night.told(&failure(3)), []);
    let worse = [(Part::Worse, Trouble::Failing, Severity::Critical)];
    assert_eq!(night.told(&escalated(Excess::Streak)), worse);
    // A latched start is old news.
    let latched = Fact::Latched { since: Wall(0), failures: 3, why: LatchWhy::Failures };
    assert_eq!(night.told(&latched), []);
    assert_eq!(night.told(&beat()), [], "somebody else's");
    assert_eq!(night.told(&Fact::Resumed { by: By::Command }), []);
    assert_eq!(night.told(&beat()), [(Part::Closed, Trouble::Failing, Severity::Critical)]);
}

#[test]
fn who_resumed_it_hears_when_it_is_given_up_again() {
    let mut night = Night::new();
    let worse = [(Part::Worse, Trouble::Failing, Severity::Critical)];
    night.told(&failure(1));
    night.told(&failure(2));
    assert_eq!(night.told(&escalated(Excess::Streak)), worse);
    night.incidents.snooze(Wall(night.at + 9 * HOUR));
    for _ in 0..2 {
        assert_eq!(night.told(&Fact::Resumed { by: By::Command }), []);
        assert_eq!(night.told(&failure(1)), []);
        assert_eq!(night.told(&escalated(Excess::Streak)), worse);
        let reminder = [(Part::Reminder, Trouble::Failing, Severity::Critical)];
        assert_eq!(night.after(4 * HOUR), reminder, "and is reminded of it");
    }
    // Nobody has resumed it.
    assert_eq!(night.told(&escalated(Excess::Streak)), []);
}

#[test]
fn what_was_lifted_before_anybody_was_told_is_told_to_nobody() {
    let mut night = Night::new();
    let at = Wall(night.at);
    for fact in [failure(1), failure(3), escalated(Excess::Streak)] {
        night.incidents.hear(at, &fact);
    }
    night.incidents.hear(at, &Fact::Resumed { by: By::Command });
    assert_eq!(night.look(), []);
    assert_eq!(night.told(&failure(1)), [], "and what comes is counted anew");
}

#[test]
fn flapping_is_said_once() {
    let mut night = Night::new();
    night.told(&failure(1));
    night.told(&failure(2));
    assert_eq!(night.told(&recovered()).len(), 1);
    assert_eq!(night.told(&failure(3)), [(Part::Opened, Trouble::Failing, Severity::Warning)]);
    for streak in 4..9 {
        assert_eq!(night.told(&recovered()), []);
        assert_eq!(night.told(&failure(streak)), []);
    }
    night.told(&recovered());
    let forgotten = Fact::StreakForgotten { failures: 8 };
    assert_eq!(night.told(&forgotten), [(Part::Closed, Trouble::Failing, Severity::Warning)]);
    // After that a failure is a failure again.
    assert_eq!(night.told(&failure(1)), []);
}

#[test]
fn a_stop_that_was_asked_for_is_no_incident_and_ends_those_that_are() {
    let summary = Summary::default();
    let stopped = Fact::Stopped { by: StopBy::STOP, code: 0, summary };
    let mut night = Night::new();
    assert_eq!(night.told(&stopped), []);
    night.told(&failure(1));
    night.told(&failure(2));
    assert_eq!(night.told(&stopped), [(Part::Closed, Trouble::Failing, Severity::Warning)]);
    let finished = Fact::Finished { reason: FinishedWhy::Announced, code: 0, summary };
    assert_eq!(night.told(&finished), []);
}

#[test]
fn reminders_are_seldom_and_end_when_somebody_has_seen_it() {
    let mut night = Night::new();
    night.told(&failure(1));
    night.told(&failure(2));
    night.told(&escalated(Excess::Streak));
    assert_eq!(night.after(4 * HOUR - 1001), []);
    let reminder = [(Part::Reminder, Trouble::Failing, Severity::Critical)];
    assert_eq!(night.after(1001), reminder);
    assert_eq!(night.after(3 * HOUR), []);
    assert_eq!(night.incidents.tells_in(&night.now(), &night.how, true).unwrap().as_secs(), 3600);
    assert_eq!(night.incidents.snooze(Wall(night.at + 2 * HOUR)), 1);
    assert_eq!(night.after(HOUR), []);
    assert_eq!(night.after(HOUR), reminder, "a snooze ends with a word");
    assert_eq!(night.after(4 * HOUR), reminder, "and it goes on as before");
    assert_eq!(night.incidents.acknowledge(), 1);
    let thanks = [(Part::Acknowledged, Trouble::Failing, Severity::Critical)];
    assert_eq!(night.look(), thanks);
    assert_eq!(night.after(100 * HOUR), []);
    assert_eq!(night.incidents.tells_in(&night.now(), &night.how, true), None);
}

#[test]
fn what_was_not_told_before_a_crash_is_told_after_it() {
    let mut night = Night::new();
    night.told(&failure(1));
    let before = night.incidents.clone();
    let opened = night.told(&failure(2));
    // The journal has it, the memory does not.
    night.incidents = before;
    assert_eq!(night.told(&failure(2)), opened);
    let kept = serde_json::to_string(&night.incidents).unwrap();
    assert!(!kept.contains("xxxx"), "{kept}");
    let read: Incidents = serde_json::from_str(&kept).unwrap();
    assert_eq!(read, night.incidents);
    assert_eq!(night.look(), [], "what was told is told once");
}

#[test]
fn at_night_only_what_is_critical_comes_through() {
    let mut night = Night::new();
    let quiet = Quiet { from: 23 * 60, to: 7 * 60 };
    night.how.quiet = Some(quiet);
    night.incidents.hear(Wall(night.at), &failure(2));
    let now = night.now();
    let (_, one, held) = night.incidents.tell(&now, &night.how, true, true).remove(0);
    assert_eq!(held, Some(Wall(7 * HOUR)));
    night.incidents.posted(now.wall, one.trouble, one.since);
    night.incidents.hear(Wall(night.at), &escalated(Excess::Rule));
    let (part, _, held) = night.incidents.tell(&now, &night.how, true, true).remove(0);
    assert_eq!((part, held), (Part::Worse, None));
    let (today, tomorrow) = (Day::plain(Wall(0)), Day::plain(Wall(24 * HOUR)));
    let at = |hour: i64| {
        let wall = Wall(hour * HOUR);
        quiet.ends(&Now { wall, today, tomorrow, ..Now::default() })
    };
    assert_eq!((at(7), at(12), at(22)), (None, None, None));
    assert_eq!(at(23), Some(Wall(31 * HOUR)));
    let noon = Quiet { from: 12 * 60, to: 13 * 60 };
    let at = |wall| noon.ends(&Now { wall, today, tomorrow, ..Now::default() });
    assert_eq!(at(Wall(12 * HOUR)), Some(Wall(13 * HOUR)));
    assert_eq!((at(Wall(13 * HOUR)), at(Wall(11 * HOUR))), (None, None));
}

#[test]
fn at_night_nobody_is_reminded_and_in_the_morning_once() {
    let reminder = [(Part::Reminder, Trouble::Failing, Severity::Warning)];
    let mut night = Night::new();
    night.how.quiet = Some(Quiet { from: 23 * 60, to: 7 * 60 });
    night.how.remind = Duration::from_hours(1);
    night.incidents.hear(Wall(night.at), &failure(2));
    assert_eq!(night.look(), [(Part::Opened, Trouble::Failing, Severity::Warning)]);
    assert_eq!(night.after(HOUR), [], "it is told at seven");
    assert_eq!(
        night.incidents.tells_in(&night.now(), &night.how, true),
        Some(Duration::from_hours(2))
    );
    assert_eq!(night.after(HOUR), [], "and is known for no longer");
    assert_eq!(night.after(HOUR), reminder);
    // What was told in the evening is told again in the morning, and not for each hour of the night.
    night.after(14 * HOUR);
    for hour in 23..31 {
        night.at = hour * HOUR;
        assert_eq!(night.look(), [], "{hour}");
    }
    assert_eq!(
        night.incidents.tells_in(&night.now(), &night.how, true),
        Some(Duration::from_hours(1))
    );
    night.at = 31 * HOUR;
    assert_eq!(night.look(), reminder);
    assert_eq!(night.look(), []);
}

#[test]
fn who_is_parked_for_an_hour_is_worth_a_warning_and_a_budget_ends_by_itself() {
    let mut night = Night::new();
    let parked = |wait_ms| Fact::Parked { wait_ms, until: Wall(0), asked: false, budget: None };
    assert_eq!(night.told(&parked(300_000)), []);
    assert_eq!(night.incidents.passes_in(Wall(night.at)), Some(PARKED_LONG));
    assert_eq!(night.after(HOUR), [(Part::Opened, Trouble::Parked, Severity::Warning)]);
    assert_eq!(night.told(&parked(300_000)), []);
    assert_eq!(night.told(&beat()), [(Part::Closed, Trouble::Parked, Severity::Warning)]);
    let one = night.told(&parked(7_200_000));
    assert_eq!(one, [(Part::Opened, Trouble::Parked, Severity::Warning)]);
}

#[test]
fn whoever_was_given_up_for_another_reason_stays_in_its_incident() {
    for (reason, trouble) in [
        (Excess::Loop, Trouble::Loop),
        (Excess::Budget, Trouble::Budget),
        (Excess::State, Trouble::State),
    ] {
        let mut night = Night::new();
        let opened = [(Part::Opened, trouble, Severity::Critical)];
        assert_eq!(night.told(&escalated(reason)), opened);
        assert_eq!(night.told(&beat()), [], "{trouble:?} is latched");
        night.told(&Fact::Resumed { by: By::Command });
        assert_eq!(night.told(&beat()), [(Part::Closed, trouble, Severity::Critical)]);
    }
}
