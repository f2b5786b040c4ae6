//! An agent whose output a preset knows: what the core is told of it, and what those who look see.

use std::sync::Arc;

use crate::config::{Origin, Resolved};
use crate::core::event::Event;
use crate::core::time::millis;
use crate::wire::preset::Preset;
use crate::wire::preset::reader::Choice;

use super::Shell;

/// What the core is told. One that was named has brought what it brings already.
pub fn event(incarnation: u32, preset: &Preset, choice: &Choice, resolved: &Resolved) -> Event {
    let named = matches!(choice, Choice::Named(_));
    let interval = resolved.values.iter().find(|value| value.key.path == "heartbeat.interval");
    let open = interval.is_some_and(|value| value.origin == Origin::Default);
    let interval = preset.interval.filter(|_| open && !named);
    let rules = if named { Vec::new() } else { preset.rules.clone() };
    Event::Recognised { incarnation, preset: preset.name.clone(), interval, rules }
}

impl Shell {
    /// Whoever looks is to see the interval that is in force now.
    pub(super) fn note_preset(&mut self, preset: Option<&Arc<Preset>>) {
        let Some(preset) = preset else { return };
        let interval_ms = millis(self.supervisor.settings().interval);
        if self.identity.interval_ms != interval_ms {
            self.identity.interval_ms = interval_ms;
            self.identity.watch.interval_from = format!("preset {}", preset.name);
        }
    }
}
