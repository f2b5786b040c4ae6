//! The report of the day before: made by a process of its own, and what became of it told to the core.

use serde::Deserialize;

use crate::core::event::{Event, ReportEnd};
use crate::core::fact::ReportFact;
use crate::core::time::LocalDay;
use crate::store::reports::Reports;
use crate::sys::{file, host};
use crate::wire::letter::Receipt;

use super::Shell;

/// What the process says at its end.
#[derive(Default, Deserialize)]
struct Said {
    /// The report is there, or nothing is to be told.
    #[serde(default)]
    there: bool,
    /// A letter of it is to be delivered.
    #[serde(default)]
    letter: bool,
    /// Why it could not be made.
    error: Option<String>,
}

impl Shell {
    pub(super) fn reports(&self) -> Reports {
        Reports::new(&self.plan.resolved.state_dir)
    }

    /// Sees that the report of a day is there.
    pub(super) fn make_report(&mut self, day: LocalDay) {
        if self.reports().has(day) {
            self.step(Event::ReportEnded(ReportEnd::There { letter: false }));
            return;
        }
        let argv = [
            host::own_program(),
            "morning".into(),
            "--state-dir".into(),
            self.plan.resolved.state_dir.clone().into_os_string(),
            "--day".into(),
            day.0.to_string().into(),
        ];
        // Not as an argument: a list of processes shows those to everybody.
        let route = serde_json::to_vec(&self.plan.report_route).unwrap_or_default();
        let started = file::filled_pipe(&route).map_err(|error| error.to_string());
        let started = started.and_then(|input| {
            let process = self.start_courier(&argv, Some(&input));
            process.ok_or_else(|| "no process could be started".to_owned())
        });
        match started {
            Ok(process) => self.letters.reporter = Some(process),
            Err(error) => self.step(Event::ReportEnded(ReportEnd::Failed { error })),
        }
    }

    /// Kills one that hangs.
    pub(super) fn drop_report(&mut self) {
        if let Some(process) = self.letters.reporter.take() {
            process.kill();
        }
    }

    /// True if that was the process that makes a report.
    pub(super) fn tell_report_end(&mut self, pid: i32) -> bool {
        if self.letters.reporter.as_ref().is_none_or(|process| process.pid != pid) {
            return false;
        }
        self.read_courier();
        let words = self.letters.reporter.take().map(|process| process.words).unwrap_or_default();
        let end = match serde_json::from_slice::<Said>(words.trim_ascii()) {
            Ok(Said { error: Some(error), .. }) => ReportEnd::Failed { error },
            Ok(Said { there: true, letter, .. }) => ReportEnd::There { letter },
            Ok(_) => ReportEnd::Busy,
            Err(_) => ReportEnd::Failed { error: "it was killed, or has crashed".to_owned() },
        };
        self.step(Event::ReportEnded(end));
        true
    }

    pub(super) fn take_report_receipts(&mut self) {
        for Receipt { letter, sink, tries, after_ms, error, .. } in self.reports().take_receipts() {
            let day = letter.rsplit('/').next().unwrap_or_default().to_owned();
            let fact = ReportFact { day, sink: Some(sink), tries, after_ms, error };
            self.step(Event::ReportReceipt(Box::new(fact)));
        }
    }
}
