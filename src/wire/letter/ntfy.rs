//! Messages for ntfy, published as JSON to the server's root, so that titles may hold any characters.
//!
//! Limits: a message of 4096 bytes, beyond which it becomes an attachment; at most 3 actions
//! (<https://docs.ntfy.sh/publish/#publish-as-json>, <https://docs.ntfy.sh/publish/#limitations>). The server
//! reads twice the message's size of JSON, so bytes are counted as they stand there.

use serde_json::{Value, json};

use super::cut::{cut_line, json_bytes};
use super::sheet::{Sheet, is_link};
use super::text::text;
use super::title::Mark;
use crate::core::fact::Severity;

/// The longest message, in bytes.
pub const MESSAGE_MAX: usize = 4096;
/// Output that a notification can bear.
const OUTPUT_MAX: usize = 1200;
/// The longest title, in bytes.
const TITLE_MAX: usize = 400;

/// What the root of a server takes.
#[must_use]
pub fn message(sheet: &Sheet, topic: &str) -> Value {
    let (priority, tag) = match sheet.mark {
        Mark::Critical => (5, Some("red_circle")),
        Mark::Warning => (4, Some("orange_circle")),
        Mark::Info => (2, Some("blue_circle")),
        Mark::Seen => (2, Some("eyes")),
        Mark::Good => (3, Some("white_check_mark")),
        Mark::Test => (3, Some("test_tube")),
        // Of a morning on which all is well no phone makes a sound.
        Mark::Report(Severity::Info) => (2, None),
        Mark::Report(Severity::Warning | Severity::Critical) => (3, None),
    };
    let link = sheet.runbook.as_deref().filter(|url| is_link(url));
    // The link is a button, and the footer follows the text.
    let runbook = sheet.runbook.clone().filter(|text| !is_link(text));
    let spent = sheet.footer.len() + runbook.as_deref().map_or(0, str::len) + 200;
    let room = MESSAGE_MAX.saturating_sub(spent);
    let fitted = Sheet { runbook, ..sheet.fit(room, OUTPUT_MAX, json_bytes, json_bytes) };
    let mut message = json!({
        "topic": topic,
        "title": cut_line(&sheet.title, TITLE_MAX, json_bytes),
        "message": format!("{}\n\n{}", text(&fitted, false), sheet.footer).trim_start(),
        "priority": priority,
        "tags": tag.into_iter().collect::<Vec<_>>(),
    });
    if let (Some(map), Some(url)) = (message.as_object_mut(), link) {
        let view = json!([{"action": "view", "label": "Runbook", "url": url}]);
        map.insert("actions".to_owned(), view);
    }
    message
}
