//! What people and machines get, against `tests/golden/letters/`, and against what the services document.
//!
//! After a decision to change it: `AGENTWATCH_BLESS=1 cargo test --lib letters_as_people`, then look at the diff.

mod schema;

use super::pack::{pack, roll_up};
use super::*;
use crate::wire::parcel::Parcel;
use crate::wire::sink::Sink;

/// A sink of each kind.
pub fn sinks() -> Vec<(&'static str, Sink)> {
    let urls = [
        ("exec", "exec:notify --from agentwatch"),
        ("webhook", "https://ann:s3cret@example.org/hook?x=1"),
        ("slack", "slack:T012/B034/XXXXSECRET"),
        ("slackbot", "slack:xoxb-SECRET@C012"),
        ("discord", "discord:123456/SECRETTOKEN"),
        ("telegram", "telegram:123456:ABC-SECRET/-100200300/7"),
        ("pagerduty", "pagerduty:0123456789abcdef0123456789abcdef"),
        ("ntfy", "ntfy:ann:s3cret@ntfy.example.org/agents"),
        (
            "mail",
            "mailto:ann@example.org?smtp=smtps://u:s3cret@mail.example.org&from=aw@example.org",
        ),
    ];
    urls.into_iter().map(|(name, url)| (name, Sink::parse(url).unwrap())).collect()
}

/// The parcels of every case for a sink.
pub fn cases(sink: &Sink) -> Vec<(&'static str, Parcel)> {
    let letters = [
        ("opened", sample::letter()),
        ("reminder", sample::reminder()),
        ("acknowledged", sample::acknowledged()),
        ("recovered", sample::recovered()),
        ("hostile", sample::hostile()),
    ];
    let mut all: Vec<_> =
        letters.iter().map(|(case, letter)| (*case, pack(sink, letter).unwrap())).collect();
    if !sink.is_pager() {
        let report = sample::report();
        let head = "<!doctype html>\n<html><head><title>vps2</title></head>\n";
        let page = format!("{head}<body><p>all of it</p></body></html>\n");
        let whole = report::Whole { html: page.clone(), text: "all of it, as text\n".to_owned() };
        all.push(("report", report::parcel(sink, &report, Some(whole)).unwrap()));
    }
    if sink.is_chat() {
        let storm = sample::storm();
        let letters: Vec<_> = storm.iter().collect();
        all.push(("rollup", roll_up(sink, &letters).unwrap()));
        let mut hostile = vec![sample::hostile(); 50];
        for (at, letter) in hostile.iter_mut().enumerate() {
            letter.incident = at.to_string();
            letter.agent = format!("{at}{}", letter.agent);
        }
        let letters: Vec<_> = hostile.iter().collect();
        all.push(("hostile_rollup", roll_up(sink, &letters).unwrap()));
    }
    all
}

/// A parcel as people can read it in a diff.
fn shown(parcel: &Parcel) -> String {
    let pretty = |json: &str| {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    };
    let header = |(name, value): &(&str, String)| format!("{name}: {value}\n");
    match parcel {
        Parcel::Post { url, headers, body } => {
            let headers: String = headers.iter().map(header).collect();
            format!("POST {url}\n{headers}\n{}\n", pretty(body))
        }
        Parcel::Exec { command, stdin } => format!("{command}\n\n{}\n", pretty(stdin)),
        Parcel::Mail(mail) => {
            let headers: String = mail.headers.iter().map(header).collect();
            format!(
                "SMTP: {}\nFrom: {}\nTo: {}\nSubject: {}\nDate: {}\nMessage-ID: {}\nIn-Reply-To: {}\n{headers}\n{}\n{}",
                mail.smtp.as_deref().unwrap_or("-"),
                mail.from.as_deref().unwrap_or("-"),
                mail.to,
                mail.subject,
                mail.date,
                mail.message_id,
                mail.reply_to.as_deref().unwrap_or("-"),
                mail.text,
                mail.html
            ) + &mail
                .attached
                .as_ref()
                .map_or(String::new(), |file| format!("\n{}:\n{}", file.name, file.html))
        }
    }
}

#[test]
fn letters_as_people_get_them() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/letters");
    let bless = std::env::var_os("AGENTWATCH_BLESS").is_some();
    for (name, sink) in sinks() {
        for (case, parcel) in cases(&sink) {
            // As long as they are, these are for `schema` alone; what programs get is checked there too.
            let raw = matches!(sink, Sink::Exec { .. } | Sink::Webhook { .. });
            if case == "hostile_rollup" || (raw && case == "hostile") {
                continue;
            }
            let path = format!("{folder}/{name}.{case}.txt");
            let shown = shown(&parcel);
            if bless {
                std::fs::create_dir_all(folder).unwrap();
                std::fs::write(&path, shown).unwrap();
            } else {
                assert_eq!(shown, std::fs::read_to_string(&path).unwrap(), "{path}");
            }
        }
    }
}

#[test]
fn a_page_that_mail_providers_would_cut_is_attached_and_the_short_form_stands_in_its_place() {
    let (_, sink) = sinks().into_iter().find(|(name, _)| *name == "mail").unwrap();
    let letter = sample::report();
    let html = "x".repeat(report::BODY_MAX + 1);
    let whole = report::Whole { html: html.clone(), text: "all".to_owned() };
    let Parcel::Mail(mail) = report::parcel(&sink, &letter, Some(whole)).unwrap() else {
        panic!("no mail")
    };
    assert_eq!(mail.subject, "vps2: 6 fine, trader needs you");
    assert_eq!(mail.text, "all");
    assert!(mail.html.contains("needs you") && mail.html.len() < 20_000, "{}", mail.html);
    let attached = mail.attached.unwrap();
    assert_eq!((attached.name.as_str(), attached.html), ("agentwatch-2026-11-22.html", html));
    // What was kept is gone: the short form says enough.
    let Parcel::Mail(mail) = report::parcel(&sink, &letter, None).unwrap() else {
        panic!("no mail")
    };
    assert!(mail.attached.is_none() && mail.text.contains("agentwatch resume trader"));
    let (_, pager) = sinks().into_iter().find(|(name, _)| *name == "pagerduty").unwrap();
    assert!(report::parcel(&pager, &letter, None).is_err());
}
