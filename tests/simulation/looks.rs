//! Looks at the memory of the simulated child: seldom, not right after a start, and never at the price of a
//! wake-up.

use std::time::Duration;

use agentwatch::core::effect::Effect;
use agentwatch::core::event::Event;

use crate::run::fail;
use crate::world::World;

/// A look costs: no more than one of an incarnation in this time.
const EVERY: Duration = Duration::from_hours(1);

/// Who does not beat has run for so long.
const SETTLED: Duration = Duration::from_mins(1);

/// How often in its life a deadline may lead to nothing but a look: an incident may come of age in silence
/// just when one is due.
const ALONE_MAX: u32 = 12;

/// Wall time is whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(5);

#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// The incarnation that was looked at last, and when.
    last: Option<(u32, Duration)>,
    /// Nothing happens in this turn but what agentwatch wanted to be woken for.
    pub only_due: bool,
    /// Turns that agentwatch wanted and did nothing in but look.
    alone: u32,
}

impl Looks {
    /// What a turn led to.
    pub fn judge(&mut self, new: &[Effect]) {
        let looks = |effect: &Effect| matches!(effect, Effect::Measure { .. });
        if std::mem::take(&mut self.only_due) && !new.is_empty() && new.iter().all(looks) {
            self.alone += 1;
            if ALONE_MAX < self.alone {
                fail(0, "woken again and again for nothing but a look at the memory");
            }
        }
    }
}

impl World {
    /// Where nothing is to be seen nothing is told.
    pub fn measure(&mut self, incarnation: u32) {
        let now = self.checker.real + ROUNDING;
        let last = self.looks.last.replace((incarnation, self.checker.real));
        if last.is_some_and(|(of, at)| of == incarnation && now < at + EVERY) {
            fail(0, &format!("looked again after {last:?}"));
        }
        let started = self.checker.last_start.unwrap_or_default();
        if !self.checker.beaten && now < started + SETTLED {
            fail(0, "looked right after a start");
        }
        if !incarnation.is_multiple_of(8) {
            self.step(Event::Measured { incarnation, rss_kib: 65_536, processes: 2 });
        }
    }
}
