//! Rewrites what Python's `print` shows of plain values into JSON.
//!
//! `print({'agent': 'a', 'ok': True})` is what a Python agent says first; the mission's own snippet
//! does it. Only what `repr` writes for plain values is read: `str`, `bytes`, `int`, `float`, `bool`,
//! `None`, `list`, `tuple`, `dict`. The `repr` of other objects has no grammar, so it is refused.

use memchr::memchr3;

/// The deepest nesting that is read: no agent prints more, and it bounds what a hostile line costs.
pub const DEPTH_MAX: usize = 64;

/// Appends the JSON of a Python literal to `out`, in one pass, at most three bytes for one.
///
/// `false` means that `literal` is none: a bare word but `None`, `True` and `False` (so `nan`, `inf`
/// and any object), an escape that Python does not print, a string without its end, brackets that do
/// not match, or more than [`DEPTH_MAX`] of them. `out` then holds rubbish. `true` promises tokens
/// and brackets; commas and colons are for the JSON parser to judge, which reads `out` anyway.
///
/// Tuples become lists, bytes become text of the same code points, a lone surrogate becomes U+FFFD.
/// A dict key that is a number or a word becomes a string, since JSON knows no other keys.
pub fn to_json(literal: &[u8], out: &mut Vec<u8>) -> bool {
    out.reserve(literal.len());
    let mut writer = Writer { out, open: [0; DEPTH_MAX], depth: 0, last: 0 };
    writer.all(literal).is_some() && writer.depth == 0
}

/// Each helper takes what follows and gives back the rest of it, or `None` for what is no literal.
struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// The closing bracket that each open one waits for.
    open: [u8; DEPTH_MAX],
    depth: usize,
    /// The first byte of the last token, by which a dict key and an empty tuple are known.
    last: u8,
}

impl Writer<'_> {
    fn all(&mut self, literal: &[u8]) -> Option<()> {
        let mut rest = literal;
        // Ends: what a token leaves is shorter by a byte at least.
        while let Some((&first, after)) = rest.split_first() {
            let left = match (first, after.first()) {
                (b' ' | b'\t' | b'\r', _) => {
                    // Kept, so that `1 2` does not become 12.
                    self.out.push(b' ');
                    rest = after;
                    continue;
                }
                (b'{', _) => self.enter(b'{', b'}', after)?,
                (b'[', _) => self.enter(b'[', b']', after)?,
                (b'(', _) => self.enter(b'[', b')', after)?,
                (b'}' | b']' | b')', _) => self.leave(first, after)?,
                (b':', _) => self.put(b":", after),
                (b',', _) if self.ends_tuple(after) => after,
                (b',', _) => self.put(b",", after),
                (b'\'' | b'"', _) => self.text(first, after)?,
                (b'b', Some(&quote @ (b'\'' | b'"'))) => self.text(quote, after.get(1..)?)?,
                (b'-' | b'0'..=b'9', _) => {
                    let (number, after) = take_while(rest, is_of_number)?;
                    self.scalar(number, number, after)
                }
                _ => {
                    let (word, after) = take_while(rest, |byte| byte.is_ascii_alphanumeric())?;
                    self.scalar(constant(word)?, word, after)
                }
            };
            self.last = first;
            rest = left;
        }
        Some(())
    }

    fn put<'r>(&mut self, json: &[u8], rest: &'r [u8]) -> &'r [u8] {
        self.out.extend_from_slice(json);
        rest
    }

    fn enter<'r>(&mut self, json: u8, until: u8, rest: &'r [u8]) -> Option<&'r [u8]> {
        *self.open.get_mut(self.depth)? = until;
        self.depth = self.depth.saturating_add(1);
        Some(self.put(&[json], rest))
    }

    fn leave<'r>(&mut self, closing: u8, rest: &'r [u8]) -> Option<&'r [u8]> {
        if self.innermost() != Some(closing) {
            return None;
        }
        self.depth = self.depth.saturating_sub(1);
        let json = if closing == b')' { b']' } else { closing };
        Some(self.put(&[json], rest))
    }

    fn innermost(&self) -> Option<u8> {
        self.open.get(self.depth.checked_sub(1)?).copied()
    }

    /// Python ends a tuple of one with a comma, JSON ends nothing with one.
    fn ends_tuple(&self, after: &[u8]) -> bool {
        self.innermost() == Some(b')')
            && !matches!(self.last, b'(' | b',')
            && after.trim_ascii_start().first() == Some(&b')')
    }

    fn scalar<'r>(&mut self, json: &[u8], literal: &[u8], rest: &'r [u8]) -> &'r [u8] {
        let is_key = self.innermost() == Some(b'}') && matches!(self.last, b'{' | b',');
        if is_key {
            self.put(b"\"", rest);
            self.put(literal, rest);
            self.put(b"\"", rest)
        } else {
            self.put(json, rest)
        }
    }

    fn text<'r>(&mut self, quote: u8, body: &'r [u8]) -> Option<&'r [u8]> {
        self.out.push(b'"');
        let mut rest = body;
        // Ends: at the quote, or when no byte of interest is left.
        loop {
            let at = memchr3(quote, b'\\', b'"', rest)?;
            let (plain, tail) = rest.split_at_checked(at)?;
            let (&found, after) = tail.split_first()?;
            self.out.extend_from_slice(plain);
            rest = if found == quote {
                return Some(self.put(b"\"", after));
            } else if found == b'\\' {
                self.escape(after)?
            } else {
                self.put(b"\\\"", after)
            };
        }
    }

    /// One escape, behind its backslash.
    fn escape<'r>(&mut self, body: &'r [u8]) -> Option<&'r [u8]> {
        let (&kind, after) = body.split_first()?;
        let (code, rest) = match kind {
            b'\'' => return Some(self.put(b"'", after)),
            b'\\' | b'"' | b'n' | b'r' | b't' | b'b' | b'f' => {
                return Some(self.put(&[b'\\', kind], after));
            }
            b'a' => (0x07, after),
            b'v' => (0x0b, after),
            b'x' => digits(after, 2, 16)?,
            b'u' => digits(after, 4, 16)?,
            b'U' => digits(after, 8, 16)?,
            b'0'..=b'7' => {
                let octal = body.iter().take(3).take_while(|digit| matches!(digit, b'0'..=b'7'));
                digits(body, octal.count(), 8)?
            }
            _ => return None,
        };
        self.character(code)?;
        Some(rest)
    }

    fn character(&mut self, code: u32) -> Option<()> {
        if code < 0x20 || code == 0x22 || code == 0x5c {
            self.out.extend_from_slice(format!("\\u{code:04x}").as_bytes());
            return Some(());
        }
        let character = match char::from_u32(code) {
            Some(character) => character,
            // Python holds undecodable bytes as lone surrogates; no UTF-8 can.
            None if code < 0x1_0000 => char::REPLACEMENT_CHARACTER,
            None => return None,
        };
        self.out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Some(())
    }
}

/// The number that the next `count` digits write, at most eight of them.
fn digits(text: &[u8], count: usize, base: u32) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(count)?;
    let code = digits.iter().try_fold(0_u32, |sum, &digit| {
        let digit = char::from(digit).to_digit(base)?;
        sum.checked_mul(base)?.checked_add(digit)
    })?;
    Some((code, rest))
}

/// As many bytes as `take` wants, one at least, and the rest.
fn take_while(text: &[u8], take: impl Fn(u8) -> bool) -> Option<(&[u8], &[u8])> {
    let count = text.iter().take_while(|&&byte| take(byte)).count();
    if count == 0 { None } else { text.split_at_checked(count) }
}

/// Rather many: whether they make a number is for the JSON parser to say.
fn is_of_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e')
}

fn constant(word: &[u8]) -> Option<&'static [u8]> {
    match word {
        b"None" => Some(b"null"),
        b"True" => Some(b"true"),
        b"False" => Some(b"false"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(literal: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        let good = to_json(literal, &mut out);
        assert!(out.len() <= 3 * literal.len() + 2, "{} from {}", out.len(), literal.len());
        good.then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_python_prints() {
        // What Python 3's `repr` writes, and what a person may type in its place.
        let table = [
            (r"{}", r"{}"),
            (r"{'a': 'b'}", r#"{"a": "b"}"#),
            (r#"{'a': "it's"}"#, r#"{"a": "it's"}"#),
            (r#"{'a': 'say "x"'}"#, r#"{"a": "say \"x\""}"#),
            (r#"'it\'s "x"'"#, r#""it's \"x\"""#),
            (r"'a\\b\n\r\t'", r#""a\\b\n\r\t""#),
            (r"'\x00\x1b[0m\x7f\xe9'", "\"\\u0000\\u001b[0m\u{7f}é\""),
            (r"'\x22\x5c'", r#""\u0022\u005c""#),
            (r"'\u2028\U0001f600\udc80'", "\"\u{2028}\u{1f600}\u{fffd}\""),
            (r"'\0\17\1234\a\v\b\f\777'", "\"\\u0000\\u000fS4\\u0007\\u000b\\b\\f\u{1ff}\""),
            ("'é日😀'", "\"é日😀\""),
            (r"b'\xff\x00a'", "\"ÿ\\u0000a\""),
            (r#"b"it's""#, r#""it's""#),
            ("[None, True, False]", "[null, true, false]"),
            ("(1, -2.5, 1e-05, 1e+16)", "[1, -2.5, 1e-05, 1e+16]"),
            ("()", "[]"),
            ("(1,)", "[1]"),
            ("((1, ), (), [(2,)])", "[[1 ], [], [[2]]]"),
            (
                "{1: 2, None: 3, True: [1, 2], -0.5: (4, 5)}",
                "{\"1\": 2, \"None\": 3, \"True\": [1, 2], \"-0.5\": [4, 5]}",
            ),
            ("[{1: {2: None}}, 3]", "[{\"1\": {\"2\": null}}, 3]"),
            // Not for us to judge: serde_json refuses each of these.
            ("(,)", "[,]"),
            ("[1,]", "[1,]"),
            ("1 2", "1 2"),
            ("{(1, 2): 3}", "{[1, 2]: 3}"),
        ];
        for (literal, want) in table {
            assert_eq!(json(literal.as_bytes()).as_deref(), Some(want), "{literal}");
        }
    }

    #[test]
    fn what_is_no_literal() {
        let table = [
            "nan",
            "[inf]",
            "{'a': -inf}",
            "NaN",
            "null",
            "true",
            "a",
            "{a: 1}",
            "None_",
            "1_000",
            "1j",
            "...",
            "<object at 0x7f>",
            "datetime.datetime(2026, 1, 1)",
            "Decimal('1')",
            "set()",
            "{'a': 1",
            "{'a': 1)",
            "(1]",
            "]",
            "'a",
            "'a\\",
            "'a\\'",
            "'\\d'",
            "'\\x'",
            "'\\x+1'",
            "'\\xg0'",
            "'\\u12'",
            "'\\U00110000'",
            "'\\Uffffffff'",
            "'\\N{DASH}'",
            "u'a'",
            "r'a'",
            "b",
            "b1",
            "\n",
            "\0",
            "\u{a0}",
            "é",
            "#",
            "1+x",
        ];
        for literal in table {
            assert_eq!(json(literal.as_bytes()), None, "{literal}");
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(json(nested(DEPTH_MAX).as_bytes()).is_some());
        assert!(json(nested(DEPTH_MAX + 1).as_bytes()).is_none());
        assert!(json("{'a':".repeat(1_000_000).as_bytes()).is_none());
        // The worst that each kind of token grows by; `json` checks the bound.
        for worst in ["\\a", "\\0", "\\\"", "\\x00", "\\udc80", "\""] {
            assert!(json(format!("'{}'", worst.repeat(10_000)).as_bytes()).is_some(), "{worst}");
        }
        assert!(json(format!("{{{}}}", "1,".repeat(10_000)).as_bytes()).is_some());
    }

    #[test]
    fn any_bytes_end_without_panic() {
        // Every string of up to four of the bytes that mean something here.
        let alphabet = b"{}[(),:'\"\\bxu01-N \xff";
        for number in 0..alphabet.len().pow(4) {
            let bytes: Vec<u8> = (0..4)
                .map(|at| alphabet[number / alphabet.len().pow(at) % alphabet.len()])
                .collect();
            to_json(&bytes, &mut Vec::new());
        }
    }
}
