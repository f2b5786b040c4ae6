//! Sinks, and what is sent there: errors and masks give nothing away, and any words become a message that the
//! service takes.

use agentwatch::core::fact::Severity;
use agentwatch::wire::letter::pack::{pack, roll_up};
use agentwatch::wire::letter::{Kind, LETTER_MAX, Letter, Step, VERSION, discord, ntfy};
use agentwatch::wire::parcel::Parcel;
use agentwatch::wire::sink::{Sink, references, resolve};

use super::{assert_plain, assert_words};

/// A secret that no input holds by chance.
const SECRET: &str = "Zq7wZq7wZq7wZq7w";

/// The first line is a URL, the rest is what an agent says.
pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (url, words) = text.split_once('\n').unwrap_or((&text, "words"));
    if let Err(error) = references(url) {
        assert_words(&error);
    }
    if let Ok(resolved) = resolve(url, |_| Ok(SECRET.to_owned())) {
        match Sink::parse(&resolved) {
            Ok(sink) => sends(&sink, words),
            Err(error) => {
                assert_words(&error);
                assert!(url.contains(SECRET) || !error.contains(SECRET), "{error}");
            }
        }
    }
    match Sink::parse(url) {
        Ok(sink) => assert_plain(&sink.masked()),
        Err(error) => assert_words(&error),
    }
}

fn sends(sink: &Sink, words: &str) {
    assert_plain(&sink.masked());
    let letters = [letter(words, Kind::Opened, 1), letter(words, Kind::Closed, 2)];
    let mut parcels: Vec<_> = letters.iter().map(|letter| pack(sink, letter)).collect();
    if sink.is_chat() {
        let other = Letter { incident: "other".to_owned(), ..letters[0].clone() };
        parcels.push(roll_up(sink, &[&letters[1], &other]));
    }
    let known = !matches!(sink, Sink::Unresolved { .. });
    assert!(parcels.iter().all(|parcel| parcel.is_ok() == known), "{sink:?}");
    parcels.iter().flatten().for_each(|parcel| takes(sink, parcel));
}

/// What any receiver asks for, and the limits of some.
fn takes(sink: &Sink, parcel: &Parcel) {
    match parcel {
        Parcel::Post { url, headers, body } => {
            assert_plain(url);
            for (_, value) in headers {
                assert_plain(value);
            }
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            let length = |text: &serde_json::Value| text.as_str().unwrap().encode_utf16().count();
            match sink {
                Sink::Discord { .. } => {
                    let embed = &body["embeds"][0];
                    assert!(length(&embed["description"]) <= discord::DESCRIPTION_MAX);
                    assert!((1..=discord::TITLE_MAX).contains(&length(&embed["title"])));
                }
                Sink::Ntfy { .. } => {
                    assert!(body["message"].as_str().unwrap().len() <= ntfy::MESSAGE_MAX);
                }
                _ => {}
            }
        }
        Parcel::Mail(mail) => {
            assert_plain(&mail.subject);
            assert!(!mail.subject.contains('\t') && mail.message_id.is_ascii());
        }
        Parcel::Exec { stdin, .. } => assert!(stdin.ends_with("}\n")),
    }
}

fn letter(words: &str, kind: Kind, number: u32) -> Letter {
    let words: String = words.chars().take(LETTER_MAX).collect();
    Letter {
        v: VERSION,
        id: words.clone(),
        incident: words.clone(),
        number,
        kind,
        severity: Severity::Critical,
        cause: "failing".to_owned(),
        group: Some(words.clone()),
        agent: words.clone(),
        host: words.clone(),
        at: i64::try_from(words.len()).unwrap() << 32,
        offset: 0,
        since: 0,
        not_before: None,
        headline: words.clone(),
        lines: words.lines().map(str::to_owned).collect(),
        output: Some(words.clone()),
        steps: vec![Step { label: words.clone(), command: words.clone() }],
        runbook: Some(words),
        report: None,
    }
}
