//! A new prompt, a spike before a runaway, and what a judgement costs.

use std::hint::black_box;
use std::time::Duration;

use agentwatch::core::cost::runaway::{Kind as RuleKind, Rule, Runaways};

use crate::rng::Rng;
use crate::rules::{Core, Judge};
use crate::score::{DAY_MS, Plan, run_away, wall};
use crate::series::{Agent, Kind};

pub fn all(plan: &Plan) {
    steps(plan);
    spikes(plan);
    pace(plan);
}

/// After ten days every cycle takes so many times as much: incidents a step, time in them in the four days
/// after it, and how many are in one at the end.
fn steps(plan: &Plan) {
    println!(
        "\n**A new prompt** (lognormal 0.4): incidents a step, % of 4 days in one, % in one at the end"
    );
    println!("\n| rule | x4 | x12 | x40 |\n|---|---|---|---|");
    for kind in [RuleKind::Mean, RuleKind::Record] {
        let cells: Vec<String> =
            [4.0, 12.0, 40.0].iter().map(|times| step(plan, kind, *times)).collect();
        println!("| ours, {kind:?} | {} |", cells.join(" | "));
    }
}

fn step(plan: &Plan, kind: RuleKind, times: f64) -> String {
    let (mut alarms, mut open, mut cycles, mut stuck) = (0, 0, 0, 0);
    for n in 0..plan.agents {
        let mut rng = Rng::of(plan.seed, "step", n);
        let mut judge = Core::new(kind);
        let mut at_ms = 0;
        while at_ms < 14 * DAY_MS {
            at_ms += (60_000.0 * rng.lognormal(0.2)) as u64;
            let is_after = 10 * DAY_MS <= at_ms;
            let level = plan.scale * if is_after { 2_500.0 * times } else { 2_500.0 };
            let was_open = judge.is_open();
            judge.is_flagged(at_ms, wall(at_ms), (level * rng.lognormal(0.4)) as u64);
            if is_after {
                alarms += u32::from(!was_open && judge.is_open());
                open += u64::from(judge.is_open());
                cycles += 1;
            }
        }
        stuck += u32::from(judge.is_open());
    }
    let agents = plan.agents.max(1) as f64;
    let share = 100.0 * open as f64 / f64::from(cycles.max(1));
    format!(
        "{:.1}, {share:.2}, {:.0}",
        f64::from(alarms) / agents,
        100.0 * f64::from(stuck) / agents
    )
}

/// Two cycles of two hundred medians that were over by themselves, and a day later a runaway.
fn spikes(plan: &Plan) {
    println!("\n**A day after a spike** of two cycles x200: seen in cycle 1, by 2, within 30, %");
    println!("\n| agent | x50 | x200 |\n|---|---|---|");
    for (kind, name) in [(Kind::Light, "light"), (Kind::Heavy, "heavy"), (Kind::Bimodal, "bimodal")]
    {
        let mut seen = [Vec::new(), Vec::new()];
        for n in 0..plan.agents {
            let mut agent = Agent::new(kind, plan.seed ^ 0x5eed, n, plan.scale);
            let mut judge = Core::new(RuleKind::Record);
            let begins = agent.begins;
            let (mut at_ms, mut spike) = (begins, 2);
            while at_ms - begins < 33 * DAY_MS {
                at_ms += agent.gap();
                let mut tokens = agent.tokens(at_ms);
                if 0 < spike && 32 * DAY_MS <= at_ms - begins {
                    spike -= 1;
                    tokens = (200.0 * agent.median(at_ms)) as u64;
                }
                judge.is_flagged(at_ms, wall(at_ms), tokens);
            }
            for (seen, size) in seen.iter_mut().zip([50, 200]) {
                seen.push(run_away(&judge, &agent, at_ms, size).0);
            }
        }
        let cells: Vec<String> = seen.iter().map(|seen| shares(seen)).collect();
        println!("| {name} | {} |", cells.join(" | "));
    }
}

fn shares(seen: &[Option<u32>]) -> String {
    let by = |cycle: u32| {
        let count = seen.iter().flatten().filter(|at| **at <= cycle).count();
        format!("{:.0}", 100.0 * count as f64 / seen.len().max(1) as f64)
    };
    [by(1), by(2), by(30)].join(", ")
}

/// What a judgement costs with a full record: the fastest of some rounds, as others use the machine too.
fn pace(plan: &Plan) {
    const CYCLES: u64 = 50_000;
    let rule = Rule::default();
    let mut known = Runaways::default();
    let mut rng = Rng::of(plan.seed, "pace", 0);
    let mut cycle = |known: &mut Runaways, n: u64| {
        let at_ms = n * 60_000;
        known.cycle(&rule, at_ms, wall(at_ms), black_box(2_000 + rng.below(1_000)))
    };
    for n in 0..CYCLES {
        cycle(&mut known, n);
    }
    let mut best = Duration::MAX;
    for round in 1..=7 {
        #[expect(clippy::disallowed_methods, reason = "a bench measures by the clock")]
        let begin = std::time::Instant::now();
        for n in 0..CYCLES {
            black_box(cycle(&mut known, round * CYCLES + n));
        }
        best = best.min(begin.elapsed());
    }
    let bytes = serde_json::to_string(&known).map_or(0, |text| text.len());
    println!(
        "\nA judgement takes {} ns; what is known is {bytes} bytes of JSON.",
        best.as_nanos() / u128::from(CYCLES)
    );
}
