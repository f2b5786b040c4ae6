//! A strict reader of the HTML that is written: every tag closed, every reference with its end.

use std::collections::BTreeSet;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Tags in their order, the closing ones with a stroke.
    pub tags: Vec<String>,
    ids: BTreeSet<String>,
    refs: BTreeSet<String>,
}

const VOID: [&str; 1] = ["meta"];

/// All that stands between two texts.
pub(super) fn texts<'a>(page: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    let parts = page.split(after).filter(|part| part.contains(before));
    parts.filter_map(|part| part.rsplit(before).next()).collect()
}

/// Reads a page.
pub(super) fn check(page: &str) -> Result<Seen, String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").ok_or("no doctype")?;
    let (mut seen, mut open) = (Seen::default(), Vec::<String>::new());
    while let Some((text, behind)) = rest.split_once('<') {
        words(text)?;
        let (tag, after) = behind.split_once('>').ok_or("a tag without an end")?;
        rest = after;
        let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap_or_default();
        if tag.starts_with('/') {
            let last = open.pop();
            if last.as_deref() != Some(name) {
                return Err(format!("</{name}> closes {last:?}"));
            }
            seen.tags.push(format!("/{name}"));
            continue;
        }
        attributes(tag, &mut seen)?;
        seen.tags.push(name.to_owned());
        if name == "style" {
            let (style, after) = rest.split_once("</style>").ok_or("a style without an end")?;
            if style.contains('<') {
                return Err("a style with tags".into());
            }
            rest = after;
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    let missing: Vec<&String> = seen.refs.difference(&seen.ids).collect();
    if !open.is_empty() || !missing.is_empty() {
        return Err(format!("open: {open:?}, no ends: {missing:?}"));
    }
    Ok(seen)
}

/// Text has no stray signs.
fn words(text: &str) -> Result<(), String> {
    let known = ["amp;", "lt;", "gt;", "quot;", "apos;", "#39;"];
    let odd =
        text.split('&').skip(1).find(|rest| !known.iter().any(|known| rest.starts_with(known)));
    match odd {
        Some(odd) => Err(format!("a stray & before {odd:.40}")),
        None if text.contains('>') => Err(format!("a stray > in {text:.80}")),
        None => Ok(()),
    }
}

fn attributes(tag: &str, seen: &mut Seen) -> Result<(), String> {
    let mut parts = tag.split('"');
    while let Some(key) = parts.next() {
        let Some(value) = parts.next() else {
            // Behind the last one, or a tag without any.
            let bare = key.split_whitespace().skip(usize::from(key == tag));
            return match bare
                .map(|word| word.trim_matches('/'))
                .find(|word| !matches!(*word, "" | "open"))
            {
                Some(odd) => Err(format!("an attribute without a value: {odd} in {tag:.80}")),
                None => Ok(()),
            };
        };
        words(value)?;
        let name = key.rsplit(' ').next().and_then(|name| name.strip_suffix('='));
        let name = name.ok_or_else(|| format!("an attribute without a name in {tag:.80}"))?;
        match name {
            "id" if !seen.ids.insert(value.to_owned()) => return Err(format!("{value} twice")),
            "href" | "aria-labelledby" => {
                seen.refs.insert(value.trim_start_matches('#').to_owned());
                if name == "href" && !value.starts_with('#') {
                    return Err(format!("a link out of the page: {value:.80}"));
                }
            }
            _ if name.starts_with("on") => return Err(format!("a handler: {tag:.80}")),
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn the_checker_sees_what_is_wrong() {
    let page = |body: &str| check(&format!("<!DOCTYPE html>\n<p>{body}</p>")).map(|seen| seen.tags);
    assert!(page("<b>x</b> &amp; <i class=\"a\" id=\"b\"/>").is_ok());
    for wrong in [
        "<b>",
        "</b>",
        "<b><i></b></i>",
        "a & b",
        "a > b",
        "<b onload=\"x\"></b>",
        "<b class=x></b>",
        "<a href=\"http://x\"></a>",
        "<a href=\"#x\"></a>",
        "<i id=\"a\"/><i id=\"a\"/>",
    ] {
        assert!(page(wrong).is_err(), "{wrong}");
    }
}
