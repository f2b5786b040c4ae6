//! `alert.sinks`: where people are told, each with how bad it must be. Pure.

use std::ffi::OsStr;

use toml::de::{DeArray, DeTable, DeValue};

use super::suggest;
use super::value::{Fault, Read, Value, found};
use crate::core::fact::Severity;
use crate::wire::sink::Sink;

/// The most sinks: each gets every letter.
const MAX: usize = 32;

/// What may be written.
const WANTED: &str = "a sink such as \"ntfy:my-topic\", or a list such as [\"slack:…\", { url = \"pagerduty:…\", \
                      min_severity = \"critical\" }]";

/// What an entry may hold.
const FIELDS: [&str; 3] = ["url", "min_severity", "fallback"];

/// No sink, where an outer file has some.
const OFF: &str = "off";

/// The words for severities.
const SEVERITIES: [(&str, Severity); 3] =
    [("info", Severity::Info), ("warning", Severity::Warning), ("critical", Severity::Critical)];

/// One sink as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// With its references to secrets.
    pub url: String,
    /// What is less is not sent there.
    pub min_severity: Severity,
    /// Somebody has written that.
    pub graded: bool,
    /// Used only for what no other sink could deliver.
    pub fallback: bool,
}

/// Reads the sinks of a flag that may be given several times.
///
/// # Errors
/// What makes no sense, without what may be secret in it.
pub fn from_flags<'a>(sinks: impl Iterator<Item = &'a OsStr>) -> Result<Read, (String, Fault)> {
    let mut all = Vec::new();
    let sinks: Vec<_> = sinks.collect();
    if sinks == [OFF] {
        return Ok(off());
    }
    for sink in sinks {
        let text = sink.to_str().ok_or_else(|| (String::new(), Fault::NotText))?;
        all.push(bare(text).map_err(|fault| (hidden(text), fault))?);
    }
    done(all).map_err(|fault| (String::new(), fault))
}

/// Reads a text: of a variable several, one a line.
///
/// # Errors
/// As [`from_flags`].
pub fn from_text(text: &str) -> Result<Read, Fault> {
    if text.trim() == OFF {
        return Ok(off());
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    done(lines.map(named).collect::<Result<_, _>>()?)
}

/// Reads a list.
///
/// # Errors
/// What is unknown or wrong in it, in words.
pub fn from_list(list: &DeArray<'_>) -> Result<Read, Fault> {
    if list.is_empty() {
        return Ok(off());
    }
    let entry = |one: &DeValue<'_>| match one {
        DeValue::String(url) => named(url),
        DeValue::Table(table) => entry(table),
        other => Err(Fault::Wrong(format!("holds {}; write {WANTED}", found(other)))),
    };
    done(list.iter().map(|one| entry(one.get_ref())).collect::<Result<_, _>>()?)
}

/// The same for reports: they wake nobody, and one is as bad as the other.
///
/// # Errors
/// A pager, or a severity.
pub fn addresses(read: Read) -> Result<Read, Fault> {
    let Value::Sinks(all) = read.value else { return Ok(read) };
    let mut texts = Vec::new();
    for one in &all {
        let sink = Sink::parse(&one.url).ok();
        let shown = sink.as_ref().map_or_else(|| hidden(&one.url), Sink::masked);
        if sink.is_some_and(|sink| sink.is_pager()) {
            let words = "holds a pager, which would wake somebody for a report; write a mail, a chat or a URL";
            return Err(Fault::Wrong(words.to_owned()));
        }
        if one.graded {
            let words =
                format!("holds {shown} with a severity, and a report has none; take it away");
            return Err(Fault::Wrong(words));
        }
        texts.push(format!("{}{shown}", if one.fallback { "fallback@" } else { "" }));
    }
    let text = if all.is_empty() { OFF.to_owned() } else { texts.join(", ") };
    Ok(Read { value: Value::Sinks(all), text })
}

/// A text that is wrong, without what may be secret in it.
#[must_use]
pub fn hidden(text: &str) -> String {
    match text.split_once(':') {
        Some((scheme, _)) if scheme.len() <= 40 => format!("{scheme}:…"),
        _ => "…".to_owned(),
    }
}

/// `critical@pagerduty:…`, `fallback@…`, `critical+fallback@…`, or the URL alone.
fn bare(text: &str) -> Result<Written, Fault> {
    let (words, url) = prefix(text);
    let (mut least, mut fallback) = (None, false);
    for word in words.split('+').filter(|word| !word.is_empty()) {
        match SEVERITIES.iter().find(|(name, _)| *name == word) {
            Some((_, severity)) => least = Some(*severity),
            None => fallback = true,
        }
    }
    sink(url, least, fallback)
}

/// One of many: what is wrong says with which.
fn named(text: &str) -> Result<Written, Fault> {
    bare(text).map_err(|fault| match fault {
        Fault::Wrong(words) if text.contains(':') => {
            Fault::Wrong(format!("holds {}, which {words}", hidden(text)))
        }
        other => other,
    })
}

/// What stands before the URL, if it is made of our words alone: an `@` is part of many a URL.
fn prefix(text: &str) -> (&str, &str) {
    let ours = |word: &str| word == "fallback" || SEVERITIES.iter().any(|(name, _)| *name == word);
    match text.split_once('@') {
        Some((words, url)) if words.split('+').all(ours) => (words, url),
        _ => ("", text),
    }
}

fn sink(url: &str, least: Option<Severity>, fallback: bool) -> Result<Written, Fault> {
    if url.contains('\0') {
        return Err(Fault::Nul);
    }
    let sink = Sink::parse(url).map_err(Fault::Wrong)?;
    // Who is woken by it is woken for what cannot wait.
    let usual = if sink.is_pager() { Severity::Critical } else { Severity::Warning };
    let (min_severity, graded) = (least.unwrap_or(usual), least.is_some());
    Ok(Written { url: url.to_owned(), min_severity, graded, fallback })
}

fn off() -> Read {
    Read { value: Value::Sinks(Vec::new()), text: OFF.to_owned() }
}

fn done(all: Vec<Written>) -> Result<Read, Fault> {
    if all.is_empty() {
        return Err(Fault::Empty { wanted: WANTED });
    }
    if MAX < all.len() {
        return Err(Fault::Wrong(format!("holds {} sinks; write at most {MAX}", all.len())));
    }
    let shown = |one: &Written| {
        let sink = Sink::parse(&one.url).map_or_else(|_| hidden(&one.url), |sink| sink.masked());
        let least = SEVERITIES.iter().find(|(_, severity)| *severity == one.min_severity);
        let least = least.map_or("", |(name, _)| *name);
        format!("{least}{}@{sink}", if one.fallback { "+fallback" } else { "" })
    };
    let text = all.iter().map(shown).collect::<Vec<_>>().join(", ");
    Ok(Read { value: Value::Sinks(all), text })
}

fn entry(table: &DeTable<'_>) -> Result<Written, Fault> {
    let wrong = |words: String| Err(Fault::Wrong(words));
    for (name, _) in table {
        let name = name.get_ref().as_ref();
        if !FIELDS.contains(&name) {
            let meant =
                suggest::nearest(name, FIELDS).map(|near| format!("; did you mean {near}?"));
            return wrong(format!(
                "has a sink with {name:?}, and a sink has {}{}",
                FIELDS.join(", "),
                meant.unwrap_or_default()
            ));
        }
    }
    let field = |name: &str| table.get(name).map(toml::Spanned::get_ref);
    let Some(DeValue::String(url)) = field("url") else {
        return wrong(format!("has a sink without a url; write {WANTED}"));
    };
    let mut written = named(url)?;
    match field("min_severity") {
        None => {}
        Some(DeValue::String(word)) => {
            let Some((_, severity)) = SEVERITIES.iter().find(|(name, _)| name == word) else {
                return wrong(format!(
                    "has min_severity = {word:?}; write info, warning or critical"
                ));
            };
            (written.min_severity, written.graded) = (*severity, true);
        }
        Some(other) => {
            return wrong(format!("has a min_severity that is {}; write text", found(other)));
        }
    }
    match field("fallback") {
        None => {}
        Some(DeValue::Boolean(on)) => written.fallback = *on,
        Some(other) => {
            return wrong(format!(
                "has fallback = {}; write true or false without quotes",
                found(other)
            ));
        }
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Written {
        let read = from_flags(std::iter::once(OsStr::new(text))).unwrap();
        let Value::Sinks(all) = read.value else { panic!("no sinks") };
        all.into_iter().next().unwrap()
    }

    #[test]
    fn a_prefix_says_how_bad_it_must_be_and_an_at_sign_alone_says_nothing() {
        assert_eq!(one("ntfy:my-topic").min_severity, Severity::Warning);
        let paged = one("pagerduty:0123456789abcdef0123456789abcdef");
        assert_eq!(paged.min_severity, Severity::Critical);
        let both = one("critical+fallback@ntfy:my-topic");
        assert!(both.fallback && both.min_severity == Severity::Critical);
        assert_eq!(both.url, "ntfy:my-topic");
        let plain = one("https://user:word@example.org/x");
        assert_eq!(plain.url, "https://user:word@example.org/x");
        assert!(!plain.fallback);
    }

    #[test]
    fn what_an_outer_file_says_can_be_switched_off() {
        for read in [
            from_flags(std::iter::once(OsStr::new("off"))).unwrap(),
            from_text("off\n").unwrap(),
            from_list(&DeArray::new()).unwrap(),
        ] {
            assert!(matches!(read.value, Value::Sinks(all) if all.is_empty()), "{}", read.text);
        }
        assert!(from_text("off\nntfy:my-topic").is_err());
    }

    #[test]
    fn what_is_refused_keeps_its_secrets() {
        let secret = "slak:T000/B000/verysecretverysecret";
        let (shown, fault) = from_flags(std::iter::once(OsStr::new(secret))).unwrap_err();
        let words = format!("{shown} {fault}");
        assert!(!words.contains("verysecret"), "{words}");
        let fault = from_text(&format!("ntfy:my-topic\n{secret}")).unwrap_err().to_string();
        assert!(fault.starts_with("holds slak:…, which has a scheme"), "{fault}");
        let read = from_flags(std::iter::once(OsStr::new("https://u:pass123@example.org/key456")));
        let text = read.unwrap().text;
        assert!(!text.contains("pass123") && !text.contains("key456"), "{text}");
    }
}
