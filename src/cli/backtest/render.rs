//! What a backtest found, for people.

use std::fmt::Write as _;

use crate::core::cost::drift::Drift;
use crate::core::cost::runaway::Kind;
use crate::core::time::Wall;
use crate::report::backtest::{Backtest, Suspicion, Tried};
use crate::report::plot::plot;
use crate::wire::tone::Tone;
use crate::wire::words::{count, grouped, span};
use crate::wire::{costs, decimal, paint, stamp};

use super::super::output::table;

/// Where it is shown.
pub struct Screen {
    /// In colour.
    pub colour: bool,
    /// Signs beyond ASCII may be used.
    pub unicode: bool,
    /// Seconds east of UTC.
    pub offset_s: i32,
    /// So many days were asked for.
    pub days: u32,
}

impl Screen {
    /// All of one agent.
    pub fn text(&self, told: &Backtest) -> String {
        let days = count(u64::from(self.days), "day");
        let mut text = format!("{}  the last {days}\n", told.agent);
        if told.cycles == 0 {
            let _ =
                writeln!(text, "  no cycle told its tokens; see: agentwatch events {}", told.agent);
        } else {
            self.cycles(told, &mut text);
        }
        self.silence(told, &mut text);
        text
    }

    fn cycles(&self, told: &Backtest, text: &mut String) {
        let known = |n: Option<u64>| grouped(n.unwrap_or(0));
        let _ = writeln!(
            text,
            "  {}, {} tokens; half took {} at most, 99 of 100 {}, the most {}",
            count(told.cycles, "cycle"),
            grouped(told.tokens),
            known(told.median),
            known(told.p99),
            known(told.most)
        );
        if told.added_up > 0 {
            let many = count(told.added_up, "cycle");
            let _ = writeln!(
                text,
                "  {many} came too fast to be kept one by one: each is taken for their mean"
            );
        }
        text.push('\n');
        for line in plot(&told.columns, told.usual, self.unicode) {
            let _ = writeln!(text, "  {line}");
        }
        let _ = writeln!(text, "  {}\n", self.legend(told));
        if let Some(drift) = &told.drift {
            let _ = writeln!(text, "  {}\n", drifting(drift));
        }
        self.found(told, text);
        let header = ["RULE", "SUSPICIONS", "SHORT", "TOKENS IN THEM"];
        let rows: Vec<Vec<String>> = std::iter::once(header.map(str::to_owned).to_vec())
            .chain(told.tried.iter().map(row))
            .collect();
        for line in table(&rows) {
            let _ = writeln!(text, "  {line}");
        }
        let _ = writeln!(text, "  short: over by itself after four cycles at most\n");
    }

    fn legend(&self, told: &Backtest) -> String {
        let [point, bar, line, flag] =
            if self.unicode { ['●', '│', '┄', '▲'] } else { ['o', '|', '-', '^'] };
        let usual = told.usual.map(|usual| format!(" {line} usual now {}", grouped(usual)));
        let flags = told.columns.iter().any(|column| column.is_flagged);
        let flags = if flags { format!(" {flag} suspected") } else { String::new() };
        format!(
            "tokens a cycle: {point} mean {bar} up to the most{}{flags}",
            usual.unwrap_or_default()
        )
    }

    fn found(&self, told: &Backtest, text: &mut String) {
        let Some(asked) = told.tried.first() else { return };
        let rule = rule(asked);
        if asked.suspicions == 0 {
            let _ = writeln!(text, "  {rule} would have suspected nothing.\n");
            return;
        }
        let _ = writeln!(text, "  {rule} would have suspected a loop {}:", times(asked.suspicions));
        for one in &told.found {
            let _ = writeln!(text, "  {}", self.suspicion(one));
        }
        let listed = u64::try_from(told.found.len()).unwrap_or(0);
        if listed < asked.suspicions {
            let _ = writeln!(text, "  and {} more", grouped(asked.suspicions - listed));
        }
        text.push('\n');
    }

    fn suspicion(&self, one: &Suspicion) -> String {
        let at = paint::dim(&stamp::local(Wall(one.at_ms), self.offset_s), self.colour);
        let mut text = format!("{at}  {}", costs::sign(&one.sign));
        let _ = match one.for_ms {
            Some(ms) => {
                let cycles = count(u64::from(one.cycles), "cycle");
                write!(text, "; {cycles}, {} tokens in {}", grouped(one.tokens), span(ms))
            }
            None => write!(text, "; not over"),
        };
        match one.earlier_ms {
            Some(0) | None => {}
            Some(ms @ 1..) => {
                let _ = write!(text, "; {} before it was told", span(ms.unsigned_abs()));
            }
            Some(ms) => {
                let _ = write!(text, "; {} after it was told", span(ms.unsigned_abs()));
            }
        }
        if one.short { text } else { paint::paint(Tone::Warning, &text, self.colour) }
    }

    fn silence(&self, told: &Backtest, text: &mut String) {
        let silence = &told.silence;
        let Some(longest) = silence.longest_ms else { return };
        let at = silence.longest_at_ms.map(|at| stamp::local(Wall(at), self.offset_s));
        let settings = format!("{} × {}", span(silence.interval_ms), silence.misses);
        let ended = match silence.would_have_ended {
            0 => format!("{settings} would have ended nothing that beat again"),
            n => format!("{settings} would have ended it {}, though it beat again", times(n)),
        };
        let was = match silence.was_ended {
            0 => String::new(),
            n => format!("; called unhealthy then: {}", times(n)),
        };
        let _ = writeln!(
            text,
            "  silence: longest gap {} up to {}; {ended}{was}",
            span(longest),
            at.unwrap_or_default()
        );
    }
}

fn rule(tried: &Tried) -> String {
    let factor = decimal::exact(tried.rule.factor, 2);
    match tried.rule.kind {
        Kind::Record => format!("{factor} × the usual, and a record"),
        Kind::Mean => format!("{factor} × the usual"),
    }
}

fn row(tried: &Tried) -> Vec<String> {
    vec![rule(tried), grouped(tried.suspicions), grouped(tried.short), grouped(tried.tokens)]
}

fn times(n: u64) -> String {
    if n == 1 { "once".to_owned() } else { format!("{} times", grouped(n)) }
}

/// `drift: 1,210 → 1,830 tokens a cycle over 14 days, +3.1 % a day`.
fn drifting(drift: &Drift) -> String {
    let sign = if drift.basis_points_per_day < 0 { '-' } else { '+' };
    let tenths = drift.basis_points_per_day.unsigned_abs() / 10;
    format!(
        "drift: {} → {} tokens a cycle over {}, {sign}{}.{} % a day",
        grouped(drift.from),
        grouped(drift.to),
        count(drift.days, "day"),
        tenths / 10,
        tenths % 10
    )
}
