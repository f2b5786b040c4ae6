//! How state is validated: the settings of `state`, as the core wants them. Pure.

use super::super::error::ConfigError;
use super::super::layers::Surroundings;
use super::super::value::Value;
use super::Chosen;
use crate::core::validation::{OnInvalid, StateFile, Validation};

impl Chosen {
    /// The files, each with an absolute path.
    pub(super) fn state_files(&self, around: &Surroundings) -> Result<Vec<StateFile>, ConfigError> {
        let Some(set) = self.0.get("state.files") else { return Ok(Vec::new()) };
        let Value::Files(files) = &set.value else {
            return Err(ConfigError::Bug { key: "state.files" });
        };
        // A path means what it means to the agent.
        let cwd = self.maybe("cwd", Self::path)?.unwrap_or_else(|| around.cwd.clone());
        let resolved = files.iter().map(|file| file.resolve(&cwd, around));
        resolved.collect::<Result<_, _>>().map_err(|fault| ConfigError::Value {
            origin: set.origin.clone(),
            key: "state.files",
            written: set.text.clone(),
            fault,
        })
    }

    /// None where there is nothing to validate.
    pub(super) fn validation(&self) -> Result<Option<Validation>, ConfigError> {
        let (files, hook) =
            (self.0.contains_key("state.files"), self.0.contains_key("state.validate"));
        if !files && !hook {
            return Ok(None);
        }
        Ok(Some(Validation {
            files,
            hook,
            on_start: self.switch("state.validate_on_start")?,
            on_invalid: self.pick(
                "state.on_invalid",
                &[
                    ("restore", OnInvalid::Restore),
                    ("quarantine", OnInvalid::Quarantine),
                    ("escalate", OnInvalid::Escalate),
                ],
            )?,
            hook_timeout: self.duration("state.validate_timeout")?,
            errand_timeout: self.duration("state.check_timeout")?,
            snapshot_every: self.duration("state.snapshot_every")?,
        }))
    }
}
