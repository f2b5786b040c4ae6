//! Many agents at a glance: who needs a human first, a line each, and what it comes to. Pure.

use serde::Serialize;

use crate::core::fact::Severity;
use crate::core::incident::Incident;
use crate::core::memory::Memory;
use crate::core::time::Wall;
use crate::wire::columns::{clip, columns, pad, pad_left};
use crate::wire::compose::what;
use crate::wire::tone::Tone;
use crate::wire::words::{count, short, span};
use crate::wire::{paint, stamp};

use super::attention::{Need, need, note};
use super::spend::Spend;
use super::status::{Status, meaning};

/// The longest name that is shown, in columns, and the longest on a narrow screen.
const NAME_MAX: [usize; 2] = [24, 16];

/// So much of the last column is worth having, in columns.
const NOTE_MIN: usize = 19;

/// Who is named in the verdict: more would be no verdict.
const NAMED_MAX: usize = 5;

/// Trouble that is open.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Open {
    /// Its kind: `failing silent loop budget state parked stuck deaf idle store snapshots`.
    pub trouble: &'static str,
    /// `info` `warning` `critical`.
    pub severity: Severity,
    /// Since when, UTC.
    pub since: String,
    /// Somebody has seen it.
    pub acknowledged: bool,
    /// What it is about, in words.
    pub words: String,
}

/// One agent as it is shown among others.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Glance {
    /// Where it stands.
    #[serde(flatten)]
    pub status: Status,
    /// Whom it needs: `human trouble fine down`.
    #[serde(serialize_with = "by_word")]
    pub need: Need,
    /// What a person should know of it in a few words.
    pub note: Option<String>,
    /// What is open, the worst first.
    pub incidents: Vec<Open>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn by_word<S: serde::Serializer>(need: &Need, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match need {
        Need::Human => "human",
        Need::Trouble => "trouble",
        Need::Fine => "fine",
        Need::Down => "down",
    })
}

impl Glance {
    /// What is to be seen of an agent at `now`; `memory` is what its state says, if that can be read.
    #[must_use]
    pub fn new(status: Status, memory: Option<&Memory>, now: Wall) -> Self {
        let open = |one: &&Incident| one.over.is_none() && one.ends.is_none_or(|end| now < end);
        let all = memory.into_iter().flat_map(|memory| &memory.incidents.all);
        let mut incidents: Vec<&Incident> = all.filter(open).collect();
        incidents.sort_by_key(|one| (std::cmp::Reverse(one.severity), one.since));
        let incidents = incidents.into_iter().map(|one| Open {
            trouble: one.trouble.word(),
            severity: one.severity,
            since: stamp::utc(one.since),
            acknowledged: one.acknowledged,
            words: what(one),
        });
        Self {
            need: need(&status, memory),
            note: note(&status, memory, now),
            incidents: incidents.collect(),
            status,
        }
    }
}

/// Those that need a human first, else by name.
pub fn sort(all: &mut [Glance]) {
    all.sort_by(|one, other| {
        let key = |one: &Glance| (one.need, one.status.agent.clone(), one.status.state_dir.clone());
        key(one).cmp(&key(other))
    });
}

/// A column, as they stand from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Agent,
    State,
    For,
    Run,
    Up,
    Beat,
    Gap,
    Last,
    Usual,
    Today,
    Failed,
    Note,
}

impl Column {
    const ALL: [Self; 12] = [
        Self::Agent,
        Self::State,
        Self::For,
        Self::Run,
        Self::Up,
        Self::Beat,
        Self::Gap,
        Self::Last,
        Self::Usual,
        Self::Today,
        Self::Failed,
        Self::Note,
    ];

    /// Those that give way on a narrow screen, the least telling first.
    const GIVE_WAY: [Self; 8] = [
        Self::Gap,
        Self::Run,
        Self::Failed,
        Self::Up,
        Self::Usual,
        Self::Last,
        Self::Beat,
        Self::Today,
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Agent => "AGENT",
            Self::State => "STATE",
            Self::For => "FOR",
            Self::Run => "RUN",
            Self::Up => "UP",
            Self::Beat => "BEAT",
            Self::Gap => "GAP",
            Self::Last => "LAST",
            Self::Usual => "USUAL",
            Self::Today => "TODAY",
            Self::Failed => "FAILED",
            Self::Note => "NOTE",
        }
    }

    /// Numbers and times are compared from their right ends.
    fn is_number(self) -> bool {
        !matches!(self, Self::Agent | Self::State | Self::Today | Self::Note)
    }

    fn cell(self, one: &Glance) -> Option<String> {
        let status = &one.status;
        // Tenths of a second tell nobody anything.
        let short_span = |ms: u64| span(ms / 1000 * 1000);
        match self {
            Self::Agent => Some(status.agent.clone()),
            Self::State => Some(status.state.to_owned()),
            Self::For => {
                let longer = if status.state_longer { ">" } else { "" };
                status.state_ms.map(|ms| format!("{longer}{}", short_span(ms)))
            }
            Self::Run => Some(status.incarnation.to_string()),
            Self::Up => status.up_ms.map(short_span),
            Self::Beat => status.last_beat_ms.map(short_span),
            Self::Gap => status.longest_gap_ms.map(short_span),
            Self::Last => status.last_tokens.map(short),
            Self::Usual => {
                let usual = status.spend.as_ref().and_then(|spend| spend.baseline);
                usual.map(short)
            }
            Self::Today => status.spend.as_ref().and_then(Spend::brief).map(|brief| brief.words),
            Self::Failed => Some(format!("{}/{}", status.streak, status.max_failures)),
            Self::Note => one.note.clone().or_else(|| failures(status)),
        }
    }

    /// The same in fewer columns: of a budget the share that is spent.
    fn brief(self, one: &Glance) -> Option<String> {
        let brief =
            one.status.spend.as_ref().filter(|_| self == Self::Today).and_then(Spend::brief);
        match brief.map(|brief| (brief.words, brief.percent)) {
            Some((words, Some(percent))) => {
                let spent = words.split_once(" of ").map_or(words.as_str(), |(spent, _)| spent);
                Some(format!("{spent} {percent}%"))
            }
            _ => self.cell(one),
        }
    }

    /// How much a cell matters.
    fn tone(self, one: &Glance) -> Tone {
        let status = &one.status;
        match self {
            Self::State => meaning(status.state).tone,
            Self::Last if status.spend.as_ref().is_some_and(|spend| spend.loop_since.is_some()) => {
                Tone::Warning
            }
            Self::Today => {
                let brief = status.spend.as_ref().and_then(Spend::brief);
                match brief.and_then(|brief| brief.percent) {
                    Some(percent) if 100 <= percent => Tone::Bad,
                    Some(percent) if 80 <= percent => Tone::Warning,
                    _ => Tone::Plain,
                }
            }
            Self::Failed if status.streak > 0 => Tone::Warning,
            Self::Note => match one.need {
                Need::Human => Tone::Bad,
                Need::Trouble => Tone::Warning,
                Need::Fine | Need::Down => Tone::Plain,
            },
            Self::Agent
            | Self::For
            | Self::Run
            | Self::Up
            | Self::Beat
            | Self::Gap
            | Self::Last
            | Self::Usual
            | Self::Failed => Tone::Plain,
        }
    }
}

/// What is not forgotten yet of one that runs.
fn failures(status: &Status) -> Option<String> {
    (status.streak > 0 && status.state != "escalated")
        .then(|| format!("{} in a row", count(u64::from(status.streak), "failure")))
}

/// The cells of a column, padded to its width.
struct Filled {
    column: Column,
    width: usize,
    /// Of the agents, in their order.
    cells: Vec<Option<String>>,
}

impl Filled {
    fn new(column: Column, all: &[Glance], name_max: usize) -> Self {
        let most = if column == Column::Agent { name_max } else { usize::MAX };
        let clipped = |one| column.cell(one).map(|text| clip(&text, most));
        Self::of(column, all.iter().map(clipped).collect())
    }

    fn of(column: Column, cells: Vec<Option<String>>) -> Self {
        let widest = cells.iter().flatten().map(|text| columns(text)).max().unwrap_or(0);
        Self { column, width: widest.max(columns(column.title())), cells }
    }

    fn is_empty(&self) -> bool {
        self.cells.iter().all(Option::is_none)
    }

    fn pad(&self, text: &str) -> String {
        if self.column.is_number() { pad_left(text, self.width) } else { pad(text, self.width) }
    }
}

/// The agents as a table, its head first; as wide as it is without a `width`, else fitted to that.
#[must_use]
pub fn table(all: &[Glance], width: Option<usize>, colour: bool) -> Vec<String> {
    let filled = fit(all, width);
    let before: usize = filled.iter().rev().skip(1).map(|column| column.width + 2).sum();
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(before));
    let head: Vec<String> = filled.iter().map(|column| column.pad(column.column.title())).collect();
    let head = head.join("  ");
    let head = width.map_or_else(|| head.clone(), |width| clip(&head, width));
    let mut lines = vec![paint::dim(head.trim_end(), colour)];
    for (at, one) in all.iter().enumerate() {
        let mut line = String::new();
        for column in &filled {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let text = column.cells.get(at).cloned().flatten();
            let text = match (column.column, text) {
                (Column::Note, text) => clip(&text.unwrap_or_default(), room),
                (_, text) => column.pad(text.as_deref().unwrap_or("–")),
            };
            let colour = colour && one.need != Need::Down;
            line.push_str(&paint::paint(column.column.tone(one), &text, colour));
        }
        let line = line.trim_end();
        // Who is down because somebody wants it so stands back.
        lines.push(if one.need == Need::Down { paint::dim(line, colour) } else { line.to_owned() });
    }
    lines
}

/// The columns that there is room for.
fn fit(all: &[Glance], width: Option<usize>) -> Vec<Filled> {
    let fill = |name_max| Column::ALL.map(|column| Filled::new(column, all, name_max)).into_iter();
    let mut filled: Vec<Filled> = fill(NAME_MAX[0]).collect();
    let Some(width) = width else { return filled };
    let takes = |filled: &[Filled]| {
        let note = |one: &Filled| {
            if one.column == Column::Note { one.width.min(NOTE_MIN) } else { one.width }
        };
        filled.iter().map(|one| note(one) + 2).sum::<usize>().saturating_sub(2)
    };
    for column in Column::GIVE_WAY {
        if takes(&filled) <= width {
            return filled;
        }
        // What tells nothing of anybody first.
        filled.retain(|one| !one.is_empty() || one.column == Column::Note);
        if width < takes(&filled) && column == Column::Usual {
            let shorter = filled.iter().map(|one| match one.column {
                Column::Agent => Filled::new(Column::Agent, all, NAME_MAX[1]),
                column => Filled::of(column, all.iter().map(|one| column.brief(one)).collect()),
            });
            filled = shorter.collect();
        }
        if width < takes(&filled) {
            filled.retain(|one| one.column != column);
        }
    }
    filled
}

/// What it comes to: `5 agents: 3 fine, 1 in trouble, trader needs you`; on one line of that `width`, as far
/// as that can be.
#[must_use]
pub fn verdict(all: &[Glance], width: Option<usize>) -> (Tone, String) {
    let of = |need: Need| all.iter().filter(move |one| one.need == need);
    let agents = count(u64::try_from(all.len()).unwrap_or(u64::MAX), "agent");
    let mut parts: Vec<String> = [Need::Fine, Need::Trouble, Need::Down]
        .into_iter()
        .map(|need| (need, of(need).count()))
        .filter(|(_, agents)| *agents > 0)
        .map(|(need, agents)| need.words(agents))
        .collect();
    let names: Vec<&str> = of(Need::Human).map(|one| one.status.agent.as_str()).collect();
    let before = columns(&agents) + parts.iter().map(|part| columns(part) + 2).sum::<usize>() + 2;
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(before));
    let mut said = (0..=NAMED_MAX.min(names.len())).rev().map(|named| need_you(&names, named));
    let fits = said.find(|words| columns(words) <= room);
    parts.extend(fits.or_else(|| need_you(&names, 0).into()).filter(|words| !words.is_empty()));
    let tone = match all.iter().map(|one| one.need).min() {
        Some(Need::Human) => Tone::Bad,
        Some(Need::Trouble) => Tone::Warning,
        Some(Need::Fine) => Tone::Good,
        Some(Need::Down) | None => Tone::Plain,
    };
    (tone, format!("{agents}: {}", parts.join(", ")))
}

/// Who needs a human, so many of them by name.
fn need_you(names: &[&str], said: usize) -> String {
    match (names, names.split_at_checked(said)) {
        ([], _) => String::new(),
        ([one], Some(([_], _))) => format!("{one} needs you"),
        ([_], _) => "1 needs you".to_owned(),
        ([all @ .., last], Some((_, []))) => format!("{} and {last} need you", all.join(", ")),
        (_, Some((some @ [_, ..], more))) => {
            format!("{} and {} more need you", some.join(", "), more.len())
        }
        (names, _) => format!("{} need you", names.len()),
    }
}

#[cfg(test)]
mod tests;
