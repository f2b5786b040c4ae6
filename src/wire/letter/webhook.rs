//! The letter for programs: its own JSON, with its title and its text beside it for what shows them.

use serde::Serialize;

use super::Letter;
use super::sheet::Sheet;
use super::text::text;

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    letter: &'a Letter,
    title: String,
    /// The name under which chats that take webhooks look for words (Mattermost, Rocket.Chat).
    text: String,
}

/// The letter on one line of JSON: its fields, `title` and `text`.
///
/// # Errors
/// None that a letter could cause; the serializer's own.
pub fn body(letter: &Letter) -> Result<String, serde_json::Error> {
    let sheet = Sheet::one(letter);
    let text = text(&sheet, true);
    serde_json::to_string(&Body { letter, title: sheet.title, text })
}
