//! What counts as a runaway, and what never does.

use super::*;

/// An agent with a cycle a minute.
#[derive(Default)]
struct Agent {
    known: Runaways,
    rule: Rule,
    ms: u64,
}

impl Agent {
    fn used(count: u64, tokens: u64) -> Self {
        let mut agent = Self::default();
        for _ in 0..count {
            assert_eq!(agent.cycle(tokens), Verdict::default());
        }
        agent
    }

    fn after(&mut self, ms: u64, tokens: u64) -> Verdict {
        self.ms += ms;
        self.known.cycle(&self.rule, self.ms, self.now(), tokens)
    }

    fn cycle(&mut self, tokens: u64) -> Verdict {
        self.after(60_000, tokens)
    }

    /// Uses tokens inside a cycle, a second later.
    fn uses(&mut self, tokens: u64) -> Verdict {
        self.ms += 1_000;
        self.known.used(&self.rule, self.ms, self.now(), tokens)
    }

    fn now(&self) -> Wall {
        Wall(1_790_000_000_000 + i64::try_from(self.ms).unwrap())
    }

    /// Agentwatch is started again, by way of `state.json`.
    fn restarted(&self) -> Self {
        let known = serde_json::from_str(&serde_json::to_string(&self.known).unwrap()).unwrap();
        Self { known, rule: self.rule, ms: self.ms }
    }

    fn is_flagged(&mut self, tokens: u64) -> bool {
        self.cycle(tokens).finding.is_some()
    }
}

#[test]
fn ten_times_the_mean_is_a_runaway_after_the_warm_up_and_above_the_floor() {
    let mut agent = Agent::used(4, 1_000);
    assert!(!agent.is_flagged(1_000), "the fifth ends the warm-up");
    assert!(!agent.is_flagged(10_000), "ten times is not above ten times");
    let mut agent = Agent::used(5, 1_000);
    let finding = agent.cycle(10_001).finding.unwrap();
    let want = Finding { stretch: Stretch::One, tokens: 10_001, usual: 1_000, record: Some(1_000) };
    assert_eq!(finding, want);
    assert!(!Agent::used(50, 10).is_flagged(1_000), "below the floor nothing is");
    assert!(Agent::used(50, 10).is_flagged(1_001));
}

#[test]
fn a_runaway_never_makes_itself_normal_while_it_grows() {
    let mut agent = Agent::used(50, 1_000);
    let mut tokens = 20_000;
    for _ in 0..120 {
        tokens += tokens / 10;
        assert!(agent.is_flagged(tokens));
    }
    assert_eq!(agent.known.usual(&agent.rule), Some(1_000));
}

#[test]
fn an_incident_ends_with_the_second_normal_cycle() {
    let mut agent = Agent::used(50, 1_000);
    assert_eq!(agent.cycle(50_000).change, Some(Change::Opened));
    assert_eq!(agent.cycle(60_000).change, None);
    assert_eq!(agent.cycle(1_000).change, None);
    assert!(agent.known.is_open());
    let closed = Change::Closed { cycles: 2, tokens: 110_000 };
    assert_eq!(agent.cycle(1_000).change, Some(closed));
    assert!(!agent.known.is_open());
}

#[test]
fn what_it_has_done_before_is_no_news() {
    let mut agent = Agent::used(50, 1_000);
    assert!(agent.is_flagged(40_000));
    agent.cycle(1_000);
    agent.cycle(1_000);
    assert!(!agent.is_flagged(40_000), "a spike that was over by itself is in the record");
    assert!(agent.is_flagged(120_001), "three times the record is news again");
    let mut agent =
        Agent { rule: Rule { kind: Kind::Mean, ..Rule::default() }, ..Agent::used(50, 1_000) };
    for _ in 0..3 {
        assert!(agent.is_flagged(40_000), "the plain rule has no record");
        agent.cycle(1_000);
        agent.cycle(1_000);
    }
}

#[test]
fn two_in_a_row_and_six_in_a_row_count_at_a_lower_factor() {
    let mut agent = Agent::used(40, 1_000);
    assert!(!agent.is_flagged(6_000));
    let finding = agent.cycle(7_000).finding.unwrap();
    assert_eq!((finding.stretch, finding.tokens, finding.usual), (Stretch::Two, 6_000, 1_000));
    let mut agent = Agent::used(40, 1_000);
    let flags: Vec<bool> = (0..6).map(|_| agent.is_flagged(4_500)).collect();
    assert_eq!(flags, [false, false, false, false, false, true]);
}

#[test]
fn cycles_that_come_sixty_times_as_fast_are_a_runaway_though_each_is_normal() {
    let mut agent = Agent::used(40, 1_000);
    let seconds = (1..100).find(|_| agent.after(1_000, 1_000).finding.is_some()).unwrap();
    assert!(seconds <= 10, "{seconds}");
    let mut agent = Agent::used(40, 1_000);
    for _ in 0..200 {
        assert!(agent.after(20_000, 1_000).finding.is_none(), "three times as fast is a busy day");
    }
}

#[test]
fn fifty_even_cycles_at_a_new_level_are_the_new_normal() {
    let mut agent = Agent::used(40, 1_000);
    let changes: Vec<Change> = (0..50).filter_map(|_| agent.cycle(30_000).change).collect();
    let settled = Change::Settled { cycles: 50, times: 3_000 };
    assert_eq!(changes, [Change::Opened, settled]);
    assert!(!agent.is_flagged(30_000));
    assert!(agent.is_flagged(400_000));
}

#[test]
fn no_number_overflows_and_memory_stays_bounded() {
    let mut agent = Agent::default();
    for n in 0..20_000_u64 {
        agent.after(n % 7, if n % 3 == 0 { u64::MAX } else { n });
    }
    assert!(agent.known.last.len() <= RUN_MAX);
    assert!(agent.known.half_minute.seconds.len() <= 31);
    let weight = format!("{:?}", agent.known).len();
    assert!(weight < 16 * 1024, "{weight}");
}

#[test]
fn a_running_cycle_is_judged_as_soon_as_it_has_used_too_much_and_once() {
    let mut agent = Agent::used(40, 1_000);
    assert_eq!(agent.uses(9_000), Verdict::default());
    let verdict = agent.uses(9_000);
    assert_eq!(verdict.finding.map(|finding| finding.tokens), Some(18_000));
    assert_eq!(verdict.change, Some(Change::Opened));
    assert_eq!(agent.uses(9_000), Verdict::default());
    assert_eq!(agent.after(40_000, 3_000), Verdict::default());
    assert_eq!(agent.cycle(1_000).finding, None, "the next cycle begins at nothing");
    let closed = Change::Closed { cycles: 1, tokens: 30_000 };
    assert_eq!(agent.cycle(1_000).change, Some(closed));
    assert_eq!(agent.known.usual(&agent.rule), Some(1_000), "it never entered the baseline");
}

#[test]
fn the_parts_of_a_normal_cycle_are_learnt_as_one() {
    let mut agent = Agent::used(40, 1_000);
    for _ in 0..60 {
        agent.ms += 56_000;
        (0..3).for_each(|_| assert_eq!(agent.uses(600), Verdict::default()));
        assert_eq!(agent.after(1_000, 200), Verdict::default());
    }
    assert_eq!(agent.known.usual(&agent.rule), Some(2_000));
}

#[test]
fn an_announced_end_is_neither_judged_nor_learnt() {
    let mut agent = Agent::used(40, 1_000);
    assert_eq!(agent.uses(9_000), Verdict::default());
    agent.ms += 60_000;
    agent.known.quiet(agent.ms);
    assert_eq!(agent.cycle(1_000), Verdict::default());
    assert_eq!(agent.known.usual(&agent.rule), Some(1_000));
}

#[test]
fn a_spike_that_somebody_ended_is_news_again() {
    let mut agent = Agent::used(40, 1_000);
    assert!(agent.is_flagged(40_000));
    agent.known.interrupted();
    agent.cycle(1_000);
    assert!(matches!(agent.cycle(1_000).change, Some(Change::Closed { .. })));
    assert!(agent.is_flagged(40_000));
}

#[test]
fn a_human_makes_what_it_does_now_the_baseline() {
    let mut agent = Agent::used(40, 1_000);
    let flags = (0..20).filter(|_| agent.is_flagged(30_000)).count();
    assert_eq!(flags, 20);
    let closed = Change::Closed { cycles: 20, tokens: 600_000 };
    assert_eq!(agent.known.rebaseline(agent.now()), Some(closed));
    assert_eq!(agent.known.usual(&agent.rule), Some((30 * 1_000 + 20 * 30_000) / 50));
    assert!(!agent.is_flagged(30_000));
    assert!(agent.is_flagged(400_000));
    let mut agent = Agent::used(40, 1_000);
    while agent.after(1_000, 1_000).finding.is_none() {}
    for _ in 0..50 {
        agent.after(1_000, 1_000);
    }
    agent.known.rebaseline(agent.now());
    (0..500).for_each(|_| assert_eq!(agent.after(1_000, 1_000), Verdict::default()));
}

#[test]
fn what_is_known_survives_a_restart_but_for_the_clock() {
    let mut agent = Agent::used(500, 1_000);
    agent.is_flagged(40_000);
    let mut next = agent.restarted();
    next.ms = 5;
    assert!(next.known.is_open());
    assert_eq!(next.cycle(1_000).change, None);
    assert!(matches!(next.cycle(1_000).change, Some(Change::Closed { .. })));
    assert_eq!(next.known.usual(&next.rule), Some(1_000));
    assert!(!next.is_flagged(40_000), "the spike is in the record");
    assert!(next.is_flagged(121_000));
}

#[test]
fn what_is_written_is_small_whatever_was_used() {
    let mut agent = Agent::default();
    for n in 0..60_000_u64 {
        agent.cycle(u64::MAX - n);
    }
    let written = serde_json::to_string(&agent.known).unwrap();
    assert!(written.len() < 6 * 1_024, "{}: {written}", written.len());
    assert_eq!(serde_json::to_string(&agent.restarted().known).unwrap(), written);
}

#[test]
fn what_cannot_be_read_is_as_if_nothing_were_known() {
    for text in ["null", "7", "[]", "{}", r#"{"v":2}"#, r#"{"v":1,"baseline":"much"}"#] {
        assert_eq!(serde_json::from_str::<Runaways>(text).unwrap(), Runaways::default(), "{text}");
    }
    let cycles = vec!["[18446744073709551615,18446744073709551615]"; 10_000].join(",");
    let days = vec!["[2147483647,[4294967295,0,0,0,0,0]]"; 10_000].join(",");
    let hostile = format!(
        r#"{{"v":1,"baseline":[{cycles}],"record":{{"days":[{days}],"hour":9223372036854775807,"open":[0,0,0,0,0,0]}},
        "recent":[{cycles}],"incident":{{"cycles":4294967295,"tokens":18446744073709551615,"normal":4294967295,"row":4294967295}}}}"#
    );
    let mut agent = Agent { known: serde_json::from_str(&hostile).unwrap(), ..Agent::used(0, 0) };
    assert_ne!(agent.known, Runaways::default());
    for n in 0..100 {
        agent.cycle(n * 1_000_000);
    }
    assert!(serde_json::to_string(&agent.known).unwrap().len() < 6 * 1_024);
}

#[test]
fn a_job_of_every_night_is_told_twice() {
    let mut agent = Agent::used(30 * 24 * 60, 1_000);
    let mut alarms = 0;
    for _ in 0..20 {
        for minute in 0..24 * 60 {
            let tokens = if minute < 12 { 40_000 } else { 1_000 };
            alarms += u32::from(agent.cycle(tokens).change == Some(Change::Opened));
        }
    }
    assert_eq!(alarms, 2);
}

#[test]
fn a_spike_hides_no_runaway_behind_it() {
    let mut agent = Agent::used(30 * 24 * 60, 1_000);
    assert!(agent.is_flagged(200_000));
    (0..24 * 60).for_each(|_| assert!(!agent.is_flagged(1_000)));
    assert!(agent.is_flagged(50_000));
}
