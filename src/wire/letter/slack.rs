//! Messages for Slack: Block Kit, whose rich text needs no escapes, so that none can be forgotten.
//!
//! Limits: 50 blocks a message, 150 characters a header, 3000 a text
//! (<https://docs.slack.dev/reference/block-kit/blocks>, rich text:
//! <https://docs.slack.dev/reference/block-kit/blocks/rich-text-block>).

use serde_json::{Value, json};

use super::cut::{cut_line, units};
use super::sheet::{Sheet, is_link};

/// The longest header, in characters.
pub const HEADER_MAX: usize = 150;
/// The longest text of one block, in characters.
pub const BLOCK_MAX: usize = 3000;
/// Output that a channel can bear: two screens of a phone.
const OUTPUT_MAX: usize = 2000;

/// What the API of Slack takes, without a channel.
#[must_use]
pub fn message(sheet: &Sheet) -> Value {
    let whole = sheet.headed();
    let header = cut_line(&whole, HEADER_MAX, units);
    let mut blocks = vec![json!({"type": "header", "text": plain(&header)})];
    let mut elements = Vec::new();
    if header != whole {
        elements.push(section(&[styled(&sheet.title, "bold")]));
    }
    let sheet = &sheet.fit(BLOCK_MAX - 200, OUTPUT_MAX, units, units);
    let mut words = Vec::new();
    for line in &sheet.lines {
        if !words.is_empty() {
            words.push(text("\n"));
        }
        words.extend(line.sign.map(|sign| text(&format!("{sign} "))));
        if !line.label.is_empty() {
            words.push(styled(&line.label, "bold"));
            words.push(text(" "));
        }
        words.push(text(&line.words));
    }
    words.retain(|word| word.get("text").and_then(Value::as_str) != Some(""));
    if !words.is_empty() {
        elements.push(section(&words));
    }
    if let Some(output) = &sheet.output {
        elements.push(json!({"type": "rich_text_preformatted", "elements": [text(output)]}));
    }
    if !elements.is_empty() {
        blocks.push(json!({"type": "rich_text", "elements": elements}));
    }
    if let Some(steps) = steps(sheet) {
        blocks.push(steps);
    }
    blocks.push(json!({"type": "context", "elements": [plain(&sheet.footer)]}));
    json!({"text": escape(&whole), "blocks": blocks, "unfurl_links": false, "unfurl_media": false})
}

/// The commands, and where to read on.
fn steps(sheet: &Sheet) -> Option<Value> {
    let mut elements = Vec::new();
    let mut words = Vec::new();
    for step in &sheet.steps {
        words.push(styled(&format!("{}:", step.label), "bold"));
        if step.command.contains('\n') {
            elements.push(section(&std::mem::take(&mut words)));
            elements
                .push(json!({"type": "rich_text_preformatted", "elements": [text(&step.command)]}));
        } else {
            words.extend([text(" "), styled(&step.command, "code"), text("\n")]);
        }
    }
    match &sheet.runbook {
        Some(url) if is_link(url) => {
            words.push(json!({"type": "link", "url": url, "text": "Runbook"}));
        }
        Some(runbook) => words.push(text(runbook)),
        None => {}
    }
    if !words.is_empty() {
        elements.push(section(&words));
    }
    (!elements.is_empty()).then(|| json!({"type": "rich_text", "elements": elements}))
}

/// What Slack asks to be escaped in the text of notifications, where links and mentions are read:
/// <https://docs.slack.dev/messaging/formatting-message-text#escaping>.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn styled(text: &str, style: &str) -> Value {
    json!({"type": "text", "text": text, "style": {style: true}})
}

fn section(elements: &[Value]) -> Value {
    json!({"type": "rich_text_section", "elements": elements})
}
