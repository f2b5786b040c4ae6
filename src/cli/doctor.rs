//! `agentwatch doctor`: what would bite here, each with its fix; `--alert`: a test through every sink.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;

use clap::builder::OsStringValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::Resolved;
use crate::homes::checkup::{self, Finding, Verdict};
use crate::sys::tty;
use crate::wire::columns::fold;
use crate::wire::paint::{dim, paint};
use crate::wire::tone::Tone;

use super::output::print;
use super::{EXIT_FAILED, Failure, Outcome, check};

mod alert;
mod look;

/// The definition.
pub fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
    };
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        let arg = Arg::new(name).value_name(value).help(help);
        arg.value_parser(OsStringValueParser::new())
    };
    Command::new("doctor")
        .about(
            "Say what would bite here, each with its fix; or send a test alert through every sink",
        )
        .arg(flag("alert", "Send a test alert through every sink, and say what each answered"))
        .arg(flag("json", "Print JSON").conflicts_with("alert"))
        .arg(text("config", "FILE", "Read this file and no other").long("config"))
        .arg(text("state-dir", "DIR", "Where agents keep their data").long("state-dir"))
        .arg(text("name", "NAME", "As agents/NAME.toml defines it: its sinks, its stop timeout"))
        .after_help("Example:\n  agentwatch doctor\n  agentwatch doctor --alert")
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    let name = matches.get_one::<OsString>("name").map(OsString::as_os_str);
    let resolved = resolve(matches, name)?;
    if matches.get_flag("alert") {
        return alert::test(&resolved);
    }
    // What is said of one agent is not said of the units of all.
    let usual = if name.is_none() { None } else { resolve(matches, None).ok() };
    let usual = usual.as_ref().unwrap_or(&resolved).settings.stop_timeout;
    let by_name = |name: &str| resolve(matches, Some(name.as_ref())).ok();
    let findings = checkup::judge(&look::collect(&resolved, usual, &by_name));
    if matches.get_flag("json") {
        let text = serde_json::to_string_pretty(&findings)
            .map_err(|error| Failure::new(EXIT_FAILED, error))?;
        print(&format!("{text}\n"))?;
    } else {
        print(&told(&findings, tty::colour(1), tty::width(1)))?;
    }
    let bites = findings.iter().any(|finding| finding.verdict == Verdict::Bites);
    Ok(if bites { EXIT_FAILED } else { 0 })
}

/// The settings of all agents, or of one that is defined.
fn resolve(matches: &ArgMatches, name: Option<&OsStr>) -> Result<Resolved, Failure> {
    let mut asked: Vec<OsString> = vec!["check".into()];
    for flag in ["config", "state-dir"] {
        if let Some(path) = matches.get_one::<OsString>(flag) {
            asked.extend([format!("--{flag}").into(), path.clone()]);
        }
    }
    asked.extend(name.map(ToOwned::to_owned));
    let read = check::matches(&asked).map_err(|error| Failure::new(EXIT_FAILED, error))?;
    super::run::resolve(&read)
}

/// The findings for people: what is about a file below its name, the verdict last.
fn told(findings: &[Finding], colour: bool, width: Option<usize>) -> String {
    let mut text = String::new();
    for finding in findings.iter().filter(|finding| finding.file.is_none()) {
        let words = format!("{}: {}", finding.check, finding.words);
        put(&mut text, finding, &words, colour, width);
    }
    let mut files: Vec<(&str, &String)> = Vec::new();
    for Finding { check, file, .. } in findings {
        // Whose worst finding comes first comes first.
        if let Some(file) = file
            && !files.contains(&(*check, file))
        {
            files.push((*check, file));
        }
    }
    for (check, file) in files {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n{check}: {file}");
        let about = |one: &&Finding| one.check == check && one.file.as_ref() == Some(file);
        for finding in findings.iter().filter(about) {
            put(&mut text, finding, &finding.words, colour, width);
        }
    }
    let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let bite = match count(Verdict::Bites) {
        0 => "nothing bites".to_owned(),
        1 => "1 bites".to_owned(),
        n => format!("{n} bite"),
    };
    let look = match count(Verdict::Look) {
        1 => "1 is worth a look".to_owned(),
        n => format!("{n} are worth a look"),
    };
    let _ = writeln!(text, "\n{bite}, {look}, {} fine", count(Verdict::Good));
    text
}

/// One finding with its fix, below each other on a narrow screen.
fn put(text: &mut String, finding: &Finding, words: &str, colour: bool, width: Option<usize>) {
    /// Before the words.
    const INDENT: usize = 7;
    /// No finding is longer, however narrow the screen.
    const LINES_MAX: usize = 40;
    let (tone, word) = match finding.verdict {
        Verdict::Good => (Tone::Good, "good "),
        Verdict::Look => (Tone::Warning, "look "),
        Verdict::Bites => (Tone::Bad, "bites"),
    };
    let folded = |words: &str, before: usize| match width {
        Some(width) => fold(words, width.saturating_sub(before).max(20), LINES_MAX),
        None => vec![words.to_owned()],
    };
    for (at, line) in folded(words, INDENT).iter().enumerate() {
        let mark = if at == 0 { paint(tone, word, colour) } else { "     ".into() };
        let _ = writeln!(text, "{mark}  {line}");
    }
    for (at, line) in finding.fix.iter().flat_map(|fix| folded(fix, INDENT + 5)).enumerate() {
        let mark = if at == 0 { dim("fix:", colour) } else { "    ".into() };
        let _ = writeln!(text, "       {mark} {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_folded_and_the_verdict_counts() {
        let finding = |file: Option<&str>, verdict, words: &str| Finding {
            check: "systemd",
            verdict,
            file: file.map(str::to_owned),
            words: words.to_owned(),
            fix: (verdict != Verdict::Good).then(|| "mend it ".repeat(12).trim().to_owned()),
        };
        let long = "a word ".repeat(20);
        let found = [
            finding(Some("/a/long/path"), Verdict::Bites, long.trim()),
            finding(None, Verdict::Look, long.trim()),
            finding(Some("/a/long/path"), Verdict::Good, "fits"),
        ];
        let text = told(&found, false, Some(80));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(text.matches("/a/long/path").count(), 1, "{text}");
        assert!(text.starts_with("look   systemd: a word"), "{text}");
        assert!(text.contains("\n\nsystemd: /a/long/path\nbites  a word"), "{text}");
        assert!(text.ends_with("\n\n1 bites, 1 is worth a look, 1 fine\n"), "{text}");
        // A pipe has no width, and gets each finding in one line.
        assert_eq!(told(&found, false, None).lines().count(), 9);
        assert!(told(&[], false, None).ends_with("nothing bites, 0 are worth a look, 0 fine\n"));
    }
}
