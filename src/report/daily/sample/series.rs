//! Made-up series: days, hours, tokens a cycle, four weeks.

use super::super::{BUCKET_MS, Bucket, Day, Hour, Past, Span, Usage};

/// 2026-10-25 in Vienna begins; its clocks are set back three hours later.
pub(super) const MIDNIGHT: i64 = 1_792_879_200_000;
pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;

/// Something between 0 and `below` that looks like chance and is always the same.
pub(super) fn noise(seed: i64, below: u64) -> u64 {
    let mut x = seed.unsigned_abs().wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)) % below.max(1)
}

pub(super) fn ms(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// The day of 25 hours.
pub(super) fn long_day() -> Day {
    Day {
        date: "2026-10-25".into(),
        from_ms: MIDNIGHT,
        until_ms: MIDNIGHT + 25 * HOUR,
        offset_s: 7_200,
        offset_end_s: 3_600,
        turn_ms: Some(MIDNIGHT + 3 * HOUR),
    }
}

/// Days of 24 hours, the last of them 2026-10-24.
pub(super) fn plain_days(count: i64) -> Vec<Day> {
    let day = |back: i64| Day {
        date: format!("2026-10-{:02}", 25 - back),
        from_ms: MIDNIGHT - back * 24 * HOUR,
        until_ms: MIDNIGHT - (back - 1) * 24 * HOUR,
        offset_s: 7_200,
        offset_end_s: 7_200,
        turn_ms: None,
    };
    (1..=count).rev().map(day).collect()
}

/// Spans from `from` on: states and their minutes.
pub(super) fn spans(from: i64, parts: &[(&'static str, i64)]) -> Vec<Span> {
    let mut at = from;
    let span = |&(state, minutes): &(&'static str, i64)| {
        let begin = at;
        at += minutes * MINUTE;
        Span { state, from_ms: begin, until_ms: at }
    };
    parts.iter().map(span).collect()
}

/// The hours of days with what was used in each.
pub(super) fn hours(days: &[Day], per_hour: impl Fn(i64) -> (u64, u64, u32)) -> Vec<Hour> {
    let mut hours = Vec::new();
    for day in days {
        let mut at = day.from_ms;
        while at < day.until_ms {
            let set = day.from_ms + 3 * HOUR;
            let offset = if at < set { day.offset_s } else { day.offset_end_s };
            let hour = (at + i64::from(offset) * 1_000).rem_euclid(24 * HOUR) / HOUR;
            let (cycles, tokens, failures) = per_hour(at);
            let per_cycle = tokens.checked_div(cycles);
            // Three USD a million.
            let cost = (cycles > 0).then(|| f64::from(u32::try_from(tokens).unwrap_or(0)) * 3e-6);
            let usage = Usage { cycles, tokens, per_cycle, cost_usd: cost, cost_unknown: 0 };
            hours.push(Hour {
                from_ms: at,
                hour: u8::try_from(hour).unwrap_or(0),
                usage,
                failures,
            });
            at += HOUR;
        }
    }
    hours
}

/// The sum of hours.
pub(super) fn sum(hours: &[Hour]) -> Usage {
    let mut sum = Usage::default();
    for hour in hours {
        sum.cycles += hour.usage.cycles;
        sum.tokens += hour.usage.tokens;
        if let Some(cost) = hour.usage.cost_usd {
            sum.cost_usd = Some(sum.cost_usd.unwrap_or(0.0) + cost);
        }
    }
    sum.per_cycle = sum.tokens.checked_div(sum.cycles);
    sum
}

/// Tokens a cycle around `usual` in all parts of the days.
pub(super) fn cycles(days: &[Day], usual: u64, seed: i64) -> Vec<Bucket> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Vec::new() };
    let wide = BUCKET_MS * i64::try_from(days.len()).unwrap_or(1);
    let parts = (last.until_ms - first.from_ms) / wide;
    let bucket = |n: i64| {
        let mean = usual - usual / 12 + noise(seed + n, usual / 6 + 1);
        let most = mean + noise(seed + n * 7 + 3, usual / 2 + 1);
        let from_ms = first.from_ms + n * wide;
        Bucket { from_ms, mean, most, usual: Some(usual), flagged: false }
    };
    (0..parts).map(bucket).collect()
}

/// Four weeks that end before the report's day, with tokens that grow by `drift` a day.
pub(super) fn history(usual: u64, drift: u64, failures: impl Fn(i64) -> u32) -> Vec<Past> {
    let past = |back: i64| {
        let (month, day) = if back < 25 { (10, 25 - back) } else { (9, 55 - back) };
        let median = usual + drift * ms(28 - back) + noise(back, usual / 30 + 1);
        let tokens = median * 1_440;
        let cost_usd = Some(f64::from(u32::try_from(tokens).unwrap_or(0)) * 3e-6);
        Past {
            date: format!("2026-{month:02}-{day:02}"),
            usage: Usage {
                cycles: 1_440,
                tokens,
                per_cycle: Some(median),
                cost_usd,
                cost_unknown: 0,
            },
            median_tokens: Some(median),
            median_gap_ms: Some(60_000 + noise(back, 900)),
            failures: failures(back),
            up_share: Some(if failures(back) > 0 { 9_900 } else { 10_000 }),
        }
    };
    (1..=28).rev().map(past).collect()
}
