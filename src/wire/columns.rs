//! Text in the columns of a terminal: wide scripts take two, what is put on top of a letter none.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How many columns of a terminal `text` takes.
#[must_use]
pub fn columns(text: &str) -> usize {
    text.width()
}

/// `text` in at most `width` columns, its end marked if it is cut.
#[must_use]
pub fn clip(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |c: &char| {
        let width = c.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// `text` filled up to `width` columns.
#[must_use]
pub fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// `text` filled up to `width` columns from its left.
#[must_use]
pub fn pad_left(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

/// `text` in lines of at most `width` columns, broken between words where that is possible; what does not
/// fit into `most` lines is cut.
#[must_use]
pub fn fold(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    while columns(rest) > width && lines.len() + 1 < most {
        let mut end = 0;
        let mut left = width;
        let mut at_word = None;
        for (at, c) in rest.char_indices() {
            let takes = c.width().unwrap_or(0);
            if c == ' ' {
                at_word = Some(at);
            }
            if left < takes {
                break;
            }
            left -= takes;
            end = at + c.len_utf8();
        }
        // A screen of no width holds nothing.
        let end = at_word.filter(|at| *at > 0).unwrap_or(end);
        if end == 0 {
            break;
        }
        let (line, behind) = rest.split_at(end);
        lines.push(line.to_owned());
        rest = behind.trim_start();
    }
    lines.push(clip(rest, width));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_takes_no_more_columns_than_there_are() {
        for (text, width, want) in [
            ("plain", 5, "plain"),
            ("plain", 4, "pla…"),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
            ("x", 0, ""),
        ] {
            assert_eq!(clip(text, width), want);
            assert!(columns(&clip(text, width)) <= width);
        }
        assert_eq!(pad("日本", 6), "日本  ");
    }

    #[test]
    fn a_long_text_is_broken_between_words_and_cut_at_last() {
        let fold = |width, most| fold("suspected since nine; is that right?", width, most);
        assert_eq!(fold(40, 3), ["suspected since nine; is that right?"]);
        assert_eq!(fold(22, 3), ["suspected since nine;", "is that right?"]);
        assert_eq!(fold(21, 3), ["suspected since nine;", "is that right?"]);
        assert_eq!(fold(10, 2), ["suspected", "since nin…"]);
        assert_eq!(fold(4, 99)[..3], ["susp", "ecte", "d"]);
        assert_eq!(super::fold("日本語", 2, 9), ["日", "本", "語"]);
        assert_eq!(super::fold("日本", 1, 9), ["…"]);
        assert_eq!(super::fold("", 5, 3), [""]);
    }
}
