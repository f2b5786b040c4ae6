//! Mails: the same in text and in HTML, light and dark, without images, and one thread an incident.
//!
//! Threads: RFC 5322, section 3.6.4. Nobody answers a machine: RFC 3834.

use crate::wire::parcel::Mail;
use crate::wire::sink::Sink;

use super::Letter;
use super::cut::{cut_line, units};
use super::sheet::{Line, Sheet, is_link};
use super::text::text;
use super::title::Mark;

/// The longest subject, in UTF-16 units; no line of a header may be longer than 998 bytes, encoded.
pub const SUBJECT_MAX: usize = 200;
/// The longest text of a mail: many providers show 100 kB before they cut.
const TEXT_MAX: usize = 40_000;
/// Output in a mail: all that a letter holds.
const OUTPUT_MAX: usize = 10_240;

/// The longest part of a message's id: with the rest it fits into a line of 78 characters, or nearly.
const ID_MAX: usize = 64;

/// Where in a thread a mail stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Others answer it.
    First,
    /// It answers the first.
    Later,
    /// Of many incidents: there is none that it could answer.
    Alone,
}

/// The letter as a mail to that sink; none if it is another sink.
#[must_use]
pub fn mail(sink: &Sink, sheet: &Sheet, letter: &Letter, id: &str, place: Place) -> Option<Mail> {
    let Sink::Mail { to, from, smtp } = sink else { return None };
    let sheet = sheet.fit(TEXT_MAX, OUTPUT_MAX, units, units);
    let root = message_id(&letter.incident, letter);
    let mut headers = vec![("Auto-Submitted", "auto-generated".to_owned())];
    if sheet.mark == Mark::Critical {
        headers.push(("Importance", "high".to_owned()));
        headers.push(("X-Priority", "1".to_owned()));
    }
    let subject = sheet.headed();
    Some(Mail {
        from: from.clone(),
        to: to.clone(),
        smtp: smtp.clone(),
        subject: cut_line(&subject, SUBJECT_MAX, units).into_owned(),
        text: format!("{}\n\n-- \n{} · agentwatch\n", text(&sheet, true), sheet.footer),
        html: html(&sheet),
        date: letter.at,
        message_id: match place {
            Place::First => root.clone(),
            Place::Later | Place::Alone => message_id(id, letter),
        },
        reply_to: (place == Place::Later).then_some(root),
        headers,
        attached: None,
    })
}

/// `<ID@HOST>` of what RFC 5322 lets stand there.
fn message_id(id: &str, letter: &Letter) -> String {
    let fit = |text: &str| -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        text.chars().map(plain).take(ID_MAX).collect()
    };
    let is_atom = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let exact = !id.is_empty() && id.len() <= ID_MAX && id.chars().all(is_atom);
    let id = if exact { id.to_owned() } else { blake3::hash(id.as_bytes()).to_hex().to_string() };
    let host = Some(fit(&letter.host)).filter(|host| !host.is_empty());
    format!("<{id}@{}.agentwatch>", host.as_deref().unwrap_or("host"))
}

/// What readers with a dark background get; the others find everything inline.
const STYLE: &str = "\
:root{color-scheme:light dark;supported-color-schemes:light dark}\
@media (prefers-color-scheme:dark){\
.page{background:#111317!important}\
.card{background:#1c1f24!important;border-left-color:#343942!important;border-right-color:#343942!important;\
border-bottom-color:#343942!important}\
.ink{color:#e8eaed!important}.soft{color:#9aa3af!important}\
.code{background:#111317!important;color:#d8dce2!important;border-color:#343942!important}\
.link{color:#8ab4f8!important}}\
@media (max-width:480px){.page{padding:0!important}.card{border-radius:0!important;border-left:0!important;\
border-right:0!important}.pad{padding-left:16px!important;padding-right:16px!important}}";

/// Letters of the system, as mail programs find them.
const SANS: &str = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";
/// The same for code.
const MONO: &str =
    "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace";

fn html(sheet: &Sheet) -> String {
    let colour = format!("#{:06x}", sheet.mark.colour());
    let (chip, title) = split_title(&sheet.title);
    let preview = sheet.lines.first().map(Line::text).unwrap_or_default();
    let mut parts = vec![format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <meta name=\"supported-color-schemes\" content=\"light dark\">\
         <title>{}</title>\n<style>{STYLE}</style></head>\n\
         <body class=\"page\" style=\"margin:0;padding:24px 12px;background:#f3f4f6\">\n\
         <div style=\"display:none;max-height:0;overflow:hidden\">{}</div>\n\
         <div class=\"card\" style=\"max-width:640px;margin:0 auto;background:#ffffff;\
         border:1px solid #e2e5ea;border-top:4px solid {colour};border-radius:8px;{SANS}\">\n\
         <div class=\"pad\" style=\"padding:20px 24px 8px\">\n\
         {}<h1 class=\"ink\" style=\"margin:12px 0 0;font-size:20px;line-height:1.35;font-weight:650;\
         color:#15181d;overflow-wrap:anywhere\">{}</h1>\n</div>\n\
         <div class=\"pad\" style=\"padding:4px 24px 20px\">\n",
        escape(&sheet.title),
        escape(&preview),
        chipped(chip, &colour),
        escape(title),
    )];
    parts.extend(sheet.lines.iter().map(line));
    if let Some(output) = &sheet.output {
        parts.push(heading("Last output"));
        parts.push(code(output, "12px"));
    }
    for step in &sheet.steps {
        parts.push(heading(&step.label));
        parts.push(code(&step.command, "13px"));
    }
    parts.extend(sheet.runbook.as_deref().map(runbook));
    parts.push(format!(
        "<p class=\"soft\" style=\"margin:22px 0 0;font-size:12px;line-height:1.5;color:#6b7280\">\
         {} · agentwatch</p>\n</div></div></body></html>\n",
        escape(&sheet.footer)
    ));
    parts.concat()
}

/// The words in capitals that every title begins with, and the rest.
fn split_title(title: &str) -> (&str, &str) {
    let shouted = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let mut end = 0;
    // An agent has a host behind it, so it is never one of them.
    for word in title.split_inclusive(' ').take_while(|word| shouted(word.trim_end())).take(2) {
        end += word.len();
    }
    let (chip, rest) = title.split_at_checked(end).unwrap_or(("", title));
    (chip.trim_end(), rest)
}

/// The words in capitals, on their colour.
fn chipped(chip: &str, colour: &str) -> String {
    if chip.is_empty() {
        return String::new();
    }
    format!(
        "<span style=\"display:inline-block;padding:3px 9px;border-radius:4px;background:{colour};\
         color:#ffffff;font-size:12px;font-weight:700;letter-spacing:.06em\">{}</span>\n",
        escape(chip)
    )
}

fn line(line: &Line) -> String {
    let sign = line.sign.map(|sign| format!("{sign} ")).unwrap_or_default();
    let label = match line.label.as_str() {
        "" => String::new(),
        label => format!("<strong>{}</strong> ", escape(label)),
    };
    format!(
        "<p class=\"ink\" style=\"margin:8px 0 0;font-size:15px;line-height:1.5;color:#2b3038;\
         overflow-wrap:anywhere\">{sign}{label}{}</p>\n",
        escape(&line.words)
    )
}

fn heading(text: &str) -> String {
    format!(
        "<p class=\"soft\" style=\"margin:18px 0 6px;font-size:12px;font-weight:600;\
         letter-spacing:.03em;color:#6b7280\">{}</p>\n",
        escape(text)
    )
}

/// Code that wraps rather than scrolls: on a phone, what is out of sight is not read.
fn code(text: &str, size: &str) -> String {
    format!(
        "<pre class=\"code\" style=\"margin:0;padding:10px 12px;background:#f6f7f9;color:#20242b;\
         border:1px solid #e2e5ea;border-radius:6px;font-size:{size};line-height:1.5;{MONO};\
         white-space:pre-wrap;overflow-wrap:anywhere\">{}</pre>\n",
        escape(text)
    )
}

fn runbook(runbook: &str) -> String {
    let open = "<p class=\"ink\" style=\"margin:18px 0 0;font-size:14px;color:#2b3038\">";
    let text = escape(runbook);
    if is_link(runbook) {
        let style = "color:#1a56c4;overflow-wrap:anywhere";
        format!(
            "{open}Runbook: <a class=\"link\" style=\"{style}\" href=\"{text}\">{text}</a></p>\n"
        )
    } else {
        format!("{open}{text}</p>\n")
    }
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}
