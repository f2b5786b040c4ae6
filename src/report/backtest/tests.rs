//! Whole journals in a few lines, and what is told of them.

use super::*;

fn beat(tokens: u64) -> Fact {
    let (beats, cycles, tokens) = (1, 1, Some(tokens));
    Fact::Beat(BeatFact { incarnation: 1, beats, cycles, tokens, ..BeatFact::default() })
}

/// A day of a cycle a minute, with so many of forty times as much at noon.
fn day(factor: u64, runaway: usize) -> Backtest {
    let rule = Rule { factor, ..Rule::default() };
    let (since, until) = (Wall(0), Wall(DAY_MS));
    let mut replay = Replay::new("a", rule, Gaps::new(60_000, 2), since, until, 72);
    for minute in 0..1_440 {
        let tokens = if (720..720 + runaway).contains(&minute) { 40_000 } else { 1_000 };
        replay.learn(Wall(i64::try_from(minute).unwrap() * 60_000), &beat(tokens));
    }
    replay.end()
}

#[test]
fn a_day_tells_its_runaway_with_all_that_one_asks() {
    let told = day(1_000, 10);
    assert_eq!((told.cycles, told.median, told.most), (1_440, Some(1_000), Some(40_000)));
    let [found] = &told.found[..] else { panic!("{:?}", told.found) };
    assert_eq!((found.at_ms, found.cycles, found.tokens), (720 * 60_000, 10, 400_000));
    assert!(!found.short);
    assert_eq!(told.tried[0].suspicions, 1);
    assert_eq!(told.tried.len(), 5, "the other factors, and the plain rule");
    assert!(told.columns[36].is_flagged && !told.columns[20].is_flagged);
    assert_eq!(told.columns.len(), 72);
    assert_eq!(told.silence.longest_ms, Some(60_000));
}

#[test]
fn a_spike_is_counted_as_one() {
    let told = day(1_000, 2);
    assert!(told.found[0].short && told.tried[0].short == 1);
    assert_eq!(day(1_000, 0).found, []);
}

#[test]
fn how_much_earlier_than_then_is_told() {
    let (rule, gaps) = (Rule::default(), Gaps::new(60_000, 2));
    let mut replay = Replay::new("a", rule, gaps, Wall(0), Wall(DAY_MS), 10);
    for minute in 0..60 {
        replay.learn(Wall(minute * 60_000), &beat(1_000));
    }
    replay.learn(Wall(3_600_000), &beat(90_000));
    let sign = Sign::Tokens {
        stretch: crate::core::cost::runaway::Stretch::One,
        tokens: 90_000,
        usual: 1_000,
        record: None,
    };
    let action = crate::core::cost::limits::Action::Alert;
    let told = Fact::LoopSuspected { incarnation: 1, sign, action };
    replay.learn(Wall(3_780_000), &told);
    assert_eq!(replay.end().found[0].earlier_ms, Some(180_000));
}

#[test]
fn what_was_before_is_learnt_from_and_not_counted() {
    let rule = Rule::default();
    let since = Wall(DAY_MS);
    let mut replay = Replay::new("a", rule, Gaps::new(60_000, 2), since, Wall(2 * DAY_MS), 10);
    for minute in 0..2_880 {
        replay.learn(Wall(minute * 60_000), &beat(if minute == 100 { 90_000 } else { 1_000 }));
    }
    let told = replay.end();
    assert_eq!((told.cycles, told.found.len(), told.most), (1_440, 0, Some(1_000)));
}

#[test]
fn memory_is_bounded_and_an_empty_journal_is_told() {
    let rule = Rule::default();
    let empty = Replay::new("a", rule, Gaps::new(1, 1), Wall(0), Wall(0), 0).end();
    assert_eq!((empty.cycles, empty.median, empty.drift), (0, None, None));
    let mut replay = Replay::new("a", rule, Gaps::new(1, 1), Wall(0), Wall(DAY_MS), 72);
    for n in 0..50_000 {
        replay.learn(Wall(n * 1_000), &beat(n.unsigned_abs() % 977));
    }
    assert!(replay.samples.len() <= SAMPLES_MAX + 1 && replay.days.len() <= 1);
    assert!((400..580).contains(&replay.end().median.unwrap()));
}
