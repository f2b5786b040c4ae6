//! What is on disk, and what is on its way there: as the real shell keeps it, so that a life of
//! agentwatch starts from exactly what the one before it had written.

use std::collections::BTreeMap;

use agentwatch::core::effect::Effect;
use agentwatch::core::ending::Ending;
use agentwatch::core::event::Kept;
use agentwatch::core::fact::{BeatFact, Fact, Outcome};
use agentwatch::core::memory::Memory;
use agentwatch::core::time::Wall;
use agentwatch::store::rebuild;
use agentwatch::wire::record::Record;

/// A disk, and what agentwatch still has to write.
#[derive(Clone, Debug)]
pub struct Disk {
    pub state_works: bool,
    pub journal_works: bool,
    /// `state.json`, and the last one that was synced.
    state: Option<Memory>,
    synced: Option<Memory>,
    torn: bool,
    /// The records after `state.json` was written, and what all of them tell.
    news: Vec<Record>,
    whole: Memory,
    seq: u64,
    state_seq: u64,
    /// How often the end of each incarnation is in the journal.
    pub ends: BTreeMap<u32, u32>,
    /// What is on disk says that an agent has to stay down until a human says otherwise.
    pub halted: bool,
    paused: bool,
    /// Not written yet: records, and the memory.
    unwritten: Vec<Record>,
    weighty: bool,
    unsaved: Option<bool>,
    /// The last attempt to write failed.
    state_fails: bool,
    journal_fails: bool,
    /// Something more urgent came before it the last time.
    pub put_off: bool,
}

/// What became of an attempt to write.
pub type Written = Option<(Kept, bool)>;

impl Disk {
    pub fn new() -> Self {
        Self {
            state_works: true,
            journal_works: true,
            state: None,
            synced: None,
            torn: false,
            news: Vec::new(),
            whole: Memory::default(),
            seq: 0,
            state_seq: 0,
            ends: BTreeMap::new(),
            halted: false,
            paused: false,
            unwritten: Vec::new(),
            weighty: false,
            unsaved: None,
            state_fails: false,
            journal_fails: false,
            put_off: false,
        }
    }

    /// Whether a later life learns nothing from a beat: those are left out of the journal.
    pub fn is_dull(beat: &BeatFact) -> bool {
        beat.first_after_ms.is_none() && beat.tokens_total.is_none()
    }

    /// Takes a fact for the journal.
    pub fn note(&mut self, ts: Wall, fact: Fact) {
        self.seq += 1;
        self.weighty |= !matches!(fact, Fact::SupervisorStarted { .. });
        let (event, line) = (String::new(), String::new());
        self.unwritten.push(Record { ts, seq: self.seq, fact: Some(fact), event, line });
    }

    pub fn is_unsaved(&mut self, sync: bool) {
        self.unsaved = Some(sync || self.unsaved == Some(true));
    }

    pub fn has_chores(&self) -> bool {
        !self.unwritten.is_empty() || self.unsaved.is_some()
    }

    /// Whether the journal has to be written before a start.
    pub fn is_weighty(&self) -> bool {
        self.weighty
    }

    /// Writes the journal.
    pub fn write_journal(&mut self) -> Written {
        if self.unwritten.is_empty() {
            return None;
        }
        self.weighty = false;
        self.journal_fails = !self.journal_works;
        if !self.journal_works {
            return Some((Kept::Journal, false));
        }
        for record in self.unwritten.drain(..) {
            if let Some(Fact::Exited { incarnation, .. }) = &record.fact {
                *self.ends.entry(*incarnation).or_default() += 1;
            }
            match &record.fact {
                // The state was written after it.
                _ if record.seq <= self.state_seq => {}
                Some(Fact::Exited { ending, outcome, .. }) => {
                    let lost = *ending == Ending::Unknown && *outcome != Outcome::Passed;
                    self.halted |= std::mem::take(&mut self.paused) && lost;
                }
                Some(Fact::Escalated { .. } | Fact::Held | Fact::Latched { .. }) => {
                    self.halted = true;
                }
                Some(Fact::Resumed { .. } | Fact::Released { .. }) => self.halted = false,
                Some(Fact::Paused { .. }) => self.paused = true,
                Some(Fact::Continued { .. }) => self.paused = false,
                _ => {}
            }
            rebuild::learn(&mut self.whole, &record);
            if self.state_seq < record.seq {
                self.news.push(record);
            }
        }
        Some((Kept::Journal, true))
    }

    /// Writes `state.json`.
    pub fn save(&mut self, memory: &Memory) -> Written {
        let sync = self.unsaved?;
        self.state_fails = !self.state_works;
        if !self.state_works {
            return Some((Kept::State, false));
        }
        self.unsaved = None;
        if sync {
            self.synced = Some(memory.clone());
        }
        (self.state, self.torn) = (Some(memory.clone()), false);
        // Where the journal fails the state alone knows that somebody resumed.
        (self.halted, self.paused) = (memory.latch.is_some(), memory.paused);
        self.state_seq = self.seq;
        self.news.clear();
        Some((Kept::State, true))
    }

    /// agentwatch is gone, and what it had not written, or had to record yet (`more`). True if a disk
    /// that failed kept it from that.
    pub fn lose(&mut self, more: bool) -> bool {
        let fails = self.journal_fails || self.state_fails && self.unsaved.is_some();
        let lost = fails && (more || !self.unwritten.is_empty());
        self.unwritten.clear();
        (self.weighty, self.put_off, self.unsaved) = (false, false, None);
        self.seq = self.news.last().map_or(self.state_seq, |last| last.seq);
        lost
    }

    /// The power is gone, and what was not synced with it.
    pub fn cut_power(&mut self) {
        self.state.clone_from(&self.synced);
        self.news.clear();
        let left = self.state.as_ref();
        self.halted = left.is_some_and(|memory| memory.latch.is_some());
        self.paused = left.is_some_and(|memory| memory.paused);
    }

    pub fn tear(&mut self) {
        self.torn |= self.state.is_some();
    }

    /// What the next life knows; and whether that is what the last one wrote.
    pub fn load(&mut self, now: Wall) -> (Memory, bool) {
        let mut memory = match (&self.state, self.torn) {
            (Some(state), false) => {
                let mut memory = state.clone();
                rebuild::catch_up(&mut memory, &self.news);
                return (memory, true);
            }
            (Some(_) | None, _) => self.whole.clone(),
        };
        rebuild::after_loss(&mut memory, self.torn, now);
        (self.halted, self.paused) = (memory.latch.is_some(), memory.paused);
        (memory, !self.torn)
    }

    /// What `state.json` says.
    pub fn state(&self) -> Option<&Memory> {
        self.state.as_ref()
    }
}

/// Whether an effect is one that a story need not tell.
pub fn is_dull(effect: &Effect) -> bool {
    matches!(effect, Effect::Record(Fact::Beat(_)) | Effect::Persist { .. })
}
