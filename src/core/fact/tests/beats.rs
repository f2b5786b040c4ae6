//! Beats of every kind, for the golden journal.

use super::*;
use crate::core::beat::{Beat, Status};
use crate::core::counters::{Cumulative, Reading, Scope};

pub(super) fn recognised() -> Fact {
    let preset = "claude".into();
    Fact::Recognised(Recognised { incarnation: 1, preset, interval_ms: 600_000, misses: 2 })
}

pub(super) fn beats() -> Vec<Fact> {
    let full = Beat {
        agent: Some("my-agent".into()),
        status: Status::from_word("pondering"),
        tokens_used: Some(1_234),
        tokens_total: Some(9_999),
        input_tokens: Some(1_000),
        output_tokens: Some(234),
        cache_read_tokens: Some(50_000),
        cache_write_tokens: Some(10),
        cache_write_1h_tokens: Some(4),
        price: None,
        cost_usd: Some(0.0125),
        model: Some("claude".into()),
        cycle: Some(17),
        tool_calls: Some(4),
        message: Some("line\nbreak \"quoted\"".into()),
        expect_next: Some(std::time::Duration::from_secs(90)),
        retry_after: Some(std::time::Duration::from_secs(30)),
        ts: Some(1_790_000_000.5),
        ..Beat::default()
    };
    let mut first = BeatFact::new(1, &full, Some(1_234), true);
    first.first_after_ms = Some(400);
    first.usual = Some(1_210);
    let shown = Reading { input_tokens: Some(600), output_tokens: Some(50), ..Reading::default() };
    let mut thread = Beat { status: Status::Busy, ..Beat::default() };
    thread.cumulative = Some(Box::new(Cumulative {
        of: Scope::Thread,
        key: "01a205aa-b1ef-71a2-ad4f-dc2144a75351".into(),
        born_ms: Some(1_795_391_468_015),
        least: Some(650),
        reading: Reading { cost_usd: Some(0.5), ..shown },
    }));
    let busy = Beat { status: Status::Busy, ..Beat::default() };
    let cost = Cost { usd: Usd::from_f64(0.0021), from: CostFrom::Price };
    let priced = BeatFact::new(1, &busy, Some(700), false).costing(Some(cost));
    vec![
        Fact::Beat(BeatFact { beats: 3, cycles: 3, cost_unknown: 1, ..priced }),
        Fact::Beat(first),
        Fact::Beat(BeatFact::new(1, &Beat::default(), None, true)),
        Fact::Beat(BeatFact::new(1, &busy, Some(5), false)),
        Fact::Beat(BeatFact::new(1, &thread, Some(650), false)),
        Fact::Beat(BeatFact { beats: 40, cycles: 38, ..BeatFact::new(2, &busy, Some(99), true) }),
    ]
}
