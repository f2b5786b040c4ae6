//! A unit of systemd, judged: what restarts agentwatch past its latch, or kills it in the middle of a stop.

use std::time::Duration;

use super::line::assigned;
use super::span::time;
use super::{Finding, Judged, Launcher, Line, told, words};
use crate::core::time::millis;

/// What systemd takes where nothing is said (systemd-system.conf(5)).
const STOP_DEFAULT: Duration = Duration::from_secs(90);

/// Faster than this five crashes reach the limit of starts before anything can have changed.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// Exit codes that no restart mends.
const SPARED: &str = "RestartPreventExitStatus=2 69 75 78 126 127";

/// The lines of a unit: continued ones in one piece, remarks left out (systemd.syntax(7)).
fn logical(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut begun = String::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(part) = line.strip_suffix('\\') {
            begun.push_str(part);
            begun.push(' ');
        } else {
            begun.push_str(line);
            lines.push(std::mem::take(&mut begun));
        }
    }
    lines.push(begun);
    lines
}

/// The values of a setting of a section, in order; an empty one forgets those before it.
fn values(text: &str, section: &str, key: &str) -> Vec<String> {
    let mut here = String::new();
    let mut found = Vec::new();
    for line in logical(text) {
        if line.starts_with('[') {
            here.clone_from(&line);
        }
        let value = line.strip_prefix(key).and_then(|rest| rest.trim_start().strip_prefix('='));
        match value.filter(|_| here == section).map(str::trim) {
            Some("") => found.clear(),
            Some(value) => found.push(value.to_owned()),
            None => {}
        }
    }
    found
}

fn service(text: &str, key: &str) -> Vec<String> {
    values(text, "[Service]", key)
}

fn last(text: &str, key: &str) -> Option<String> {
    service(text, key).pop()
}

/// The line by which it starts agentwatch, if it does.
#[must_use]
pub fn line(launcher: &Launcher) -> Option<Line> {
    let exec = last(&launcher.text, "ExecStart")?;
    // Only the first word has prefixes (systemd.service(5)).
    let words = words::systemd(exec.trim_start_matches(['@', '-', ':', '+', '!', '|']));
    let set = service(&launcher.text, "Environment");
    let set = set.iter().flat_map(|value| words::systemd(value));
    let vars: Vec<_> = set.filter_map(|word| assigned(&word)).collect();
    Line::find(&words, &vars)
}

/// Whether it starts agentwatch.
#[must_use]
pub fn starts_us(launcher: &Launcher) -> bool {
    line(launcher).is_some()
}

/// The file that it executes first.
#[must_use]
pub fn program(launcher: &Launcher) -> Option<String> {
    let exec = last(&launcher.text, "ExecStart")?;
    let words = words::systemd(exec.trim_start_matches(['@', '-', ':', '+', '!', '|']));
    words.into_iter().next().filter(|word| word.starts_with('/') && !word.contains('%'))
}

/// The name of a file without its folder.
pub(super) fn short(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn is_of_users(launcher: &Launcher) -> bool {
    launcher.path.contains("/systemd/user/")
}

/// Where what it starts keeps its state: two of one name in two places do not meet.
pub(super) fn state_of(launcher: &Launcher, line: &Line) -> String {
    let user = last(&launcher.text, "User").filter(|user| user != "root" && user != "0");
    let folder = last(&launcher.text, "StateDirectory");
    match (line.state_dir(), folder, user) {
        (Some(dir), ..) => dir.to_owned(),
        (None, Some(folder), _) if !is_of_users(launcher) => format!("/var/lib/{folder}"),
        (None, _, Some(user)) if !is_of_users(launcher) => format!("of {user}"),
        // A property list in a home, too, is of who looks.
        _ if is_of_users(launcher) || launcher.path.contains("/LaunchAgents/") => {
            "of the user".to_owned()
        }
        _ => "/var/lib/agentwatch".to_owned(),
    }
}

/// Everything that is to be said of a unit that starts agentwatch.
#[must_use]
pub fn judge(launcher: &Launcher, usual: Duration) -> Vec<Finding> {
    let Some(line) = line(launcher) else { return Vec::new() };
    let text = launcher.text.as_str();
    let mut judged = Judged::of("systemd", launcher);
    judged.line("", &line, &launcher.ground);
    restarts(&mut judged, launcher, &line);
    let given = last(text, "TimeoutStopSec").or_else(|| last(text, "TimeoutSec"));
    // Type=notify is given more time when it asks for it, but not by an older agentwatch.
    let theirs = given.as_deref().and_then(time).unwrap_or(STOP_DEFAULT);
    let ours = launcher.stop_timeout(&line, usual);
    judged.stops("", (theirs, ours), |seconds| format!("TimeoutStopSec={seconds}"));
    match last(text, "KillMode").as_deref().unwrap_or("control-group") {
        "mixed" => {}
        "control-group" => judged.look(
            "KillMode=control-group signals the agent's tools beside agentwatch",
            "KillMode=mixed",
        ),
        other => judged.bites(
            format!("KillMode={other} leaves what survives agentwatch running"),
            "KillMode=mixed",
        ),
    }
    watchdog(&mut judged, text);
    let wanted = values(text, "[Install]", "WantedBy").join(" ");
    if is_of_users(launcher)
        && wanted.split_whitespace().any(|target| target == "multi-user.target")
    {
        let words = "WantedBy=multi-user.target, which no user's systemd has: it is never started";
        judged.bites(words, "WantedBy=default.target, and systemctl --user reenable it");
    }
    judged.done()
}

fn restarts(judged: &mut Judged, launcher: &Launcher, line: &Line) {
    let text = launcher.text.as_str();
    match last(text, "Type").as_deref() {
        Some("forking") => judged.bites(
            "Type=forking waits for agentwatch to leave, takes its start for failed and kills it",
            "Type=notify",
        ),
        Some("oneshot") => judged.bites(
            "Type=oneshot waits for agentwatch to leave: it is never active, and systemctl start hangs",
            "Type=notify",
        ),
        _ => {}
    }
    let restart = last(text, "Restart").unwrap_or_else(|| "no".to_owned());
    if restart == "no" {
        judged.bites(
            "no Restart=, so a crash of agentwatch leaves the agent down",
            format!("Restart=on-failure, RestartSec=5 and {SPARED}"),
        );
        return;
    }
    let exempt = service(text, "RestartPreventExitStatus");
    let spares =
        |code: &str| exempt.iter().any(|value| value.split_whitespace().any(|c| c == code));
    if !spares("69") && launcher.holds(line) != Some(true) {
        judged.bites(
            format!("Restart={restart} starts a given-up agent again and again (code 69)"),
            SPARED,
        );
    } else if ["2", "75", "78"].into_iter().any(|code| !spares(code)) {
        judged.look(
            format!("Restart={restart} repeats what only a human can mend (2, 75, 78)"),
            SPARED,
        );
    }
    if restart == "always" {
        judged.look("Restart=always starts an agent again that has finished", "Restart=on-failure");
    }
    match last(text, "RestartSec").map(|value| time(&value)) {
        None => judged.bites(
            "no RestartSec=, so five crashes in a second are the end (100ms, then the limit)",
            "RestartSec=5",
        ),
        Some(Some(pause)) if pause < PAUSE_MIN => judged.bites(
            format!("RestartSec={}, so five crashes in a row are the end", told(millis(pause))),
            "RestartSec=5",
        ),
        Some(_) => {}
    }
}

fn watchdog(judged: &mut Judged, text: &str) {
    if last(text, "WatchdogSec").is_none_or(|value| value == "0") {
        return;
    }
    // Signs of life are heard either way: for WatchdogSec= systemd opens the socket by itself.
    if !matches!(last(text, "Type").as_deref(), Some("notify" | "notify-reload")) {
        judged.look(
            "WatchdogSec= without Type=notify: systemd takes it for ready before it is",
            "Type=notify and NotifyAccess=main",
        );
    }
    if last(text, "NotifyAccess").as_deref() == Some("none") {
        judged.look(
            "NotifyAccess=none means nothing beside WatchdogSec=, which makes it main",
            "NotifyAccess=main",
        );
    }
    if !matches!(last(text, "WatchdogSignal").as_deref(), Some("SIGKILL" | "KILL")) {
        judged.look(
            "SIGABRT of the watchdog is passed on to the agent; a hang lasts until TimeoutAbortSec=",
            "WatchdogSignal=SIGKILL",
        );
    }
}
