//! When a report is made every morning: the settings of `report`, as the core wants them. Pure.

use super::super::error::ConfigError;
use super::Chosen;
use super::alert::minute;
use crate::core::settings::Morning;

/// No report.
const OFF: &str = "off";

impl Chosen {
    pub(super) fn morning(&self) -> Result<Option<Morning>, ConfigError> {
        let key = "report.at";
        let text = self.text(key)?;
        if text == OFF {
            return Ok(None);
        }
        let words = "is no time of the day; write HH:MM such as 08:00, or off";
        let at = minute(&text).ok_or_else(|| self.wrong(key, &text, words))?;
        Ok(Some(Morning { at, sent: !self.sinks("report.to")?.is_empty() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::resolve::tests::{resolved, with};

    #[test]
    fn a_report_is_made_every_morning_unless_somebody_says_otherwise() {
        let morning = |file: &str| resolved(&["x"], file).settings.morning;
        assert_eq!(morning(""), Some(Morning { at: 480, sent: false }));
        assert_eq!(morning("[report]\nat = 'off'"), None);
        let sent = "[report]\nat = '23:59'\nto = ['ntfy:my-topic', { url = 'slack:T0/B0/key', fallback = true }]";
        assert_eq!(morning(sent), Some(Morning { at: 1_439, sent: true }));
        let to = resolved(&["x"], sent).report_to;
        assert_eq!(to.iter().map(|one| one.fallback).collect::<Vec<_>>(), [false, true]);
        let off = resolved(&["x"], "[report]\nto = []");
        assert_eq!(off.settings.morning, Some(Morning { at: 480, sent: false }));
    }

    #[test]
    fn what_is_no_time_and_who_is_not_to_be_woken_is_refused_in_words() {
        for (line, words) in [
            ("at = '8'", "report.at = 8 is no time of the day; write HH:MM such as 08:00, or off"),
            ("at = '24:00'", "is no time of the day"),
            ("at = 'never'", "is no time of the day"),
            (
                "to = 'pagerduty:0123456789abcdef0123456789abcdef'",
                "holds a pager, which would wake somebody for a report; write a mail, a chat or a URL",
            ),
            (
                "to = ['critical@ntfy:my-topic']",
                "holds ntfy with a severity, and a report has none; take it away",
            ),
            ("to = [{ url = 'ntfy:my-topic', min_severity = 'info' }]", "with a severity"),
        ] {
            let error = with(&["x"], &[], &format!("[report]\n{line}")).unwrap_err();
            assert!(error.contains(words), "{line}: {error}");
            assert!(error.starts_with("agentwatch.toml:2: report."), "{error}");
        }
    }

    #[test]
    fn no_agent_lives_where_reports_are_kept() {
        let error = with(&["python", "reports.py"], &[], "").unwrap_err();
        let words = "the command gives the name reports, which is where reports are kept; add --name my-agent";
        assert_eq!(error, words);
        let error = with(&["--name", "Reports", "x"], &[], "").unwrap_err();
        assert!(error.contains("is where reports are kept; choose another name"), "{error}");
        assert_eq!(resolved(&["--name", "report", "x"], "").name, "report");
    }
}
