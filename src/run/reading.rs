//! An agent whose output a preset knows: what the core is told of it, and what those who look see.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{Origin, Resolved};
use crate::core::event::Event;
use crate::core::time::millis;
use crate::wire::preset::Preset;
use crate::wire::preset::reader::Choice;
use crate::wire::state::Identity;

use super::Shell;

/// Begins the words for an interval that a preset has brought.
const OF_PRESET: &str = "preset ";

/// What the core is told. One that was named has brought what it brings already.
pub fn event(incarnation: u32, preset: &Preset, choice: &Choice, resolved: &Resolved) -> Event {
    let named = matches!(choice, Choice::Named(_));
    let interval = preset.interval.filter(|_| is_open(resolved) && !named);
    let rules = if named { Vec::new() } else { preset.rules.clone() };
    Event::Recognised { incarnation, preset: preset.name.clone(), interval, rules }
}

/// Takes the interval on that the preset of an earlier life brought to the same command: its first line may
/// be long in coming.
pub fn inherit(
    resolved: &Resolved,
    before: Option<&Identity>,
    identity: &mut Identity,
) -> Duration {
    let open = is_open(resolved) && !matches!(resolved.preset, Choice::None);
    let of_preset = |known: &&Identity| {
        known.command == identity.command && known.watch.interval_from.starts_with(OF_PRESET)
    };
    if let Some(known) = before.filter(of_preset).filter(|_| open) {
        identity.interval_ms = known.interval_ms;
        identity.watch.interval_from.clone_from(&known.watch.interval_from);
        return Duration::from_millis(known.interval_ms);
    }
    resolved.settings.interval
}

/// Whether nobody has set an interval.
fn is_open(resolved: &Resolved) -> bool {
    let interval = resolved.values.iter().find(|value| value.key.path == "heartbeat.interval");
    interval.is_some_and(|value| value.origin == Origin::Default)
}

impl Shell {
    /// Whoever looks is to see the interval that is in force now.
    pub(super) fn note_preset(&mut self, preset: Option<&Arc<Preset>>) {
        let Some(preset) = preset else { return };
        let interval_ms = millis(self.supervisor.settings().interval);
        if self.identity.interval_ms != interval_ms {
            self.identity.interval_ms = interval_ms;
            self.identity.watch.interval_from = format!("{OF_PRESET}{}", preset.name);
        }
    }
}
