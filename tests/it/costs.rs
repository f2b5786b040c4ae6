//! Tokens and money: runaways, other signs of a loop, budgets, and what survives agentwatch.

use std::fs;

use agentwatch::core::cost::sign::{Cleared, LoopOver, Sign, SignKind};
use agentwatch::core::fact::{Fact, StopWhy};

use crate::harness::{Run, World, alive, state, until};

/// Cycles of so many tokens each.
fn cycles(count: u32, tokens: u64) -> String {
    format!(
        r#"i=0; while [ $i -lt {count} ]; do i=$((i+1));
           echo '{{"agent":"a","status":"ok","tokens_used":{tokens},"cost_usd":0.01}}'; sleep 0.01; done; "#
    )
}

/// Ten usual cycles, then so many of forty times as much, then usual ones for ever.
fn runaway(count: u32) -> String {
    format!(
        "{}{}while :; do {}sleep 0.05; done",
        cycles(10, 1_210),
        cycles(count, 48_400),
        cycles(1, 1_210)
    )
}

fn suspected(fact: &Fact) -> Option<Sign> {
    match fact {
        Fact::LoopSuspected { sign, .. } => Some(sign.clone()),
        _ => None,
    }
}

fn paused(run: &Run, n: usize) {
    run.fact("a pause", n, |fact| matches!(fact, Fact::Paused { .. }).then_some(()));
}

#[test]
fn a_runaway_is_told_once_with_its_rule_in_words_and_ends_with_two_normal_cycles() {
    let world = World::new();
    let mut run = world.script(&[], &runaway(3));
    let Sign::Tokens { tokens, usual, .. } = run.fact("a runaway", 1, suspected) else {
        panic!("no tokens")
    };
    assert_eq!((tokens, usual), (48_400, 1_210));
    let over = run.fact("its end", 1, |fact| match fact {
        Fact::LoopCleared(LoopOver { sign, cycles, tokens, why, .. }) => {
            Some((*sign, *cycles, *tokens, *why))
        }
        _ => None,
    });
    assert_eq!(over, (SignKind::Tokens, 3, 145_200, Cleared::Normal));
    run.says("LOOP? 48,400 tokens in a cycle, 40 × the usual 1,210");
    run.says("is that right? agentwatch resume");
    run.says("no loop: normal again after");
    assert!(run.is_running());
    run.signal("TERM");
    run.wait();
    assert_eq!(world.facts().iter().filter_map(suspected).count(), 1);
}

#[test]
fn on_loop_stop_stays_down_and_says_what_to_type() {
    let world = World::new();
    let mut run = world.script(&["--on-loop", "stop"], &runaway(3));
    let child = run.started(1);
    assert_eq!(run.wait(), 69);
    assert!(!alive(child));
    run.says("GAVE UP after what looked like a loop");
    let mut again = world.script(&["--on-loop", "stop"], &runaway(0));
    assert_eq!(again.wait(), 69);
    again.says("it looked like a loop");
}

#[test]
fn on_loop_pause_stops_it_where_it_is_until_a_human_says_that_it_is_right() {
    let world = World::new();
    let run = world.script(&["--on-loop", "pause"], &runaway(60));
    let child = run.started(1);
    paused(&run, 1);
    // A shell whose vfork was stopped before it executes waits for it (D), which is as good.
    let stands = || matches!(state(child), Some('T' | 'D')).then_some(());
    until("the child is stopped", stands);
    let output = world.output(&["resume", "t"]);
    assert!(output.status.success(), "{output:?}");
    let goes_on = |fact: &Fact| matches!(fact, Fact::Continued { .. }).then_some(());
    run.fact("it goes on", 1, goes_on);
    let output = world.output(&["resume", "--rebaseline", "t"]);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("tokens a cycle"), "{output:?}");
    run.fact("rebaselined", 1, |fact| matches!(fact, Fact::Rebaselined { .. }).then_some(()));
    let pauses = |fact: &&Fact| matches!(fact, Fact::Paused { .. });
    assert_eq!(world.facts().iter().filter(pauses).count(), 1, "what a human let pass is no news");
}

#[test]
fn a_budget_parks_the_agent_across_a_crash_of_agentwatch() {
    let world = World::new();
    let options = ["--max-tokens-per-day", "100000", "--on-exceeded", "park"];
    let mut run = world.script(&options, &runaway(3));
    let (until_ms, budget) = run.fact("parked", 1, |fact| match fact {
        Fact::Parked { until, budget, .. } => Some((until.0, *budget)),
        _ => None,
    });
    assert!(budget.is_some());
    let stopping = |fact: &&Fact| matches!(fact, Fact::Stopping { why: StopWhy::Budget, .. });
    assert_eq!(world.facts().iter().filter(stopping).count(), 1);
    let output = world.output(&["status", "t", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status[0]["state"], "parked");
    assert_eq!(status[0]["spend"]["max_tokens_per_day"], 100_000);
    assert!(status[0]["spend"]["tokens_today"].as_u64() > Some(100_000), "{status}");
    run.signal("KILL");
    run.wait();
    let again = world.script(&options, &runaway(3));
    let second = again.fact("parked again", 2, |fact| match fact {
        Fact::Parked { until, .. } => Some(until.0),
        _ => None,
    });
    assert!((second - until_ms).abs() < 5_000, "{second} and {until_ms}");
    assert_eq!(world.facts().iter().filter(|fact| matches!(fact, Fact::Started { .. })).count(), 1);
}

#[test]
fn what_is_usual_survives_a_crash_of_agentwatch() {
    let world = World::new();
    let usual = format!("{}sleep 60", cycles(30, 1_210));
    let mut run = world.script(&[], &usual);
    until("thirty cycles are in the journal", || {
        let cycles = |fact: &Fact| match fact {
            Fact::Beat(beat) => beat.cycles,
            _ => 0,
        };
        (world.facts().iter().map(cycles).sum::<u64>() == 30).then_some(())
    });
    run.signal("KILL");
    run.wait();
    let run = world.script(&["--resume"], &format!("{}sleep 60", cycles(1, 48_400)));
    let sign = run.fact("a runaway at once", 1, suspected);
    assert!(matches!(sign, Sign::Tokens { usual: 1_210, .. }), "{sign:?}");
}

#[test]
fn an_announced_shutdown_may_cost_what_it_costs() {
    let world = World::new();
    let script = format!(
        r#"{}echo '{{"agent":"a","status":"shutting_down"}}'; {}exit 0"#,
        cycles(10, 1_210),
        cycles(1, 48_400)
    );
    let mut run = world.script(&["--on-loop", "stop"], &script);
    assert_eq!(run.wait(), 0);
    assert_eq!(world.facts().iter().filter_map(suspected).count(), 0);
}

#[test]
fn a_ledger_that_makes_no_sense_costs_what_was_known_and_nothing_else() {
    let world = World::new();
    let mut run = world.script(&[], &format!("{}sleep 60", cycles(6, 1_210)));
    run.beat(6);
    run.signal("TERM");
    run.wait();
    let path = world.agent().join("state.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut state: serde_json::Value = serde_json::from_str(&text).unwrap();
    state["ledger"] = serde_json::json!({"runaways": {"v": 1, "baseline": "hostile"}, "spend": -7});
    fs::write(&path, state.to_string()).unwrap();
    let run = world.script(&[], &format!("{}sleep 60", cycles(6, 1_210)));
    run.beat(7);
    assert!(!run.stderr().contains("unreadable"), "{}", run.stderr());
}

#[test]
fn bad_limits_are_refused_before_anything_starts() {
    let world = World::new();
    for (flag, value, says) in [
        ("--loop-factor", "1", "is out of range; write 1.1 to 1000000"),
        ("--loop-factor", "ten", "is not a number"),
        ("--max-usd-per-day", "-5", "is not a number"),
        ("--max-tokens-per-day", "1.5", "is not a whole number"),
        ("--on-loop", "park", "is none of alert, restart, stop, pause"),
    ] {
        let flag = format!("{flag}={value}");
        let output = world.output(&["run", &flag, "--", "true"]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(says), "{flag}: {stderr}");
    }
}

#[test]
fn a_backtest_says_what_other_settings_would_have_said_and_how_much_earlier() {
    let world = World::new();
    // Slow enough to be kept one by one.
    let script = runaway(3).replace("sleep 0.01", "sleep 0.12");
    let mut run = world.script(&["--loop-factor", "1000"], &script);
    run.beat(16);
    until("the usual cycles are back", || {
        let output = world.output(&["status", "t", "--json"]);
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let recent = status[0]["recent_tokens"].as_array()?;
        (recent.len() > 4 && recent.ends_with(&[1_210.into(), 1_210.into()])).then_some(())
    });
    run.signal("TERM");
    run.wait();
    assert_eq!(world.facts().iter().filter_map(suspected).count(), 0);
    let told = |args: &[&str]| -> serde_json::Value {
        let output = world.output(&[&["backtest", "t", "--json"], args].concat());
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(told(&[])[0]["found"], serde_json::json!([]), "as it ran");
    let lower = told(&["--loop-factor", "6"]);
    assert_eq!(lower[0]["found"][0]["sign"], "tokens", "{lower}");
    assert_eq!(lower[0]["tried"][0]["factor"], 600);
    let output = world.output(&["backtest", "t", "--loop-factor", "6", "--interval", "10ms"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("6 × the usual, and a record would have suspected a loop"), "{text}");
    assert!(text.contains("silence: longest gap"), "{text}");
    let output = world.output(&["backtest", "t", "--loop-factor", "0.5"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let output = world.output(&["backtest", "nobody"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}
