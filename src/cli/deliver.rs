//! `agentwatch deliver`: what `run` sends to deliver letters, and to ping. Nobody types it.

use std::io::Read as _;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config;
use crate::deliver::{self, send};
use crate::store::secrets::look_up;
use crate::sys::host;
use crate::wire::sink::resolve;

use super::output::print;
use super::{EXIT_FAILED, Failure, Outcome};

/// A ping that takes longer is none.
const PING_LIMIT: Duration = Duration::from_secs(10);

/// The longest URL, in bytes.
const URL_MAX: u64 = 4096;

/// The most memory it may have, in bytes: a server of mail can send a line without an end. Ten thousand
/// letters of the longest kind would not fit, but those there are take a few kilobytes.
const DATA_MAX: u64 = 1 << 30;

/// Stretches all waits; tests have no patience.
const PACE: &str = "AGENTWATCH_DELIVER_PACE";

/// The definition.
pub fn command() -> Command {
    let switch = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
    Command::new("deliver")
        .about("What agentwatch run sends to deliver letters")
        .arg(Arg::new("agent").long("agent").help("Whose environment this is"))
        .arg(switch("stay").requires("agent").help("Go on until all letters of the agent are gone"))
        .arg(switch("ping").help("Ping the URL on stdin"))
        .arg(switch("ping-fail").help("The same, with /fail behind it"))
        .args(config::state_dir_flags())
}

/// The deed.
pub fn main(matches: &ArgMatches) -> Outcome {
    if matches.get_flag("ping") || matches.get_flag("ping-fail") {
        return ping(matches.get_flag("ping-fail"));
    }
    host::limit_data(DATA_MAX);
    let state_dir = super::run::state_dir(matches)?;
    let agent = matches.get_one::<String>("agent").map(String::as_str);
    let failed = |error| Failure::new(EXIT_FAILED, format_args!("deliver: {error}"));
    if let (Some(agent), true) = (agent, matches.get_flag("stay")) {
        deliver::stay(&state_dir, agent, pace()).map_err(failed)?;
        return Ok(0);
    }
    // Who does not read it any more has left.
    let mut tell = || drop(print("{\"receipts\":true}\n"));
    let left = deliver::deliver(&state_dir, agent, pace(), &mut tell).map_err(failed)?;
    let next = left.next.map_or("null".to_owned(), |ms| ms.to_string());
    print(&format!("{{\"next_ms\":{next},\"left\":{}}}\n", left.letters))?;
    Ok(0)
}

/// How much all waits are stretched; 1 but in tests.
pub fn pace() -> f64 {
    let pace = std::env::var(PACE).ok().and_then(|text| text.parse::<f64>().ok());
    pace.filter(|pace| (0.0..=1.0).contains(pace)).unwrap_or(1.0)
}

fn ping(fail: bool) -> Outcome {
    let mut url = String::new();
    std::io::stdin().lock().take(URL_MAX).read_to_string(&mut url)?;
    let failed = |words: String| Failure::new(EXIT_FAILED, format_args!("alert.ping_url: {words}"));
    let url = resolve(url.trim(), look_up).map_err(failed)?;
    let url = if fail { fail_url(&url) } else { url };
    // One that does not arrive is what the other side is there to notice; a word a minute would be noise.
    Ok(if send::ping(&url, PING_LIMIT).is_ok() { 0 } else { EXIT_FAILED })
}

/// `https://hc-ping.com/KEY?x` → `https://hc-ping.com/KEY/fail?x`.
fn fail_url(url: &str) -> String {
    match url.split_once('?') {
        Some((path, query)) => format!("{}/fail?{query}", path.trim_end_matches('/')),
        None => format!("{}/fail", url.trim_end_matches('/')),
    }
}
