//! What beats cost by the price of their model, to the last digit.

use std::sync::Arc;

use super::*;

/// 3, 15, 0.30, 3.75 and 6 USD per million; above 200,000 tokens twice that.
fn sonnet() -> Price {
    let base = Rates {
        input: 3_000_000,
        output: 15_000_000,
        cache_read: Some(300_000),
        cache_write: Some(3_750_000),
        cache_write_1h: Some(6_000_000),
    };
    let tiers = vec![Tier { above: 200_000, rates: base.at(200) }];
    Price { base, tiers, context: Some(1_000_000) }
}

fn usage(input: u64, output: u64) -> Usage {
    Usage { input: Some(input), output: Some(output), ..Usage::default() }
}

fn pico(price: &Price, usage: &Usage) -> Option<u128> {
    price.cost(usage).map(Usd::pico)
}

#[test]
fn every_part_has_its_price_and_the_sum_is_exact() {
    let parts = Usage { cache_read: 1_000, cache_write: 100, cache_write_1h: 40, ..usage(7, 11) };
    let want = 7 * 3_000_000 + 11 * 15_000_000 + 1_000 * 300_000 + 60 * 3_750_000 + 40 * 6_000_000;
    assert_eq!(pico(&sonnet(), &parts), Some(want));
    assert_eq!(pico(&sonnet(), &usage(0, 0)), Some(0));
    assert_eq!(sonnet().cost(&usage(1_000_000_000, 0)).unwrap().to_string(), "$3,000.00");
    // More was written for an hour than at all: the whole is what counts.
    let odd = Usage { cache_write: 10, cache_write_1h: 99, ..usage(0, 0) };
    assert_eq!(pico(&sonnet(), &odd), Some(10 * 6_000_000));
}

#[test]
fn the_tier_begins_one_token_above_its_limit_and_cached_input_counts() {
    assert_eq!(pico(&sonnet(), &usage(200_000, 1)), Some(200_000 * 3_000_000 + 15_000_000));
    assert_eq!(pico(&sonnet(), &usage(200_001, 1)), Some(200_001 * 6_000_000 + 30_000_000));
    let cached = |read| Usage { cache_read: read, cache_write: 1, ..usage(0, 0) };
    assert_eq!(pico(&sonnet(), &cached(199_999)), Some(199_999 * 300_000 + 3_750_000));
    assert_eq!(pico(&sonnet(), &cached(200_000)), Some(200_000 * 600_000 + 7_500_000));
    let output = pico(&sonnet(), &usage(1, 900_000));
    assert_eq!(output, Some(3_000_000 + 900_000 * 15_000_000), "output makes no call long");
}

#[test]
fn the_highest_tier_that_is_reached_holds_and_what_no_call_can_hold_is_many_calls() {
    let mut price = sonnet();
    price.tiers.push(Tier { above: 500_000, rates: price.base.at(1_000) });
    for (input, rate) in
        [(200_001, 6), (500_000, 6), (500_001, 30), (1_000_000, 30), (1_000_001, 3)]
    {
        let want = u128::from(input * rate * 1_000_000_u64);
        assert_eq!(pico(&price, &usage(input, 0)), Some(want), "{input}");
    }
}

#[test]
fn without_a_price_of_its_own_cached_input_costs_what_input_does() {
    let base = Rates { input: 10, output: 20, ..Rates::default() };
    let price = Price { base, ..Price::default() };
    let cached = Usage { cache_read: 5, cache_write: 7, cache_write_1h: 3, ..usage(1, 1) };
    assert_eq!(pico(&price, &cached), Some(10 + 20 + 50 + 70));
    let written = Rates { cache_write: Some(12), ..base };
    let price = Price { base: written, ..Price::default() };
    assert_eq!(pico(&price, &cached), Some(10 + 20 + 50 + 84), "an hour as five minutes");
}

#[test]
fn what_nobody_told_makes_the_cost_unknown_and_never_nothing() {
    let total = |total| Usage { total: Some(total), ..Usage::default() };
    let half = |input, output| Usage { input, output, total: Some(9), ..Usage::default() };
    for unknown in [
        Usage::default(),
        total(1_000),
        half(Some(9), None),
        half(None, Some(9)),
        Usage { cache_read: 5, ..total(9) },
    ] {
        assert_eq!(sonnet().cost(&unknown), None, "{unknown:?}");
    }
    // Where input and output cost the same, a total says enough, as long as it says which tier.
    let base = Rates { input: 200_000, output: 200_000, ..Rates::default() };
    let tiers = vec![Tier { above: 1_000, rates: base.at(200) }];
    let flat = Price { base, tiers, context: None };
    assert_eq!(pico(&flat, &total(1_000)), Some(200_000_000));
    assert_eq!(flat.cost(&total(1_001)), None);
}

#[test]
fn absurd_counts_saturate() {
    let most = Rates { input: u64::MAX, output: u64::MAX, ..Rates::default() };
    let price = Price { base: most, ..Price::default() };
    let parts = Usage { cache_read: u64::MAX, ..usage(u64::MAX, u64::MAX) };
    assert_eq!(pico(&price, &parts), Some(u128::MAX));
    assert_eq!(most.at(110).input, u64::MAX / 100);
}

#[test]
fn a_cost_that_the_agent_tells_wins_over_the_table() {
    let price = Some(Arc::new(sonnet()));
    let parts = (Some(1_000), Some(100));
    let beat = Beat { price, input_tokens: parts.0, output_tokens: parts.1, ..Beat::default() };
    let computed = of(&beat, Some(1_100)).unwrap();
    assert_eq!((computed.usd.to_f64(), computed.from), (0.0045, CostFrom::Price));
    let told = of(&Beat { cost_usd: Some(0.5), ..beat.clone() }, Some(1_100)).unwrap();
    assert_eq!((told.usd.to_f64(), told.from), (0.5, CostFrom::Agent));
    assert_eq!(of(&Beat { price: None, ..beat }, Some(1_100)), None);
}
