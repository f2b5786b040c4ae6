//! Foreign text made fit for a message: nothing that obeys, reverses or hides, and no more than fits.

use std::borrow::Cow;

use crate::wire::plain::plain;
use crate::wire::words::grouped;

/// What a character costs of a limit: services count in different ways, and escapes make it longer.
pub type Cost = fn(char) -> usize;

/// What stands for what was left out of a line.
const DOTS: &str = "…";

/// Of what is kept of a long text, one part in so many is its beginning: what went wrong last stands last.
const HEAD_PART: usize = 4;

/// What makes one picture of two.
const JOINER: char = '\u{200d}';
/// Characters that are one picture, at most: a family has seven.
const CLUSTER_MAX: usize = 16;

/// Room for the words about what was left out.
const MARK_MAX: usize = 48;

/// Bytes, as they stand in JSON.
#[must_use]
pub fn json_bytes(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\t' => 2,
        c => c.len_utf8(),
    }
}

/// UTF-16 code units: never fewer than characters, and what Telegram and Discord's apps count.
#[must_use]
pub fn units(c: char) -> usize {
    c.len_utf16()
}

/// Whether it turns, hides or joins text, so that people read something else than what is there:
/// bidirectional controls, spaces without width, tags. The joiners of scripts and of emoji may stay.
fn is_sly(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Many lines without what terminals obey and people cannot see; lines end with `\n` alone, and none is
/// empty at either end.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut lines = String::with_capacity(text.len());
    for line in text.split(['\n', '\u{2028}', '\u{2029}']) {
        // What a carriage return has written over, nobody saw.
        let line = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
        lines.extend(plain(line.as_bytes()).chars().filter(|&c| !is_sly(c)));
        lines.truncate(lines.trim_end_matches([' ', '\t']).len());
        lines.push('\n');
    }
    lines.trim_matches('\n').to_owned()
}

/// The same on one line.
#[must_use]
pub fn clean_line(text: &str) -> String {
    let line = clean(text).replace(['\n', '\t'], " ");
    line.trim().to_owned()
}

/// What the text costs.
#[must_use]
pub fn cost_of(text: &str, cost: Cost) -> usize {
    text.chars().map(cost).sum()
}

/// One line within a limit: what does not fit is cut from its end, since lines begin with what matters.
#[must_use]
pub fn cut_line(text: &str, max: usize, cost: Cost) -> Cow<'_, str> {
    if cost_of(text, cost) <= max {
        return Cow::Borrowed(text);
    }
    let head = head(text, max.saturating_sub(cost_of(DOTS, cost)), cost);
    Cow::Owned(format!("{}{DOTS}", head.trim_end()))
}

/// Many lines within a limit: the middle is left out, at the ends of lines where that loses little.
#[must_use]
pub fn cut_middle(text: &str, max: usize, cost: Cost) -> Cow<'_, str> {
    if cost_of(text, cost) <= max {
        return Cow::Borrowed(text);
    }
    // Digits, letters and spaces cost one, dots at most as much as a character can.
    let room = max.saturating_sub(MARK_MAX);
    let head = to_line_end(head(text, room / HEAD_PART, cost));
    let tail = to_line_start(tail(text, room.saturating_sub(cost_of(head, cost)), cost));
    let left = text.len().saturating_sub(head.len() + tail.len());
    let mark = format!("{DOTS} {} bytes left out {DOTS}", grouped(left as u64));
    let parts = [head, mark.as_str(), tail];
    Cow::Owned(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n"))
}

/// As much of the beginning as costs no more than that.
fn head(text: &str, max: usize, cost: Cost) -> &str {
    let mut left = max;
    let fits = |&(_, c): &(usize, char)| match left.checked_sub(cost(c)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    let mut head = text.split_at(end).0;
    // What is joined to what was cut off goes with it; a text that is joined without end is no picture.
    for _ in 0..CLUSTER_MAX {
        if !head.ends_with(JOINER) && !text.split_at(head.len()).1.starts_with(joins) {
            break;
        }
        let whole = head.trim_end_matches(joins);
        head = whole.char_indices().next_back().map_or("", |(at, _)| whole.split_at(at).0);
    }
    head
}

/// As much of the end as costs no more than that.
fn tail(text: &str, max: usize, cost: Cost) -> &str {
    let mut left = max;
    let fits = |&(_, c): &(usize, char)| match left.checked_sub(cost(c)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let start = text.char_indices().rev().take_while(fits).last().map_or(text.len(), |(at, _)| at);
    text.split_at(start).1.trim_start_matches(joins)
}

/// Whether it changes or joins the character before it.
fn joins(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// Without a broken last line, if more than half is left.
fn to_line_end(head: &str) -> &str {
    match head.rfind('\n') {
        Some(at) if head.len() / 2 <= at => head.split_at(at).0,
        _ => head,
    }
}

/// Without a broken first line, if more than half is left.
fn to_line_start(tail: &str) -> &str {
    match tail.split_once('\n') {
        Some((broken, rest)) if broken.len() <= tail.len() / 2 => rest,
        _ => tail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_obeys_reverses_or_hides_is_gone() {
        let table = [
            ("plain", "plain"),
            ("\x1b[31mred\x1b[0m\r\nnext\r\n", "red\nnext"),
            ("10%\r50%\r100%\n", "100%"),
            ("a\u{202e}cod.exe\u{2066}b\u{200b}\u{feff}", "acod.exeb"),
            ("a\u{2028}b\u{2029}c\u{85}d", "a\nb\ncd"),
            ("\n\n a  \n\n", " a"),
            ("👩\u{200d}👩\u{200d}👧 می\u{200c}خواهم", "👩\u{200d}👩\u{200d}👧 می\u{200c}خواهم"),
            ("\u{e0041}\u{0}\u{7}", ""),
        ];
        for (text, want) in table {
            assert_eq!(clean(text), want, "{text:?}");
        }
        assert_eq!(clean_line(" a\n\tb "), "a  b");
    }

    #[test]
    fn a_cut_keeps_its_limit_and_both_ends() {
        let line = |n: usize| format!("line {n} \\ \"é\" 😀\n");
        let text = (0..2000).map(line).collect::<Vec<_>>().concat();
        for cost in [json_bytes as Cost, units, |_| 7] {
            for max in [100, 500, 1000, 4096] {
                let cut = cut_middle(&text, max, cost);
                let marks = cut.lines().filter(|line| line.contains("bytes left out")).count();
                assert_eq!(marks, 1, "{cut}");
                let line = cut_line(&text, max, cost);
                assert!(line.ends_with('…') && cost_of(&line, cost) <= max, "{line}");
            }
        }
        let cut = cut_middle(&text, 1000, units);
        assert!(cut.starts_with("line 0 \\ \"é\" 😀\nline 1 "), "{cut}");
        assert!(cut.ends_with("\nline 1999 \\ \"é\" 😀\n"), "{cut}");
        assert!(cost_of(&cut, units) <= 1000);
        assert_eq!(cut_middle("short", 5, units), "short");
        assert_eq!(cut_line("short", 5, units), "short");
    }

    #[test]
    fn a_line_without_end_and_a_limit_without_room_are_cut_too() {
        let text = "x".repeat(10_000);
        let cut = cut_middle(&text, 300, units);
        assert!(cost_of(&cut, units) <= 300 && cut.len() > 250, "{cut}");
        for max in 0..60 {
            assert!(cut_line(&text, max, units).len() <= max.max(DOTS.len()) + 2);
            assert!(cost_of(&cut_middle(&text, max, units), units) <= max.max(MARK_MAX));
        }
    }

    #[test]
    fn no_character_is_cut_in_two() {
        let family = "👩\u{200d}👩\u{200d}👧e\u{301}👍🏽".repeat(30);
        for max in 1..200 {
            let line = cut_line(&family, max, units);
            let kept = line.trim_end_matches(DOTS);
            assert!(!kept.ends_with(JOINER), "{max}: {kept}");
            assert!(!family.split_at(kept.len()).1.starts_with(joins), "{max}: {kept}");
            let cut = cut_middle(&family, max + MARK_MAX, units);
            assert!(!cut.lines().last().unwrap_or_default().starts_with(joins), "{max}");
        }
    }
}
