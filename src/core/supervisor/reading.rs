//! An agent whose output a preset knows: what that brings, and what its exit 0 means.

use std::time::Duration;

use crate::core::beat::Turn;
use crate::core::effect::Effect;
use crate::core::ending::Ending;
use crate::core::fact::{Fact, Recognised};
use crate::core::rule::{End, Rule, RuleAction, first_match};
use crate::core::settings::Policy;
use crate::core::time::millis;

use super::{Child, State, Supervisor};

/// What the preset that was recognised brings.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    preset: String,
    rules: Vec<Rule>,
}

impl Supervisor {
    /// The output of a child is that of an agent that a preset knows.
    pub(super) fn recognised(
        &mut self,
        incarnation: u32,
        preset: String,
        interval: Option<Duration>,
        rules: Vec<Rule>,
        out: &mut Vec<Effect>,
    ) {
        let State::Live(child) = &mut self.state else { return };
        if child.incarnation != incarnation {
            return;
        }
        child.read = true;
        if let Some(interval) = interval {
            self.settings.interval = interval;
        }
        // Every start would say the same.
        let news = self.reading.preset != preset;
        self.reading = Reading { preset, rules };
        if news {
            let (preset, misses) = (self.reading.preset.clone(), self.settings.misses);
            let interval_ms = millis(self.settings.interval);
            let fact = Recognised { incarnation, preset, interval_ms, misses };
            out.push(Effect::Record(Fact::Recognised(fact)));
        }
    }

    /// The rule that knows this end: one of the configuration, else one of the preset.
    pub(super) fn rule_for(&self, child: &Child, end: End<'_>) -> Option<(u32, RuleAction)> {
        let own = &self.settings.rules;
        first_match(own, end).or_else(|| {
            let (at, action) = first_match(&self.reading.rules, end).filter(|_| child.read)?;
            Some((u32::try_from(own.len()).unwrap_or(u32::MAX).saturating_add(at), action))
        })
    }

    /// Whether it says how its work ends, so that an exit 0 without that is none.
    pub(super) fn says_its_end(&self, child: &Child) -> bool {
        child.read || self.settings.preset.is_some()
    }

    /// Whether it exited with 0 behind the end of its work: it is done, as it was asked to be.
    pub(super) fn is_done(&self, child: &Child, ending: Ending) -> bool {
        self.settings.policy == Policy::Auto
            && ending == Ending::Exit { code: 0 }
            && child.turn == Some(Turn::Ends { well: true })
    }
}
