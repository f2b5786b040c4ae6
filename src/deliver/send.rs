//! A parcel is handed over: by HTTP, by SMTP or to a command, each within a limit of time.

use std::io::Write as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::client::{Certificate as MailCertificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport as _};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Error, Proxy};

use crate::core::signal::Signal;
use crate::sys::{clock, poll, signals};
use crate::wire::parcel::{Mail, Parcel};
use crate::wire::plain::plain;

/// All of a try takes no longer.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The most that is read of an answer, in bytes.
const ANSWER_MAX: u64 = 64 * 1024;

/// The most of an answer or of a command's output that an error repeats, in characters.
const WORDS_MAX: usize = 300;

/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(10);

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

/// Hands a parcel over.
#[must_use]
pub fn send(parcel: &Parcel, ca_file: Option<&Path>) -> Came {
    match parcel {
        Parcel::Post { url, headers, body } => post(url, headers, body, ca_file),
        Parcel::Mail(mail) => mail_out(mail, ca_file),
        Parcel::Exec { command, stdin } => run(command, stdin),
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
        Error::HostNotFound => "there is no such host".to_owned(),
        Error::ConnectionFailed => "cannot be reached".to_owned(),
        other => cut(&other.to_string()),
    }
}

fn cut(text: &str) -> String {
    let text = plain(text.trim().as_bytes()).replace('\n', " ");
    match text.char_indices().nth(WORDS_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

fn post(url: &str, headers: &[(&'static str, String)], body: &str, ca: Option<&Path>) -> Came {
    // What the common certificates vouch for needs no file; nothing was sent where they do not.
    match post_with(url, headers, body, None) {
        Err(error) if ca.is_some() && is_about_trust(&error) => {
            match post_with(url, headers, body, ca) {
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
) -> Result<Came, String> {
    let mut request = agent(LIMIT, ca)?.post(url);
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

fn said(text: &str) -> String {
    let text = cut(text);
    if text.is_empty() { text } else { format!(": {text}") }
}

fn run(command: &str, stdin: &str) -> Came {
    let later = |words: String| Came::Later { words, after: None };
    let spawned = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return later(error.to_string()),
    };
    let (tell, hear) = mpsc::channel();
    if let Some(mut pipe) = child.stdin.take() {
        let text = stdin.to_owned();
        // Who does not read must not keep us; the thread ends with this process.
        std::thread::spawn(move || pipe.write_all(text.as_bytes()));
    }
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let tell_too = tell.clone();
    std::thread::spawn(move || err.map(|mut pipe| tell.send(tail(&mut pipe))));
    std::thread::spawn(move || out.map(|mut pipe| tell_too.send(tail(&mut pipe))));
    let begun = clock::wall_ms();
    let limit = i64::try_from(LIMIT.as_millis()).unwrap_or(i64::MAX);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if limit < clock::wall_ms().saturating_sub(begun).abs() => break Err(()),
            Ok(None) => poll::pause(LOOK),
            Err(_) => break Err(()),
        }
    };
    let pid = i32::try_from(child.id()).unwrap_or(0);
    if 0 < pid {
        // Whatever it leaves behind has had its time.
        let _ = signals::send_group(pid, Signal::KILL);
    }
    let Ok(status) = status else {
        let _ = child.wait();
        return later(format!("did not end in {}s; killed", LIMIT.as_secs()));
    };
    if status.success() {
        return Came::Sent;
    }
    let words = hear.iter().take(2).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ");
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or(0)),
    };
    later(format!("{how}{}", said(&words)))
}

/// The last of what somebody writes.
fn tail(pipe: &mut impl std::io::Read) -> String {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
        kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let over = kept.len().saturating_sub(WORDS_MAX);
        kept.drain(..over);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn mail_out(mail: &Mail, ca: Option<&Path>) -> Came {
    let message = match compose(mail) {
        Ok(message) => message,
        Err(words) => return Came::Never(words),
    };
    let transport = match transport(mail, ca) {
        Ok(transport) => transport,
        Err(words) => return Came::Never(words),
    };
    match transport.send(&message) {
        Ok(_) => Came::Sent,
        Err(error) if error.is_permanent() => Came::Never(cut(&error.to_string())),
        Err(error) => Came::Later { words: cut(&error.to_string()), after: None },
    }
}

fn transport(mail: &Mail, ca: Option<&Path>) -> Result<SmtpTransport, String> {
    let url = mail.smtp.as_deref().ok_or("does not say how mail is sent; set alert.smtp")?;
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.split(['/', '?']).next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let local = ["localhost", "127.0.0.1", "[::1]"].contains(&name);
    let plain = url.starts_with("smtp://");
    // Without a word of it a password would go in the clear.
    let url = if plain && !local && !url.contains("tls=") {
        format!("{url}{}tls=required", if url.contains('?') { '&' } else { '?' })
    } else {
        url.to_owned()
    };
    let builder = SmtpTransport::from_url(&url).map_err(|error| cut(&error.to_string()))?;
    let mut builder = builder.timeout(Some(LIMIT));
    if let Some(path) = ca.filter(|_| !(plain && local)) {
        let pem = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut tls = TlsParameters::builder(name.to_owned());
        let one = MailCertificate::from_pem(&pem).map_err(|error| cut(&error.to_string()))?;
        tls = tls.add_root_certificate(one);
        let tls = tls.build().map_err(|error| cut(&error.to_string()))?;
        builder = builder.tls(if plain { Tls::Required(tls) } else { Tls::Wrapper(tls) });
    }
    Ok(builder.build())
}

fn compose(mail: &Mail) -> Result<Message, String> {
    let address = |text: &str| text.parse::<Mailbox>().map_err(|error| format!("{text}: {error}"));
    let own = || {
        let host = crate::sys::host::hostname().unwrap_or_else(|| "localhost".to_owned());
        format!("agentwatch@{host}")
    };
    let from = address(&mail.from.clone().unwrap_or_else(own))?;
    let date = u64::try_from(mail.date).unwrap_or(0);
    let mut builder = Message::builder()
        .from(from)
        .to(address(&mail.to)?)
        .subject(&mail.subject)
        .message_id(Some(mail.message_id.clone()))
        .date(std::time::UNIX_EPOCH + Duration::from_millis(date));
    if let Some(first) = &mail.reply_to {
        builder = builder.in_reply_to(first.clone()).references(first.clone());
    }
    for (name, value) in &mail.headers {
        let name = HeaderName::new_from_ascii_str(name);
        builder = builder.raw_header(HeaderValue::new(name, value.clone()));
    }
    builder
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .map_err(|error| cut(&error.to_string()))
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
