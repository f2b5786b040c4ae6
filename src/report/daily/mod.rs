//! The daily report: what a fold of the journals says of some local days, and its renderings. Pure.
//!
//! [`Report`] is the whole of it, and its JSON is the report's JSON: every rendering shows what is in there
//! and nothing else. Moments are Unix time in milliseconds, spans milliseconds, memory KiB, cost USD.

pub mod html;

#[cfg(test)]
pub(crate) mod sample;

use serde::Serialize;

pub mod agent;
mod answers;
pub mod calendar;
mod causes;
mod figures;
mod findings;
pub mod fold;
pub mod markdown;
pub mod phrases;
mod story;
mod strip;
pub mod text;
mod timeline;
pub mod verdict;

/// The form of report that is written.
pub const VERSION: u8 = 1;

/// Days before the reported ones that are looked at for slow problems: four weeks, so that each weekday is
/// there four times.
pub const LOOK_BACK: i32 = 28;

/// The width of a bar in the plot of tokens a cycle, in milliseconds, for each day that is reported: a quarter
/// of an hour.
pub const BUCKET_MS: i64 = 15 * 60 * 1000;

/// How much a person is needed for something that is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// Nothing was to be seen.
    Quiet,
    /// All is well.
    #[default]
    Good,
    /// Worth a look.
    Warning,
    /// Needs a human.
    Bad,
}

/// All that is told.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// [`VERSION`].
    pub v: u8,
    /// When the records end that it was made of: now, or the end of the last day.
    pub until_ms: i64,
    /// Its days, oldest first; at least one.
    pub days: Vec<Day>,
    /// In one line, and who needs a human.
    pub verdict: Verdict,
    /// The five questions with their answers, in their order.
    pub answers: Vec<Answer>,
    /// Slow problems.
    pub findings: Vec<Finding>,
    /// Each agent, those that need a human first.
    pub agents: Vec<Agent>,
    /// Agents of which nothing is known in these days, by name.
    pub silent: Vec<String>,
    /// What could not be read, in words.
    pub notes: Vec<String>,
}

/// A local day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Day {
    /// Its date: `2026-11-28`.
    pub date: String,
    /// Its local midnight.
    pub from_ms: i64,
    /// The next local midnight: 23 or 25 hours later twice a year.
    pub until_ms: i64,
    /// Seconds east of UTC when it begins.
    pub offset_s: i32,
    /// Seconds east of UTC when it ends.
    pub offset_end_s: i32,
    /// When the clock was turned from the one to the other, if it was.
    pub turn_ms: Option<i64>,
}

impl Day {
    /// Seconds east of UTC at a moment of this day.
    #[must_use]
    pub fn offset_at(&self, at_ms: i64) -> i32 {
        if self.turn_ms.is_some_and(|turn| turn <= at_ms) {
            self.offset_end_s
        } else {
            self.offset_s
        }
    }
}

/// What it comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// For a subject: `vps2: 6 fine, trader needs you`.
    pub subject: String,
    /// How much a person is needed.
    pub mark: Mark,
    /// Agents of which nothing is to be said.
    pub fine: u32,
    /// What waits for a person.
    pub needs: Vec<Need>,
}

/// An agent that waits for a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Need {
    /// Which.
    pub agent: String,
    /// Its machine.
    pub host: String,
    /// Why: `gave up 3h12m ago: 3 failures in 10m, same last line`.
    pub words: String,
    /// What to type: `agentwatch resume trader`.
    pub command: Option<String>,
}

/// One of the five questions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answer {
    /// Its name for programs: `alive restarts tokens loops recovered`.
    pub key: &'static str,
    /// `Alive the whole day?`
    pub question: &'static str,
    /// How it looks.
    pub mark: Mark,
    /// The answer in a line, with its number.
    pub words: String,
    /// The number: a share in hundredths of a percent for `alive`, else a count.
    pub number: u64,
}

/// A slow problem, or a figure that is odd.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Finding {
    /// Whose.
    pub agent: String,
    /// What kind: `drift clash growth slower cost alerts budget`.
    pub kind: &'static str,
    /// How much a person is needed.
    pub mark: Mark,
    /// What was seen, in a sentence with its number.
    pub words: String,
    /// How it was found; `docs/report-methods.md` says more.
    pub method: &'static str,
}

/// One agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// The machine, as far as its journal tells; else its state directory.
    pub host: String,
    /// Where it stood at the end.
    pub state: &'static str,
    /// How much a person is needed.
    pub mark: Mark,
    /// What is to be said of it first, in a line.
    pub headline: String,
    /// How long it was up.
    pub up_ms: u64,
    /// How long it should have been up.
    pub due_ms: u64,
    /// The share of it, in hundredths of a percent; none if it should not have been up at all.
    pub up_share: Option<u32>,
    /// Where it stood when, without gaps from the first to the last moment that is known.
    pub spans: Vec<Span>,
    /// When it was not up and should have been.
    pub gaps: Vec<Gap>,
    /// Starts of children.
    pub starts: u32,
    /// Of these, those that followed another child.
    pub restarts: u32,
    /// Of these, what a person asked for.
    pub restarts_asked: u32,
    /// Failures.
    pub failures: u32,
    /// What they were, most frequent first.
    pub causes: Vec<Cause>,
    /// Failures after which it went on by itself.
    pub recovered: u32,
    /// How often it was given up.
    pub escalated: u32,
    /// Cooldowns that were waited out.
    pub cooldowns: u32,
    /// Beats.
    pub beats: u64,
    /// Lines that meant to be beats and are none.
    pub bad_beats: u64,
    /// The longest time between two beats of one incarnation.
    pub longest_gap_ms: Option<u64>,
    /// What it used.
    pub usage: Usage,
    /// Tokens a cycle that were usual at the end.
    pub usual: Option<u64>,
    /// Runaways and other signs of a loop, budgets that were exceeded.
    pub flags: Vec<Flag>,
    /// Each hour of the clock of each day; 23 or 25 of a day twice a year.
    pub hours: Vec<Hour>,
    /// Tokens a cycle over the days, in parts of [`BUCKET_MS`] times the number of days; parts without a cycle are
    /// left out.
    pub cycles: Vec<Bucket>,
    /// Memory of the child's tree, as it was recorded.
    pub memory: Vec<Memory>,
    /// Failures by hour of the day, over the last two weeks.
    pub failures_by_hour: [u32; 24],
    /// Day by day, the [`LOOK_BACK`] days before included; days of which nothing is known are left out.
    pub history: Vec<Past>,
    /// Incidents that were open.
    pub incidents: Vec<Incident>,
    /// Letters that arrived.
    pub alerts_sent: u32,
    /// Letters that did not, and why.
    pub alerts_failed: Vec<Failed>,
    /// Budgets as they stood at the end.
    pub budgets: Vec<Budget>,
    /// What happened, but for beats; the first and the last of very much.
    pub events: Vec<Event>,
    /// How many more of these there are.
    pub events_more: u64,
    /// What is odd about its journal, in words.
    pub notes: Vec<String>,
}

/// A stretch of one state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Span {
    /// As `status` names it; `unknown` where nothing was recorded.
    pub state: &'static str,
    /// Its begin.
    pub from_ms: i64,
    /// Its end.
    pub until_ms: i64,
}

/// A time in which it was not up and should have been.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Gap {
    /// Its begin.
    pub from_ms: i64,
    /// Its end.
    pub until_ms: i64,
    /// It goes on.
    pub open: bool,
    /// Why, in words.
    pub cause: String,
}

/// A kind of failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// In words: `exit 1`, `silent`, `killed for memory`.
    pub words: String,
    /// How often.
    pub count: u32,
}

/// What was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Cycles.
    pub cycles: u64,
    /// Tokens.
    pub tokens: u64,
    /// Tokens of a cycle on average.
    pub per_cycle: Option<u64>,
    /// Cost in USD, as far as it is known.
    pub cost_usd: Option<f64>,
    /// Beats that told tokens of which the cost is unknown.
    pub cost_unknown: u64,
}

/// Something that looked like a loop, or a budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Flag {
    /// What kind: `tokens` left the usual, another sign of a `loop`, a `budget`.
    pub kind: &'static str,
    /// When.
    pub at_ms: i64,
    /// How long; none if it was not over at the end.
    pub for_ms: Option<u64>,
    /// What, in words.
    pub words: String,
}

/// An hour of the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Hour {
    /// When it begins.
    pub from_ms: i64,
    /// What clocks show then: 0 to 23.
    pub hour: u8,
    /// What was used in it.
    #[serde(flatten)]
    pub usage: Usage,
    /// Failures in it.
    pub failures: u32,
}

/// A part of the days, for a plot of tokens a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// When it begins.
    pub from_ms: i64,
    /// Tokens of its cycles on average.
    pub mean: u64,
    /// The most that a cycle took.
    pub most: u64,
    /// What was usual then, if that was known.
    pub usual: Option<u64>,
    /// A loop was suspected in it.
    pub flagged: bool,
}

/// How much memory the tree of the child had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// When.
    pub at_ms: i64,
    /// Which incarnation.
    pub incarnation: u32,
    /// How much.
    pub kib: u64,
    /// Its highest ever, told at its end.
    pub peak: bool,
}

/// A day, in figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Past {
    /// Its date.
    pub date: String,
    /// What was used.
    #[serde(flatten)]
    pub usage: Usage,
    /// Half of its cycles took no more tokens.
    pub median_tokens: Option<u64>,
    /// Half of the times between its cycles were no longer.
    pub median_gap_ms: Option<u64>,
    /// Failures.
    pub failures: u32,
    /// The share of the time in which it was up, in hundredths of a percent.
    pub up_share: Option<u32>,
}

/// An incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Incident {
    /// What kind of trouble, in words.
    pub words: String,
    /// How much a person is needed.
    pub mark: Mark,
    /// When it began.
    pub since_ms: i64,
    /// How long it lasted; none if it was open at the end.
    pub lasted_ms: Option<u64>,
}

/// A letter that did not arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// When it was given up.
    pub at_ms: i64,
    /// Where it should have gone, without what is secret.
    pub sink: String,
    /// Why it did not arrive.
    pub error: String,
}

/// A budget.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Budget {
    /// Which: `tokens_per_hour tokens_per_day usd_per_day`.
    pub budget: &'static str,
    /// What was spent of it at the end, or on the last day: tokens or USD.
    pub spent: f64,
    /// All of it.
    pub limit: f64,
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Event {
    /// When.
    pub at_ms: i64,
    /// Its name in the journal.
    pub event: String,
    /// How much it matters.
    pub mark: Mark,
    /// In words.
    pub words: String,
}

#[cfg(test)]
mod tests;
