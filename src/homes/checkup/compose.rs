//! A file of Compose, judged by its lines: enough for the few settings that fight agentwatch.

use std::time::Duration;

use super::unit::time;
use super::{Finding, Launcher, Verdict};
use crate::wire::words::span;

/// What Docker takes where nothing is said.
const GRACE: Duration = Duration::from_secs(10);

/// The value of the first such key, remarks left out.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().map(str::trim_start).find_map(|line| {
        let rest = line.strip_prefix(key)?.strip_prefix(':')?;
        let rest = rest.split(" #").next().unwrap_or_default();
        Some(rest.trim().trim_matches(['"', '\'']))
    })
}

/// Everything that is to be said of one that starts agentwatch.
#[must_use]
pub fn judge(launcher: &Launcher, stop_timeout: Duration) -> Vec<Finding> {
    let (path, text) = (&launcher.path, launcher.text.as_str());
    let mut found = Vec::new();
    let mut say = |verdict, words: String, fix: &str| {
        found.push(Finding::new("docker", verdict, format!("{path}: {words}"), fix));
    };
    let restart = value(text, "restart").unwrap_or("no");
    // What agentwatch does as PID 1 by itself it does not do below another init, or told otherwise.
    let init = value(text, "init") == Some("true");
    let exits = text.contains("on-escalate\", \"exit") || text.contains("on-escalate exit");
    let holds = !text.contains("on-escalate") || !exits;
    let holds = holds && (!init || text.contains("hold"));
    if matches!(restart, "always" | "unless-stopped" | "on-failure") && !holds {
        let why = if exits { "--on-escalate exit" } else { "init: true, so it is not PID 1" };
        let words = format!("restart: {restart} starts a given-up agent again and again ({why})");
        say(Verdict::Bites, words, "--on-escalate hold, and init: false");
    }
    if restart == "no" {
        let words =
            "no restart:, so neither a reboot nor a crash of agentwatch is survived".to_owned();
        say(Verdict::Look, words, "restart: unless-stopped");
    }
    let theirs = value(text, "stop_grace_period").and_then(time).unwrap_or(GRACE);
    if theirs <= stop_timeout {
        let ms = crate::core::time::millis;
        let (theirs, ours) = (span(ms(theirs)), span(ms(stop_timeout)));
        let words = format!(
            "stops are nested wrongly: Docker kills after {theirs}, the agent may take {ours}"
        );
        say(Verdict::Bites, words, "stop_grace_period: above stop.timeout by 30s");
    }
    if !text.contains("/var/lib/agentwatch") && !text.contains("AGENTWATCH_STATE_DIR") {
        let words =
            "no volume for the state: a new container has forgotten streak and latch".to_owned();
        say(Verdict::Bites, words, "volumes: [NAME-state:/var/lib/agentwatch]");
    }
    if found.is_empty() {
        found.push(Finding::good("docker", format!("{path} fits agentwatch")));
    }
    found
}
