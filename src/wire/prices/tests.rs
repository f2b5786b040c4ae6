//! Tables of prices, ours and `LiteLLM`'s, whole and torn.

use super::*;
use crate::core::cost::price::Usage;

/// As `LiteLLM` has it, with keys that do not matter.
const LITELLM: &str = r#"{
    "sample_spec": { "input_cost_per_token": 0.0, "output_cost_per_token": 0.0, "max_input_tokens": "max input" },
    "claude-x": {
        "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05, "cache_read_input_token_cost": 3e-07,
        "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
        "input_cost_per_token_above_200k_tokens": 6e-06, "output_cost_per_token_above_200k_tokens": 2.25e-05,
        "input_cost_per_token_batches": 1.5e-06, "input_cost_per_token_above_200k_tokens_priority": 1,
        "litellm_provider": "anthropic", "max_input_tokens": 1000000, "mode": "chat", "supports": ["a", {"b": 1}]
    },
    "gemini/gemini-9-pro": { "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06 },
    "embed": { "input_cost_per_token": 1e-07 },
    "twofold": { "input_cost_per_token": 1e-07, "output_cost_per_token": 1e-07, "output_cost_per_reasoning_token": 4e-06 }
}"#;

fn usd(table: &str, model: &str, input: u64) -> Option<String> {
    let usage = Usage { input: Some(input), output: Some(0), ..Usage::default() };
    Some(look_up(table, model).unwrap()?.cost(&usage)?.to_string())
}

#[test]
fn the_built_in_table_is_right_in_every_line() {
    assert!(check(BUILT_IN).unwrap() > 100);
    let price = built_in("claude-opus-5-5-20261001").unwrap();
    let base = Rates {
        input: 4_000_000,
        output: 20_000_000,
        cache_read: Some(200_000),
        cache_write: Some(5_000_000),
        cache_write_1h: Some(8_000_000),
    };
    assert_eq!(price, Price { base, tiers: vec![], context: Some(1_000_000) });
    let price = built_in("openai/gpt-6-sol").unwrap();
    assert_eq!((price.tiers[0].above, price.tiers[0].rates.input), (272_000, 4_000_000));
    // Bedrock's price of a region, with the step that Anthropic's own API does not have.
    let price = built_in("us.anthropic.claude-sonnet-4-5-20250929-v1:0").unwrap();
    assert_eq!((price.base.input, price.tiers[0].rates.input), (3_300_000, 6_600_000));
    assert_eq!(built_in("claude-sonnet-4-5-20250929").unwrap().tiers, []);
    for unknown in ["", "claude", "claude-sonnet", "gpt-6-sol-mine", "llama", "input"] {
        assert_eq!(built_in(unknown), None, "{unknown}");
    }
}

#[test]
fn litellms_file_is_read_as_it_is() {
    assert_eq!(check(LITELLM), Ok(3));
    let price = look_up(LITELLM, "anthropic/claude-x-20260101").unwrap().unwrap();
    let base = Rates {
        input: 3_000_000,
        output: 15_000_000,
        cache_read: Some(300_000),
        cache_write: Some(3_750_000),
        cache_write_1h: Some(6_000_000),
    };
    let rates = Rates { input: 6_000_000, output: 22_500_000, ..base };
    let tiers = vec![Tier { above: 200_000, rates }];
    assert_eq!(price, Price { base, tiers, context: Some(1_000_000) });
    assert_eq!(usd(LITELLM, "gemini-9-pro", 1_000_000).as_deref(), Some("$1.00"));
    for unknown in ["embed", "twofold", "gpt", "claude-y"] {
        assert_eq!(usd(LITELLM, unknown, 1), None, "{unknown}");
    }
}

#[test]
fn the_most_exact_name_wins_wherever_it_stands() {
    let dated = r#""claude-z-20260101" = { input = 2, output = 2 }"#;
    let bare = r#""claude-z" = { input = 1, output = 1 }"#;
    for table in [format!("{dated}\n{bare}"), format!("{bare}\n{dated}")] {
        assert_eq!(usd(&table, "claude-z-20260101", 1_000_000).as_deref(), Some("$2.00"));
        assert_eq!(usd(&table, "anthropic/claude-z", 1_000_000).as_deref(), Some("$1.00"));
    }
    let free = "\u{feff}[mine]\ninput = 0\noutput = 0\n";
    assert_eq!(usd(free, "mine", 1_000).as_deref(), Some("$0.00"));
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_the_way_out() {
    for (table, line, words) in [
        ("", None, "no price in it; write \"my-model\" ="),
        ("{}", None, "no price in it"),
        ("{\"a\":{\"input_cost_per_token\":1e-6", Some(1), "not JSON: EOF"),
        ("{}\n}", Some(2), "not JSON: trailing characters"),
        ("{\"a\":\n3}", Some(2), "invalid type: integer `3`, expected an object of prices for a"),
        (
            "{\"a\":\n{\"input_cost_per_token\":-1e-6}}",
            Some(2),
            "a: input_cost_per_token is -1e-6; a price is a number of USD from 0 up",
        ),
        (
            "{\"a\":{\"output_cost_per_token\":15}}",
            Some(1),
            "a: output_cost_per_token is 15; that is a price for a million tokens; for one write 0.000015",
        ),
        ("{\"a\":{\"output_cost_per_token\":\"x\"}}", Some(1), "is \"x\"; a price is a number"),
        ("{\"a\":{\"output_cost_per_token\":NaN}}", Some(1), "not JSON: expected value"),
        ("{\"a\":{\"output_cost_per_token\":1e999}}", Some(1), "not JSON: number out of range"),
        ("[a]\ninput = 1\noutput =", Some(3), "not TOML: "),
        ("\na = 3", Some(2), "a is no model; write { input = 3, output = 15 }"),
        ("[a]\ninput = 1", Some(1), "a needs a price of input and one of output"),
        ("[a]\ninput = 1\noutput = -2", Some(3), "a: output = -2 is no price; write a number"),
        ("[a]\ninput = nan", Some(2), "a: input = nan is no price"),
        ("[a]\ninput = inf", Some(2), "a: input = inf is out of range; write up to 10000 USD"),
        ("[a]\ninput = \"3\"", Some(2), "a: input = \"3\" is no price"),
        (
            "[a]\ninput = 0.000003",
            Some(2),
            "a: input = 0.000003 is a price for one token; for a million write 3",
        ),
        ("[a]\ninput = 3\nouptut = 5", Some(3), "a: ouptut is no key; there are input, output"),
        ("[a]\ncontext = 1.5", Some(2), "a: context = 1.5 is no count"),
        ("[a]\nabove_200k = 3", Some(2), "a: above_200k is no table"),
        ("[a]\nabove_0k = { input = 3 }", Some(2), "a: above_0k is no key"),
        ("[a]\nabove_9k = { context = 3 }", Some(2), "a: context is no key here"),
    ] {
        let wrong = check(table).unwrap_err();
        assert_eq!(wrong.line, line, "{table}: {wrong}");
        assert!(wrong.words.contains(words), "{table}: {wrong}");
        assert!(wrong.words.len() < 400 && !wrong.words.contains('\n'), "{wrong}");
    }
}

#[test]
fn a_table_that_is_wrong_elsewhere_is_good_enough_for_a_model_that_is_right() {
    let table = "[a]\ninput = -1\n[b]\ninput = 1\noutput = 1\n";
    assert_eq!(usd(table, "b", 1_000_000).as_deref(), Some("$1.00"));
    look_up(table, "a").unwrap_err();
}

#[test]
fn hostile_tables_are_refused_and_shown_in_short() {
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    check(&deep).unwrap_err();
    look_up(&deep, "b").unwrap_err();
    let deep = format!("a = {}", "[".repeat(100_000));
    check(&deep).unwrap_err();
    let long = format!("{{\"{}\\u001b\":{{\"input_cost_per_token\":-1}}}}", "x".repeat(1_000));
    assert!(check(&long).unwrap_err().words.len() < 200);
    let wide = format!("# {}", "x".repeat(TOML_MAX));
    assert!(check(&wide).unwrap_err().words.starts_with("longer than 1024 KiB"));
    let tier = |n| format!("\"input_cost_per_token_above_{n}k_tokens\":1e-6,");
    let tiers = (1..20).map(tier).collect::<Vec<_>>().concat();
    let table = format!(
        "{{\"a\":{{{tiers}\"input_cost_per_token\":1e-6,\"output_cost_per_token\":1e-6}}}}"
    );
    assert_eq!(look_up(&table, "a"), Ok(None), "too many steps: unknown");
}
