//! What beats cost by the price of their model, from the real binary; and tables that are none.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{World, until};

/// The beats in the journal of `t`, as `events --json` prints them.
fn beats(world: &World) -> Vec<Value> {
    let output = world.output(&["events", "t", "--json", "--event", "beat"]);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_beat_costs_what_its_model_does_unless_it_says_so_and_unknown_is_not_nothing() {
    let world = World::new();
    let mut run = world.script(
        &["--beats", "auto"],
        r#"say() { echo "{\"agent\":\"a\",$1}"; }
        say '"input_tokens":1000,"output_tokens":100,"cache_read_tokens":10000,"model":"claude-opus-5-5-20261001"'
        say '"input_tokens":1000,"output_tokens":100,"model":"nobody-knows-it"'
        say '"tokens_used":1100,"model":"claude-opus-5-5"'
        say '"input_tokens":1000,"output_tokens":100,"cost_usd":0.5,"model":"claude-opus-5-5"'
        echo '{"model":"openai/gpt-6-sol","input_tokens":300000,"output_tokens":0}' > "$AGENTWATCH_PIPE"
        echo '{"agent":"a","status":"shutting_down"}'"#,
    );
    assert_eq!(run.wait(), 0);
    run.says("$1.71, and 2 beats of unknown cost");
    let told = |key: &str| {
        let mut told: Vec<Value> = beats(&world).iter().map(|beat| beat[key].clone()).collect();
        // The FIFO and stdout are two roads: which is heard first nobody has promised.
        told.sort_by_key(|value| value.as_f64().map_or(u64::MAX, f64::to_bits));
        told.retain(|value| !value.is_null());
        told
    };
    // 1,000 at 4 and 100 at 20 and 10,000 at 0.20 USD per million; 300,000 at 4, which is twice the price.
    assert_eq!(told("cost_usd"), [0.008, 0.5, 1.2].map(Value::from));
    let mut from = told("cost_from");
    from.sort_by_key(Value::to_string);
    assert_eq!(from, ["agent", "price", "price"]);
}

#[test]
fn a_table_of_ones_own_goes_before_and_may_be_litellms() {
    let litellm = r#"{"mine":{"input_cost_per_token":1e-05,"output_cost_per_token":1e-05}}"#;
    let ours = "[mine]\ninput = 10\noutput = 10\n";
    for (name, table) in [("prices.json", litellm), ("prices.toml", ours)] {
        let world = World::new();
        fs::write(world.path(name), table).unwrap();
        let config = format!("[cost]\nprices = {name:?}\n");
        fs::write(world.path("aw.toml"), config).unwrap();
        let mut run = world.script(
            &["--config", "aw.toml"],
            r#"echo '{"agent":"a","model":"mine","tokens_used":1000}'
            echo '{"agent":"a","model":"gpt-6-sol","input_tokens":1000,"output_tokens":0}'
            echo '{"agent":"a","status":"shutting_down"}'"#,
        );
        assert_eq!(run.wait(), 0, "{}", run.stderr());
        let costs: Vec<Value> = beats(&world).iter().map(|beat| beat["cost_usd"].clone()).collect();
        assert_eq!(costs, [0.01.into(), 0.002.into(), Value::Null], "{name}");
        let output = world.output(&["check", "--config", "aw.toml"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().any(|line| line.starts_with("cost.prices ") && line.contains(name)));
    }
}

#[test]
fn a_table_that_is_none_is_refused_before_anything_starts() {
    type Make = fn(&Path);
    let made: [(Make, &str); 7] = [
        (
            |_| {},
            "prices: no such file; write it, or take cost.prices away (cost.prices of aw.toml:2)",
        ),
        (|path| fs::create_dir(path).unwrap(), "prices: not a file; name a table of prices"),
        (
            |path| {
                let fifo = std::process::Command::new("mkfifo").arg(path).status().unwrap();
                assert!(fifo.success());
            },
            "prices: not a file; name a table of prices",
        ),
        (
            |path| fs::File::create(path).unwrap().set_len(1 << 40).unwrap(),
            "prices: longer than 16 MiB; this is no table of prices",
        ),
        (
            |path| fs::write(path, "{\"a\":{\"input_cost_per_token\":3e-6,").unwrap(),
            "prices:1: not JSON: EOF while parsing",
        ),
        (
            |path| fs::write(path, "{\n\"a\":{\"input_cost_per_token\":3}}").unwrap(),
            "prices:2: a: input_cost_per_token is 3; that is a price for a million tokens; for one write 0.000003",
        ),
        (
            |path| fs::write(path, "[a]\ninput = -1\n").unwrap(),
            "prices:2: a: input = -1 is no price; write a number of USD per million tokens, from 0 up",
        ),
    ];
    for (make, words) in made {
        let world = World::new();
        make(&world.path("prices"));
        fs::write(world.path("aw.toml"), "[cost]\nprices = \"prices\"\n").unwrap();
        for args in [
            vec!["run", "--config", "aw.toml", "--", "touch", "started"],
            vec!["check", "--config", "aw.toml"],
        ] {
            let mut run = world.spawn(world.command(&args));
            assert_eq!(run.wait(), 78, "{words}");
            assert!(run.stderr().contains(words), "{words}: {}", run.stderr());
        }
        assert!(!world.path("started").exists());
    }
}

#[test]
fn a_table_that_is_torn_while_the_agent_runs_is_told_once_and_stops_nobody() {
    let world = World::new();
    let table = world.path("prices.toml");
    fs::write(&table, "[mine]\ninput = 10\noutput = 10\n").unwrap();
    fs::write(world.path("aw.toml"), "[cost]\nprices = \"prices.toml\"\n").unwrap();
    let run = world.script(
        &["--config", "aw.toml"],
        r#"say() { echo "{\"agent\":\"a\",\"model\":\"$1\",\"tokens_used\":1000}"; }
        say mine
        until [ -e torn ]; do sleep 0.05; done
        say other; say another; say mine; say mine
        exec sleep 1000"#,
    );
    run.beat(1);
    fs::write(&table, "[mine]\ninput = ").unwrap();
    fs::write(world.path("torn"), "").unwrap();
    run.says("prices.toml:2: not TOML");
    let costs = until("five beats", || {
        let beats = beats(&world);
        (beats.len() == 5).then(|| beats.iter().filter(|beat| beat["cost_usd"] == 0.01).count())
    });
    assert_eq!(costs, 3, "what is known stays known");
    assert_eq!(run.stderr().matches("not TOML").count(), 1, "{}", run.stderr());
}
