//! Which preset reads the output, and what one that is named brings. Pure.

use std::sync::Arc;
use std::time::Duration;

use super::super::error::{ConfigError, Origin};
use super::super::layers::{Set, Surroundings};
use super::super::presets::{self, Written};
use super::super::suggest;
use super::super::value::{Fault, Value};
use super::Chosen;
use crate::wire::duration;
use crate::wire::preset::reader::Choice;

/// What was picked.
pub(super) enum Picked {
    /// No preset.
    None,
    /// Whichever recognises the output.
    Auto,
    /// One by its name.
    Named(Box<Written>),
}

impl Picked {
    /// The name, if one was given.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Named(named) => Some(named.name().to_owned()),
            Self::None | Self::Auto => None,
        }
    }

    /// The same, ready to read. What comes with agentwatch is not read for it unless it must be.
    pub(super) fn choice(&self, own: &[Written], bsd: bool) -> Choice {
        match self {
            Self::None => Choice::None,
            Self::Auto if own.is_empty() => Choice::Auto,
            Self::Auto => Choice::AutoOf(presets::with(own, bsd)),
            Self::Named(named) => {
                let catalog = presets::with(std::slice::from_ref(named.as_ref()), bsd);
                catalog.find(named.name()).map_or(Choice::Auto, |it| Choice::Named(Arc::clone(it)))
            }
        }
    }
}

impl Chosen {
    /// The preset, and the interval and stdin that one that is named brings where nobody has set them.
    pub(super) fn settle_preset(
        &mut self,
        own: &[Written],
        around: &Surroundings,
    ) -> Result<Picked, ConfigError> {
        const KEY: &str = "heartbeat.preset";
        let name = self.text(KEY)?;
        match name.as_str() {
            "none" => return Ok(Picked::None),
            "auto" => return Ok(Picked::Auto),
            _ => {}
        }
        let all = [own, &presets::written()].concat();
        let Some(named) = all.iter().find(|one| one.name() == name) else {
            let names: Vec<&str> =
                ["auto", "none"].into_iter().chain(all.iter().map(Written::name)).collect();
            let near = suggest::nearest(&name, names.iter().copied());
            let meant = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            let words = format!("is no preset; write one of {}{meant}", names.join(", "));
            let origin = self.0.get(KEY).map_or(Origin::Default, |set| set.origin.clone());
            return Err(ConfigError::Value {
                origin,
                key: KEY,
                written: name,
                fault: Fault::Wrong(words),
            });
        };
        if let Some(interval) = named.interval() {
            self.bring("heartbeat.interval", &name, Value::Duration(interval), text(interval));
        }
        if named.is_one_shot() && !around.at_terminal {
            self.bring("stdin", &name, Value::Path("/dev/null".into()), "null".to_owned());
        }
        Ok(Picked::Named(Box::new(named.clone())))
    }

    /// Sets what nobody has set.
    fn bring(&mut self, key: &'static str, preset: &str, value: Value, text: String) {
        if matches!(self.0.get(key), None | Some(Set { origin: Origin::Default, .. })) {
            let origin = Origin::DefaultBecause(format!("by preset {preset}"));
            self.0.insert(key, Set { value, text, origin, over: None });
        }
    }
}

fn text(interval: Duration) -> String {
    duration::exact(interval)
}
