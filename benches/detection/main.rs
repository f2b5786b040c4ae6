//! How good the runaway rule is: labelled series in virtual time, the core's own code and what others do.
//!
//! `cargo bench --bench detection -- --agents 128 --days 42 --seed 7`; the figures are in `docs/cost.md`.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench that prints, over made-up numbers"
)]

mod more;
mod print;
mod rng;
mod rules;
mod score;
mod series;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use agentwatch::core::cost::runaway::Kind as RuleKind;

use print::Row;
use rules::{Core, Peer, Simple};
use score::{Plan, score};
use series::{KINDS, Kind};

/// What the command line asks for: plain words, so that `cargo bench` may add its own.
struct Asked {
    plan: Plan,
    /// Ours alone.
    ours: bool,
    /// Kinds by name; none are all.
    only: Vec<String>,
}

fn asked() -> Asked {
    // A few seconds, for whoever runs all benches.
    let plan = Plan { agents: 4, days: 42, seed: 1, scale: 1.0 };
    let mut asked = Asked { plan, ours: false, only: Vec::new() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || args.next().and_then(|text| text.parse().ok());
        match arg.as_str() {
            "--agents" => asked.plan.agents = number().unwrap_or(plan.agents as f64) as u64,
            "--days" => asked.plan.days = number().unwrap_or(plan.days as f64) as u64,
            "--seed" => asked.plan.seed = number().unwrap_or(plan.seed as f64) as u64,
            "--scale" => asked.plan.scale = number().unwrap_or(plan.scale),
            "--ours" => asked.ours = true,
            "--kind" => asked.only.extend(args.next()),
            _ => {}
        }
    }
    asked
}

fn row(asked: &Asked, kind: Kind) -> Row {
    let plan = &asked.plan;
    let mut row = Vec::new();
    if !asked.ours {
        for peer in [Peer::Mean10, Peer::Mean3, Peer::Median3, Peer::Cusum] {
            row.push((format!("{peer:?}"), score(plan, kind, || Simple::new(peer))));
        }
        row.push(("ours, `mean`".into(), score(plan, kind, || Core::new(RuleKind::Mean))));
    }
    row.push(("**ours**".into(), score(plan, kind, || Core::new(RuleKind::Record))));
    row
}

/// Two at a time: agents of different kinds know nothing of each other.
fn rows(asked: &Asked, kinds: &[(Kind, &'static str)]) -> Vec<Row> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![Row::new(); kinds.len()]));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((kind, _)) = kinds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let row = row(asked, *kind);
                    let at = kinds.iter().position(|(known, _)| known == kind).unwrap_or(0);
                    done.lock().unwrap_or_else(PoisonError::into_inner)[at] = row;
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn main() {
    let asked = asked();
    let Plan { agents, days, seed, scale } = asked.plan;
    println!("{agents} agents a kind, {days} days, seed {seed}, tokens x {scale}");
    let is_asked = |name: &str| asked.only.is_empty() || asked.only.iter().any(|only| only == name);
    let kinds: Vec<_> = KINDS.into_iter().filter(|(_, name)| is_asked(name)).collect();
    let rows = rows(&asked, &kinds);
    let names: Vec<&str> = kinds.iter().map(|(_, name)| *name).collect();
    print::all(&names, &rows, if days <= 31 { 1 } else { 2 });
    more::all(&asked.plan);
}
