//! A property list of launchd, judged: its domain, what starts agentwatch past its latch, when it is killed.

use std::time::Duration;

use super::unit::option;
use super::{Finding, Launcher, Verdict};
use crate::wire::words::span;

/// What launchd takes where nothing is said (launchd.plist(5)).
const EXIT_DEFAULT: Duration = Duration::from_secs(20);

/// What stands behind a key: the text of its element, or the element itself where it has none.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let rest = text.split_once(&format!("<key>{key}</key>"))?.1.trim_start();
    let (element, rest) = rest.strip_prefix('<')?.split_once('>')?;
    match element {
        "dict" | "array" => rest.split_once(&format!("</{element}>")).map(|(inner, _)| inner),
        element if element.ends_with('/') => Some(element),
        element => rest.split_once(&format!("</{element}>")).map(|(inner, _)| inner),
    }
}

/// The words of the command behind `agentwatch run`.
fn run_words(text: &str) -> Option<Vec<&str>> {
    let arguments = value(text, "ProgramArguments")?;
    let words: Vec<&str> = arguments
        .split("<string>")
        .skip(1)
        .filter_map(|part| part.split_once("</string>").map(|(word, _)| word))
        .collect();
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

/// The agent that it starts, if it says so.
#[must_use]
pub fn agent(launcher: &Launcher) -> Option<String> {
    let words = run_words(&launcher.text)?;
    option(&words, "--name").map(str::to_owned)
}

/// Everything that is to be said of one that starts agentwatch.
#[must_use]
pub fn judge(launcher: &Launcher, stop_timeout: Duration) -> Vec<Finding> {
    let Some(words) = run_words(&launcher.text) else { return Vec::new() };
    let (path, text) = (&launcher.path, launcher.text.as_str());
    let mut found = Vec::new();
    let mut say = |verdict, words: String, fix: &str| {
        found.push(Finding::new("launchd", verdict, format!("{path}: {words}"), fix));
    };
    let daemon = path.contains("/LaunchDaemons/");
    let of_a_session = value(text, "LimitLoadToSessionType").is_some();
    if !daemon && value(text, "UserName").is_some() {
        let words = "UserName means nothing in the domain of a user (gui/UID)".to_owned();
        say(
            Verdict::Bites,
            words,
            "move it to /Library/LaunchDaemons and bootstrap it into system",
        );
    }
    if daemon && of_a_session {
        let words = "the domain system has no sessions, so it is never loaded".to_owned();
        say(Verdict::Bites, words, "remove LimitLoadToSessionType, or bootstrap it into gui/UID");
    }
    if daemon && (value(text, "StandardOutPath").is_some_and(|log| log.starts_with('~'))) {
        let words = "launchd knows no ~ in a path".to_owned();
        say(Verdict::Bites, words, "write the path in full");
    }
    let keep = value(text, "KeepAlive");
    let holds = option(&words, "--on-escalate") == Some("hold");
    if keep == Some("true/") || keep.is_some() && !holds {
        let words = "KeepAlive starts a given-up or finished agent again and again".to_owned();
        let fix = "--on-escalate hold, and KeepAlive with SuccessfulExit false";
        say(if holds { Verdict::Look } else { Verdict::Bites }, words, fix);
    }
    let number = |key| value(text, key).and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let theirs = number("ExitTimeOut").unwrap_or(EXIT_DEFAULT);
    let ours = option(&words, "--stop-timeout").and_then(super::unit::time).unwrap_or(stop_timeout);
    // Zero is for ever.
    if theirs <= ours && !theirs.is_zero() {
        let ms = crate::core::time::millis;
        let (theirs, ours) = (span(ms(theirs)), span(ms(ours)));
        let words = format!(
            "stops are nested wrongly: launchd kills after {theirs}, the agent may take {ours}"
        );
        say(Verdict::Bites, words, "ExitTimeOut above stop.timeout by 30s");
    }
    if value(text, "EnvironmentVariables").is_none_or(|set| !set.contains("<key>PATH</key>")) {
        let words = "no PATH: launchd's is /usr/bin:/bin:/usr/sbin:/sbin".to_owned();
        say(Verdict::Look, words, "EnvironmentVariables with the PATH of your shell");
    }
    if found.is_empty() {
        found.push(Finding::good("launchd", format!("{path} fits agentwatch")));
    }
    found
}
