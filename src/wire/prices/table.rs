//! agentwatch's own tables: TOML, a model a line, USD for a million tokens.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Draft, MILLION_MIN, Parts, Search, TOKEN_MAX, Wrong, pico};

/// What may stand in the table of a model.
const KEYS: &str =
    "input, output, cache_read, cache_write, cache_write_1h, context, above_200k = { … }";

/// Tokens that are priced together.
const MILLION: f64 = 1e6;

/// Reads a whole table. Only entries that are wanted are looked into.
pub(super) fn read(text: &str, search: &mut Search) -> Result<(), Wrong> {
    let lines = Lines(text);
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(text.len(), |span| span.start);
        lines.wrong(at, format!("not TOML: {}", error.message()))
    })?;
    // The parser sorts by name; people mend a file from the top.
    let mut models: Vec<_> = table.get_ref().iter().collect();
    models.sort_by_key(|(name, _)| name.span().start);
    for (name, entry) in models {
        let Some(place) = search.place(name.get_ref()) else { continue };
        let at = name.span().start;
        let DeValue::Table(parts) = entry.get_ref() else {
            let words =
                format!("{} is no model; write {{ input = 3, output = 15 }}", name.get_ref());
            return Err(lines.wrong(at, words));
        };
        let mut draft = Draft::default();
        lines.model(parts, name.get_ref(), &mut draft)?;
        let price = draft.price();
        if price.is_none() {
            let words = format!("{} needs a price of input and one of output", name.get_ref());
            return Err(lines.wrong(at, words));
        }
        search.found(place, price);
    }
    Ok(())
}

struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn wrong(&self, at: usize, words: String) -> Wrong {
        let before = self.0.as_bytes().get(..at).unwrap_or(self.0.as_bytes());
        Wrong { line: Some(memchr::memchr_iter(b'\n', before).count() + 1), words }
    }

    fn model(&self, table: &DeTable<'_>, name: &str, draft: &mut Draft) -> Result<(), Wrong> {
        for (key, value) in table {
            let (word, at) = (key.get_ref(), key.span().start);
            let unknown = || self.wrong(at, format!("{name}: {word} is no key; there are {KEYS}"));
            if let Some(slot) = part(&mut draft.base, word) {
                *slot = Some(self.rate(name, word, value)?);
            } else if word == "context" {
                draft.context = Some(self.context(name, value)?);
            } else {
                let thousands = word.strip_prefix("above_").and_then(|rest| rest.strip_suffix('k'));
                let above = thousands.and_then(|digits| digits.parse::<u32>().ok());
                let above = above.filter(|above| *above > 0).ok_or_else(unknown)?;
                let DeValue::Table(inner) = value.get_ref() else {
                    let words =
                        format!("{name}: {word} is no table; write {{ input = 6, output = 30 }}");
                    return Err(self.wrong(at, words));
                };
                let tier = draft.tier(u64::from(above) * 1_000).ok_or_else(|| {
                    self.wrong(at, format!("{name}: {word} is one step of the price too many"))
                })?;
                for (key, value) in inner {
                    let word = key.get_ref();
                    let slot = part(tier, word).ok_or_else(|| {
                        let words = format!("{name}: {word} is no key here; there are {KEYS}");
                        self.wrong(key.span().start, words)
                    })?;
                    *slot = Some(self.rate(name, word, value)?);
                }
            }
        }
        Ok(())
    }

    fn number(value: &DeValue<'_>) -> Option<f64> {
        match value {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        }
    }

    fn written(&self, value: &Spanned<DeValue<'_>>) -> Cow<'_, str> {
        let text = self.0.get(value.span()).unwrap_or_default();
        match text.char_indices().nth(40) {
            Some((end, _)) => format!("{}…", &text[..end]).into(),
            None => text.into(),
        }
    }

    fn rate(&self, name: &str, key: &str, value: &Spanned<DeValue<'_>>) -> Result<u64, Wrong> {
        let wrong = |words: String| {
            let written = self.written(value);
            Err(self.wrong(value.span().start, format!("{name}: {key} = {written} {words}")))
        };
        match Self::number(value.get_ref()) {
            Some(usd) if usd > 0.0 && usd < MILLION_MIN => {
                let per_million = (usd * MILLION * 1e6).round() / 1e6;
                wrong(format!("is a price for one token; for a million write {per_million}"))
            }
            Some(usd) if (0.0..=TOKEN_MAX * MILLION).contains(&usd) => Ok(pico(usd / MILLION)),
            Some(usd) if usd > 0.0 => wrong(format!(
                "is out of range; write up to {} USD per million tokens",
                TOKEN_MAX * MILLION
            )),
            Some(_) | None => {
                wrong("is no price; write a number of USD per million tokens, from 0 up".to_owned())
            }
        }
    }

    fn context(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<u64, Wrong> {
        let whole = match value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        whole.filter(|tokens| *tokens > 0).ok_or_else(|| {
            let words = format!(
                "{name}: context = {} is no count; write tokens, such as 200000",
                self.written(value)
            );
            self.wrong(value.span().start, words)
        })
    }
}

fn part<'p>(parts: &'p mut Parts, word: &str) -> Option<&'p mut Option<u64>> {
    Some(match word {
        "input" => &mut parts.input,
        "output" => &mut parts.output,
        "cache_read" => &mut parts.cache_read,
        "cache_write" => &mut parts.cache_write,
        "cache_write_1h" => &mut parts.cache_write_1h,
        _ => return None,
    })
}
