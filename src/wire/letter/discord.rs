//! Messages for Discord: an embed, whose text is Markdown.
//!
//! Limits: title 256, description 4096, footer 2048, 6000 in all
//! (<https://discord.com/developers/docs/resources/message#embed-object-embed-limits>).

use serde_json::{Value, json};

use super::cut::{cut_line, units};
use super::sheet::{Sheet, is_link};

/// The longest title, as it is sent.
pub const TITLE_MAX: usize = 256;
/// The longest description, as it is sent.
pub const DESCRIPTION_MAX: usize = 4096;
/// Output that a channel can bear: two screens of a phone.
const OUTPUT_MAX: usize = 2000;

/// What `Execute Webhook` takes. Nobody is mentioned, whatever the output says.
#[must_use]
pub fn message(sheet: &Sheet) -> Value {
    let title = cut_line(&sheet.title, TITLE_MAX - 4, escaped_cost);
    let title = sheet.mark.before(&escape(&title));
    json!({
        "embeds": [{
            "title": title,
            "description": description(sheet),
            "color": sheet.mark.colour(),
            "footer": {"text": sheet.footer},
        }],
        "allowed_mentions": {"parse": []},
    })
}

fn description(sheet: &Sheet) -> String {
    // Fences, the heading of the runbook and its address twice.
    let runbook = sheet.runbook.as_deref().map_or(0, |text| 2 * text.chars().count() + 40);
    let max = DESCRIPTION_MAX.saturating_sub(200 + runbook);
    let sheet = sheet.fit(max, OUTPUT_MAX, escaped_cost, fenced_cost);
    let mut parts = Vec::new();
    let line = |line: &super::sheet::Line| {
        let label = if line.label.is_empty() { String::new() } else { bold(&line.label) };
        let words = escape(&line.words);
        let parts = [line.sign.unwrap_or_default(), &label, &words];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    parts.push(sheet.lines.iter().map(line).collect::<Vec<_>>().join("\n"));
    parts.extend(sheet.output.as_deref().map(fence));
    let step = |step: &super::Step| {
        let label = bold(&format!("{}:", step.label));
        if step.command.contains(['\n', '`']) {
            format!("{label}\n{}", fence(&step.command))
        } else {
            format!("{label} `{}`", step.command)
        }
    };
    // What the fence would change is no longer the command.
    let steps = sheet.steps.iter().filter(|step| !step.command.contains("```"));
    parts.push(steps.map(step).collect::<Vec<_>>().join("\n"));
    parts.extend(sheet.runbook.as_deref().map(|runbook| {
        // A parenthesis would end the address.
        if is_link(runbook) && !runbook.contains(['(', ')']) {
            format!("[Runbook]({runbook})")
        } else {
            escape(runbook)
        }
    }));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn bold(text: &str) -> String {
    format!("**{}**", escape(text))
}

/// A character that Markdown could take for its own.
fn is_markup(c: char) -> bool {
    matches!(
        c,
        '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '#' | '[' | ']' | '(' | ')' | ':' | '-'
    )
}

/// Words as words: Discord takes a backslash before any character that is no letter, digit or space. What
/// follows a letter or digit and precedes a space begins nothing and stays readable.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut last = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let harmless = match c {
            ':' => chars.peek() != Some(&'/'),
            '-' => last != ' ',
            '(' | ')' => last != ']',
            c => !is_markup(c),
        };
        if !harmless {
            escaped.push('\\');
        }
        escaped.push(c);
        last = c;
    }
    escaped
}

fn escaped_cost(c: char) -> usize {
    units(c) + usize::from(is_markup(c))
}

/// A block of code, whatever is in it: a third backtick in a row would end it.
fn fence(code: &str) -> String {
    let mut inside = String::with_capacity(code.len());
    let mut ticks = 0;
    for c in code.chars() {
        ticks = if c == '`' { ticks + 1 } else { 0 };
        if ticks == 3 {
            inside.push('\u{200b}');
            ticks = 1;
        }
        inside.push(c);
    }
    format!("```\n{inside}\n```")
}

fn fenced_cost(c: char) -> usize {
    units(c) + usize::from(c == '`')
}
