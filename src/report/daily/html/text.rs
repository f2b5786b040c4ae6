//! Text of others in HTML: escaped, without what steers terminals or turns lines round, each on its own.

use crate::core::beat::clip;
use crate::wire::ending::bytes_of;
use crate::wire::plain::plain;

use super::super::Mark;

/// More of one text is left out, in bytes: everything that is said of an agent is shorter by far.
const TEXT_MAX: usize = 2_000;

/// Text on one line, of bounded length, without what steers a terminal or turns the direction of reading.
pub(super) fn clean(raw: &str) -> String {
    let line = raw.replace(['\n', '\r', '\t', '\u{2028}', '\u{2029}'], " ");
    let plain = plain(line.as_bytes());
    let cut = clip(&plain, TEXT_MAX);
    let mut text: String = cut.chars().map(|c| if is_odd(c) { '\u{fffd}' } else { c }).collect();
    if cut.len() < plain.len() {
        text.push('…');
    }
    text
}

/// What turns the direction of reading, and what is no character at all.
fn is_odd(c: char) -> bool {
    matches!(
        c,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
            | '\u{fdd0}'..='\u{fdef}'
    ) || u32::from(c) & 0xfffe == 0xfffe
}

/// Text, or the value of an attribute.
pub(super) fn escape(raw: &str) -> String {
    let clean = clean(raw);
    let mut text = String::with_capacity(clean.len());
    for c in clean.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            c => text.push(c),
        }
    }
    text
}

/// What an agent or a person wrote: whatever its direction, it does not reach into what is around it.
pub(super) fn said(raw: &str) -> String {
    format!("<bdi>{}</bdi>", escape(raw))
}

/// The class of a mark.
pub(super) fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Quiet => "quiet",
        Mark::Good => "good",
        Mark::Warning => "warning",
        Mark::Bad => "bad",
    }
}

/// A mark in words.
pub(super) fn meaning(mark: Mark) -> &'static str {
    match mark {
        Mark::Quiet => "nothing seen",
        Mark::Good => "all is well",
        Mark::Warning => "worth a look",
        Mark::Bad => "needs a human",
    }
}

/// A mark as a sign: told apart by its shape too.
pub(super) fn sign(mark: Mark) -> String {
    let (class, meaning) = (class(mark), meaning(mark));
    format!(
        "<svg class=\"sign {class}\" role=\"img\" aria-label=\"{meaning}\" viewBox=\"0 0 20 20\">\
         <use href=\"#{class}\"/></svg>"
    )
}

/// Tokens on an axis: `950`, `1.2k`, `14k`, `1.5M`.
pub(super) fn compact(n: u64) -> String {
    let units = [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    let Some((unit, name)) = units.into_iter().find(|(unit, _)| *unit <= n) else {
        return n.to_string();
    };
    match (n / unit, n / (unit / 10) % 10) {
        (whole, tenth) if whole < 10 && tenth > 0 => format!("{whole}.{tenth}{name}"),
        (whole, _) => format!("{whole}{name}"),
    }
}

/// Memory: `812 KiB`, `412.5 MiB`.
pub(super) fn memory(kib: u64) -> String {
    bytes_of(kib.saturating_mul(1_024))
}

/// A share in hundredths of a percent: `100 %`, `99.98 %`.
pub(super) fn share(hundredths: u32) -> String {
    match (hundredths / 100, hundredths % 100) {
        (whole, 0) => format!("{whole} %"),
        (whole, part) => format!("{whole}.{part:02} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_is_text_and_nothing_else() {
        for (raw, want) in [
            ("</style><script>x</script>", "&lt;/style&gt;&lt;script&gt;x&lt;/script&gt;"),
            ("a\"b'c&d", "a&quot;b&#39;c&amp;d"),
            ("\x1b[31mred\x1b[0m\0\u{9b}", "red"),
            ("a\nb\tc\u{2028}d", "a b c d"),
            ("x\u{202e}y\u{2066}z\u{200f}", "xyz\u{fffd}"),
            ("\u{ffff}\u{1fffe}", "\u{fffd}\u{fffd}"),
            ("é日😀 שלום", "é日😀 שלום"),
        ] {
            assert_eq!(escape(raw), want, "{raw:?}");
        }
        assert!(escape(&"é".repeat(9_000)).len() < TEXT_MAX + 8);
    }

    #[test]
    fn numbers_on_an_axis_are_short() {
        for (n, want) in
            [(0, "0"), (950, "950"), (1_250, "1.2k"), (20_000, "20k"), (1_500_000, "1.5M")]
        {
            assert_eq!(compact(n), want);
        }
        assert_eq!((share(10_000), share(9_998)), ("100 %".into(), "99.98 %".into()));
    }
}
