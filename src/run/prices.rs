//! What the models of an agent cost: looked up when one first appears. Of the tables nothing is kept.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::core::beat::Beat;
use crate::core::cost::price::Price;
use crate::core::time::Up;
use crate::sys::{file, host};
use crate::wire::prices;

use super::Shell;

/// Models whose price is kept: agents ask one or two, and some a handful by turns.
const KEPT_MAX: usize = 16;

/// Where more of them appear, or a table cannot be read, it is read this often at most: an agent that makes
/// up names must not keep us busy.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// The prices of the models that were seen last.
#[derive(Debug, Default)]
pub struct Prices {
    /// A table that goes before our own.
    file: Option<PathBuf>,
    known: Vec<Known>,
    /// When a table was read last.
    looked: Option<Up>,
    /// What is wrong with the file, if anything.
    trouble: Option<String>,
    /// That has been told, or that it is over.
    told: bool,
}

/// The file of the user cannot be read now.
struct Unreadable;

#[derive(Debug)]
struct Known {
    model: Box<str>,
    /// None: nobody knows.
    price: Option<Arc<Price>>,
    used: Up,
    /// The file could not be read: until then its price is unknown.
    again: Option<Up>,
}

impl Prices {
    /// Prices by `file`, and where that does not know a model, by our own table.
    #[must_use]
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, told: true, ..Self::default() }
    }

    /// Puts its price on a beat that names a model and tokens, but does not say what that cost.
    pub fn price(&mut self, now: Up, beat: &mut Beat) {
        let tokens = [beat.tokens_used, beat.tokens_total, beat.input_tokens, beat.output_tokens];
        // What a counter shows is told apart later; whether it shows money is known.
        let counter = beat.cumulative.as_ref().map(|counter| counter.reading);
        let tells = tokens.iter().any(Option::is_some) || counter.is_some();
        if tells && beat.cost_usd.or(counter.and_then(|counter| counter.cost_usd)).is_none() {
            beat.price = beat.model.as_deref().and_then(|model| self.of(now, model));
        }
    }

    fn of(&mut self, now: Up, model: &str) -> Option<Arc<Price>> {
        let at = self.known.iter().position(|known| *known.model == *model);
        if let Some(known) = at.and_then(|at| self.known.get_mut(at)) {
            known.used = now;
            if known.again.is_none_or(|again| now < again) {
                return known.price.clone();
            }
        }
        let oldest = || {
            let ages = self.known.iter().enumerate().min_by_key(|(_, known)| known.used);
            ages.map_or(0, |(at, _)| at)
        };
        let full = KEPT_MAX <= self.known.len();
        if at.is_none() && full && self.looked.is_some_and(|at| now.since(at) < LOOK_EVERY) {
            return None;
        }
        if let Some(gone) = at.or_else(|| full.then(oldest)) {
            self.known.swap_remove(gone);
        }
        self.looked = Some(now);
        let (price, again) = match self.look_up(model) {
            Ok(price) => (price.map(Arc::new), None),
            Err(Unreadable) => (None, Some(now.plus(LOOK_EVERY))),
        };
        self.known.push(Known { model: model.into(), price: price.clone(), used: now, again });
        price
    }

    /// # Errors
    /// The file cannot be read, which is told in [`Prices::news`].
    fn look_up(&mut self, model: &str) -> Result<Option<Price>, Unreadable> {
        let Some(path) = &self.file else { return Ok(prices::built_in(model)) };
        let found = read(path)
            .and_then(|text| prices::look_up(&text, model).map_err(|wrong| placed(path, &wrong)));
        // A few megabytes, once: most of what this process would then have for ever.
        host::give_back_heap();
        let trouble = found.as_ref().err().cloned();
        self.told &= trouble.is_some() == self.trouble.is_some();
        self.trouble = trouble;
        let price = found.map_err(|_| Unreadable)?;
        Ok(price.or_else(|| prices::built_in(model)))
    }

    /// What is to be said of the table, once.
    fn news(&mut self) -> Option<String> {
        if std::mem::replace(&mut self.told, true) {
            return None;
        }
        let path = self.file.as_deref().unwrap_or(Path::new("")).display();
        Some(match &self.trouble {
            Some(words) => {
                format!("{words}; until then the cost of a new model is unknown (cost.prices)")
            }
            None => format!("{path}: can be read again (cost.prices)"),
        })
    }
}

impl Shell {
    /// Says what is wrong with the table of prices, or that it is right again.
    pub(super) fn tell_prices(&mut self) {
        if let Some(words) = self.prices.news() {
            self.say_plain(&words);
        }
    }
}

/// Looks whether all of a table makes sense; gives the number of models in it.
///
/// # Errors
/// In words: the file, what is wrong there, and the way out.
pub fn check(path: &Path) -> Result<usize, String> {
    let checked = prices::check(&read(path)?).map_err(|wrong| placed(path, &wrong));
    host::give_back_heap();
    checked
}

fn read(path: &Path) -> Result<String, String> {
    let bytes = file::read(path, prices::LENGTH_MAX).map_err(|error| {
        let words = match error.kind() {
            ErrorKind::NotFound => "no such file; write it, or take cost.prices away".to_owned(),
            ErrorKind::InvalidInput => "not a file; name a table of prices".to_owned(),
            ErrorKind::FileTooLarge => {
                format!("longer than {} MiB; this is no table of prices", prices::LENGTH_MAX >> 20)
            }
            _ => format!("cannot be read: {error}; let the user that runs agentwatch read it"),
        };
        format!("{}: {words}", path.display())
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', good).count() + 1;
        format!("{}:{line}: not UTF-8; save it as UTF-8 text", path.display())
    })
}

fn placed(path: &Path, wrong: &prices::Wrong) -> String {
    let line = wrong.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{}{line}: {wrong}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Up {
        Up(Duration::from_secs(secs))
    }

    fn beat(model: &str) -> Beat {
        let (input_tokens, output_tokens) = (Some(1), Some(1));
        Beat { model: Some(model.into()), input_tokens, output_tokens, ..Beat::default() }
    }

    fn input(prices: &mut Prices, secs: u64, model: &str) -> Option<u64> {
        let mut beat = beat(model);
        prices.price(at(secs), &mut beat);
        beat.price.map(|price| price.base.input)
    }

    #[test]
    fn only_a_beat_that_needs_a_price_gets_one() {
        let mut prices = Prices::new(None);
        assert_eq!(input(&mut prices, 0, "claude-opus-5-5"), Some(4_000_000));
        for mut beat in [
            Beat { cost_usd: Some(0.0), ..beat("claude-opus-5-5") },
            Beat { model: Some("claude-opus-5-5".into()), ..Beat::default() },
            Beat { model: None, ..beat("") },
            beat("no-such-model"),
        ] {
            prices.price(at(0), &mut beat);
            assert_eq!(beat.price, None, "{beat:?}");
        }
    }

    #[test]
    fn made_up_names_take_neither_memory_nor_time() {
        let mut prices = Prices::new(None);
        for n in 0..1_000 {
            input(&mut prices, 0, &format!("gpt-{n}"));
        }
        assert_eq!(prices.known.len(), KEPT_MAX);
        assert_eq!(input(&mut prices, 59, "claude-opus-5-5"), None, "not looked for");
        assert_eq!(input(&mut prices, 60, "claude-opus-5-5"), Some(4_000_000));
        assert_eq!(prices.known.len(), KEPT_MAX);
        assert_eq!(input(&mut prices, 60, "claude-opus-5-5"), Some(4_000_000));
    }

    #[test]
    fn the_users_table_goes_before_ours_and_is_read_again_when_it_is_mended() {
        let path = std::env::temp_dir().join(format!("aw-prices-{}.toml", std::process::id()));
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("[claude-opus-5-5]\ninput = 1\noutput = 1\n");
        let mut prices = Prices::new(Some(path.clone()));
        assert_eq!(input(&mut prices, 0, "claude-opus-5-5"), Some(1_000_000));
        assert_eq!(input(&mut prices, 0, "gpt-6-sol"), Some(2_000_000), "from our own");
        assert_eq!(prices.news(), None);
        write("[mine]\ninput = 7\noutput = ");
        assert_eq!(input(&mut prices, 1, "claude-opus-5-5"), Some(1_000_000), "known already");
        assert_eq!(input(&mut prices, 1, "mine"), None);
        let words = prices.news().unwrap();
        assert!(words.contains(".toml:3: not TOML: "), "{words}");
        write("[mine]\ninput = 7\noutput = 8\n");
        assert_eq!((input(&mut prices, 60, "mine"), prices.news()), (None, None));
        assert_eq!(input(&mut prices, 61, "mine"), Some(7_000_000));
        assert!(prices.news().unwrap().ends_with("can be read again (cost.prices)"));
        assert_eq!(prices.news(), None);
        std::fs::remove_file(path).unwrap();
    }
}
