//! What the live view shows and how keys change it. Pure: it reads nothing and draws nothing.

use std::time::Duration;

use crate::core::time::Up;
use crate::report::attention::Need;
use crate::report::happened::Happened;
use crate::report::status::Status;
use crate::wire::tone::Tone;

use super::keys::Key;

/// How long an answer is shown.
const SAID_FOR: Duration = Duration::from_secs(15);

/// An agent, told from those of its name in other state directories.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    /// Its name.
    pub name: String,
    /// Its state directory.
    pub state_dir: String,
}

/// One agent of the table.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Where it stands, with what it uses once that is known.
    pub status: Status,
    /// Whom it needs.
    pub need: Need,
    /// What to know of it in a few words.
    pub note: Option<String>,
    /// What is open, a line each.
    pub incidents: Vec<String>,
    /// So many hundredths of the usual tokens are a runaway, if that is judged.
    pub factor: Option<u64>,
}

impl Row {
    /// Who it is.
    #[must_use]
    pub fn id(&self) -> Id {
        Id { name: self.status.agent.clone(), state_dir: self.status.state_dir.clone() }
    }
}

/// What can be asked of an agent: the command of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A fresh child.
    Restart,
    /// The end of it and of its agentwatch.
    Stop,
    /// All its processes stand still.
    Pause,
    /// It goes on.
    Resume,
    /// What is open has been seen.
    Ack,
}

impl Verb {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Restart, Self::Stop, Self::Pause, Self::Resume, Self::Ack];

    /// The command.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Ack => "ack",
        }
    }

    /// The key for it.
    #[must_use]
    pub fn key(self) -> char {
        match self {
            Self::Restart => 'r',
            Self::Stop => 's',
            Self::Pause => 'p',
            Self::Resume => 'u',
            Self::Ack => 'a',
        }
    }

    /// What to know before it is done; nothing where no harm comes of it.
    #[must_use]
    pub fn grave(self) -> Option<&'static str> {
        match self {
            Self::Restart => Some("what it is doing is lost"),
            Self::Stop => Some("it ends, and so does its agentwatch"),
            Self::Pause => Some("it stands still until it is resumed"),
            Self::Resume | Self::Ack => None,
        }
    }
}

/// What follows a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing but another picture.
    Nothing,
    /// The view ends.
    Leave,
    /// The view is put into the background.
    Suspend,
    /// All of it is drawn anew.
    Redraw,
    /// Something is asked of an agent.
    Ask(Verb, Id),
}

/// The last line, where it does not name the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The keys.
    Keys,
    /// A question that waits for `y`.
    Question(Verb, Id),
    /// An answer, or that one is waited for.
    Said(Tone, String),
}

/// The view.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// All agents, those that need a human first.
    rows: Vec<Row>,
    /// The agent that was chosen; none: whoever is first.
    chosen: Option<Id>,
    /// Where that was, in case it goes away.
    place: usize,
    /// The first row that is shown.
    first: usize,
    /// Rows that fit.
    page: usize,
    /// Events of all agents are shown, and not those of the chosen one.
    pub all_events: bool,
    /// The keys are explained.
    pub help: bool,
    question: Option<(Verb, Id)>,
    said: Option<(Tone, String, Up)>,
    /// The events that are shown, with whose they are, the newest last.
    pub events: Vec<(String, Happened)>,
    /// Why a state directory cannot be read.
    pub unreadable: Vec<String>,
    /// The state directories.
    pub dirs: Vec<String>,
}

impl Model {
    /// A view of the agents of `dirs`.
    #[must_use]
    pub fn new(dirs: Vec<String>) -> Self {
        Self { dirs, page: 1, ..Self::default() }
    }

    /// The agents that there are now, in any order.
    pub fn update(&mut self, mut rows: Vec<Row>) {
        rows.sort_by(|a, b| {
            let name = |row: &'_ Row| (row.need, row.status.agent.clone());
            name(a).cmp(&name(b)).then_with(|| a.status.state_dir.cmp(&b.status.state_dir))
        });
        self.rows = rows;
        if let Some(chosen) = &self.chosen
            && !self.rows.iter().any(|row| row.id() == *chosen)
        {
            // Whoever moved up to its place, and not the beginning of a long list.
            let there = self.place.min(self.rows.len().saturating_sub(1));
            self.chosen = self.rows.get(there).filter(|_| there > 0).map(Row::id);
        }
        if let Some((_, id)) = &self.question
            && !self.rows.iter().any(|row| row.id() == *id)
        {
            self.question = None;
        }
        self.scroll();
    }

    /// So many rows fit.
    pub fn fit(&mut self, page: usize) {
        self.page = page.max(1);
        self.scroll();
    }

    fn scroll(&mut self) {
        let at = self.index();
        self.place = at;
        self.first = self.first.min(at).max((at + 1).saturating_sub(self.page));
        self.first = self.first.min(self.rows.len().saturating_sub(self.page));
    }

    /// All agents, in the order in which they are shown.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The first row that is shown.
    #[must_use]
    pub fn first(&self) -> usize {
        self.first
    }

    /// Which row is chosen; 0 if there is none.
    #[must_use]
    pub fn index(&self) -> usize {
        let chosen = self.chosen.as_ref();
        chosen.and_then(|id| self.rows.iter().position(|row| row.id() == *id)).unwrap_or(0)
    }

    /// The agent that is chosen.
    #[must_use]
    pub fn row(&self) -> Option<&Row> {
        self.rows.get(self.index())
    }

    /// What the last line says.
    #[must_use]
    pub fn line(&self) -> Line {
        match (&self.question, &self.said) {
            (Some((verb, id)), _) => Line::Question(*verb, id.clone()),
            (None, Some((tone, words, _))) => Line::Said(*tone, words.clone()),
            (None, None) => Line::Keys,
        }
    }

    /// Shows an answer.
    pub fn say(&mut self, tone: Tone, words: String, now: Up) {
        self.said = Some((tone, words, now));
    }

    /// Time goes on: an answer that was there to be read makes room for the keys. True if something changed.
    pub fn age(&mut self, now: Up) -> bool {
        let over = |(_, _, at): &(Tone, String, Up)| SAID_FOR <= now.since(*at);
        let ages = self.said.as_ref().is_some_and(over);
        if ages {
            self.said = None;
        }
        ages
    }

    /// A key was pressed.
    pub fn press(&mut self, key: Key) -> Act {
        match key {
            Key::Ctrl('c') => return Act::Leave,
            Key::Ctrl('z') => return Act::Suspend,
            Key::Ctrl('l') => return Act::Redraw,
            _ => {}
        }
        if let Some((verb, id)) = self.question.take() {
            return match key {
                Key::Char('y' | 'Y') => Act::Ask(verb, id),
                _ => Act::Nothing,
            };
        }
        if std::mem::take(&mut self.help) {
            return if key == Key::Char('q') { Act::Leave } else { Act::Nothing };
        }
        self.said = None;
        let last = self.rows.len().saturating_sub(1);
        let at = self.index();
        match key {
            Key::Char('q') | Key::Escape => return Act::Leave,
            Key::Char('?' | 'h') => self.help = true,
            Key::Char('e') | Key::Enter => self.all_events = !self.all_events,
            Key::Up | Key::Char('k') => self.choose(at.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.choose(at.saturating_add(1).min(last)),
            Key::PageUp | Key::Ctrl('b') => self.choose(at.saturating_sub(self.page)),
            Key::PageDown | Key::Ctrl('f') | Key::Char(' ') => {
                self.choose(at.saturating_add(self.page).min(last));
            }
            Key::Home | Key::Char('g') => self.choose(0),
            Key::End | Key::Char('G') => self.choose(last),
            Key::Char(typed) => return self.ask(typed),
            Key::Ctrl(_) | Key::Other => {}
        }
        Act::Nothing
    }

    /// The first row is nobody in particular: whoever needs a human next is shown there.
    fn choose(&mut self, at: usize) {
        self.chosen = self.rows.get(at).filter(|_| at > 0).map(Row::id);
        self.scroll();
    }

    fn ask(&mut self, typed: char) -> Act {
        let verb = Verb::ALL.into_iter().find(|verb| verb.key() == typed);
        let (Some(verb), Some(row)) = (verb, self.row()) else { return Act::Nothing };
        let id = row.id();
        if verb.grave().is_some() {
            self.question = Some((verb, id));
            return Act::Nothing;
        }
        Act::Ask(verb, id)
    }
}

#[cfg(test)]
mod tests;
