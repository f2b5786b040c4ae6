//! Where people are told, looked at before anything starts: a sink that makes no sense or a secret that is
//! missing is refused now, and not found out in the night.

use crate::config::Resolved;
use crate::store::secrets::{look_up, proof};
use crate::wire::letter::{Route, Way};
use crate::wire::sink::{Sink, resolve};

use super::{EXIT_CONFIG, Failure};

/// The ways to the sinks, each with the proof of what its URL resolves to; none without sinks.
///
/// # Errors
/// A sink that makes no sense once its secrets are known, or a secret that is missing, by name.
pub fn route(resolved: &Resolved) -> Result<Option<Route>, Failure> {
    let alert = &resolved.alert;
    let refuse =
        |what: &str, words: &str| Failure::new(EXIT_CONFIG, format_args!("{what} {words}"));
    if let Some(url) = &alert.ping_url {
        let full = resolve(url, look_up).map_err(|words| refuse("alert.ping_url", &words))?;
        if !matches!(Sink::parse(&full), Ok(Sink::Webhook { .. })) {
            return Err(refuse("alert.ping_url", "is no URL; write https://HOST/PATH"));
        }
    }
    let mut ways = Vec::new();
    for sink in &alert.sinks {
        let mut url = sink.url.clone();
        if let (true, Some(smtp)) = (lacks_smtp(&url), &alert.smtp) {
            let joint = if url.contains('?') { '&' } else { '?' };
            url = format!("{url}{joint}smtp={smtp}");
        }
        let shown = Sink::parse(&url).map_or_else(|_| "a sink".to_owned(), |sink| sink.masked());
        let what = format!("alert.sinks: {shown}");
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
    if let Some(path) = &alert.ca_file
        && let Err(error) = std::fs::File::open(path)
    {
        return Err(refuse("alert.ca_file", &format!("{}: {error}", path.display())));
    }
    let ca_file = alert.ca_file.as_ref().map(|path| path.display().to_string());
    Ok((!ways.is_empty()).then_some(Route { ways, ca_file }))
}

fn lacks_smtp(url: &str) -> bool {
    url.starts_with("mailto:") && !url.contains("?smtp=") && !url.contains("&smtp=")
}
