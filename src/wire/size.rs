//! Amounts of bytes as people write and read them: `50MB`, `10MiB`, `1GB`.

use std::fmt;

/// The units with their length in bytes: powers of ten as on a disk's label, powers of two with an `i`.
const UNITS: [(&str, u64); 10] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// The longest text that is read, in bytes: more than twice as many as 64 bits have digits. Whatever is
/// longer is none, and would be repeated in an error.
const TEXT_MAX: usize = 64;

/// Why a text is no size. The words are a predicate, so that the caller can put place, key and value
/// before them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SizeError {
    /// Nothing was written.
    Empty,
    /// Digits without a unit behind them.
    NoUnit {
        /// The digits.
        digits: String,
    },
    /// Letters that are none of the units.
    UnknownUnit {
        /// The letters as written.
        unit: String,
        /// The unit that was meant, perhaps.
        meant: Option<&'static str>,
    },
    /// `1.5GB`.
    Fraction,
    /// A sign, a space, or anything else that begins no number.
    NoNumber,
    /// More bytes than 64 bits count.
    TooLarge,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty; write a size such as \"50MB\""),
            Self::NoUnit { digits } => {
                write!(f, "has no unit; write \"{digits}MB\" or \"{digits}B\"")
            }
            Self::UnknownUnit { unit, meant } => {
                write!(f, "has the unknown unit \"{unit}\"; ")?;
                match meant {
                    Some(meant) => write!(f, "did you mean {meant}?"),
                    None => f.write_str("units are B, kB, MB, GB, TB, KiB, MiB, GiB and TiB"),
                }
            }
            Self::Fraction => f.write_str("has a fraction; write whole numbers, as in \"1500MB\""),
            Self::NoNumber => {
                f.write_str("is no size; write a number with a unit, as in \"50MB\" or \"10MiB\"")
            }
            Self::TooLarge => f.write_str("is too large"),
        }
    }
}

impl std::error::Error for SizeError {}

/// Parses a size in bytes: a whole number and one unit, without a space.
///
/// # Errors
/// No unit, an unknown one (`50M` could be either of two), a fraction, or more than 64 bits count.
pub fn parse(text: &str) -> Result<u64, SizeError> {
    if text.is_empty() {
        return Err(SizeError::Empty);
    }
    if TEXT_MAX < text.len() {
        return Err(SizeError::NoNumber);
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if digits.is_empty() {
        return Err(SizeError::NoNumber);
    }
    if unit.is_empty() {
        return Err(SizeError::NoUnit { digits: digits.to_owned() });
    }
    if unit.starts_with(['.', ',']) {
        return Err(SizeError::Fraction);
    }
    if !unit.chars().all(char::is_alphabetic) {
        return Err(SizeError::NoNumber);
    }
    let Some((_, bytes)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(SizeError::UnknownUnit { unit: unit.to_owned(), meant: meant(unit) });
    };
    // Digits only, so the one way to fail is a number beyond u64.
    digits.parse().ok().and_then(|n: u64| n.checked_mul(*bytes)).ok_or(SizeError::TooLarge)
}

/// `mb` and `M` are most likely megabytes.
fn meant(unit: &str) -> Option<&'static str> {
    let like = |name: &str| {
        name.eq_ignore_ascii_case(unit)
            || name.strip_suffix('B').is_some_and(|short| short.eq_ignore_ascii_case(unit))
    };
    UNITS.iter().map(|(name, _)| *name).filter(|name| *name != "B").find(|name| like(name))
}

/// Writes a size so that [`parse`] gives it back: with the largest unit that needs no fraction.
#[must_use]
pub fn exact(bytes: u64) -> String {
    let whole = |unit: &&(&str, u64)| bytes.is_multiple_of(unit.1) && unit.1 <= bytes;
    let largest = UNITS.iter().filter(|(name, _)| *name != "KB").filter(whole);
    let (name, unit) = largest.max_by_key(|(_, unit)| *unit).unwrap_or(&UNITS[0]);
    format!("{}{name}", bytes / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_understood_and_comes_back() {
        for (text, bytes, shown) in [
            ("0B", 0, "0B"),
            ("512B", 512, "512B"),
            ("4096B", 4096, "4KiB"),
            ("500kB", 500_000, "500kB"),
            ("500KB", 500_000, "500kB"),
            ("50MB", 50_000_000, "50MB"),
            ("10MiB", 10 << 20, "10MiB"),
            ("1GB", 1_000_000_000, "1GB"),
            ("2TiB", 2 << 40, "2TiB"),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
            assert_eq!(exact(bytes), shown);
            assert_eq!(parse(&exact(bytes)), Ok(bytes));
        }
    }

    #[test]
    fn what_is_no_size_is_refused_with_a_way_out() {
        for (text, words) in [
            ("", "is empty; write a size such as \"50MB\""),
            ("50", "has no unit; write \"50MB\" or \"50B\""),
            ("50M", "has the unknown unit \"M\"; did you mean MB?"),
            ("50mb", "has the unknown unit \"mb\"; did you mean MB?"),
            ("1gib", "has the unknown unit \"gib\"; did you mean GiB?"),
            (
                "3PB",
                "has the unknown unit \"PB\"; units are B, kB, MB, GB, TB, KiB, MiB, GiB and TiB",
            ),
            ("1.5GB", "has a fraction; write whole numbers, as in \"1500MB\""),
            ("-1MB", "is no size; write a number with a unit, as in \"50MB\" or \"10MiB\""),
            ("5 MB", "is no size; write a number with a unit, as in \"50MB\" or \"10MiB\""),
            ("lots", "is no size; write a number with a unit, as in \"50MB\" or \"10MiB\""),
            ("99999999999TB", "is too large"),
        ] {
            assert_eq!(parse(text).map_err(|error| error.to_string()), Err(words.to_owned()));
        }
        for text in ["9".repeat(1 << 20), format!("9{}", "x".repeat(1 << 20))] {
            assert!(parse(&text).unwrap_err().to_string().len() < 100);
        }
    }
}
