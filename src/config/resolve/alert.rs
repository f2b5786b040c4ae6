//! How people are told: the settings of `alert`, as core and shell want them. Pure.

use std::path::PathBuf;

use super::super::error::ConfigError;
use super::super::sinks::Written;
use super::super::value::{Fault, Value};
use super::Chosen;
use crate::core::fact::Severity;
use crate::core::incident::{Alerting, Quiet};

/// What the shell must know to have people told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// Where.
    pub sinks: Vec<Written>,
    /// A page that every letter names.
    pub runbook: Option<String>,
    /// What stands before the commands in a letter.
    pub reach: Option<String>,
    /// The dead man's switch, with its references to secrets.
    pub ping_url: Option<String>,
    /// How mail is sent where a sink does not say it, with its references.
    pub smtp: Option<String>,
    /// Certificates to trust beside the common ones.
    pub ca_file: Option<PathBuf>,
}

impl Chosen {
    pub(super) fn alerts(&self) -> Result<Alerts, ConfigError> {
        Ok(Alerts {
            sinks: self.sinks("alert.sinks")?,
            runbook: self.maybe("alert.runbook", Self::text)?,
            reach: self.maybe("alert.reach", Self::text)?,
            ping_url: self.maybe("alert.ping_url", Self::text)?,
            smtp: self.maybe("alert.smtp", Self::text)?,
            ca_file: self.maybe("alert.ca_file", Self::path)?,
        })
    }

    pub(super) fn sinks(&self, key: &'static str) -> Result<Vec<Written>, ConfigError> {
        match self.0.get(key).map(|set| &set.value) {
            None => Ok(Vec::new()),
            Some(Value::Sinks(sinks)) => Ok(sinks.clone()),
            Some(_) => Err(ConfigError::Bug { key }),
        }
    }

    pub(super) fn alerting(&self, alerts: &Alerts) -> Result<Alerting, ConfigError> {
        let least = alerts.sinks.iter().map(|sink| sink.min_severity).min();
        Ok(Alerting {
            sinks: !alerts.sinks.is_empty(),
            least: least.unwrap_or(Severity::Warning),
            remind: self.duration("alert.remind")?,
            quiet: self.maybe("alert.quiet", Self::quiet)?,
            exit_wait: self.duration("alert.exit_wait")?,
            ping: alerts.ping_url.is_some(),
        })
    }

    fn quiet(&self, key: &'static str) -> Result<Quiet, ConfigError> {
        let text = self.text(key)?;
        quiet(&text).ok_or_else(|| {
            let words = "is no stretch of a day; write HH:MM-HH:MM, such as 23:00-07:00";
            self.wrong(key, &text, words)
        })
    }

    /// A text that its kind allows, and that makes no sense.
    pub(super) fn wrong(&self, key: &'static str, written: &str, words: &str) -> ConfigError {
        let origin = self.0.get(key).map(|set| set.origin.clone());
        let (written, fault) = (written.to_owned(), Fault::Wrong(words.to_owned()));
        match origin {
            Some(origin) => ConfigError::Value { origin, key, written, fault },
            None => ConfigError::Bug { key },
        }
    }
}

/// A time of the clock in minutes since midnight: `08:00`.
pub(super) fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, below: u16| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|number| digits && *number < below)
    };
    Some(number(hour, 24)? * 60 + number(minute, 60)?)
}

/// `23:00-07:00`.
fn quiet(text: &str) -> Option<Quiet> {
    let (from, to) = text.split_once('-')?;
    let quiet = Quiet { from: minute(from)?, to: minute(to)? };
    (quiet.from != quiet.to).then_some(quiet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_of_a_day_is_two_times_of_the_clock() {
        assert_eq!(quiet("23:00-07:30"), Some(Quiet { from: 1380, to: 450 }));
        for text in ["", "23-7", "24:00-07:00", "23:00", "23:60-01:00", "7:00-8:00", "08:00-08:00"]
        {
            assert_eq!(quiet(text), None, "{text}");
        }
    }
}
