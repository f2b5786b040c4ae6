//! A parcel is handed over within a limit of time; what HTTP answers means.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Error, Proxy};

use crate::sys::clock;
use crate::wire::parcel::Parcel;
use crate::wire::plain::plain;

use super::{exec, mail};

/// All of a try takes no longer.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The shortest limit that tests may have: a loaded machine needs its time for TLS.
const LIMIT_MIN: Duration = Duration::from_secs(3);

/// The most that is read of an answer, in bytes.
const ANSWER_MAX: u64 = 64 * 1024;

/// The most of an answer or of a command's output that an error repeats, in characters.
pub(super) const WORDS_MAX: usize = 300;

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is there.
    Sent,
    /// Not now; perhaps later.
    Later {
        /// Why.
        words: String,
        /// The sink itself said when.
        after: Option<Duration>,
    },
    /// Never, as it is.
    Never(String),
}

/// How long a try may take. `pace` as for [`send`].
#[must_use]
pub fn limit(pace: f64) -> Duration {
    LIMIT.mul_f64(pace).max(LIMIT_MIN)
}

/// Hands a parcel over. `pace` stretches [`LIMIT`]; 1 but in tests.
#[must_use]
pub fn send(parcel: &Parcel, ca_file: Option<&Path>, pace: f64) -> Came {
    let limit = limit(pace);
    match parcel {
        Parcel::Post { url, headers, body } => post(url, headers, body, ca_file, limit),
        Parcel::Mail(mail) => mail::send(mail, ca_file, limit),
        Parcel::Exec { command, stdin } => exec::send(command, stdin, limit),
    }
}

/// Asks for a URL, and wants nothing but a good answer: the dead man's switch.
///
/// # Errors
/// No answer, or another one.
pub fn ping(url: &str, limit: Duration) -> Result<(), String> {
    let answer = agent(limit, None)?.get(url).call();
    match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(format!("answered {}", answer.status())),
        Err(error) => Err(words(&error)),
    }
}

/// Certificates of a file.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let failed = |words: &dyn std::fmt::Display| format!("{}: {words}", path.display());
    let text = std::fs::read(path).map_err(|error| failed(&error))?;
    let mut all = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(one) = item.map_err(|error| failed(&error))? {
            all.push(one);
        }
    }
    if all.is_empty() { Err(failed(&"holds no certificate")) } else { Ok(all) }
}

fn agent(limit: Duration, ca_file: Option<&Path>) -> Result<Agent, String> {
    let mut tls = TlsConfig::builder();
    if let Some(path) = ca_file {
        tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates(path)?)));
    }
    let config = Agent::config_builder()
        .timeout_global(Some(limit))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("agentwatch/", env!("CARGO_PKG_VERSION")))
        .proxy(Proxy::try_from_env())
        .tls_config(tls.build())
        .build();
    Ok(Agent::new_with_config(config))
}

/// What a library says of a failure, in one line. It may name the URL: the caller takes secrets out.
fn words(error: &Error) -> String {
    match error {
        Error::Timeout(_) => "no answer in time".to_owned(),
        Error::HostNotFound => "no such host".to_owned(),
        Error::ConnectionFailed => "cannot be reached".to_owned(),
        // Which of the three it is depends on who was faster.
        Error::Io(error) if is_cut_off(error.kind()) => "the connection was closed".to_owned(),
        Error::Io(error) => cut(&error.to_string()),
        other => cut(&other.to_string()),
    }
}

fn is_cut_off(kind: ErrorKind) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

pub(super) fn cut(text: &str) -> String {
    let mut text = plain(text.trim().as_bytes()).replace('\n', " ");
    // Numbers that mean nothing to who reads, behind the words that do.
    while let Some((before, number)) = text.split_once(" (os error ") {
        let behind = number.split_once(')').map_or("", |(_, behind)| behind);
        text = format!("{before}{behind}");
    }
    let text = text.replace("failed to lookup address information", "no such host");
    match text.char_indices().nth(WORDS_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

fn post(
    url: &str,
    headers: &[(&'static str, String)],
    body: &str,
    ca: Option<&Path>,
    limit: Duration,
) -> Came {
    // What the common certificates vouch for needs no file; nothing was sent where they do not.
    match post_with(url, headers, body, None, limit) {
        Err(error) if ca.is_some() && is_about_trust(&error) => {
            match post_with(url, headers, body, ca, limit) {
                Ok(came) => came,
                Err(words) => Came::Later { words, after: None },
            }
        }
        Ok(came) => came,
        Err(words) => Came::Later { words, after: None },
    }
}

fn is_about_trust(words: &str) -> bool {
    words.contains("certificate") || words.contains("UnknownIssuer")
}

fn post_with(
    url: &str,
    headers: &[(&'static str, String)],
    body: &str,
    ca: Option<&Path>,
    limit: Duration,
) -> Result<Came, String> {
    let mut request = agent(limit, ca)?.post(url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let mut answer = request.send(body).map_err(|error| words(&error))?;
    let status = answer.status().as_u16();
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let after = header("retry-after").map(str::to_owned);
    let to = header("location").map(str::to_owned);
    // An answer that lies about its length was an answer all the same.
    let text = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string();
    Ok(judge(status, after.as_deref(), to.is_some(), &text.unwrap_or_default()))
}

/// What an answer means.
#[must_use]
pub fn judge(status: u16, retry_after: Option<&str>, redirects: bool, text: &str) -> Came {
    let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let said = format!("answered {status}{}", said(text));
    let seconds =
        |value: &serde_json::Value| value.as_f64().filter(|s| (0.0..86_400.0).contains(s));
    match status {
        200..=299 if json.get("ok") == Some(&serde_json::Value::Bool(false)) => {
            let error = json.get("error").and_then(|error| error.as_str()).unwrap_or_default();
            match error {
                // Slack's own words for "not now".
                "ratelimited"
                | "rate_limited"
                | "internal_error"
                | "fatal_error"
                | "service_unavailable"
                | "request_timeout" => Came::Later { words: said, after: None },
                _ => Came::Never(said),
            }
        }
        200..=299 => Came::Sent,
        408 | 425 | 429 | 500..=599 => {
            let told =
                json.get("retry_after").or_else(|| json.get("parameters")?.get("retry_after"));
            let after = told.and_then(seconds).map(Duration::from_secs_f64);
            let header = retry_after.and_then(wait_of);
            Came::Later { words: said, after: header.max(after) }
        }
        300..=399 if redirects => {
            Came::Never(format!("answered {status}: leads elsewhere; write the URL it leads to"))
        }
        _ => Came::Never(said),
    }
}

/// `Retry-After`: seconds, or a date (RFC 9110, section 10.2.3).
fn wait_of(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(86_400)));
    }
    let at = httpdate::parse_http_date(text.trim()).ok()?;
    let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    let at = i64::try_from(at.as_millis()).ok()?;
    let wait = at.saturating_sub(clock::wall_ms());
    Some(Duration::from_millis(u64::try_from(wait).unwrap_or(0).min(86_400_000)))
}

/// What somebody said, behind a colon.
pub(super) fn said(text: &str) -> String {
    let text = cut(text);
    if text.is_empty() { text } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(status: u16, header: Option<&str>, text: &str) -> Option<Duration> {
        match judge(status, header, false, text) {
            Came::Later { after, .. } => after,
            other => panic!("{status}: {other:?}"),
        }
    }

    #[test]
    fn answers_mean_what_the_services_say_they_mean() {
        assert_eq!(judge(200, None, false, "ok"), Came::Sent);
        assert_eq!(judge(202, None, false, "{\"status\":\"success\"}"), Came::Sent);
        let gone = judge(200, None, false, "{\"ok\":false,\"error\":\"channel_not_found\"}");
        assert!(matches!(gone, Came::Never(words) if words.contains("channel_not_found")));
        assert_eq!(later(200, None, "{\"ok\":false,\"error\":\"ratelimited\"}"), None);
        for status in [408, 425, 429, 500, 503] {
            assert_eq!(later(status, None, ""), None);
        }
        assert_eq!(later(429, Some("7"), ""), Some(Duration::from_secs(7)));
        assert_eq!(later(429, None, "{\"retry_after\":0.5}"), Some(Duration::from_millis(500)));
        let telegram = "{\"ok\":false,\"parameters\":{\"retry_after\":9}}";
        assert_eq!(later(429, None, telegram), Some(Duration::from_secs(9)));
        assert_eq!(later(429, Some("-5"), "{\"retry_after\":-1}"), None);
        assert_eq!(later(503, Some("99999999999"), ""), Some(Duration::from_hours(24)));
        let past = later(503, Some("Wed, 21 Oct 2015 07:28:00 GMT"), "");
        assert_eq!(past, Some(Duration::ZERO));
        for status in [400, 401, 403, 404, 410, 413] {
            assert!(matches!(judge(status, None, false, "no"), Came::Never(_)));
        }
        assert!(matches!(judge(302, None, true, ""), Came::Never(_)));
    }

    #[test]
    fn what_an_answer_says_is_one_short_line() {
        let Came::Never(words) = judge(400, None, false, &"x\n\u{1b}[2J".repeat(9_000)) else {
            panic!("was taken")
        };
        assert!(words.chars().count() < 400 && !words.contains(char::is_control), "{words}");
    }
}
