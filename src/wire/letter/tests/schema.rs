//! What the services document about their messages, written down anew and held against every parcel.

use serde_json::Value;

use super::super::{discord, mail, ntfy, pagerduty, slack, telegram};
use super::{cases, sinks};
use crate::wire::letter::Letter;
use crate::wire::parcel::{Mail, Parcel};

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {value}"))
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn only(value: &Value, keys: &[&str]) {
    for key in value.as_object().unwrap().keys() {
        assert!(keys.contains(&key.as_str()), "{key} in {value}");
    }
}

/// Nothing that obeys, turns or hides, except the line end, the tab, and what a fence needs.
fn is_clean(text: &str) {
    let bad = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    assert!(!text.contains(bad), "{text:?}");
}

fn all_texts(value: &Value, with: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => with(text),
        Value::Array(list) => list.iter().for_each(|value| all_texts(value, with)),
        Value::Object(map) => map.values().for_each(|value| all_texts(value, with)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// <https://docs.slack.dev/reference/block-kit/blocks>: at most 50 blocks; a header is plain text of at most
/// 150 characters; rich text is made of sections and preformatted parts; a context has 1 to 10 elements.
/// <https://docs.slack.dev/reference/methods/chat.postMessage>: text of at most 40,000 characters.
fn is_slack(body: &Value, bot: bool) {
    only(body, &["text", "blocks", "unfurl_links", "unfurl_media", "channel"]);
    assert_eq!(body.get("channel").is_some(), bot);
    let words = text(body, "text");
    assert!(!words.is_empty() && !words.contains(['<', '>']) && words.len() < 4000, "{words}");
    let blocks = body["blocks"].as_array().unwrap();
    assert!((2..=50).contains(&blocks.len()));
    let mut all = 0;
    for block in blocks {
        only(block, &["type", "text", "elements"]);
        let mut length = 0;
        all_texts(block, &mut |text| length += units(text));
        assert!(length <= slack::BLOCK_MAX + 500, "{length}: {block}");
        all += length;
        match text(block, "type") {
            "header" => {
                assert_eq!(text(&block["text"], "type"), "plain_text");
                let length = units(text(&block["text"], "text"));
                assert!((1..=slack::HEADER_MAX).contains(&length));
            }
            "context" => assert_eq!(text(&block["elements"][0], "type"), "plain_text"),
            "rich_text" => {
                for part in block["elements"].as_array().unwrap() {
                    let kind = text(part, "type");
                    assert!(["rich_text_section", "rich_text_preformatted"].contains(&kind));
                    let elements = part["elements"].as_array().unwrap();
                    assert!(!elements.is_empty());
                    for element in elements {
                        only(element, &["type", "text", "style", "url"]);
                        assert!(["text", "link"].contains(&text(element, "type")));
                        assert!(!text(element, "text").is_empty(), "{part}");
                    }
                }
            }
            other => panic!("a block of type {other}"),
        }
    }
    // More than that is refused as "msg_blocks_too_long".
    assert!(all <= 12_000, "{all}");
}

/// <https://discord.com/developers/docs/resources/webhook#execute-webhook>, and the limits of embeds. What is
/// fenced is closed, and no fence is opened by what is in it.
fn is_discord(body: &Value) {
    only(body, &["embeds", "allowed_mentions"]);
    assert_eq!(body["allowed_mentions"], serde_json::json!({"parse": []}));
    let [embed] = body["embeds"].as_array().unwrap().as_slice() else { panic!("one embed") };
    only(embed, &["title", "description", "color", "footer"]);
    let (title, words) = (text(embed, "title"), text(embed, "description"));
    let footer = text(&embed["footer"], "text");
    assert!((1..=discord::TITLE_MAX).contains(&units(title)), "{}", units(title));
    assert!((1..=discord::DESCRIPTION_MAX).contains(&units(words)), "{}", units(words));
    assert!(units(footer) <= 2048 && units(title) + units(words) + units(footer) <= 6000);
    assert!(embed["color"].as_u64().unwrap() <= 0xff_ffff);
    let fences = words.replace("\\`", "").matches("```").count();
    assert!(fences.is_multiple_of(2), "{fences}: {words}");
    // Outside of code every character of Markdown has a backslash, but for our own.
    let outside: String = words.split("```").step_by(2).collect();
    assert!(!outside.replace("\\<", "").contains('<'), "{outside}");
    assert!(!outside.replace("\\|", "").contains('|'), "{outside}");
}

/// <https://core.telegram.org/bots/api#html-style>: a few tags, all closed in order, four named entities;
/// 1 to 4096 characters without them.
fn is_telegram(body: &Value) {
    only(
        body,
        &[
            "chat_id",
            "message_thread_id",
            "text",
            "parse_mode",
            "link_preview_options",
            "disable_notification",
        ],
    );
    assert_eq!(text(body, "parse_mode"), "HTML");
    assert!(body["chat_id"].is_i64() && body["message_thread_id"].is_i64());
    assert_eq!(body["link_preview_options"]["is_disabled"], true);
    let length = units(&parsed(text(body, "text"), &["b", "i", "pre", "code", "a"]));
    assert!((1..=telegram::TEXT_MAX).contains(&length), "{length}");
}

/// The text of HTML whose tags are only these, each closed in order.
fn parsed(html: &str, tags: &[&str]) -> String {
    let mut words = String::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find(['<', '>', '&']) {
        words.push_str(&rest[..at]);
        if rest[at..].starts_with('&') {
            let (name, behind) = rest[at + 1..].split_once(';').unwrap();
            words.push(match name {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                "#39" => '\'',
                other => panic!("&{other};"),
            });
            rest = behind;
            continue;
        }
        let (tag, behind) = rest[at..].strip_prefix('<').unwrap().split_once('>').unwrap();
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            let name = tag.split(' ').next().unwrap();
            assert!(tags.contains(&name), "<{tag}>");
            open.push(name);
        }
        rest = behind;
    }
    assert!(open.is_empty(), "{open:?}");
    words + rest
}

/// <https://docs.ntfy.sh/publish/#publish-as-json>: a topic, a message of 4096 bytes, a priority of 1 to 5, at most
/// three actions. The server reads 8192 bytes of JSON.
fn is_ntfy(body: &Value) {
    only(body, &["topic", "title", "message", "priority", "tags", "actions"]);
    assert_eq!(text(body, "topic"), "agents");
    let message = text(body, "message");
    assert!((1..=ntfy::MESSAGE_MAX).contains(&message.len()), "{}", message.len());
    assert!((1..=5).contains(&body["priority"].as_u64().unwrap()));
    assert!(!text(body, "title").contains('\n') && text(body, "title").len() < 500);
    assert!(body.to_string().len() <= 2 * ntfy::MESSAGE_MAX);
    for action in body["actions"].as_array().into_iter().flatten() {
        assert_eq!(text(action, "action"), "view");
        assert!(text(action, "url").starts_with("https://"));
    }
}

/// <https://developer.pagerduty.com/docs/send-alert-event>: key, action, a deduplication key of 255
/// characters; to trigger: summary of 1024, source, severity; links with `href`; 512 kB.
fn is_pagerduty(body: &Value) {
    only(body, &["routing_key", "event_action", "dedup_key", "client", "payload", "links"]);
    assert_eq!(text(body, "routing_key").len(), 32);
    assert!((1..=pagerduty::KEY_MAX).contains(&text(body, "dedup_key").chars().count()));
    assert!(body.to_string().len() <= 512_000);
    match text(body, "event_action") {
        "trigger" => {
            let payload = &body["payload"];
            let severities = ["critical", "error", "warning", "info"];
            assert!(severities.contains(&text(payload, "severity")));
            let length = text(payload, "summary").chars().count();
            assert!((1..=pagerduty::SUMMARY_MAX).contains(&length));
            assert!(!text(payload, "source").is_empty() && payload["custom_details"].is_object());
            assert!(text(payload, "timestamp").ends_with('Z'));
        }
        "acknowledge" | "resolve" => assert!(body.get("payload").is_none()),
        other => panic!("{other}"),
    }
}

/// RFC 5322: an id in angle brackets, headers of one line; HTML that closes what it opens and loads nothing.
fn is_mail(found: &Mail) {
    assert!(units(&found.subject) <= mail::SUBJECT_MAX && !found.subject.contains(['\r', '\n']));
    for id in [Some(&found.message_id), found.reply_to.as_ref()].into_iter().flatten() {
        let inside = id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap();
        let (left, right) = inside.split_once('@').unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        assert!(left.chars().chain(right.chars()).all(plain) && id.len() < 160, "{id}");
    }
    assert_ne!(Some(&found.message_id), found.reply_to.as_ref());
    for (name, value) in &found.headers {
        assert!(name.is_ascii() && value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    }
    is_clean(&found.text);
    is_clean(&found.html);
    let (_, body) = found.html.split_once("</head>\n").unwrap();
    let body = body.strip_suffix("</html>\n").unwrap();
    parsed(body, &["body", "div", "span", "h1", "p", "strong", "pre", "a"]);
    for word in ["<img", "url(", "src=", "@import"] {
        assert!(!found.html.contains(word), "{word}");
    }
}

#[test]
fn every_parcel_is_what_its_service_documents() {
    for (name, sink) in sinks() {
        for (case, parcel) in cases(&sink) {
            let check = || match &parcel {
                Parcel::Mail(mail) => is_mail(mail),
                Parcel::Exec { stdin, .. } => {
                    assert_eq!(stdin.matches('\n').count(), 1);
                    assert!(serde_json::from_str::<Letter>(stdin).is_ok());
                }
                Parcel::Post { headers, body, url } => {
                    assert!(url.starts_with("https://") && !url.contains("s3cret"), "{url}");
                    for (name, value) in headers {
                        let graphic = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
                        assert!(graphic && name.is_ascii(), "{name}: {value}");
                    }
                    let value: Value = serde_json::from_str(body).unwrap();
                    if name != "webhook" && name != "pagerduty" {
                        all_texts(&value, &mut |text| is_clean(text));
                    }
                    match name {
                        "slack" | "slackbot" => is_slack(&value, name == "slackbot"),
                        "discord" => is_discord(&value),
                        "telegram" => is_telegram(&value),
                        "ntfy" => is_ntfy(&value),
                        "pagerduty" => is_pagerduty(&value),
                        "webhook" => {
                            let letter: Letter = serde_json::from_str(body).unwrap();
                            assert_eq!(letter.v, crate::wire::letter::VERSION);
                            is_clean(text(&value, "title"));
                            is_clean(text(&value, "text"));
                        }
                        other => panic!("{other}"),
                    }
                }
            };
            let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
            assert!(checked.is_ok(), "{name}, {case}");
        }
    }
}
