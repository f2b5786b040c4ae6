//! The ways from state to state: those that ARCHITECTURE.md names, and those that were taken.

use std::collections::BTreeMap;

use agentwatch::core::supervisor::Phase;

const PHASES: [Phase; 17] = [
    Phase::New,
    Phase::Starting,
    Phase::Running,
    Phase::Healthy,
    Phase::Late,
    Phase::Unhealthy,
    Phase::ShuttingDown,
    Phase::Stopping,
    Phase::Failed,
    Phase::Paused,
    Phase::Validating,
    Phase::Cooldown,
    Phase::Parked,
    Phase::Waiting,
    Phase::Escalated,
    Phase::Leaving,
    Phase::Done,
];

/// As the documents write it.
fn name(phase: Phase) -> String {
    let mut name = String::new();
    for letter in format!("{phase:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push(' ');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// How often each way was taken.
#[derive(Clone, Debug, Default)]
pub struct Diagram {
    taken: [[u64; 17]; 17],
}

impl Diagram {
    pub fn take(&mut self, from: Phase, to: Phase) {
        if from != to {
            self.taken[from as usize][to as usize] += 1;
        }
    }

    pub fn add(&mut self, other: &Self) {
        for (row, others) in self.taken.iter_mut().zip(&other.taken) {
            for (count, more) in row.iter_mut().zip(others) {
                *count += more;
            }
        }
    }

    /// What was taken, by name.
    pub fn ways(&self) -> BTreeMap<String, Vec<String>> {
        let row = |from: Phase| -> Vec<String> {
            let taken = |to: &&Phase| self.taken[from as usize][**to as usize] > 0;
            PHASES.iter().filter(taken).map(|to| name(*to)).collect()
        };
        let rows = PHASES.iter().map(|from| (name(*from), row(*from)));
        rows.filter(|(_, to)| !to.is_empty()).collect()
    }

    /// How often the way that is taken least was taken.
    pub fn rarest(&self) -> (u64, String) {
        let mut rarest = (u64::MAX, String::new());
        for from in PHASES {
            for to in PHASES {
                let count = self.taken[from as usize][to as usize];
                if 0 < count && count < rarest.0 {
                    rarest = (count, format!("{} → {}", name(from), name(to)));
                }
            }
        }
        rarest
    }
}

/// The ways that ARCHITECTURE.md names: rows of `| from | to, to |` under its heading.
pub fn documented() -> BTreeMap<String, Vec<String>> {
    let text = include_str!("../../ARCHITECTURE.md");
    let (_, table) = text.split_once("| from | to |\n| --- | --- |\n").unwrap_or_default();
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let words = |text: &str| text.split(',').map(|word| word.trim().to_owned()).collect();
    rows.filter_map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        Some((cells.next()?.to_owned(), words(cells.next()?)))
    })
    .collect()
}

/// That every way that was taken is documented; and, after so many years that the rarest comes up, that
/// every way that is documented was taken.
pub fn assert_complete(diagram: &Diagram, many: bool) {
    let (taken, documented) = (diagram.ways(), documented());
    let rows = taken.iter().map(|(from, to)| format!("| {from} | {} |\n", to.join(", ")));
    let table: String = rows.collect();
    for (from, to) in &taken {
        let known = documented.get(from).cloned().unwrap_or_default();
        let unknown: Vec<_> = to.iter().filter(|to| !known.contains(to)).collect();
        assert!(unknown.is_empty(), "not in ARCHITECTURE.md: {from} → {unknown:?}\n{table}");
    }
    assert!(!many || taken == documented, "ARCHITECTURE.md names other ways than these:\n{table}");
}
