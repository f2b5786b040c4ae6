//! Where people are told, looked at before anything starts: a sink that makes no sense or a secret that is
//! missing is refused now, and not found out in the night.

use crate::config::Resolved;
use crate::config::sinks::Written;
use crate::deliver::Tested;
use crate::store::secrets::{look_up, proof};
use crate::sys::file;
use crate::wire::letter::{Route, Way};
use crate::wire::sink::{Reference, Sink, references, resolve};
use crate::wire::words::count;

use super::output::print;
use super::{EXIT_CONFIG, EXIT_FAILED, Failure, Outcome};

/// The largest file of certificates, in bytes: all that the world trusts are a fifth of it.
const CA_MAX: usize = 1 << 20;

/// How a certificate begins in PEM.
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The ways to the sinks, each with the proof of what its URL resolves to; none without sinks.
///
/// # Errors
/// A sink that makes no sense once its secrets are known, or a secret that is missing, by name.
pub fn route(resolved: &Resolved) -> Result<Option<Route>, Failure> {
    let alert = &resolved.alert;
    if let Some(url) = &alert.ping_url {
        let full = resolve(url, look_up).map_err(|words| refuse("alert.ping_url", &words))?;
        if !matches!(Sink::parse(&full), Ok(Sink::Webhook { .. })) {
            return Err(refuse("alert.ping_url", "is no URL; write https://HOST/PATH"));
        }
    }
    if let Some(url) = &alert.runbook
        && !matches!(Sink::parse(url), Ok(Sink::Webhook { .. }))
    {
        return Err(refuse("alert.runbook", "is no URL; write https://HOST/PATH"));
    }
    if let Some(url) = &alert.smtp {
        let full = resolve(url, look_up).map_err(|words| refuse("alert.smtp", &words))?;
        if Sink::parse(&format!("mailto:a@b?smtp={full}")).is_err() {
            return Err(refuse("alert.smtp", "makes no sense; write smtps://USER:PASSWORD@HOST"));
        }
    }
    route_to(resolved, "alert.sinks", &alert.sinks)
}

/// The same to where reports are sent.
///
/// # Errors
/// As [`route`].
pub fn report_route(resolved: &Resolved) -> Result<Option<Route>, Failure> {
    route_to(resolved, "report.to", &resolved.report_to)
}

fn route_to(resolved: &Resolved, key: &str, sinks: &[Written]) -> Result<Option<Route>, Failure> {
    let alert = &resolved.alert;
    let mut ways = Vec::new();
    for (sink, number) in sinks.iter().zip(1_u32..) {
        let mut url = sink.url.clone();
        if let (true, Some(smtp)) = (lacks_smtp(&url), &alert.smtp) {
            let joint = if url.contains('?') { '&' } else { '?' };
            url = format!("{url}{joint}smtp={smtp}");
        }
        let what = format!("{key}: {}", called(&url, number));
        let full = resolve(&url, look_up).map_err(|words| refuse(&what, &words))?;
        match Sink::parse(&full) {
            Ok(Sink::Unresolved { .. }) => {
                return Err(refuse(
                    &what,
                    "refers to a secret that refers to another; write it out",
                ));
            }
            Ok(Sink::Mail { smtp: None, .. }) => {
                let words = "does not say how mail is sent; set alert.smtp, or add ?smtp=smtps://…";
                return Err(refuse(&what, words));
            }
            Ok(_) => {}
            Err(words) => return Err(refuse(&what, &words)),
        }
        let proof = proof(&full);
        ways.push(Way { url, min_severity: sink.min_severity, fallback: sink.fallback, proof });
    }
    if let Some(path) = &alert.ca_file {
        let wrong = |words: &str| refuse("alert.ca_file", &format!("{}: {words}", path.display()));
        let text = file::read(path, CA_MAX).map_err(|error| wrong(&error.to_string()))?;
        if !text.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE) {
            return Err(wrong(
                "holds no certificate; write a file with -----BEGIN CERTIFICATE-----",
            ));
        }
    }
    let ca_file = alert.ca_file.as_ref().map(|path| path.display().to_string());
    Ok((!ways.is_empty()).then_some(Route { ways, ca_file }))
}

fn refuse(what: &str, words: &str) -> Failure {
    Failure::new(EXIT_CONFIG, format_args!("{what} {words}"))
}

/// Says what each sink answered; a failure if one did not take it.
///
/// # Errors
/// Those of printing, and so many sinks that did not take it.
pub fn answers(tested: &[Tested]) -> Outcome {
    let width = tested.iter().map(|one| one.sink.chars().count()).max().unwrap_or(0);
    for Tested { sink, answer } in tested {
        let words = answer.as_ref().map_or_else(String::as_str, |()| "ok");
        print(&format!("{sink:width$}  {words}\n"))?;
    }
    let failed = tested.iter().filter(|one| one.answer.is_err()).count();
    if failed == 0 {
        return Ok(0);
    }
    let of = count(u64::try_from(tested.len()).unwrap_or(0), "sink");
    Err(Failure::new(EXIT_FAILED, format_args!("{failed} of {of} did not take it")))
}

/// Which sink that is, for who wrote it: its place, what it is called, and what it takes from elsewhere.
fn called(url: &str, number: u32) -> String {
    let name = Sink::parse(url).ok().filter(|sink| *sink != Sink::Unresolved { scheme: None });
    let name = name.map(|sink| format!(", {}", sink.masked())).unwrap_or_default();
    let from = references(url).unwrap_or_default().into_iter().map(|reference| match reference {
        Reference::Variable(name) => format!("${{{name}}}"),
        Reference::File(path) => format!("file:{path}"),
        Reference::Credential(name) => format!("cred:{name}"),
    });
    let from = from.collect::<Vec<_>>().join(", ");
    let from = if from.is_empty() { String::new() } else { format!(" with {from}") };
    format!("number {number}{name}{from}")
}

fn lacks_smtp(url: &str) -> bool {
    url.starts_with("mailto:") && !url.contains("?smtp=") && !url.contains("&smtp=")
}
