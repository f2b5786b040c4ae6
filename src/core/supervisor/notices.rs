//! What a child tells beside its beats: that it is ready, that it hangs, that it needs more time.

use std::time::Duration;

use crate::core::beat::{Beat, Status};
use crate::core::effect::Effect;
use crate::core::fact::Fact;
use crate::core::notice::{Extended, Notice, Road};
use crate::core::pulse::{Silence, first_beat_limit};
use crate::core::time::{Up, millis};

use super::{State, Supervisor};

/// More output than this counts as one beat: a beat is a moment, not a line.
const OUTPUT_EVERY: Duration = Duration::from_secs(1);

/// Less time than this is given without a line in the journal: who asks a thousand times a second
/// gets all of it and is heard of a few hundred times.
const EXTENDED_MIN: Duration = Duration::from_secs(1);

impl Supervisor {
    /// A notice was read.
    pub(super) fn notice(&mut self, incarnation: u32, notice: Notice, out: &mut Vec<Effect>) {
        match notice {
            Notice::Word { ready, text } => self.word(incarnation, ready, text, out),
            Notice::Trigger => self.triggered(incarnation, out),
            Notice::Extend { by } => self.extend(incarnation, by, out),
            Notice::Output => self.output(incarnation, out),
        }
    }

    fn word(
        &mut self,
        incarnation: u32,
        ready: bool,
        text: Option<Box<str>>,
        out: &mut Vec<Effect>,
    ) {
        let now = self.now.up;
        let limit = first_beat_limit(&self.settings, self.memory.slowest_first_beat);
        // Being ready is what a grace for the start is about; only who is known to beat owes one after it.
        let owed = limit.filter(|_| self.memory.slowest_first_beat.is_some());
        let live = matches!(self.state, State::Live(_));
        let Some(child) = self.state.child_mut() else { return };
        if child.incarnation != incarnation {
            return;
        }
        if child.pulse.beaten() {
            let beat = Beat { status: Status::Busy, message: text, ..Beat::default() };
            return self.beat(incarnation, &beat, out);
        }
        let news = ready && live && child.pulse.ready(now, owed);
        if news && child.first_limit.is_some() && owed.is_none() {
            child.first_limit = None;
            child.healthy_since = Some(now);
        }
        if news || self.recording.word(now) {
            let message = text.map(String::from);
            let first_beat_ms = owed.filter(|_| news).map(millis);
            let fact = Fact::Notified { incarnation, ready: news, first_beat_ms, message };
            out.push(Effect::Record(fact));
        }
    }

    /// It says itself that it hangs: that is believed at once.
    fn triggered(&mut self, incarnation: u32, out: &mut Vec<Effect>) {
        let State::Live(child) = &mut self.state else { return };
        if child.incarnation == incarnation && child.pulse.said() != Silence::Unhealthy {
            child.pulse.condemn();
            self.unhealthy(true, out);
        }
    }

    /// It asks for time to start or to stop. What it gets ends `shutdown_grace` after the start or the
    /// stop began: a program that asks for ever is stuck all the same.
    fn extend(&mut self, incarnation: u32, by: Duration, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let grace = self.settings.shutdown_grace;
        let (what, more) = match &mut self.state {
            State::Live(child) if child.incarnation == incarnation => {
                let most = child.first_limit.unwrap_or_default().max(grace);
                (Extended::Start, child.pulse.extend(now, by, most))
            }
            State::Stopping(stopping) if stopping.child.incarnation == incarnation => {
                let before = stopping.kill_at;
                if stopping.killed.is_none() {
                    stopping.kill_at = before.max(now.plus(by).min(stopping.kill_by));
                }
                (Extended::Stop, stopping.kill_at.since(before))
            }
            State::Live(_)
            | State::Stopping(_)
            | State::New
            | State::Sweeping(_)
            | State::Validating(_)
            | State::Paused(_)
            | State::Down { .. }
            | State::Escalated
            | State::Leaving(_)
            | State::Done => return,
        };
        if EXTENDED_MIN <= more {
            let by_ms = millis(more);
            out.push(Effect::Record(Fact::Extended { incarnation, what, by_ms }));
        }
    }

    /// It printed something. Each time it is alive; a beat of it is made once a second.
    fn output(&mut self, incarnation: u32, out: &mut Vec<Effect>) {
        let now = self.now.up;
        let State::Live(child) = &mut self.state else { return };
        if child.incarnation != incarnation {
            return;
        }
        let news = !child.pulse.beaten() || child.pulse.said() != Silence::None;
        let recent = |at: Up| now.since(at) < OUTPUT_EVERY;
        if !news && child.output_at.is_some_and(recent) {
            child.pulse.beat(now, None, &self.settings);
            child.last_beat = Some(now);
            return;
        }
        child.output_at = Some(now);
        let said = child.status.clone();
        let beat = Beat { status: Status::Busy, ..Beat::default() };
        self.heard(incarnation, &beat, !news, out);
        // What it said of its work is what its end is judged by, not that it printed something since.
        if let Some(child) = self.state.child_mut() {
            child.status = said.or(child.status.take());
        }
    }

    /// A road could not be set up. Where none is left nobody can be blamed for silence.
    pub(super) fn source_off(
        &mut self,
        source: Road,
        error: String,
        deaf: bool,
        out: &mut Vec<Effect>,
    ) {
        if !self.off.contains(&source) {
            self.off.push(source);
            out.push(Effect::Record(Fact::SourceOff { source, error }));
        }
        let now = self.now.up;
        if let State::Live(child) = &mut self.state
            && deaf
            && !child.spawned
        {
            child.first_limit = None;
            child.healthy_since = Some(now);
        }
    }
}
