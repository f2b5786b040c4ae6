//! What is a sink, what is none, and what nobody may see of one.

use super::forms::PAGERDUTY_EU;
use super::*;

fn parse(text: &str) -> Sink {
    Sink::parse(text).unwrap_or_else(|words| panic!("{text}: {words}"))
}

#[test]
fn each_form_is_understood() {
    let hook = "https://hooks.slack.com/services/T0/B0/x9";
    assert_eq!(parse("slack:T0/B0/x9"), Sink::SlackHook { url: hook.into() });
    assert_eq!(parse(hook), parse("slack:T0/B0/x9"));
    assert_eq!(parse(&format!("slack:{hook}")), parse("slack:T0/B0/x9"));
    let bot = parse("slack:xoxb-1-a@#ops");
    assert!(matches!(&bot, Sink::SlackBot { channel, .. } if channel == "#ops"));
    assert_eq!(parse("discord:12/ab"), parse("https://discord.com/api/webhooks/12/ab"));
    let chat = parse("telegram:12:AB-c/-100/7?api=http://127.0.0.1:1");
    let Sink::Telegram { token, chat, topic, api } = chat else { panic!("no chat") };
    assert_eq!((token.as_str(), chat.as_str(), topic.as_deref()), ("12:AB-c", "-100", Some("7")));
    assert_eq!(api, "http://127.0.0.1:1");
    let key = "0123456789abcdef0123456789abcdef";
    let pager = parse(&format!("pagerduty:{key}?region=eu"));
    assert!(pager.is_pager());
    assert_eq!(pager, Sink::PagerDuty { key: key.into(), api: PAGERDUTY_EU.into() });
    let topic = Sink::Ntfy { server: NTFY.into(), topic: "my-topic".into(), auth: None };
    assert_eq!(parse("ntfy:my-topic"), topic);
    let own = parse("ntfy:http://u:p@127.0.0.1:80/t");
    let auth = Some("u:p".into());
    let server = "http://127.0.0.1:80".into();
    assert_eq!(own, Sink::Ntfy { server, topic: "t".into(), auth });
    let mail = parse("mailto:a@b.org?smtp=smtps://u:p@h:465&from=c@d.org");
    assert!(matches!(&mail, Sink::Mail { smtp: Some(smtp), .. } if smtp == "smtps://u:p@h:465"));
    assert_eq!(parse("exec:./page --now"), Sink::Exec { command: "./page --now".into() });
    for web in [
        "http://127.0.0.1:1/x",
        "http://[::1]/x",
        "http://[::1]:80",
        "https://hooks.slack.com/triggers/E/1/a",
    ] {
        assert!(matches!(parse(web), Sink::Webhook { .. }), "{web}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would_be_right() {
    for (text, words) in [
        ("", "is no sink"),
        ("my-topic", "is no sink"),
        ("slak:T0/B0/x", "did you mean slack:?"),
        ("Slack:T0/B0/x", "did you mean slack:?"),
        ("htps://example.org", "did you mean https:?"),
        ("exec:", "write exec:COMMAND"),
        ("exec: ", "write exec:COMMAND"),
        ("https://", "write https://HOST/PATH"),
        ("https:///x", "write https://HOST/PATH"),
        ("https://a b/", "write https://HOST/PATH"),
        ("https://a.org:99999/x", "write https://HOST/PATH"),
        ("https://a.org:/x", "write https://HOST/PATH"),
        ("https://:80/x", "write https://HOST/PATH"),
        ("ntfy:https://a.org:x/topic", "write ntfy:TOPIC"),
        ("https://hooks.slack.com/services/T0/B0", "write slack:T"),
        ("https://discord.com/api/webhooks/12/", "write discord:ID/TOKEN"),
        ("loud@ntfy:topic", "begins with loud@; write critical@"),
        ("slack:T0/B0", "write slack:T"),
        ("slack:xoxb-1@", "write slack:T"),
        ("discord:ab/cd", "write discord:ID/TOKEN"),
        ("telegram:12/34", "write telegram:BOT_TOKEN"),
        ("telegram:12:ab/chat", "a chat is a number, as getUpdates shows it"),
        ("https://[::1/x", "write https://HOST/PATH"),
        ("https://[]/x", "write https://HOST/PATH"),
        ("https://::1]/x", "write https://HOST/PATH"),
        (
            "mailto:a@b.org?smtp=smtp://h&frm=c@d",
            "has an option frm that is none; there is smtp, from",
        ),
        ("telegram:12:ab/-1?chat=5", "has an option chat that is none"),
        ("telegram:12:ab/1/2/3", "write telegram:BOT_TOKEN"),
        ("pagerduty:short", "32 letters and digits"),
        ("pagerduty:0123456789abcdef0123456789abcdef?region=mars", "32 letters"),
        ("ntfy:a b", "write ntfy:TOPIC"),
        ("mailto:nobody", "write mailto:YOU@"),
        ("mailto:a@b.org?smtp=pop3://x", "write mailto:YOU@"),
        ("mailto:a@b,c@d", "write mailto:YOU@"),
        ("slack:${", "${ without }"),
        ("slack:${A-B}", "no name"),
        ("slack:file:", "file: without a name"),
        ("cred:a/b", "cred: without a name"),
        ("https://x.org/\n", "control character"),
    ] {
        let refused = Sink::parse(text).unwrap_err();
        assert!(refused.contains(words), "{text}: {refused}");
    }
}

#[test]
fn nothing_secret_is_shown() {
    for (text, secret) in [
        ("slack:T0/B0/s3cret99", "s3cret99"),
        ("slack:xoxb-s3cret99@#ops", "s3cret99"),
        ("discord:12/s3cret99", "s3cret99"),
        ("telegram:12:s3cret99/-100", "s3cret99"),
        ("pagerduty:s3cret99s3cret99s3cret99s3cret99", "s3cret99"),
        ("ntfy:s3cret99", "s3cret99"),
        ("ntfy:https://user:s3cret99@ntfy.example.org/t", "s3cret99"),
        ("https://user:s3cret99@example.org/x", "s3cret99"),
        ("https://example.org/hook/s3cret99?k=s3cret99", "s3cret99"),
        ("mailto:a@b.org?smtp=smtp://u:s3cret99@h", "s3cret99"),
        ("exec:page --key s3cret99", "s3cret99"),
        ("exec:KEY=s3cret99 page", "s3cret99"),
    ] {
        let sink = parse(text);
        assert!(!sink.masked().contains(secret), "{}", sink.masked());
        if !matches!(sink, Sink::Exec { .. }) {
            let secrets = sink.secrets();
            assert!(secrets.iter().any(|known| known.contains(secret)), "{text}: {secrets:?}");
        }
    }
    assert_eq!(parse("https://u:p@example.org:8443/x?y").masked(), "https://example.org:8443/…");
    for hostile in ["slak:s3cret99", "slack:s3cret99", "pagerduty:s3cret99", "discord:s3cret99"] {
        assert!(!Sink::parse(hostile).unwrap_err().contains("s3cret99"));
    }
}

#[test]
fn sinks_of_one_name_are_told_apart() {
    let urls =
        ["https://a.org/x", "ntfy:t", "https://a.org/y", "https://b.org/x", "https://a.org/z"];
    let sinks: Vec<Sink> = urls.into_iter().map(parse).collect();
    let names = told_apart(sinks.iter().map(Some).chain([None]));
    let want = [
        "https://a.org/…",
        "ntfy",
        "https://a.org/… (2)",
        "https://b.org/…",
        "https://a.org/… (3)",
        "a sink",
    ];
    assert_eq!(names, want);
}

#[test]
fn secrets_are_named_and_filled_in() {
    let look_up = |reference: Reference<'_>| match reference {
        Reference::Variable("A") => Ok("T0/B0".to_owned()),
        Reference::Variable("B") => Ok("x9".to_owned()),
        Reference::File("/run/s") => Ok("T0/B0/x9\n".to_owned()),
        Reference::Credential("c") => Ok("ntfy:my-topic".to_owned()),
        other => Err(format!("{other:?} is missing")),
    };
    for (text, full) in [
        ("slack:${A}/${B}", "slack:T0/B0/x9"),
        ("slack:file:/run/s", "slack:T0/B0/x9"),
        ("cred:c", "ntfy:my-topic"),
        ("ntfy:plain", "ntfy:plain"),
        ("exec:echo ${HOME}", "exec:echo ${HOME}"),
    ] {
        assert_eq!(resolve(text, look_up).as_deref(), Ok(full), "{text}");
    }
    assert!(resolve("slack:${C}", look_up).unwrap_err().contains('C'));
    assert_eq!(parse("slack:${A}"), Sink::Unresolved { scheme: Some("slack") });
    assert_eq!(parse("${A}"), Sink::Unresolved { scheme: None });
}

#[test]
fn the_address_of_a_service_is_that_service() {
    let bot = "https://api.telegram.org/bot123:ABC/sendMessage";
    assert_eq!(parse(&format!("{bot}?chat_id=-100")), parse("telegram:123:ABC/-100"));
    let topic = format!("{bot}?text=x&chat_id=@ops&message_thread_id=7");
    assert_eq!(parse(&topic), parse("telegram:123:ABC/@ops/7"));
    assert_eq!(parse("https://hooks.slack.com/services/T0/B0/x9"), parse("slack:T0/B0/x9"));
    assert_eq!(parse("https://discord.com/api/webhooks/1/x"), parse("discord:1/x"));
    assert_eq!(parse("https://ntfy.sh/mytopic"), parse("ntfy:mytopic"));
    assert!(matches!(parse("https://ntfy.sh/mytopic/trigger"), Sink::Webhook { .. }));
    let error = Sink::parse(bot).unwrap_err();
    assert!(!error.contains("ABC") && error.contains("telegram:"), "{error}");
}
