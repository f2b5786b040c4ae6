//! The report as a page, made by a process of its own: what it reads and draws is much, and then is gone.

use std::ffi::OsString;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use clap::ArgMatches;

use crate::core::time::LocalDay;
use crate::http::Refused;
use crate::serve::web::Page;
use crate::sys::clock::Clock;
use crate::sys::host;
use crate::wire::plain::brief;

/// The longest page, in bytes: a hundred agents need three million.
const PAGE_MAX: u64 = 64 * 1024 * 1024;

/// What is read of the words of a report that could not be made, in bytes.
const WORDS_MAX: u64 = 8 * 1024;

/// Makes pages.
#[derive(Debug)]
pub struct Painter {
    clock: Mutex<Clock>,
    /// Whose report.
    args: Vec<OsString>,
}

impl Painter {
    /// One for the agents that a command of `many_args` is about.
    ///
    /// To be made before there are threads: only then does the system tell the local zone.
    #[must_use]
    pub fn new(matches: &ArgMatches) -> Self {
        let mut args = Vec::new();
        for (id, flag) in [("state_dir", "--state-dir"), ("config", "--config")] {
            let given = matches.try_get_many::<OsString>(id).ok().flatten();
            for value in given.into_iter().flatten() {
                args.extend([flag.into(), value.clone()]);
            }
        }
        let names = matches.get_many::<String>("name").into_iter().flatten();
        args.extend(names.map(OsString::from));
        Self { clock: Mutex::new(Clock::new()), args }
    }

    /// The page of a day, or of yesterday and today.
    ///
    /// # Errors
    /// That day is yet to come, or its report cannot be made.
    pub fn page(&self, day: Option<LocalDay>) -> Result<Page, Refused> {
        let today = self.clock.lock().unwrap_or_else(PoisonError::into_inner).now().day;
        let (last, days) = day.map_or((today, 2), |day| (day, 1));
        if today < last {
            return Err((404, format!("{last} is yet to come; today is {today}")));
        }
        let html = self.report(last, days).map_err(|words| (503, words))?;
        let before = LocalDay(last.0.saturating_sub(days));
        Ok(Page { html, live: last == today, before })
    }

    fn report(&self, last: LocalDay, days: i32) -> Result<String, String> {
        let failed = |error: std::io::Error| format!("the report cannot be made: {error}");
        let mut child = Command::new(host::own_program())
            .args(["report", "--format", "html", "--date"])
            .arg(last.to_string())
            .arg("--days")
            .arg(days.to_string())
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut html = Vec::new();
        let read = child.stdout.take().map(|out| out.take(PAGE_MAX).read_to_end(&mut html));
        // It writes little there, less than a pipe holds.
        let mut words = Vec::new();
        let _ = child.stderr.take().map(|err| err.take(WORDS_MAX).read_to_end(&mut words));
        child.wait().map_err(failed)?;
        read.transpose().map_err(failed)?;
        // What could not be read stands in the report itself.
        let html = String::from_utf8_lossy(&html).into_owned();
        if html.trim_end().ends_with("</html>") {
            return Ok(html);
        }
        let words = String::from_utf8_lossy(&words);
        Err(format!("the report cannot be made: {}", brief(&words.trim())))
    }
}
