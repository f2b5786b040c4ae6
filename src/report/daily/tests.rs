//! What a day looks like in a report, told as journals.

mod obvious;

use super::agent::{Known, as_of};
use super::calendar::Calendar;
use super::fold::Fold;
use super::text::{Style, text};
use super::verdict::{Read, report};
use super::{Agent, Mark, Need, Report};
use crate::core::cost::limits::Action;
use crate::core::cost::runaway::Stretch;
use crate::core::cost::sign::{Cleared, LoopOver, Sign, SignKind};
use crate::core::ending::Ending;
use crate::core::event::{By, Traces};
use crate::core::fact::{
    BeatFact, Began, Cause, Excess, Fact, IncidentFact, Outcome, Severity, StopBy, Summary,
};
use crate::core::incident::Trouble;
use crate::core::time::{LocalDay, Wall};
use crate::wire::record;

const MINUTE: i64 = 60_000;

/// A journal that is written for a test, in hours of the reported day.
pub(super) struct Journal {
    calendar: Calendar,
    lines: Vec<Vec<u8>>,
}

impl Journal {
    pub(super) fn new() -> Self {
        let day = LocalDay(20_000);
        Self { calendar: Calendar::new(day, day, &|_| 0), lines: Vec::new() }
    }

    fn at(&self, hour: f64) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "a test")]
        let ms = (hour * 3_600_000.0).round() as i64;
        self.calendar.from() + ms
    }

    pub(super) fn put(&mut self, hour: f64, fact: &Fact) -> &mut Self {
        let number = u64::try_from(self.lines.len()).unwrap() + 1;
        let mut line = record::write(Wall(self.at(hour)), number, fact).unwrap();
        line.pop();
        self.lines.push(line);
        self
    }

    /// A beat every ten minutes from one hour to another.
    pub(super) fn beats(&mut self, from: f64, until: f64, tokens: u64) -> &mut Self {
        let mut hour = from;
        while hour < until - 1e-9 {
            self.put(hour, &beat(tokens));
            hour += 1.0 / 6.0;
        }
        self
    }

    fn read(&self, hour: f64, supervised: Option<bool>) -> Read {
        let as_of = as_of(&self.calendar, Wall(self.at(hour)));
        let mut fold = Fold::new(&self.calendar, as_of);
        self.lines.iter().for_each(|line| fold.line(line));
        fold.end(&Known { name: "trader", host: "vps2", supervised, options: "" }, &|_| 0)
    }

    /// As seen at that hour of the reported day; 32 is eight in the next morning.
    pub(super) fn seen(&self, hour: f64) -> (Agent, Option<Need>) {
        let (agent, need, _) = self.read(hour, Some(true)).unwrap();
        (agent, need)
    }

    pub(super) fn report(&self, hour: f64) -> Report {
        let read = self.read(hour, Some(true));
        report(&self.calendar, Wall(self.at(hour)), vec![("trader".into(), read)], vec![])
    }
}

pub(super) fn beat(tokens: u64) -> Fact {
    Fact::Beat(BeatFact {
        incarnation: 1,
        status: "ok".into(),
        tokens: Some(tokens),
        usual: Some(1_000),
        beats: 1,
        cycles: 1,
        ..BeatFact::default()
    })
}

pub(super) fn began() -> Fact {
    Fact::SupervisorStarted(Began { interval_ms: 600_000, misses: 2, ..Began::default() })
}

pub(super) fn started(incarnation: u32) -> Fact {
    Fact::Started { incarnation, pid: 42, first_beat_ms: None }
}

pub(super) fn failed(streak: u32) -> Fact {
    Fact::Exited {
        incarnation: 1,
        ending: Ending::Exit { code: 1 },
        ran_ms: Some(9_000),
        outcome: Outcome::Failure { cause: Cause::Exited, streak, max: 3 },
        rule: None,
        last_line: Some("KeyError".into()),
        traces: Traces::default(),
    }
}

fn gaps(agent: &Agent, journal: &Journal) -> Vec<(i64, i64, bool, String)> {
    let from = journal.calendar.from();
    let minutes = |at: i64| (at - from) / MINUTE;
    let gap = |gap: &super::Gap| {
        (minutes(gap.from_ms), minutes(gap.until_ms), gap.open, gap.cause.clone())
    };
    agent.gaps.iter().map(gap).collect()
}

#[test]
fn a_quiet_day_is_fine_and_says_no_more() {
    let mut journal = Journal::new();
    journal.put(-30.0, &began()).put(-30.0, &started(1)).beats(-29.9, 32.0, 1_000);
    let (agent, need) = journal.seen(32.0);
    assert_eq!((need, agent.mark, agent.state), (None, Mark::Good, "healthy"));
    assert_eq!((agent.up_share, agent.due_ms), (Some(10_000), 86_400_000));
    assert_eq!((agent.beats, agent.usage.tokens), (144, 144_000));
    assert_eq!(agent.headline, "up all the time, 144 cycles, 1,000 tokens a cycle");
    assert!(agent.gaps.is_empty() && agent.flags.is_empty() && agent.events.is_empty());
    assert_eq!(agent.history.len(), 3, "the day before, and the one before that in part");
    let report = journal.report(32.0);
    assert_eq!(report.verdict.subject, "vps2: trader is fine");
    let words: Vec<&str> = report.answers.iter().map(|answer| answer.words.as_str()).collect();
    let want = [
        "yes",
        "none",
        "no: 1,000 a cycle, usual 1,000",
        "none",
        "nothing had to recover; nothing needs a human",
    ];
    assert_eq!(words, want);
}

#[test]
fn a_failure_is_a_gap_with_its_cause_and_a_restart() {
    let mut journal = Journal::new();
    journal.put(-2.0, &began()).put(-2.0, &started(1)).beats(-1.9, 3.0, 1_000);
    journal.put(3.0, &failed(1)).put(3.0, &Fact::Cooldown { wait_ms: 1, until: Wall(0) });
    journal.put(3.25, &started(2)).put(3.5, &beat(900));
    journal.put(3.5, &Fact::Recovered { incarnation: 2, after_ms: 9, alive_only: false });
    journal.beats(3.6, 30.0, 1_000);
    let (agent, need) = journal.seen(30.0);
    assert_eq!((need, agent.mark), (None, Mark::Warning));
    let cause = "exit 1 after 9s: KeyError".to_owned();
    assert_eq!(gaps(&agent, &journal), [(180, 195, false, cause)]);
    assert_eq!((agent.starts, agent.restarts, agent.failures, agent.recovered), (1, 1, 1, 1));
    assert_eq!(agent.causes[0].words, "exit 1");
    assert_eq!(agent.hours[3].failures, 1);
    assert_eq!(agent.up_share, Some(9_895));
    let report = journal.report(30.0);
    assert_eq!(report.verdict.subject, "vps2: trader worth a look");
    assert_eq!(report.answers[1].words, "1 after 1 failure: exit 1");
    assert_eq!(report.answers[4].words, "1 failure recovered by itself; nothing needs a human");
}

#[test]
fn what_a_person_started_again_is_said_apart_and_a_cooldown_cut_short_was_not_waited_out() {
    let mut journal = Journal::new();
    journal.put(0.0, &began()).put(0.0, &started(1)).beats(0.1, 3.0, 1_000);
    journal.put(3.0, &failed(1)).put(3.0, &Fact::Cooldown { wait_ms: 1, until: Wall(0) });
    journal.put(3.1, &Fact::RestartAsked { at_beat: false });
    journal.put(3.1, &started(2)).beats(3.2, 5.0, 1_000);
    journal.put(5.0, &failed(2)).put(5.0, &Fact::Cooldown { wait_ms: 1, until: Wall(0) });
    journal.put(5.5, &started(3)).beats(5.6, 30.0, 1_000);
    let (agent, _) = journal.seen(30.0);
    assert_eq!((agent.restarts, agent.restarts_asked, agent.cooldowns), (2, 1, 1));
    let report = journal.report(30.0);
    assert_eq!(report.answers[1].words, "2, 1 by hand, after 2 failures: exit 1 ×2");
}

#[test]
fn who_was_given_up_needs_a_human_until_somebody_resumes_it() {
    let mut journal = Journal::new();
    journal.put(-2.0, &began()).put(-2.0, &started(1)).beats(-1.9, 20.0, 1_000);
    for streak in 1..=3 {
        journal.put(20.0 + f64::from(streak) / 10.0, &failed(streak));
    }
    let (reason, within_ms) = (Excess::Streak, Some(720_000));
    journal.put(20.3, &Fact::Escalated { reason, failures: 3, within_ms, same_line: true });
    let since = Wall(journal.at(20.1));
    let incident = IncidentFact {
        trouble: Trouble::Failing,
        severity: Severity::Critical,
        since,
        lasted_ms: None,
    };
    journal.put(20.3, &Fact::IncidentOpened(incident));
    journal.put(20.4, &Fact::SupervisorStopped { code: 69 });
    let (agent, need) = journal.seen(32.0);
    let need = need.unwrap();
    assert_eq!(need.words, "gave up: 3 failures in 12m, same last line (11h42m ago)");
    assert_eq!(need.command.as_deref(), Some("agentwatch resume trader"));
    assert_eq!((agent.mark, agent.state, agent.escalated), (Mark::Bad, "escalated", 1));
    let cause = "3 failures, the first: exit 1 after 9s: KeyError; gave up".to_owned();
    assert_eq!(gaps(&agent, &journal), [(1_206, 1_440, true, cause)]);
    assert_eq!(agent.incidents.len(), 1);
    assert_eq!(agent.incidents[0].lasted_ms, None);
    assert_eq!(journal.report(32.0).verdict.subject, "vps2: trader needs you");
    // In the morning somebody came.
    journal.put(30.0, &began()).put(30.0, &Fact::Resumed { by: By::Command });
    let lasted_ms = Some(9);
    journal.put(30.0, &Fact::IncidentClosed(IncidentFact { lasted_ms, ..incident }));
    journal.put(30.1, &started(2)).beats(30.2, 32.0, 1_000);
    let (agent, need) = journal.seen(32.0);
    assert_eq!((need, agent.mark, agent.state), (None, Mark::Warning, "healthy"));
    // Of the day as it was then nothing of the morning is known.
    let late = journal.read(24.0 + 37.0, None).unwrap();
    assert!(late.1.is_some(), "a report of long ago tells how it stood then");
}

#[test]
fn a_runaway_is_flagged_from_its_begin_to_its_end() {
    let mut journal = Journal::new();
    journal.put(-2.0, &began()).put(-2.0, &started(1)).beats(-1.9, 14.0, 1_000);
    journal.put(14.0, &beat(40_000));
    let sign = Sign::Tokens { stretch: Stretch::One, tokens: 40_000, usual: 1_000, record: None };
    journal.put(14.0, &Fact::LoopSuspected { incarnation: 1, sign, action: Action::Alert });
    journal.beats(14.1, 15.0, 40_000);
    journal.put(
        15.0,
        &Fact::LoopCleared(LoopOver {
            sign: SignKind::Tokens,
            for_ms: 3_600_000,
            cycles: 6,
            tokens: 240_000,
            why: Cleared::Normal,
        }),
    );
    journal.beats(15.1, 30.0, 1_000);
    let (agent, _) = journal.seen(30.0);
    assert_eq!(agent.flags.len(), 1);
    assert_eq!((agent.flags[0].kind, agent.flags[0].for_ms), ("tokens", Some(3_600_000)));
    let flagged: Vec<i64> = agent
        .cycles
        .iter()
        .filter(|bucket| bucket.flagged)
        .map(|bucket| (bucket.from_ms - journal.calendar.from()) / MINUTE)
        .collect();
    assert_eq!(flagged, [840, 855, 870, 885, 900]);
    let most = agent.cycles.iter().map(|bucket| bucket.most).max();
    assert_eq!(most, Some(40_000));
    let answer = &journal.report(30.0).answers[2];
    assert_eq!(
        answer.words,
        "yes: 14:00 40,000 tokens in a cycle, 40 × the usual 1,000; left alone"
    );
    // One that is not over goes on.
    let mut journal = Journal::new();
    journal.put(-2.0, &began()).put(-2.0, &started(1)).beats(-1.9, 14.0, 1_000);
    let sign = Sign::Retries { beats: 10 };
    journal.put(14.0, &Fact::LoopSuspected { incarnation: 1, sign, action: Action::Pause });
    journal.put(14.0, &Fact::Paused { incarnation: 1 });
    let (agent, need) = journal.seen(30.0);
    assert_eq!((agent.flags[0].kind, agent.flags[0].for_ms), ("loop", None));
    let need = need.unwrap();
    assert!(need.words.starts_with("paused 16h ago: trouble in 10 beats running"), "{need:?}");
    assert_eq!(agent.gaps.len(), 1, "it should have run");
}

#[test]
fn what_a_person_asked_for_is_no_gap() {
    let stopped = Fact::Stopped { by: StopBy::STOP, code: 0, summary: Summary::default() };
    for (down, up) in [
        (Fact::Paused { incarnation: 1 }, Fact::Continued { incarnation: 1, paused_ms: 1 }),
        (Fact::Held, Fact::Resumed { by: By::Command }),
        (stopped, began()),
    ] {
        let mut journal = Journal::new();
        journal.put(-2.0, &began()).put(-2.0, &started(1)).beats(-1.9, 6.0, 1_000);
        journal.put(6.0, &down);
        journal.put(12.0, &up).put(12.0, &started(2)).beats(12.1, 30.0, 1_000);
        let (agent, need) = journal.seen(30.0);
        assert_eq!((agent.gaps.as_slice(), need), (&[][..], None), "{down:?}");
        assert_eq!(agent.due_ms / 3_600_000, 18, "{down:?}");
        assert_eq!(agent.up_share, Some(10_000), "{down:?}");
    }
}

#[test]
fn where_nothing_was_recorded_nobody_was_there() {
    let mut journal = Journal::new();
    journal.put(-2.0, &began()).put(-2.0, &started(1)).beats(-1.9, 3.0, 1_000);
    // A machine that slept, and woke up.
    journal.beats(5.0, 8.0, 1_000);
    // An agentwatch that was killed with its agent.
    journal.put(9.0, &began());
    let lost = Outcome::Failure { cause: Cause::Lost, streak: 1, max: 3 };
    journal.put(
        9.0,
        &Fact::Exited {
            incarnation: 1,
            ending: Ending::Unknown,
            ran_ms: None,
            outcome: lost,
            rule: None,
            last_line: None,
            traces: Traces::default(),
        },
    );
    journal.put(9.5, &started(2)).beats(9.6, 20.0, 1_000);
    let (agent, _) = journal.seen(20.0);
    let found = gaps(&agent, &journal);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].3.starts_with("nothing was recorded"), "{found:?}");
    assert_eq!((found[0].0 / 10, found[0].1), (17, 300));
    assert_eq!((found[1].1, found[1].3.as_str()), (570, "agentwatch was killed, and it with it"));
    // What ends without a word, and nobody holds its lock.
    let (agent, need, _) = journal.read(32.0, Some(false)).unwrap();
    assert_eq!(agent.state, "unknown");
    assert!(need.unwrap().words.starts_with("nothing is recorded any more"));
}

#[test]
fn one_that_never_beats_is_up_as_long_as_nothing_else_is_said() {
    let mut journal = Journal::new();
    journal.put(-200.0, &began()).put(-200.0, &started(1));
    let (agent, need) = journal.seen(32.0);
    assert_eq!((agent.state, agent.up_share, need), ("running", Some(10_000), None));
}

#[test]
fn nothing_known_is_nothing_said() {
    let mut journal = Journal::new();
    assert!(journal.read(32.0, Some(false)).is_none());
    journal.put(26.0, &began()).put(26.0, &started(1));
    assert!(journal.read(32.0, Some(true)).is_none(), "it began after the day");
    let report = journal.report(32.0);
    assert_eq!(report.silent, ["trader"]);
    assert_eq!(report.verdict.subject, "agentwatch: no agent has run");
}

#[test]
fn odd_lines_are_counted_and_cost_nothing_else() {
    let mut journal = Journal::new();
    journal.put(-2.0, &began()).put(-2.0, &started(1)).beats(-1.9, 12.0, 1_000);
    journal.lines.push(b"{\"ts\":\"2024-10-04T12:00".to_vec());
    let future = r#"{"ts":"2024-10-04T12:00:00.000Z","seq":9,"event":"telepathy","depth":3}"#;
    journal.lines.push(future.as_bytes().to_vec());
    journal.lines.push(b"nonsense".to_vec());
    // A clock that is set back by two hours.
    journal.beats(10.0, 30.0, 1_000);
    let (agent, _) = journal.seen(30.0);
    let notes = agent.notes.join("\n");
    assert!(notes.contains("2 lines of its journal could not be read"), "{notes}");
    assert!(notes.contains("1 line of its journal tell of events"), "{notes}");
    assert!(notes.contains("set back 1 time"), "{notes}");
    assert_eq!(agent.up_share, Some(10_000));
    let overlaps = agent.spans.windows(2).any(|pair| pair[1].from_ms < pair[0].until_ms);
    assert!(!overlaps);
}

#[test]
fn the_text_fits_80_columns_and_is_the_same_each_time() {
    let mut journal = Journal::new();
    journal.put(-2.0, &began()).put(-2.0, &started(1)).beats(-1.9, 20.0, 1_000);
    for streak in 1..=3 {
        journal.put(20.0 + f64::from(streak) / 10.0, &failed(streak));
    }
    let report = journal.report(30.0);
    for (colour, unicode) in [(false, true), (false, false), (true, true)] {
        let style = Style { colour, unicode };
        let page = text(&report, style);
        assert_eq!(page, text(&journal.report(30.0), style));
        assert_eq!(page.contains('\x1b'), colour);
        if !colour {
            let widest = page.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(80), "{widest:?}\n{page}");
        }
    }
    let plain = text(&report, Style { colour: false, unicode: false });
    assert!(plain.contains("  day         ########"), "{plain}");
}
