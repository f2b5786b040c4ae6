//! A letter and a sink give a parcel: what is sent, where to, and under which key.

use serde_json::Value;

use crate::wire::parcel::Parcel;
use crate::wire::sink::Sink;

use super::mail::Place;
use super::sheet::Sheet;
use super::{Letter, discord, mail, ntfy, pagerduty, slack, telegram, webhook};

/// What so many bytes of base64 stand for.
const GROUP: usize = 3;
/// The digits of base64 (RFC 4648, section 4).
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// One letter for one sink.
///
/// # Errors
/// The sink's secrets are not resolved.
pub fn pack(sink: &Sink, letter: &Letter) -> Result<Parcel, String> {
    let json =
        || webhook::body(letter).map_err(|error| format!("cannot write the letter: {error}"));
    match sink {
        Sink::Exec { command } => {
            Ok(Parcel::Exec { command: command.clone(), stdin: format!("{}\n", json()?) })
        }
        Sink::Webhook { url } => Ok(post(url, json()?, &letter.id)),
        Sink::PagerDuty { key, api } => {
            let event = pagerduty::event(letter, key);
            Ok(post(&format!("{api}/v2/enqueue"), event.to_string(), &letter.id))
        }
        _ => {
            let place = if letter.number <= 1 { Place::First } else { Place::Later };
            chat(sink, &Sheet::one(letter), letter, &letter.id, place)
        }
    }
}

/// Many letters of one cause for one sink that people read: one message, a line an agent.
///
/// # Errors
/// There are no letters, the sink is not read by people ([`Sink::is_chat`]), or its secrets are not resolved.
pub fn roll_up(sink: &Sink, letters: &[&Letter]) -> Result<Parcel, String> {
    if let [letter] = letters {
        return pack(sink, letter);
    }
    let (Some(sheet), Some(last)) = (Sheet::many(letters), letters.last()) else {
        return Err("there is no letter to send".to_owned());
    };
    // The same letters again are the same message.
    let mut hash = blake3::Hasher::new();
    for letter in letters {
        hash.update(letter.id.as_bytes());
        hash.update(b"\n");
    }
    let id = hash.finalize().to_hex().to_string();
    chat(sink, &sheet, last, &id, Place::Alone)
}

/// What people read.
fn chat(
    sink: &Sink,
    sheet: &Sheet,
    letter: &Letter,
    id: &str,
    place: Place,
) -> Result<Parcel, String> {
    let (url, body, authorization) = match sink {
        Sink::SlackHook { url } => (url.clone(), slack::message(sheet), None),
        Sink::SlackBot { token, channel, api } => {
            let mut body = slack::message(sheet);
            if let Some(map) = body.as_object_mut() {
                map.insert("channel".to_owned(), Value::from(channel.as_str()));
            }
            (format!("{api}/chat.postMessage"), body, Some(format!("Bearer {token}")))
        }
        Sink::Discord { url } => (url.clone(), discord::message(sheet), None),
        Sink::Telegram { token, chat, topic, api } => {
            let body = telegram::message(sheet, chat, topic.as_deref());
            (format!("{api}/bot{token}/sendMessage"), body, None)
        }
        Sink::Ntfy { server, topic, auth } => {
            let auth = auth.as_deref().map(|auth| {
                if auth.contains(':') { basic(auth) } else { format!("Bearer {auth}") }
            });
            (format!("{server}/"), ntfy::message(sheet, topic), auth)
        }
        Sink::Mail { .. } => {
            let mail = mail::mail(sink, sheet, letter, id, place).map(Box::new);
            return mail.map(Parcel::Mail).ok_or_else(|| "is no mail".to_owned());
        }
        Sink::Unresolved { .. } => return Err("has secrets that are not known here".to_owned()),
        Sink::Exec { .. } | Sink::Webhook { .. } | Sink::PagerDuty { .. } => {
            return Err("takes letters one by one".to_owned());
        }
    };
    let Parcel::Post { url, mut headers, body } = post(&url, body.to_string(), id) else {
        return Err("is no post".to_owned());
    };
    if let Some(authorization) = authorization {
        headers.retain(|(name, _)| *name != "Authorization");
        headers.push(("Authorization", authorization));
    }
    Ok(Parcel::Post { url, headers, body })
}

/// A request with what every one has: its type, its key, and the URL's login as a header.
fn post(url: &str, body: String, id: &str) -> Parcel {
    let mut headers = vec![("Content-Type", "application/json; charset=utf-8".to_owned())];
    // A header is one line of ASCII, whatever the outbox holds.
    let fits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
    let key = if fits { id.to_owned() } else { blake3::hash(id.as_bytes()).to_hex().to_string() };
    headers.push(("Idempotency-Key", key));
    let (url, login) = without_login(url);
    headers.extend(login.map(|login| ("Authorization", basic(&login))));
    Parcel::Post { url, headers, body }
}

/// The URL, and the login that stood before its host.
fn without_login(url: &str) -> (String, Option<String>) {
    let split = || {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (login, host) = authority.rsplit_once('@')?;
        Some((format!("{scheme}://{host}{path}"), unescape(login)))
    };
    split().map_or_else(|| (url.to_owned(), None), |(url, login)| (url, Some(login)))
}

/// `%40` is an `@`; what is no such escape stays.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let hex = hex.filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) if byte == b'%' => {
                bytes.push(value);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(byte);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `user:password` as RFC 7617 wants it.
fn basic(login: &str) -> String {
    format!("Basic {}", base64(login.as_bytes()))
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(GROUP) {
        let value = (0..GROUP).fold(0, |value, at| {
            value << 8 | usize::from(group.get(at).copied().unwrap_or_default())
        });
        for at in 0..=GROUP {
            let digit = DIGITS.get(value >> (6 * (GROUP - at)) & 63).copied().unwrap_or(b'A');
            text.push(if group.len() < at { '=' } else { char::from(digit) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_what_the_rfc_shows() {
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (text, want) in table {
            assert_eq!(base64(text.as_bytes()), want);
        }
        assert_eq!(base64(b"\xff\xfe\xfd"), "//79");
    }

    #[test]
    fn a_login_in_a_url_becomes_a_header() {
        let table = [
            ("https://a.b/c@d", "https://a.b/c@d", None),
            ("https://u:p%40x@a.b/c", "https://a.b/c", Some("u:p@x")),
            ("https://u@a.b?x=1", "https://a.b?x=1", Some("u")),
            ("https://u:50%@a.b", "https://a.b", Some("u:50%")),
            ("https://u:%e2%82%ac%2@a.b", "https://a.b", Some("u:€%2")),
        ];
        for (url, want, login) in table {
            let got = without_login(url);
            assert_eq!((got.0.as_str(), got.1.as_deref()), (want, login), "{url}");
        }
    }
}
