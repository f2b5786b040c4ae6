//! The fold against a slow and obvious one: random journals on days of 23, 24 and 25 hours, looked at minute by
//! minute and sum by sum.

use std::collections::BTreeMap;

use super::super::agent::{Known, as_of};
use super::super::calendar::Calendar;
use super::super::fold::Fold;
use super::super::{Agent, Usage};
use super::{began, failed, started};
use crate::core::fact::{BeatFact, Fact};
use crate::core::time::{LocalDay, Wall};
use crate::report::view::View;
use crate::wire::record;

const MINUTE: i64 = 60_000;

/// Vienna in 2026.
fn vienna(at: Wall) -> i32 {
    if (1_774_746_000_000..1_792_890_000_000).contains(&at.0) { 7_200 } else { 3_600 }
}

/// Numbers that come from nowhere in particular.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// What happens to an agent over some days, each at a whole minute of its own.
fn happen(dice: &mut Dice, from: i64, until: i64) -> Vec<(Wall, Fact)> {
    let mut all = vec![(Wall(from), began()), (Wall(from + MINUTE), started(1))];
    let mut at = from + 2 * MINUTE;
    let mut incarnation = 1;
    while at < until {
        let fact = match dice.roll(100) {
            0 => failed(1),
            1 => Fact::Cooldown { wait_ms: 1, until: Wall(0) },
            2 | 3 => {
                incarnation += 1;
                started(incarnation)
            }
            4 => Fact::Late { incarnation, silent_ms: 1 },
            5 => Fact::Paused { incarnation },
            6 => Fact::Continued { incarnation, paused_ms: 1 },
            7 => Fact::Held,
            _ => {
                let cycles = [1, 1, 1, 1, 1, 0, 3][usize::try_from(dice.roll(7)).unwrap()];
                Fact::Beat(BeatFact {
                    incarnation,
                    status: "ok".into(),
                    tokens: (dice.roll(8) > 0).then(|| dice.roll(5_000)),
                    usual: (dice.roll(3) > 0).then_some(1_000),
                    beats: cycles.max(1),
                    cycles,
                    cost_usd: (dice.roll(2) > 0)
                        .then(|| f64::from(u32::try_from(dice.roll(99)).unwrap()) / 100.0),
                    ..BeatFact::default()
                })
            }
        };
        all.push((Wall(at), fact));
        at += MINUTE * i64::try_from(1 + dice.roll(12)).unwrap();
    }
    all
}

/// What it should come to.
#[derive(Debug, PartialEq)]
struct Want {
    up_minutes: i64,
    due_minutes: i64,
    beats: u64,
    tokens: u64,
    cycles: u64,
    cents: Option<u64>,
    unknown: u64,
    failures: u32,
    /// Tokens by hour of the clock, in their order.
    hours: Vec<(u8, u64)>,
    medians: BTreeMap<String, u64>,
}

/// Minute by minute: where it stood is what its last record left it at.
fn slowly(facts: &[(Wall, Fact)], calendar: &Calendar) -> Want {
    let (from, until) = (calendar.from(), calendar.until());
    let inside = |at: &Wall| from <= at.0 && at.0 < until;
    let (mut up, mut due) = (0, 0);
    let mut minute = from;
    while minute < until {
        let mut view = View::new(false);
        let mut asked = false;
        for (at, fact) in facts.iter().filter(|(at, _)| at.0 <= minute) {
            view.learn(*at, fact);
            match fact {
                Fact::Held | Fact::Paused { .. } => asked = true,
                Fact::Started { .. } | Fact::Continued { .. } => asked = false,
                _ => {}
            }
        }
        let (is_up, is_due) = match view.state {
            "healthy" | "running" | "late" | "starting" => (1, 1),
            "failed" | "cooldown" => (0, 1),
            "paused" | "escalated" | "" => (0, i64::from(!asked && !view.state.is_empty())),
            other => panic!("{other}"),
        };
        (up, due) = (up + is_up, due + is_due);
        minute += MINUTE;
    }
    let beats = || {
        facts.iter().filter_map(|(at, fact)| match fact {
            Fact::Beat(beat) => Some((at, beat)),
            _ => None,
        })
    };
    let today = || beats().filter(|(at, _)| inside(at));
    let sum = |of: &dyn Fn(&BeatFact) -> u64| today().map(|(_, beat)| of(beat)).sum::<u64>();
    let cents = |beat: &BeatFact| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a test")]
        beat.cost_usd.map(|usd| (usd * 100.0).round() as u64)
    };
    let mut hours: Vec<(i64, u8, u64)> = Vec::new();
    for minute in (from..until).step_by(60_000) {
        let local = minute + i64::from(vienna(Wall(minute))) * 1000;
        let hour = u8::try_from(local.div_euclid(3_600_000).rem_euclid(24)).unwrap();
        let used: u64 =
            today().filter(|(at, _)| at.0 == minute).filter_map(|(_, beat)| beat.tokens).sum();
        let begins = local.rem_euclid(3_600_000) == 0;
        match hours.last_mut().filter(|_| !begins) {
            Some(last) => last.2 += used,
            None => hours.push((minute, hour, used)),
        }
    }
    Want {
        up_minutes: up,
        due_minutes: due,
        beats: sum(&|beat| beat.beats),
        tokens: sum(&|beat| beat.tokens.unwrap_or(0)),
        cycles: sum(&|beat| beat.cycles),
        cents: today()
            .any(|(_, beat)| beat.cost_usd.is_some())
            .then(|| today().filter_map(|(_, beat)| cents(beat)).sum()),
        unknown: sum(&|beat| beat.unpriced()),
        failures: u32::try_from(
            facts
                .iter()
                .filter(|(at, fact)| inside(at) && matches!(fact, Fact::Exited { .. }))
                .count(),
        )
        .unwrap(),
        hours: hours.into_iter().map(|(_, hour, used)| (hour, used)).collect(),
        medians: medians(facts, calendar),
    }
}

/// The median of the cycles of each day: what was used since the last one ended, in one incarnation.
fn medians(facts: &[(Wall, Fact)], calendar: &Calendar) -> BTreeMap<String, u64> {
    let mut cycles: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut used = 0;
    for (at, fact) in facts {
        match fact {
            Fact::Beat(beat) => {
                used += beat.tokens.unwrap_or(0);
                if let Some(each) = used.checked_div(beat.cycles) {
                    used = 0;
                    if let Some(day) = calendar.day_of(at.0).filter(|_| each > 0) {
                        cycles.entry(calendar.number(day).to_string()).or_default().push(each);
                    }
                }
            }
            Fact::Started { .. } | Fact::Continued { .. } | Fact::Paused { .. } => used = 0,
            _ => {}
        }
    }
    cycles
        .into_iter()
        .map(|(day, mut all)| {
            all.sort_unstable();
            (day, all[all.len() / 2])
        })
        .collect()
}

fn quickly(facts: &[(Wall, Fact)], calendar: &Calendar) -> (Want, Agent) {
    let end = as_of(calendar, Wall(calendar.until()));
    let mut fold = Fold::new(calendar, end);
    for (number, (at, fact)) in (1..).zip(facts) {
        let mut line = record::write(*at, number, fact).unwrap();
        line.pop();
        fold.line(&line);
    }
    let known = Known { name: "a", host: "h", supervised: Some(true), options: "" };
    let (agent, ..) = fold.end(&known, &vienna).unwrap();
    let Usage { cycles, tokens, cost_usd, cost_unknown, .. } = agent.usage;
    let minutes = |ms: u64| i64::try_from(ms).unwrap() / MINUTE;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a test")]
    let cents = cost_usd.map(|usd| (usd * 100.0).round() as u64);
    let want = Want {
        up_minutes: minutes(agent.up_ms),
        due_minutes: minutes(agent.due_ms),
        beats: agent.beats,
        tokens,
        cycles,
        cents,
        unknown: cost_unknown,
        failures: agent.failures,
        hours: agent.hours.iter().map(|hour| (hour.hour, hour.usage.tokens)).collect(),
        medians: agent
            .history
            .iter()
            .filter_map(|past| Some((past.date.clone(), past.median_tokens?)))
            .collect(),
    };
    (want, agent)
}

#[test]
fn the_fold_is_what_a_slow_and_obvious_one_makes_of_it() {
    let rounds: u64 =
        std::env::var("AGENTWATCH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    for seed in 1..=rounds {
        let date = ["2026-10-25", "2026-03-29", "2026-11-28"][usize::try_from(seed % 3).unwrap()];
        let LocalDay(day) = crate::wire::stamp::parse_day(date).unwrap();
        let first = LocalDay(day - i32::try_from(seed % 2).unwrap());
        let calendar = Calendar::new(first, LocalDay(day), &vienna);
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let begins = calendar.from() - 36 * 60 * MINUTE;
        let facts = happen(&mut dice, begins, calendar.until() + 5 * 60 * MINUTE);
        let (fast, agent) = quickly(&facts, &calendar);
        // What comes after the day has no say but for how it stands now.
        let until = calendar.until();
        let known: Vec<(Wall, Fact)> = facts.into_iter().filter(|(at, _)| at.0 <= until).collect();
        assert_eq!(fast, slowly(&known, &calendar), "seed {seed}, {date}");
        let spans: i64 = agent.spans.iter().map(|span| span.until_ms - span.from_ms).sum();
        assert_eq!(spans, calendar.until() - calendar.from(), "seed {seed}: time is missing");
        let down: i64 = agent.gaps.iter().map(|gap| gap.until_ms - gap.from_ms).sum();
        assert_eq!(down / MINUTE, fast.due_minutes - fast.up_minutes, "seed {seed}: gaps");
        let by_hour: u32 = agent.hours.iter().map(|hour| hour.failures).sum();
        assert_eq!(by_hour, fast.failures, "seed {seed}");
    }
}
