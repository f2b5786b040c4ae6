//! A unit of systemd, judged: what restarts agentwatch past its latch, or kills it in the middle of a stop.

use std::time::Duration;

use super::{Finding, Launcher, Verdict};
use crate::wire::words::span;

/// What systemd takes where nothing is said (systemd-system.conf(5)).
const STOP_DEFAULT: Duration = Duration::from_secs(90);

/// The values of a setting of `[Service]`, in order; an empty one forgets those before it.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let mut section = "";
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        }
        let value = line.strip_prefix(key).and_then(|rest| rest.trim_start().strip_prefix('='));
        match value.filter(|_| section == "[Service]").map(str::trim) {
            Some("") => found.clear(),
            Some(value) => found.push(value),
            None => {}
        }
    }
    found
}

fn last<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    values(text, key).last().copied()
}

/// The words of the command behind `agentwatch run`, if the unit starts that.
fn run_words(text: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = last(text, "ExecStart")?.split_whitespace().collect();
    let at = words.windows(2).position(|pair| {
        let [program, run] = pair else { return false };
        program.rsplit('/').next() == Some("agentwatch") && *run == "run"
    })?;
    Some(words.get(at + 2..).unwrap_or_default().to_vec())
}

/// Whether it starts agentwatch.
#[must_use]
pub fn starts_us(launcher: &Launcher) -> bool {
    run_words(&launcher.text).is_some()
}

/// The agent that it starts, if it says so; a template unit starts many.
#[must_use]
pub fn agent(launcher: &Launcher) -> Option<String> {
    let words = run_words(&launcher.text)?;
    let named = option(&words, "--name");
    let ((Some(name), _) | (None, &[name])) = (named, words.as_slice()) else { return None };
    (!name.contains('%')).then(|| name.to_owned())
}

/// The value of an option before the command.
pub(super) fn option<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    let own = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let own = words.get(..own)?;
    let next = own.iter().position(|word| *word == name).and_then(|at| own.get(at + 1)).copied();
    next.or_else(|| own.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')))
}

/// A span of time as systemd writes it: `90`, `1min 30s`, `infinity`.
pub(super) fn time(text: &str) -> Option<Duration> {
    if text == "infinity" {
        return Some(Duration::MAX);
    }
    let mut sum = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest.get(..end)?.parse().ok()?;
        rest = rest.get(end..)?.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        sum += number
            * match rest.get(..end)? {
                "" | "s" | "sec" | "second" | "seconds" => 1.0,
                "ms" | "msec" => 0.001,
                "us" | "usec" => 0.000_001,
                "m" | "min" | "minute" | "minutes" => 60.0,
                "h" | "hr" | "hour" | "hours" => 3600.0,
                "d" | "day" | "days" => 86_400.0,
                _ => return None,
            };
        rest = rest.get(end..)?.trim_start();
    }
    Duration::try_from_secs_f64(sum).ok()
}

/// Everything that is to be said of a unit that starts agentwatch.
#[must_use]
pub fn judge(launcher: &Launcher, stop_timeout: Duration) -> Vec<Finding> {
    let Some(words) = run_words(&launcher.text) else { return Vec::new() };
    let (path, text) = (&launcher.path, launcher.text.as_str());
    let mut found = Vec::new();
    let mut say = |verdict, words: String, fix: &str| {
        found.push(Finding::new("systemd", verdict, format!("{path}: {words}"), fix));
    };
    let restart = last(text, "Restart").unwrap_or("no");
    if restart == "no" {
        say(
            Verdict::Bites,
            "no Restart=, so a crash of agentwatch leaves the agent down".to_owned(),
            "Restart=on-failure and RestartSec=5",
        );
    } else {
        let holds = option(&words, "--on-escalate") == Some("hold");
        let exempt = values(text, "RestartPreventExitStatus");
        let spares =
            |code: &str| exempt.iter().any(|value| value.split_whitespace().any(|c| c == code));
        if !spares("69") && !holds {
            let words =
                format!("Restart={restart} starts a given-up agent again and again (code 69)");
            say(Verdict::Bites, words, "RestartPreventExitStatus=2 69 75 78");
        } else if ["2", "75", "78"].into_iter().any(|code| !spares(code)) {
            let words = format!("Restart={restart} repeats what only a human can mend (2, 75, 78)");
            say(Verdict::Look, words, "RestartPreventExitStatus=2 69 75 78");
        }
        if restart == "always" {
            let words = "Restart=always starts an agent again that has finished".to_owned();
            say(Verdict::Look, words, "Restart=on-failure");
        }
        if last(text, "RestartSec").is_none() {
            let words =
                "no RestartSec=, so five crashes in a second are the end (100ms, then the limit)";
            say(Verdict::Bites, words.to_owned(), "RestartSec=5");
        }
    }
    stops(&words, text, stop_timeout, &mut say);
    if last(text, "WatchdogSec").is_some() && last(text, "Type") != Some("notify") {
        let words = "WatchdogSec= without Type=notify: systemd kills it for want of a sign of life";
        say(Verdict::Bites, words.to_owned(), "Type=notify and NotifyAccess=main");
    }
    if last(text, "WatchdogSec").is_some_and(|value| value != "0")
        && !matches!(last(text, "WatchdogSignal"), Some("SIGKILL" | "KILL"))
    {
        let words = "SIGABRT of the watchdog is passed on to the agent; a hang lasts until TimeoutAbortSec=";
        say(Verdict::Look, words.to_owned(), "WatchdogSignal=SIGKILL");
    }
    if values(text, "Environment").iter().any(|value| value.contains("PYTHONUNBUFFERED=\"\"")) {
        let words = "PYTHONUNBUFFERED is emptied: Python holds its beats back".to_owned();
        say(Verdict::Bites, words, "remove it; agentwatch sets it to 1");
    }
    if found.is_empty() {
        found.push(Finding::good("systemd", format!("{path} fits agentwatch")));
    }
    found
}

fn stops(
    words: &[&str],
    text: &str,
    stop_timeout: Duration,
    say: &mut impl FnMut(Verdict, String, &str),
) {
    let ours = option(words, "--stop-timeout").and_then(time).unwrap_or(stop_timeout);
    let given = last(text, "TimeoutStopSec").or_else(|| last(text, "TimeoutSec"));
    let theirs = given.and_then(time).unwrap_or(STOP_DEFAULT);
    let ms = crate::core::time::millis;
    // Type=notify is given more time when it asks for it, but not by an older agentwatch.
    if theirs <= ours {
        let (theirs, ours) = (span(ms(theirs)), span(ms(ours)));
        let words = format!(
            "stops are nested wrongly: systemd kills after {theirs}, the agent may take {ours}"
        );
        say(Verdict::Bites, words, "TimeoutStopSec= above stop.timeout by 30s");
    }
    match last(text, "KillMode").unwrap_or("control-group") {
        "mixed" => {}
        "control-group" => {
            let words =
                "KillMode=control-group signals the agent's tools beside agentwatch".to_owned();
            say(Verdict::Look, words, "KillMode=mixed");
        }
        other => {
            let words = format!("KillMode={other} leaves what survives agentwatch running");
            say(Verdict::Bites, words, "KillMode=mixed");
        }
    }
}
