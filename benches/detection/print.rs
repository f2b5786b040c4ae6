//! The tables, in Markdown.

use crate::score::{PHASES, SIZES, Score};

/// The scores of all rules on one kind of agent.
pub type Row = Vec<(String, Score)>;

/// A count with its exact 95 % bounds for a rare event, by Wilson and Hilferty's approximation.
pub fn interval(count: u32) -> (f64, f64) {
    let bound = |n: f64, z: f64| {
        if n < 0.5 { 0.0 } else { n * (1.0 - 1.0 / (9.0 * n) + z / (3.0 * n.sqrt())).powi(3) }
    };
    (bound(f64::from(count), -1.96), bound(f64::from(count) + 1.0, 1.96))
}

fn head(kinds: &[&str]) {
    println!("\n| rule | {} |", kinds.join(" | "));
    println!("|---{}|", "|---".repeat(kinds.len()));
}

/// One table: a line a rule, a cell a kind of agent.
fn table(title: &str, kinds: &[&str], rows: &[Row], cell: impl Fn(&Score) -> String) {
    println!("\n{title}");
    head(kinds);
    let rules = rows.first().map_or(0, Vec::len);
    for rule in 0..rules {
        let cells: Vec<String> = rows.iter().map(|row| cell(&row[rule].1)).collect();
        println!("| {} | {} |", rows[0][rule].0, cells.join(" | "));
    }
}

fn short(n: f64) -> String {
    if n < 9.95 { format!("{n:.1}") } else { format!("{n:.0}") }
}

pub fn all(kinds: &[&str], rows: &[Row], last_phase: usize) {
    for (phase, (_, _, name)) in PHASES.iter().enumerate().take(last_phase + 1) {
        let per = if phase == 0 { "agent, on its first day" } else { "agent-year" };
        let title = format!("**False alarms per {per}, {name}** (95 % interval)");
        table(&title, kinds, rows, |score| {
            let time = if phase == 0 { score.days[0] } else { score.days[phase] / 365.25 };
            let (low, high) = interval(score.alarms[phase]);
            let rate = f64::from(score.alarms[phase]) / time;
            format!("{} ({}-{})", short(rate), short(low / time), short(high / time))
        });
        let title =
            format!("**Seen within 30 cycles, %, {name}** (x3/x10/x50/x200; rate in 3 min)");
        table(&title, kinds, rows, |score| {
            let of = |size: usize| format!("{:.0}", score.caught[phase][size].by(u32::MAX));
            (0..SIZES.len()).map(of).collect::<Vec<_>>().join("/")
        });
        let title =
            format!("**In cycle 1 and by 2, %, {name}** (x10, x50, x200); median (same; rate: s)");
        table(&title, kinds, rows, |score| {
            let caught = &score.caught[phase];
            let by = |at: usize| format!("{:.0} {:.0}", caught[at].by(1), caught[at].by(2));
            let median = |at: usize| caught[at].median().map_or("-".into(), |n| n.to_string());
            let medians: Vec<String> = (1..5).map(median).collect();
            format!("{}, {}, {}; {}", by(1), by(2), by(3), medians.join("/"))
        });
    }
    let title = "**Burnt until seen, in median cycles** (x10/x50/x200/rate; full record)";
    table(title, kinds, rows, |score| {
        let of = |size: usize| {
            let caught = &score.caught[last_phase][size];
            format!("{:.0}", caught.burnt / f64::from(caught.of.max(1)))
        };
        (1..SIZES.len()).map(of).collect::<Vec<_>>().join("/")
    });
    let title = "**Time in incidents, %, full record**";
    table(title, kinds, rows, |score| {
        let share = score.open[last_phase] as f64 / score.cycles[last_phase].max(1) as f64;
        format!("{:.2}", 100.0 * share)
    });
}
