//! `agentwatch doctor`: what would bite here, each with its fix; `--alert`: a test through every sink.

use std::ffi::OsString;
use std::fmt::Write as _;

use clap::builder::OsStringValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::homes::checkup::{self, Finding, Verdict};
use crate::sys::tty;
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
    let mut asked: Vec<OsString> = vec!["check".into()];
    for name in ["config", "state-dir"] {
        if let Some(path) = matches.get_one::<OsString>(name) {
            asked.extend([format!("--{name}").into(), path.clone()]);
        }
    }
    asked.extend(matches.get_one::<OsString>("name").cloned());
    let read = check::matches(&asked).map_err(|error| Failure::new(EXIT_FAILED, error))?;
    let resolved = super::run::resolve(&read)?;
    if matches.get_flag("alert") {
        return alert::test(&resolved);
    }
    let findings = checkup::judge(&look::collect(&resolved));
    if matches.get_flag("json") {
        let text = serde_json::to_string_pretty(&findings)
            .map_err(|error| Failure::new(EXIT_FAILED, error))?;
        print(&format!("{text}\n"))?;
    } else {
        print(&told(&findings, tty::colour(1)))?;
    }
    let bites = findings.iter().any(|finding| finding.verdict == Verdict::Bites);
    Ok(if bites { EXIT_FAILED } else { 0 })
}

/// The findings for people, one or two lines each.
fn told(findings: &[Finding], colour: bool) -> String {
    let mut text = String::new();
    for Finding { check, verdict, words, fix } in findings {
        let (tone, word) = match verdict {
            Verdict::Good => (Tone::Good, "ok   "),
            Verdict::Look => (Tone::Warning, "look "),
            Verdict::Bites => (Tone::Bad, "bites"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}  {check}: {words}", paint(tone, word, colour));
        if let Some(fix) = fix {
            let _ = writeln!(text, "       {} {fix}", dim("fix:", colour));
        }
    }
    text
}
