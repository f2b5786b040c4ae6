//! Messages for Telegram: `sendMessage` with its HTML, where three characters need an escape.
//!
//! Limits: 4096 characters after entities are parsed (<https://core.telegram.org/bots/api#sendmessage>,
//! <https://core.telegram.org/bots/api#html-style>).

use serde_json::{Value, json};

use super::cut::{cut_line, units};
use super::sheet::{Line, Sheet, is_link};
use super::title::Mark;
use crate::core::fact::Severity;

/// The longest text, in UTF-16 units, without its tags.
pub const TEXT_MAX: usize = 4096;
/// Output that a chat can bear: two screens of a phone.
const OUTPUT_MAX: usize = 2000;

/// What `sendMessage` takes.
#[must_use]
pub fn message(sheet: &Sheet, chat: &str, topic: Option<&str>) -> Value {
    let chat_id = chat.parse::<i64>().map_or_else(|_| json!(chat), |id| json!(id));
    let mut message = json!({
        "chat_id": chat_id,
        "text": text(sheet),
        "parse_mode": "HTML",
        "link_preview_options": {"is_disabled": true},
        // What can wait rings no phone.
        "disable_notification": matches!(sheet.mark, Mark::Info | Mark::Seen | Mark::Report(Severity::Info)),
    });
    if let (Some(map), Some(topic)) = (message.as_object_mut(), topic) {
        let id = topic.parse::<i64>().map_or_else(|_| json!(topic), |id| json!(id));
        map.insert("message_thread_id".to_owned(), id);
    }
    message
}

fn text(sheet: &Sheet) -> String {
    let title = cut_line(&sheet.title, 400, units);
    let runbook = sheet.runbook.as_deref().map_or(0, |text| text.chars().count() + 20);
    // The title, the footer and the lines between the parts.
    let sheet = sheet.fit(TEXT_MAX.saturating_sub(600 + runbook), OUTPUT_MAX, units, units);
    let mut parts = vec![sheet.mark.before(&format!("<b>{}</b>", escape(&title)))];
    parts.push(sheet.lines.iter().map(line).collect::<Vec<_>>().join("\n"));
    parts.extend(sheet.output.as_deref().map(pre));
    let step = |step: &super::Step| {
        let label = format!("<b>{}:</b>", escape(&step.label));
        if step.command.contains('\n') {
            format!("{label}\n{}", pre(&step.command))
        } else {
            // A touch copies it.
            format!("{label} <code>{}</code>", escape(&step.command))
        }
    };
    parts.push(sheet.steps.iter().map(step).collect::<Vec<_>>().join("\n"));
    parts.extend(sheet.runbook.as_deref().map(|runbook| {
        if is_link(runbook) {
            format!("<a href=\"{}\">Runbook</a>", escape(runbook))
        } else {
            escape(runbook)
        }
    }));
    parts.push(format!("<i>{}</i>", escape(&sheet.footer)));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn line(line: &Line) -> String {
    let label = match line.label.as_str() {
        "" => String::new(),
        label => format!("<b>{}</b>", escape(label)),
    };
    let words = escape(&line.words);
    let parts = [line.sign.unwrap_or_default(), &label, &words];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn pre(code: &str) -> String {
    format!("<pre>{}</pre>", escape(code))
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}
