//! Agents on a screen: a table of all, or one after the other in detail.

use std::fmt::Write as _;

use crate::report::sparkline::sparkline;
use crate::report::spend::Spend;
use crate::report::status::{Status, meaning};
use crate::sys::tty;
use crate::wire::paint;
use crate::wire::plain::plain;
use crate::wire::stamp;
use crate::wire::words::{count, grouped, span};

use super::super::output::{clip, table};

/// The longest name that a table shows, in columns.
const NAME_MAX: usize = 24;

/// Columns of the table, with the least important ones first among those that give way on a narrow
/// screen.
const GIVE_WAY: [&str; 3] = ["GAP", "RUN", "UP"];

/// Where it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// In colour.
    pub colour: bool,
    /// Its columns; none where nobody looks at a screen.
    pub width: Option<usize>,
    /// Seconds east of UTC.
    pub offset_s: i32,
}

impl Screen {
    /// All agents, one line each, then what a human may have to do.
    #[must_use]
    pub fn table(self, all: &[Status]) -> String {
        let head = [
            "AGENT",
            "STATE",
            "FOR",
            "RUN",
            "UP",
            "BEAT",
            "GAP",
            "TOKENS/CYCLE",
            "FAILURES",
            "NEXT",
        ];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        rows.extend(all.iter().map(row));
        let mut lines = table(&rows);
        for name in GIVE_WAY {
            let widest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
            if self.width.is_none_or(|width| widest <= width) {
                break;
            }
            if let Some(at) =
                rows.first().and_then(|head| head.iter().position(|cell| cell == name))
            {
                for row in &mut rows {
                    row.remove(at);
                }
                lines = table(&rows);
            }
        }
        let mut text = String::new();
        for (at, line) in lines.iter().enumerate() {
            let line = self.width.map_or_else(|| line.clone(), |width| clip(line, width));
            let line = match at.checked_sub(1).and_then(|at| all.get(at)) {
                None => paint::dim(&line, self.colour),
                Some(status) => self.paint_state(&line, status),
            };
            let _ = writeln!(text, "{line}");
        }
        text.push_str(&remarks(all));
        if 1 < all.len() {
            let _ = writeln!(text, "{}", paint::dim(&sum(all), self.colour));
        }
        text
    }

    /// Only the word itself: a whole line in red is harder to read.
    fn paint_state(self, line: &str, status: &Status) -> String {
        let Some(rest) = line.get(line.len().min(status.agent.len())..) else {
            return line.to_owned();
        };
        let name = &line[..line.len() - rest.len()];
        let word = paint::paint(meaning(status.state).tone, status.state, self.colour);
        format!("{name}{}", rest.replacen(status.state, &word, 1))
    }

    /// Each agent in detail.
    #[must_use]
    pub fn details(self, all: &[Status]) -> String {
        let blocks: Vec<String> = all.iter().map(|status| self.detail(status)).collect();
        blocks.join("\n")
    }

    fn detail(self, status: &Status) -> String {
        let mut text = String::new();
        let tone = meaning(status.state).tone;
        let longer = if status.state_longer { "more than " } else { "" };
        let since = status.state_ms.map(|ms| format!(" for {longer}{}", span(ms)));
        let word = paint::paint(tone, status.state, self.colour);
        let _ = writeln!(text, "{}  {word}{}", status.agent, since.unwrap_or_default());
        for (label, value) in rows(status, self.offset_s) {
            let value = plain(value.replace(['\n', '\r'], " ").as_bytes());
            let value = match self.width {
                Some(width) => clip(&value, width.saturating_sub(14).max(20)),
                None => value,
            };
            let _ = writeln!(text, "  {}{value}", paint::dim(&format!("{label:<12}"), self.colour));
        }
        text
    }
}

/// What a human should know or may have to do.
fn remarks(all: &[Status]) -> String {
    let mut text = String::new();
    for status in all {
        if let Some(error) = &status.error {
            let _ = writeln!(text, "{}: {error}", status.agent);
        }
        for note in &status.notes {
            let _ = writeln!(text, "{note}");
        }
        if status.state == "escalated"
            && let Some(command) = &status.command_to_type
        {
            let _ = writeln!(text, "{} stays down until: {command}", status.agent);
        }
    }
    text
}

/// The lines of one agent in detail.
fn rows(status: &Status, offset_s: i32) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(command) = &status.command_to_type {
        let label = if status.latched_since.is_some() { "until" } else { "or now" };
        rows.push((label, command.clone()));
    }
    if let Some(ms) = status.next_start_ms {
        rows.push(("next start", format!("in {}", span(ms))));
    }
    let run = match (status.pid, status.up_ms) {
        (Some(pid), Some(up)) => format!("{}, pid {pid}, up {}", status.incarnation, span(up)),
        _ => format!("{}, none is up", status.incarnation),
    };
    let by = match (status.supervised, status.supervisor_pid) {
        (true, Some(pid)) => format!("; supervised by pid {pid}"),
        (true, None) => String::new(),
        (false, _) => "; no agentwatch runs it".to_owned(),
    };
    rows.push(("run", run + &by));
    if let Some(last) = status.last_beat_ms {
        let word = status.status.as_deref().unwrap_or_default();
        let mut beats = format!("last {} ago ({word})", span(last));
        if let Some(gap) = status.longest_gap_ms {
            let _ = write!(beats, "; longest gap {}", span(gap));
        }
        if let Some(since) = &status.longest_gap_since {
            let started = status.started.as_ref() == Some(since);
            let words = if started {
                "of this run".to_owned()
            } else {
                format!("since {}", local(since, offset_s))
            };
            let _ = write!(beats, " {words}");
        }
        rows.push(("beats", beats));
    }
    if let Some(deadline) = &status.deadline {
        let left = deadline.left_ms.map(|ms| format!("; {} left", span(ms)));
        rows.push(("deadline", format!("{}{}", deadline.words, left.unwrap_or_default())));
    }
    rows.extend(tokens(status).map(|words| ("tokens", words)));
    if 1 < status.recent_tokens.len() {
        let recent: Vec<Option<u64>> = status.recent_tokens.iter().map(|n| Some(*n)).collect();
        rows.push(("", sparkline(&recent, tty::speaks_unicode())));
    }
    if let Some(since) = status.spend.as_ref().and_then(|spend| spend.loop_since.as_ref()) {
        let right = "is that right? agentwatch resume --rebaseline";
        let since = local(since, offset_s);
        rows.push(("loop?", format!("suspected since {since}; {right} {}", status.agent)));
    }
    let spent = status.spend.as_ref().and_then(Spend::words);
    rows.extend(spent.map(|words| ("spent", words)));
    let latched = status.latched_since.as_ref();
    let latched = latched.map(|since| format!("; down since {}", local(since, offset_s)));
    let failures = format!("{} of {}", status.streak, status.max_failures);
    rows.push(("failures", failures + &latched.unwrap_or_default()));
    if let Some(words) = &status.last_end {
        let ago = status.last_end_ms.map(|ms| format!("{} ago: ", span(ms)));
        rows.push(("last end", format!("{}{words}", ago.unwrap_or_default())));
    }
    if !status.command.is_empty() {
        rows.push(("command", format!("{}  (in {})", status.command.join(" "), status.directory)));
    }
    rows.extend(status.log.clone().map(|log| ("log", log)));
    rows.extend(status.notes.iter().map(|note| ("note", note.clone())));
    rows.extend(status.error.clone().map(|error| ("error", error)));
    rows
}

/// Tokens a cycle: the last, and what is usual.
fn tokens(status: &Status) -> Option<String> {
    let last = status.last_tokens.map(|n| format!("; last {}", grouped(n)));
    let usual = status.spend.as_ref().and_then(|spend| spend.baseline);
    let words = match (usual, status.tokens_per_cycle) {
        (Some(usual), _) => format!("{} a cycle is usual", grouped(usual)),
        (None, mean) => format!("{} a cycle", grouped(mean?)),
    };
    Some(words + &last.unwrap_or_default())
}

/// A moment of the journal as people read it.
fn local(utc: &str, offset_s: i32) -> String {
    stamp::parse_utc(utc).map_or_else(|| utc.to_owned(), |at| stamp::local(at, offset_s))
}

fn row(status: &Status) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let longer = if status.state_longer { ">" } else { "" };
    vec![
        clip(&status.agent, NAME_MAX),
        status.state.to_owned(),
        or_dash(status.state_ms.map(|ms| format!("{longer}{}", span(ms)))),
        status.incarnation.to_string(),
        or_dash(status.up_ms.map(span)),
        or_dash(status.last_beat_ms.map(|ms| format!("{} ago", span(ms)))),
        or_dash(status.longest_gap_ms.map(span)),
        or_dash(status.tokens_per_cycle.map(grouped)),
        format!("{}/{}", status.streak, status.max_failures),
        or_dash(status.next_start_ms.map(|ms| format!("in {}", span(ms)))),
    ]
}

/// `5 agents: 3 healthy, 1 cooldown, 1 escalated`.
fn sum(all: &[Status]) -> String {
    let mut states: Vec<(&str, u64)> = Vec::new();
    for status in all {
        match states.iter_mut().find(|(state, _)| *state == status.state) {
            Some((_, n)) => *n += 1,
            None => states.push((status.state, 1)),
        }
    }
    states.sort_by_key(|(state, n)| (std::cmp::Reverse(*n), *state));
    let parts: Vec<String> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    let agents = count(u64::try_from(all.len()).unwrap_or(u64::MAX), "agent");
    format!("{agents}: {}", parts.join(", "))
}
