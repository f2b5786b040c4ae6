//! Memory with and without a leak, by how long incarnations live and how memory is used.

use super::super::growth::{Life, growth};
use super::rng::Rng;
use super::{agents, measure};

const HOUR_MS: u64 = 3_600_000;

/// How long incarnations live.
#[derive(Clone, Copy, Debug)]
enum Length {
    /// All the time.
    Long,
    /// A day each.
    Day,
    /// Some hours each.
    Hours(u64),
    /// Thirty hours on average, exponential.
    Uneven,
}

/// What memory does without a leak.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Even,
    /// Hours that are like the hour before.
    Alike,
    /// Rises by a third and falls again, every seven hours.
    Collected,
    /// More by day than by night.
    Daily,
    /// Warm after an hour and a half.
    Warm,
    /// A cache that is full after a day.
    Cache,
    /// What was once taken is never given back.
    Kept,
}

/// Hourly samples, in KiB, of an incarnation that starts at an hour of the clock.
fn life(rng: &mut Rng, kind: Kind, starts: u64, hours: u64, leak: f64) -> Vec<(u64, u64)> {
    let (mut state, mut most) = (rng.normal(), 0.0_f64);
    let sample = |hour: u64| {
        let after = hour as f64;
        let noise = rng.lognormal(0.03);
        let used = match kind {
            Kind::Even => noise,
            Kind::Alike => {
                state = 0.9 * state + (1.0 - 0.81_f64).sqrt() * rng.normal();
                (0.1 * state).exp()
            }
            Kind::Collected => noise * (1.0 + (hour % 7) as f64 / 18.0),
            Kind::Daily => {
                let turn = std::f64::consts::TAU * (starts + hour) as f64 / 24.0;
                noise * (1.0 + 0.25 * turn.sin())
            }
            Kind::Warm => noise * (1.0 - 0.7 * (-after / 0.5).exp()),
            Kind::Cache => noise * (1.0 - 0.5 * (-after / 6.0).exp()),
            Kind::Kept => {
                most = most.max(rng.lognormal(0.3));
                most
            }
        };
        (hour * HOUR_MS, (512.0 * 1_024.0 * (used + leak * after / 24.0)) as u64)
    };
    (0..=hours).map(sample).collect()
}

/// Incarnations over so many days, with the hour at which each starts.
fn lives(
    rng: &mut Rng,
    kind: Kind,
    length: Length,
    days: u64,
    leak: f64,
) -> Vec<(u64, Vec<(u64, u64)>)> {
    let (mut at, mut all) = (rng.below(24), Vec::new());
    let end = at + days * 24;
    while at < end {
        let hours = match length {
            Length::Long => days * 24,
            Length::Day => 24,
            Length::Hours(hours) => hours,
            Length::Uneven => (-30.0 * rng.unit().ln()) as u64 + 1,
        };
        let hours = hours.min(end - at);
        all.push((at, life(rng, kind, at, hours, leak)));
        at += hours;
    }
    all
}

/// What is known of incarnations that were there in the two weeks before an hour.
fn known(all: &[(u64, Vec<(u64, u64)>)], now: u64) -> Vec<Life<'_>> {
    let ends = |starts: u64, samples: &[(u64, u64)]| {
        starts + samples.last().map_or(0, |(after, _)| after / HOUR_MS)
    };
    all.iter()
        .filter(|(starts, samples)| *starts < now && now < ends(*starts, samples) + 14 * 24)
        .map(|(starts, samples)| {
            let upto = samples.partition_point(|(after, _)| starts + after / HOUR_MS <= now);
            Life { samples: &samples[..upto], peak_kib: None }
        })
        .collect()
}

const KINDS: [Kind; 7] =
    [Kind::Even, Kind::Alike, Kind::Collected, Kind::Daily, Kind::Warm, Kind::Cache, Kind::Kept];

const LENGTHS: [Length; 4] = [Length::Long, Length::Day, Length::Hours(7), Length::Uneven];

/// How much of its first memory a day leaks, in percent, and for how many days.
const LEAKS: [(u32, u64); 8] =
    [(5, 14), (25, 7), (25, 14), (50, 3), (50, 7), (100, 1), (100, 3), (100, 7)];

#[test]
fn measured_growth() {
    // A month of hours is dear in the dev profile.
    let agents = agents().div_ceil(4);
    println!("\n| growth: false alarms in agent-months | | |\n| --- | --- | --- |");
    for (kind, length) in KINDS.iter().flat_map(|kind| LENGTHS.map(|length| (*kind, length))) {
        let what = format!("{kind:?}, {length:?}");
        let tally = measure(&what, agents, |rng, tally| {
            let all = lives(rng, kind, length, 44, 0.0);
            tally.add((14..44).any(|day| growth(&known(&all, 24 * day + 8), None).is_some()));
        });
        // Memory that does grow, though not for ever, is told now and then.
        let grows = matches!(kind, Kind::Cache | Kind::Kept);
        assert!(grows || tally.is_at_most(100.0), "{what}: {tally:?}");
    }
    println!("\n| growth: a leak seen after | | |\n| --- | --- | --- |");
    for (kind, length) in [Kind::Even, Kind::Alike, Kind::Daily]
        .iter()
        .flat_map(|kind| LENGTHS.map(|length| (*kind, length)))
    {
        for (leak, days) in LEAKS {
            let what = format!("{days} days of {leak} % a day, {kind:?}, {length:?}");
            let tally = measure(&what, agents, |rng, tally| {
                let all = lives(rng, kind, length, days, f64::from(leak) / 100.0);
                let now = all.first().map_or(0, |(starts, _)| starts + 24 * days);
                tally.add(growth(&known(&all, now), None).is_some());
            });
            if matches!(kind, Kind::Even) && leak == 100 && days > 3 {
                assert!(90.0 < tally.percent(), "{what}: {tally:?}");
            }
        }
    }
}
