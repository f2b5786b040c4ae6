//! Durations as people write and read them: `500ms`, `10s`, `1h30m`, `2d`.

use std::fmt::{self, Write as _};
use std::time::Duration;

/// The longest duration that is understood: ten years of 365 days. Whoever writes more has
/// mistyped, and nothing downstream has to fear an overflow.
pub const MAX: Duration = Duration::from_hours(3_650 * 24);

/// The longest text that is read, in bytes: three times what [`exact`] writes at most. Whatever is longer
/// is none, and would be repeated in an error.
const TEXT_MAX: usize = 64;

/// The units, largest first, with their length in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is no duration. The words are a predicate (`has no unit; …`), so that the caller can
/// put place, key and value before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DurationError {
    /// Nothing was written.
    Empty,
    /// Digits without a unit behind them, and what they may have meant.
    NoUnit {
        /// Complete texts that would do, one or two.
        instead: Vec<String>,
    },
    /// Letters that are none of `ms s m h d`.
    UnknownUnit {
        /// The letters as written.
        unit: String,
    },
    /// A unit came twice, or after a smaller one.
    Order {
        /// The unit that came too late.
        unit: &'static str,
    },
    /// `1.5h` or `1,5h`.
    Fraction,
    /// A sign, a space, or anything else that begins no number.
    NoNumber,
    /// More than [`MAX`].
    TooLong,
}

impl fmt::Display for DurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty; write a duration such as \"60s\" or \"5m\""),
            Self::NoUnit { instead } => {
                write!(f, "has no unit; write \"{}\"", instead.join("\" or \""))
            }
            Self::UnknownUnit { unit } => {
                write!(f, "has the unknown unit \"{unit}\"; units are ms, s, m, h and d")
            }
            Self::Order { unit } => {
                write!(f, "has \"{unit}\" out of place; units go d, h, m, s, ms, each once")
            }
            Self::Fraction => f.write_str("has a fraction; write whole numbers, as in \"1h30m\""),
            Self::NoNumber => {
                f.write_str("is no duration; write numbers with units, as in \"60s\" or \"1h30m\"")
            }
            Self::TooLong => write!(f, "is too long; at most {}", exact(MAX)),
        }
    }
}

impl std::error::Error for DurationError {}

/// Parses a duration as people write it in flags and files: `500ms`, `10s`, `1h30m`, `2d`.
///
/// Units are `ms s m h d`, largest first, each at most once; `d` is 24 h, not a calendar day.
/// The grammar is systemd.time(7)'s without years, months and spaces, so that a value can move
/// between a unit file and ours unchanged.
///
/// # Errors
/// No unit (a bare `0` too), an unknown or repeated unit, a fraction, or more than [`MAX`]. The
/// caller adds the key, the value and the place.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    if TEXT_MAX < text.len() {
        return Err(DurationError::NoNumber);
    }
    let mut rest = text;
    let mut total = 0_u64;
    // The first unit that may still come; all before it are used up or too large.
    let mut next = 0;
    while !rest.is_empty() {
        let (digits, tail) = split(rest, |c| c.is_ascii_digit());
        if digits.is_empty() {
            return Err(DurationError::NoNumber);
        }
        if tail.is_empty() {
            return Err(match with_unit(text, next) {
                // Behind milliseconds no unit is left to suggest.
                instead if instead.is_empty() => DurationError::NoNumber,
                instead => DurationError::NoUnit { instead },
            });
        }
        if tail.starts_with(['.', ',']) {
            return Err(DurationError::Fraction);
        }
        let (word, tail) = split(tail, char::is_alphabetic);
        let Some(at) = UNITS.iter().position(|(unit, _)| *unit == word) else {
            if word.is_empty() {
                return Err(DurationError::NoNumber);
            }
            return Err(DurationError::UnknownUnit { unit: word.to_owned() });
        };
        let (unit, millis) = UNITS[at];
        if at < next {
            return Err(DurationError::Order { unit });
        }
        next = at + 1;
        // Digits only, so the one way to fail is a number beyond u64.
        let part = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(millis));
        total = part.and_then(|part| total.checked_add(part)).ok_or(DurationError::TooLong)?;
        rest = tail;
    }
    let total = Duration::from_millis(total);
    if total <= MAX { Ok(total) } else { Err(DurationError::TooLong) }
}

/// What a text that ends in bare digits may have meant, `next` being the first unit it may use.
fn with_unit(text: &str, next: usize) -> Vec<String> {
    match next {
        // Seconds and minutes are what nearly every setting is written in.
        0 => vec![format!("{text}s"), format!("{text}m")],
        // The unit below the last one: `1h30` is an hour and a half to anyone.
        _ => UNITS.get(next).map(|(unit, _)| format!("{text}{unit}")).into_iter().collect(),
    }
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// Writes a duration so that [`parse`] gives it back unchanged: `60s` as `1m`, 90.5 s as
/// `1m30s500ms`, nothing as `0s`. What is below a millisecond is dropped: no setting is finer.
#[must_use]
pub fn exact(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, millis) in UNITS {
        if rest >= millis {
            // Writing to a String cannot fail.
            let _ = write!(text, "{}{unit}", rest / millis);
            rest %= millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Writes a duration for people, with at most two neighbouring units and cut, not rounded:
/// `500ms`, `1.5s`, `42s`, `1m30s`, `1h32m`, `2d`; nothing is `0s`.
///
/// The result may say less than `duration` holds; [`exact`] does not.
#[must_use]
pub fn show(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let tenths = millis / 100 % 10;
    // Under ten seconds a tenth is worth reading, and "1s500ms" is not.
    if (1_000..10_000).contains(&millis) && tenths > 0 {
        return format!("{}.{tenths}s", millis / 1_000);
    }
    let largest = UNITS.iter().position(|(_, unit)| millis >= *unit);
    let Some((_, second)) = largest.and_then(|at| UNITS.get(at + 1)) else {
        return exact(duration);
    };
    // Nobody reads the milliseconds behind seconds.
    let keep = (*second).max(1_000);
    exact(Duration::from_millis(millis / keep * keep))
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000;
    const M: u64 = 60 * S;
    const H: u64 = 60 * M;
    const D: u64 = 24 * H;

    #[test]
    fn what_people_write_is_understood() {
        for (text, millis) in [
            ("500ms", 500),
            ("0s", 0),
            ("0ms", 0),
            ("10s", 10 * S),
            ("60s", M),
            ("1m30s", M + 30 * S),
            ("5m", 5 * M),
            ("1h30m", H + 30 * M),
            ("2d", 2 * D),
            ("1d2h3m4s5ms", D + 2 * H + 3 * M + 4 * S + 5),
            ("90m", 90 * M),
            ("007s", 7 * S),
            ("3650d", 3_650 * D),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_a_way_out() {
        for (text, words) in [
            ("", "is empty; write a duration such as \"60s\" or \"5m\""),
            ("60", "has no unit; write \"60s\" or \"60m\""),
            ("0", "has no unit; write \"0s\" or \"0m\""),
            ("1h30", "has no unit; write \"1h30m\""),
            ("1m30", "has no unit; write \"1m30s\""),
            ("1s5", "has no unit; write \"1s5ms\""),
            ("5min", "has the unknown unit \"min\"; units are ms, s, m, h and d"),
            ("5M", "has the unknown unit \"M\"; units are ms, s, m, h and d"),
            ("1w", "has the unknown unit \"w\"; units are ms, s, m, h and d"),
            ("5s1m", "has \"m\" out of place; units go d, h, m, s, ms, each once"),
            ("5s5s", "has \"s\" out of place; units go d, h, m, s, ms, each once"),
            ("1.5h", "has a fraction; write whole numbers, as in \"1h30m\""),
            ("1,5h", "has a fraction; write whole numbers, as in \"1h30m\""),
            ("-5s", "is no duration; write numbers with units, as in \"60s\" or \"1h30m\""),
            ("5 s", "is no duration; write numbers with units, as in \"60s\" or \"1h30m\""),
            (" 5s", "is no duration; write numbers with units, as in \"60s\" or \"1h30m\""),
            ("s", "is no duration; write numbers with units, as in \"60s\" or \"1h30m\""),
            ("٣s", "is no duration; write numbers with units, as in \"60s\" or \"1h30m\""),
            ("3651d", "is too long; at most 3650d"),
            ("99999999999999999999s", "is too long; at most 3650d"),
            ("18446744073709551615d", "is too long; at most 3650d"),
        ] {
            let error = parse(text).map(show).map_err(|error| error.to_string());
            assert_eq!(error, Err(words.to_owned()), "{text:?}");
        }
        assert_eq!(parse("5ms5"), Err(DurationError::NoNumber), "no unit is left to suggest");
    }

    #[test]
    fn what_is_too_long_to_be_one_is_not_repeated() {
        for text in ["9".repeat(1 << 20), format!("9{}", "x".repeat(1 << 20))] {
            assert!(parse(&text).unwrap_err().to_string().len() < 100);
        }
    }

    #[test]
    fn exact_is_the_inverse_of_parse() {
        let mut seed = 0x5eed_u64;
        let random = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Shifted by a varying amount, so that every magnitude comes up.
            (seed >> (seed >> 58)) % (3_650 * D)
        });
        for millis in [0, 1, 999, S, S + 1, M, H, D, 3_650 * D].into_iter().chain(random.take(500))
        {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse(&exact(duration)), Ok(duration), "{}", exact(duration));
        }
    }

    #[test]
    fn people_read_at_most_two_units() {
        for (millis, text) in [
            (0, "0s"),
            (1, "1ms"),
            (500, "500ms"),
            (999, "999ms"),
            (S, "1s"),
            (S + 50, "1s"),
            (1_500, "1.5s"),
            (9_990, "9.9s"),
            (10_500, "10s"),
            (42 * S, "42s"),
            (M, "1m"),
            (M + 500, "1m"),
            (90 * S, "1m30s"),
            (5 * M, "5m"),
            (H + 32 * M + 10 * S, "1h32m"),
            (H + 59 * S, "1h"),
            (2 * D, "2d"),
            (2 * D + 5 * M, "2d"),
            (2 * D + 3 * H + 5 * M, "2d3h"),
        ] {
            assert_eq!(show(Duration::from_millis(millis)), text);
        }
        assert_eq!(show(Duration::from_micros(900)), "0s");
    }
}
